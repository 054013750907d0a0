-- Classes that users declare themselves: a registry of descriptions, and the one way to a table.
-- A description is data, never SQL: names and types are checked here, identifiers are quoted. The
-- kernel says who may, the owner of all tables builds; the tables get the rights of all others.
SET ROLE awe_owner;

CREATE TABLE IF NOT EXISTS awe.user_class (
  creator int NOT NULL REFERENCES awe.users,
  name text NOT NULL CHECK (name ~ '^[A-Za-z][A-Za-z0-9_]{0,39}$'),
  relation text NOT NULL UNIQUE,        -- u<creator>_<name>: no class takes another's table
  description jsonb NOT NULL,
  changed timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (creator, name));
CREATE UNIQUE INDEX IF NOT EXISTS user_class_folded ON awe.user_class (creator, lower(name));
ALTER TABLE awe.user_class ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.user_class FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS directory ON awe.user_class;
CREATE POLICY directory ON awe.user_class FOR SELECT TO awe_user USING (true);
DROP POLICY IF EXISTS kernel ON awe.user_class;
CREATE POLICY kernel ON awe.user_class TO awe_kernel USING (true) WITH CHECK (true);
GRANT SELECT ON awe.user_class TO awe_user, awe_kernel;
GRANT INSERT, UPDATE ON awe.user_class TO awe_kernel;

-- The type of a column, by the name of the type in the declaration.
CREATE OR REPLACE FUNCTION awe.column_type(attribute jsonb) RETURNS text LANGUAGE sql IMMUTABLE
  RETURN CASE WHEN attribute ->> 'kind' = 'link' THEN 'uuid' ELSE
    CASE attribute ->> 'type'
      WHEN 'str' THEN 'text' WHEN 'int' THEN 'bigint' WHEN 'float' THEN 'double precision'
      WHEN 'bool' THEN 'boolean' WHEN 'datetime' THEN 'timestamp' WHEN 'UUID' THEN 'uuid'
      WHEN 'dict' THEN 'jsonb' END
    || CASE WHEN attribute ->> 'kind' = 'array' THEN '[]' ELSE '' END
    || CASE WHEN attribute ->> 'type' = 'str' THEN ' COLLATE "C"' ELSE '' END END;

-- The one table a link may point to; NULL where its class has classes below it.
CREATE OR REPLACE FUNCTION awe.link_target(attribute jsonb) RETURNS text LANGUAGE sql IMMUTABLE
  RETURN CASE WHEN jsonb_array_length(attribute -> 'targets') = 1
              THEN 'awe.' || quote_ident(attribute -> 'targets' ->> 0) END;

-- build_class(table, whole description, attributes that are new, whether the table is new too)
CREATE OR REPLACE FUNCTION awe.build_class(tab text, description jsonb, added jsonb, fresh bool)
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
      RAISE EXCEPTION '% links to %, which is not a table of objects', attribute ->> 'name', target_name
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
    IF attribute ->> 'column' IN ('is_valid', 'timestamp_start', 'timestamp_end')
          AND attribute ->> 'kind' = 'value' THEN
      writable := writable || (attribute ->> 'column');
    END IF;
  END LOOP;
  -- What is checked is what the foreign keys say, whatever a later description claims.
  refs := ARRAY(SELECT a.attname || '=' || f.confrelid::regclass FROM pg_constraint f
                  JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
                 WHERE f.conrelid = format('awe.%I', tab)::regclass AND f.contype = 'f'
                   AND f.confrelid IN (SELECT awe.persistent_tables()));
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
    EXECUTE format('DROP TRIGGER record ON awe.%I', tab);
    PERFORM awe.check_values(format('awe.%I', tab)::regclass);
    PERFORM awe.check_refs(format('awe.%I', tab)::regclass, refs);
    PERFORM awe.give_footprint(format('awe.%I', tab)::regclass);
    EXECUTE format('CREATE OR REPLACE TRIGGER record AFTER DELETE OR UPDATE OF %s ON awe.%I
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
GRANT EXECUTE ON FUNCTION awe.build_class(text, jsonb, jsonb, bool), awe.link_target(jsonb) TO awe_kernel;
RESET ROLE;

GRANT CREATE ON SCHEMA awe TO awe_kernel;
SET ROLE awe_kernel;

-- Refuse a description that is not one: names, kinds, types, lengths, repetitions.
CREATE OR REPLACE FUNCTION awe.check_class(description jsonb, tab text) RETURNS void LANGUAGE plpgsql
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
    IF (col = 'file' AND (attribute ->> 'kind', attribute ->> 'type') IS DISTINCT FROM ('value', 'UUID'))
       OR (col = 'filename' AND (attribute ->> 'kind', attribute ->> 'type') IS DISTINCT FROM ('value', 'str')) THEN
      RAISE EXCEPTION 'the attribute % of a class with files is declared by awe.DataObject; choose another name', col
        USING ERRCODE = 'AW012';
    END IF;
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
  IF jsonb_array_length(coalesce(nullif(description -> 'indexes', 'null'), '[]'))
     + jsonb_array_length(coalesce(nullif(description -> 'unique', 'null'), '[]')) > 50 THEN
    RAISE EXCEPTION 'a class has at most 50 indexes' USING ERRCODE = 'AW012';
  END IF;
  IF 'file' = ANY (columns) AND NOT 'filename' = ANY (columns) THEN
    RAISE EXCEPTION 'a class with a file has a filename' USING ERRCODE = 'AW012';
  END IF;
  IF EXISTS (SELECT 1 FROM jsonb_array_elements((description -> 'indexes') || (description -> 'unique')) e,
                           jsonb_array_elements_text(e) c WHERE NOT c = ANY (columns || '{creation_date}'::text[])) THEN
    RAISE EXCEPTION 'an index names an attribute the class does not have' USING ERRCODE = 'AW012';
  END IF;
END $$;

-- What a later declaration of the same class adds; what it takes away or changes is refused.
CREATE OR REPLACE FUNCTION awe.class_additions(class_name text, before jsonb, after jsonb) RETURNS jsonb LANGUAGE plpgsql
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
       OR (new ->> 'kind' IN ('link', 'links') AND (new ->> 'class' IS DISTINCT FROM old ->> 'class'
           -- One table before and another one now: what is stored would not be checked any more.
           OR (awe.link_target(old) IS NOT NULL AND awe.link_target(new) IS DISTINCT FROM awe.link_target(old)))) THEN
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
CREATE OR REPLACE FUNCTION awe.define_class(description jsonb) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
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
  -- Each link is two triggers on the table it points to, which every session reads.
  IF (SELECT count(*) > 500 FROM (
        SELECT c.description AS d FROM awe.user_class c WHERE c.creator = me AND lower(c.name) <> lower(class_name)
        UNION ALL SELECT description) x, jsonb_array_elements(x.d -> 'attributes') a
       WHERE a ->> 'kind' IN ('link', 'links')) THEN
    RAISE EXCEPTION 'your classes would have more than 500 links together' USING ERRCODE = 'AW012';
  END IF;
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
