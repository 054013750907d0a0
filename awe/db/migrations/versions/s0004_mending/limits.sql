-- Rights that gave locks on the services' tables; the files run afterwards give functions instead.
REVOKE DELETE ON awe.ticket, awe.trash, awe.saved_query FROM awe_user;
REVOKE UPDATE (cancel) ON awe.job FROM awe_user;
DROP POLICY IF EXISTS stop ON awe.job;
DROP POLICY IF EXISTS empty_own ON awe.trash;
DROP POLICY IF EXISTS drop_own ON awe.saved_query;
DROP FUNCTION IF EXISTS awe.job_claim(text, interval, text[]);
-- Temporary tables escape every limit of disk space.
DO $$
BEGIN
  EXECUTE format('REVOKE TEMP ON DATABASE %I FROM awe_user', current_database());
END $$;
