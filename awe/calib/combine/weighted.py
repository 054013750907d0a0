"""Compiled loops of `combine` for frames of unequal noise: each has its own sigma and weight.

The median of a pixel comes from the same sorting network; values keep their places,
so that each meets the limit of its own frame and enters with the weight of its own frame.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled
from awe.calib.combine.kernels import _WIDTH, _exchange, _middle, _replace_bad

__all__ = ["combine_weighted"]


@compiled
def _take(chunk, y, x0, network, u, s, bad, width):
    """Fill u with a run of pixels, s with their sorted values; counts what is not finite."""
    found = 0
    for k in range(chunk.shape[0]):
        u[k, :width] = chunk[k, y, x0 : x0 + width]
        found += _replace_bad(u[k], bad, width)
        s[k, :width] = u[k, :width]
    # all pixels of the run are sorted at once, exchange by exchange
    for e in range(network.shape[0]):
        _exchange(s[network[e, 0]], s[network[e, 1]], width)
    return found


@compiled
def _gather(row, centre, weight, total, width):
    for i in range(width):
        # sum of w_k (x_k - m): about the median m, so that float32 keeps the digits
        total[i] += weight * (row[i] - centre[i])


@compiled
def _beyond(row, centre, constant, slope, k_low, k_high, suspect, width):
    """Mark pixels where a frame may lose its value; the margin sees to it that none is missed."""
    found = 0
    for i in range(width):
        # sigma_k**2 = c_k + s_k max(m, 0)
        sigma = np.sqrt(constant + slope * max(centre[i], np.float32(0)))
        # a ten-thousandth, and two steps of float32 at the level, for rounding
        s = sigma * np.float32(0.9999) - abs(centre[i]) * np.float32(2.4e-7)
        out = ((centre[i] - row[i]) > k_low * s) | ((row[i] - centre[i]) > k_high * s)
        suspect[i] |= out
        found += out
    return found


@compiled
def _by_value(u, i, v, place):
    """Fill v with the finite values of a pixel in order, place with their frames; count them."""
    m = 0
    for k in range(u.shape[0]):
        if u[k, i] == np.inf:
            continue
        # insertion sort: n is small, and values carry the number of their frame
        j = m
        while j > 0 and v[j - 1] > u[k, i]:
            v[j] = v[j - 1]
            place[j] = place[j - 1]
            j -= 1
        v[j] = u[k, i]
        place[j] = k
        m += 1
    return m


@compiled
def _farthest(v, place, m, k_low, k_high, constants, slopes):
    """Return which value leaves next and whether it is too low, or -1."""
    # limits are about the median of the values still here, taken anew after each that leaves
    centre = _middle(v, 0, m)
    highest = 1.0
    lowest = 1.0
    upper = -1
    lower = -1
    for j in range(m):
        sigma = np.sqrt(constants[place[j]] + slopes[place[j]] * max(centre, 0.0))
        # distance in units of the limit of its own frame; 1 is just allowed
        above = (v[j] - centre) / (k_high * sigma)
        below = (centre - v[j]) / (k_low * sigma)
        if above > highest:
            highest = above
            upper = j
        elif below > lowest:
            lowest = below
            lower = j
    # of those beyond their limits the highest leaves first: hits are bright
    if upper >= 0:
        return upper, 0
    return lower, 1


@compiled
def _clip_each(v, place, m, k_low, k_high, constants, slopes):
    """Move the values that stay to the front; returns how many stay and how many were too low.

    One leaves at a time, because a hit pulls the median and good values of frames of little noise
    must not leave with it; bright ones first, so that of two camps the lower stays.
    """
    too_low = 0
    while m > 0:
        out, low = _farthest(v, place, m, k_low, k_high, constants, slopes)
        if out < 0:
            break
        too_low += low
        m -= 1
        # the order by value is kept: the middle of v stays the median
        for j in range(out, m):
            v[j] = v[j + 1]
            place[j] = place[j + 1]
    return m, too_low


@compiled
def _contradict(v, place, k_high, constants, slopes):
    """Return True if two values differ by more than their noise allows."""
    centre = max(0.5 * (v[0] + v[1]), 0.0)
    # sigma**2(x_1 - x_0) = c_0 + c_1 + (s_0 + s_1) max(mean, 0)
    variance = constants[place[0]] + constants[place[1]]
    variance += (slopes[place[0]] + slopes[place[1]]) * centre
    return v[1] - v[0] > k_high * np.sqrt(variance)


@compiled
def _exact_pixel(u, i, v, place, k_low, k_high, constants, slopes, weights):
    """Return value, numbers rejected low and used, and weight used of a pixel, in double."""
    m = _by_value(u, i, v, place)
    below = 0
    # two values give no vote: the lower one stays alone
    if m == 2 and _contradict(v, place, k_high, constants, slopes):
        m = 1
    elif m > 0:
        m, below = _clip_each(v, place, m, k_low, k_high, constants, slopes)
    if m == 0:
        return np.nan, below, 0, 0.0
    total = 0.0
    weight = 0.0
    for j in range(m):
        total += weights[place[j]] * v[j]
        weight += weights[place[j]]
    # mean = sum w_k x_k / sum w_k over the values that stay
    return total / weight, below, m, weight


@compiled
def combine_weighted(
    chunk, network, k_low, k_high, constants, slopes, weights, out, used, low, share
):
    """Combine rows of n frames by their weights; returns how many pixels took the exact path.

    `chunk` (n, rows, nx) float32; `constants`, `slopes` (n,) float64: variance of a value of each
    frame; `weights` (n,) float64 with sum 1. `used` and `low` as in `combine_block`.

    Parameters
    ----------
    chunk : ndarray of float32, shape (n, rows, nx)
        Values of n frames [ADU].
    network : ndarray of int64, shape (m, 2)
        Exchanges of a sorting network of n values.
    k_low, k_high : float
        Rejection limits below and above the median [sigma].
    constants : ndarray of float64, shape (n,)
        Constant term of the variance of a value of each frame [ADU**2].
    slopes : ndarray of float64, shape (n,)
        Variance of a value per count of its level, for each frame [ADU].
    weights : ndarray of float64, shape (n,)
        Weight of each frame; their sum is 1.
    out : ndarray of float32, shape (rows, nx)
        Combined values [ADU]; filled.
    used, low : ndarray of uint8, shape (rows, nx) or (0, 0)
        Numbers of values used and of values rejected as too low; filled unless empty.
    share : ndarray of float32, shape (rows, nx) or (0, 0)
        Sum of the weights of the values used; filled unless empty.
    """
    n, rows, nx = chunk.shape
    s = np.empty((n, _WIDTH), np.float32)
    u = np.empty((n, _WIDTH), np.float32)
    centre = np.empty(_WIDTH, np.float32)
    total = np.empty(_WIDTH, np.float32)
    bad = np.zeros(_WIDTH, np.uint8)
    suspect = np.zeros(_WIDTH, np.bool_)
    v = np.empty(n, np.float64)
    place = np.empty(n, np.int64)
    counting = used.shape[0] > 0
    sharing = share.shape[0] > 0
    exact = 0
    for y in range(rows):
        for x0 in range(0, nx, _WIDTH):
            width = min(_WIDTH, nx - x0)
            row = out[y, x0 : x0 + width]
            bad[:] = 0
            found = _take(chunk, y, x0, network, u, s, bad, width)
            # median: mean of the two middle values, which are one for odd n
            upper = s[n // 2]
            lower = s[(n - 1) // 2]
            suspect[:] = found > 0
            for i in range(width):
                centre[i] = np.float32(0.5) * (lower[i] + upper[i])
                total[i] = np.float32(0)
            outside = 0
            if found == 0:
                for k in range(n):
                    _gather(u[k], centre, np.float32(weights[k]), total, width)
                    outside += _beyond(
                        u[k], centre, np.float32(constants[k]), np.float32(slopes[k]),
                        np.float32(k_low), np.float32(k_high), suspect, width,
                    )
                for i in range(width):
                    # mean = m + sum w_k (x_k - m), the weights adding up to 1
                    row[i] = centre[i] + total[i]
            if counting:
                used[y, x0 : x0 + width] = n
                low[y, x0 : x0 + width] = 0
            if sharing:
                share[y, x0 : x0 + width] = np.float32(1)
            if found == 0 and outside == 0:
                continue
            # the few pixels that may lose a value go through double precision
            for i in range(width):
                if not suspect[i]:
                    continue
                exact += 1
                value, n_low, n_used, held = _exact_pixel(
                    u, i, v, place, k_low, k_high, constants, slopes, weights
                )
                row[i] = value
                if counting:
                    used[y, x0 + i] = n_used
                    low[y, x0 + i] = n_low
                if sharing:
                    share[y, x0 + i] = held
    return exact
