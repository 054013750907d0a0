"""Compiled growth of `cosmic`: dim pixels next to a hit that the scene does not explain.

A hit is found by its sharp pixels. Charge that diffused out of them, and a path that fades, leave
pixels next to it that are above the sky but not sharp: they belong to the hit as well.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled
from awe.calib.cosmic.kernels import COSMIC, EXCLUDED
from awe.calib.cosmic.stars import EXPLAINED
from awe.calib.statistics.medians import separable5_at, separable7_at

__all__ = ["grow"]

#: mark of a pixel that joins a hit in this round; it is part of one when all were looked at, so
#: their order is of no importance
_JOINS = np.uint8(128)

#: mark of a pixel that was compared with the scene: the answer is the same for every neighbour
_COMPARED = np.uint8(4)

#: how far a hit grows [pixel]
_ROUNDS = 2

#: neighbours of a pixel that are looked at per pixel of a hit, at most: both rounds of 8
_MOST = 25

#: a pixel must exceed the scene by this many times what the scene changes over 4 pixels around:
#: slopes and cores of stars do not; on flat sky both limits are much alike
_SLOPES = np.float32(4)

_TINY = np.float32(1e-5)


@compiled
def _steepness_at(c, y, x, scratch):
    """Return by how much 5 x 5 medians two pixels off in four directions differ."""
    up = separable5_at(c, y - 2, x, scratch)
    down = separable5_at(c, y + 2, x, scratch)
    left = separable5_at(c, y, x - 2, scratch)
    right = separable5_at(c, y, x + 2, scratch)
    return max(max(up, down), max(left, right)) - min(min(up, down), min(left, right))


@compiled
def _stands_out(c, y, x, read_variance, limit, scratch):
    """Return True if a pixel is above the scene around it, and not a part of a star."""
    # z = (c - B) / sqrt(B + read noise**2) with B = max(M7(c), M5(c)), M the separable medians: M5
    # follows the light of stars; hits were taken out of c. Most pixels need M7 alone
    value = c[y, x]
    level = separable7_at(c, y, x, scratch)
    if value - level <= limit * np.sqrt(max(level + read_variance, _TINY)):
        return False
    level = max(level, separable5_at(c, y, x, scratch))
    excess = value - level
    if excess <= limit * np.sqrt(max(level + read_variance, _TINY)):
        return False
    return excess > _SLOPES * _steepness_at(c, y, x, scratch)


@compiled
def grow(c, state, flagged, before, read_variance, limit):
    """Flag pixels that touch a hit and exceed the scene; returns all pixels of hits.

    Parameters
    ----------
    c : ndarray of float32, shape (ny, nx), electrons
        With its sky and border, cleaned of the hits.
    state : ndarray of uint8, shape (ny, nx)
        State of each pixel; pixels that join a hit are marked.
    flagged : ndarray of int32, shape (n,)
        Flat indices of the pixels of hits.
    before : ndarray of float32, shape (n,), electrons
        Values of these pixels with their hits: none of a neighbour that joins is larger.
    read_variance : float32, electrons**2
        Variance of the electronics.
    limit : float32, sigma
        Least excess over the scene, in its noise.

    Returns
    -------
    ndarray of int32, shape (m,)
        Flat indices of the pixels of hits, those that joined last.

    Notes
    -----
    Within 3 pixels of the edge of `c` nothing joins, nor do excluded pixels and stars that were
    taken for hits. Pixels that touch the hit are looked at first, then those that touch them.
    """
    ny, nx = c.shape
    never = COSMIC | EXCLUDED | EXPLAINED | _JOINS | _COMPARED
    scratch = np.empty(16, np.float32)
    pixels = np.empty(min(_MOST * flagged.size, c.size), np.int32)
    values = np.empty(pixels.size, np.float32)
    around = np.empty(pixels.size, np.float32)
    pixels[: flagged.size] = flagged
    values[: flagged.size] = before
    for k in range(flagged.size):
        around[k] = c[flagged[k] // nx, flagged[k] % nx]
    first = 0
    last = flagged.size
    for _ in range(_ROUNDS):
        fresh = last
        for k in range(first, last):
            y = pixels[k] // nx
            x = pixels[k] % nx
            for yy in range(max(3, y - 1), min(ny - 3, y + 2)):
                for xx in range(max(3, x - 1), min(nx - 3, x + 2)):
                    # charge falls off from the hit, to the mean of what is around it; what rises
                    # next to it is a star
                    if state[yy, xx] & never or not around[k] < c[yy, xx] <= values[k]:
                        continue
                    state[yy, xx] |= _COMPARED
                    if _stands_out(c, yy, xx, read_variance, limit, scratch):
                        state[yy, xx] |= _JOINS
                        pixels[fresh] = yy * nx + xx
                        values[fresh] = c[yy, xx]
                        around[fresh] = around[k]
                        fresh += 1
        first = last
        last = fresh
        for k in range(first, last):
            state[pixels[k] // nx, pixels[k] % nx] |= COSMIC
    return pixels[:last]
