"""Threads that share the units of one task, and what belongs to the work of each.

A thread has a copy of the task, a connection, objects and a directory of its own, so nothing of
the database passes between threads but finished products. Frames of one chip stay with one
thread, which reads their calibrations once and lets them go with the chip. Ctrl-C stops every
thread at the next step of its unit. Knows nothing of what a task makes.
"""

from __future__ import annotations

import copy
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from awe import bars
from awe.calib.threads import processors, sharing
from awe.db.server import scope
from awe.db.server.connection import database
from awe.errors import NotFound
from awe.lazy import resolve
from awe.localfiles import scratch_directory
from awe.tasks import runlog
from awe.tasks.attempt import Outcome, Session
from awe.tasks.between import in_order
from awe.tasks.collecting import uncollected
from awe.tasks.compiling import told
from awe.tasks.task import Task
from awe.tasks.unit import Unit

__all__ = ["MOST", "default_number", "execute", "threads", "work"]

MOST = 4
"""Threads of a task that is not told how many."""


def execute(self: Task) -> list[Any]:
    """Make all products and return them.

    FITS files are left in the working directory. With `commit` they are stored at the
    dataserver and the objects committed. One line is printed per product. With `stop_after` the
    frames are returned as they are after that step.

    Raises
    ------
    NotFound
        Nothing answers the arguments.
    UserMistake, Defect
        Every single unit failed; the error is that of the first. A `Defect` is a mistake of
        awe or of the recipe; its cause holds the traceback.
    """
    units = list(self.only) if self.only is not None else self.units()
    self._alone = len(units) == 1
    if self.items is not None:
        self.items.total(len(units))
    self.kept = {}
    # before there is a thread: one that has had memory of its own keeps it
    resolve("awe.calib._memory:keep_pages")()
    self._looked.clear()
    ended = 0

    def done(name: str) -> None:
        nonlocal ended
        ended += 1
        turn.give_back()  # what it needs is compiled
        bar.advance()
        self._report_progress(ended, len(units), name)

    self._report_progress(0, len(units), units[0].name if units else "")
    shown = 0 if self.progress is not None or self.items is not None else len(units)
    with (
        scratch_directory() as scratch,
        self._leaving(len(units)),
        told() as turn,
        uncollected(),
        bars.bar(self.identifier(), shown, "units") as bar,
    ):
        with runlog.listening() as said:
            try:
                outcomes = work(self, units, threads(self, len(units)), scratch, done)
            finally:
                self.kept = in_order(self, units)
        if self.commit and self.items is None:
            pairs = zip(units, outcomes, strict=True)
            made = [(unit.name, outcome.product) for unit, outcome in pairs]
            runlog.keep(said, made, self.identifier())
    products = [outcome.product for outcome in outcomes if outcome.product is not None]
    if self.stop_after is not None:
        products = [frame for frames in products for frame in frames]
    failures = [outcome.error for outcome in outcomes if outcome.error is not None]
    if failures and not products:
        raise failures[0]
    return products


def threads(task: Task, units: int) -> int:
    """Return how many threads share a number of units.

    A job of the DPU has one thread, since other jobs run at the same time. So have units that
    somebody else has chosen, which belong to this thread, and users' own recipes that do not
    ask for more.
    """
    if task.items is not None or task.only is not None:
        return 1
    return max(1, min(units, task.workers or (default_number() if task._is_ours() else 1)))


def default_number() -> int:
    """Return how many threads a task of awe's own gets: one per core, at most `MOST`."""
    return processors(MOST)


