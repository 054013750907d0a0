"""`awe-admin user add|remove|passwd|priority|list`: the people who may log in."""

from __future__ import annotations

import argparse
import getpass
from contextlib import closing
from typing import Any

from awe import columns
from awe.db.rights import people
from awe.errors import ArgumentError
from awe.services.installation import Installation
from awe.services.logins import superuser
from awe.terminal import out

__all__ = ["add"]

SHORTEST_PASSWORD = 8
HIGHEST_PRIORITY = 10


def add(commands: Any) -> None:
    """Add the subcommands."""
    user = commands.add_parser("user", help="people: add, remove, passwd, priority, list")
    verbs = user.add_subparsers(title="verbs", metavar="VERB", required=True)
    verb = verbs.add_parser("add", help="register a person and print a password")
    verb.add_argument("name", help="login, such as awjjoplin")
    verb.add_argument("--full-name", default="", help="the person's name")
    verb.add_argument("--project", action="append", default=[], help="make a member; repeatable")
    verb.add_argument("--ask", action="store_true", help="ask for the password")
    verb.set_defaults(run=_add)
    verb = verbs.add_parser("remove", help="take the login away; objects stay")
    verb.add_argument("name")
    verb.set_defaults(run=_remove)
    verb = verbs.add_parser("passwd", help="give another password")
    verb.add_argument("name")
    verb.add_argument("--ask", action="store_true", help="ask for the password")
    verb.set_defaults(run=_passwd)
    verb = verbs.add_parser("priority", help="set how high the priority of their jobs may be")
    verb.add_argument("name")
    verb.add_argument("most", type=int, help="0, as everybody has at first, to 10")
    verb.set_defaults(run=_priority)
    verb = verbs.add_parser("list", help="show everybody")
    verb.set_defaults(run=_list)


def _add(chosen: argparse.Namespace) -> None:
    password = _password(chosen)
    with closing(superuser(Installation())) as connection:
        known = {project for _, project in _projects(connection)}
        for project in chosen.project:
            if project not in known:
                msg = f"there is no project {project!r}; the projects are {', '.join(known)}"
                raise ArgumentError(msg)
        people.add_person(connection, chosen.name, password, chosen.full_name)
        for project in chosen.project:
            people.add_member(connection, project, chosen.name)
    out(_section(chosen.name, password))


def _remove(chosen: argparse.Namespace) -> None:
    with closing(superuser(Installation())) as connection:
        people.remove_person(connection, chosen.name)
    out(f"{chosen.name.upper()} can no longer log in; the objects stay\n")


def _passwd(chosen: argparse.Namespace) -> None:
    password = _password(chosen)
    with closing(superuser(Installation())) as connection:
        people.set_password(connection, chosen.name, password)
    out(_section(chosen.name, password))


def _priority(chosen: argparse.Namespace) -> None:
    if not 0 <= chosen.most <= HIGHEST_PRIORITY:
        msg = f"a highest priority of {chosen.most}; expected 0 to {HIGHEST_PRIORITY}"
        raise ArgumentError(msg)
    with closing(superuser(Installation())) as connection:
        people.set_priority(connection, chosen.name, chosen.most)
    out(f"{chosen.name.upper()} may give jobs a dpu_priority of up to {chosen.most}\n")


def _list(_: argparse.Namespace) -> None:
    with closing(superuser(Installation())) as connection:
        found = people.people(connection)
    rows = [
        (person.id, person.name, person.full_name,
         "removed" if person.removed else ", ".join(person.projects))
        for person in found
    ]  # fmt: skip
    out(columns.text(("id", "login", "name", "projects"), rows) + "\n")


def _projects(connection: Any) -> list[tuple[int, str]]:
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT id, name FROM awe.project ORDER BY name")
        return list(cursor.fetchall())


def _password(chosen: argparse.Namespace) -> str:
    if not chosen.ask:
        return people.new_password()
    password = getpass.getpass(f"password of {chosen.name}: ")
    if len(password) < SHORTEST_PASSWORD:
        msg = f"a password of {len(password)} characters; expected at least {SHORTEST_PASSWORD}"
        raise ArgumentError(msg)
    if getpass.getpass("once more: ") != password:
        msg = "the two passwords differ; nothing was changed"
        raise ArgumentError(msg)
    return password


def _section(name: str, password: str) -> str:
    """Return the lines for the person's own Environment.cfg."""
    return f"[global]\ndatabase_user     : {name.lower()}\ndatabase_password : {password}\n"
