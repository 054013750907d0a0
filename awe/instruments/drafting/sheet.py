"""A description of a camera as it is written: keys, values, and doubts as comments."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Sheet", "literal"]


class Sheet:
    """The text of a description, line by line.

    Attributes
    ----------
    doubts : list of str
        What a person has to look at; each is a comment above its line too.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.doubts: list[str] = []

    def note(self, text: str) -> None:
        """Add a comment."""
        self.lines.append(f"# {_line(text)}")

    def doubt(self, text: str) -> None:
        """Add a doubt; the line it is about comes next."""
        self.doubts.append(_line(text))
        self.note(f"doubt: {text}")

    def section(self, name: str) -> None:
        """Begin a table, `[cards]`, or an item of a list, `[[purpose]]`."""
        self.lines += ["", name]

    def key(self, name: str, value: Any) -> None:
        """Add a key with its value; None adds nothing."""
        if value is not None:
            word = name if "." in name and " " not in name else _word(name)
            self.lines.append(f"{word} = {_toml(value)}")

    def text(self) -> str:
        """Return everything as text."""
        return "\n".join(self.lines) + "\n"


def literal(value: str) -> str:
    """Return a spelling of a value whose letters stand for themselves, as far as they can.

    Examples
    --------
    >>> literal("OIII [5007]")
    'OIII ?5007]'
    """
    return "".join("?" if letter in "*?[" else letter for letter in value)


def _line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)


def _word(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else json.dumps(name)


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_word(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    # strings, numbers and truth are written as in JSON; headers are printable ASCII by now
    return json.dumps(value)
