"""Compiled loops of the search for tracks on bins: the frame in bins, significance, larger bins.

The lines themselves are in `kernels`.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from awe.calib._jit import compiled
from awe.calib.statistics.order import median

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["bin_frame", "capped", "compact", "enlarge", "halve", "medians", "runs", "significance",
           "smooth", "turn", "whole"]

@compiled
def bin_frame(
    image, bad, saturated, trusted, sky, box, reach, size, begin, end, mean, number, whole,
    counted, full,
):
    """Fill means and numbers of the good pixels of blocks of size x size, and mark saturated ones.

    Only the rows of blocks from `begin` to `end` are filled.

    Pixels are capped at the sky of their box (`sky`, one value per box) plus and minus `reach`:
    a bright track is dimmed, never removed. `whole` is not capped, and has those pixels too that
    are bad only because they are saturated or trusted.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Image in any unit.
    bad, saturated, trusted : ndarray of bool, shape (ny, nx)
        Pixels to leave out, saturated ones, and others that may be a track; True = marked.
    sky : ndarray of float32, shape (my, mx)
        Sky at the centres of boxes, in the unit of the image.
    box : int
        Side of a box of the sky [pixel].
    reach : float32
        Greatest distance of a pixel from the sky that counts, in the unit of the image.
    size : int
        Side of a bin [pixel].
    begin, end : int
        First row of bins to fill, and the row after the last.
    mean, number : ndarray of float32, shape (by, bx)
        Mean and number of the good pixels of each bin; filled.
    whole, counted : ndarray of float32, shape (by, bx)
        The same with saturated and trusted pixels, without a cap; filled.
    full : ndarray of bool, shape (by, bx)
        Bins with a saturated pixel; filled.
    """
    # m = (1/n) sum min(max(I, sky - reach), sky + reach) over the n good pixels of a bin
    columns = mean.shape[1]
    width = columns * size
    low = np.empty(width, np.float32)
    high = np.empty(width, np.float32)
    total = np.empty(width, np.float32)
    count = np.empty(width, np.float32)
    bright = np.empty(width, np.float32)
    every = np.empty(width, np.float32)
    spoilt = np.empty(width, np.uint8)
    filled = -1
    for row in range(begin, end):
        # the bounds are constant over a box: they only cap, the sky itself is taken off m later
        j = min(row * size // box, sky.shape[0] - 1)
        if j != filled:
            filled = j
            for x in range(width):
                level = sky[j, min(x // box, sky.shape[1] - 1)]
                low[x] = level - reach
                high[x] = level + reach
        total[:] = 0
        count[:] = 0
        bright[:] = 0
        every[:] = 0
        spoilt[:] = 0
        for y in range(row * size, (row + 1) * size):
            line = image[y]
            left_out = bad[y]
            overfull = saturated[y]
            hit = trusted[y]
            _add(
                line, left_out, overfull, hit, low, high, total, count, bright, every, spoilt
            )
        for column in range(columns):
            value = np.float32(0)
            n = np.float32(0)
            light = np.float32(0)
            most = np.float32(0)
            any_full = np.uint8(0)
            for x in range(column * size, (column + 1) * size):
                value += total[x]
                n += count[x]
                light += bright[x]
                most += every[x]
                any_full |= spoilt[x]
            mean[row, column] = value / n if n > 0 else np.float32(0)
            number[row, column] = n
            whole[row, column] = light / most if most > 0 else np.float32(0)
            counted[row, column] = most
            full[row, column] = any_full != 0


@compiled
def _add(line, left_out, overfull, hit, low, high, total, count, bright, every, spoilt):
    """Add one row of pixels to the sums and numbers of a row of bins, column by column."""
    for x in range(total.size):
        # NaN differs from itself: such pixels add 0 to the sum and to n, as bad ones do
        v = line[x]
        good = (not left_out[x]) & (v == v)
        v = low[x] if v < low[x] else v
        v = high[x] if v > high[x] else v
        total[x] += v if good else np.float32(0)
    # one array is written in each loop: with more the compiler leaves vectors
    for x in range(total.size):
        good = (not left_out[x]) & (line[x] == line[x])
        count[x] += np.float32(1) if good else np.float32(0)
    for x in range(total.size):
        v = line[x]
        good = ((not left_out[x]) | overfull[x] | hit[x]) & (v == v)
        bright[x] += v if good else np.float32(0)
    for x in range(total.size):
        good = ((not left_out[x]) | overfull[x] | hit[x]) & (line[x] == line[x])
        every[x] += np.float32(1) if good else np.float32(0)
    for x in range(total.size):
        spoilt[x] |= overfull[x]


@compiled
def significance(mean, number, possible, centre, spread, box, z, v):
    """Fill significance and weight of bins above a sky known at the centres of boxes.

    Bins with less than a quarter of the `possible` pixels get neither.

    Parameters
    ----------
    mean, number : ndarray of float32, shape (by, bx)
        Mean and number of the good pixels of each bin.
    possible : float32
        Number of pixels of a bin.
    centre, spread : ndarray of float32, shape (my, mx)
        Sky and its scatter at the centres of boxes.
    box : int
        Side of a box [bin].
    z, v : ndarray of float32, shape (by, bx)
        Significance and weight of each bin; filled.
    """
    ny, nx = mean.shape
    # sky and scatter are bilinear between the centres of boxes: along x first, then along y
    levels = np.empty((centre.shape[0], nx), np.float32)
    noises = np.empty((centre.shape[0], nx), np.float32)
    _across(centre, box, levels)
    _across(spread, box, noises)
    level = np.empty(nx, np.float32)
    noise = np.empty(nx, np.float32)
    for y in range(ny):
        _between(levels, box, y, level)
        _between(noises, box, y, noise)
        light = mean[y]
        filled = number[y]
        signal = z[y]
        weights = v[y]
        # one array is written in each loop: with more the compiler leaves vectors
        for x in range(nx):
            weight = filled[x] / possible
            weights[x] = weight if weight >= np.float32(0.25) else np.float32(0)
        for x in range(nx):
            # v = n / size**2; s is the scatter of nearly full bins, that of this one s / sqrt(v):
            # z = (m - sky) / (s / sqrt(v)) has unit noise whatever n is
            signal[x] = (light[x] - level[x]) / noise[x] * np.sqrt(weights[x])


@compiled
def _across(mesh, box, out):
    """Fill every row of a mesh of boxes at every column, linearly between their centres."""
    mx = mesh.shape[1]
    for x in range(out.shape[1]):
        # box i has its centre at (i + 1/2) box - 1/2; u = (x + 1/2) / box - 1/2 counts boxes from
        # the first centre; beyond the outer ones the value stays constant
        place = min(max((x + 0.5) / box - 0.5, 0.0), mx - 1.0)
        i = min(int(place), max(mx - 2, 0))
        right = min(i + 1, mx - 1)
        share = np.float32(place - i)
        for j in range(mesh.shape[0]):
            out[j, x] = mesh[j, i] + share * (mesh[j, right] - mesh[j, i])


@compiled
def _between(rows, box, y, line):
    """Fill the line y, linearly between rows known at the centres of boxes."""
    my = rows.shape[0]
    place = min(max((y + 0.5) / box - 0.5, 0.0), my - 1.0)
    j = min(int(place), max(my - 2, 0))
    lower = rows[j]
    upper = rows[min(j + 1, my - 1)]
    part = np.float32(place - j)
    for x in range(line.size):
        line[x] = lower[x] + part * (upper[x] - lower[x])


@compiled
def halve(z, v, cap, light, weight):
    """Fill significance and weight of bins twice as large; an odd last bin is dropped.

    Parameters
    ----------
    z, v : ndarray of float32, shape (by, bx)
        Significance and weight of each bin.
    cap : float32
        Greatest significance that counts.
    light, weight : ndarray of float32, shape (by // 2, bx // 2)
        Significance and weight of the larger bins; filled.
    """
    ny, nx = weight.shape
    for y in range(ny):
        for x in range(nx):
            # V = (1/4) sum v, Z = sum z sqrt(v) / sqrt(sum v): inverse variances weight, and Z has
            # unit noise again
            total = np.float32(0)
            value = np.float32(0)
            for j in range(2):
                for i in range(2):
                    share = v[2 * y + j, 2 * x + i]
                    signal = z[2 * y + j, 2 * x + i]
                    signal = min(max(signal, -cap), cap)
                    total += share
                    value += signal * np.sqrt(share)
            total *= np.float32(0.25)
            weight[y, x] = total
            # sqrt(sum v) = 2 sqrt(V), hence the half; V of 1e-3 at least gives empty bins Z = 0
            light[y, x] = np.float32(0.5) * value / np.sqrt(max(total, np.float32(1e-3)))


@compiled
def enlarge(plane, known, full, factor, mean, number, spoilt):
    """Fill mean and number of the known bins of blocks of factor x factor; others are dropped.

    Parameters
    ----------
    plane : ndarray of float32, shape (by, bx)
        Values of the bins.
    known : ndarray of bool, shape (by, bx)
        Bins that count.
    full : ndarray of bool, shape (by, bx)
        Bins with a saturated pixel.
    factor : int
        Side of a block [bin].
    mean : ndarray of float32, shape (by // factor, bx // factor)
        Mean of each block, 0 without a known bin; filled.
    number : ndarray of int64, shape (by // factor, bx // factor)
        Known bins of each; filled.
    spoilt : ndarray of bool, shape (by // factor, bx // factor)
        Blocks with a saturated pixel; filled.
    """
    ny, nx = mean.shape
    for y in range(ny):
        for x in range(nx):
            total = np.float32(0)
            n = 0
            any_full = False
            for j in range(y * factor, (y + 1) * factor):
                for i in range(x * factor, (x + 1) * factor):
                    any_full |= full[j, i]
                    if known[j, i]:
                        total += plane[j, i]
                        n += 1
            spoilt[y, x] = any_full
            mean[y, x] = total / np.float32(max(n, 1))
            number[y, x] = n


@compiled
def capped(z, v, cap, values):
    """Fill the capped light of all bins that have weight, one after another; return their number.

    Parameters
    ----------
    z, v : ndarray of float32, shape (by, bx)
        Significance and weight of each bin.
    cap : float32
        Greatest significance that counts.
    values : ndarray of float32, shape (by * bx,)
        Of bins whose v is not 0: min(max(z, -cap), cap) sqrt(v); filled from the beginning.
    """
    number = 0
    ny, nx = z.shape
    for y in range(ny):
        for x in range(nx):
            if v[y, x] > 0:
                values[number] = min(max(z[y, x], -cap), cap) * np.sqrt(v[y, x])
                number += 1
    return number


@compiled
def whole(z, v, cap, mean, unit, limit, most, signal, weight):
    """Fill light and weight of every bin in whole numbers.

    Parameters
    ----------
    z, v : ndarray of float32, shape (by, bx)
        Significance and weight of each bin.
    cap : float32
        Greatest significance that counts.
    mean : float32
        Mean of the light over the root of the weight; taken off.
    unit, limit : float32
        Steps of light in one of its units, and the greatest number of them.
    most : float32
        Steps of weight in one bin.
    signal, weight : ndarray of int16, shape (by, bx)
        Filled; both are 0 where there is no weight.
    """
    ny, nx = z.shape
    for y in range(ny):
        light, share, steps = z[y], v[y], signal[y]
        # Z = min(max(z, -3), 3) sqrt(v): sum Z / sqrt(sum v) along a line weights by inverse
        # variance; of that <Z> sqrt(v) is taken off
        for x in range(nx):
            root = np.sqrt(share[x])
            value = (min(max(light[x], -cap), cap) * root - mean * root) * unit
            value = np.rint(min(max(value, -limit), limit))
            steps[x] = np.int16(value if share[x] > 0 else np.float32(0))
        its = weight[y]
        for x in range(nx):
            its[x] = np.int16(np.rint(share[x] * most))


@compiled
def turn(plane, out):
    """Fill `out` with a plane whose rows are columns there.

    Parameters
    ----------
    plane : ndarray, shape (by, bx)
        Values of any type.
    out : ndarray, shape (bx, by)
        The same type; filled.
    """
    ny, nx = plane.shape
    # squares of 32 x 32 stay in cache
    for top in range(0, ny, 32):
        for left in range(0, nx, 32):
            for x in range(left, min(left + 32, nx)):
                for y in range(top, min(top + 32, ny)):
                    out[x, y] = plane[y, x]


@compiled
def compact(level, low, high, longest, out):
    """Mark values above `high` that belong to a short group of values above `low`.

    Parameters
    ----------
    level : ndarray of float32, shape (by, bx)
        Values of the bins; groups are connected along rows and columns.
    low, high : float
        Values above which a bin belongs to a group, and above which it is marked.
    longest : float
        Groups whose bounding box has a diagonal below this are short [bin].
    out : ndarray of bool, shape (by, bx)
        All False at first; marked.
    """
    ny, nx = level.shape
    seen = np.zeros((ny, nx), np.bool_)
    group = np.empty(ny * nx, np.int32)
    for y0 in range(ny):
        for x0 in range(nx):
            if not level[y0, x0] > high or seen[y0, x0]:
                continue
            seen[y0, x0] = True
            group[0] = y0 * nx + x0
            number = 1
            k = 0
            top, bottom, left, right = y0, y0, x0, x0
            while k < number:
                y = group[k] // nx
                x = group[k] % nx
                k += 1
                top, bottom = min(top, y), max(bottom, y)
                left, right = min(left, x), max(right, x)
                for way in range(4):
                    yy = y + (way == 0) - (way == 1)
                    xx = x + (way == 2) - (way == 3)
                    if yy < 0 or xx < 0 or yy >= ny or xx >= nx or seen[yy, xx]:
                        continue
                    if level[yy, xx] > low:
                        seen[yy, xx] = True
                        group[number] = yy * nx + xx
                        number += 1
            if np.hypot(float(bottom + 1 - top), float(right + 1 - left)) < longest:
                for k in range(number):
                    y = group[k] // nx
                    x = group[k] % nx
                    out[y, x] = level[y, x] > high


@compiled
def medians(image, level):
    """Fill the median of every row.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Finite image.
    level : ndarray of float32, shape (ny,)
        Median of each row; filled.
    """
    keys = np.empty(image.shape[1] + 1, np.int32)
    for y in range(image.shape[0]):
        level[y] = median(image[y], keys, image.shape[1])


@compiled
def _inside(place, n):
    """Return a place mirrored at the edges into 0..n - 1."""
    # the edge itself is doubled: -1 is 0, n is n - 1
    place = -1 - place if place < 0 else place
    return 2 * n - 1 - place if place >= n else place


@compiled
def smooth(image, cap, half, out):
    """Fill the mean of squares of 2 half + 1 values, each capped at +-cap; edges are mirrors.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Finite image.
    cap : float32
        Greatest distance from zero that counts.
    half : int
        Half the side of a square, without its middle.
    out : ndarray of float32, shape (ny, nx)
        Mean of the square around each value; filled.
    """
    ny, nx = image.shape
    # (2 h + 1)**-2 sum min(max(z, -cap), cap) in two steps: 2 h + 1 rows are added, then the sums
    # of 2 h + 1 columns, 2 (2 h + 1) additions per bin instead of (2 h + 1)**2
    column = np.empty(nx + 2 * half, np.float32)
    share = np.float32(1) / np.float32((2 * half + 1) ** 2)
    for y in range(ny):
        column[:] = 0
        inner = column[half:]
        for step in range(-half, half + 1):
            row = image[_inside(y + step, ny)]
            for x in range(nx):
                value = row[x]
                value = value if value < cap else cap
                inner[x] += value if value > -cap else -cap
        for step in range(half):
            column[half - 1 - step] = column[half + step]
            column[half + nx + step] = column[half + nx - 1 - step]
        target = out[y]
        target[:] = 0
        for step in range(2 * half + 1):
            shifted = column[step:]
            for x in range(nx):
                target[x] += shifted[x]
        for x in range(nx):
            target[x] *= share


def runs(marked: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where the runs of Trues begin, and the places behind their ends.

    Parameters
    ----------
    marked : ndarray of bool, shape (n,)
        Any marks.
    """
    # differences are +1 where a run begins and -1 behind its end: begin, end, begin, end ...
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    return edges[::2], edges[1::2]
