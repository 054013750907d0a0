"""Migrations: an older database with objects becomes what a new one is, and loses nothing."""

from __future__ import annotations

import gzip
import json
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from awe.config import Environment
from awe.db.schema import install as schema
from awe.db.schema import migrations
from awe.db.server import scope
from awe.db.server.connection import database as connected
from awe.errors import Defect, SchemaMismatch
from tests.conftest import Database
from tests.databases import drop
from tests.db.conftest import Login

#: A database of schema 3 with a student's objects in it, as pg_dump --inserts wrote it.
SCHEMA_3 = Path(__file__).with_name("schema_3.sql.gz")

CATALOGUE = """
SELECT 'relation', c.oid::regclass::text, pg_get_userbyid(c.relowner) || c.relkind::text
       || coalesce(c.relacl::text, '') || coalesce(c.reloptions::text, '')
       || c.relrowsecurity || c.relforcerowsecurity
  FROM pg_class c WHERE c.relnamespace = 'awe'::regnamespace
UNION ALL
SELECT 'column', a.attrelid::regclass || '.' || a.attname,
       format_type(a.atttypid, a.atttypmod) || a.attnotnull || coalesce(a.attacl::text, '')
       || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE c.relnamespace = 'awe'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'function', f.oid::regprocedure::text, pg_get_functiondef(f.oid) || f.proacl::text
       || pg_get_userbyid(f.proowner)
  FROM pg_proc f WHERE f.pronamespace = 'awe'::regnamespace
UNION ALL
SELECT 'policy', p.polrelid::regclass || '.' || p.polname,
       coalesce(pg_get_expr(p.polqual, p.polrelid), '')
       || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') || p.polcmd::text
  FROM pg_policy p
UNION ALL
SELECT 'constraint', o.conrelid::regclass || '.' || o.conname, pg_get_constraintdef(o.oid)
  FROM pg_constraint o WHERE o.connamespace = 'awe'::regnamespace
UNION ALL
SELECT 'trigger', t.tgrelid::regclass || '.' || t.tgname, pg_get_triggerdef(t.oid)
  FROM pg_trigger t WHERE NOT t.tgisinternal
UNION ALL
SELECT 'view', v.viewname, v.definition FROM pg_views v WHERE v.schemaname = 'awe'
UNION ALL
SELECT 'index', i.indexname, i.indexdef FROM pg_indexes i WHERE i.schemaname = 'awe'
"""


def catalogue(db):
    # an expression is laid out anew each time it is dumped: blanks and brackets tell nothing
    layout = str.maketrans("", "", " \n()")
    return {row[:2]: row[2].translate(layout) for row in db.rows("superuser", CATALOGUE)}


def run(db, progress=lambda line: None):
    return migrations.migrate(db.cluster.superuser(), db.name, progress)


@pytest.fixture
def old(cluster, template):
    """A database of schema 3 with objects of a student in it."""
    lines = gzip.decompress(SCHEMA_3.read_bytes()).decode().splitlines()
    name = "awe_test_schema_3"
    schema.create_database(cluster.superuser(), name)
    database = Database(cluster, name)
    with closing(database.superuser()) as connection, connection.cursor() as cursor:
        cursor.execute("\n".join(line for line in lines if not line.startswith("\\")))
    yield database
    database.close()
    drop(cluster, name)


@pytest.fixture
def log_in(old):
    """The student's session in the old database."""
    yield Login(old)
    connected.close()
    scope.use(None)


def test_the_last_step_leads_to_the_schema_of_this_version():
    assert max(migrations.steps()) == schema.VERSION
    assert list(migrations.steps()) == list(range(migrations.OLDEST, schema.VERSION + 1))


def test_a_filled_old_database_becomes_what_a_new_one_is(old, db, log_in):
    from awe.model.calibrations import BiasFrame

    rows = old.rows("superuser", "SELECT object_id, exptime FROM awe.raw_bias_frame ORDER BY 1")
    lines = []
    taken = list(range(4, schema.VERSION + 1))
    assert run(old, lines.append) == taken
    assert lines == [f"step {n} of {schema.VERSION}: {migrations.steps()[n]}" for n in taken]
    assert schema.version(old.cluster.superuser(), old.name) == schema.VERSION
    now, new = catalogue(old), catalogue(db)
    assert now.keys() - new.keys() == set()
    assert new.keys() - now.keys() == set()
    assert {key: (now[key], new[key]) for key in now if now[key] != new[key]} == {}
    again = "SELECT object_id, exptime FROM awe.raw_bias_frame ORDER BY 1"
    assert old.rows("superuser", again) == rows
    log_in()
    (bias,) = BiasFrame.select_all()
    assert sorted(raw.EXPTIME for raw in bias.raw_bias_frames) == list(range(20))
    bad = schema.self_check(old.cluster.superuser(), old.name)
    assert [line for line in bad if line[0] != "durability"] == []


