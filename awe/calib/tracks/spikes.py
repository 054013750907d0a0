"""Diffraction spikes on a candidate line: how significant the light is that they do not explain.

The light of a spike falls off with the square of the distance from its star, that of a track
stays the same. Both are fitted together along the chord; only what is even counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

__all__ = ["even_light"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

#: maximum number of stars on one line
_MOST = 4

#: distances at which a spike has lost half its light [pixel]
# (r of the profile 1 / (1 + (d / r)**2), d the distance from the star)
_SCALES = (15.0, 40.0, 100.0)

#: places tried per piece of the chord
_PLACES = 2

#: least chi-square a spike must explain
# sqrt(10) = 3.2 sigma: it is the best of 48 places x 3 scales
_WORTH = 10.0

#: tracks are even to this fraction of their light
_EVEN = 0.15


def even_light(light: Values, error: Values, length: float) -> tuple[float, float]:
    """Return the even light along a chord and its error, fitted together with the spikes of stars.

    Parameters
    ----------
    light, error : ndarray of float64, shape (n,)
        Light of equal pieces of the chord; the error is infinite where it was not measured.
    length : float, pixel
        Length of the chord.

    Notes
    -----
    Spikes are added one by one, each time the one that explains most, as long as that is worth
    it. Stars may lie on pieces that could not be measured.
    """
    middle = max(float(np.median(light[np.isfinite(error)])), 0.0)
    # e_k**2 = error**2 + (0.15 median)**2; chi-square = sum (a_k - model_k)**2 / e_k**2
    root = 1 / np.hypot(error, _EVEN * middle)
    wanted = np.where(root > 0, light, 0.0) * root
    # model_k = even + sum_i b_i p_i(k); data and every column of the model are divided by e_k
    spikes = _profiles(light.size, length) * root
    chosen: list[Values] = []
    for _ in range(min(_MOST, len(spikes))):
        columns = np.array([root, *chosen]).T
        basis = np.linalg.qr(columns)[0]
        # rest = y - Q Q^T y: what the even light and the spikes so far leave, Q from A = Q R
        rest = wanted - basis @ (basis.T @ wanted)
        # f_i = p_i - Q Q^T p_i: the part of each spike that is new
        free = spikes - (spikes @ basis) @ basis.T
        size = np.linalg.norm(free, axis=1)
        # |f_i| / |p_i| is the sine of the angle to the columns so far: below 0.1 nothing is new
        seen = size > 0.1 * np.linalg.norm(spikes, axis=1)
        # p_i lowers chi-square by (f_i . rest / |f_i|)**2; only spikes of positive light count
        gain = np.where(seen, free @ rest / np.where(seen, size, 1.0), 0.0)
        best = int(np.argmax(gain))
        if gain[best] < _WORTH**0.5:
            break
        chosen.append(spikes[best])
    columns = np.array([root, *chosen]).T
    # x = (A^T A)^-1 A^T y; the variance of x_0, the even light, is (A^T A)^-1 at 0, 0
    inverse = np.linalg.pinv(columns.T @ columns)
    solution = inverse @ (columns.T @ wanted)
    return float(solution[0]), float(inverse[0, 0] ** 0.5)


def _profiles(pieces: int, length: float) -> Values:
    """Return the light of spikes of all places and scales on every piece: (spikes, pieces)."""
    fine = 8
    step = length / pieces
    # the mean of a profile over a piece from 8 points; stars may be at 2 places per piece
    points = (np.arange(pieces * fine) + 0.5) * step / fine
    places = (np.arange(pieces * _PLACES) + 0.5) * step / _PLACES
    distance = points[None, :] - places[:, None]
    # a spike wider than 1/16 of the chord could not be told from even light
    scales = [scale for scale in _SCALES if scale <= length / 16]
    if not scales:
        return np.empty((0, pieces))
    profiles = [1 / (1 + (distance / scale) ** 2) for scale in scales]
    stacked = np.concatenate(profiles)
    result: Values = stacked.reshape(stacked.shape[0], pieces, fine).mean(axis=2)
    return result
