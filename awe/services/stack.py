"""The embedded installation as a whole: database, awe-server, its passwords and its endpoints.

`ensure` is what every prompt calls: it reads two small files and returns when everything runs.
Otherwise it starts what is missing, one process at a time under one lock, making the
installation on the first call. Nothing here stops by itself: only `stop` ends a service, and a
start replaces one that runs the code of before an upgrade.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.config import Environment, home_directory
from awe.errors import ConfigError, ServiceDown
from awe.imports import PYTHON
from awe.services import remote
from awe.services.edition import edition, outdated
from awe.services.logins import owner_login, register, register_owner
from awe.services.process import Identity, detach, end, identify, impersonal, silent
from awe.services.state import all_alive, process, wanted
from awe.services.state import lock as _lock
from awe.services.state import read as _read
from awe.services.state import write as _write

if TYPE_CHECKING:
    from awe.services import sharing

__all__ = [
    "account",
    "adopt",
    "destroy",
    "ensure",
    "owner_login",
    "read_secrets",
    "record_endpoint",
    "replace_old",
    "replacing_server",
    "revive",
    "share",
    "start",
    "status",
    "stop",
    "superuser",
    "unshare",
]

Progress = Callable[[str], None]

SERVICE_ROLES = ("awe_dataserver", "awe_runner", "awe_pages")
#: What awe itself makes in an AWE_HOME; everything else there is somebody else's.
OWN_ENTRIES = ("Environment.cfg", "database", "dpu", "files", "prompt", "restoring", "services",
               "tutorial")
#: Below this the disk counts as full: PostgreSQL stops hard when it cannot write its log.
LOW_SPACE = 2 * 1024**3


def ensure(home: Path | None = None, progress: Progress | None = None) -> dict[str, str]:
    """Make sure that everything runs and return the endpoints; quick when it does.

    Parameters
    ----------
    home : Path, optional
        The installation; `AWE_HOME` when left out.
    progress : callable, optional
        Told one line before each step that takes time.
    """
    home = home or home_directory()
    if all_alive(home) and not outdated(_read(home, "state.json").get("edition")):
        return _read(home, "endpoints.json")
    return start(home, progress)


def start(
    home: Path | None = None, progress: Progress | None = None, *, thorough: bool = False
) -> dict[str, str]:
    """Start what does not run, making the installation on the first start.

    Parameters
    ----------
    home : Path, optional
        The installation; `AWE_HOME` when left out.
    progress : callable, optional
        Told one line before each step that takes time.
    thorough : bool
        Replace an awe-server whose code differs in any file from this process's.

    Raises
    ------
    ServiceDown
        A service does not come up; the message names its log.
    ConfigError
        The configuration of this home names a database that runs elsewhere, or the home is a
        copy, or its database is gone.
    """
    home = home or home_directory()
    say = progress or silent
    remote.refuse(home)
    with _lock(home):
        _settle(home, say)
        _start_missing(home, say, thorough=thorough)
        return _read(home, "endpoints.json")


def revive(home: Path) -> None:
    """Start what has ended, unless the services were stopped on purpose."""
    if not wanted(home):
        return
    with _lock(home):
        if wanted(home):
            _settle(home, silent)
            _start_missing(home, silent)


def adopt(home: Path, *, anyway: bool = False) -> str:
    """Make a copied or moved home the owner of its database; see `belonging.adopt`."""
    from awe.services import belonging

    remote.refuse(home)
    with _lock(home):
        if belonging.recognise(home) is belonging.Standing.MOVED:
            _end_moved(home)
        return belonging.adopt(home, anyway=anyway)


def _settle(home: Path, say: Progress) -> None:
    """Let a moved home go on, and refuse one that may not use its database."""
    from awe.services import belonging

    if belonging.adopts_itself(home):
        _end_moved(home)
        say(belonging.adopt(home))
    belonging.require(home)


def _end_moved(home: Path) -> None:
    """End what still runs of a home that was moved under its services: they know the old place."""
    from awe.services.cluster import Cluster

    state = _read(home, "state.json")
    for name in ("keeper", "server"):
        found = Identity.from_record(state.get(name))
        if found is not None and found.alive:
            end(found, patience=30.0)
    Cluster(home).stop()
    _write(home, "state.json", {})


def _start_missing(home: Path, say: Progress, *, thorough: bool = False) -> None:
    server = process(home, "server")
    old = outdated(_read(home, "state.json").get("edition"), thorough=thorough)
    if server is not None and not old and all_alive(home):
        return
    _start_cluster(home, say)
    if server is not None and old:
        say("replacing the awe-server of before the upgrade")
        _end_server(home)
    _start_server(home, say)
    _start_keeper(home)


@contextmanager
def replacing_server(home: Path) -> Iterator[bool]:
    """End awe-server for the block and start one of this version after it.

    Yields
    ------
    bool
        True if one ran; otherwise none is started either.
    """
    with _lock(home):
        ran = process(home, "server") is not None
        if ran:
            _end_server(home)
        yield ran
        if ran:
            _start_missing(home, silent)


def replace_old(home: Path, progress: Progress | None = None) -> None:
    """Replace a running awe-server whose code differs from this process's; start nothing else."""
    with _lock(home):
        if process(home, "server") is not None:
            _start_missing(home, progress or silent, thorough=True)


