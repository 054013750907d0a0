"""The audit trail of objects: who published, judged or deleted them, and when.

Reads what the database wrote by itself at every such change. One sees the entries of one's own
changes and of one's own objects, and as a manager those of the project at level 2 and above;
nobody can write or remove an entry.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from awe import columns
from awe.db.server.connection import database
from awe.errors import NotFound
from awe.terminal import harmless

if TYPE_CHECKING:
    from awe.db.objects.base import DBObject

__all__ = ["Entry", "Trail", "trail"]

HEADS = ("when (UTC)", "who", "what", "of")

_QUERY = """
SELECT a.at AT TIME ZONE 'UTC',
       coalesce(upper(u.role_name), CASE a.login WHEN 'awe_dataserver' THEN 'END OF PERIOD'
                ELSE 'ADMINISTRATOR' END), a.action,
       a.relation, a.object_id, coalesce(upper(c.role_name), ''), coalesce(p.name, ''),
       a.login, a.before, a.after
  FROM awe.audit a LEFT JOIN awe.users u ON u.id = a.user_id
  LEFT JOIN awe.users c ON c.id = a.concerns LEFT JOIN awe.project p ON p.id = a.project
 WHERE {condition} ORDER BY a.id DESC LIMIT %(limit)s"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One change.

    Attributes
    ----------
    at : datetime
        Moment of the change [UTC].
    user : str
        Login of the user who made the change.
    action : str
        Kind of the change: `publish`, `validity`, `delete`, `membership` or `release`.
    relation : str
        Table of the object, or `project`.
    object_id : UUID or None
        Id of the object.
    concerns : str
        Creator of the object, or the member.
    project : str
        Project of the object.
    login : str
        Login of the session, which differs from `user` inside a job.
    before, after : dict or None
        Values that changed; the whole object if it was deleted.
    """

    at: datetime.datetime
    user: str
    action: str
    relation: str
    object_id: UUID | None
    concerns: str
    project: str
    login: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    def __str__(self) -> str:
        when = self.at.strftime("%Y-%m-%d %H:%M:%S")
        return harmless(f"{when}  {self.user}  {self.action}  {self._what()}")

    def _what(self) -> str:
        if self.action == "membership":
            if self.after is None:
                return f"{self.concerns} left {self.project}"
            rank = "manager" if self.after.get("manager") else "member"
            return f"{self.concerns} is a {rank} of {self.project}"
        if self.action == "release":
            after = self.after or {}
            if after.get("level") is None:
                return f"{self.project}: no level rises by itself"
            return (
                f"{self.project}: level {after['level']} after {after['days']} days, "
                f"not before {str(after['begins'])[:16]}"
            )
        name = f"{self.relation.removeprefix('awe.')} {self.object_id}"
        if self.action == "delete":
            return name
        before, after = self.before or {}, self.after or {}
        changes = [
            f"{column.removeprefix('_')} {value!r} -> {after.get(column)!r}"
            for column, value in before.items()
        ]
        return f"{name}: {', '.join(changes)}"


class Trail(tuple[Entry, ...]):
    """Entries, newest first, shown one to a line."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        try:
            return super().__getitem__(index)
        except IndexError:
            msg = f"there is no change {index}: {self._number()}"
            raise NotFound(msg) from None

    def __repr__(self) -> str:
        return columns.text(HEADS, self._rows()) if self else self._number()

    def _repr_html_(self) -> str:
        return columns.html(HEADS, self._rows()) if self else repr(self)

    def _rows(self) -> list[tuple[str, ...]]:
        return [(f"{one.at:%Y-%m-%d %H:%M:%S}", one.user, one.action, one._what()) for one in self]

    def _number(self) -> str:
        if not self:
            return "nothing that you may see was changed; making an object does not count"
        return f"you may see {len(self)}, the newest is 0"


def trail(objects: Sequence[DBObject] | None = None, *, limit: int = 100) -> Trail:
    """Return the changes of objects, or all one may see, newest first."""
    condition = "true" if objects is None else "a.object_id = ANY(%(ids)s::uuid[])"
    values = {"limit": limit, "ids": [str(item.object_id) for item in objects or ()]}
    rows = database.execute(_QUERY.format(condition=condition), values)
    names = tuple(Entry.__dataclass_fields__)
    return Trail(Entry(**dict(zip(names, row, strict=True))) for row in rows)
