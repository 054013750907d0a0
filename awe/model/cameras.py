"""Descriptions of cameras in the database, for processes that have no file of theirs.

A description is text, checked as a file is; the person who brought a camera in keeps it there. A
file of one's own goes first, and what differs is told.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

from awe import instruments
from awe.db.server.connection import database
from awe.errors import AweError, NotFound

__all__ = ["keep", "kept", "replace"]

#: seconds for which a process believes what it read
FRESH = 60.0


def kept(name: str) -> str | None:
    """Return the description of a camera in the database, or None without one.

    Parameters
    ----------
    name : str
        Name of the camera.
    """
    if not database.connected:
        return None
    read = database.memory.setdefault("cameras", {})
    known: tuple[float, str | None] = read.get(name, (-FRESH, None))
    if time.monotonic() - known[0] < FRESH:
        return known[1]
    rows = database.execute("SELECT description FROM awe.camera WHERE name = %s", (name,))
    found = str(rows[0][0]) if rows else None
    read[name] = (time.monotonic(), found)
    return found


def keep(name: str) -> str:
    """Keep the description of a camera, where it is that of a file of one's own.

    Parameters
    ----------
    name : str
        Name of the camera.

    Returns
    -------
    str
        What there is to know: the database has another one, or does not take it from you.
    """
    text = instruments.own_text(name)
    if text is None:
        return ""
    found = _fresh(name)
    if found == text:
        return ""
    if found is not None:
        return (
            f"the description of {name} in the database is another one ({_mark(found)}) than "
            f"yours ({_mark(text)}): workers without a file use that; awe-admin instrument "
            f"update {name} replaces it"
        )
    try:
        with database.transaction():
            database.execute(
                "INSERT INTO awe.camera (name, description) VALUES (%s, %s)", (name, text)
            )
    except AweError:
        return (
            f"the description of {name} is not in the database, and another person brought the "
            f"camera in: ask for awe-admin instrument update {name}"
        )
    database.memory.pop("cameras", None)
    return ""


def replace(connection: Any, name: str, text: str) -> str:
    """Put a description in the place of that in the database, as its administrator.

    Parameters
    ----------
    connection : connection of psycopg2
        Of a superuser.
    name : str
        Name of the camera.
    text : str
        The description.

    Returns
    -------
    str
        What was done.

    Raises
    ------
    NotFound
        No frames of the camera came in.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT description FROM awe.camera WHERE name = %s", (name,))
        if (before := cursor.fetchone()) is not None and before[0] == text:
            return "the database has this description already"
        # it stays that of the person who brought the camera in
        cursor.execute(
            "INSERT INTO awe.camera (name, description, keeper) "
            "SELECT i.name, %s, i._creator FROM awe.instrument i WHERE i.name = %s "
            "ON CONFLICT (name) DO UPDATE SET description = excluded.description, "
            "keeper = excluded.keeper, kept = now()",
            (text, name),
        )
        if not cursor.rowcount:
            msg = f"no frames of {name} are in the database: its description comes with the first"
            raise NotFound(msg)
    told = "kept" if before is None else f"{_mark(text)} replaced {_mark(before[0])}"
    return f"{told}; workers read it within {FRESH:g} s"


def _fresh(name: str) -> str | None:
    database.memory.pop("cameras", None)
    return kept(name)


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
