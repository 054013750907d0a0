"""Footprints: which part of the sky a frame covers, and how the index finds it.

A class with a link `astrom` and a size NAXIS1, NAXIS2 has a footprint. The database computes it
from the row itself when it is committed (`awe/db/schema/sql/21_footprint.sql`): the corners of the
light-sensitive pixels, and a cell made of the size, the band of declination and the right
ascension of their middle. Here are the cells a region may touch, and the corners of an object.
"""

from __future__ import annotations

import math
import re
from typing import Any

from awe.db.declare.attributes import Kind
from awe.db.declare.entity import Entity
from awe.db.query import sky
from awe.errors import QueryError

__all__ = ["CELL", "CORNERS", "corners", "has_footprint", "ranges"]

CELL = "_cell"
CORNERS = "_corners"
#: Size classes: in class n no corner is further than 180 / 2**n degrees from the middle.
CLASSES = range(0, 15, 2)
CLASS_SHIFT = 48
SECTION = re.compile(r"\[(\d{1,6}):(\d{1,6}),(\d{1,6}):(\d{1,6})\]")
LEAST = 1e-20


def has_footprint(cls: type[Entity]) -> bool:
    """Return True if objects of a class cover a part of the sky."""
    link = cls._attributes.get("astrom")
    if link is None or link.kind is not Kind.LINK or not link.target.__sky__:
        return False
    sizes = (cls._attributes.get(name) for name in ("NAXIS1", "NAXIS2"))
    return all(
        size is not None and size.kind is Kind.VALUE and size.declared_type is int
        for size in sizes
    )


def ranges(region: sky.Region) -> list[sky.Range]:
    """Return ranges of cells, ends included, with every footprint that meets the region."""
    found = []
    # A frame of class n reaches at most 180 / 2**n degrees from its middle: if it meets the
    # region, its middle is within that margin of it.
    for size in CLASSES:
        base, bands = size << CLASS_SHIFT, 2**size
        pieces = region.ranges(bands=bands, margin=180 / bands)
        found += [(base + low, base + high) for low, high in pieces]
    return found


def corners(item: Entity) -> tuple[tuple[float, float], ...]:
    """Return right ascension and declination of the corners of a frame [deg].

    Raises
    ------
    QueryError
        The object has no place on the sky.
    """
    astrom: Any = getattr(item, "astrom", None) if has_footprint(type(item)) else None
    if astrom is None:
        msg = f"{item!r} has no astrom, so it has no place on the sky"
        raise QueryError(msg)
    frame: Any = item
    section = str((frame.geometry or {}).get("active")) if _has_geometry(item) else ""
    match = SECTION.fullmatch(section)
    x_low, x_high, y_low, y_high = (
        map(int, match.groups()) if match else (1, frame.NAXIS1 or 0, 1, frame.NAXIS2 or 0)
    )
    # FITS counts the centres of pixels from 1, so the edges are half a pixel further out.
    places = [(x_low - 0.5, y_low - 0.5), (x_high + 0.5, y_low - 0.5),
              (x_high + 0.5, y_high + 0.5), (x_low - 0.5, y_high + 0.5)]  # fmt: skip
    # The determinant is the area of a pixel. Without an area the corners would coincide, and a
    # polygon of them would be refused: such a frame is a single place, as it is in the SQL.
    flat = astrom.CD1_1 * astrom.CD2_2 - astrom.CD1_2 * astrom.CD2_1
    if abs(flat) < LEAST or x_high < x_low or y_high < y_low:
        return ((astrom.CRVAL1, astrom.CRVAL2),)
    return tuple(_place(astrom, x, y) for x, y in places)


def _has_geometry(item: Entity) -> bool:
    attribute = item._attributes.get("geometry")
    return bool(attribute is not None and attribute.declared_type is dict)


def _place(astrom: Any, x: float, y: float) -> tuple[float, float]:
    """Return the place of a pixel by the tangential projection."""
    # Standard coordinates (xi, eta) = CD (pixel - CRPIX); the direction, not yet of length 1, is
    # (cos d0 - eta sin d0, xi, sin d0 + eta cos d0) with its first axis towards CRVAL1. Hence
    # tan(ra - ra0) = xi / (cos d0 - eta sin d0), tan(dec) = (sin d0 + eta cos d0) / hypot(...);
    # atan2 keeps the quadrant also beyond a pole, where the depth is negative.
    x, y = x - astrom.CRPIX1, y - astrom.CRPIX2
    east = math.radians(astrom.CD1_1 * x + astrom.CD1_2 * y)
    north = math.radians(astrom.CD2_1 * x + astrom.CD2_2 * y)
    dec = math.radians(astrom.CRVAL2)
    depth = math.cos(dec) - north * math.sin(dec)
    ra = astrom.CRVAL1 + math.degrees(math.atan2(east, depth))
    up = math.sin(dec) + north * math.cos(dec)
    return sky.turned(ra), math.degrees(math.atan2(up, math.hypot(east, depth)))
