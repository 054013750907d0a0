"""Attacks through each person's own login with SQL; every one is named, tried and refused."""

from __future__ import annotations

import hashlib
import uuid

import psycopg2
import pytest


def refused(db, person, statement, *values, code=None):
    """Run a statement that must be refused, and return the message."""
    with pytest.raises(psycopg2.Error) as caught:
        db.rows(person, statement, *values)
    if code is not None:
        assert caught.value.pgcode in ([code] if isinstance(code, str) else code)
    return str(caught.value)


@pytest.fixture
def secret(maker):
    """An object of another person at level 1, before people who have temporary tables.

    They have none; the attacks that need one are tried as if they had.
    """
    maker.ask(f'GRANT TEMP ON DATABASE "{maker.db.name}" TO awe_user')
    return maker.row("bias_frame", "other", 37, 1, filename="secret.fits")


# -- becoming somebody else ---------------------------------------------------------------------

BECOME = {
    "A01 SET ROLE to another person": "SET ROLE awother",
    "A02 SET ROLE to the owner of the tables": "SET ROLE awe_owner",
    "A03 SET ROLE to the kernel": "SET ROLE awe_kernel",
    "A04 SET ROLE to the role maker": "SET ROLE awe_rolemaker",
    "A05 SET ROLE to the administrators": "SET ROLE awe_admin",
    "A06 SET ROLE to the superuser": "SET ROLE postgres",
    "A07 SET SESSION AUTHORIZATION": "SET SESSION AUTHORIZATION awother",
    "A08 set_config of the role": "SELECT set_config('role', 'awother', false)",
    "A09 set_config of the session": "SELECT set_config('session_authorization', 'awother', true)",
    "A10 row_security off": "SET row_security = off; SELECT * FROM awe.bias_frame",
    "A11 make a role": "CREATE ROLE mine LOGIN",
    "A12 make oneself superuser": "ALTER ROLE awstudent SUPERUSER",
    "A13 bypass policies": "ALTER ROLE awstudent BYPASSRLS",
    "A14 more connections": "ALTER ROLE awstudent CONNECTION LIMIT 1000",
    "A15 another's password": "ALTER ROLE awother PASSWORD 'x'",
    "A16 join a group": "GRANT awe_admin TO awstudent",
    "A17 join another person": "GRANT awother TO awstudent",
    "A18 make a user": "SELECT awe.user_create('evil', 'SCRAM-SHA-256$1:a$a:a', '')",
    "A19 change a password by function": "SELECT awe.user_password('awother', 'x')",
    "A20 remove a user": "SELECT awe.user_remove('awother')",
    "A21 make a job's login": "SELECT awe.job_login(1, 1, 'SCRAM-SHA-256$1:a$a:a')",
    "A22 act as the dataserver": "SELECT * FROM awe.ds_may_read('x', gen_random_uuid())",
    "A23 mark a file as stored": "SELECT awe.ds_stored(gen_random_uuid(), 1, 'x')",
    "A24 passwords of all": "SELECT * FROM pg_authid",
    "A25 write history": "SELECT awe.record('publish', 'x', NULL, 1, 1, NULL, NULL)",
}


@pytest.mark.parametrize("name", BECOME)
def test_nobody_becomes_somebody_else(standing, name):
    for person in ("student", "manager", "outsider", "anonymous"):
        message = refused(standing, person, BECOME[name], code=("42501", "0LP01", "42883"))
        assert "denied" in message or "permission" in message or "policy" in message \
            or "only" in message.lower() or "exist" in message


# -- changing the house -------------------------------------------------------------------------

