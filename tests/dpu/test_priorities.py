"""Whose job is next: by priority, then in turn, and nobody takes a priority that is not theirs."""

from __future__ import annotations

import json
import uuid

import psycopg2
import pytest

from awe.db.rights import people
from awe.errors import ArgumentError, Refused


def allow(db, name, most):
    connection = db.superuser()
    connection.autocommit = False
    people.set_priority(connection, name, most)
    connection.close()


def owners(db, jobs):
    rows = db.rows(
        "superuser",
        "SELECT j.id, u.role_name FROM awe.job j JOIN awe.users u ON u.id = j.user_id",
    )
    known = dict(rows)
    return [known[job] for job in jobs]


def claimed(queue, number, **how):
    """Claim jobs one after the other, each done before the next."""
    found = []
    for _ in range(number):
        claim = queue.claim(["local"], **how)
        assert claim is not None
        queue.end(claim.job, claim.attempt, "done", 0, "")
        found.append(claim.job)
    return found


def test_two_users_take_turns_whoever_queued_first_and_how_many(bench, db, queue):
    bench.submit("student", *[{}] * 6)
    bench.submit("other", *[{}] * 3)
    assert owners(db, claimed(queue, 6)) == ["awstudent", "awother"] * 3
    assert owners(db, claimed(queue, 3)) == ["awstudent"] * 3


def test_ones_own_jobs_go_by_their_priority_and_then_by_their_numbers(bench, queue):
    low, plain, lower, second = bench.submit(
        "student", {"priority": -1}, {}, {"priority": -5}, {"priority": 0}
    )
    assert claimed(queue, 4) == [plain, second, low, lower]


def test_what_can_wait_lets_others_go_first(bench, db, queue):
    (mine,) = bench.submit("student", {"priority": -1})
    theirs = bench.submit("other", *[{}] * 3)
    assert claimed(queue, 4) == [*theirs, mine]


def test_a_priority_that_was_allowed_goes_first_until_it_is_taken_away(bench, db, queue):
    others = bench.submit("other", *[{}] * 2)
    allow(db, "awstudent", 5)
    urgent = bench.submit("student", *[{"priority": 5}] * 3)
    assert claimed(queue, 1) == urgent[:1]
    # what waits in the queue follows at once: they take turns as if it were 0
    allow(db, "awstudent", 0)
    assert claimed(queue, 3) == [others[0], urgent[1], others[1]]


def test_a_guest_is_nobody_who_can_wait(bench, queue):
    bench.submit("student", *[{}] * 3)
    bench.submit("other", {"priority": -1})
    assert queue.claim(["local"]) is not None
    assert queue.claim(["local"], guest=True) is None
    (plain,) = bench.submit("other")
    guest = queue.claim(["local"], guest=True)
    assert guest is not None
    assert guest.job == plain


HOSTILE = [
    "UPDATE awe.job SET priority = 1 WHERE id = {job}",
    "UPDATE awe.users SET max_priority = 10",
    "SELECT awe.user_priority('awstudent', 10)",
    "SELECT awe.job_held({job}, 1, 1, true)",
    "INSERT INTO awe.job (run, ordinal, recipe, args, project, privileges, priority) "
    "SELECT run, 1, recipe, args, project, privileges, 1 FROM awe.job WHERE id = {job}",
    "INSERT INTO awe.job (run, ordinal, recipe, args, project, privileges, priority) "
    "SELECT run, 1, recipe, args, project, privileges, 32000 FROM awe.job WHERE id = {job}",
    "CREATE FUNCTION pg_temp.uid() RETURNS int LANGUAGE sql AS 'SELECT 1'",
]


@pytest.mark.parametrize("statement", HOSTILE)
def test_nobody_raises_a_priority_of_their_own(bench, db, statement):
    (job,) = bench.submit("student")
    with pytest.raises(psycopg2.Error) as caught:
        db.rows("student", statement.format(job=job))
    assert caught.value.pgcode in ("42501", "23514")
    db.rows("student", "ROLLBACK")
    sql = "SELECT priority FROM awe.job"
    assert db.rows("superuser", sql) == [(0,)]
    assert db.rows("superuser", "SELECT max(max_priority) FROM awe.users") == [(0,)]


@pytest.mark.parametrize("priority", [1, 10, 11, 32000, "1", "1e0", -11, [1], {"a": 1}, "NaN"])
def test_no_submission_has_a_priority_above_what_is_allowed(bench, db, priority):
    with pytest.raises(psycopg2.Error):
        bench.submit("student", {"priority": priority})
    assert db.rows("superuser", "SELECT 1 FROM awe.job") == []


def test_the_permission_of_another_is_not_ones_own(bench, db):
    allow(db, "awother", 10)
    bench.submit("other", {"priority": 10})
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        bench.submit("student", {"priority": 1})
    run = str(uuid.uuid4())
    jobs = [{"recipe": "Probe", "args": {}, "back_end": "local", "priority": 1}]
    sql = "SET ROLE awother; SELECT awe.job_submit(%s::uuid, 'Probe', '{}', 37, 1, %s::jsonb)"
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        db.rows("student", sql, run, json.dumps(jobs))


def test_a_priority_that_is_not_allowed_is_refused_in_a_line(bench, db, session):
    dpu = session()
    with pytest.raises(Refused, match="dpu_priority is 3, and your jobs may have 0 at most"):
        dpu.run("Probe", dpu_priority=3)
    for wrong in (11, "high", True, 0.5):
        with pytest.raises(ArgumentError, match="expected a whole number, -10 to 10"):
            dpu.run("Probe", dpu_priority=wrong)
    (job,) = dpu.run("Probe", dpu_priority=-3)
    assert db.rows("superuser", "SELECT id, priority FROM awe.job") == [(job, -3)]


def test_who_waits_is_found_without_looking_at_each_of_their_jobs(bench, db, queue):
    bench.submit("student", *[{}] * 3000)
    bench.submit("other", *[{}] * 2)
    db.rows("superuser", "ANALYZE awe.job")
    # What other sessions read before may be counted late; who looks at all does so each time.
    looked = []
    for _ in range(5):
        db.rows("superuser", "SELECT pg_stat_reset_single_table_counters('awe.job'::regclass)")
        claimed(queue, 4)
        db.rows("superuser", "SELECT pg_stat_force_next_flush()")
        rows = db.rows(
            "superuser",
            "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_user_tables WHERE relname = 'job'",
        )
        looked.append(rows[0][0])
    assert min(looked) < 500
