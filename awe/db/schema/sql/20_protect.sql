-- One text of rights for every table of persistent objects, applied by awe.protect().
-- Such a table has: object_id uuid PRIMARY KEY, _creator int, _project int, _privileges smallint,
-- creation_date timestamp. A link table has: owner uuid, position int, target uuid.
SET ROLE awe_owner;

-- What WITH CHECK cannot say, because it does not see the old row.
CREATE OR REPLACE FUNCTION awe.guard_update() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  highest smallint;
  project_name text;
BEGIN
  IF NOT row_security_active(TG_RELID) THEN RETURN NEW; END IF;      -- the administrator
  IF NEW._creator <> OLD._creator OR NEW._project <> OLD._project OR NEW.object_id <> OLD.object_id THEN
    RAISE EXCEPTION 'creator, project and object_id of an object never change' USING ERRCODE = 'AW001';
  END IF;
  IF NEW._privileges < OLD._privileges THEN
    RAISE EXCEPTION 'privileges of an object can be raised, not lowered (% -> %)',
      OLD._privileges, NEW._privileges USING ERRCODE = 'AW002';
  END IF;
  IF NEW._privileges > OLD._privileges THEN
    -- The end of a proprietary period acts for every creator; its policy says of which objects.
    IF current_user <> 'awe_release' THEN
      IF OLD._creator IS DISTINCT FROM awe.uid() THEN
        RAISE EXCEPTION 'only the creator of an object can publish it' USING ERRCODE = 'AW003';
      END IF;
    END IF;
    SELECT p.max_privileges, p.name INTO highest, project_name FROM awe.project p WHERE p.id = NEW._project;
    IF NEW._privileges > highest THEN
      RAISE EXCEPTION 'project % allows privileges up to %, not %', project_name, highest, NEW._privileges
        USING ERRCODE = 'AW004';
    END IF;
  END IF;
  RETURN NEW;
END $$;

-- What one refers to must be visible to oneself, and nothing is published before what it was made
-- from. An EXISTS in the INSERT policy would recurse as soon as two classes refer to each other.
-- This is the body of the function that checks the references of one table, given as
-- 'column=table': its statements are fixed, so that a session plans each of them once and not at
-- every row. Empty links cost nothing.
CREATE OR REPLACE FUNCTION awe.refs_body(refs text[]) RETURNS text LANGUAGE sql STABLE
  SET search_path = pg_catalog, pg_temp
  RETURN (SELECT E'\nDECLARE\n  level smallint;\nBEGIN\n' || string_agg(format($f$
  IF NEW.%1$I IS NOT NULL THEN
    SELECT t._privileges INTO level FROM %2$s t WHERE t.object_id = NEW.%1$I;
    IF level IS NULL THEN
      RAISE EXCEPTION '%%.%% refers to an object that does not exist or is not visible to you',
        TG_TABLE_NAME, %1$L USING ERRCODE = 'AW007';
    END IF;
    IF NEW._privileges >= 3 AND level < NEW._privileges THEN
      RAISE EXCEPTION 'publish %%.%% first: it has lower privileges than %%',
        TG_TABLE_NAME, %1$L, NEW._privileges USING ERRCODE = 'AW008';
    END IF;
  END IF;
$f$, split_part(r, '=', 1), split_part(r, '=', 2)::regclass), '' ORDER BY split_part(r, '=', 1))
    || E'  RETURN NULL;\nEND ' FROM unnest(refs) r);

