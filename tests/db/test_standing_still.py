"""A database that stands still, and other people's connections in the same process."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from awe.config import Environment
from awe.dataserver.connections import PAUSE, Connections
from awe.db.server import connection as connecting
from awe.db.server import failures
from awe.db.server.connection import database
from awe.errors import DatabaseError, ServiceDown


@contextmanager
def still(*processes: int) -> Iterator[None]:
    """Let processes of the database stand still."""
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        # whatever happens: who stands still holds up every database of the server
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


def _backends(db: Any) -> list[int]:
    # but for the one that tells, which ends before it can be stopped
    sql = (
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return [row[0] for row in db.rows("superuser", sql)]


def _own_process() -> int:
    return int(database.execute("SELECT pg_backend_pid()")[0][0])


def test_copy_on_another_connection_works_after_awe_connected(db: Any, login: Any) -> None:
    login()
    assert database.execute("SELECT 1") == [(1,)]
    target = io.StringIO()
    with db.connect("student").cursor() as cursor:
        cursor.copy_expert("COPY (SELECT 7) TO STDOUT", target)
        assert target.getvalue() == "7\n"
    superuser = db.superuser()
    superuser.autocommit = False
    assert superuser.lobject(0, "w").oid > 0
    superuser.rollback()


def test_a_statement_that_waits_says_so_and_goes_on(
    db: Any, login: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    login()
    monkeypatch.setattr(connecting, "TELL_AFTER", 0.3)
    process = _own_process()
    os.kill(process, signal.SIGSTOP)
    threading.Timer(1.0, os.kill, (process, signal.SIGCONT)).start()
    assert database.execute("SELECT 5") == [(5,)]
    assert capsys.readouterr().err == "waiting for the database; Ctrl-C stops waiting\n"


def test_a_statement_that_is_never_answered_ends(
    db: Any, login: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    login()
    monkeypatch.setattr(connecting, "ANSWER_PATIENCE", 0.5)
    monkeypatch.setattr(connecting, "TELL_AFTER", 0.1)
    with (
        pytest.raises(DatabaseError, match="nothing was stored"),
        database.transaction(),
        still(_own_process()),
    ):
        database.execute("SELECT 1")
    assert database.execute("SELECT 1") == [(1,)]


def test_ctrl_c_works_while_the_database_stands_still(db: Any, login: Any) -> None:
    login()
    process = _own_process()
    postmaster = db.cluster.process().pid
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    begin = time.monotonic()
    with still(postmaster, process), pytest.raises(KeyboardInterrupt):
        database.execute("SELECT 1")
    assert time.monotonic() - begin < 5
    assert database.execute("SELECT 2") == [(2,)]


def test_connecting_to_a_database_that_stands_still_ends_in_a_line(
    db: Any, login: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "CONNECT_PATIENCE", 0.5)
    with still(db.cluster.process().pid), pytest.raises(DatabaseError, match="has not answered"):
        login()


def test_the_dataserver_does_not_wait_for_a_database_that_stands_still(db: Any) -> None:
    asked = Connections(
        {"host": str(db.cluster.socket), "port": 5432, "dbname": db.name,
         "user": "awe_dataserver", "password": db.password("awe_dataserver")}
    )  # fmt: skip
    assert asked.ask("SELECT 1", ()) == [(1,)]
    processes = _backends(db)
    assert processes
    begin = time.monotonic()
    with still(*processes, db.cluster.process().pid), pytest.raises(ServiceDown):
        asked.ask("SELECT 1", ())
    assert time.monotonic() - begin < 15
    time.sleep(PAUSE)
    assert asked.ask("SELECT 1", ()) == [(1,)]
    asked.close()


def test_the_reason_of_a_refusal_is_quoted_and_not_the_advice_below_it(tmp_path: Any) -> None:
    environment = Environment.load(database_name=f"{tmp_path}:5432/awe", database_user="somebody")
    with pytest.raises(DatabaseError) as caught:
        database.connect(environment)
    database.close()
    said = str(caught.value)
    assert "No such file or directory" in said
    assert "\t" not in said
    assert "Is the server running" not in said


def test_a_full_database_blames_the_asker_only_for_their_own_connections() -> None:
    environment = Environment.load(database_user="somebody")
    own = Exception('connection failed: FATAL:  too many connections for role "somebody"')
    assert "your own prompts" in str(failures.connecting(own, environment))
    full = Exception("connection failed: FATAL:  sorry, too many clients already")
    assert "not yours alone" in str(failures.connecting(full, environment))
