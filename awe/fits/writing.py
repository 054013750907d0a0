"""FITS files on their way to the disk.

A file is written under a temporary name in the same folder, with CHECKSUM and DATASUM, and
appears under the final name only when complete. Nobody waits for the disk: that is the
dataserver's to do with its copy. Refuses to replace a file unless asked.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.errors import DiskFull, FileTaken
from awe.fits import packing, stream
from awe.fits.cards import clean
from awe.fits.image import PLANES, Image
from awe.fits.lines import Lines
from awe.localfiles import appear

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from numpy.typing import NDArray

__all__ = ["is_place", "write"]

#: cards of world coordinates, those of distortions among them
_OF_PLACE = re.compile(
    r"WCSAXES|C(TYPE|RPIX|RVAL|UNIT|DELT|ROTA)\d|(CD|PC)\d_\d|P[VS]\d_\d+|LONPOLE|LATPOLE"
    r"|[AB](P?_(\d_\d|ORDER)|_DMAX)"
)

#: name of an image that is behind an empty primary HDU because it is packed
ALONE = "IMAGE"


def is_place(keyword: str) -> bool:
    """Return True for the keyword of a card of world coordinates."""
    return _OF_PLACE.fullmatch(keyword) is not None


def write(
    path: Path | str,
    images: Image | Sequence[Image],
    *,
    primary: Image | Header | None = None,
    replace: bool = False,
) -> Path:
    """Write a FITS file that `fitsverify` passes, and return its path.

    Parameters
    ----------
    path : path
        The final name.
    images : Image or sequence of Image
        One Image becomes the primary HDU, or, packed, the extension behind one that has its
        header alone: a primary HDU cannot be packed. A sequence becomes extensions, named by
        their EXTNAME cards, behind the primary HDU.
    primary : Image or Header, optional
        The primary HDU when `images` is a sequence: an image, or a header without pixels. It
        is never packed.
    replace : bool
        Allow an existing file to be replaced.

    Raises
    ------
    FileTaken
        The name is taken and `replace` is False.
    DiskFull
        There is no space; nothing is left behind.
    """
    target = Path(path)
    if os.path.lexists(target) and not replace:
        msg = f"{target} exists already; choose another name or use replace=True"
        raise FileTaken(msg)
    # In the same folder: neither link(2) nor rename(2) crosses file systems.
    part = target.with_name(f".{target.name[:200]}.{secrets.token_hex(6)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "wb"):
            stream.write(descriptor, _hdus(images, primary))
        appear(part, target, replace=replace)
    except FileTaken:
        raise
    except OSError as error:
        # numpy gives a write that was cut short no number
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or "requested and" in str(error):
            msg = f"no space left for {target}; free some or choose another folder"
            raise DiskFull(msg) from error
        raise
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    return target


def _hdus(images: Image | Sequence[Image], primary: Image | Header | None) -> list[stream.Hdu]:
    """Return the HDUs of a file."""
    if isinstance(images, Image):
        alone = Lines(images.header, images.cards)
        alone.leave_out(PLANES)
        packed = _packed(images)
        if packed is None:
            return [_hdu(images, alone, first=True)]
        named = alone.copy()
        named.add("EXTNAME", ALONE)
        # there are no pixels to have a place
        alone.leave_out("EXTNAME", *filter(_OF_PLACE.fullmatch, named.keywords))
        return [_hdu(None, alone, first=True, more=True), _hdu(packed, named)]
    front = primary if isinstance(primary, Image) else Image(None, clean(primary))
    first = Lines(front.header, front.cards)
    first.leave_out("EXTNAME", PLANES)
    if front.pixels is not None:
        # a file that is cut off exactly behind a plane looks whole otherwise
        first.add(PLANES, len(images), "extensions behind the image")
    hdus = [_hdu(front, first, first=True, more=bool(images))]
    for image in images:
        hdus.append(_hdu(_packed(image) or image, Lines(image.header, image.cards)))
    return hdus


def _hdu(
    content: Image | packing.Packed | None, lines: Lines, *, first: bool = False,
    more: bool = False,
) -> stream.Hdu:
    """Return an HDU: its content, and the cards of that and its own."""
    if isinstance(content, packing.Packed):
        return stream.Hdu(lines=lines.of_table(content), content=content)
    pixels = None if content is None else _storable(content)
    return stream.Hdu(lines=lines.behind(pixels, first=first, more=more), content=pixels)


def _packed(image: Image) -> packing.Packed | None:
    """Return an image packed, None if it is to be plain or does not become smaller."""
    pixels = _storable(image)
    if image.within is None or pixels is None:
        return None
    return packing.pack(pixels, image.within)


def _storable(image: Image) -> NDArray[Any] | None:
    """Return pixels as FITS can hold them: truth values become bytes."""
    import numpy as np

    pixels = image.pixels
    return pixels.view(np.uint8) if pixels is not None and pixels.dtype == np.bool_ else pixels
