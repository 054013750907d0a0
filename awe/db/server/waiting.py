"""Connections of psycopg2 that wait the way their owner says.

The driver blocks until the server has answered: Ctrl-C is not heard, and a frozen server is
waited for without end. It offers a wait callback, but one for the whole process, which
takes COPY and large objects from everybody else's connections. Connections made here are
asynchronous underneath and every statement waits by a function of their own; no other connection
notices. They are always in autocommit mode: transactions are begun and ended by statements.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import extensions
from psycopg2.extensions import POLL_OK, POLL_READ

__all__ = ["Limits", "answers", "connect", "hearing", "patient", "turn"]

#: "Do you speak TLS?", which every server answers with one letter and no login.
QUESTION = struct.pack("!ii", 8, 80877103)

Wait = Callable[[Any], None]


class _WaitingConnection(extensions.connection):  # type: ignore[misc]
    """A connection whose cursors wait by `wait`."""

    wait: Wait


class _WaitingCursor(extensions.cursor):  # type: ignore[misc]
    """A cursor that returns from `execute` when the answer is there."""

    connection: _WaitingConnection

    def execute(self, query: Any, vars: Any = None) -> None:
        """Send a statement and wait for its answer."""
        super().execute(query, vars)
        self.connection.wait(self.connection)


def connect(arguments: Mapping[str, Any], wait: Wait, *, patience: float) -> Any:
    """Return a connection whose statements wait by `wait`.

    Parameters
    ----------
    arguments : mapping
        Keyword arguments of `psycopg2.connect`.
    wait : callable
        Function that is called with the connection after a statement was sent and returns when
        the answer is there.
    patience : float
        Longest time until the server has let the login in [s].

    Raises
    ------
    psycopg2.OperationalError
        The server refuses, or has not answered in time.
    """
    connection = psycopg2.connect(
        **arguments,
        connection_factory=_WaitingConnection,
        cursor_factory=_WaitingCursor,
        async_=True,
    )
    patient(patience)(connection)
    connection.wait = wait
    return connection


def patient(seconds: float) -> Wait:
    """Return a way to wait that closes the connection after `seconds` without an answer."""

    def wait(connection: Any) -> None:
        deadline = time.monotonic() + seconds
        while not turn(connection, max(0.0, deadline - time.monotonic())):
            if time.monotonic() >= deadline:
                connection.close()
                msg = f"the database has not answered for {seconds:.0f} s"
                raise psycopg2.OperationalError(msg)

    return wait


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds until the waiting are told, until nobody waits any more, and for a cancellation."""

    tell: float
    answer: float
    cancel: float


def hearing(connection: Any, note: Callable[[], None], limits: Limits) -> None:
    """Wait for the server so that Ctrl-C is heard; it cancels what the server is doing.

    Ctrl-C may break into the driver while it takes the answer, because it decodes names of columns
    in Python. A cursor that has taken half an answer says it has all and crashes when it is read.
    So this returns only with a whole answer; what Ctrl-C broke off leaves as KeyboardInterrupt,
    and its cursor is closed.

    Parameters
    ----------
    connection : connection
        Connection made by `connect`.
    note : callable
        Function that is called when Ctrl-C was pressed.
    limits : Limits
        Limits of the waiting times.
    """
    begun = time.monotonic()
    moments = [(begun + limits.tell, _tell), (begun + limits.answer, _give_up)]
    stop: float | None = None
    while True:
        try:
            moment = moments[0][0] if stop is None else stop
            if turn(connection, max(0.0, moment - time.monotonic())):
                return
            if time.monotonic() >= moment:
                if stop is not None:
                    raise KeyboardInterrupt
                moments.pop(0)[1](connection, time.monotonic() - begun)
        except KeyboardInterrupt:
            if not connection.isexecuting() or (stop is not None and time.monotonic() >= stop):
                raise
            note()
            stop = stop or time.monotonic() + limits.cancel
            # a frozen server is not asked: the driver would wait for its answer
            if answers(connection, limits.cancel):
                connection.cancel()


def _tell(connection: Any, waited: float) -> None:
    sys.stderr.write("waiting for the database; Ctrl-C stops waiting\n")


def _give_up(connection: Any, waited: float) -> None:
    connection.close()
    msg = f"the database has not answered for {waited:.0f} s"
    raise psycopg2.OperationalError(msg)


def turn(connection: Any, seconds: float | None) -> bool:
    """Wait at most `seconds` for the server's next word; return True when the answer is whole."""
    state = connection.poll()
    if state == POLL_OK:
        return True
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN if state == POLL_READ else select.POLLOUT)
    poller.poll(None if seconds is None else 1000 * seconds)
    return False


def answers(connection: Any, seconds: float) -> bool:
    """Return True if the server of a connection answers newcomers within `seconds`."""
    try:
        with _reach(connection.info.host, connection.info.port, seconds) as trial:
            trial.sendall(QUESTION)
            return len(trial.recv(1)) == 1
    except OSError:
        return False


def _reach(host: str, port: int, seconds: float) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), seconds)
    trial = socket.socket(socket.AF_UNIX)
    trial.settimeout(seconds)
    trial.connect(f"{host}/.s.PGSQL.{port}")
    return trial
