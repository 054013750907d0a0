"""Whose frames they are: name, cards that tell them from others, site, scale of the pixels."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from awe.errors import ArgumentError
from awe.instruments._spelling import spelled
from awe.instruments._told import checked_scale, checked_zone
from awe.instruments.drafting import conventions
from awe.instruments.drafting.seen import Seen, distinct, of_first, values
from awe.instruments.drafting.sheet import Sheet

__all__ = ["called", "known_by", "pixels", "site"]

_DEGREES = re.compile(
    r"([+-]?)(\d{1,3}(?:\.\d*)?)(?:[:\sd]+(\d{1,2}(?:\.\d*)?))?(?:[:\sm']+(\d{1,2}(?:\.\d*)?))?"
    r"[s\"\s]*([EWNSewns]?)"
)
#: a value with a word in it, that does not begin like a date or a number
_NAME = re.compile(r"^(?![\s\d.:+-]*$)(?!\d+[-/.]\d+).*[^\W\d_]{3}")
#: cards with words that are of the file and not of the camera
_NAMELESS = frozenset([
    "SIMPLE", "XTENSION", "EXTNAME", "BUNIT", "ROWORDER", "RADESYS", "RADECSYS", "TIMESYS",
    "PROGRAM", "COMMENT", "HISTORY", "CREATOR", "CHECKSUM", "DATASUM", "AUTHOR",
    *conventions.TYPE, *conventions.OBJECT, *conventions.OBSERVER, *conventions.FILTER,
    *(f"{word}{axis}" for word in ("CTYPE", "CUNIT") for axis in (1, 2, 3)),
])  # fmt: skip
_OBSERVATORY = ("OBSERVAT", "OBSERVATORY", "SITENAME", "SITE", "TELESCOP", "ORIGIN")


def known_by(images: Sequence[Seen]) -> tuple[str, str]:
    """Return the card that tells these files from others, and its value.

    Raises
    ------
    ArgumentError
        The files are of several cameras, or no card tells.
    """
    found = distinct(values(images, "INSTRUME"))
    if len(found) > 1:
        msg = (
            f"INSTRUME is {' and '.join(map(str, found[:3]))} in these files: give those of one "
            "camera at a time"
        )
        raise ArgumentError(msg)
    told = of_first(images, conventions.RECOGNISE) or of_first(images, _names(images[0]))
    if told is None:
        msg = (
            f"{images[0].file}: no card tells whose frames these are; looked for "
            f"{', '.join(conventions.RECOGNISE)}, and any other that has a name, with one value "
            "in all files; write the description yourself, with a card of theirs in [recognise]"
        )
        raise ArgumentError(msg)
    return told[0], str(told[1]).strip()


def _names(image: Seen) -> Iterator[str]:
    """Yield the cards of an image that may hold a name, in whatever language: words, no dates."""
    for keyword in image.whole:
        value = image.find(keyword) if isinstance(keyword, str) else None
        if isinstance(value, str) and keyword not in _NAMELESS and _NAME.search(value):
            yield keyword


def called(value: str) -> str:
    """Return the name of a camera made from the value of a card.

    Examples
    --------
    >>> called("ZWO ASI2600MM Pro")
    'ZWO_ASI2600MM_PRO'
    """
    name = re.sub(r"[^A-Z0-9]+", "_", value.upper()).strip("_")
    name = name if name[:1].isalpha() else f"CAMERA_{name}".strip("_")
    return name[:32].rstrip("_")


def site(
    sheet: Sheet,
    images: Sequence[Seen],
    moments: Sequence[datetime],
    time_zone: str | None = None,
) -> None:
    """Write where the camera is: time zone or longitude decide when a night begins."""
    sheet.section("[site]")
    place, told = _observatory(images)
    longitude = _coordinate(images, conventions.LONGITUDE)
    offset = _local(images, moments)
    if time_zone is not None:
        sheet.key("time_zone", checked_zone(time_zone))
    elif place is not None:
        sheet.doubt(f"the place of {told}; right?")
        sheet.key("time_zone", place[0])
    elif offset is not None:
        sheet.doubt(f"DATE-LOC is {offset:+g} h from UTC; was that without summer time?")
        sheet.key("utc_offset", offset)
    elif longitude is None:
        sheet.doubt("no card tells where it is: nights begin at noon of Greenwich; say time_zone")
        sheet.key("utc_offset", 0.0)
    _degrees(sheet, "longitude", longitude, place[1] if place else None)
    latitude = _coordinate(images, conventions.LATITUDE)
    _degrees(sheet, "latitude", latitude, place[2] if place else None)


def _degrees(
    sheet: Sheet, name: str, card: tuple[str, list[float]] | None, known: float | None
) -> None:
    if card is None:
        sheet.key(name, known)
        return
    keyword, found = card
    if len(found) > 1:
        sheet.doubt(f"cards do not agree on the {name}: {', '.join(f'{x:g}' for x in found)}")
    elif name == "longitude" and known is not None and abs(found[0] - known) > 1:
        sheet.doubt(f"{keyword} says {found[0]:g}, the observatory is at {known:g}; east is +")
    elif name == "longitude" and known is None:
        sheet.doubt(f"{keyword} is taken as east of Greenwich")
    sheet.key(name, round(found[0], 4))


def _observatory(images: Sequence[Seen]) -> tuple[tuple[str, float, float] | None, str]:
    for keyword in _OBSERVATORY:
        value = images[0].find(keyword)
        for spelling, place in conventions.SITES.items():
            if spelled(value, (spelling,)):
                return place, f"{keyword} = {value}"
    return None, ""


def _coordinate(
    images: Sequence[Seen], keywords: Sequence[str]
) -> tuple[str, list[float]] | None:
    """Return the first keyword with a longitude or latitude, and all different values."""
    first = ""
    found: list[float] = []
    for keyword in keywords:
        for value in distinct(values(images, keyword)):
            degrees = _angle(value, west="west" in images[0].comments.get(keyword, "").lower())
            if degrees is None:
                continue
            first = first or keyword
            if all(abs(degrees - other) > 0.05 for other in found):
                found.append(degrees)
    return (first, found) if found else None


def _angle(value: Any, *, west: bool) -> float | None:
    match = _DEGREES.fullmatch(str(value).strip())
    if match is None or isinstance(value, bool):
        return None
    sign, whole, minutes, seconds, side = match.groups()
    degrees = float(whole) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
    negative = (sign == "-") != (side.upper() in ("W", "S") and side != "")
    degrees = -degrees if negative else degrees
    if west and not side and degrees > 0:
        degrees = -degrees
    return degrees if -180 <= degrees <= 360 else None


def _local(images: Sequence[Seen], moments: Sequence[datetime]) -> float | None:
    """Return the clock of the camera's computer minus UTC [h], where headers have both."""
    for image, moment in zip(images, moments, strict=False):
        try:
            local = datetime.fromisoformat(str(image.find("DATE-LOC")).strip())
        except ValueError:
            continue
        hours = (local.replace(tzinfo=None) - moment).total_seconds() / 3600
        if abs(hours) <= 14 and abs(hours * 4 - round(hours * 4)) < 0.02:
            return round(hours * 4) / 4
    return None


