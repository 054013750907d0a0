# ruff: noqa: E501 - one attack, one line
"""The attacks by SQL, by name: what is typed into psql by people who should not get anywhere.

`REFUSED` must end in an error, `FRUITLESS` may run but must show and change nothing. In both,
`{...}` stands for something that belongs to the victim: an object, file, job or ticket.
"""

from __future__ import annotations

__all__ = ["EACH_CLASS", "FRUITLESS", "REFUSED"]

#: What is tried on the table of every class: {table}, and {id} of the victim's private object.
EACH_CLASS = {
    "truncate": "TRUNCATE awe.{table}",
    "truncate cascade": "TRUNCATE awe.{table} CASCADE",
    "drop": "DROP TABLE awe.{table} CASCADE",
    "unforce": "ALTER TABLE awe.{table} NO FORCE ROW LEVEL SECURITY",
    "own policy": "CREATE POLICY p ON awe.{table} USING (true)",
    "own trigger": "CREATE TRIGGER t AFTER INSERT ON awe.{table} EXECUTE FUNCTION awe.job_wake()",
    "own index": "CREATE INDEX ON awe.{table} (object_id)",
    "grant": "~GRANT ALL ON awe.{table} TO PUBLIC",
    "re-own": "UPDATE awe.{table} SET _creator = awe.uid()",
    "re-project": "UPDATE awe.{table} SET _project = 36",
    "re-date": "UPDATE awe.{table} SET creation_date = now()",
    "re-identify": "UPDATE awe.{table} SET object_id = gen_random_uuid()",
    "copy in": "\\copy awe.{table} FROM /dev/null\n",
    "insert as another": "INSERT INTO awe.{table} (object_id, _creator, _project, _privileges) "
                         "VALUES (gen_random_uuid(), {victim}, 36, 1)",
    "insert into ALL": "INSERT INTO awe.{table} (object_id, _project, _privileges) "
                       "VALUES (gen_random_uuid(), 1, 1)",
    "insert above the maximum": "INSERT INTO awe.{table} (object_id, _project, _privileges) "
                                "VALUES (gen_random_uuid(), 36, 5)",
    "insert at level 0": "INSERT INTO awe.{table} (object_id, _project, _privileges) "
                         "VALUES (gen_random_uuid(), 36, 0)",
    "insert at no level": "INSERT INTO awe.{table} (object_id, _project) "
                          "VALUES (gen_random_uuid(), 36)",
    "insert backdated": "INSERT INTO awe.{table} (object_id, _project, _privileges, creation_date) "
                        "VALUES (gen_random_uuid(), 36, 1, '2001-01-01')",
    "upsert": "INSERT INTO awe.{table} (object_id, _project, _privileges) VALUES ('{id}', 36, 1) "
              "ON CONFLICT (object_id) DO UPDATE SET _privileges = 4",
    "read": "~SELECT * FROM awe.{table} WHERE _privileges = 1",
    "read by id": "~SELECT * FROM awe.{table} WHERE object_id = '{id}' OR object_id IS NULL",
    "read as xml": "~SELECT table_to_xml('awe.{table}', true, false, '')",
    "copy out": "~COPY awe.{table} TO STDOUT",
    "copy query out": "~COPY (SELECT t FROM awe.{table} t) TO STDOUT",
    "update": "~UPDATE awe.{table} SET _privileges = 4 WHERE object_id = '{id}' RETURNING *",
    "delete": "~DELETE FROM awe.{table} WHERE object_id = '{id}' RETURNING *",
    "merge": "~MERGE INTO awe.{table} t USING (SELECT '{id}'::uuid AS i) s ON t.object_id = s.i "
             "WHEN MATCHED THEN DELETE",
    "lock rows": "~SELECT * FROM awe.{table} WHERE object_id = '{id}' FOR UPDATE",
}

