-- What PostgreSQL leaves open to everybody and nobody here needs; run in every database of ours.
-- Large objects lie outside all policies; advisory locks fill a table that all sessions share;
-- messages in the log of changes fill the disk.
DO $$
DECLARE
  f regprocedure;
BEGIN
  FOR f IN SELECT p.oid::regprocedure FROM pg_proc p
            WHERE p.pronamespace = 'pg_catalog'::regnamespace
              AND p.proname ~ '^(lo_|lowrite$|pg_(try_)?advisory|pg_logical_emit_message$)' LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
  END LOOP;
END $$;
-- Who is logged in and what they do is for people with a login of their own.
DO $$
DECLARE
  f regprocedure;
BEGIN
  FOR f IN SELECT p.oid::regprocedure FROM pg_proc p
            WHERE p.pronamespace = 'pg_catalog'::regnamespace
              AND p.proname ~ '^(pg_stat_get_(activity|backend_.*|progress_info)|pg_lock_status)$' LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO awe_user, awe_admin, awe_rolemaker, awe_warden, '
                   'awe_dataserver, awe_runner', f);
  END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION pg_advisory_xact_lock(int, int) TO awe_kernel;
-- One awe-server serves a database: the one that holds this lock.
GRANT EXECUTE ON FUNCTION pg_try_advisory_lock(bigint) TO awe_dataserver;
