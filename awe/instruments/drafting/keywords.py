"""Which card holds which attribute of a raw frame: tried with the reader that will read it.

A way to read an attribute is taken where it gives a value for every image that is looked at, or
no problem at least; what other cards say of the same is a doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from awe.instruments._cards import CardReader, shown
from awe.instruments._entries import Entry, Wanted
from awe.instruments._format import ENTRY
from awe.instruments._instrument import DAY_0
from awe.instruments._kinds import Place
from awe.instruments._reading import KINDS
from awe.instruments.drafting import conventions
from awe.instruments.drafting.seen import Seen, values
from awe.instruments.drafting.sheet import Sheet

__all__ = ["Way", "begins", "read", "write"]

#: How an attribute is given in a description: keywords, or a table.
Way = str | list[str] | dict[str, Any]
AGREE = timedelta(seconds=2)
_YEAR_LAST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-]\d")
_OPTIONAL = {
    "OBJECT": conventions.OBJECT,
    "OBSERVER": conventions.OBSERVER,
    "AIRMSTRT": conventions.AIRMASS[0],
    "AIRMEND": conventions.AIRMASS[1],
    "LST": ("LST", "ST", "LST-OBS", "SIDTIME", "LST_OBS"),
    "DATE": ("DATE",),
}


def read(way: Way, images: Sequence[Seen], kind: Wanted) -> tuple[list[Any], list[str]]:
    """Return the value of every image by a way, None if a card is missing, and all problems."""
    place = Place("draft")
    entry = Entry.of(place, ENTRY.read(place, [way] if isinstance(way, str) else way))
    found, problems = [], []
    for image in images:
        cards = CardReader(image.primary, image.header)
        found.append(entry.read(cards, kind))
        problems += [f"{image.file}: {problem}" for problem in cards.problems]
    return found, problems


def write(sheet: Sheet, images: Sequence[Seen]) -> list[datetime]:
    """Write the cards of all attributes but chip and filter; return when exposures began."""
    moments = _date(sheet, images)
    _exposure(sheet, images)
    for name, keywords in _OPTIONAL.items():
        way = _optional(images, keywords, KINDS[name])
        if isinstance(way, list | str) and name == "OBJECT":
            found, _ = read(way, images, KINDS[name])
            sheet.key(name, way if None not in found else {"keyword": way, "default": ""})
        else:
            sheet.key(name, way)
    _clock(sheet, images, moments)
    return moments


def begins(images: Sequence[Seen]) -> tuple[Way, list[datetime]] | tuple[None, list[str]]:
    """Return how the begin of all exposures is read, and the moments; or what was wrong."""
    wrong: list[str] = []
    for way in _dates(images):
        found, problems = read(way, images, KINDS["DATE_OBS"])
        if not problems and None not in found:
            return way, found
        lacks = [f"{one.file}: no {way}" for one, value in zip(images, found, strict=True)
                 if value is None]  # fmt: skip
        wrong += problems or lacks
    return None, wrong


def _dates(images: Sequence[Seen]) -> Iterator[Way]:
    """Yield ways to read a date that some image has cards for."""
    for keyword in conventions.DATES:
        found = [str(value) for value in values(images, keyword) if value is not None]
        if not found:
            continue
        slashed = {"unit": unit} if (unit := _order(found)) else {}
        if all("T" in value for value in found):
            yield keyword
            for header in ("primary", "extension"):
                yield {"keyword": keyword, "header": header}
            yield {"keyword": keyword, "repeated": "first"}
        for time in conventions.TIMES:
            if any(value is not None for value in values(images, time)):
                yield {"keyword": keyword, "time": time, **slashed}
    for keyword, unit in conventions.DAYS.items():
        days = [value for value in values(images, keyword) if isinstance(value, float)]
        # a whole number of days is the date, without the time
        if any(value % 1 for value in days):
            yield {"keyword": keyword, "unit": unit}


def _order(found: Sequence[str]) -> str | None:
    """Return the unit of dates whose year is last: whose day is first, unless one cannot be."""
    parts = [match for value in found if (match := _YEAR_LAST.match(value.strip()))]
    if not parts:
        return None
    return "mm/dd/yy" if any(int(match[2]) > 12 for match in parts) else "dd/mm/yy"


def _date(sheet: Sheet, images: Sequence[Seen]) -> list[datetime]:
    way, found = begins(images)
    if way is None:
        first = str(found[0]) if found else f"{images[0].file}: no card of a date is known"
        sheet.doubt(f"no card gives the begin of every exposure ({first}); name it")
        sheet.key("DATE_OBS", "DATE-OBS")
        return []
    moments = [moment for moment in found if isinstance(moment, datetime)]
    for doubt in dict.fromkeys(_date_doubts(images, way, moments)):
        sheet.doubt(doubt)
    sheet.key("DATE_OBS", way)
    return moments


def _date_doubts(images: Sequence[Seen], way: Way, moments: list[datetime]) -> Iterator[str]:
    if isinstance(way, Mapping) and ("header" in way or "repeated" in way):
        yield f"{way['keyword']} is there with different values; {way} is taken"
    system = next((v for v in values(images, "TIMESYS") if v is not None), "UTC")
    if str(system).strip().upper() not in ("UTC", "UT", "GMT", "UT1"):
        yield f"TIMESYS is {system}, awe expects UTC; unit or add = seconds corrects it"
    for keyword, unit in conventions.DAYS.items():
        for image, moment in zip(images, moments, strict=True):
            number = image.find(keyword)
            if not isinstance(number, float) or not number % 1:
                continue
            days = number - (2_400_000.5 if unit == "JD" else 0)
            apart = (moment - DAY_0).total_seconds() - 86400 * days
            if abs(apart) > AGREE.total_seconds() and abs(apart) < 86400 * 1000:
                yield (
                    f"{keyword} of {image.file} is {-apart:+.0f} s from it"
                    + ("; is one of them local time?" if abs(apart) > 1700 else "")
                )
                break


def _exposure(sheet: Sheet, images: Sequence[Seen]) -> None:
    way = _optional(images, conventions.EXPTIME, KINDS["EXPTIME"])
    if way is None:
        sheet.doubt(
            "no card of the exposure time is known; name it, or exposures have none"
        )
        sheet.note('EXPTIME = "EXPTIME"')
        return
    first = way if isinstance(way, str) else way[0]
    comment = images[0].comments.get(first, "").lower()
    unit = "ms" if "millisec" in comment or "(ms" in comment or "[ms" in comment else None
    found, _ = read(way, images, KINDS["EXPTIME"])
    if unit is None and all(value is not None and value > 20_000 for value in found):
        sheet.doubt(f"the shortest exposure is {min(found):g} s by {first}: is it in ms?")
    if None in found:
        lacks = images[found.index(None)].file
        sheet.doubt(f"{lacks} has no exposure time in {way}")
    sheet.key("EXPTIME", way if unit is None else {"keyword": way, "unit": unit})


def _optional(
    images: Sequence[Seen], keywords: Sequence[str], kind: Wanted
) -> str | list[str] | None:
    """Return the keyword that gives a value for all images, or those that do together."""
    taken: list[str] = []
    lacks = set(range(len(images)))
    for keyword in keywords:
        found, problems = read(keyword, images, kind)
        has = {place for place, value in enumerate(found) if value is not None}
        if problems or not lacks & has:
            continue
        if not taken and len(has) == len(images):
            return keyword
        taken.append(keyword)
        lacks -= has
    return taken[0] if len(taken) == 1 else taken or None


def _clock(sheet: Sheet, images: Sequence[Seen], moments: list[datetime]) -> None:
    """Write cards of the time that say the same as the date; the others are of no use."""
    for keyword in conventions.TIMES:
        found, problems = read(keyword, images, KINDS["UTC"])
        if problems or None in found or len(moments) != len(images):
            continue
        days = [moment.replace(hour=0, minute=0, second=0, microsecond=0) for moment in moments]
        if all(
            abs(day + timedelta(seconds=seconds) - moment) <= AGREE
            for day, seconds, moment in zip(days, found, moments, strict=True)
        ):
            sheet.key("UTC", keyword)
            return


def told(found: Sequence[Any]) -> str:
    """Return some values as a doubt names them."""
    return ", ".join(shown(value) for value in found[:6]) + (", ..." if len(found) > 6 else "")
