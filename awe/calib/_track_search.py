"""The best straight line of a binned frame, over all slopes and places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from awe.calib import _track_kernels as kernels

__all__ = ["CAP", "best", "distance"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib._track_fit import Line

    Grid = NDArray[np.float32]

#: a bin counts at most this many of its sigma
CAP = 3.0


def best(z: Grid, v: Grid, least: float, size: int) -> tuple[float, Line | None]:
    """Return the best line of all slopes: its score and end points [pixel]."""
    usable = v > 0
    if usable.sum() < 100:
        return 0.0, None
    root = np.sqrt(v)
    signal = np.clip(z, -CAP, CAP) * root
    signal -= signal[usable].mean() * root
    signal /= max(float(signal[usable].std()), 0.5)
    signal[~usable] = 0
    found: tuple[float, Line | None] = (0.0, None)
    scores = np.empty(40_000, np.float32)
    for steep in (False, True):
        light, weight = (signal, v) if steep else (signal.T, v.T)
        rows = 1 << (light.shape[0] - 1).bit_length()
        if rows // 2 >= 0.98 * light.shape[0]:
            rows //= 2
        light, weight = _height(light, rows), _height(weight, rows)
        for flip in (False, True):
            step = -1 if flip else 1
            length = light.shape[1] + rows
            sums = kernels.line_sums(np.ascontiguousarray(light[:, ::step]), length)
            weights = kernels.line_sums(np.ascontiguousarray(weight[:, ::step]), length)
            number = kernels.sampled_scores(sums, weights, np.float32(least), scores)
            scale = _scatter(scores[:number])
            score, slope, start, width = kernels.best_line(
                sums, weights, np.float32(least), np.float32(scale)
            )
            if score > found[0]:
                begin = start - rows + (width - 1) / 2
                end = begin + slope
                if flip:
                    begin, end = (light.shape[1] - 1 - place for place in (begin, end))
                a, b, last = _pixel(begin, size), _pixel(end, size), _pixel(rows - 1, size)
                first = _pixel(0, size)
                ends = (a, first, b, last) if steep else (first, a, last, b)
                found = (float(score), ends)
    return found


def _scatter(scores: NDArray[np.float32]) -> float:
    if scores.size < 100:
        return 1.0
    return max(1.0, 1.4826 * float(np.median(np.abs(scores - np.median(scores)))))


def _height(image: Grid, rows: int) -> Grid:
    if image.shape[0] >= rows:
        return image[:rows]
    return np.pad(image, ((0, rows - image.shape[0]), (0, 0)))


def _pixel(place: float, size: int) -> float:
    """Return the pixel at the centre of a bin."""
    return size * place + (size - 1) / 2


def distance(shape: tuple[int, int], size: int, line: Line) -> tuple[Grid, Grid]:
    """Return distance from a line and fraction along it [pixel] for every bin."""
    x0, y0, x1, y1 = line
    length = max(float(np.hypot(x1 - x0, y1 - y0)), 1e-9)
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    rows = np.arange(shape[0], dtype=np.float32) * np.float32(size)
    columns = np.arange(shape[1], dtype=np.float32) * np.float32(size)
    y = (rows + np.float32(_pixel(0, size) - y0)).astype(np.float32)[:, None]
    x = (columns + np.float32(_pixel(0, size) - x0)).astype(np.float32)[None, :]
    across: Grid = np.abs(x * np.float32(uy) - y * np.float32(ux)).astype(np.float32)
    along: Grid = ((x * np.float32(ux) + y * np.float32(uy)) / np.float32(length)).astype(
        np.float32
    )
    return across, along