HOUSE = {
    "A30 truncate": "TRUNCATE awe.bias_frame",
    "A31 drop": "DROP TABLE awe.bias_frame",
    "A32 switch policies off": "ALTER TABLE awe.bias_frame DISABLE ROW LEVEL SECURITY",
    "A33 unforce": "ALTER TABLE awe.bias_frame NO FORCE ROW LEVEL SECURITY",
    "A34 a policy of one's own": "CREATE POLICY mine ON awe.bias_frame USING (true)",
    "A35 drop a policy": "DROP POLICY see ON awe.bias_frame",
    "A36 disable triggers": "ALTER TABLE awe.bias_frame DISABLE TRIGGER ALL",
    "A37 replica role to skip triggers": "SET session_replication_role = replica",
    "A38 a trigger of one's own": "CREATE TRIGGER t BEFORE INSERT ON awe.bias_frame "
                                  "FOR EACH ROW EXECUTE FUNCTION awe.guard_update()",
    "A39 an own helper": "CREATE FUNCTION awe.uid2() RETURNS int LANGUAGE sql RETURN 1",
    "A40 replace a helper": "CREATE OR REPLACE FUNCTION awe.uid() RETURNS int "
                            "LANGUAGE sql RETURN 2",
    "A41 a table in schema awe": "CREATE TABLE awe.mine (n int)",
    "A42 a table in public": "CREATE TABLE public.mine (n int)",
    "A43 a schema": "CREATE SCHEMA mine",
    "A44 a database": "CREATE DATABASE mine",
    "A45 an extension": "CREATE EXTENSION dblink",
    "A46 an index to probe": "CREATE UNIQUE INDEX ON awe.bias_frame (filename)",
    "A47 a rule": "CREATE RULE r AS ON SELECT TO awe.bias_frame DO INSTEAD SELECT 1",
    "A48 inherit from a class": "CREATE TEMP TABLE t () INHERITS (awe.bias_frame)",
    "A49 a foreign key of one's own": "CREATE TEMP TABLE t (r uuid REFERENCES awe.bias_frame)",
    "A50 read a server file": "SELECT pg_read_file('postgresql.conf')",
    "A51 run a program": "COPY (SELECT 1) TO PROGRAM 'id'",
    "A52 write a server file": "COPY awe.bias_frame TO '/tmp/awe-leak'",
    "A53 import a file": "SELECT lo_import('/etc/passwd')",
    "A54 end another's session": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                 "WHERE usename = 'postgres'",
    "A55 reload the server": "SELECT pg_reload_conf()",
    "A56 change settings": "ALTER SYSTEM SET fsync = off",
    "A57 an event trigger": "CREATE EVENT TRIGGER e ON ddl_command_start "
                            "EXECUTE FUNCTION awe.guard_update()",
    "A58 untrusted language": "CREATE LANGUAGE plpython3u",
    "A60 statistics of columns": "CREATE STATISTICS s ON filename, file FROM awe.bias_frame",
    "A61 protect again": "SELECT awe.protect('awe.bias_frame', '{filename}')",
}


@pytest.mark.parametrize("name", HOUSE)
def test_nobody_changes_the_house(standing, name):
    holder = standing.superuser()
    for person in ("student", "manager", "anonymous"):
        refused(standing, person, HOUSE[name])
    with holder.cursor() as cursor:
        cursor.execute("SELECT 1")


# -- reading what is not shown -------------------------------------------------------------------

READ = {
    "A70 count": "SELECT count(*) FROM awe.bias_frame",
    "A71 group": "SELECT count(*) FROM (SELECT filename FROM awe.bias_frame GROUP BY 1) x",
    "A72 exists": "SELECT count(*) FROM (SELECT 1 WHERE EXISTS "
                  "(SELECT 1 FROM awe.bias_frame WHERE filename = 'secret.fits')) x",
    "A73 join over links": "SELECT count(*) FROM awe.bias_frame b FULL JOIN awe.raw_bias_frame r "
                           "ON r.object_id = b.object_id",
    "A74 by id": "SELECT count(*) FROM awe.bias_frame WHERE object_id IS NOT NULL",
    "A75 by prefix": "SELECT count(*) FROM awe.bias_frame WHERE filename LIKE 's%'",
    "A76 by system column": "SELECT count(*) FROM awe.bias_frame WHERE ctid IS NOT NULL",
    "A77 for update": "SELECT count(*) FROM (SELECT 1 FROM awe.bias_frame FOR UPDATE) x",
    "A78 tablesample": "SELECT count(*) FROM awe.bias_frame TABLESAMPLE SYSTEM (100)",
    "A79 own view": "CREATE TEMP VIEW v AS SELECT * FROM awe.bias_frame; SELECT count(*) FROM v",
    "A80 own security definer function": "CREATE FUNCTION pg_temp.f() RETURNS bigint LANGUAGE sql "
        "SECURITY DEFINER AS 'SELECT count(*) FROM awe.bias_frame'; SELECT pg_temp.f()",
    "A81 through its file": "SELECT count(*) FROM awe.file",
    "A82 the trash": "SELECT count(*) FROM awe.trash",
    "A83 the audit trail": "SELECT count(*) FROM awe.audit WHERE relation <> 'project'",
    "A84 statistics": "SELECT count(*) FROM pg_stats WHERE tablename = 'bias_frame'",
    "A85 others' tickets": "SELECT count(*) FROM awe.ticket",
    "A86 others' statements": "SELECT count(*) FROM pg_stat_activity WHERE usename = 'awother' "
                              "AND query NOT LIKE '<insufficient%'",
}


