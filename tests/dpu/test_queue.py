"""The queue's rules, asked of the database itself."""

from __future__ import annotations

import json
import time

import psycopg2
import pytest

ITEM = "INSERT INTO awe.job_item (job, item, attempt, ok) VALUES (%s, 'a', 1, true)"


def refused(db, person, statement, *values):
    with pytest.raises(psycopg2.Error) as caught:
        db.rows(person, statement, *values)
    return caught.value


def test_a_repeated_request_is_the_same_run(bench):
    request = "7d7d2d3e-0000-4000-8000-000000000001"
    first = bench.submit("student", {}, {}, request=request)
    assert bench.submit("student", {}, {}, request=request) == first
    assert bench.submit("other", {}, {}, request=request) != first


def test_claim_gives_the_job_once_and_end_needs_the_fencing_number(bench, queue):
    (job,) = bench.submit("student", {"args": {"chip": "A"}})
    claim = queue.claim(["local"])
    assert (claim.job, claim.attempt, claim.role) == (job, 1, "awstudent")
    assert claim.args == {"chip": "A"}
    assert queue.claim(["local"]) is None
    assert queue.end(job, 2, "done", 0, "not mine") is False
    assert queue.end(job, 1, "done", 0, "fine") is True
    assert queue.end(job, 1, "failed", 0, "twice") is False
    assert bench.state(job) == "done"


def test_a_submission_wakes_the_runner(bench, queue):
    queue.wait(0.0)
    bench.submit("student")
    assert queue.wait(2.0) is True


def test_a_queued_job_is_cancelled_at_once_and_never_claimed(bench, db, queue):
    (job,) = bench.submit("student")
    db.rows("student", "SELECT awe.job_cancel(%s)", job)
    assert bench.state(job) == "cancelled"
    assert queue.claim(["local"]) is None


def test_lost_lease_requeues_and_the_stale_attempt_can_write_nothing(bench, db):
    hasty = bench.queue(lease=0.05)
    (job,) = bench.submit("student")
    hasty.claim(["local"])
    time.sleep(0.1)
    assert hasty.tidy() == 1
    assert bench.state(job) == "queued"
    assert hasty.beat(job, 1) is None
    again = hasty.claim(["local"])
    assert again.attempt == 2
    error = refused(db, "student", ITEM, job)
    assert error.pgcode == "42501"
    insert = "INSERT INTO awe.job_item (job, item, attempt, ok) VALUES (%s, 'a', 2, true)"
    db.rows("student", insert, job)
    assert refused(db, "student", insert, job).pgcode == "23505"
    hasty.close()


def test_a_job_that_kills_every_worker_is_lost_after_three(bench, queue):
    (job,) = bench.submit("student")
    became = []
    for attempt in (1, 2, 3):
        assert queue.claim(["local"]).attempt == attempt
        became.append(queue.died(job, attempt, -9, "killed by signal 9"))
    assert became == ["queued", "queued", "lost"]
    assert queue.claim(["local"]) is None


def test_a_stopped_service_is_not_the_fault_of_the_job(bench, queue):
    (job,) = bench.submit("student")
    for attempt in range(1, 6):
        assert queue.claim(["local"]).attempt == attempt
        assert queue.died(job, attempt, -15, "stopped", counts=False) == "queued"


def test_three_users_take_turns(bench, queue):
    for person, count in (("student", 14), ("other", 4), ("manager", 2)):
        bench.submit(person, *[{}] * count)
    order = [queue.claim(["local"]).role for _ in range(20)]
    assert sorted(order[:6]) == sorted(["awstudent", "awother", "awmanager"] * 2)
    assert order[6:10] .count("awother") == 2
    assert order[10:] == ["awstudent"] * 10


def test_nobody_queues_without_end(bench, db, queue):
    """Others' next job is found at once, however many of somebody's wait for what never ends."""
    waiting = [{}, *({"after": [number]} for number in range(9_999))]
    first = bench.submit("student", *waiting)
    bench.submit("student", *waiting)
    with pytest.raises(psycopg2.Error, match="more than 20000 of your jobs") as caught:
        bench.submit("student")
    assert caught.value.pgcode == "AW023"
    db.rows("superuser", "UPDATE awe.job SET state = 'failed' WHERE id = %s", first[0])
    assert db.rows("student", "SELECT awe.job_retry(%s)", first[0]) == [(True,)]
    db.rows("superuser", "UPDATE awe.job SET back_end = 'elsewhere' WHERE after = '{}'")
    (mine,) = bench.submit("other")
    started = time.monotonic()
    assert queue.claim(["local"]).job == mine
    assert time.monotonic() - started < 1.0


