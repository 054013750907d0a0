"""Particle hits as events: how many groups of pixels a map holds, how many hit a chip per minute.

Hits on dark frames are found by comparison with the master dark: nothing else is there. Those on
sky exposures are the business of `awe.calib.cosmic`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from awe.calib import statistics
from awe.calib.detector.bias import DIGITISATION

__all__ = ["groups", "rate"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Map = NDArray[np.bool_]


def groups(marked: Map) -> int:
    """Return the number of separate groups of pixels of a map; corners join.

    Parameters
    ----------
    marked : ndarray of bool, shape (ny, nx)
        Few of them True.

    Examples
    --------
    >>> groups(np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1]], bool))
    3
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # one column more, always empty: the last pixel of a row is not a neighbour of the next row
    nx = marked.shape[1] + 1
    places = np.flatnonzero(marked)
    places += places // marked.shape[1]
    if places.size == 0:
        return 0
    pairs = []
    # right, and the 3 of the next row: half of the 8 neighbours, so that a pair is met once
    for step in (1, nx - 1, nx, nx + 1):
        # the list is sorted: p + step is marked if it is where it would be put into it
        at = np.minimum(np.searchsorted(places, places + step), places.size - 1)
        first = np.flatnonzero(places[at] == places + step)
        pairs.append((first, at[first]))
    first, second = (np.concatenate(side) for side in zip(*pairs, strict=True))
    shape = (places.size, places.size)
    joined = coo_array((np.ones(first.size, np.int8), (first, second)), shape=shape)
    return int(connected_components(joined, directed=False, return_labels=False))


def rate(
    frames: Sequence[NDArray[np.generic]],
    bias: NDArray[np.float32],
    dark: NDArray[np.float32],
    *,
    exposure_times: Sequence[float],
    read_noise: float,
    gain: float,
    sigma: float,
    pixel_size: float,
    offsets: Sequence[NDArray[np.float32]],
    bad: Map,
) -> float:
    """Return the rate of particle hits on dark frames [1/cm^2/min].

    Parameters
    ----------
    frames : sequence of ndarray, shape (ny, nx), ADU
        Trimmed raw darks; not modified.
    bias : ndarray of float32, shape (ny, nx), ADU
        Master bias.
    dark : ndarray of float32, shape (ny, nx), ADU/s
        Master dark of these frames.
    exposure_times : sequence of float, s
        One per frame.
    read_noise : float, ADU
        Of one pixel.
    gain : float, e-/ADU
        For the noise of the dark current itself.
    sigma : float
        A hit has a pixel so far above the noise.
    pixel_size : float, micrometre
        Side of a pixel.
    offsets : sequence of ndarray of float32
        Levels to subtract, one per frame, ADU.
    bad : ndarray of bool, shape (ny, nx)
        Pixels that do not count: hot ones.

    Notes
    -----
    Hits during the readout count as if they came in the exposure, which is right for exposures
    much longer than a readout. The dark current of a pixel is taken as no less than the median:
    single values of few frames scatter, and where they are low, noise would be a hit. Few
    electrons are skew; the limit is the quantile of sigma by Cornish and Fisher (1938). A hit is
    left out of the master dark, so that the noise is that of its value and of the other frames.
    """
    # variance V [ADU**2] = read noise**2 + 1/12 (rounding to whole ADU) + D t / gain, D t in ADU
    constant = np.float32(read_noise**2 + DIGITISATION)
    least = max(statistics.median(dark), 0.0)
    squares = sum(time**2 for time in exposure_times)
    number = 0
    for frame, offset, time in zip(frames, offsets, exposure_times, strict=True):
        # rest = raw - offset - bias - D t [ADU], which is a hit above sigma times the noise
        rest = np.subtract(frame, offset, dtype=np.float32, casting="unsafe")
        rest -= bias
        current = dark * np.float32(time)
        rest -= current
        with np.errstate(invalid="ignore"):
            poisson = np.maximum(current, np.float32(least * time)) / np.float32(gain)
            variance = constant + poisson
            # limit = k sqrt(V) + (k**2 - 1) / 6 x K3 / V, with the third cumulant of Poisson
            # noise K3 = D t / gain**2 [ADU**3]
            skew = np.float32((sigma**2 - 1) / (6 * gain)) * poisson / variance
            # D of the other frames, of weights t**2, has the variance V / sum of their t**2
            others = squares - time**2
            share = 1 + time**2 / others if others > 0 else 1.0
            limit = np.float32(sigma * share**0.5) * np.sqrt(variance) + skew
            number += groups((rest > limit) & ~bad)
    # rate = N / (A T): A = good pixels x side**2 [cm**2], 1 micrometre = 1e-4 cm; T [min]
    area = float((~bad).sum()) * (pixel_size * 1e-4) ** 2
    minutes = sum(exposure_times) / 60
    return number / (area * minutes) if area > 0 else 0.0
