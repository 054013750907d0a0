"""What an image tells of its detector by itself: strips without light, amplifiers, full pixels.

Nothing is known beforehand but the image. A strip is the uniform border behind which the level
rises at once; amplifiers meet where the level jumps at a regular place; the highest value is the
end of the scale where pixels pile up on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from awe.calib._frames import takes_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Top", "jump", "levels", "runs", "strip", "top"]

#: rows read for the levels of the columns
_READ = 512
#: share of the values of a column left out at each end
_TRIMMED = 0.2
#: columns behind a border whose level counts
_BEHIND = 5
#: columns on each side of an amplifier's border
_BESIDE = 40


@dataclass(frozen=True, kw_only=True)
class Top:
    """The upper end of the values of an image.

    Attributes
    ----------
    value : float, ADU
        The highest value.
    count : int
        Pixels that have it.
    piled : bool
        Whether pixels pile up on it, as full ones do.
    step : int
        Greatest whole number that divides the differences of all values; 1 for fractions, 0 where
        all values are the same.
    """

    value: float
    count: int
    piled: bool
    step: int


@takes_frames(double=True)
def levels(image: NDArray[np.generic]) -> tuple[NDArray[np.float64], float]:
    """Return the level of every column, and the noise of those levels.

    Parameters
    ----------
    image : ndarray, shape (ny, nx), any real dtype
        Transposed for the levels of rows; not modified.

    Returns
    -------
    levels : ndarray of float64, shape (nx,)
        Mean of the middle values of each column, in the unit of the image.
    error : float
        Their scatter from column to column, the same unit.

    Examples
    --------
    >>> levels(np.tile(np.arange(8.0), (20, 1)))[0][:3].tolist()
    [0.0, 1.0, 2.0]
    """
    step = max(1, image.shape[0] // _READ)
    rows = np.sort(image[::step].astype(np.float64), axis=0)
    cut = int(_TRIMMED * rows.shape[0])
    found = np.nanmean(rows[cut : rows.shape[0] - cut], axis=0)
    # the second difference of independent levels has sqrt(6) of their scatter
    curve = np.abs(np.diff(found, 2)) / 6**0.5
    return found, float(1.4826 * np.median(curve)) if curve.size else 0.0


def strip(
    profile: NDArray[np.float64], error: float, *, least: int, sure: float, even: float
) -> int:
    """Return how many columns at the beginning of a profile have no light; 0 for none.

    Parameters
    ----------
    profile : ndarray of float64, shape (n,)
        Levels of columns; reversed for the strip at the end.
    error : float
        Scatter of a level, in its unit.
    least : int
        Fewest columns of a strip.
    sure : float
        Least step to the light, in `error`.
    even : float
        Largest spread of the strip, and largest part of the step that may be missing in the
        first two columns of light, as a fraction of the step.

    Notes
    -----
    A quarter of the profile is looked at; where light rises slowly there is no strip.
    """
    for edge in range(least, profile.size // 4):
        within = profile[:edge]
        step = float(np.median(profile[edge : edge + _BEHIND]) - np.median(within))
        # charge left behind brightens the last column of the strip, so one step takes two columns
        if step <= sure * error or profile[edge] - profile[edge - 2] < (1 - even) * step:
            continue
        if profile[edge] - profile[edge - 1] < 0.5 * step:
            continue
        low, high = np.percentile(within, [10, 90])
        if high - low <= even * step:
            return edge
    return 0


def runs(
    profile: NDArray[np.float64], error: float, *, least: int, sure: float
) -> list[tuple[int, int]]:
    """Return the parts of a strip that have one level each, as (begin, end), zero-based.

    Parameters
    ----------
    profile : ndarray of float64, shape (n,)
        Levels of the columns of the strip.
    error : float
        Scatter of a level, in its unit.
    least : int
        Fewest columns of a part; shorter ones are left out.
    sure : float
        Least jump between two parts, in `error`.
    """
    begin, found = 0, []
    limit = sure * error
    for place in range(1, profile.size + 1):
        level = float(np.median(profile[begin:place]))
        if place < profile.size and abs(profile[place] - level) <= limit:
            continue
        if place - begin >= least:
            found.append((begin, place))
        begin = place
    return found


def jump(profile: NDArray[np.float64], place: int) -> tuple[float, float]:
    """Return by how much a profile jumps between two columns, and the error of that.

    Parameters
    ----------
    profile : ndarray of float64, shape (n,)
        Levels of columns.
    place : int
        First column behind the border.

    Notes
    -----
    A line is fitted to each side; the jump is their difference at the border, its error from the
    scatter about the lines. Where the columns next to the border do not jump as the lines do, the
    change is a star or the like, and 0 is returned.
    """
    reach = min(_BESIDE, place, profile.size - place)
    if reach < _BEHIND + 1:
        return 0.0, 0.0
    ends, scatter = [], []
    for part in (profile[place - reach : place], profile[place : place + reach][::-1]):
        x = np.arange(reach, dtype=np.float64)
        slope, start = np.polyfit(x, part, 1)
        ends.append(slope * (reach - 0.5) + start)
        scatter.append(1.4826 * np.median(np.abs(part - slope * x - start)))
    found = float(ends[1] - ends[0])
    near = float(
        np.median(profile[place : place + _BEHIND]) - np.median(profile[place - _BEHIND : place])
    )
    # a line through n points, half a step beyond its end, has the variance 4 s**2 / n
    error = float(2 * (scatter[0] ** 2 + scatter[1] ** 2) ** 0.5 / reach**0.5)
    return (found if abs(near - found) <= 0.5 * abs(found) else 0.0), error


@takes_frames(double=True)
def top(image: NDArray[np.generic], *, least: int, times: float) -> Top:
    """Return the upper end of the values of an image.

    Parameters
    ----------
    image : ndarray, shape (ny, nx), ADU
        Raw counts; not modified. Pixels that are not finite are left out.
    least : int
        Fewest pixels that are a pile.
    times : float
        How many times as many pixels as on the values below a pile has.

    Examples
    --------
    >>> top(np.array([[4095, 4095, 4095], [10, 90, 4095]]), least=3, times=5).piled
    True
    """
    known = image[np.isfinite(image)] if image.dtype.kind == "f" else image.ravel()
    if not known.size:
        return Top(value=0.0, count=0, piled=False, step=0)
    highest = float(known.max())
    near = known.astype(np.float64) >= highest - 0.02 * abs(highest)
    counts = np.unique(known[near], return_counts=True)[1]
    below = counts[:-1].max() if counts.size > 1 else 0
    return Top(
        value=highest,
        count=int(counts[-1]),
        piled=bool(counts[-1] >= max(least, times * below)),
        step=_step(known),
    )


def _step(known: NDArray[np.generic]) -> int:
    """Return what all differences of some values can be divided by; 1 for fractions."""
    some = known[:: max(1, known.size // 200_000)].astype(np.float64)
    differences = some - some[0]
    if not np.array_equal(differences, np.rint(differences)):
        return 1
    return int(np.gcd.reduce(differences.astype(np.int64)))
