"""The connection to the database: one per thread, safe against Ctrl-C, loss and forks.

Statements run in autocommit mode unless inside `database.transaction()`. A connection lost
between two commands is replaced silently; lost inside a transaction it is an error, and nothing
was stored. Statements that begin with SELECT or WITH may be sent a second time after a loss, so
functions that write belong into a transaction. All timestamps are UTC.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INERROR
from psycopg2.extras import execute_values, register_uuid

from awe.config import Environment
from awe.db.server import failures, outcome, waiting
from awe.db.server.address import Address
from awe.db.server.interrupts import interrupts_deferred
from awe.db.server.outcome import Doubt
from awe.db.server.prepared import Prepared
from awe.db.server.state import Session, State
from awe.errors import DatabaseError, OutcomeUnknown, QueryError

__all__ = ["Database", "database"]

T = TypeVar("T")

Parameters = Sequence[Any] | Mapping[str, Any] | None

STATEMENT_TIMEOUT = 10 * 60
RESTART_PATIENCE = 30.0
CONNECT_PATIENCE = 15.0
#: Seconds after which somebody who waits for an answer is told what they wait for.
TELL_AFTER = 10.0
#: The server ends a statement by itself; one that has not answered by then is frozen.
ANSWER_PATIENCE = STATEMENT_TIMEOUT + 30.0
CANCEL_PATIENCE = 1.0
CONFLICT_ATTEMPTS = 8

#: Connections of the parent process, kept so that a child never closes them for the parent.
_inherited: list[Any] = []


class Database:
    """The database of this process; use the one instance, `database`."""

    def __init__(self) -> None:
        self._environment: Environment | None = None
        self._role: str | None = None
        self._generation = 0
        self._thread = Session()
        #: Called where nothing answers: brings the database back and returns True, or False.
        self.rescue: Callable[[], bool] | None = None
        #: Why the prompt did not come to connect when it started.
        self.trouble = ""

    @property
    def _session(self) -> State:
        return self._thread.state

    def acting(self, state: State) -> AbstractContextManager[None]:
        """Work in this thread as somebody else, over a connection of theirs, inside `with`."""
        return self._thread.within(state)

    # -- connecting --------------------------------------------------------------------------

    def connect(self, environment: Environment | None = None, *, role: str | None = None) -> None:
        """Connect, and remember how, so that other threads and later commands can.

        Parameters
        ----------
        environment : Environment, optional
            Configuration with server and login; read from file and environment when left out.
        role : str, optional
            Role to act as (logins of jobs may become their user and nobody else).

        Raises
        ------
        LoginRefused
            The database does not accept the name and password.
        DatabaseError
            It cannot be reached.
        """
        self.close()
        self._environment = environment or Environment.load()
        self._role = role
        self._generation += 1
        self._live()

    @property
    def environment(self) -> Environment:
        """Configuration given to `connect`."""
        environment = self._session.environment or self._environment
        if environment is None:
            raise DatabaseError(failures.unconnected(self.trouble))
        return environment

    @property
    def _acts_as(self) -> str | None:
        return self._session.role if self._session.environment else self._role

    @property
    def connected(self) -> bool:
        """True when this thread holds a connection."""
        session = self._session
        if session.connection is None or session.process != os.getpid():
            return False
        return int(session.connection.closed) == 0

    @property
    def in_transaction(self) -> bool:
        """True inside `transaction()`: nothing is stored yet."""
        return self._session.depth > 0

    @property
    def user(self) -> str:
        """Name of the user, as people see it: in upper case."""
        return (self._acts_as or self.environment.database_user).upper()

    @property
    def statements(self) -> int:
        """Statements this thread has sent so far."""
        return self._session.statements

    @property
    def objects(self) -> WeakValueDictionary[Any, Any]:
        """Objects of this thread by id: one row is one object while somebody holds it."""
        return self._session.objects

    @property
    def memory(self) -> dict[str, Any]:
        """Things worth keeping as long as this thread's connection is to the same user."""
        self._refresh()
        return self._session.memory

    def close(self) -> None:
        """Close this thread's connection and forget its objects."""
        self._drop()
        self._session.depth = 0
        self._session.objects.clear()
        self._session.memory.clear()

    def _drop(self) -> None:
        session = self._session
        connection, session.connection = session.connection, None
        if connection is not None:
            if session.process == os.getpid():
                connection.close()
            else:
                _inherited.append(connection)

    def _refresh(self) -> None:
        """Forget what belongs to another process or to a former user."""
        session = self._session
        if session.process == os.getpid() and session.generation == self._generation:
            return
        self.close()
        session.process = os.getpid()
        session.generation = self._generation

    def _live(self) -> Any:
        """Return this thread's connection, made if necessary."""
        self._refresh()
        session = self._session
        if session.connection is None or session.connection.closed:
            if session.depth:
                raise DatabaseError(failures.LOST)
            session.connection = self._open()
            session.prepared = Prepared()
        return session.connection

    def _open(self) -> Any:
        deadline = time.monotonic() + RESTART_PATIENCE
        pause = 0.1
        rescue = self.rescue
        while True:
            try:
                connection = waiting.connect(self._arguments(), _wait, patience=CONNECT_PATIENCE)
            except psycopg2.OperationalError as error:
                if not failures.is_starting(error) or time.monotonic() > deadline:
                    refusal = failures.connecting(error, self.environment)
                    if rescue is None or not isinstance(refusal, DatabaseError) or not rescue():
                        raise refusal from None
                    rescue = None
                    continue
                time.sleep(pause)
                pause = min(2 * pause, 2.0)
            else:
                register_uuid(conn_or_curs=connection)
                return connection

    def _arguments(self) -> dict[str, Any]:
        environment = self.environment
        named = environment.database_name
        seconds = self._session.seconds or STATEMENT_TIMEOUT
        options = f"-ctimezone=UTC -cstatement_timeout={seconds}s"
        if role := self._acts_as:
            options += f" -crole={role}"
        return {
            **(Address.parse(named) if named else Address()).arguments(),
            "user": environment.database_user.lower(),
            "password": environment.database_password,
            "options": options,
            "application_name": "awe",
            # Over a network: a machine that is gone is noticed; a Unix socket ignores these.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 60_000,
        }

    # -- statements --------------------------------------------------------------------------

    def execute(self, sql_text: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows, an empty list when it has none.

        Parameters
        ----------
        sql_text : str
            Statement with places `%s` or `%(name)s`.
        parameters : sequence or mapping, optional
            Values for the places; they are always bound, never pasted.
        """
        if self._session.depth:
            return self._run(sql_text, parameters)
        if not _repeatable(sql_text):
            with self.transaction():
                return self._run(sql_text, parameters)
        return self._run_idle(sql_text, parameters)

    def command(self, sql_text: str) -> list[tuple[Any, ...]]:
        """Run one statement exactly once, in no transaction of its own."""
        return self._run(sql_text, None)

    def insert_rows(
        self, sql_text: str, rows: Sequence[Sequence[Any]], *, page: int = 1000
    ) -> list[tuple[Any, ...]]:
        """Insert many rows with few statements: `INSERT INTO t (a, b) VALUES %s RETURNING a`."""
        def send(cursor: Any) -> list[tuple[Any, ...]]:
            prepared = self._session.prepared
            if len(rows) == 1 and prepared.ready(cursor, sql_text, len(rows[0])):
                return prepared.insert(cursor, sql_text, rows[0])
            self._session.statements += -(-len(rows) // page) - 1
            fetched = execute_values(
                cursor, sql_text, rows, page_size=page, fetch="RETURNING" in sql_text
            )
            return list(fetched or [])

        with self.transaction():
            return self._guarded(send)

    def _run_idle(self, sql_text: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        fresh = not self.connected
        try:
            return self._run(sql_text, parameters)
        except DatabaseError:
            # A second try only where an old connection turned out to be dead; a failure of a new
            # one, or of the statement itself, would only happen again.
            if fresh or self.connected:
                raise
            return self._run(sql_text, parameters)

    def _run(self, sql_text: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        def send(cursor: Any) -> list[tuple[Any, ...]]:
            cursor.execute(sql_text, parameters)
            return _fetched(cursor) if cursor.description else []

        return self._guarded(send)

    def _guarded(self, send: Callable[[Any], T]) -> T:
        """Send something over a live connection; leave a usable one, or none, behind."""
        session = self._session
        connection = self._live()
        session.statements += 1
        session.interrupted = False
        try:
            with connection.cursor() as cursor:
                result = send(cursor)
        except psycopg2.Error as error:
            # The error is the server's answer to our own cancellation: Ctrl-C is what happened.
            if session.interrupted:
                self._recover()
                raise KeyboardInterrupt from None
            if failures.is_lost(error, connection):
                self._drop()
            raise failures.translate(error, in_transaction=bool(session.depth)) from error
        except ValueError as error:
            # nothing was sent: the driver, or the encoding, refused a value
            if not failures.is_unsendable(error):
                raise
            raise QueryError(failures.UNSENDABLE) from error
        except KeyboardInterrupt:
            self._recover()
            raise
        if session.interrupted:
            self._recover()
            raise KeyboardInterrupt
        return result

    def _recover(self) -> None:
        """After an interrupt: leave the connection idle, or close it."""
        session = self._session
        session.interrupted = False
        connection = session.connection
        if connection is None or connection.closed:
            return
        if connection.isexecuting():
            self._drop()  # the server did not even stop: it may be frozen
        elif not session.depth:
            self._rollback()

    def printable(self, sql_text: str, parameters: Parameters) -> str:
        """Return a statement with its values written in, for people to read."""
        with self._live().cursor() as cursor:
            text: bytes = cursor.mogrify(sql_text, parameters)
        return text.decode()

    # -- transactions ------------------------------------------------------------------------

    @contextmanager
    def transaction(self, *, reading: bool = False, alone: bool = False) -> Iterator[None]:
        """Run the statements of the block as one; an inner transaction joins the outer one.

        Parameters
        ----------
        reading : bool
            Whether nothing will be written, so that nobody will ask what became of it.
        alone : bool
            Whether it must come out as if no other one that is alone ran meanwhile: what it found
            missing is missing still when it is stored. Else it is a conflict; see `retrying`.

        Raises
        ------
        DatabaseError
            The connection was lost; nothing was stored.
        OutcomeUnknown
            It was lost while the end of the transaction was being written, and the database did
            not come back in time to tell.
        """
        session = self._session
        if session.depth:
            session.depth += 1
            try:
                yield
            finally:
                session.depth -= 1
            return
        begin = outcome.BEGIN_ALONE if alone else "BEGIN" if reading else outcome.BEGIN
        rows = self._run_idle(begin, None)
        session.number, session.began = map(str, rows[0]) if rows else ("", "")
        session.depth = 1
        session.undo.clear()
        session.witnesses.clear()
        session.doubt = None
        try:
            yield
            self._finish()
        except BaseException:
            self._undo()
            raise
        finally:
            session.depth = 0
            self._rollback()

    def on_rollback(self, function: Callable[[], None]) -> None:
        """Call `function` if the transaction around it, if any, is not stored after all."""
        if self._session.depth:
            self._session.undo.append(function)

    def on_doubt(self, witness: Callable[[], bool]) -> None:
        """Let `witness` look for the rows of this transaction, should its end be unknown."""
        self._session.witnesses.append(witness)

    @property
    def began(self) -> str:
        """When the last writing transaction of this thread began, by the server's clock."""
        return self._session.began

    @property
    def doubt(self) -> Doubt | None:
        """The last transaction of this thread, where nobody knows what became of it."""
        return self._session.doubt

    def became(self, doubt: Doubt, witnesses: Sequence[Callable[[], bool]] = ()) -> bool | None:
        """Return whether a transaction in doubt was stored, None where it is not known yet."""
        return outcome.became(doubt, self._run_idle, witnesses)

    def _undo(self) -> None:
        undo = self._session.undo
        while undo:
            undo.pop()()

    def _finish(self) -> None:
        """Commit; Ctrl-C waits, so that nobody wonders whether it was stored."""
        if not self.connected:
            raise DatabaseError(failures.LOST)
        session = self._session
        # COMMIT of a failed transaction is answered by ROLLBACK and not by an error.
        if session.connection.info.transaction_status == TRANSACTION_STATUS_INERROR:
            raise DatabaseError(failures.FAILED)
        # Read while there is a connection: afterwards nobody knows which session was at work.
        process = session.connection.info.backend_pid
        with interrupts_deferred():
            try:
                self._run("COMMIT", None)
            except (DatabaseError, KeyboardInterrupt) as error:
                lost = error.__cause__ is not None and not self.connected
                if isinstance(error, DatabaseError) and not lost:
                    raise
                doubt = Doubt(number=session.number, process=process, began=session.began)
                self._settle(doubt, error)
            session.undo.clear()

    def _settle(self, doubt: Doubt, error: BaseException) -> None:
        """Find out what became of a transaction; return only where it was stored."""
        session = self._session
        session.depth = 0
        self._drop()
        stored: bool | None = None
        try:
            if doubt.number:
                stored = self.became(doubt, tuple(session.witnesses))
        except KeyboardInterrupt:
            # pressed once more: the user will not wait for the answer
            stored = None
        if stored is None:
            session.doubt = doubt
            raise OutcomeUnknown(failures.UNKNOWN) from error
        if not stored and isinstance(error, KeyboardInterrupt):
            raise error
        if not stored:
            raise DatabaseError(failures.NOT_STORED) from error

    def _idle(self) -> bool:
        return bool(self._session.connection.info.transaction_status == TRANSACTION_STATUS_IDLE)

    def _rollback(self) -> None:
        if not self.connected or self._idle():
            return
        connection = self._session.connection
        if connection.isexecuting():
            self._drop()
            return
        try:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
        except (psycopg2.Error, KeyboardInterrupt):
            self._drop()

    def retrying(self, function: Callable[[], T]) -> T:
        """Call `function` again after a deadlock or a conflict between transactions."""
        for attempt in range(CONFLICT_ATTEMPTS):
            try:
                return function()
            except DatabaseError as error:
                last = attempt == CONFLICT_ATTEMPTS - 1
                if last or self._session.depth or not failures.is_conflict(error):
                    raise
            time.sleep(random.uniform(0.5, 1.5) * 0.01 * 2**attempt)
        raise AssertionError


def _fetched(cursor: Any) -> list[tuple[Any, ...]]:
    """Return the rows, or say that one holds what Python cannot: an older database may."""
    try:
        return list(cursor.fetchall())
    except (ValueError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:100]
        msg = f"a requested object holds a value that cannot be read ({reason}); leave it out"
        raise QueryError(msg) from error


def _repeatable(sql_text: str) -> bool:
    word = sql_text.lstrip(" \n(")[:8].upper()
    return word.startswith(("SELECT", "WITH", "SHOW", "EXPLAIN", "TABLE"))


def _wait(connection: Any) -> None:
    limits = waiting.Limits(tell=TELL_AFTER, answer=ANSWER_PATIENCE, cancel=CANCEL_PATIENCE)
    waiting.hearing(connection, _note_interrupt, limits)


def _note_interrupt() -> None:
    database._session.interrupted = True


database = Database()
