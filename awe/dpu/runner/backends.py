"""Where jobs run: one class per place, behind two Protocols.

A back end starts the worker of one attempt in a directory and hands it the connection data, on
this machine over its standard input, which never touches a disk, an argument list or an
environment. A new place is one more class in a file of its own with the same methods, entered in
`awe.dpu.planning.BACK_ENDS`, as `awe.dpu.runner.slurm` is.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil

from awe.config import Environment
from awe.dpu.runner.attempt_files import Folder
from awe.dpu.runner.forkserver import ForkServer
from awe.dpu.runner.keeper import descendants, parents, send
from awe.errors import ServiceDown

__all__ = ["BackEnd", "Limits", "Local", "LocalHandle", "Worker"]

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "AWE_HOME", "LD_LIBRARY_PATH", "USER",
        "PYTHONPATH", "VIRTUAL_ENV", "NUMBA_CACHE_DIR", "XDG_RUNTIME_DIR")  # fmt: skip


#: bytes below which it does not matter that shared memory is counted several times
MUCH = 256 << 20
#: looks at the memory, a second apart, in which a kill counts as one of just now: an end is known
#: when the keeper has cleared up, and on a busy machine that is long after the kill
LOOKS = 20
OOM_KILLS = re.compile(r"^oom_kill ([0-9]+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an attempt may take.

    Attributes
    ----------
    seconds : int
        Time limit [s].
    memory : int
        Memory limit [byte].
    asked : bool
        Whether the job named its memory itself.
    most : bool
        Whether this is as much memory as a job of this installation may have.
    """

    seconds: int
    memory: int
    asked: bool = False
    most: bool = False


class Worker(Protocol):
    """One placed attempt, as the runner deals with it."""

    number: int

    def poll(self) -> int | None:
        """Return the exit status as `waitpid` tells it (negative: signal), None while it runs.

        A worker adopted from a former runner has no status any more: it returns 0 when it is gone.
        """

    def signal(self, number: int) -> None:
        """Send a signal to everything the attempt started."""

    def alive(self) -> bool:
        """Return True if anything of the attempt lives."""

    def waiting(self) -> bool:
        """Return True as long as the attempt waits for its turn: its time does not run yet."""

    def memory(self) -> int:
        """Return the bytes of memory the attempt holds."""

    def said(self) -> str:
        """Return what the place tells of an end without a report, empty if nothing."""

    def short(self) -> bool:
        """Return True if the place ended the attempt because it held too much memory."""

    def stuck(self) -> str:
        """Return why the place does not start the attempt and never will as things are."""


class BackEnd(Protocol):
    """A place where jobs run."""

    name: str
    most: int
    """Attempts that run there at a time, or wait for their turn."""
    processors: int
    """Processors of one attempt."""

    @classmethod
    def of(cls, configured: Environment, workers: int) -> BackEnd:
        """Return the back end as an installation with that number of `workers` configures it."""

    def ready(self) -> bool:
        """Return True if a job can be placed there now."""

    def start(
        self, folder: Folder, description: bytes, limits: Limits, meanwhile: Callable[[], None]
    ) -> Worker:
        """Start a worker in `folder` and give it its description.

        Where that takes more than a few seconds `meanwhile` is called again and again.
        """

    def adopt(self, number: int | None, folder: Folder) -> Worker | None:
        """Return the worker a former runner started, None where it is gone."""

    def close(self) -> None:
        """Let go of what the back end itself holds; workers go on."""


class LocalHandle:
    """An attempt on this machine: its keeper, and all that is below it.

    Parameters
    ----------
    number : int
        Number of the keeper's process, which is also that of its group.
    ended : callable
        Function that returns how the keeper ended, None while it runs or if nobody knows.
    known : callable
        Function that returns False if nobody will ever know: then 0 stands for any end.
    table : callable
        Function that returns the parent of each process of this machine.
    """

    def __init__(
        self,
        number: int,
        ended: Callable[[], int | None],
        known: Callable[[], bool],
        table: Callable[[], dict[int, int]] = parents,
    ) -> None:
        self.number = number
        self._ended = ended
        self._known = known
        self._table = table
        self._seen: set[tuple[int, float]] = set()
        self._killing: float | None = None
        #: kills for want of memory that this machine had counted at the last looks
        self._shortages: deque[int] = deque([shortages()], maxlen=LOOKS)

    def poll(self) -> int | None:
        """Return the exit status of the worker once nothing of the attempt lives."""
        status = self._ended()
        if status is None and not self._known():
            return None if self.alive() else 0
        return status

    def signal(self, number: int) -> None:
        """End the attempt: SIGTERM asks its keeper to do it, SIGKILL does it from outside.

        A keeper that somebody stopped goes on first; one that still lives two seconds later is
        killed as well, and what is below it falls to the process that forks workers.
        """
        if number == signal.SIGTERM:
            self._look()
            send(self.number, signal.SIGTERM)
            return
        self._killing = self._killing or time.monotonic()
        for pid in self._look(parents()):
            send(pid, number)
        send(self.number, signal.SIGCONT)
        send(self.number, signal.SIGTERM)
        if time.monotonic() - self._killing > 2.0:
            send(self.number, signal.SIGKILL)

    def alive(self) -> bool:
        """Return True if the keeper, or a process that was seen below it, lives."""
        known = parents()
        return self.number in known or bool(self._look(known))

    def waiting(self) -> bool:
        """Return False: it runs as soon as it is forked."""
        return False

    def said(self) -> str:
        """Return that the machine had no memory left, if it killed somebody for that just now."""
        if self.poll() == -signal.SIGKILL and shortages() > self._shortages[0]:
            return "killed by signal 9 (SIGKILL): this machine had no memory left"
        return ""

    def short(self) -> bool:
        """Return False: the limit of an attempt is the runner's to see to."""
        return False

    def stuck(self) -> str:
        """Return nothing: it starts at once."""
        return ""

    def memory(self) -> int:
        """Return the resident bytes of all processes of the attempt, shared ones once."""
        self._shortages.append(shortages())
        mine = []
        for pid in self._look():
            with contextlib.suppress(psutil.Error):
                mine.append(psutil.Process(pid))
        held = sum(_held(process, "rss") for process in mine)
        if len(mine) > 1 and held > MUCH:
            # what forked processes share counts once; to know it takes longer
            held = sum(_held(process, "pss") for process in mine)
        return held

    def _look(self, known: dict[int, int] | None = None) -> set[int]:
        """Return who belongs to the attempt now; who was seen is known without its keeper too."""
        living = set()
        for pid, born in self._seen:
            with contextlib.suppress(psutil.Error):
                # A number alone may be that of another process by now.
                if psutil.Process(pid).create_time() == born:
                    living.add((pid, born))
        seen = {pid for pid, _ in living}
        known = self._table() if known is None else known
        for pid in descendants([self.number, *seen], known) - seen:
            with contextlib.suppress(psutil.Error):
                living.add((pid, psutil.Process(pid).create_time()))
        self._seen = living
        return {pid for pid, _ in living if pid in known}


