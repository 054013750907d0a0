"""Whatever breaks while a COMMIT is under way: what awe says of it is so.

The short version runs always. `AWE_COMMIT_MOMENTS=200 pytest tests/db/test_commit_truth.py` tries
so many random moments of each kind.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from awe.db.server import outcome
from awe.db.server.connection import database
from awe.errors import DatabaseError, OutcomeUnknown, Refused
from tests.db.cutting import COMMIT, Wire

T = TypeVar("T")
MOMENTS = int(os.environ.get("AWE_COMMIT_MOMENTS", "6"))
#: the answer: a tag of the command, and that the server is ready
ANSWER = len(b"C\x00\x00\x00\x0bCOMMIT\x00") + len(b"Z\x00\x00\x00\x05I")

CLIENT = """
import json, sys
from awe.config import Environment
from awe.db.server import scope
from awe.db.server.connection import database
import importlib
given = json.loads(sys.stdin.readline())
from awe.db.declare import registry
model = importlib.import_module("tests.db.model")
for cls in model.CLASSES:
    cls.__installed__ = True
database.connect(Environment.load(**given["environment"]))
scope.use(scope.Scope(**given["scope"]))
for number in range(100000):
    model.Plate(name=f"{given['name']}-{number}").commit()
    print(number, flush=True)
"""


@pytest.fixture
def wire(db: Any, tmp_path_factory: Any) -> Iterator[Wire]:
    folder = Path(tmp_path_factory.mktemp("w"))
    made = Wire(folder, db.cluster.socket / ".s.PGSQL.5432")
    made.folder = folder  # type: ignore[attr-defined]
    yield made
    made.close()


def _there(db: Any, name: str) -> int:
    """Return how many plates of a name another session sees."""
    sql = "SELECT count(*) FROM awe.plate WHERE name = %s"
    count: int = db.rows("superuser", sql, name)[0][0]
    return count


def _wait_for_the_end(db: Any) -> None:
    """Wait until the server is done with all transactions but one's own."""
    limit = time.monotonic() + 10
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND xact_start IS NOT NULL"
    while db.rows("superuser", sql, db.name)[0][0] > 1 and time.monotonic() < limit:
        time.sleep(0.02)


def _said(plate: Any) -> bool | None:
    """Commit, and return what is said: stored, not stored, or not known."""
    try:
        plate.commit()
    except OutcomeUnknown:
        return None
    except DatabaseError:
        return False
    except KeyboardInterrupt as stop:
        return {"1 object is committed": True, "nothing was committed": False}[str(stop)]
    return True


def test_a_wire_cut_at_any_byte_of_a_commit_or_its_answer(
    model: Any, login: Any, db: Any, wire: Any
) -> None:
    login(database_name=f"{wire.folder}:5432/{db.name}")
    everywhere = range(len(COMMIT) + ANSWER)
    some = random.sample(everywhere, min(MOMENTS, len(everywhere)))
    places = [0, len(COMMIT) - 1, len(COMMIT), len(COMMIT) + ANSWER - 1, *some]
    for number, place in enumerate(places):
        plate = model.Plate(name=f"p{number}")
        wire.passing = place
        said = _said(plate)
        assert said is not None
        assert (said, plate._committed) == (_there(db, plate.name) == 1, said), place
        if not said:
            plate.commit()
            assert _there(db, plate.name) == 1


