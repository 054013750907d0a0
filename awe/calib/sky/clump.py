"""The one width that stars share, among peaks of all widths: galaxies and hits share none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

__all__ = ["Clump", "find"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

#: scatter of ln(width) among stars: profile, place in the pixel, change over the chip
_SCATTER = 0.04

#: half width of a clump in ln(width), and how many times as wide its surroundings are
_HALF, _AROUND = 0.08, 3.0

#: at least this part of the peaks around is in the clump; of all peaks, if it has fewer than this
_PART, _FEW = 0.5, 5

#: densest places that are looked at
_PLACES = 4

#: brighter peaks weigh no more
_BRIGHT = 100.0

#: ln(width) is looked at in these steps, and so far beyond the widths there are
_PITCH, _MARGIN = 0.01, 0.3


@dataclass(frozen=True, kw_only=True)
class Clump:
    """Peaks of about the same width.

    Attributes
    ----------
    width, error : float, pixel
        Their weighted mean in ln(width), and its standard error.
    members : ndarray of bool, shape (n,)
        Which peaks they are.
    """

    width: float
    error: float
    members: NDArray[np.bool_]


def find(
    width: Values, snr: Values, *, least: int, narrowest: float, widest: float
) -> Clump | None:
    """Return the clump of widths, or None if there is none.

    Parameters
    ----------
    width : ndarray of float64, shape (n,), pixel
        Width of each peak, above 0.
    snr : ndarray of float64, shape (n,)
        Light of each peak over its noise; an error of ln(width) is about 1 / snr.
    least : int
        Least number of members.
    narrowest, widest : float, pixel
        The clump is between these; peaks beyond them belong to its surroundings.

    Notes
    -----
    The densest of at most four places in ln(width) that is a clump: its surroundings, three times
    as wide, hold no more than twice its members, and where there are fewer than five, the frame
    does. The density is a sum of Gaussians as wide as the errors, a bright peak counting as the
    square root of its signal to noise.

    Examples
    --------
    >>> stars, galaxies = np.full(9, 3.0), np.geomspace(2.0, 12.0, 15)
    >>> ends = {"least": 5, "narrowest": 1.5, "widest": 13.0}
    >>> found = find(np.append(stars, galaxies), np.full(24, 80.0), **ends)
    >>> bool(abs(found.width - 3.0) < 0.05), find(galaxies, np.full(15, 80.0), **ends)
    (True, None)
    """
    if width.size < least:
        return None
    x, error = np.log(width), 1.0 / snr
    ends = float(np.log(narrowest)), float(np.log(widest))
    heights = np.hypot(_SCATTER, error), np.sqrt(np.minimum(snr, _BRIGHT))
    for place in _densest(x, *heights, *ends):
        distance = np.abs(x - place)
        near = distance < _HALF + error
        rivals = distance < _AROUND * _HALF + error
        number = int(near.sum())
        others = int(rivals.sum()) if number >= _FEW else width.size
        if number >= max(least, _PART * others):
            return _clump(x, error, near)
    return None


def _clump(x: Values, error: Values, near: NDArray[np.bool_]) -> Clump:
    """Return the clump of some peaks."""
    weight = 1.0 / (_SCATTER**2 + error[near] ** 2)
    mean = float(np.average(x[near], weights=weight))
    scatter = float(np.sqrt(np.average((x[near] - mean) ** 2, weights=weight)))
    width = float(np.exp(mean))
    return Clump(width=width, error=width * scatter / float(np.sqrt(near.sum())), members=near)


def _densest(
    x: Values, error: Values, weight: Values, first: float, last: float
) -> list[float]:
    """Return the places of highest density between two ends, the densest first."""
    grid = np.arange(x.min() - _MARGIN, x.max() + _MARGIN, _PITCH)
    # the sum of w N(x; x_i, e_i): each error is one of a few, and each peak one count on the grid
    density = np.zeros(grid.size)
    classes = np.round(np.log(error) / 0.1)
    for one in np.unique(classes):
        same = classes == one
        counts = np.histogram(
            x[same], bins=grid.size, range=(grid[0] - _PITCH / 2, grid[-1] + _PITCH / 2),
            weights=weight[same],
        )[0]  # fmt: skip
        wide = float(np.exp(0.1 * one))
        reach = np.arange(-int(4 * wide / _PITCH) - 1, int(4 * wide / _PITCH) + 2) * _PITCH
        spread = np.convolve(counts, np.exp(-0.5 * (reach / wide) ** 2) / wide, "full")
        # centred on the grid, which faint peaks are wider than; "same" is as long as the longer
        density += spread[reach.size // 2 :][: grid.size]
    inner = density[1:-1]
    modes = np.flatnonzero((inner >= density[:-2]) & (inner > density[2:])) + 1
    modes = modes[(grid[modes] >= first) & (grid[modes] < last)]
    order = modes[np.argsort(-density[modes], kind="stable")][:_PLACES]
    return [float(grid[k]) for k in order]
