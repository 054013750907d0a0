"""Headers of a described camera read into the attributes of a raw frame.

The regions of a frame come from cards where the description names some; else they are those of
the chip, divided by the binning. A window needs the cards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from awe.calib.detector import sections
from awe.calib.detector.geometry import Amplifier, ChipGeometry
from awe.errors import BadHeader, WrongShape
from awe.instruments._cards import Card, CardReader, shown
from awe.instruments._entries import Entry, Wanted
from awe.instruments._format import MEASURED, SECTIONS, STRIPS
from awe.instruments._instrument import Chip, Instrument
from awe.instruments._spelling import spelled

__all__ = ["Reading", "bounding", "cropped", "read"]

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
WHOLE = Wanted(type=int, low=1, high=100_000)
POSITIVE = Wanted(type=float, low=1e-9, high=1e9)
AXES = tuple(Card(name, name, int, low=1, high=100_000) for name in ("NAXIS1", "NAXIS2"))
WCS = ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Where a camera has what in its headers, and how its chips are spelled there."""

    cards: Mapping[str, Entry]
    sections: Mapping[str, Entry]
    binning: Mapping[str, Entry]
    window: Mapping[str, Entry]
    first: int
    binned: bool
    spellings: Mapping[str, tuple[str, ...]]
    amplifiers: Mapping[str, tuple[tuple[Amplifier, Mapping[str, Entry]], ...]]


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
    attributes["filter"] = _filter(reading, camera, cards)
    geometry = None
    if chip is not None:
        geometry = _geometry(reading, camera.chips[chip], cards, extension)
    moment = attributes.get("DATE_OBS")
    cards.finish(f"{chip or 'unnamed image'} of {moment or 'unknown date'}", camera.name)
    return {
        **attributes, "chip": chip, "geometry": geometry, "astrom": _astrom(extension),
    }  # fmt: skip


def cropped(active: str, regions: Mapping[str, str | None]) -> dict[str, Any]:
    """Return strips as high, or as wide, as the light-sensitive pixels.

    Parameters
    ----------
    active : str
        Section of the light-sensitive pixels.
    regions : mapping of str to str or None
        Section by name of the strip; columns where the name ends in x, rows where in y.
    """
    rows, columns = sections.parse(active)
    found: dict[str, Any] = {}
    for name, section in regions.items():
        if section is None:
            found[name] = None
            continue
        own_rows, own_columns = sections.parse(section)
        both = (rows, own_columns) if name.endswith("x") else (own_rows, columns)
        found[name] = sections.format(both)
    return found


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
    where = " or ".join(entry.keyword) or "the chip"
    cards.problems.append(f"{where} = {shown(name)} is not one of {known}")
    return None


def _filter(reading: Reading, camera: Instrument, cards: CardReader) -> str | None:
    entry = reading.cards.get("filter")
    name = None if entry is None else entry.read(cards, TEXT)
    if not name:
        return None
    for spelling, ours in camera.filters.items():
        if spelled(name, (spelling,)):
            return ours
    where = " or ".join(entry.keyword if entry else ()) or "filter"
    known = ", ".join(camera.filters) or "none"
    cards.problems.append(f"{where} = {shown(name)} is not one of {known}")
    return None


def _geometry(
    reading: Reading, camera: Chip, cards: CardReader, extension: Mapping[str, Any]
) -> ChipGeometry | None:
    size = CardReader(extension)
    nx, ny = (size.value(card) for card in AXES)
    cards.problems += size.problems
    binning = tuple(_whole(reading.binning.get(axis), cards, 1) for axis in "xy")
    if None in (nx, ny, *binning):
        return None
    steps = zip("xy", binning, strict=True)
    starts = [_start(reading, axis, step, cards) for axis, step in steps]
    chip = camera.geometry
    if "y" in reading.window:
        chip = _of_rows(chip, (nx, ny), binning)
    try:
        amplifiers = _amplifiers(
            reading.amplifiers.get(camera.name, ()), chip, camera.gain, cards, (nx, ny), binning
        )
        regions = _regions(reading, chip, cards, (nx, ny), binning, amplifiers)
        if regions is None or None in starts:
            return None
        geometry = ChipGeometry(
            nx=nx, ny=ny, start_x=starts[0], start_y=starts[1], binning=binning,
            amplifiers=amplifiers, **regions,
        )  # fmt: skip
        geometry.places()
    except (WrongShape, BadHeader) as problem:
        cards.problems.append(str(problem))
        return None
    return geometry


def _regions(
    reading: Reading,
    chip: ChipGeometry,
    cards: CardReader,
    size: tuple[int, int],
    binning: tuple[int, ...],
    amplifiers: tuple[Amplifier, ...],
) -> dict[str, Any] | None:
    """Return the sections of a frame; None where a problem with them is noted."""
    if amplifiers and not chip.amplifiers:
        return {"active": bounding(amplifiers)}
    if not reading.sections:
        return _divided(chip, size, binning)
    found = {
        name: entry.read(cards, TEXT, required=name == "active")
        for name, entry in reading.sections.items()
    }
    return _checked(found, size[::-1]) if found.get("active") else None


def bounding(amplifiers: Sequence[Amplifier]) -> str:
    """Return the section around the light-sensitive pixels of some amplifiers.

    Parameters
    ----------
    amplifiers : sequence of Amplifier
        One or more.
    """
    parts = [sections.parse(one.active) for one in amplifiers]
    sides = [
        slice(min(part[axis].start for part in parts), max(part[axis].stop for part in parts))
        for axis in (0, 1)
    ]
    return sections.format((sides[0], sides[1]))


def _whole(entry: Entry | None, cards: CardReader, default: int) -> Any:
    if entry is None:
        return default
    before = len(cards.problems)
    found = entry.read(cards, WHOLE)
    return default if found is None and len(cards.problems) == before else found


