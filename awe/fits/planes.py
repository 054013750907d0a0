"""Names of the planes behind an image: reason bits and variance.

They are those by which astropy's `CCDData.read` finds a mask and an uncertainty; files of earlier
versions hold the same planes as FLAGS and VARIANCE, and are read all the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.errors import BadFits
from awe.fits.image import PLANES, checked, image_of, opened

if TYPE_CHECKING:
    from astropy.io.fits import HDUList
    from numpy.typing import NDArray

__all__ = ["FLAGS", "VARIANCE", "extensions", "pixels"]

#: names of the plane of reason bits, the one that is written first
FLAGS = ("MASK", "FLAGS")

#: names of the plane of variances, the one that is written first
VARIANCE = ("UNCERT", "VARIANCE")

#: largest relative error of a variance and of a weight in a file; bits and maps have none
VARIANCE_WITHIN = 1e-3
WEIGHT_WITHIN = 5e-3


def extensions(path: Path | str) -> list[str]:
    """Return the EXTNAME of every HDU of a file, an empty string if it has none.

    Parameters
    ----------
    path : Path or str
        Path of the file.

    Raises
    ------
    BadFits
        The file ends within the header of an extension.
    """
    with opened(path) as hdus:
        names = [hdu.name if number else "" for number, hdu in enumerate(hdus)]
        _check_end(hdus, path)
    return names


def pixels(path: Path, names: tuple[str, ...]) -> NDArray[Any] | None:
    """Return the pixels of the first plane of a file that has one of some names, or None.

    Parameters
    ----------
    path : Path
        File to read.
    names : tuple of str
        `FLAGS` or `VARIANCE`.

    Raises
    ------
    FileGone
        There is no such file.
    BadFits
        It is not a FITS file, is cut off, or its scaling cannot be read.
    """
    with opened(path) as hdus:
        there = {hdu.name for hdu in hdus[1:]}
        _check_end(hdus, path)
        found = next((name for name in names if name in there), None)
        return None if found is None else checked(image_of(hdus, found, path), None, path)


def _check_end(hdus: HDUList, path: Path | str) -> None:
    """Refuse a file that goes on with an extension whose header is cut off, or lacks some."""
    place = hdus[-1].fileinfo()
    promised = hdus[0].header.get(PLANES)
    if isinstance(promised, int) and len(hdus) - 1 < promised:
        msg = (
            f"{path} is cut off: its header promises {promised} planes behind the image, "
            f"{len(hdus) - 1} are in it; fetch it again"
        )
        raise BadFits(msg)
    if place["file"].compression:
        return
    end = place["datLoc"] + place["datSpan"]
    with Path(path).open("rb") as file:
        file.seek(end)
        if file.read(8) == b"XTENSION":
            size = Path(path).stat().st_size
            msg = (
                f"{path} is cut off: the header of extension {len(hdus)} does not end within "
                f"its {size} bytes; fetch it again"
            )
            raise BadFits(msg)
