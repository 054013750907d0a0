"""A search form as a query: its fields, the query they mean, and the command that is the same.

Every attribute of a class is a field. What a field says becomes a condition of the query language
and, word for word, a part of the command that one could type at the prompt.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from awe import dates
from awe.db.declare.attributes import Kind, Persistent
from awe.db.query.paging import Place
from awe.db.query.path import make_path, named
from awe.db.query.query import Query
from awe.errors import QueryError
from awe.web.object import split

__all__ = ["OPERATORS", "Field", "Search", "fields"]

#: What a field can ask, and how it is called.
OPERATORS = {
    "is": "is", "not": "is not", "like": "is like", "lt": "<", "le": "≤", "gt": ">", "ge": "≥",
    "between": "between", "night": "in the night of", "none": "has none", "some": "has one",
}  # fmt: skip
_SIGNS = {"is": "==", "not": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_ORDERED = ("is", "not", "lt", "le", "gt", "ge", "between")
_ALWAYS = ("none", "some")
#: Words for true and false in a field.
TRUE, FALSE = ("yes", "true", "1"), ("no", "false", "0")
#: Columns that a table shows first, if the class has them.
FIRST = ("filename", "name", "DATE_OBS", "OBJECT", "instrument", "chip", "filter", "EXPTIME",
         "timestamp_start", "timestamp_end", "is_valid", "quality_flags")  # fmt: skip
COLUMNS = 8
#: Largest part of an address.
LONGEST = 300


@dataclass(frozen=True, kw_only=True)
class Field:
    """One attribute as a field of the form.

    Attributes
    ----------
    name : str
        Name of the attribute.
    path : Path
        What is compared: the attribute, or the name of what a link points to.
    operators : tuple of str
        What the field can ask.
    """

    name: str
    path: Any
    attribute: Persistent[Any]
    operators: tuple[str, ...]
    meaning: str
    unit: str

    @property
    def text(self) -> str:
        """What is compared, as it is typed."""
        return str(self.path._text)

    @property
    def example(self) -> str:
        """What could be written into the field."""
        kind = self.path._last.declared_type
        return {datetime.datetime: "2012-06-01T08:51", bool: "yes or no", int: "a number",
                float: "a number"}.get(kind, "")  # fmt: skip

    @property
    def sortable(self) -> bool:
        """True if the table can be sorted by it."""
        return self.attribute.kind is Kind.VALUE and self.attribute.declared_type is not dict

    def condition(self, how: str, value: str) -> tuple[Query, str]:
        """Return the query of one field, and its part of the command.

        Raises
        ------
        QueryError
            The value is not one of the attribute.
        """
        if how in ("", "is"):
            how = "like" if "like" in self.operators and "*" in value else "is"
        if how not in self.operators:
            msg = f"{self.name} cannot be asked with {how!r}; it can with {self.operators}"
            raise QueryError(msg)
        path, text = self._path(value)
        if how in _ALWAYS:
            sign = "==" if how == "none" else "!="
            return (path == None if how == "none" else path != None), f"{text} {sign} None"  # noqa: E711
        if how == "between":
            low, found, high = value.partition("..")
            if not found:
                msg = f"{self.name} between {value!r}: write two values as 1 .. 2"
                raise QueryError(msg)
            low_value, high_value = self._value(low), self._value(high)
            return path.between(low_value, high_value), (
                f"{text}.between({_typed(low_value)}, {_typed(high_value)})"
            )
        if how in ("like", "night"):
            query = path.like(value) if how == "like" else path.night(value)
            return query, f"{text}.{how}({value!r})"
        one = self._value(value)
        if path._last.kind is Kind.ARRAY:
            return path.contains(one), f"{text}.contains({_typed(one)})"
        compare = {"is": path.__eq__, "not": path.__ne__, "lt": path.__lt__, "le": path.__le__,
                   "gt": path.__gt__, "ge": path.__ge__}[how]  # fmt: skip
        return compare(one), f"{text} {_SIGNS[how]} {_typed(one)}"

    def _path(self, value: str) -> tuple[Any, str]:
        """Return what is compared: of a link its name, or the id where an id is given."""
        if not self.attribute.is_link or not _is_id(value):
            return self.path, self.text
        path = getattr(make_path(self.path._root, (self.attribute,)), "object_id")  # noqa: B009
        return path, str(path._text)

    def _value(self, text: str) -> Any:
        text = text.strip()
        kind = self.path._last.declared_type
        if self.attribute.is_link and _is_id(text):
            kind = UUID
        try:
            if kind is bool:
                return _truth(text)
            if kind is datetime.datetime:
                return dates.moment(text)
            return kind(text) if kind in (int, float, UUID) else text
        except (ValueError, OverflowError):
            name = "a date" if kind is datetime.datetime else kind.__name__
            msg = f"{self.name} is {text[:60]!r}; expected {name}"
            raise QueryError(msg) from None


def fields(cls: Any) -> list[Field]:
    """Return the fields of the form of a class, in alphabetical order."""
    found = []
    for name in cls.get_persistent_properties():
        attribute = cls._attribute(name)
        if attribute.declared_type is dict:
            continue
        steps = named((attribute,)) if attribute.kind is Kind.LINK else (attribute,)
        path = make_path(cls, steps)
        if attribute.kind is Kind.LINKS or (attribute.is_link and len(steps) == 1):
            path = make_path(cls, (attribute,)).object_id
        meaning, unit = split(attribute)
        found.append(Field(name=name, path=path, attribute=attribute, meaning=meaning, unit=unit,
                           operators=_operators(attribute, path)))  # fmt: skip
    return found


def _operators(attribute: Persistent[Any], path: Any) -> tuple[str, ...]:
    kind = path._last.declared_type
    if attribute.kind is Kind.LINKS:
        return ("is",)
    if attribute.kind is Kind.ARRAY:
        return ("is",)
    if kind in (bool, UUID):
        return ("is", "not", *_ALWAYS)
    if kind is str:
        return ("is", "not", "like", *_ALWAYS)
    night = ("night",) if kind is datetime.datetime else ()
    return (*_ORDERED, *night, *_ALWAYS)


@dataclass(frozen=True, kw_only=True)
class Search:
    """What somebody searches: a query, its command, and how its table is shown."""

    cls: Any
    query: Query
    command: str
    columns: tuple[str, ...]
    sort: str
    downwards: bool
    after: Place | None
    asked: Mapping[str, tuple[str, str]]

    @classmethod
    def of(cls, kind: Any, given: Sequence[tuple[str, str]]) -> Search:
        """Return the search that the fields behind an address mean.

        Parameters
        ----------
        kind : type
            The class.
        given : sequence of tuple
            Names and values: `f.NAME` and `o.NAME` of a field, `c` of columns, `sort`, `after`,
            `ra`, `dec` and `radius`.

        Raises
        ------
        QueryError
            A field says what its attribute cannot be.
        """
        values = {name: value[:LONGEST].strip() for name, value in given if value.strip()}
        known = {field.name: field for field in fields(kind)}
        query, parts = kind.select_all(), []
        asked: dict[str, tuple[str, str]] = {}
        for name, field in known.items():
            how, value = values.get(f"o.{name}", ""), values.get(f"f.{name}", "")
            if not value and how not in _ALWAYS:
                continue
            asked[name] = (how, value)
            one, text = field.condition(how, value)
            query &= one
            parts.append(f"({text})" if " " in text.partition("(")[0] else text)
        if any(word in values for word in ("ra", "dec", "radius")):
            near = _near(values)
            query = query.near(*near)
            parts.append(f"{kind.__name__}.near({', '.join(map(repr, near))})")
        sort, downwards = _order(kind, known, values.get("sort", ""))
        chosen = tuple(n for n in dict(given_columns(given)) if n in known)
        return cls(
            cls=kind, query=query, command=_command(kind, parts, sort, downwards),
            columns=chosen or _first(known), sort=sort, downwards=downwards,
            after=_place(known, sort, values.get("after", "")), asked=asked,
        )  # fmt: skip


def given_columns(given: Sequence[tuple[str, str]]) -> list[tuple[str, bool]]:
    """Return the columns that were chosen, in their order."""
    return [(value, True) for name, value in given if name == "c"]


def _command(kind: Any, parts: Sequence[str], sort: str, downwards: bool) -> str:
    text = " & ".join(parts) or f"{kind.__name__}.select_all()"
    order = f"{'-' if downwards else ''}{sort}"
    if len(parts) > 1 or (parts and not text.endswith(")")):
        text = f"({text})"
    return f"query = {text}.order_by({order!r})"


def _order(kind: Any, known: Mapping[str, Field], given: str) -> tuple[str, bool]:
    name = given.removeprefix("-")
    if name in known and known[name].sortable:
        return name, given.startswith("-")
    natural = kind.__order__[0] if kind.__order__ else "object_id"
    return (natural, False) if natural in known and known[natural].sortable else (
        "object_id", False
    )


def _first(known: Mapping[str, Field]) -> tuple[str, ...]:
    chosen = [name for name in FIRST if name in known]
    others = [n for n, f in known.items() if f.sortable and n not in (*chosen, "object_id")]
    return tuple([*chosen, *others][: max(COLUMNS, len(chosen))] or ["object_id"])


def _place(known: Mapping[str, Field], sort: str, text: str) -> Place | None:
    """Return the place in the order that an address tells; nonsense is the beginning."""
    try:
        value, number = json.loads(text)
        if value is not None and sort != "object_id":
            value = known[sort]._value(str(value))
        return Place(value=UUID(number) if sort == "object_id" else value, object_id=UUID(number))
    except (ValueError, TypeError, KeyError, AttributeError, QueryError, RecursionError):
        return None


def _near(values: Mapping[str, str]) -> tuple[Any, ...]:
    """Return right ascension, declination and radius as the query language takes them."""
    if not values.get("ra") or not values.get("dec"):
        msg = "a place has a right ascension and a declination: 331.2 and -31.5, or 22:04:00"
        raise QueryError(msg)
    radius = values.get("radius", "0")
    return tuple(_number(text) for text in (values["ra"], values["dec"], radius))


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _truth(text: str) -> bool:
    if text.lower() not in (*TRUE, *FALSE):
        raise ValueError(text)
    return text.lower() in TRUE


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _typed(value: Any) -> str:
    """Return a value as it is typed at the prompt."""
    return repr(value.isoformat() if isinstance(value, datetime.datetime) else
                str(value) if isinstance(value, UUID) else value)