def _start(reading: Reading, axis: str, binning: int, cards: CardReader) -> Any:
    """Return the first light-sensitive pixel, counted from 1, on the chip without binning."""
    entry = reading.window.get(axis)
    if entry is None:
        return 1
    before = len(cards.problems)
    found = entry.read(cards, Wanted(type=int, low=reading.first, high=100_000))
    if found is None:
        return 1 if len(cards.problems) == before else None
    return (found - reading.first) * (binning if reading.binned else 1) + 1


def _checked(regions: Mapping[str, str | None], shape: tuple[int, int]) -> dict[str, Any]:
    """Return sections from cards, if they lie inside the image."""
    known = {name: section for name, section in regions.items() if section}
    for section in known.values():
        sections.parse(section, shape)
    active = sections.format(sections.parse(known.pop("active")))
    return {"active": active, **cropped(active, known)}


def _divided(
    chip: ChipGeometry, size: tuple[int, int], binning: tuple[int, ...]
) -> dict[str, Any]:
    """Return the regions of a chip in a binned image of it, or in a window without strips."""
    whole = tuple(side // step for side, step in zip((chip.nx, chip.ny), binning, strict=True))
    strips = {name: getattr(chip, name) for name in STRIPS}
    if size == whole:
        parts = {"active": chip.active, **strips}
        return {name: _shrunk(section, binning) for name, section in parts.items()}
    if any(strips.values()) or any(ours > most for ours, most in zip(size, whole, strict=True)):
        msg = (
            f"an image of {size[0]} x {size[1]} pixels is not a whole one of {whole[0]} x "
            f"{whole[1]}, and the description names no cards with its [sections]"
        )
        raise WrongShape(msg)
    return {"active": f"[1:{size[0]},1:{size[1]}]"}


def _amplifiers(
    read: Sequence[tuple[Amplifier, Mapping[str, Entry]]],
    chip: ChipGeometry,
    gain: float,
    cards: CardReader,
    size: tuple[int, int],
    binning: tuple[int, ...],
) -> tuple[Amplifier, ...]:
    """Return the amplifiers of a frame, with what its cards say of them."""
    whole = tuple(side // step for side, step in zip((chip.nx, chip.ny), binning, strict=True))
    if chip.amplifiers and size != whole:
        msg = (
            f"an image of {size[0]} x {size[1]} pixels is not a whole one of {whole[0]} x "
            f"{whole[1]}: of a window it is not known which amplifier read what"
        )
        raise WrongShape(msg)
    found = []
    bases = chip.amplifiers or [one for one, _ in read]
    for base, (_, entries) in zip(bases, read, strict=True):
        changed: dict[str, Any] = {
            name: value
            for name in MEASURED
            if name in entries and (value := entries[name].read(cards, POSITIVE)) is not None
        }
        if "active" in entries:
            told = {
                name: entry.read(cards, TEXT, required=name == "active")
                for name, entry in entries.items()
                if name in SECTIONS
            }
            changed |= _checked(told, size[::-1]) if told["active"] else {}
        else:
            parts = {name: _shrunk(getattr(base, name), binning) for name in SECTIONS}
            changed |= {**parts, "active": parts["active"] or base.active}
        one = replace(base, **changed)
        found.append(replace(one, scale=one.gain / gain))
    return tuple(one for one in found if one.active)


def _of_rows(chip: ChipGeometry, size: tuple[int, int], binning: tuple[int, ...]) -> ChipGeometry:
    """Return a chip as if it had the rows of a frame, where only rows were left out.

    Strips of columns are as high as the window then; with strips of rows it stays whole.
    """
    rows = size[1] * binning[1]
    parts = [chip, *chip.amplifiers]
    known = [
        sections.parse(section)[0]
        for part in parts
        for name in SECTIONS
        if (section := getattr(part, name)) is not None
    ]
    across = any(getattr(part, name) for part in parts for name in ("prescan_y", "overscan_y"))
    strips = any(getattr(part, name) for part in parts for name in STRIPS)
    all_rows = all(part == slice(0, chip.ny) for part in known)
    if across or not (strips and all_rows and rows < chip.ny and size[0] == chip.nx // binning[0]):
        return chip

    def lower(part: Any) -> dict[str, Any]:
        texts = {name: getattr(part, name) for name in SECTIONS}
        return {
            name: text and sections.format((slice(0, rows), sections.parse(text)[1]))
            for name, text in texts.items()
        }

    amplifiers = tuple(replace(one, **lower(one)) for one in chip.amplifiers)
    return replace(chip, ny=rows, amplifiers=amplifiers, **lower(chip))


def _shrunk(section: str | None, binning: tuple[int, ...]) -> str | None:
    if section is None or binning == (1, 1):
        return section
    rows, columns = sections.parse(section)
    # a binned pixel belongs to a region that has all of it
    parts = [
        slice(-(-part.start // step), part.stop // step)
        for part, step in zip((rows, columns), binning[::-1], strict=True)
    ]
    if any(part.stop <= part.start for part in parts):
        return None
    return sections.format((parts[0], parts[1]))


def _astrom(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the place on the sky, where the header has a whole one; nothing otherwise."""
    try:
        values = {name: header.get(name) for name in WCS}
        kinds = [str(header.get(name, "")) for name in ("CTYPE1", "CTYPE2")]
    except ValueError:
        # a card that cannot be read gives no place
        return {}
    numbers = {
        name: float(value) for name, value in values.items() if isinstance(value, int | float)
    }
    sky = kinds[0].startswith("RA--") and kinds[1].startswith("DEC-")
    if len(numbers) < len(WCS) or not sky:
        return {}
    return {**numbers, "CTYPE1": kinds[0], "CTYPE2": kinds[1]}
