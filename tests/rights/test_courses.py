"""Courses in the database: enrolled all or none, and reset without touching anybody else."""

from __future__ import annotations

import json
import uuid
from contextlib import closing

import psycopg2
import pytest

from awe.config import Environment
from awe.context import context
from awe.db.rights import courses
from awe.db.rights.courses import Student
from awe.db.server import scope
from awe.db.server.connection import database
from awe.errors import ArgumentError, DatabaseError, JobError, NotFound, Refused
from awe.model.calibrations import BiasFrame
from awe.model.parameters import BiasFrameParameters
from awe.model.raw import RawBiasFrame

COURSE = "TUTORIAL2015"


def made(**more):
    """A committed bias with its parameters and one raw frame."""
    raw = RawBiasFrame()
    raw.filename = "raw.fits"
    found = BiasFrame(raw_bias_frames=[raw], process_params=BiasFrameParameters(), **more)
    found.commit()
    return found


def rows(db, statement, *values):
    return db.rows("superuser", statement, *values)


def everything(db, *, but):
    """Every object of everybody but one person, as text."""
    tables = [row[0] for row in rows(db, courses._TABLES)]
    found = {
        table: rows(
            db, f"SELECT t::text FROM {table} t JOIN awe.users u ON u.id = t._creator"
            " WHERE u.role_name <> %s OR t._privileges > 2 ORDER BY 1", but,
        )
        for table in tables
    }  # fmt: skip
    found["files"] = rows(db, "SELECT f::text FROM awe.file f WHERE state = 'linked' ORDER BY 1")
    return found


def test_a_reset_takes_own_unpublished_work_and_nothing_else(db, become):
    become("other")
    made()
    made(is_valid=0)
    become("student")
    public = made()
    context.publish(public, 3, follow=True)
    before = everything(db, but="awstudent")
    made()
    context.set_privileges(2)
    made()
    gone = made()
    context.delete(gone)
    with closing(db.superuser()) as connection:
        connection.autocommit = False
        work = courses.work(connection, "awstudent")
        assert sum(work.objects.values()) >= 5
        assert work.published >= 2
        assert work.trash >= 1
        assert not work.kept
        files, attempts = courses.clear(connection, "awstudent", COURSE)
        after = courses.work(connection, "awstudent")
    assert after.clean
    assert after.published == work.published
    assert attempts == []
    assert files == []
    assert everything(db, but="awstudent") == before
    told = rows(db, "SELECT login, after FROM awe.audit WHERE relation = 'course'")
    assert len(told) == 1
    assert told[0][0] == "postgres"
    assert told[0][1]["awe.bias_frame"] == 2
    assert not rows(db, "SELECT 1 FROM awe.trash")


def test_files_of_the_work_go_and_others_stay(db, become, maker):
    project, level = 37, 1
    mine, theirs = maker.stored_file("student"), maker.stored_file("other", "other.fits")
    loose = maker.stored_file("student", "loose.fits")
    maker.as_person("student", "bias_frame", project, level, file=mine, filename="frame.fits")
    maker.as_person("other", "bias_frame", project, level, file=theirs, filename="other.fits")
    with closing(db.superuser()) as connection:
        connection.autocommit = False
        files, _ = courses.clear(connection, "awstudent", COURSE)
        assert {str(file) for file in files} == {mine, loose}
        courses.forget_files(connection, files)
    assert rows(db, "SELECT id::text, state FROM awe.file") == [(theirs, "linked")]


def test_what_others_built_on_is_kept_with_its_parents(db, become):
    become("student", privileges="2")
    raw = RawBiasFrame()
    raw.filename = "shared.fits"
    raw.commit()
    alone = made()
    become("other", privileges="2")
    theirs = BiasFrame(
        raw_bias_frames=[RawBiasFrame(object_id=raw.object_id)],
        process_params=BiasFrameParameters(),
    )
    theirs.commit()
    with closing(db.superuser()) as connection:
        connection.autocommit = False
        work = courses.work(connection, "awstudent")
        assert work.kept == {"awe.raw_bias_frame": 1}
        courses.clear(connection, "awstudent", COURSE)
    assert rows(db, "SELECT object_id FROM awe.raw_bias_frame WHERE filename = 'shared.fits'")
    gone = rows(db, "SELECT 1 FROM awe.bias_frame WHERE object_id = %s", str(alone.object_id))
    assert gone == []


