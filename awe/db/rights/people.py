"""People, projects and memberships, as an administrator or a project's manager changes them.

Every change goes through a function of the database, which decides whether the caller may; here
are only the statements, the check of a name before a password is made for it, and kind words for
refusals. Passwords leave this process as SCRAM verifiers.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import encrypt_password
from psycopg2.extras import Json

from awe.errors import ArgumentError, NotFound, ProjectUnknown, Refused, nearest

__all__ = [
    "Person",
    "add_member",
    "add_person",
    "add_project",
    "change_project",
    "members",
    "new_password",
    "people",
    "quoted_role",
    "refusals",
    "remove_member",
    "remove_person",
    "role_name",
    "run",
    "set_password",
    "set_priority",
    "verifier",
]

#: What the names of constraints mean.
_BOUNDS = {
    "default_within_maximum": "the default level would be above the maximum",
    "project_name_check": "a project's name is 1 to 64 letters, digits and . _ - + @",
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


@dataclass(frozen=True, kw_only=True)
class Person:
    """A registered person."""

    id: int
    name: str
    full_name: str
    removed: bool
    projects: tuple[str, ...]


def new_password() -> str:
    """Return a random password of 256 bits."""
    return secrets.token_urlsafe(32)


def role_name(name: str) -> str:
    """Return the login of a person's name; people see it in upper case, PostgreSQL in lower.

    Raises
    ------
    ArgumentError
        The name cannot be a login.
    """
    folded = name.lower()
    if not _NAME.fullmatch(folded):
        msg = (
            f"user name {name!r} is not allowed; expected a letter, then letters, digits and _, "
            "31 at most"
        )
        raise ArgumentError(msg)
    return folded


def people(connection: Any) -> list[Person]:
    """Return everybody who is or was registered, by name."""
    rows = run(connection, """
        SELECT u.id, u.role_name, u.full_name, u.removed IS NOT NULL,
               ARRAY(SELECT p.name FROM awe.member m JOIN awe.project p ON p.id = m.project_id
                      WHERE m.user_id = u.id ORDER BY 1)
          FROM awe.users u ORDER BY 2""")
    return [
        Person(id=row[0], name=row[1].upper(), full_name=row[2], removed=row[3],
               projects=tuple(row[4]))
        for row in rows
    ]


def add_person(connection: Any, name: str, password: str, full_name: str = "") -> int:
    """Register a person and return the user's number."""
    role = role_name(name)
    secret = verifier(connection, role, password)
    rows = run(connection, "SELECT awe.user_create(%s, %s, %s)", (role, secret, full_name))
    number: int = rows[0][0]
    return number


def set_password(connection: Any, name: str, password: str) -> None:
    """Give a person another password."""
    role = role_name(name)
    secret = verifier(connection, role, password)
    run(connection, "SELECT awe.user_password(%s, %s)", (role, secret))


def set_priority(connection: Any, name: str, most: int) -> None:
    """Set the highest priority the jobs of a person may have, 0 to 10."""
    run(connection, "SELECT awe.user_priority(%s, %s)", (role_name(name), most))


def remove_person(connection: Any, name: str) -> None:
    """Take a person's login away and end the open sessions; objects and the name stay."""
    role = role_name(name)
    # Each step is committed by itself, in this order: the door is shut first, else whoever is sent
    # away could log in again before the role is removed.
    run(connection, f"ALTER ROLE {quoted_role(connection, role)} NOLOGIN")
    sessions = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s"
    run(connection, sessions, (role,))
    run(connection, "SELECT awe.user_remove(%s)", (role,))


def members(connection: Any, project: str) -> list[tuple[str, bool]]:
    """Return (name, is manager) of a project's members."""
    _project_id(connection, project)
    rows = run(connection, """
        SELECT upper(u.role_name), m.is_manager FROM awe.member m
          JOIN awe.users u ON u.id = m.user_id JOIN awe.project p ON p.id = m.project_id
         WHERE p.name = %s ORDER BY 1""", (project,))
    return [(row[0], row[1]) for row in rows]


def add_member(connection: Any, project: str, name: str, *, manager: bool = False) -> None:
    """Make a person a member, or manager, of a project."""
    _project_id(connection, project)
    run(connection, "SELECT awe.member_add(%s, %s, %s)", (project, role_name(name), manager))


def remove_member(connection: Any, project: str, name: str) -> None:
    """End a person's membership; level-2 objects of others are out of sight at once."""
    _project_id(connection, project)
    rows = run(connection, "SELECT awe.member_remove(%s, %s)", (project, role_name(name)))
    if not rows[0][0]:
        msg = f"{name.upper()} is not a member of project {project}; see awe-admin project list"
        raise NotFound(msg)


def add_project(
    connection: Any,
    name: str,
    *,
    description: str = "",
    instrument: str | None = None,
    public: bool = False,
    maximum: int = 4,
    default: int = 1,
) -> int:
    """Make a project and return its number."""
    rows = run(
        connection, "SELECT awe.project_create(%s, %s, %s, %s, %s, %s)",
        (name, description, instrument, public, maximum, default),
    )
    number: int = rows[0][0]
    return number


def change_project(connection: Any, name: str, changes: Mapping[str, Any]) -> None:
    """Change description, instrument, is_public, max_privileges or default_privileges."""
    _project_id(connection, name)
    run(connection, "SELECT awe.project_change(%s, %s)", (name, Json(dict(changes))))


def _project_id(connection: Any, name: str) -> int:
    rows = run(connection, "SELECT id, name FROM awe.project ORDER BY name")
    for number, known in rows:
        if known == name:
            return int(number)
    msg = f"there is no project {name!r}{nearest(name, [row[1] for row in rows])}"
    raise ProjectUnknown(msg)


def verifier(connection: Any, role: str, password: str) -> str:
    """Return what the database stores in place of a password."""
    secret: str = encrypt_password(password, role, connection, "scram-sha-256")
    return secret


def quoted_role(connection: Any, name: str) -> str:
    """Return a person's login as an identifier of SQL."""
    text: str = sql.Identifier(role_name(name)).as_string(connection)
    return text


def run(connection: Any, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Run one statement in a transaction of its own; a refusal becomes one clear line."""
    with refusals(), connection, connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall()) if cursor.description else []


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the database refuses into one clear line."""
    try:
        yield
    except psycopg2.errors.InsufficientPrivilege as error:
        msg = f"{error.diag.message_primary}; this needs an administrator (awe-admin)"
        raise Refused(msg) from error
    except psycopg2.errors.UniqueViolation as error:
        msg = f"that name is taken: {error.diag.message_detail or error.diag.message_primary}"
        raise ArgumentError(msg) from error
    except psycopg2.errors.DuplicateObject as error:
        msg = (
            f"{error.diag.message_primary}, for another database of this server: choose another "
            "name, as database_user in Environment.cfg"
        )
        raise ArgumentError(msg) from error
    except psycopg2.errors.UndefinedObject as error:
        raise NotFound(str(error.diag.message_primary)) from error
    except (psycopg2.errors.CheckViolation, psycopg2.errors.DataError) as error:
        why = _BOUNDS.get(str(error.diag.constraint_name), error.diag.message_primary)
        msg = f"the database does not take this value: {why}"
        raise ArgumentError(msg) from error
    except psycopg2.Error as error:
        if (error.pgcode or "").startswith("AW"):
            raise Refused(str(error.diag.message_primary)) from error
        raise
