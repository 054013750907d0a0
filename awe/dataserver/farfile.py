"""A file that is elsewhere, read by ranges: what is read is fetched, and little more.

Owns how much is fetched at a time. What comes after is fetched ahead of who reads on, twice as far
each time up to some megabytes; whoever reads a header gets the header. Stretches of an image that
are near each other come in one range, others side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from awe.dataserver.rows import Rows
from awe.dataserver.seekable import Seekable
from awe.errors import StoreAway

__all__ = ["FarFile"]

#: Most bytes fetched ahead.
AHEAD = 4 << 20
#: Stretches less apart than this are fetched with what is between them [byte].
GAP = 16 << 10
#: Longest range of several stretches [byte].
LONGEST = 8 << 20


class FarFile(Seekable):
    """A stream of a file whose ranges a function fetches.

    Parameters
    ----------
    fetch : callable
        Function of ranges, first byte and the one behind the last, that returns their bytes.
    size : int
        Bytes of the file.
    """

    def __init__(self, fetch: Callable[[list[tuple[int, int]]], list[bytes]], size: int) -> None:
        self.size = size
        self._fetch = fetch
        self._first = 0
        self._block = b""
        self._ahead = 0

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as there is something at hand, and return the bytes read."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self.size - self._place)
        if wanted <= 0:
            return 0
        end = self._first + len(self._block)
        if not self._first <= self._place < end:
            on = bool(self._block) and self._place == end
            self._ahead = min(2 * max(self._ahead, wanted), AHEAD) if on else wanted
            length = min(max(wanted, self._ahead), self.size - self._place)
            [self._block] = self._whole([(self._place, self._place + length)])
            self._first = self._place
        within = self._place - self._first
        piece = self._block[within : within + wanted]
        view[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def stretches(self, wanted: Rows, place: int, most: int) -> bytes:
        """Return the bytes of stretches from `place` on, as they follow each other.

        Parameters
        ----------
        wanted : Rows
            The stretches.
        place, most : int
            Bytes of the answer before these, and how many at most [byte].
        """
        pieces: list[tuple[int, int]] = []
        while most > 0 and place < wanted.size:
            number, within = divmod(place, wanted.length)
            length = min(wanted.length - within, most)
            first = wanted.first + number * wanted.step + within
            pieces.append((first, first + length))
            place, most = place + length, most - length
        ranges: list[tuple[int, int]] = []
        for first, end in pieces:
            if ranges and first - ranges[-1][1] <= GAP and end - ranges[-1][0] <= LONGEST:
                ranges[-1] = (ranges[-1][0], end)
            else:
                ranges.append((first, end))
        blocks = self._whole(ranges) if ranges else []
        got = bytearray()
        number = 0
        for first, end in pieces:
            while end > ranges[number][1]:
                number += 1
            start = ranges[number][0]
            got += memoryview(blocks[number])[first - start : end - start]
        return bytes(got)

    def _whole(self, ranges: list[tuple[int, int]]) -> list[bytes]:
        blocks = self._fetch(ranges)
        for (first, end), block in zip(ranges, blocks, strict=True):
            if len(block) != end - first:
                msg = f"a file in the store broke off after {len(block)} of {end - first} bytes"
                raise StoreAway(msg)
        return blocks
