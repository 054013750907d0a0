"""What can still be found out, and no more: the list in the how-to, each line of it tried."""

from __future__ import annotations

import json
import re
import uuid

import psycopg2
import pytest
from maker import Maker


@pytest.fixture(scope="module")
def scene(standing):
    """Hidden objects of another person, enough for the planner to use its indexes."""
    maker = Maker(standing)
    maker.ask(
        "INSERT INTO awe.bias_frame (object_id, _creator, _project, _privileges, filename, "
        "is_valid) SELECT gen_random_uuid(), %s, 37, 1, 'hidden-' || n, 1 "
        "FROM generate_series(1, 3000) n", maker.user("other"))
    hidden = maker.row("bias_frame", "other", 37, 1, filename="telltale.fits", is_valid=7)
    mine = maker.row("bias_frame", "student", 37, 1, filename="mine.fits")
    maker.ask("ANALYZE awe.bias_frame")
    return standing, maker, hidden, mine


def removed(db, condition, seqscan="on"):
    """Return how many rows a plan met and dropped."""
    plan = db.rows("student", f"SET enable_seqscan = {seqscan}; "
                   "EXPLAIN (ANALYZE, FORMAT JSON, COSTS OFF, TIMING OFF) "
                   f"SELECT 1 FROM awe.bias_frame WHERE {condition}")[0][0]
    return sum(map(int, re.findall(r'"Rows Removed by (?:Filter|Index Recheck)": (\d+)',
                                   json.dumps(plan))))


def test_a_plan_tells_how_many_rows_there_are(scene):
    db, *_ = scene
    assert removed(db, "true") == 3001


def test_a_plan_tells_how_many_hidden_rows_an_index_meets(scene):
    db, *_ = scene
    assert removed(db, "filename = 'telltale.fits'") == 1
    assert removed(db, "filename = 'nosuch.fits'") == 0
    for begin, count in (("tell", 1), ("nosuch", 0)):
        assert removed(db, f"starts_with(filename, '{begin}')") == count


def test_a_plan_tells_nothing_of_columns_without_an_index(scene):
    db, *_ = scene
    for value in (1, 7, 99):
        counts = {removed(db, f"is_valid = {value}"), removed(db, f"is_valid <> {value}")}
        assert counts <= {3001, 3002}


@pytest.mark.parametrize("seqscan", ["on", "off"])
@pytest.mark.parametrize("condition", [
    "filename LIKE '{}%'", "filename || '' = '{}'", "length(filename) = length('{}')",
    "filename ~ '^{}'",
])
def test_a_plan_tells_nothing_through_conditions_that_could_leak(scene, condition, seqscan):
    """Neither does the plan that whoever asks may choose: what is there counts as what is not."""
    db, *_ = scene
    there, nowhere = (removed(db, condition.format(name), seqscan)
                      for name in ("telltale.fits", "nosuchthing.f"))
    assert there == nowhere >= 1


def test_estimates_tell_frequencies_and_show_no_value(scene):
    db, *_ = scene
    rows = db.rows("student", "SELECT * FROM pg_stats "
                   "WHERE schemaname = 'awe' AND tablename = 'bias_frame'")
    assert rows == []


def test_an_id_tells_that_it_is_taken_and_not_by_what(scene):
    db, _, hidden, _ = scene
    insert = ("INSERT INTO awe.bias_frame (object_id, _project, _privileges) VALUES (%s, 37, 1)")
    with pytest.raises(psycopg2.errors.UniqueViolation) as caught:
        db.rows("student", insert, str(hidden.id))
    assert "telltale" not in str(caught.value)


def test_a_name_tells_that_it_is_taken_in_few_classes_only(scene):
    _, maker, *_ = scene
    unique = maker.ask(
        "SELECT c.relname, array_agg(a.attname::text) FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = c.oid "
        "AND a.attnum = ANY (i.indkey) WHERE i.indisunique AND NOT i.indisprimary "
        "AND c.relnamespace = 'awe'::regnamespace AND EXISTS (SELECT 1 FROM pg_attribute p "
        "WHERE p.attrelid = c.oid AND p.attname = '_privileges') GROUP BY 1, i.indexrelid")
    named = {table for table, columns in unique if columns != ["file"]}
    # the number of a list of sources is drawn by the database, and tells what a sequence tells;
    # that of an association is its random object_id
    assert named == {"instrument", "chip", "filter", "source_list", "associate_list"}


