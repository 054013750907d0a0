-- Roles of the whole cluster; run as the superuser, harmless when repeated.
-- Nobody logs in as the owner of a table, nor as the owner of a SECURITY DEFINER function.
DO $$
DECLARE
  wanted text[] := ARRAY[
    ['awe_owner',      'NOLOGIN NOINHERIT'],             -- owns every table
    ['awe_world',      'NOLOGIN'],                       -- may read level 4 and above
    ['awe_user',       'NOLOGIN IN ROLE awe_world'],     -- every registered person
    ['awe_admin',      'NOLOGIN'],                       -- may make users and projects
    ['awe_kernel',     'NOLOGIN NOINHERIT'],             -- owns the definer functions
    ['awe_rolemaker',  'NOLOGIN NOINHERIT CREATEROLE'],  -- owns those that make logins
    ['awe_release',    'NOLOGIN NOINHERIT'],             -- raises levels when a proprietary period ends
    ['awe_warden',     'NOLOGIN IN ROLE pg_signal_backend, pg_read_all_stats'],  -- ends sessions
    ['awe_dataserver', 'LOGIN NOINHERIT CONNECTION LIMIT 40'],
    ['awe_runner',     'LOGIN NOINHERIT CONNECTION LIMIT 40'],
    ['awe_pages',      'LOGIN IN ROLE awe_world CONNECTION LIMIT 20'],  -- the web pages of whoever is not logged in
    ['anonymous',      'LOGIN IN ROLE awe_world CONNECTION LIMIT 20']];
  i int;
BEGIN
  FOR i IN 1 .. array_length(wanted, 1) LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = wanted[i][1]) THEN
      EXECUTE format('CREATE ROLE %I %s', wanted[i][1], wanted[i][2]);
    END IF;
  END LOOP;
END $$;
GRANT awe_user TO awe_rolemaker WITH ADMIN OPTION;
-- Seats that people cannot take: the services' own, and those of whoever looks after it all.
DO $$
BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'pg_use_reserved_connections') THEN
    EXECUTE 'GRANT pg_use_reserved_connections TO awe_admin, awe_dataserver, awe_runner, awe_pages '
            'WITH INHERIT TRUE';
  END IF;
END $$;
-- Whoever is in may change password and settings of their own login; this one is shared by all the
-- world, so every start gives it back what it was made with.
DO $$
DECLARE
  place name;
BEGIN
  FOR place IN SELECT d.datname FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
                WHERE s.setrole = 'anonymous'::regrole LOOP
    EXECUTE format('ALTER ROLE anonymous IN DATABASE %I RESET ALL', place);
  END LOOP;
END $$;
ALTER ROLE anonymous RESET ALL;
ALTER ROLE anonymous SET statement_timeout = '1min';
ALTER ROLE anonymous SET idle_in_transaction_session_timeout = '1min';
-- People have no business in the databases that come with the server.
REVOKE CONNECT, TEMP ON DATABASE postgres, template1 FROM PUBLIC;
