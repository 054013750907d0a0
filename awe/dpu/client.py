"""`dpu` at the prompt: submit, watch, read the logs of, and cancel jobs.

Everything asked is asked of the database, so another prompt, or this one tomorrow, gives the same
answers. What is printed is printed by `get_status`, `get_logs`, `cancel_job` and the `show_`
methods only.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from types import EllipsisType
from typing import Any

from awe.db.objects.base import registry
from awe.db.server.connection import database
from awe.dpu import jobs, levels, notices, totals, watching
from awe.dpu.options import size, size_text
from awe.dpu.planning import BACK_ENDS, JobPlan, plan, planned
from awe.dpu.sequences import Sequences
from awe.dpu.table import counted, run_html, run_table, status_html, status_table
from awe.dpu.watching import Logbook, Services
from awe.errors import ArgumentError, nearest
from awe.model.data import base_url
from awe.terminal import out, show

__all__ = ["JobIds", "Processor"]

DAYS_KNOWN = 1.0
#: more jobs than these are shown by the runs they belong to
MANY = 40
NOTHING = "you have no jobs; dpu.run('Reduce', ...) makes some"
NOT_ASKED = "no job was requested: the list is empty"
DRY = " as a dry run: nothing will be kept; commit=True keeps the products"


class JobIds(list[int]):
    """Job numbers, shown with what they are the jobs of."""

    def __init__(self, ids: Iterable[int], recipe: str, *, dry: bool = False) -> None:
        super().__init__(ids)
        self.recipe = recipe
        self.dry = dry

    def __repr__(self) -> str:
        note = DRY if self.dry else ""
        if len(self) == 1:
            return f"[{self[0]}]   {self.recipe}: job {self[0]} submitted{note}"
        inner = list.__repr__(self) if len(self) <= 8 else f"[{self[0]}, ..., {self[-1]}]"
        return f"{inner}   {self.recipe}: {len(self)} jobs submitted{note}"


class Processor(Sequences):
    """The distributed processing unit as its user sees it.

    Parameters
    ----------
    name : str
        Name of the place where jobs run, one of `get_dpu_identifiers()`.
    """

    def __init__(self, name: str = "local") -> None:
        # one that is not there is refused when it is first used: the prompt opens all the same
        self._name = name or "local"
        self._submitted: list[int] = []
        self._told: set[int] = set()
        self._logbook = Logbook()
        self._services = Services()

    def run(self, recipe: str, **arguments: Any) -> JobIds:
        """Submit a recipe and return the job numbers; nothing is stored unless `commit=True`.

        Parameters
        ----------
        recipe : str
            Name of a recipe such as `'Reduce'`, or a chain such as `'ReadNoise>Bias>HotPixels'`.
        **arguments
            Arguments of the recipe by long or short name (`dpu.show_sequence_options('Reduce')`
            lists them), `pars=` from `Pars.get()`, and the options `dpu_time` (most seconds a job
            may take), `dpu_memory` (`'8GB'`), `dpu_priority` (-10 to 10) and `dpu_aweversion`.

        Returns
        -------
        JobIds
            One number per job: a recipe runs one job per chip.

        Raises
        ------
        ArgumentError
            The recipe or an argument is unknown, missing, or of the wrong type.
        Refused
            The project or level does not allow it.

        Examples
        --------
        >>> dpu.run("Reduce", instrument="OMEGACAM", commit=True)  # doctest: +SKIP
        """
        self.select_dpu(self._name)
        return self._sent(plan(recipe, arguments, self._name))

    def submit(self, steps: Sequence[tuple[str, Mapping[str, Any], Sequence[int]]]) -> JobIds:
        """Submit steps that are in order, one job each, as `query.remake(dpu=dpu)` does.

        Parameters
        ----------
        steps : sequence
            Of each step: a recipe, its arguments, and the places, from 0, of the steps that must
            be done before it.

        Returns
        -------
        JobIds
            The number of each job.

        Raises
        ------
        ArgumentError
            There is nothing to do, or an argument is unknown or of the wrong type.
        """
        self.select_dpu(self._name)
        return self._sent(planned(steps, self._name))

    def _sent(self, made: JobPlan) -> JobIds:
        ids = jobs.submit(made, uuid.uuid4())
        self._submitted.extend(ids)
        notices.watch(ids, database.environment)
        return JobIds(ids, made.recipe, dry=made.dry)

    def get_jobids(self, days: float | EllipsisType | None = ...) -> list[int]:
        """Return the numbers of the jobs this session submitted.

        Parameters
        ----------
        days : float or None, optional
            Days to look back: given, the jobs of all your sessions that are not over or were
            submitted since; None for no limit.

        Examples
        --------
        >>> dpu.get_jobids(days=1)  # doctest: +SKIP
        [101, 102, 117]
        """
        return list(self._submitted) if isinstance(days, EllipsisType) else jobs.known(days)

    def get_status(
        self,
        jobids: int | Iterable[int] | None = None,
        *,
        follow: bool = False,
        state: str | None = None,
        recipe: str | None = None,
        by_run: bool | None = None,
    ) -> None:
        """Print a table of jobs: what runs, how far it is, where, and what it said last.

        Parameters
        ----------
        jobids : int, list of int, or None
            Numbers of the jobs; None for all of yours that are not over or of the last day.
        follow : bool
            Whether to show a bar of the frames done, with rate and time left, until the jobs are
            over, then the table. Ctrl-C leaves the wait; the jobs go on.
        state : str, optional
            Only jobs in this state: `'queued'`, `'running'`, `'done'`, `'failed'`,
            `'cancelled'` or `'lost'`.
        recipe : str, optional
            Only jobs of this recipe.
        by_run : bool, optional
            Whether there is one line for each `dpu.run` instead of each job; by default if
            there are more than 40 jobs.

        Raises
        ------
        JobUnknown
            A number is of no job, or of somebody else's.
        ArgumentError
            There is no such state.

        Examples
        --------
        >>> dpu.get_status(state="failed")  # doctest: +SKIP
        """
        if state is not None and state not in jobs.STATES:
            meant = nearest(str(state), list(jobs.STATES))
            msg = f"state is {state!r}{meant}; expected one of {', '.join(jobs.STATES)}"
            raise ArgumentError(msg)
        ids = jobs.known(DAYS_KNOWN) if jobids is None else jobs.numbers(jobids)
        if follow:
            with suppress(KeyboardInterrupt):
                watching.follow(ids, self._services)
        found = totals.states(ids)
        if any(now not in jobs.FINAL for now, _ in found.values()):
            self._services.look_after()
        chosen = [number for number, (now, name) in found.items()
                  if state in (None, now) and recipe in (None, name)]  # fmt: skip
        nothing = NOTHING if jobids is None else NOT_ASKED
        if found and not chosen:
            nothing = f"none of {len(found)} jobs is {' '.join(filter(None, (recipe, state)))}"
        many = len(chosen) > MANY if by_run is None else by_run
        if not chosen:
            out(nothing + "\n")
        elif many:
            runs = totals.runs(chosen)
            show(run_table(runs), run_html(runs))
        else:
            found_jobs = jobs.fetch(chosen)
            show(status_table(found_jobs), status_html(found_jobs))
        self._told.update(number for number in chosen if found[number][0] in jobs.FINAL)

    def get_logs(
        self,
        jobids: int | Iterable[int] | None = None,
        *,
        follow: bool = False,
        level: str = "INFO",
    ) -> None:
        """Wait until jobs are over, print their logs and add them to this session's log file.

        Ctrl-C leaves the wait; the jobs go on. The file is named by date and time and is in
        the directory that was the working directory when the first lines came.

        Parameters
        ----------
        jobids : int, list of int, or None
            Numbers of the jobs; None for those this session submitted, or else all of the last
            day.
        follow : bool
            Whether lines are printed as they come instead of at the end.
        level : str
            Lowest level of lines that are printed: `'INFO'`, `'WARNING'` or `'ERROR'`; the log
            file gets all.

        Raises
        ------
        JobUnknown
            A number is of no job, or of somebody else's.
        """
        if jobids is None:
            ids = list(self._submitted) or jobs.known(DAYS_KNOWN)
        else:
            ids = jobs.numbers(jobids)
        if not ids:
            out((NOTHING if jobids is None else NOT_ASKED) + "\n")
            return
        totals.states(ids)
        wanted = levels.check(level)
        try:
            if follow:
                watching.follow(
                    ids, self._services,
                    lambda: self._logbook.print(ids, new_only=True, level=wanted),
                )
            else:
                watching.wait(ids, self._services)
        except KeyboardInterrupt:
            going = [job for job, (now, _) in totals.states(ids).items() if now not in jobs.FINAL]
            out(
                f"\nleft waiting; {_named(going)} go on: "
                "dpu.get_status() shows them, dpu.get_logs() waits again\n"
            )
            return
        if not follow:
            self._logbook.print(ids, level=wanted)
            self._told.update(ids)

    def cancel_job(self, jobid: int) -> None:
        """Cancel a job: a queued one at once, a running one is killed within a second.

        Parameters
        ----------
        jobid : int
            Number of the job; it must be your own.

        Raises
        ------
        JobUnknown
            There is no such job, or it is somebody else's.
        """
        for number in jobs.numbers(jobid):
            marked = jobs.cancel(number)
            (job,) = jobs.fetch([number])
            if job.state == "running":
                text = f"running on {job.host}, is being stopped; dpu.get_status() shows the end"
            elif marked:
                text = job.state
            else:
                text = f"already {job.state}, nothing to cancel"
            out(f"job {number}: {text}\n")

    def cancel(self, jobids: int | Iterable[int] | None = None) -> None:
        """Cancel many jobs at once, such as all of one `dpu.run`.

        Parameters
        ----------
        jobids : int, list of int, or None
            Numbers of the jobs, as `dpu.run` returned them; None for those this session
            submitted. Jobs that are over stay as they are.

        Raises
        ------
        JobUnknown
            A number is of no job, or of somebody else's; then none is cancelled.

        Examples
        --------
        >>> made = dpu.run("Reduce", instrument="OMEGACAM")  # doctest: +SKIP
        >>> dpu.cancel(made)  # doctest: +SKIP
        """
        if not (ids := self._meant(jobids)):
            return
        over = sum(job.over for job in jobs.fetch(ids))
        jobs.cancel_all(ids)
        found = jobs.fetch(ids)
        stopping = sum(not job.over for job in found)
        counts = {"cancelled": len(ids) - over - stopping, "being stopped": stopping,
                  "over before": over}  # fmt: skip
        text = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
        out(f"{_counted(ids)}: {text}\n")

    def _meant(self, jobids: int | Iterable[int] | None) -> list[int]:
        """Return the numbers, or those of this session; say so if there are none."""
        given = self._submitted if jobids is None else jobs.numbers(jobids)
        if not given:
            whose = "this session has submitted no jobs" if jobids is None else "the list is empty"
            out(f"{whose}; dpu.get_jobids(days=1) lists those of others\n")
        # one that is named twice is one job
        return list(dict.fromkeys(given))

    def news(self) -> str:
        """Return a line about this session's jobs once all are over; empty before and after.

        The prompt asks after each command, and says it.
        """
        left = [number for number in self._submitted if number not in self._told]
        if totals.any_open(left) or not left:
            return ""
        counts, recipes, bad = totals.reviewed(left)
        self._told.update(left)
        text = f"dpu: {len(left)} job{'s' if len(left) > 1 else ''} ({', '.join(recipes)})"
        hint = f"; dpu.get_status({bad if len(bad) < 4 else bad[:3]}) says why" if bad else ""
        return f"{text}: {counted(counts)}{hint}"

    def retry_job(self, jobid: int, *, dpu_memory: str | int | None = None) -> None:
        """Queue a job that failed, was lost or cancelled again; finished inputs are not redone.

        Parameters
        ----------
        jobid : int
            Number of the job; it must be your own.
        dpu_memory : str or int, optional
            Memory limit, such as `'8GB'` or a number of bytes; when left out, a job that was
            killed at its limit gets twice what it held, and others what they had.

        Raises
        ------
        JobUnknown
            There is no such job, or it is somebody else's.
        ArgumentError
            `dpu_memory` is not a size.
        """
        job = _one(jobid)
        given = None if dpu_memory is None else size(dpu_memory, "dpu_memory")
        again = jobs.retry(job.id, given)
        if again:
            self._told.discard(job.id)
            self._logbook.forget_end(job.id)
        text = "queued again" if again else f"is {job.state}, there is nothing to do again"
        limit = jobs.memory(job.id) if again else None
        more = f" with {size_text(limit)} of memory" if limit else ""
        out(f"job {job.id}: {text}{more}\n")

    def retry(
        self, jobids: int | Iterable[int] | None = None, *, dpu_memory: str | int | None = None
    ) -> None:
        """Queue what ended badly of many jobs again, such as of one `dpu.run`.

        Parameters
        ----------
        jobids : int, list of int, or None
            Numbers of the jobs, as `dpu.run` returned them; None for those this session
            submitted. Those that are done or not over stay as they are.
        dpu_memory : str or int, optional
            Memory limit of each; when left out, those that were killed at their limit get twice
            what they held, and others what they had.

        Raises
        ------
        JobUnknown
            A number is of no job, or of somebody else's; then none is queued.
        ArgumentError
            `dpu_memory` is not a size.

        Examples
        --------
        >>> dpu.retry(made)  # doctest: +SKIP
        """
        given = None if dpu_memory is None else size(dpu_memory, "dpu_memory")
        if not (ids := self._meant(jobids)):
            return
        again = jobs.retry_all(ids, given)
        for number in again:
            self._told.discard(number)
            self._logbook.forget_end(number)
        limits = [limit for limit in again.values() if limit]
        more = f", {len(limits)} with up to {size_text(max(limits))} of memory" if limits else ""
        left = len(ids) - len(again)
        rest = f"; {left} had not ended badly" if left else ""
        out(f"{_counted(ids)}: {len(again)} queued again{more}{rest}\n")

    def get_job_result(self, jobid: int) -> list[Any]:
        """Return the objects a job committed; an empty list after a dry run.

        Parameters
        ----------
        jobid : int
            Number of the job.

        Raises
        ------
        JobUnknown
            There is no such job, or it is somebody else's.
        """
        return [
            registry[kind](object_id=identity)
            for kind, identity in jobs.products(_one(jobid).id)
            if kind in registry
        ]

    def url(self) -> str:
        """Return a link to the pages; it logs one browser in, once, within 10 minutes.

        Examples
        --------
        >>> dpu.url()  # doctest: +SKIP
        'http://127.0.0.1:8470/login?link=...'
        """
        from awe.db.server.tickets import login
        return f"{base_url()}/login?link={login()}"

    def get_dpu_identifiers(self) -> list[str]:
        """Return the names of the places where jobs can run."""
        return list(BACK_ENDS)

    def show_dpu_identifiers(self) -> None:
        """Print the places where jobs can run; the selected one is marked."""
        for name in self.get_dpu_identifiers():
            out(f"{'*' if name == self._name else ' '} {name}\n")

    def select_dpu(self, name: str) -> None:
        """Choose where the next jobs run.

        Raises
        ------
        ArgumentError
            The name is not that of a place where jobs can run.
        """
        places = self.get_dpu_identifiers()
        if name not in places:
            msg = f"no dpu {name!r}{nearest(str(name), places)}; known: {', '.join(places)}"
            raise ArgumentError(msg)
        self._name = name

    def __repr__(self) -> str:
        return f"dpu {self._name!r}: dpu.run('Reduce', ...), dpu.get_status(), dpu.get_logs()"


def _counted(ids: Sequence[int]) -> str:
    return f"{len(ids)} job{'s' if len(ids) > 1 else ''}"


def _named(ids: Sequence[int]) -> str:
    """Return jobs by their numbers, of many the first and the last."""
    if len(ids) > 8:
        return f"{len(ids)} jobs ({ids[0]} to {ids[-1]})"
    return f"jobs {', '.join(map(str, ids)) or '(none)'}"


def _one(jobid: int) -> jobs.Job:
    """Return the job of that number, which must be one's own."""
    (job,) = jobs.fetch(jobs.numbers([jobid]))
    return job
