"""Flats: dome, twilight and night-sky stacks, and the master flat made of them.

A flat has mean 1 over its good pixels and divides. Frames of different brightness are brought to
one level before they are compared; their noise is known, so stars and hits are rejected without
an assumption about the few values of a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.calib import statistics
from awe.calib._frames import takes_frames
from awe.calib.combine import Method, Noise, about_median, combine
from awe.calib.combine.propagation import (
    carried,
    flattened_variance,
    mean_variance,
    of_mean,
)
from awe.calib.detector.bias import DIGITISATION
from awe.calib.detector.trim import require_shape
from awe.calib.sky import background
from awe.calib.weight import require_model
from awe.errors import NoValidPixels, ParameterError

__all__ = [
    "Flat",
    "MasterChoice",
    "carried_variance",
    "corrected",
    "master",
    "normalise",
    "sky",
    "stack",
    "usable",
]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


#: pixels of a ratio of flats this many sigma off their surroundings do not count
_OUTLIER = 5.0

#: boxes of a ratio of flats this many times as far off their neighbours as most are replaced
_SPOILT = 8.0


class MasterChoice(IntEnum):
    """What a master flat is made of: the `combine` argument of MasterFlat."""

    DOME = 1
    DOME_TWILIGHT = 2
    TWILIGHT = 3


@dataclass(frozen=True, kw_only=True)
class Flat:
    """A stack of flat exposures.

    Attributes
    ----------
    image : ndarray of float32, shape (ny, nx)
        Relative response, mean 1 over the good pixels; NaN where no value is left.
    levels : tuple of float, ADU
        Median level of every frame that entered.
    noise : float
        Expected noise of a pixel of response 1.
    rejected_fraction : float
        Fraction of the values left out.
    variance : ndarray of float32, shape (ny, nx)
        Variance of the image; NaN where no value is left.
    """

    image: NDArray[np.float32]
    levels: tuple[float, ...]
    noise: float
    rejected_fraction: float
    variance: NDArray[np.float32]


@takes_frames()
def stack(
    frames: Sequence[NDArray[np.generic]],
    bias: NDArray[np.float32],
    *,
    gain: float,
    read_noise: float,
    sigma: float | tuple[float, float],
    saturation: float,
    offsets: Sequence[NDArray[np.float32]] | None = None,
    bad: NDArray[np.bool_] | None = None,
    bias_variance: NDArray[np.float32] | None = None,
) -> Flat:
    """Return the normalised mean of flat exposures, without outliers.

    Parameters
    ----------
    frames : sequence of ndarray, shape (ny, nx), ADU
        Trimmed raw flats: dome or twilight; not modified.
    bias : ndarray of float32, shape (ny, nx), ADU
        Master bias, made with the same overscan method.
    gain : float, e-/ADU
        For the noise of the light.
    read_noise : float, ADU
        Of one pixel.
    sigma : float or (float, float)
        Rejection factor, or one below and one above the median; twilight flats with stars need
        a smaller one above.
    saturation : float, ADU
        Raw counts from here on are saturated; a frame whose median is, is refused.
    offsets : sequence of ndarray of float32, optional
        Levels to subtract, one per frame, ADU.
    bad : ndarray of bool, shape (ny, nx), optional
        Pixels that do not count for levels and the mean: hot and cold ones.
    bias_variance : ndarray of float32, shape (ny, nx), ADU**2, optional
        Of the master bias.

    Raises
    ------
    NoValidPixels
        No frames, or one whose level is not above zero, or a saturated one: named by number.

    Notes
    -----
    Frames are divided by their median level and enter with the inverse of the variance that a
    pixel of response 1 then has: twilight flats of 3000 and 45000 ADU together are as good as
    their photons allow. Outliers of each frame are judged by its own noise.
    """
    if len(frames) == 0:
        msg = "a flat needs at least one exposure, found none; widen the selection"
        raise NoValidPixels(msg)
    require_shape(bias, (frames[0].shape[0], frames[0].shape[1]), "the master bias")
    zeros = [np.zeros((1, 1), np.float32)] * len(frames)
    # L_k = median of frame - overscan level - bias [ADU]; values become x / L_k
    levels = [
        _level(number, frame, offset, bias, saturation, bad)
        for number, (frame, offset) in enumerate(zip(frames, offsets or zeros, strict=True), 1)
    ]
    return _mean(
        frames, levels, gain=gain, read_noise=read_noise, sigma=sigma, bad=bad, offsets=offsets,
        subtract=bias, shared=bias_variance,
    )


@takes_frames()
def sky(
    images: Sequence[NDArray[np.float32]],
    *,
    gain: float,
    read_noise: float,
    sigma: float | tuple[float, float],
    bad: NDArray[np.bool_] | None = None,
    response: NDArray[np.float32] | None = None,
    response_variance: NDArray[np.float32] | None = None,
) -> Flat:
    """Return the normalised mean of the sky of flat-fielded frames, stars left out.

    Parameters
    ----------
    images : sequence of ndarray of float32, shape (ny, nx), ADU
        Frames of different fields without bias, divided by a flat; not modified. Non-finite
        pixels do not enter.
    gain : float, e-/ADU
        For the noise of the light.
    read_noise : float, ADU
        Of one pixel.
    sigma : float or (float, float)
        As in `stack`: stars raise a pixel in some of the fields.
    bad : ndarray of bool, shape (ny, nx), optional
        Pixels that do not count for levels and the mean.
    response, response_variance : ndarray of float32, shape (ny, nx), optional
        Flat the images were divided by, 1 if absent, and its variance: for that of the result.

    Raises
    ------
    NoValidPixels
        No images, or one whose level is not above zero.
    """
    if len(images) == 0:
        msg = "a night-sky flat needs at least one image, found none; widen the selection"
        raise NoValidPixels(msg)
    # L_k = median [ADU]: the bias is gone, stars on fewer than half of the pixels move it little
    levels = [statistics.median(image, bad) for image in images]
    for number, level in enumerate(levels, 1):
        if not level > 0:
            msg = f"image {number} has a sky of {level:.4g} ADU and must have more than 0"
            raise NoValidPixels(msg)
    made = _mean(
        images, levels, gain=gain, read_noise=read_noise, sigma=sigma, bad=bad, response=response
    )
    if response is not None and response_variance is not None:
        # one flat is in all images: N = S / F has N**2 var(F) / F**2 more variance
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.divide(made.image, response)
            relative *= relative
            made.variance[...] += relative * response_variance
    return made


def _mean(
    frames: Sequence[NDArray[np.generic]],
    levels: Sequence[float],
    *,
    gain: float,
    read_noise: float,
    sigma: float | tuple[float, float],
    bad: NDArray[np.bool_] | None,
    offsets: Sequence[NDArray[np.float32]] | None = None,
    subtract: NDArray[np.float32] | None = None,
    shared: NDArray[np.float32] | None = None,
    response: NDArray[np.float32] | None = None,
) -> Flat:
    """Return the mean of frames of some levels, weighted by the light they hold."""
    require_model(gain, read_noise)
    scales = [1.0 / level for level in levels]
    # variance of a value at light L: r**2 + 1/12 + L / gain [ADU**2]
    one = Noise(constant=read_noise**2 + DIGITISATION, slope=1.0 / gain)
    # of x / L_k at response f: (r**2 + 1/12) / L_k**2 + f / (gain L_k)
    noises = [one.scaled(scale) for scale in scales]
    # w_k = 1 / that at f = 1: the mean of least variance, for all pixels of a frame alike
    weights = [1.0 / noise.variance(1.0) for noise in noises]
    combined = combine(
        frames, method=Method.FIXED, sigma=sigma, noise=about_median(noises, 1.0),
        offsets=offsets, subtract=subtract, scales=scales, weights=weights, count=True,
        share=True,
    )
    factor = _factor(combined.image, bad)
    spread = of_mean(noises, weights)
    if response is None:
        variance = mean_variance(combined, spread)
    else:
        variance = flattened_variance(combined, spread, combined.image, response)
    if shared is not None:
        # what all frames had subtracted: (sum of w_k / L_k over sum of w_k)**2 of its variance
        part = sum(w * scale for w, scale in zip(weights, scales, strict=True)) / sum(weights)
        variance += np.float32(part**2) * shared
    variance *= np.float32(factor**2)
    # variance of a weighted mean with w = 1 / variance: 1 / sum of w
    return Flat(
        image=combined.image * np.float32(factor),
        levels=tuple(levels),
        noise=sum(weights) ** -0.5,
        rejected_fraction=combined.rejected_fraction,
        variance=variance,
    )


@takes_frames()
def master(
    dome: NDArray[np.float32] | None,
    twilight: NDArray[np.float32] | None,
    *,
    choice: MasterChoice,
    box: int,
    bad: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Return the flat that divides science frames: float32, shape (ny, nx), mean 1.

    Parameters
    ----------
    dome, twilight : ndarray of float32, shape (ny, nx), or None
        Normalised stacks; only those the choice needs. Not modified.
    choice : MasterChoice
        The dome flat; the dome flat for small scales times the large scales of the twilight
        flat; or the twilight flat.
    box : int, pixel
        Size of the boxes that separate large from small scales.
    bad : ndarray of bool, shape (ny, nx), optional
        Pixels that do not count for the large scales and the mean.

    Raises
    ------
    ParameterError
        A flat that the choice needs is missing.
    """
    choice = MasterChoice(choice)
    wanted = {"dome": dome, "twilight": twilight}
    needed = {MasterChoice.DOME: ["dome"], MasterChoice.TWILIGHT: ["twilight"]}
    for name in needed.get(choice, ["dome", "twilight"]):
        if wanted[name] is None:
            msg = (
                f"combine={choice.value} ({choice.name}) needs a {name} flat and there is none; "
                "make one or choose another combine (1 dome, 2 dome and twilight, 3 twilight)"
            )
            raise ParameterError(msg)
    if dome is None or choice is MasterChoice.TWILIGHT:
        assert twilight is not None
        return normalise(twilight, bad)
    if twilight is None or choice is MasterChoice.DOME:
        return normalise(dome, bad)
    require_shape(twilight, (dome.shape[0], dome.shape[1]), "the twilight flat")
    # F = D S, S the smooth part of T / D: small scales of the dome, large ones of the twilight
    return normalise(dome * _large_scales(dome, twilight, box, bad), bad)


