"""Regions of the sky: which cells they touch, and which positions lie in them.

A class that says `__sky__ = ("CRVAL1", "CRVAL2")` gets a column `sky_cell`: the number of the
position's band of declination times 2**32 plus its right ascension in parts of 2**32. A region is
a few ranges of that number, which an index finds under row-level security because integers compare
without revealing anything; the exact test follows on what is left. Positions outside -90...90
or further than ten turns from 0 have no cell and are in no region.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from awe.errors import QueryError

__all__ = ["COLUMN", "Box", "Cone", "Region", "cell_expression", "number"]

COLUMN = "sky_cell"

BANDS = 1024
TURN = 2**32
#: Further bands than this are read whole instead of one by one.
MOST_RANGES = 64
LARGEST = 3600.0
#: Degrees added on every side, far above rounding and far below a band.
MARGIN = 1e-6
TINY = 1e-12

Bind = Callable[[Any], str]
Range = tuple[int, int]


class Region(Protocol):
    """A part of the sky."""

    def ranges(self) -> list[Range]:
        """Return ranges of cells, both ends included, that hold every position of the region."""

    def exact(self, ra: str, dec: str, bind: Bind) -> str:
        """Return the condition on two columns that a position lies in the region."""


@dataclass(frozen=True, kw_only=True)
class Cone:
    """Positions within `radius` of a centre, along the great circle [deg]."""

    ra: float
    dec: float
    radius: float

    def __post_init__(self) -> None:
        number("right ascension", self.ra, -LARGEST, LARGEST)
        number("declination", self.dec, -90, 90)
        number("radius", self.radius, 0, 180)

    def ranges(self) -> list[Range]:
        """Return the ranges of cells."""
        low, high = self.dec - self.radius, self.dec + self.radius
        if low <= -90 + MARGIN or high >= 90 - MARGIN:
            return _ranges(low, high, 0.0, 360.0)
        opening = math.sin(math.radians(self.radius)) / math.cos(math.radians(self.dec))
        width = math.degrees(math.asin(min(1.0, opening)))
        return _ranges(low, high, self.ra - width, self.ra + width)

    def exact(self, ra: str, dec: str, bind: Bind) -> str:
        """Return the haversine of the distance compared with that of the radius."""
        middle_ra, middle_dec = bind(_plain(self.ra)), bind(_plain(self.dec))
        ra, dec = _floored(ra), _floored(dec)
        limit = bind(math.sin(math.radians(self.radius) / 2) ** 2)
        cosine = bind(math.cos(math.radians(self.dec)))
        return (
            f"power(sin(radians({dec} - {middle_dec}) / 2), 2) + cos(radians({dec})) * {cosine} "
            f"* power(sin(radians({ra} - {middle_ra}) / 2), 2) <= {limit}"
        )


@dataclass(frozen=True, kw_only=True)
class Box:
    """Positions between two right ascensions and two declinations, all included [deg].

    The box goes eastwards from `ra_low` to `ra_high`, through 0 where the latter is smaller.
    """

    ra_low: float
    ra_high: float
    dec_low: float
    dec_high: float

    def __post_init__(self) -> None:
        number("right ascension", self.ra_low, -LARGEST, LARGEST)
        number("right ascension", self.ra_high, -LARGEST, LARGEST)
        number("declination", self.dec_low, -90, 90)
        number("declination", self.dec_high, self.dec_low, 90)

    @property
    def _whole_circle(self) -> bool:
        return self.ra_high - self.ra_low >= 360

    def ranges(self) -> list[Range]:
        """Return the ranges of cells."""
        low, high = turned(self.ra_low), turned(self.ra_high)
        if self._whole_circle:
            low, high = 0.0, 360.0
        elif low > high:
            high += 360.0
        return _ranges(self.dec_low, self.dec_high, low, high)

    def exact(self, ra: str, dec: str, bind: Bind) -> str:
        """Return the comparison of both coordinates."""
        ra, dec = _floored(ra), _floored(dec)
        band = f"{dec} BETWEEN {bind(_plain(self.dec_low))} AND {bind(_plain(self.dec_high))}"
        if self._whole_circle:
            return band
        low, high = turned(self.ra_low), turned(self.ra_high)
        word = "AND" if low <= high else "OR"
        place = f"({ra} - 360 * floor({ra} / 360))"
        return f"{band} AND ({place} >= {bind(low)} {word} {place} <= {bind(high)})"


def turned(ra: float) -> float:
    """Return a right ascension between 0 and 360 [deg]."""
    ra = _plain(ra)
    return ra - 360 * math.floor(ra / 360)


def number(name: str, value: Any, low: float, high: float) -> None:
    """Refuse a coordinate that is no number or out of its range."""
    fine = isinstance(value, int | float) and not isinstance(value, bool)
    if not fine or not low <= value <= high:
        msg = f"{name} {value!r}: wanted a number from {low:g} to {high:g} [deg]"
        raise QueryError(msg)


def cell_expression(ra: str, dec: str) -> str:
    """Return the SQL of the cell of two columns, missing where they are no position."""
    ra, dec = _floored(ra), _floored(dec)
    turn = f"{ra} / 360 - floor({ra} / 360)"
    return (
        f"CASE WHEN {dec} BETWEEN -90 AND 90 AND {ra} BETWEEN -{LARGEST:g} AND {LARGEST:g} "
        f"THEN floor(({dec} + 90) * {BANDS} / 180)::bigint * {TURN} "
        f"+ least(floor(({turn}) * {TURN})::bigint, {TURN - 1}) END"
    )


def _floored(value: str) -> str:
    """Return a coordinate with the tiniest values made 0: products of them are errors in SQL."""
    return f"(CASE WHEN abs({value}) < {TINY:g} THEN 0 ELSE {value} END)"


def _plain(value: float) -> float:
    return float(value) if abs(value) > TINY else 0.0


def _ranges(dec_low: float, dec_high: float, ra_low: float, ra_high: float) -> list[Range]:
    """Return the ranges of cells of a box whose right ascensions may exceed one turn."""
    first, last = _band(dec_low - MARGIN), _band(dec_high + MARGIN)
    ra_low, ra_high = ra_low - MARGIN, ra_high + MARGIN
    if ra_high - ra_low >= 360 or last - first >= MOST_RANGES:
        return [(first * TURN, (last + 1) * TURN - 1)]
    low, high = turned(ra_low), turned(ra_high)
    pieces = [(low, high)] if low <= high else [(0.0, high), (low, 360.0)]
    return [
        (band * TURN + _part(begin), band * TURN + _part(end))
        for band in range(first, last + 1)
        for begin, end in pieces
    ]


def _band(dec: float) -> int:
    return math.floor((min(90.0, max(-90.0, dec)) + 90) * BANDS / 180)


def _part(ra: float) -> int:
    return min(math.floor(ra / 360 * TURN), TURN - 1)
