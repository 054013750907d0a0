"""The part of awe-server that sends away who keeps others waiting.

Which sessions those are is said in `awe/db/schema/sql/58_limits.sql`; this asks a few times a
second and notes in the log whose session was ended and why. It can end sessions of people and of
their jobs, and nobody else's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

from awe.dataserver.connections import Connections
from awe.errors import ServiceDown

__all__ = ["Guard"]

_log = logging.getLogger(__name__)

#: Seconds somebody may be kept waiting, and seconds between two looks: together under one.
PATIENCE = 0.5
PAUSE = 0.2
#: Seconds until the next look after the database did not answer.
REST = 2.0


class Guard:
    """Looks after one database.

    Parameters
    ----------
    connection : mapping
        Keyword arguments of `psycopg2.connect`, with user `awe_runner` and its password.
    patience : float, optional
        Time after which somebody has waited too long for another person's lock [s].
    """

    def __init__(self, connection: Mapping[str, Any], *, patience: float = PATIENCE) -> None:
        arguments = {**connection, "application_name": "awe guard"}
        self._connections = Connections(arguments, limit=1)
        self._patience = f"{patience} seconds"

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set."""
        down = False
        while not stop.wait(REST if down else PAUSE):
            try:
                self.look()
            except ServiceDown as error:
                if not down:
                    _log.warning("nobody is sent away for now: %s", error)
                down = True
            else:
                down = False
        self._connections.close()

    def look(self) -> list[tuple[int, str, str]]:
        """End the sessions that keep others waiting; return process, login and reason of each."""
        ended = self._connections.ask("SELECT * FROM awe.end_blockers(%s)", (self._patience,))
        for process, login, reason in ended:
            _log.warning("ended session %d of %s: it %s", process, login.upper(), reason)
        return ended
