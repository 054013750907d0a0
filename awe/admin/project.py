"""`awe-admin project add|set|period|member|list`: projects, levels, periods and members."""

from __future__ import annotations

import argparse
import datetime
from contextlib import closing
from typing import Any

from awe import columns
from awe.db.rights import people, release
from awe.errors import ArgumentError
from awe.model import released
from awe.services.installation import Installation
from awe.services.logins import superuser
from awe.terminal import out

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the subcommands."""
    project = commands.add_parser("project", help="projects: add, set, period, member, list")
    verbs = project.add_subparsers(title="verbs", metavar="VERB", required=True)
    verb = verbs.add_parser("add", help="make a project")
    verb.add_argument("name")
    _options(verb, public=False, maximum=4, default=1)
    verb.set_defaults(run=_add)
    verb = verbs.add_parser("set", help="change a project")
    verb.add_argument("name")
    _options(verb, public=None, maximum=None, default=None)
    verb.set_defaults(run=_set)
    verb = verbs.add_parser("list", help="show all projects, or the members of one")
    verb.add_argument("name", nargs="?")
    verb.set_defaults(run=_list)
    verb = verbs.add_parser("period", help="when its data open by themselves")
    verb.add_argument("name")
    verb.add_argument("--level", type=int, choices=range(3, 6), help="level to which they rise")
    verb.add_argument("--days", type=int, default=0, help="days since an object was made")
    verb.add_argument("--begins", type=datetime.datetime.fromisoformat, metavar="DATE",
                      help="nothing rises before (UTC); in seven days or later")
    verb.add_argument("--none", action="store_true", help="take the period away")
    verb.set_defaults(run=_period)
    member = verbs.add_parser("member", help="members: add, remove")
    changes = member.add_subparsers(title="changes", metavar="CHANGE", required=True)
    change = changes.add_parser("add", help="make a person a member")
    change.add_argument("project")
    change.add_argument("user")
    change.add_argument("--manager", action="store_true", help="with a manager's rights")
    change.set_defaults(run=_member_add)
    change = changes.add_parser("remove", help="end a membership")
    change.add_argument("project")
    change.add_argument("user")
    change.set_defaults(run=_member_remove)


def _options(
    verb: argparse.ArgumentParser, *, public: bool | None, maximum: int | None, default: int | None
) -> None:
    levels = range(1, 6)
    verb.add_argument("--description")
    verb.add_argument("--instrument")
    verb.add_argument("--public", action=argparse.BooleanOptionalAction, default=public,
                      help="every user is a member")
    verb.add_argument("--maximum", type=int, choices=levels, default=maximum,
                      help="highest level of privileges")
    verb.add_argument("--default", type=int, choices=levels, default=default,
                      help="level a session starts with")


def _add(chosen: argparse.Namespace) -> None:
    with closing(superuser(Installation())) as connection:
        number = people.add_project(
            connection, chosen.name, description=chosen.description or "",
            instrument=chosen.instrument, public=chosen.public, maximum=chosen.maximum,
            default=chosen.default,
        )
        released.enter_missing(connection)
    out(f"project {chosen.name} has id {number}\n")


def _set(chosen: argparse.Namespace) -> None:
    wanted = {
        "description": chosen.description, "instrument": chosen.instrument,
        "is_public": chosen.public, "max_privileges": chosen.maximum,
        "default_privileges": chosen.default,
    }
    changes = {name: value for name, value in wanted.items() if value is not None}
    if not changes:
        msg = "nothing to change; see awe-admin project set --help for what there is"
        raise ArgumentError(msg)
    with closing(superuser(Installation())) as connection:
        people.change_project(connection, chosen.name, changes)
        released.enter_missing(connection)
    out(f"project {chosen.name}: {', '.join(changes)} changed\n")


def _period(chosen: argparse.Namespace) -> None:
    with closing(superuser(Installation())) as connection:
        level = None if chosen.none else chosen.level
        if level is None and not chosen.none:
            msg = "say --level 3, 4 or 5, or --none; see awe-admin project period --help"
            raise ArgumentError(msg)
        release.set_period(chosen.name, level, chosen.days, chosen.begins, connection=connection)
    if level is None:
        out(f"project {chosen.name}: no level rises by itself\n")
    else:
        days = f"{chosen.days} days after it was made"
        out(f"project {chosen.name}: what members share rises to level {level} {days}\n")


def _list(chosen: argparse.Namespace) -> None:
    with closing(superuser(Installation())) as connection:
        if chosen.name:
            for name, manager in people.members(connection, chosen.name):
                out(f"{name}{' (manager)' if manager else ''}\n")
            return
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, name, coalesce(instrument, ''), is_public, max_privileges, "
                "(SELECT count(*) FROM awe.member WHERE project_id = id) "
                "FROM awe.project ORDER BY name"
            )
            rows = cursor.fetchall()
    table = [
        (number, name, instrument, maximum, "everybody" if public else f"{count} members")
        for number, name, instrument, public, maximum, count in rows
    ]
    heads = ("id", "project", "instrument", "highest level", "members")
    out(columns.text(heads, table) + "\n")


def _member_add(chosen: argparse.Namespace) -> None:
    with closing(superuser(Installation())) as connection:
        people.add_member(connection, chosen.project, chosen.user, manager=chosen.manager)
    rank = "manager" if chosen.manager else "member"
    out(f"{chosen.user.upper()} is a {rank} of {chosen.project}\n")


def _member_remove(chosen: argparse.Namespace) -> None:
    with closing(superuser(Installation())) as connection:
        people.remove_member(connection, chosen.project, chosen.user)
    out(f"{chosen.user.upper()} is no longer a member of {chosen.project}\n")
