"""How far the members of a project are: what each has made, their jobs, their last step.

For whoever teaches or leads a project. The numbers are those of the objects and jobs that the
asker may see, so a manager sees what members share (level 2 and above), not their drafts.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from awe import columns
from awe.db.declare import registry
from awe.db.query.compiler import table
from awe.db.rights import projects
from awe.db.server.connection import database
from awe.model.mixins import Product
from awe.terminal import harmless

__all__ = ["Member", "Progress", "progress"]

_MEMBERS = """
SELECT u.id, upper(u.role_name::text), u.full_name FROM awe.member m
  JOIN awe.users u ON u.id = m.user_id
 WHERE m.project_id = %s AND u.removed IS NULL ORDER BY 2"""
_MADE = "SELECT _creator, %s, count(*), max(creation_date) FROM {} WHERE _project = %s GROUP BY 1"
_JOBS = """
SELECT user_id, state::text, count(*), max(coalesce(ended, started, submitted)) AT TIME ZONE 'UTC'
  FROM awe.job WHERE project = %s GROUP BY 1, 2"""


@dataclass(frozen=True, kw_only=True)
class Member:
    """What one member of a project has.

    Attributes
    ----------
    name, full_name : str
        Login and name.
    made : mapping of str to int
        Number of objects by class.
    jobs : mapping of str to int
        Number of jobs by state.
    last : datetime or None
        Moment of the last object or job [UTC]; None if there is nothing.
    """

    name: str
    full_name: str
    made: Mapping[str, int]
    jobs: Mapping[str, int]
    last: datetime.datetime | None


class Progress(tuple[Member, ...]):
    """Members of a project by name; a table at the prompt and in notebooks."""

    @property
    def classes(self) -> list[str]:
        """Return the classes of which somebody has something, the most common first."""
        held: dict[str, int] = {}
        for member in self:
            for name in member.made:
                held[name] = held.get(name, 0) + 1
        return sorted(held, key=lambda name: (-held[name], name))

    def rows(self) -> list[tuple[str, ...]]:
        """Return the cells of the table, a row for each member."""
        classes = self.classes
        return [
            (
                one.name,
                *(str(one.made.get(name, "")) for name in classes),
                ", ".join(f"{number} {state}" for state, number in one.jobs.items()),
                f"{one.last:%Y-%m-%d %H:%M}" if one.last else "",
            )
            for one in self
        ]

    @property
    def heads(self) -> tuple[str, ...]:
        """Return the heads of the table."""
        return ("member", *self.classes, "jobs", "last (UTC)")

    def __repr__(self) -> str:
        if not self:
            return "the project has no members"
        return harmless(columns.text(self.heads, self.rows()))

    def _repr_html_(self) -> str:
        return columns.html(self.heads, self.rows()) if self else repr(self)


def progress(project: str | None = None) -> Progress:
    """Return what each member of a project has made and may be seen of.

    Parameters
    ----------
    project : str, optional
        One of your projects; the current one when left out.

    Raises
    ------
    ProjectUnknown
        There is no such project of yours.
    """
    found = projects.find_project(project) if project else projects.current_project()
    made: dict[int, dict[str, int]] = {}
    jobs: dict[int, dict[str, int]] = {}
    last: dict[int, datetime.datetime] = {}
    for into, rows in ((made, _made(found.id)), (jobs, database.execute(_JOBS, (found.id,)))):
        for person, word, number, moment in rows:
            into.setdefault(person, {})[word] = number
            last[person] = max(last.get(person, moment), moment)
    return Progress(
        Member(name=name, full_name=full_name, made=made.get(person, {}),
               jobs=jobs.get(person, {}), last=last.get(person))
        for person, name, full_name in database.execute(_MEMBERS, (found.id,))
    )  # fmt: skip


def _made(project: int) -> list[tuple[int, str, int, datetime.datetime]]:
    """Return (creator, class, number, last date) of the products of a project."""
    registry.complete()
    kinds = [cls for cls in registry.registry.values() if issubclass(cls, Product)]
    statement = " UNION ALL ".join(_MADE.format(table(cls)) for cls in kinds)
    return database.execute(
        statement, tuple(value for cls in kinds for value in (cls.__name__, project))
    )
