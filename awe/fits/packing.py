"""Images packed into tiles: the tables of the FITS standard 4.0, section 10, code RICE_1.

Any astropy, cfitsio or DS9 reads them. Whole numbers are packed without loss. Floats that are
never negative (variances, weights) are stored in steps, one size of step per tile, so that the
relative error of every pixel is at most what was asked; zeros and NaN stay. What cannot be packed
so, or does not become smaller, is left as it is: `pack` returns None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awe.fits import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Packed", "pack", "steps"]

#: rows of a tile; readers are quick with many, and a section costs one tile at least
ROWS = 32

#: pixels of a block of the code; the number cfitsio has
_BLOCK = 32

#: the number that stands for NaN: no other is negative
_NAN = -1

#: bytes that the descriptors of a tile can count
_LARGEST = 1 << 31


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A packed image: the cards of its table, the rows of it, and the heap of tiles behind."""

    lines: tuple[bytes, ...]
    rows: bytes
    heap: NDArray[Any]

    @property
    def nbytes(self) -> int:
        """Bytes of the data, without filling."""
        return len(self.rows) + self.heap.size


def pack(pixels: NDArray[Any], error: float = 0.0) -> Packed | None:
    """Return an image packed in tiles of whole rows, None where it is better left as it is.

    Parameters
    ----------
    pixels : ndarray, shape (ny, nx)
        Values of uint8, int16, uint16, int32 or uint32, packed without loss, or of float32, >= 0
        or NaN.
    error : float
        Largest relative error of a float; with 0 floats are left as they are.
    """
    import numpy as np

    floats = pixels.dtype == np.float32
    kind, size = pixels.dtype.kind, pixels.dtype.itemsize
    whole = (kind == "u" and size <= 4) or (kind == "i" and size in (2, 4))
    if pixels.ndim != 2 or not pixels.size or not (whole or (floats and error > 0)):
        return None
    made = _tiles(pixels, error)
    if made is None:
        return None
    heap, places, scales = made
    if heap.size >= min(pixels.nbytes, _LARGEST):
        return None
    columns: list[Any] = [("places", ">i4", 2)]
    if floats:
        columns += [("scale", ">f8"), ("zero", ">f8")]
    table = np.zeros(len(places), columns)
    table["places"] = places
    if floats:
        table["scale"] = scales
    longest = int(places[:, 0].max())
    lines = tuple(_cards(pixels, table, heap.size, longest))
    return Packed(lines=lines, rows=table.tobytes(), heap=heap)


def _tiles(
    pixels: NDArray[Any], error: float
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None:
    """Return the heap, length and place of every tile in it, and their steps."""
    import numpy as np

    from awe.fits import _rice_kernels

    floats = pixels.dtype.kind == "f"
    width = 8 * pixels.itemsize
    ny, nx = pixels.shape
    rows = min(ROWS, ny)
    number = -(-ny // rows)
    # FITS stores unsigned integers less half their range (FITS 4.0, 5.2.5), bytes as they are
    unsigned = pixels.dtype.kind == "u" and width > 8
    flip = np.uint32(1 << (width - 1) if unsigned else 0)
    values, steps = np.empty(rows * nx, np.int32), np.empty(rows * nx, np.uint32)
    blocks = np.arange(-(-rows * nx // _BLOCK), dtype=np.int32)
    heap = _rice_kernels.heap(pixels.size, pixels.itemsize, number)
    places = np.empty((number, 2), np.int64)
    scales = np.ones(number)
    own = pixels.dtype.newbyteorder("=")
    place = 0
    for tile in range(number):
        part = np.ascontiguousarray(pixels[tile * rows : (tile + 1) * rows], own).reshape(-1)
        some, which = values[: part.size], blocks[: -(-part.size // _BLOCK)]
        if floats:
            bits = np.require(part, requirements="W").view(np.uint32)
            scales[tile] = _rice_kernels.quantise(bits, float(error), _NAN, some)
            if scales[tile] < 0:
                return None
        elif width == 32:
            some[:] = part.view("i4")
        else:
            which = _rice_kernels.moving(part, some, blocks)
        length = _rice_kernels.code(some, which, steps, heap, place, width, flip)
        places[tile] = length, 4 * place
        # every tile begins at a word; the gap is part of the heap
        place += (length + 3) // 4
    return heap.view(np.uint8)[: 4 * place], places, scales


def _cards(pixels: NDArray[Any], table: NDArray[Any], heap: int, longest: int) -> list[bytes]:
    """Return the cards of the table that holds an image."""
    floats = pixels.dtype.kind == "f"
    ny, nx = pixels.shape
    form = [("TTYPE1", "COMPRESSED_DATA"), ("TFORM1", f"1PB({longest})")]
    if floats:
        form += [("TTYPE2", "ZSCALE"), ("TFORM2", "1D"), ("TTYPE3", "ZZERO"), ("TFORM3", "1D")]
    cards: list[tuple[str, blocks.Value]] = [
        ("XTENSION", "BINTABLE"), ("BITPIX", 8), ("NAXIS", 2), ("NAXIS1", table.itemsize),
        ("NAXIS2", len(table)), ("PCOUNT", heap), ("GCOUNT", 1), ("TFIELDS", len(form) // 2),
        *form,
        ("ZIMAGE", True), ("ZTENSION", "IMAGE"),
        ("ZBITPIX", -32 if floats else 8 * pixels.itemsize), ("ZNAXIS", 2),
        ("ZNAXIS1", nx), ("ZNAXIS2", ny), ("ZPCOUNT", 0), ("ZGCOUNT", 1),
        ("ZTILE1", nx), ("ZTILE2", min(ROWS, ny)), ("ZCMPTYPE", "RICE_1"),
        ("ZNAME1", "BLOCKSIZE"), ("ZVAL1", _BLOCK),
        ("ZNAME2", "BYTEPIX"), ("ZVAL2", pixels.itemsize),
    ]  # fmt: skip
    if floats:
        cards += [("ZQUANTIZ", "NO_DITHER"), ("ZBLANK", _NAN)]
    elif pixels.dtype.kind == "u" and pixels.itemsize > 1:
        cards += [("BSCALE", 1), ("BZERO", 1 << (8 * pixels.itemsize - 1))]
    return [blocks.card(name, value) for name, value in cards]


def steps() -> Iterator[None]:
    """Compile or load the loops, in steps."""
    import numpy as np

    pack(np.ones((8, 8), np.uint8))
    yield
    pack(np.ones((8, 8), np.uint16))
    yield
    pack(np.ones((8, 8), np.float32), 1e-3)
    yield