def test_old_objects_with_a_path_for_a_name_are_kept_and_named(old):
    file_id = "00000000-0000-4000-8000-000000000001"
    old.rows("superuser", "INSERT INTO awe.file (id, creator, filename, state, size, sha256, "
             "_project, _privileges) SELECT %s, min(id), 'innocent.fits', 'linked', 1, "
             "sha256('x'), 36, 2 FROM awe.users", file_id)
    with closing(old.superuser()) as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE awe.raw_bias_frame SET file = %s, filename = '../../x.fits' "
                       "WHERE exptime = 3 RETURNING object_id::text", (file_id,))
        ((planted,),) = cursor.fetchall()
    run(old)
    (line,) = schema.misnamed(old.cluster.superuser(), old.name)
    assert planted in line
    assert "'../../x.fits'" in line
    assert "'innocent.fits'" in line
    kept = "SELECT filename FROM awe.raw_bias_frame WHERE object_id = %s"
    assert old.rows("superuser", kept, planted) == [("../../x.fits",)]


def test_frames_committed_before_lie_on_the_sky_after(old, log_in):
    from awe.db.rights import trash
    from awe.model.raw import RawScienceFrame

    statements = (
        "INSERT INTO awe.astrom (object_id, _creator, _project, _privileges, crval1, crval2, "
        "crpix1, crpix2, cd1_1, cd1_2, cd2_1, cd2_2) SELECT md5('a' || k)::uuid, {who}, 1, "
        "10.0 * k, -30, 1072, 2050, -5.9e-5, 0, 0, 5.9e-5 FROM generate_series(1, 3) k",
        "INSERT INTO awe.raw_science_frame (object_id, _creator, _project, _privileges, filename, "
        "naxis1, naxis2, geometry, astrom) SELECT md5('f' || k)::uuid, {who}, 1, "
        "k || '.fits', 2144, 4200, '{{\"active\": \"[49:2096,1:4100]\"}}', md5('a' || k)::uuid "
        "FROM generate_series(1, 3) k",
    )
    who = "u.id, (SELECT id FROM awe.project WHERE name = 'TUTORIAL2015')"
    for text in statements:
        text = text.format(who=who).replace("FROM generate", "FROM awe.users u, generate")
        old.rows("superuser", text + " WHERE u.role_name = %s", old.user("student"))
    old.rows("student", "DELETE FROM awe.raw_science_frame WHERE filename = '3.fits'")
    run(old)
    log_in()
    for k, found in ((1, ["1.fits"]), (2, ["2.fits"]), (3, []), (4, [])):
        assert [f.filename for f in RawScienceFrame.covers(10.0 * k, -30.05)] == found
    assert trash.undelete() == 1
    assert [f.filename for f in RawScienceFrame.covers(30.0, -30.05)] == ["3.fits"]


