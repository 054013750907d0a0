"""Projects, users and the names of levels, as the database's directory has them.

Reads the directory and prints a project the way Astro-WISE does. Who may do what in a project
is decided in the database; who is where is changed by `awe.db.rights.people`.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from awe import columns
from awe.db.server import scope
from awe.db.server.connection import database
from awe.errors import ArgumentError, ProjectUnknown, nearest
from awe.terminal import harmless

__all__ = [
    "LEVELS",
    "Place",
    "Project",
    "User",
    "check_level",
    "current_project",
    "find_project",
    "level_text",
    "my_projects",
    "projects",
    "user",
]

#: Levels of privileges: who sees an object.
LEVELS = {1: "MyDB", 2: "Project", 3: "Astro-WISE", 4: "World", 5: "VO"}

#: Who sees what is made at a level, as it is told to a student.
_SEEN_BY = {
    1: "only you see",
    2: "members of the project see",
    3: "every user of this database sees",
    4: "the whole world sees",
    5: "the whole world sees, also through the Virtual Observatory,",
}

_QUERY = """
SELECT p.id, p.name, p.description, p.instrument, p.is_public, p.is_query_only, p.max_privileges,
       p.default_privileges, m.user_id IS NOT NULL, coalesce(m.is_manager, false),
       p.release_level, p.release_days, p.release_begins AT TIME ZONE 'UTC'
  FROM awe.project p LEFT JOIN awe.member m ON m.project_id = p.id AND m.user_id = %s
 ORDER BY p.name"""


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project: where objects live and who works together."""

    id: int
    name: str
    description: str
    instrument: str | None
    is_public: bool
    is_query_only: bool
    max_privileges: int
    default_privileges: int
    is_member: bool
    is_manager: bool
    #: Its proprietary period: the level to which objects rise, days after they were made, and the
    #: moment before which nothing rises [UTC]; None where no level rises by itself.
    release_level: int | None = None
    release_days: int | None = None
    release_begins: datetime.datetime | None = None

    @property
    def is_mine(self) -> bool:
        """True if the current user may work in it."""
        return self.is_member or self.is_public

    def __str__(self) -> str:
        level = scope.current().privileges
        lines = [
            f"   Project:     {self.name}  (id = {self.id})",
            f"   Description: {self.description}",
        ]
        if self.instrument:
            lines.append(f"   Instrument:  {self.instrument}")
        lines += [
            f"   Maximum Privileges: {level_text(self.max_privileges)}",
            f"   Current Privileges: {level_text(level)}",
        ]
        if self.release_level is not None:
            lines.append(f"   Proprietary Period: {self.period_text()}")
        return harmless("\n".join(lines))

    def period_text(self) -> str:
        """Return what becomes of its data by itself, in words."""
        if self.release_level is None:
            return "no level rises by itself"
        return (
            f"what is at level {level_text(2)} or above rises to {level_text(self.release_level)} "
            f"{self.release_days} days after it was made, not before "
            f"{self.release_begins:%Y-%m-%d %H:%M} UTC"
        )

    def _repr_html_(self) -> str:
        rows = [
            ("project", f"{self.name} (id = {self.id})"), ("description", self.description),
            ("instrument", self.instrument or ""),
            ("maximum privileges", level_text(self.max_privileges)),
            ("current privileges", level_text(scope.current().privileges)),
        ]  # fmt: skip
        return columns.html(("", ""), rows)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the session works from now on; shown at the prompt as one line."""

    project: str
    number: int
    privileges: int

    def __repr__(self) -> str:
        level = level_text(self.privileges)
        seen = _SEEN_BY.get(self.privileges, "nobody sees")
        return (
            f"project {self.project} (id = {self.number}), privileges {level}: "
            f"{seen} what you make from now on"
        )


@dataclass(frozen=True, kw_only=True)
class User:
    """A registered person; the name is the login in upper case."""

    id: int
    name: str
    full_name: str

    def __str__(self) -> str:
        return harmless(f"{self.name} ({self.full_name})" if self.full_name else self.name)


def level_text(level: int) -> str:
    """Return a level with its name, as `1 (MyDB)`."""
    return f"{level} ({LEVELS.get(level, 'unknown')})"


def check_level(level: object, project: Project) -> int:
    """Return `level` if it is one that `project` allows.

    Raises
    ------
    ArgumentError
        It is not a whole number from 1 to 5, or it is above the project's maximum.
    """
    known = ", ".join(level_text(number) for number in LEVELS)
    if isinstance(level, bool) or not isinstance(level, int) or level not in LEVELS:
        msg = f"no level of privileges {level!r}; expected one of {known}"
        raise ArgumentError(msg)
    if level > project.max_privileges:
        msg = (
            f"project {project.name} allows privileges up to "
            f"{level_text(project.max_privileges)}, not {level}"
        )
        raise ArgumentError(msg)
    return level


def projects() -> list[Project]:
    """Return all projects, by name."""
    rows = database.execute(_QUERY, (scope.current().user_id,))
    return [
        Project(
            id=row[0], name=row[1], description=row[2], instrument=row[3], is_public=row[4],
            is_query_only=row[5], max_privileges=row[6], default_privileges=row[7],
            is_member=row[8], is_manager=row[9], release_level=row[10], release_days=row[11],
            release_begins=row[12],
        )
        for row in rows
    ]


def my_projects() -> list[Project]:
    """Return the projects the current user may work in, by name."""
    return [project for project in projects() if project.is_mine]


def find_project(name: str) -> Project:
    """Return the project of that name if the current user may work in it.

    Raises
    ------
    ProjectUnknown
        There is none, it is written differently, or one is not a member.
    """
    known = projects()
    mine = [project.name for project in known if project.is_mine]
    listed = f"your projects are {', '.join(mine) or 'none'}"
    for project in known:
        if project.name == name:
            if project.is_mine:
                return project
            msg = f"you are not a member of project {name}; {listed}; ask its manager to add you"
            raise ProjectUnknown(msg)
    hint = nearest(str(name), mine)
    msg = f"there is no project {name!r}{hint}{' ' if hint else '; '}{listed}"
    raise ProjectUnknown(msg)


def current_project() -> Project:
    """Return the project of the current scope."""
    number = scope.current().project_id
    for project in projects():
        if project.id == number:
            return project
    msg = f"project {scope.current().project_name} is gone; choose another: context.set_project()"
    raise ProjectUnknown(msg)


def user(number: int) -> User:
    """Return a person by number; numbers nobody may look up have the number for a name."""
    rows = database.execute(
        "SELECT id, upper(role_name), full_name FROM awe.users WHERE id = %s", (number,)
    )
    if not rows:
        return User(id=number, name=f"USER{number}", full_name="")
    return User(id=rows[0][0], name=rows[0][1], full_name=rows[0][2])
