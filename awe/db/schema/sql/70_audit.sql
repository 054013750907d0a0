-- What was published, deleted, judged or opened to others, by whom and when; and the trash.
-- Both are written by definer functions alone: nobody edits history, not even the tables' owner.
SET ROLE awe_owner;

CREATE TABLE IF NOT EXISTS awe.audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  user_id int,                          -- who did it; empty: the administrator
  login name NOT NULL,                  -- the session's login, a job's own login included
  action text NOT NULL CHECK (action IN ('publish', 'validity', 'delete', 'membership', 'release')),
  relation text NOT NULL,
  object_id uuid,
  concerns int,                         -- creator of the object, or the member
  project int,
  before jsonb,
  after jsonb);
CREATE INDEX IF NOT EXISTS audit_object ON awe.audit (object_id);
CREATE INDEX IF NOT EXISTS audit_user ON awe.audit (user_id, at);
ALTER TABLE awe.audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.audit FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS see ON awe.audit;
CREATE POLICY see ON awe.audit FOR SELECT TO awe_user USING (
  user_id = (SELECT awe.uid()) OR concerns = (SELECT awe.uid())
  OR (coalesce(after ->> '_privileges', before ->> '_privileges', '2')::int >= 2
      AND project = ANY ((SELECT awe.my_managed())::int[])));
DROP POLICY IF EXISTS see_all ON awe.audit;
CREATE POLICY see_all ON awe.audit FOR SELECT TO awe_admin USING (true);
DROP POLICY IF EXISTS kernel ON awe.audit;
CREATE POLICY kernel ON awe.audit FOR INSERT TO awe_kernel WITH CHECK (true);
GRANT SELECT ON awe.audit TO awe_user, awe_admin;
GRANT INSERT ON awe.audit TO awe_kernel;

-- Rows as they were, for seven days; only their creator sees them and can bring them back.
CREATE TABLE IF NOT EXISTS awe.trash (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  deleted timestamptz NOT NULL DEFAULT now(),
  user_id int NOT NULL,
  relation text NOT NULL,
  object_id uuid NOT NULL,
  content jsonb NOT NULL);
CREATE INDEX IF NOT EXISTS trash_object ON awe.trash (object_id);
ALTER TABLE awe.trash ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.trash FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own ON awe.trash;
CREATE POLICY own ON awe.trash FOR SELECT TO awe_user USING (
  user_id = (SELECT awe.uid()) AND deleted > now() - interval '7 days');
DROP POLICY IF EXISTS kernel ON awe.trash;
CREATE POLICY kernel ON awe.trash FOR INSERT TO awe_kernel WITH CHECK (true);
GRANT SELECT ON awe.trash TO awe_user;
DROP POLICY IF EXISTS sweep ON awe.trash;
CREATE POLICY sweep ON awe.trash FOR DELETE TO awe_kernel USING (
  deleted < now() - interval '7 days' OR user_id = awe.caller());
DROP POLICY IF EXISTS sweep_see ON awe.trash;
CREATE POLICY sweep_see ON awe.trash FOR SELECT TO awe_kernel USING (
  deleted < now() - interval '7 days' OR user_id = awe.caller());
DROP POLICY IF EXISTS sweep_lock ON awe.trash;
CREATE POLICY sweep_lock ON awe.trash FOR UPDATE TO awe_kernel USING (deleted < now() - interval '7 days');
GRANT INSERT, DELETE, SELECT (id, deleted, user_id, object_id), UPDATE (deleted) ON awe.trash TO awe_kernel;

-- Bring back what was deleted together with these objects; each row passes the usual policies.
CREATE OR REPLACE FUNCTION awe.undelete(ids uuid[]) RETURNS int LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  entry record;
  columns text;
  restored int := 0;