def test_hostile_rows_of_an_older_database_do_not_stop_the_migration(old, log_in):
    """What nobody can read becomes none, what waits for itself ends, the trash comes back."""
    from awe.db.rights import trash
    from awe.model.raw import RawScienceFrame

    who = "(SELECT id FROM awe.users WHERE role_name = 'awstudent')"
    project = "(SELECT id FROM awe.project WHERE name = 'TUTORIAL2015')"
    row = ("INSERT INTO awe.raw_science_frame (object_id, _creator, _project, _privileges, "
           f"filename, {{}}) VALUES (gen_random_uuid(), {who}, {project}, 1, %s, %s)")
    poison = {"date_obs": "20000-01-01", "geometry": '{"a": ' + "1" * 6000 + "}",
              "observer": "x" * 3_000_000, "naxis1": str(2**62)}
    for column, value in poison.items():
        old.rows("superuser", row.format(column), f"{column}.fits", value)
    active = json.dumps({"active": "[\u0661:\u0662,\u0661:\u0662]"})
    old.rows("superuser", row.format("geometry"), "digits.fits", active)
    old.rows("student", "DELETE FROM awe.raw_science_frame WHERE filename IN "
             "('naxis1.fits', 'digits.fits')")
    old.rows("student", "SELECT awe.job_submit(gen_random_uuid(), 'Bias', '{}', 37, 1, %s)",
             json.dumps([{"recipe": "Bias", "args": {}, "back_end": "local", "after": [0]}]))
    run(old)
    log_in()
    found = {f.filename: f for f in RawScienceFrame.select_all()}
    assert found["date_obs.fits"].DATE_OBS is None
    assert not found["geometry.fits"].geometry
    assert not found["observer.fits"].OBSERVER
    assert trash.undelete() == 2
    assert {"naxis1.fits", "digits.fits"} <= {f.filename for f in RawScienceFrame.select_all()}
    assert old.rows("student", "SELECT state, after FROM awe.job WHERE message ~ 'itself'") == [
        ("failed", [])]
    bad = schema.self_check(old.cluster.superuser(), old.name)
    assert [line for line in bad if line[0] != "durability"] == []


def test_running_everything_again_changes_nothing(db):
    before = catalogue(db)
    connection = db.superuser()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM awe.schema_version")
        schema.refresh(cursor)
    after = catalogue(db)
    assert {key: after.get(key) for key in before if after.get(key) != before[key]} == {}
    assert after.keys() == before.keys()


def test_a_new_database_needs_no_step(db):
    assert run(db) == []


def test_a_client_that_does_not_fit_says_so_at_the_start(old):
    from awe.context import Context

    environment = Environment.load(**old.environment())
    with pytest.raises(SchemaMismatch, match=r"database schema 3, .*; run awe-admin migrate"):
        Context().start(environment)
    run(old)
    Context().start(environment)
    old.rows("superuser", "INSERT INTO awe.schema_version VALUES (99)")
    with pytest.raises(SchemaMismatch, match=r"database schema 99, .*; upgrade awe"):
        Context().start(environment)
    with pytest.raises(SchemaMismatch, match=r"database schema 99, .*; upgrade awe"):
        run(old)


def test_a_database_older_than_the_oldest_is_left_alone_in_one_line(old):
    old.rows("superuser", "DELETE FROM awe.schema_version")
    old.rows("superuser", "INSERT INTO awe.schema_version VALUES (2)")
    with pytest.raises(SchemaMismatch, match=r"database schema 2 is older than 3, .*install awe"):
        run(old)


def test_a_migration_that_fails_changes_nothing_and_can_be_repeated(old):
    old.rows("superuser", "ALTER TABLE awe.obscore RENAME TO kept")
    old.rows("superuser", "CREATE TABLE awe.obscore (n int)")
    before = catalogue(old)
    with pytest.raises(Defect, match=r"the migration failed and changed nothing: .*obscore"):
        run(old)
    assert catalogue(old) == before
    assert schema.version(old.cluster.superuser(), old.name) == migrations.OLDEST
    old.rows("superuser", "DROP TABLE awe.obscore")
    old.rows("superuser", "ALTER VIEW awe.kept RENAME TO obscore")
    assert run(old) == list(range(4, schema.VERSION + 1))


def test_a_killed_run_leaves_the_old_schema(old):
    """The connection dies in the middle of the step, as with kill -9."""
    holder = old.superuser()
    holder.autocommit = False
    with holder.cursor() as cursor:
        cursor.execute("LOCK awe.raw_science_frame IN ACCESS EXCLUSIVE MODE")
    errors = []

    def go():
        try:
            run(old)
        except Exception as error:  # the run is killed, how it complains does not matter
            errors.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    deadline = time.monotonic() + 20
    kill = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE application_name = 'awe migrate' AND wait_event_type = 'Lock' AND datname = %s"
    )
    while time.monotonic() < deadline and not old.rows("superuser", kill, old.name)[0][0]:
        time.sleep(0.05)
    holder.rollback()
    thread.join(20)
    assert errors
    assert schema.version(old.cluster.superuser(), old.name) == migrations.OLDEST
    assert run(old) == list(range(4, schema.VERSION + 1))


def test_the_second_of_two_runs_finds_the_work_done(old):
    taken = []
    threads = [threading.Thread(target=lambda: taken.append(run(old))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(taken) == [[], list(range(4, schema.VERSION + 1))]
