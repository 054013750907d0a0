"""Migrations: an older database with objects becomes what a new one is, and loses nothing."""

from __future__ import annotations

import threading
import time

import pytest

from awe.config import Environment
from awe.db import migrations, schema
from awe.errors import Defect, SchemaMismatch

#: The way back from schema 2 to schema 1, for these tests only.
BACK_TO_1 = """
DROP VIEW awe.obscore;
DROP FUNCTION awe.sky_corner(float8[]);
DROP FUNCTION awe.sky(float8, float8, float8, float8, float8, float8, float8, float8, float8,
                      float8);
DROP TABLE awe.saved_query, awe.user_class, awe.alembic_version CASCADE;
DROP FUNCTION awe.define_class(jsonb);
DROP FUNCTION awe.class_additions(text, jsonb, jsonb);
DROP FUNCTION awe.check_class(jsonb, text);
DROP FUNCTION awe.build_class(text, jsonb, jsonb, bool);
DROP FUNCTION awe.link_target(jsonb);
DROP FUNCTION awe.column_type(jsonb);
CREATE OR REPLACE FUNCTION awe.link_visible() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NULL; END';
ALTER FUNCTION awe.uid() RESET ALL;
ALTER FUNCTION awe.my_projects() RESET ALL;
CREATE FUNCTION awe.refs_visible() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NULL; END';
ALTER FUNCTION awe.refs_visible() OWNER TO awe_owner;
DO $$
DECLARE
  checked text;
BEGIN
  FOR checked IN SELECT tgrelid::regclass FROM pg_trigger WHERE tgname = 'A_refs_visible' LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER "A_refs_visible" AFTER INSERT ON %s FOR EACH ROW '
                   'EXECUTE FUNCTION awe.refs_visible(%L)', checked, 'chip=awe.chip');
    EXECUTE format('DROP FUNCTION awe.%I()', 'refs_of_' || split_part(checked, '.', 2));
  END LOOP;
END $$;
DROP FUNCTION awe.check_refs(regclass, text[]);
DROP FUNCTION awe.refs_body(text[]) CASCADE;
DELETE FROM awe.schema_version;
INSERT INTO awe.schema_version VALUES (1);
"""

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
    return {row[:2]: row[2] for row in db.rows("superuser", CATALOGUE)}


def run(db, progress=lambda line: None):
    return migrations.migrate(db.cluster.superuser(), db.name, progress)


@pytest.fixture
def old(db, login):
    """A database of schema 1 with objects of a student in it."""
    from awe.db import classes

    classes.load()
    from awe.db.calfiles import BiasFrame, ReadNoise
    from awe.db.raw import RawBiasFrame

    login()
    raws = [RawBiasFrame(filename=f"b{n}.fits", EXPTIME=float(n)) for n in range(20)]
    BiasFrame(filename="bias.fits", raw_bias_frames=raws, read_noise=ReadNoise()).commit()
    before = catalogue(db)
    connection = db.superuser()
    with connection.cursor() as cursor:
        cursor.execute(BACK_TO_1)
    db.before = before
    return db


def test_the_last_step_leads_to_the_schema_of_this_version():
    assert max(migrations.steps()) == schema.VERSION
    assert list(migrations.steps()) == list(range(1, schema.VERSION + 1))


def test_a_filled_old_database_becomes_what_a_new_one_is(old, login):
    from awe.db.calfiles import BiasFrame

    rows = old.rows("superuser", "SELECT * FROM awe.raw_bias_frame ORDER BY object_id")
    lines = []
    assert run(old, lines.append) == [2, 3]
    assert lines == [f"step {n} of 3: {migrations.steps()[n]}" for n in (2, 3)]
    assert schema.version(old.cluster.superuser(), old.name) == schema.VERSION
    now = catalogue(old)
    assert now.keys() == old.before.keys()
    assert {key: now[key] for key in now if now[key] != old.before[key]} == {}
    assert old.rows("superuser", "SELECT * FROM awe.raw_bias_frame ORDER BY object_id") == rows
    login()
    (bias,) = BiasFrame.select_all()
    assert [raw.EXPTIME for raw in bias.raw_bias_frames] == list(range(20))
    bad = schema.self_check(old.cluster.superuser(), old.name)
    assert [line for line in bad if line[0] != "durability"] == []


def test_a_new_database_needs_no_step(db):
    assert run(db) == []


def test_a_client_that_does_not_fit_says_so_at_the_start(old):
    from awe.context import Context

    environment = Environment.load(**old.environment())
    with pytest.raises(SchemaMismatch, match=r"database schema 1, .*; run awe-admin migrate"):
        Context().start(environment)
    run(old)
    Context().start(environment)
    old.rows("superuser", "INSERT INTO awe.schema_version VALUES (99)")
    with pytest.raises(SchemaMismatch, match=r"database schema 99, .*; upgrade awe"):
        Context().start(environment)
    with pytest.raises(SchemaMismatch, match=r"database schema 99, .*; upgrade awe"):
        run(old)


def test_a_step_that_fails_changes_nothing_and_can_be_repeated(old):
    old.rows("superuser", "CREATE VIEW awe.obscore AS SELECT 1 AS n")
    before = catalogue(old)
    with pytest.raises(Defect, match=r"step 2 failed and changed nothing: .*obscore"):
        run(old)
    added = catalogue(old).keys() - before.keys()
    assert [name for _, name in added if "alembic_version" not in name] == []
    assert schema.version(old.cluster.superuser(), old.name) == 1
    old.rows("superuser", "DROP VIEW awe.obscore")
    assert run(old) == [2, 3]


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
    assert schema.version(old.cluster.superuser(), old.name) == 1
    assert run(old) == [2, 3]


def test_the_second_of_two_runs_finds_the_work_done(old):
    taken = []
    threads = [threading.Thread(target=lambda: taken.append(run(old))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(taken) == [[], [2, 3]]