def test_one_worker_serves_users_in_turn(bench, queue):
    bench.submit("student", {}, {}, {}, {})
    bench.submit("other", {}, {})
    order = []
    for _ in range(6):
        claim = queue.claim(["local"])
        order.append(claim.role)
        queue.end(claim.job, claim.attempt, "done", 0, "")
    assert order[:4] in (["awstudent", "awother"] * 2, ["awother", "awstudent"] * 2)


def test_a_chain_runs_in_order_and_ends_with_its_first_failure(bench, queue):
    first, second, third = bench.submit("student", {}, {"after": [0]}, {"after": [1]})
    assert queue.claim(["local"]).job == first
    assert queue.claim(["local"]) is None
    queue.end(first, 1, "done", 0, "")
    assert queue.claim(["local"]).job == second
    queue.end(second, 1, "failed", 0, "no flat")
    queue.tidy()
    assert bench.state(third) == "failed"


def test_others_see_nothing_and_managers_see_level_two(bench, db, queue):
    (mine,) = bench.submit("student")
    (shared,) = bench.submit("student", privileges=2)
    for job in (mine, shared):
        queue.claim(["local"])
        queue.say(job, 1, 1, ["a line"])
        db.rows("student", ITEM, job)
    for table in ("job", "attempt", "job_log", "job_item", "run"):
        count = f"SELECT count(*) FROM awe.{table}"
        assert db.rows("student", count) == [(2,)]
        assert db.rows("other", count) == [(0,)]
        assert db.rows("manager", count) == [(1,)]
        assert db.rows("outsider", count) == [(0,)]
        assert refused(db, "anonymous", count).pgcode == "42501"


def test_others_change_nothing(bench, db, queue):
    (job,) = bench.submit("student", privileges=2)
    queue.claim(["local"])
    for person in ("other", "manager", "outsider"):
        db.rows(person, "SELECT awe.job_cancel(%s)", job)
        assert db.rows(person, "SELECT awe.job_retry(%s)", job) == [(False,)]
        insert = "INSERT INTO awe.job_item (job, item, attempt, ok) VALUES (%s, 'x', 1, true)"
        assert refused(db, person, insert, job).pgcode == "42501"
    assert queue.beat(job, 1) == "ok"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE awe.job SET state = 'done'",
        "UPDATE awe.job SET user_id = 1",
        "UPDATE awe.job SET cancel = false",
        "UPDATE awe.job SET args = '{}'",
        "DELETE FROM awe.job",
        "DELETE FROM awe.job_log",
        "INSERT INTO awe.job_log (job, attempt, line_no, line) VALUES (1, 1, 1, 'x')",
        "INSERT INTO awe.attempt (job, attempt, host, lease_until) VALUES (1, 9, 'x', now())",
        "SELECT awe.job_claim('x', '1 s', '{local}')",
        "SELECT awe.job_end(1, 1, 'done', 0, '')",
        "SELECT awe.job_login(1, 1, 'x')",
        "SELECT awe.job_logout(1, 1)",
        "SELECT awe.job_say(1, 1, 1, '{x}')",
        "SELECT awe.job_tidy()",
        "SELECT awe.job_sweep()",
        "SELECT awe.ds_release('awe.bias_frame', '-infinity', gen_random_uuid(), 9)",
        "TRUNCATE awe.job",
    ],
)
def test_the_owner_has_no_other_way_in(bench, db, queue, statement):
    bench.submit("student")
    queue.claim(["local"])
    assert refused(db, "student", statement).pgcode == "42501"


def test_nobody_adds_a_job_to_the_run_of_another(bench, db):
    bench.submit("student")
    (run,) = db.rows("student", "SELECT id FROM awe.run")[0]
    statement = (
        "INSERT INTO awe.job (run, ordinal, recipe, args, project, privileges) "
        "VALUES (%s, 5, 'Probe', '{}', 37, 1)"
    )
    assert refused(db, "other", statement, run).pgcode == "42501"