@pytest.mark.parametrize("name", READ)
def test_nobody_reads_what_is_not_shown(db, maker, secret, name):
    db.rows("other", "INSERT INTO awe.ticket (hash) VALUES (%s)", hashlib.sha256(b"x").digest())
    db.rows("other", "INSERT INTO awe.file (filename) VALUES ('secret.fits')")
    db.rows("other", "UPDATE awe.bias_frame SET is_valid = 0 WHERE object_id = %s", str(secret.id))
    gone = maker.row("bias_frame", "other", 37, 1)
    db.rows("other", "DELETE FROM awe.bias_frame WHERE object_id = %s", str(gone.id))
    maker.ask("ANALYZE awe.bias_frame")
    for person in ("student", "outsider"):
        assert db.rows(person, READ[name]) == [(0,)]


def test_a90_copy_shows_only_what_is_visible(db, secret):
    import io

    target = io.StringIO()
    with db.connect("student").cursor() as cursor:
        cursor.copy_expert("COPY awe.bias_frame TO STDOUT", target)
    assert target.getvalue() == ""


def test_a91_a_leaky_function_sees_no_hidden_row(db, secret):
    connection = db.connect("student")
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION pg_temp.leak(t text) RETURNS bool COST 0.0000001 LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE NOTICE '%', t; RETURN true; END $$"
        )
        cursor.execute("SELECT 1 FROM awe.bias_frame WHERE pg_temp.leak(filename)")
        assert cursor.fetchall() == []
    assert connection.notices == []


def test_a92_an_error_does_not_tell_a_hidden_value(db, secret):
    trap = "SELECT 1 FROM awe.bias_frame WHERE (filename || 'x')::int > 0"
    assert db.rows("student", trap) == []


def test_a93_temporary_tables_do_not_stand_in_for_the_directory(db, secret):
    connection = db.connect("student")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE users AS SELECT 2 AS id, 'awstudent'::name AS role_name")
        cursor.execute("SET search_path = pg_temp, awe")
        cursor.execute("SELECT count(*) FROM awe.bias_frame")
        assert cursor.fetchone() == (0,)


# -- writing as somebody else ---------------------------------------------------------------------


@pytest.mark.parametrize(("name", "person", "creator", "project", "level"), [
    ("A100 as another person", "student", "other", 37, 1),
    ("A101 into a foreign project", "outsider", "outsider", 37, 1),
    ("A102 above the maximum", "student", "student", 37, 5),
    ("A103 at level 0", "student", "student", 37, 0),
    ("A104 into project ALL", "student", "student", 1, 1),
    ("A105 into no project", "student", "student", 4711, 1),
])
def test_nobody_inserts_as_another_or_elsewhere(db, maker, name, person, creator, project, level):
    refused(db, person, "INSERT INTO awe.bias_frame (object_id, _creator, _project, _privileges) "
            "VALUES (gen_random_uuid(), %s, %s, %s)", maker.user(creator), project, level)


def test_a106_anonymous_inserts_nothing(db):
    refused(db, "anonymous", "INSERT INTO awe.bias_frame (object_id, _creator, _project, "
            "_privileges) VALUES (gen_random_uuid(), 1, 36, 4)", code="42501")


def test_a107_the_date_of_an_object_is_the_servers(db, maker):
    refused(db, "student", "INSERT INTO awe.bias_frame (object_id, _project, _privileges, "
            "creation_date) VALUES (gen_random_uuid(), 37, 1, '2001-01-01')", code="42501")


