-- Frozen: what changed between schema 1 and schema 2.
SET ROLE awe_owner;
CREATE OR REPLACE FUNCTION awe.links_published() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  lower bool;
BEGIN
  IF NEW._privileges < 3 OR TG_ARGV[1] = 'null' THEN RETURN NULL; END IF;
  EXECUTE format('SELECT EXISTS (SELECT 1 FROM %1$s l WHERE l.owner = $1 AND NOT EXISTS
                    (SELECT 1 FROM %2$s t WHERE t.object_id = l.target AND t._privileges >= $2))',
                 TG_ARGV[0], TG_ARGV[1]) INTO lower USING NEW.object_id, NEW._privileges;
  IF lower THEN
    RAISE EXCEPTION 'publish the objects in % first: some have lower privileges than %',
      TG_ARGV[0], NEW._privileges USING ERRCODE = 'AW008';
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION awe.link_visible() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  target_level smallint;
  owner_level smallint;
BEGIN
  IF TG_ARGV[1] = 'null' THEN RETURN NULL; END IF;        -- a list of objects of several classes
  EXECUTE format('SELECT t._privileges FROM %s t WHERE t.object_id = $1', TG_ARGV[1])
    INTO target_level USING NEW.target;
  IF target_level IS NULL THEN
    RAISE EXCEPTION '%.target refers to an object that does not exist or is not visible to you',
      TG_TABLE_NAME USING ERRCODE = 'AW007';
  END IF;
  EXECUTE format('SELECT o._privileges FROM %s o WHERE o.object_id = $1', TG_ARGV[0])
    INTO owner_level USING NEW.owner;
  IF owner_level >= 3 AND target_level < owner_level THEN
    RAISE EXCEPTION 'publish the objects in % first: one has lower privileges than %',
      TG_TABLE_NAME, owner_level USING ERRCODE = 'AW008';
  END IF;
  RETURN NULL;
END $$;
RESET ROLE;

-- Classes that users declare themselves: a registry of descriptions, and the one way to a table.
-- A description is data, never SQL: names and types are checked here, identifiers are quoted. The
-- kernel says who may, the owner of all tables builds; the tables get the rights of all others.
SET ROLE awe_owner;

CREATE TABLE awe.user_class (
  creator int NOT NULL REFERENCES awe.users,
  name text NOT NULL CHECK (name ~ '^[A-Za-z][A-Za-z0-9_]{0,39}$'),
  relation text NOT NULL UNIQUE,        -- u<creator>_<name>: no class takes another's table
  description jsonb NOT NULL,
  changed timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (creator, name));
CREATE UNIQUE INDEX user_class_folded ON awe.user_class (creator, lower(name));
ALTER TABLE awe.user_class ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.user_class FORCE ROW LEVEL SECURITY;
CREATE POLICY directory ON awe.user_class FOR SELECT TO awe_user USING (true);
CREATE POLICY kernel ON awe.user_class TO awe_kernel USING (true) WITH CHECK (true);
GRANT SELECT ON awe.user_class TO awe_user, awe_kernel;
GRANT INSERT, UPDATE ON awe.user_class TO awe_kernel;

-- The type of a column, by the name of the type in the declaration.
CREATE FUNCTION awe.column_type(attribute jsonb) RETURNS text LANGUAGE sql IMMUTABLE
  RETURN CASE WHEN attribute ->> 'kind' = 'link' THEN 'uuid' ELSE
    CASE attribute ->> 'type'
      WHEN 'str' THEN 'text COLLATE "C"' WHEN 'int' THEN 'bigint' WHEN 'float' THEN 'double precision'
      WHEN 'bool' THEN 'boolean' WHEN 'datetime' THEN 'timestamp' WHEN 'UUID' THEN 'uuid'
      WHEN 'dict' THEN 'jsonb' END
    || CASE WHEN attribute ->> 'kind' = 'array' THEN '[]' ELSE '' END END;

