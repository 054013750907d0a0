"""Fringes: interference of night-sky lines in the chip, stacked and scaled to an exposure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from awe.calib import statistics
from awe.calib._frames import takes_frames
from awe.calib.combine import Method, Noise, combine
from awe.calib.combine.propagation import flattened_variance, of_mean
from awe.calib.detector.bias import DIGITISATION
from awe.calib.detector.trim import require_shape
from awe.calib.sky import background
from awe.calib.weight import require_model
from awe.errors import NoValidPixels, ParameterError, WrongShape

__all__ = ["Fringes", "Scale", "frame", "scale"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


#: least height of the fringes of a fringe frame above its noise, or they cannot be scaled [sigma]
_LEAST = 5.0

#: an exposure may get noisier by this factor, pixel by pixel, for fringes that go
_NOISIER = 1.1


#: pixels without which no slope is fitted
_FEWEST = 100


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How strong the fringes of a fringe frame are in one exposure.

    Attributes
    ----------
    factor, error : float
        The fringe frame times `factor` is to be subtracted; 0 and infinity where the fringe
        frame shows no fringes above its own noise, the exposure no sky, or would not get quieter.
    pixels : int
        Number of pixels the fit used.
    """

    factor: float
    error: float
    pixels: int


@dataclass(frozen=True, kw_only=True)
class Fringes:
    """Fringes of several exposures.

    Attributes
    ----------
    image : ndarray of float32, shape (ny, nx), ADU
        The pattern, mean 0 over large scales; NaN where no value is left.
    variance : ndarray of float32, shape (ny, nx), ADU**2, or None
        None where the noise of the exposures is not known.
    """

    image: NDArray[np.float32]
    variance: NDArray[np.float32] | None


@takes_frames()
def frame(
    images: Sequence[NDArray[np.float32]],
    *,
    sigma: float,
    box: int,
    bad: Sequence[NDArray[np.bool_]] | None = None,
    gain: float | None = None,
    read_noise: float = 0.0,
    response: NDArray[np.float32] | None = None,
) -> Fringes:
    """Return the fringes of several exposures.

    Parameters
    ----------
    images : sequence of ndarray of float32, shape (ny, nx), ADU
        Flat-fielded exposures of different fields, with their sky; not modified.
    sigma : float
        Rejection factor for sources, on the scatter of each pixel.
    box : int, pixel
        Size of the boxes whose medians give the smooth sky, larger than the fringes.
    bad : sequence of ndarray of bool, optional
        Pixels to leave out, one map per image.
    gain : float, e-/ADU, optional
        For the variance.
    read_noise : float, ADU
        Of one pixel; for the variance.
    response : ndarray of float32, shape (ny, nx), optional
        Flat the images were divided by; 1 if absent.

    Notes
    -----
    Each image is scaled to the mean sky level before its smooth sky is subtracted, so bright
    exposures do not dominate. The result has mean 0 over large scales. The noise of the flat is
    not in the variance: frames it is subtracted from have the same, and it cancels.
    """
    if bad is not None and len(bad) != len(images):
        msg = f"{len(images)} images need as many maps of bad pixels, found {len(bad)}"
        raise WrongShape(msg)
    surfaces = [
        background.estimate(image, box=box, clip=3.0, step=2, bad=bad[k] if bad else None)
        for k, image in enumerate(images)
    ]
    levels = [surface.level for surface in surfaces]
    if not levels or min(levels) <= 0:
        msg = f"fringes need exposures with a sky above zero, found levels {levels}"
        raise NoValidPixels(msg)
    mean = float(np.mean(levels))
    residuals = []
    for k, (image, surface) in enumerate(zip(images, surfaces, strict=True)):
        # R_k = image - smooth sky [ADU]; NaN leaves a pixel out of the stack
        residual = _above(image, surface, box, bad[k] if bad else None)
        if bad is not None:
            residual[bad[k]] = np.nan
        residuals.append(residual)
    # R_k <L> / L_k: the strength of fringes is taken as proportional to the level of the sky
    scales = [mean / level for level in levels]
    # no gain or read noise is known here: sigma is 1.4826 MAD of the values of the pixel itself
    combined = combine(
        residuals, method=Method.MAD, sigma=sigma, scales=scales, share=gain is not None
    )
    if gain is None:
        return Fringes(image=combined.image, variance=None)
    require_model(gain, read_noise)
    constant = read_noise**2 + DIGITISATION
    # of s_k times an exposure: s_k**2 (c / f**2 + L_k / (g f)); fringes are faint on the sky
    spread = of_mean([
        Noise(constant=constant * scale**2, slope=level / gain * scale**2)
        for level, scale in zip(levels, scales, strict=True)
    ])
    ones = np.ones_like(combined.image)
    variance = flattened_variance(combined, spread, ones, ones if response is None else response)
    return Fringes(image=combined.image, variance=variance)


