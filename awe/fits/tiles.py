"""The tiles of a compressed image that a part of it touches, as a smaller compressed image.

Owns the arithmetic of the table of tiles (FITS 4.0, section 10): which rows of the table, which
bytes of the heap behind it, and the cards that change. Nothing is decompressed here.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from typing import Protocol

from awe.errors import BadFits
from awe.fits import blocks
from awe.fits.values import HeaderValues

__all__ = ["Source", "Tiles", "Zone"]

_FORM = re.compile(r"([0-9]*)([PQLXBIJKAEDCM])([BIJED]?).*")
_BYTES = {"L": 1, "B": 1, "A": 1, "I": 2, "J": 4, "K": 8, "E": 4, "D": 8, "C": 8, "M": 16,
          "P": 8, "Q": 16}  # fmt: skip
#: Pixels that may come of one byte; what promises more is a bomb.
EXPANSION = 2000
#: Seeds of the dither there are (FITS 4.0, 10.2).
SEEDS = 10_000


#: Columns and rows of a part, zero-based, the ends not included: x0, y0, x1, y1.
Zone = tuple[int, int, int, int]


class Source(Protocol):
    """A file of which bytes can be had."""

    @property
    def name(self) -> str:
        """Name for messages."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    def read(self, first: int, length: int) -> bytes:
        """Return `length` bytes from `first` on."""

    def rows(self, first: int, length: int, step: int, count: int) -> bytes:
        """Return `count` stretches of `length` bytes, each `step` behind the one before."""


@dataclass(frozen=True)
class _Column:
    """A column of descriptors: where it is in a row, of what kind, bytes of what it points to."""

    place: int
    long: bool
    element: int

    def stretch(self, row: bytes) -> tuple[int, int]:
        """Return first byte in the heap and the one behind the last."""
        count, offset = struct.unpack_from(">qq" if self.long else ">ii", row, self.place)
        return offset, offset + count * self.element


@dataclass(frozen=True)
class Tiles:
    """A compressed image as its header tells."""

    head: bytes
    name: str
    width: int
    height: int
    tile: tuple[int, int]
    row: int
    count: int
    heap: int
    heap_size: int
    columns: tuple[_Column, ...]
    seed: int | None

    @classmethod
    def of(cls, head: bytes, values: HeaderValues, name: str) -> Tiles:
        """Return the tiles of a header.

        Raises
        ------
        BadFits
            Its cards contradict each other.
        """
        try:
            width, height = int(values["ZNAXIS1"]), int(values["ZNAXIS2"])
            tile = (int(values.get("ZTILE1", width)), int(values.get("ZTILE2", 1)))
            row, count = int(values["NAXIS1"]), int(values["NAXIS2"])
            heap = int(values.get("THEAP", row * count))
            heap_size = row * count + int(values.get("PCOUNT", 0)) - heap
            columns = tuple(_columns(values))
            seed = values.get("ZDITHER0")
            agree = min(tile) > 0 and count == math.ceil(width / tile[0]) * math.ceil(
                height / tile[1]
            )
        except (KeyError, ValueError, TypeError, struct.error):
            agree = False
        if not agree or heap < row * count or heap_size < 0:
            msg = f"{name}: cards of its compressed image contradict each other; fetch it again"
            raise BadFits(msg)
        return cls(head, name, width, height, tile, row, count, heap, heap_size, columns,
                   seed if isinstance(seed, int) else None)  # fmt: skip

    def cut(
        self, source: Source, data: int, zone: Zone
    ) -> tuple[bytes, tuple[slice, slice]]:
        """Return the smaller image, and where the part is in it.

        Parameters
        ----------
        source : Source
            The file.
        data : int
            Where the table begins in it.
        zone : tuple of int
            Columns and rows x0, y0, x1, y1, zero-based, the ends not included.
        """
        x0, y0, x1, y1 = zone
        high = self.tile[1]
        top, bottom = y0 // high, (y1 - 1) // high + 1
        across = math.ceil(self.width / self.tile[0])
        first, last = top * across, bottom * across
        table = source.read(data + first * self.row, (last - first) * self.row)
        table, heap = self._heap(source, data + self.heap, table)
        rows = min(self.height, bottom * high) - top * high
        if self.width * rows > EXPANSION * (len(heap) + 1000):
            msg = f"{self.name}: its compressed image promises {self.width * rows} pixels from "
            msg += f"{len(heap)} bytes; it is not unpacked"
            raise BadFits(msg)
        changed: dict[str, int | None] = {
            "NAXIS2": last - first, "PCOUNT": len(heap), "THEAP": None, "ZNAXIS2": rows,
            "ZTILE2": min(high, rows), "ZTILE1": self.tile[0],
        }  # fmt: skip
        if self.seed is not None:
            # each tile has the seed of its number
            changed["ZDITHER0"] = (self.seed - 1 + first) % SEEDS + 1
        head = blocks.with_values(self.head, changed)
        section = (slice(y0 - top * high, y1 - top * high), slice(x0, x1))
        return head + blocks.pad(table + heap), section

    def _heap(self, source: Source, place: int, table: bytes) -> tuple[bytes, bytes]:
        """Return the rows with their places in a smaller heap, and that heap."""
        rows = [table[n : n + self.row] for n in range(0, len(table), self.row)]
        stretches = [column.stretch(row) for row in rows for column in self.columns]
        used = [(begin, end) for begin, end in stretches if end > begin]
        if not used:
            return table, b""
        begin, end = min(first for first, _ in used), max(last for _, last in used)
        if begin < 0 or end > self.heap_size:
            msg = f"{self.name}: a tile of its compressed image lies outside of it; fetch it again"
            raise BadFits(msg)
        heap = source.read(place + begin, end - begin)
        moved = bytearray(table)
        for number in range(len(rows)):
            for column in self.columns:
                at = number * self.row + column.place
                form = ">qq" if column.long else ">ii"
                count, offset = struct.unpack_from(form, moved, at)
                struct.pack_into(form, moved, at, count, offset - begin if count else 0)
        return bytes(moved), heap


def _columns(values: HeaderValues) -> list[_Column]:
    found = []
    place = 0
    for number in range(1, int(values["TFIELDS"]) + 1):
        match = _FORM.fullmatch(str(values[f"TFORM{number}"]).strip())
        if match is None:
            raise ValueError(number)
        repeat = int(match[1] or 1)
        if match[2] in "PQ":
            found += [_Column(place, match[2] == "Q", _BYTES[match[3]])] * min(repeat, 1)
        size = -(-repeat // 8) if match[2] == "X" else repeat * _BYTES[match[2]]
        place += size
    if place > int(values["NAXIS1"]):
        raise ValueError(place)
    return found
