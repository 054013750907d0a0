"""`Message('text', level)`: a line on the screen and in the log of the session."""

from __future__ import annotations

import datetime
from pathlib import Path

from awe.terminal import harmless, out
from awe_astrowise.environment import Env

__all__ = ["Message"]


def Message(text: object, level: int = 1) -> None:  # noqa: N802 - Astro-WISE's name
    """Write one line on the screen, and to the file of `Env['log']` if it has a name.

    In a job it becomes a line of the job's log. `Env['logprint'] = 0` keeps it off the screen;
    `Env['loglevel']` is the sum of the levels (1, 2, 4, ...) that are written at all.

    Parameters
    ----------
    text : object
        What to say.
    level : int
        Bit of the level.
    """
    if not Env["loglevel"] & level:
        return
    now = datetime.datetime.now(datetime.UTC)
    line = f"{now:%Y-%m-%dT%H:%M:%S} - {harmless(str(text), lines=False)}\n"
    if Env["logprint"]:
        out(line)
    if Env["log"].filename:
        with Path(Env["log"].filename).open("a", encoding="utf-8") as file:
            file.write(line)
