ALTER TABLE awe.audit DROP CONSTRAINT IF EXISTS audit_action_check;
ALTER TABLE awe.audit ADD CONSTRAINT audit_action_check
  CHECK (action IN ('publish', 'validity', 'delete', 'membership', 'release'));
