"""The time of day, as the database has it: told at login, used for whatever is named or dated.

Everybody's objects are dated by one clock, the server's. A prompt whose machine has another time
warns, and names its products by the server's all the same.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["compare", "now", "warning"]

#: Clocks that differ by more than this are worth a line.
TOLERANCE = timedelta(seconds=60)

_ahead = timedelta(0)


def compare(server: datetime) -> None:
    """Take note of the server's time at this moment."""
    global _ahead
    _ahead = datetime.now(UTC) - server.astimezone(UTC)


def now() -> datetime:
    """Return the server's time, in UTC; this machine's within the tolerance and before a login."""
    here = datetime.now(UTC)
    return here if abs(_ahead) <= TOLERANCE else here - _ahead


def warning() -> str:
    """Return one line about a clock that is wrong, an empty text where it is right."""
    if abs(_ahead) <= TOLERANCE:
        return ""
    way = "ahead of" if _ahead > timedelta(0) else "behind"
    by = timedelta(seconds=round(abs(_ahead).total_seconds()))
    return (
        f"the clock of this machine is {by} {way} the database's; new products are named by the "
        "database's time, files are dated by yours: set the clock"
    )
