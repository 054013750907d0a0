"""Jobs as their owner sees them: the statements behind `dpu.get_status` and its kin.

Owns the SQL of the prompt's side; what may be seen is decided by the database. A job of somebody
else and a job that never was look the same here.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from awe.db.server import scope
from awe.db.server.connection import database
from awe.dpu.planning import JobPlan
from awe.errors import ArgumentError, DatabaseError, JobUnknown, Refused

__all__ = ["FINAL", "STATES", "Job", "cancel", "cancel_all", "fetch", "known", "lines", "memory",
           "numbers", "products", "retry", "submit", "unknown"]  # fmt: skip

FINAL = ("done", "failed", "cancelled", "lost")
STATES: tuple[str, ...] = ("queued", "running", *FINAL)

JOBS = """
SELECT j.id, j.run, j.recipe, j.args, j.state::text, j.cancel,
       (SELECT count(*) FROM awe.job_item i WHERE i.job = j.id AND i.ok),
       j.total, t.host,
       extract(epoch FROM coalesce(j.ended, clock_timestamp()) - j.submitted)::float8,
       coalesce(j.message, (SELECT l.line FROM awe.job_log l WHERE l.job = j.id
                            ORDER BY l.attempt DESC, l.line_no DESC LIMIT 1), ''),
       j.attempt
  FROM awe.job j LEFT JOIN awe.attempt t ON t.job = j.id AND t.attempt = j.attempt
 WHERE j.id = ANY (%s) ORDER BY j.id
"""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job, as it stood when asked."""

    id: int
    run: int
    recipe: str
    args: dict[str, Any]
    state: str
    cancel: bool
    done: int
    total: int | None
    host: str | None
    age: float
    line: str
    attempt: int

    @property
    def over(self) -> bool:
        """Return True if the job has ended."""
        return self.state in FINAL


NAMES = tuple(Job.__dataclass_fields__)


def submit(plan: JobPlan, request: uuid.UUID) -> list[int]:
    """Queue a plan in the current project and level; return the job numbers.

    The same `request` twice is the same run, so it can be repeated if its answer was lost.

    Raises
    ------
    Refused
        The user may not work in the project or at the level, or with such a priority.
    """
    here = scope.current()
    values = (
        str(request),
        plan.recipe,
        json.dumps(plan.arguments, allow_nan=False),
        here.project_id,
        here.privileges,
        json.dumps(plan.jobs, allow_nan=False),
    )
    sql = "SELECT awe.job_submit(%s::uuid, %s, %s::jsonb, %s, %s, %s::jsonb)"
    try:
        rows = database.execute(sql, values)
    except DatabaseError:
        # Only the answer may have been lost: the request is unique, nothing is queued twice.
        rows = database.execute(sql, values)
    except Exception as error:
        if not _is_refusal(error):
            raise
        _refuse_priority(plan)
        msg = (
            f"no job may be run in project {here.project_name} at level {here.privileges}: "
            "choose another with context.set_project() or context.set_privileges()"
        )
        raise Refused(msg) from error
    return [row[0] for row in rows]


def numbers(given: Any) -> list[int]:
    """Return job numbers from a number or a list of them.

    Raises
    ------
    ArgumentError
        A value is not a job number.
    """
    some = [given] if isinstance(given, int | str) or not isinstance(given, Iterable) else given
    found = []
    for value in some:
        text = str(value)
        if isinstance(value, bool) or not text.isascii() or not text.isdigit() or len(text) > 18:
            msg = f"{value!r} is not a job number: dpu.get_jobids(days=7) lists yours"
            raise ArgumentError(msg)
        found.append(int(text))
    return found


def known(days: float | None) -> list[int]:
    """Return the own jobs that are not over or were submitted within `days`; None is all."""
    rows = database.execute(
        "SELECT id FROM awe.job WHERE user_id = (SELECT awe.uid()) AND (%s::float8 IS NULL "
        "OR state IN ('queued', 'running') OR submitted > now() - %s * interval '1 day') "
        "ORDER BY id",
        (days, days),
    )
    return [row[0] for row in rows]


def fetch(ids: Sequence[int]) -> list[Job]:
    """Return the jobs with these numbers.

    Raises
    ------
    JobUnknown
        A number is of no job, or of somebody else's.
    """
    rows = database.execute(JOBS, (list(ids),))
    found = [Job(**dict(zip(NAMES, row, strict=True))) for row in rows]
    missing = sorted(set(ids) - {job.id for job in found})
    if missing:
        raise unknown(missing)
    return found


