"""Weights and variances: how much a pixel may be believed.

The relative weight is flat times good: 0 if and only if a reason bit is set. The variance is
that of the reduced pixel in ADU**2; it stays finite on flagged pixels wherever it can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from awe.calib import _planes
from awe.calib._frames import takes_frames
from awe.calib.detector.trim import require_shape
from awe.calib.flags import FLAG_DTYPE, PixelFlag
from awe.errors import ParameterError

__all__ = ["NoiseModel", "inherited", "joined", "make", "numbers", "plane", "require_model"]

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class NoiseModel:
    """Variance of a pixel before the flat: light / gain + constant.

    Attributes
    ----------
    gain : float, e-/ADU
        Electrons per count.
    constant : float, ADU**2
        Read noise squared, rounding of the converter, level and master bias together.
    faint : bool
        Whether the light of a pixel is told by its surroundings: where the photons of a pixel are
        few, its own count says less about its noise than those around it.
    """

    gain: float
    constant: float
    faint: bool = False

    def __post_init__(self) -> None:
        """Refuse a gain or a constant no chip can have."""
        require_model(self.gain, self.constant**0.5 if self.constant >= 0 else -1.0)

    def variance(
        self, counts: NDArray[np.float32], out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Return the variance [ADU**2] of counts above the bias [ADU]; light below 0 has none.

        Parameters
        ----------
        counts : ndarray of float32
            Counts above the bias [ADU].
        out : ndarray of float32, optional
            Variance [ADU**2], shape of `counts`; filled.
        """
        result = np.empty_like(counts) if out is None else out
        kernel = _planes.faint_variance if self.faint else _planes.photon_variance
        kernel(counts, np.float32(1.0 / self.gain), np.float32(self.constant), result)
        return result


def require_model(gain: float, read_noise: float) -> None:
    """Refuse a gain or a read noise no chip can have.

    Parameters
    ----------
    gain : float, e-/ADU
        Electrons per count; finite and above zero.
    read_noise : float, ADU
        Noise of the electronics; finite and at least zero.

    Raises
    ------
    ParameterError
        Variances would be negative, infinite or NaN.
    """
    if not 0 < gain < np.inf or not 0 <= read_noise < np.inf:
        msg = (
            f"gain {gain} e-/ADU must be above 0 and read noise {read_noise} ADU at least 0, both "
            "finite; measure them with the recipes Gain and ReadNoise"
        )
        raise ParameterError(msg)


@takes_frames()
def plane(
    shape: tuple[int, int], maps: Mapping[PixelFlag, NDArray[np.bool_]]
) -> NDArray[np.uint16]:
    """Return the plane of reason bits of several maps.

    Parameters
    ----------
    shape : (int, int)
        (ny, nx) of the plane.
    maps : mapping of PixelFlag to ndarray of bool, shape (ny, nx)
        True = bad.
    """
    flags = np.zeros(shape, FLAG_DTYPE)
    for flag, bad in maps.items():
        require_shape(bad, shape, f"the map of {flag.short} pixels")
        np.bitwise_or(flags, FLAG_DTYPE.type(flag), out=flags, where=bad)
    return flags


@takes_frames()
def inherited(
    image: NDArray[np.float32],
    planes: Iterable[NDArray[np.uint16] | None],
    maps: Mapping[PixelFlag, NDArray[np.bool_] | None],
) -> NDArray[np.uint16]:
    """Return the reason bits of an image made with others: theirs, those of maps, NON_FINITE.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image.
    planes : iterable of ndarray of uint16, shape (ny, nx), or None
        Reason bits of the images it was made with, where they have any.
    maps : mapping of PixelFlag to ndarray of bool, shape (ny, nx), or None
        True = bad.
    """
    shape = (image.shape[0], image.shape[1])
    flags = plane(shape, {flag: bad for flag, bad in maps.items() if bad is not None})
    for other in planes:
        if other is not None:
            require_shape(other, shape, "a plane of reason bits")
            flags |= other
    if not _planes.all_finite(image):
        # a flat that cannot divide has its reason
        odd = ~np.isfinite(image) & ((flags & FLAG_DTYPE.type(PixelFlag.BAD_FLAT)) == 0)
        _planes.mark(flags, odd, FLAG_DTYPE.type(PixelFlag.NON_FINITE))
    return flags


@takes_frames()
def joined(
    planes: Iterable[NDArray[np.uint16] | None], *, maps: bool
) -> NDArray[np.uint16] | None:
    """Return the bits of several planes in one, or None where there is nothing to join.

    A plane that is alone is returned as it is, and not copied.

    Parameters
    ----------
    planes : iterable of ndarray of uint16, shape (ny, nx), or None
        Planes of `PixelFlag` bits; not modified.
    maps : bool
        Whether bits of the maps of hot and cold pixels are taken.
    """
    found: NDArray[np.uint16] | None = None
    for other in planes:
        if other is not None and found is not None:
            require_shape(other, (found.shape[0], found.shape[1]), "a plane of reason bits")
        if other is not None:
            found = other if found is None else found | other
    if found is not None and not maps:
        found = found & FLAG_DTYPE.type(~(PixelFlag.HOT | PixelFlag.COLD))
    return found


@takes_frames()
def numbers(flags: NDArray[np.uint16], *reasons: PixelFlag) -> list[int]:
    """Return how many pixels carry each of some reasons (or any of several joined by `|`).

    Parameters
    ----------
    flags : ndarray of uint16, shape (ny, nx)
        Plane of `PixelFlag` bits.
    *reasons : PixelFlag
        What to count.

    Examples
    --------
    >>> numbers(np.array([[0, 16], [17, 128]], np.uint16), PixelFlag.HOT, PixelFlag.COLD)
    [2, 0]
    """
    masks = np.array([int(one) for one in reasons], FLAG_DTYPE)
    found = np.zeros(masks.size, np.int64)
    _planes.numbers(np.ascontiguousarray(flags, FLAG_DTYPE), masks, found)
    return [int(one) for one in found]


@takes_frames()
def make(flat: NDArray[np.float32], flags: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return the relative weight: the flat where no bit is set, 0 elsewhere.

    Parameters
    ----------
    flat : ndarray of float32, shape (ny, nx)
        Flat by which the image was divided; finite and above 0 wherever no bit is set.
    flags : ndarray of uint16, shape (ny, nx)
        Reason bits.

    Examples
    --------
    >>> make(np.array([[0.9, 1.1]], np.float32), np.array([[0, 16]], np.uint16)).tolist()
    [[0.8999999761581421, 0.0]]
    """
    require_shape(flags, (flat.shape[0], flat.shape[1]), "the plane of flags")
    weight = np.empty(flat.shape, np.float32)
    _planes.weigh(flat, flags, weight)
    return weight