def test_a_session_that_is_still_committing_is_waited_for(
    model: Any, login: Any, db: Any, wire: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old session stands still at COMMIT; it goes on when the client has long been asking."""
    monkeypatch.setattr(outcome, "SLOW", 60.0)
    login(database_name=f"{wire.folder}:5432/{db.name}")
    plate = model.Plate(name="slow")
    pid = database.execute("SELECT pg_backend_pid()")[0][0]
    run = database._run

    def standing(text: str, parameters: Any) -> Any:
        if text == "COMMIT":
            monkeypatch.setattr(database, "_run", run)
            os.kill(pid, signal.SIGSTOP)
            wire.passing = len(COMMIT)
            threading.Timer(1.0, os.kill, (pid, signal.SIGCONT)).start()
        return run(text, parameters)

    monkeypatch.setattr(database, "_run", standing)
    began = time.monotonic()
    assert _said(plate) is True
    assert time.monotonic() - began > 0.9
    assert _there(db, "slow") == 1


def test_a_database_that_stays_away_is_not_known_and_asked_again(
    model: Any, login: Any, db: Any, wire: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    login(database_name=f"{wire.folder}:5432/{db.name}")
    monkeypatch.setattr(outcome, "PATIENCE", 0.0)
    ask = database._run_idle
    for place, stored in ((len(COMMIT), 1), (3, 0)):
        plate = model.Plate(name=f"p{place}")

        def away(text: str, parameters: Any) -> Any:
            if "pg_xact_status" in text:
                msg = "away"
                raise DatabaseError(msg)
            return ask(text, parameters)

        monkeypatch.setattr(database, "_run_idle", away)
        wire.passing = place
        with pytest.raises(OutcomeUnknown, match="asks again and stores nothing twice"):
            plate.commit()
        assert not plate._committed
        with pytest.raises(OutcomeUnknown):
            plate.commit()
        monkeypatch.setattr(database, "_run_idle", ask)
        _wait_for_the_end(db)
        assert _there(db, plate.name) == stored
        plate.commit()
        assert (plate._committed, _there(db, plate.name)) == (True, 1)


def test_ctrl_c_at_any_moment_of_a_commit(
    model: Any, login: Any, db: Any, keyboard: Keyboard
) -> None:
    login()
    model.Plate(name="first").commit()  # what a commit needs is imported
    for number in range(MOMENTS):
        plate = model.Plate(name=f"c{number}")
        said = None
        with suppress(KeyboardInterrupt):
            keyboard.press_soon(1 + number % 2)
            said = _said(plate)
            keyboard.heard = False
        keyboard.rest()
        said = plate._committed if said is None else said
        assert (said, plate._committed) == (_there(db, plate.name) == 1, said)


class Keyboard:
    """Presses Ctrl-C at random moments; what comes when nothing is committed is not heard."""

    def __init__(self) -> None:
        self.heard = False
        self._timers: list[threading.Timer] = []

    def press_soon(self, times: int) -> None:
        for place in range(times):
            seconds = random.uniform(0.001, 0.006) + 0.001 * place
            timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
            self._timers.append(timer)
            timer.start()
        self.heard = True

    def rest(self) -> None:
        self.heard = False
        while self._timers:
            self._timers.pop().join()

    def interrupt(self, *_: object) -> None:
        if self.heard:
            raise KeyboardInterrupt


@pytest.fixture
def keyboard() -> Iterator[Keyboard]:
    made = Keyboard()
    before = signal.signal(signal.SIGINT, made.interrupt)
    yield made
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_while_the_server_commits_is_heard_afterwards(
    model: Any, login: Any, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The inner wait for COMMIT hands the interrupt to the commit around it."""
    login()
    run = database._run

    def pressed(text: str, parameters: Any) -> Any:
        if text == "COMMIT":
            os.kill(os.getpid(), signal.SIGINT)
        return run(text, parameters)

    monkeypatch.setattr(database, "_run", pressed)
    plate = model.Plate(name="p")
    with pytest.raises(KeyboardInterrupt, match="1 object is committed"):
        plate.commit()
    monkeypatch.undo()
    assert plate._committed
    assert _there(db, "p") == 1
    plate.commit()
    assert _there(db, "p") == 1


def test_a_refused_statement_that_is_swallowed_does_not_end_as_committed(
    model: Any, login: Any, db: Any
) -> None:
    login()
    plate = model.Plate(name="p")

    def work() -> None:
        with database.transaction():
            plate.commit()
            with pytest.raises(Refused):
                database.execute("DELETE FROM awe.users")

    with pytest.raises(DatabaseError, match="nothing of it was stored"):
        work()
    assert not plate._committed
    assert _there(db, "p") == 0


def _again(ask: Callable[[], T]) -> T:
    """Return the answer of a server that may notice only now that it has to restart."""
    import psycopg2

    limit = time.monotonic() + 30
    while True:
        try:
            return ask()
        except (psycopg2.OperationalError, DatabaseError):
            if time.monotonic() > limit:
                raise
            time.sleep(0.1)


def test_the_server_process_is_killed_at_random_moments_of_commits(
    model: Any, login: Any, db: Any
) -> None:
    """kill -9 of the session's process: the whole server restarts."""
    # the server of the tests does not wait for the disk
    db.rows("superuser", f"ALTER DATABASE {db.name} SET synchronous_commit = on")
    db.rows("superuser", "CHECKPOINT")
    login()
    for number in range(max(2, MOMENTS // 3)):
        plate = model.Plate(name=f"k{number}")
        pid = _again(lambda: database.execute("SELECT pg_backend_pid()"))[0][0]
        killer = threading.Timer(random.uniform(0.0, 0.004), os.kill, (pid, signal.SIGKILL))
        killer.start()
        said = _said(plate)
        killer.join()
        assert said is not None
        there = _again(lambda name=plate.name: _there(db, name))
        assert (said, plate._committed) == (there == 1, said)


def _lose_the_number(db: Any, change: Callable[[], object]) -> None:
    """Change something, crash the server, and let somebody else commit under the same number."""
    change()
    pid = database.execute("SELECT pg_backend_pid()")[0][0]
    number = int(database.execute("SELECT pg_current_xact_id()::text")[0][0])
    os.kill(pid, signal.SIGKILL)
    given = 0
    sql = "SELECT pg_current_xact_id()::text"
    while given <= number:
        given = int(_again(lambda: db.rows("superuser", sql))[0][0])


@pytest.mark.parametrize("change", ["publish", "delete", "nobody can tell"])
def test_a_number_the_server_gave_a_second_time_after_a_crash_speaks_for_nobody(
    model: Any, login: Any, db: Any, change: str
) -> None:
    """What was never stored counts as stored no more because somebody else's was."""
    login()
    plate = model.Plate(name="reused")
    plate.commit()
    for _ in range(3):
        db.rows("superuser", "CHECKPOINT")
        with pytest.raises(DatabaseError) as caught, database.transaction():
            _lose_the_number(db, lambda: _change(plate, change))
        if change != "nobody can tell":
            assert not isinstance(caught.value, OutcomeUnknown)
        assert plate._privileges == 1
        rows = db.rows("superuser", "SELECT _privileges FROM awe.plate WHERE name = 'reused'")
        assert rows == [(1,)]


def _change(plate: Any, change: str) -> None:
    from awe.db.objects.commit import delete, update

    if change == "publish":
        update([plate], _privileges=2)
    elif change == "delete":
        delete([plate])
    else:
        database.execute("UPDATE awe.plate SET _privileges = 2 WHERE name = 'reused'")


def test_a_client_killed_at_random_moments_leaves_whole_objects(
    model: Any, login: Any, db: Any
) -> None:
    here = login()
    given = {"environment": db.environment(), "scope": vars(here)}
    for number in range(max(2, MOMENTS // 3)):
        client = subprocess.Popen(
            [sys.executable, "-c", CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(json.dumps({**given, "name": f"x{number}"}).encode() + b"\n")
        client.stdin.flush()
        client.stdout.readline()
        time.sleep(random.uniform(0.0, 0.05))
        client.kill()
        said = 1 + len(client.stdout.read().split())
        client.wait()
        client.stdin.close()
        client.stdout.close()
        _wait_for_the_end(db)
        sql = "SELECT count(*) FROM awe.plate WHERE name LIKE %s"
        # at most the one whose answer never came is there as well
        assert 0 <= db.rows("superuser", sql, f"x{number}-%")[0][0] - said <= 1
