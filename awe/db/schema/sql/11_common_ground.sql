-- What PostgreSQL leaves open to everybody and nobody here needs; run in every database of ours.
-- Large objects lie outside all policies; advisory locks fill a table that all sessions share;
-- messages in the log of changes fill the disk.
-- Who is logged in and what they do is for people with a login of their own.
DO $$
DECLARE
  f record;
BEGIN
  FOR f IN SELECT p.oid::regprocedure AS name, r.for_logins
             FROM pg_proc p JOIN (VALUES
               ('^(lo_|lowrite$|pg_(try_)?advisory|pg_logical_emit_message$)', false),
               ('^(pg_stat_get_(activity|backend_.*|progress_info)|pg_lock_status)$', true)
             ) r(pattern, for_logins) ON p.proname ~ r.pattern
            WHERE p.pronamespace = 'pg_catalog'::regnamespace LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f.name);
    IF f.for_logins THEN
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO awe_user, awe_admin, awe_rolemaker, awe_warden, '
                     'awe_dataserver, awe_runner', f.name);
    END IF;
  END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION pg_advisory_xact_lock(int, int) TO awe_kernel;
-- One awe-server serves a database: the one that holds this lock.
GRANT EXECUTE ON FUNCTION pg_try_advisory_lock(bigint) TO awe_dataserver;
