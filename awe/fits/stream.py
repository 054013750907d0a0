"""HDUs on their way into a file, in one pass over the pixels.

Byte order, DATASUM and the write of a piece happen while it is in cache; astropy, which makes
the headers, would go over the pixels once for each.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awe.fits import blocks
from awe.fits.packing import Packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from astropy.io.fits import HDUList
    from numpy.typing import NDArray

__all__ = ["write"]

#: cards of an extension that is an image and no table
_OF_IMAGES = ("XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT")

#: bytes that are turned and written together: they stay in cache
_PIECE = 1 << 19


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One HDU: its header cards without sums, its pixels, and where they go in the file."""

    lines: list[bytes]
    pixels: NDArray[Any] | Packed | None
    start: int
    data: int
    end: int


def write(descriptor: int, hdus: HDUList, packed: Mapping[int, Packed]) -> None:
    """Write images with CHECKSUM and DATASUM into an empty open file.

    Parameters
    ----------
    descriptor : int
        Of a file open for writing.
    hdus : HDUList
        Image HDUs, the primary one first; pixels in the byte order of this machine.
    packed : mapping of int to Packed
        Number of an extension without pixels -> its image as a table of tiles.

    References
    ----------
    FITS standard 4.0, sections 3.3.2 and 4.4.2.7, appendix J.
    """
    hdus.verify("silentfix")
    hdus.update_extend()
    parts = list(_parts(hdus, packed))
    # What no write reaches below is a hole of zeros: the padding of data (FITS 4.0, 3.3.2).
    os.ftruncate(descriptor, parts[-1].end if parts else 0)
    for part in parts:
        _write_part(descriptor, part)


def _parts(hdus: HDUList, packed: Mapping[int, Packed]) -> Iterable[_Part]:
    start = 0
    for number, hdu in enumerate(hdus):
        header = hdu.header.copy()
        table = packed.get(number)
        for keyword in ("CHECKSUM", "DATASUM", *(_OF_IMAGES if table is not None else ())):
            header.remove(keyword, ignore_missing=True)
        text = header.tostring(endcard=False, padding=False).encode("ascii")
        lines = [text[place : place + blocks.CARD] for place in range(0, len(text), blocks.CARD)]
        pixels = hdu.data if table is None else table
        if table is not None:
            lines = [*table.lines, *lines]
        # DATASUM is one card whatever its digits: the header keeps this length.
        data = start + len(blocks.sealed(lines, 0))
        end = data + (_padded(pixels.nbytes) if pixels is not None else 0)
        yield _Part(lines=lines, pixels=pixels, start=start, data=data, end=end)
        start = end


def _padded(size: int) -> int:
    return size + -size % blocks.BLOCK


def _write_part(descriptor: int, part: _Part) -> None:
    # Pixels first: their sum is in the header before them.
    if isinstance(part.pixels, Packed):
        total = _write_table(descriptor, part.pixels, part.data)
    else:
        total = 0 if part.pixels is None else _write_pixels(descriptor, part.pixels, part.data)
    _write_all(descriptor, blocks.sealed(part.lines, blocks.folded(total)), part.start)


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
