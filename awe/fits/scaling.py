"""How stored integers become counts: BSCALE, BZERO and BLANK, as archives write them.

A whole number that was written with a decimal point or in quotes is taken for what it is. What is
no number is refused: counts that were scaled by a guess would look well and be wrong.
"""

from __future__ import annotations

import math
import mmap
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.errors import AweError, BadFits
from awe.fits import blocks
from awe.fits.cards import escape
from awe.fits.values import parse

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from numpy.typing import NDArray

__all__ = ["Scaling", "counts_of", "damaged"]

#: cards without which no pixel can be read
_NEEDED = ("BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "BSCALE", "BZERO")

#: what is expected of a card that has to be more than a number
_WANTED = {
    "BSCALE": "a number that is not 0", "BLANK": "a whole number",
    "BITPIX": "one of " + ", ".join(map(str, blocks.BITPIX)),
}  # fmt: skip


@dataclass(frozen=True)
class Scaling:
    """Counts are stored numbers times `scale` plus `zero`, or missing where that is `blank`."""

    scale: float
    zero: float
    blank: int | None

    @classmethod
    def of(cls, header: Header, path: Path | str) -> Scaling:
        """Return the scaling a header tells.

        Parameters
        ----------
        header : Header
            Header of an image.
        path : Path or str
            Path of the file, for the message.

        Raises
        ------
        BadFits
            A card is there and no number, the scale is 0, or there is no such type of pixels.
        """
        if header.get("BITPIX") not in blocks.BITPIX:
            raise BadFits(_told(path, "BITPIX", header.get("BITPIX")))
        scale, zero = (_number(header, name, path) for name in ("BSCALE", "BZERO"))
        blank = _number(header, "BLANK", path)
        if scale == 0:
            raise BadFits(_told(path, "BSCALE", 0))
        if blank is not None and blank != int(blank):
            raise BadFits(_told(path, "BLANK", blank))
        return cls(
            scale=1 if scale is None else scale,
            zero=0 if zero is None else zero,
            blank=None if blank is None else int(blank),
        )


def damaged(path: Path | str) -> str:
    """Return which card of the first header spoils a file, empty if none does.

    Parameters
    ----------
    path : Path or str
        Path of a file that is not opened as FITS.
    """
    with suppress(OSError, AweError), Path(path).open("rb") as file:
        head = file.read(20 * blocks.BLOCK)
        if not head.startswith(b"SIMPLE  ="):
            return ""
        values = parse(head)
        for name in _NEEDED:
            value = values.get(name)
            if value is not None and not isinstance(value, int | float):
                return _told(path, name, value)
    return ""


def _number(header: Header, name: str, path: Path | str) -> Any:
    """Return the finite number a card holds, None where it is absent or empty."""
    from astropy.io.fits.card import Undefined
    from astropy.io.fits.verify import VerifyError

    try:
        value = header.get(name)
    except (VerifyError, ValueError, UnicodeError):
        raise BadFits(_told(path, name, header.cards[name].image[10:].strip())) from None
    if value is None or isinstance(value, Undefined):
        return None
    with suppress(ValueError, TypeError):
        # whole numbers stay whole: float64 does not hold all of 64 bits
        number = value if isinstance(value, int) else float(value)
        if math.isfinite(number):
            return number
    raise BadFits(_told(path, name, value))


def _told(path: Path | str, name: str, value: Any) -> str:
    shown = escape(value) if isinstance(value, str) else value
    return (
        f"{path}: {name} = {shown!r}, {_WANTED.get(name, 'a number')} was expected, so nobody can "
        "tell its counts; mend the card, or fetch the file again"
    )


#: bytes of a mapped file that are copied before they are let go
_PIECE = 1 << 21

#: BZERO of unsigned integers, by the bytes of one pixel.
_UNSIGNED = {2: 1 << 15, 4: 1 << 31, 8: 1 << 63}


def counts_of(hdu: Any, section: tuple[slice, slice] | None, scaling: Scaling) -> NDArray[Any]:
    """Return the pixels of an image, scaled and in native byte order.

    Parameters
    ----------
    hdu : HDU
        Image of an open file.
    section : tuple of slice or None
        Slices in y and x to read; None for all pixels.
    scaling : Scaling
        What its header tells.
    """
    import numpy as np

    stored: NDArray[Any] = _stored(hdu, section)
    # FITS 4.0, 5.2 has no wider unsigned integers than bytes: astropy shifted these already.
    if stored.dtype.kind == "u" and stored.dtype.itemsize > 1:
        return _without_blank(stored, _blank(stored, scaling.blank, shifted=True))
    native = _native(stored)
    scale, zero = scaling.scale, scaling.zero
    size = native.dtype.itemsize
    # BLANK is a value as stored, before BSCALE and BZERO (FITS 4.0, 4.4.2.5).
    missing = _blank(native, scaling.blank)
    if scale == 1 and native.dtype.kind == "i" and zero == _UNSIGNED.get(size):
        unsigned = native.view(f"u{size}")
        unsigned ^= unsigned.dtype.type(1 << (8 * size - 1))
        return _without_blank(unsigned, missing)
    if scale == 1 and zero == 0:
        return _without_blank(native, missing)
    wide = np.float32 if size <= 2 or native.dtype == np.float32 else np.float64
    scaled = np.asarray(native * wide(scale) + wide(zero), dtype=wide)
    return _without_blank(scaled, missing)


def _native(stored: NDArray[Any]) -> NDArray[Any]:
    """Return pixels of a file in the byte order of this machine, in memory of their own.

    The highest byte comes first (FITS 4.0, 5.2): one copy turns them. What has been copied of a
    mapped file is let go piece by piece: it would count as memory of this process.
    """
    import numpy as np

    kind = stored.dtype.newbyteorder("=")
    mapped = _mapping(stored)
    if mapped is None or stored.ndim != 2 or not stored.flags.c_contiguous or not stored.size:
        return np.array(stored, dtype=kind)
    native: NDArray[Any] = np.empty(stored.shape, kind)
    begin = np.frombuffer(mapped, np.uint8).__array_interface__["data"][0]
    place = stored.__array_interface__["data"][0] - begin
    rows = max(1, _PIECE // stored.strides[0])
    gone = 0
    for first in range(0, len(stored), rows):
        native[first : first + rows] = stored[first : first + rows]
        last = min(first + rows, len(stored))
        end = (place + last * stored.strides[0]) // mmap.PAGESIZE * mmap.PAGESIZE
        if end > gone:
            mapped.madvise(mmap.MADV_DONTNEED, gone, end - gone)
            gone = end
    return native


def _mapping(stored: Any) -> mmap.mmap | None:
    """Return the mapped file that an array shows, or None."""
    while stored is not None and not isinstance(stored, mmap.mmap):
        stored = stored.obj if isinstance(stored, memoryview) else getattr(stored, "base", None)
    return stored if hasattr(mmap, "MADV_DONTNEED") else None


def _blank(
    native: NDArray[Any], blank: int | None, *, shifted: bool = False
) -> NDArray[Any] | None:
    """Return the map of integers that mean a missing value; None if there are none."""
    if blank is None or native.dtype.kind not in "iu":
        return None
    value = blank + _UNSIGNED[native.dtype.itemsize] if shifted else blank
    missing: NDArray[Any] = native == value
    return missing if missing.any() else None


def _without_blank(pixels: NDArray[Any], missing: NDArray[Any] | None) -> NDArray[Any]:
    """Return the pixels as floats with NaN where they are missing; as they are if none is."""
    import numpy as np

    if missing is None:
        return pixels
    wide = np.float32 if pixels.dtype.itemsize <= 2 else np.float64
    floats = pixels if pixels.dtype.kind == "f" else pixels.astype(wide)
    floats[missing] = np.nan
    return floats


def _stored(hdu: Any, section: tuple[slice, slice] | None) -> Any:
    from astropy.io import fits

    if section is None:
        return hdu.data
    if isinstance(hdu, fits.CompImageHDU):
        return hdu.section[section]
    return hdu.data[(..., *section)]
