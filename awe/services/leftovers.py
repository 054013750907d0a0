"""What installations leave behind whose AWE_HOME was just deleted: data, sockets, processes.

A leftover is recognised by what it says of itself (the note next to the data, the data directory
of a server, the AWE_HOME of an awe-server), never by its name alone; one whose AWE_HOME exists is
no leftover. Only what this account may see is found, and nothing is removed without being asked.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from awe.services import belonging
from awe.services.cluster import SYSTEM_BASE, orphans
from awe.services.place import OWNER_NOTE, Note
from awe.services.process import Identity, end, identify

__all__ = ["Leftover", "leftovers", "remove"]

#: Modules that run as services of awe's own, and what people call them.
SERVERS = {"awe.services.server": "awe-server", "awe.services.keeper": "keeper"}


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """Something of an installation that is gone.

    Attributes
    ----------
    home : str
        Path of its former AWE_HOME.
    base : Path or None
        Directory with its data, if that is still there.
    process : Identity or None
        A process that still runs for it.
    what : str
        Kind of the leftover: data, database, awe-server.
    """

    home: str
    what: str
    base: Path | None = None
    process: Identity | None = None

    def __str__(self) -> str:
        parts = [f"{self.what} of {self.home}, which is gone"]
        if self.process is not None:
            parts.append(f"process {self.process.pid} still runs")
        if self.base is not None:
            parts.append(f"{_size(self.base) / 2**20:.0f} MB in {self.base}")
        return ": ".join((parts[0], ", ".join(parts[1:])))


def leftovers() -> list[Leftover]:
    """Return what is left of installations that are gone, processes first."""
    running = list(_processes())
    served = {left.base for left in running}
    data = [
        Leftover(home=home, what="data", base=base)
        for base, home in orphans()
        if base not in served
    ]
    return running + data


def remove(left: Leftover) -> None:
    """End the process of a leftover and remove its data."""
    if left.process is not None:
        ask = signal.SIGINT if left.what == "database" else signal.SIGTERM
        end(left.process, ask=ask, patience=20.0)
    if left.base is not None:
        shutil.rmtree(left.base, ignore_errors=True)
        # A socket whose path would have been too long is here; see awe.services.cluster.
        shutil.rmtree(Path("/tmp") / f"awe-{left.base.name}", ignore_errors=True)


def _processes() -> Iterator[Leftover]:
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if "-D" in words and Path(words[0]).name == "postgres":
                found = _database(Path(words[words.index("-D") + 1]))
            elif served := [word for word in words[1:4] if word in SERVERS]:
                found = _server(process.environ().get("AWE_HOME", ""), SERVERS[served[0]])
            else:
                continue
        except (psutil.Error, OSError, IndexError):
            # it ended while it was looked at, or shows its words only to its owner
            continue
        identity = identify(process.pid)
        if found is not None and identity is not None:
            yield Leftover(home=found.home, what=found.what, base=found.base, process=identity)


def _database(data: Path) -> Leftover | None:
    base = data.parent
    note = base / OWNER_NOTE
    if not data.exists() and base.name == "database":
        return Leftover(home=str(base.parent), what="database")
    if not data.exists() and base.parent == SYSTEM_BASE:
        return Leftover(home=f"(recorded in {note}, removed)", what="database")
    found = Note.read(base)
    if found is None or belonging.leads_to(Path(found.home), base):
        return None
    return Leftover(home=found.home, what="database", base=base)


def _server(home: str, what: str) -> Leftover | None:
    if not home or (Path(home) / "services").exists():
        return None
    return Leftover(home=home, what=what)


def _size(base: Path) -> int:
    return sum(path.lstat().st_size for path in base.rglob("*") if path.is_file())
