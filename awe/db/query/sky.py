"""Regions of the sky: which cells they touch, and which positions and outlines are in them.

A class that says `__sky__ = ("CRVAL1", "CRVAL2")` gets a column `sky_cell`: the number of the
position's band of declination times 2**32 plus its right ascension in parts of 2**32. A region is
a few ranges of that number, which an index finds under row-level security because integers compare
without revealing anything; the exact test follows on what is left. Frames have cells of their
own, by size (`awe.db.query.footprint`). Positions outside -90...90
or further than ten turns from 0 have no cell and are in no region.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from awe.db.query import convex
from awe.errors import QueryError

__all__ = ["COLUMN", "Box", "Cone", "Polygon", "Region", "cell_expression", "number"]

COLUMN = "sky_cell"

BANDS = 1024
TURN = 2**32
#: Further bands than this are read whole instead of one by one.
MOST_RANGES = 64
LARGEST = 3600.0
#: Degrees added on every side, far above rounding and far below a band.
MARGIN = 1e-6
MOST_CORNERS = 100
#: Sines below this are 0: a corner on a side.
SLACK = 1e-12
TINY = 1e-12

Bind = Callable[[Any], str]
Range = tuple[int, int]
Vector = tuple[float, float, float]


class Region(Protocol):
    """A part of the sky."""

    def ranges(self, *, bands: int = BANDS, margin: float = 0.0) -> list[Range]:
        """Return ranges of cells, both ends included, that hold every position of the region.

        Parameters
        ----------
        bands : int
            Number of bands of declination of the cells.
        margin : float
            Distance outside up to which positions are held too [deg].
        """

    def meets(self, corners: str, bind: Bind) -> str:
        """Return the condition on a column of corners that an outline meets the region."""

    def exact(self, ra: str, dec: str, bind: Bind) -> str:
        """Return the condition on two columns that a position is in the region."""


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

    def ranges(self, *, bands: int = BANDS, margin: float = 0.0) -> list[Range]:
        """Return the ranges of cells."""
        low, high = self.dec - self.radius - margin, self.dec + self.radius + margin
        width = _width(self.dec, self.radius + margin)
        return _ranges(low, high, self.ra - width, self.ra + width, bands)

    def meets(self, corners: str, bind: Bind) -> str:
        """Return the question whether an outline comes within the radius."""
        x, y, z = (bind(part) for part in vector(self.ra, self.dec))
        return f"awe.sky_near({corners}, {x}, {y}, {z}, {bind(math.radians(self.radius))})"

    def exact(self, ra: str, dec: str, bind: Bind) -> str:
        """Return the haversine of the distance compared with that of the radius."""
        middle_ra, middle_dec = bind(_plain(self.ra)), bind(_plain(self.dec))
        ra, dec = _floored(ra), _floored(dec)
        # hav(d) = hav(dec - dec0) + cos(dec) cos(dec0) hav(ra - ra0), hav(x) = sin^2(x / 2). The
        # law of cosines says the same, but a cosine near 1 has lost the small distances.
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

    @property
    def _turn(self) -> tuple[float, float]:
        """Right ascensions, the second not below the first."""
        if self._whole_circle:
            return 0.0, 360.0
        low, high = turned(self.ra_low), turned(self.ra_high)
        return low, high if low <= high else high + 360.0

    def ranges(self, *, bands: int = BANDS, margin: float = 0.0) -> list[Range]:
        """Return the ranges of cells."""
        low, high = self._turn
        width = max(_width(dec, margin) for dec in (self.dec_low, self.dec_high))
        return _ranges(
            self.dec_low - margin, self.dec_high + margin, low - width, high + width, bands
        )

    def meets(self, corners: str, bind: Bind) -> str:
        """Return the question whether an outline has a part in the box."""
        sides = (*self._turn, _plain(self.dec_low), _plain(self.dec_high))
        return f"awe.sky_boxed({corners}, {', '.join(bind(float(side)) for side in sides)})"

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


@dataclass(frozen=True, kw_only=True)
class Polygon:
    """The inside of the great circles between corners that go round an outline [deg].

    An outline that is not convex is cut into convex pieces.
    """

    corners: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if not 3 <= len(self.corners) <= MOST_CORNERS:
            msg = f"a polygon of {len(self.corners)} corners: expected 3 to {MOST_CORNERS}"
            raise QueryError(msg)
        for ra, dec in self.corners:
            number("right ascension", ra, -LARGEST, LARGEST)
            number("declination", dec, -90, 90)
        self._pieces()

    def _pieces(self) -> tuple[tuple[Vector, ...], ...]:
        """Return convex outlines that cover it together, anticlockwise from outside."""
        return _convex(self.corners)

    def _circle(self) -> tuple[float, float, float]:
        """Return right ascension, declination and radius of a circle around it [deg]."""
        border = [corner for piece in self._pieces() for corner in piece]
        # The centre is the mean of the unit vectors, the radius the distance of the farthest
        # corner: a chord of length c spans the angle 2 asin(c / 2). A cap below a hemisphere is
        # convex, so it holds the sides as soon as it holds the corners.
        x, y, z = (sum(part) for part in zip(*border, strict=True))
        length = math.sqrt(x * x + y * y + z * z)
        middle = (x / length, y / length, z / length)
        radius = max(math.degrees(2 * math.asin(min(1.0, math.dist(middle, one) / 2)))
                     for one in border)  # fmt: skip
        dec = math.degrees(math.atan2(middle[2], math.hypot(middle[0], middle[1])))
        return turned(math.degrees(math.atan2(middle[1], middle[0]))), dec, radius + MARGIN

    def ranges(self, *, bands: int = BANDS, margin: float = 0.0) -> list[Range]:
        """Return the ranges of cells."""
        ra, dec, radius = self._circle()
        return Cone(ra=ra, dec=dec, radius=min(180.0, radius)).ranges(bands=bands, margin=margin)

    def meets(self, corners: str, bind: Bind) -> str:
        """Return the condition that two outlines have a place in common."""
        return self._any(lambda piece: f"awe.sky_meets({corners}, {bind(piece)}::float8[])")

    def exact(self, ra: str, dec: str, bind: Bind) -> str:
        """Return the condition that a position is inside the region."""
        ra, dec = f"radians({_floored(ra)})", f"radians({_floored(dec)})"
        # Reach 0 asks for n . p >= 0 for the normal n of every side: inside all great circles.
        x, y, z = f"cos({dec}) * cos({ra})", f"cos({dec}) * sin({ra})", f"sin({dec})"
        return self._any(
            lambda piece: f"awe.sky_near({bind(piece)}::float8[], {x}, {y}, {z}, 0)"
        )

    def _any(self, condition: Callable[[list[float]], str]) -> str:
        """Return the condition that one of the pieces fulfils another."""
        told = [condition([number for corner in piece for number in corner])
                for piece in self._pieces()]  # fmt: skip
        return told[0] if len(told) == 1 else f"({' OR '.join(told)})"


@lru_cache(maxsize=64)
def _convex(corners: tuple[tuple[float, float], ...]) -> tuple[tuple[Vector, ...], ...]:
    """Return the convex outlines that a polygon consists of, anticlockwise from outside."""
    # A corner repeated at once would make a side without a length, so it goes. A side is the plane
    # through two corners; the sign of normal . corner says on which side of it a corner is. All
    # corners on one side of every plane: convex. All in one plane: no area.
    every = [vector(ra, dec) for ra, dec in corners]
    found = [one for place, one in enumerate(every) if one != every[place - 1]]
    sides = [_cross(a, b) for a, b in zip(found, [*found[1:], *found[:1]], strict=True)]
    signs = [_dot(side, other) for side in sides for other in found]
    if len(set(found)) < 3 or max(map(abs, signs)) < SLACK:
        msg = "the corners of a polygon are all on one line: expected an area"
        raise QueryError(msg)
    if len(set(found)) < len(found) or min(signs) < -SLACK < SLACK < max(signs):
        return tuple(tuple(piece) for piece in convex.pieces(found))
    return (tuple(found if max(signs) > SLACK else found[::-1]),)


def vector(ra: float, dec: float) -> Vector:
    """Return the unit vector to a place."""
    ra, dec = math.radians(_plain(ra)), math.radians(_plain(dec))
    return math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _dot(a: Vector, b: Vector) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _width(dec: float, radius: float) -> float:
    """Return how far a circle reaches to east and west; 180 where it holds a pole [deg]."""
    # A circle around a pole meets all right ascensions; elsewhere the meridians that touch it are
    # asin(sin(radius) / cos(dec)) away (the right triangle of pole, centre and point of contact).
    if abs(dec) + radius >= 90 - MARGIN:
        return 180.0
    opening = math.sin(math.radians(radius)) / math.cos(math.radians(dec))
    return math.degrees(math.asin(min(1.0, opening)))


def turned(ra: float) -> float:
    """Return a right ascension between 0 and 360 [deg]."""
    ra = _plain(ra)
    return ra - 360 * math.floor(ra / 360)


def number(name: str, value: Any, low: float, high: float) -> None:
    """Refuse a coordinate that is not a number or out of its range."""
    fine = isinstance(value, int | float) and not isinstance(value, bool)
    if not fine or not low <= value <= high:
        msg = f"{name} {value!r}: expected a number from {low:g} to {high:g} [deg]"
        raise QueryError(msg)


def cell_expression(ra: str, dec: str) -> str:
    """Return the SQL of the cell of two columns, NULL if they are not a position."""
    ra, dec = _floored(ra), _floored(dec)
    # CASE keeps the order: the casts to bigint come only after the comparisons, which NaN and
    # infinity do not pass. A right ascension just below a whole turn may round to TURN itself, the
    # first cell of the next band: hence least().
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


def _ranges(
    dec_low: float, dec_high: float, ra_low: float, ra_high: float, bands: int
) -> list[Range]:
    """Return the ranges of cells of a box whose right ascensions may exceed one turn."""
    # Cells of neighbouring bands follow one another, so whole bands are one range. One range per
    # band reads fewer rows, but each costs a descent of the index: many are merged.
    first, last = _band(dec_low - MARGIN, bands), _band(dec_high + MARGIN, bands)
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


def _band(dec: float, bands: int) -> int:
    return math.floor((min(90.0, max(-90.0, dec)) + 90) * bands / 180)


def _part(ra: float) -> int:
    return min(math.floor(ra / 360 * TURN), TURN - 1)