BEGIN
  -- What was deleted last is what the others referred to; lists come after their owners.
  FOR entry IN SELECT d.* FROM awe.trash d WHERE d.object_id = ANY (ids)
                ORDER BY d.content ? 'object_id' DESC, d.id DESC LOOP
    SELECT string_agg(format('%I', a.attname), ', ') INTO columns FROM pg_attribute a
     WHERE a.attrelid = entry.relation::regclass AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attgenerated = '';
    EXECUTE format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, $1)',
                   entry.relation::regclass, columns) USING entry.content;
    restored := restored + CASE WHEN entry.content ? 'object_id' THEN 1 ELSE 0 END;
  END LOOP;
  PERFORM awe.trash_forget(ids);
  PERFORM awe.comments_back(ids);
  RETURN restored;
END $$;
GRANT EXECUTE ON FUNCTION awe.undelete(uuid[]) TO awe_user;
RESET ROLE;

GRANT CREATE ON SCHEMA awe TO awe_kernel;
SET ROLE awe_kernel;

CREATE OR REPLACE FUNCTION awe.record(what text, relation text, object uuid, concerns int, project int, before jsonb, after jsonb)
RETURNS void LANGUAGE sql
BEGIN ATOMIC
  INSERT INTO awe.audit (user_id, login, action, relation, object_id, concerns, project, before, after)
  VALUES (awe.caller(), session_user, what, relation, object, concerns, project, before, after);
END;

CREATE OR REPLACE FUNCTION awe.record_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  relation text := format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME);
  old_row jsonb := to_jsonb(OLD);
  before jsonb;
  after jsonb;
BEGIN
  IF TG_OP = 'DELETE' THEN
    PERFORM awe.record('delete', relation, OLD.object_id, OLD._creator, OLD._project, old_row, NULL);
    IF awe.caller() = OLD._creator THEN
      INSERT INTO awe.trash (user_id, relation, object_id, content)
      VALUES (OLD._creator, relation, OLD.object_id, old_row);
    END IF;
    -- what people wrote about it is its creator's alone until it comes back or is forgotten
    UPDATE awe.comment c SET _before = c._privileges, _privileges = 1, _gone = now() AT TIME ZONE 'UTC'
     WHERE c.about = OLD.object_id AND c._gone IS NULL;
    RETURN NULL;
  END IF;
  SELECT jsonb_object_agg(o.key, o.value), jsonb_object_agg(o.key, n.value) INTO before, after
    FROM jsonb_each(old_row) o JOIN jsonb_each(to_jsonb(NEW)) n USING (key)
   WHERE o.value IS DISTINCT FROM n.value;
  IF before IS NOT NULL THEN
    IF before ? '_privileges' THEN
      UPDATE awe.comment c SET _privileges = NEW._privileges WHERE c.about = NEW.object_id;
    END IF;
    PERFORM awe.record(CASE WHEN before ? '_privileges' THEN 'publish' ELSE 'validity' END,
                       relation, NEW.object_id, NEW._creator, NEW._project, before,
                       after || jsonb_build_object('_privileges', NEW._privileges));
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION awe.record_link() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF awe.caller() IS NOT NULL THEN
    INSERT INTO awe.trash (user_id, relation, object_id, content)
    VALUES (awe.caller(), format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME), OLD.owner, to_jsonb(OLD));
  END IF;
  RETURN NULL;
END $$;

-- What nobody can bring back any more is forgotten.
CREATE OR REPLACE FUNCTION awe.ds_sweep_trash() RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  DELETE FROM awe.trash WHERE id IN (
    SELECT d.id FROM awe.trash d WHERE d.deleted < now() - interval '7 days' FOR UPDATE SKIP LOCKED);
END;

-- One's own trash, forgotten: what was brought back, and what nobody is to bring back.
CREATE OR REPLACE FUNCTION awe.trash_forget(ids uuid[]) RETURNS int LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone int;
BEGIN
  DELETE FROM awe.trash d WHERE d.object_id = ANY (ids) AND d.user_id = awe.caller();
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_kernel;
GRANT EXECUTE ON FUNCTION awe.ds_sweep_trash() TO awe_dataserver;
GRANT EXECUTE ON FUNCTION awe.trash_forget(uuid[]) TO awe_user;
GRANT EXECUTE ON FUNCTION awe.record_change(), awe.record_link() TO awe_owner;
