"""`awe-admin course create|add|list|reset|remove`: many logins at once, and a clean start.

Resetting and removing show first what they would do and ask; without an answer nothing happens.
"""

from __future__ import annotations

import argparse
import shutil
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from awe import columns
from awe.admin.share import say
from awe.db.rights import courses as students
from awe.db.rights import people
from awe.db.rights.courses import Student, enroll
from awe.db.rights.people import new_password, refusals
from awe.errors import ArgumentError, JobError, NotFound, nearest
from awe.services import courses, running, stack
from awe.services.courses import Course
from awe.services.filestore import files_of
from awe.services.installation import Installation
from awe.services.logins import superuser
from awe.terminal import out

__all__ = ["add"]

#: Seconds a running job gets to end after it was cancelled.
PATIENCE = 60.0


def add(commands: Any) -> None:
    """Add the subcommands."""
    course = commands.add_parser("course", help="students: create, add, list, reset, remove")
    verbs = course.add_subparsers(title="verbs", metavar="VERB", required=True)
    verb = verbs.add_parser("create", help="make logins, memberships and configurations")
    _new(verb)
    verb.add_argument("--prefix", help="start of the logins; default: from the course's name")
    verb.set_defaults(run=_create)
    verb = verbs.add_parser("add", help="more students for a course that is there")
    _new(verb)
    verb.set_defaults(run=_add)
    verb = verbs.add_parser("list", help="all courses, or the students of one and their work")
    verb.add_argument("name", nargs="?")
    verb.set_defaults(run=_list)
    verb = verbs.add_parser("reset", help="take unpublished work, jobs, logs and trash away")
    _some(verb)
    verb.set_defaults(run=_reset)
    verb = verbs.add_parser("remove", help="end logins and memberships; objects stay")
    _some(verb)
    verb.set_defaults(run=_remove)


