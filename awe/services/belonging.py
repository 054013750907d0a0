"""Whether the database a home leads to is its own: copies, moved homes and what they may do.

A home is compared with what its record, the note in the directory of the database and the home
named there say. Using a copy as if it were the original would let two installations write to one
database, or one remove the other's; so a copy is refused in one line until it is adopted, which
makes it an installation of its own. A moved home whose old place is gone and whose data moved
along is adopted by itself.
"""

from __future__ import annotations

import os
import shutil
from enum import Enum
from pathlib import Path
from typing import Any

from psycopg2 import sql

from awe.errors import ConfigError
from awe.services import account as accounts
from awe.services.place import Note, Place, record_of

__all__ = [
    "HALF",
    "Standing",
    "adopt",
    "adopts_itself",
    "explain",
    "leads_to",
    "noted",
    "recognise",
    "require",
    "sign",
]

#: File of a home while a backup is being brought back into it.
HALF = "restoring"
#: What a copy shares with its original if it is a link.
SHARED_BY_LINK = ("database", "files", "dpu", "services", "tutorial")


class Standing(Enum):
    """Relation of a home to the database it leads to."""

    NEW = "no database yet"
    OWN = "its own"
    MOVED = "its own, used from another place before"
    COPY = "a copy of another home"
    TAKEN = "the database is another home's by now"
    LOST = "the database is gone"
    HALF = "a restore was broken off"


def recognise(home: Path) -> Standing:
    """Return the relation of `home` to the database it leads to; change nothing."""
    if (home / HALF).exists():
        return Standing.HALF
    if not record_of(home).exists():
        return Standing.NEW
    place = Place.read(home)
    if not _same(place.home, home):
        return Standing.COPY if _is_original(place.home, place) else _away(place, home)
    if not place.inside(home) and _taken(place, home):
        return Standing.TAKEN
    if place.made and not (place.data / "PG_VERSION").exists():
        return Standing.LOST
    return Standing.OWN


def _away(place: Place, home: Path) -> Standing:
    """Return the standing of a home whose place of before holds this installation no more."""
    if not place.inside(home) and _taken(place, home):
        return Standing.TAKEN
    if place.made and not (place.data / "PG_VERSION").exists():
        return Standing.LOST
    return Standing.MOVED


def adopts_itself(home: Path) -> bool:
    """Return True if a moved home may go on without being told to."""
    return recognise(home) is Standing.MOVED and Place.read(home).inside(home)


def explain(home: Path) -> str | None:
    """Return in one line why `home` may not be used as it is; None where it may."""
    standing = recognise(home)
    if standing in (Standing.NEW, Standing.OWN):
        return None
    if standing is Standing.HALF:
        return (
            f"restoring a backup into {home} was broken off; awe-admin destroy, then restore again"
        )
    place = Place.read(home)
    if standing is Standing.COPY:
        return (
            f"{home} is a copy of {place.home}, which is still there; awe-admin adopt makes it an "
            "installation of its own, awe-admin destroy removes the copy alone"
        )
    if standing is Standing.MOVED:
        return f"{home} was {place.home} before; awe-admin adopt takes note of its new place"
    if standing is Standing.TAKEN:
        note = Note.read(place.base)
        return (
            f"{home} leads to the database in {place.base}, which belongs to "
            f"{note.home if note else 'another home'}; use that, or restore a backup"
        )
    return (
        f"the database of {home} is gone from {place.data}; bring that directory back, restore a "
        "backup into another home, or remove what is left with awe-admin destroy"
    )


def require(home: Path) -> None:
    """Raise unless `home` may use the database it leads to.

    Raises
    ------
    ConfigError
        It is a copy, or the database is gone or another's; the message says what to do.
    """
    reason = explain(home)
    if reason is not None:
        raise ConfigError(reason)


def adopt(home: Path, *, anyway: bool = False) -> str:
    """Make `home` the owner of the database it leads to; return in one line what was done.

    Its services must be stopped. A copy becomes an installation of its own, with another name,
    closed to others and with no jobs on their way.

    Parameters
    ----------
    home : Path
        Directory of the installation.
    anyway : bool
        Whether to take a database that was copied while its server ran.

    Raises
    ------
    ConfigError
        The data are not the home's own: links, or a database outside it.
    """
    standing = recognise(home)
    if standing in (Standing.TAKEN, Standing.LOST, Standing.HALF):
        require(home)
    if standing is Standing.NEW:
        return f"{home} has no database yet; awe-admin start makes one"
    place = Place.read(home)
    before = place.home
    if standing is Standing.COPY:
        _check_copy(place, home, anyway=anyway)
        place = place.with_(installation=os.urandom(6).hex())
        _forget_the_original(place, home)
    if not accounts.reachable(place.base, place.account):
        msg = (
            f"account {place.account.uid}, which the database runs under, cannot reach "
            f"{place.base}; let others pass the directories above it: chmod o+x"
        )
        raise ConfigError(msg)
    if not place.account.own and place.inside(home):
        accounts.hand_over(place.data, place.account)
    Note(str(home.resolve()), place.installation).write(place.base)
    place.with_(former="*").write(home)
    if standing is Standing.OWN:
        return f"{home} uses its own database in {place.base}"
    if standing is Standing.MOVED:
        return f"{home} was {before} before: adopted, its database is in {place.base}"
    return f"{home} was a copy of {before}: an installation of its own now, closed to others"


