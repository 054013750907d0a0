"""The planes behind an image: weight, variance, reason bits; shown in its place, or cut out of it.

A frame of the database names its weight; files have planes by the names of `awe.fits.planes`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe import fits
from awe.errors import ArgumentError, UserMistake
from awe.fits import extracted, planes
from awe.inspect.facts import card_header
from awe.inspect.sight import Sight

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.fits.tiles import Zone

__all__ = ["BEHIND", "cut_to", "plane_of"]

#: name of the plane of weights in a file
WEIGHT = "WEIGHT"
#: cards that are wrong for what is not an image of light
LIGHT = ("GAIN", "SATURATE", "BUNIT", "BSCALE", "BZERO", "BLANK")


def _weight(frame: Any, sight: Sight) -> NDArray[Any] | None:
    weight: Any = getattr(frame, "weight", None)
    if hasattr(weight, "filename"):
        pixels: NDArray[Any] = weight.data
        return pixels
    image = _images(sight, (WEIGHT,)).get(WEIGHT)
    return None if image is None else image.pixels


def _variance(frame: Any, sight: Sight) -> NDArray[Any] | None:
    return extracted.variance_of(_images(sight, planes.VARIANCE))


#: planes that can be shown, in their order, and how they are found
BEHIND: dict[str, Callable[[Any, Sight], NDArray[Any] | None]] = {
    "weight": _weight,
    "variance": _variance,
}


def _images(sight: Sight, names: tuple[str, ...]) -> dict[str, fits.Image]:
    """Return the planes of a file that have some names."""
    path = Path(sight.path)
    if not sight.path or not path.exists():
        return {}
    try:
        there = set(planes.extensions(path)) & set(names)
        return {name: fits.read(path, name) for name in there}
    except UserMistake:  # a file that is not whole has no planes to trust
        return {}


def _part(pixels: NDArray[Any] | None, sight: Sight) -> NDArray[Any] | None:
    """Return what of a plane belongs to an image; None if it does not fit."""
    if pixels is None or pixels.ndim != 2:
        return None
    x, y = sight.first
    ny, nx = sight.pixels.shape[:2]
    part = pixels[y - 1 : y - 1 + ny, x - 1 : x - 1 + nx]
    return part if part.shape == (ny, nx) else None


def plane_of(frame: Any, sight: Sight, name: str) -> Sight | None:
    """Return a plane behind an image as an image; None if there is none that fits.

    Parameters
    ----------
    frame : frame, path, CCDData or ndarray
        What is shown.
    sight : Sight
        The image.
    name : str
        "weight" or "variance".
    """
    pixels = _part(BEHIND[name](frame, sight), sight)
    if pixels is None:
        return None
    header = card_header(sight.header).copy()
    for card in LIGHT:
        header.remove(card, ignore_missing=True)
    square = f"{sight.unit}2" if sight.unit and name == "variance" else ""
    return replace(sight, pixels=pixels, name=f"{sight.name} {name}", header=header, unit=square)


def cut_to(folder: Path, frame: Any, sight: Sight, zone: tuple[int, int, int, int]) -> Path:
    """Write a part of a frame with all its planes to a FITS file, and return its path.

    Parameters
    ----------
    folder : Path
        Where the file is written; it is named after the frame and the zone.
    frame : frame, path, CCDData or ndarray
        What is shown.
    sight : Sight
        The image.
    zone : tuple of int
        First column and row, last column and row, in FITS pixels.

    Raises
    ------
    UserMistake
        The zone is not on the image, or the file cannot be written.
    """
    (fx, fy), (ny, nx) = sight.first, sight.pixels.shape[:2]
    x0, y0 = max(zone[0], fx), max(zone[1], fy)
    x1, y1 = min(zone[2], fx + nx - 1), min(zone[3], fy + ny - 1)
    if x0 > x1 or y0 > y1:
        asked = f"x {zone[0]} to {zone[2]}, y {zone[1]} to {zone[3]}"
        msg = f"nothing of {sight.name} is within {asked}; it has {sight.bounds}"
        raise ArgumentError(msg)
    if sight.pixels.ndim != 2:
        msg = f"{sight.name} has colours; t cuts out of images with one value for each pixel"
        raise ArgumentError(msg)
    stem = Path(sight.name).stem.replace("[", "_").replace("]", "")
    path = _free(folder / f"{stem}_{x0}_{y0}_{x1}_{y1}.fits")
    science, header = _cut(sight.pixels, sight, (x0, y0, x1, y1)), card_header(sight.header)
    if science.dtype.kind == "b":
        science = science.astype("u1")
    header = extracted.part_header(header, (x0 - 1, y0 - 1, x1, y1))
    behind = []
    for name, pixels in _all_planes(frame, sight).items():
        part = _part(pixels, sight)
        if part is not None:
            behind.append(extracted.plane_image(header, name, _cut(part, sight, (x0, y0, x1, y1))))
    try:
        if not behind:
            return fits.write(path, fits.Image(science, header))
        return fits.write(path, behind, primary=fits.Image(science, header))
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror}; change to another directory"
        raise ArgumentError(msg) from error


def _all_planes(frame: Any, sight: Sight) -> dict[str, NDArray[Any] | None]:
    flags = next(iter(_images(sight, planes.FLAGS).values()), None)
    return {
        planes.FLAGS[0]: None if flags is None else flags.pixels,
        planes.VARIANCE[0]: _variance(frame, sight),
        WEIGHT: _weight(frame, sight),
    }


def _cut(pixels: NDArray[Any], sight: Sight, zone: Zone) -> NDArray[Any]:
    (fx, fy), (x0, y0, x1, y1) = sight.first, zone
    return pixels[y0 - fy : y1 - fy + 1, x0 - fx : x1 - fx + 1]


def _free(path: Path) -> Path:
    """Return the path, or one with a number behind it if there is a file of that name."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_name(f"{path.stem}-{number}.fits"), number + 1
    return free
