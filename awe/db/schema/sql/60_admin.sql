-- People and projects are changed through these functions only. Passwords arrive as SCRAM
-- verifiers computed by the client, so that no password is ever in a statement or a log.
GRANT CREATE ON SCHEMA awe TO awe_kernel, awe_rolemaker;
SET ROLE awe_rolemaker;

CREATE OR REPLACE FUNCTION awe.check_verifier(verifier text) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF verifier !~ '^SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$' THEN
    RAISE EXCEPTION 'a SCRAM verifier is required' USING ERRCODE = 'AW021';
  END IF;
END $$;

CREATE OR REPLACE FUNCTION awe.user_create(name text, verifier text, full_name text) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  number int;
BEGIN
  IF name !~ '^[a-z][a-z0-9_]{0,30}$' OR name ~ '^(awe_|pg_|job_|page_[0-9]|postgres$|anonymous$|public$|none$)' THEN
    RAISE EXCEPTION 'user name % is not allowed: small letters, digits and _, at most 31', quote_literal(name)
      USING ERRCODE = 'AW022';
  END IF;
  IF EXISTS (SELECT 1 FROM awe.users u WHERE u.role_name = name) THEN
    RAISE EXCEPTION 'there is or was a user %; names are not given twice', name USING ERRCODE = 'AW023';
  END IF;
  PERFORM awe.check_verifier(verifier);
  EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L CONNECTION LIMIT 50 IN ROLE awe_user', name, verifier);
  IF current_setting('server_version_num')::int < 160000 THEN
    EXECUTE format('GRANT %I TO awe_rolemaker WITH ADMIN OPTION', name);
  END IF;
  EXECUTE format('ALTER ROLE %I SET statement_timeout = ''10min''', name);
  EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = ''10min''', name);
  INSERT INTO awe.users (role_name, full_name) VALUES (name, full_name) RETURNING id INTO number;
  RETURN number;
END $$;

CREATE OR REPLACE FUNCTION awe.user_password(name text, verifier text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM awe.check_verifier(verifier);
  IF NOT EXISTS (SELECT 1 FROM awe.users u WHERE u.role_name = name AND u.removed IS NULL) THEN
    RAISE EXCEPTION 'there is no user %', name USING ERRCODE = 'AW024';
  END IF;
  EXECUTE format('ALTER ROLE %I PASSWORD %L', name, verifier);
END $$;

-- How high the priority of a person's jobs may be; what waits in the queue follows at once.
CREATE OR REPLACE FUNCTION awe.user_priority(name text, most int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE awe.users u SET max_priority = most WHERE u.role_name = name AND u.removed IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no user %', name USING ERRCODE = 'AW024';
  END IF;
END $$;

-- The login goes, the objects and the name stay: nobody can come back as somebody who left.
CREATE OR REPLACE FUNCTION awe.user_remove(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE awe.users u SET removed = now() WHERE u.role_name = name AND u.removed IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no user %', name USING ERRCODE = 'AW024';
  END IF;
  -- Default privileges that name it would keep it there.
  IF current_setting('server_version_num')::int >= 160000 AND EXISTS (
       SELECT 1 FROM pg_roles r WHERE r.rolname = user_remove.name) THEN
    EXECUTE format('GRANT %I TO awe_rolemaker WITH INHERIT TRUE', name);
    EXECUTE format('DROP OWNED BY %I', name);
  END IF;
  EXECUTE format('DROP ROLE IF EXISTS %I', name);
END $$;
RESET ROLE;

SET ROLE awe_kernel;

CREATE OR REPLACE FUNCTION awe.project_create(name text, description text, instrument text, is_public bool,
                                   max_privileges int, default_privileges int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  number int;
BEGIN
  INSERT INTO awe.project (name, description, instrument, is_public, max_privileges, default_privileges)
  VALUES (name, description, instrument, is_public, max_privileges, default_privileges) RETURNING id INTO number;
  RETURN number;
END $$;

-- Managers may change the description and the default level; the rest is the administrator's.
CREATE OR REPLACE FUNCTION awe.project_change(project_name text, changes jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found awe.project;
  allowed text[] := '{description,default_privileges}';
  word text;
BEGIN
  SELECT * INTO found FROM awe.project p WHERE p.name = project_name;
  IF NOT awe.manages(found.id) THEN
    RAISE EXCEPTION 'you do not manage project %', project_name USING ERRCODE = 'AW030';
  END IF;
  IF awe.caller_is_admin() THEN allowed := allowed || '{instrument,is_public,max_privileges}'; END IF;
  FOR word IN SELECT jsonb_object_keys(changes) LOOP
    IF word <> ALL (allowed) THEN
      RAISE EXCEPTION 'you cannot change % of project %; you can: %', word, project_name,
        array_to_string(allowed, ', ') USING ERRCODE = 'AW031';
    END IF;
  END LOOP;
  found := jsonb_populate_record(found, changes);
  UPDATE awe.project p SET description = found.description, instrument = found.instrument,
    is_public = found.is_public, max_privileges = found.max_privileges,
    default_privileges = found.default_privileges WHERE p.id = found.id;
END $$;

CREATE OR REPLACE FUNCTION awe.manages(project int) RETURNS bool LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT project IS NOT NULL AND (awe.caller_is_admin() OR EXISTS (SELECT 1 FROM awe.member m
    WHERE m.project_id = project AND m.user_id = awe.caller() AND m.is_manager));
END;

CREATE OR REPLACE FUNCTION awe.member_add(project_name text, user_name text, manager bool) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  project int := (SELECT p.id FROM awe.project p WHERE p.name = project_name);
  person int := (SELECT u.id FROM awe.users u WHERE u.role_name = user_name AND u.removed IS NULL);
BEGIN
  IF NOT awe.manages(project) THEN
    RAISE EXCEPTION 'you do not manage project %', project_name USING ERRCODE = 'AW030';
  END IF;
  IF person IS NULL THEN
    RAISE EXCEPTION 'there is no user %', user_name USING ERRCODE = 'AW024';
  END IF;
  INSERT INTO awe.member VALUES (person, project, manager)
    ON CONFLICT (user_id, project_id) DO UPDATE SET is_manager = excluded.is_manager;
  PERFORM awe.record('membership', 'project', NULL, person, project, NULL,
                     jsonb_build_object('user', user_name, 'manager', manager));
END $$;

CREATE OR REPLACE FUNCTION awe.member_remove(project_name text, user_name text) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  project int := (SELECT p.id FROM awe.project p WHERE p.name = project_name);
  person int := (SELECT u.id FROM awe.users u WHERE u.role_name = user_name);
BEGIN
  IF NOT awe.manages(project) THEN
    RAISE EXCEPTION 'you do not manage project %', project_name USING ERRCODE = 'AW030';
  END IF;
  DELETE FROM awe.member m WHERE m.project_id = project AND m.user_id = person;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM awe.record('membership', 'project', NULL, person, project,
                     jsonb_build_object('user', user_name), NULL);
  RETURN true;
END $$;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_kernel, awe_rolemaker;
GRANT EXECUTE ON FUNCTION awe.user_create(text, text, text), awe.user_password(text, text), awe.user_remove(text),
  awe.user_priority(text, int), awe.project_create(text, text, text, bool, int, int) TO awe_admin;
GRANT EXECUTE ON FUNCTION awe.project_change(text, jsonb), awe.member_add(text, text, bool),
  awe.member_remove(text, text), awe.manages(int) TO awe_user, awe_admin;