@takes_frames()
def scale(
    image: NDArray[np.float32],
    fringes: NDArray[np.float32],
    *,
    low: float,
    high: float,
    threshold: float,
    box: int,
    bad: NDArray[np.bool_] | None = None,
) -> Scale:
    """Return the factor that brings a fringe frame to the strength of one exposure.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx), ADU
        Flat-fielded exposure with its sky; not modified.
    fringes : ndarray of float32, shape (ny, nx), ADU
        From `frame`.
    low, high : float, ADU
        Only pixels whose fringes, the mean of the eight pixels around, lie between these, up or
        down, count: `FRINGE_THRESHOLD_LOW` and `FRINGE_THRESHOLD_HIGH`.
    threshold : float
        Pixels further than this many sigma from the sky hold sources: `IMAGE_THRESHOLD`.
    box : int, pixel
        Size of the boxes of the smooth sky.
    bad : ndarray of bool, shape (ny, nx), optional
        Pixels to leave out.

    Raises
    ------
    ParameterError
        The lower limit is not below the upper one.
    NoValidPixels
        Fewer than 100 pixels count.

    Notes
    -----
    A fringe frame has noise of its own, and a straight line fitted on noisy values is too flat.
    So the image and the fringe frame are both compared with the mean of the eight pixels around
    each, whose noise is independent of either, also where the exposure is one of those that went
    into the fringe frame. Fringes have to be wider than some four pixels.
    """
    if not low < high:
        msg = (
            f"FRINGE_THRESHOLD_LOW {low} must be below FRINGE_THRESHOLD_HIGH {high}; "
            "correct the parameters"
        )
        raise ParameterError(msg)
    require_shape(fringes, (image.shape[0], image.shape[1]), "the fringe frame")
    try:
        surface = background.estimate(image, box=box, clip=3.0, step=2, bad=bad)
    except NoValidPixels:
        # an exposure that is saturated all over has no sky: its pixels are flagged, all of them
        return Scale(factor=0.0, error=np.inf, pixels=0)
    residual = _above(image, surface, box, bad)
    # guide g: mean of the eight pixels around, free of the noise of the pixel itself;
    # the limits hold for |g|, because limits on the pixel would select its noise
    around = _around(fringes)
    strength = np.abs(around)
    with np.errstate(invalid="ignore"):
        good = (strength >= low) & (strength <= high) & np.isfinite(residual)
        good &= np.isfinite(fringes)
    if bad is not None:
        good &= ~bad
    pattern, sky, guide = (part[good].astype(np.float64) for part in (fringes, residual, around))
    kept = np.ones(sky.size, np.bool_)
    for _ in range(5):
        if kept.sum() < 100:
            msg = (
                f"only {int(kept.sum())} pixels hold fringes between {low} and {high} ADU; "
                "lower FRINGE_THRESHOLD_LOW or raise FRINGE_THRESHOLD_HIGH"
            )
            raise NoValidPixels(msg)
        x, y = pattern[kept], sky[kept]
        # g' = g - <g>; sum(g' x) is as noisy as |g'| sd(x) where x has nothing in common with g
        centred = guide[kept] - guide[kept].mean()
        shared, length = float((centred * x).sum()), float((centred**2).sum()) ** 0.5
        if shared <= _LEAST * length * float(x.std()):
            return Scale(factor=0.0, error=np.inf, pixels=int(kept.sum()))
        # factor = sum(g' y) / sum(g' x), g as instrument: noise in x does not flatten the slope
        factor = float((centred * y).sum()) / shared
        rest = sky - factor * pattern
        # all pixels are judged anew in every round: one rejected too early may come back
        spread = statistics.clipped(rest, sigma=3.0, iterations=5)
        kept = np.abs(rest - spread.mean) <= threshold * spread.stdev
    if _spoils(residual, fringes, factor, bad):
        return Scale(factor=0.0, error=np.inf, pixels=int(kept.sum()))
    # sigma(factor) = sd(y - factor x) |g'| / sum(g' x)
    return Scale(factor=factor, error=spread.stdev * length / shared, pixels=int(kept.sum()))


