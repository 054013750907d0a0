"""Cut the light-sensitive section out of a raw frame and check that frames fit each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.calib.detector import sections
from awe.errors import WrongShape

__all__ = ["active", "require_shape", "trim"]

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from awe.calib.detector.geometry import ChipGeometry


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
    """Return a view of the light-sensitive pixels of a raw frame.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Untrimmed frame; the view shares its memory.
    geometry : ChipGeometry
        Geometry of the image, with its light-sensitive section.
    """
    return image[active(geometry, (image.shape[0], image.shape[1]))]


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
