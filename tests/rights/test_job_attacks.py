"""Attacks by name from inside a job with its own login, and on other people's jobs."""

from __future__ import annotations

import hashlib
from contextlib import closing

import psycopg2
import pytest
import victim as victims
from maker import Maker
from psycopg2.extensions import encrypt_password

PASSWORD = "of-one-attempt"


@pytest.fixture(scope="module")
def scene(standing):
    """A running job of the student, its login, and a victim."""
    maker = Maker(standing)
    victim = victims.make(standing, maker)
    job = standing.rows("student", "SELECT awe.job_submit(gen_random_uuid(), 'Bias', '{}', 37, 1, "
                        """'[{"recipe": "Bias", "args": {}, "back_end": "local"}]')""")[0][0]
    maker.ask("UPDATE awe.job SET state = 'running', attempt = 1 WHERE id = %s", job)
    login = f"job_{job}_1"
    verifier = encrypt_password(PASSWORD, login, maker.root, "scram-sha-256")
    standing.rows("awe_runner", "SELECT awe.job_login(%s, 1, %s)", job, verifier)
    return standing, maker, victim, job, login


def inside(scene, statement, *values, role="awstudent"):
    """Run a statement as code in the job would."""
    db, *_, login = scene
    with closing(psycopg2.connect(
        host=str(db.cluster.socket), dbname=db.name, user=login, password=PASSWORD,
        options=f"-crole={role}" if role else "",
    )) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def refused(scene, statement, *values, role="awstudent"):
    with pytest.raises(psycopg2.Error) as caught:
        inside(scene, statement, *values, role=role)
    assert victims.CANARY not in str(caught.value)


def test_j01_the_job_is_its_submitter(scene):
    assert inside(scene, "SELECT current_user::text, awe.uid() IS NOT NULL") == [
        ("awstudent", True)]


@pytest.mark.parametrize("role", ["awother", "awmanager", "awe_owner", "awe_kernel", "awe_runner",
                                  "awe_dataserver", "awe_rolemaker", "awe_admin", "postgres"])
def test_j02_the_job_becomes_nobody_else(scene, role):
    refused(scene, "SELECT 1", role=role)
    refused(scene, f"SET ROLE {role}")
    refused(scene, f"SET ROLE NONE; SET ROLE {role}")


def test_j03_the_bare_login_is_nobody(scene):
    for table in ("bias_frame", "file", "job", "ticket", "users", "audit"):
        refused(scene, f"SELECT * FROM awe.{table}", role=None)
    refused(scene, "SELECT awe.uid()", role=None)


def test_j04_a_statement_prepared_as_the_submitter_is_worth_nothing_without_him(scene):
    refused(scene, "PREPARE p AS SELECT * FROM awe.bias_frame; SET ROLE NONE; EXECUTE p")
    refused(scene, "DECLARE c CURSOR WITH HOLD FOR SELECT 1; SET ROLE NONE; SELECT * FROM awe.job")


@pytest.mark.parametrize("statement", [
    "SELECT * FROM awe.bias_frame WHERE _privileges < 3", "SELECT line FROM awe.job_log",
    "SELECT args FROM awe.job", "SELECT * FROM awe.ticket", "SELECT * FROM awe.trash",
    "SELECT query FROM pg_stat_activity",
])
def test_j05_the_job_sees_no_more_than_its_submitter(scene, statement):
    shown = str(inside(scene, statement))
    assert not [secret for secret in scene[2].hidden() if secret in shown]


@pytest.mark.parametrize("statement", [
    "ALTER ROLE {login} VALID UNTIL 'infinity'", "ALTER ROLE {login} CONNECTION LIMIT -1",
    "ALTER ROLE {login} INHERIT", "GRANT awother TO {login}", "GRANT awstudent TO {login}",
    "CREATE ROLE second LOGIN IN ROLE awstudent", "SELECT awe.job_login({job}, 1, 'x')",
    "SELECT awe.job_end({job}, 1, 'done', 0, '')", "SELECT awe.job_beat({job}, 1, '10y')",
    "SELECT awe.job_say({victim}, 1, 5, '{{lie}}')", "UPDATE awe.job SET attempt = 2",
    "UPDATE awe.job SET user_id = 1", "UPDATE awe.attempt SET lease_until = 'infinity'",
    "INSERT INTO awe.job_item (job, item, attempt, ok) VALUES ({victim}, 'x', 1, true)",
    "INSERT INTO awe.job_item (job, item, attempt, ok) VALUES ({job}, 'x', 2, true)",
    "INSERT INTO awe.ticket (hash, job) VALUES (sha256('x'), NULL)",
])
def test_j06_the_job_does_not_outgrow_its_attempt(scene, statement):
    _, _, victim, job, login = scene
    refused(scene, statement.format(login=login, job=job, victim=victim.job))
    refused(scene, statement.format(login=login, job=job, victim=victim.job), role=None)


