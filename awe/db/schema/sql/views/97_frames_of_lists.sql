-- The frames of a source list are of several classes, and no foreign key leads to one of several
-- tables: triggers say what keys and references of one class say. Which frames lists are of is kept
-- aside, where it is seen whoever asks: a frame with lists stays, somebody else's lists included.
SET ROLE awe_owner;
CREATE TABLE IF NOT EXISTS awe.source_frame (
  frame uuid NOT NULL,
  slid bigint NOT NULL,
  PRIMARY KEY (frame, slid));
CREATE INDEX IF NOT EXISTS source_frame_slid ON awe.source_frame (slid);
ALTER TABLE awe.source_frame ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.source_frame FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS kernel ON awe.source_frame;
CREATE POLICY kernel ON awe.source_frame TO awe_kernel USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON awe.source_frame TO awe_kernel;

CREATE OR REPLACE FUNCTION awe.frames_of_list() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  link uuid;
  level smallint;
BEGIN
  FOREACH link IN ARRAY array_remove(ARRAY[NEW.frame, NEW.detection_frame], NULL) LOOP
    SELECT f._privileges INTO level FROM (
      SELECT r._privileges FROM awe.reduced_science_frame r WHERE r.object_id = link
      UNION ALL SELECT g._privileges FROM awe.regridded_frame g WHERE g.object_id = link
      UNION ALL SELECT c._privileges FROM awe.coadded_regridded_frame c WHERE c.object_id = link) f;
    IF level IS NULL THEN
      RAISE EXCEPTION 'source_list.frame refers to an object that does not exist or is not visible to you'
        USING ERRCODE = 'AW007';
    END IF;
    IF NEW._privileges >= 3 AND level < NEW._privileges THEN
      RAISE EXCEPTION 'publish source_list.frame first: it has lower privileges than %', NEW._privileges
        USING ERRCODE = 'AW008';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION awe.frames_of_list() FROM PUBLIC;
CREATE OR REPLACE TRIGGER "A_frames_visible" AFTER INSERT OR UPDATE OF _privileges ON awe.source_list
  FOR EACH ROW EXECUTE FUNCTION awe.frames_of_list();
RESET ROLE;

GRANT CREATE ON SCHEMA awe TO awe_kernel;
SET ROLE awe_kernel;
CREATE OR REPLACE FUNCTION awe.source_frames_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    DELETE FROM awe.source_frame f WHERE f.slid = OLD.slid;
  ELSIF NEW.slid IS NOT NULL THEN
    INSERT INTO awe.source_frame (frame, slid)
      SELECT DISTINCT l, NEW.slid FROM unnest(ARRAY[NEW.frame, NEW.detection_frame]) l WHERE l IS NOT NULL
      ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION awe.frame_has_lists() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM awe.source_frame f WHERE f.frame = OLD.object_id) THEN
    RAISE foreign_key_violation USING MESSAGE = format('%s has source lists', TG_TABLE_NAME),
      DETAIL = format('Key (object_id)=(%s) is still referenced from table "source_list".', OLD.object_id),
      TABLE = 'source_list', SCHEMA = 'awe';
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION awe.source_frames_changed() FROM PUBLIC;
REVOKE ALL ON FUNCTION awe.frame_has_lists() FROM PUBLIC;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_kernel;
GRANT EXECUTE ON FUNCTION awe.source_frames_changed(), awe.frame_has_lists() TO awe_owner;
SET ROLE awe_owner;
CREATE OR REPLACE TRIGGER "B_frames_kept" AFTER INSERT OR DELETE ON awe.source_list
  FOR EACH ROW EXECUTE FUNCTION awe.source_frames_changed();
CREATE OR REPLACE TRIGGER "A_lists_left" AFTER DELETE ON awe.reduced_science_frame
  FOR EACH ROW EXECUTE FUNCTION awe.frame_has_lists();
CREATE OR REPLACE TRIGGER "A_lists_left" AFTER DELETE ON awe.regridded_frame
  FOR EACH ROW EXECUTE FUNCTION awe.frame_has_lists();
CREATE OR REPLACE TRIGGER "A_lists_left" AFTER DELETE ON awe.coadded_regridded_frame
  FOR EACH ROW EXECUTE FUNCTION awe.frame_has_lists();
RESET ROLE;
-- lists that were there before
INSERT INTO awe.source_frame (frame, slid)
  SELECT l.frame, l.slid FROM awe.source_list l WHERE l.frame IS NOT NULL AND l.slid IS NOT NULL
  ON CONFLICT DO NOTHING;
