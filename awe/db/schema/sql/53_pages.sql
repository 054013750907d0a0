-- The pages act as the person who looks at them: a login of the database for each session, which can
-- become that person and nobody else, as those of jobs do. Policies decide, not the pages.
GRANT CREATE ON SCHEMA awe TO awe_rolemaker;
DROP POLICY IF EXISTS maker ON awe.ticket;
CREATE POLICY maker ON awe.ticket FOR SELECT TO awe_rolemaker
  USING (file IS NULL AND job IS NULL AND page IS DISTINCT FROM 'login');
GRANT SELECT (hash, user_id, file, job, page, expires) ON awe.ticket TO awe_rolemaker;
SET ROLE awe_rolemaker;

-- Of this database: logins are those of the whole server.
CREATE OR REPLACE FUNCTION awe.page_name(session bytea) RETURNS name LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
  RETURN format('page_%s_%s', (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()),
                left(encode(sha256(session), 'hex'), 24));

-- Whom a session is of, and the login it has from now on; no row for one that is not alive. Only a
-- SCRAM verifier arrives here, which is of the name of the login.
CREATE OR REPLACE FUNCTION awe.page_login(session bytea, verifier text)
RETURNS TABLE (login name, person name)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  until timestamptz;
BEGIN
  PERFORM awe.check_verifier(verifier);
  SELECT u.role_name, k.expires INTO person, until FROM awe.ticket k JOIN awe.users u ON u.id = k.user_id
   WHERE k.hash = session AND k.expires > now() AND u.removed IS NULL
     AND k.file IS NULL AND k.job IS NULL AND k.page IS DISTINCT FROM 'login';
  IF person IS NULL THEN
    RETURN;
  END IF;
  login := awe.page_name(session);
  PERFORM awe.login_drop(login);
  EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT CONNECTION LIMIT 6 PASSWORD %L VALID UNTIL %L '
                 'IN ROLE %I', login, verifier, until, person);
  RETURN NEXT;
END $$;

CREATE OR REPLACE FUNCTION awe.page_logout(session bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM awe.login_drop(awe.page_name(session));
END $$;

-- Drops the logins of sessions that ended; all of them when awe-server starts, which gave none yet.
CREATE OR REPLACE FUNCTION awe.page_sweep(every bool) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  login name;
  swept int := 0;
  mine text := left(awe.page_name(''), -24);
BEGIN
  FOR login IN SELECT r.rolname FROM pg_roles r WHERE starts_with(r.rolname::text, mine)
                  AND (every OR r.rolvaliduntil < now()) LOOP
    PERFORM awe.login_drop(login);
    swept := swept + 1;
  END LOOP;
  RETURN swept;
END $$;
REVOKE ALL ON FUNCTION awe.page_name(bytea), awe.page_login(bytea, text),
  awe.page_logout(bytea), awe.page_sweep(bool) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION awe.page_login(bytea, text), awe.page_logout(bytea),
  awe.page_sweep(bool) TO awe_dataserver;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_rolemaker;