-- The one table a link may point to; NULL where its class has classes below it.
CREATE FUNCTION awe.link_target(attribute jsonb) RETURNS text LANGUAGE sql IMMUTABLE
  RETURN CASE WHEN jsonb_array_length(attribute -> 'targets') = 1
              THEN 'awe.' || quote_ident(attribute -> 'targets' ->> 0) END;

-- build_class(table, whole description, attributes that are new, whether the table is new too)
CREATE FUNCTION awe.build_class(tab text, description jsonb, added jsonb, fresh bool)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  attribute jsonb;
  col text;
  target text;
  target_name text;
  lists text;
  refs text[] := '{}';
  writable text[] := '{_privileges}';
  entry jsonb;
BEGIN
  IF fresh THEN
    EXECUTE format('CREATE TABLE awe.%I (
      object_id uuid PRIMARY KEY,
      creation_date timestamp NOT NULL DEFAULT awe.utcnow(),
      _creator int NOT NULL DEFAULT awe.uid() REFERENCES awe.users,
      _project int NOT NULL REFERENCES awe.project,
      _privileges smallint NOT NULL CHECK (_privileges BETWEEN 1 AND 5))', tab);
    EXECUTE format('CREATE INDEX ON awe.%I (_creator)', tab);
    EXECUTE format('CREATE INDEX ON awe.%I (creation_date)', tab);
  END IF;
  FOR attribute IN SELECT a FROM jsonb_array_elements(added) a LOOP
    col := attribute ->> 'column';
    target_name := attribute -> 'targets' ->> 0;
    IF awe.link_target(attribute) IS NOT NULL AND target_name <> tab AND NOT EXISTS (
         SELECT 1 FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
          WHERE c.relnamespace = 'awe'::regnamespace AND c.relkind = 'r' AND c.relname = target_name
            AND a.attname IN ('object_id', '_privileges') GROUP BY c.oid HAVING count(*) = 2) THEN
      RAISE EXCEPTION '% links to %, which is no table of objects', attribute ->> 'name', target_name
        USING ERRCODE = 'AW013';
    END IF;
    CONTINUE WHEN attribute ->> 'kind' = 'links';
    EXECUTE format('ALTER TABLE awe.%I ADD COLUMN %I %s', tab, col, awe.column_type(attribute));
    IF attribute ->> 'kind' = 'link' THEN
      EXECUTE format('CREATE INDEX ON awe.%I (%I)', tab, col);
      target := awe.link_target(attribute);
      IF target IS NOT NULL THEN
        EXECUTE format('ALTER TABLE awe.%I ADD FOREIGN KEY (%I) REFERENCES %s', tab, col, target);
      END IF;
    ELSIF col = 'filename' THEN
      EXECUTE format('CREATE INDEX ON awe.%I (%I)', tab, col);
    ELSIF col = 'file' AND attribute ->> 'type' = 'UUID' THEN
      EXECUTE format('ALTER TABLE awe.%I ADD UNIQUE (file), ADD FOREIGN KEY (file) REFERENCES awe.file', tab);
    END IF;
  END LOOP;
  FOR attribute IN SELECT a FROM jsonb_array_elements(description -> 'attributes') a LOOP
    IF attribute ->> 'kind' = 'link' AND awe.link_target(attribute) IS NOT NULL THEN
      refs := refs || format('%s=%s', attribute ->> 'column', awe.link_target(attribute));
    ELSIF attribute ->> 'column' IN ('is_valid', 'timestamp_start', 'timestamp_end')
          AND attribute ->> 'kind' = 'value' THEN
      writable := writable || (attribute ->> 'column');
    END IF;
  END LOOP;
  IF fresh THEN
    PERFORM awe.protect(format('awe.%I', tab)::regclass, writable, refs);
    FOR entry IN SELECT e FROM jsonb_array_elements(description -> 'unique') e LOOP
      EXECUTE format('ALTER TABLE awe.%I ADD UNIQUE (%s)', tab,
                     (SELECT string_agg(quote_ident(c), ', ') FROM jsonb_array_elements_text(entry) c));
    END LOOP;
    FOR entry IN SELECT e FROM jsonb_array_elements(description -> 'indexes') e LOOP
      EXECUTE format('CREATE INDEX ON awe.%I (%s)', tab,
                     (SELECT string_agg(quote_ident(c), ', ') FROM jsonb_array_elements_text(entry) c));
    END LOOP;
  ELSE
    EXECUTE format('DROP TRIGGER IF EXISTS "A_refs_visible" ON awe.%I', tab);
    EXECUTE format('DROP TRIGGER record ON awe.%I', tab);
    IF refs <> '{}' THEN
      EXECUTE format('CREATE TRIGGER "A_refs_visible" AFTER INSERT OR UPDATE OF _privileges ON awe.%I
                      FOR EACH ROW EXECUTE FUNCTION awe.refs_visible(%s)',
                     tab, (SELECT string_agg(quote_literal(r), ', ') FROM unnest(refs) r));
    END IF;
    EXECUTE format('CREATE TRIGGER record AFTER DELETE OR UPDATE OF %s ON awe.%I
                    FOR EACH ROW EXECUTE FUNCTION awe.record_change()',
                   (SELECT string_agg(quote_ident(w), ', ') FROM unnest(writable) w), tab);
    EXECUTE format('GRANT UPDATE (%s) ON awe.%I TO awe_user',
                   (SELECT string_agg(quote_ident(w), ', ') FROM unnest(writable) w), tab);
    IF EXISTS (SELECT 1 FROM jsonb_array_elements(added) a WHERE a ->> 'column' = 'file') THEN
      EXECUTE format('CREATE TRIGGER link_file AFTER INSERT OR DELETE OR UPDATE OF _privileges ON awe.%I
                      FOR EACH ROW EXECUTE FUNCTION awe.link_file()', tab);
    END IF;
  END IF;
  FOR attribute IN SELECT a FROM jsonb_array_elements(added) a WHERE a ->> 'kind' = 'links' LOOP
    lists := tab || '__' || (attribute ->> 'column');
    target := awe.link_target(attribute);
    EXECUTE format('CREATE TABLE awe.%I (owner uuid REFERENCES awe.%I ON DELETE CASCADE, position int,
                    target uuid NOT NULL, PRIMARY KEY (owner, position))', lists, tab);
    EXECUTE format('CREATE INDEX ON awe.%I (target)', lists);
    IF target IS NOT NULL THEN
      EXECUTE format('ALTER TABLE awe.%I ADD FOREIGN KEY (target) REFERENCES %s', lists, target);
    END IF;
    PERFORM awe.protect_links(format('awe.%I', lists)::regclass, format('awe.%I', tab)::regclass, target::regclass);
  END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION awe.build_class(text, jsonb, jsonb, bool) TO awe_kernel;
RESET ROLE;

GRANT CREATE ON SCHEMA awe TO awe_kernel;
SET ROLE awe_kernel;

-- Refuse a description that is not one: names, kinds, types, lengths, repetitions.
CREATE FUNCTION awe.check_class(description jsonb, tab text) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  attribute jsonb;
  columns text[] := '{}';
  col text;
BEGIN
  IF jsonb_typeof(description -> 'attributes') IS DISTINCT FROM 'array'
     OR jsonb_array_length(description -> 'attributes') > 200 OR length(description::text) > 200000 THEN
    RAISE EXCEPTION 'a class has at most 200 attributes' USING ERRCODE = 'AW012';
  END IF;
  FOR attribute IN SELECT a FROM jsonb_array_elements(description -> 'attributes') a LOOP
    col := attribute ->> 'column';
    IF col IS NULL OR col !~ '^[a-z][a-z0-9_]{0,39}$' OR col <> lower(attribute ->> 'name')
       OR col IN ('object_id', 'creation_date', 'tableoid', 'xmin', 'xmax', 'cmin', 'cmax', 'ctid') THEN
      RAISE EXCEPTION 'an attribute cannot be named %', coalesce(quote_literal(attribute ->> 'name'), 'nothing')
        USING ERRCODE = 'AW012';
    END IF;
    IF col = ANY (columns) THEN
      RAISE EXCEPTION 'two attributes are named %', col USING ERRCODE = 'AW012';
    END IF;
    columns := columns || col;
    IF length(tab || '__' || col) > 63 THEN
      RAISE EXCEPTION 'the names of the class and of its attribute % are too long together', col USING ERRCODE = 'AW012';
    END IF;
    IF coalesce(attribute ->> 'kind', '') NOT IN ('value', 'array', 'link', 'links')
       OR (attribute ->> 'kind' IN ('value', 'array')
           AND coalesce(attribute ->> 'type', '') NOT IN ('str', 'int', 'float', 'bool', 'datetime', 'UUID', 'dict'))
       OR (attribute ->> 'kind' IN ('link', 'links') AND (
             jsonb_typeof(attribute -> 'targets') IS DISTINCT FROM 'array'
             OR jsonb_array_length(attribute -> 'targets') NOT BETWEEN 1 AND 200)) THEN
      RAISE EXCEPTION 'attribute % has a kind or type that cannot be stored', col USING ERRCODE = 'AW012';
    END IF;
  END LOOP;
  IF EXISTS (SELECT 1 FROM jsonb_array_elements((description -> 'indexes') || (description -> 'unique')) e,
                           jsonb_array_elements_text(e) c WHERE NOT c = ANY (columns || '{creation_date}'::text[])) THEN
    RAISE EXCEPTION 'an index names an attribute the class does not have' USING ERRCODE = 'AW012';
  END IF;
END $$;

-- What a later declaration of the same class adds; what it takes away or changes is refused.
CREATE FUNCTION awe.class_additions(class_name text, before jsonb, after jsonb) RETURNS jsonb LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  old jsonb;
  new jsonb;
BEGIN
  FOR old IN SELECT a FROM jsonb_array_elements(before -> 'attributes') a LOOP
    SELECT a INTO new FROM jsonb_array_elements(after -> 'attributes') a WHERE a ->> 'column' = old ->> 'column';
    IF new IS NULL THEN
      RAISE EXCEPTION 'class % has objects with an attribute % that the declaration lacks; attributes can be added, not removed',
        class_name, old ->> 'name' USING ERRCODE = 'AW014';
    END IF;
    IF new ->> 'kind' <> old ->> 'kind' OR new ->> 'type' IS DISTINCT FROM old ->> 'type'
       OR (new ->> 'kind' IN ('link', 'links') AND new ->> 'class' IS DISTINCT FROM old ->> 'class') THEN
      RAISE EXCEPTION '%.% was declared as % of type %, now as % of type %; choose another name for the new attribute',
        class_name, old ->> 'name', old ->> 'kind', coalesce(old ->> 'type', old ->> 'class'),
        new ->> 'kind', coalesce(new ->> 'type', new ->> 'class') USING ERRCODE = 'AW014';
    END IF;
  END LOOP;
  RETURN coalesce((SELECT jsonb_agg(a) FROM jsonb_array_elements(after -> 'attributes') a
                    WHERE NOT EXISTS (SELECT 1 FROM jsonb_array_elements(before -> 'attributes') o
                                       WHERE o ->> 'column' = a ->> 'column')), '[]');
END $$;

-- define_class(description): the table of the caller's own class of that name, made or extended.
CREATE FUNCTION awe.define_class(description jsonb) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  me int := awe.caller();
  class_name text := description ->> 'name';
  tab text;
  known awe.user_class%ROWTYPE;
  added jsonb;
BEGIN
  IF me IS NULL THEN
    RAISE EXCEPTION 'only registered users declare classes' USING ERRCODE = 'AW011';
  END IF;
  IF class_name IS NULL OR class_name !~ '^[A-Za-z][A-Za-z0-9_]{0,39}$' THEN
    RAISE EXCEPTION 'a class cannot be named %', coalesce(quote_literal(class_name), 'nothing') USING ERRCODE = 'AW012';
  END IF;
  tab := 'u' || me || '_' || lower(class_name);
  PERFORM awe.check_class(description, tab);
  PERFORM pg_advisory_xact_lock(8793, me);
  SELECT c.* INTO known FROM awe.user_class c WHERE c.creator = me AND lower(c.name) = lower(class_name);
  IF NOT FOUND THEN
    IF (SELECT count(*) >= 200 FROM awe.user_class c WHERE c.creator = me) THEN
      RAISE EXCEPTION 'you have 200 classes already' USING ERRCODE = 'AW012';
    END IF;
    INSERT INTO awe.user_class (creator, name, relation, description) VALUES (me, class_name, tab, description);
    PERFORM awe.build_class(tab, description, description -> 'attributes', true);
    RETURN tab;
  END IF;
  IF known.name <> class_name THEN
    RAISE EXCEPTION 'you have a class % already; names differ in more than case', known.name USING ERRCODE = 'AW012';
  END IF;
  added := awe.class_additions(class_name, known.description, description);
  IF added <> '[]' THEN
    PERFORM awe.build_class(tab, description, added, false);
  END IF;
  UPDATE awe.user_class c SET description = define_class.description, changed = now()
   WHERE c.creator = me AND c.name = class_name;
  RETURN tab;
END $$;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_kernel;
SET ROLE awe_kernel;
GRANT EXECUTE ON FUNCTION awe.define_class(jsonb) TO awe_user;
RESET ROLE;

-- Queries kept by name: a class and a tree of conditions, as data. The reader rebuilds and checks
-- it against the declarations, and it finds what the reader may see, not what the writer saw.
SET ROLE awe_owner;

CREATE TABLE awe.saved_query (
  creator int NOT NULL DEFAULT awe.uid() REFERENCES awe.users,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  project int NOT NULL REFERENCES awe.project,
  shared bool NOT NULL DEFAULT false,   -- with the members of the project
  class text NOT NULL CHECK (length(class) <= 100),
  content jsonb NOT NULL CHECK (length(content::text) <= 1000000),
  saved timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (creator, name));
CREATE INDEX saved_query_project ON awe.saved_query (project) WHERE shared;
ALTER TABLE awe.saved_query ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.saved_query FORCE ROW LEVEL SECURITY;
CREATE POLICY see ON awe.saved_query FOR SELECT TO awe_user USING (
  creator = (SELECT awe.uid()) OR (shared AND project = ANY ((SELECT awe.my_projects())::int[])));
CREATE POLICY make ON awe.saved_query FOR INSERT TO awe_user WITH CHECK (
  creator = (SELECT awe.uid()) AND (NOT shared OR project = ANY ((SELECT awe.my_projects())::int[])));
CREATE POLICY change ON awe.saved_query FOR UPDATE TO awe_user USING (creator = (SELECT awe.uid())) WITH CHECK (
  creator = (SELECT awe.uid()) AND (NOT shared OR project = ANY ((SELECT awe.my_projects())::int[])));
CREATE POLICY drop_own ON awe.saved_query FOR DELETE TO awe_user USING (creator = (SELECT awe.uid()));
GRANT SELECT, DELETE ON awe.saved_query TO awe_user;
GRANT INSERT (name, project, shared, class, content) ON awe.saved_query TO awe_user;
GRANT UPDATE (project, shared, class, content, saved) ON awe.saved_query TO awe_user;
RESET ROLE;

-- The observations as the Virtual Observatory asks for them: IVOA ObsCore 1.1, mandatory columns.
-- Raw and reduced science frames; whoever asks sees what he may see of the tables below.
SET ROLE awe_owner;

-- Right ascension and declination [deg] of a pixel, by a tangential projection.
CREATE FUNCTION awe.sky(crval1 float8, crval2 float8, crpix1 float8, crpix2 float8,
                        cd1_1 float8, cd1_2 float8, cd2_1 float8, cd2_2 float8, x float8, y float8)
RETURNS float8[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT ARRAY[
    (crval1 + degrees(atan2(p.xi, cos(p.d) - p.eta * sin(p.d))))::numeric % 360 + 360,
    degrees(atan2(sin(p.d) + p.eta * cos(p.d), sqrt(p.xi ^ 2 + (cos(p.d) - p.eta * sin(p.d)) ^ 2)))]
  FROM (SELECT radians(crval2) AS d,
               radians(cd1_1 * (x - crpix1) + cd1_2 * (y - crpix2)) AS xi,
               radians(cd2_1 * (x - crpix1) + cd2_2 * (y - crpix2)) AS eta) p);
CREATE FUNCTION awe.sky_corner(place float8[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round((place[1]::numeric % 360), 7) || ' ' || round(place[2]::numeric, 7);
GRANT EXECUTE ON FUNCTION awe.sky(float8, float8, float8, float8, float8, float8, float8, float8, float8, float8),
  awe.sky_corner(float8[]) TO awe_world;

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
  (extract(epoch FROM f.date_obs - timestamp '1858-11-17')::float8 + f.exptime) / 86400 AS t_max,
  f.exptime AS t_exptime,
  f.exptime AS t_resolution,
  1::bigint AS t_xel,
  nullif(b.central_wavelength, 0) * 1e-9 AS em_min,
  nullif(b.central_wavelength, 0) * 1e-9 AS em_max,
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
    sqrt(abs(w.cd1_1 * w.cd2_2 - w.cd1_2 * w.cd2_1)) AS scale) c ON w.object_id IS NOT NULL;
GRANT SELECT ON awe.obscore TO awe_world;
RESET ROLE;

-- awe.self_check(): every row it returns is a table, view, function, person or setting without its
-- protection. For the superuser only (it reads pg_hba_file_rules); asked by `awe-admin doctor`.
CREATE OR REPLACE FUNCTION awe.self_check() RETURNS TABLE (rule text, culprit text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
WITH
  relation AS (SELECT c.* FROM pg_class c WHERE c.relnamespace = 'awe'::regnamespace),
  persistent AS (
    SELECT c.* FROM relation c WHERE c.relkind IN ('r', 'p') AND c.relname <> 'file'
       AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = '_privileges')),
  linking AS (
    SELECT c.* FROM relation c WHERE c.relkind IN ('r', 'p')
       AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'owner')
       AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'target')),
  trig AS (
    SELECT t.tgrelid, t.tgname, t.tgenabled, encode(t.tgargs, 'escape') AS args, t.tgfoid::regproc::text AS runs
      FROM pg_trigger t WHERE NOT t.tgisinternal),
  rule_text AS (
    SELECT c.relname AS tab, p.polname::text AS policy, p.polpermissive, p.polroles::text AS roles,
           replace(coalesce(pg_get_expr(p.polqual, p.polrelid), '') || ' / '
                   || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), ''), c.relname, 'THIS') AS said
      FROM pg_policy p JOIN persistent c ON c.oid = p.polrelid)
