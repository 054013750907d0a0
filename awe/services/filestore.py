"""Where the stored files of an installation are: below its home, in another folder, or far away.

Owns `services/store.json`, which its owner alone can read: the place, and the login there. A home
without it has its files in `AWE_HOME/files`. In another place a note says whose files they are,
and without it nothing is read, stored or called lost: it may be a disk that is not mounted.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.config import Environment
from awe.dataserver.store import RESERVE, Store
from awe.errors import ConfigError
from awe.lazy import resolve
from awe.services import records
from awe.services.place import Place

if TYPE_CHECKING:
    from awe.dataserver.far import FarStore

__all__ = ["HOME", "RECORD", "files_of", "open_store", "record_of", "whose"]

RECORD = "store.json"
#: What names the folder of the home itself.
HOME = "home"
#: What says whose files are in another folder.
NOTE = ".awe-store.json"


def record_of(home: Path) -> dict[str, Any]:
    """Return where the files are and the options of that place; empty for the home's own folder.

    Raises
    ------
    ConfigError
        Others could read the login in it.
    """
    path = home / "services" / RECORD
    if path.exists() and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
        msg = f"{path} has mode {mode:04o}, others can read it; expected 0600: chmod 600 {path}"
        raise ConfigError(msg)
    return records.read(home, RECORD)


def files_of(home: Path, *, reserve: int = RESERVE) -> Store:
    """Return the store of an installation's files.

    Parameters
    ----------
    home : Path
        The home of the installation.
    reserve : int
        Bytes of free space that uploads leave alone.

    Raises
    ------
    StoreAway
        The place does not answer, or its note is missing.
    ConfigError
        It has the files of somebody else, or its library is not installed.
    """
    record = record_of(home)
    if not record:
        return Store(home / "files", reserve=reserve)
    return open_store(home, record["place"], record.get("options", {}), reserve=reserve)


def open_store(
    home: Path,
    place: str,
    options: Mapping[str, Any],
    *,
    reserve: int = RESERVE,
    claim: bool = False,
) -> Store:
    """Return the store at a place, `home`, a folder or a URL, whether anything is there or not.

    Parameters
    ----------
    home : Path
        The home of the installation.
    place : str
        The place.
    options : mapping
        Arguments of the file system of a URL.
    reserve : int
        Bytes of free space that uploads leave alone.
    claim : bool
        Whether the place becomes this installation's; nothing may be there.
    """
    if place == HOME:
        return Store(home / "files", reserve=reserve)
    if "://" in place:
        # with the library of such places, which takes long to load and need not be installed
        far_store: type[FarStore] = resolve("awe.dataserver.far:FarStore")
        far = far_store(home / "files", place, options, reserve=reserve, owner=whose(home))
        if claim:
            far.claim()
        far.require()
        return far
    folder = Path(place)
    if claim:
        _claim(folder, whose(home))
    store = Store(folder, reserve=reserve, note=NOTE)
    _compare(folder / NOTE, whose(home))
    return store


def whose(home: Path) -> str:
    """Return the name of the installation, which is noted where its files are."""
    if (home / "services" / "cluster.json").exists():
        return Place.read(home).installation
    # its database is elsewhere, and served by one awe-server at a time
    return Environment.load().database_name


def _claim(folder: Path, owner: str) -> None:
    note = folder / NOTE
    if note.exists():
        _compare(note, owner)
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        msg = f"{folder} is not empty; name a folder with nothing in it"
        raise ConfigError(msg)
    with os.fdopen(os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"owner": owner}, file)


def _compare(note: Path, owner: str) -> None:
    try:
        found = json.loads(note.read_text())["owner"]
    except (OSError, ValueError, KeyError, TypeError):
        found = None
    if found != owner:
        msg = f"the files in {note.parent} are those of another installation; name another folder"
        raise ConfigError(msg)
