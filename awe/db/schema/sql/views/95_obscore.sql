-- The observations as the Virtual Observatory asks for them: IVOA ObsCore 1.1, mandatory columns.
-- Raw and reduced science frames; whoever asks sees what they may see of the tables below.
SET ROLE awe_owner;

-- Right ascension and declination [deg] of a pixel, by a tangential projection; NULL if the
-- numbers are not a place. PostgreSQL makes an error of what overflows or vanishes, and one published
-- row would spoil the view for everybody: what is smaller than a part of a pixel is 0.
CREATE OR REPLACE FUNCTION awe.sky(crval1 float8, crval2 float8, crpix1 float8, crpix2 float8,
                        cd1_1 float8, cd1_2 float8, cd2_1 float8, cd2_2 float8, x float8, y float8)
RETURNS float8[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(crval1) <= 3600 AND abs(crval2) <= 90 AND abs(crpix1) <= 1e7 AND abs(crpix2) <= 1e7
                 AND abs(cd1_1) <= 10 AND abs(cd1_2) <= 10 AND abs(cd2_1) <= 10 AND abs(cd2_2) <= 10
                 AND abs(x) <= 1e8 AND abs(y) <= 1e8 THEN
  (SELECT ARRAY[
    (crval1 + degrees(atan2(p.xi, cos(p.d) - p.eta * sin(p.d))))::numeric % 360 + 360,
    degrees(atan2(sin(p.d) + p.eta * cos(p.d), sqrt(p.xi ^ 2 + (cos(p.d) - p.eta * sin(p.d)) ^ 2)))]
  FROM (SELECT radians(CASE WHEN abs(crval2) < 1e-12 THEN 0 ELSE crval2 END) AS d,
               radians(m.c11 * (x - crpix1) + m.c12 * (y - crpix2)) AS xi,
               radians(m.c21 * (x - crpix1) + m.c22 * (y - crpix2)) AS eta
          FROM (SELECT CASE WHEN abs(cd1_1) < 1e-13 THEN 0 ELSE cd1_1 END AS c11,
                       CASE WHEN abs(cd1_2) < 1e-13 THEN 0 ELSE cd1_2 END AS c12,
                       CASE WHEN abs(cd2_1) < 1e-13 THEN 0 ELSE cd2_1 END AS c21,
                       CASE WHEN abs(cd2_2) < 1e-13 THEN 0 ELSE cd2_2 END AS c22) m) p) END;
-- The same for a number that is only shown: NULL where it is absurd.
CREATE OR REPLACE FUNCTION awe.plain_number(value float8, low float8, high float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(value) BETWEEN low AND high OR value = 0 THEN value END;
CREATE OR REPLACE FUNCTION awe.sky_corner(place float8[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round((place[1]::numeric % 360), 7) || ' ' || round(place[2]::numeric, 7);
GRANT EXECUTE ON FUNCTION awe.sky(float8, float8, float8, float8, float8, float8, float8, float8, float8, float8),
  awe.sky_corner(float8[]), awe.plain_number(float8, float8, float8) TO awe_world;

DROP VIEW IF EXISTS awe.obscore;
CREATE VIEW awe.obscore WITH (security_invoker = true) AS
SELECT
  'image'::text AS dataproduct_type,
  f.calib_level,
  p.name AS obs_collection,
  coalesce(nullif(f.obs_name, ''), f.filename) AS obs_id,
  'ivo://awe/' || f.awe_class || '?' || f.object_id AS obs_publisher_did,
  '/file/' || f.file AS access_url,
  'image/fits'::text AS access_format,
  (stored.size / 1000)::bigint AS access_estsize,
  f.object AS target_name,
  (c.centre[1]::numeric % 360)::float8 AS s_ra,
  c.centre[2] AS s_dec,
  c.scale * sqrt(f.naxis1::float8 ^ 2 + f.naxis2::float8 ^ 2) AS s_fov,
  'POLYGON ICRS ' || awe.sky_corner(c.a) || ' ' || awe.sky_corner(c.b) || ' '
                  || awe.sky_corner(c.c) || ' ' || awe.sky_corner(c.d) AS s_region,
  f.naxis1 AS s_xel1,
  f.naxis2 AS s_xel2,
  nullif(f.seeing, 0) AS s_resolution,
  extract(epoch FROM f.date_obs - timestamp '1858-11-17')::float8 / 86400 AS t_min,
  (extract(epoch FROM f.date_obs - timestamp '1858-11-17')::float8
   + awe.plain_number(f.exptime, 1e-9, 1e9)) / 86400 AS t_max,
  f.exptime AS t_exptime,
  f.exptime AS t_resolution,
  1::bigint AS t_xel,
  awe.plain_number(nullif(b.central_wavelength, 0), 1e-9, 1e15) * 1e-9 AS em_min,
  awe.plain_number(nullif(b.central_wavelength, 0), 1e-9, 1e15) * 1e-9 AS em_max,
  NULL::float8 AS em_res_power,
  1::bigint AS em_xel,
  'phot.count'::text AS o_ucd,
  NULL::text AS pol_states,
  0::bigint AS pol_xel,
  i.telescope AS facility_name,
  i.name AS instrument_name,
  f.awe_class,
  f.object_id
FROM (
  SELECT 'ReducedScienceFrame'::text AS awe_class, 2 AS calib_level, r.object_id, r._project, r.file, r.filename,
         r.object, r.date_obs, r.exptime, r.naxis1, r.naxis2, r.astrom, r.filter, r.instrument,
         r.psf_radius AS seeing, s.filename AS obs_name
    FROM awe.reduced_science_frame r LEFT JOIN awe.raw_science_frame s ON s.object_id = r.raw
   WHERE r.is_valid > 0
  UNION ALL
  SELECT 'RawScienceFrame', 1, s.object_id, s._project, s.file, s.filename,
         s.object, s.date_obs, s.exptime, s.naxis1, s.naxis2, s.astrom, s.filter, s.instrument, 0, s.filename
    FROM awe.raw_science_frame s
   WHERE s.is_valid > 0) f
LEFT JOIN awe.project p ON p.id = f._project
LEFT JOIN awe.instrument i ON i.object_id = f.instrument
LEFT JOIN awe.filter b ON b.object_id = f.filter
LEFT JOIN awe.file stored ON stored.id = f.file
LEFT JOIN awe.astrom w ON w.object_id = f.astrom
LEFT JOIN LATERAL (SELECT
    awe.sky(w.crval1, w.crval2, w.crpix1, w.crpix2, w.cd1_1, w.cd1_2, w.cd2_1, w.cd2_2,
            (f.naxis1 + 1) / 2.0, (f.naxis2 + 1) / 2.0) AS centre,
    awe.sky(w.crval1, w.crval2, w.crpix1, w.crpix2, w.cd1_1, w.cd1_2, w.cd2_1, w.cd2_2, 0.5, 0.5) AS a,
    awe.sky(w.crval1, w.crval2, w.crpix1, w.crpix2, w.cd1_1, w.cd1_2, w.cd2_1, w.cd2_2, f.naxis1 + 0.5, 0.5) AS b,
    awe.sky(w.crval1, w.crval2, w.crpix1, w.crpix2, w.cd1_1, w.cd1_2, w.cd2_1, w.cd2_2,
            f.naxis1 + 0.5, f.naxis2 + 0.5) AS c,
    awe.sky(w.crval1, w.crval2, w.crpix1, w.crpix2, w.cd1_1, w.cd1_2, w.cd2_1, w.cd2_2, 0.5, f.naxis2 + 0.5) AS d,
    sqrt(abs(awe.plain_number(w.cd1_1, 1e-13, 10) * awe.plain_number(w.cd2_2, 1e-13, 10)
             - awe.plain_number(w.cd1_2, 1e-13, 10) * awe.plain_number(w.cd2_1, 1e-13, 10))) AS scale) c ON w.object_id IS NOT NULL;
GRANT SELECT ON awe.obscore TO awe_world;
RESET ROLE;