def shortages() -> int:
    """Return how many processes this machine has killed for want of memory since it started.

    The kernel counts those of a container or control group that was full as well; 0 where it
    does not tell.
    """
    with contextlib.suppress(OSError):
        found = OOM_KILLS.search(Path("/proc/vmstat").read_text())
        return int(found[1]) if found else 0
    return 0


def _held(process: Any, what: str) -> int:
    """Return the bytes a process holds: `rss` all of them, `pss` its part of what is shared."""
    try:
        told = process.memory_full_info() if what == "pss" else process.memory_info()
        return int(getattr(told, what, told.rss))
    except psutil.Error:
        return 0


class Table:
    """The processes of this machine, looked up once for all attempts of a moment."""

    SECONDS = 0.2

    def __init__(self) -> None:
        self._known: dict[int, int] = {}
        self._until = 0.0

    def __call__(self) -> dict[int, int]:
        """Return the parent of each process, as it was a moment ago."""
        if time.monotonic() > self._until:
            self._known = parents()
            self._until = time.monotonic() + self.SECONDS
        return self._known


class Local:
    """Workers on this machine, each below a keeper of its own, forked from a warm process."""

    name = "local"

    def __init__(self, workers: int = 1) -> None:
        self.most = workers
        self.processors = max(1, (os.cpu_count() or 1) // workers)
        self._server: ForkServer | None = None
        self._table = Table()

    @classmethod
    def of(cls, configured: Environment, workers: int) -> Local:
        """Return the workers of this machine."""
        return cls(workers)

    def ready(self) -> bool:
        """Return True: this machine is there."""
        return True

    def start(
        self, folder: Folder, description: bytes, limits: Limits, meanwhile: Callable[[], None]
    ) -> LocalHandle:
        """Start a worker in `folder` and give it its description.

        The first one waits for the process that forks it, which has much to import.

        Raises
        ------
        ServiceDown
            The process that forks workers died on the way.
        """
        # No child inherits the writing end (PEP 446): the worker sees where its description ends.
        reading, writing = os.pipe()
        try:
            with folder.log.open("ab") as log:
                server, number = self._fork(folder, reading, log.fileno(), meanwhile)
        except BaseException:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        # Where it died at once the pipe is broken; poll() will tell how.
        with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb") as stdin:
            stdin.write(description)
        return LocalHandle(
            number, lambda: server.status(number), lambda: not server.gone, self._table
        )

    def _fork(
        self, folder: Folder, stdin: int, log: int, meanwhile: Callable[[], None]
    ) -> tuple[ForkServer, int]:
        """Return a new worker's number and the process that forked it, replaced where it died."""
        for last in (False, True):
            if self._server is None or self._server.gone:
                self.close()
                self._server = ForkServer(environment())
            try:
                return self._server, self._server.start(folder.path, stdin, log, meanwhile)
            except ServiceDown:
                if last:
                    raise
        raise AssertionError

    def adopt(self, number: int | None, folder: Folder) -> LocalHandle | None:
        """Return the worker a former runner started in `folder`, None where it is gone."""
        if not number:
            return None
        try:
            # After a restart the number can be anybody's; directory and group are not.
            inside = Path(psutil.Process(number).cwd()).is_relative_to(folder.path)
            if inside and os.getpgid(number) == number:
                return LocalHandle(number, lambda: None, lambda: False, self._table)
        except (OSError, psutil.Error):
            return None
        return None

    def close(self) -> None:
        """Let the warm process go; workers go on."""
        server, self._server = self._server, None
        if server is not None:
            server.close()


def environment() -> dict[str, str]:
    """Return the environment of a worker: what programs need, and nothing a person configured."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    return {**kept, **threads, "MPLBACKEND": "Agg", "PYTHONUNBUFFERED": "1"}