def test_a_deletion_tells_that_something_depends_on_it(scene):
    db, maker, _, mine = scene
    maker.row("reduced_science_frame", "other", 37, 1, bias=str(mine.id), filename="secret")
    with pytest.raises(psycopg2.errors.ForeignKeyViolation) as caught:
        db.rows("student", "DELETE FROM awe.bias_frame WHERE object_id = %s", str(mine.id))
    assert "reduced_science_frame" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_running_numbers_tell_how_much_others_do(scene):
    db, *_ = scene
    submit = """SELECT awe.job_submit(%s, 'Bias', '{}', 36, 1,
                '[{"recipe": "Bias", "args": {}, "back_end": "local"}]')"""
    first = db.rows("student", submit, str(uuid.uuid4()))[0][0]
    db.rows("other", submit, str(uuid.uuid4()))
    assert db.rows("student", submit, str(uuid.uuid4()))[0][0] == first + 2


def test_sessions_tell_who_is_there_and_not_what_they_do(scene):
    db, *_ = scene
    busy = db.connect("other", application_name="awe")
    with busy.cursor() as cursor:
        cursor.execute("SELECT 'what nobody may read'")
    query = "SELECT usename::text, query FROM pg_stat_activity WHERE usename = 'awother'"
    seen = db.rows("student", query)
    assert {name for name, _ in seen} == {"awother"}
    assert {text for _, text in seen} == {"<insufficient privilege>"}


@pytest.mark.parametrize("view", ["pg_stat_activity", "pg_locks", "pg_stat_ssl",
                                  "pg_stat_progress_copy"])
def test_the_worlds_login_is_not_told_who_is_there(scene, view):
    db, *_ = scene
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        db.rows("anonymous", f"SELECT * FROM {view}")
    assert db.rows("student", f"SELECT count(*) >= 0 FROM {view}") == [(True,)]


def test_a_submission_is_heard_without_a_word_about_it(scene):
    import select

    db, *_ = scene
    ear = db.connect("outsider")
    ear.cursor().execute("LISTEN awe_jobs")
    db.rows("other", """SELECT awe.job_submit(gen_random_uuid(), 'Bias', '{"chip": "secret"}', 36,
            1, '[{"recipe": "Bias", "args": {}, "back_end": "local"}]')""")
    select.select([ear], [], [], 5)
    ear.poll()
    assert [note.payload for note in ear.notifies] == [""]


def test_whoever_deletes_can_lock_a_class_and_is_seen_doing_so(scene):
    """PostgreSQL lets who may delete from a table lock it; the administrator can end that."""
    db, maker, *_ = scene
    blocking = db.connect("student")
    blocking.autocommit = False
    with blocking.cursor() as cursor:
        cursor.execute("LOCK TABLE awe.bias_frame IN ACCESS EXCLUSIVE MODE")
    holders = ("SELECT a.usename::text FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
               "WHERE l.mode = 'AccessExclusiveLock' AND l.relation = 'awe.bias_frame'::regclass")
    assert maker.ask(holders) == [("awstudent",)]
    blocking.rollback()


def test_the_worlds_login_is_given_back_what_it_was_made_with(scene):
    """Everybody in can change his own login; this one is everybody's."""
    from awe.db.schema import install as schema
    from tests.conftest import PASSWORDS

    db, maker, *_ = scene
    db.rows("anonymous", "ALTER ROLE anonymous PASSWORD 'mine'")
    db.rows("superuser", f"ALTER ROLE anonymous IN DATABASE {db.name} SET role = 'nobody'")
    with pytest.raises(psycopg2.OperationalError):
        db.connect("anonymous")
    services = {k: v for k, v in PASSWORDS.items() if k.startswith("awe_")}
    schema.install(db.cluster.superuser(), services, database=db.name)
    assert db.rows("anonymous", "SELECT current_user::text") == [("anonymous",)]
    settings = maker.ask("SELECT setconfig FROM pg_db_role_setting "
                         "WHERE setrole = 'anonymous'::regrole")
    assert settings == [(["statement_timeout=1min", "idle_in_transaction_session_timeout=1min"],)]
