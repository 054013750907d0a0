"""What a path is not: the uses Python would take without a word, each refused in one sentence.

`and`, a forgotten bracket, one `=` for two, arithmetic, a loop: all of them are valid Python and
would silently mean something else than they say.
"""

from __future__ import annotations

from typing import Any, NoReturn

from awe.errors import QueryError

__all__ = ["PARENTHESES", "Misused", "comparison", "refuse_assignment"]

PARENTHESES = (
    "each comparison needs its own parentheses: "
    "(Class.DATE_OBS > date) & (Class.filter.name == 'r')"
)
#: longest value repeated in a message
LONGEST = 60


class Misused:
    """Base of paths: refuses what is not a comparison."""

    @property
    def _text(self) -> str:
        raise NotImplementedError

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        refuse_assignment(f"{self._text}.{name}", value)

    def __delattr__(self, name: str) -> NoReturn:
        msg = f"{self._text}.{name} is declared for all objects and cannot be deleted"
        raise QueryError(msg)

    def _calculated(self, other: Any = None) -> NoReturn:
        name = self._text.partition(".")[2]
        msg = (
            f"{self._text} cannot be calculated with in a query: move the number to the other "
            f"side of the comparison, or take the values first: query.values({name!r})"
        )
        raise QueryError(msg)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _calculated
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _calculated
    __pow__ = __rpow__ = __neg__ = __pos__ = __abs__ = __lshift__ = __rshift__ = _calculated

    def __bool__(self) -> NoReturn:
        msg = (
            f"{self._text} alone is not a condition: write a comparison, combine with & | ~ "
            f"(not and, or, not), and test an object with `is not None`"
        )
        raise QueryError(msg)

    def _misplaced(self, other: Any) -> NoReturn:
        msg = f"{self._text} cannot be combined with & | ~; {PARENTHESES}"
        raise QueryError(msg)

    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _misplaced

    def __invert__(self) -> NoReturn:
        self._misplaced(None)

    def __iter__(self) -> NoReturn:
        msg = f"{self._text} cannot be looped over; make a query first: for obj in (...): ..."
        raise QueryError(msg)

    def __contains__(self, item: Any) -> NoReturn:
        msg = f"`in {self._text}` cannot be asked; write {self._text}.contains(...)"
        raise QueryError(msg)


def comparison(owner: str, name: str, value: Any) -> str:
    """Return the end of a message that says how to narrow a query."""
    shown = " ".join(repr(value).split())
    shown = shown if len(shown) <= LONGEST else "..."
    return f"; narrow it with query & ({owner}.{name} == {shown})"


def refuse_assignment(text: str, value: Any, hint: str = "") -> NoReturn:
    """Say that a comparison has two `=`.

    Raises
    ------
    QueryError
        Always.
    """
    shown = " ".join(repr(value).split())
    shown = shown if len(shown) <= LONGEST else "..."
    msg = (
        f"{text} = {shown} assigns to the class itself, which is refused{hint}; "
        f"write == to compare: {text} == {shown}"
    )
    raise QueryError(msg)
