"""Persistent attributes: the declaration `name = persistent(doc, type, default)` and its rules.

Owns the conversion of Python values to what a column holds (one rule for assignment and for
comparison) and the typed lists. It knows neither SQL nor the connection. A value that cannot be
stored exactly is refused here, by name, before it reaches the database.
"""

from __future__ import annotations

import copy
import datetime
import enum
import json
import math
from collections.abc import Iterable
from typing import Any, Generic, SupportsIndex, TypeVar, cast, overload
from uuid import UUID

from awe import dates
from awe.db.declare import registry
from awe.db.declare.entity import Entity, is_entity
from awe.errors import ArgumentError, Refused

__all__ = ["MUTABLE", "Kind", "Mismatch", "Persistent", "TypedList", "convert", "persistent"]

#: Attributes that may change after commit; a test compares the lists in the SQL of the schema.
MUTABLE = ("is_valid", "timestamp_start", "timestamp_end")

T = TypeVar("T")
MISSING: Any = object()

VALUE_TYPES = (str, int, float, bool, datetime.datetime, UUID, dict)
#: How a type of values is written, by its bare name: in quotes it would be the name of a class.
VALUE_NAMES = {
    name: written
    for type_ in VALUE_TYPES
    for written in [type_.__name__ if type_.__module__ == "builtins" else
                    f"{type_.__module__}.{type_.__name__}"]
    for name in (type_.__name__, written)
}  # fmt: skip
LARGEST_INT = 2**63 - 1


class Kind(enum.Enum):
    """What a persistent attribute holds."""

    VALUE = "a value"
    ARRAY = "a list of values"
    LINK = "a link"
    LINKS = "a list of links"


class Mismatch(ValueError):
    """A value does not fit an attribute; callers turn it into a user's mistake."""


class Persistent(Generic[T]):
    """One declared attribute of a persistent class; use `persistent` to make it.

    On the class it is a path for queries, on an object the value.

    Parameters
    ----------
    doc : str
        Description, ending with the unit in square brackets; `[None]` for a value without unit.
    type_ : type or str
        Type of a value, a persistent class, or the name of one declared later.
    default : object
        Value of new objects. A list makes the attribute a list.
    """

    def __init__(self, doc: str, type_: type | str, default: Any) -> None:
        self.declaration = doc
        # `[None]`, Astro-WISE's way of saying that there is no unit, is for the declaration only.
        self.__doc__ = doc.removesuffix("[None]").rstrip()
        self.declared_type = type_
        self.default = default
        self.name = ""
        is_class = isinstance(type_, str) or is_entity(type_)
        is_list = isinstance(default, list)
        if not is_class and type_ not in VALUE_TYPES:
            known = ", ".join(t.__name__ for t in VALUE_TYPES)
            msg = f"persistent attributes cannot be of type {type_!r}; expected {known} or a class"
            raise ArgumentError(msg)
        if type_ in VALUE_NAMES:
            msg = (
                f"persistent({doc!r}, {type_!r}, ...): in quotes {type_!r} names a persistent "
                f"class; write {VALUE_NAMES[str(type_)]} without quotes"
            )
            raise ArgumentError(msg)
        if is_class:
            self.kind = Kind.LINKS if is_list else Kind.LINK
        else:
            self.kind = Kind.ARRAY if is_list else Kind.VALUE

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def check_default(self, owner: str) -> None:
        """Refuse a default that the attribute could not store."""
        if self.kind in (Kind.VALUE, Kind.ARRAY):
            try:
                self.default = convert(self, self.default)
            except Mismatch as error:
                msg = f"default of {owner}.{self.name}: {error}"
                raise ArgumentError(msg) from None

    @property
    def column(self) -> str:
        """Name of the column: the attribute's name in lower case."""
        return self.name.lower()

    @property
    def unit(self) -> str:
        """Unit at the end of the description, such as `"deg"`; empty if there is none."""
        text = self.__doc__ or ""
        return text[text.rindex("[") + 1 : -1] if text.endswith("]") and "[" in text else ""

    @property
    def is_link(self) -> bool:
        """True for a link and for a list of links."""
        return self.kind in (Kind.LINK, Kind.LINKS)

    @property
    def target(self) -> type[Entity]:
        """Class a link points to; a name declared late is looked up on first use."""
        if isinstance(self.declared_type, str):
            return registry.find(self.declared_type)
        return cast("type[Entity]", self.declared_type)

    def may_hold(self, cls: type[Entity]) -> bool:
        """Return True if objects of a class can be values of this link.

        A link to a class that is declared later, or never, holds nothing yet.
        """
        if not self.is_link:
            return False
        if isinstance(self.declared_type, str) and self.declared_type not in registry.declared:
            return False
        return cls in registry.concrete(self.target)

    @property
    def type_name(self) -> str:
        """Type in words, for messages."""
        declared = self.declared_type
        name = declared if isinstance(declared, str) else declared.__name__
        return f"list of {name}" if self.kind in (Kind.ARRAY, Kind.LINKS) else name

    @overload
    def __get__(self, instance: None, owner: type) -> Any: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            make_path = getattr(owner, "_path", None)
            return self if make_path is None else make_path(self)
        return instance._read(self)

    def __set__(self, instance: Any, value: T | None) -> None:
        instance._write(self, value)

    def fresh_default(self) -> Any:
        """Return the default, as a copy where it could be changed."""
        if self.kind in (Kind.ARRAY, Kind.LINKS):
            return TypedList(self, self.default)
        return self.fresh_copy(self.default)

    def fresh_copy(self, value: Any) -> Any:
        """Return the value, or a copy of it where the holder could change it."""
        return copy.deepcopy(value) if isinstance(value, dict) else value


