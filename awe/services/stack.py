"""The embedded installation as a whole: database, awe-server, its passwords and its endpoints.

`ensure` is what every prompt calls: it reads two small files and returns when everything runs.
Otherwise it starts what is missing, one process at a time under one lock, making the
installation on the first call. Nothing here stops by itself: only `stop` ends a service.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.config import Environment, home_directory
from awe.errors import ConfigError, NotFound, Refused, ServiceDown
from awe.imports import PYTHON
from awe.services import elsewhere
from awe.services.process import Identity, detach, end, identify

if TYPE_CHECKING:
    from awe.services import sharing

__all__ = [
    "account",
    "destroy",
    "ensure",
    "read_secrets",
    "record_endpoint",
    "share",
    "start",
    "status",
    "stop",
    "superuser",
    "unshare",
]

Progress = Callable[[str], None]

SERVICE_ROLES = ("awe_dataserver", "awe_runner")
#: What awe itself makes in an AWE_HOME; everything else there is somebody else's.
OWN_ENTRIES = ("Environment.cfg", "database", "dpu", "files", "prompt", "services", "tutorial")
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
    if _all_alive(home):
        return _read(home, "endpoints.json")
    return start(home, progress)


def start(home: Path | None = None, progress: Progress | None = None) -> dict[str, str]:
    """Start what does not run, making the installation on the first start.

    Raises
    ------
    ServiceDown
        A service does not come up; the message names its log.
    ConfigError
        The configuration of this home names a database that runs elsewhere.
    """
    home = home or home_directory()
    say = progress or _silent
    elsewhere.refuse(home)
    with _lock(home):
        if not _all_alive(home):
            _start_cluster(home, say)
            _start_server(home, say)
        return _read(home, "endpoints.json")


def stop(home: Path | None = None) -> list[str]:
    """Stop the services of this installation and return what was stopped."""
    from awe.services.cluster import Cluster

    home = home or home_directory()
    stopped: list[str] = []
    if not (home / "services").exists():
        return stopped
    with _lock(home):
        server = Identity.from_record(_read(home, "state.json").get("server"))
        if server is not None and server.alive:
            end(server, patience=30.0)
            stopped.append("awe-server")
        if Cluster(home).stop():
            stopped.append("database")
        _write(home, "state.json", {})
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
        What else lies in the directory: only awe's own entries are removed, and the directory
        itself only when nothing is left in it.
    """
    from awe.services import sharing
    from awe.services.cluster import Cluster

    stop(home)
    sharing.close(home)
    Cluster(home).destroy()
    for name in OWN_ENTRIES:
        entry = home / name
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    left = sorted(home.iterdir()) if home.is_dir() else []
    if home.is_dir() and not left:
        home.rmdir()
    return left


def status(home: Path | None = None) -> dict[str, str]:
    """Return one line for each service: whether it runs, and where."""
    from awe.services import sharing
    from awe.services.cluster import Cluster

    home = home or home_directory()
    environment = elsewhere.configured(home)
    if environment is not None:
        return elsewhere.status(environment)
    endpoints = _read(home, "endpoints.json")
    server = Identity.from_record(_read(home, "state.json").get("server"))
    lines = {"home": str(home), "database": Cluster(home).status().partition(": ")[2]}
    if server is not None and server.alive:
        where = f"http://{endpoints.get('data_server')}:{endpoints.get('data_port')}"
        lines["awe-server"] = f"running (process {server.pid}), {where}"
    else:
        lines["awe-server"] = "not running"
    shared = sharing.opened(home)
    lines["others"] = f"may log in at {shared.database_name}" if shared else "no access"
    if home.exists() and shutil.disk_usage(home).free < LOW_SPACE:
        free = shutil.disk_usage(home).free // 2**20
        lines["disk"] = f"only {free} MB left below {home}; free some before new work"
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
    elsewhere.refuse(cluster.home)
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
    the password lies with those of the services.
    """
    from awe.db import people

    known = read_secrets(home)
    with closing(superuser(home)) as connection:
        if name not in known:
            known[name] = people.new_password()
            _write(home, "secrets.json", known)
        _register(connection, name, known[name], full_name)
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
    state = {**_read(home, "state.json"), "server": me.to_record() if me else None}
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
        msg = f"{path} has mode {mode:04o}, others can read it; wanted 0600: chmod 600 {path}"
        raise ConfigError(msg)
    return _read(home, "secrets.json")


# -- the database ----------------------------------------------------------------------------


def _start_cluster(home: Path, say: Progress) -> None:
    from awe.db import people, schema
    from awe.services.cluster import Cluster

    cluster = Cluster(home)
    fresh = not cluster.record.exists()
    say("making the database" if fresh else "starting the database")
    process = cluster.start()
    known = read_secrets(home)
    for role in SERVICE_ROLES:
        known.setdefault(role, people.new_password())
    _write(home, "secrets.json", known)
    schema.install(cluster.superuser(), {role: known[role] for role in SERVICE_ROLES})
    with closing(superuser(home)) as connection:
        _register_owner(home, connection)
    endpoints = {**_read(home, "endpoints.json"), "database_name": cluster.endpoint}
    _write(home, "endpoints.json", endpoints)
    _write(home, "state.json", {**_read(home, "state.json"), "cluster": process.to_record()})


def _register_owner(home: Path, connection: Any) -> None:
    """Give the person who owns the installation a login, as anybody else has."""
    from awe.db import people

    path = home / "Environment.cfg"
    login = owner_login()
    if path.exists():
        login, password = _read_login(path)
    else:
        password = people.new_password()
        _write_configuration(path, login, password)
    if _register(connection, login, password, _full_name()):
        people.add_member(connection, "TUTORIAL2015", login)


def _register(connection: Any, name: str, password: str, full_name: str) -> bool:
    """Make the login or set its password; True if it is new."""
    from awe.db import people

    known = {person.name.lower(): person for person in people.people(connection)}
    if name not in known:
        people.add_person(connection, name, password, full_name)
        return True
    if known[name].removed:
        msg = f"user {name.upper()} was removed; choose another database_user"
        raise Refused(msg)
    people.set_password(connection, name, password)
    return False


def owner_login() -> str:
    """Return the login awe gives to the owner of this process."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError as error:
        msg = f"account number {os.getuid()} has no name on this machine"
        raise NotFound(msg) from error
    return f"aw{re.sub(r'[^a-z0-9_]', '_', name.lower())}"[:31]