-- The function of a table and its trigger, made or made anew. The trigger's name sorts before the
-- foreign keys' own, so that 'absent' and 'not yours' fail alike.
CREATE OR REPLACE FUNCTION awe.check_refs(t regclass, refs text[]) RETURNS void LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  checker text := (SELECT format('awe.%I', 'refs_of_' || c.relname) FROM pg_class c WHERE c.oid = t);
BEGIN
  IF refs = '{}' THEN RETURN; END IF;
  EXECUTE format('CREATE OR REPLACE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql
                  SET search_path = pg_catalog, pg_temp AS %L', checker, awe.refs_body(refs));
  EXECUTE format('CREATE OR REPLACE TRIGGER "A_refs_visible" AFTER INSERT OR UPDATE OF _privileges ON %s
                  FOR EACH ROW EXECUTE FUNCTION %s()', t, checker);
END $$;

-- The same for lists of links, when their owner is published: arguments link table, target table.
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

-- A new link: its target is visible, and not less published than its owner. Arguments owner table,
-- target table.
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

-- What is published is read by everybody: one row whose date, number or nesting no client can read,
-- or that fills its memory, would spoil everybody's questions. Infinite dates are not dates.
CREATE OR REPLACE FUNCTION awe.is_readable(value jsonb) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN octet_length(value::text) <= 2000000
     AND strpos(translate(value::text, '123456789', '000000000'), repeat('0', 400)) = 0
     AND NOT jsonb_path_exists(value, 'strict $.**{60 to last}');
COMMENT ON FUNCTION awe.is_readable(jsonb) IS 'under 2 MB, no number of 400 digits, nested at most 59 deep';
CREATE OR REPLACE FUNCTION awe.is_readable(list jsonb[]) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN octet_length(list::text) <= 2000000
     AND NOT EXISTS (SELECT 1 FROM unnest(list) l WHERE NOT awe.is_readable(l));
GRANT EXECUTE ON FUNCTION awe.is_readable(jsonb), awe.is_readable(jsonb[]) TO awe_user, awe_release;

-- What a table asks of the values of its columns.
CREATE OR REPLACE FUNCTION awe.value_rules(t regclass) RETURNS TABLE (col name, rule text) LANGUAGE sql STABLE
  SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT a.attname, format(r.rule, a.attname) FROM pg_attribute a JOIN (VALUES
    ('timestamp', '%1$I >= ''0001-01-01''::timestamp AND %1$I < ''10000-01-01''::timestamp'),
    ('timestamp[]', '''0001-01-01''::timestamp <= ALL (%1$I) AND ''10000-01-01''::timestamp > ALL (%1$I)'),
    ('text', 'octet_length(%1$I) <= 2000000'),
    ('text[]', 'octet_length(%1$I::text) <= 2000000'),
    ('jsonb', 'awe.is_readable(%1$I)'),
    ('jsonb[]', 'awe.is_readable(%1$I)'),
    ('float8[]', 'cardinality(%1$I) <= 1000000'),
    ('int8[]', 'cardinality(%1$I) <= 1000000'),
    ('bool[]', 'cardinality(%1$I) <= 1000000'),
    ('uuid[]', 'cardinality(%1$I) <= 1000000')) r(type, rule) ON r.type::regtype = a.atttypid
  WHERE a.attrelid = t AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    AND a.attname NOT IN ('creation_date', '_corners')
  ORDER BY a.attname;
END;

CREATE OR REPLACE FUNCTION awe.check_values(t regclass) RETURNS void LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  rules text := (SELECT string_agg(v.rule, ' AND ') FROM awe.value_rules(t) v);
BEGIN
  EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS readable_values', t);
  IF rules IS NULL THEN RETURN; END IF;
  EXECUTE format('ALTER TABLE %s ADD CONSTRAINT readable_values CHECK (%s) NOT VALID', t, rules);
  BEGIN
    EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT readable_values', t);
  EXCEPTION WHEN check_violation THEN NULL;                -- awe.mend_values() follows
  END;
END $$;

-- After an upgrade, by the superuser: values of older databases that nobody can read become none.
CREATE OR REPLACE FUNCTION awe.mend_values() RETURNS void LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t regclass;
  v record;
  n bigint;
BEGIN
  FOR t IN SELECT o.conrelid FROM pg_constraint o WHERE o.conname = 'readable_values' AND NOT o.convalidated
              AND o.conrelid IN (SELECT awe.persistent_tables()) LOOP
    EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', t);
    FOR v IN SELECT * FROM awe.value_rules(t) LOOP
      EXECUTE format('UPDATE %s SET %I = NULL WHERE NOT (%s)', t, v.col, v.rule);
      GET DIAGNOSTICS n = ROW_COUNT;
      IF n > 0 THEN
        RAISE WARNING '%: % objects had a % that nobody can read; they have none now', t, n, v.col;
      END IF;
    END LOOP;
    EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', t);
    EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT readable_values', t);
  END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION awe.mend_values() FROM PUBLIC;

-- Rights can be given anew: what stood before goes first.
CREATE OR REPLACE FUNCTION awe.drop_policies(t regclass) RETURNS void LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  policy name;
BEGIN
  FOR policy IN SELECT p.polname FROM pg_policy p WHERE p.polrelid = t LOOP
    EXECUTE format('DROP POLICY %I ON %s', policy, t);
  END LOOP;
END $$;

-- protect(table, columns that may change, references to protected tables as 'column=table')
CREATE OR REPLACE FUNCTION awe.protect(t regclass, writable text[], refs text[] DEFAULT '{}')
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  columns text[] := ARRAY(SELECT DISTINCT w FROM unnest(writable || '{_privileges}') w ORDER BY w);
  -- A policy names the whole row by the bare name of its table.
  bare text := (SELECT format('%I', c.relname) FROM pg_class c WHERE c.oid = t);
BEGIN
  PERFORM awe.drop_policies(t);
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
  EXECUTE format('CREATE POLICY see_world ON %s FOR SELECT TO awe_world USING (_privileges >= 4)', t);
  EXECUTE format($p$CREATE POLICY see ON %s FOR SELECT TO awe_user USING (
      _privileges >= 3
      OR _creator = (SELECT awe.uid())
      OR (_privileges = 2 AND _project = ANY ((SELECT awe.my_projects())::int[])))$p$, t);
  -- The date is the server's, except where one's own deleted object comes back as it was; a column
  -- that came since is empty.
  EXECUTE format($p$CREATE POLICY make ON %1$s FOR INSERT TO awe_user WITH CHECK (
      _creator = (SELECT awe.uid())
      AND _project = ANY ((SELECT awe.my_projects())::int[])
      AND _privileges >= 1
      AND _privileges <= (SELECT p.max_privileges FROM awe.project p WHERE p.id = _project)
      AND (creation_date = (SELECT awe.utcnow())
           OR EXISTS (SELECT 1 FROM awe.trash d
                       WHERE d.object_id = %2$s.object_id AND d.relation = %3$L
                         AND jsonb_strip_nulls(d.content) = jsonb_strip_nulls(to_jsonb(%2$s.*)))))$p$, t, bare, t::text);
  EXECUTE format($p$CREATE POLICY change ON %s FOR UPDATE TO awe_user USING (
      _creator = (SELECT awe.uid())
      OR (_privileges >= 2 AND _project = ANY ((SELECT awe.my_managed())::int[]))) WITH CHECK (true)$p$, t);
  EXECUTE format($p$CREATE POLICY drop_own ON %s FOR DELETE TO awe_user USING (
      _creator = (SELECT awe.uid()) AND _privileges <= 2)$p$, t);
  -- When a proprietary period ends, the level that the project names and no other; never what its
  -- creator keeps to themselves (level 1). Parents are looked at, whatever their level.
  EXECUTE format('CREATE POLICY release_see ON %s FOR SELECT TO awe_release USING (true)', t);
  EXECUTE format($p$CREATE POLICY release ON %s FOR UPDATE TO awe_release USING (
      _privileges >= 2
      AND EXISTS (SELECT 1 FROM awe.project p WHERE p.id = _project AND p.release_begins <= now()
                     AND creation_date <= (now() AT TIME ZONE 'UTC') - make_interval(days => p.release_days)))
      WITH CHECK (_privileges = (SELECT p.release_level FROM awe.project p WHERE p.id = _project))$p$, t);
  EXECUTE format('CREATE OR REPLACE TRIGGER guard BEFORE UPDATE ON %s
                  FOR EACH ROW EXECUTE FUNCTION awe.guard_update()', t);
  PERFORM awe.check_range(t);
  PERFORM awe.check_values(t);
  PERFORM awe.check_refs(t, refs);
  PERFORM awe.give_footprint(t);
  IF EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = t AND a.attname = 'file' AND NOT a.attisdropped) THEN
    EXECUTE format('CREATE OR REPLACE TRIGGER link_file AFTER INSERT OR DELETE OR UPDATE OF _privileges ON %s
                    FOR EACH ROW EXECUTE FUNCTION awe.link_file()', t);
  END IF;
  EXECUTE format('CREATE OR REPLACE TRIGGER record AFTER DELETE OR UPDATE OF %s ON %s
                  FOR EACH ROW EXECUTE FUNCTION awe.record_change()',
                 (SELECT string_agg(format('%I', c), ', ') FROM unnest(columns) c), t);
  EXECUTE format('GRANT SELECT ON %s TO awe_world', t);
  EXECUTE format('GRANT INSERT, DELETE ON %s TO awe_user', t);
  EXECUTE format('GRANT UPDATE (%s) ON %s TO awe_user',
                 (SELECT string_agg(format('%I', c), ', ') FROM unnest(columns) c), t);
  EXECUTE format('GRANT SELECT, UPDATE (_privileges) ON %s TO awe_release', t);
  IF t = to_regclass('awe.comment') THEN PERFORM awe.protect_comments(t); END IF;
END $$;

-- protect_links(link table, owner table, target table): seen with its owner, made with its owner
-- (in the same transaction, by the same person), gone with its owner, never changed.
CREATE OR REPLACE FUNCTION awe.protect_links(link regclass, owner_table regclass, target_table regclass)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  bare text := (SELECT format('%I', c.relname) FROM pg_class c WHERE c.oid = link);
BEGIN
  PERFORM awe.drop_policies(link);
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', link);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', link);
  EXECUTE format('CREATE POLICY see ON %s FOR SELECT TO awe_world, awe_release USING (
      EXISTS (SELECT 1 FROM %s o WHERE o.object_id = owner))', link, owner_table);
  EXECUTE format($p$CREATE POLICY make ON %1$s FOR INSERT TO awe_user WITH CHECK (
      EXISTS (SELECT 1 FROM %2$s o WHERE o.object_id = %3$s.owner AND o._creator = (SELECT awe.uid())
              AND (o.creation_date = (SELECT awe.utcnow())
                   OR EXISTS (SELECT 1 FROM awe.trash d
                               WHERE d.object_id = %3$s.owner AND d.relation = %4$L
                                 AND d.content = to_jsonb(%3$s.*)))))$p$,
      link, owner_table, bare, link::text);
  EXECUTE format('CREATE OR REPLACE TRIGGER "A_link_visible" AFTER INSERT ON %s
                  FOR EACH ROW EXECUTE FUNCTION awe.link_visible(%L, %L)',
                 link, owner_table::text, target_table::text);
  EXECUTE format('CREATE OR REPLACE TRIGGER record AFTER DELETE ON %s
                  FOR EACH ROW EXECUTE FUNCTION awe.record_link()', link);
  EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER UPDATE OF _privileges ON %s
                  FOR EACH ROW EXECUTE FUNCTION awe.links_published(%L, %L)',
                 -- A longer name would be cut, and be that of another list of the class.
                 'A_links_' || (SELECT CASE WHEN length(relname) > 55 THEN md5(relname) ELSE relname END
                                  FROM pg_class WHERE oid = link),
                 owner_table, link::text, target_table::text);
  EXECUTE format('GRANT SELECT ON %s TO awe_world', link);
  EXECUTE format('GRANT INSERT ON %s TO awe_user', link);
  EXECUTE format('GRANT SELECT ON %s TO awe_release', link);
END $$;

-- The rights of every table as this version gives them, own classes included: after an upgrade.
CREATE OR REPLACE FUNCTION awe.protect_again() RETURNS void LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t record;
BEGIN
  FOR t IN
    SELECT c.oid::regclass AS tab,
           ARRAY(SELECT a.attname::text FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND NOT a.attisdropped
                    AND a.attname IN ('_privileges', 'is_valid', 'timestamp_start', 'timestamp_end')) AS writable,
           ARRAY(SELECT a.attname || '=' || f.confrelid::regclass FROM pg_constraint f
                   JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
                  WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid IN (SELECT awe.persistent_tables())) AS refs
      FROM pg_class c WHERE c.oid IN (SELECT awe.persistent_tables()) LOOP
    PERFORM awe.protect(t.tab, t.writable, t.refs);
  END LOOP;
  FOR t IN
    SELECT o.conrelid::regclass AS tab, o.confrelid::regclass AS owner_table,
           (SELECT f.confrelid::regclass FROM pg_constraint f
              JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
             WHERE f.conrelid = o.conrelid AND f.contype = 'f' AND a.attname = 'target') AS target_table
      FROM pg_constraint o JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = o.conkey[1]
     WHERE o.contype = 'f' AND a.attname = 'owner' AND o.confrelid IN (SELECT awe.persistent_tables())
       AND EXISTS (SELECT 1 FROM pg_attribute b WHERE b.attrelid = o.conrelid AND b.attname = 'target') LOOP
    PERFORM awe.protect_links(t.tab, t.owner_table, t.target_table);
  END LOOP;
END $$;

-- A range of validity has two ends with time between them; or there is none at all.
CREATE OR REPLACE FUNCTION awe.check_range(t regclass) RETURNS void LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = t AND NOT a.attisdropped
        AND a.attname IN ('timestamp_start', 'timestamp_end') AND a.atttypid = 'timestamp'::regtype) = 2
     AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conrelid = t AND c.conname = 'range_of_validity') THEN
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT range_of_validity CHECK (
      num_nonnulls(timestamp_start, timestamp_end) <> 1 AND timestamp_start < timestamp_end)', t);
  END IF;
END $$;

CREATE OR REPLACE FUNCTION awe.persistent_tables() RETURNS SETOF oid LANGUAGE sql STABLE
  SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'awe'::regnamespace AND c.relkind IN ('r', 'p')
     AND c.relname <> 'file' AND EXISTS (SELECT 1 FROM pg_attribute a
          WHERE a.attrelid = c.oid AND a.attname = '_privileges');
END;
RESET ROLE;
