"""HDUs on their way into a file, in one pass over the pixels.

Byte order, DATASUM and the write of a piece happen while it is in cache; astropy would go over the
pixels once for each.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awe.fits import blocks
from awe.fits.packing import Packed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Hdu", "write"]

#: bytes that are turned and written together: they stay in cache
_PIECE = 1 << 19


@dataclass(frozen=True, kw_only=True)
class Hdu:
    """One HDU of a file: its cards without sums, its pixels or its image as a table of tiles.

    Attributes
    ----------
    lines : list of bytes
        Cards of 80 bytes, those of structure first, without CHECKSUM, DATASUM and END.
    content : ndarray or Packed or None
        Pixels in the byte order of this machine, an image as a table of tiles, or nothing.
    """

    lines: list[bytes]
    content: NDArray[Any] | Packed | None


def write(descriptor: int, hdus: Sequence[Hdu]) -> None:
    """Write HDUs with CHECKSUM and DATASUM into an empty open file.

    Parameters
    ----------
    descriptor : int
        Of a file open for writing.
    hdus : sequence of Hdu
        The primary HDU first.

    References
    ----------
    FITS standard 4.0, sections 3.3.2 and 4.4.2.7, appendix J.
    """
    places = [0]
    for hdu in hdus:
        # DATASUM is one card whatever its digits: the header keeps this length.
        data = places[-1] + len(blocks.sealed(hdu.lines, 0))
        places += [data, data + (0 if hdu.content is None else _padded(hdu.content.nbytes))]
    # What no write reaches below is a hole of zeros: the padding of data (FITS 4.0, 3.3.2).
    os.ftruncate(descriptor, places[-1])
    for hdu, start, data in zip(hdus, places[::2], places[1::2], strict=False):
        _write_hdu(descriptor, hdu, start, data)


def _padded(size: int) -> int:
    return size + -size % blocks.BLOCK


def _write_hdu(descriptor: int, hdu: Hdu, start: int, data: int) -> None:
    # Pixels first: their sum is in the header before them.
    if isinstance(hdu.content, Packed):
        total = _write_table(descriptor, hdu.content, data)
    else:
        total = 0 if hdu.content is None else _write_pixels(descriptor, hdu.content, data)
    _write_all(descriptor, blocks.sealed(hdu.lines, blocks.folded(total)), start)


def _write_table(descriptor: int, table: Packed, place: int) -> int:
    """Write the rows and the heap of a packed image and return their sum."""
    import numpy as np

    total = 0
    for piece in (np.frombuffer(table.rows, np.uint8), table.heap):
        total += int(piece.view(">u4").sum(dtype=np.uint64))
        _write_all(descriptor, piece, place)
        place += piece.size
    return total


def _write_pixels(descriptor: int, pixels: NDArray[Any], place: int) -> int:
    """Write pixels and return their sum; the padding is there already, as a hole of zeros."""
    import numpy as np

    from awe.fits._byte_kernels import swap

    whole = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("="))
    bits = whole.reshape(-1).view(f"u{whole.itemsize}")
    # A piece is whole words of 32 bits, so that the sums of pieces can be added.
    buffer = np.empty(_PIECE // bits.itemsize, bits.dtype)
    flip = whole.dtype.kind == ("i" if whole.itemsize == 1 else "u")
    total = 0
    for first in range(0, bits.size, buffer.size):
        piece = bits[first : first + buffer.size]
        out = buffer[: piece.size]
        total += swap(piece, flip, out)
        _write_all(descriptor, out, place + first * bits.itemsize)
    return total


def _write_all(descriptor: int, content: Any, place: int) -> None:
    rest = memoryview(content).cast("B")
    while rest:
        written = os.pwrite(descriptor, rest, place)
        rest = rest[written:]
        place += written