def test_a108_insertion_into_every_class_obeys_one_rule(db, maker):
    # comments are inserted by a rule of their own: test_comments.py
    for table in set(maker.tables()) - {"comment"}:
        maker.as_person("student", table, 37, 1)
        refused(db, "outsider", f'INSERT INTO awe."{table}" (object_id, _project, _privileges) '
                "VALUES (gen_random_uuid(), 37, 1)", code="42501")


# -- changing and deleting ----------------------------------------------------------------------


def test_a110_only_three_columns_ever_change(db, maker):
    row = maker.row("bias_frame", "student", 37, 1)
    for column, value in (("filename", "x"), ("_creator", 2), ("_project", 36),
                          ("object_id", str(uuid.uuid4())), ("creation_date", "2001-01-01")):
        refused(db, "student", f"UPDATE awe.bias_frame SET {column} = %s WHERE object_id = %s",
                value, str(row.id), code="42501")


def change(db, person, row, clause):
    statement = f'UPDATE awe."{row.table}" SET {clause} WHERE object_id = %s RETURNING 1'
    return db.rows(person, statement, str(row.id))


def test_a111_a_manager_judges_level_2_but_not_private_work(db, maker):
    private, shared = (maker.row("bias_frame", "student", 37, n) for n in (1, 2))
    assert change(db, "manager", private, "is_valid = 0") == []
    assert change(db, "manager", shared, "is_valid = 0") == [(1,)]
    assert change(db, "other", shared, "is_valid = 0") == []


def test_a112_only_the_creator_publishes(db, maker):
    row = maker.row("bias_frame", "student", 37, 2)
    with pytest.raises(psycopg2.Error, match="only the creator"):
        change(db, "manager", row, "_privileges = 3")
    assert change(db, "student", row, "_privileges = 3") == [(1,)]


def test_a113_levels_never_fall_and_stay_below_the_maximum(db, maker):
    row = maker.row("bias_frame", "student", 37, 3)
    with pytest.raises(psycopg2.Error, match="not lowered"):
        change(db, "student", row, "_privileges = 1")
    with pytest.raises(psycopg2.Error, match="up to 4"):
        change(db, "student", row, "_privileges = 5")


@pytest.mark.parametrize("level", range(1, 6))
def test_a114_deletion_own_and_unpublished_only(db, maker, level):
    row = maker.row("bias_frame", "student", 37, level)
    statement = "DELETE FROM awe.bias_frame WHERE object_id = %s RETURNING 1"
    for person in ("other", "manager", "outsider"):
        assert db.rows(person, statement, str(row.id)) == []
    refused(db, "anonymous", statement, str(row.id), code="42501")
    assert db.rows("student", statement, str(row.id)) == ([(1,)] if level <= 2 else [])


def test_a115_what_others_depend_on_stays(db, maker):
    row = maker.row("bias_frame", "student", 37, 2)
    maker.as_person("other", "reduced_science_frame", 37, 1, bias=str(row.id))
    message = refused(db, "student", "DELETE FROM awe.bias_frame WHERE object_id = %s",
                      str(row.id), code="23503")
    assert "still referenced" in message


# -- lineage --------------------------------------------------------------------------------------


def test_a120_a_hidden_and_an_absent_parent_fail_alike(db, maker, secret):
    statement = ("INSERT INTO awe.reduced_science_frame (object_id, _project, _privileges, bias) "
                 "VALUES (gen_random_uuid(), 37, 1, %s)")
    hidden = refused(db, "student", statement, str(secret.id), code="AW007")
    absent = refused(db, "student", statement, str(uuid.uuid4()), code="AW007")
    assert hidden == absent


def test_a121_on_conflict_and_unique_keys_tell_nothing(db, maker, secret):
    message = refused(
        db, "student", "INSERT INTO awe.bias_frame (object_id, _project, _privileges) "
        "VALUES (%s, 37, 1) ON CONFLICT (object_id) DO UPDATE SET is_valid = 0", str(secret.id),
    )
    assert "secret" not in message
    again = db.rows("other", "SELECT is_valid FROM awe.bias_frame WHERE object_id = %s",
                    str(secret.id))
    assert again == [(None,)]


