"""Where a value is in the headers, as a description says it, and how it is read there.

An `Entry` names keywords of which the first that is there counts, a constant or a default, and
how the value is written. Problems go to the `CardReader`, which tells of all of them at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from awe.instruments._cards import CardReader, bounded, likely, shown
from awe.instruments._format import UNITS
from awe.instruments._instrument import DAY_0
from awe.instruments._kinds import Place

__all__ = ["Entry", "Wanted"]

#: Longest text a pattern is tried on: what it takes may grow fast with the length.
_TRIED = 200
_JULIAN = 2_400_000.5
_CLOCK = re.compile(r"([+-]?\d{1,3})[: ](\d{1,2})(?:[: ](\d{1,2}(?:\.\d*)?))?")
#: Day, month and year, or month and day: with strokes, dots or hyphens.
_YEAR_LAST = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_WITH_COMMA = re.compile(r"\s*[+-]?\d*,\d+\s*")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a value must be: str, int, float or datetime, and a number's bounds."""

    type: type
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One value and where it is; the attributes are the keys of the format."""

    keyword: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    constant: Any = None
    default: Any = None
    unit: str | None = None
    pattern: re.Pattern[str] | None = None
    time: str | None = None
    zone: ZoneInfo | None = None
    decimal: str | None = None
    add: float = 0.0
    times: tuple[str, ...] = ()
    header: str | None = None
    repeated: str | None = None

    @classmethod
    def of(cls, place: Place, given: Mapping[str, Any] | tuple[str, ...]) -> Entry:
        """Return the entry that a description gives: keywords, or a table."""
        if isinstance(given, tuple):
            return cls(keyword=given)
        values = dict(given)
        ways = [values["keyword"], values["together"], values["constant"] is not None]
        if sum(map(bool, ways)) != 1:
            place.wrong("needs a keyword or a constant, or cards taken together, and one of them")
        if values["pattern"] is not None:
            try:
                values["pattern"] = re.compile(values["pattern"], re.ASCII)
            except (re.error, OverflowError, RecursionError) as problem:
                place.key("pattern").refuse(values["pattern"], f"a regular expression ({problem})")
        if values["zone"] is not None:
            values["zone"] = _zone(values["zone"], place.key("zone"))
        return cls(**values)

    def read(self, cards: CardReader, kind: Wanted, *, required: bool = False) -> Any:
        """Return the value, the default, or None; None too after noting a problem."""
        if self.constant is not None:
            value = self._converted(cards, "the constant", self.constant, kind)
            return self._multiplied(cards, value, kind) if self.times else value
        try:
            keyword, found = self._find(cards)
        except ValueError as problem:
            cards.problems.append(str(problem))
            return None
        if found is not None:
            value = self._converted(cards, keyword, found, kind)
            return self._multiplied(cards, value, kind) if self.times else value
        if self.default is not None:
            return self._converted(cards, "the default", self.default, kind)
        if required:
            cards.lacks(*self.names)
        return None

    @property
    def names(self) -> tuple[str, ...]:
        """The keywords it looks at."""
        return self.keyword or self.together

    def _multiplied(self, cards: CardReader, value: Any, kind: Wanted) -> Any:
        """Return a number times that of the other card; no other card, once."""
        factor = Entry(keyword=self.times, header=self.header, default=1.0)
        number = factor.read(cards, Wanted(type=float, low=0, high=1e9))
        if value is None or number is None:
            return None
        return self._converted(cards, " times ".join((*self.keyword, *self.times)),
                               value * number, kind)

    def _find(self, cards: CardReader) -> tuple[str, Any]:
        if self.together:
            return " and ".join(self.together), self._together(cards)
        for keyword in self.keyword:
            found = cards.find(keyword, header=self.header, repeated=self.repeated)
            if found is None or (isinstance(found, str) and not found.strip()):
                continue
            if self.time is not None and isinstance(found, str) and "T" not in found:
                clock = cards.find(self.time, header=self.header, repeated=self.repeated)
                if clock is None:
                    msg = f"{self.time} is missing: {keyword} = {shown(found)} has no time of day"
                    raise ValueError(msg)
                return keyword, f"{found.strip()}T{str(clock).strip()}"
            return keyword, found
        return "", None

    def _together(self, cards: CardReader) -> str | None:
        """Return all values there are with their keywords: `GAIN=100 READOUTM=Fast`."""
        found = {
            keyword: cards.find(keyword, header=self.header, repeated=self.repeated)
            for keyword in self.together
        }
        told = {word: _text(value) for word, value in found.items() if value is not None}
        return " ".join(f"{word}={value}" for word, value in told.items() if value) or None

    def _converted(self, cards: CardReader, keyword: str, found: Any, kind: Wanted) -> Any:
        try:
            return self._convert(self._part(found), kind)
        except ValueError as problem:
            cards.problems.append(f"{keyword} = {shown(found)} {problem}")
            return None

    def _part(self, found: Any) -> Any:
        if self.pattern is None:
            return found
        match = self.pattern.search(_text(found)[:_TRIED])
        if match is None:
            msg = f"does not match the pattern {self.pattern.pattern!r}"
            raise ValueError(msg)
        return match[1 if match.re.groups else 0] or ""

    def _convert(self, found: Any, kind: Wanted) -> Any:
        if self.decimal and isinstance(found, str) and "." not in found:
            found = found.replace(",", ".", 1)
        if kind.type is datetime:
            moment = likely(_moment(found, self.unit, self.zone))
            return likely(moment + timedelta(seconds=self.add))
        if kind.type is str:
            return _text(found)
        number = _number(found) * UNITS.get(self.unit or "", 1.0) + self.add
        return bounded(number, kind.type, kind.low, kind.high)


def _text(found: Any) -> str:
    if isinstance(found, bool):
        return "T" if found else "F"
    if isinstance(found, float) and found.is_integer() and abs(found) < 1e15:
        return str(int(found))
    return str(found).strip()


def _number(found: Any) -> float:
    """Return a number, also one written as text, or as hours, minutes and seconds [s]."""
    if isinstance(found, str):
        clock = _CLOCK.fullmatch(found.strip())
        if clock is not None:
            hours, minutes, seconds = (float(part or 0) for part in clock.groups())
            total = abs(hours) * 3600 + minutes * 60 + seconds
            return -total if clock[1].startswith("-") else total
    try:
        number = math.nan if isinstance(found, bool) else float(found)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        comma = isinstance(found, str) and _WITH_COMMA.fullmatch(found)
        msg = "is not a number" + ("; decimal = ',' reads its comma" if comma else "")
        raise ValueError(msg)
    return number


def _zone(name: str, place: Place) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        place.refuse(name, "a time zone such as 'Europe/Berlin'")


def _moment(found: Any, unit: str | None, zone: ZoneInfo | None = None) -> datetime:
    try:
        if unit in ("MJD", "JD", "unix"):
            number = _number(found)
            if unit == "unix":
                return datetime.fromtimestamp(number, UTC).replace(tzinfo=None)
            return DAY_0 + timedelta(days=number - (_JULIAN if unit == "JD" else 0))
        text = str(found).strip()
        day, month = (3, 1) if unit == "mm/dd/yy" else (1, 3)
        if unit in ("dd/mm/yy", "mm/dd/yy"):
            # Before 1999 headers had two digits of the year, 19 before them (FITS 4.0, 9.1.1);
            # what writes them today means 20.
            text = _YEAR_LAST.sub(
                lambda m: f"{_year(m[4])}-{m[month]:>02}-{m[day]:>02}", text, count=1
            )
        if "T" not in text:
            msg = "is a date without a time of day: name the card of the time (time = ...)"
            raise ValueError(msg)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError) as problem:
        if "without a time" in str(problem):
            raise
        msg = "is not a moment in UTC like 2012-06-01T08:51:44.123"
        if unit is None and _YEAR_LAST.match(str(found).strip()):
            msg += '; unit = "dd/mm/yy" reads a day that comes first, "mm/dd/yy" a month'
        raise ValueError(msg) from None
    moment = likely(moment)  # at the ends of the calendar a zone leads out of it
    if zone is not None and moment.tzinfo is None:
        moment = _by_clocks(moment, zone)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _by_clocks(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return when clocks of a zone show something; what they show twice or never is refused."""
    first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        msg = f"is there twice or never: clocks of {zone.key} are changed then"
        raise ValueError(msg)
    return first


def _year(digits: str) -> str:
    if len(digits) == 4:
        return digits
    return f"{'19' if digits >= '70' else '20'}{digits}"
