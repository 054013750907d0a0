-- Rights that gave locks on the services' tables; the files run afterwards give functions instead.
REVOKE DELETE ON awe.ticket, awe.trash, awe.saved_query FROM awe_user;
REVOKE UPDATE (cancel) ON awe.job FROM awe_user;
DROP POLICY IF EXISTS stop ON awe.job;
DROP POLICY IF EXISTS empty_own ON awe.trash;
DROP POLICY IF EXISTS drop_own ON awe.saved_query;
DROP FUNCTION IF EXISTS awe.job_claim(text, interval, text[]);
-- Ranges of validity that hold nothing: never chosen, and refused from now on. They become no range.
DO $$
DECLARE
  t regclass;
  n bigint;
BEGIN
  FOR t IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'awe'::regnamespace AND c.relkind = 'r'
            AND 2 = (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
                       AND a.attname IN ('timestamp_start', 'timestamp_end')
                       AND a.atttypid = 'timestamp'::regtype) LOOP
    EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', t);
    EXECUTE format('UPDATE %s SET timestamp_start = NULL, timestamp_end = NULL
                     WHERE num_nonnulls(timestamp_start, timestamp_end) = 1
                        OR timestamp_start >= timestamp_end', t);
    GET DIAGNOSTICS n = ROW_COUNT;
    EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', t);
    IF n > 0 THEN
      RAISE WARNING '%: % objects had an empty or open range of validity; they have none now', t, n;
    END IF;
  END LOOP;
END $$;
-- Temporary tables escape every limit of disk space.
DO $$
BEGIN
  EXECUTE format('REVOKE TEMP ON DATABASE %I FROM awe_user', current_database());
END $$;