def work(
    task: Task, units: Sequence[Unit], number: int, scratch: Path, done: Callable[[str], None]
) -> list[Outcome]:
    """Attempt all units and return what became of each, in their order.

    Parameters
    ----------
    task : Task
        The task; copies of it do the work.
    units : sequence of Unit
        Units of the task, from `task.units()`.
    number : int
        Number of threads; with 1 the work is done in this one.
    scratch : Path
        Directory for fetched files.
    done : callable
        Function that is called here with the name of each unit as it ends.
    """
    places: dict[Any, list[int]] = {}
    for place, unit in enumerate(units):
        places.setdefault(unit.chip, []).append(place)
    pieces = list(places.values())
    if number == 1:
        order = [place for piece in pieces for place in piece]
        return _alone(task, units, order, scratch, done)
    # Frames of one chip share the pixels of their calibrations. With fewer chips than threads that
    # is given up: calibrations are read more than once, but no thread is idle.
    if len(pieces) < number:
        pieces = [[place] for piece in pieces for place in piece]
    return _Crew(task, units, pieces, scratch, done).run(number)


def _alone(
    task: Task, units: Sequence[Unit], order: list[int], scratch: Path, done: Callable[[str], None]
) -> list[Outcome]:
    session = Session(scratch=scratch, stop=threading.Event())
    task._session = session
    outcomes = {}
    try:
        for number, place in enumerate(order):
            unit, following = units[place], order[number + 1 : number + 2]
            session.begin(unit, last=all(units[one].chip != unit.chip for one in following))
            outcomes[place] = task._attempt(unit)
            done(unit.name)
    finally:
        task._session = None
    return [outcomes[place] for place in range(len(units))]


class _Crew:
    """Threads that take pieces of work from one queue, and the one that waits for them."""

    def __init__(
        self,
        task: Task,
        units: Sequence[Unit],
        pieces: list[list[int]],
        scratch: Path,
        done: Callable[[str], None],
    ) -> None:
        self._task = task
        self._units = units
        self._scratch = scratch
        self._done = done
        self._scope = scope.current()
        self._stop = threading.Event()
        self._pieces: queue.SimpleQueue[list[int]] = queue.SimpleQueue()
        for piece in pieces:
            self._pieces.put(piece)
        self._ends: queue.SimpleQueue[tuple[int, Outcome | BaseException]] = queue.SimpleQueue()

    def run(self, number: int) -> list[Outcome]:
        threads = [
            threading.Thread(target=self._thread, args=(place,), name=f"awe-unit-{place}")
            for place in range(number)
        ]
        outcomes: dict[int, Outcome] = {}
        try:
            for thread in threads:
                thread.start()
            while len(outcomes) < len(self._units):
                place, end = self._ends.get()
                if isinstance(end, BaseException):
                    raise end
                outcomes[place] = end
                self._done(self._units[place].name)
        finally:
            # Also after an error: threads end at their next step, and are waited for, because the
            # scratch directory under them is removed as soon as this returns.
            self._stop.set()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
        return [outcomes[place] for place in range(len(self._units))]

    def _thread(self, place: int) -> None:
        try:
            scope.use(self._scope)
            scratch = self._scratch / str(place)
            scratch.mkdir()
            with sharing():
                self._work(scratch)
        except BaseException as error:  # the waiting thread must hear of everything
            self._ends.put((-1, error))
        finally:
            database.close()

    def _work(self, scratch: Path) -> None:
        task = copy.copy(self._task)
        task._session = session = Session(scratch=scratch, stop=self._stop)
        own: dict[Any, Unit] | None = None
        while not self._stop.is_set():
            try:
                piece = self._pieces.get_nowait()
            except queue.Empty:
                return
            if own is None:
                # Asked again over this thread's connection: persistent objects load their
                # links lazily by the connection of whoever touches them, and must not be
                # shared between threads.
                own = {_key(unit): unit for unit in task.units()}
            for number in piece:
                unit = _own(own, self._units[number])
                session.begin(unit, last=number == piece[-1])
                self._ends.put((number, task._attempt(unit)))


def _key(unit: Unit) -> tuple[Any, ...]:
    """Return what tells one unit from all others."""
    return (unit.name, unit.chip, *unit.frames)


def _own(units: dict[Any, Unit], unit: Unit) -> Unit:
    found = units.get(_key(unit))
    if found is None:
        msg = f"{unit.name} changed while the task ran; run it again for what is left"
        raise NotFound(msg)
    return found
