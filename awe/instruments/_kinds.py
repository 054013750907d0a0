"""Kinds of values a description of a camera may hold, and what is said when one is wrong.

A format is declared once, as a `Table` of `Key`s: `read` checks a parsed TOML file against it and
`schema` gives the same as JSON Schema, for editors. What is wrong is a line each that names file,
key, what was found and what was expected; all of them are told at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from awe.calib.detector import sections
from awe.errors import BadHeader, ConfigError, nearest
from awe.instruments._cards import shown

__all__ = [
    "Either", "Flag", "Key", "Kind", "Listed", "Mistakes", "Named", "Number", "Place", "Section",
    "Several", "Table", "Text",
]  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where in which file a value is: `stare.toml: chips[2].gain`."""

    file: str
    path: str = ""

    def key(self, name: str) -> Place:
        """Return the place of a key in the table here."""
        plain = re.fullmatch(r"[\w-]+", name, re.ASCII)
        word = name if plain else f'"{name}"'
        return Place(self.file, f"{self.path}.{word}" if self.path else word)

    def item(self, number: int) -> Place:
        """Return the place of an item, counted from 1, of the list here."""
        return Place(self.file, f"{self.path}[{number}]")

    def refuse(self, found: Any, wanted: str) -> NoReturn:
        """Raise the error that a value here is wrong."""
        self.wrong(f"is {shown(found)}, expected {wanted}")

    def wrong(self, what: str) -> NoReturn:
        """Raise the error of this place."""
        msg = f"{self.file}: {self.path or 'the file'} {what}"
        raise ConfigError(msg)


class Mistakes:
    """What is wrong with several values, told together."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Go on behind a block in which a value is refused."""
        try:
            yield
        except ConfigError as problem:
            self.told.append(str(problem))

    def finish(self) -> None:
        """Raise one error for all that was noted, a line each, or return."""
        if self.told:
            raise ConfigError("\n".join(dict.fromkeys(self.told)))


class Kind:
    """What a value may be."""

    wanted = ""

    def read(self, place: Place, found: Any) -> Any:
        """Return a value as it is used, or refuse it."""
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        raise NotImplementedError


@dataclass(frozen=True)
class Text(Kind):
    """Text; `pattern` must match all of it."""

    wanted: str = "text"
    pattern: str = r"[^\x00-\x1f\x7f]*"

    def read(self, place: Place, found: Any) -> str:
        """Return the text."""
        if not isinstance(found, str) or not re.fullmatch(self.pattern, found, re.ASCII):
            place.refuse(found, self.wanted)
        return found

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", "description": self.wanted}


@dataclass(frozen=True)
class Number(Kind):
    """A number in a range, both ends included; `whole` if it has no fraction."""

    low: float
    high: float
    whole: bool = False

    def read(self, place: Place, found: Any) -> float:
        """Return the number."""
        kinds: Any = int if self.whole else int | float
        good = isinstance(found, kinds) and not isinstance(found, bool)
        if not good or not self.low <= found <= self.high:
            what = "whole number" if self.whole else "number"
            place.refuse(found, f"a {what} from {self.low:g} to {self.high:g}")
        return int(found) if self.whole else float(found)

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        name = "integer" if self.whole else "number"
        return {"type": name, "minimum": self.low, "maximum": self.high}


class Flag(Kind):
    """True or false."""

    def read(self, place: Place, found: Any) -> bool:
        """Return it."""
        if not isinstance(found, bool):
            place.refuse(found, "true or false")
        return found

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        return {"type": "boolean"}


class Section(Kind):
    """A section of an image, one-based with both ends included: `"[1:2048,1:4100]"`."""

    def read(self, place: Place, found: Any) -> str:
        """Return the section."""
        try:
            sections.parse(found if isinstance(found, str) else "")
        except BadHeader:
            place.refuse(found, "a section such as '[1:2048,1:4100]', columns first")
        return "".join(found.split())

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        pattern = r"^\s*\[\s*\d+\s*:\s*\d+\s*,\s*\d+\s*:\s*\d+\s*\]\s*$"
        return {"type": "string", "pattern": pattern}


