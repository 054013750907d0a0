-- Planned once: the policies' helpers are planned by themselves, and every table has a function of
-- its own that checks its references.
SET ROLE awe_owner;

-- The policies' helpers run as the caller. A path of their own does more than bind names: it keeps
-- the planner from writing their bodies into every statement and planning them for every table.
CREATE OR REPLACE FUNCTION awe.uid() RETURNS int LANGUAGE sql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  RETURN (SELECT u.id FROM awe.users u WHERE u.role_name = current_user);

CREATE OR REPLACE FUNCTION awe.my_projects() RETURNS int[] LANGUAGE sql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  RETURN ARRAY(SELECT m.project_id FROM awe.member m WHERE m.user_id = (SELECT awe.uid())
               UNION
               SELECT p.id FROM awe.project p
                WHERE p.is_public AND NOT p.is_query_only AND (SELECT awe.uid()) IS NOT NULL);

CREATE OR REPLACE FUNCTION awe.my_managed() RETURNS int[] LANGUAGE sql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  RETURN ARRAY(SELECT m.project_id FROM awe.member m WHERE m.user_id = (SELECT awe.uid()) AND m.is_manager);

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

-- protect(table, columns that may change, references to protected tables as 'column=table')
CREATE OR REPLACE FUNCTION awe.protect(t regclass, writable text[], refs text[] DEFAULT '{}')
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  columns text[] := ARRAY(SELECT DISTINCT w FROM unnest(writable || '{_privileges}') w ORDER BY w);
  -- A policy names the whole row by the bare name of its table.
  bare text := (SELECT format('%I', c.relname) FROM pg_class c WHERE c.oid = t);
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
  EXECUTE format('CREATE POLICY see_world ON %s FOR SELECT TO awe_world USING (_privileges >= 4)', t);
  EXECUTE format($p$CREATE POLICY see ON %s FOR SELECT TO awe_user USING (
      _privileges >= 3
      OR _creator = (SELECT awe.uid())
      OR (_privileges = 2 AND _project = ANY ((SELECT awe.my_projects())::int[])))$p$, t);
  -- The date is the server's, except where one's own deleted object comes back as it was.
  EXECUTE format($p$CREATE POLICY make ON %1$s FOR INSERT TO awe_user WITH CHECK (
      _creator = (SELECT awe.uid())
      AND _project = ANY ((SELECT awe.my_projects())::int[])
      AND _privileges >= 1
      AND _privileges <= (SELECT p.max_privileges FROM awe.project p WHERE p.id = _project)
      AND (creation_date = (SELECT awe.utcnow())
           OR EXISTS (SELECT 1 FROM awe.trash d
                       WHERE d.object_id = %2$s.object_id AND d.relation = %3$L
                         AND d.content = to_jsonb(%2$s.*))))$p$, t, bare, t::text);
  EXECUTE format($p$CREATE POLICY change ON %s FOR UPDATE TO awe_user USING (
      _creator = (SELECT awe.uid())
      OR (_privileges >= 2 AND _project = ANY ((SELECT awe.my_managed())::int[]))) WITH CHECK (true)$p$, t);
  EXECUTE format($p$CREATE POLICY drop_own ON %s FOR DELETE TO awe_user USING (
      _creator = (SELECT awe.uid()) AND _privileges <= 2)$p$, t);
  EXECUTE format('CREATE TRIGGER guard BEFORE UPDATE ON %s
                  FOR EACH ROW EXECUTE FUNCTION awe.guard_update()', t);
  PERFORM awe.check_refs(t, refs);
  IF EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = t AND a.attname = 'file' AND NOT a.attisdropped) THEN
    EXECUTE format('CREATE TRIGGER link_file AFTER INSERT OR DELETE OR UPDATE OF _privileges ON %s
                    FOR EACH ROW EXECUTE FUNCTION awe.link_file()', t);
  END IF;
  EXECUTE format('CREATE TRIGGER record AFTER DELETE OR UPDATE OF %s ON %s
                  FOR EACH ROW EXECUTE FUNCTION awe.record_change()',
                 (SELECT string_agg(format('%I', c), ', ') FROM unnest(columns) c), t);
  EXECUTE format('GRANT SELECT ON %s TO awe_world', t);
  EXECUTE format('GRANT INSERT, DELETE ON %s TO awe_user', t);
  EXECUTE format('GRANT UPDATE (%s) ON %s TO awe_user',
                 (SELECT string_agg(format('%I', c), ', ') FROM unnest(columns) c), t);
END $$;

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
    EXECUTE format('DROP TRIGGER record ON awe.%I', tab);
    PERFORM awe.check_refs(format('awe.%I', tab)::regclass, refs);
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
-- What there is gets what a new table gets, classes of users included.
DO $$
DECLARE
  tab regclass;
  refs text[];
BEGIN
  FOR tab, refs IN
    SELECT c.oid, array_agg(format('%s=%s', a.attname, f.confrelid::regclass))
      FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = f.conkey[1]
      JOIN pg_attribute level ON level.attrelid = f.confrelid AND level.attname = '_privileges'
      JOIN pg_attribute own ON own.attrelid = c.oid AND own.attname = '_privileges'
     WHERE f.contype = 'f' AND c.relnamespace = 'awe'::regnamespace AND c.relname <> 'file'
       AND f.confrelid <> 'awe.file'::regclass
     GROUP BY c.oid LOOP
    PERFORM awe.check_refs(tab, refs);
  END LOOP;
END $$;
DROP FUNCTION awe.refs_visible();
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
-- Every table's function must say what it would say if it were made now, from the foreign keys.
SELECT 'references to other objects that no trigger checks', r.tab::text
  FROM (SELECT c.oid::regclass AS tab, array_agg(a.attname || '=' || d.oid::regclass) AS refs
          FROM pg_constraint f JOIN persistent c ON c.oid = f.conrelid JOIN persistent d ON d.oid = f.confrelid
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = f.conkey[1]
         WHERE f.contype = 'f' GROUP BY c.oid) r
 WHERE NOT EXISTS (
   SELECT 1 FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
     JOIN pg_attribute a ON a.attrelid = t.tgrelid AND a.attname = '_privileges'
    WHERE t.tgrelid = r.tab AND t.tgname = 'A_refs_visible' AND t.tgenabled = 'O' AND t.tgqual IS NULL
      AND t.tgtype = 1 + 4 + 16                          -- after insert or update, each row
      AND t.tgattr::text = a.attnum::text
      AND f.prosrc = awe.refs_body(r.refs) AND pg_get_userbyid(f.proowner) = 'awe_owner'
      AND NOT f.prosecdef AND f.proconfig = '{"search_path=pg_catalog, pg_temp"}')
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
SELECT 'helper of the policies without fixed search_path', f.oid::regprocedure::text FROM pg_proc f
 WHERE f.pronamespace = 'awe'::regnamespace AND f.proname IN ('uid', 'my_projects', 'my_managed')
   AND f.proconfig IS DISTINCT FROM '{"search_path=pg_catalog, pg_temp"}'
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
