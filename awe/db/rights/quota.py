"""What people and projects have of files, and may have; decided and counted by the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from awe import columns
from awe.db.rights.people import role_name, run
from awe.db.server.connection import database
from awe.terminal import harmless

__all__ = ["Usage", "Used", "everything", "set_quota", "usage"]

_QUESTION = (
    "SELECT project, person, files, bytes, most FROM awe.usage() "
    "ORDER BY project NULLS FIRST, person NULLS FIRST"
)


@dataclass(frozen=True, kw_only=True)
class Used:
    """Files of a person, of a project, or of a person in a project.

    Attributes
    ----------
    project, person : str or None
        Whose; None for all projects, and for all people.
    files, size : int
        Number of files, and their bytes.
    most : int or None
        Bytes they may have; None where nothing limits them.
    """

    project: str | None
    person: str | None
    files: int
    size: int
    most: int | None


class Usage(tuple[Used, ...]):
    """What is used, one entry each; a table at the prompt."""

    def __repr__(self) -> str:
        rows = [
            (
                one.project or "",
                one.person or "",
                one.files,
                readable(one.size),
                "" if one.most is None else readable(one.most),
            )
            for one in self
        ]
        return harmless(columns.text(("project", "person", "files", "used", "quota"), rows))


def usage() -> Usage:
    """Return what the current user has, and what the projects have that they manage."""
    return _made(database.execute(_QUESTION))


def everything(connection: Any) -> Usage:
    """Return what everybody and every project has.

    Parameters
    ----------
    connection : connection
        Connection of the superuser.
    """
    return _made(run(connection, _QUESTION))


def set_quota(
    connection: Any, size: int | None, *, person: str = "", project: str = ""
) -> None:
    """Set what a person or a project may have; without either everybody who has no own.

    Parameters
    ----------
    connection : connection
        Connection of the superuser.
    size : int or None
        Bytes; None takes the quota away.
    person, project : str, optional
        Whose.

    Raises
    ------
    Refused
        There is no such person or project.
    """
    given = (role_name(person) if person else None, project or None, size)
    run(connection, "SELECT awe.quota_set(%s, %s, %s)", given)


def readable(size: int) -> str:
    """Return bytes as people write them."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _made(rows: Sequence[tuple[Any, ...]]) -> Usage:
    return Usage(
        Used(project=row[0], person=row[1], files=int(row[2]), size=int(row[3]), most=row[4])
        for row in rows
    )
