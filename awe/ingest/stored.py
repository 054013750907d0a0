"""Pixels as a file stores them: what type they have, and what numbers they mean.

FITS stores integers of 8 to 64 bits or floats; BSCALE and BZERO make physical values of them,
BLANK marks integers without one (FITS 4.0, 4.4.2.5 and 5). Nothing is converted here but for
statistics: those are exact for integers, and pixels without a value do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from awe.errors import BadFits
from awe.fits import _counting, blocks, values

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Stored"]

#: Widest range of integers that are counted one by one; others are sorted.
COUNTED = 1 << 22
#: Pixels that are counted at a time.
PIECE = 1 << 17
#: Pixels from which all values of two bytes are counted.
SMALL = 1 << 20
#: Pixels of a process that numpy counts before it is worth the time to load the compiled loop.
REPAID = 1 << 24


@dataclass(frozen=True, kw_only=True)
class Stored:
    """How the pixels of an image are stored.

    Attributes
    ----------
    bitpix : int
        8, 16, 32 or 64 for integers, -32 or -64 for floats.
    scale, zero : float
        A physical value is `zero + scale * stored`.
    blank : int or None
        Stored integer that means a missing value.
    """

    bitpix: int
    scale: float = 1
    zero: float = 0
    blank: int | None = None

    @classmethod
    def of(cls, header: values.HeaderValues, bitpix: int) -> Self:
        """Return what a header says.

        Raises
        ------
        BadFits
            BSCALE, BZERO or BLANK is not a number.
        """
        scale, zero = header.get("BSCALE"), header.get("BZERO")
        blank = header.get("BLANK") if bitpix > 0 else None
        for name, value in (("BSCALE", scale), ("BZERO", zero), ("BLANK", blank)):
            if isinstance(value, bool) or not isinstance(value, int | float | None):
                msg = f"{name} is {value!r}, a number was expected; correct the card"
                raise BadFits(msg)
        return cls(
            bitpix=bitpix,
            scale=1 if scale is None else scale,
            zero=0 if zero is None else zero,
            blank=blank if isinstance(blank, int) else None,
        )

    @property
    def size(self) -> int:
        """Bytes of a pixel."""
        return abs(self.bitpix) // 8

    @property
    def gaps(self) -> bool:
        """True if there may be pixels without a value."""
        return self.bitpix < 0 or self.blank is not None

    def known(self, part: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which numbers are values.

        Parameters
        ----------
        part : ndarray
            Numbers as stored.
        """
        found: NDArray[np.bool_] = np.isfinite(part) if self.bitpix < 0 else part != self.blank
        return found

    def cards(self) -> list[bytes]:
        """Return the cards that say it, behind those of the axes."""
        lines = []
        if self.bitpix > 0 or (self.scale, self.zero) != (1, 0):
            lines += [
                blocks.card("BSCALE", float(self.scale), "real = fits-value*BSCALE+BZERO"),
                blocks.card("BZERO", float(self.zero), self._meaning()),
            ]
        if self.blank is not None:
            lines.append(blocks.card("BLANK", self.blank, "no value here"))
        return lines

    def _meaning(self) -> str:
        unsigned = self.bitpix > 8 and self.zero == 1 << (self.bitpix - 1)
        return "unsigned integers" if unsigned else "physical value of a stored 0"

    def pixels(self, data: bytes | memoryview, shape: tuple[int, int]) -> NDArray[Any]:
        """Return the numbers as they are stored, shape (ny, nx), in the byte order of FITS."""
        kind = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}[self.bitpix]
        return np.frombuffer(data, kind, count=shape[0] * shape[1]).reshape(shape)

    def numbers(self, part: NDArray[Any]) -> dict[str, float] | None:
        """Return min, max, mean, median and stdev of physical values; None if there are none.

        Parameters
        ----------
        part : ndarray, shape (ny, nx)
            Numbers as stored.
        """
        many = part.size >= SMALL and part.dtype.itemsize == 2
        found = _of_pairs(part, self.blank) if many else self._of_known(part)
        if found is None:
            return None
        least, largest, mean, median, stdev = found
        low, high = sorted((self._value(least), self._value(largest)))
        return {
            "min": low, "max": high, "mean": self._value(mean), "median": self._value(median),
            "stdev": abs(self.scale) * stdev,
        }  # fmt: skip

    def _of_known(self, part: NDArray[Any]) -> tuple[float, ...] | None:
        """Return statistics of the stored numbers that are values; None if there are none."""
        native = part.astype(part.dtype.newbyteorder("=")).ravel()
        known = native[self.known(native)] if self.gaps else native
        if not known.size:
            return None
        if known.dtype.kind == "f":
            known = known.astype(np.float64)
        return (_counted(known) if known.dtype.kind in "iu" else None) or _sorted(known)

    def _value(self, stored: float) -> float:
        return float(self.zero + self.scale * stored)


