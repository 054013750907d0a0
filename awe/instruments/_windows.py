"""Where on its chip a frame begins: cards tell it of a window, or the frame is refused.

A frame with all light-sensitive columns of its chip begins at the first; the same of rows. One
with fewer has a place from the cards that the description names, from where its section is in an
image of the whole chip, or from the section cards that headers share by convention (`CCDSEC`,
`DETSEC`: NOAO mosaic keywords). It is never put somewhere without one of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from awe.calib.detector import sections
from awe.calib.detector.geometry import ChipGeometry
from awe.errors import BadHeader, WrongShape
from awe.instruments._cards import CardReader, shown
from awe.instruments._entries import Entry, Wanted

__all__ = ["Window"]

TEXT = Wanted(type=str)
NAMES = ("columns", "rows")
#: section on the chip -> size of what it counts
CONVENTIONS = {"CCDSEC": "CCDSIZE", "DETSEC": "DETSIZE"}
_SECTION = re.compile(
    r"\s*\[\s*(\d{1,6})\s*:\s*(\d{1,6})\s*,\s*(\d{1,6})\s*:\s*(\d{1,6})\s*\]\s*", re.ASCII
)


@dataclass(frozen=True, kw_only=True)
class Window:
    """Where headers tell the place of a window.

    Attributes
    ----------
    entries : mapping of str to Entry
        Cards with the first column (`x`), the first row (`y`), or the section on the chip.
    first : int
        What they call the first column and row.
    binned : bool
        Whether they count binned pixels.
    single : bool
        Whether the camera has one chip: sections of a mosaic of several are not those of a chip.
    """

    entries: Mapping[str, Entry]
    first: int
    binned: bool
    single: bool

    def begin(
        self, chip: ChipGeometry, frame: ChipGeometry, cards: CardReader, *, sure: bool
    ) -> tuple[int, int] | None:
        """Return the first light-sensitive column and row, counted from 1, without binning.

        Parameters
        ----------
        chip, frame : ChipGeometry
            The whole chip as described, and the frame, with its binning, as if it began at 1, 1.
        cards : CardReader
            Headers of the frame; a card that cannot be read is noted there, and None returned.
        sure : bool
            Whether the description tells which pixels of the chip are light-sensitive.

        Raises
        ------
        BadHeader
            The card holds no section.
        WrongShape
            Nothing tells the place, or the place is not one on this chip.
        """
        found = [_Axis.of(chip, frame, axis, sure=sure) for axis in (0, 1)]
        starts = []
        for one in found:
            one.require_fewer()
            start, told = self._start(one, cards)
            if start is None:
                return None
            one.require_inside(start, told)
            starts.append(start)
        return starts[0], starts[1]

    def _start(self, axis: _Axis, cards: CardReader) -> tuple[int | None, str]:
        """Return where a frame begins along one axis, and what told so."""
        entry = self.entries.get("xy"[axis.number])
        if entry is not None:
            before = len(cards.problems)
            found = entry.read(cards, Wanted(type=int, low=self.first, high=100_000))
            if found is not None:
                step = axis.binning if self.binned else 1
                return (found - self.first) * step + 1, f"{' or '.join(entry.names)} = {found}"
            if len(cards.problems) > before:
                return None, ""
        if axis.complete:
            return 1, ""
        if axis.whole:
            return axis.offset, f"the section {axis.frame.active}"
        return self._from_section(axis, cards)

    def _from_section(self, axis: _Axis, cards: CardReader) -> tuple[int | None, str]:
        named = self.entries.get("section")
        words = ("CCDSEC", "DETSEC") if self.single else ("CCDSEC",)
        entries = [Entry(keyword=(word,)) for word in words] if named is None else [named]
        for entry in entries:
            before = len(cards.problems)
            text = entry.read(cards, TEXT)
            if len(cards.problems) > before:
                return None, ""
            if text:
                told = f"{' or '.join(entry.names) or 'window.section'} = {shown(text)}"
                step = axis.binning if named and self.binned else 1
                first = 1 if named is None else self.first
                span = _span(text, told, axis.number, first, step)
                if named is None:
                    axis = axis.sized(cards, entry.names[0])
                return axis.at(span, told, _data(cards, axis.frame)), told
        axis.lost()
        return None, ""


@dataclass(frozen=True, kw_only=True)
class _Axis:
    """Columns (0) or rows (1) of a frame and of its chip; `full` is None where it is not known."""

    number: int
    chip: ChipGeometry
    frame: ChipGeometry
    lit: int
    full: int | None

    @classmethod
    def of(cls, chip: ChipGeometry, frame: ChipGeometry, number: int, *, sure: bool) -> _Axis:
        full = _light(chip, number) if sure else None
        return cls(
            number=number, chip=chip, frame=frame, lit=_light(frame, number), full=full
        )  # fmt: skip

    @property
    def binning(self) -> int:
        return self.frame.binning[self.number]

    @property
    def name(self) -> str:
        return NAMES[self.number]

    @property
    def complete(self) -> bool:
        """Whether all light-sensitive pixels of the chip are there."""
        return self.full is not None and abs(self.lit * self.binning - self.full) < self.binning

    @property
    def whole(self) -> bool:
        """Whether the image is as large as one of the whole chip."""
        ours, most = (one.shape[1 - self.number] for one in (self.frame, self.chip))
        return ours == most // self.binning

    @property
    def offset(self) -> int:
        """Where the light begins in an image of the whole chip."""
        if self.full is None:
            return 1
        ours, most = (_begin(one.active, self.number) for one in (self.frame, self.chip))
        return ours * self.binning - most + 1

    def require_fewer(self) -> None:
        """Refuse a frame with more light than its chip."""
        if self.full is None or self.lit * self.binning < self.full + self.binning:
            return
        msg = (
            f"{self.frame.active} has {self.lit} light-sensitive {self.name} (binning "
            f"{self.binning}), the chip {self.full}; correct the cards of sections or binning, or "
            "size and active of the description"
        )
        raise WrongShape(msg)

    def require_inside(self, start: int, told: str) -> None:
        """Refuse a place that is not on the chip."""
        last = start - 1 + self.lit * self.binning
        if start >= 1 and (self.full is None or last < self.full + self.binning):
            return
        most = "" if self.full is None else f" of {self.full}"
        what = f" by {told}" if told else ""
        msg = (
            f"its light-sensitive {self.name} would be {start} to {last}{what}, which is not on "
            f"the chip{most} {self.name} (active, without binning); correct the card, or size and "
            "active, [binning] or [window] of the description"
        )
        raise WrongShape(msg)

    def sized(self, cards: CardReader, keyword: str) -> _Axis:
        """Return it with the length that goes with a section card, which must be that known."""
        word = CONVENTIONS[keyword]
        try:
            text = cards.find(word)
            first, last = _span(str(text), word, self.number, 1, 1)
        except (ValueError, BadHeader):
            return self
        length = last - first + 1
        if self.full in (None, length):
            return _Axis(
                number=self.number, chip=self.chip, frame=self.frame, lit=self.lit, full=length
            )  # fmt: skip
        msg = (
            f"{word} = {shown(text)} and the description has a chip of {self.full} "
            f"light-sensitive {self.name}: which of them {keyword} counts is not known; name the "
            f"card in [window], as in window.section = '{keyword}'"
        )
        raise WrongShape(msg)

    def at(self, span: tuple[int, int], told: str, data: str | None) -> int:
        """Return where a frame begins whose section on the chip, and in the file, is this."""
        low, high = sorted(span)
        length = self.lit if data is None else _length(data, self.number)
        if abs(high - low + 1 - length * self.binning) >= self.binning:
            msg = (
                f"{told} has {high - low + 1} {self.name} of the chip, the image {length} "
                f"light-sensitive ones (binning {self.binning}); correct one of the two, or name "
                "another card in [window]"
            )
            raise WrongShape(msg)
        before = 0 if data is None else self._before(data)
        if span[0] <= span[1]:
            return low + before
        if self.full is None:
            msg = (
                f"{told} runs backwards, and how many light-sensitive {self.name} the chip has is "
                "not known; tell the active of the chip in the description"
            )
            raise WrongShape(msg)
        return self.full - high + 1 + before

    def _before(self, data: str) -> int:
        return (_begin(self.frame.active, self.number) - _begin(data, self.number)) * self.binning

    def lost(self) -> None:
        """Refuse a window whose place nothing tells."""
        sides = [side // step for side, step in
                 zip((self.chip.nx, self.chip.ny), self.frame.binning, strict=True)]  # fmt: skip
        letter = "xy"[self.number]
        more = "; or tell the active of the whole chip" if self.full is None else ""
        msg = (
            f"an image of {self.frame.nx} x {self.frame.ny} pixels is not a whole one of "
            f"{sides[0]} x {sides[1]}, it has {self.lit} light-sensitive {self.name}, and no card "
            f"tells where on the chip it begins; name it in [window], as in window.{letter} = "
            f"'{letter.upper()}ORGSUBF' or window.section = 'CCDSEC'{more}"
        )
        raise WrongShape(msg)


def _light(geometry: ChipGeometry, axis: int) -> int:
    """Return how many light-sensitive columns or rows there are, joined where strips divide."""
    if geometry.amplifiers:
        return int(max(place[1 - axis].stop for place in geometry.places()))
    return _length(geometry.active, axis)


def _begin(section: str, axis: int) -> int:
    return int(sections.parse(section)[1 - axis].start)


def _length(section: str, axis: int) -> int:
    part = sections.parse(section)[1 - axis]
    return int(part.stop - part.start)


def _span(text: str, told: str, axis: int, first: int, step: int) -> tuple[int, int]:
    """Return the ends of a section on the chip, counted from 1; the larger first if so written."""
    match = _SECTION.fullmatch(text)
    if match is None:
        msg = f"{told} is not a section of the form '[x0:x1,y0:y1]'; correct the header"
        raise BadHeader(msg)
    ends = [int(match[2 * axis + number]) - first for number in (1, 2)]
    low, high = min(ends) * step + 1, (max(ends) + 1) * step
    if low < 1:
        msg = f"{told} begins at {min(ends) + first}, expected {first} at least"
        raise BadHeader(msg)
    return (low, high) if ends[0] <= ends[1] else (high, low)


def _data(cards: CardReader, frame: ChipGeometry) -> str | None:
    """Return the section of the file that is placed on the chip; None for the light of it."""
    if frame.amplifiers:
        return None
    try:
        data: Any = sections.parse(str(cards.find("DATASEC")), frame.shape)
    except (ValueError, BadHeader, WrongShape):
        return None
    active = sections.parse(frame.active)
    around = all(
        outer.start <= inner.start and inner.stop <= outer.stop
        for outer, inner in zip(data, active, strict=True)
    )
    return sections.format(data) if around else None
