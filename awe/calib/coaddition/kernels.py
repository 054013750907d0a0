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
def _mean(values, weights, m):
    """Return the weighted mean of the first m values, and the sum of their weights."""
    total = np.float32(0)
    full = np.float32(0)
    for i in range(m):
        total += weights[i] * values[i]
        full += weights[i]
    return total / full, full


@compiled
def _clip(values, weights, photons, layers, m, centre, sigma, fraction, clipped):
    """Take out values that are too far from the centre; return how many are left, in front."""
    light = max(centre, np.float32(0))
    spared = fraction * abs(centre)
    square = sigma * sigma
    kept = 0
    for i in range(m):
        # sky and photons, and the part of the light by which seeing may differ:
        # |v - c| <= sigma sqrt(1 / w + light / gain) + fraction |c|
        beyond = max(abs(values[i] - centre) - spared, np.float32(0))
        w = weights[i]
        if beyond * beyond * w <= square * (np.float32(1) + light * photons[i] * w):
            values[kept] = values[i]
            weights[kept] = w
            photons[kept] = photons[i]
            kept += 1
        else:
            clipped[layers[i]] += 1
    return kept


@compiled
def _spread(weights, photons, m, value, full):
    """Return the variance of a weighted mean."""
    light = max(value, np.float32(0))
    total = np.float32(0)
    for i in range(m):
        w = weights[i]
        # w w (1 / w + light / gain)
        total += w + w * w * light * photons[i]
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
    # of one pixel: values in use, their inverse variances, 1 / gain, and their layers
    ordered = np.empty(n, np.float32)
    values = np.empty(n, np.float32)
    parts = np.empty(n, np.float32)
    photons = np.empty(n, np.float32)
    layers = np.empty(n, np.int64)
    inverse = np.float32(1) / noise
    per_photon = np.float32(1) / gain
    for y in range(first, last):
        for x in range(stack.shape[2]):
            m = 0
            for k in range(n):
                w = weights[k, y, x]
                if w > 0:
                    values[m] = ordered[m] = stack[k, y, x]
                    parts[m] = w * inverse[k]
                    photons[m] = per_photon[k]
                    layers[m] = k
                    m += 1
            centre = np.float32(0)
            factor = np.float32(1)
            if method != WEIGHTED and m > 2:
                centre = _median(ordered, m)
                if method == MEDIAN:
                    factor = _MEDIAN_VARIANCE
                else:
                    m = _clip(
                        values, parts, photons, layers, m, centre, sigma, fraction, clipped
                    )
            coverage[y, x] = m
            if m == 0:
                # no frame, or all disagree with each other: nothing is known
                _nothing(image, weight, variance, y, x)
                continue
            value, full = _mean(values, parts, m)
            if factor > 1:
                value = centre
            image[y, x] = value
            weight[y, x] = full
            variance[y, x] = _spread(parts, photons, m, value, full) * factor