def test_a122_nothing_is_published_before_its_parents(db, maker):
    bias = maker.row("bias_frame", "student", 37, 1)
    made = maker.as_person("student", "reduced_science_frame", 37, 1, bias=str(bias.id))
    with pytest.raises(psycopg2.Error, match=r"publish reduced_science_frame\.bias first"):
        change(db, "student", made, "_privileges = 3")
    change(db, "student", bias, "_privileges = 3")
    assert change(db, "student", made, "_privileges = 3") == [(1,)]


LINK = "INSERT INTO awe.bias_frame__raw_bias_frames VALUES (%s, %s, %s)"


@pytest.fixture
def bias_with_list(db, maker):
    """A bias made by the student from one raw frame, in one transaction."""
    raw = maker.row("raw_bias_frame", "student", 37, 1)
    connection = db.connect("student")
    connection.autocommit = False
    number = str(uuid.uuid4())
    with connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO awe.bias_frame (object_id, _project, _privileges) "
                       "VALUES (%s, 37, 1)", (number,))
        cursor.execute(LINK, (number, 0, str(raw.id)))
    connection.close()
    return number, raw


def test_a123_lists_of_links_are_fixed_with_their_owner(db, maker, bias_with_list):
    number, raw = bias_with_list
    for person in ("student", "other", "manager"):
        refused(db, person, LINK, number, 1, str(raw.id), code="42501")
        for verb in ("DELETE FROM awe.{}", "UPDATE awe.{} SET position = 7"):
            refused(db, person, verb.format("bias_frame__raw_bias_frames"), code="42501")


def test_a124_lists_of_links_count_as_parents(db, maker, bias_with_list):
    number, raw = bias_with_list
    statement = "UPDATE awe.bias_frame SET _privileges = %s WHERE object_id = %s"
    message = refused(db, "student", statement, 3, number, code="AW008")
    assert "raw_bias_frames" in message
    change(db, "student", raw, "_privileges = 3")
    db.rows("student", statement, 3, number)


def test_a125_a_link_to_a_hidden_and_to_an_absent_object_fail_alike(db, maker):
    hidden = maker.row("raw_bias_frame", "other", 37, 1)
    messages = []
    for target in (str(hidden.id), str(uuid.uuid4())):
        connection = db.connect("student")
        connection.autocommit = False
        number = str(uuid.uuid4())
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO awe.bias_frame (object_id, _project, _privileges) "
                           "VALUES (%s, 37, 1)", (number,))
            with pytest.raises(psycopg2.Error) as caught:
                cursor.execute(LINK, (number, 0, target))
            assert caught.value.pgcode == "AW007"
            messages.append(str(caught.value))
    assert messages[0] == messages[1]


# -- files and tickets ----------------------------------------------------------------------------


def test_a130_a_file_is_taken_by_its_owner_once(db, maker):
    number = maker.stored_file("other")
    statement = ("INSERT INTO awe.bias_frame (object_id, _project, _privileges, filename, file) "
                 "VALUES (gen_random_uuid(), 37, 1, 'frame.fits', %s)")
    refused(db, "student", statement, number, code=("AW010", "42501"))
    db.rows("other", statement, number)
    refused(db, "other", statement, number, code=("AW010", "23505"))


def test_a131_an_unstored_file_is_not_linked(db, maker):
    number = str(uuid.uuid4())
    db.rows("student", "INSERT INTO awe.file (id, filename) VALUES (%s, 'a.fits')", number)
    refused(db, "student", "INSERT INTO awe.bias_frame (object_id, _project, _privileges, "
            "filename, file) VALUES (gen_random_uuid(), 37, 1, 'a.fits', %s)", number,
            code="AW010")


@pytest.mark.parametrize("statement", [
    "UPDATE awe.file SET state = 'linked'",
    "UPDATE awe.file SET _privileges = 5",
    "DELETE FROM awe.file",
    "INSERT INTO awe.file (filename, state) VALUES ('a.fits', 'stored')",
    "INSERT INTO awe.file (filename, creator) VALUES ('a.fits', 2)",
    "INSERT INTO awe.file (filename) VALUES ('../../etc/passwd')",
    "INSERT INTO awe.file (filename) VALUES ('a/b.fits')",
    "INSERT INTO awe.file (filename) VALUES ('')",
    "INSERT INTO awe.file (filename) VALUES ('colorsys.py')",
    "INSERT INTO awe.file (filename) VALUES ('frame.fits.sh')",
    "INSERT INTO awe.ticket (hash, user_id) VALUES (sha256('a'), 2)",
    "INSERT INTO awe.ticket (hash, expires) VALUES (sha256('a'), now() + interval '13 hours')",
    "UPDATE awe.ticket SET expires = now() + interval '1 year'",
])
def test_a132_files_and_tickets_are_not_forged(standing, statement):
    refused(standing, "student", statement, code=("42501", "23514", "428C9"))


