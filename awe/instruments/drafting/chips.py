"""The chips of a camera: what tells them apart, their size, regions, amplifiers and numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from awe.calib.detector import sections
from awe.errors import ArgumentError, BadHeader
from awe.instruments._cards import shown
from awe.instruments._instrument import LIGHTLESS
from awe.instruments.drafting import conventions, numbers, outlined, regions
from awe.instruments.drafting.seen import Seen, distinct
from awe.instruments.drafting.sheet import Sheet, literal

__all__ = ["Chips", "grouped"]

#: images of a chip whose pixels are looked at, for each purpose
LOOKED_AT = 3


@dataclass(frozen=True, kw_only=True)
class Chips:
    """Images by chip, and the card that tells chips apart.

    Attributes
    ----------
    card : str or None
        None for a camera of one chip.
    images : dict of str to list of Seen
        Value of the card -> images.
    binning : tuple of int
        Binning of the images that are measured, in x and y.
    """

    card: str | None
    images: dict[str, list[Seen]]
    binning: tuple[int, int]

    def write(self, sheet: Sheet, name: str, purposes: dict[int, str]) -> dict[str, str]:
        """Write all chips, and return the cards with sections that all of them share."""
        shared: list[dict[str, str]] = []
        for number, (value, images) in enumerate(self.images.items(), 1):
            sheet.section("[chip]" if self.card is None else "[[chips]]")
            label = str(number) if self.card is None else _clean(value)
            sheet.key("name", label if label.startswith(name) else f"{name}_{label}"[:40])
            if self.card is not None:
                sheet.key("header", literal(value))
            shared.append(self._write_chip(sheet, images, purposes))
        return shared[0] if all(one == shared[0] for one in shared) else {}

    def _write_chip(
        self, sheet: Sheet, images: list[Seen], purposes: dict[int, str]
    ) -> dict[str, str]:
        whole = _whole(images)
        frames: dict[str, list[Seen]] = {}
        for one in whole:
            some = frames.setdefault(purposes[id(one)], [])
            if len(some) < LOOKED_AT:
                some.append(one)
        found = regions.of_cards(whole)
        dark = [one for kind in ("bias", "readnoise") for one in frames.get(kind, [])]
        lit = [
            one
            for kind in ("dome", "gain", "twilight", "science", "photom")
            for one in frames.get(kind, [])
        ]
        outlined.complete(found, dark, lit)
        ny, nx = whole[0].shape
        if (ny, nx) != min(one.shape for one in images):
            sheet.doubt("images of several sizes are there: that of the largest is the chip's")
        self._doubt_size(sheet, whole[0], found)
        sheet.key("size", [nx * self.binning[0], ny * self.binning[1]])
        for doubt in found.doubts:
            sheet.doubt(doubt)
        sheet.key("active", self._section(found.active))
        for strip, at in found.strips.items():
            sheet.key(strip, self._section(at))
        self._write_numbers(sheet, found, frames)
        self._write_end(sheet, [one for some in frames.values() for one in some])
        self._write_amplifiers(sheet, found, frames)
        return {} if found.parts else found.cards

    def _doubt_size(self, sheet: Sheet, image: Seen, found: regions.Regions) -> None:
        """Doubt the size where headers say that the chip has more light-sensitive pixels."""
        if found.active is None:
            return
        rows, columns = sections.shape(found.active)
        for word in conventions.SIZES[: 2 if self.card is None else 1]:
            told = image.find(word)
            try:
                most = sections.shape(sections.parse(str(told)))
            except BadHeader:
                continue
            step = self.binning
            if columns * step[0] <= most[1] - step[0] or rows * step[1] <= most[0] - step[1]:
                sheet.doubt(
                    f"{word} = {shown(told)} and the largest image has {columns} x {rows} "
                    "light-sensitive pixels: are all of them windows? size and active are those "
                    "of the whole chip"
                )
            return

    def _section(self, at: sections.Slices | None) -> str | None:
        if at is None:
            return None
        (rows, columns), (x, y) = at, self.binning
        return sections.format((
            slice(rows.start * y, rows.stop * y), slice(columns.start * x, columns.stop * x)
        ))  # fmt: skip

    def _write_numbers(
        self, sheet: Sheet, found: regions.Regions, frames: dict[str, list[Seen]]
    ) -> None:
        assert found.active is not None
        parts = found.parts
        active, strips = (parts[0].active, parts[0].strips) if parts else (
            found.active, found.strips
        )
        suffix = parts[0].name if parts else ""
        told = numbers.measured(active, strips, _of_use(frames), suffix)
        _numbers(sheet, told)

    def _write_end(self, sheet: Sheet, images: Sequence[Seen]) -> None:
        full, bits, doubts = numbers.end_of_scale(images)
        for doubt in doubts:
            sheet.doubt(doubt)
        sheet.key("saturation", full)
        if bits != 16:
            sheet.key("bits", bits)

    def _write_amplifiers(
        self, sheet: Sheet, found: regions.Regions, frames: dict[str, list[Seen]]
    ) -> None:
        for part in found.parts:
            sheet.section("[[chip.amplifiers]]" if self.card is None else "[[chips.amplifiers]]")
            sheet.key("name", part.name)
            sheet.key("active", self._section(part.active))
            for strip, at in part.strips.items():
                sheet.key(strip, self._section(at))
            _numbers(sheet, numbers.measured(part.active, part.strips, _of_use(frames), part.name))


def grouped(images: Sequence[Seen]) -> Chips:
    """Return the images by chip.

    Raises
    ------
    ArgumentError
        A file has several images and no card tells them apart.
    """
    several = len({(one.file, one.folder) for one in images}) < len(images)
    card = next(_told(images, several=several), None)
    if several and card is None:
        first = images[0].file
        msg = (
            f"{first}: several images, and no card tells which chip each is; looked for "
            f"{', '.join(conventions.CHIP)}: give the extensions names (EXTNAME)"
        )
        raise ArgumentError(msg)
    binning = _binning(images)
    if card is None:
        return Chips(card=None, images={"": list(images)}, binning=binning)
    chips: dict[str, list[Seen]] = {}
    for one in images:
        chips.setdefault(str(one.find(card)).strip(), []).append(one)
    return Chips(card=card, images=chips, binning=binning)


def _told(images: Sequence[Seen], *, several: bool) -> Iterator[str]:
    """Yield cards that tell the images of every file apart, or single images of several chips."""
    files = list(dict.fromkeys((one.file, one.folder) for one in images))
    for card in conventions.CHIP:
        found = {id(one): one.find(card) for one in images}
        if None in found.values():
            continue
        if not several and (len(distinct(found.values())) < 2 or card in ("EXTNAME", "EXTVER")):
            continue
        groups = [
            [shown(found[id(one)]) for one in images if (one.file, one.folder) == file]
            for file in files
        ]
        if all(len(set(group)) == len(group) for group in groups):
            yield card


def _binning(images: Sequence[Seen]) -> tuple[int, int]:
    return binned(_whole(images)[0])


def binned(image: Seen) -> tuple[int, int]:
    """Return the binning of an image in x and y, 1 where no card tells it."""
    found = []
    for axis, words in enumerate(conventions.BINNING):
        told = image.number_of(words)
        both = re.fullmatch(r"\s*(\d+)[ x,]+(\d+)\s*", str(image.find("CCDSUM")))
        number = told[1] if told else float(both[axis + 1]) if both else 1.0
        found.append(int(number) if 1 <= number <= 64 and number == int(number) else 1)
    return found[0], found[1]


def _whole(images: Sequence[Seen]) -> list[Seen]:
    """Return the images of the least binning that show all of the chip, the first first."""
    least = min(binned(one) for one in images)
    same = [one for one in images if binned(one) == least]
    largest = max((one.shape for one in same), key=lambda shape: shape[0] * shape[1])
    return [one for one in same if one.shape == largest]


def _of_use(frames: dict[str, list[Seen]]) -> dict[str, list[Seen]]:
    """Return frames by purpose, those without light first: their strips tell the noise best."""
    order = sorted(frames, key=lambda kind: (kind not in LIGHTLESS, kind))
    return {kind: frames[kind] for kind in order}


def _numbers(sheet: Sheet, told: numbers.Numbers) -> None:
    for doubt in told.doubts:
        sheet.doubt(doubt)
    sheet.key("gain", told.gain)
    sheet.key("read_noise", told.read_noise)
    sheet.key("bias_level", told.bias_level)


def _clean(value: Any) -> str:
    return re.sub(r"[^A-Za-z0-9#+.-]+", "_", str(value)).strip("_") or "1"
