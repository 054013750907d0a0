"""Courses of this installation: which logins were made together, and what each student is handed.

Owns the record `services/courses.json` and the directory `course-<name>` with one Environment.cfg
per student and one list for the teacher, all for the owner's eyes only. A directory that is there
is never written into, nor is a password kept anywhere else. Logins and rights are the database's.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awe.db.rights.courses import Student
from awe.errors import ArgumentError, ConfigError, NotFound, nearest
from awe.services import records

__all__ = ["Course", "check_name", "courses", "find", "hand_out", "names", "record"]

RECORD = "courses.json"
MOST = 500
_COURSE = re.compile(r"[A-Za-z0-9_.@+-]{1,64}")
_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,27}")

HEAD = """\
; Your login for course {course}. Keep it to yourself: this file as AWE_HOME/Environment.cfg,
; chmod 600 (AWE_HOME is ~/.awe unless you set it).
"""
PSQL = "; With psql: {command}\n"


@dataclass(frozen=True, kw_only=True)
class Course:
    """A course: a project and the logins made for it, in order."""

    name: str
    prefix: str
    students: tuple[str, ...]


def check_name(name: str) -> str:
    """Return a course's name if it can be one of a project and of a directory.

    Raises
    ------
    ArgumentError
        It cannot.
    """
    if not _COURSE.fullmatch(name):
        msg = (
            f"course name {name!r} is not allowed; expected letters, digits and _.@+-, "
            "at most 64, such as TUTORIAL2015"
        )
        raise ArgumentError(msg)
    return name


def names(course: str, count: int, *, prefix: str | None = None, first: int = 1) -> list[str]:
    """Return the logins of a course's students, such as `tutorial2015_01`.

    Raises
    ------
    ArgumentError
        The prefix or the number is not allowed.
    """
    if not 1 <= count <= MOST:
        msg = f"a course of {count} students; expected 1 to {MOST}"
        raise ArgumentError(msg)
    if prefix is None:
        prefix = re.sub(r"[^a-z0-9]+", "_", course.lower()).strip("_")[:27].rstrip("_") + "_"
        prefix = prefix if prefix[0].isalpha() else f"c{prefix}"[:28]
    if not _PREFIX.fullmatch(prefix):
        msg = (
            f"prefix {prefix!r} is not allowed; expected a small letter, then small letters, "
            "digits and _, at most 28"
        )
        raise ArgumentError(msg)
    return [f"{prefix}{number:02d}" for number in range(first, first + count)]


def courses(home: Path) -> list[Course]:
    """Return the courses of an installation, by name."""
    path = home / "services" / RECORD
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        return [
            Course(name=name, prefix=entry["prefix"], students=tuple(entry["students"]))
            for name, entry in sorted(found.items())
        ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{path} is damaged ({error!r}); restore it from a copy"
        raise ConfigError(msg) from error


def find(home: Path, name: str) -> Course:
    """Return one course.

    Raises
    ------
    NotFound
        There is none of that name.
    """
    known = courses(home)
    for course in known:
        if course.name == name:
            return course
    listed = [course.name for course in known]
    told = f"the courses are {', '.join(listed)}" if listed else "there are no courses yet"
    msg = f"there is no course {name!r}{nearest(name, listed)}; {told}"
    raise NotFound(msg)


def record(home: Path, course: Course) -> None:
    """Write a course down; one without students is forgotten."""
    known = {each.name: each for each in courses(home)}
    known[course.name] = course
    kept = {
        each.name: {"prefix": each.prefix, "students": each.students}
        for each in known.values()
        if each.students
    }
    records.write(home, RECORD, kept)


@contextmanager
def hand_out(
    directory: Path,
    course: str,
    students: Sequence[Student],
    settings: Mapping[str, str],
    psql: str | None = None,
) -> Iterator[Path]:
    """Write each student's Environment.cfg and the teacher's list; undone after an error.

    Parameters
    ----------
    directory : Path
        Directory to make; it must not exist.
    course : str
        Name of the course, which is the students' project.
    students : sequence of Student
        Students, with their passwords.
    settings : mapping
        Configuration keys with values that say where the services are.
    psql : str, optional
        Command for psql with LOGIN in place of the login.

    Yields
    ------
    Path
        The teacher's list.
    """
    try:
        directory.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        msg = f"{directory} is there already; move it away, or choose another: --directory"
        raise ArgumentError(msg) from error
    except OSError as error:
        msg = f"{directory} cannot be made: {error.strerror}; choose another: --directory"
        raise ArgumentError(msg) from error
    try:
        yield _write(directory, course, students, settings, psql)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def _write(
    directory: Path,
    course: str,
    students: Sequence[Student],
    settings: Mapping[str, str],
    psql: str | None,
) -> Path:
    listed = directory / "passwords.csv"
    with _private(listed) as file:
        rows = csv.writer(file)
        rows.writerow(("login", "password", "configuration"))
        for student in students:
            path = directory / student.name / "Environment.cfg"
            rows.writerow((student.name, student.password, path))
            path.parent.mkdir(mode=0o700)
            with _private(path) as configuration:
                configuration.write(_configuration(course, student, settings, psql))
    return listed


def _configuration(
    course: str, student: Student, settings: Mapping[str, str], psql: str | None
) -> str:
    values = {
        "database_user": student.name,
        "database_password": student.password,
        **settings,
        "project": course,
        "privileges": "1",
    }
    note = PSQL.format(command=psql.replace("LOGIN", student.name)) if psql else ""
    lines = "".join(f"{key:17} : {value}\n" for key, value in values.items())
    return f"{HEAD.format(course=course)}{note}[global]\n{lines}"


@contextmanager
def _private(path: Path) -> Iterator[Any]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", newline="") as file:
        yield file