SELECT 'table without forced row-level security', c.oid::regclass::text FROM relation c
 WHERE c.relkind IN ('r', 'p') AND c.relname NOT IN ('schema_version', 'alembic_version')
   AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
UNION ALL
SELECT 'objects without exactly the standard policies', c.relname::text FROM persistent c
 WHERE ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1)
       <> '{change,drop_own,make,see,see_world}'
UNION ALL
SELECT 'policy that differs from that of the other classes', r.tab || '.' || r.policy FROM rule_text r
 WHERE (SELECT count(*) FROM rule_text o WHERE o.policy = r.policy AND o.said = r.said
          AND o.polpermissive = r.polpermissive AND o.roles = r.roles)
       <= (SELECT count(*) FROM persistent) / 2
UNION ALL
SELECT 'objects without guard or record trigger', c.relname || ': ' || w.name
  FROM persistent c CROSS JOIN (VALUES ('guard', 'awe.guard_update'), ('record', 'awe.record_change')) w(name, runs)
 WHERE NOT EXISTS (SELECT 1 FROM trig t WHERE t.tgrelid = c.oid AND t.tgname = w.name AND t.tgenabled = 'O'
                     AND t.runs = w.runs)
UNION ALL
SELECT 'file column without link_file trigger', c.relname::text FROM persistent c
 WHERE EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'file' AND NOT a.attisdropped)
   AND NOT EXISTS (SELECT 1 FROM trig t WHERE t.tgrelid = c.oid AND t.tgname = 'link_file' AND t.tgenabled = 'O')