@overload
def persistent(doc: str, type_: str, default: Any) -> Persistent[Any]: ...
@overload
def persistent(doc: str, type_: type[T], default: list[T]) -> Persistent[list[T]]: ...
@overload
def persistent(doc: str, type_: type[T], default: T | None) -> Persistent[T]: ...
def persistent(doc: str, type_: Any = MISSING, default: Any = MISSING) -> Any:
    """Declare a persistent attribute in the body of a persistent class.

    Parameters
    ----------
    doc : str
        Description, ending with the unit: `"Exposure time [s]"`.
    type_ : type or str
        Type of a value: str, int, float, bool, datetime.datetime, uuid.UUID, dict, a persistent
        class, or the name of a persistent class that is declared later.
    default : object
        Value of new objects; `[]` makes it a list of values or of links.

    Examples
    --------
    >>> from awe.db.objects.base import DBObject
    >>> class Person(DBObject):
    ...     "A person."
    ...     name = persistent("The name of a person", str, "Jansen")
    ...     age = persistent("The age of a person [yr]", int, 70)
    """
    if not isinstance(doc, str) or type_ is MISSING or default is MISSING:
        msg = (
            "an attribute expects a description, a type and a default, in this order: "
            "persistent('The age of a person [yr]', int, 70)"
        )
        raise ArgumentError(msg)
    return Persistent(doc, type_, default)


class TypedList(list[Any]):
    """A list that takes only what its attribute may hold, and nothing once it is committed."""

    def __init__(self, attribute: Persistent[Any], items: Iterable[Any] = ()) -> None:
        self._attribute = attribute
        self._frozen = False
        super().__init__(self._check(item) for item in items)

    def freeze(self, frozen: bool = True) -> None:
        """Refuse every change from now on, or allow it again."""
        self._frozen = frozen

    def _check(self, item: Any) -> Any:
        try:
            return convert_item(self._attribute, item)
        except Mismatch as error:
            msg = f"{self._attribute.name} is a {self._attribute.type_name}: {error}"
            raise ArgumentError(msg) from None

    def _changeable(self) -> None:
        if self._frozen:
            msg = (
                f"{self._attribute.name} belongs to a committed object and never changes; "
                f"make a new object with obj.copy()"
            )
            raise Refused(msg)

    def append(self, item: Any) -> None:  # noqa: D102
        self._changeable()
        super().append(self._check(item))

    def extend(self, items: Iterable[Any]) -> None:  # noqa: D102
        self._changeable()
        super().extend([self._check(item) for item in items])

    def insert(self, index: SupportsIndex, item: Any) -> None:  # noqa: D102
        self._changeable()
        super().insert(index, self._check(item))

    def pop(self, index: SupportsIndex = -1) -> Any:  # noqa: D102
        self._changeable()
        return super().pop(index)

    def remove(self, item: Any) -> None:  # noqa: D102
        self._changeable()
        super().remove(item)

    def clear(self) -> None:  # noqa: D102
        self._changeable()
        super().clear()

    def sort(self, **keywords: Any) -> None:  # noqa: D102
        self._changeable()
        super().sort(**keywords)

    def reverse(self) -> None:  # noqa: D102
        self._changeable()
        super().reverse()

    def __setitem__(self, index: Any, item: Any) -> None:
        self._changeable()
        if isinstance(index, slice):
            super().__setitem__(index, [self._check(one) for one in item])
        else:
            super().__setitem__(index, self._check(item))

    def __delitem__(self, index: Any) -> None:
        self._changeable()
        super().__delitem__(index)

    def __iadd__(self, items: Iterable[Any]) -> TypedList:  # type: ignore[misc]
        self.extend(items)
        return self

    def __imul__(self, count: SupportsIndex) -> TypedList:
        self._changeable()
        return super().__imul__(count)


#: what a comparison, or an attribute of one value, expects
_ONE_VALUE = "one value; for several use isin([...])"


