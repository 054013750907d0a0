-- How many bytes of files a person, or a project, may have. A person is charged for what they store,
-- until its bytes are gone: seven days after the object was deleted. A project is charged for the
-- files of the objects in it. Who has no row of their own has that for everybody, if there is one.
SET ROLE awe_owner;
CREATE TABLE IF NOT EXISTS awe.quota (
  user_id int UNIQUE REFERENCES awe.users,
  project_id int UNIQUE REFERENCES awe.project,
  most bigint NOT NULL CHECK (most >= 0),
  -- counted up by whoever is measured against it, so that they are measured one after the other,
  -- whatever isolation their transaction has
  measured bigint NOT NULL DEFAULT 0,
  CHECK (num_nonnulls(user_id, project_id) <= 1));
CREATE UNIQUE INDEX IF NOT EXISTS quota_for_everybody ON awe.quota ((true))
  WHERE user_id IS NULL AND project_id IS NULL;
CREATE INDEX IF NOT EXISTS file_creator ON awe.file (creator) INCLUDE (size);
CREATE INDEX IF NOT EXISTS file_project ON awe.file (_project) INCLUDE (size) WHERE state = 'linked';
ALTER TABLE awe.quota ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.quota FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS kernel ON awe.quota;
CREATE POLICY kernel ON awe.quota TO awe_kernel USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON awe.quota TO awe_kernel;
RESET ROLE;

GRANT CREATE ON SCHEMA awe TO awe_kernel;
SET ROLE awe_kernel;

-- Bytes a person may have more; NULL where nothing limits them. With `hold` whoever asks next waits.
CREATE OR REPLACE FUNCTION awe.room_of(person int, hold bool) RETURNS bigint LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found awe.quota;
BEGIN
  SELECT q.* INTO found FROM awe.quota q
   WHERE q.user_id = person OR (q.user_id IS NULL AND q.project_id IS NULL) ORDER BY q.user_id LIMIT 1;
  IF found.most IS NULL THEN RETURN NULL; END IF;
  IF hold THEN
    UPDATE awe.quota q SET measured = q.measured + 1
     WHERE q.user_id = found.user_id OR (found.user_id IS NULL AND q.user_id IS NULL AND q.project_id IS NULL)
    RETURNING q.most INTO found.most;
  END IF;
  RETURN found.most - (SELECT coalesce(sum(f.size), 0) FROM awe.file f WHERE f.creator = person);
END $$;

-- Why a reserved file of that many bytes is not taken; NULL if it is.
CREATE OR REPLACE FUNCTION awe.ds_room(fid uuid, sz bigint) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  person int := (SELECT f.creator FROM awe.file f WHERE f.id = fid);
  room bigint := awe.room_of(person, false);
BEGIN
  IF room IS NULL OR sz <= room THEN RETURN NULL; END IF;
  RETURN format('the quota of %s has room for %s more and this is %s: delete what you do not need, which counts '
    'until seven days later, or ask the administrator for awe-admin quota',
    (SELECT upper(u.role_name) FROM awe.users u WHERE u.id = person), pg_size_pretty(greatest(room, 0)), pg_size_pretty(sz));
END $$;

-- A file that came and is not taken: given up, unless it was stored meanwhile.
CREATE OR REPLACE FUNCTION awe.ds_refuse(fid uuid) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE awe.file SET state = 'trash', trashed = '-infinity', size = 0, sha256 = sha256('')
   WHERE id = fid AND state = 'open';
  RETURN FOUND;
END $$;

-- An object takes its file into its project: who commits next into one with a quota waits for the end
-- of this transaction.
CREATE OR REPLACE FUNCTION awe.check_quota(project int) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  allowed bigint;
BEGIN
  UPDATE awe.quota q SET measured = q.measured + 1 WHERE q.project_id = project RETURNING q.most INTO allowed;
  IF allowed < (SELECT sum(f.size) FROM awe.file f WHERE f._project = project AND f.state = 'linked') THEN
    RAISE EXCEPTION 'the files of project % would be more than the % it may have: delete what it does not need, or ask '
      'the administrator for awe-admin quota', (SELECT p.name FROM awe.project p WHERE p.id = project),
      pg_size_pretty(allowed) USING ERRCODE = 'AW017';
  END IF;
END $$;

-- What one has, and what the projects have that one manages, each person in them apart.
CREATE OR REPLACE FUNCTION awe.usage()
RETURNS TABLE (project text, person text, files bigint, bytes bigint, most bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT NULL::text, upper(u.role_name), count(f.id), coalesce(sum(f.size), 0)::bigint,
         (SELECT q.most FROM awe.quota q WHERE q.user_id = u.id OR (q.user_id IS NULL AND q.project_id IS NULL)
           ORDER BY q.user_id LIMIT 1)
    FROM awe.users u LEFT JOIN awe.file f ON f.creator = u.id AND f.size IS NOT NULL
   WHERE u.id = awe.caller() OR awe.caller_is_admin() GROUP BY u.id
  UNION ALL
  SELECT p.name, NULL, count(f.id), coalesce(sum(f.size), 0)::bigint,
         (SELECT q.most FROM awe.quota q WHERE q.project_id = p.id)
    FROM awe.project p LEFT JOIN awe.file f ON f._project = p.id AND f.state = 'linked'
   WHERE awe.manages(p.id) GROUP BY p.id
  UNION ALL
  SELECT p.name, upper(u.role_name), count(f.id), sum(f.size)::bigint, NULL
    FROM awe.project p JOIN awe.file f ON f._project = p.id AND f.state = 'linked'
    JOIN awe.users u ON u.id = f.creator
   WHERE awe.manages(p.id) GROUP BY p.id, u.id;
END;

-- What a person or a project may have from now on; of neither: everybody who has no own. NULL: anything.
CREATE OR REPLACE FUNCTION awe.quota_set(person_name text, project_name text, bytes bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  person int := (SELECT u.id FROM awe.users u WHERE u.role_name = person_name AND u.removed IS NULL);
  project int := (SELECT p.id FROM awe.project p WHERE p.name = project_name);
BEGIN
  IF person_name IS NOT NULL AND person IS NULL THEN
    RAISE EXCEPTION 'there is no user %', person_name USING ERRCODE = 'AW024';
  END IF;
  IF project_name IS NOT NULL AND project IS NULL THEN
    RAISE EXCEPTION 'there is no project %', project_name USING ERRCODE = 'AW030';
  END IF;
  DELETE FROM awe.quota q WHERE q.user_id IS NOT DISTINCT FROM person AND q.project_id IS NOT DISTINCT FROM project;
  IF bytes IS NOT NULL THEN
    INSERT INTO awe.quota (user_id, project_id, most) VALUES (person, project, bytes);
  END IF;
END $$;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_kernel;
GRANT EXECUTE ON FUNCTION awe.ds_room(uuid, bigint), awe.ds_refuse(uuid) TO awe_dataserver;
GRANT EXECUTE ON FUNCTION awe.usage() TO awe_user, awe_admin;
GRANT EXECUTE ON FUNCTION awe.quota_set(text, text, bigint) TO awe_admin;
