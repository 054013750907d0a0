"""The inputs of a job, one by one: what is finished, what failed, what is still to do.

A task that takes its inputs one at a time asks `finished` before each, calls `record` inside the
transaction that commits the product, and `failed` when one input cannot be done; the others go
on. Because the record carries the fencing number of the attempt and is committed with the
product, a retry redoes only what is missing, and a stale attempt commits nothing.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import psycopg2

from awe.db.server.connection import database
from awe.errors import JobError, UserMistake
from awe.terminal import out

__all__ = ["JobItems"]

INSERT = """
INSERT INTO awe.job_item (job, item, attempt, ok, class, product, message)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (job, item) DO UPDATE SET attempt = excluded.attempt, ok = excluded.ok,
  class = excluded.class, product = excluded.product, message = excluded.message
"""


class JobItems:
    """Recorder of one attempt, writing to the database as the job's owner.

    Parameters
    ----------
    job, attempt : int
        Numbers of the job and of the attempt under which rows are written.
    report : callable
        Function that takes dictionaries for the runner.
    """

    def __init__(self, job: int, attempt: int, report: Callable[[dict[str, Any]], None]) -> None:
        self._job = job
        self._attempt = attempt
        self._report = report
        rows = database.execute(
            "SELECT item, product::text FROM awe.job_item WHERE job = %s AND ok", (job,)
        )
        self._done: dict[str, str | None] = dict(rows)
        self._errors: dict[str, str] = {}
        self._recorded: set[str] = set()
        self._total: int | None = None

    @property
    def errors(self) -> dict[str, str]:
        """The inputs that failed, with the error of each."""
        return dict(self._errors)

    @property
    def number(self) -> int:
        """Number of inputs that are finished."""
        return len(self._done)

    @property
    def products(self) -> set[str]:
        """The identities of recorded products; of this attempt those of a dry run too."""
        return {product for product in self._done.values() if product} | self._recorded

    def total(self, n: int) -> None:
        """Say how many inputs there are."""
        self._total = int(n)
        self._report({"total": self._total})

    def finished(self, name: str) -> bool:
        """Return True if an earlier attempt committed this input's product."""
        return name in self._done

    def record(self, name: str, product: Any) -> None:
        """Record a product, in the transaction that commits it.

        Raises
        ------
        JobError
            Another attempt holds the job by now, or did this input: nothing may be committed.
        """
        identity = _identity(product)
        kind = type(product).__name__ if identity else None
        # Refused by row security unless this attempt holds the job, which runs and is not
        # cancelled: then the transaction with the product fails too.
        self._write(name, True, kind, identity, None)
        # Memory follows the transaction: what was rolled back is not done.
        database.on_rollback(lambda: self._take_back(name))
        self._done[name] = identity
        self._recorded.add(str(getattr(product, "object_id", "")))
        self._errors.pop(name, None)

    def _take_back(self, name: str) -> None:
        """Forget a product whose transaction was not stored after all."""
        self._done.pop(name, None)

    def failed(self, name: str, error: BaseException) -> None:
        """Record that one input failed, and print why; the task goes on with the others."""
        text = f"{type(error).__name__}: {error}"
        if not isinstance(error, UserMistake):
            traceback.print_exception(error)
        out(f"{name} failed: {text}\n")
        self._errors[name] = text
        self._write(name, False, None, None, text[:2000])

    def summary(self) -> tuple[str, str]:
        """Return the state the job ends in and a line about it."""
        total = max(self._total or 0, len(self._done) + len(self._errors))
        if not self._errors:
            return "done", f"{len(self._done)} of {total} done" if total else "done"
        name, error = next(iter(self._errors.items()))
        more = f" and {len(self._errors) - 1} more" if len(self._errors) > 1 else ""
        return "failed", f"failed ({len(self._done)} of {total} done): {name}{more}: {error}"

    def _write(
        self, name: str, ok: bool, kind: str | None, product: str | None, message: str | None
    ) -> None:
        values = (self._job, name, self._attempt, ok, kind, product, message)
        try:
            database.execute(INSERT, values)
        except Exception as error:
            refused = psycopg2.errors.InsufficientPrivilege
            if isinstance(error, refused) or isinstance(error.__cause__, refused):
                msg = (
                    f"attempt {self._attempt} holds job {self._job} no more or {name} is done: "
                    "nothing was committed; dpu.get_status() shows the job"
                )
                raise JobError(msg) from error
            raise


def _identity(product: Any) -> str | None:
    """Return the identity of a committed product, None for one of a dry run."""
    identity = getattr(product, "object_id", None)
    committed = getattr(product, "_committed", True)
    return str(identity) if identity is not None and committed else None
