-- Places of frames on the sky. A table with a link `astrom` and a size NAXIS1, NAXIS2 has two
-- columns that nobody writes: `_corners`, the corners of the light-sensitive pixels as unit vectors
-- (x, y, z one after the other, anticlockwise seen from outside; one vector where there is no
-- size), and `_cell`, by which an index finds them. awe/db/query/footprint.py has the other side.
SET ROLE awe_owner;

-- The corners of a section of pixels. Straight lines in a tangential projection are great circles,
-- so these four are the whole outline. NULL if the numbers are not a place. What would vanish in
-- products is 0: PostgreSQL makes an error of it.
CREATE OR REPLACE FUNCTION awe.footprint(
  crval1 float8, crval2 float8, crpix1 float8, crpix2 float8,
  cd1_1 float8, cd1_2 float8, cd2_1 float8, cd2_2 float8,
  x_low float8, x_high float8, y_low float8, y_high float8)
RETURNS float8[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  -- A vector holds multiples of 1 / grain: the same on every machine, and far below a pixel.
  grain CONSTANT float8 := 1099511627776;
  sa float8; ca float8; sd float8; cd float8; det float8 := 0;
  c11 float8; c12 float8; c21 float8; c22 float8;
  ux float8; uy float8; uz float8;      -- the change of the vector along a column of pixels
  vx float8; vy float8; vz float8;      -- and along a row
  wx float8; wy float8; wz float8;      -- the vector at pixel 0, 0
  x1 float8; x2 float8; s1 float8; s2 float8; s3 float8; s4 float8;
BEGIN
  IF (abs(crval1) <= 3600 AND abs(crval2) <= 90) IS NOT TRUE THEN RETURN NULL; END IF;
  sa := radians(CASE WHEN abs(crval1) < 1e-12 THEN 0 ELSE crval1 END);
  sd := radians(CASE WHEN abs(crval2) < 1e-12 THEN 0 ELSE crval2 END);
  ca := cos(sa); sa := sin(sa); cd := cos(sd); sd := sin(sd);
  IF (abs(cd1_1) <= 10 AND abs(cd1_2) <= 10 AND abs(cd2_1) <= 10 AND abs(cd2_2) <= 10
      AND abs(crpix1) <= 1e7 AND abs(crpix2) <= 1e7 AND x_low >= 0 AND y_low >= 0
      AND x_high > x_low AND y_high > y_low AND x_high <= 1e7 AND y_high <= 1e7) IS TRUE THEN
    c11 := radians(CASE WHEN abs(cd1_1) < 1e-13 THEN 0 ELSE cd1_1 END);
    c12 := radians(CASE WHEN abs(cd1_2) < 1e-13 THEN 0 ELSE cd1_2 END);
    c21 := radians(CASE WHEN abs(cd2_1) < 1e-13 THEN 0 ELSE cd2_1 END);
    c22 := radians(CASE WHEN abs(cd2_2) < 1e-13 THEN 0 ELSE cd2_2 END);
    det := c11 * c22 - c12 * c21;
  END IF;
  IF abs(det) < 1e-20 THEN
    RETURN ARRAY[round(cd * ca * grain) / grain, round(cd * sa * grain) / grain, round(sd * grain) / grain];
  END IF;
  -- East is (-sa, ca, 0), north (-sd ca, -sd sa, cd).
  ux := -c11 * sa - c21 * sd * ca; uy := c11 * ca - c21 * sd * sa; uz := c21 * cd;
  vx := -c12 * sa - c22 * sd * ca; vy := c12 * ca - c22 * sd * sa; vz := c22 * cd;
  wx := cd * ca - crpix1 * ux - crpix2 * vx; wy := cd * sa - crpix1 * uy - crpix2 * vy;
  wz := sd - crpix1 * uz - crpix2 * vz;
  -- Mirrored pixels are gone round the other way.
  x1 := CASE WHEN det > 0 THEN x_low ELSE x_high END;
  x2 := CASE WHEN det > 0 THEN x_high ELSE x_low END;
  s1 := grain / sqrt((wx+x1*ux+y_low*vx)*(wx+x1*ux+y_low*vx) + (wy+x1*uy+y_low*vy)*(wy+x1*uy+y_low*vy)
                     + (wz+x1*uz+y_low*vz)*(wz+x1*uz+y_low*vz));
  s2 := grain / sqrt((wx+x2*ux+y_low*vx)*(wx+x2*ux+y_low*vx) + (wy+x2*uy+y_low*vy)*(wy+x2*uy+y_low*vy)
                     + (wz+x2*uz+y_low*vz)*(wz+x2*uz+y_low*vz));
  s3 := grain / sqrt((wx+x2*ux+y_high*vx)*(wx+x2*ux+y_high*vx) + (wy+x2*uy+y_high*vy)*(wy+x2*uy+y_high*vy)
                     + (wz+x2*uz+y_high*vz)*(wz+x2*uz+y_high*vz));
  s4 := grain / sqrt((wx+x1*ux+y_high*vx)*(wx+x1*ux+y_high*vx) + (wy+x1*uy+y_high*vy)*(wy+x1*uy+y_high*vy)
                     + (wz+x1*uz+y_high*vz)*(wz+x1*uz+y_high*vz));
  RETURN ARRAY[
    round((wx+x1*ux+y_low*vx)*s1)/grain, round((wy+x1*uy+y_low*vy)*s1)/grain, round((wz+x1*uz+y_low*vz)*s1)/grain,
    round((wx+x2*ux+y_low*vx)*s2)/grain, round((wy+x2*uy+y_low*vy)*s2)/grain, round((wz+x2*uz+y_low*vz)*s2)/grain,
    round((wx+x2*ux+y_high*vx)*s3)/grain, round((wy+x2*uy+y_high*vy)*s3)/grain, round((wz+x2*uz+y_high*vz)*s3)/grain,
    round((wx+x1*ux+y_high*vx)*s4)/grain, round((wy+x1*uy+y_high*vy)*s4)/grain, round((wz+x1*uz+y_high*vz)*s4)/grain];
END $$;

-- The cell of a footprint: size class, band of declination and right ascension of its middle. In
-- class n, an even number up to 14, no corner is further from the middle than 180 / 2^n degrees,
-- which is also the height of a band.
CREATE OR REPLACE FUNCTION awe.footprint_cell(c float8[]) RETURNS bigint LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  x float8 := c[1]; y float8 := c[2]; z float8 := c[3];
  far float8; class int := 14;
BEGIN
  IF x IS NULL THEN RETURN NULL; END IF;
  IF c[4] IS NOT NULL THEN
    -- The middle of one diagonal: half of the longer one and how far the two middles are apart
    -- bound the sine of every corner's distance. What is as large as a quarter of the sky is
    -- looked for everywhere.
    far := sqrt(greatest(
             (x-c[7])*(x-c[7]) + (y-c[8])*(y-c[8]) + (z-c[9])*(z-c[9]),
             (c[4]-c[10])*(c[4]-c[10]) + (c[5]-c[11])*(c[5]-c[11]) + (c[6]-c[12])*(c[6]-c[12]))) / 2
           + sqrt((x+c[7]-c[4]-c[10])*(x+c[7]-c[4]-c[10]) + (y+c[8]-c[5]-c[11])*(y+c[8]-c[5]-c[11])
                  + (z+c[9]-c[6]-c[12])*(z+c[9]-c[6]-c[12])) / 2 + 1e-11;
    far := CASE WHEN far < 0.5 THEN degrees(asin(far)) ELSE 180 END;
    x := x + c[7]; y := y + c[8]; z := z + c[9];
    WHILE class > 0 AND far > 180.0 / (1 << class) LOOP class := class - 2; END LOOP;
  END IF;
  far := degrees(atan2(y, x)) / 360;
  RETURN (class::bigint << 48)
         + (floor((degrees(atan2(z, sqrt(x * x + y * y))) + 90) / 180 * (1 << class))::bigint << 32)
         + least(floor((far - floor(far)) * 4294967296)::bigint, 4294967295);
END $$;

-- sky_near(corners, place, reach [rad]): whether a footprint comes so near to a place; 0 asks
-- whether it holds it.
CREATE OR REPLACE FUNCTION awe.sky_near(c float8[], x float8, y float8, z float8, reach float8)
RETURNS bool LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  n int := cardinality(c);
  j int;
  ax float8 := c[n-2]; ay float8 := c[n-1]; az float8 := c[n];
  ex float8; ey float8; ez float8; nx float8; ny float8; nz float8; s float8;
  chord float8 := 2 * sin(reach / 2) + 3e-12;
  below float8 := CASE WHEN reach < 1.57079 THEN sin(reach) ELSE 2 END;
  inside bool := n > 3;
BEGIN
  FOR i IN 0 .. n / 3 - 1 LOOP
    j := 3 * i;
    ex := c[j+1]; ey := c[j+2]; ez := c[j+3];
    IF (ex-x)*(ex-x) + (ey-y)*(ey-y) + (ez-z)*(ez-z) <= chord * chord THEN RETURN true; END IF;
    IF n > 3 THEN
      nx := ay*ez - az*ey; ny := az*ex - ax*ez; nz := ax*ey - ay*ex;
      s := nx*x + ny*y + nz*z;
      IF s < -1e-12 THEN
        IF reach = 0 THEN RETURN false; END IF;
        inside := false;
        IF -s <= sqrt(nx*nx + ny*ny + nz*nz) * below
           AND (ny*az - nz*ay) * x + (nz*ax - nx*az) * y + (nx*ay - ny*ax) * z >= 0
           AND (ey*nz - ez*ny) * x + (ez*nx - ex*nz) * y + (ex*ny - ey*nx) * z >= 0 THEN RETURN true; END IF;
      END IF;
      ax := ex; ay := ey; az := ez;
    END IF;
  END LOOP;
  RETURN inside;
END $$;

-- Whether all corners of the second lie outside one side of the first: a great circle parts them.
CREATE OR REPLACE FUNCTION awe.sky_parted(c float8[], o float8[]) RETURNS bool LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  n int := cardinality(c);
  ax float8 := c[n-2]; ay float8 := c[n-1]; az float8 := c[n];
  ex float8; ey float8; ez float8; nx float8; ny float8; nz float8;
  parted bool;
BEGIN
  IF n = 3 THEN RETURN false; END IF;
  FOR i IN 0 .. n / 3 - 1 LOOP
    ex := c[3*i+1]; ey := c[3*i+2]; ez := c[3*i+3];
    nx := ay*ez - az*ey; ny := az*ex - ax*ez; nz := ax*ey - ay*ex;
    parted := true;
    FOR k IN 0 .. cardinality(o) / 3 - 1 LOOP
      IF nx * o[3*k+1] + ny * o[3*k+2] + nz * o[3*k+3] >= -1e-12 THEN parted := false; EXIT; END IF;
    END LOOP;
    IF parted THEN RETURN true; END IF;
    ax := ex; ay := ey; az := ez;
  END LOOP;
  RETURN false;
END $$;

-- Whether the arcs from a to b and from c to d cross.
CREATE OR REPLACE FUNCTION awe.sky_crossing(
  ax float8, ay float8, az float8, ex float8, ey float8, ez float8,
  cx float8, cy float8, cz float8, dx float8, dy float8, dz float8)
RETURNS bool LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  nx float8 := ay*ez - az*ey; ny float8 := az*ex - ax*ez; nz float8 := ax*ey - ay*ex;
  mx float8 := cy*dz - cz*dy; my float8 := cz*dx - cx*dz; mz float8 := cx*dy - cy*dx;
  c float8 := nx*cx + ny*cy + nz*cz;
  d float8 := nx*dx + ny*dy + nz*dz;
  a float8 := mx*ax + my*ay + mz*az;
  b float8 := mx*ex + my*ey + mz*ez;
BEGIN
  RETURN (c >= 0 AND d <= 0 AND a <= 0 AND b >= 0) OR (c <= 0 AND d >= 0 AND a >= 0 AND b <= 0);
END $$;

-- Whether two outlines have a place in common: a corner of one in the other, or sides that cross.
CREATE OR REPLACE FUNCTION awe.sky_meets(c float8[], o float8[]) RETURNS bool LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  n int := cardinality(c) / 3;
  m int := cardinality(o) / 3;
  p int; q int; r int; s int;
BEGIN
  IF awe.sky_parted(c, o) OR awe.sky_parted(o, c) THEN RETURN false; END IF;
  FOR k IN 0 .. m - 1 LOOP
    IF awe.sky_near(c, o[3*k+1], o[3*k+2], o[3*k+3], 0) THEN RETURN true; END IF;
  END LOOP;
  FOR i IN 0 .. n - 1 LOOP
    IF awe.sky_near(o, c[3*i+1], c[3*i+2], c[3*i+3], 0) THEN RETURN true; END IF;
  END LOOP;
  IF n = 1 OR m = 1 THEN RETURN false; END IF;
  FOR i IN 0 .. n - 1 LOOP
    p := 3 * i; q := 3 * ((i + 1) % n);
    FOR k IN 0 .. m - 1 LOOP
      r := 3 * k; s := 3 * ((k + 1) % m);
      IF awe.sky_crossing(c[p+1], c[p+2], c[p+3], c[q+1], c[q+2], c[q+3],
                          o[r+1], o[r+2], o[r+3], o[s+1], o[s+2], o[s+3]) THEN RETURN true; END IF;
    END LOOP;
  END LOOP;
  RETURN false;
END $$;

-- Whether a place is in a box; its right ascensions go eastwards from low to high, in turns.
CREATE OR REPLACE FUNCTION awe.sky_inside_box(
  x float8, y float8, z float8, low float8, high float8, dec_low float8, dec_high float8)
RETURNS bool LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  ra float8;
BEGIN
  IF z < sind(dec_low) - 1e-12 OR z > sind(dec_high) + 1e-12 THEN RETURN false; END IF;
  IF high - low >= 360 OR x * x + y * y < 1e-23 THEN RETURN true; END IF;
  ra := degrees(atan2(y, x)) - low;
  ra := ra - 360 * floor(ra / 360);
  RETURN ra <= high - low + 1e-10 OR ra >= 360 - 1e-10;
END $$;

-- Whether a side crosses the edge of a box: a parallel, which is not a great circle, or a meridian.
CREATE OR REPLACE FUNCTION awe.sky_crosses_box(
  ax float8, ay float8, az float8, ex float8, ey float8, ez float8,
  low float8, high float8, dec_low float8, dec_high float8)
RETURNS bool LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  dot float8 := greatest(-1, least(1, ax*ex + ay*ey + az*ez));
  ux float8 := ex - dot * ax; uy float8 := ey - dot * ay; uz float8 := ez - dot * az;
  u float8 := sqrt(ux*ux + uy*uy + uz*uz);
  arc float8; top float8; phase float8; h float8; t float8; ra float8; side float8;
BEGIN
  IF u < 1e-13 THEN RETURN false; END IF;
  ux := ux / u; uy := uy / u; uz := uz / u;
  arc := atan2(u, dot);
  top := sqrt(az * az + uz * uz);
  phase := atan2(uz, az);
  FOREACH h IN ARRAY ARRAY[sind(dec_low), sind(dec_high)] LOOP
    CONTINUE WHEN top = 0 OR abs(h) > top;
    FOREACH side IN ARRAY ARRAY[-1, 1] LOOP
      t := phase + side * acos(greatest(-1, least(1, h / top)));
      t := t - 2 * pi() * floor(t / (2 * pi()));
      IF t <= arc AND awe.sky_inside_box(ax*cos(t) + ux*sin(t), ay*cos(t) + uy*sin(t), h,
                                         low, high, dec_low, dec_high) THEN RETURN true; END IF;
    END LOOP;
  END LOOP;
  IF high - low >= 360 THEN RETURN false; END IF;
  FOREACH ra IN ARRAY ARRAY[low, high] LOOP
    t := atan2(sind(ra) * ax - cosd(ra) * ay, cosd(ra) * uy - sind(ra) * ux);
    t := t - pi() * floor(t / pi());
    IF t <= arc AND awe.sky_inside_box(ax*cos(t) + ux*sin(t), ay*cos(t) + uy*sin(t), az*cos(t) + uz*sin(t),
                                       ra, ra, dec_low, dec_high) THEN RETURN true; END IF;
  END LOOP;
  RETURN false;
END $$;

-- Whether a footprint and a box have a place in common.
CREATE OR REPLACE FUNCTION awe.sky_boxed(c float8[], low float8, high float8, dec_low float8, dec_high float8)
RETURNS bool LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  n int := cardinality(c) / 3;
  p int; q int; ra float8; h float8;
BEGIN
  FOR i IN 0 .. n - 1 LOOP
    IF awe.sky_inside_box(c[3*i+1], c[3*i+2], c[3*i+3], low, high, dec_low, dec_high) THEN RETURN true; END IF;
  END LOOP;
  FOREACH ra IN ARRAY ARRAY[low, high] LOOP
    FOREACH h IN ARRAY ARRAY[dec_low, dec_high] LOOP
      IF awe.sky_near(c, cosd(h) * cosd(ra), cosd(h) * sind(ra), sind(h), 0) THEN RETURN true; END IF;
    END LOOP;
  END LOOP;
  IF n = 1 THEN RETURN false; END IF;
  FOR i IN 0 .. n - 1 LOOP
    p := 3 * i; q := 3 * ((i + 1) % n);
    IF awe.sky_crosses_box(c[p+1], c[p+2], c[p+3], c[q+1], c[q+2], c[q+3], low, high, dec_low, dec_high) THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END $$;
GRANT EXECUTE ON FUNCTION
  awe.footprint(float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8),
  awe.footprint_cell(float8[]) TO awe_user;
GRANT EXECUTE ON FUNCTION awe.sky_near(float8[], float8, float8, float8, float8), awe.sky_parted(float8[], float8[]),
  awe.sky_crossing(float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8),
  awe.sky_meets(float8[], float8[]), awe.sky_boxed(float8[], float8, float8, float8, float8),
  awe.sky_inside_box(float8, float8, float8, float8, float8, float8, float8),
  awe.sky_crosses_box(float8, float8, float8, float8, float8, float8, float8, float8, float8, float8) TO awe_world;

-- The light-sensitive section of a raw frame, '[49:2096,1:4100]', as four numbers.
CREATE OR REPLACE FUNCTION awe.active_section(geometry jsonb) RETURNS int[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN geometry ->> 'active' ~ '^\[[0-9]{1,6}:[0-9]{1,6},[0-9]{1,6}:[0-9]{1,6}\]$'
              THEN translate(geometry ->> 'active', '[]:', '{},')::int[] END;
GRANT EXECUTE ON FUNCTION awe.active_section(jsonb) TO awe_user;

-- Whether the rows of a table have a place and a size.
CREATE OR REPLACE FUNCTION awe.has_footprint(t regclass) RETURNS bool LANGUAGE sql STABLE
  SET search_path = pg_catalog, pg_temp
  RETURN (SELECT count(*) = 3 FROM pg_attribute a
           WHERE a.attrelid = t AND NOT a.attisdropped
             AND ((a.attname IN ('naxis1', 'naxis2') AND a.atttypid = 'int8'::regtype)
                  OR (a.attname = 'astrom' AND EXISTS (
                        SELECT 1 FROM pg_constraint f
                         WHERE f.conrelid = t AND f.contype = 'f' AND f.conkey = ARRAY[a.attnum]
                           AND f.confrelid = to_regclass('awe.astrom')))));

-- The columns, index and trigger of a table whose rows have a place on the sky. The trigger reads the
-- coordinates with the rights of whoever commits: those of a row one does not see are missing.
CREATE OR REPLACE FUNCTION awe.give_footprint(t regclass) RETURNS void LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  bare text := (SELECT c.relname FROM pg_class c WHERE c.oid = t);
  section text := 'NULL::int[]';
BEGIN
  IF NOT awe.has_footprint(t) THEN RETURN; END IF;
  EXECUTE format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS _cell bigint, ADD COLUMN IF NOT EXISTS _corners float8[]', t);
  IF NOT EXISTS (SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                  WHERE i.indrelid = t AND a.attname = '_cell') THEN
    EXECUTE format('CREATE INDEX ON %s (_cell)', t);
  END IF;
  IF EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = t AND NOT a.attisdropped
                AND a.attname = 'geometry' AND a.atttypid = 'jsonb'::regtype) THEN
    section := 'awe.active_section(NEW.geometry)';
  END IF;
  EXECUTE format($f$CREATE OR REPLACE FUNCTION awe.%I() RETURNS trigger LANGUAGE plpgsql
                    SET search_path = pg_catalog, pg_temp AS %L$f$, 'footprint_of_' || bare, format($f$
DECLARE
  w record;
  s int[];
BEGIN
  NEW._corners := NULL;
  IF NEW.astrom IS NOT NULL THEN
    SELECT a.crval1, a.crval2, a.crpix1, a.crpix2, a.cd1_1, a.cd1_2, a.cd2_1, a.cd2_2
      INTO w FROM awe.astrom a WHERE a.object_id = NEW.astrom;
    s := %s;
    NEW._corners := awe.footprint(w.crval1, w.crval2, w.crpix1, w.crpix2, w.cd1_1, w.cd1_2, w.cd2_1, w.cd2_2,
      coalesce(s[1], 1) - 0.5::float8, coalesce(s[2], NEW.naxis1) + 0.5::float8,
      coalesce(s[3], 1) - 0.5::float8, coalesce(s[4], NEW.naxis2) + 0.5::float8);
  END IF;
  NEW._cell := awe.footprint_cell(NEW._corners);
  RETURN NEW;
END $f$, section));
  EXECUTE format('CREATE OR REPLACE TRIGGER footprint BEFORE INSERT OR UPDATE OF _cell ON %s
                  FOR EACH ROW EXECUTE FUNCTION awe.%I()', t, 'footprint_of_' || bare);
END $$;

-- After an upgrade, by the superuser: what was committed before, and what waits in the trash, whose
-- contents are compared with the rows that come back.
CREATE OR REPLACE FUNCTION awe.fill_footprints() RETURNS void LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t regclass;
BEGIN
  FOR t IN SELECT p FROM awe.persistent_tables() p WHERE awe.has_footprint(p) LOOP
    EXECUTE format('UPDATE %s SET _cell = NULL WHERE _cell IS NULL AND astrom IS NOT NULL', t);
    UPDATE awe.trash d SET content = d.content
        || jsonb_build_object('_corners', to_jsonb(f.c), '_cell', to_jsonb(awe.footprint_cell(f.c)))
      FROM (SELECT e.id, awe.footprint(
                (w ->> 'crval1')::float8, (w ->> 'crval2')::float8, (w ->> 'crpix1')::float8, (w ->> 'crpix2')::float8,
                (w ->> 'cd1_1')::float8, (w ->> 'cd1_2')::float8, (w ->> 'cd2_1')::float8, (w ->> 'cd2_2')::float8,
                coalesce(s[1], 1) - 0.5::float8, coalesce(s[2], (e.content ->> 'naxis1')::float8) + 0.5::float8,
                coalesce(s[3], 1) - 0.5::float8, coalesce(s[4], (e.content ->> 'naxis2')::float8) + 0.5::float8) AS c
              FROM awe.trash e,
                   LATERAL (SELECT awe.active_section(e.content -> 'geometry') AS s) g,
                   LATERAL (SELECT coalesce(
                     (SELECT to_jsonb(a) FROM awe.astrom a WHERE a.object_id = (e.content ->> 'astrom')::uuid),
                     (SELECT a.content FROM awe.trash a WHERE a.relation = 'awe.astrom'
                         AND a.object_id = (e.content ->> 'astrom')::uuid ORDER BY a.id DESC LIMIT 1)) AS w) p
             WHERE e.relation = t::text AND NOT e.content ? '_cell') f
     WHERE f.id = d.id;
  END LOOP;
END $$;
RESET ROLE;
