"""Headers of a described camera read into the attributes of a raw frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from awe.instruments import _regions
from awe.instruments._bayer import refuse_mosaic
from awe.instruments._cards import CardReader, shown
from awe.instruments._entries import Entry, Wanted
from awe.instruments._instrument import UNKNOWN_FILTER, Instrument
from awe.instruments._linear import astrom_of
from awe.instruments._spelling import spelled

__all__ = ["Reading", "read"]

KINDS = {
    "DATE_OBS": Wanted(type=datetime),
    "DATE": Wanted(type=datetime),
    "EXPTIME": Wanted(type=float, low=0, high=1e7),
    "OBJECT": Wanted(type=str),
    "OBSERVER": Wanted(type=str),
    "read_mode": Wanted(type=str),
    "AIRMSTRT": Wanted(type=float, low=1, high=50),
    "AIRMEND": Wanted(type=float, low=1, high=50),
    "UTC": Wanted(type=float, low=0, high=86_400),
    "LST": Wanted(type=float, low=0, high=86_400),
    "MJD_OBS": Wanted(type=float, low=15_020, high=100_000),
}
TEXT = Wanted(type=str)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Where a camera has what in its headers, and how its chips are spelled there."""

    cards: Mapping[str, Entry]
    regions: _regions.Regions
    spellings: Mapping[str, tuple[str, ...]]
    mosaic: bool


def read(
    reading: Reading,
    camera: Instrument,
    primary: Mapping[str, Any],
    extension: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the attributes of one raw frame; see `Instrument.translate`."""
    cards = CardReader(primary, extension)
    attributes = {
        name: reading.cards[name].read(cards, kind, required=name == "DATE_OBS")
        for name, kind in KINDS.items()
        if name in reading.cards
    }
    attributes = {name: value for name, value in attributes.items() if value is not None}
    chip = _chip(reading, camera, cards)
    attributes["filter"], unknown = _filter(reading, camera, cards)
    geometry = None
    if chip is not None:
        geometry = _regions.geometry(reading.regions, camera.chips[chip], cards, extension)
    if not reading.mosaic:
        refuse_mosaic(cards)
    moment = attributes.get("DATE_OBS")
    if unknown and cards.problems:
        cards.problems.append(unknown)
    elif unknown:
        # no reason to refuse what is taken without light
        attributes[UNKNOWN_FILTER] = unknown
    cards.finish(f"{chip or 'unnamed image'} of {moment or 'unknown date'}", camera.name)
    return {
        **attributes, "chip": chip, "geometry": geometry, "astrom": astrom_of(extension),
    }  # fmt: skip


def _chip(reading: Reading, camera: Instrument, cards: CardReader) -> str | None:
    entry = reading.cards.get("chip")
    if entry is None:
        return next(iter(camera.chips))
    name = entry.read(cards, TEXT, required=True)
    if name is None:
        return None
    for chip, spellings in reading.spellings.items():
        if spelled(name, spellings):
            return chip
    known = ", ".join(spelling for some in reading.spellings.values() for spelling in some)
    where = " or ".join(entry.names) or "the chip"
    cards.problems.append(f"{where} = {shown(name)} is not one of {known}")
    return None


def _filter(
    reading: Reading, camera: Instrument, cards: CardReader
) -> tuple[str | None, str]:
    """Return the filter, and the problem where the description does not know it."""
    entry = reading.cards.get("filter")
    name = None if entry is None else entry.read(cards, TEXT)
    if not name:
        return None, ""
    for spelling, ours in camera.filters.items():
        if spelled(name, (spelling,)):
            return ours, ""
    where = " or ".join(entry.names if entry else ()) or "filter"
    known = ", ".join(camera.filters) or "none"
    return None, f"{where} = {shown(name)} is not one of {known}"