def test_j07_a_ticket_drawn_in_a_job_dies_with_it(scene):
    db, maker, _, job, _ = scene
    number = maker.stored_file("student", "of-job.fits")
    ticket = hashlib.sha256(b"of a job").digest()
    inside(scene, "INSERT INTO awe.ticket (hash) VALUES (%s)", ticket)
    ask = "SELECT count(*) FROM awe.ds_may_read(%s, %s)"
    assert db.rows("awe_dataserver", ask, ticket, number) == [(1,)]
    for state, opened in (("done", 0), ("queued", 0), ("running", 1)):
        maker.ask("UPDATE awe.job SET state = %s WHERE id = %s", state, job)
        assert db.rows("awe_dataserver", ask, ticket, number) == [(opened,)]


def test_j08_history_names_submitter_and_job(scene):
    db, maker, _, _, login = scene
    row = maker.row("bias_frame", "student", 37, 1)
    inside(scene, "UPDATE awe.bias_frame SET is_valid = 0 WHERE object_id = %s", str(row.id))
    query = "SELECT login, u.role_name::text FROM awe.audit JOIN awe.users u ON u.id = user_id " \
            "WHERE object_id = %s"
    assert db.rows("student", query, str(row.id)) == [(login, "awstudent")]


@pytest.mark.parametrize("person", ["student", "manager", "scientist", "outsider"])
def test_j09_another_persons_private_job_is_like_one_that_never_was(scene, person):
    db, _, victim, *_ = scene
    for job in (victim.job, 10**9):
        assert db.rows(person, "SELECT 1 FROM awe.job WHERE id = %s", job) == []
        assert db.rows(person, "SELECT 1 FROM awe.job_log WHERE job = %s", job) == []
        assert db.rows(person, "SELECT 1 FROM awe.job_item WHERE job = %s", job) == []
        assert db.rows(person, "SELECT 1 FROM awe.attempt WHERE job = %s", job) == []
        assert db.rows(person, "SELECT awe.job_retry(%s)", job) == [(False,)]
        assert db.rows(person, "SELECT awe.job_cancel(%s)", job) == [(False,)]


def test_j10_a_manager_reads_shared_logs_and_only_reads(scene):
    db, maker, victim, *_ = scene
    maker.ask("UPDATE awe.job SET privileges = 2 WHERE id = %s", victim.job)
    try:
        query = "SELECT line FROM awe.job_log WHERE job = %s"
        assert db.rows("manager", query, victim.job) == [(f"{victims.CANARY}-line",)]
        for person in ("student", "scientist", "outsider"):
            assert db.rows(person, query, victim.job) == []
        assert db.rows("manager", "SELECT awe.job_cancel(%s)", victim.job) == [(False,)]
        assert db.rows("manager", "SELECT awe.job_retry(%s)", victim.job) == [(False,)]
    finally:
        maker.ask("UPDATE awe.job SET privileges = 1 WHERE id = %s", victim.job)


def test_j11_the_runner_acts_for_running_attempts_only(scene):
    db, maker, victim, _, _ = scene
    verifier = encrypt_password("x", f"job_{victim.job}_1", maker.root, "scram-sha-256")
    for job, attempt in ((victim.job, 1), (victim.job, 2), (10**9, 1)):
        with pytest.raises(psycopg2.Error, match="is not running"):
            db.rows("awe_runner", "SELECT awe.job_login(%s, %s, %s)", job, attempt, verifier)
    with pytest.raises(psycopg2.Error, match="verifier"):
        db.rows("awe_runner", "SELECT awe.job_login(%s, 1, 'plain password')", scene[3])


def test_j12_the_login_is_gone_with_the_attempt(scene):
    """Last: it ends the scene's own login."""
    db, maker, _, job, login = scene
    maker.ask("UPDATE awe.job SET state = 'done' WHERE id = %s", job)
    db.rows("awe_runner", "SELECT awe.job_sweep()")
    assert maker.ask("SELECT 1 FROM pg_roles WHERE rolname = %s", login) == []
    with pytest.raises(psycopg2.OperationalError, match="authentication"):
        inside(scene, "SELECT 1")