def test_a133_publishing_takes_the_file_along_in_the_same_transaction(db, maker):
    number = maker.stored_file("student")
    row = maker.as_person("student", "bias_frame", 37, 1, file=number)
    assert db.rows("outsider", "SELECT 1 FROM awe.file WHERE id = %s", number) == []
    change(db, "student", row, "_privileges = 4")
    assert db.rows("anonymous", "SELECT 1 FROM awe.file WHERE id = %s", number) == [(1,)]


def test_a134_a_ticket_for_one_file_opens_only_that_one_and_writes_nothing(db, maker):
    mine, another = maker.stored_file("student"), maker.stored_file("student", "b.fits")
    ticket = hashlib.sha256(b"link").digest()
    db.rows("student", "INSERT INTO awe.ticket (hash, file) VALUES (%s, %s)", ticket, mine)
    ask = "SELECT count(*) FROM awe.ds_may_read(%s, %s)"
    assert db.rows("awe_dataserver", ask, ticket, mine) == [(1,)]
    assert db.rows("awe_dataserver", ask, ticket, another) == [(0,)]
    assert db.rows("awe_dataserver", "SELECT awe.ds_may_write(%s, %s)", ticket, mine) == [(None,)]


def test_a135_an_expired_ticket_and_one_of_a_removed_person_open_nothing(db, maker):
    mine = maker.stored_file("student")
    ticket = hashlib.sha256(b"t").digest()
    db.rows("student", "INSERT INTO awe.ticket (hash) VALUES (%s)", ticket)
    ask = "SELECT count(*) FROM awe.ds_may_read(%s, %s)"
    assert db.rows("awe_dataserver", ask, ticket, mine) == [(1,)]
    maker.ask("UPDATE awe.ticket SET expires = now() - interval '1 second'")
    assert db.rows("awe_dataserver", ask, ticket, mine) == [(0,)]
    maker.ask("UPDATE awe.ticket SET expires = now() + interval '1 hour'")
    maker.ask("UPDATE awe.users SET removed = now() WHERE role_name = 'awstudent'")
    assert db.rows("awe_dataserver", ask, ticket, mine) == [(0,)]


@pytest.mark.parametrize("service", ["awe_dataserver", "awe_runner"])
@pytest.mark.parametrize("statement", [
    "SELECT * FROM awe.bias_frame", "SELECT * FROM awe.ticket", "SELECT * FROM awe.file",
    "SELECT * FROM awe.users", "SET ROLE awstudent", "SET ROLE awe_kernel", "SET ROLE awe_owner",
    "INSERT INTO awe.audit (login, action, relation) VALUES ('a', 'delete', 'b')",
    "CREATE TABLE awe.mine (n int)",
])
def test_a136_a_service_can_do_nothing_but_its_functions(standing, service, statement):
    refused(standing, service, statement, code="42501")


# -- people, projects, history ------------------------------------------------------------------


@pytest.mark.parametrize("statement", [
    "INSERT INTO awe.member VALUES (1, 36, true)",
    "UPDATE awe.member SET is_manager = true",
    "DELETE FROM awe.member",
    "UPDATE awe.project SET max_privileges = 5",
    "INSERT INTO awe.project (name) VALUES ('MINE')",
    "UPDATE awe.users SET role_name = 'awother'",
    "INSERT INTO awe.users (role_name) VALUES ('evil')",
    "INSERT INTO awe.audit (login, action, relation) VALUES ('a', 'delete', 'b')",
    "DELETE FROM awe.audit",
    "UPDATE awe.audit SET login = 'somebody'",
    "INSERT INTO awe.trash (user_id, relation, object_id, content) "
    "VALUES (1, 'awe.bias_frame', gen_random_uuid(), '{}')",
    "SELECT awe.member_add('OMEGACAM@VST', 'awstudent', true)",
    "SELECT awe.member_remove('TUTORIAL2015', 'awother')",
    "SELECT awe.project_change('TUTORIAL2015', '{\"max_privileges\": 5}')",
    "SELECT awe.project_create('X', '', NULL, true, 5, 1)",
])
def test_a140_directory_and_history_are_not_written_by_ordinary_users(standing, statement):
    refused(standing, "student", statement, code=("42501", "AW030"))


