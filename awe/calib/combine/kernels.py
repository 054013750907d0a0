"""Compiled loops of `combine`.

A sorting network over rows of pixels, so that the compiler can work on many pixels at once, and
an exact second look at the few pixels that may reject a value.

A network of compare-exchanges (Batcher's merge exchange; Knuth, The Art of Computer Programming,
5.2.2 M) sorts any number of frames with one compiled kernel. Sums of small deviations from the
median lose nothing in single precision.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled

__all__ = ["FIXED", "MAD", "MEAN", "MEDIAN", "STD", "combine_block"]

MEAN, MEDIAN, FIXED, STD, MAD = range(5)

#: standard deviation of a Gaussian in units of its median absolute deviation
_MAD_SIGMA = 1.482602218505602

#: pixels that go through the network together: n such rows stay in the first-level cache
_WIDTH = 256


@compiled
def _exchange(low, high, width):
    for i in range(width):
        # (min, max) pixel by pixel: after the network row k holds the k-th smallest of each pixel
        a = low[i]
        b = high[i]
        low[i] = a if a < b else b
        high[i] = b if a < b else a


@compiled
def _replace_bad(row, bad, width):
    """Turn non-finite values into +inf, so that they sort last, and count them per pixel."""
    found = 0
    for i in range(width):
        # x - x is 0 for numbers, NaN for NaN and the infinities
        finite = (row[i] - row[i]) == np.float32(0)
        row[i] = row[i] if finite else np.float32(np.inf)
        bad[i] += np.uint8(not finite)
        found += not finite
    return found


@compiled
def _add_deviation(row, centre, total, width):
    for i in range(width):
        total[i] += row[i] - centre[i]


@compiled
def _add_square(row, centre, total, square, width):
    for i in range(width):
        # sums of (x - m) and (x - m)**2 about the median m
        d = row[i] - centre[i]
        total[i] += d
        square[i] += d * d


@compiled
def _nearest_window(low, high, centre, best, width):
    """Best is the smallest radius around the centre that holds one run of sorted neighbours."""
    for i in range(width):
        # the window [low, high] lies within max(m - low, high - m) of m
        below = centre[i] - low[i]
        above = high[i] - centre[i]
        radius = below if below > above else above
        best[i] = best[i] if best[i] < radius else radius


@compiled
def _suspects(low, high, centre, sigma, k_low, k_high, suspect, width):
    """Mark pixels that may reject a value; the margin makes sure that none is overlooked."""
    found = 0
    for i in range(width):
        # a ten-thousandth, and two steps of float32 at the level, for rounding
        s = sigma[i] * np.float32(0.9999) - abs(centre[i]) * np.float32(2.4e-7)
        # lowest and highest value of the pixel: if they stay within the limits, all others do
        out = ((centre[i] - low[i]) > k_low * s) | ((high[i] - centre[i]) > k_high * s)
        suspect[i] = out
        found += out
    return found


@compiled
def _middle(v, first, last):
    half = first + (last - first) // 2
    if (last - first) & 1:
        return v[half]
    return 0.5 * (v[half - 1] + v[half])


@compiled
def _radius(v, first, last, centre, m):
    """Return the m-th smallest distance to the centre within a sorted run."""
    best = np.inf
    for i in range(first, last - m + 1):
        # m neighbours in order are within max(c - first, last - c) of c: the least over all runs
        best = min(best, max(centre - v[i], v[i + m - 1] - centre))
    return best


@compiled
def _sigma(v, first, last, centre, method, constant, slope):
    # number of values in the run
    m = last - first
    if method == FIXED:
        # photons and read-out: sigma**2 = c + s max(m, 0)
        return np.sqrt(constant + slope * max(centre, 0.0))
    if method == STD:
        mean = 0.0
        for k in range(first, last):
            mean += v[k]
        mean /= m
        square = 0.0
        for k in range(first, last):
            square += (mean - v[k]) ** 2
        # sigma**2 = sum (x - mean)**2 / m, as astropy (no m - 1)
        return np.sqrt(square / m)
    # MAD: the radius about m that holds half of the values
    radius = _radius(v, first, last, centre, m // 2 + 1)
    if m % 2 == 0:
        radius = 0.5 * (radius + _radius(v, first, last, centre, m // 2))
    return _MAD_SIGMA * radius


@compiled
def _clip(v, n, method, k_low, k_high, constant, slope):
    """Return the run [first, last) that iterated clipping of n sorted float64 values keeps."""
    first = 0
    last = n
    low = -np.inf
    high = np.inf
    while last > first:
        centre = _middle(v, first, last)
        sigma = _sigma(v, first, last, centre, method, constant, slope)
        # keep m - k_low sigma <= x <= m + k_high sigma, until nothing changes
        low = centre - k_low * sigma
        high = centre + k_high * sigma
        # of two values that contradict each other the lower stays: hits are bright
        if method == FIXED and n == 2 and v[1] - v[0] > k_high * np.sqrt(2.0) * sigma:
            return 0, 1
        # sorted values leave from the ends only: what is kept is always one run
        was_first, was_last = first, last
        while first < last and v[first] < low:
            first += 1
        while last > first and v[last - 1] > high:
            last -= 1
        if first == was_first and last == was_last:
            break
    # as astropy: the final limits meet all n values again, and one rejected early may come back
    if method != FIXED:
        first, last = 0, n
        while first < last and v[first] < low:
            first += 1
        while last > first and v[last - 1] > high:
            last -= 1
    return first, last


@compiled
def _spread(s, n, centre, total, spread, other, method, constant, slope, width):
    """Fill `total` (sum of deviations from the centre) and `spread` (sigma) of a row."""
    for i in range(width):
        total[i] = np.float32(0)
        spread[i] = np.float32(0)
    if method == STD:
        for k in range(n):
            _add_square(s[k], centre, total, spread, width)
        for i in range(width):
            # sigma**2 = <(x - m)**2> - <x - m>**2
            mean = total[i] / np.float32(n)
            variance = spread[i] / np.float32(n) - mean * mean
            spread[i] = np.sqrt(max(variance, np.float32(0)))
        return
    for k in range(n):
        _add_deviation(s[k], centre, total, width)
    if method == MEAN:
        return
    if method == FIXED:
        for i in range(width):
            # sigma**2 = c + s max(m, 0)
            level = max(centre[i], np.float32(0))
            spread[i] = np.sqrt(np.float32(constant) + np.float32(slope) * level)
        return
    for i in range(width):
        spread[i] = np.float32(np.inf)
        other[i] = np.float32(np.inf)
    # MAD by windows: the smallest radius about m over runs of n/2 + 1 sorted values
    m = n // 2 + 1
    for k in range(n - m + 1):
        _nearest_window(s[k], s[k + m - 1], centre, spread, width)
    if n % 2 == 0:
        for k in range(n - m + 2):
            _nearest_window(s[k], s[k + m - 2], centre, other, width)
        # even n: mean of the two middle distances
        for i in range(width):
            spread[i] = np.float32(0.5) * (spread[i] + other[i])
    for i in range(width):
        # sigma of a Gaussian = 1.4826 MAD
        spread[i] *= np.float32(_MAD_SIGMA)


@compiled
def _exact_pixel(s, i, m, v, method, k_low, k_high, constant, slope):
    """Return value, number rejected low and number used of one pixel, in double precision."""
    # the first m are finite: +inf, in the place of missing values, is sorted last
    for k in range(m):
        v[k] = s[k, i]
    first = 0
    last = m
    if method >= FIXED:
        first, last = _clip(v, m, method, k_low, k_high, constant, slope)
    # no value, or two camps of which the median is in between: none is within the limits
    if last == first:
        return np.nan, first, 0
    if method == MEDIAN:
        return _middle(v, 0, m), 0, m
    mean = 0.0
    for k in range(first, last):
        mean += v[k]
    # plain mean of the run that clipping keeps
    return mean / (last - first), first, last - first


@compiled
def combine_block(chunk, network, method, k_low, k_high, constant, slope, out, used, low):
    """Combine rows of n frames; returns how many pixels took the exact path.

    `chunk` (n, rows, nx) float32 is used as scratch. `used` and `low` (uint8, shape of `out`)
    count the values that entered and those rejected low; empty arrays skip the counting.

    Parameters
    ----------
    chunk : ndarray of float32, shape (n, rows, nx)
        Values of n frames [ADU]; used as scratch.
    network : ndarray of int64, shape (m, 2)
        Exchanges of a sorting network of n values.
    method : int
        One of `MEAN`, `MEDIAN`, `FIXED`, `STD` and `MAD`.
    k_low, k_high : float
        Rejection limits below and above the median [sigma].
    constant : float
        Constant term of the variance of a value [ADU**2].
    slope : float
        Variance of a value per count of its level [ADU].
    out : ndarray of float32, shape (rows, nx)
        Combined values [ADU]; filled.
    used, low : ndarray of uint8, shape (rows, nx) or (0, 0)
        Numbers of values used and of values rejected as too low; filled unless empty.
    """
    n, rows, nx = chunk.shape
    s = np.empty((n, _WIDTH), np.float32)
    centre = np.empty(_WIDTH, np.float32)
    total = np.empty(_WIDTH, np.float32)
    spread = np.empty(_WIDTH, np.float32)
    other = np.empty(_WIDTH, np.float32)
    bad, suspect = np.zeros(_WIDTH, np.uint8), np.zeros(_WIDTH, np.uint8)
    v = np.empty(n, np.float64)
    counting = used.shape[0] > 0
    exact = 0
    for y in range(rows):
        for x0 in range(0, nx, _WIDTH):
            width = min(_WIDTH, nx - x0)
            row = out[y, x0 : x0 + width]
            bad[:] = 0
            found = 0
            for k in range(n):
                s[k, :width] = chunk[k, y, x0 : x0 + width]
                found += _replace_bad(s[k], bad, width)
            if counting:
                used[y, x0 : x0 + width] = n
                low[y, x0 : x0 + width] = 0
            if method != MEAN or found:
                # all pixels of the run are sorted at once, exchange by exchange
                for e in range(network.shape[0]):
                    _exchange(s[network[e, 0]], s[network[e, 1]], width)
            # median: mean of the two middle values, which are one for odd n
            upper = s[n // 2]
            lower = s[(n - 1) // 2]
            for i in range(width):
                centre[i] = np.float32(0.5) * (lower[i] + upper[i])
            if found == 0:
                if method == MEDIAN:
                    row[:] = centre[:width]
                    continue
                _spread(s, n, centre, total, spread, other, method, constant, slope, width)
                for i in range(width):
                    # mean = m + <x - m>: float32 keeps the digits
                    row[i] = centre[i] + total[i] / np.float32(n)
                if method == MEAN:
                    continue
                found_out = _suspects(
                    s[0], s[n - 1], centre, spread,
                    np.float32(k_low), np.float32(k_high), suspect, width,
                )
                if found_out == 0:
                    continue
            for i in range(width):
                if found == 0 and suspect[i] == 0:
                    continue
                # a value is missing or may be rejected: in double precision, on its own
                exact += 1
                m = n - np.int64(bad[i])
                row[i], n_low, n_used = _exact_pixel(
                    s, i, m, v, method, k_low, k_high, constant, slope
                )
                if counting:
                    used[y, x0 + i] = n_used
                    low[y, x0 + i] = n_low
    return exact
