"""Frames as `CCDData` of astropy, and back: pixels, unit, coordinates, flags, mask, variance.

In files the pixels are the first HDU with an image. Planes follow under the names astropy's own
reader knows, `MASK` (in products with reason bits, 0 = good), `UNCERT` and `PSFIMAGE`; `FLAGS`
holds flags whose meaning is the user's. Files of earlier versions have `VARIANCE` for `UNCERT`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io.fits import Card, Header
from astropy.nddata import (
    CCDData,
    FlagCollection,
    InverseVariance,
    StdDevUncertainty,
    VarianceUncertainty,
)

from awe import fits
from awe.calib.flags import PixelFlag
from awe.errors import ArgumentError, BadFits, BadHeader, WrongShape
from awe.fits import Image
from awe.terminal import out

if TYPE_CHECKING:
    from astropy.wcs import WCS
    from numpy.typing import NDArray

__all__ = ["read", "write"]

#: the bit that stands for a mask without reasons
MASKED = 1

#: card of an uncertainty plane that tells what it holds; astropy takes it for a deviation without
UTYPE = "UTYPE"
_KINDS = {
    "StdDevUncertainty": StdDevUncertainty,
    "VarianceUncertainty": VarianceUncertainty,
    "InverseVariance": InverseVariance,
}

#: keywords FITS has; others are written by the convention of ESO
_KEYWORD = re.compile(r"[A-Za-z0-9_-]{1,8}")

#: types of flags, the smallest first
_FLAG_TYPES = (np.uint16, np.uint32, np.uint64)


def read(path: Path, unit: str | None = None) -> CCDData:
    """Return a file as CCDData; a unit nobody knows is refused unless another is given."""
    image = fits.read(path, None)
    names = fits.extensions(path)
    known = fits.unit_of(image.header, path.name) if unit is None else unit
    header = fits.readable(image.header)
    for keyword in ("CHECKSUM", "DATASUM"):
        header.remove(keyword, ignore_missing=True)
    # with the cards that cannot be read: without one of its own a place would be a wrong one
    place = _coordinates(image.header, path)
    if place is not None:
        # as astropy's own reader does: coordinates are in `wcs` and nowhere else
        _without_wcs(header, fits.coordinate_cards(place))
    ccd = CCDData(image.pixels, unit=known, meta=header, wcs=place)
    if "FLAGS" in names:
        ccd.flags = fits.read_pixels(path, "FLAGS")
        ccd.mask = ccd.flags != 0
    if "MASK" in names:
        mask = fits.read(path, "MASK")
        ccd.mask = mask.pixels != 0
        if ccd.flags is None and PixelFlag.SATURATED.key in mask.header:
            # awe's own products: the mask holds reasons
            ccd.flags = mask.pixels
    for name in ("VARIANCE", "UNCERT"):
        if name in names:
            ccd.uncertainty = _uncertainty(path, name)
            break
    if "PSFIMAGE" in names:
        ccd.psf = fits.read_pixels(path, "PSFIMAGE")
    return ccd


def write(ccd: CCDData, path: Path) -> Path:
    """Write a CCDData as a FITS file and return its path."""
    header = _header(ccd)
    image = fits.Image(_pixels(ccd.data), header)
    extensions = _flag_planes(ccd)
    if ccd.uncertainty is not None:
        extensions.append(_variance_plane(ccd.uncertainty))
    if ccd.psf is not None:
        extensions.append(_plane("PSFIMAGE", _pixels(ccd.psf)))
    path = path.expanduser()
    if not path.parent.is_dir():
        msg = f"there is no directory {str(path.parent)!r} for {path.name}; make it first"
        raise ArgumentError(msg)
    if extensions:
        return fits.write(path, extensions, primary=image)
    return fits.write(path, image)


def _coordinates(header: Header, path: Path) -> WCS | None:
    try:
        place = fits.wcs_of(header, path.name)
    except BadHeader as error:
        out(f"{error}\n")
        return None
    return place if place.has_celestial else None


def _uncertainty(path: Path, name: str) -> Any:
    plane = fits.read(path, name)
    fallback = "VarianceUncertainty" if name == "VARIANCE" else "StdDevUncertainty"
    kind = str(fits.value_of(plane.header, UTYPE, fallback))
    if kind not in _KINDS:
        msg = (
            f"{path.name}: {UTYPE} of {name} is {fits.escape(kind)!r}, expected one of "
            f"{', '.join(_KINDS)}; write the file again with one of them"
        )
        raise BadFits(msg)
    return _KINDS[kind](plane.pixels)


def _header(ccd: CCDData) -> Header:
    """Return the cards of the metadata in printable ASCII, with coordinates and unit."""
    meta = ccd.meta if isinstance(ccd.meta, Header) else _cards(ccd.meta)
    header = fits.copy_cards(meta)
    for card in fits.clean(meta).cards:
        if card.keyword == "HISTORY":
            header.add_history(card.value)
        elif card.keyword == "COMMENT":
            header.add_comment(card.value)
    if ccd.wcs is not None:
        coordinates = fits.coordinate_cards(ccd.wcs)
        _without_wcs(header, coordinates)
        header.extend(coordinates)
    header["BUNIT"] = (ccd.unit.to_string(), "unit of the pixels")
    return header


def _cards(meta: Any) -> Header:
    """Return a mapping of any values as a header; what no card can hold becomes a comment."""
    header = Header()
    for key, value in meta.items():
        keyword = fits.escape(str(key))
        plain = isinstance(value, bool | int | float | np.number | np.bool_)
        shown = value if plain else fits.escape(str(value))
        try:
            spelt = keyword if _KEYWORD.fullmatch(keyword) else f"HIERARCH {keyword}"
            card = Card(spelt, shown)
            _ = str(card)  # only here astropy notices what does not fit
            header.append(card)
        except ValueError:
            header.add_comment(f"{keyword} = {shown}")
    return header


def _pixels(data: Any) -> NDArray[Any]:
    """Return pixels in a type FITS has."""
    pixels = np.asarray(data)
    if pixels.dtype.kind == "f" and pixels.dtype.itemsize not in (4, 8):
        return pixels.astype(np.float32 if pixels.dtype.itemsize < 4 else np.float64)
    if pixels.dtype.kind not in "biuf":
        msg = f"no FITS image has pixels of type {pixels.dtype}; give real numbers, such as .real"
        raise ArgumentError(msg)
    return pixels


def _flag_planes(ccd: CCDData) -> list[Image]:
    """Return the planes of flags and mask; each pixel the mask leaves out has a bit."""
    mask = None if ccd.mask is None else np.asarray(ccd.mask, np.bool_)
    if mask is not None:
        # one truth for all pixels is a mask too
        mask = np.broadcast_to(mask, ccd.data.shape)
    if ccd.flags is None:
        return [] if mask is None else [_plane("MASK", np.ascontiguousarray(mask))]
    flags = _flags(ccd.flags, ccd.data.shape)
    if mask is None:
        return [_plane("FLAGS", flags)]
    flags = np.where(mask & (flags == 0), flags.dtype.type(MASKED), flags)
    # in a plane of its own: good is what whoever masked calls good, whatever was said of it
    return [_plane("FLAGS", flags), _plane("MASK", np.ascontiguousarray(mask))]


def _flags(flags: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    if isinstance(flags, FlagCollection):
        # several planes by name: one bit for each, as they come
        flags = sum(
            (np.asarray(plane) != 0).astype(np.uint64) << np.uint64(bit)
            for bit, plane in enumerate(flags.values())
        ) if flags else np.zeros(shape, np.uint16)
    found = np.asarray(flags)
    if found.shape != shape:
        msg = f"flags have shape {found.shape}, the pixels {shape}; give one flag per pixel"
        raise WrongShape(msg)
    if found.dtype.kind == "f" and np.array_equal(found, np.floor(found)):
        found = found.astype(np.int64)
    if found.dtype.kind not in "biu" or (found.size and found.min() < 0):
        msg = (
            f"flags of type {np.asarray(flags).dtype} are not sums of bits; give whole numbers "
            "from 0 on"
        )
        raise ArgumentError(msg)
    most = int(found.max(initial=0))
    fitting = next(one for one in _FLAG_TYPES if most <= np.iinfo(one).max)
    return found.astype(fitting)


def _variance_plane(uncertainty: Any) -> Image:
    if not hasattr(uncertainty, "represent_as") or uncertainty.uncertainty_type == "unknown":
        msg = (
            f"nobody knows what {type(uncertainty).__name__} means; give a StdDevUncertainty, a "
            "VarianceUncertainty or an InverseVariance"
        )
        raise ArgumentError(msg)
    variance = uncertainty.represent_as(VarianceUncertainty)
    plane = _plane("UNCERT", np.asarray(variance.array, np.float32))
    plane.header[UTYPE] = ("VarianceUncertainty", "what astropy calls it")
    if variance.unit is not None:
        plane.header["BUNIT"] = (variance.unit.to_string(), "unit of the pixels")
    return plane


def _without_wcs(header: Header, coordinates: Header) -> None:
    """Remove the cards of world coordinates, whichever way they are written."""
    axes = range(1, int(coordinates.get("WCSAXES", 2)) + 1)
    matrix = [f"{name}{i}_{j}" for name in ("CD", "PC") for i in axes for j in axes]
    for keyword in (*coordinates, *matrix, *(f"CDELT{i}" for i in axes), "WCSAXES"):
        header.remove(keyword, ignore_missing=True)


def _plane(name: str, pixels: Any) -> Image:
    return fits.Image(pixels, Header([("EXTNAME", name)]))
