"""Ctrl-C, lost connections, threads, children: the next command always works."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import pytest

from awe.config import Environment
from awe.db.objects.commit import commit_all
from awe.db.server.connection import database
from awe.errors import DatabaseError, LoginRefused, QueryError, Refused


def _kill_session(db: Any) -> None:
    """Let the server end the test's own session, as an administrator would."""
    pid = database.execute("SELECT pg_backend_pid()")[0][0]
    db.rows("superuser", "SELECT pg_terminate_backend(%s)", pid)
    time.sleep(0.1)


def _press_ctrl_c_after(seconds: float) -> None:
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()


def test_ctrl_c_ends_a_query_at_once_and_leaves_nothing_behind(db: Any, login: Any) -> None:
    login()
    pid = database.execute("SELECT pg_backend_pid()")[0][0]
    _press_ctrl_c_after(0.2)
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        database.execute("SELECT pg_sleep(60)")
    assert time.monotonic() - begin < 1.5
    assert database.execute("SELECT pg_backend_pid()") == [(pid,)]
    running = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%pg_sleep(60)%%' "
        "AND state = 'active' AND pid = %s"
    )
    assert db.rows("superuser", running, pid) == [(0,)]


def test_ctrl_c_inside_a_transaction_rolls_it_back(model: Any, login: Any) -> None:
    login()

    def work() -> None:
        with database.transaction():
            model.Plate(name="p").commit()
            database.execute("SELECT pg_sleep(60)")

    _press_ctrl_c_after(0.3)
    with pytest.raises(KeyboardInterrupt):
        work()
    assert len(model.Plate.select_all()) == 0
    model.Plate(name="q").commit()
    assert len(model.Plate.select_all()) == 1


def test_many_interrupts_at_random_moments_leave_a_usable_connection(
    model: Any, login: Any
) -> None:
    login()
    interrupts = 0
    for number in range(40):
        try:
            _press_ctrl_c_after(0.001 + 0.0007 * number)
            end = time.monotonic() + 0.2
            while time.monotonic() < end:
                database.execute("SELECT count(*) FROM generate_series(1, 3000)")
        except KeyboardInterrupt:
            interrupts += 1
        assert database.execute("SELECT 1") == [(1,)]
    assert interrupts == 40


def test_ctrl_c_during_a_commit_waits_for_its_end(model: Any, login: Any) -> None:
    login()
    plates = [model.Plate(name=f"p{i}") for i in range(3000)]

    def work() -> None:
        commit_all(plates)
        time.sleep(1)

    _press_ctrl_c_after(0.05)
    with pytest.raises(KeyboardInterrupt):
        work()
    assert len(model.Plate.select_all()) == 3000
    assert all(plate._committed for plate in plates)


def test_a_connection_lost_between_commands_is_replaced_silently(db: Any, login: Any) -> None:
    login()
    _kill_session(db)
    assert database.execute("SELECT 1") == [(1,)]
    _kill_session(db)
    with database.transaction():
        assert database.execute("SELECT 1") == [(1,)]


def test_a_connection_lost_inside_a_transaction_stores_nothing(model: Any, login: Any) -> None:
    login()

    def work() -> None:
        with database.transaction():
            model.Plate(name="p").commit()
            _kill_session(login.db)
            model.Plate(name="q").commit()

    with pytest.raises(DatabaseError, match="nothing was stored; run it again"):
        work()
    assert len(model.Plate.select_all()) == 0


def test_what_a_caller_swallows_cannot_revive_a_lost_transaction(model: Any, login: Any) -> None:
    login()

    def work() -> None:
        with database.transaction():
            _kill_session(login.db)
            with pytest.raises(DatabaseError):
                database.execute("SELECT 1")
            with pytest.raises(DatabaseError):
                model.Plate(name="p").commit()

    with pytest.raises(DatabaseError, match="nothing was stored"):
        work()
    assert len(model.Plate.select_all()) == 0