UNION ALL
SELECT 'reference to another object that no trigger checks', c.relname || '.' || a.attname
  FROM pg_constraint f JOIN persistent c ON c.oid = f.conrelid JOIN persistent d ON d.oid = f.confrelid
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = f.conkey[1]
 WHERE f.contype = 'f' AND NOT EXISTS (
   SELECT 1 FROM trig t WHERE t.tgrelid = c.oid AND t.tgname = 'A_refs_visible' AND t.tgenabled = 'O'
      AND ('\000' || t.args) LIKE '%\\000' || a.attname || '=%')
UNION ALL
SELECT 'list of links without its policies or triggers', c.relname::text FROM linking c
 WHERE ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1) <> '{make,see}'
    OR NOT EXISTS (SELECT 1 FROM trig t WHERE t.tgrelid = c.oid AND t.tgname = 'A_link_visible' AND t.tgenabled = 'O')
    OR NOT EXISTS (SELECT 1 FROM trig t WHERE t.runs = 'awe.links_published' AND t.tgenabled = 'O'
                     AND t.args LIKE c.oid::regclass::text || '\\000%')
UNION ALL
SELECT 'policy that calls its helpers once per row', c.relname || '.' || p.polname
  FROM pg_policy p JOIN relation c ON c.oid = p.polrelid,
       LATERAL (SELECT coalesce(pg_get_expr(p.polqual, p.polrelid), '')
                    || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') AS said) e
 WHERE regexp_replace(e.said, 'SELECT awe\.\w+\(\)', '', 'g') ~ 'awe\.(uid|my_projects|my_managed)\(\)'
UNION ALL
SELECT 'not owned by awe_owner', c.oid::regclass::text FROM relation c
 WHERE c.relkind IN ('r', 'v', 'm', 'S', 'p') AND pg_get_userbyid(c.relowner) <> 'awe_owner'
UNION ALL
SELECT 'view without security_invoker, or materialised', c.oid::regclass::text FROM relation c
 WHERE (c.relkind = 'v' AND NOT coalesce(c.reloptions::text ~ 'security_invoker=(true|on|1)', false)) OR c.relkind = 'm'
UNION ALL
SELECT 'definer function without fixed search_path, open to everybody, or of a wrong owner', f.oid::regprocedure::text
  FROM pg_proc f WHERE f.pronamespace = 'awe'::regnamespace AND f.prosecdef
   AND (NOT coalesce(f.proconfig::text ~ 'search_path=pg_catalog, ?pg_temp', false)
        OR f.proacl IS NULL OR f.proacl::text ~ '[{,]=X'
        OR (pg_get_userbyid(f.proowner) NOT IN ('awe_kernel', 'awe_rolemaker')
            AND f.proname <> 'build_class')
        OR (f.proname = 'build_class' AND (
              pg_get_userbyid(f.proowner) <> 'awe_owner' OR has_function_privilege('awe_user', f.oid, 'EXECUTE'))))
UNION ALL
SELECT 'function anybody may call', f.oid::regprocedure::text FROM pg_proc f
 WHERE f.pronamespace = 'awe'::regnamespace AND (f.proacl IS NULL OR f.proacl::text ~ '[{,]=X')
UNION ALL
SELECT 'users hold more than their rights on a table', g.relname || ': ' || g.privilege
  FROM (SELECT c.relname, w.privilege FROM relation c,
               (VALUES ('TRUNCATE'), ('REFERENCES'), ('TRIGGER'), ('UPDATE')) w(privilege)
         WHERE c.relkind IN ('r', 'p') AND (has_table_privilege('awe_user', c.oid, w.privilege)
                                        OR has_table_privilege('awe_world', c.oid, w.privilege))) g
UNION ALL
SELECT 'column of an object that must never change is writable', c.relname || '.' || a.attname
  FROM persistent c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE has_column_privilege('awe_user', c.oid, a.attnum, 'UPDATE')
   AND a.attname NOT IN ('is_valid', 'timestamp_start', 'timestamp_end', '_privileges')
UNION ALL
SELECT 'anonymous may write', c.relname::text FROM relation c
 WHERE c.relkind IN ('r', 'p') AND has_any_column_privilege('awe_world', c.oid, 'INSERT, UPDATE')
UNION ALL
SELECT 'user may write history', 'audit' WHERE has_any_column_privilege('awe_user', 'awe.audit', 'INSERT, UPDATE')
    OR has_table_privilege('awe_user', 'awe.audit', 'DELETE')
UNION ALL
SELECT 'person with dangerous attributes or memberships', r.rolname::text
  FROM pg_roles r JOIN awe.users u ON u.role_name = r.rolname
 WHERE r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolconnlimit < 0
    OR EXISTS (SELECT 1 FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                WHERE m.member = r.oid AND g.rolname NOT IN ('awe_user', 'awe_world', 'awe_admin'))
UNION ALL
SELECT 'owner of tables or functions that can log in', r.rolname::text FROM pg_roles r
 WHERE r.rolname IN ('awe_owner', 'awe_kernel', 'awe_rolemaker', 'awe_world', 'awe_user', 'awe_admin')
   AND (r.rolcanlogin OR r.rolsuper OR r.rolbypassrls OR (r.rolcreaterole AND r.rolname <> 'awe_rolemaker'))
UNION ALL
SELECT 'service with more than its functions', r.rolname::text FROM pg_roles r
 WHERE r.rolname IN ('awe_dataserver', 'awe_runner')
   AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole
        OR EXISTS (SELECT 1 FROM pg_auth_members m WHERE m.member = r.oid))
