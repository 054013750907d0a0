"""Opening an installation to other accounts of the same machine, and closing it again.

An installation is closed: its socket is in a directory only the server's account can enter.
Opened, it has a second socket in a directory everybody can pass and only the server can write
to, so nobody can put a socket of their own there; every login still needs its password. The
dataserver keeps one port, below the numbers that systems hand out, so that what people wrote
into their configuration stays true. Other machines are not let in here.
"""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from awe.errors import ConfigError
from awe.services import account as accounts
from awe.services import records
from awe.services.account import Account
from awe.services.place import LONGEST_SOCKET, Place

__all__ = [
    "CONNECTIONS",
    "Opening",
    "clear",
    "close",
    "moved",
    "opened",
    "opening",
    "prepare",
    "reopen",
]

RECORD = "sharing.json"
#: Ports for the dataserver of a shared installation; systems hand out numbers from 32768 on.
PORTS = range(8470, 8570)
#: Connections the database takes while it is shared: 30 people with 10 each, and the services.
CONNECTIONS = 400
MODE = 0o711


@dataclass(frozen=True, kw_only=True)
class Opening:
    """Where other accounts find the services of an installation.

    Attributes
    ----------
    directory : str
        Directory of the second socket of the database.
    data_port : int
        Port of the dataserver on 127.0.0.1.
    """

    directory: str
    data_port: int

    @property
    def database_name(self) -> str:
        """Value of `database_name` for everybody on this machine."""
        return f"{self.directory}:5432/awe"

    def psql(self, login: str) -> str:
        """Return the command that logs in with psql."""
        return f'psql "host={self.directory} port=5432 dbname=awe user={login}"'


def opened(home: Path) -> Opening | None:
    """Return how the installation is open to others, None while it is closed."""
    path = home / "services" / RECORD
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        return Opening(directory=str(found["directory"]), data_port=int(found["data_port"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path} is damaged ({error!r}); remove it and run awe-admin share again"
        raise ConfigError(msg) from error


def opening(home: Path, directory: Path | None = None) -> Opening:
    """Record that the installation is to be open, from the next start of its services on.

    Parameters
    ----------
    home : Path
        The installation, which has a database.
    directory : Path, optional
        An existing directory other accounts can pass, to hold that of the socket; AWE_HOME or
        the database's own directory when left out.

    Raises
    ------
    ConfigError
        Other accounts cannot pass the directory, or could write to it.
    """
    known = opened(home)
    if known is not None and directory is None:
        return known
    base = _checked(directory) if directory else _choose(home)
    made = Opening(
        directory=str(base / f"awe-{uuid4().hex[:8]}"),
        data_port=known.data_port if known else _port(),
    )
    longest = f"{made.directory}/.s.PGSQL.5432"
    if len(longest) > LONGEST_SOCKET:
        msg = (
            f"{longest} has {len(longest)} characters, a socket may have {LONGEST_SOCKET}; name a "
            "directory with a shorter path: awe-admin share --directory DIRECTORY"
        )
        raise ConfigError(msg)
    records.write(home, RECORD, asdict(made))
    return made


def reopen(home: Path, former: Opening) -> str:
    """Open a restored installation under its old address, where that is free.

    Returns
    -------
    str
        What changed for the people who wrote the address down, in one line; empty if nothing.
    """
    folder = Path(former.directory)
    taken = folder.exists() or former.data_port not in _free((former.data_port,))
    if not taken:
        try:
            folder.parent.mkdir(mode=MODE, parents=True, exist_ok=True)
            _checked(folder.parent)
        except (OSError, ConfigError):
            taken = True
    if not taken:
        records.write(home, RECORD, asdict(former))
        return ""
    return (
        f"closed to others: their address {former.database_name} is in use or cannot be made; "
        "awe-admin share opens it under another, for everybody's Environment.cfg"
    )


def moved(home: Path, port: int) -> str | None:
    """Return what to say if the dataserver answers at another port than others configured."""
    known = opened(home)
    if known is None or known.data_port == port:
        return None
    return (
        f"port {known.data_port} of this machine is taken by another program: the dataserver "
        f"answers at {port}; the prompts of this machine are told by the database"
    )


def close(home: Path) -> Opening | None:
    """Forget that the installation is open; return how it was, None if it was closed."""
    known = opened(home)
    (home / "services" / RECORD).unlink(missing_ok=True)
    if known is not None:
        clear(known)
    return known


def clear(known: Opening) -> None:
    """Remove the directory of the second socket; the services must be stopped."""
    folder = Path(known.directory)
    for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir():
        folder.rmdir()


def prepare(home: Path, account: Account) -> Opening | None:
    """Make the directory of the second socket, if the installation is open; return where."""
    known = opened(home)
    if known is not None:
        directory = Path(known.directory)
        _checked(directory.parent)
        accounts.own_directory(directory, account, MODE)
    return known


def _choose(home: Path) -> Path:
    for base in (home, Place.read(home).base):
        if _obstacle(base) is None:
            return base
    msg = (
        f"other accounts cannot use {home}: {_obstacle(home)}; name a directory "
        "they can pass: awe-admin share --directory DIRECTORY"
    )
    raise ConfigError(msg)


def _checked(directory: Path) -> Path:
    reason = _obstacle(directory)
    if reason is not None:
        msg = f"{directory} cannot hold the socket other accounts use: {reason}"
        raise ConfigError(msg)
    return directory.absolute()


def _obstacle(directory: Path) -> str | None:
    """Return why other accounts cannot pass `directory` safely, None if they can."""
    directory = directory.absolute()
    if not directory.is_dir() or directory.is_symlink():
        return f"{directory} is not a directory"
    found = directory.stat()
    if found.st_uid != os.getuid():
        return f"{directory} belongs to another account"
    if found.st_mode & 0o022:
        return f"others can write to {directory} (mode {stat.S_IMODE(found.st_mode):04o})"
    for each in (directory, *directory.parents):
        mode = each.stat().st_mode
        if not mode & stat.S_IXOTH:
            return f"{each} has mode {stat.S_IMODE(mode):04o}; chmod o+x {each}"
        # Whoever can write to a directory can rename what is in it, unless it is sticky.
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return f"everybody can write to {each} (mode {stat.S_IMODE(mode):04o})"
    return None


def _port() -> int:
    for port in _free(PORTS):
        return port
    msg = f"the ports {PORTS.start} to {PORTS.stop - 1} of this machine are all taken"
    raise ConfigError(msg)


def _free(ports: Iterable[int]) -> Iterator[int]:
    """Yield those of the ports nobody listens on."""
    for port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                # taken, or not for this account: the next one is as good
                continue
        yield port