REFUSED = {
    # becoming somebody else
    "B01 set role to the victim": "SET ROLE {victim_role}",
    "B02 set local role": "BEGIN; SET LOCAL ROLE awe_owner",
    "B03 session authorization": "SET SESSION AUTHORIZATION {victim_role}",
    "B04 reset to the superuser": "SET SESSION AUTHORIZATION postgres",
    "B05 set_config role": "SELECT set_config('role', '{victim_role}', true)",
    "B200 lock the tickets": "BEGIN; LOCK TABLE awe.ticket",
    "B201 lock the trash": "BEGIN; LOCK TABLE awe.trash IN SHARE MODE",
    "B202 lock the saved queries": "BEGIN; LOCK TABLE awe.saved_query IN ROW EXCLUSIVE MODE",
    "B203 lock jobs by row": "BEGIN; SELECT 1 FROM awe.job FOR UPDATE",
    "B204 lock files by row": "BEGIN; SELECT 1 FROM awe.file FOR KEY SHARE",
    "B205 lock people by row": "BEGIN; SELECT 1 FROM awe.users FOR SHARE",
    "B206 take the installers' lock": "SELECT pg_advisory_lock(8792)",
    "B207 end those who wait": "SELECT * FROM awe.end_blockers('0 s')",
    "B06 role by function setting": "CREATE FUNCTION pg_temp.f() RETURNS name LANGUAGE sql "
        "SET role = {victim_role} AS 'SELECT current_user'; SELECT pg_temp.f()",
    "B08 grant the victim": "GRANT {victim_role} TO CURRENT_USER",
    "B09 grant all data": "GRANT pg_read_all_data TO CURRENT_USER",
    "B10 grant server files": "GRANT pg_read_server_files TO CURRENT_USER",
    "B11 grant programs": "GRANT pg_execute_server_program TO CURRENT_USER",
    "B12 grant by the group": "GRANT awe_user TO anonymous",
    "B13 revoke from the victim": "REVOKE awe_user FROM {victim_role}",
    "B14 password of the victim": "ALTER ROLE {victim_role} PASSWORD 'x'",
    "B15 settings of the victim": "ALTER ROLE {victim_role} SET search_path = pg_temp",
    "B16 rename the victim": "ALTER ROLE {victim_role} RENAME TO mine",
    "B17 lock the victim out": "ALTER ROLE {victim_role} NOLOGIN",
    "B18 drop the victim": "DROP ROLE {victim_role}",
    "B19 own superuser": "ALTER ROLE CURRENT_USER SUPERUSER",
    "B20 own bypass": "ALTER ROLE CURRENT_USER BYPASSRLS",
    "B21 own createrole": "ALTER ROLE CURRENT_USER CREATEROLE",
    "B22 own replication": "ALTER ROLE CURRENT_USER REPLICATION",
    "B23 own limit": "ALTER ROLE CURRENT_USER CONNECTION LIMIT -1",
    "B24 own expiry": "ALTER ROLE CURRENT_USER VALID UNTIL 'infinity'",
    "B25 settings of all": "ALTER ROLE ALL SET row_security = off",
    "B26 settings of the database": "ALTER DATABASE {database} SET search_path = pg_temp",
    "B27 take over what is the victim's": "REASSIGN OWNED BY {victim_role} TO CURRENT_USER",
    "B28 drop what is the owner's": "DROP OWNED BY awe_owner",
    "B29 default privileges of the owner": "ALTER DEFAULT PRIVILEGES FOR ROLE awe_owner "
                                           "GRANT ALL ON TABLES TO PUBLIC",
    "B30 password hashes": "SELECT rolpassword FROM pg_authid",
    "B31 passwords by the view": "SELECT * FROM pg_shadow",
    "B32 user mappings": "SELECT * FROM pg_user_mapping",
    # definer functions with hostile arguments
    "B40 make a user": "SELECT awe.user_create('evil', '{verifier}', '')",
    "B41 make a role of the house": "SELECT awe.user_create('awe_evil', '{verifier}', '')",
    "B42 password by function": "SELECT awe.user_password('{victim_role}', '{verifier}')",
    "B43 remove by function": "SELECT awe.user_remove('{victim_role}')",
    "B44 a job's login": "SELECT awe.job_login({job}, 1, '{verifier}')",
    "B45 drop a job's login": "SELECT awe.job_logout({job}, 1)",
    "B46 sweep logins": "SELECT awe.job_sweep()",
    "B47 claim the victim's job": "SELECT * FROM awe.job_claim('h', '1h', '{{local}}')",
    "B48 end the victim's job": "SELECT awe.job_end({job}, 1, 'done', 0, '')",
    "B49 speak in the victim's log": "SELECT awe.job_say({job}, 1, 1, '{{lie}}')",
    "B50 kill the victim's job": "SELECT awe.job_died({job}, 1, 9, '', true)",
    "B51 ask as the dataserver": "SELECT * FROM awe.ds_may_read('\\x{ticket}', '{file}')",
    "B52 find as the dataserver": "SELECT * FROM awe.ds_find('\\x{ticket}', 'canary.fits')",
    "B53 raise levels as the dataserver": "SELECT awe.ds_release('awe.bias_frame', '-infinity', '{id}', 9)",
    "B53a note readings as the dataserver": "SELECT awe.ds_readings('{{{file}}}', '{{1}}', '{{1}}')",
    "B53b open a project that is managed by others": "SELECT awe.project_release('FOREIGN', 3, 0, NULL)",
    "B54 spoil a file": "SELECT awe.ds_health('{file}', 'bad')",
    "B55 store for the victim": "SELECT awe.ds_stored('{reserved}', 1, sha256('x'))",
    "B55b ask which files are due": "SELECT * FROM awe.ds_due('0s', 100)",
    "B56 give up all files": "SELECT awe.ds_loose('0s')",
    "B57 forget a file": "SELECT awe.ds_gone('{file}')",
    "B58 live tickets": "SELECT * FROM awe.live_ticket('\\x{ticket}')",
    "B59 forge history": "SELECT awe.record('publish', 'awe.bias_frame', '{id}', 1, 37, '{{}}', '{{}}')",
    "B60 history by its trigger function": "CREATE TEMP TABLE t (object_id uuid, _creator int, "
        "_project int, _privileges smallint); CREATE TRIGGER r AFTER DELETE ON t "
        "FOR EACH ROW EXECUTE FUNCTION awe.record_change()",
    "B61 link a file by its trigger function": "CREATE TEMP TABLE t (file uuid, _creator int, "
        "_project int, _privileges smallint); CREATE TRIGGER l AFTER INSERT ON t "
        "FOR EACH ROW EXECUTE FUNCTION awe.link_file()",
    "B62 trash by its trigger function": "CREATE TEMP TABLE t (owner uuid); CREATE TRIGGER l "
        "AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION awe.record_link()",
    "B63 protect a table of one's own": "CREATE TEMP TABLE t (object_id uuid); "
                                        "SELECT awe.protect('pg_temp.t', '{{}}')",
    "B64 build a class": "SELECT awe.self_check()",
    "B65 a member of a foreign project": "SELECT awe.member_add('FOREIGN', '{me}', true)",
    "B66 a member by injection": "SELECT awe.member_add($$FOREIGN' OR true --$$, '{me}', true)",
    "B67 manage no project": "SELECT awe.member_add(NULL, '{me}', true)",
    "B68 remove from a foreign project": "SELECT awe.member_remove('FOREIGN', '{victim_role}')",
    "B69 change a foreign project": "SELECT awe.project_change('FOREIGN', "
                                    "'{{\"description\": \"mine\"}}')",
    "B70 rename a project": "SELECT awe.project_change('TUTORIAL2015', '{{\"name\": \"X\"}}')",
    "B71 renumber a project": "SELECT awe.project_change('TUTORIAL2015', '{{\"id\": 36}}')",
    "B72 raise a maximum": "SELECT awe.project_change('TUTORIAL2015', '{{\"max_privileges\": 5}}')",
    "B73 make a project": "SELECT awe.project_create('MINE', '', NULL, true, 5, 1)",
    # the house
    "B80 a table in awe": "CREATE TABLE awe.mine (n int)",
    "B81 a table in public": "CREATE TABLE public.mine (n int)",
    "B82 a view in awe": "CREATE VIEW awe.v AS SELECT 1",
    "B83 an overload of a helper": "CREATE FUNCTION awe.uid(int) RETURNS int LANGUAGE sql RETURN 1",
    "B84 replace a helper": "CREATE OR REPLACE FUNCTION awe.caller() RETURNS int LANGUAGE sql RETURN 1",
    "B85 reset the path of a helper": "ALTER FUNCTION awe.link_file() RESET search_path",
    "B86 an operator for all": "CREATE OPERATOR public.= (LEFTARG = uuid, RIGHTARG = uuid, "
                               "FUNCTION = uuid_eq)",
    "B87 a leakproof function": "CREATE FUNCTION pg_temp.f(t text) RETURNS bool LEAKPROOF "
                                "LANGUAGE sql RETURN true",
    "B88 a function in C": "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE c AS 'libc', 'system'",
    "B89 a cast": "CREATE CAST (uuid AS text) WITH INOUT AS IMPLICIT",
    "B90 a schema": "CREATE SCHEMA mine",
    "B91 an extension": "CREATE EXTENSION dblink",
    "B92 a trusted extension": "CREATE EXTENSION btree_gist",
    "B93 statements of others": "CREATE EXTENSION pg_stat_statements",
    "B94 a foreign server": "CREATE FOREIGN DATA WRAPPER w",
    "B95 a publication": "CREATE PUBLICATION p FOR ALL TABLES",
    "B96 a subscription": "CREATE SUBSCRIPTION s CONNECTION 'dbname=x' PUBLICATION p",
    "B97 a slot": "SELECT pg_create_logical_replication_slot('s', 'test_decoding')",
    "B98 an event trigger": "CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION awe.job_wake()",
    "B99 a language": "CREATE LANGUAGE plpython3u",
    "B100 skip triggers": "SET session_replication_role = replica",
    "B101 preload a library": "SET session_preload_libraries = 'x'",
    "B102 load a library": "LOAD 'auto_explain'",
    "B103 system settings": "ALTER SYSTEM SET row_security = off",
    "B104 read a file": "SELECT pg_read_file('PG_VERSION')",
    "B105 read bytes": "SELECT pg_read_binary_file('/etc/passwd')",
    "B106 list a directory": "SELECT pg_ls_dir('.')",
    "B107 stat a file": "SELECT * FROM pg_stat_file('/etc/passwd')",
    "B108 list the log": "SELECT * FROM pg_ls_logdir()",
    "B109 import a large object": "SELECT lo_import('/etc/passwd')",
    "B110 make a large object": "SELECT lo_from_bytea(0, 'x')",
    "B111 open a large object": "SELECT lo_create(4711)",
    "B112 copy from a file": "CREATE TEMP TABLE t (x text); COPY t FROM '/etc/passwd'",
    "B113 copy to a file": "COPY (SELECT 1) TO '/tmp/awe-attack'",
    "B114 copy to a program": "COPY (SELECT 1) TO PROGRAM 'id > /tmp/awe-attack'",
    "B115 copy from a program": "CREATE TEMP TABLE t (x text); COPY t FROM PROGRAM 'id'",
    "B116 how people log in": "SELECT * FROM pg_hba_file_rules",
    "B117 where the data are": "SHOW data_directory",
    "B118 the configuration": "SELECT * FROM pg_file_settings",
    "B119 reload": "SELECT pg_reload_conf()",
    "B120 advisory locks of all": "SELECT pg_advisory_lock(n) FROM generate_series(1, 100000) n",
    "B121 fill the log of changes": "SELECT pg_logical_emit_message(false, 'x', 'y')",
    "B122 reset statistics": "SELECT pg_stat_reset()",
    "B123 values of a sequence": "SELECT last_value FROM awe.audit_id_seq",
    "B124 set a sequence": "SELECT setval('awe.job_id_seq', 1)",
    "B125 draw from a sequence": "SELECT nextval('awe.run_id_seq')",
    "B126 a comment": "COMMENT ON TABLE awe.bias_frame IS 'mine'",
    "B127 a temporary heir": "CREATE TEMP TABLE t () INHERITS (awe.bias_frame)",
    "B128 a foreign key to probe": "CREATE TEMP TABLE t (r uuid REFERENCES awe.bias_frame)",
    "B129 statistics of hidden rows": "CREATE STATISTICS s ON filename, _creator FROM awe.bias_frame",
    "B130 another database": "\\connect postgres\n",
    "B131 a database": "CREATE DATABASE mine TEMPLATE {database}",
    "B132 policies off": "SET row_security = off; SELECT * FROM awe.bias_frame",
    # directory, history, trash, files, tickets, jobs
    "B140 a membership": "INSERT INTO awe.member VALUES (1, 36, true)",
    "B141 managers": "UPDATE awe.member SET is_manager = true",
    "B142 no members": "DELETE FROM awe.member",
    "B143 levels of projects": "UPDATE awe.project SET is_public = true",
    "B144 names of people": "UPDATE awe.users SET role_name = 'x'",
    "B145 write history": "INSERT INTO awe.audit (login, action, relation) VALUES ('a', 'delete', 'b')",
    "B146 rewrite history": "UPDATE awe.audit SET login = 'x'",
    "B147 erase history": "DELETE FROM awe.audit",
    "B148 truncate history": "TRUNCATE awe.audit",
    "B149 plant in the trash": "INSERT INTO awe.trash (user_id, relation, object_id, content) "
                               "VALUES (1, 'awe.bias_frame', gen_random_uuid(), '{{}}')",
    "B150 link a file": "UPDATE awe.file SET state = 'linked'",
    "B151 publish a file": "UPDATE awe.file SET _privileges = 4",
    "B152 delete files": "DELETE FROM awe.file",
    "B153 a reservation for the victim": "INSERT INTO awe.file (filename, creator) VALUES ('a.fits', {victim})",
    "B154 a stored reservation": "INSERT INTO awe.file (filename, state) VALUES ('a.fits', 'stored')",
    "B155 a path for a name": "INSERT INTO awe.file (filename) VALUES ('../x')",
    "B155b a program for a name": "INSERT INTO awe.file (filename) VALUES ('colorsys.py')",
    "B156 SQL for a name": "INSERT INTO awe.file (filename) VALUES ($$a'; DROP TABLE awe.file; --$$)",
    "B157 take a reservation over": "INSERT INTO awe.file (id, filename) VALUES ('{reserved}', 'a.fits') "
                                    "ON CONFLICT (id) DO UPDATE SET filename = 'b'",
    "B158 the victim's file in an own object": "INSERT INTO awe.bias_frame (object_id, _project, "
        "_privileges, file) VALUES (gen_random_uuid(), 36, 1, '{file}')",
    "B159 the victim's unlinked file": "INSERT INTO awe.bias_frame (object_id, _project, "
        "_privileges, file) VALUES (gen_random_uuid(), 36, 1, '{stored}')",
    "B160 a ticket for the victim": "INSERT INTO awe.ticket (hash, user_id) VALUES (sha256('a'), {victim})",
    "B161 a ticket for ever": "INSERT INTO awe.ticket (hash, expires) VALUES (sha256('a'), 'infinity')",
    "B162 a ticket of a job": "INSERT INTO awe.ticket (hash, job) VALUES (sha256('a'), {job})",
    "B163 extend tickets": "UPDATE awe.ticket SET expires = 'infinity'",
    "B164 a run of the victim": "INSERT INTO awe.run (request, recipe, args, project, privileges, "
        "user_id) VALUES (gen_random_uuid(), 'Bias', '{{}}', 36, 1, {victim})",
    "B165 a job in the victim's run": "INSERT INTO awe.job (run, ordinal, recipe, args, project, "
        "privileges) VALUES ({run}, 1, 'Bias', '{{}}', 37, 1)",
    "B166 a running job": "UPDATE awe.job SET state = 'running'",
    "B167 a result for the victim's job": "INSERT INTO awe.job_item (job, item, attempt, ok) "
                                          "VALUES ({job}, 'x', 1, true)",
    "B168 lines in the victim's log": "INSERT INTO awe.job_log (job, attempt, line_no, line) "
                                      "VALUES ({job}, 1, 99, 'lie')",
    "B169 delete jobs": "DELETE FROM awe.job",
    "B170 a job above the maximum": "INSERT INTO awe.run (request, recipe, args, project, privileges) "
                                    "VALUES (gen_random_uuid(), 'Bias', '{{}}', 36, 5)",
    "B171 SQL for a recipe": "INSERT INTO awe.run (request, recipe, args, project, privileges) "
                             "VALUES (gen_random_uuid(), $$x'; --$$, '{{}}', 36, 1)",
    "B172 a parent that is hidden": "INSERT INTO awe.reduced_science_frame (object_id, _project, "
        "_privileges, bias) VALUES (gen_random_uuid(), 36, 1, '{id}')",
    "B173 a link to what is hidden": "BEGIN; INSERT INTO awe.bias_frame (object_id, _project, _privileges) "
        "VALUES ('11111111-1111-4111-8111-111111111111', 36, 1); "
        "INSERT INTO awe.bias_frame__raw_bias_frames VALUES ('11111111-1111-4111-8111-111111111111', "
        "0, '{raw}')",
    "B174 links of the victim's object": "INSERT INTO awe.bias_frame__raw_bias_frames "
        "VALUES ('{id}', 5, '{raw}')",
    "B175 cut links": "DELETE FROM awe.bias_frame__raw_bias_frames",
    "B176 turn links": "UPDATE awe.bias_frame__raw_bias_frames SET target = owner",
    "B177 published before its parent": "INSERT INTO awe.bias_frame (object_id, _project, _privileges, "
        "process_params) SELECT gen_random_uuid(), 36, 4, '{own_parameters}'",
    "B178 an object by rewriting the trash": "INSERT INTO awe.bias_frame SELECT r.* FROM "
        "jsonb_populate_record(NULL::awe.bias_frame, '{{\"object_id\": \"{id}\", \"_creator\": 1, "
        "\"_project\": 37, \"_privileges\": 1, \"creation_date\": \"2001-01-01\"}}') r",
}