UNION ALL
SELECT 'schema a user can create in', n.nspname::text FROM pg_namespace n
 WHERE (has_schema_privilege('awe_user', n.oid, 'CREATE') OR has_schema_privilege('anonymous', n.oid, 'CREATE'))
   AND n.nspname !~ '^pg_(temp|toast)'
UNION ALL
SELECT 'index that row-level security makes useless', i.indexrelid::regclass::text
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam
  JOIN relation t ON t.oid = i.indrelid
 WHERE t.relrowsecurity AND am.amname IN ('gist', 'gin', 'spgist')
UNION ALL
SELECT 'login without SCRAM', coalesce(h.file_name, '') || ' line ' || h.line_number FROM pg_hba_file_rules h
 WHERE h.auth_method IN ('trust', 'password', 'md5', 'ident') OR h.error IS NOT NULL
UNION ALL
SELECT 'database of people that can be created in or connected to by default', d.datname::text FROM pg_database d
 WHERE d.datname = current_database() AND has_database_privilege('awe_user', d.oid, 'CREATE')
UNION ALL
SELECT 'durability', s.name || ' = ' || s.setting FROM pg_settings s
 WHERE (s.name IN ('fsync', 'full_page_writes', 'data_checksums') AND s.setting <> 'on')
    OR (s.name = 'synchronous_commit' AND s.setting = 'off')
    OR (s.name = 'password_encryption' AND s.setting <> 'scram-sha-256');
END;
REVOKE ALL ON FUNCTION awe.self_check() FROM PUBLIC;
