"""Nobody holds all workers, and nobody's lock stops the jobs of others."""

from __future__ import annotations

import time

import psycopg2
import pytest


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_a_person_who_holds_all_workers_does_not_keep_others_waiting(bench, db, runner):
    held = bench.submit("student", *[{"args": {"wait": 600}}] * 4)
    runner.start(workers=2)
    wait_for(lambda: [bench.state(job) for job in held].count("running") == 2)
    (other,) = bench.submit("other")
    wait_for(lambda: bench.state(other) == "done")
    assert [bench.state(job) for job in held].count("running") == 2


def test_a_job_that_names_no_time_ends_at_the_installations(bench, db, runner):
    long = {"args": {"wait": 600}}
    held = bench.submit("student", long, {**long, "seconds": 900})
    runner.start(workers=2, dpu_time="1")
    wait_for(lambda: {bench.state(job) for job in held} == {"failed"})
    message = db.rows("superuser", "SELECT message FROM awe.job WHERE id = %s", held[0])[0][0]
    assert "the time limit of 1 s is over" in message


def test_a_lock_on_ones_own_job_stops_nobody_elses(bench, db, runner):
    mine = bench.submit("student", {"args": {"wait": 1.0}})
    runner.start(workers=2)
    wait_for(lambda: bench.state(mine[0]) == "running")
    connection = db.connect("student")
    connection.autocommit = False
    with connection.cursor() as cursor:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SELECT 1 FROM awe.job WHERE id = %s FOR UPDATE", mine)
        connection.rollback()
        cursor.execute("SELECT awe.job_cancel(%s)", mine)
    others = bench.submit("other", *[{}] * 3)
    wait_for(lambda: {bench.state(job) for job in others} == {"done"})
    connection.rollback()
    wait_for(lambda: bench.state(mine[0]) == "done")


@pytest.mark.parametrize(
    "statement",
    [
        "BEGIN; LOCK TABLE awe.ticket",
        "BEGIN; LOCK TABLE awe.trash IN SHARE MODE",
        "BEGIN; LOCK TABLE awe.saved_query IN EXCLUSIVE MODE",
        "BEGIN; LOCK TABLE awe.job IN ROW EXCLUSIVE MODE",
        "SELECT 1 FROM awe.job FOR KEY SHARE",
        "SELECT 1 FROM awe.file FOR SHARE",
        "SELECT 1 FROM awe.users FOR UPDATE",
        "SELECT pg_advisory_lock(8791)",
        "SELECT pg_try_advisory_xact_lock(8793, 1)",
        "CREATE TEMP TABLE t (x int)",
        "SELECT lo_create(0)",
        "BEGIN; PREPARE TRANSACTION 'x'",
    ],
)
def test_users_cannot_lock_what_services_work_with(db, statement):
    with pytest.raises(psycopg2.Error) as caught:
        db.rows("student", statement)
    assert caught.value.pgcode in ("42501", "55000"), caught.value


def test_users_lock_no_table_of_the_services(db):
    tables = db.rows(
        "superuser",
        "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'awe'::regnamespace "
        "AND c.relkind = 'r' AND NOT EXISTS (SELECT 1 FROM pg_attribute a "
        "WHERE a.attrelid = c.oid AND (a.attname = 'owner' OR a.attname = 'object_id' "
        "AND c.relname NOT IN ('trash', 'audit')))",
    )
    assert len(tables) > 10
    for (table,) in tables:
        for mode in ("ROW SHARE", "ROW EXCLUSIVE", "ACCESS EXCLUSIVE"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                db.rows("student", f"BEGIN; LOCK TABLE {table} IN {mode} MODE")
            db.rows("student", "ROLLBACK")


def test_grants_of_others_keep_no_login_of_a_job_alive(bench, db, queue):
    bench.submit("student")
    claim = queue.claim(["local"])
    login = queue.login(claim.job, claim.attempt, "secret")
    db.rows("other", f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {login}")
    queue.logout(claim.job, claim.attempt)
    assert db.rows("superuser", "SELECT 1 FROM pg_roles WHERE rolname = %s", login) == []
