-- Sources of lists: the columns people ask for; the FITS table of a list has all of them. Whoever
-- sees a list sees its rows. They come with their list and go with it. COPY is refused where rights
-- are decided row by row: rows come as arrays, one for each column (awe/model/sourcerows.py).
SET ROLE awe_owner;
CREATE TABLE IF NOT EXISTS awe.source (
  slid bigint NOT NULL,
  ra float8, "dec" float8,
  sky_cell bigint GENERATED ALWAYS AS (CASE WHEN "dec" BETWEEN -90 AND 90 AND ra >= 0 AND ra < 360
    THEN floor(("dec" + 90) * 1024 / 180)::bigint * 4294967296
         + least(floor((ra / 360 - floor(ra / 360)) * 4294967296)::bigint, 4294967295) END) STORED,
  sid int4 NOT NULL,
  flag int4, imaflags_iso int4,
  xpos float4, ypos float4, poserr float4,
  flux_auto float4, fluxerr_auto float4, mag_auto float4, magerr_auto float4,
  flux_aper float4, fluxerr_aper float4, mag_aper float4, magerr_aper float4,
  flux_radius float4, fwhm_image float4, class_star float4, a float4, b float4, posang float4,
  pmra float4, pmdec float4,
  PRIMARY KEY (slid, sid),
  CHECK (ra >= 0 AND ra < 360 AND "dec" BETWEEN -90 AND 90));
CREATE INDEX IF NOT EXISTS source_sky_cell ON awe.source (sky_cell);
ALTER TABLE awe.source ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.source FORCE ROW LEVEL SECURITY;
-- The question to the lists is asked with the rights of whoever asks for sources.
DROP POLICY IF EXISTS see ON awe.source;
CREATE POLICY see ON awe.source FOR SELECT TO awe_world USING (
  EXISTS (SELECT 1 FROM awe.source_list l WHERE l.slid = source.slid));
DROP POLICY IF EXISTS kernel ON awe.source;
CREATE POLICY kernel ON awe.source TO awe_kernel USING (true) WITH CHECK (true);
GRANT SELECT ON awe.source TO awe_world, awe_kernel;
GRANT INSERT, DELETE ON awe.source TO awe_kernel;

-- Whose each list is and how many sources it has: what is asked once, and not for each row.
CREATE TABLE IF NOT EXISTS awe.source_room (
  slid bigint PRIMARY KEY,
  creator int NOT NULL,
  most bigint NOT NULL);
ALTER TABLE awe.source_room ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.source_room FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS kernel ON awe.source_room;
CREATE POLICY kernel ON awe.source_room TO awe_kernel USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON awe.source_room TO awe_kernel;
RESET ROLE;

GRANT CREATE ON SCHEMA awe TO awe_kernel;
SET ROLE awe_kernel;
CREATE OR REPLACE FUNCTION awe.source_list_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    -- a list without a number has no rows, and none can be entered
    IF NEW.slid IS NOT NULL THEN
      INSERT INTO awe.source_room (slid, creator, most)
        VALUES (NEW.slid, NEW._creator, least(greatest(coalesce(NEW.source_count, 0), 0), 2147483647));
    END IF;
  ELSE
    DELETE FROM awe.source_room r WHERE r.slid = OLD.slid;
    DELETE FROM awe.source s WHERE s.slid = OLD.slid;
  END IF;
  RETURN NULL;
END $$;

-- The rows of a list, from its creator, with the list or after its deletion was taken back. They are
-- numbered from 1 to its count and never change; rows that are there already stay. Returns how many came.
CREATE OR REPLACE FUNCTION awe.enter_sources(list bigint, sids int4[], ras float8[], decs float8[],
  xs float4[], ys float4[], errors float4[], flags int4[], reasons int4[],
  autos float4[], auto_errors float4[], auto_mags float4[], auto_mag_errors float4[],
  apers float4[], aper_errors float4[], aper_mags float4[], aper_mag_errors float4[],
  radii float4[], widths float4[], stars float4[], majors float4[], minors float4[], angles float4[],
  pmras float4[], pmdecs float4[])
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  room bigint;
  entered bigint;
BEGIN
  -- held, so that the list is not deleted meanwhile
  SELECT r.most INTO room FROM awe.source_room r WHERE r.slid = list AND r.creator = awe.caller() FOR SHARE;
  IF room IS NULL THEN
    RAISE EXCEPTION 'there is no list of yours with the number %', list USING ERRCODE = 'AW007';
  END IF;
  IF EXISTS (SELECT 1 FROM unnest(sids) s WHERE s IS NULL OR s NOT BETWEEN 1 AND room) THEN
    RAISE EXCEPTION 'list % has % sources, numbered from 1', list, room USING ERRCODE = 'AW007';
  END IF;
  INSERT INTO awe.source (slid, sid, ra, "dec", xpos, ypos, poserr, flag, imaflags_iso,
      flux_auto, fluxerr_auto, mag_auto, magerr_auto, flux_aper, fluxerr_aper, mag_aper, magerr_aper,
      flux_radius, fwhm_image, class_star, a, b, posang, pmra, pmdec)
    SELECT list, u.* FROM unnest(sids, ras, decs, xs, ys, errors, flags, reasons, autos, auto_errors,
      auto_mags, auto_mag_errors, apers, aper_errors, aper_mags, aper_mag_errors, radii, widths, stars,
      majors, minors, angles, pmras, pmdecs) u
    ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS entered = ROW_COUNT;
  RETURN entered;
END $$;
REVOKE ALL ON FUNCTION awe.source_list_changed() FROM PUBLIC;
REVOKE ALL ON FUNCTION awe.enter_sources(bigint, int4[], float8[], float8[], float4[], float4[], float4[], int4[],
  int4[], float4[], float4[], float4[], float4[], float4[], float4[], float4[], float4[], float4[], float4[],
  float4[], float4[], float4[], float4[], float4[], float4[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION awe.enter_sources(bigint, int4[], float8[], float8[], float4[], float4[], float4[], int4[],
  int4[], float4[], float4[], float4[], float4[], float4[], float4[], float4[], float4[], float4[], float4[],
  float4[], float4[], float4[], float4[], float4[], float4[]) TO awe_user;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_kernel;
GRANT EXECUTE ON FUNCTION awe.source_list_changed() TO awe_owner;
SET ROLE awe_owner;
CREATE OR REPLACE TRIGGER "A_sources" AFTER INSERT OR DELETE ON awe.source_list
  FOR EACH ROW EXECUTE FUNCTION awe.source_list_changed();
RESET ROLE;
