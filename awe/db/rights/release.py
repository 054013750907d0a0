"""Proprietary periods of projects: when what its members see opens by itself to others.

Owns the statement and its words. Who may say so, the seven days of notice and what is due are
decided by the database; levels rise when awe-server looks, once an hour.
"""

from __future__ import annotations

import datetime
from typing import Any

from awe.db.rights.people import run
from awe.db.rights.projects import LEVELS
from awe.db.server.connection import database
from awe.errors import ArgumentError

__all__ = ["set_period"]

#: Levels to which something can rise by itself: those beyond a project.
OPEN = (3, 4, 5)
LONGEST = 36500


def set_period(
    project: str,
    level: int | None,
    days: int = 0,
    begins: datetime.datetime | None = None,
    *,
    connection: Any = None,
) -> None:
    """Say when a project's data open by themselves.

    Parameters
    ----------
    project : str
        Its name.
    level : int or None
        Level to which objects rise, 3 to 5; None: they do not.
    days : int, optional
        Days since an object was made.
    begins : datetime, optional
        Moment before which nothing rises [UTC]: in seven days or later, which is also the default.
    connection : connection, optional
        Connection of the superuser; the session's own when left out.

    Raises
    ------
    ArgumentError
        No such level, or no such number of days.
    Refused
        You do not manage the project, or it would open within seven days.
    """
    if level is not None and (isinstance(level, bool) or level not in OPEN):
        known = ", ".join(f"{number} ({LEVELS[number]})" for number in OPEN)
        msg = f"nothing rises to level {level!r} by itself; expected {known}, or None"
        raise ArgumentError(msg)
    if isinstance(days, bool) or not isinstance(days, int) or not 0 <= days <= LONGEST:
        msg = f"a period of {days!r} days; expected a whole number from 0 to {LONGEST}"
        raise ArgumentError(msg)
    start = None if begins is None else begins.replace(tzinfo=begins.tzinfo or datetime.UTC)
    statement = "SELECT awe.project_release(%s, %s, %s, %s)"
    values = (project, level, days, start)
    if connection is None:
        database.execute(statement, values)
    else:
        run(connection, statement, values)
