"""Opening and closing a session: configuration, services, login, project.

A session always opens. When the database cannot be reached, or refuses the login, the prompt
starts all the same within seconds and says in one line what is wrong; commands that need the
database try again.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from awe.config import Environment
from awe.context import context
from awe.db.rights.projects import level_text
from awe.db.server import clock, scope
from awe.db.server.connection import database
from awe.errors import AweError, LoginRefused, Refused, UserMistake
from awe.prompt import namespace
from awe.services import running
from awe.services.installation import Installation
from awe.terminal import err

__all__ = ["Session", "begin_when_needed", "connect", "open_session"]

TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Session:
    """What the prompt knows about itself.

    Attributes
    ----------
    environment : Environment
        The configuration in force.
    trouble : str
        One line about what did not work at the start; empty when all is well.
    """

    environment: Environment
    trouble: str = ""

    @property
    def debug(self) -> bool:
        """True where full tracebacks are wanted."""
        return self.environment.debugging

    @property
    def user_name(self) -> str:
        """The login as people write it."""
        here = _scope()
        return here.user_name if here else self.environment.database_user.upper()

    @property
    def project_name(self) -> str:
        """The current project."""
        here = _scope()
        return here.project_name if here else self.environment.project

    @property
    def database_name(self) -> str:
        """Where the database is."""
        name = self.environment.database_name
        return "not connected" if self.trouble and not name else name

    @property
    def level(self) -> str:
        """The current level, as `1 (MyDB)`."""
        here = _scope()
        level = here.privileges if here else self.environment.privileges
        return level_text(int(level))

    def __repr__(self) -> str:
        return f"{self.user_name} in {self.project_name}, privileges {self.level}"

    def close(self) -> None:
        """Roll back what is open, cancel what runs on the server, and disconnect."""
        database.close()


def open_session(
    *, tutorial: bool = False, ask_password: Callable[[str], str] | None = None
) -> Session:
    """Start what has to run, log in, and return the session.

    Parameters
    ----------
    tutorial : bool
        Make the tutorial night first, if it is not there yet.
    ask_password : callable, optional
        Called for a password when the database refuses the configured one.
    """
    environment = Environment.load()
    try:
        # Services before the login, since they write the address that the login reads.
        environment = _with_services(environment, tutorial)
        return _log_in(environment, ask_password)
    except AweError as error:
        rest = "you are in project ALL, for queries"
        if _scope() is None:
            rest = "commands that need the database will try again"
            database.trouble = str(error)
            begin_when_needed()
        line = f"{error}; {rest}"
        return Session(environment=environment, trouble=" ".join(line.split()))


def connect(*, tutorial: bool = False, **keys: str) -> Session:
    """Log in, from a script or in the middle of a session; start the services if they are ours.

    Parameters
    ----------
    tutorial : bool
        Make the tutorial night first, if it is not there yet.
    **keys : str
        Configuration keys that differ from the configuration, such as `project='KIDS'` or
        `database_user='awother', database_password='...'`.

    Returns
    -------
    Session
        Who and where you are; `close()` logs out, which the end of the script does, too.

    Raises
    ------
    LoginRefused
        The database does not accept name and password.
    DatabaseError, ServiceDown
        The database cannot be reached, or the services do not start.
    ProjectUnknown
        The configured project is not one of yours; the session is in project ALL.
    Refused
        Another thread of this process works as somebody else, or at another database.
    """
    environment = _with_services(Environment.load(**keys), tutorial, **keys)
    if threading.current_thread() is not threading.main_thread() and scope.begun():
        return _join(environment, "project" in keys)
    session = _log_in(environment, None)
    namespace.begin(environment)
    return session


def _join(environment: Environment, moves: bool) -> Session:
    """Let a thread work in the session of its process, in a project of its own if it names one.

    Raises
    ------
    Refused
        The session is of another person, or at another database.
    """
    ours = database.environment
    if (ours.database_user, ours.database_name) != (
        environment.database_user, environment.database_name,
    ):  # fmt: skip
        msg = (
            f"this process is {database.user} at {ours.database_name}: a thread cannot be "
            f"{environment.database_user.upper()} at {environment.database_name}; "
            "start a process for each person"
        )
        raise Refused(msg)
    scope.use(scope.current())
    if moves:
        context.set_project(environment.project)
    return Session(environment=environment)


def _with_services(environment: Environment, tutorial: bool, **keys: str) -> Environment:
    if not environment.embedded:
        return environment
    database.rescue = partial(_bring_back, environment.home)
    running.ensure(Installation(environment.home), say)
    fresh = Environment.load(**keys)
    if tutorial:
        # brings processes to share work with, and numpy
        from awe.demo.night import ensure

        ensure(environment.home, say)
        fresh = Environment.load(**keys)
    return fresh


def _bring_back(home: Path) -> bool:
    """Start the services of this installation again where the database has gone away."""
    running.ensure(Installation(home), say)
    return True


def begin_when_needed() -> None:
    """Let the first command that needs the database log in."""

    def start() -> None:
        context.start(_with_services(Environment.load(), tutorial=False))

    scope.begin_later(start)


def say(text: str) -> None:
    """Show a line of progress where somebody watches."""
    if sys.stderr.isatty():
        err(text + " ...\n")


def _log_in(environment: Environment, ask_password: Callable[[str], str] | None) -> Session:
    for tried in range(TRIES):
        try:
            context.start(environment)
            return Session(environment=environment, trouble=clock.warning())
        except LoginRefused as error:
            if ask_password is None or tried == TRIES - 1:
                raise
            err(f"{error}\n")
            password = ask_password(f"password of {environment.database_user}: ")
            environment = Environment.load(database_password=password)
    raise AssertionError


def _scope() -> scope.Scope | None:
    try:
        return scope.current()
    except UserMistake:
        return None
