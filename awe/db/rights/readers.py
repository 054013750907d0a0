"""Who read which file, as the dataserver noted it.

One sees one's own readings, those of one's own files, and as a manager those of the project's
files at level 2 and above. Files that somebody reads in a cache of their own are not seen here.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from awe import columns
from awe.db.server.connection import database
from awe.errors import ArgumentError
from awe.terminal import harmless

if TYPE_CHECKING:
    from awe.db.objects.base import DBObject

__all__ = ["Reading", "Readings", "who_read"]

HEADS = ("last (UTC)", "who", "times", "file")

_QUERY = """
SELECT r.day, r.last AT TIME ZONE 'UTC', coalesce(upper(u.role_name), '(no login)'), r.times,
       f.filename
  FROM awe.reading r JOIN awe.file f ON f.id = r.file LEFT JOIN awe.users u ON u.id = r.user_id
 WHERE {condition} ORDER BY r.last DESC, f.filename LIMIT %(limit)s"""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one person read of one file on one day.

    Attributes
    ----------
    day : date
        Day [UTC].
    last : datetime
        Moment of the last reading of that day [UTC].
    user : str
        Login of the reader, `(no login)` for the world.
    times : int
        Number of requests.
    filename : str
        Name of the file.
    """

    day: datetime.date
    last: datetime.datetime
    user: str
    times: int
    filename: str


class Readings(tuple[Reading, ...]):
    """Readings, the last one first; a table at the prompt."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self:
            return "nobody has read them, as far as you may know"
        return harmless(columns.text(HEADS, self._rows()))

    def _repr_html_(self) -> str:
        return columns.html(HEADS, self._rows()) if self else repr(self)

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (f"{one.last:%Y-%m-%d %H:%M:%S}", one.user, str(one.times), one.filename)
            for one in self
        ]


def who_read(objects: Sequence[DBObject] | None = None, *, limit: int = 100) -> Readings:
    """Return who read the files of objects, or all one may know of, the last reading first.

    Raises
    ------
    ArgumentError
        An object has no file.
    """
    condition = "true" if objects is None else "r.file = ANY(%(ids)s::uuid[])"
    ids = []
    for item in objects or ():
        file_id = getattr(item, "file", None) if "file" in item._attributes else None
        if file_id is None:
            msg = f"{item!r} has no file that somebody could read"
            raise ArgumentError(msg)
        ids.append(str(file_id))
    rows = database.execute(_QUERY.format(condition=condition), {"limit": limit, "ids": ids})
    names = tuple(Reading.__dataclass_fields__)
    return Readings(Reading(**dict(zip(names, row, strict=True))) for row in rows)
