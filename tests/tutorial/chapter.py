"""The commands of the tutorial chapter: the project's own list, and as its text prints them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CHAPTER", "TEXT", "Command", "commands"]

#: The text is not the project's: it is compared with where it is at hand.
TEXT = Path(__file__).resolve().parents[3] / "shared" / "tutorial-3.1.txt"
COMMAND = re.compile(r"^(?P<margin> *)awe> (?P<code>.*)$")
CUT = " commit=True)"


@dataclass(frozen=True, kw_only=True)
class Command:
    """What is typed, and what it must give."""

    type: str
    lines: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()

    def missing(self, output: str) -> list[str]:
        """Lines and words the output ought to have and has not."""
        printed = [line.strip() for line in output.split("\n")]
        lost = [] if not self.lines or printed == list(self.lines) else list(self.lines)
        return lost + [words for words in self.holds if words not in output]


def _listed() -> tuple[Command, ...]:
    given = tomllib.loads(Path(__file__).with_name("chapter.toml").read_text())
    return tuple(
        Command(**{key: value if key == "type" else tuple(value) for key, value in entry.items()})
        for entry in given["command"]
    )


CHAPTER = _listed()


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
