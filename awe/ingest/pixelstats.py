"""Statistics of the regions of a frame: where there is light, and each of its strips."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from awe.calib.detector import sections, trim
from awe.errors import BadFits

if TYPE_CHECKING:
    from awe.calib.detector.geometry import ChipGeometry
    from awe.ingest.stored import Stored

__all__ = ["forget", "require_value", "statistics"]

REGIONS = ("active", "prescan_x", "prescan_y", "overscan_x", "overscan_y")


def forget(data: mmap.mmap, begin: int, end: int) -> None:
    """Give the memory of some bytes of a mapped file back; they are read again where needed.

    Parameters
    ----------
    data : mmap
        The file.
    begin, end : int
        The bytes.
    """
    first = begin - begin % mmap.PAGESIZE
    data.madvise(mmap.MADV_DONTNEED, first, end - first)


def require_value(
    name: str, stored: Stored, geometry: ChipGeometry, data: bytes | memoryview
) -> None:
    """Refuse a frame without a value in its light, as `statistics` does, from a look at it.

    Parameters
    ----------
    name : str
        The frame, for the message.
    stored : Stored
        How its pixels are stored.
    geometry : ChipGeometry
        Its regions.
    data : bytes or memoryview
        Its pixels as the file stores them.

    Raises
    ------
    BadFits
        No pixel of the light-sensitive region has a value.
    """
    part = trim.trim(stored.pixels(data, geometry.shape), geometry)
    # mostly the first row has one
    if not any(stored.known(row).any() for row in part):
        raise _valueless(name)


def _valueless(name: str) -> BadFits:
    return BadFits(f"{name}: no pixel has a value; leave the exposure out")


def statistics(
    name: str, stored: Stored, geometry: ChipGeometry, data: bytes | memoryview
) -> dict[str, dict[str, float]]:
    """Return statistics of every region the image has; pixels without a value do not count.

    Parameters
    ----------
    name : str
        The frame, for the message.
    stored : Stored
        How its pixels are stored.
    geometry : ChipGeometry
        Its regions.
    data : bytes or memoryview
        Its pixels as the file stores them.

    Raises
    ------
    BadFits
        No pixel of the light-sensitive region has a value.
    """
    pixels = stored.pixels(data, geometry.shape)
    found = {}
    for region in REGIONS:
        section = getattr(geometry, region)
        if section is None:
            continue
        rows, columns = sections.parse(section, geometry.shape)
        whole = region == "active"
        part = trim.trim(pixels, geometry) if whole else pixels[rows, columns]
        numbers = stored.numbers(part)
        if numbers is None and whole:
            raise _valueless(name)
        if numbers is not None:
            found[region] = {
                **numbers,
                # Pixels of FITS count from 1, and the upper ends are included.
                "x_lower": columns.start + 1,
                "x_upper": columns.stop,
                "y_lower": rows.start + 1,
                "y_upper": rows.stop,
            }
    return found
