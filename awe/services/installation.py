"""One installation: the home it lives in, what its services wrote down there, and their secrets.

Owns `state.json` (which processes are the services, of which home, of which edition of awe),
`endpoints.json`, `secrets.json` and the lock that guards them; `cluster.json` is the database's,
which is here as `cluster`. A state that another home wrote, because it was copied with it, counts
for nothing. Starts and stops nothing: `awe.services.stack` does.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from awe.config import home_directory
from awe.errors import ConfigError, ServiceDown
from awe.imports import PYTHON
from awe.services import records
from awe.services.edition import edition, outdated
from awe.services.process import Identity, identify

if TYPE_CHECKING:
    from awe.services.cluster import Cluster

__all__ = ["COMMANDS", "SERVICES", "Installation"]

STATE = "state.json"
ENDPOINTS = "endpoints.json"
SECRETS = "secrets.json"
#: The processes of an installation, under their names in `state.json`.
SERVICES = ("cluster", "server", "keeper")
#: What those of them that are Python are started with.
COMMANDS = {
    "server": (*PYTHON, "-m", "awe.services.server"),
    "keeper": (*PYTHON, "-m", "awe.services.keeper"),
}


class Installation:
    """The installation in one home, made or not.

    Nothing is kept in memory but the place: what is asked is read from the records each time,
    because other processes write them.

    Parameters
    ----------
    home : Path, optional
        Directory of the installation; `AWE_HOME` when left out.
    """

    def __init__(self, home: Path | None = None) -> None:
        self.home = home or home_directory()

    def __repr__(self) -> str:
        return f"Installation({str(self.home)!r})"

    @property
    def services(self) -> Path:
        """Directory of the records, the logs and the lock."""
        return self.home / "services"

    @cached_property
    def cluster(self) -> Cluster:
        """The database server."""
        from awe.services.cluster import Cluster

        return Cluster(self.home)

    # -- the records -------------------------------------------------------------------------

    @property
    def state(self) -> dict[str, Any]:
        """Which processes are the services, and whether they are wanted."""
        return records.read(self.home, STATE)

    def note(self, **values: Any) -> None:
        """Change values of the state."""
        records.write(self.home, STATE, {**self.state, **values})

    def note_all(self, values: Mapping[str, Any]) -> None:
        """Replace the state."""
        records.write(self.home, STATE, values)

    @property
    def endpoints(self) -> dict[str, str]:
        """Where the services answer, as configuration keys with their values."""
        return records.read(self.home, ENDPOINTS)

    def note_endpoints(self, **values: object) -> None:
        """Change where the services answer."""
        known = {**self.endpoints, **{key: str(value) for key, value in values.items()}}
        records.write(self.home, ENDPOINTS, known)

    def note_server(self, **values: object) -> None:
        """Write where the calling service answers, and that this process is it.

        Parameters
        ----------
        **values
            Configuration keys with their values, such as `data_port=40123`.
        """
        self.note_endpoints(**values)
        me = identify(os.getpid())
        self.note(server=me.to_record() if me else None, edition=edition())

    @property
    def secrets(self) -> dict[str, str]:
        """The services' passwords by role.

        Raises
        ------
        ConfigError
            Others could read them.
        """
        path = self.services / SECRETS
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            mode = stat.S_IMODE(path.stat().st_mode)
            msg = (
                f"{path} has mode {mode:04o}, others can read it; expected 0600: chmod 600 {path}"
            )
            raise ConfigError(msg)
        return records.read(self.home, SECRETS)

    def keep_secrets(self, known: Mapping[str, str]) -> None:
        """Replace the services' passwords."""
        records.write(self.home, SECRETS, known)

    # -- what runs ---------------------------------------------------------------------------

    def process(self, name: str) -> Identity | None:
        """Return the recorded process of a service while it lives, None otherwise."""
        state = self.state
        found = Identity.from_record(state.get(name)) if self._wrote(state) else None
        return found if found is not None and found.alive else None

    @property
    def all_alive(self) -> bool:
        """True if every service of this home runs."""
        return self._all_alive(self.state)

    @property
    def ready(self) -> bool:
        """True if every service runs, with the code of this process or newer."""
        state = self.state
        return self._all_alive(state) and not outdated(state.get("edition"))

    @property
    def wanted(self) -> bool:
        """True if the services were started and nobody has stopped them."""
        state = self.state
        return "home" in state and self._wrote(state) and not state.get("stopped")

    def outdated(self, *, thorough: bool = False) -> bool:
        """Return True if awe-server is to be replaced by one of this process's code."""
        return outdated(self.state.get("edition"), thorough=thorough)

    def _all_alive(self, state: Mapping[str, Any]) -> bool:
        if not self._wrote(state):
            return False
        for name in SERVICES:
            found = Identity.from_record(state.get(name))
            if found is None or not found.alive:
                return False
        return True

    def _wrote(self, state: Mapping[str, Any]) -> bool:
        """Return True if this home wrote the state; older ones did not say."""
        home = self.home
        return state.get("home", str(home)) in (str(home), str(home.resolve()))

    # -- the lock ----------------------------------------------------------------------------

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the installation's lock; the system gives it back when its holder dies.

        Raises
        ------
        ServiceDown
            The home cannot be written to.
        """
        with self._locked() as file:
            me = identify(os.getpid())
            file.truncate(0)
            file.write(json.dumps(me.to_record() if me else {}))
            file.flush()
            yield

    def _locked(self) -> IO[str]:
        path = self.services / "lock"
        while True:
            try:
                records.prepare(self.home)
                file = path.open("a+")
            except FileNotFoundError:
                # an installation is being removed here
                continue
            except OSError as error:
                msg = (
                    f"{self.home} cannot be written to: {error.strerror}; "
                    "services start and stop only there"
                )
                raise ServiceDown(msg) from error
            # Held by this open file alone: services started meanwhile do not inherit it (PEP 446).
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    return file
            except FileNotFoundError:
                # removed with the installation by whoever had it: the next one has another
                pass
            file.close()
