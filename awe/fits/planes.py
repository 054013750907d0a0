"""Names of the planes behind an image: reason bits and variance.

They are those by which astropy's `CCDData.read` finds a mask and an uncertainty; files of earlier
versions hold the same planes as FLAGS and VARIANCE, and are read all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.fits.image import extensions, read_pixels

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["FLAGS", "VARIANCE", "pixels"]

#: names of the plane of reason bits, the one that is written first
FLAGS = ("MASK", "FLAGS")

#: names of the plane of variances, the one that is written first
VARIANCE = ("UNCERT", "VARIANCE")


def pixels(path: Path, names: tuple[str, ...]) -> NDArray[Any] | None:
    """Return the pixels of the first plane of a file that has one of some names, or None.

    Parameters
    ----------
    path : Path
        File to read.
    names : tuple of str
        `FLAGS` or `VARIANCE`.
    """
    there = extensions(path)
    for name in names:
        if name in there:
            return read_pixels(path, name)
    return None
