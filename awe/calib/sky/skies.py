"""What is not sky in exposures of the night sky: sources, tracks and hits, exposure by exposure.

A pattern that all exposures share, such as fringes or an error of the flat, is not a source:
each exposure is compared with the median of all. Knows nothing of files and recipes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from awe.calib import statistics
from awe.calib._frames import takes_frames
from awe.calib.combine import Method, combine
from awe.calib.detector.trim import require_shape
from awe.errors import NoValidPixels

__all__ = ["sources"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Map = NDArray[np.bool_]


@takes_frames()
def sources(
    images: Sequence[NDArray[np.float32]],
    levels: Sequence[float],
    *,
    threshold: float,
    contrast: float,
    reach: int,
    bad: Map | None = None,
) -> list[Map]:
    """Return for every exposure where it shows something else than the sky.

    Parameters
    ----------
    images : sequence of ndarray of float32, shape (ny, nx), ADU
        Flat-fielded exposures of different fields, with their sky; not modified. Pixels without
        a finite value are nothing but sky to this function.
    levels : sequence of float, ADU
        Sky level of each, above zero.
    threshold : float, sigma
        The mean of nine pixels differs by this much, up or down, from the median of the
        exposures where there is a source.
    contrast : float, relative to the sky
        Where the median of the exposures itself is this far from the sky, most of them show a
        source: it is marked in all.
    reach : int, pixel
        Marks grow by this, over the wings of sources.
    bad : ndarray of bool, shape (ny, nx), optional
        Pixels that are known to be bad; they are not marked.

    Raises
    ------
    NoValidPixels
        A level is not above zero.

    Examples
    --------
    >>> sky = np.random.default_rng(1).normal(100, 3, (5, 40, 40)).astype(np.float32)
    >>> sky[2, 20, 20] = 1000
    >>> found = sources(list(sky), [100.0] * 5, threshold=6.0, contrast=0.3, reach=2)
    >>> [int(one.sum()) for one in found]
    [0, 0, 37, 0, 0]
    """
    if len(levels) == 0 or min(levels) <= 0:
        msg = f"exposures of the sky need levels above 0 ADU, found {list(levels)}"
        raise NoValidPixels(msg)
    if bad is not None:
        require_shape(bad, images[0].shape, "the map of bad pixels")
    known = np.zeros(images[0].shape, np.bool_) if bad is None else bad
    # M = median over the exposures of image_k / L_k: 1 where most show nothing but sky
    scales = [1.0 / level for level in levels]
    middle = combine(images, method=Method.MEDIAN, scales=scales).image
    # bad pixels are set to the sky, 1: they are not marked as shared sources
    middle[known | ~np.isfinite(middle)] = 1
    # a source that most exposures share is in M itself, where no difference shows it
    shared = np.abs(middle - 1) > contrast
    return [
        _grown(shared | _differs(image * np.float32(scale) - middle, known, threshold), reach)
        for image, scale in zip(images, scales, strict=True)
    ]


def _differs(rest: NDArray[np.float32], bad: Map, threshold: float) -> Map:
    """Return the pixels where the mean of nine pixels of a difference is more than noise."""
    from scipy.ndimage import uniform_filter

    rest[bad | ~np.isfinite(rest)] = 0
    # a mean of nine independent pixels has sd(rest) / 3
    noise = statistics.clipped(rest, sigma=3.0, iterations=5).stdev / 3
    far: Map = np.abs(uniform_filter(rest, 3, mode="reflect")) > max(threshold * noise, 1e-6)
    return far


def _grown(found: Map, reach: int) -> Map:
    """Return marks grown by a disc."""
    from scipy.ndimage import distance_transform_edt

    if not found.any():
        return found
    grown: Map = distance_transform_edt(~found) <= reach
    return grown