FRUITLESS = {
    "B53c read who read what": "SELECT * FROM awe.reading WHERE file = '{file}'",
    "C01 as the group": "SET ROLE awe_user; SELECT * FROM awe.bias_frame; SELECT * FROM awe.job; "
                        "DELETE FROM awe.bias_frame; UPDATE awe.bias_frame SET is_valid = 0",
    "C02 as the world": "SET ROLE awe_world; SELECT * FROM awe.bias_frame; SELECT * FROM awe.users",
    "C03 role at login": "\\connect 'options=-crole={victim_role}'\nSELECT * FROM awe.bias_frame",
    "C04 policies off at login": "\\connect 'options=-crow_security=off'\nSELECT * FROM awe.bias_frame",
    "C05 the victim's name as a setting": "SET awe.uid = '{victim}'; SET awe.user = '{victim_role}'; "
                                          "SELECT * FROM awe.bias_frame",
    "C06 application name": "SET application_name = '{victim_role}'; SELECT * FROM awe.bias_frame",
    "C07 a stand-in for the directory": "CREATE TEMP TABLE users AS SELECT {victim} AS id, "
        "CURRENT_USER AS role_name; CREATE TEMP TABLE member AS SELECT awe.uid() AS user_id, "
        "37 AS project_id, true AS is_manager; SET search_path = pg_temp, awe, pg_catalog; "
        "SELECT * FROM awe.bias_frame; SELECT * FROM awe.job",
    "C08 a stand-in for a helper": "CREATE FUNCTION pg_temp.uid() RETURNS int LANGUAGE sql RETURN "
        "{victim}; SET search_path = pg_temp, awe; SELECT * FROM awe.bias_frame",
    "C09 a stand-in for an operator": "CREATE FUNCTION pg_temp.yes(int, int) RETURNS bool LANGUAGE sql "
        "RETURN true; CREATE OPERATOR pg_temp.= (LEFTARG = int, RIGHTARG = int, FUNCTION = "
        "pg_temp.yes); SET search_path = pg_temp, pg_catalog, awe; SELECT * FROM awe.bias_frame",
    "C10 a stand-in in a definer function": "CREATE FUNCTION pg_temp.yes(name, name) RETURNS bool "
        "LANGUAGE sql RETURN true; CREATE OPERATOR pg_temp.= (LEFTARG = name, RIGHTARG = name, "
        "FUNCTION = pg_temp.yes); SET search_path = pg_temp, pg_catalog; "
        "SELECT awe.job_retry({job})",
    "C11 a cheap leaky function": "CREATE FUNCTION pg_temp.leak(anyelement) RETURNS bool COST 0.0000001 "
        "LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'leaked %', $1; RETURN true; END $$; "
        "SELECT 1 FROM awe.bias_frame b WHERE pg_temp.leak(b)",
    "C12 a leaky operator": "CREATE FUNCTION pg_temp.leak(text, text) RETURNS bool COST 0.0000001 "
        "LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'leaked % %', $1, $2; RETURN true; END $$; "
        "CREATE OPERATOR pg_temp.<<<< (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.leak); "
        "SELECT 1 FROM awe.bias_frame WHERE filename OPERATOR(pg_temp.<<<<) 'x'",
    "C13 a leaky join": "CREATE FUNCTION pg_temp.leak(uuid, uuid) RETURNS bool COST 0.0000001 "
        "LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'leaked % %', $1, $2; RETURN $1 = $2; END $$; "
        "SELECT 1 FROM awe.bias_frame b JOIN awe.bias_frame__raw_bias_frames l ON "
        "pg_temp.leak(l.owner, b.object_id)",
    "C14 a leaky aggregate": "CREATE FUNCTION pg_temp.add(text, text) RETURNS text LANGUAGE sql RETURN "
        "$1 || $2; CREATE AGGREGATE pg_temp.all_of(text) (SFUNC = pg_temp.add, STYPE = text, "
        "INITCOND = ''); SELECT pg_temp.all_of(filename) FROM awe.bias_frame",
    "C15 an error that tells": "SELECT (filename || 'x')::int FROM awe.bias_frame "
                               "WHERE (filename || 'x')::int > 0",
    "C16 a division that tells": "SELECT 1 FROM awe.bias_frame WHERE 1 / (length(filename) - "
                                 "length(filename)) = 1",
    "C17 a pattern that tells": "SELECT 1 FROM awe.bias_frame WHERE 'x' ~ ('(' || filename)",
    "C18 a subscript that tells": "SELECT 1 FROM awe.bias_frame WHERE jsonb_path_exists('{{}}', "
                                  "filename::jsonpath)",
    "C19 a view": "CREATE TEMP VIEW v AS SELECT * FROM awe.bias_frame; SELECT * FROM v",
    "C20 a barrier view": "CREATE TEMP VIEW v WITH (security_barrier) AS SELECT * FROM awe.bias_frame; "
                          "SELECT * FROM v",
    "C21 a definer function of one's own": "CREATE FUNCTION pg_temp.f() RETURNS SETOF awe.bias_frame "
        "LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM awe.bias_frame'; SELECT pg_temp.f()",
    "C22 a prepared statement": "PREPARE p AS SELECT * FROM awe.bias_frame; EXECUTE p; "
        "SET ROLE awe_user; EXECUTE p; RESET ROLE; EXECUTE p",
    "C23 a cursor across roles": "BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT * FROM awe.bias_frame; "
        "SET LOCAL ROLE awe_user; FETCH ALL c",
    "C24 statistics": "SELECT * FROM pg_stats WHERE schemaname = 'awe' AND tablename IN "
        "('bias_frame', 'file', 'job', 'ticket')",
    "C25 extended statistics": "SELECT * FROM pg_stats_ext; SELECT * FROM pg_stats_ext_exprs",
    "C26 raw statistics": "SELECT stavalues1 FROM pg_statistic",
    "C27 what others run": "SELECT query FROM pg_stat_activity",
    "C28 prepared transactions": "SELECT * FROM pg_prepared_xacts",
    "C29 sequences": "SELECT last_value FROM pg_sequences WHERE last_value IS NOT NULL",
    "C30 as xml": "SELECT schema_to_xml('awe', true, false, '')",
    "C31 the database as xml": "SELECT query_to_xml('SELECT * FROM awe.file', true, true, '')",
    "C32 words by full text": "SELECT * FROM ts_stat('SELECT to_tsvector(filename) FROM awe.bias_frame')",
    "C33 a sample": "SELECT * FROM awe.bias_frame TABLESAMPLE BERNOULLI (100)",
    "C34 by place": "SELECT * FROM awe.bias_frame WHERE ctid IN ('(0,1)', '(0,2)', '(0,3)')",
    "C35 by transaction": "SELECT xmin, * FROM awe.bias_frame WHERE xmin IS NOT NULL",
    "C36 joined": "SELECT * FROM awe.bias_frame b FULL JOIN awe.file f ON f.id = b.file",
    "C37 by links": "SELECT * FROM awe.bias_frame__raw_bias_frames",
    "C38 laterally": "SELECT x.* FROM awe.users u, LATERAL (SELECT * FROM awe.bias_frame b "
                     "WHERE b._creator = u.id OFFSET 0) x",
    "C39 recursively": "WITH RECURSIVE r AS (SELECT object_id FROM awe.raw_bias_frame UNION SELECT owner "
                       "FROM awe.bias_frame__raw_bias_frames l JOIN r ON r.object_id = l.target) TABLE r",
    "C40 files": "TABLE awe.file",
    "C41 tickets": "TABLE awe.ticket",
    "C42 the trash": "TABLE awe.trash",
    "C43 history": "SELECT * FROM awe.audit WHERE relation <> 'project'",
    "C44 runs": "TABLE awe.run",
    "C45 jobs": "TABLE awe.job",
    "C46 logs": "TABLE awe.job_log",
    "C47 items": "TABLE awe.job_item",
    "C48 attempts": "TABLE awe.attempt",
    "C49 cancel the victim's job": "SELECT awe.job_cancel({job})",
    "C50 retry the victim's job": "SELECT awe.job_retry({job})",
    "C51 restore the victim's object": "SELECT awe.undelete(ARRAY['{deleted}']::uuid[])",
    "C52 empty the victim's trash": "SELECT awe.trash_forget(ARRAY['{deleted}']::uuid[])",
    "C53 revoke the victim's tickets": "SELECT awe.ticket_drop(hash) FROM awe.ticket",
    "C54 end the victim's session": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                    "WHERE usename = '{victim_role}'",
    "C55 cancel the victim's statement": "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
                                         "WHERE usename = '{victim_role}'",
    "C56 analyse": "ANALYZE awe.bias_frame; SELECT * FROM pg_stats WHERE schemaname = 'awe'",
    "C57 rewrite": "VACUUM FULL awe.bias_frame",
    "C58 why refused": "SELECT awe.why_refused(37, 1); SELECT awe.why_refused(NULL, NULL)",
    "C59 a parent that is absent": "INSERT INTO awe.reduced_science_frame (object_id, _project, "
        "_privileges, bias) VALUES (gen_random_uuid(), 36, 1, gen_random_uuid())",
    "C60 a plan": "EXPLAIN (ANALYZE, VERBOSE, COSTS) SELECT * FROM awe.bias_frame "
                  "WHERE filename > 'a'",
    "C61 large objects of others": "SELECT * FROM pg_largeobject_metadata",
    "C62 listen": "LISTEN awe_jobs; NOTIFY awe_jobs; SELECT 1",
    "C63 a block of one's own": "DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM awe.bias_frame "
                                "LOOP RAISE NOTICE '%', r; END LOOP; END $$",
    "C64 saved to a table": "CREATE TEMP TABLE t AS TABLE awe.bias_frame; TABLE t",
    "C65 into a cursor of a function": "SELECT cursor_to_xml('x', 1, true, true, '')",
    "C66 a window": "SELECT first_value(filename) OVER () FROM awe.bias_frame",
    "C67 the victim's level": "UPDATE awe.bias_frame SET _privileges = 4 WHERE object_id = '{id}' "
                              "RETURNING *",
    "C68 the victim's validity": "UPDATE awe.bias_frame SET is_valid = 0 WHERE object_id = '{id}' "
                                 "RETURNING *",
    "C69 the victim's published object": "DELETE FROM awe.bias_frame WHERE object_id = '{published}' "
                                         "RETURNING 1",
    "C71 settings by the view": "UPDATE pg_settings SET setting = '{victim_role}' WHERE name IN "
        "('role', 'session_authorization', 'is_superuser'); SELECT * FROM awe.bias_frame",
    "C70 lower what is published": "UPDATE awe.bias_frame SET _privileges = 1 "
                                   "WHERE object_id = '{published}' RETURNING 1",
}