def pixels(
    sheet: Sheet, images: Sequence[Seen], binning: int, told: float | None = None
) -> None:
    """Write the size of a pixel on the sky [arcsec] and on the chip [micrometre]."""
    side = _first(images, conventions.PIXEL_SIZE)
    # programs that write XPIXSZ count the binned pixel
    size = None if side is None else side[1] / (binning if side[0] == "XPIXSZ" else 1)
    if told is None:
        scale, doubt = _scale(images, size, binning)
    else:
        scale, doubt = checked_scale(told), ""
    if doubt:
        sheet.doubt(doubt)
    sheet.key("pixel_scale", scale)
    sheet.key("pixel_size", size if size and 0.5 < size < 200 else None)


def _first(images: Sequence[Seen], keywords: Sequence[str]) -> tuple[str, float] | None:
    return next((found for one in images if (found := one.number_of(keywords))), None)


def _scale(images: Sequence[Seen], size: float | None, binning: int) -> tuple[float, str]:
    for image in images:
        if (found := _of_sky(image)) is not None:
            return round(found / binning, 4), ""
    told = _first(images, conventions.SCALE)
    if told is not None and 0.001 < told[1] < 200:
        return told[1], f"{told[0]} is taken as arcsec of a pixel without binning"
    focal = _first(images, ["FOCALLEN", "FOCLEN", "TELFOCAL"])
    if focal is not None and size and focal[1] > 0:
        # 1 micrometre over 1 mm is 206.265 arcsec
        return round(206.265 * size / focal[1], 4), f"from {focal[0]} = {focal[1]:g} mm"
    return 1.0, "no card tells the size of a pixel on the sky [arcsec]: this is made up"


def _of_sky(image: Seen) -> float | None:
    """Return the scale of coordinates on the sky in the header [arcsec/pixel]."""
    if not str(image.find("CTYPE1")).startswith(("RA", "DEC")):
        return None
    cells = [image.number_of([name]) for name in ("CD1_1", "CD1_2", "CD2_1", "CD2_2")]
    if None not in cells:
        a, b, c, d = (cell[1] for cell in cells if cell)
        area = abs(a * d - b * c)
    else:
        steps = [image.number_of([name]) for name in ("CDELT1", "CDELT2")]
        if None in steps:
            return None
        area = abs(math.prod(step[1] for step in steps if step))
    scale = 3600 * area**0.5
    return scale if 0.001 < scale < 200 else None
