"""The context of a session: who works, in which project, at which level of privileges.

`context` is the one object of this module. It starts a session, changes its scope, and changes
the little that may change of committed objects: validity, time range, level, and existence. The
database decides what is allowed; a refused call leaves everything as it was.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import awe.model.classes  # noqa: F401 - says which classes a session knows
from awe import columns, rules
from awe.config import Environment
from awe.db import rights
from awe.db.objects.base import DBObject
from awe.db.objects.commit import update
from awe.db.rights import projects
from awe.db.rights.projects import Place, Project, User
from awe.db.schema import install as schema
from awe.db.server import clock, scope
from awe.db.server.connection import database
from awe.db.server.scope import Scope
from awe.errors import ArgumentError, AttributeUnknown, Refused, SchemaMismatch, nearest

if TYPE_CHECKING:
    from awe.db.rights.history import Trail
    from awe.db.rights.publishing import Publication
    from awe.db.rights.quota import Usage
    from awe.db.rights.readers import Readings
    from awe.db.rights.trash import Deletion, Restored
    from awe.rules.graph import Affected
    from awe.rules.headway import Progress

__all__ = ["Context", "context"]

_PROJECT = re.compile(r"\s*(?P<name>.*?)\s*(?:\(\s*(?P<level>\d+)\s*\))?\s*", re.DOTALL)
#: Project one starts in when none is configured: everything public, for queries.
EVERYTHING = "ALL"
VALIDITY = {0: "bad", 1: "valid", 2: "proposed for the next level"}


class Context:
    """Scope of the session, and the changes that are possible after commit."""

    def __setattr__(self, name: str, value: object) -> None:
        msg = (
            f"context.{name} cannot be assigned; context.set_project('NAME') and "
            "context.set_privileges(level) say where you work"
        )
        raise ArgumentError(msg)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        hint = nearest(name, [known for known in dir(self) if not known.startswith("_")])
        if name == "history":
            hint = "; context.audit(obj) tells who changed an object, and when"
        msg = f"context has no {name!r}{hint}"
        raise AttributeUnknown(msg)

    def start(self, environment: Environment | None = None) -> None:
        """Log in and set project and level as configured.

        Parameters
        ----------
        environment : Environment, optional
            The configuration; read when left out.

        Raises
        ------
        LoginRefused
            The database does not accept name and password.
        DatabaseError
            The database cannot be reached.
        ProjectUnknown
            The configured project is not one of yours; the session is in project ALL.
        """
        environment = environment or Environment.load()
        database.connect(environment)
        number = _check_in()
        scope.use(Scope(
            user_id=number, user_name=database.user, project_id=1, project_name=EVERYTHING,
            privileges=1,
        ))
        configured = environment.privileges if "privileges" in environment.origin else None
        self._choose(environment.project or EVERYTHING, configured)

    def _choose(self, project: str, privileges: str | None) -> None:
        """Use a project at the level of its name, of the configuration, or of the project."""
        name, level = _parse_project(project)
        if level is None and privileges:
            level = int(privileges)
        self._use(name, projects.find_project(name).default_privileges if level is None else level)

    # -- project and level -------------------------------------------------------------------

    def get_current_user(self) -> User:
        """Return who is logged in."""
        number = scope.current().user_id
        found = projects.user(number)
        if number:
            return found
        return projects.User(id=0, name=scope.current().user_name, full_name="the world")

    def get_current_project(self) -> Project:
        """Return the current project; print it to see its description and levels."""
        return projects.current_project()

    def get_projects(self) -> list[str]:
        """Return the names of the projects you may work in."""
        return [project.name for project in projects.my_projects()]

    def set_project(self, project: str | Project) -> Place:
        """Work in another project from now on; return what holds, which the prompt shows.

        Parameters
        ----------
        project : str
            Its name, with a level in brackets where that changes too: `'KIDS (2)'`.

        Raises
        ------
        ProjectUnknown
            There is no such project, or you are not a member; the old one stays.
        """
        name, level = _parse_project(getattr(project, "name", project))
        return self._use(name, scope.current().privileges if level is None else level)

    def set_privileges(self, privileges: int) -> Place:
        """Set the level of new objects, which is also the lowest level that queries find.

        Returns what holds now, which the prompt shows.

        Parameters
        ----------
        privileges : int
            New level: 1 MyDB, 2 Project, 3 Astro-WISE, 4 World, 5 VO.

        Raises
        ------
        ArgumentError
            No such level, or above the project's maximum; the old one stays.
        """
        return self._use(scope.current().project_name, privileges)

    @contextmanager
    def project(self, project: str) -> Iterator[Project]:
        """Work in another project inside the `with` block."""
        before = scope.current()
        self.set_project(project)
        try:
            yield self.get_current_project()
        finally:
            scope.use(before)

    def _use(self, name: str, level: Any) -> Place:
        found = projects.find_project(name)
        level = projects.check_level(level, found)
        scope.use(replace(
            scope.current(), project_id=found.id, project_name=found.name, privileges=level
        ))
        return projects.Place(project=found.name, number=found.id, privileges=level)

    # -- committed objects -------------------------------------------------------------------

    def publish(
        self,
        obj: DBObject | Iterable[DBObject],
        privileges: int,
        *,
        follow: bool = False,
        commit: bool = True,
    ) -> Publication:
        """Show objects to more people; this cannot be taken back.

        Parameters
        ----------
        obj : DBObject or iterable of DBObject
            Objects of your own.
        privileges : int
            The new level, 2 to 5.
        follow : bool, optional
            Whether your frames they were made from are raised too, if their level is lower.
        commit : bool, optional
            Whether to publish; False only returns what would happen, and why it would be refused.

        Raises
        ------
        Refused
            Something they were made from would stay behind; nothing was changed.
        """
        objects = _several(obj)
        if isinstance(privileges, bool) or privileges not in projects.LEVELS:
            levels = ", ".join(projects.level_text(number) for number in projects.LEVELS)
            msg = f"no level of privileges {privileges!r}; expected one of {levels}"
            raise ArgumentError(msg)
        if not commit:
            return rights.publishing.preview(objects, privileges, follow=follow)
        return rights.publishing.publish(objects, privileges, follow=follow)

    def delete(
        self,
        obj: DBObject | Iterable[DBObject],
        delete_config: bool = True,
        commit: bool = True,
    ) -> Deletion:
        """Delete your own objects of level 1 and 2 that nothing refers to.

        Parameters
        ----------
        obj : DBObject or iterable of DBObject
            Objects to delete, all or none.
        delete_config : bool, optional
            Whether their parameters and statistics are deleted too, if nothing else uses them.
        commit : bool, optional
            Whether to delete; False only returns what would happen, and what refers to the
            objects.

        Raises
        ------
        Refused
            One is published, not yours, or something refers to it; nothing was deleted.
        """
        objects = _several(obj)
        if not commit:
            return rights.trash.preview(objects, parts=delete_config)
        return rights.trash.delete(objects, parts=delete_config)

    def undelete(self, obj: DBObject | Iterable[DBObject] | None = None) -> Restored:
        """Bring back what you deleted in the last seven days; without argument the last deletion.

        Returns
        -------
        Restored
            Number of objects restored, an int that says what it counts.
        """
        ids = None if obj is None else [item.object_id for item in _several(obj)]
        return rights.trash.undelete(ids)

    def usage(self) -> Usage:
        """Return how many files you have, and what the projects have that you manage.

        A person is charged for what they store, until seven days after it was deleted; a project
        for the files of the objects in it. The quota is empty where nothing limits them.
        """
        return rights.quota.usage()

    def progress(self, project: str | None = None) -> Progress:
        """Return what the members of a project have made and shared, with their jobs.

        Parameters
        ----------
        project : str, optional
            One of your projects; the current one when left out. As its manager you see what is
            at level 2 and above.
        """
        return rules.progress(project)

    def audit(
        self, obj: DBObject | Iterable[DBObject] | None = None, *, limit: int = 100
    ) -> Trail:
        """Return who published, judged or deleted objects and changed memberships, and when.

        Parameters
        ----------
        obj : DBObject or iterable of DBObject, optional
            Objects, deleted ones included; without them everything you may see.
        limit : int, optional
            Largest number of entries returned, the newest.
        """
        return rights.history.trail(None if obj is None else _several(obj), limit=limit)

    def readers(
        self, obj: DBObject | Iterable[DBObject] | None = None, *, limit: int = 100
    ) -> Readings:
        """Return who read files, one's own and those of projects one manages, and how often.

        Parameters
        ----------
        obj : DBObject or iterable of DBObject, optional
            Objects with files; without them everything you may know of.
        limit : int, optional
            Largest number of entries returned, the newest.
        """
        return rights.who_read(None if obj is None else _several(obj), limit=limit)

    def set_period(
        self,
        project: str,
        level: int | None,
        days: int = 0,
        begins: datetime.datetime | None = None,
    ) -> Project:
        """Say when the data of a project that you manage open to others by themselves.

        Parameters
        ----------
        project : str
            Its name.
        level : int or None
            Level to which objects rise, 3 to 5; None takes the period away.
        days : int, optional
            Days since an object was made.
        begins : datetime, optional
            Moment before which nothing rises [UTC]: in seven days or later, also the default.

        Returns
        -------
        Project
            The project as it is from now on.

        Raises
        ------
        ProjectUnknown
            There is no such project of yours.
        Refused
            You do not manage the project, or its data would open within seven days.
        """
        rights.set_period(projects.find_project(project).name, level, days, begins)
        return projects.find_project(project)

    def update_is_valid(self, obj: DBObject, is_valid: int) -> Affected:
        """Judge an object: 0 bad, 1 valid, 2 proposed for the next level.

        Returns
        -------
        Affected
            When it was judged bad, the products made with it, directly or through others.

        Raises
        ------
        ArgumentError
            No such judgement, or the class has none.
        Refused
            You are neither the creator nor a manager of the project.
        """
        if isinstance(is_valid, bool) or is_valid not in VALIDITY:
            known = ", ".join(f"{number} ({text})" for number, text in VALIDITY.items())
            msg = f"is_valid cannot be {is_valid!r}; expected {known}"
            raise ArgumentError(msg)
        self._update(obj, "is_valid", is_valid)
        return rules.Affected(obj, rules.used_by(obj) if is_valid == 0 else ())

    def update_timestamp_start(self, obj: DBObject, timestamp: datetime.datetime) -> None:
        """Set the first moment for which a calibration may be chosen."""
        self._update_range(obj, "timestamp_start", timestamp)

    def update_timestamp_end(self, obj: DBObject, timestamp: datetime.datetime) -> None:
        """Set the moment from which on a calibration may not be chosen any more."""
        self._update_range(obj, "timestamp_end", timestamp)

    def _update_range(self, obj: DBObject, name: str, timestamp: datetime.datetime) -> None:
        timestamp = _moment(name, timestamp)
        known = {n: getattr(obj, n, None) for n in ("timestamp_start", "timestamp_end")}
        known[name] = timestamp
        start, end = known["timestamp_start"], known["timestamp_end"]
        if (
            isinstance(start, datetime.datetime)
            and isinstance(end, datetime.datetime)
            and start.tzinfo is end.tzinfo
            and start >= end
        ):
            msg = f"{obj!r}: no time is left between {start} and {end}; set the other end first"
            raise ArgumentError(msg)
        self._update(obj, name, timestamp)

    def _update(self, obj: DBObject, name: str, value: Any) -> None:
        if name not in getattr(type(obj), "_attributes", {}):
            msg = f"{type(obj).__name__} has no {name} to change"
            raise ArgumentError(msg)
        if not obj._committed:
            msg = f"{obj!r} is not committed yet; set its {name} directly"
            raise Refused(msg)
        update([obj], **{name: value})

    def __repr__(self) -> str:
        now = scope.current()
        level = projects.level_text(now.privileges)
        return f"<context: {now.user_name} in {now.project_name}, level {level}>"

    def _repr_html_(self) -> str:
        now = scope.current()
        row = (now.user_name, now.project_name, projects.level_text(now.privileges))
        return columns.html(("user", "project", "privileges"), [row])


def _moment(name: str, value: Any) -> datetime.datetime:
    """Return a date from what somebody gave; text is read as ISO 8601.

    Raises
    ------
    ArgumentError
        It is not a date; a range of validity has two ends.
    """
    if isinstance(value, str):
        try:
            return datetime.datetime.fromisoformat(value)
        except ValueError:
            value = value[:40]
    if not isinstance(value, datetime.datetime):
        msg = f"{name} cannot be {value!r}; expected a datetime or text like '2012-06-01T12:00:00'"
        raise ArgumentError(msg)
    return value


def _check_in() -> int:
    """Return the user's number, 0 for the world, after a look at the schema's version."""
    rows = database.execute(
        "SELECT (SELECT max(version) FROM awe.schema_version), "
        "(SELECT id FROM awe.users WHERE role_name = current_user), clock_timestamp()"
    )
    version, number, moment = rows[0]
    clock.compare(moment)
    if version != schema.VERSION:
        step = "upgrade awe" if version > schema.VERSION else "run awe-admin migrate"
        msg = f"database schema {version}, this version of awe knows {schema.VERSION}; {step}"
        raise SchemaMismatch(msg)
    return int(number or 0)


def _parse_project(text: Any) -> tuple[str, int | None]:
    if not isinstance(text, str):
        msg = f"a project is chosen by its name, not {text!r}; context.get_projects() lists yours"
        raise ArgumentError(msg)
    match = _PROJECT.fullmatch(text)
    if match is None or not match["name"]:
        msg = f"no project name in {text!r}; context.get_projects() lists yours"
        raise ArgumentError(msg)
    return match["name"], int(match["level"]) if match["level"] else None


def _several(obj: DBObject | Iterable[DBObject]) -> Sequence[DBObject]:
    objects = [obj] if isinstance(obj, DBObject) else list(obj)
    for item in objects:
        if not isinstance(item, DBObject):
            msg = f"wanted objects of the database, not {item!r}"
            raise ArgumentError(msg)
    return objects


context = Context()
