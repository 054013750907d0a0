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
_SCALES = (15.0, 40.0, 100.0)

#: places tried per piece of the chord
_PLACES = 2

#: least chi-square a spike must explain
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
    root = 1 / np.hypot(error, _EVEN * middle)
    wanted = np.where(root > 0, light, 0.0) * root
    spikes = _profiles(light.size, length) * root
    chosen: list[Values] = []
    for _ in range(_MOST):
        columns = np.array([root, *chosen]).T
        basis = np.linalg.qr(columns)[0]
        rest = wanted - basis @ (basis.T @ wanted)
        free = spikes - (spikes @ basis) @ basis.T
        size = np.linalg.norm(free, axis=1)
        seen = size > 0.1 * np.linalg.norm(spikes, axis=1)
        gain = np.where(seen, free @ rest / np.where(seen, size, 1.0), 0.0)
        best = int(np.argmax(gain))
        if gain[best] < _WORTH**0.5:
            break
        chosen.append(spikes[best])
    columns = np.array([root, *chosen]).T
    inverse = np.linalg.pinv(columns.T @ columns)
    solution = inverse @ (columns.T @ wanted)
    return float(solution[0]), float(inverse[0, 0] ** 0.5)


def _profiles(pieces: int, length: float) -> Values:
    """Return the light of spikes of all places and scales on every piece: (spikes, pieces)."""
    fine = 8
    step = length / pieces
    points = (np.arange(pieces * fine) + 0.5) * step / fine
    places = (np.arange(pieces * _PLACES) + 0.5) * step / _PLACES
    distance = points[None, :] - places[:, None]
    scales = [scale for scale in _SCALES if scale <= length / 16]
    profiles = [1 / (1 + (distance / scale) ** 2) for scale in scales]
    stacked = np.concatenate(profiles)
    result: Values = stacked.reshape(stacked.shape[0], pieces, fine).mean(axis=2)
    return result