def convert(attribute: Persistent[Any], value: Any) -> Any:
    """Return `value` as the attribute stores it.

    Numbers of numpy become Python's; NaN becomes None; ISO strings and dates
    become datetimes (a date is its midnight UTC); datetimes with a time zone become naive UTC.

    Raises
    ------
    Mismatch
        The value does not fit; the message says what was found and what was expected.
    """
    if value is None and attribute.kind not in (Kind.ARRAY, Kind.LINKS):
        return None
    if attribute.kind in (Kind.ARRAY, Kind.LINKS):
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            raise _mismatch(value, f"a {attribute.type_name}")
        return [convert_item(attribute, item) for item in value]
    value = convert_item(attribute, value)
    return None if isinstance(value, float) and math.isnan(value) else value


def convert_item(attribute: Persistent[Any], value: Any) -> Any:
    """Return one value, or one element of a list, as the attribute stores it."""
    if attribute.is_link:
        return _as_object(attribute, value)
    value = _of_python(value)
    if isinstance(value, list | tuple | set | frozenset) and attribute.declared_type is not dict:
        raise _mismatch(value, _ONE_VALUE)
    if attribute.kind is Kind.ARRAY and isinstance(value, float) and math.isnan(value):
        raise _mismatch(value, "a number: a list has no place for NaN")
    return _CONVERTERS[cast("type", attribute.declared_type)](value)


def _of_python(value: Any) -> Any:
    """Return a value of numpy as one of Python, anything else as it is."""
    if type(value).__module__ != "numpy" or not hasattr(value, "item"):
        return value
    if getattr(value, "size", 1) != 1:
        raise _mismatch(value, _ONE_VALUE)
    return value.item()


def _mismatch(value: Any, wanted: str) -> Mismatch:
    shown = repr(value)
    if len(shown) > 60:
        shown = shown[:57] + "..."
    return Mismatch(f"found {shown} ({type(value).__name__}), expected {wanted}")


def _as_object(attribute: Persistent[Any], value: Any) -> Any:
    target = attribute.target
    allowed = registry.concrete(target)
    # The type itself: a subclass has a table of its own, to which the foreign key does not lead.
    if type(value) in allowed:
        return value
    if not allowed:
        raise _mismatch(value, f"an object of {target.__name__}, which has no concrete class yet")
    raise _mismatch(value, f"an object of class {target.__name__}")


def _as_str(value: Any) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, "str")
    if "\0" in value:
        raise _mismatch(value, "a string without NUL characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _mismatch(value, "a string of valid unicode characters") from None
    return str(value)


def _as_int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _mismatch(value, "int")
    if not -LARGEST_INT - 1 <= value <= LARGEST_INT:
        raise _mismatch(value, "an int of at most 64 bits")
    return int(value)


def _as_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch(value, "float")
    try:
        return float(value)
    except OverflowError:
        raise _mismatch(value, "a number that fits a float") from None


def _as_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _mismatch(value, "True or False")
    return value


def _as_datetime(value: Any) -> datetime.datetime:
    if not isinstance(value, (str, datetime.date)):
        raise _mismatch(value, "datetime.datetime (UTC)")
    try:
        return dates.moment(value)
    except OverflowError:
        raise _mismatch(value, "a date between the years 1 and 9999 UTC") from None
    except ValueError:
        raise _mismatch(value, "a date such as '2012-06-01T08:51:44' (UTC)") from None


def _as_uuid(value: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        raise _mismatch(value, "an object id") from None


def _as_dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _mismatch(value, "dict")
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise _mismatch(value, f"a dict that JSON can hold ({error})") from None
    if "\\u0000" in text or "\\ud8" in text:
        json_strings_ok(value)
    # Back from the text: the object then holds what a later reading will give, keys as strings and
    # tuples as lists, and shares nothing with what was passed in.
    stored: dict[str, Any] = json.loads(text)
    return stored


def json_strings_ok(value: Any) -> None:
    """Refuse strings inside `value` that the database cannot hold."""
    if isinstance(value, str):
        _as_str(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            json_strings_ok(key)
            json_strings_ok(item)
    elif isinstance(value, list | tuple):
        for item in value:
            json_strings_ok(item)


_CONVERTERS = {
    str: _as_str,
    int: _as_int,
    float: _as_float,
    bool: _as_bool,
    datetime.datetime: _as_datetime,
    UUID: _as_uuid,
    dict: _as_dict,
}


def comparable(attribute: Persistent[Any], value: Any) -> Any:
    """Return `value` ready to be compared with the attribute's values.

    As `convert`, but an int may be compared with a fraction or with a number of any size.
    """
    value = _of_python(value)
    if isinstance(value, float) and math.isnan(value):
        raise _mismatch(value, "a number: NaN is stored as None, compare with == None")
    if attribute.declared_type is int and type(value) in (int, float):
        return value
    return convert_item(attribute, value)
