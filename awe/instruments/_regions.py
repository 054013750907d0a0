"""Which regions a frame of a described camera has.

They come from cards where the description names some; else they are those of the chip, divided by
the binning. A window needs the cards; `awe.instruments._windows` tells where it begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from awe.calib.detector import sections
from awe.calib.detector.geometry import Amplifier, ChipGeometry
from awe.errors import BadHeader, WrongShape
from awe.instruments._cards import Card, CardReader
from awe.instruments._entries import Entry, Wanted
from awe.instruments._format import MEASURED, SECTIONS, STRIPS
from awe.instruments._instrument import Chip
from awe.instruments._layout import require_common, require_true
from awe.instruments._windows import Window

__all__ = ["Regions", "bounding", "cropped", "geometry"]

TEXT = Wanted(type=str)
WHOLE = Wanted(type=int, low=1, high=100_000)
WIDTH = Wanted(type=int, low=0, high=100_000)
POSITIVE = Wanted(type=float, low=1e-9, high=1e9)
AXES = tuple(Card(name, name, int, low=1, high=100_000) for name in ("NAXIS1", "NAXIS2"))


@dataclass(frozen=True, kw_only=True)
class Regions:
    """Where a camera has the regions of a frame in its headers."""

    sections: Mapping[str, Entry]
    widths: Mapping[str, Entry]
    binning: Mapping[str, Entry]
    window: Window
    amplifiers: Mapping[str, tuple[tuple[Amplifier, Mapping[str, Entry]], ...]]


def cropped(active: str, regions: Mapping[str, str | None]) -> dict[str, Any]:
    """Return strips as high, or as wide, as the light-sensitive pixels.

    Parameters
    ----------
    active : str
        Section of the light-sensitive pixels.
    regions : mapping of str to str or None
        Section by name of the strip; columns where the name ends in x, rows where in y.

    Raises
    ------
    WrongShape
        A strip is not next to the light-sensitive pixels.
    """
    rows, columns = sections.parse(active)
    found: dict[str, Any] = {}
    for name, section in regions.items():
        if section is None:
            found[name] = None
            continue
        require_common(name, section, active)
        own_rows, own_columns = sections.parse(section)
        both = (rows, own_columns) if name.endswith("x") else (own_rows, columns)
        found[name] = sections.format(both)
    return found


def geometry(
    where: Regions, camera: Chip, cards: CardReader, extension: Mapping[str, Any]
) -> ChipGeometry | None:
    """Return the regions of one frame; None where a problem with them is noted.

    Parameters
    ----------
    where : Regions
        Cards that tell of them.
    camera : Chip
        The chip it is of.
    cards : CardReader
        Headers of the file; problems are noted there.
    extension : mapping of str to value
        Header of the image.
    """
    size = CardReader(extension)
    nx, ny = (size.value(card) for card in AXES)
    cards.problems += size.problems
    binning = tuple(_whole(where.binning.get(axis), cards, 1) for axis in "xy")
    if None in (nx, ny, *binning):
        return None
    chip = _of_rows(camera.geometry, (nx, ny), binning)
    try:
        amplifiers = _amplifiers(
            where.amplifiers.get(camera.name, ()), chip, camera.gain, cards, (nx, ny), binning
        )
        regions = _regions(where, chip, camera, cards, (nx, ny), binning, amplifiers)
        if regions is None:
            return None
        found = ChipGeometry(nx=nx, ny=ny, binning=binning, amplifiers=amplifiers, **regions)
        found.places()
        require_true(found)
        sure = _sure(where, camera)
        start = where.window.begin(camera.geometry, found, cards, sure=sure)
    except (WrongShape, BadHeader) as problem:
        cards.problems.append(str(problem))
        return None
    return start and replace(found, start_x=start[0], start_y=start[1])


def _sure(where: Regions, camera: Chip) -> bool:
    """Return True if the description tells which pixels of the whole chip see light."""
    chip = camera.geometry
    by_cards = where.sections or where.widths or _told(where.amplifiers.get(camera.name, ()))
    return not by_cards or chip.active != f"[1:{chip.nx},1:{chip.ny}]" or bool(chip.amplifiers)


def _told(read: Sequence[tuple[Amplifier, Mapping[str, Entry]]]) -> bool:
    """Return True if cards tell the sections of all amplifiers."""
    return bool(read) and all("active" in entries for _, entries in read)


def _regions(
    where: Regions,
    chip: ChipGeometry,
    camera: Chip,
    cards: CardReader,
    size: tuple[int, int],
    binning: tuple[int, ...],
    amplifiers: tuple[Amplifier, ...],
) -> dict[str, Any] | None:
    """Return the sections of a frame; None where a problem with them is noted."""
    if amplifiers and (not chip.amplifiers or _told(where.amplifiers[camera.name])):
        return {"active": bounding(amplifiers)}
    if where.widths:
        return _from_widths(where.widths, camera, cards, size)
    if not where.sections:
        return _divided(chip, size, binning)
    found = {
        name: entry.read(cards, TEXT, required=name == "active")
        for name, entry in where.sections.items()
    }
    return _checked(found, size[::-1]) if found.get("active") else None


def _from_widths(
    widths: Mapping[str, Entry], camera: Chip, cards: CardReader, size: tuple[int, int]
) -> dict[str, Any] | None:
    """Return the sections of a frame whose cards tell how wide its strips are."""
    found = {name: entry.read(cards, WIDTH, required=True) for name, entry in widths.items()}
    if None in found.values():
        return None
    made = ChipGeometry.from_counts(
        nx=size[0], ny=size[1], read_at_top=camera.read_at_top, **found
    )
    return {name: getattr(made, name) for name in SECTIONS}


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
            f"{whole[1]}, and the description names no cards with its [sections], as in "
            "sections.active = 'TRIMSEC'"
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
    bases = list(chip.amplifiers) or [one for one, _ in read]
    if _alone(chip, size, whole):
        bases = [replace(bases[0], active=f"[1:{size[0]},1:{size[1]}]")]
    elif chip.amplifiers and size != whole and not _told(read):
        msg = (
            f"an image of {size[0]} x {size[1]} pixels is not a whole one of {whole[0]} x "
            f"{whole[1]}: of a window it is not known which amplifier read what"
        )
        raise WrongShape(msg)
    found = []
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
            steps = binning if size == whole else (1, 1)
            parts = {name: _shrunk(getattr(base, name), steps) for name in SECTIONS}
            changed |= {**parts, "active": parts["active"] or base.active}
        one = replace(base, **changed)
        found.append(replace(one, scale=one.gain / gain))
    return tuple(one for one in found if one.active)


def _alone(chip: ChipGeometry, size: tuple[int, int], whole: tuple[int, ...]) -> bool:
    """Return True for a window of a chip that one amplifier reads, without strips."""
    regions = [chip, *chip.amplifiers]
    strips = any(getattr(part, name) for part in regions for name in STRIPS)
    inside = size != whole and all(ours <= most for ours, most in zip(size, whole, strict=True))
    return len(chip.amplifiers) == 1 and inside and not strips


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