def unknown(ids: Iterable[int]) -> JobUnknown:
    """Return the error for numbers of no job, or of somebody else's."""
    names = ", ".join(map(str, ids))
    msg = f"job {names}: no such job, or it is not yours; dpu.get_jobids(days=7) lists yours"
    return JobUnknown(msg)


def lines(
    job: int, after: tuple[int, int] = (0, 0)
) -> list[tuple[int, int, datetime.datetime, str]]:
    """Return attempt, number, time (UTC) and text of the log lines after a place in the log."""
    return database.execute(
        "SELECT attempt, line_no, at AT TIME ZONE 'UTC', line FROM awe.job_log WHERE job = %s "
        "AND (attempt, line_no) > (%s, %s) ORDER BY attempt, line_no",
        (job, *after),
    )


def cancel(job: int) -> bool:
    """Mark a job of one's own as cancelled; False where it was over before.

    Raises
    ------
    JobUnknown
        There is no such job, or it is not one's own.
    """
    _require_own([job])
    with database.transaction():
        return bool(database.execute("SELECT awe.job_cancel(%s)", (job,))[0][0])


def cancel_all(ids: Sequence[int]) -> None:
    """Mark jobs of one's own as cancelled, all at once; those that are over stay as they are.

    Raises
    ------
    JobUnknown
        There is no job of a number, or it is not one's own; then none is marked.
    """
    _require_own(ids)
    with database.transaction():
        database.execute("SELECT awe.job_cancel(j) FROM unnest(%s) j", (list(ids),))


def _require_own(ids: Sequence[int]) -> None:
    rows = database.execute(
        "SELECT n FROM unnest(%s) n WHERE NOT EXISTS (SELECT 1 FROM awe.job j"
        " WHERE j.id = n AND j.user_id = (SELECT awe.uid()))",
        (list(ids),),
    )
    if rows:
        raise unknown(row[0] for row in rows)


def retry(job: int, memory: int | None = None) -> bool:
    """Queue a job that ended badly again; False where it did not, or is not one's own.

    One that had too little memory gets twice what it held, if no `memory` [byte] is given.
    """
    with database.transaction():
        return bool(database.execute("SELECT awe.job_retry(%s, %s)", (job, memory))[0][0])


def retry_all(ids: Sequence[int], memory: int | None = None) -> dict[int, int | None]:
    """Queue jobs that ended badly again, all at once, as `retry` does each.

    Returns
    -------
    dict
        The number of each job that is queued again, and the memory it may have now [byte], None
        for what the installation gives.

    Raises
    ------
    JobUnknown
        There is no job of a number, or it is not one's own; then none is queued.
    """
    _require_own(ids)
    with database.transaction():
        again = database.execute(
            "SELECT n FROM unnest(%s) n WHERE awe.job_retry(n, %s)", (list(ids), memory)
        )
        found = [number for (number,) in again]
        limits = "SELECT id, memory FROM awe.job WHERE id = ANY(%s)"
        return dict(database.execute(limits, (found,)))


def memory(job: int) -> int | None:
    """Return the memory limit a job has of its own [byte], None if it has none."""
    rows = database.execute("SELECT memory FROM awe.job WHERE id = %s", (job,))
    limit: int | None = rows[0][0] if rows else None
    return limit


def products(job: int) -> list[tuple[str, str]]:
    """Return class and identity of what a job committed, in the order it was made."""
    return database.execute(
        "SELECT class, product::text FROM awe.job_item WHERE job = %s AND ok "
        "AND product IS NOT NULL ORDER BY at, item",
        (job,),
    )


def _refuse_priority(plan: JobPlan) -> None:
    """Raise if a priority is higher than one's own jobs may have."""
    wanted = max(job["priority"] for job in plan.jobs)
    rows = database.execute("SELECT max_priority FROM awe.users WHERE id = (SELECT awe.uid())")
    if rows and wanted > rows[0][0]:
        msg = (
            f"dpu_priority is {wanted}, and your jobs may have {rows[0][0]} at most; "
            "an administrator can raise that with awe-admin user priority"
        )
        raise Refused(msg)


def _is_refusal(error: BaseException) -> bool:
    """Return True if the database refused for lack of rights, however it was wrapped."""
    if isinstance(error, Refused):
        return True
    cause = error.__cause__ or error
    return getattr(cause, "pgcode", None) in ("42501", "23514")
