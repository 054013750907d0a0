"""Where jobs run: one class per place, behind two Protocols.

A back end starts the worker of one attempt in a directory and hands it the connection data over
its standard input, which never touches a disk, an argument list or an environment. A new place
(a batch engine) is one more class here with the same methods, entered in `BACK_ENDS`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Protocol

from awe.dpu.folder import Folder
from awe.dpu.forkserver import ForkServer
from awe.errors import ServiceDown

__all__ = ["BACK_ENDS", "BackEnd", "Local", "LocalHandle", "Worker"]

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "AWE_HOME", "LD_LIBRARY_PATH", "USER",
        "PYTHONPATH", "VIRTUAL_ENV", "NUMBA_CACHE_DIR", "XDG_RUNTIME_DIR")  # fmt: skip


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
        """Tell whether anything of the attempt lives."""

    def memory(self) -> int:
        """Return the bytes of memory the attempt holds."""


class BackEnd(Protocol):
    """A place where jobs run."""

    name: str

    def start(self, folder: Folder, description: bytes) -> Worker:
        """Start a worker in `folder` and give it its description."""

    def adopt(self, number: int, folder: Folder) -> Worker | None:
        """Return the worker a former runner started, None where it is gone."""

    def close(self) -> None:
        """Let go of what the back end itself holds; workers go on."""


class LocalHandle:
    """A process group on this machine.

    Parameters
    ----------
    number : int
        The group, which is also the number of its first process.
    ended : callable
        Returns how the first process ended, None while it runs or where nobody knows.
    known : callable
        Returns False where nobody will ever know: then 0 stands for any end.
    """

    def __init__(
        self, number: int, ended: Callable[[], int | None], known: Callable[[], bool]
    ) -> None:
        self.number = number
        self._ended = ended
        self._known = known
        self._seen: set[tuple[int, float]] = set()

    def poll(self) -> int | None:
        """Return the exit status of the first process, None while it runs."""
        status = self._ended()
        if status is None and not self._known():
            return None if self.alive() else 0
        return status

    def signal(self, number: int) -> None:
        """Send a signal to the group and to descendants that left it."""
        self._look()
        for pid, _ in self._living():
            _kill(os.kill, pid, number)
        if self._living():
            _kill(os.killpg, self.number, number)

    def alive(self) -> bool:
        """Tell whether a process of the group, or one that descends from it, lives."""
        self._look()
        return bool(self._living())

    def memory(self) -> int:
        """Return the resident bytes of all processes of the attempt."""
        import psutil

        self._look()
        held = 0
        for pid, _ in self._living():
            try:
                held += psutil.Process(pid).memory_info().rss
            except psutil.Error:
                continue
        return held

    def _look(self) -> None:
        """Note who belongs to the attempt now, so that nobody escapes by leaving the group."""
        import psutil

        for process in psutil.process_iter():
            try:
                if os.getpgid(process.pid) == self.number:
                    found = [process, *process.children(recursive=True)]
                    self._seen.update((p.pid, p.create_time()) for p in found)
            except (OSError, psutil.Error):
                continue

    def _living(self) -> list[tuple[int, float]]:
        import psutil

        living = []
        for pid, born in self._seen:
            try:
                process = psutil.Process(pid)
                if process.create_time() == born and process.status() != psutil.STATUS_ZOMBIE:
                    living.append((pid, born))
            except psutil.Error:
                continue
        self._seen = set(living)
        return living


class Local:
    """Workers on this machine, each in a process group of its own, forked from a warm process."""

    name = "local"

    def __init__(self) -> None:
        self._server: ForkServer | None = None

    def start(self, folder: Folder, description: bytes) -> LocalHandle:
        """Start a worker in `folder` and give it its description.

        Raises
        ------
        ServiceDown
            The process that forks workers died on the way.
        """
        reading, writing = os.pipe()
        try:
            with folder.log.open("ab") as log:
                server, number = self._fork(folder, reading, log.fileno())
        except BaseException:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        # Where it died at once the pipe is broken; poll() will tell how.
        with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb") as stdin:
            stdin.write(description)
        return LocalHandle(number, lambda: server.status(number), lambda: not server.gone)

    def _fork(self, folder: Folder, stdin: int, log: int) -> tuple[ForkServer, int]:
        """Return a new worker's number and the process that forked it, replaced where it died."""
        for last in (False, True):
            if self._server is None or self._server.gone:
                self.close()
                self._server = ForkServer(environment())
            try:
                return self._server, self._server.start(folder.path, stdin, log)
            except ServiceDown:
                if last:
                    raise
        raise AssertionError

    def adopt(self, number: int, folder: Folder) -> LocalHandle | None:
        """Return the worker a former runner started in `folder`, None where it is gone."""
        import psutil

        try:
            inside = psutil.Process(number).cwd().startswith(str(folder.path))
            if inside and os.getpgid(number) == number:
                return LocalHandle(number, lambda: None, lambda: False)
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


def _kill(kill: Callable[[int, int], None], target: int, number: int) -> None:
    try:
        kill(target, number)
    except (ProcessLookupError, PermissionError):
        return


BACK_ENDS: dict[str, Callable[[], BackEnd]] = {"local": Local}
