"""Frames on another grid of pixels: the light of every star is kept, and what is known of it.

The default kernel is the cubic spline through all pixels (Unser 1999, IEEE Signal Processing
Magazine 16, 22): where the new pixels are a little smaller than the old ones a Lanczos kernel
changes the flux of a star by half a per cent from place to place, the spline by less than a
ten-thousandth. Bad pixels are filled before, so that no kernel spreads them, and what they take
part in is dropped where they are next to it and marked where they are within the kernel's reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from awe.calib._frames import takes_frames
from awe.calib._memory import keep_pages
from awe.calib.detector.trim import require_shape
from awe.calib.flags import FLAG_DTYPE, PixelFlag
from awe.calib.resample import kernels
from awe.calib.resample.mapping import Mapping, mapping
from awe.calib.threads import bands

__all__ = ["Kernel", "Mapping", "Regridded", "mapping", "regrid"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float32]

#: places between two pixels for which taps are computed
_PHASES = 2048

#: saturated light rings in every kernel: nothing within its reach is used
_RINGING = PixelFlag.SATURATED | PixelFlag.BLEED


class Kernel(StrEnum):
    """How a value between pixels is found; the names are those of SWarp, but for CUBIC."""

    CUBIC = "CUBIC"
    LANCZOS4 = "LANCZOS4"
    LANCZOS3 = "LANCZOS3"
    BILINEAR = "BILINEAR"
    NEAREST = "NEAREST"


@dataclass(frozen=True, kw_only=True)
class Regridded:
    """A frame on a new grid.

    Attributes
    ----------
    image : ndarray of float32, shape (ny, nx)
        Light of every pixel in the unit of the frame, NaN outside.
    weight : ndarray of float32, shape (ny, nx)
        Relative weight, 0 where a pixel may not be used.
    variance : ndarray of float32, shape (ny, nx)
        Variance of a pixel in the square of the unit, NaN outside.
    flags : ndarray of uint16, shape (ny, nx)
        Reason bits; INTERPOLATED alone leaves the weight as it is.
    correlation : float
        How much larger the noise of a large area is than its pixels alone tell.
    """

    image: Image
    weight: Image
    variance: Image
    flags: NDArray[np.uint16]
    correlation: float


@takes_frames()
def regrid(
    image: NDArray[np.float32],
    variance: NDArray[np.float32],
    flags: NDArray[np.uint16],
    weight: NDArray[np.float32],
    place: Mapping,
    *,
    kernel: Kernel = Kernel.CUBIC,
) -> Regridded:
    """Return a frame on another grid.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The frame; not modified. Pixels with a reason bit are not used.
    variance : ndarray of float32, shape (ny, nx)
        Variance of its pixels in the square of its unit.
    flags : ndarray of uint16, shape (ny, nx)
        Reason bits of its pixels.
    weight : ndarray of float32, shape (ny, nx)
        Relative weight of its pixels.
    place : Mapping
        Where the pixels of the new grid fall on it.
    kernel : Kernel
        How a value between pixels is found.

    Notes
    -----
    The variance takes the squares of the taps, of which the four pixels around give the level:
    var = A**2 S(u) S(v) <var>, with A the area of a new pixel and S the sum of the squared taps
    at a place between pixels. A large area of N new pixels holds the light of N A old ones, so
    its variance is N A var, that of its pixels N A**2 <S>**2 var: their ratio is the square of
    `correlation`.

    Examples
    --------
    >>> ones = np.ones((8, 8), np.float32)
    >>> half = mapping(lambda x, y: (x + 0.5, y), (8, 8), tolerance=1e-6)
    >>> new = regrid(ones, ones, np.zeros((8, 8), np.uint16), ones, half)
    >>> round(float(new.image[3, 3]), 5)
    1.0
    """
    keep_pages()
    shape = (image.shape[0], image.shape[1])
    for plane, name in ((variance, "variance"), (flags, "plane of flags"), (weight, "weight")):
        require_shape(plane, shape, f"the {name}")
    source, marks, noise = _prepared(image, variance, flags, kernel)
    table, squares = _taps(kernel)
    result = Regridded(
        image=np.empty(place.shape, np.float32),
        weight=np.empty(place.shape, np.float32),
        variance=np.empty(place.shape, np.float32),
        flags=np.empty(place.shape, FLAG_DTYPE),
        correlation=_correlation(squares, place),
    )
    work = partial(
        kernels.regrid_rows, source, table, kernel is Kernel.CUBIC,
        np.ascontiguousarray(weight, np.float32), noise, np.ascontiguousarray(flags), marks,
        place.x, place.y, place.area, place.step, squares,
        FLAG_DTYPE.type(PixelFlag.INTERPOLATED), FLAG_DTYPE.type(PixelFlag.OUTSIDE),
    )  # fmt: skip
    bands(
        lambda part: work(
            part.start, part.stop, result.image, result.weight, result.variance, result.flags
        ),
        place.shape[0],
    )
    return result


def _prepared(
    image: Image, variance: Image, flags: NDArray[np.uint16], kernel: Kernel
) -> tuple[Image, NDArray[np.uint8], Image]:
    """Return the frame without holes, as coefficients for a spline, the marks, the variance."""
    source = np.array(image, np.float32, order="C")
    bad = flags != 0
    where = tuple(np.ascontiguousarray(part) for part in np.nonzero(bad))
    kernels.fill(source, bad, *where)
    marks = np.zeros(image.shape, np.uint8)
    reach = _taps(kernel)[0].shape[1] // 2
    before, behind = max(reach - 1, 1), max(reach, 1)
    kernels.mark(marks, *where, before, behind, False)
    ringing = (flags[where] & FLAG_DTYPE.type(_RINGING)) != 0
    if kernel is not Kernel.NEAREST and ringing.any():
        kernels.mark(marks, where[0][ringing], where[1][ringing], before, behind, True)
    noise = np.ascontiguousarray(variance, np.float32)
    odd = bad & ~np.isfinite(noise)
    if odd.any():
        noise = noise.copy()
        kernels.fill(noise, bad, *where)
    if kernel is Kernel.CUBIC:
        bands(lambda part: kernels.rows(source, part.start, part.stop), source.shape[0])
        bands(lambda part: kernels.columns(source, part.start, part.stop), source.shape[1])
    return source, marks, noise


def _correlation(squares: Image, place: Mapping) -> float:
    mean = float(squares[:-1].mean()) ** 2
    return float(1.0 / np.sqrt(np.median(place.area) * mean))


@cache
def _taps(kernel: Kernel) -> tuple[Image, Image]:
    """Return the taps of a kernel by phase, and the sums of their squares."""
    phase = np.arange(_PHASES + 1) / _PHASES
    if kernel is Kernel.CUBIC:
        taps = _cardinal(phase)
        squares = (taps**2).sum(axis=1)
        # as far as the coefficients of a pixel reach; all others are behind the filter
        taps = taps[:, taps.shape[1] // 2 - 2 : taps.shape[1] // 2 + 2]
    else:
        taps = {
            Kernel.NEAREST: partial(_nearest, phase), Kernel.BILINEAR: partial(_linear, phase),
            Kernel.LANCZOS3: partial(_lanczos, phase, 3),
            Kernel.LANCZOS4: partial(_lanczos, phase, 4),
        }[kernel]()  # fmt: skip
        squares = (taps**2).sum(axis=1)
    return np.ascontiguousarray(taps, np.float32), squares.astype(np.float32)


def _nearest(phase: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([phase < 0.5, phase >= 0.5], axis=1).astype(np.float64)


def _linear(phase: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([1 - phase, phase], axis=1)


def _lanczos(phase: NDArray[np.float64], lobes: int) -> NDArray[np.float64]:
    distance = np.arange(1 - lobes, lobes + 1) - phase[:, None]
    taps = np.where(np.abs(distance) < lobes, np.sinc(distance) * np.sinc(distance / lobes), 0.0)
    normalised: NDArray[np.float64] = taps / taps.sum(axis=1, keepdims=True)
    return normalised


def _cardinal(phase: NDArray[np.float64], reach: int = 16) -> NDArray[np.float64]:
    """Return the weights of the pixels themselves in the cubic spline through them."""
    # coefficients of a single 1: sqrt(3) z**|k| with the pole z = sqrt(3) - 2
    z = np.sqrt(3.0) - 2.0
    pixels = np.arange(1 - reach, reach + 1)
    knots = np.arange(-1, 3)
    basis = _basis(knots - phase[:, None])
    coefficients = np.sqrt(3.0) * z ** np.abs(knots[:, None] - pixels[None, :])
    weights: NDArray[np.float64] = basis @ coefficients
    return weights


def _basis(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cubic B-spline at distances t."""
    a = np.abs(t)
    inner = 2 / 3 - a * a * (1 - a / 2)
    return np.where(a < 1, inner, np.where(a < 2, (2 - a) ** 3 / 6, 0.0))
