"""Methods and properties of persistent classes, named on the class.

Next to attributes they read alike: `C.is_valid == 1` is a query, `C.is_uptodate == False` would be
Python's bare False. A `Member` is what the class answers for a method or property: it is called,
shown and documented as before, and refuses to be compared or combined.
"""

from __future__ import annotations

import functools
from types import FunctionType, MethodType
from typing import Any, NoReturn

from awe.errors import QueryError

__all__ = ["Member", "asked", "is_code"]


class asked(classmethod):  # type: ignore[type-arg]  # noqa: N801 - reads as a decorator
    """A question to all objects of a class; one object has no such method and says so."""

    def __init__(self, question: Any) -> None:
        super().__init__(question.__func__)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is not None:
            raise AttributeError(self.__func__.__name__)
        return super().__get__(instance, owner)


def is_code(found: Any) -> bool:
    """Return True if what a class holds under a name is a method or a property."""
    return isinstance(found, FunctionType | MethodType | property | functools.cached_property)


class Member:
    """A method or property of a class; no attribute that one could query for."""

    def __init__(self, owner: type, name: str, found: Any) -> None:
        functools.update_wrapper(self, found)
        self.__dict__.update(_owner=owner, _name=name, _found=found)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the method."""
        return self._found(*arguments, **keywords)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind as the method itself would, for those who copy it into another class."""
        return self._found.__get__(instance, owner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_found"], name)

    def __repr__(self) -> str:
        return repr(self._found)

    def _refuse(self, other: Any) -> NoReturn:
        text = f"{self._owner.__name__}.{self._name}"
        kind = "property" if not callable(self._found) else "method"
        call = "" if kind == "property" else "(...)"
        msg = (
            f"{text} is a {kind}, not an attribute in the database, and cannot be compared; ask "
            f"the objects one by one: [obj for obj in query if obj.{self._name}{call}]"
        )
        raise QueryError(msg)

    def __eq__(self, other: object) -> bool:
        # IPython compares what a reloaded class holds with what it held before.
        if not is_code(other) and not isinstance(other, Member):
            self._refuse(other)
        return bool(self._found == getattr(other, "_found", other))

    def __ne__(self, other: object) -> bool:
        return not self.__eq__(other)

    __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __and__ = __rand__ = __or__ = __ror__ = _refuse

    def __hash__(self) -> int:
        return hash(self._found)
