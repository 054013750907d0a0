-- Files: reserved by their owner, stored by the dataserver, linked by the row that names them.
-- open -> stored -> linked -> trash; bytes come before metadata and go after it.
-- A file has one name, which never changes; whatever names the file names it so.
SET ROLE awe_owner;

CREATE TABLE IF NOT EXISTS awe.file (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),      -- also its name on the dataserver's disk
  creator int NOT NULL DEFAULT awe.uid() REFERENCES awe.users,
  filename text NOT NULL
    CHECK (filename ~ '^[A-Za-z0-9][A-Za-z0-9_.:#@+=-]{0,254}$' AND filename !~ '\.\.'),
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'stored', 'linked', 'trash')),
  health text NOT NULL DEFAULT 'ok' CHECK (health IN ('ok', 'bad', 'lost')),
  size bigint CHECK (size >= 0),
  sha256 bytea CHECK (length(sha256) = 32),
  _project int,                                       -- these two are copied from the row that
  _privileges smallint,                               -- links the file, when it does and later
  created timestamptz NOT NULL DEFAULT now(),
  verified timestamptz,                               -- when the bytes were last read and agreed
  trashed timestamptz,                                -- until seven days later it can be restored
  CHECK (state = 'open' OR (size IS NOT NULL AND sha256 IS NOT NULL)),
  CHECK (state <> 'linked' OR (_project IS NOT NULL AND _privileges IS NOT NULL)));
CREATE INDEX IF NOT EXISTS file_loose ON awe.file (created) WHERE state <> 'linked';
CREATE INDEX IF NOT EXISTS file_name ON awe.file (filename);

ALTER TABLE awe.file ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.file FORCE ROW LEVEL SECURITY;
-- The same endings as awe.localfiles knows: what is data, not what is known to be dangerous.
CREATE OR REPLACE FUNCTION awe.is_data_name(name text) RETURNS bool LANGUAGE sql IMMUTABLE
  RETURN name COLLATE "C" ~* ('\.(asdf|cat|csv|dat|ecsv|fit|fits|fts|h5|hdf5|head|jpeg|jpg|log|npy|parquet|pdf|png'
                              '|reg|tbl|tif|tiff|tsv|vot)(\.(bz2|fz|gz|xz|zst))?$');
GRANT EXECUTE ON FUNCTION awe.is_data_name(text) TO awe_user;
DROP POLICY IF EXISTS reserve ON awe.file;
CREATE POLICY reserve ON awe.file FOR INSERT TO awe_user
  WITH CHECK (creator = (SELECT awe.uid()) AND state = 'open' AND awe.is_data_name(filename));
DROP POLICY IF EXISTS see_world ON awe.file;
CREATE POLICY see_world ON awe.file FOR SELECT TO awe_world USING (state = 'linked' AND _privileges >= 4);
DROP POLICY IF EXISTS see ON awe.file;
CREATE POLICY see ON awe.file FOR SELECT TO awe_user USING (
  creator = (SELECT awe.uid())
  OR (state = 'linked' AND (_privileges >= 3
      OR (_privileges = 2 AND _project = ANY ((SELECT awe.my_projects())::int[])))));
DROP POLICY IF EXISTS kernel ON awe.file;
CREATE POLICY kernel ON awe.file TO awe_kernel USING (true) WITH CHECK (true);
GRANT SELECT ON awe.file TO awe_world;
GRANT INSERT (id, filename) ON awe.file TO awe_user;
GRANT SELECT, UPDATE, DELETE ON awe.file TO awe_kernel;
RESET ROLE;

GRANT CREATE ON SCHEMA awe TO awe_kernel;
SET ROLE awe_kernel;

-- The row takes the file, inside the user's own transaction; its rights follow the row's. The row's
-- filename must be the file's: whoever fetches it would write to a place somebody else chose.
CREATE OR REPLACE FUNCTION awe.link_file() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.file IS NULL THEN RETURN NULL; END IF;
    UPDATE awe.file SET state = 'linked', _project = NEW._project, _privileges = NEW._privileges, trashed = NULL
     WHERE id = NEW.file AND creator = NEW._creator AND filename = NEW.filename COLLATE "C"
       AND (state = 'stored' OR (state = 'trash' AND trashed > now() - interval '7 days'));
    IF NOT FOUND THEN
      PERFORM 1 FROM awe.file f WHERE f.id = NEW.file AND f.creator = NEW._creator
         AND f.filename IS DISTINCT FROM NEW.filename COLLATE "C";
      IF FOUND THEN
        RAISE EXCEPTION 'the object is called %, its file otherwise; an object has the filename of its file',
          quote_nullable(left(NEW.filename, 80)) USING ERRCODE = 'AW016';
      END IF;
      RAISE EXCEPTION 'file % is not stored by you (any more), or another object uses it; store it again', NEW.file
        USING ERRCODE = 'AW010';
    END IF;
    PERFORM awe.check_quota(NEW._project);
  ELSIF TG_OP = 'UPDATE' THEN
    UPDATE awe.file SET _privileges = NEW._privileges WHERE id = NEW.file;
  ELSE
    UPDATE awe.file SET state = 'trash', trashed = now() WHERE id = OLD.file;
  END IF;
  RETURN NULL;
END $$;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_kernel;
GRANT EXECUTE ON FUNCTION awe.link_file() TO awe_owner;

-- Objects from before that rule whose filename is not their file's, for the superuser: they stay as
-- they are, for objects never change, and their files come under the files' own names.
CREATE OR REPLACE FUNCTION awe.misnamed() RETURNS TABLE (class text, object_id uuid, filename text, file_name text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tab regclass;
BEGIN
  FOR tab IN SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
              WHERE c.relnamespace = 'awe'::regnamespace AND c.relkind = 'r' AND NOT a.attisdropped
                AND (a.attname, a.atttypid) IN (('object_id', 'uuid'::regtype), ('file', 'uuid'::regtype),
                                                ('filename', 'text'::regtype))
              GROUP BY c.oid HAVING count(*) = 3 ORDER BY c.relname LOOP
    RETURN QUERY EXECUTE format($f$SELECT %L, t.object_id, t.filename COLLATE "default", f.filename
      FROM %s t JOIN awe.file f ON f.id = t.file
     WHERE t.filename COLLATE "C" IS DISTINCT FROM f.filename COLLATE "C"$f$, replace(tab::text, 'awe.', ''), tab);
  END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION awe.misnamed() FROM PUBLIC;