def _counted(known: NDArray[Any]) -> tuple[float, ...] | None:
    """Return exact statistics of integers from how often each occurs; None for a wide range."""
    # mean = sum(n v) / N and variance = sum(n (v - mean)^2) / N over the values v that occur n
    # times; the median is where the sum of the n passes the middle.
    least = int(known.min())
    size = int(known.max()) - least + 1
    if size > COUNTED:
        return None
    occurs = np.zeros(size, np.int64)
    # pieces that stay in the cache of a processor, and are not smaller than what is counted
    piece = max(PIECE, size)
    for start in range(0, known.size, piece):
        counts = np.bincount(known[start : start + piece].astype(np.int64) - least)
        occurs[: counts.size] += counts
    return _of_counts(occurs, least)


class _Counts:
    """How often integers of two bytes occur: by numpy first, by the compiled loop for many."""

    def __init__(self) -> None:
        self.pixels = 0

    def of(self, part: NDArray[Any]) -> NDArray[np.int64]:
        """Return how often each occurs, -32768 first."""
        self.pixels += part.size
        loop = _counting.loop() if self.pixels > REPAID else None
        return by_rows(part) if loop is None else _counting.occurrences(part, loop)


_counts = _Counts()


def by_rows(part: NDArray[Any]) -> NDArray[np.int64]:
    """Return how often each integer of two bytes occurs, some rows at a time.

    Parameters
    ----------
    part : ndarray of big-endian int16, shape (ny, nx)
        As FITS stores them.
    """
    occurs = np.zeros(1 << 16, np.int64)
    rows = max(1, PIECE // part.shape[1])
    for start in range(0, len(part), rows):
        piece = part[start : start + rows].astype(np.int16).ravel()
        lowest = piece.min()
        # modulo the range of the type: the difference is right without its sign
        counts = np.bincount((piece - lowest).view(np.uint16))
        place = int(lowest) + (1 << 15)
        occurs[place : place + counts.size] += counts
    return occurs


def _of_pairs(part: NDArray[Any], blank: int | None) -> tuple[float, ...] | None:
    """Return exact statistics of integers of two bytes; None where none has a value."""
    occurs = _counts.of(part)
    least = -(len(occurs) // 2)
    if blank is not None and 0 <= blank - least < len(occurs):
        occurs[blank - least] = 0
    return _of_counts(occurs, least) if occurs.any() else None


def _of_counts(occurs: NDArray[Any], least: int) -> tuple[float, ...]:
    """Return least, largest, mean, median and stdev of integers from `least` on."""
    levels = np.flatnonzero(occurs)
    counts = occurs[levels]
    number = int(counts.sum())
    mean = int(np.sum(counts * levels)) / number
    middle = np.searchsorted(np.cumsum(counts), [(number - 1) // 2, number // 2], side="right")
    return (
        float(least + levels[0]), float(least + levels[-1]), least + mean,
        least + float(levels[middle].mean()),
        float(np.sqrt(np.sum(counts * (levels - mean) ** 2) / number)),
    )  # fmt: skip


def _sorted(known: NDArray[Any]) -> tuple[float, ...]:
    wide = known.astype(np.float64)
    return (
        float(wide.min()), float(wide.max()), float(wide.mean()), float(np.median(wide)),
        float(wide.std()),
    )  # fmt: skip
