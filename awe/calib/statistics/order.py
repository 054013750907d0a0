"""Compiled order statistics that other kernels share.

The median of some values, medians over a mesh of boxes, and the moments of a whole frame with the
few values its exact median is among.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled

__all__ = ["median", "mesh_rows", "mesh_statistics", "moments", "ranked", "within"]

#: pixels looked at together
_RUN = 64


@compiled
def _ordered(bits):
    """Return a whole number that orders as the float32 of these bits, and back again."""
    # negative floats order backwards as integers: flip all their bits but the sign
    return bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF))


@compiled
def _rank(keys, n, k):
    """Return the k-th smallest of the first n keys by halving their range.

    Counting all of them 20 to 30 times over runs eight or more at a time, without a branch on
    any value: several times faster than partial sorting for the 50 to 5000 values it is for.
    """
    least = keys[0]
    most = keys[0]
    for i in range(n):
        least = min(least, keys[i])
        most = max(most, keys[i])
    # in 64 bits: the sum of two int32 keys may overflow; 32 halvings at most
    low = np.int64(least)
    high = np.int64(most)
    while low < high:
        # bisection: the k-th smallest is the least x with count(values <= x) > k
        middle = (low + high) >> 1
        limit = np.int32(middle)
        count = np.int32(0)
        for i in range(n):
            count += np.int32(keys[i] <= limit)
        if count > k:
            high = middle
        else:
            low = middle + 1
    return np.int32(low)


@compiled
def median(values, keys, n):
    """Return the median of the first n values (float32, finite); `keys` is room for n int32.

    Parameters
    ----------
    values : ndarray of float32, shape (n,) or longer
        Finite values; not modified.
    keys : ndarray of int32, shape (n,) or longer
        Room for the values as whole numbers; overwritten.
    n : int
        Number of values that count.
    """
    bits = values.view(np.int32)
    for i in range(n):
        keys[i] = _ordered(bits[i])
    # upper middle value; the lower one is the largest of those below it
    upper = _rank(keys, n, n // 2)
    below = np.int32(0)
    lower = np.int32(-0x80000000)
    for i in range(n):
        less = keys[i] < upper
        below += np.int32(less)
        lower = max(lower, keys[i] if less else np.int32(-0x80000000))
    # odd n, or equal values in the middle: both are the same
    if n & 1 or below < n // 2:
        lower = upper
    keys[0] = _ordered(upper)
    keys[1] = _ordered(lower)
    both = keys.view(np.float32)
    # median = (lower + upper) / 2
    return np.float32(0.5) * (both[0] + both[1])


@compiled
def ranked(values, keys, n, k):
    """Return the k-th smallest, from 0 on, of the first n values.

    Parameters
    ----------
    values : ndarray of float32, shape (n,) or longer
        Finite values; not modified.
    keys : ndarray of int32, shape (n,) or longer
        Room for the values as whole numbers; overwritten.
    n : int
        Number of values that count.
    k : int
        Rank of the value wanted, below n.
    """
    bits = values.view(np.int32)
    for i in range(n):
        keys[i] = _ordered(bits[i])
    keys[0] = _ordered(_rank(keys, n, k))
    return keys.view(np.float32)[0]


@compiled
def mesh_statistics(image, bad, box, step, least, clip, begin, end, centre, spread, number):
    """Fill median, 1.4826 MAD and number of values of every box of box x box pixels.

    Only rows of boxes from `begin` to `end` are filled. The last boxes reach to the edge.
    Every `step`-th pixel is read, staggered from row to row. Boxes with fewer than `least` of
    the values they could have stay NaN. With clip > 0 values beyond clip sigma are removed and
    the median taken again, five times at most.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Image in any unit; non-finite pixels are left out.
    bad : ndarray of bool, shape (ny, nx)
        Pixels to leave out, True = bad.
    box : int
        Side of a box [pixel].
    step : int
        Pitch at which the pixels are read [pixel].
    least : float
        Fraction of its pixels a box must have to get a value.
    clip : float
        Rejection limit about the median [sigma]; 0 rejects nothing.
    begin, end : int
        First row of boxes to fill, and the row after the last.
    centre, spread, number : ndarray of float32, shape (my, mx)
        Median, 1.4826 MAD and number of values of each box; filled.
    """
    ny, nx = image.shape
    my, mx = centre.shape
    # the last box is up to 1.5 box wide and high: 2.25 times the values of a box, 4 to be safe
    values = np.empty(4 * (box // step + 1) ** 2, np.float32)
    scratch = np.empty(values.size, np.float32)
    keys = np.empty(values.size + 1, np.int32)
    for j in range(begin, end):
        for i in range(centre.shape[1]):
            n = 0
            possible = 0
            bottom = (j + 1) * box if j < my - 1 else ny
            right = (i + 1) * box if i < mx - 1 else nx
            # pixels of the box that are good and finite; the start shifts from row to row
            for y in range(j * box, bottom, step):
                for x in range(i * box + (y // step) % step, right, step):
                    possible += 1
                    v = image[y, x]
                    if not bad[y, x] and (v - v) == np.float32(0):
                        values[n] = v
                        n += 1
            centre[j, i] = np.nan
            spread[j, i] = np.nan
            number[j, i] = n
            # a box mostly of bad pixels has no level
            if n < 3 or n < least * possible:
                continue
            for _ in range(5):
                # m = median(x), sigma = 1.4826 median(|x - m|), keep |x - m| <= clip sigma
                middle = median(values, keys, n)
                for k in range(n):
                    scratch[k] = abs(values[k] - middle)
                sigma = np.float32(1.4826) * median(scratch, keys, n)
                kept = 0
                for k in range(n):
                    if clip <= 0 or abs(values[k] - middle) <= clip * sigma:
                        values[kept] = values[k]
                        kept += 1
                # median and spread of the values that were judged, not of what this round leaves
                centre[j, i] = middle
                spread[j, i] = sigma
                if kept == n or kept < 3:
                    break
                n = kept


@compiled
def mesh_rows(along, across, out):
    """Fill out[y] with the sum of along[y, j] across[j], j in order.

    A row never depends on the others: a matrix product of the library rounds it
    differently in blocks of another height.

    Parameters
    ----------
    along : ndarray of float32, shape (ny, my)
        Weight of each row of the mesh in each row of the image.
    across : ndarray of float32, shape (my, nx)
        Rows of the mesh.
    out : ndarray of float32, shape (ny, nx)
        Image; filled.
    """
    for y in range(out.shape[0]):
        line = out[y]
        line[:] = 0
        for j in range(across.shape[0]):
            share = along[y, j]
            source = across[j]
            for x in range(line.size):
                line[x] += share * source[x]


@compiled
def moments(image, bad, pivot, low, high, begin, end, inside):
    """Return number, minimum, maximum, and sums about `pivot`, of usable pixels of some rows.

    Rows go from `begin` to `end`. Non-finite pixels are left out; an empty `bad` uses all others.
    Values from `low` to `high` are copied to `inside`, which has room for one more; their number
    and that of values below `low` come last. Sums have a lane per pixel of a run.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Image in any unit.
    bad : ndarray of bool, shape (ny, nx) or (0, 0)
        Pixels to leave out, True = bad.
    pivot : float32
        Value the sums are taken about, in the unit of the image.
    low, high : float32
        Least and greatest value copied to `inside`.
    begin, end : int
        First row to read, and the row after the last.
    inside : ndarray of float32
        Values from `low` to `high`; filled.
    """
    nx = image.shape[1]
    nothing = np.zeros(nx, np.bool_)
    usable = np.empty(_RUN, np.float32)
    least = np.full(_RUN, np.float32(np.inf), np.float32)
    most = np.full(_RUN, np.float32(-np.inf), np.float32)
    total = np.zeros(_RUN, np.float64)
    square = np.zeros(_RUN, np.float64)
    number = 0
    below = 0
    n = 0
    for y in range(begin, end):
        left_out = bad[y] if bad.shape[0] > 0 else nothing
        for first in range(0, nx, _RUN):
            part = image[y, first : first + _RUN]
            out = left_out[first : first + _RUN]
            count = np.int32(0)
            under = np.int32(0)
            # NaN stands for pixels that do not count: comparisons with it are false
            for k in range(part.size):
                good = ((part[k] - part[k]) == np.float32(0)) & (not out[k])
                count += np.int32(good)
                usable[k] = part[k] if good else np.float32(np.nan)
            for k in range(part.size):
                value = usable[k]
                under += np.int32(value < low)
                least[k] = value if value < least[k] else least[k]
                most[k] = value if value > most[k] else most[k]
            for k in range(part.size):
                value = usable[k]
                # (x - pivot): sums about a value near the mean lose no digits
                distance = np.float64(value if value == value else pivot) - np.float64(pivot)
                total[k] += distance
                square[k] += distance * distance
            for k in range(part.size):
                # all are written; the place moves on only past those that count: no branch
                inside[n] = usable[k]
                n += np.int64((usable[k] >= low) & (usable[k] <= high))
            number += count
            below += under
    return number, least.min(), most.max(), total.sum(), square.sum(), n, below


@compiled
def within(values, centre, reach):
    """Return number, mean and standard deviation of the values within `reach` of a centre.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Finite values.
    centre : float
        Value the distances and the sums are taken from.
    reach : float
        Greatest distance that counts.
    """
    total = np.zeros(_RUN, np.float64)
    square = np.zeros(_RUN, np.float64)
    n = np.int64(0)
    for first in range(0, values.size, _RUN):
        part = values[first : first + _RUN]
        count = np.int64(0)
        for k in range(part.size):
            distance = part[k] - centre
            near = abs(distance) <= reach
            count += np.int64(near)
            distance = distance if near else 0.0
            total[k] += distance
            square[k] += distance * distance
        n += count
    if n == 0:
        return n, np.nan, np.nan
    # mean = c + S1 / n, variance = S2 / n - (S1 / n)**2 with the sums of x - c and (x - c)**2
    shift = total.sum() / n
    return n, centre + shift, np.sqrt(max(square.sum() / n - shift**2, 0.0))
