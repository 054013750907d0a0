"""Small pictures of frames: a PNG of at most 256 pixels a side that tells its own scale.

A grey value is the inverse hyperbolic sine of the distance to the median in standard deviations,
so that sky and stars are both seen; median, deviation and the size of a block are texts of the
PNG, from which the values come back. Pixels of a block are averaged, of large frames over every
fourth row. This module knows arrays and bytes; what it reads may have been written by anybody.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awe.errors import BadFits
from awe.fits.image import image_of, opened
from awe.fits.scaling import Scaling
from awe.fits.values import parse

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["LARGEST", "SIDE", "Preview", "is_png", "made_of", "of_bytes", "of_file", "read"]

#: Longest side [pixel], and largest PNG [byte].
SIDE = 256
LARGEST = 128 << 10
#: Distances to the median [standard deviations] that are black and white; NaN is black too.
LOW, HIGH = -10.0, 1e5

#: Largest image that a picture is made of [pixel]: a header may claim any size.
MOST = 1 << 28

_STORED = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_MAGIC = b"\x89PNG\r\n\x1a\n"
_KEY = b"awe preview\0"


@dataclass(frozen=True, eq=False)
class Preview:
    """A picture of a frame.

    Attributes
    ----------
    png : bytes
        The picture as a PNG file, first row on top.
    grey : ndarray of uint8, shape (ny, nx)
        Grey values, [y, x] as the pixels of the frame; 0 where there is no value.
    median, sigma : float
        Median of the frame and standard deviation of its sky, in the unit of its pixels.
    block : int
        Rows and columns of the frame in one pixel of the picture.
    """

    png: bytes
    grey: NDArray[Any]
    median: float
    sigma: float
    block: int

    @property
    def values(self) -> NDArray[Any]:
        """Mean values of the blocks as the grey tells them, float32, NaN where the grey is 0."""
        import numpy as np

        low, high = math.asinh(LOW), math.asinh(HIGH)
        level = low + (self.grey.astype(np.float32) - 1) / 254 * (high - low)
        values = (np.sinh(level) * self.sigma + self.median).astype(np.float32)
        values[self.grey == 0] = np.nan
        return values

    def _repr_png_(self) -> bytes:
        return self.png


def of_file(path: Path) -> Preview | None:
    """Return the picture of the first image of a FITS file, None where it has no such image.

    Of a large image that is not compressed only every fourth row is read.

    Parameters
    ----------
    path : Path
        The file.
    """
    try:
        with opened(path) as hdus:
            hdu = image_of(hdus, None, path)
            scaling = Scaling.of(hdu.header, path)
            if len(hdu.shape) != 2 or math.prod(hdu.shape) > MOST:
                return None
            return made_of(hdu.data, scale=scaling.scale, zero=scaling.zero)
    except Exception:
        # Of a file with a wrong header astropy and cfitsio raise whatever they met; who stores it
        # hears of that from what reads all of it, not from its picture.
        return None


def of_bytes(head: bytes, data: bytes | memoryview) -> Preview | None:
    """Return the picture of an image that is in memory, None if it is not a plain one.

    Parameters
    ----------
    head : bytes
        Header of the image.
    data : bytes or memoryview
        Pixels as FITS stores them, and what fills the last block.
    """
    import numpy as np

    values = parse(head)
    try:
        shape = int(values["NAXIS2"]), int(values["NAXIS1"])
        scale, zero = float(values.get("BSCALE", 1)), float(values.get("BZERO", 0))
        stored = np.frombuffer(data, _STORED[values["BITPIX"]], shape[0] * shape[1])
        if values["NAXIS"] != 2:
            return None
        return made_of(stored.reshape(shape), scale=scale, zero=zero)
    except (ValueError, TypeError, KeyError, OverflowError):
        return None


def made_of(pixels: NDArray[Any], *, scale: float = 1, zero: float = 0) -> Preview:
    """Return the picture of an image.

    Parameters
    ----------
    pixels : ndarray, shape (ny, nx)
        Pixels; NaN counts as absent.
    scale, zero : float
        Counts are pixels times `scale` plus `zero`.
    """
    import numpy as np

    block = max(1, math.ceil(max(pixels.shape) / SIDE))
    with np.errstate(all="ignore"):
        return _made(_means(pixels, block) * np.float32(scale) + np.float32(zero), block)


def _made(means: NDArray[Any], block: int) -> Preview:
    import numpy as np

    there = means[np.isfinite(means)]
    median = float(np.median(there)) if there.size else 0.0
    sigma = float(1.4826 * np.median(np.abs(there - median))) if there.size else 1.0
    if not sigma > 0 or not math.isfinite(sigma):
        sigma = float(np.ptp(there)) / 10 if there.size else 1.0
        sigma = sigma if 0 < sigma < math.inf else 1.0
    low, high = math.asinh(LOW), math.asinh(HIGH)
    level = (np.arcsinh((means - median) / sigma) - low) / (high - low)
    grey = np.where(np.isfinite(level), 1 + np.rint(254 * np.clip(level, 0, 1)), 0)
    return _written(grey.astype(np.uint8), median, sigma, block)


def _means(pixels: NDArray[Any], block: int) -> NDArray[Any]:
    """Return the means of blocks, of those at the upper and right border over what there is."""
    import numpy as np

    step = 4 if block >= 8 else 1
    ny, nx = pixels.shape
    edges = np.arange(0, nx, block)
    whole = ny // block
    # all whole bands at once, then what is left at the upper border
    bands = [pixels[: whole * block].reshape(whole, block, nx)[:, ::step]]
    if ny % block:
        bands.append(pixels[None, whole * block :: step])
    return np.concatenate([_of_bands(band, edges) for band in bands])


def _of_bands(bands: NDArray[Any], edges: NDArray[Any]) -> NDArray[Any]:
    """Return the means of the blocks of bands of rows, shape (bands, rows, nx)."""
    import numpy as np

    width = np.diff(np.append(edges, bands.shape[2]))
    sums = np.add.reduceat(bands.sum(axis=1, dtype=np.float64), edges, axis=1)
    means: NDArray[Any] = (sums / (width * bands.shape[1])).astype(np.float32)
    for number in np.flatnonzero(~np.isfinite(means).all(axis=1)):
        part = bands[number]
        good = np.isfinite(part)
        counts = np.add.reduceat(good.sum(axis=0), edges)
        sums = np.add.reduceat(np.where(good, part, 0).sum(axis=0, dtype=np.float64), edges)
        means[number] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means


def _written(grey: NDArray[Any], median: float, sigma: float, block: int) -> Preview:
    ny, nx = grey.shape
    told = json.dumps({"median": median, "sigma": sigma, "block": block}).encode()
    # a row of a PNG begins with its filter, 0 for none; the first row is on top
    lines = b"".join(b"\0" + row.tobytes() for row in grey[::-1])
    png = _MAGIC + b"".join(
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in (
            (b"IHDR", struct.pack(">IIBBBBB", nx, ny, 8, 0, 0, 0, 0)),
            (b"tEXt", _KEY + told),
            (b"IDAT", zlib.compress(lines, 6)),
            (b"IEND", b""),
        )
    )  # fmt: skip
    return Preview(png, grey, median, sigma, block)


def is_png(content: bytes) -> bool:
    """Return True if bytes begin as a grey PNG of at most 256 pixels a side, and are few enough.

    Parameters
    ----------
    content : bytes
        Bytes that anybody wrote.
    """
    if len(content) > LARGEST or not content.startswith(_MAGIC + b"\0\0\0\rIHDR"):
        return False
    if len(content) < 33:
        return False
    nx, ny, *kind = struct.unpack_from(">IIBBBBB", content, 16)
    return 0 < nx <= SIDE and 0 < ny <= SIDE and kind == [8, 0, 0, 0, 0]


def read(png: bytes, name: str) -> Preview:
    """Return the picture of a PNG that `made_of` made.

    Parameters
    ----------
    png : bytes
        The file.
    name : str
        Name of the frame in the message.

    Raises
    ------
    BadFits
        It is not one of those.
    """
    import numpy as np

    try:
        if not is_png(png):
            raise ValueError(name)
        nx, ny = struct.unpack_from(">II", png, 16)
        chunks = _chunks(png)
        told = json.loads(chunks[b"tEXt"].removeprefix(_KEY))
        packed = zlib.decompressobj()
        lines = packed.decompress(chunks[b"IDAT"], ny * (nx + 1))
        grey = np.frombuffer(lines, np.uint8).reshape(ny, nx + 1)
        numbers = float(told["median"]), float(told["sigma"]), int(told["block"])
        plain = packed.eof and not grey[:, 0].any()
        good = plain and all(map(math.isfinite, numbers)) and numbers[1] > 0
    except (ValueError, KeyError, TypeError, OverflowError, struct.error, zlib.error,
            RecursionError) as error:  # fmt: skip
        msg = f"{name}: its preview cannot be read; frame.data has the pixels"
        raise BadFits(msg) from error
    if not good:
        msg = f"{name}: its preview is not one that awe made; frame.data has the pixels"
        raise BadFits(msg)
    return Preview(png, grey[::-1, 1:].copy(), *numbers)


def _chunks(png: bytes) -> dict[bytes, bytes]:
    found = {}
    place = len(_MAGIC)
    while place + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, place)
        found[png[place + 4 : place + 8]] = png[place + 8 : place + 8 + length]
        place += 12 + length
    return found
