"""Frames as `CCDData` of astropy, and back: pixels, unit, coordinates, flags, mask, variance.

In files the pixels are the first HDU; `FLAGS` (uint16, 0 = good) and `VARIANCE` follow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io.fits import Header
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.wcs import WCS

from awe import fits
from awe.fits import Image

__all__ = ["read", "write"]

#: the bit that stands for a mask without reasons
MASKED = 1


def read(path: Path, wcs: WCS) -> CCDData:
    """Return a file as CCDData; a unit astropy does not know is refused by it."""
    image = fits.read(path)
    names = fits.extensions(path)
    flags = fits.read(path, "FLAGS").pixels if "FLAGS" in names else None
    variance = fits.read(path, "VARIANCE").pixels if "VARIANCE" in names else None
    unit = str(image.header.get("BUNIT", "adu")).lower()
    place = wcs if wcs.has_celestial else None
    header = image.header.copy()
    for keyword in ("CHECKSUM", "DATASUM"):
        header.remove(keyword, ignore_missing=True)
    if place is not None:
        # as astropy's own reader does: coordinates are in `wcs` and nowhere else
        _without_wcs(header, place.to_header())
    ccd = CCDData(image.pixels, unit=unit, meta=header, wcs=place)
    if flags is not None:
        ccd.flags = flags
        ccd.mask = flags != 0
    if variance is not None:
        ccd.uncertainty = VarianceUncertainty(variance)
    return ccd


def write(ccd: CCDData, path: Path) -> Path:
    """Write a CCDData as a FITS file and return its path."""
    header = fits.copy_cards(Header(ccd.meta))
    if ccd.wcs is not None:
        coordinates = ccd.wcs.to_header()
        _without_wcs(header, coordinates)
        header.extend(coordinates)
    header["BUNIT"] = (ccd.unit.to_string(), "unit of the pixels")
    extensions = []
    flags = ccd.flags
    if flags is None and ccd.mask is not None:
        flags = np.where(ccd.mask, MASKED, 0)
    if flags is not None:
        extensions.append(_plane("FLAGS", np.asarray(flags, np.uint16)))
    if ccd.uncertainty is not None:
        variance = ccd.uncertainty.represent_as(VarianceUncertainty)
        extensions.append(_plane("VARIANCE", np.asarray(variance.array, np.float32)))
    image = fits.Image(np.asarray(ccd.data), header)
    if extensions:
        return fits.write(path, extensions, primary=image)
    return fits.write(path, image)


def _without_wcs(header: Header, coordinates: Header) -> None:
    """Remove the cards of world coordinates, whichever way they are written."""
    axes = range(1, int(coordinates.get("WCSAXES", 2)) + 1)
    matrix = [f"{name}{i}_{j}" for name in ("CD", "PC") for i in axes for j in axes]
    for keyword in (*coordinates, *matrix, *(f"CDELT{i}" for i in axes), "WCSAXES"):
        header.remove(keyword, ignore_missing=True)


def _plane(name: str, pixels: Any) -> Image:
    return fits.Image(pixels, Header([("EXTNAME", name)]))
