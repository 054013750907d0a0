"""Coordinates as people write them: degrees, sexagesimal text, and objects of astropy.

astropy itself is not imported: its objects are known by what they offer.
"""

from __future__ import annotations

import re
from typing import Any

from awe.errors import QueryError

__all__ = ["NEAR", "declination", "degrees", "pairs", "position", "right_ascension"]

SEXAGESIMAL = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>\d{1,3})(?P<mark>[:hd°\s])\s*(?P<minutes>\d{1,2})"
    r"(?:[:m'\s]\s*(?P<seconds>\d{1,2}(?:\.\d*)?))?\s*[ms\"']*"
)
NEAR = (
    "expected {0}ra, dec{1} in degrees, {0}'22:04:00', '-31:12:00'{1}, {0}SkyCoord{1} or "
    "{0}'OBJECT of a frame'{1}"
)


def right_ascension(value: Any) -> Any:
    """Return a right ascension in degrees; text is read as hours, minutes and seconds."""
    return _read("right ascension", value, hours=True)


def declination(value: Any) -> Any:
    """Return a declination in degrees; text is read as degrees, minutes and seconds."""
    return _read("declination", value, hours=False)


def degrees(value: Any) -> Any:
    """Return an angle as a number of degrees, where it is a quantity of astropy or a number."""
    if hasattr(value, "to_value"):
        value = value.to_value("deg")
    if hasattr(value, "item") and type(value).__module__ == "numpy" and value.ndim == 0:
        value = value.item()
    return value


def position(place: Any) -> tuple[float, float] | None:
    """Return right ascension and declination of a `SkyCoord`, None for anything else."""
    if not hasattr(place, "icrs"):
        return None
    if not getattr(place, "isscalar", True):
        msg = f"{len(place)} places are given where one belongs; loop over them"
        raise QueryError(msg)
    icrs = place.icrs
    return float(icrs.ra.deg), float(icrs.dec.deg)


def pairs(places: Any) -> list[tuple[float, float]]:
    """Return the corners of a polygon: of pairs of coordinates, or of a `SkyCoord` of several."""
    if hasattr(places, "icrs") and not getattr(places, "isscalar", True):
        icrs = places.icrs
        return [(float(ra), float(dec)) for ra, dec in zip(icrs.ra.deg, icrs.dec.deg, strict=True)]
    try:
        return [_pair(place) for place in places]
    except (TypeError, ValueError) as error:
        msg = (
            "overlaps() expects a frame, or the corners of a polygon in order, "
            f"[(ra, dec), (ra, dec), (ra, dec)] in degrees, not {places!r:.60}"
        )
        if isinstance(error, QueryError):
            raise
        raise QueryError(msg) from None


def _pair(place: Any) -> tuple[float, float]:
    known = position(place)
    if known is not None:
        return known
    ra, dec = place
    return right_ascension(ra), declination(dec)


def _read(name: str, value: Any, *, hours: bool) -> Any:
    if not isinstance(value, str):
        return degrees(value)
    match = SEXAGESIMAL.fullmatch(value.strip())
    minutes = float(match["minutes"]) if match else 60.0
    seconds = float((match and match["seconds"]) or 0)
    if match is None or minutes >= 60 or seconds >= 60 or (match["mark"] == "h" and not hours):
        example = "'22:04:00' (hours, minutes, seconds)" if hours else "'-31:12:00'"
        msg = f"{name} {value!r}: expected a number of degrees or text such as {example}"
        raise QueryError(msg)
    # The sign is applied at the end: int('-0') is 0, and '-00:30:00' would become northern.
    size = int(match["whole"]) + minutes / 60 + seconds / 3600
    size *= 15 if hours and match["mark"] != "d" and match["mark"] != "°" else 1
    return -size if match["sign"] == "-" else size
