"""What the services of an installation wrote about themselves, and the lock that guards it.

Small JSON files in `services/`, each replaced whole: `state.json` (which processes are the
services, of which home, of which edition of awe), `endpoints.json`, `secrets.json`. A state that
another home wrote, because it was copied with it, counts for nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from awe.errors import ConfigError, ServiceDown
from awe.services.process import Identity, identify

__all__ = ["SERVICES", "all_alive", "lock", "process", "read", "wanted", "write"]

#: The processes of an installation, under their names in `state.json`.
SERVICES = ("cluster", "server", "keeper")


def read(home: Path, name: str) -> dict[str, Any]:
    """Return the values of one file, none where it does not exist.

    Raises
    ------
    ConfigError
        The file is damaged.
    """
    try:
        found = json.loads((home / "services" / name).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError as error:
        msg = f"{home / 'services' / name} is damaged ({error}); remove it and start again"
        raise ConfigError(msg) from error
    return dict(found)


def write(home: Path, name: str, values: Mapping[str, Any]) -> None:
    """Replace one file by these values; only the owner can read it."""
    folder = home / "services"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = folder / f".{name}.{os.getpid()}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(values, file, indent=1)
    fresh.replace(folder / name)


def process(home: Path, name: str) -> Identity | None:
    """Return the recorded process of a service while it lives, None otherwise."""
    state = read(home, "state.json")
    found = Identity.from_record(state.get(name)) if _of(state, home) else None
    return found if found is not None and found.alive else None


def all_alive(home: Path) -> bool:
    """Return True if every service of this home runs."""
    state = read(home, "state.json")
    if not _of(state, home):
        return False
    for name in SERVICES:
        found = Identity.from_record(state.get(name))
        if found is None or not found.alive:
            return False
    return True


def wanted(home: Path) -> bool:
    """Return True if the services of this home were started and nobody has stopped them."""
    state = read(home, "state.json")
    return "home" in state and _of(state, home) and not state.get("stopped")


def _of(state: Mapping[str, Any], home: Path) -> bool:
    """Return True if that home wrote the state; older ones did not say."""
    return state.get("home", str(home)) in (str(home), str(home.resolve()))


@contextmanager
def lock(home: Path) -> Iterator[None]:
    """Hold the installation's lock; the system gives it back when its holder dies.

    Raises
    ------
    ServiceDown
        The home cannot be written to.
    """
    with _locked(home) as file:
        me = identify(os.getpid())
        file.truncate(0)
        file.write(json.dumps(me.to_record() if me else {}))
        file.flush()
        yield


def _locked(home: Path) -> IO[str]:
    import fcntl

    from awe.services.cluster import Cluster

    path = home / "services" / "lock"
    while True:
        try:
            Cluster(home).prepare_home()
            file = path.open("a+")
        except FileNotFoundError:
            # an installation is being removed here
            continue
        except OSError as error:
            msg = (
                f"{home} cannot be written to: {error.strerror}; "
                "services start and stop only there"
            )
            raise ServiceDown(msg) from error
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except FileNotFoundError:
            # removed with the installation by whoever had it: the next one has another
            pass
        file.close()
