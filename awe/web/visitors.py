"""Who looks at the pages, and the connections of the database with which pages act as them.

Whoever is logged in has a login of the database of their own for as long as the session lives: it
can become that person and nobody else. Everybody else is the world: the login `awe_pages`. So the
policies of the database decide what a page shows and does; nothing here does. Connections that
nobody uses are kept for a moment, a few in all.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from awe.config import Environment
from awe.dataserver.authorisation import Permits
from awe.db.server import scope
from awe.db.server.connection import database
from awe.db.server.scope import Scope
from awe.db.server.state import State

__all__ = ["Visitor", "Visitors"]

#: Longest time of a statement [s]: somebody waits in front of a page.
PATIENCE = 8
#: Connections kept idle in all, and for how long [s].
KEPT = 48
IDLE = 60.0
#: Visitors known; whoever looked last longest ago goes.
MOST = 500

_PROJECT = """
SELECT p.id, p.name FROM awe.project p
  LEFT JOIN awe.member m ON m.project_id = p.id AND m.user_id = (SELECT awe.uid())
 WHERE p.id = 1 OR m.user_id IS NOT NULL
 ORDER BY p.id = (SELECT r.project FROM awe.run r WHERE r.user_id = (SELECT awe.uid())
                   ORDER BY r.id DESC LIMIT 1) DESC NULLS LAST, p.id = 1, p.name LIMIT 1
"""


@dataclass(kw_only=True, eq=False)
class Visitor:
    """Somebody at the pages.

    Attributes
    ----------
    name : str
        Login in upper case; empty for the world.
    token : str
        Secret that the forms of this visitor carry.
    scope : Scope
        Project and level of what they make.
    """

    name: str
    scope: Scope
    environment: Environment
    role: str | None = None
    session: bytes | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def known(self) -> bool:
        """True for whoever is logged in."""
        return bool(self.name)


class Visitors:
    """The visitors of this process, and their connections.

    Parameters
    ----------
    permits : Permits
        What makes logins for sessions.
    environment : Environment
        Where the database is, with the login of the world.
    """

    def __init__(self, permits: Permits, environment: Environment) -> None:
        self._permits = permits
        self._environment = environment
        self._lock, self._entering = threading.Lock(), threading.Lock()
        self._known: dict[bytes, Visitor] = {}
        self._idle: list[tuple[float, Visitor, State]] = []
        world = Scope(user_id=0, user_name="ANONYMOUS", project_id=1, project_name="ALL")
        self.nobody = Visitor(name="", scope=world, environment=environment)

    def of(self, session: bytes | None) -> Visitor:
        """Return the visitor of a session or ticket; the world's where it is not alive."""
        name = self._permits.who(session)
        if session is None or name is None:
            if session in self._known:
                self.forget(session)
            return self.nobody
        # one after the other: a login made a second time would end what the first has open
        with self._entering:
            return self._known.get(session) or self._enter(session)

    def _enter(self, session: bytes) -> Visitor:
        password = secrets.token_urlsafe(32)
        made = self._permits.page_login(session, password)
        if made is None:
            return self.nobody
        login, person = made
        environment = replace(
            self._environment, database_user=login, database_password=password
        )
        unsettled = replace(self.nobody.scope, user_name=person.upper())
        visitor = Visitor(
            name=person.upper(), scope=unsettled, environment=environment, role=person,
            session=session,
        )  # fmt: skip
        with self.acting(visitor):
            number = database.execute("SELECT awe.uid()")[0][0]
            project, project_name = database.execute(_PROJECT)[0]
        visitor.scope = Scope(user_id=number, user_name=visitor.name, project_id=project,
                              project_name=project_name)  # fmt: skip
        with self._lock:
            self._known[session] = visitor
            old = list(self._known)[:-MOST]
        for one in old:
            self.forget(one)
        return visitor

    def forget(self, session: bytes) -> None:
        """Close the connections of a session and drop its login."""
        with self._lock:
            visitor = self._known.pop(session, None)
            theirs = [state for _, owner, state in self._idle if owner is visitor]
            self._idle = [one for one in self._idle if one[1] is not visitor]
        for state in theirs:
            state.close()
        if visitor is not None:
            self._permits.page_logout(session)

    @contextmanager
    def acting(self, visitor: Visitor) -> Iterator[None]:
        """Let this thread ask the database as a visitor inside the `with` block."""
        state = self._take(visitor)
        try:
            with database.acting(state), scope.using(visitor.scope):
                yield
        finally:
            self._put_back(visitor, state)

    def _take(self, visitor: Visitor) -> State:
        with self._lock:
            for place in range(len(self._idle) - 1, -1, -1):
                if self._idle[place][1] is visitor:
                    return self._idle.pop(place)[2]
        return State(visitor.environment, visitor.role, PATIENCE)

    def _put_back(self, visitor: Visitor, state: State) -> None:
        now = time.monotonic()
        gone = visitor.known and visitor.session not in self._known
        with self._lock:
            if state.connection is not None and not state.connection.closed and not gone:
                self._idle.append((now, visitor, state))
                state = State()
            fresh = [one for one in self._idle if now - one[0] < IDLE][-KEPT:]
            old = [one[2] for one in self._idle if one not in fresh]
            self._idle = fresh
        for one in (state, *old):
            one.close()

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, _, state in idle:
            state.close()