def _full_name() -> str:
    return pwd.getpwuid(os.getuid()).pw_gecos.split(",")[0]


def _read_login(path: Path) -> tuple[str, str]:
    import configparser

    # Environment.load has refused a file that others can read or that is not INI.
    Environment.load()
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(path.read_text())
    section = parser["global"] if parser.has_section("global") else {}
    login, password = section.get("database_user", ""), section.get("database_password", "")
    if not (login and password):
        msg = (
            f"configuration {path} has no database_user and database_password; add them, or "
            "move the file away to have one made"
        )
        raise ConfigError(msg)
    return login.lower(), password


def _write_configuration(path: Path, login: str, password: str) -> None:
    text = (
        "; Your login at the embedded database. Keep it to yourself: chmod 600.\n"
        "[global]\n"
        f"database_user     : {login}\n"
        f"database_password : {password}\n"
        "project           : OMEGACAM@VST\n"
        "privileges        : 1\n"
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


# -- awe-server ------------------------------------------------------------------------------


def _start_server(home: Path, say: Progress) -> None:
    old = Identity.from_record(_read(home, "state.json").get("server"))
    if old is not None and old.alive:
        return
    say("starting the dataserver")
    log = home / "services" / "server.log"
    offset = log.stat().st_size if log.exists() else 0
    child = detach(
        [*PYTHON, "-m", "awe.services.server"],
        log=log, environment=_server_environment(home), directory=home,
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


def _server_environment(home: Path) -> dict[str, str]:
    """Return this environment without the settings of one person's session."""
    keys = Environment.keys_declared()
    personal = {*keys, *(f"AWE_{key.upper()}" for key in keys)}
    kept = {k: v for k, v in os.environ.items() if k not in personal and not k.startswith("PG")}
    return {**kept, "AWE_HOME": str(home)}


# -- small files -----------------------------------------------------------------------------


def _all_alive(home: Path) -> bool:
    state = _read(home, "state.json")
    for name in ("cluster", "server"):
        found = Identity.from_record(state.get(name))
        if found is None or not found.alive:
            return False
    return True


def _read(home: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads((home / "services" / name).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError as error:
        msg = f"{home / 'services' / name} is damaged ({error}); remove it and start again"
        raise ConfigError(msg) from error
    return dict(found)


def _write(home: Path, name: str, values: Mapping[str, Any]) -> None:
    folder = home / "services"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = folder / f".{name}.{os.getpid()}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(values, file, indent=1)
    fresh.replace(folder / name)


@contextmanager
def _lock(home: Path) -> Iterator[None]:
    """Hold the installation's lock; the system gives it back when its holder dies."""
    import fcntl

    from awe.services.cluster import Cluster

    Cluster(home).prepare_home()
    with (home / "services" / "lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        me = identify(os.getpid())
        file.truncate(0)
        file.write(json.dumps(me.to_record() if me else {}))
        file.flush()
        yield


def _silent(_: str) -> None:
    """Say nothing."""
