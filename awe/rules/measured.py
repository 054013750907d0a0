"""Numbers of a frame that its quality is judged by, each measured when it is first needed.

Spreads are those of the bulk of the pixels: hot pixels have a map of their own.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.calib import statistics
from awe.calib.statistics import strays

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from awe.calib.statistics import Clipped

__all__ = ["Numbers", "changed_pattern", "changed_shape", "changed_spot"]

#: windows over a frame, along y and x
WINDOWS = (8, 4)

#: pixels that suffice for spreads and medians
SAMPLE = 500_000

#: pixels that suffice for the noise of single pixels
NOISE_SAMPLE = 130_000

#: pixels further from the median do not count for spreads [sigma]
BULK = 5.0

#: boxes along a side that are compared with those around, and how far around
BOXES, BOXES_AROUND = 32, 5

#: rows or columns are compared with this part of all, to each side, within bounds
LINES_AROUND, FEWEST_LINES, MOST_LINES = 1 / 32, 7, 50


class Numbers:
    """What the checks look at, each measured when a check first asks for it.

    Parameters
    ----------
    pixels : ndarray, shape (ny, nx), any real dtype
        Pixels of a frame; not modified.
    """

    def __init__(self, pixels: NDArray[Any]) -> None:
        self._pixels = pixels
        self.size = int(pixels.size)

    @property
    def mean(self) -> float:
        """Mean of the bulk of the pixels, NaN where none is finite."""
        return self._bulk.mean if self._bulk is not None else float("nan")

    @property
    def stdev(self) -> float:
        """Spread of the bulk of the pixels, NaN where none is finite."""
        return self._bulk.stdev if self._bulk is not None else float("nan")

    @property
    def window_medians(self) -> tuple[float, ...]:
        """Median of each window that holds a finite pixel."""
        return tuple(part.median for part in self._windows)

    @property
    def window_stdevs(self) -> tuple[float, ...]:
        """Spread of each window that holds a finite pixel."""
        return tuple(part.stdev for part in self._windows)

    @cached_property
    def unevenness(self) -> float:
        """Difference of the medians of two windows that their noise does not explain."""
        if not self._windows:
            return 0.0
        medians = self.window_medians
        errors = [1.2533 * part.stdev / part.n**0.5 for part in self._windows]
        return float(max(max(medians) - min(medians) - 2 * BULK * max(errors), 0.0))

    @property
    def window_noises(self) -> tuple[float, ...]:
        """Noise of single pixels in each window that has enough of them."""
        return tuple(noise for noise, _ in self.noises_and_levels)

    @cached_property
    def noises_and_levels(self) -> tuple[tuple[float, float], ...]:
        """Noise of single pixels and median of each window that has enough of them."""
        step = max(1, round(self.size / NOISE_SAMPLE))
        return tuple(
            (statistics.pixel_noise(part), statistics.median(part))
            for part in _windows(self._pixels[::step])
            if min(part.shape) >= 2 and part.shape[1] >= 8 and _mostly_finite(part)
        )

    def stray_lines(self, step: float) -> float:
        """Return the fraction of rows and columns off those around by more than a step."""
        reach = min(max(int(min(self._pixels.shape) * LINES_AROUND), FEWEST_LINES), MOST_LINES)
        return strays.lines(self._pixels, step=step, sigma=BULK, reach=reach)

    def stray_boxes(self, step: float) -> float:
        """Return the fraction of small boxes off those around by more than a step."""
        return strays.boxes(
            self._thin, step=step, sigma=BULK, reach=BOXES_AROUND, across=BOXES
        )

    def largest_box(self) -> float:
        """Return how far the box that is furthest from those around is beyond its noise."""
        return strays.largest(self._thin, sigma=BULK, reach=BOXES_AROUND, across=BOXES)

    @cached_property
    def not_finite(self) -> int:
        """Number of pixels without a finite value; integers always have one."""
        if self._pixels.dtype.kind != "f":
            return 0
        return self.size - int(np.count_nonzero(np.isfinite(self._pixels)))

    @cached_property
    def zeros(self) -> int:
        """Number of pixels that are 0."""
        # truth values are counted faster than floats
        return self.size - int(np.count_nonzero(self._pixels != 0))

    @cached_property
    def _thin(self) -> NDArray[Any]:
        return _thin(self._pixels)

    @cached_property
    def _bulk(self) -> Clipped | None:
        if not np.isfinite(self._thin).any():
            return None
        return statistics.clipped(self._thin, sigma=BULK, iterations=3, middle=False)

    @cached_property
    def _windows(self) -> list[Clipped]:
        return [
            statistics.clipped(part, sigma=BULK, iterations=2)
            for part in _windows(self._thin)
            if part.size and np.isfinite(part).any()
        ]


def changed_shape(now: NDArray[Any], before: NDArray[Any]) -> float:
    """Return by how much the light over a flat is distributed otherwise than over another.

    Parameters
    ----------
    now, before : ndarray, shape (ny, nx), any real dtype
        Two flats of mean 1.

    Returns
    -------
    float
        Half the largest difference of the medians of two windows of their ratio, 0 where no
        pixel has a value in both.
    """
    return Numbers(_ratio(_thin(now), _thin(before))).unevenness / 2


def changed_spot(now: NDArray[Any], before: NDArray[Any]) -> float:
    """Return by how much the light in a small box of a flat changed against those around.

    Parameters
    ----------
    now, before : ndarray, shape (ny, nx), any real dtype
        Two flats of mean 1.

    Returns
    -------
    float
        The largest change beyond what noise explains, relative; a star that was in all frames
        stands out, or dust. 0 where no pixel has a value in both.
    """
    return Numbers(_ratio(_thin(now), _thin(before))).largest_box()


def changed_pattern(now: NDArray[Any], before: NDArray[Any], noise: float) -> float:
    """Return the scatter of the ratio of two flats from pixel to pixel over their noise.

    Parameters
    ----------
    now, before : ndarray, shape (ny, nx), any real dtype
        Two flats of mean 1.
    noise : float
        Expected scatter of the ratio.
    """
    step = max(1, round(now.size / NOISE_SAMPLE))
    noises = Numbers(_ratio(now[::step], before[::step])).window_noises
    return float(np.median(noises)) / noise if noises else 0.0


def _ratio(now: NDArray[Any], before: NDArray[Any]) -> NDArray[Any]:
    ratio = np.full(now.shape, np.nan)
    np.divide(now, before, out=ratio, where=np.isfinite(before) & (before > 0))
    return ratio


def _thin(pixels: NDArray[Any]) -> NDArray[Any]:
    step = max(1, round((pixels.size / SAMPLE) ** 0.5))
    return pixels[::step, ::step]


def _windows(pixels: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for band in np.array_split(pixels, WINDOWS[0], axis=0):
        yield from np.array_split(band, WINDOWS[1], axis=1)


def _mostly_finite(part: NDArray[Any]) -> bool:
    return 2 * int(np.count_nonzero(np.isfinite(part))) > part.size
