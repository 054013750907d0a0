"""Where the light falls on an image, by its cards: sections, or widths of strips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from awe.calib.detector import sections
from awe.errors import BadHeader, WrongShape
from awe.instruments._cards import shown
from awe.instruments.drafting import conventions
from awe.instruments.drafting.seen import Seen, values

__all__ = ["Part", "Regions", "of_cards", "rest", "side"]

_SUFFIXES = (tuple("ABCDEFGH"), ("11", "12", "21", "22"), tuple("1234"))
_NAMED = (("DATASEC", "BIASSEC"), ("TRIMSEC", "BIASSEC"), ("TSEC", "BSEC"), ("ASEC", "BSEC"))


@dataclass(kw_only=True)
class Part:
    """One amplifier: its name, its light-sensitive pixels, its strips by name."""

    name: str
    active: sections.Slices
    strips: dict[str, sections.Slices] = field(default_factory=dict)


@dataclass(kw_only=True)
class Regions:
    """The regions of a chip, cards that hold them, amplifiers, and what is in doubt."""

    active: sections.Slices | None = None
    strips: dict[str, sections.Slices] = field(default_factory=dict)
    cards: dict[str, str] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    told: bool = False


def of_cards(images: Sequence[Seen]) -> Regions:
    """Return what the headers of images of one chip, the whole ones first, say of its regions."""
    found = Regions()
    found.parts = _parts(images[0])
    if found.parts:
        found.active = _around([part.active for part in found.parts])
        found.strips = {name: at for part in found.parts for name, at in part.strips.items()}
        found.told = True
        return found
    for keyword in conventions.SECTIONS[0]:
        slices = _section(images, keyword, found.doubts)
        if slices is not None:
            found.active, found.cards["active"], found.told = slices, keyword, True
            break
    for keyword in conventions.SECTIONS[1]:
        strip = _section(images, keyword, found.doubts) if found.active else None
        name = side(strip, found.active) if strip and found.active else None
        if strip and name and name not in found.strips:
            found.strips[name], found.cards[name] = strip, keyword
    if found.active is None:
        _counted(images[0], found)
    return found


def side(strip: sections.Slices, active: sections.Slices) -> str | None:
    """Return which strip of the light-sensitive pixels another section is."""
    (rows, columns), (lit_rows, lit_columns) = strip, active
    if columns.stop <= lit_columns.start:
        return "prescan_x"
    if columns.start >= lit_columns.stop:
        return "overscan_x"
    if rows.stop <= lit_rows.start:
        return "prescan_y"
    return "overscan_y" if rows.start >= lit_rows.stop else None


def rest(
    active: sections.Slices, shape: tuple[int, int], least: int
) -> Iterator[tuple[str, sections.Slices]]:
    """Yield what lies outside the light-sensitive pixels, where it is wide enough for a strip."""
    rows, columns = active
    parts = {
        "overscan_x": (rows, slice(columns.stop, shape[1])),
        "prescan_x": (rows, slice(0, columns.start)),
        "overscan_y": (slice(rows.stop, shape[0]), columns),
        "prescan_y": (slice(0, rows.start), columns),
    }
    for name, slices in parts.items():
        if min(sections.shape(slices)) >= least:
            yield name, slices


def _section(
    images: Sequence[Seen], keyword: str, doubts: list[str]
) -> sections.Slices | None:
    """Return the section in a card of all images, that of the first; None for none of use."""
    found = values(images, keyword)
    if all(value is None for value in found):
        return None
    slices = []
    for image, value in zip(images, found, strict=True):
        try:
            slices.append(sections.parse(str(value), image.shape))
        except (BadHeader, WrongShape):
            what = "is missing" if value is None else f"= {shown(value)} is not a section of it"
            doubts.append(f"{keyword} {what} in {image.file}: not used")
            return None
    return slices[0]


def _counted(image: Seen, found: Regions) -> None:
    """Take the widths of strips that cards give in pixels."""
    counts: dict[str, int] = {}
    for name, keyword in conventions.STRIP_COUNTS.items():
        told = image.number_of([keyword])
        if told is not None and told[1] >= 0 and told[1] == int(told[1]):
            counts[name] = int(told[1])
    ny, nx = image.shape
    x = slice(counts.get("prescan_x", 0), nx - counts.get("overscan_x", 0))
    y = slice(counts.get("prescan_y", 0), ny - counts.get("overscan_y", 0))
    if not counts or x.stop <= x.start or y.stop <= y.start:
        return
    found.active, found.told = (y, x), True
    found.strips = dict(rest((y, x), image.shape, 1))


def _parts(image: Seen) -> list[Part]:
    """Return the amplifiers that cards with a letter or number at the end describe."""
    for lit, dark in _NAMED:
        for suffixes in _SUFFIXES:
            parts = [part for end in suffixes if (part := _part(image, lit, dark, end))]
            if len(parts) > 1 and len({sections.format(p.active) for p in parts}) == len(parts):
                return parts
    return []


def _part(image: Seen, lit: str, dark: str, end: str) -> Part | None:
    try:
        active = sections.parse(str(image.find(lit + end)), image.shape)
    except (BadHeader, WrongShape):
        return None
    part = Part(name=end, active=active)
    try:
        strip = sections.parse(str(image.find(dark + end)), image.shape)
    except (BadHeader, WrongShape):
        return part
    name = side(strip, active)
    if name is not None:
        part.strips[name] = strip
    return part


def _around(parts: Sequence[sections.Slices]) -> sections.Slices:
    def span(axis: int) -> Any:
        return slice(min(p[axis].start for p in parts), max(p[axis].stop for p in parts))

    return span(0), span(1)
