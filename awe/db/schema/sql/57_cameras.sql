-- Descriptions of cameras: text that whoever works on frames of a camera reads where no file of
-- theirs describes it. It is data: awe checks it as it checks a file, and runs nothing of it. Seen by
-- whoever sees the camera, if its keeper made that: one who deleted theirs does not describe the next
-- of the name; kept once, by the person who brought the camera in; changed by the
-- administrator alone.
SET ROLE awe_owner;

CREATE TABLE IF NOT EXISTS awe.camera (
  name text PRIMARY KEY CHECK (name ~ '^[A-Z][A-Z0-9_]{0,31}$'),
  description text NOT NULL CHECK (octet_length(description) BETWEEN 1 AND 1048576),
  keeper int NOT NULL DEFAULT awe.uid() REFERENCES awe.users,
  kept timestamptz NOT NULL DEFAULT now());

-- The table of the cameras themselves is made after these files: its name is looked up when asked.
CREATE OR REPLACE FUNCTION awe.camera_seen(camera text, by int) RETURNS bool LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN EXISTS (SELECT 1 FROM awe.instrument i WHERE i.name = camera AND i._creator = by);
END $$;
CREATE OR REPLACE FUNCTION awe.camera_mine(camera text) RETURNS bool LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN EXISTS (SELECT 1 FROM awe.instrument i WHERE i.name = camera AND i._creator = awe.uid());
END $$;

ALTER TABLE awe.camera ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.camera FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS see ON awe.camera;
CREATE POLICY see ON awe.camera FOR SELECT TO awe_user USING (awe.camera_seen(name, keeper));
DROP FUNCTION IF EXISTS awe.camera_seen(text);
DROP POLICY IF EXISTS make ON awe.camera;
CREATE POLICY make ON awe.camera FOR INSERT TO awe_user WITH CHECK (
  keeper = (SELECT awe.uid()) AND awe.camera_mine(name));
GRANT SELECT ON awe.camera TO awe_user;
GRANT INSERT (name, description) ON awe.camera TO awe_user;
GRANT EXECUTE ON FUNCTION awe.camera_seen(text, int), awe.camera_mine(text) TO awe_user;
RESET ROLE;
