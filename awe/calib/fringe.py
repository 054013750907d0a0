"""Fringes: interference of night-sky lines in the chip, stacked and scaled to an exposure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from awe.calib import background, statistics
from awe.calib.combine import Method, combine
from awe.calib.trim import require_shape
from awe.errors import NoValidPixels

__all__ = ["Scale", "frame", "scale"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How strong the fringes of a fringe frame are in one exposure.

    Attributes
    ----------
    factor, error : float
        The fringe frame times `factor` is to be subtracted.
    pixels : int
        Number of pixels the fit used.
    """

    factor: float
    error: float
    pixels: int


def frame(
    images: Sequence[NDArray[np.float32]],
    *,
    sigma: float,
    box: int,
    bad: Sequence[NDArray[np.bool_]] | None = None,
) -> NDArray[np.float32]:
    """Return the fringes of several exposures: float32, shape (ny, nx), ADU.

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

    Notes
    -----
    Each image is scaled to the mean sky level before its smooth sky is subtracted, so bright
    exposures do not dominate. The result has mean 0 over large scales.
    """
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
        residual = image - surface.rows()
        if bad is not None:
            residual[bad[k]] = np.nan
        residuals.append(residual)
    scales = [mean / level for level in levels]
    return combine(residuals, method=Method.MAD, sigma=sigma, scales=scales).image


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
        Only pixels whose fringes lie between these, up or down, count: `FRINGE_THRESHOLD_LOW`
        and `FRINGE_THRESHOLD_HIGH`.
    threshold : float
        Pixels further than this many sigma from the sky hold sources: `IMAGE_THRESHOLD`.
    box : int, pixel
        Size of the boxes of the smooth sky.
    bad : ndarray of bool, shape (ny, nx), optional
        Pixels to leave out.

    Raises
    ------
    NoValidPixels
        Fewer than 100 pixels count.
    """
    require_shape(fringes, (image.shape[0], image.shape[1]), "the fringe frame")
    surface = background.estimate(image, box=box, clip=3.0, step=2, bad=bad)
    residual = image - surface.rows()
    strength = np.abs(fringes)
    with np.errstate(invalid="ignore"):
        good = (strength >= low) & (strength <= high) & np.isfinite(residual)
    if bad is not None:
        good &= ~bad
    factor = 0.0
    pattern, sky = fringes[good].astype(np.float64), residual[good].astype(np.float64)
    kept = np.ones(sky.size, np.bool_)
    for _ in range(5):
        if kept.sum() < 100:
            msg = (
                f"only {int(kept.sum())} pixels hold fringes between {low} and {high} ADU; "
                "lower FRINGE_THRESHOLD_LOW or raise FRINGE_THRESHOLD_HIGH"
            )
            raise NoValidPixels(msg)
        x, y = pattern[kept], sky[kept]
        centred = x - x.mean()
        factor = float((centred * y).sum() / (centred**2).sum())
        rest = sky - factor * pattern
        spread = statistics.clipped(rest, sigma=3.0, iterations=5)
        kept = np.abs(rest - spread.mean) <= threshold * spread.stdev
    error = spread.stdev / float((centred**2).sum()) ** 0.5
    return Scale(factor=factor, error=error, pixels=int(kept.sum()))
