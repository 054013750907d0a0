"""What a process parameter is: its declaration, its checks, and objects that hold the values.

The parameters themselves are declared in `awe.model.parameters`. This module reads no
configuration and checks values only against what is declared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from awe import __version__, instruments
from awe.db.objects.base import DBObject, persistent
from awe.errors import ParameterError, nearest

__all__ = ["Parameter", "ProcessParameters", "Value", "parameter"]

Value = int | float | str | bool


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """The declaration of one parameter.

    Attributes
    ----------
    doc : str
        What the parameter does.
    default : int, float, str or bool
        Value unless an instrument has its own.
    unit : str
        Unit of the value; `None` if it has none.
    low, high : float or None
        Smallest and largest accepted value.
    choices : mapping or None
        Accepted values, with their meaning.
    """

    doc: str
    default: Value
    unit: str
    low: float | None = None
    high: float | None = None
    choices: Mapping[Value, str] | None = None

    @property
    def type(self) -> type:
        """Type of the value."""
        return type(self.default)

    @property
    def range(self) -> str:
        """The values accepted, in words."""
        if self.choices is not None:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        if self.low is None and self.high is None:
            return "any " + self.type.__name__
        low = "-inf" if self.low is None else f"{self.low:g}"
        high = "inf" if self.high is None else f"{self.high:g}"
        return f"{low} to {high}"

    def check(self, name: str, value: Any) -> Value:
        """Return the value in the declared type, or refuse it.

        Raises
        ------
        ParameterError
            Wrong type or out of range; the message holds name, value and what is accepted.
        """
        if getattr(value, "shape", None) == () and hasattr(value, "item"):
            value = value.item()  # a number of numpy
        wanted = f"{name} expects {self.type.__name__}, {self.range} [{self.unit}]"
        if self.type is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if self.type is bool and isinstance(value, int | float) and value in (0, 1):
            value = bool(value)
        if not isinstance(value, self.type) or (self.type is int and isinstance(value, bool)):
            msg = f"{wanted}; got {value!r} of type {type(value).__name__}"
            raise ParameterError(msg)
        if not self._accepts(value):
            msg = f"{wanted}; got {value!r}"
            raise ParameterError(msg)
        return cast("Value", value)

    def _accepts(self, value: Any) -> bool:
        if self.choices is not None:
            return value in self.choices
        if self.type not in (int, float):
            return True
        if not math.isfinite(value):
            return False
        above = self.low is None or value >= self.low
        below = self.high is None or value <= self.high
        return bool(above and below)


# the declaration behind each class attribute, until its class takes it over
_declared: list[tuple[object, Parameter]] = []


def parameter(
    doc: str,
    default: Value,
    unit: str = "None",
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Mapping[Value, str] | None = None,
) -> Any:
    """Declare a process parameter in the body of a `ProcessParameters` class."""
    declaration = Parameter(
        doc=doc, default=default, unit=unit, low=low, high=high, choices=choices
    )
    attribute = persistent(f"{doc}; {declaration.range} [{unit}]", type(default), default)
    _declared.append((attribute, declaration))
    return attribute


class ProcessParameters(DBObject, abstract=True):
    """The numbers a product was made with, and the version of the software that used them."""

    product: ClassVar[str] = ""
    declarations: ClassVar[dict[str, Parameter]] = {}
    known: ClassVar[dict[str, type[ProcessParameters]]] = {}

    version = persistent("Version of awe that made the product [None]", str, "")

    def __init_subclass__(cls, *, abstract: bool = False, **kwargs: Any) -> None:
        body = dict(vars(cls))
        shared = cls.declarations
        cls.declarations = {
            name: declaration
            for name, value in body.items()
            for attribute, declaration in _declared
            if attribute is value
        } | shared
        cls.product = cls.__name__.removesuffix("Parameters")
        _declared.clear()
        super().__init_subclass__(abstract=abstract, **kwargs)
        if not abstract:
            cls.known.setdefault(cls.product, cls)

    @classmethod
    def check(cls, name: str, value: object) -> Value:
        """Return the value for parameter `name` in its declared type, or refuse it."""
        declaration = cls.declarations.get(name)
        if declaration is None:
            hint = nearest(name, list(cls.declarations))
            known = ", ".join(cls.declarations) or "none"
            msg = f"{cls.product} has no parameter {name!r}{hint}; it has: {known}"
            raise ParameterError(msg)
        return declaration.check(f"{cls.product}.process_params.{name}", value)

    @classmethod
    def defaults(cls, instrument: str | None = None) -> dict[str, Value]:
        """Return the values for an instrument: declared defaults, overridden by its own."""
        values = {name: declared.default for name, declared in cls.declarations.items()}
        for key, value in _overrides(instrument):
            product, _, name = key.partition(".")
            if product == cls.product or (product == "*" and name in values):
                values[name] = cls.check(name, value)
        return values

    @classmethod
    def make(
        cls, instrument: str | None = None, changes: Mapping[str, object] | None = None
    ) -> ProcessParameters:
        """Return new parameters for an instrument, with some values changed."""
        values = cls.defaults(instrument)
        for name, value in (changes or {}).items():
            values[name] = cls.check(name, value)
        return cls(version=__version__, **values)

    def values(self) -> dict[str, Value]:
        """Return the values by name, in the order of declaration."""
        return {name: getattr(self, name) for name in self.declarations}


def _overrides(instrument: str | None) -> list[tuple[str, object]]:
    """Return class and parameter with its value, what counts more behind what counts less."""
    if instrument is None:
        return []
    camera = instruments.get(instrument)
    # "*" sorts before the names of classes: what is said of one of them counts more
    return [*camera.limits.items(), *sorted(camera.parameters.items())]
