"""Waiting for jobs at the prompt: a bar of how far they are, their lines, a log file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from awe import bars
from awe.db.server.connection import database
from awe.dpu import jobs, totals
from awe.dpu.levels import at_least
from awe.errors import ArgumentError, UserMistake
from awe.terminal import out

__all__ = ["Logbook", "Services", "follow", "wait"]

PAUSE = 0.3
PATIENCE = 15.0
#: Seconds between two looks at the services while jobs are waited for.
LOOK = 3.0
#: a question that takes long is asked less often: at most this part of the time is spent on it
BUSY = 0.1


class Services:
    """What runs the jobs, brought back where it runs below this prompt's home and has ended."""

    def __init__(self) -> None:
        self._next_look = 0.0

    def look_after(self) -> None:
        """Start again what has ended, if it is time to look."""
        now = time.monotonic()
        if database.rescue is None or now < self._next_look:
            return
        self._next_look = now + LOOK
        # Where they cannot be started the keeper goes on trying; the wait tells how to look.
        with suppress(UserMistake):
            database.rescue()


class Logbook:
    """Lines of jobs, printed and added to the one log file of a session.

    The file is named by date and time and is in the directory that was the working directory when
    the first lines came.
    """

    def __init__(self) -> None:
        self._shown: dict[int, tuple[int, int]] = {}
        #: jobs that are over and read to their ends
        self._whole: set[int] = set()
        self._logfile: Path | None = None

    def print(
        self, ids: Sequence[int], *, new_only: bool = False, level: str = "INFO"
    ) -> None:
        """Print log lines, and how each job ended if it is not only for what is new.

        Parameters
        ----------
        ids : sequence of int
            Numbers of the jobs.
        new_only : bool
            Whether only lines that were not printed before are.
        level : str
            Lowest level of the lines that are printed.
        """
        for job in jobs.fetch(self._speaking(ids) if new_only else ids):
            seen = self._shown.get(job.id, (0, 0))
            fresh = []
            for attempt, number, at, line in jobs.lines(job.id, seen if new_only else (0, 0)):
                text = f"{at:%Y-%m-%dT%H:%M:%S} [{job.recipe} {job.id}] {line}"
                if at_least(line, level):
                    bars.say(text)
                if (attempt, number) > seen:
                    fresh.append(text)
                    self._shown[job.id] = (attempt, number)
            if job.over and not new_only:
                out(f"job {job.id} ({job.recipe}) is {job.state}: {job.line}\n")
            self._keep(fresh)
            if job.over:
                self._whole.add(job.id)
        sys.stdout.flush()

    def forget_end(self, job: int) -> None:
        """Take note that a job that was over is to be done again."""
        self._whole.discard(job)

    def _speaking(self, ids: Sequence[int]) -> list[int]:
        """Return the jobs that may have lines that were not printed yet."""
        return [number for number, (state, _) in totals.states(ids).items()
                if state != "queued" and number not in self._whole]  # fmt: skip

    def _keep(self, texts: list[str]) -> None:
        if not texts:
            return
        if self._logfile is None:
            self._logfile = _new_logfile(Path.cwd())
        with self._logfile.open("a") as file:
            file.write("\n".join(texts) + "\n")


def wait(ids: Sequence[int], services: Services) -> None:
    """Wait until jobs are over; say once that no worker has taken them, if that takes long."""
    started = time.monotonic()
    told = False
    while True:
        asked = time.monotonic()
        now = totals.progress(ids)
        if now.over == now.jobs:
            return
        services.look_after()
        if not told and time.monotonic() - started > PATIENCE and not now.taken:
            told = True
            out(
                "no worker has taken these jobs yet; awe-admin status says if the "
                "services run (Ctrl-C leaves the wait)\n"
            )
            sys.stdout.flush()
        _pause(asked)


def follow(
    ids: Sequence[int], services: Services, lines: Callable[[], None] | None = None
) -> None:
    """Show a bar of how far jobs are until they are over, on a terminal; nothing elsewhere.

    Parameters
    ----------
    ids : sequence of int
        Numbers of the jobs.
    services : Services
        What runs the jobs.
    lines : callable, optional
        Function that prints the lines that are new, above the bar.
    """
    with bars.bar("jobs", 2, "frames") as bar:
        while True:
            asked = time.monotonic()
            now = totals.progress(ids)
            bar.reach(now.done, now.expected, str(now))
            if lines is not None:
                lines()
            if now.over == now.jobs:
                return
            services.look_after()
            _pause(asked)


def _pause(asked: float) -> None:
    """Wait before the next question, the longer the longer this one took."""
    time.sleep(max(PAUSE, (time.monotonic() - asked) / BUSY))


def _new_logfile(directory: Path) -> Path:
    """Make a new file named by date and time, never one that exists."""
    stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    for number in range(1000):
        path = directory / (f"{stamp}.log" if not number else f"{stamp}-{number}.log")
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            continue
        return path
    msg = f"no name is left for a log file in {directory}"
    raise ArgumentError(msg)
