"""FITS files in and out, thin over astropy, with awe's own judgement of what may be trusted.

`judge` looks at the bytes before astropy does; `read` and `write` move one image or one file;
`cards` keeps headers standard-conforming and says where lineage and parameters are written.
Nothing here knows the database. Importing this package loads neither numpy nor astropy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.fits.cards import (
        clean,
        copied,
        copy_cards,
        escape,
        lineage_cards,
        parameter_cards,
        read_lineage,
        read_parameters,
        readable,
        trimmed,
        unreadable,
        value_of,
    )
    from awe.fits.image import (
        Image,
        parse_header,
        read,
        read_header,
        read_pixels,
        sha256,
    )
    from awe.fits.judging import BROKEN_OFF, ExtensionInfo, judge
    from awe.fits.planes import extensions
    from awe.fits.tables import Column, read_table, write_table
    from awe.fits.units import unit_of
    from awe.fits.wcs import coordinate_cards, wcs_of
    from awe.fits.writing import is_place, write

__all__ = [
    "BROKEN_OFF",
    "Column",
    "ExtensionInfo",
    "Image",
    "clean",
    "coordinate_cards",
    "copied",
    "copy_cards",
    "escape",
    "extensions",
    "is_place",
    "judge",
    "lineage_cards",
    "parameter_cards",
    "parse_header",
    "read",
    "read_header",
    "read_lineage",
    "read_parameters",
    "read_pixels",
    "read_table",
    "readable",
    "sha256",
    "trimmed",
    "unit_of",
    "unreadable",
    "value_of",
    "warming",
    "wcs_of",
    "write",
    "write_table",
]


def warming() -> Iterator[None]:
    """Compile or load, step by step, what writing files needs; see `awe.calib.warming`."""
    from awe.fits import _byte_kernels, packing

    yield from _byte_kernels.steps()
    yield from packing.steps()


face(__name__)
