"""A part of an image: its header, with coordinates that fit, and the planes behind it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from awe.errors import AweError
from awe.fits.cards import value_of
from awe.fits.image import Image
from awe.fits.planes import VARIANCE
from awe.fits.wcs import coordinate_cards, wcs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.io.fits import Header
    from numpy.typing import NDArray

    from awe.fits.tiles import Zone

__all__ = ["part_header", "plane_image", "variance_of"]

#: Cards that name parts of the whole frame; in a part of it they would be wrong.
_PARTS = re.compile(r"(DATA|BIAS|TRIM|CCD|AMP|DET|ORIG)SEC\w*|[ABCDT]SEC\w*")
_REFERENCE = re.compile(r"CRPIX([12])[A-Z]?")


def part_header(header: Header, zone: Zone) -> Header:
    """Return the cards of a frame as those of a part that begins at another pixel.

    Parameters
    ----------
    header : Header
        Cards of the frame; not modified.
    zone : tuple of int
        First column and row of the part, and those behind its last, counted from 0.
    """
    x0, y0, x1, y1 = zone
    begins = {"1": x0, "2": y0}
    shifted = header.copy()
    for name in ("CHECKSUM", "DATASUM"):
        shifted.remove(name, ignore_missing=True)
    for name in {str(card.keyword) for card in header.cards}:
        reference = _REFERENCE.fullmatch(name)
        if reference is not None:
            value = value_of(header, name, None)
            # one that is not a number is left as it is: coordinates are refused then, not guessed
            if isinstance(value, int | float) and not isinstance(value, bool):
                shifted[name] = value - begins[reference[1]]
        elif _PARTS.fullmatch(name):
            del shifted[name]
    for axis, begin in begins.items():
        if f"CTYPE{axis}" in header and f"CRPIX{axis}" not in header:
            shifted[f"CRPIX{axis}"] = float(-begin)
        # what IRAF and DS9 know as physical pixels: those of the frame
        before = value_of(header, f"LTV{axis}", 0.0)
        if isinstance(before, int | float):
            shifted[f"LTV{axis}"] = (before - begin, "pixels of the frame are these minus LTV")
            shifted.setdefault(f"LTM{axis}_{axis}", 1.0)
    shifted["HIERARCH AWE CUTOUT"] = (f"[{x0 + 1}:{x1},{y0 + 1}:{y1}]", "part of the frame")
    return shifted


def plane_image(header: Header, name: str, pixels: NDArray[Any]) -> Image:
    """Return an image behind the first, with the coordinates of it.

    Parameters
    ----------
    header : Header
        Cards of the first image.
    name : str
        EXTNAME of the plane.
    pixels : ndarray, shape (ny, nx)
        Its pixels.
    """
    from astropy.io.fits import Header

    plane = Header()
    plane["EXTNAME"] = name
    try:
        plane.extend(coordinate_cards(wcs_of(header, name)))
    except AweError:
        # without coordinates of its own; those of the first image hold
        plane = Header([("EXTNAME", name)])
    if name == "UNCERT":
        plane["UTYPE"] = ("VarianceUncertainty", "what astropy calls it")
    return Image(pixels, plane)


def variance_of(images: Mapping[str, Image]) -> NDArray[Any] | None:
    """Return the variance among the planes of a file; None if it has none.

    Parameters
    ----------
    images : mapping
        The planes, by their EXTNAME.
    """
    import numpy as np

    for name in VARIANCE:
        if name in images:
            pixels = _flat(images[name])
            # astropy takes a plane UNCERT for standard deviations unless its card says otherwise
            usual = "StdDevUncertainty" if name == "UNCERT" else "VarianceUncertainty"
            kind = value_of(images[name].header, "UTYPE", usual)
            with np.errstate(divide="ignore"):
                if kind == "StdDevUncertainty":
                    return pixels**2
                return 1 / pixels if kind == "InverseVariance" else pixels
    return None


def _flat(image: Image) -> NDArray[Any]:
    assert image.pixels is not None
    return image.pixels.reshape(image.pixels.shape[-2:])
