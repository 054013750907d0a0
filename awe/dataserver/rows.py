"""Stretches of a file at equal distances: the rows of a part of an image, without the rest.

Owns how they are requested, by `first,length,step,count` in bytes in the header `awe-rows`, and
how they are read. It knows bytes and nothing of images, so that no content of a file has a say
in what is read. Refuses stretches that overlap or leave the file, and more of them than an image
has rows: what comes is never more than the file.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

__all__ = ["HEADER", "Rows"]

HEADER = "awe-rows"
#: Most stretches of one request.
MOST = 100_000

_ASKED = re.compile(r"([0-9]{1,15}),([0-9]{1,15}),([0-9]{1,15}),([0-9]{1,6})")


@dataclass(frozen=True)
class Rows:
    """`count` stretches of `length` bytes, each `step` bytes behind the one before."""

    first: int
    length: int
    step: int
    count: int

    @classmethod
    def read(cls, text: str) -> Rows | None:
        """Return what the header of a request asks for, None where it is nothing of the kind."""
        match = _ASKED.fullmatch(text)
        return cls(*map(int, match.groups())) if match else None

    def __str__(self) -> str:
        return f"{self.first},{self.length},{self.step},{self.count}"

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return self.length * self.count

    def fits(self, size: int) -> bool:
        """Return True if there are some, none overlap, and all lie within a file of that size."""
        apart = self.step >= self.length or self.count == 1
        end = self.first + self.step * (self.count - 1) + self.length
        return self.length > 0 and 0 < self.count <= MOST and apart and end <= size

    def block(self, descriptor: int, place: int, most: int) -> bytes:
        """Return the bytes from `place` on, `most` at most, as they follow each other.

        Parameters
        ----------
        descriptor : int
            Of the open file.
        place : int
            Bytes of the answer before these.
        most : int
            Bytes wanted; fewer come at the end, or where the file was cut meanwhile.
        """
        got = bytearray()
        while len(got) < most and place < self.size:
            number, within = divmod(place, self.length)
            wanted = min(self.length - within, most - len(got))
            piece = os.pread(descriptor, wanted, self.first + number * self.step + within)
            got += piece
            place += len(piece)
            if not piece:
                break
        return bytes(got)
