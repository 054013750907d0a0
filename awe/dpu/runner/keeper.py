"""The keeper of one attempt: a small process above the worker that nothing of it can leave.

A keeper is a subreaper: whatever the worker starts, in a session of its own or with its parent
gone, becomes a child of the keeper and not of the machine's first process. When the worker has
ended, or the keeper is asked to end it (SIGTERM), it kills until it has no child left, and only
then ends itself, as the worker ended. Its process number, which is also its group's, is the
attempt's. The process that forks workers is a subreaper too and kills what a killed keeper leaves.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

import psutil

from awe.prctl import adopt_orphans

__all__ = ["WATCHED", "adopt_orphans", "bury", "descendants", "end_left", "end_like", "keep",
           "kill_all", "parents", "send"]  # fmt: skip

#: seconds between asking the processes of an attempt to end, and killing them
PATIENCE = 0.4
PAUSE = 0.25
#: more processes than that are a mistake: they would take the machine from everybody
MOST_PROCESSES = 500
#: quick looks at what is new between two at the whole machine
CHASES = 100

WATCHED = (signal.SIGCHLD, signal.SIGTERM)


def parents() -> dict[int, int]:
    """Return the parent of every living process of this machine, dead ones left out."""
    if not Path("/proc/self/stat").exists():
        return _asked_of_psutil()
    found = ((pid, _parent(pid)) for pid in _numbers())
    return {pid: parent for pid, parent in found if parent is not None}


def _numbers() -> list[int]:
    with contextlib.suppress(FileNotFoundError):
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - often
    return []


def _parent(pid: int) -> int | None:
    """Return the parent of a process, None where it is dead."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - many, and often
            # The name in parentheses may hold blanks and parentheses itself: the last one ends it.
            state, parent = file.read().rpartition(b")")[2].split()[:2]
    except (OSError, ValueError):
        return None
    return None if state in b"ZX" else int(parent)


def _asked_of_psutil() -> dict[int, int]:
    found: dict[int, int] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                found[process.pid] = process.ppid()
    return found


def descendants(ancestors: Iterable[int], known: dict[int, int] | None = None) -> set[int]:
    """Return all living processes below some, themselves left out.

    Parameters
    ----------
    ancestors : iterable of int
        Numbers of the processes to begin with.
    known : dict, optional
        Result of `parents`, if several ask at one moment.
    """
    children: dict[int, list[int]] = {}
    for pid, parent in (parents() if known is None else known).items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    ahead = list(ancestors)
    while ahead:
        fresh = [pid for pid in children.get(ahead.pop(), []) if pid not in found]
        found.update(fresh)
        ahead.extend(fresh)
    return found


def kill_all(bury: Callable[[], object], spared: Iterable[int] = ()) -> None:
    """Kill every descendant of this process but those `spared` and what is below them.

    A process that forks while it is killed is caught by the next look: looks follow each other
    until one finds nothing.

    Parameters
    ----------
    bury : callable
        Function that takes the ends of dead children, after each look.
    spared : iterable of int
        Numbers of the children to leave alone.
    """
    looks = 0
    while True:
        known = parents()
        for pid in spared:
            known.pop(pid, None)
        if not (found := descendants([os.getpid()], known)):
            return
        for number in (signal.SIGSTOP, signal.SIGKILL):  # a stopped process forks no more
            for pid in found:
                send(pid, number)
        bury()
        others = {*known, *spared} - found
        for _ in range(CHASES):
            if not _chase(found, others):
                break
            bury()
        looks += 1
        if looks > 50:
            time.sleep(0.02)  # what the system holds back may take its time


def _chase(mine: set[int], others: set[int]) -> bool:
    """Kill what is new below this process, each the moment it is seen; False where nothing is.

    Who forks and ends all the time is another process in every look at the whole machine; here
    only the new ones are looked at, which takes less time than they need to go on.
    """
    me = os.getpid()
    caught = False
    for pid in _numbers():
        if pid in others or (parent := _parent(pid)) is None:
            continue
        if parent == me or parent in mine:
            send(pid, signal.SIGKILL)
            mine.add(pid)
            caught = True
        else:
            others.add(pid)
    return caught


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone by now."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def keep(worker: int) -> int:
    """Wait for a worker and for all it started; return the status it ended with.

    The signals of `WATCHED` have to be blocked before the worker is forked.
    """
    ended: list[int] = []
    asked: float | None = None

    def take() -> bool:
        return bury(lambda pid, status: ended.append(status) if pid == worker else None)

    while True:
        # Signals that come while one is pending are one: every look takes all dead children. The
        # time limit is for what comes without a signal, such as too many processes.
        came = signal.sigtimedwait(WATCHED, PAUSE if asked is None else PAUSE / 10)
        # Orphans fall to this process: without a child nothing of the attempt lives.
        if not take():
            return ended[0] if ended else 0
        below = descendants([os.getpid()])
        if came is not None and came.si_signo == signal.SIGTERM and asked is None:
            asked = time.monotonic()
            for pid in below:
                send(pid, signal.SIGTERM)
        late = asked is not None and time.monotonic() - asked > PATIENCE
        if ended or late or len(below) > MOST_PROCESSES:
            kill_all(take)


def end_like(status: int) -> NoReturn:
    """End this process as another one ended, by the status `waitpid` gave."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        # Only a copy of how the worker ended: a core of this process would say nothing.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
        # SIGTERM is blocked here and would stay pending.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def end_left(root: Path, patience: float = 3.0) -> int:
    """End the attempts whose keepers live in the directories below `root`; return how many."""
    places = {pid: _directory(pid) for pid in parents()}
    keepers = [pid for pid, place in places.items() if place.parent == root]
    for pid in keepers:
        send(pid, signal.SIGTERM)
    limit = time.monotonic() + patience
    while (living := [pid for pid in keepers if pid in parents()]) and time.monotonic() < limit:
        time.sleep(0.05)
    for pid in {*living, *descendants(living)}:
        send(pid, signal.SIGKILL)
    return len({places[pid] for pid in keepers})


def _directory(pid: int) -> Path:
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd"))  # noqa: PTH115 - may be gone already
    except OSError:
        return Path("/")


def bury(note: Callable[[int, int], object]) -> bool:
    """Take the ends of dead children; False where no child is left."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        note(pid, status)