def test_a141_a_manager_manages_his_project_only_and_not_its_maximum(db):
    add = "SELECT awe.member_add(%s, 'awoutsider', false)"
    db.rows("manager", add, "TUTORIAL2015")
    refused(db, "manager", add, "OMEGACAM@VST", code="AW030")
    db.rows("manager", "SELECT awe.project_change('TUTORIAL2015', '{\"default_privileges\": 2}')")
    refused(db, "manager", "SELECT awe.project_change('TUTORIAL2015', '{\"max_privileges\": 5}')",
            code="AW031")


def test_a142_history_names_who_did_what_and_shows_it_to_those_concerned(db, maker):
    row = maker.row("bias_frame", "student", 37, 2)
    change(db, "manager", row, "is_valid = 0")
    change(db, "student", row, "_privileges = 3")
    db.rows("manager", "SELECT awe.member_add('TUTORIAL2015', 'awoutsider', false)")
    query = "SELECT action, login FROM awe.audit WHERE relation <> 'project' ORDER BY id"
    both = [("validity", "awmanager"), ("publish", "awstudent")]
    assert db.rows("student", query) == both
    assert db.rows("manager", query) == both
    assert db.rows("other", query) == []
    assert db.rows("outsider", "SELECT action FROM awe.audit") == [("membership",)]
    refused(db, "anonymous", query, code="42501")


# -- the trash ----------------------------------------------------------------------------------


def test_a150_what_is_restored_is_what_was_deleted(db, maker, bias_with_list):
    number, raw = bias_with_list
    before = db.rows("student", "SELECT to_jsonb(b) FROM awe.bias_frame b")
    db.rows("student", "DELETE FROM awe.bias_frame WHERE object_id = %s", number)
    assert db.rows("student", "SELECT count(*) FROM awe.bias_frame__raw_bias_frames") == [(0,)]
    assert db.rows("other", "SELECT awe.undelete(ARRAY[%s]::uuid[])", number) == [(0,)]
    assert db.rows("student", "SELECT awe.undelete(ARRAY[%s]::uuid[])", number) == [(1,)]
    assert db.rows("student", "SELECT to_jsonb(b) FROM awe.bias_frame b") == before
    assert db.rows("student", "SELECT owner::text, target::text "
                   "FROM awe.bias_frame__raw_bias_frames") == [(number, str(raw.id))]
    assert db.rows("student", "SELECT count(*) FROM awe.trash") == [(0,)]


def test_a151_nothing_comes_back_changed(db, maker):
    row = maker.as_person("student", "bias_frame", 37, 1, filename="a.fits")
    db.rows("student", "DELETE FROM awe.bias_frame WHERE object_id = %s", str(row.id))
    refused(db, "student", "INSERT INTO awe.bias_frame SELECT r.* FROM awe.trash t, "
            "jsonb_populate_record(NULL::awe.bias_frame, "
            "t.content || '{\"filename\": \"b.fits\"}') r", code="42501")


def test_a152_a_file_comes_back_with_its_object_within_the_window(db, maker):
    number = maker.stored_file("student")
    row = maker.as_person("student", "bias_frame", 37, 1, file=number)
    state = "SELECT state FROM awe.file WHERE id = %s"
    db.rows("student", "DELETE FROM awe.bias_frame WHERE object_id = %s", str(row.id))
    assert db.rows("student", state, number) == [("trash",)]
    assert db.rows("awe_dataserver", "SELECT * FROM awe.ds_trash()") == []
    db.rows("student", "SELECT awe.undelete(ARRAY[%s]::uuid[])", str(row.id))
    assert db.rows("student", state, number) == [("linked",)]
