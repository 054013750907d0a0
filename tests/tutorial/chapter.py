"""The commands of the tutorial chapter, read from its text as printed."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["TEXT", "commands"]

TEXT = Path(__file__).resolve().parents[3] / "shared" / "tutorial-3.1.txt"
COMMAND = re.compile(r"^(?P<margin> *)awe> (?P<code>.*)$")
CUT = " commit=True)"


def commands(text: str) -> list[str]:
    """Return the commands in order, continuation lines joined by newlines as printed.

    A command whose brackets are still open where the page goes on with something else was cut
    at the margin; both such commands end in `commit=True)`.
    """
    lines = text.splitlines()
    found = []
    number = 0
    while number < len(lines):
        match = COMMAND.match(lines[number])
        number += 1
        if match is None:
            continue
        code = match["code"].rstrip()
        continued = len(match["margin"]) + 5
        while _open(code) and number < len(lines) and _indent(lines[number]) >= continued:
            code += "\n" + lines[number].rstrip()
            number += 1
        found.append(code + CUT if _open(code) else code)
    return found


def _open(code: str) -> bool:
    bare = re.sub(r"'[^']*'|#.*", "", code)
    opened = bare.count("(") + bare.count("[") - bare.count(")") - bare.count("]")
    return bare.endswith("\\") or opened > 0


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip()) if line.strip() else 0
