"""Which pixels a part of a frame has: from corners as people count them, or from the sky."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from awe.db.query import coordinates
from awe.errors import ArgumentError, BadHeader, OutOfRange, QueryError

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from awe.fits.tiles import Zone

__all__ = ["clipped", "place", "zone_of_corners", "zone_of_place"]

#: A number above this many degrees was meant in other units.
WIDEST = 5.0
_HOW = (
    "cutout(x0, y0, x1, y1) in FITS pixels, or a place and its size, "
    "cutout('10:00:30 +02:12', size='30 arcsec')"
)


def zone_of_corners(x0: Any, y0: Any, x1: Any, y1: Any) -> Zone:
    """Return the zone of two corners counted from 1, both included.

    Raises
    ------
    ArgumentError
        They are not four whole numbers in order.
    """
    corners = []
    for value in (x0, y0, x1, y1):
        number = value.item() if hasattr(value, "item") and not isinstance(value, str) else value
        if isinstance(number, bool) or not isinstance(number, int | float) or number % 1:
            msg = f"{value!r:.60} is not a whole number of a pixel; expected {_HOW}"
            raise ArgumentError(msg)
        corners.append(int(number))
    left, low, right, high = corners
    if left > right or low > high:
        msg = f"columns {left} to {right}, rows {low} to {high}: the lower left corner comes first"
        raise ArgumentError(msg)
    return left - 1, low - 1, right, high


def place(ra: Any, dec: Any = None) -> tuple[float, float]:
    """Return right ascension and declination [deg] of a place as people write it.

    Raises
    ------
    ArgumentError
        It is not one.
    """
    try:
        known = coordinates.position(ra)
        if known is not None:
            return known
        if dec is None and isinstance(ra, str):
            ra, dec = _halves(ra)
        found = (coordinates.right_ascension(ra), coordinates.declination(dec))
    except QueryError as error:
        raise ArgumentError(str(error)) from None
    good = all(isinstance(v, int | float) and not isinstance(v, bool) for v in found)
    if not good or not (math.isfinite(found[0]) and abs(found[1]) <= 90):
        msg = f"{ra!r:.60}, {dec!r:.60} is not a place on the sky; expected {_HOW}"
        raise ArgumentError(msg)
    return float(found[0]), float(found[1])


def _halves(text: str) -> tuple[Any, Any]:
    """Return the two coordinates of a text: '10:00:30 +02:12', '10 00 30 +02 12', '150.1 2.2'."""
    words = text.replace(",", " ").split()
    if len(words) < 2 or len(words) % 2:
        msg = f"{text!r:.60} is not a place on the sky; expected {_HOW}"
        raise ArgumentError(msg)
    half = len(words) // 2
    ra, dec = " ".join(words[:half]), " ".join(words[half:])
    return _degrees(ra), _degrees(dec)


def _degrees(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def zone_of_place(wcs: WCS, centre: tuple[float, float], size: Any) -> Zone:
    """Return the zone of a place, as wide and high on the sky as `size` says.

    Parameters
    ----------
    wcs : WCS
        Coordinates of the frame.
    centre : tuple of float
        Right ascension and declination [deg].
    size : float, str, Quantity or pair of these
        Width and height; a number is in degrees.

    Raises
    ------
    ArgumentError
        The size is not an angle.
    BadHeader
        The frame has no coordinates of the sky.
    OutOfRange
        The coordinates of the frame do not reach that place.
    """
    from astropy.coordinates import SkyCoord
    from astropy.wcs import NoConvergence

    if not wcs.has_celestial:
        msg = "the frame has no coordinates of the sky; cut it by pixels: cutout(x0, y0, x1, y1)"
        raise BadHeader(msg)
    width, height = _sizes(size)
    sky = SkyCoord(*centre, unit="deg")
    try:
        x, y = (float(value) for value in wcs.world_to_pixel(sky))
    except (NoConvergence, ValueError):
        x = y = math.nan
    # behind the projection there is a pixel too, of another place
    if not (math.isfinite(x) and math.isfinite(y)) or _apart(wcs, x, y, sky) > 1 / 3600:
        msg = f"{centre[0]:.5f} {centre[1]:+.5f} is nowhere near the frame"
        raise OutOfRange(msg)
    across = _apart(wcs, x + 1, y, wcs.pixel_to_world(x, y))
    along = _apart(wcs, x, y + 1, wcs.pixel_to_world(x, y))
    columns, rows = max(1, round(width / across)), max(1, round(height / along))
    left, low = round(x - (columns - 1) / 2), round(y - (rows - 1) / 2)
    return left, low, left + columns, low + rows


def _apart(wcs: WCS, x: float, y: float, sky: Any) -> float:
    """Return the angle between a pixel and a place [deg]."""
    return float(wcs.pixel_to_world(x, y).separation(sky).deg)


def _sizes(size: Any) -> tuple[float, float]:
    both = size if isinstance(size, tuple | list) and len(size) == 2 else (size, size)
    return _angle(both[0]), _angle(both[1])


def _angle(size: Any) -> float:
    from astropy.coordinates import Angle

    try:
        degrees = Angle(size).deg if isinstance(size, str) else coordinates.degrees(size)
        degrees = float(degrees)
    except (ValueError, TypeError) as error:
        msg = f"size {size!r:.60} is not an angle; expected a number of degrees or '30 arcsec'"
        raise ArgumentError(msg) from error
    if not 0 < degrees < math.inf:
        msg = f"size {size!r:.60} is not above 0; expected a number of degrees or '30 arcsec'"
        raise ArgumentError(msg)
    if degrees > WIDEST:
        msg = f"size {size!r:.60} is {degrees:g} degrees; for seconds of arc write '{size} arcsec'"
        raise ArgumentError(msg)
    return degrees


def clipped(zone: Zone, width: int, height: int, name: str) -> Zone:
    """Return what of a zone is on a frame.

    Raises
    ------
    OutOfRange
        Nothing is.
    """
    x0, y0, x1, y1 = zone
    inside = (max(x0, 0), max(y0, 0), min(x1, width), min(y1, height))
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        msg = (
            f"{name}: columns {x0 + 1} to {x1}, rows {y0 + 1} to {y1} are outside of the frame, "
            f"which has {width} columns and {height} rows"
        )
        raise OutOfRange(msg)
    return inside
