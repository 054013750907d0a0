"""The filters: the card that names them, and the names they get in awe."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from awe.instruments._entries import Wanted
from awe.instruments._instrument import LIGHTLESS
from awe.instruments._spelling import spelled
from awe.instruments.drafting import conventions
from awe.instruments.drafting.keywords import Way, read, told
from awe.instruments.drafting.seen import Seen, distinct, values
from awe.instruments.drafting.sheet import Sheet, literal

__all__ = ["filters"]

TEXT = Wanted(type=str)


def filters(
    sheet: Sheet, name: str, images: Sequence[Seen], purposes: Sequence[str], *, mosaic: bool
) -> Way | None:
    """Write the table of filters, and return how the filter of an exposure is read.

    Pixels of a mosaic have a filter each: one in front of them is not needed.
    """
    lit = [one for one, kind in zip(images, purposes, strict=True) if kind not in LIGHTLESS]
    cards = [word for word in conventions.FILTER if any(values(images, word))]
    cards = [word for word in cards if not read(word, images, TEXT)[1]]
    places = [] if cards else [w for w in conventions.WHEEL if distinct(values(images, w))][:1]
    if mosaic and not cards:
        return None
    sheet.section("[filters]")
    for place in places:
        found = told(distinct(values(images, place)))
        sheet.doubt(
            f"{place} = {found} is taken for a place in the filter wheel, no card names a filter: "
            "write what is there, and keep these as its spellings"
        )
    if not cards and not places:
        sheet.doubt("no card of a filter is known: all frames are taken through the same")
        sheet.key("none", f"{name}_none"[:40])
        return {"constant": "none"}
    card = max(cards, key=lambda word: _worth(word, lit or images)) if cards else places[0]
    for other in cards:
        used = [v for v in distinct(values(lit, other)) if not spelled(v, conventions.OPEN)]
        if other != card and used and distinct(values(lit, other)) != distinct(values(lit, card)):
            sheet.doubt(f"{other} = {told(used)} too: is that another wheel in the beam?")
    met = [value for value in read(card, images, TEXT)[0] if value]
    taken: set[str] = set()
    for value in dict.fromkeys(met):
        _filter(sheet, name, value, taken)
    lacks = [one.file for one in lit if one.find(card) is None]
    if not lacks or mosaic:
        return card
    sheet.doubt(f"{lacks[0]} has light and no {card}: taken for one without a filter")
    sheet.key("no filter", _ours(name, "none", taken))
    return {"keyword": card, "default": "no filter"}


def _worth(card: str, images: Sequence[Seen]) -> tuple[int, int, int]:
    """Return how much a card tells: values that are filters, then images that have it."""
    found = [str(value) for value in values(images, card) if value is not None]
    used = [value for value in found if not spelled(value, conventions.OPEN)]
    return len(used), len(found), -conventions.FILTER.index(card)


def _filter(sheet: Sheet, name: str, value: str, taken: set[str]) -> None:
    ours = _ours(name, value, taken)
    band = next((found for some, found in conventions.BANDS.items() if _of(value, some)), None)
    table: dict[str, Any] = {"name": ours}
    if band is not None:
        sheet.note(f"the band by its name; the wavelength is nominal, {band[1]:g} nm")
        table |= {"band": band[0], "wavelength": band[1]}
    sheet.key(literal(value), ours if band is None else table)


def _of(value: str, spellings: Sequence[str]) -> bool:
    # one letter is another band in capitals
    if len(value.strip()) <= 1:
        return value.strip() in spellings
    return spelled(value, [one for one in spellings if len(one) > 1])


def _ours(name: str, value: str, taken: set[str]) -> str:
    clean = re.sub(r"[^A-Za-z0-9+.-]+", "_", value).strip("_") or "none"
    ours = f"{name}_{clean}"[:40]
    number = 2
    while ours in taken:
        ours = f"{name}_{clean}"[:37] + f"_{number}"
        number += 1
    taken.add(ours)
    return ours