@pytest.mark.parametrize(
    ("project", "privileges", "person"),
    [(37, 1, "outsider"), (36, 5, "student"), (1, 1, "student"), (999, 1, "student")],
)
def test_no_job_in_a_project_or_level_one_may_not_use(bench, project, privileges, person):
    with pytest.raises(psycopg2.Error) as caught:
        bench.submit(person, project=project, privileges=privileges)
    assert caught.value.pgcode in ("42501", "23514", "23503")


@pytest.mark.parametrize(
    "args",
    [
        "[]", "3", '"x"', "null", '{"a": [[[[[[1]]]]]]}',
        '{"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}',
        json.dumps({"a": "x" * 1_000_001}), '{"a": NaN}', "{", "gASVBAAAAA==", '{"a": "\\u0000"}',
    ],
)
def test_garbage_arguments_are_refused(bench, args):
    with pytest.raises(psycopg2.Error):
        bench.submit("student", args=args)


@pytest.mark.parametrize(
    "recipe", ["", "os.system", "Reduce; DROP TABLE awe.job", "../x", "a" * 65, "A>", ">A"]
)
def test_garbage_recipes_are_refused(bench, recipe):
    with pytest.raises(psycopg2.Error):
        bench.submit("student", recipe=recipe)
    with pytest.raises(psycopg2.Error):
        bench.submit("student", {"recipe": recipe})


def test_a_job_login_becomes_its_user_and_nobody_else(bench, db, queue):
    (job,) = bench.submit("student")
    queue.claim(["local"])
    login = queue.login(job, 1, "a-password")
    assert login == f"job_{job}_1"

    def connect(**more):
        return psycopg2.connect(host=str(db.cluster.socket), port=5432, dbname=db.name, user=login,
                                password="a-password", **more)

    connection = connect(options="-crole=awstudent")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, count(*) FROM awe.job GROUP BY 1")
        assert cursor.fetchone() == ("awstudent", 1)
    for role in ("awother", "awe_owner", "awe_runner", "awe_rolemaker", "postgres"):
        with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(f"SET ROLE {role}")
        connection.rollback()
    bare = connect()
    with bare.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("SELECT * FROM awe.job")
    bare.close()
    queue.logout(job, 1)
    with connection.cursor() as cursor, pytest.raises(psycopg2.Error):
        cursor.execute("SELECT 1")
    connection.close()
    with pytest.raises(psycopg2.OperationalError):
        connect()


def test_no_login_for_a_job_that_does_not_run_and_leftovers_are_swept(bench, db, queue):
    (job,) = bench.submit("student")
    with pytest.raises(psycopg2.Error):
        queue.login(job, 1, "x")
    queue.claim(["local"])
    queue.login(job, 1, "x")
    assert queue.sweep() == 0
    queue.end(job, 1, "done", 0, "")
    assert queue.sweep() == 1
    assert db.rows("superuser", "SELECT rolname FROM pg_roles WHERE rolname ~ '^job_[0-9]'") == []


def test_the_runner_touches_no_table(db):
    for table in ("job", "run", "job_log", "job_item", "attempt", "users", "ticket"):
        assert refused(db, "awe_runner", f"SELECT * FROM awe.{table}").pgcode == "42501"


def test_a_failed_job_is_done_again_by_its_owner_only(bench, db, queue):
    (job,) = bench.submit("student")
    queue.claim(["local"])
    assert db.rows("student", "SELECT awe.job_retry(%s)", job) == [(False,)]
    queue.end(job, 1, "failed", 0, "one frame")
    assert db.rows("other", "SELECT awe.job_retry(%s)", job) == [(False,)]
    assert db.rows("student", "SELECT awe.job_retry(%s)", job) == [(True,)]
    assert queue.claim(["local"]).attempt == 2


def test_a_worker_that_fails_because_its_job_was_cancelled_leaves_it_cancelled(bench, db, queue):
    (job,) = bench.submit("student")
    claim = queue.claim(["local"])
    db.rows("student", "SELECT awe.job_cancel(%s)", job)
    assert queue.end(claim.job, claim.attempt, "failed", 0, "nothing was committed")
    assert db.rows("superuser", "SELECT state::text, message FROM awe.job") == [
        ("cancelled", "cancelled")
    ]
    # what was finished before the end came is done
    (job,) = bench.submit("student")
    claim = queue.claim(["local"])
    db.rows("student", "SELECT awe.job_cancel(%s)", job)
    assert queue.end(claim.job, claim.attempt, "done", 0, "1 of 1 done")
    assert bench.state(job) == "done"
