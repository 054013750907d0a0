-- Who read which file, on which day: noted by the dataserver, for the file's creator, the managers of
-- its project, and whoever read it. Nobody changes it; a year later it is forgotten.
SET ROLE awe_owner;
CREATE TABLE IF NOT EXISTS awe.reading (
  file uuid NOT NULL REFERENCES awe.file ON DELETE CASCADE,
  day date NOT NULL,
  user_id int REFERENCES awe.users,     -- empty: somebody without a login
  times int NOT NULL CHECK (times > 0),
  last timestamptz NOT NULL DEFAULT now());
CREATE UNIQUE INDEX IF NOT EXISTS reading_once ON awe.reading (file, day, (coalesce(user_id, 0)));
CREATE INDEX IF NOT EXISTS reading_user ON awe.reading (user_id);
CREATE INDEX IF NOT EXISTS reading_day ON awe.reading (day);
ALTER TABLE awe.reading ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.reading FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS see ON awe.reading;
CREATE POLICY see ON awe.reading FOR SELECT TO awe_user USING (
  user_id = (SELECT awe.uid())
  OR EXISTS (SELECT 1 FROM awe.file f WHERE f.id = reading.file
               AND (f.creator = (SELECT awe.uid())
                    OR (f._privileges >= 2 AND f._project = ANY ((SELECT awe.my_managed())::int[])))));
DROP POLICY IF EXISTS kernel ON awe.reading;
CREATE POLICY kernel ON awe.reading TO awe_kernel USING (true) WITH CHECK (true);
GRANT SELECT ON awe.reading TO awe_user;
GRANT SELECT, INSERT, UPDATE, DELETE ON awe.reading TO awe_kernel;
RESET ROLE;

GRANT CREATE ON SCHEMA awe TO awe_kernel;
SET ROLE awe_kernel;
-- Whose ticket that is, a job's and a link's too.
CREATE OR REPLACE FUNCTION awe.ds_reader(t bytea) RETURNS int LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT k.user_id FROM awe.live_ticket(t) k;
END;

-- Note how often files were read; 0 is whoever has no login.
CREATE OR REPLACE FUNCTION awe.ds_readings(files uuid[], readers int[], numbers int[]) RETURNS void LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  INSERT INTO awe.reading (file, day, user_id, times)
  SELECT r.file, (now() AT TIME ZONE 'UTC')::date, nullif(r.reader, 0), r.times
    FROM unnest(files, readers, numbers) r(file, reader, times) JOIN awe.file f ON f.id = r.file
   ORDER BY 1, 3
  ON CONFLICT (file, day, (coalesce(user_id, 0)))
  DO UPDATE SET times = reading.times + excluded.times, last = excluded.last;
END;

CREATE OR REPLACE FUNCTION awe.ds_sweep_readings() RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  DELETE FROM awe.reading r WHERE r.day < (now() AT TIME ZONE 'UTC')::date - 365;
END;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_kernel;
GRANT EXECUTE ON FUNCTION awe.ds_reader(bytea), awe.ds_readings(uuid[], int[], int[]), awe.ds_sweep_readings()
  TO awe_dataserver;
