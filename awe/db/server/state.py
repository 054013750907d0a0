"""What one thread has of the database: its connection, its transaction, the objects it knows.

A program that works for several people, such as the pages, keeps one `State` for each connection
of each of them, and a thread works in it for as long as it serves that person. Nothing of one
person is known while another is served.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

from awe.config import Environment
from awe.db.server.outcome import Doubt
from awe.db.server.prepared import Prepared

__all__ = ["Session", "State"]


class State:
    """A connection and all that goes with it.

    Parameters
    ----------
    environment : Environment, optional
        Server and login, where they are not those of the process.
    role : str, optional
        Role to act as, with `environment`.
    seconds : int, optional
        Longest time a statement may take, where it is not that of the prompt.
    """

    def __init__(
        self,
        environment: Environment | None = None,
        role: str | None = None,
        seconds: int | None = None,
    ) -> None:
        self.environment = environment
        self.role = role
        self.seconds = seconds
        self.connection: Any = None
        self.process = 0
        self.depth = 0
        self.statements = 0
        self.prepared = Prepared()
        self.generation = 0
        self.interrupted = False
        self.number = ""
        self.began = ""
        self.undo: list[Callable[[], None]] = []
        self.witnesses: list[Callable[[], bool]] = []
        self.doubt: Doubt | None = None
        self.objects: WeakValueDictionary[Any, Any] = WeakValueDictionary()
        self.memory: dict[str, Any] = {}

    def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()


class Session(threading.local):
    """The state each thread works in."""

    def __init__(self) -> None:
        self.state = State()

    @contextmanager
    def within(self, state: State) -> Iterator[None]:
        """Let this thread work in another state inside the `with` block."""
        before, self.state = self.state, state
        try:
            yield
        finally:
            self.state = before
            state.objects.clear()