def _above(
    image: NDArray[np.float32], surface: background.Surface, box: int,
    bad: NDArray[np.bool_] | None,
) -> NDArray[np.float32]:  # fmt: skip
    """Return an image without its smooth sky, nor a slope that few boxes cannot follow."""
    if min(image.shape) >= 2 * box:
        above: NDArray[np.float32] = image - surface.rows()
        return above
    plane = _plane(image - np.float32(surface.level), bad)
    # boxes of what is even already: their medians tell no slope, and no kink is left
    even: NDArray[np.float32] = image - plane
    return even - background.estimate(even, box=box, clip=3.0, step=2, bad=bad).rows()


def _plane(
    residual: NDArray[np.float32], bad: NDArray[np.bool_] | None
) -> NDArray[np.float32]:
    """Return the plane through the pixels without a source, 0 in the middle."""
    y, x = np.mgrid[-1.0 : 1.0 : residual.shape[0] * 1j, -1.0 : 1.0 : residual.shape[1] * 1j]
    good = np.isfinite(residual) if bad is None else np.isfinite(residual) & ~bad
    plane = np.zeros(residual.shape)
    for _ in range(3):
        if good.sum() < _FEWEST:
            break
        terms = np.stack([np.ones(int(good.sum())), x[good], y[good]])
        # least squares of a + b x + c y, sources left out
        level, across, along = np.linalg.solve(
            terms @ terms.T, terms @ residual[good].astype(np.float64)
        )
        plane = across * x + along * y
        rest = residual - level - plane
        spread = statistics.clipped(rest[good], sigma=3.0, iterations=5)
        good &= np.abs(rest - spread.mean) <= 3 * spread.stdev
    return plane.astype(np.float32)


def _spoils(
    residual: NDArray[np.float32], fringes: NDArray[np.float32], factor: float,
    bad: NDArray[np.bool_] | None,
) -> bool:  # fmt: skip
    """Return True if an exposure is worse without fringes than with them.

    What is left of stars in a fringe frame, or a slope, may fit the faint parts alone. Then there
    is more structure wider than a pixel than before, or much more noise.
    """
    use = np.isfinite(residual) & np.isfinite(fringes)
    if bad is not None:
        use &= ~bad
    known = np.where(use, residual, np.float32(0))
    without = np.where(use, residual - np.float32(factor) * fringes, np.float32(0))
    pixels, wide = (
        [statistics.clipped(part[use], sigma=3.0, iterations=5).stdev for part in parts]
        for parts in ((known, without), (_around(known), _around(without)))
    )
    return wide[1] >= wide[0] or pixels[1] > _NOISIER * pixels[0]


def _around(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of the eight pixels around each; those without a value count as 0."""
    from scipy.ndimage import uniform_filter

    known = np.nan_to_num(image, nan=0.0, posinf=0.0, neginf=0.0)
    result: NDArray[np.float32] = (9 * uniform_filter(known, 3, mode="reflect") - known) / 8
    return result
