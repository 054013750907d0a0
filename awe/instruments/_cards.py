"""Reading header cards so that one error names everything that is wrong.

A `Card` says which attribute comes from which keyword and what kind of value it must have; a
`CardReader` reads many of them and collects the problems instead of stopping at the first.
Headers are any mapping from keyword to value; values are data and never interpreted further.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from awe.errors import BadHeader

__all__ = ["Card", "CardReader", "bounded", "likely", "shown"]

_LONGEST = 60
#: That of the first photograph of the sky, and one by which somebody else looks after this.
FIRST_YEAR, LAST_YEAR = 1840, 2199


@dataclass(frozen=True)
class Card:
    """One attribute and the header card it comes from.

    Parameters
    ----------
    attribute : str
        Name of the attribute.
    keyword : str
        Keyword, without `HIERARCH`.
    kind : type
        Type of the value: str, int, float or datetime; a datetime is written
        `2012-06-01T08:51:44.123`.
    default : object
        Value when the card is absent; the `REQUIRED` mark makes its absence a problem.
    low, high : float
        Bounds of a number, inclusive.
    """

    REQUIRED = object()

    attribute: str
    keyword: str
    kind: type
    default: Any = REQUIRED
    low: float = -math.inf
    high: float = math.inf


class CardReader:
    """Reads cards from one or more headers and remembers what was wrong.

    Parameters
    ----------
    *headers : mapping of str to value
        Where to look, first header first.

    Attributes
    ----------
    rivals : sequence of mapping
        Other headers of the file; where they have a card they must agree.
    problems : list of str
        One sentence per card that could not be used.
    """

    def __init__(
        self, *headers: Mapping[str, Any], rivals: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self.headers = headers
        self.rivals = rivals
        self.problems: list[str] = []

    def read(self, cards: Iterable[Card]) -> dict[str, Any]:
        """Return the values of all cards that can be read, by attribute."""
        return {card.attribute: self.value(card) for card in cards}

    def value(self, card: Card) -> Any:
        """Return the value of one card, its default, or None after noting a problem."""
        try:
            found = self.find(card.keyword)
        except ValueError as problem:
            self.problems.append(str(problem))
            return None
        if found is None:
            if card.default is Card.REQUIRED:
                self.lacks(card.keyword)
                return None
            return card.default
        try:
            return _convert(found, card)
        except (TypeError, ValueError) as problem:
            self.problems.append(f"{card.keyword} = {shown(found)} {problem}")
            return None

    def lacks(self, *keywords: str) -> None:
        """Note that none of some cards is there, unless one is there and was refused.

        Parameters
        ----------
        *keywords : str
            Keywords of which one would do.
        """
        starts = tuple(f"{keyword} " for keyword in keywords)
        if not any(problem.startswith(starts) for problem in self.problems):
            self.problems.append(f"{' or '.join(keywords)} is missing")

    def find(
        self, keyword: str, *, header: str | None = None, repeated: str | None = None
    ) -> Any:
        """Return the value of a keyword, or None; headers must agree on it.

        Parameters
        ----------
        keyword : str
            Keyword, without `HIERARCH`.
        header : str, optional
            `"primary"` or `"extension"`: the first or the last header alone counts.
        repeated : str, optional
            `"first"` or `"last"`: which counts where a header has the keyword more than once.

        Raises
        ------
        ValueError
            The card cannot be read, or headers contradict each other or themselves.
        """
        all_of_them = (*self.headers, *self.rivals)
        if header is not None:
            all_of_them = (all_of_them[0 if header == "primary" else -1],)
        for one in all_of_them if header is not None else self.headers:
            value = _value(one, keyword, repeated)
            if value is None:
                continue
            for other in all_of_them:
                # a file of one image has one header for both
                rival = None if other is one else other.get(keyword)
                if rival is not None and not _agree(value, rival):
                    msg = (
                        f"{keyword} is {shown(value)} in one header of the file and "
                        f"{shown(rival)} in another"
                    )
                    raise ValueError(msg)
            return value
        return None

    def finish(self, name: str, instrument: str) -> None:
        """Raise one error for all problems noted so far, or return.

        Raises
        ------
        BadHeader
            Naming the frame and every problem.
        """
        if not self.problems:
            return
        listed = "; ".join(dict.fromkeys(self.problems))
        msg = (
            f"{name}: {len(dict.fromkeys(self.problems))} problem(s) in the header: {listed}. "
            f"A frame of {instrument} must be right in them; correct the file or leave it out"
        )
        raise BadHeader(msg)


def _value(header: Mapping[str, Any], keyword: str, repeated: str | None) -> Any:
    """Return the value of a keyword in one header, or None."""
    try:
        if keyword not in header:
            return None
        times = header.count(keyword) if hasattr(header, "count") else 1
        if repeated == "last" and times > 1:
            return header[(keyword, times - 1)]  # type: ignore[index]
        value = header[keyword]
    except Exception as problem:
        msg = f"{keyword} cannot be read"
        raise ValueError(msg) from problem
    if times > 1 and value is not None and repeated is None and _differs(header, keyword, times):
        msg = f"{keyword} appears more than once with different values"
        raise ValueError(msg)
    return value


def _differs(header: Mapping[Any, Any], keyword: str, times: int) -> bool:
    return len({str(header[keyword, position]) for position in range(times)}) > 1


def _agree(one: Any, other: object) -> bool:
    """Return True if two headers say the same, or only one of them anything."""
    if isinstance(other, str) and not other.strip():
        return True
    if isinstance(one, int | float) and isinstance(other, int | float):
        # written with other numbers of digits
        return math.isclose(one, other, rel_tol=1e-6)
    return str(one).strip() == str(other).strip()


def _convert(found: Any, card: Card) -> Any:
    if card.kind is datetime:
        return _moment(found)
    if card.kind is str:
        return str(found).strip()
    if isinstance(found, bool | str) or not isinstance(found, int | float):
        msg = "is not a number"
        raise ValueError(msg)
    if not math.isfinite(found):
        msg = "is not finite"
        raise ValueError(msg)
    return bounded(found, card.kind, card.low, card.high)


def bounded(number: float, kind: type, low: float, high: float) -> Any:
    """Return a number as one of a kind, int or float.

    Raises
    ------
    ValueError
        It is not whole where it must be, or outside the bounds.
    """
    if kind is int and number != int(number):
        msg = "is not a whole number"
        raise ValueError(msg)
    if not low <= number <= high:
        msg = f"is outside {low:g} to {high:g}"
        raise ValueError(msg)
    return kind(number)


def _moment(found: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(found).strip())
    except ValueError:
        msg = "is not a date like 2012-06-01T08:51:44.123"
        raise ValueError(msg) from None
    # FITS 4.0, 9.1.1 has no zone in a time, and T between date and time.
    if moment.tzinfo is not None or "T" not in str(found):
        msg = "is not a moment in UTC like 2012-06-01T08:51:44.123"
        raise ValueError(msg)
    return likely(moment)


def likely(moment: datetime) -> datetime:
    """Return the moment of an exposure.

    Raises
    ------
    ValueError
        Nobody took one then.
    """
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        msg = f"is not of the years {FIRST_YEAR} to {LAST_YEAR}"
        raise ValueError(msg)
    return moment


def shown(found: Any) -> str:
    """Return a value as messages show it, cut where it is long."""
    text = repr(found)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
