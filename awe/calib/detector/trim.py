"""Cut the light-sensitive section out of a raw frame and check that frames fit each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.calib.detector import sections
from awe.errors import WrongShape

__all__ = ["active", "require_shape", "shape", "trim", "turned"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from awe.calib.detector.geometry import Amplifier, ChipGeometry


def active(geometry: ChipGeometry, shape: tuple[int, int]) -> sections.Slices:
    """Return the (y, x) slices of the light-sensitive pixels in a raw frame of that (ny, nx).

    Parameters
    ----------
    geometry : ChipGeometry
        Regions of the chip.
    shape : tuple of int
        Shape (ny, nx) of the raw frame.

    Raises
    ------
    WrongShape
        The raw frame has another size than the geometry tells.
    """
    geometry.check(shape, "the raw frame")
    return sections.parse(geometry.active, shape)


def trim(
    image: NDArray[Any], geometry: ChipGeometry
) -> NDArray[Any]:
    """Return the light-sensitive pixels of a raw frame; those of several amplifiers joined.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Untrimmed frame; what is returned shares its memory, unless amplifiers have to be
        mirrored or have strips between them.
    geometry : ChipGeometry
        Geometry of the image, with its light-sensitive section.
    """
    inside = active(geometry, (image.shape[0], image.shape[1]))
    if not geometry.amplifiers:
        return image[inside]
    places = geometry.places()
    mirrored = any(one.flip_x or one.flip_y for one in geometry.amplifiers)
    if not mirrored and shape(places) == sections.shape(inside):
        return image[inside]
    ny, nx = shape(places)
    result = image[:ny, :nx].copy()
    for one, place in zip(geometry.amplifiers, places, strict=True):
        result[place] = turned(image[sections.parse(one.active)], one)
    return result


def shape(places: Sequence[sections.Slices]) -> tuple[int, int]:
    """Return the (ny, nx) of a frame of several parts.

    Parameters
    ----------
    places : sequence of (slice, slice)
        Where each part is.
    """
    return max(place[0].stop for place in places), max(place[1].stop for place in places)


def turned(part: NDArray[Any], one: Amplifier) -> NDArray[Any]:
    """Return the pixels of an amplifier as they are on the chip.

    Parameters
    ----------
    part : ndarray, shape (ny, nx)
        Pixels as they are in the file; what is returned shares their memory.
    one : Amplifier
        Its `flip_x` and `flip_y` count.
    """
    return part[:: -1 if one.flip_y else 1, :: -1 if one.flip_x else 1]


def require_shape(
    image: NDArray[np.generic], shape: tuple[int, ...], name: str
) -> None:
    """Refuse an image that does not fit.

    Parameters
    ----------
    image : ndarray
        Image to compare; any dtype.
    shape : tuple of int
        Expected shape (ny, nx).
    name : str
        Name of the image in the message.

    Raises
    ------
    WrongShape
        Tells both shapes and the name of the image.
    """
    if image.shape != shape:
        found = " x ".join(str(n) for n in image.shape[::-1])
        msg = (
            f"{name} has {found} pixels, {shape[1]} x {shape[0]} are wanted; "
            "choose one of the same chip, window and binning"
        )
        raise WrongShape(msg)
