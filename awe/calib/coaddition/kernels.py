"""Compiled loop of `awe.calib.coaddition`: the values of one pixel in all frames become one."""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled

__all__ = ["CLIPPED", "MEDIAN", "WEIGHTED", "coadd_rows"]

WEIGHTED, MEDIAN, CLIPPED = range(3)

#: variance of the median over that of the mean, for Gaussian noise and many values
_MEDIAN_VARIANCE = np.float32(np.pi / 2)


@compiled
def _median(values, n):
    """Sort the first n values in place and return their middle."""
    for i in range(1, n):
        v = values[i]
        k = i - 1
        while k >= 0 and values[k] > v:
            values[k + 1] = values[k]
            k -= 1
        values[k + 1] = v
    half = n // 2
    if n & 1:
        return values[half]
    return np.float32(0.5) * (values[half - 1] + values[half])


@compiled
def _mean(stack, weights, noise, y, x, used):
    """Return the weighted mean of the values in use, and the sum of their weights."""
    total = np.float32(0)
    full = np.float32(0)
    for k in range(used.size):
        if used[k]:
            w = weights[k, y, x] / noise[k]
            total += w * stack[k, y, x]
            full += w
    return total / full, full


@compiled
def _clip(stack, weights, noise, gain, y, x, used, centre, sigma, fraction, clipped):
    """Take values out of use that are too far from the centre; return how many are left."""
    light = max(centre, np.float32(0))
    kept = 0
    for k in range(used.size):
        if not used[k]:
            continue
        # sky and photons, and the part of the light by which seeing may differ
        s = np.sqrt(noise[k] / weights[k, y, x] + light / gain[k])
        if abs(stack[k, y, x] - centre) <= sigma * s + fraction * abs(centre):
            kept += 1
        else:
            used[k] = False
            clipped[k] += 1
    return kept


@compiled
def _spread(weights, noise, gain, y, x, used, value, full):
    """Return the variance of a weighted mean."""
    light = max(value, np.float32(0))
    total = np.float32(0)
    for k in range(used.size):
        if used[k]:
            w = weights[k, y, x] / noise[k]
            total += w * w * (noise[k] / weights[k, y, x] + light / gain[k])
    return total / (full * full)


@compiled
def _nothing(image, weight, variance, y, x):
    image[y, x] = np.float32(np.nan)
    variance[y, x] = np.float32(np.nan)
    weight[y, x] = np.float32(0)


@compiled
def coadd_rows(
    stack, weights, noise, gain, method, sigma, fraction, first, last,
    image, weight, variance, coverage, clipped,
):  # fmt: skip
    """Combine some rows of a stack; `clipped` counts the values of each frame left out."""
    n = stack.shape[0]
    buffer = np.empty(n, np.float32)
    used = np.empty(n, np.bool_)
    for y in range(first, last):
        for x in range(stack.shape[2]):
            m = 0
            for k in range(n):
                used[k] = weights[k, y, x] > 0
                if used[k]:
                    buffer[m] = stack[k, y, x]
                    m += 1
            coverage[y, x] = m
            if m == 0:
                _nothing(image, weight, variance, y, x)
                continue
            centre = np.float32(0)
            factor = np.float32(1)
            if method != WEIGHTED and m > 2:
                centre = _median(buffer, m)
                if method == MEDIAN:
                    factor = _MEDIAN_VARIANCE
                else:
                    m = _clip(
                        stack, weights, noise, gain, y, x, used, centre, sigma, fraction, clipped
                    )
                    coverage[y, x] = m
            if m == 0:
                # all disagree with each other: nothing is known
                _nothing(image, weight, variance, y, x)
                continue
            value, full = _mean(stack, weights, noise, y, x, used)
            if factor > 1:
                value = centre
            image[y, x] = value
            weight[y, x] = full
            variance[y, x] = _spread(weights, noise, gain, y, x, used, value, full) * factor