def _new(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("name", help="the course, which is a project; made if it is not there")
    verb.add_argument("--students", type=int, required=True, metavar="N", help="how many")
    verb.add_argument("--directory", type=Path, help="where the configurations go")
    verb.add_argument(
        "--closed", action="store_true", help="do not open the services to other accounts"
    )


def _some(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("name")
    verb.add_argument("--student", action="append", default=[], help="only this one; repeatable")
    verb.add_argument("--yes", action="store_true", help="do not ask")


def _create(chosen: argparse.Namespace) -> None:
    house = Installation()
    name = courses.check_name(chosen.name)
    if any(course.name == name for course in courses.courses(house.home)):
        msg = f"there is a course {name}; more students: awe-admin course add {name} --students N"
        raise ArgumentError(msg)
    logins = courses.names(name, chosen.students, prefix=chosen.prefix)
    prefix = logins[0].removesuffix("01")
    _enroll(house, Course(name=name, prefix=prefix, students=()), logins, chosen)


def _add(chosen: argparse.Namespace) -> None:
    house = Installation()
    course = courses.find(house.home, chosen.name)
    first = 1 + max(int(login.removeprefix(course.prefix)) for login in course.students)
    logins = courses.names(course.name, chosen.students, prefix=course.prefix, first=first)
    _enroll(house, course, logins, chosen)


def _enroll(
    house: Installation, course: Course, logins: list[str], chosen: argparse.Namespace
) -> None:
    """Make the logins, hand out the configurations, write the course down: all or nothing."""
    running.ensure(house, say)
    _prepare_project(course.name)
    directory = (chosen.directory or Path.cwd() / _folder(course)).absolute()
    students = [
        Student(name=login, password=new_password(), full_name=f"{course.name} {login}")
        for login in logins
    ]
    settings, psql = _services(house, chosen.closed)
    with (
        closing(superuser(house)) as connection,
        courses.hand_out(directory, course.name, students, settings, psql) as listed,
    ):
        enroll(connection, course.name, students)
        with refusals():
            connection.commit()
    known = Course(
        name=course.name, prefix=course.prefix, students=(*course.students, *logins)
    )
    courses.record(house.home, known)
    out(
        f"{course.name}: {len(students)} students, {logins[0]} to {logins[-1]}\n"
        f"passwords, for your eyes only: {listed}\n"
        f"each student's configuration:  {directory}/<login>/Environment.cfg\n"
    )


def _folder(course: Course) -> str:
    """Return the directory's name; that of later students must differ from the first."""
    later = f"-{len(course.students) + 1}" if course.students else ""
    return f"course-{course.name}{later}"


def _prepare_project(name: str) -> None:
    with closing(superuser(Installation())) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT is_public OR is_query_only FROM awe.project WHERE name = %s", (name,)
            )
            found = cursor.fetchone()
        if found is None:
            people.add_project(connection, name, description="Course work.")
        elif found[0]:
            msg = f"everybody is in project {name}; a course needs a project of its own"
            raise ArgumentError(msg)


def _services(house: Installation, closed: bool) -> tuple[dict[str, str], str | None]:
    """Return where students find the services, opened to other accounts unless `closed`."""
    if closed:
        return running.ensure(house), None
    made = stack.share(house, None, say)
    settings = {
        "database_name": made.database_name,
        "data_server": "127.0.0.1",
        "data_port": str(made.data_port),
    }
    return settings, made.psql("LOGIN")


def _list(chosen: argparse.Namespace) -> None:
    house = Installation()
    if not chosen.name:
        rows = [
            (course.name, len(course.students), f"{course.students[0]} to {course.students[-1]}")
            for course in courses.courses(house.home)
        ]
        out(columns.text(("course", "students", "logins"), rows) + "\n")
        return
    course = courses.find(house.home, chosen.name)
    with closing(superuser(house)) as connection:
        for login in course.students:
            out(f"{students.work(connection, login)}\n")


def _reset(chosen: argparse.Namespace) -> None:
    house = Installation()
    course = courses.find(house.home, chosen.name)
    logins = _chosen(course, chosen.student)
    with closing(superuser(house)) as connection:
        works = [students.work(connection, login) for login in logins]
        for work in works:
            out(f"{work}\n")
        if all(work.clean for work in works):
            out("nothing to take away\n")
            return
        _confirm(chosen.yes, course.name, "take all this away, for good")
        for login in logins:
            _clear(house, connection, login, course.name)
    out(f"{len(logins)} students of {course.name} start afresh\n")


def _clear(house: Installation, connection: Any, login: str, course: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while running := students.cancel_jobs(connection, login):
        if time.monotonic() > deadline:
            msg = (
                f"{running} jobs of {login.upper()} do not end; is awe-server running? "
                "awe-admin status; what was taken away so far stays away"
            )
            raise JobError(msg)
        time.sleep(0.2)
    files, attempts = students.clear(connection, login, course)
    for job, attempt in attempts:
        shutil.rmtree(house.home / "dpu" / f"{job}_{attempt}", ignore_errors=True)
    store = files_of(house.home)
    for file_id in files:
        store.discard(file_id)
    students.forget_files(connection, files)


def _remove(chosen: argparse.Namespace) -> None:
    house = Installation()
    course = courses.find(house.home, chosen.name)
    logins = _chosen(course, chosen.student)
    out(
        f"{len(logins)} logins of {course.name} would end: {logins[0]} to {logins[-1]}; their "
        "objects stay, names are never given again\n"
    )
    _confirm(chosen.yes, course.name, "end these logins")
    with closing(superuser(house)) as connection:
        known = {person.name.lower(): person for person in people.people(connection)}
        for login in logins:
            person = known.get(login)
            if person is not None and not person.removed:
                if course.name in person.projects:
                    people.remove_member(connection, course.name, login)
                people.remove_person(connection, login)
            left = tuple(name for name in course.students if name != login)
            course = Course(name=course.name, prefix=course.prefix, students=left)
            courses.record(house.home, course)
    out(f"{len(logins)} logins of {course.name} ended\n")


def _chosen(course: Course, wanted: list[str]) -> list[str]:
    for name in wanted:
        if name.lower() not in course.students:
            hint = nearest(name.lower(), list(course.students))
            msg = f"course {course.name} has no student {name!r}{hint}"
            raise NotFound(msg)
    return [name.lower() for name in wanted] or list(course.students)


def _confirm(yes: bool, name: str, what: str) -> None:
    if yes:
        return
    try:
        answer = input(f"{what}? Type the course's name: ")
    except EOFError:
        answer = ""
    if answer.strip() != name:
        msg = f"that is not {name}; nothing was changed (--yes does not ask)"
        raise ArgumentError(msg)