@dataclass(frozen=True)
class Listed(Kind):
    """A list, of `count` items where that is given."""

    kind: Kind
    count: int | None = None

    def read(self, place: Place, found: Any) -> tuple[Any, ...]:
        """Return the items."""
        if not isinstance(found, list) or self.count not in (None, len(found)):
            place.refuse(found, "a list" if self.count is None else f"a list of {self.count}")
        values, mistakes = [], Mistakes()
        for number, item in enumerate(found, 1):
            with mistakes.noted():
                values.append(self.kind.read(place.item(number), item))
        mistakes.finish()
        return tuple(values)

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        bounds = {} if self.count is None else {"minItems": self.count, "maxItems": self.count}
        return {"type": "array", "items": self.kind.schema(), **bounds}


@dataclass(frozen=True)
class Several(Kind):
    """One value, or a list of some; always a tuple where it is used."""

    kind: Kind

    def read(self, place: Place, found: Any) -> tuple[Any, ...]:
        """Return the values."""
        if not isinstance(found, list):
            return (self.kind.read(place, found),)
        if not found:
            place.refuse(found, "at least one")
        return Listed(self.kind).read(place, found)

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        one = self.kind.schema()
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


@dataclass(frozen=True)
class Either(Kind):
    """A table of one kind, or anything else of another; one with a `name` is defined once."""

    table: Kind
    other: Kind
    name: str = ""

    def read(self, place: Place, found: Any) -> Any:
        """Return what the kind that fits makes of it."""
        return (self.table if isinstance(found, dict) else self.other).read(place, found)

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it, or where it is defined."""
        return {"$ref": f"#/$defs/{self.name}"} if self.name else self.definition()

    def definition(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        return {"anyOf": [self.other.schema(), self.table.schema()]}


@dataclass(frozen=True)
class Named(Kind):
    """A table whose keys the user chooses."""

    name: Text
    kind: Kind

    def read(self, place: Place, found: Any) -> dict[str, Any]:
        """Return its values by key."""
        if not isinstance(found, dict):
            place.refuse(found, "a table")
        values, mistakes = {}, Mistakes()
        for name, value in found.items():
            with mistakes.noted():
                if not re.fullmatch(self.name.pattern, name, re.ASCII):
                    place.wrong(f"has the key {name!r}, expected {self.name.wanted}")
                values[name] = self.kind.read(place.key(name), value)
        mistakes.finish()
        return values

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        return {
            "type": "object",
            "patternProperties": {f"^{self.name.pattern}$": self.kind.schema()},
            "additionalProperties": False,
        }


@dataclass(frozen=True)
class Key:
    """A key of a table: what it may hold, what it is for, and whether it must be there."""

    kind: Kind
    doc: str
    default: Any = None
    required: bool = False


@dataclass(frozen=True)
class Table(Kind):
    """A table of known keys; where `others` is given, keys of that kind may be there too."""

    keys: Mapping[str, Key]
    others: Named | None = None

    def read(self, place: Place, found: Any) -> dict[str, Any]:
        """Return all known keys with their values or defaults, and the others that are there."""
        if not isinstance(found, dict):
            place.refuse(found, f"a table with {', '.join(self.keys)}")
        rest = {name: value for name, value in found.items() if name not in self.keys}
        values, mistakes = {}, Mistakes()
        meant = ""
        for name in rest if self.others is None else ():
            with mistakes.noted():
                hint = nearest(name, list(self.keys))
                meant += hint
                place.key(name).wrong(f"is not known{hint}; keys are {', '.join(self.keys)}")
        for name, key in self.keys.items():
            with mistakes.noted():
                if name in found:
                    values[name] = key.kind.read(place.key(name), found[name])
                elif key.required and repr(name) not in meant:
                    place.key(name).wrong(f"is missing: {key.doc}")
                else:
                    values[name] = key.default
        if self.others:
            with mistakes.noted():
                values |= self.others.read(place, rest)
        mistakes.finish()
        return values

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        known = {
            name: {**key.kind.schema(), "description": key.doc} for name, key in self.keys.items()
        }
        others = self.others.schema() if self.others else {}
        others.pop("type", None)
        return {
            "type": "object",
            "properties": known,
            "required": [name for name, key in self.keys.items() if key.required],
            "additionalProperties": False,
            **others,
        }
