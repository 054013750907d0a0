"""Compiled arithmetic of `science`: one pass over a block of rows for each step."""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled

__all__ = ["all_finite", "divide", "photon_variance", "weigh"]

_ZERO = np.float32(0)


@compiled
def photon_variance(counts, per_count, constant, variance):
    """Fill the variance of counts above the bias: light times `per_count` plus a constant."""
    for y in range(counts.shape[0]):
        row = counts[y]
        out = variance[y]
        for x in range(row.size):
            light = row[x] if row[x] > _ZERO else _ZERO
            # a count that is no number has no variance either
            out[x] = (light if row[x] == row[x] else row[x]) * per_count + constant


@compiled
def divide(science, variance, flat, noise, least):
    """Divide by a flat of relative noise `noise`, in place; returns whether all could be divided.

    Where the flat is below `least`, infinite or no number, both planes become NaN.
    """
    spoilt = np.uint8(0)
    for y in range(science.shape[0]):
        counts = science[y]
        scatter = variance[y]
        response = flat[y]
        for x in range(counts.size):
            value = response[x]
            good = (value >= least) & (value < np.inf)
            inverse = np.float32(1) / value if good else np.float32(np.nan)
            light = counts[x] * inverse
            counts[x] = light
            scatter[x] = scatter[x] * (inverse * inverse) + (light * noise) * (light * noise)
            spoilt |= np.uint8(not good)
    return spoilt == 0


@compiled
def all_finite(plane):
    """Return True if every value is a finite number."""
    odd = np.uint8(0)
    for y in range(plane.shape[0]):
        row = plane[y]
        for x in range(row.size):
            odd |= np.uint8((row[x] - row[x]) != _ZERO)
    return odd == 0


@compiled
def weigh(flat, flags, weight):
    """Fill the relative weight: the flat, and 0 where a reason bit is set."""
    for y in range(flags.shape[0]):
        row = flags[y]
        response = flat[y]
        out = weight[y]
        for x in range(row.size):
            out[x] = response[x] if row[x] == 0 else _ZERO