@takes_frames()
def corrected(
    image: NDArray[np.float32],
    nightsky: NDArray[np.float32],
    *,
    box: int,
    bad: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Return a master flat whose large scales are corrected: float32, shape (ny, nx), mean 1.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Master flat; not modified.
    nightsky : ndarray of float32, shape (ny, nx)
        Mean of sky exposures divided by that flat; not modified. Its small scales are noise and
        do not enter.
    box : int, pixel
        Size of the boxes that separate large from small scales.
    bad : ndarray of bool, shape (ny, nx), optional
        Pixels that do not count for the large scales and the mean.
    """
    require_shape(nightsky, (image.shape[0], image.shape[1]), "the night-sky flat")
    # F' = F smooth(N), N = sky / F: N is 1 on large scales where F was right
    surface = background.estimate(nightsky, box=box, bad=bad, clip=4.0, step=2)
    return normalise(image * surface.rows(), bad)


@takes_frames()
def carried_variance(
    image: NDArray[np.float32],
    base: NDArray[np.float32],
    variance: NDArray[np.float32] | None,
    *,
    noise: float,
) -> NDArray[np.float32]:
    """Return the variance of a master flat: float32, shape (ny, nx).

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The master flat.
    base : ndarray of float32, shape (ny, nx)
        The flat that has its small scales; the smooth factor between the two counts as free of
        noise, its boxes hold thousands of pixels.
    variance : ndarray of float32, shape (ny, nx), or None
        Of that flat; None states it by `noise`.
    noise : float
        Of a pixel of response 1 of that flat.
    """
    if variance is None:
        # photons: var(f) = n**2 f
        variance = np.maximum(base, np.float32(0)) * np.float32(noise**2)
    return carried(variance, base, image)


@takes_frames()
def normalise(
    image: NDArray[np.float32], bad: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Return an image divided by the mean of its finite, good pixels.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Image in any unit; not modified.
    bad : ndarray of bool, shape (ny, nx), optional
        Pixels that do not count for the mean, True = bad.

    Raises
    ------
    NoValidPixels
        No such pixel, or their mean is not above zero.
    """
    result: NDArray[np.float32] = image * np.float32(_factor(image, bad))
    return result


def _factor(image: NDArray[np.float32], bad: NDArray[np.bool_] | None) -> float:
    """Return one over the mean of the finite, good pixels of an image."""
    numbers = statistics.image_statistics(image, bad)
    if not numbers.mean > 0 or not numbers.median > 0:
        msg = (
            f"an image with mean {numbers.mean:.4g} and median {numbers.median:.4g} cannot be a "
            "flat, both must be above zero; look at the exposures with inspect()"
        )
        raise NoValidPixels(msg)
    return 1.0 / numbers.mean


@takes_frames()
def usable(flat: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell where a flat can divide: finite and above zero.

    Parameters
    ----------
    flat : ndarray of float32, shape (ny, nx)
        Flat field, mean 1.
    """
    with np.errstate(invalid="ignore"):
        return (flat > 0) & (flat < np.inf)


def _large_scales(
    dome: NDArray[np.float32],
    twilight: NDArray[np.float32],
    box: int,
    bad: NDArray[np.bool_] | None,
) -> NDArray[np.float32]:
    """Return twilight over dome flat, smooth: ratios of the light in boxes, joined by a spline.

    Sums keep all the light, medians a part of it; a dome flat times such ratios has the light of
    the twilight flat in every box, whatever the noise of the dome flat.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        # good where |T / D - smooth| <= 5 sigma, sigma = 1.4826 MAD of a box, joined alike;
        # NaN and infinity fail the comparison and are left out with the outliers
        ratio = np.divide(twilight, dome)
        rough = background.estimate(ratio, box=box, bad=bad, clip=4.0, step=2)
        limit = _OUTLIER * replace(rough, mesh=rough.spread).rows()
        good = np.abs(ratio - rough.rows()) <= limit
    if bad is not None:
        good &= ~bad
    light, number = (_sums(np.where(good, plane, 0), box) for plane in (twilight, np.float32(1)))
    # boxes below a quarter of the pixels of a mean box are filled from their neighbours
    enough = number >= 0.25 * (dome.size / number.size)
    surface = np.ones(dome.shape, np.float32)
    # light that falls off within a box moves its centre: the second round takes that out
    for _ in range(2):
        # r = sum T / sum (D S) over the good pixels of a box; S is multiplied by its spline
        lamp = _sums(np.where(good, dome * surface, 0), box)
        mesh = np.full(light.shape, np.nan, np.float32)
        np.divide(light, lamp, out=mesh, where=enough & (lamp > 0), casting="unsafe")
        surface *= background.joined(_mended(mesh), (dome.shape[0], dome.shape[1]))
    return surface


def _mended(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a mesh without gaps, and without boxes that are far off their neighbours."""
    mesh = background.filled(mesh)
    around = background.smoothed(mesh)
    # d = r - median of 3 x 3 boxes; |d - median(d)| > 8 x 1.4826 MAD(d) takes the median instead
    distance = (mesh - around).astype(np.float64)
    spoilt = statistics.outliers(distance.ravel(), sigma=_SPOILT, floor=0.0)
    result: NDArray[np.float32] = np.where(spoilt.reshape(mesh.shape), around, mesh)
    return result


def _sums(image: NDArray[np.float32], box: int) -> NDArray[np.float64]:
    """Return the sums of boxes of about a size that divide the image evenly."""
    total: NDArray[Any] = image
    for axis in (1, 0):
        size = total.shape[axis]
        number = max(1, round(size / box))
        # m = round(n / box) boxes from round(k n / m) on: their sizes differ by one pixel at most;
        # sums of thousands of pixels are in float64, float32 would lose the last digits
        edges = np.round(np.arange(number) * (size / number)).astype(np.int64)
        total = np.add.reduceat(total, edges, axis=axis, dtype=np.float64)
    return total


def _level(
    number: int,
    frame: NDArray[np.generic],
    offset: NDArray[np.float32],
    bias: NDArray[np.float32],
    saturation: float,
    bad: NDArray[np.bool_] | None,
) -> float:
    """Return the median level of one exposure [ADU], or refuse it."""
    reduced = np.subtract(frame, offset, dtype=np.float32, casting="unsafe")
    reduced -= bias
    level = statistics.median(reduced, bad)
    # saturation counts from raw zero: light + overscan level + bias (every 16th pixel) [ADU]
    raw = level + float(np.median(offset)) + float(np.nanmedian(bias[::16, ::16]))
    if raw >= saturation:
        msg = (
            f"flat exposure {number} has a median of {raw:.0f} ADU, saturation begins at "
            f"{saturation:.0f}; leave it out (is_valid = 0)"
        )
        raise NoValidPixels(msg)
    if not level > 0:
        msg = (
            f"flat exposure {number} has a median of {level:.4g} ADU above the bias and must "
            "have more than 0; is it a bias, or its bias of another chip?"
        )
        raise NoValidPixels(msg)
    return level
