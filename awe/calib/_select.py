"""Compiled order statistics that other kernels share.

A small selection routine, medians over a mesh of boxes, and the histogram behind the exact median
of a whole frame.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled

__all__ = ["collect_bin", "mesh_statistics", "moments", "select"]


@compiled
def select(values, n, k):
    """Return the k-th smallest of the first n values (finite); their order is changed."""
    left = 0
    right = n - 1
    while left < right:
        pivot = values[(left + right) // 2]
        i = left
        j = right
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            right = j
        elif k >= i:
            left = i
        else:
            break
    return values[k]


@compiled
def median(values, n):
    """Return the median of the first n values (finite); their order is changed."""
    high = select(values, n, n // 2)
    if n & 1:
        return high
    low = values[0]
    for i in range(1, n // 2):
        low = max(low, values[i])
    return np.float32(0.5) * (low + high)


@compiled
def mesh_statistics(image, bad, box, step, least, clip, centre, spread, number):
    """Fill median, 1.4826 MAD and number of values of every box of box x box pixels.

    Every `step`-th pixel is read, staggered from row to row. Boxes with fewer than `least` of
    the values they could have stay NaN. With clip > 0 values beyond clip sigma are removed and
    the median taken again, five times at most.
    """
    ny, nx = image.shape
    values = np.empty(box * (box // step + 1), np.float32)
    scratch = np.empty(values.size, np.float32)
    for j in range(centre.shape[0]):
        for i in range(centre.shape[1]):
            n = 0
            possible = 0
            for y in range(j * box, min(ny, (j + 1) * box), step):
                for x in range(i * box + (y // step) % step, min(nx, (i + 1) * box), step):
                    possible += 1
                    v = image[y, x]
                    if not bad[y, x] and (v - v) == np.float32(0):
                        values[n] = v
                        n += 1
            centre[j, i] = np.nan
            spread[j, i] = np.nan
            number[j, i] = n
            if n < 3 or n < least * possible:
                continue
            for _ in range(5):
                middle = median(values, n)
                for k in range(n):
                    scratch[k] = abs(values[k] - middle)
                sigma = np.float32(1.4826) * median(scratch, n)
                kept = 0
                for k in range(n):
                    if clip <= 0 or abs(values[k] - middle) <= clip * sigma:
                        values[kept] = values[k]
                        kept += 1
                centre[j, i] = middle
                spread[j, i] = sigma
                if kept == n or kept < 3:
                    break
                n = kept


@compiled
def _key(bits):
    """Order-preserving code of a float32 given as its bits: its upper half."""
    u = bits >> np.uint32(16)
    if u & np.uint32(0x8000):
        return np.uint32(0xFFFF) - u
    return u | np.uint32(0x8000)


@compiled
def moments(image, bits, bad, histogram):
    """Return number, minimum, maximum, mean and standard deviation of the usable pixels.

    `histogram` counts them by the upper half of their bits. Non-finite pixels are left out; an
    empty `bad` uses all others.
    """
    ny, nx = image.shape
    use_bad = bad.shape[0] > 0
    n = 0
    low = np.float32(np.inf)
    high = np.float32(-np.inf)
    pivot = np.float64(0)
    total = 0.0
    square = 0.0
    for y in range(ny):
        row_total = 0.0
        row_square = 0.0
        for x in range(nx):
            v = image[y, x]
            if (use_bad and bad[y, x]) or (v - v) != np.float32(0):
                continue
            if n == 0:
                pivot = np.float64(v)
            n += 1
            low = min(low, v)
            high = max(high, v)
            d = np.float64(v) - pivot
            row_total += d
            row_square += d * d
            histogram[_key(bits[y, x])] += 1
        total += row_total
        square += row_square
    if n == 0:
        return 0, np.nan, np.nan, np.nan, np.nan
    variance = max(square / n - (total / n) ** 2, 0.0)
    return n, np.float64(low), np.float64(high), pivot + total / n, np.sqrt(variance)


@compiled
def collect_bin(image, bits, bad, first, last, out):
    """Copy the usable pixels whose code lies in first..last to `out`; returns their number."""
    ny, nx = image.shape
    use_bad = bad.shape[0] > 0
    n = 0
    for y in range(ny):
        for x in range(nx):
            v = image[y, x]
            code = _key(bits[y, x])
            if code < first or code > last:
                continue
            if (use_bad and bad[y, x]) or (v - v) != np.float32(0):
                continue
            out[n] = v
            n += 1
    return n
