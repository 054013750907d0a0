# ruff: noqa: E501 - one mistake, one line
"""Mistakes to plant in the text of the rights: name, file, what stands there, what would be wrong."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MUTANTS", "Mutant"]


class Mutant(NamedTuple):
    """One mistake; `old`, which stands there once, becomes `new`."""

    name: str
    file: str
    old: str
    new: str


_P, _F, _T, _D, _J, _A, _H, _R, _C, _Q, _E, _W, _N = (
    "20_protect.sql", "30_files.sql", "40_tickets.sql", "52_dataserver.sql", "50_jobs.sql",
    "60_admin.sql", "70_audit.sql", "12_registry.sql", "57_cameras.sql", "61_quota.sql", "63_release.sql",
    "64_readings.sql", "62_comments.sql")

#: The state is asked for the owner's room and by the statement: either alone refuses.
_STORED = """f.id = fid AND f.state = 'open');
BEGIN
  IF person IS NULL THEN RETURN false; END IF;
  IF sz > awe.room_of(person, true) THEN RETURN NULL; END IF;
  UPDATE awe.file SET state = 'stored', size = sz, sha256 = sha, verified = now()
   WHERE id = fid AND state = 'open'"""
MUTANTS = [Mutant(*given) for given in [
    # who sees what
    ("world sees level 3", _P, "TO awe_world USING (_privileges >= 4)", "TO awe_world USING (_privileges >= 3)"),
    ("world sees only level 5", _P, "TO awe_world USING (_privileges >= 4)", "TO awe_world USING (_privileges > 4)"),
    ("users see level 2", _P, "      _privileges >= 3\n", "      _privileges >= 2\n"),
    ("users do not see level 3", _P, "      _privileges >= 3\n", "      _privileges > 3\n"),
    ("members see level 1", _P, "(_privileges = 2 AND _project", "(_privileges <= 2 AND _project"),
    ("members do not see level 2", _P, "(_privileges = 2 AND _project", "(_privileges > 2 AND _project"),
    ("own objects are hidden", _P, "      OR _creator = (SELECT awe.uid())\n      OR (_privileges = 2", "      OR (_privileges = 2"),
    ("rights are not forced", _P, "  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);\n", ""),
    ("rights are not enabled", _P, "  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);\n", ""),
    ("links rights are not forced", _P, "  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', link);\n", ""),
    ("links are seen by all", _P, "EXISTS (SELECT 1 FROM %s o WHERE o.object_id = owner))'", "EXISTS (SELECT 1 FROM %s o WHERE true) OR true)'"),
    ("members of everything", _R, "WHERE m.user_id = (SELECT awe.uid())\n               UNION", "WHERE true\n               UNION"),
    ("every project is public", _R, "WHERE p.is_public AND NOT p.is_query_only AND (SELECT", "WHERE NOT p.is_query_only AND (SELECT"),
    ("creation in ALL", _R, "WHERE p.is_public AND NOT p.is_query_only AND", "WHERE p.is_public AND"),
    ("every member manages", _R, "WHERE m.user_id = (SELECT awe.uid()) AND m.is_manager", "WHERE m.user_id = (SELECT awe.uid())"),
    ("the world reads the directory", _R, "CREATE POLICY open_projects ON awe.project FOR SELECT TO awe_world USING (is_public)", "CREATE POLICY open_projects ON awe.project FOR SELECT TO awe_world USING (true)"),
    ("the caller is the definer", _R, "RETURN CASE WHEN current_setting('role') = 'none' THEN session_user\n              ELSE current_setting('role')::name END", "RETURN current_user"),
    # who makes, changes, deletes
    ("insert as anybody", _P, "      _creator = (SELECT awe.uid())\n      AND _project = ANY", "      _project = ANY"),
    ("insert into any project", _P, "      AND _project = ANY ((SELECT awe.my_projects())::int[])\n", ""),
    ("insert above the maximum", _P, "      AND _privileges <= (SELECT p.max_privileges FROM awe.project p WHERE p.id = _project)\n", ""),
    ("insert with any date", _P, "      AND (creation_date = (SELECT awe.utcnow())\n           OR EXISTS", "      AND (true OR EXISTS"),
    ("restore with other content", _P, "\n                         AND jsonb_strip_nulls(d.content) = jsonb_strip_nulls(to_jsonb(%2$s.*)))))$p$, t, bare", ")))$p$, t, bare"),
    ("members change", _P, "OR (_privileges >= 2 AND _project = ANY ((SELECT awe.my_managed())", "OR (_privileges >= 2 AND _project = ANY ((SELECT awe.my_projects())"),
    ("managers change level 1", _P, "OR (_privileges >= 2 AND _project = ANY ((SELECT awe.my_managed())", "OR (_privileges >= 1 AND _project = ANY ((SELECT awe.my_managed())"),
    ("managers change nothing", _P, "OR (_privileges >= 2 AND _project = ANY ((SELECT awe.my_managed())::int[])))", "OR false)"),
    ("delete published", _P, "_creator = (SELECT awe.uid()) AND _privileges <= 2)$p$", "_creator = (SELECT awe.uid()) AND _privileges <= 3)$p$"),
    ("delete others'", _P, "      _creator = (SELECT awe.uid()) AND _privileges <= 2)$p$", "      _privileges <= 2)$p$"),
    ("every column writable", _P, "EXECUTE format('GRANT UPDATE (%s) ON %s TO awe_user',\n                 (SELECT string_agg(format('%I', c), ', ') FROM unnest(columns) c), t)", "EXECUTE format('GRANT UPDATE ON %s TO awe_user', t)"),
    ("truncate granted", _P, "'GRANT INSERT, DELETE ON %s TO awe_user', t", "'GRANT INSERT, DELETE, TRUNCATE ON %s TO awe_user', t"),
    ("the world inserts", _P, "'GRANT SELECT ON %s TO awe_world', t", "'GRANT SELECT, INSERT ON %s TO awe_world', t"),
    # the guard and the references
    ("the guard lets all pass", _P, "  IF NOT row_security_active(TG_RELID) THEN RETURN NEW; END IF;", "  RETURN NEW;"),
    ("levels fall", _P, "  IF NEW._privileges < OLD._privileges THEN", "  IF false THEN"),
    ("managers publish", _P, "    IF OLD._creator IS DISTINCT FROM awe.uid() THEN", "    IF false THEN"),
    ("published above the maximum", _P, "    IF NEW._privileges > highest THEN", "    IF false THEN"),
    ("values that nobody can read", _P, "  PERFORM awe.check_values(t);\n", ""),
    ("no guard trigger", _P, "'CREATE OR REPLACE TRIGGER guard BEFORE UPDATE ON %s", "'CREATE OR REPLACE TRIGGER guard AFTER DELETE ON %s"),
    ("references behind the keys", _P, "TRIGGER \"A_refs_visible\" AFTER", "TRIGGER \"Z_refs_visible\" AFTER"),
    ("references checked at insert only", _P, "AFTER INSERT OR UPDATE OF _privileges ON %s\n                  FOR EACH ROW EXECUTE FUNCTION %s()", "AFTER INSERT ON %s\n                  FOR EACH ROW EXECUTE FUNCTION %s()"),
    ("references to hidden objects", _P, "    IF level IS NULL THEN", "    IF false THEN"),
    ("references to lower objects", _P, "    IF NEW._privileges >= 3 AND level < NEW._privileges THEN", "    IF false THEN"),
    ("published before the parents in lists", _P, "  IF lower THEN", "  IF false THEN"),
    ("links to hidden objects", _P, "  IF target_level IS NULL THEN", "  IF false THEN"),
    ("links to lower objects", _P, "  IF owner_level >= 3 AND target_level < owner_level THEN", "  IF false THEN"),
    ("links added to others' objects", _P, " AND o._creator = (SELECT awe.uid())\n", "\n"),
    ("links added later", _P, "              AND (o.creation_date = (SELECT awe.utcnow())\n", "              AND (true\n"),
    ("links deleted by users", _P, "'GRANT INSERT ON %s TO awe_user', link", "'GRANT INSERT, DELETE, UPDATE ON %s TO awe_user', link"),
    ("the file does not follow", _P, "AFTER INSERT OR DELETE OR UPDATE OF _privileges ON %s", "AFTER INSERT OR DELETE ON %s"),
    ("no history of changes", _P, "'CREATE OR REPLACE TRIGGER record AFTER DELETE OR UPDATE OF %s ON %s", "'CREATE OR REPLACE TRIGGER record AFTER DELETE OR UPDATE OF object_id, %s ON %s WHEN (false)"),
    # files, tickets and the dataserver
    ("reserved as stored", _F, " AND state = 'open' AND awe", " AND awe"),
    ("reserved for others", _F, "WITH CHECK (creator = (SELECT awe.uid()) AND", "WITH CHECK ("),
    ("files shown to users", _F, "(state = 'linked' AND (_privileges >= 3\n", "(state = 'linked' AND (_privileges >= 1\n"),
    ("files shown to the world", _F, "USING (state = 'linked' AND _privileges >= 4)", "USING (state = 'linked')"),
    ("others' files linked", _F, "WHERE id = NEW.file AND creator = NEW._creator AND filename", "WHERE id = NEW.file AND filename"),
    ("files linked under any name", _F, " AND filename = NEW.filename COLLATE \"C\"\n", "\n"),
    ("programs stored as data", _F, " AND awe.is_data_name(filename));", ");"),
    ("a class with a file without a name", "55_user_classes.sql", "  IF 'file' = ANY (columns) AND NOT 'filename' = ANY (columns) THEN", "  IF false THEN"),
    ("files linked twice", _F, "       AND (state = 'stored' OR (", "       AND (state IN ('stored', 'linked') OR ("),
    ("any name of a file", _F, "CHECK (filename ~ '^[A-Za-z0-9]", "CHECK (filename ~ '^.?[A-Za-z0-9]"),
    ("file columns granted", _F, "GRANT INSERT (id, filename) ON", "GRANT INSERT, UPDATE ON"),
    ("path of a definer open", _F, "SECURITY DEFINER\n  SET search_path = pg_catalog, pg_temp", "SECURITY DEFINER"),
    ("tickets of others", _T, "CREATE POLICY own ON awe.ticket TO awe_user USING (user_id = (SELECT awe.uid()))", "CREATE POLICY own ON awe.ticket TO awe_user USING (true)"),
    ("tickets for others", _T, "GRANT SELECT, INSERT (hash, file, expires, proof", "GRANT SELECT, UPDATE, INSERT (hash, file, expires, proof"),
    ("tickets for ever", _T, " AND expires <= now() + interval '12 hours'", ""),
    ("expired tickets open", _D, "k.expires > now() AND u.removed IS NULL AND k.page IS", "u.removed IS NULL AND k.page IS"),
    ("tickets of removed people open", _D, "AND u.removed IS NULL AND k.page IS", "AND k.page IS"),
    ("login tickets open", _D, "AND u.removed IS NULL AND k.page IS DISTINCT FROM 'login'", "AND u.removed IS NULL"),
    ("removed people are greeted on the pages", _D, "AND u.removed IS NULL AND k.job IS NULL;", "AND k.job IS NULL;"),
    ("removed people log in to the pages", _D, "AND u.id = k.user_id AND u.removed IS NULL\n", "AND u.id = k.user_id\n"),
    ("expired tickets log in to the pages", _D, "AND k.page = 'login' AND k.expires > now() AND u.id", "AND k.page = 'login' AND u.id"),
    ("tickets of jobs log in to the pages", _D, "AND u.removed IS NULL\n     AND k.job IS NULL", "AND u.removed IS NULL"),
    ("any ticket logs in to the pages", _D, "WHERE k.hash = t AND k.page = 'login' AND k.expires > now() AND u.id", "WHERE k.hash = t AND k.expires > now() AND u.id"),
    ("tickets outlive their job", _D, "AND j.state = 'running'", ""),
    ("a link opens every file", _D, "(k.file IS NULL OR k.file = fid)", "true"),
    ("a ticket opens level 2", _D, "f._privileges >= 3", "f._privileges >= 2"),
    ("a ticket opens level 1 of members", _D, "(f._privileges = 2 AND (", "(f._privileges <= 2 AND ("),
    ("the world gets level 3", _D, "((f.state = 'linked' AND f._privileges >= 4)", "((f.state = 'linked' AND f._privileges >= 3)"),
    ("a link uploads", _D, "f.state = 'open' AND k.file IS NULL", "f.state = 'open'"),
    ("upload for others", _D, "JOIN awe.live_ticket(t) k ON k.user_id = f.creator\n   WHERE f.id = fid", "JOIN awe.live_ticket(t) k ON true\n   WHERE f.id = fid"),
    ("stored twice", _D, _STORED, _STORED.replace(" AND f.state = 'open'", "").replace(" AND state = 'open'", "")),
    ("names taken over", _D, "ORDER BY k.user_id IS NULL, min(f.created) OVER (PARTITION BY f.creator), ", "ORDER BY "),
    ("dataserver open to users", _D, "awe.ds_logout(bytea) TO awe_dataserver;", "awe.ds_logout(bytea) TO awe_dataserver, awe_user;"),
    # periods and readings
    ("level 1 rises by itself", _P, "      _privileges >= 2\n      AND EXISTS (SELECT 1 FROM awe.project p WHERE p.id = _project AND p.release_begins", "      _privileges >= 1\n      AND EXISTS (SELECT 1 FROM awe.project p WHERE p.id = _project AND p.release_begins"),
    ("levels rise to any", _P, "      WITH CHECK (_privileges = (SELECT p.release_level FROM awe.project p WHERE p.id = _project))$p$, t);", "      WITH CHECK (true)$p$, t);"),
    ("members say when a project opens", _E, "  IF NOT awe.manages(was.id) THEN", "  IF false THEN"),
    ("a project opens at once", _E, "    IF start < notice AND NOT", "    IF false AND NOT"),
    ("a period becomes shorter at once", _E, "level <= was.release_level AND days >= was.release_days", "true"),
    ("users end periods", _E, "uuid, int) TO awe_dataserver;", "uuid, int) TO awe_dataserver, awe_user;"),
    ("all rise, whatever their age", _P, "p.release_begins <= now()\n                     AND creation_date <=", "p.release_begins <= now()\n                     AND true OR creation_date <="),
    ("everybody knows who read what", _W, "  user_id = (SELECT awe.uid())\n  OR EXISTS", "  true OR EXISTS"),
    ("members know who read what", _W, "(SELECT awe.my_managed())", "(SELECT awe.my_projects())"),
    ("users note readings", _W, "awe.ds_sweep_readings()\n  TO awe_dataserver", "awe.ds_sweep_readings()\n  TO awe_dataserver, awe_user"),
    # comments
    ("a comment with any author", _N, "  NEW._author := awe.uid();\n", ""),
    ("a comment with any name", _N, "  NEW.author := (SELECT upper(u.role_name) FROM awe.users u WHERE u.id = NEW._author);\n", ""),
    ("a comment with rights of its own", _N, "      INTO NEW._creator, NEW._project, NEW._privileges USING NEW.about;", "      USING NEW.about;"),
    ("a comment on what one does not see", _N, "  IF about IS NULL OR NEW._privileges IS NULL THEN", "  IF false THEN"),
    ("comments are changed", _N, "'REVOKE UPDATE (_privileges) ON %s FROM awe_user', t", "'GRANT UPDATE (content) ON %s TO awe_user', t"),
    ("comments of others are deleted", _N, "FOR DELETE TO awe_user USING (_author = (SELECT awe.uid()))", "FOR DELETE TO awe_user USING (true)"),
    ("comments are deleted by the object's creator", _N, "FOR DELETE TO awe_user USING (_author = (SELECT awe.uid()))", "FOR DELETE TO awe_user USING (_creator = (SELECT awe.uid()))"),
    ("comments with any date", _N, "      AND (creation_date = (SELECT awe.utcnow())\n           OR EXISTS", "      AND (true OR EXISTS"),
    ("an empty comment", _N, "  IF NEW.content IS NULL OR NEW.content ~ '^\\s*$' THEN", "  IF false THEN"),
    ("a comment without end", _N, "CHECK (\n      char_length(content) BETWEEN 1 AND 4000)", "CHECK (true)"),
    ("comments come back as anybody's", _N, "AND c._creator = awe.caller()\n     AND NOT EXISTS (SELECT 1 FROM awe.trash d WHERE d.object_id = c.about)", "AND true"),
    ("comments stay behind", _H, "WHERE c.about = OLD.object_id AND c._gone IS NULL;", "WHERE false;"),
    ("comments do not follow", _H, "UPDATE awe.comment c SET _privileges = NEW._privileges WHERE c.about = NEW.object_id;", "NULL;"),
    ("comments that can come back are forgotten", _N, "WHERE c._gone < (now() AT TIME ZONE 'UTC') - interval '7 days'", "WHERE c._gone IS NOT NULL"),
    ("deleted comments are forgotten unwritten", _N, "  PERFORM awe.record('delete', 'awe.comment', OLD.object_id, OLD._author::int, OLD._project, to_jsonb(OLD), NULL);\n", ""),
    # quotas
    ("stored beyond the quota", _D, "  IF sz > awe.room_of(person, true) THEN RETURN NULL; END IF;\n", ""),
    ("asked for beyond the quota", _Q, "  IF room IS NULL OR sz <= room THEN RETURN NULL; END IF;", "  RETURN NULL;"),
    ("the quota of everybody for all", _Q, "ORDER BY q.user_id LIMIT 1;\n  IF found", "ORDER BY q.user_id NULLS FIRST LIMIT 1;\n  IF found"),
    ("the quota of others", _Q, "WHERE f.creator = person);", "WHERE true);"),
    ("deleted files are free at once", _Q, "WHERE f.creator = person);", "WHERE f.creator = person AND f.state <> 'trash');"),
    ("linked beyond the quota", _F, "    PERFORM awe.check_quota(NEW._project);\n", ""),
    ("projects are charged for all files", _Q, "IF allowed < (SELECT sum(f.size) FROM awe.file f WHERE f._project = project AND f.state = 'linked')", "IF allowed < (SELECT sum(f.size) FROM awe.file f)"),
    ("quotas set by users", _Q, "GRANT EXECUTE ON FUNCTION awe.quota_set(text, text, bigint) TO awe_admin", "GRANT EXECUTE ON FUNCTION awe.quota_set(text, text, bigint) TO awe_admin, awe_user"),
    ("quotas changed by users", _Q, "GRANT SELECT, INSERT, UPDATE, DELETE ON awe.quota TO awe_kernel", "GRANT SELECT, INSERT, UPDATE, DELETE ON awe.quota TO awe_kernel, awe_user"),
    ("the usage of everybody", _Q, "WHERE u.id = awe.caller() OR awe.caller_is_admin()", "WHERE true"),
    ("the usage of projects for everybody", _Q, "   WHERE awe.manages(p.id) GROUP BY p.id\n", "   WHERE true GROUP BY p.id\n"),
    ("the people of projects for everybody", _Q, "   WHERE awe.manages(p.id) GROUP BY p.id, u.id", "   WHERE true GROUP BY p.id, u.id"),
    ("given up when it is stored", _Q, "   WHERE id = fid AND state = 'open';\n  RETURN FOUND;", "   WHERE id = fid;\n  RETURN FOUND;"),
    # jobs
    ("jobs seen by members", _J, "CREATE POLICY see ON awe.job FOR SELECT TO awe_user USING (\n  user_id = (SELECT awe.uid())\n  OR (privileges >= 2 AND project = ANY ((SELECT awe.my_managed())", "CREATE POLICY see ON awe.job FOR SELECT TO awe_user USING (\n  user_id = (SELECT awe.uid())\n  OR (privileges >= 2 AND project = ANY ((SELECT awe.my_projects())"),
    ("private jobs seen by managers", _J, "CREATE POLICY see ON awe.job FOR SELECT TO awe_user USING (\n  user_id = (SELECT awe.uid())\n  OR (privileges >= 2", "CREATE POLICY see ON awe.job FOR SELECT TO awe_user USING (\n  user_id = (SELECT awe.uid())\n  OR (privileges >= 1"),
    ("logs seen by all", _J, "CREATE POLICY see ON awe.job_log FOR SELECT TO awe_user\n  USING (EXISTS (SELECT 1 FROM awe.job j WHERE j.id = job))", "CREATE POLICY see ON awe.job_log FOR SELECT TO awe_user\n  USING (true)"),
    ("jobs stopped by others", _J, "b.id = j AND b.user_id = awe.caller() AND b.state IN ('queued', 'running')", "b.id = j AND b.state IN ('queued', 'running')"),
    ("jobs in others' runs", _J, "WHERE r.id = run AND r.user_id = (SELECT awe.uid())\n", "WHERE r.id = run\n"),
    ("runs in any project", _J, "  AND project = ANY ((SELECT awe.my_projects())::int[])\n  AND privileges", "  AND privileges"),
    ("items of stale attempts", _J, "FOR INSERT TO awe_user WITH CHECK (EXISTS (\n  SELECT 1 FROM awe.job j WHERE j.id = job_item.job AND j.attempt = job_item.attempt\n", "FOR INSERT TO awe_user WITH CHECK (EXISTS (\n  SELECT 1 FROM awe.job j WHERE j.id = job_item.job\n"),
    ("items of stale attempts tried again", _J, "WITH CHECK (EXISTS (\n  SELECT 1 FROM awe.job j WHERE j.id = job_item.job AND j.attempt = job_item.attempt\n  AND j.user_id = (SELECT awe.uid()) AND j.state = 'running' AND NOT j.cancel));\n\n", "WITH CHECK (true);\n\n"),
    ("cancel by anybody", _J, "WHERE b.id = j AND b.user_id = awe.caller() AND b.state IN ('queued'", "WHERE b.id = j AND b.state IN ('queued'"),
    ("retry by anybody", _J, "WHERE b.id = j AND b.user_id = awe.caller() AND b.state IN ('failed'", "WHERE b.id = j AND b.state IN ('failed'"),
    ("login for a job that does not run", _J, "   WHERE b.id = j AND b.attempt = a AND b.state = 'running';\n  IF person", "   WHERE b.id = j AND b.attempt = a;\n  IF person"),
    ("a login that inherits", _J, "CREATE ROLE %I LOGIN NOINHERIT CONNECTION", "CREATE ROLE %I LOGIN INHERIT CONNECTION"),
    ("plain passwords for jobs", _J, "  IF verifier !~ '^SCRAM", "  IF false AND verifier !~ '^SCRAM"),
    ("logins made by users", _J, "GRANT EXECUTE ON FUNCTION awe.job_login(bigint, int, text), awe.job_logout(bigint, int),\n  awe.job_sweep() TO awe_runner", "GRANT EXECUTE ON FUNCTION awe.job_login(bigint, int, text), awe.job_logout(bigint, int),\n  awe.job_sweep() TO awe_runner, awe_user"),
    # people, projects, history, trash
    ("everybody manages projects", _A, "SELECT project IS NOT NULL AND (awe.caller_is_admin() OR", "SELECT project IS NOT NULL AND (true OR"),
    ("managers raise the maximum", _A, "  IF awe.caller_is_admin() THEN allowed :=", "  IF true THEN allowed :="),
    ("users make users", _A, "int, int) TO awe_admin;", "int, int) TO awe_admin, awe_user;"),
    ("memberships unrecorded", _A, "  PERFORM awe.record('membership', 'project', NULL, person, project, NULL,", "  PERFORM format('%s%s%s%s%s%s%s', 'membership', 'project', NULL, person, project, NULL,"),
    ("history seen by all", _H, "  user_id = (SELECT awe.uid()) OR concerns = (SELECT awe.uid())\n", "  true OR concerns = (SELECT awe.uid())\n"),
    ("deleted private objects shown to managers", _H, "coalesce(after ->> '_privileges', before ->> '_privileges', '2')", "coalesce(after ->> '_privileges', '2')"),
    ("history written by users", _H, "GRANT SELECT ON awe.audit TO awe_user, awe_admin", "GRANT SELECT, INSERT ON awe.audit TO awe_user, awe_admin"),
    ("history erased by users", _H, "GRANT SELECT ON awe.audit TO awe_user, awe_admin", "GRANT SELECT, DELETE ON awe.audit TO awe_user, awe_admin"),
    ("the trash of others", _H, "  user_id = (SELECT awe.uid()) AND deleted > now() - interval '7 days')", "  deleted > now() - interval '7 days')"),
    ("the trash for ever", _H, " AND deleted > now() - interval '7 days')", ")"),
    ("others empty the trash", _H, "GRANT SELECT ON awe.trash TO awe_user", "GRANT SELECT, DELETE ON awe.trash TO awe_user"),
    ("history of the definer", _H, "  VALUES (awe.caller(), session_user, what", "  VALUES (awe.uid(), session_user, what"),
    ("large objects open", "11_common_ground.sql", "^(lo_|lowrite$|pg_", "^(lowrite$|pg_"),
    ("advisory locks open", "11_common_ground.sql", "|pg_(try_)?advisory", ""),
    # descriptions of cameras
    ("descriptions of hidden cameras", _C, "USING (awe.camera_seen(name, keeper))", "USING (true)"),
    ("descriptions seen by nobody", _C, "USING (awe.camera_seen(name, keeper))", "USING (false)"),
    ("the world reads descriptions", _C, "GRANT SELECT ON awe.camera TO awe_user;", "GRANT SELECT ON awe.camera TO awe_user, awe_world;"),
    ("descriptions kept for others", _C, "  keeper = (SELECT awe.uid()) AND awe.camera_mine(name));", "  awe.camera_mine(name));"),
    ("descriptions kept by anybody", _C, "(SELECT awe.uid()) AND awe.camera_mine(name));", "(SELECT awe.uid()));"),
    ("cameras are everybody's", _C, "i.name = camera AND i._creator = awe.uid()", "i.name = camera"),
    ("descriptions of whoever had the name before", _C, "i.name = camera AND i._creator = by", "i.name = camera"),
    ("descriptions back-dated", _C, "GRANT INSERT (name, description) ON", "GRANT INSERT ON"),
    ("descriptions replaced", _C, "GRANT SELECT ON awe.camera TO awe_user;", "GRANT SELECT, UPDATE ON awe.camera TO awe_user;"),
    ("descriptions deleted", _C, "GRANT SELECT ON awe.camera TO awe_user;", "GRANT SELECT, DELETE, TRUNCATE ON awe.camera TO awe_user;"),
    ("rights on descriptions are not enabled", _C, "ALTER TABLE awe.camera ENABLE ROW LEVEL SECURITY;\n", ""),
    ("rights on descriptions are not forced", _C, "ALTER TABLE awe.camera FORCE ROW LEVEL SECURITY;\n", ""),
    ("descriptions without end", _C, "CHECK (octet_length(description) BETWEEN 1 AND 1048576)", ""),
    ("any name of a camera", _C, "CHECK (name ~ '^[A-Z][A-Z0-9_]{0,31}$')", ""),
]]