def noted(home: Path) -> bool:
    """Return True if the note in the database's directory names `home` and its installation."""
    place = Place.read(home)
    note = Note.read(place.base)
    if note is None or not _same(Path(note.home), home):
        return False
    return note.installation in ("", place.installation)


def leads_to(home: Path, base: Path) -> bool:
    """Return True if the record of `home` leads to the database in `base`."""
    try:
        return Place.read(home).base == base
    except (OSError, ConfigError):
        return False


def sign(home: Path, connection: Any) -> None:
    """Compare the name of the installation in the database with that of `home`; write it there.

    Raises
    ------
    ConfigError
        The database is of another installation.
    """
    place = Place.read(home)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('awe.installation', true)")
        found = cursor.fetchone()[0] or ""
        if found == place.installation:
            return
        if found and place.former not in ("*", found):
            msg = (
                f"the database in {place.base} is of installation {found}, {home} is "
                f"{place.installation}: put its own database back, or take this one: "
                "awe-admin adopt"
            )
            raise ConfigError(msg)
        cursor.execute("SELECT current_database()")
        # Read by sessions that begin from now on; a setting with a dot needs no declaration.
        words = sql.SQL("ALTER DATABASE {} SET awe.installation = {}")
        name = sql.Identifier(cursor.fetchone()[0])
        cursor.execute(words.format(name, sql.Literal(place.installation)))
    place.with_(former="").write(home)


def _check_copy(place: Place, home: Path, *, anyway: bool) -> None:
    if not place.inside(home):
        msg = (
            f"{home} has no database of its own: {place.base} is that of {place.home}; make a "
            "backup there and restore it: awe-admin backup, awe-admin restore"
        )
        raise ConfigError(msg)
    for name in SHARED_BY_LINK:
        entry = home / name
        if entry.is_symlink() and not entry.resolve().is_relative_to(home.resolve()):
            msg = (
                f"{entry} leads to {entry.resolve()}, which {place.home} uses; "
                "put a copy of that in its place first"
            )
            raise ConfigError(msg)
    for path in (place.data / "PG_VERSION", place.data / "global" / "pg_control"):
        if path.exists() and path.stat().st_nlink > 1:
            msg = (
                f"{path} is one file with that of {place.home}, under two names: writing here "
                "would write there; copy without hard links: cp -a"
            )
            raise ConfigError(msg)
    if (place.data / "postmaster.pid").exists() and not anyway:
        msg = (
            f"{home} was copied while its database ran, which may have torn it; make a backup of "
            f"{place.home} and restore that, or take the copy as it is: awe-admin adopt --anyway"
        )
        raise ConfigError(msg)


def _forget_the_original(place: Place, home: Path) -> None:
    """Remove from a copy what names processes, sockets and ports of the original."""
    shutil.rmtree(place.base / "socket", ignore_errors=True)
    (place.data / "postmaster.pid").unlink(missing_ok=True)
    for name in ("state.json", "sharing.json", "endpoints.json"):
        (home / "services" / name).unlink(missing_ok=True)
    shutil.rmtree(home / "dpu", ignore_errors=True)


def _same(one: Path, other: Path) -> bool:
    if one == other or one == other.resolve():
        return True
    try:
        return one.samefile(other)
    except OSError:
        # one of them is gone, or not for us to see
        return False


def _is_original(other: Path, place: Place) -> bool:
    """Return True if the installation of `place` is still at `other`."""
    try:
        theirs = Place.read(other)
    except (OSError, ConfigError):
        return False
    return theirs.installation == place.installation


def _taken(place: Place, home: Path) -> bool:
    """Return True if the note in the database's directory names another home that is there."""
    note = Note.read(place.base)
    if note is None or not note.home or _same(Path(note.home), home):
        return False
    if _same(Path(note.home), place.home) and not _is_original(place.home, place):
        return False
    return note.installation != place.installation or record_of(Path(note.home)).exists()