def _end_server(home: Path) -> None:
    """End awe-server and the keeper that would bring it back."""
    for name in ("keeper", "server"):
        found = process(home, name)
        if found is not None:
            end(found, patience=30.0)


def stop(home: Path | None = None) -> list[str]:
    """Stop the services of this installation and return what was stopped."""
    home = home or home_directory()
    if not (home / "services").exists():
        return []
    with _lock(home):
        return _stop(home)


def _stop(home: Path) -> list[str]:
    from awe.dpu.runner.keeper import end_left
    from awe.services import belonging
    from awe.services.cluster import Cluster

    stopped: list[str] = []
    if belonging.recognise(home) in (belonging.Standing.COPY, belonging.Standing.TAKEN):
        return stopped
    # First of all nothing is wanted any more: a start that waits for the lock will see it.
    _write(home, "state.json", {**_read(home, "state.json"), "stopped": True})
    if process(home, "server") is not None:
        stopped.append("awe-server")
    _end_server(home)
    # what a killed awe-server could not end itself
    if end_left(home / "dpu"):
        stopped.append("jobs")
    if Cluster(home).stop():
        stopped.append("database")
    _write(home, "state.json", {"home": str(home.resolve()), "stopped": True})
    return stopped


def share(
    home: Path, directory: Path | None = None, progress: Progress | None = None
) -> sharing.Opening:
    """Open the installation to other accounts of this machine; its services start again.

    Parameters
    ----------
    home : Path
        The installation, made if need be.
    directory : Path, optional
        Where the socket for others goes; chosen when left out.
    progress : callable, optional
        Told one line before each step that takes time.

    Raises
    ------
    ConfigError
        Other accounts cannot reach the place, or could write to it.
    """
    from awe.services import sharing
    from awe.services.cluster import Cluster

    ensure(home, progress)
    before = sharing.opened(home)
    made = sharing.opening(Cluster(home), directory)
    if made != before:
        stop(home)
        if before is not None:
            sharing.clear(before)
        start(home, progress)
    return made


def unshare(home: Path, progress: Progress | None = None) -> bool:
    """Close the installation to other accounts again; return False if it was closed."""
    from awe.services import sharing

    if sharing.opened(home) is None:
        return False
    ran = "database" in stop(home)
    sharing.close(home)
    if ran:
        start(home, progress)
    return True


def destroy(home: Path) -> list[Path]:
    """Stop everything and remove the installation, data and files included.

    Returns
    -------
    list of Path
        What stays: other files of the directory, because only awe's own entries are removed,
        and the directory itself only when nothing is left in it; and a database outside it that
        is another home's.
    """
    if (home / "services").exists():
        # a start that waits meanwhile begins anew, with a lock of its own
        with _lock(home):
            return _destroy(home)
    return _destroy(home)


def _destroy(home: Path) -> list[Path]:
    from awe.services import belonging, sharing
    from awe.services.cluster import Cluster

    if (home / "services").exists():
        _stop(home)
    copy = belonging.recognise(home) is belonging.Standing.COPY
    if not copy:
        sharing.close(home)
    theirs = Cluster(home).destroy()
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


def status(home: Path | None = None) -> dict[str, str]:
    """Return one line for each service: whether it runs, and where."""
    from awe.services import belonging, sharing
    from awe.services.cluster import Cluster

    home = home or home_directory()
    environment = remote.configured(home)
    if environment is not None:
        return remote.status(environment)
    refusal = belonging.explain(home)
    if refusal is not None:
        return {"home": str(home), "trouble": refusal}
    endpoints = _read(home, "endpoints.json")
    server = process(home, "server")
    lines = {"home": str(home), "database": Cluster(home).status().partition(": ")[2]}
    if server is not None:
        where = f"http://{endpoints.get('data_server')}:{endpoints.get('data_port')}"
        lines["awe-server"] = f"running (process {server.pid}), {where}"
    else:
        lines["awe-server"] = "not running"
    keeper = process(home, "keeper")
    if keeper is not None:
        lines["keeper"] = f"running (process {keeper.pid}), starts again what ends"
    shared = sharing.opened(home)
    lines["others"] = f"may log in at {shared.database_name}" if shared else "no access"
    files = home / "files" / "incoming"
    if files.exists() and not os.access(files, os.W_OK):
        lines["files"] = f"{home / 'files'} cannot be written to: nothing can be stored there"
    if home.exists() and (free := shutil.disk_usage(home).free) < LOW_SPACE:
        lines["disk"] = f"only {free // 2**20} MB left below {home}; free some before new work"
    return lines


