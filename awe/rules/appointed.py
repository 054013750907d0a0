"""Whose calibrations go first: one's own and those of appointed people, before anybody else's.

Appointed are the managers of the current project and those of public projects, in which the people
of an instrument's pipeline work. What somebody else made is used where there is nothing better,
and it is said.
"""

from __future__ import annotations

import time
from typing import Any

from awe.db.rights.projects import user
from awe.db.server.connection import database
from awe.db.server.scope import current
from awe.errors import ArgumentError
from awe.model.mixins import value_of

__all__ = ["ANYONE", "Order", "allowed", "name", "order", "rank", "stranger"]

MINE, PROJECT, ANYONE = "mine", "project", "anyone"
#: Seconds for which it is remembered who manages what.
KEPT = 60.0

#: Groups of people in the order in which their calibrations are looked for; None is everybody.
Order = tuple[tuple[int, ...] | None, ...]

_MANAGERS = """
SELECT DISTINCT m.user_id FROM awe.member m JOIN awe.project p ON p.id = m.project_id
 WHERE m.is_manager AND (p.id = %s OR (p.is_public AND NOT p.is_query_only))"""


def order(of: str = ANYONE, by: int | None = None) -> Order:
    """Return whose calibrations are looked for, group by group.

    Parameters
    ----------
    of : str
        Whose calibrations. `anyone`: one's own and appointed people's, then everybody's;
        `project`: the former only; `mine`: one's own only; or names of people, separated by
        commas.
    by : int, optional
        Id of the user to whom "one's own" refers; the current user when left out.

    Raises
    ------
    ArgumentError
        A name is nobody's.
    """
    me = current().user_id if by is None else by
    if of == MINE:
        return ((me,),)
    if of not in (PROJECT, ANYONE):
        return (_named(of),)
    trusted = tuple(sorted({me, *_managers()}))
    return (trusted,) if of == PROJECT else (trusted, None)


def rank(item: Any, order: Order) -> int:
    """Return the number of the first group the creator of an object is in."""
    for number, people in enumerate(order):
        if people is None or item._creator in people:
            return number
    return len(order)


def allowed(product: Any) -> str:
    """Return `CALIBRATIONS_OF` of the parameters a product was made with."""
    return str(value_of(value_of(product, "process_params"), "CALIBRATIONS_OF") or ANYONE)


def stranger(item: Any) -> bool:
    """Return True if neither oneself nor anybody appointed made an object."""
    return rank(item, order(PROJECT)) > 0


def name(item: Any) -> str:
    """Return the name of who made an object."""
    return str(user(item._creator).name)


def _managers() -> tuple[int, ...]:
    project = current().project_id
    # Kept with the connection: another user, who trusts others, begins without it. A minute is
    # short enough for who was appointed just now, and spares a query per choice.
    kept = database.memory.get("managers")
    if kept is None or kept[0] != project or kept[1] < time.monotonic():
        people = tuple(row[0] for row in database.execute(_MANAGERS, (project,)))
        kept = (project, time.monotonic() + KEPT, people)
        database.memory["managers"] = kept
    found: tuple[int, ...] = kept[2]
    return found


def _named(of: str) -> tuple[int, ...]:
    wanted = {word.strip().lower() for word in of.split(",") if word.strip()}
    rows = database.execute(
        "SELECT id, role_name::text FROM awe.users WHERE role_name = ANY (%s::name[])",
        (sorted(wanted),),
    )
    unknown = sorted(wanted - {row[1] for row in rows})
    if unknown or not wanted:
        msg = (
            f"CALIBRATIONS_OF is {of!r}: there is no user {', '.join(unknown).upper()}; "
            f"wanted {MINE}, {PROJECT}, {ANYONE} or names, separated by commas"
        )
        raise ArgumentError(msg)
    return tuple(row[0] for row in rows)