def test_the_outcome_of_a_lost_commit_is_looked_up(
    model: Any, login: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session is ended right before, and right after, the server has committed."""
    login()
    run = database._run

    def ended_before(text: str, parameters: Any) -> Any:
        if text == "COMMIT":
            pid = run("SELECT pg_backend_pid()", None)[0][0]
            login.db.rows("superuser", "SELECT pg_terminate_backend(%s)", pid)
            time.sleep(0.1)
        return run(text, parameters)

    monkeypatch.setattr(database, "_run", ended_before)
    with pytest.raises(DatabaseError, match="checked: nothing was stored, run it again"):
        model.Plate(name="before").commit()

    def ended_after(text: str, parameters: Any) -> Any:
        if text != "COMMIT":
            return run(text, parameters)
        pid = run("SELECT pg_backend_pid()", None)[0][0]
        run(text, parameters)
        login.db.rows("superuser", "SELECT pg_terminate_backend(%s)", pid)
        time.sleep(0.1)
        return run("SELECT 1", None)

    monkeypatch.setattr(database, "_run", ended_after)
    plate = model.Plate(name="after")
    plate.commit()
    monkeypatch.undo()
    assert plate._committed
    assert [p.name for p in model.Plate.select_all()] == ["after"]


def test_two_transactions_in_each_others_way_both_finish(model: Any, login: Any) -> None:
    login()
    plates = [model.Plate(name="one"), model.Plate(name="two")]
    for plate in plates:
        plate.commit()
    meet = threading.Barrier(2)
    failures: list[BaseException] = []

    def both(order: list[Any]) -> None:
        first = [True]

        def work() -> None:
            with database.transaction():
                for plate in order:
                    text = "UPDATE awe.plate SET is_valid = 0 WHERE object_id = %s"
                    database.execute(text, (plate.object_id,))
                    if first.pop() if first else False:
                        meet.wait(10)

        try:
            database.retrying(work)
        except BaseException as error:
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=both, args=(o,)) for o in (plates, plates[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


def test_each_thread_has_its_own_connection(login: Any) -> None:
    login()
    mine = database.execute("SELECT pg_backend_pid()")
    found: list[Any] = []

    def ask() -> None:
        found.append(database.execute("SELECT pg_backend_pid()"))
        database.close()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert found[0] != mine


def test_a_forked_child_opens_its_own_connection(login: Any) -> None:
    login()
    mine = database.execute("SELECT pg_backend_pid()")[0][0]
    child = os.fork()
    if child == 0:
        other = database.execute("SELECT pg_backend_pid()")[0][0]
        database.close()
        os._exit(0 if other != mine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert database.execute("SELECT pg_backend_pid()") == [(mine,)]


def test_a_refused_login_says_so_without_the_password(db: Any) -> None:
    wanted = db.environment("student") | {"database_password": "no-such-secret"}
    with pytest.raises(LoginRefused, match="the database refused AWSTUDENT") as caught:
        database.connect(Environment.load(**wanted))
    assert "no-such-secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_absent_server_says_what_to_do(db: Any, tmp_path: Any) -> None:
    wanted = db.environment("student") | {"database_name": f"{tmp_path}:5432/awe"}
    with pytest.raises(DatabaseError, match="awe-admin start"):
        database.connect(Environment.load(**wanted))


def test_refusals_of_the_database_arrive_as_refused(login: Any) -> None:
    login()
    with pytest.raises(Refused, match="does not allow"):
        database.execute("DELETE FROM awe.users")
    with pytest.raises(QueryError, match="cannot use a value"):
        database.execute("SELECT 'x'::int")
    assert database.execute("SELECT 1") == [(1,)]


def test_inner_transactions_join_the_outer_one(model: Any, login: Any) -> None:
    login()

    def work() -> None:
        with database.transaction():
            with database.transaction():
                model.Plate(name="p").commit()
            msg = "outer"
            raise ValueError(msg)

    with pytest.raises(ValueError, match="outer"):
        work()
    assert len(model.Plate.select_all()) == 0


def test_objects_of_a_failed_outer_transaction_are_new_again(model: Any, login: Any) -> None:
    login()
    plate = model.Plate(name="p", marks=[1])

    def work() -> None:
        with database.transaction():
            plate.commit()
            assert plate._committed
            msg = "outer"
            raise ValueError(msg)

    with pytest.raises(ValueError, match="outer"):
        work()
    assert not plate._committed
    plate.marks.append(2)
    plate.commit()
    assert [p.marks for p in model.Plate.select_all()] == [[1, 2]]
