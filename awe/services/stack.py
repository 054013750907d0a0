"""The embedded installation as a whole: database, awe-server, its passwords and its endpoints.

Starts what is missing, one process at a time under one lock, making the installation on the first
call. Nothing here stops by itself: only `stop` ends a service, and a start replaces one that runs
the code of before an upgrade. A prompt that finds everything running never comes here:
`awe.services.running` sees to that.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from awe.dpu.runner.keeper import end_left
from awe.services import belonging, remote, sharing
from awe.services.installation import Installation
from awe.services.process import Progress, silent
from awe.services.starting import end_moved, end_server, settle, start_missing

__all__ = [
    "adopt",
    "destroy",
    "replace_old",
    "replacing_server",
    "revive",
    "share",
    "start",
    "status",
    "stop",
    "unshare",
]

#: What awe itself makes in an AWE_HOME; everything else there is somebody else's.
OWN_ENTRIES = ("Environment.cfg", "database", "dpu", "files", "prompt", "restoring", "services",
               "tutorial")  # fmt: skip
#: Below this the disk counts as full: PostgreSQL stops hard when it cannot write its log.
LOW_SPACE = 2 * 1024**3


def start(
    house: Installation, progress: Progress | None = None, *, thorough: bool = False
) -> dict[str, str]:
    """Start what does not run, making the installation on the first start.

    Parameters
    ----------
    house : Installation
        The installation.
    progress : callable, optional
        Function that is called with one line before each step that takes time.
    thorough : bool
        Whether to replace an awe-server whose code differs in any file from this process's.

    Raises
    ------
    ServiceDown
        A service does not come up; the message names its log.
    ConfigError
        The configuration of this home names a database that runs elsewhere, or the home is a
        copy, or its database is gone.
    """
    say = progress or silent
    remote.refuse(house.home)
    with house.lock():
        settle(house, say)
        start_missing(house, say, thorough=thorough)
        return house.endpoints


def revive(house: Installation) -> None:
    """Start what has ended, unless the services were stopped on purpose."""
    if not house.wanted:
        return
    with house.lock():
        # Asked again with the lock in hand: a stop may have come before.
        if house.wanted:
            settle(house, silent)
            start_missing(house, silent)


def adopt(house: Installation, *, anyway: bool = False) -> str:
    """Make a copied or moved home the owner of its database; see `belonging.adopt`."""
    remote.refuse(house.home)
    with house.lock():
        if belonging.recognise(house.home) is belonging.Standing.MOVED:
            end_moved(house)
        return belonging.adopt(house.home, anyway=anyway)


@contextmanager
def replacing_server(house: Installation) -> Iterator[bool]:
    """End awe-server for the block and start one of this version after it.

    Yields
    ------
    bool
        True if one ran; otherwise none is started either.
    """
    with house.lock():
        ran = house.process("server") is not None
        if ran:
            end_server(house)
        yield ran
        if ran:
            start_missing(house, silent)


def replace_old(house: Installation, progress: Progress | None = None) -> None:
    """Replace a running awe-server whose code differs from this process's; start nothing else."""
    with house.lock():
        if house.process("server") is not None:
            start_missing(house, progress or silent, thorough=True)


def stop(house: Installation) -> list[str]:
    """Stop the services of this installation and return what was stopped."""
    if not house.services.exists():
        return []
    with house.lock():
        return _stop(house)


def _stop(house: Installation) -> list[str]:
    stopped: list[str] = []
    if belonging.recognise(house.home) in (belonging.Standing.COPY, belonging.Standing.TAKEN):
        return stopped
    # First of all nothing is wanted any more: a start that waits for the lock will see it.
    house.note(stopped=True)
    if house.process("server") is not None:
        stopped.append("awe-server")
    # Who uses the database goes before it: server, jobs, database.
    end_server(house)
    # what a killed awe-server could not end itself
    if end_left(house.home / "dpu"):
        stopped.append("jobs")
    if house.cluster.stop():
        stopped.append("database")
    house.note_all({"home": str(house.home.resolve()), "stopped": True})
    return stopped


def share(
    house: Installation, directory: Path | None = None, progress: Progress | None = None
) -> sharing.Opening:
    """Open the installation to other accounts of this machine; its services start again.

    Parameters
    ----------
    house : Installation
        The installation, made if necessary.
    directory : Path, optional
        Directory of the socket for others; chosen when left out.
    progress : callable, optional
        Function that is called with one line before each step that takes time.

    Raises
    ------
    ConfigError
        Other accounts cannot reach the place, or could write to it.
    """
    if not house.ready:
        start(house, progress)
    before = sharing.opened(house.home)
    made = sharing.opening(house.home, directory)
    if made != before:
        stop(house)
        if before is not None:
            sharing.clear(before)
        start(house, progress)
    return made


def unshare(house: Installation, progress: Progress | None = None) -> bool:
    """Close the installation to other accounts again; return False if it was closed."""
    if sharing.opened(house.home) is None:
        return False
    ran = "database" in stop(house)
    sharing.close(house.home)
    if ran:
        start(house, progress)
    return True


def destroy(house: Installation) -> list[Path]:
    """Stop everything and remove the installation, data and files included.

    Returns
    -------
    list of Path
        Paths of what stays: other files of the directory, because only awe's own entries are
        removed, and the directory itself only when nothing is left in it; and a database outside
        it that is another home's.
    """
    if house.services.exists():
        # a start that waits meanwhile begins anew, with a lock of its own
        with house.lock():
            return _destroy(house)
    return _destroy(house)


def _destroy(house: Installation) -> list[Path]:
    home = house.home
    if house.services.exists():
        _stop(house)
    copy = belonging.recognise(home) is belonging.Standing.COPY
    if not copy:
        sharing.close(home)
    theirs = house.cluster.destroy()
    for name in OWN_ENTRIES:
        entry = home / name
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    left = sorted(home.iterdir()) if home.is_dir() else []
    if home.is_dir() and not left:
        home.rmdir()
    return left if theirs is None else [*left, theirs]


def status(house: Installation) -> dict[str, str]:
    """Return one line for each service: whether it runs, and where."""
    home = house.home
    environment = remote.configured(home)
    if environment is not None:
        return remote.status(environment)
    refusal = belonging.explain(home)
    if refusal is not None:
        return {"home": str(home), "trouble": refusal}
    return {"home": str(home), **_processes(house), **_surroundings(house)}


def _processes(house: Installation) -> dict[str, str]:
    lines = {
        "database": house.cluster.status().partition(": ")[2],
        "awe-server": "not running",
    }
    server, keeper = house.process("server"), house.process("keeper")
    if server is not None:
        endpoints = house.endpoints
        protocol = endpoints.get("data_protocol", "http")
        where = f"{protocol}://{endpoints.get('data_server')}:{endpoints.get('data_port')}"
        lines["awe-server"] = f"running (process {server.pid}), {where}"
    if keeper is not None:
        lines["keeper"] = f"running (process {keeper.pid}), starts again what ends"
    return lines


def _surroundings(house: Installation) -> dict[str, str]:
    home = house.home
    shared = sharing.opened(home)
    lines = {"others": f"may log in at {shared.database_name}" if shared else "no access"}
    files = home / "files" / "incoming"
    if files.exists() and not os.access(files, os.W_OK):
        lines["files"] = f"{home / 'files'} cannot be written to: nothing can be stored there"
    if home.exists() and (free := shutil.disk_usage(home).free) < LOW_SPACE:
        lines["disk"] = f"only {free // 2**20} MB left below {home}; free some before new work"
    return lines
