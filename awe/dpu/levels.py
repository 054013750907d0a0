"""Levels of the lines of logs, told from what they say."""

from __future__ import annotations

import re
from typing import Any

from awe.errors import ArgumentError, nearest

__all__ = ["LEVELS", "at_least", "check", "level_of"]

LEVELS = ("INFO", "WARNING", "ERROR")
ERROR = re.compile(r"\bfailed\b|\bERROR\b|\bawe defect\b|^Traceback|\b[A-Z]\w*Error: ")
WARNING = re.compile(r"\bWARNING\b|: left out |\bpassed over\b|: no [A-Z]\w+: ")


def level_of(line: str) -> str:
    """Return the level of a line: `INFO`, `WARNING` or `ERROR`.

    Parameters
    ----------
    line : str
        A line that a task or a recipe has printed.
    """
    if ERROR.search(line):
        return "ERROR"
    return "WARNING" if WARNING.search(line) else "INFO"


def at_least(line: str, level: str) -> bool:
    """Return True if a line has this level or a higher one."""
    return LEVELS.index(level_of(line)) >= LEVELS.index(level)


def check(level: Any) -> str:
    """Return the name of a level in capitals.

    Raises
    ------
    ArgumentError
        There is no such level.
    """
    name = str(level).upper()
    if name not in LEVELS:
        msg = f"level is {level!r}{nearest(name, list(LEVELS))}; expected {', '.join(LEVELS)}"
        raise ArgumentError(msg)
    return name