def superuser(home: Path | None = None) -> Any:
    """Return a connection of the database's superuser; only the owning account gets one.

    Raises
    ------
    ServiceDown
        The database of this installation does not run.
    """
    import psycopg2

    from awe.services.cluster import Cluster

    cluster = Cluster(home or home_directory())
    remote.refuse(cluster.home)
    if cluster.process() is None:
        msg = f"the database of {cluster.home} does not run; start it with awe-admin start"
        raise ServiceDown(msg)
    try:
        return psycopg2.connect(**cluster.superuser("awe"))
    except psycopg2.OperationalError as error:
        msg = f"the database does not let you administer it: {str(error).strip()}"
        raise ServiceDown(msg) from error


def account(
    home: Path,
    name: str,
    full_name: str,
    *,
    member: tuple[str, ...] = (),
    manager: tuple[str, ...] = (),
) -> dict[str, str]:
    """Return login and password of a person of this installation, registered if need be.

    For people whose work awe itself does, such as the calibration scientist of the tutorial;
    the password is kept with those of the services.
    """
    from awe.db.rights import people
    known = read_secrets(home)
    with closing(superuser(home)) as connection:
        if name not in known:
            known[name] = people.new_password()
            _write(home, "secrets.json", known)
        register(connection, name, known[name], full_name)
        for project in member:
            people.add_member(connection, project, name)
        for project in manager:
            people.add_member(connection, project, name, manager=True)
    return {"database_user": name, "database_password": known[name]}


def record_endpoint(home: Path, **values: object) -> None:
    """Write where the calling service answers, and that this process is it.

    Parameters
    ----------
    home : Path
        The installation.
    **values
        Configuration keys with their values, such as `data_port=40123`.
    """
    endpoints = {**_read(home, "endpoints.json"), **{k: str(v) for k, v in values.items()}}
    _write(home, "endpoints.json", endpoints)
    me = identify(os.getpid())
    server = me.to_record() if me else None
    state = {**_read(home, "state.json"), "server": server, "edition": edition()}
    _write(home, "state.json", state)


def read_secrets(home: Path) -> dict[str, str]:
    """Return the services' passwords by role.

    Raises
    ------
    ConfigError
        Others could read them.
    """
    path = home / "services" / "secrets.json"
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        mode = stat.S_IMODE(path.stat().st_mode)
        msg = f"{path} has mode {mode:04o}, others can read it; expected 0600: chmod 600 {path}"
        raise ConfigError(msg)
    return _read(home, "secrets.json")


# -- the database ----------------------------------------------------------------------------


def _start_cluster(home: Path, say: Progress) -> None:
    from awe.db.rights import people
    from awe.db.schema import install as schema
    from awe.services import belonging
    from awe.services.cluster import Cluster, ClusterSettings

    disk = Environment.load().query_disk.upper()
    cluster = Cluster(home, ClusterSettings(temp_file_limit=disk))
    fresh = not cluster.record.exists()
    say("making the database" if fresh else "starting the database")
    running = cluster.start()
    known = read_secrets(home)
    for role in SERVICE_ROLES:
        known.setdefault(role, people.new_password())
    _write(home, "secrets.json", known)
    schema.install(cluster.superuser(), {role: known[role] for role in SERVICE_ROLES})
    with closing(superuser(home)) as connection:
        belonging.sign(home, connection)
        register_owner(home, connection)
    endpoints = {**_read(home, "endpoints.json"), "database_name": cluster.endpoint}
    _write(home, "endpoints.json", endpoints)
    state = {**_read(home, "state.json"), "cluster": running.to_record()}
    state.pop("stopped", None)
    _write(home, "state.json", {**state, "home": str(home.resolve())})


# -- awe-server ------------------------------------------------------------------------------


def _start_server(home: Path, say: Progress) -> None:
    if process(home, "server") is not None:
        return
    say("starting the dataserver")
    log = home / "services" / "server.log"
    offset = log.stat().st_size if log.exists() else 0
    child = detach(
        [*PYTHON, "-m", "awe.services.server"],
        log=log, environment=impersonal(home), directory=home,
    )
    while child.poll() is None:
        found = Identity.from_record(_read(home, "state.json").get("server"))
        if found is not None and found.pid == child.pid:
            return
        time.sleep(0.02)
    said = log.read_bytes()[offset:].decode(errors="replace").splitlines()
    reason = said[-1] if said else "it said nothing"
    msg = f"awe-server does not start: {reason}; its log is {log}"
    raise ServiceDown(msg)


def _start_keeper(home: Path) -> None:
    from awe.services.keeper import COMMAND

    if process(home, "keeper") is not None:
        return
    child = detach(
        COMMAND, log=home / "services" / "keeper.log", environment=impersonal(home),
        directory=home,
    )
    found = identify(child.pid)
    if found is not None:
        state = {**_read(home, "state.json"), "keeper": found.to_record()}
        _write(home, "state.json", state)
