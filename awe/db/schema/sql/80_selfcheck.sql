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
 WHERE c.relname <> 'comment' AND ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1)
       <> '{change,drop_own,make,release,release_see,see,see_world}'
UNION ALL
SELECT 'policy that differs from that of the other classes', r.tab || '.' || r.policy FROM rule_text r
 WHERE (SELECT count(*) FROM rule_text o WHERE o.policy = r.policy AND o.said = r.said
          AND o.polpermissive = r.polpermissive AND o.roles = r.roles)
       * CASE WHEN r.tab = 'comment' AND r.policy NOT IN ('see', 'see_world') THEN 1000000 ELSE 1 END
       <= (SELECT count(*) FROM persistent) / 2
UNION ALL
SELECT 'objects without guard or record trigger', c.relname || ': ' || w.name
  FROM persistent c CROSS JOIN (VALUES ('guard', 'awe.guard_update'), ('record', 'awe.record_change')) w(name, runs)
 WHERE NOT EXISTS (SELECT 1 FROM trig t WHERE t.tgrelid = c.oid AND t.tgname = w.name AND t.tgenabled = 'O'
                     AND t.runs = w.runs) AND c.relname <> 'comment'
UNION ALL
SELECT 'comments without exactly their policies and triggers', c.relname::text FROM persistent c
 WHERE c.relname = 'comment'
   AND (ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1)
          <> '{drop_own,kernel,make,see,see_world}'
        OR (SELECT count(*) FROM trig t JOIN (VALUES ('about', 'awe.comment_about'), ('record', 'awe.record_comment'))
              w(name, runs) ON w.name = t.tgname AND w.runs = t.runs WHERE t.tgrelid = c.oid AND t.tgenabled = 'O') <> 2)
UNION ALL
SELECT 'objects whose values nothing keeps readable', c.relname::text FROM persistent c
 WHERE EXISTS (SELECT 1 FROM awe.value_rules(c.oid)) AND NOT EXISTS (
   SELECT 1 FROM pg_constraint o WHERE o.conrelid = c.oid AND o.conname = 'readable_values' AND o.contype = 'c')
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
        OR (pg_get_userbyid(f.proowner) NOT IN ('awe_kernel', 'awe_rolemaker', 'awe_release', 'awe_warden')
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
SELECT 'users can lock a table of the services', c.relname::text FROM relation c
 WHERE c.relkind IN ('r', 'p') AND c.oid NOT IN (SELECT p.oid FROM persistent p)
   AND c.oid NOT IN (SELECT l.oid FROM linking l)
   AND (has_table_privilege('awe_user', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
        OR has_table_privilege('awe_world', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
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
 WHERE r.rolname IN ('awe_owner', 'awe_kernel', 'awe_rolemaker', 'awe_release', 'awe_warden', 'awe_world', 'awe_user', 'awe_admin')
   AND (r.rolcanlogin OR r.rolsuper OR r.rolbypassrls OR (r.rolcreaterole AND r.rolname <> 'awe_rolemaker'))
UNION ALL
SELECT 'service with more than its functions', r.rolname::text FROM pg_roles r
 WHERE r.rolname IN ('awe_dataserver', 'awe_runner')
   AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole
        OR EXISTS (SELECT 1 FROM pg_auth_members m WHERE m.member = r.oid
                     AND m.roleid::regrole::text <> 'pg_use_reserved_connections'))
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
SELECT 'login without SCRAM', coalesce(to_jsonb(h) ->> 'file_name', '') || ' line ' || h.line_number FROM pg_hba_file_rules h
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
