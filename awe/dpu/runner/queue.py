"""The runner's side of the queue: one connection as `awe_runner`, one method per function.

Owns the SQL calls and nothing else: the rules are in `awe/db/schema/sql/50_jobs.sql`, and this
login may call those functions and touch no table.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg2
from psycopg2.extensions import encrypt_password

from awe.db.server import waiting
from awe.errors import DatabaseError

__all__ = ["Claim", "Later", "Queue"]

#: Nobody's lock is waited for, and a frozen database is left alone after these seconds.
OPTIONS = "-c lock_timeout=200 -c statement_timeout=15000"
PATIENCE = 20.0
LOCKED = "55P03"

T = TypeVar("T")


class Later(DatabaseError):
    """Somebody holds a row of this job; the others go on, and it is tried again."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One attempt at one job, held under a lease.

    `attempt` is the fencing number: whoever holds an older one can write nothing.
    """

    job: int
    attempt: int
    role: str
    recipe: str
    args: dict[str, Any]
    project: int
    privileges: int
    seconds: int | None
    back_end: str
    memory: int | None

    @property
    def name(self) -> str:
        """Name of the attempt's directory."""
        return f"{self.job}_{self.attempt}"


class Queue:
    """Connection of one runner to the queue.

    Parameters
    ----------
    parameters : mapping
        Keyword arguments of `psycopg2.connect`, with user `awe_runner` and its password.
    host : str
        Name under which this runner claims jobs.
    lease : float
        Time after which an attempt that was not renewed counts as dead [s].
    """

    def __init__(self, parameters: Mapping[str, Any], host: str, lease: float) -> None:
        self._parameters = dict(parameters)
        self._host = host
        self._lease = f"{lease} seconds"
        self._connection: Any = None

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds`; return early and True when somebody submitted or cancelled."""
        connection = self._open()
        # what came with the answer to a statement is there already
        if not connection.notifies:
            with selectors.DefaultSelector() as ready:
                ready.register(connection, selectors.EVENT_READ)
                if not ready.select(seconds):
                    return False
            self._guarded(connection.poll)
        connection.notifies.clear()
        return True

    def claim(self, back_ends: list[str], *, guest: bool = False) -> Claim | None:
        """Return the next job of the user whose turn it is, or None.

        A `guest` is a job of somebody nothing runs for, next to those of the one person whose
        jobs hold all workers.
        """
        rows = self._call(
            "SELECT id, attempt, role_name, recipe, args, project, privileges, seconds, back_end, "
            "memory FROM awe.job_claim(%s, %s, %s, %s)",
            self._host,
            self._lease,
            back_ends,
            guest,
        )
        if not rows:
            return None
        names = ("job", "attempt", "role", "recipe", "args", "project", "privileges", "seconds",
                 "back_end", "memory")  # fmt: skip
        return Claim(**dict(zip(names, rows[0], strict=True)))

    def placed(self, job: int, attempt: int, number: int) -> None:
        """Record the process group, or the number a batch engine gave."""
        self._call("SELECT awe.job_placed(%s, %s, %s)", job, attempt, number)

    def beat(self, job: int, attempt: int) -> str | None:
        """Renew the lease; return 'ok', 'cancel', or None where the attempt lost the job."""
        rows = self._call("SELECT awe.job_beat(%s, %s, %s)", job, attempt, self._lease)
        return None if not rows else rows[0][0]

    def total(self, job: int, attempt: int, inputs: int) -> None:
        """Record how many inputs the job has."""
        self._call("SELECT awe.job_total(%s, %s, %s)", job, attempt, inputs)

    def say(self, job: int, attempt: int, first: int, lines: list[str]) -> None:
        """Store lines of the log, the first with the number `first`."""
        self._call("SELECT awe.job_say(%s, %s, %s, %s)", job, attempt, first, lines)

    def end(self, job: int, attempt: int, outcome: str, status: int | None, note: str) -> bool:
        """Record the end of a job; False where the attempt lost it before."""
        sql = "SELECT awe.job_end(%s, %s, %s, %s, %s)"
        return bool(self._call(sql, job, attempt, outcome, status, note)[0][0])

    def died(
        self, job: int, attempt: int, status: int | None, note: str, *, counts: bool = True
    ) -> str | None:
        """Record the death of a worker; return what became of the job, None if not ours."""
        sql = "SELECT awe.job_died(%s, %s, %s, %s, %s)"
        state: str | None = self._call(sql, job, attempt, status, note, counts)[0][0]
        return state

    def tidy(self) -> int:
        """Requeue what lost its lease, end what waits in vain; return how many jobs changed."""
        return int(self._call("SELECT awe.job_tidy()")[0][0])

    def held(self, job: int, attempt: int, memory: int, *, short: bool) -> None:
        """Record the most bytes an attempt held, and whether it ended for want of more."""
        self._call("SELECT awe.job_held(%s, %s, %s, %s)", job, attempt, memory, short)

    def left(self) -> list[tuple[int, int, int | None, int | None, str, int | None]]:
        """Return job, attempt, process, time limit, back end and memory limit of what runs here.

        Here is the host of this queue, by its name.
        """
        sql = "SELECT job, attempt, pid, seconds, back_end, memory FROM awe.job_left(%s)"
        return self._call(sql, self._host)

    def login(self, job: int, attempt: int, password: str) -> str:
        """Make the login of an attempt; only a SCRAM verifier leaves this process."""
        name = f"job_{job}_{attempt}"
        verifier = encrypt_password(password, name, scope=self._open(), algorithm="scram-sha-256")
        return str(self._call("SELECT awe.job_login(%s, %s, %s)", job, attempt, verifier)[0][0])

    def logout(self, job: int, attempt: int) -> None:
        """Close the sessions of an attempt's login and drop it."""
        self._call("SELECT awe.job_logout(%s, %s)", job, attempt)

    def sweep(self) -> int:
        """Drop the logins of attempts that run no more."""
        return int(self._call("SELECT awe.job_sweep()")[0][0])

    def close(self) -> None:
        """Close the connection; the next call opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> Any:
        if self._connection is None:
            arguments = {"options": OPTIONS, **self._parameters}
            wait = waiting.patient(PATIENCE)
            self._connection = self._guarded(
                lambda: waiting.connect(arguments, wait, patience=PATIENCE)
            )
            # Part of every new connection: notifications are for the session that listens.
            self._call("LISTEN awe_jobs")
        return self._connection

    def _call(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = self._open()

        def run() -> list[tuple[Any, ...]]:
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
                return list(cursor.fetchall()) if cursor.description else []

        return self._guarded(run)

    def _guarded(self, action: Callable[[], T]) -> T:
        """Run `action`; where the connection broke, forget it so that the next call reconnects."""
        try:
            return action()
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            if error.pgcode == LOCKED:
                msg = "somebody holds a row of the job; it is tried again"
                raise Later(msg) from error
            self.close()
            msg = f"the job queue cannot be reached: {str(error).strip()}"
            raise DatabaseError(msg) from error
