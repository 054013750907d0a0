"""Processes that outlive the one that started them: identity, start and end.

A process number alone names nobody after a restart of the machine, so an identity here is the
number together with the moment the process started. Starting detaches the child from the
terminal; ending asks first and insists later. Which processes belong to awe is not known here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awe.config import Environment

__all__ = ["Identity", "Progress", "detach", "end", "exists", "identify",
           "impersonal", "silent"]  # fmt: skip

#: Told one line before each step of a start that takes time.
Progress = Callable[[str], None]

# Children of this very process stay referenced, so that poll() can reap them.
_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Identity:
    """A process: its number and the moment it started (empty where the system hides it)."""

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        """True while exactly this process runs."""
        return self.pid > 0 and identify(self.pid) == self

    @classmethod
    def from_record(cls, record: Any) -> Identity | None:
        """Return the identity written as `{"pid": ..., "started": ...}`, or None."""
        if not isinstance(record, Mapping):
            return None
        pid, started = record.get("pid"), record.get("started")
        if not isinstance(pid, int) or not isinstance(started, str):
            return None
        return cls(pid, started)

    def to_record(self) -> dict[str, int | str]:
        """Return the identity as it is written to disk."""
        return {"pid": self.pid, "started": self.started}


def identify(pid: int) -> Identity | None:
    """Return the identity of the running process `pid`, None if there is none."""
    for child in _children:
        child.poll()
    if not exists(pid):
        return None
    return _from_proc(pid) if Path("/proc/self/stat").exists() else Identity(pid, "")


def exists(pid: int) -> bool:
    """Return True if any process has that number, dead ones that nobody buried included."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # only an existing process can be somebody else's
        return True
    return True


def _from_proc(pid: int) -> Identity | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command in parentheses may itself hold blanks and parentheses.
    fields = text.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    # Field 22 of proc(5), the start in ticks since boot, says little without which boot it was.
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return Identity(pid, f"{boot}:{fields[19]}")


def detach(
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str],
    user: tuple[int, int] | None = None,
    directory: str | Path = "/",
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, with its output appended to `log`.

    Parameters
    ----------
    command : sequence of str or Path
        Program and arguments; no shell is involved.
    log : Path
        File for standard output and error; made with mode 0600.
    environment : mapping
        The whole environment of the new process.
    user : tuple of int, optional
        Numbers of the account and group to run under; only root can give them.
    directory : str or Path, optional
        Working directory.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    account: dict[str, Any] = {}
    if user is not None:
        account = {"user": user[0], "group": user[1], "extra_groups": []}
    try:
        child = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=dict(environment),
            cwd=directory,
            # Neither Ctrl-C at the terminal nor its end (SIGHUP) reaches the service.
            start_new_session=True,
            umask=0o077,
            **account,
        )
    finally:
        os.close(descriptor)
    _children.append(child)
    return child


def end(
    who: Identity, *, ask: signal.Signals = signal.SIGTERM, patience: float = 60.0
) -> bool:
    """End a process: `ask` it, and after `patience` seconds kill it.

    Returns
    -------
    bool
        True if it went by itself, False if it had to be killed.
    """
    for signal_, limit in ((ask, patience), (signal.SIGKILL, float("inf"))):
        deadline = time.monotonic() + limit
        # Looked at again before each signal: the number may have gone to another process.
        if identify(who.pid) == who:
            os.kill(who.pid, signal_)
        while identify(who.pid) == who and time.monotonic() < deadline:
            time.sleep(0.01)
        if identify(who.pid) != who:
            return signal_ is ask
    return False


def impersonal(home: Path) -> dict[str, str]:
    """Return this environment without the settings of one person's session."""
    keys = Environment.keys_declared()
    personal = {*keys, *(f"AWE_{key.upper()}" for key in keys)}
    kept = {k: v for k, v in os.environ.items() if k not in personal and not k.startswith("PG")}
    return {**kept, "AWE_HOME": str(home)}


def silent(_: str) -> None:
    """Say nothing of a start."""
