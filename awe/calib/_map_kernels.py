"""Compiled loops over maps of pixels: grow them, and write them into a plane of reason bits."""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled

__all__ = ["carrying", "grow", "mark"]


@compiled
def grow(pixels, along, beside, out):
    """Fill `out` with the pixels and all within `along` of them in y and `beside` in x."""
    ny, nx = pixels.shape
    line = np.empty(nx, np.uint8)
    out[:] = 0
    for y in range(ny):
        row = pixels[y]
        some = np.uint8(0)
        for x in range(nx):
            some |= row[x]
        if not some:
            continue
        for x in range(nx):
            line[x] = row[x]
        for step in range(1, beside + 1):
            for x in range(nx - step):
                line[x + step] |= row[x]
            for x in range(nx - step):
                line[x] |= row[x + step]
        for yy in range(max(0, y - along), min(ny, y + along + 1)):
            target = out[yy]
            for x in range(nx):
                target[x] |= line[x]


@compiled
def carrying(flags, bits, out):
    """Fill `out` with whether pixels carry any of some bits; returns how many do."""
    total = 0
    for y in range(flags.shape[0]):
        row = flags[y]
        target = out[y]
        number = np.uint32(0)
        for x in range(row.size):
            found = (row[x] & bits) != 0
            target[x] = found
            number += np.uint32(found)
        total += number
    return total


@compiled
def mark(flags, bad, bit):
    """Set a bit wherever `bad` is True; returns how many pixels that are."""
    ny, nx = bad.shape
    total = 0
    for y in range(ny):
        row = bad[y]
        number = np.uint32(0)
        for x in range(nx):
            number += np.uint32(row[x])
        if number:
            total += number
            target = flags[y]
            for x in range(nx):
                target[x] |= bit if row[x] else np.uint16(0)
    return total