def submit(db, person):
    jobs = json.dumps([{"recipe": "Probe", "args": {}, "back_end": "local"}])
    found = db.rows(
        person, "SELECT awe.job_submit(%s::uuid, 'Probe', '{}', 37, 1, %s::jsonb)",
        str(uuid.uuid4()), jobs,
    )  # fmt: skip
    return found[0][0]


def test_jobs_and_logs_go_but_never_from_under_a_running_one(db):
    job, theirs = submit(db, "student"), submit(db, "other")
    claimed = db.rows("awe_runner", "SELECT id FROM awe.job_claim('here', '1 min', '{local}')")
    assert claimed == [(job,)]
    db.rows("awe_runner", "SELECT awe.job_say(%s, 1, 1, '{hello}')", job)
    with closing(db.superuser()) as connection:
        connection.autocommit = False
        assert courses.cancel_jobs(connection, "awstudent") == 1
        with pytest.raises(JobError, match=f"jobs {job} of AWSTUDENT still run"):
            courses.clear(connection, "awstudent", COURSE)
        db.rows("awe_runner", "SELECT awe.job_end(%s, 1, 'cancelled', -15, 'x')", job)
        assert courses.cancel_jobs(connection, "awstudent") == 0
        assert courses.clear(connection, "awstudent", COURSE)[1] == [(job, 1)]
    assert rows(db, "SELECT id, state::text FROM awe.job") == [(theirs, "queued")]
    assert rows(db, "SELECT r.id FROM awe.run r JOIN awe.users u ON u.id = user_id"
                    " WHERE role_name = 'awstudent'") == []  # fmt: skip
    assert rows(db, "SELECT 1 FROM awe.job_log") == []


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ('a"; DROP SCHEMA awe CASCADE; --', ArgumentError),
        ("postgres", Refused),
        ("awe_owner", Refused),
        ("pg_monitor", Refused),
        ("awother", Refused),
        ("", ArgumentError),
        ("a b", ArgumentError),
        ("é", ArgumentError),
        ("x" * 32, ArgumentError),
    ],
)
def test_students_are_enrolled_all_or_none(db, name, refused):
    before = rows(db, "SELECT role_name FROM awe.users ORDER BY 1")
    students = [Student(name=n, password="secret-secret", full_name=n) for n in ("good1", name)]
    with closing(db.superuser()) as connection:
        connection.autocommit = False
        with pytest.raises(refused):
            courses.enroll(connection, COURSE, students)
    assert rows(db, "SELECT role_name FROM awe.users ORDER BY 1") == before
    assert rows(db, "SELECT 1 FROM pg_roles WHERE rolname = 'good1'") == []


def test_nobody_is_reset_who_is_not_there(db):
    with closing(db.superuser()) as connection:
        connection.autocommit = False
        with pytest.raises(NotFound, match="no user NOBODY9"):
            courses.work(connection, "nobody9")


def test_a_runaway_script_locks_nobody_else_out(db):
    name = f"runaway{uuid.uuid4().hex[:6]}"
    with closing(db.superuser()) as connection:
        connection.autocommit = False
        student = Student(name=name, password="secret-secret", full_name="Student")
        courses.enroll(connection, COURSE, [student])
        connection.commit()
    where = {"host": str(db.cluster.socket), "port": 5432, "dbname": db.name}
    held = []
    try:
        for _ in range(courses.CONNECTIONS):
            held.append(psycopg2.connect(user=name, password="secret-secret", **where))
        with pytest.raises(psycopg2.OperationalError, match="too many connections"):
            psycopg2.connect(user=name, password="secret-secret", **where)
        assert db.rows("student", "SELECT 1") == [(1,)]
        login = {"database_user": name, "database_password": "secret-secret"}
        environment = Environment.load(**{**db.environment("student"), **login})
        with pytest.raises(DatabaseError, match=r"too many connections.*end some of your own"):
            context.start(environment)
        held.pop().close()
        context.start(environment)
    finally:
        for connection in held:
            connection.close()
        database.close()
        scope.use(None)
