"""A frame in DS9: its pixels, and its flags and tracks as regions.

A DS9 that is open already gets it as a new frame; if there is none, it is started. What is sent
are the pixels that are shown, so that a part, a plane or an array is what DS9 has too.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe import fits
from awe.fits import extracted
from awe.inspect.facts import card_header
from awe.inspect.flagregions import boxes
from awe.inspect.layers import bits_of
from awe.inspect.placed import tracks_of
from awe.inspect.xpa import ask, point_of, titled

if TYPE_CHECKING:
    from awe.inspect.sight import Sight

__all__ = ["show", "written"]


def show(viewer: str, frame: Any, sight: Sight) -> str:
    """Show an image in DS9 with its flags and tracks, and return one line about it.

    Parameters
    ----------
    viewer : str
        'ds9' or 'ds9:TITLE'.
    frame : frame, path, CCDData or ndarray
        What is shown.
    sight : Sight
        The image of it.

    Raises
    ------
    ArgumentError
        There is no DS9 of this title, or the program is not installed.
    ServiceDown
        DS9 does not do it.
    """
    point, marks = point_of(viewer, start=True), _marks(frame, sight)
    # a title of DS9 is a word of its own language: what is not plain is left out
    name = re.sub(r"[^\w.-]+", "_", sight.name, flags=re.ASCII).strip("-_") or "frame"
    with tempfile.TemporaryDirectory() as folder:
        path = written(sight, Path(folder))
        with path.open("rb") as file:
            ask("xpaset", point, "fits", "new", name, given=file)
    number = ask("xpaget", point, "frame").strip()
    line = f"{sight.name}: frame {number} of {titled(point)}"
    if marks:
        with tempfile.TemporaryFile() as file:
            file.write(marks.encode())
            file.seek(0)
            ask("xpaset", point, "regions", "-format", "ds9", given=file)
        regions = sum("(" in one for one in marks.splitlines())
        line += f", {regions} regions of its flags and tracks"
    return line


def written(sight: Sight, folder: Path) -> Path:
    """Return a new FITS file of what is shown, with coordinates that fit.

    Parameters
    ----------
    sight : Sight
        The image.
    folder : Path
        Where the file is written.
    """
    pixels, header = sight.grey, card_header(sight.header)
    kinds = {"b": "u1", "u": "f4" if pixels.dtype.itemsize > 2 else "", "f": "f4"}
    wanted = kinds.get(pixels.dtype.kind, "")  # DS9 shows 0 for uint64
    (x, y), (ny, nx) = sight.first, pixels.shape
    if (x, y) != (1, 1):
        header = extracted.part_header(header, (x - 1, y - 1, x - 1 + nx, y - 1 + ny))
    image = fits.Image(pixels.astype(wanted) if wanted else pixels, header)
    number = sum(1 for _ in folder.iterdir()) + 1
    return fits.write(folder / f"sent-{number}.fits", image)


def _marks(frame: Any, sight: Sight) -> str:
    """Return the tracks and reason bits of a frame as regions."""
    tracks = tracks_of(frame) if hasattr(frame, "filename") and sight.first == (1, 1) else ""
    plane = bits_of(sight.path, sight.first, sight.pixels.shape)
    if plane is None:
        return tracks
    return "\n".join(filter(None, (tracks, boxes(plane, tracks=not tracks))))
