"""Compiled sparse part of `cosmic`: decide, grow, clean and look again, only where it matters.

A later iteration can differ from the one before only near pixels that were cleaned, so only
those are computed again; everywhere else the old answer is the answer.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled
from awe.calib.cosmic.kernels import COSMIC, EXCLUDED, laplacian_at
from awe.calib.statistics.medians import median5, median7, median9, separable5_at, separable7_at

__all__ = ["clean", "collect", "drop_weak", "iterate", "sharp"]

#: marks of one iteration, cleared at its end
_STEP = np.uint8(4)
_LISTED = np.uint8(8)
_DIRTY = np.uint8(16)

#: a changed pixel moves S this far around it, and the fine structure with what follows from S
# 3: M7 in the noise; 6: 3 + 3 of M7 in S' = S - M7(S), and 2 + 4 of M5 and M9 in F
_REACH = 3
_FINE_REACH = 6

#: tiles in which candidates are judged again, and tiles in which S is computed again: as many
#: columns as fit a vector register
_TILE = 8
_ROWS, _COLUMNS = 8, 16

#: squares of a cleaned pixel reach so far at most [pixel]
_WIDEST = 32

# least variance [e-**2] and least F [sigma], both as in astroscrappy
_TINY = np.float32(1e-5)
_LEAST = np.float32(0.01)


@compiled
def _noise_at(c, y, x, read_variance, scratch):
    # N = sqrt(M7(c) + read noise**2) [e-]: Poisson noise of the light around, and the electronics
    return np.sqrt(max(separable7_at(c, y, x, scratch) + read_variance, _TINY))


@compiled
def _fine_at(c, y, x, outer, inner, scratch):
    """Return median5 minus median9 of median5, all separable; 0 within 4 pixels of an edge."""
    # F = M5(c) - M9(M5(c)), M separable; van Dokkum 2001 has M3 - M7(M3): the 5 pixels inside find
    # hits 2 and 3 pixels wide, which a median of 3 would leave in F
    ny, nx = c.shape
    if y < 4 or x < 4 or y >= ny - 4 or x >= nx - 4:
        return np.float32(0)
    # the fast way reads rows y - 6 to y + 6 and columns x - 6 to x + 13
    if y < 6 or y >= ny - 6 or x < 6 or x + 14 > nx:
        for j in range(9):
            for i in range(9):
                inner[j, i] = separable5_at(c, y - 4 + j, x - 4 + i, scratch)
    else:
        # sixteen columns where nine are needed: a whole number of vector registers
        for j in range(13):
            r = c[y - 6 + j, x - 6 :]
            for i in range(16):
                outer[j, i] = median5(r[i], r[i + 1], r[i + 2], r[i + 3], r[i + 4])
        for j in range(9):
            for i in range(16):
                inner[j, i] = median5(
                    outer[j, i], outer[j + 1, i], outer[j + 2, i], outer[j + 3, i],
                    outer[j + 4, i],
                )
    for j in range(9):
        b = inner[j]
        scratch[j] = median9(b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8])
    t = scratch
    return inner[4, 4] - median9(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8])


@compiled
def _cores(
    c, s, state, candidates, n, tiles, first, read_variance, limit, contrast, protect, found
):
    """List candidates that are sharper than any star: returns their number.

    With `protect` the light of a star's core counts for the noise, which the 7 x 7 median of S
    is too wide to see: photon noise of bright stars makes no hits.
    """
    nx = c.shape[1]
    scratch = np.empty(16, np.float32)
    outer = np.empty((13, 16), np.float32)
    inner = np.empty((9, 16), np.float32)
    number = 0
    for k in range(n):
        y = candidates[k] // nx
        x = candidates[k] % nx
        # S' <= S: a pixel with S <= sigma needs no median
        if state[y, x] & EXCLUDED or s[y, x] <= limit:
            continue
        if not first and tiles[y // _TILE, x // _TILE] == 0:
            continue
        # S' = S - M7(S), M5 in van Dokkum 2001: what is smooth in S, extended objects, drops out
        sharp = s[y, x] - separable7_at(s, y, x, scratch)
        if sharp <= limit:
            continue
        noise = _noise_at(c, y, x, read_variance, scratch)
        if protect:
            # S' N / sqrt(M5(c) + read noise**2) > sigma: M5 sees more of a star's core than M7
            core = separable5_at(c, y, x, scratch) + read_variance
            if sharp * noise <= limit * np.sqrt(max(core, _TINY)):
                continue
        # S' / F > sharpness with F in units of N, f_lim of van Dokkum 2001, which has L / F:
        # stars survive M5 but not M9 and leave a high F, narrow hits do not survive M5
        fine = max(_fine_at(c, y, x, outer, inner, scratch) / noise, _LEAST)
        if sharp / fine > contrast:
            found[number] = candidates[k]
            number += 1
            state[y, x] |= _STEP
    return number


@compiled
def _grow(s, state, found, number, threshold):
    """Add neighbours above the threshold to the list; returns its new length."""
    ny, nx = s.shape
    scratch = np.empty(16, np.float32)
    # one step of 3 x 3 only: neighbours that are added here are not grown from
    for k in range(number):
        y = found[k] // nx
        x = found[k] % nx
        for yy in range(max(3, y - 1), min(ny - 3, y + 2)):
            for xx in range(max(3, x - 1), min(nx - 3, x + 2)):
                if state[yy, xx] & (_STEP | EXCLUDED) or s[yy, xx] <= threshold:
                    continue
                if s[yy, xx] - separable7_at(s, yy, xx, scratch) > threshold:
                    state[yy, xx] |= _STEP
                    found[number] = yy * nx + xx
                    number += 1
    return number


@compiled
def _touched(state, fresh, number, changed):
    """List flagged pixels whose 5 x 5 holds a fresh one: only their cleaned value moves."""
    nx = state.shape[1]
    n = 0
    for k in range(number):
        y = fresh[k] // nx
        x = fresh[k] % nx
        for yy in range(y - 2, y + 3):
            for xx in range(x - 2, x + 3):
                if state[yy, xx] & COSMIC and not state[yy, xx] & _DIRTY:
                    state[yy, xx] |= _DIRTY
                    changed[n] = yy * nx + xx
                    n += 1
    return n


@compiled
def clean(c, state, changed, n, level):
    """Replace flagged pixels by the mean of the unflagged ones around; order does not matter.

    Parameters
    ----------
    c : ndarray of float32, shape (ny, nx)
        Electrons with their border; cleaned in place.
    state : ndarray of uint8, shape (ny, nx)
        State of each pixel.
    changed : ndarray of int32
        Flat indices of flagged pixels.
    n : int
        How many of them to clean.
    level : float32
        Value of pixels without a usable neighbour [e-]; NaN looks for one in wider squares.
    """
    nx = c.shape[1]
    for k in range(n):
        y = changed[k] // nx
        x = changed[k] % nx
        state[y, x] &= ~_DIRTY
        mean = _mean_around(c, state, y, x, 2)
        # the wide way is for hits with no good pixel near; a level that is given comes first
        reach = 4
        while mean != mean and level != level and reach <= _WIDEST:
            mean = _mean_around(c, state, y, x, reach)
            reach *= 2
        # in the midst of all that there is nothing to compare with: the value stays
        fallback = level if level == level else c[y, x]
        c[y, x] = mean if mean == mean else fallback


@compiled
def _mean_around(c, state, y, x, reach):
    """Return the mean of the pixels of a square that are neither flagged nor excluded, or NaN."""
    ny, nx = c.shape
    # (1/n) sum c over those n pixels
    number = 0
    total = np.float32(0)
    for yy in range(max(0, y - reach), min(ny, y + reach + 1)):
        for xx in range(max(0, x - reach), min(nx, x + reach + 1)):
            if not state[yy, xx] & (EXCLUDED | COSMIC):
                total += c[yy, xx]
                number += 1
    return total / np.float32(number) if number else np.float32(np.nan)


@compiled
def _significance_at(c, s, y, x, read_variance, scratch):
    """Compute S of one pixel anywhere on the frame."""
    ny, nx = c.shape
    # M7 needs 3 pixels on every side; nearer to an edge N**2 = c + read noise**2
    inside = 3 <= y < ny - 3 and 3 <= x < nx - 3
    median = separable7_at(c, y, x, scratch) if inside else c[y, x]
    up = c[y - 1, x] if y > 0 else np.float32(0)
    down = c[y + 1, x] if y < ny - 1 else np.float32(0)
    left = c[y, x - 1] if x > 0 else np.float32(0)
    right = c[y, x + 1] if x < nx - 1 else np.float32(0)
    noise = np.sqrt(max(median + read_variance, _TINY))
    s[y, x] = laplacian_at(c[y, x], up, down, left, right) / (np.float32(2) * noise)


@compiled
def _significance_tile(c, s, y, x, read_variance, medians):
    """Compute S of a tile away from the edges, as `_significance_at` does one by one."""
    # 8 rows of S need 8 + 6 rows of medians along x
    for j in range(_ROWS + 6):
        r = c[y - 3 + j, x - 3 :]
        for i in range(_COLUMNS):
            medians[j, i] = median7(
                r[i], r[i + 1], r[i + 2], r[i + 3], r[i + 4], r[i + 5], r[i + 6]
            )
    # S = L / (2 N) with N**2 = M7(c) + read noise**2, as in the first pass
    for j in range(_ROWS):
        up = c[y + j - 1, x:]
        row = c[y + j, x - 1 :]
        down = c[y + j + 1, x:]
        out = s[y + j, x:]
        for i in range(_COLUMNS):
            median = median7(
                medians[j, i], medians[j + 1, i], medians[j + 2, i], medians[j + 3, i],
                medians[j + 4, i], medians[j + 5, i], medians[j + 6, i],
            )
            variance = median + read_variance
            variance = variance if variance > _TINY else _TINY
            laplacian = laplacian_at(row[i + 1], up[i], down[i], row[i], row[i + 2])
            out[i] = laplacian / (np.float32(2) * np.sqrt(variance))


@compiled
def _mark_tiles(changed, n, nx, reach, rows, columns, tiles):
    """Mark the tiles that lie within reach of changed pixels."""
    tiles[:] = 0
    for k in range(n):
        y = changed[k] // nx
        x = changed[k] % nx
        last_y = min((y + reach) // rows, tiles.shape[0] - 1)
        last_x = min((x + reach) // columns, tiles.shape[1] - 1)
        for ty in range(max(0, y - reach) // rows, last_y + 1):
            for tx in range(max(0, x - reach) // columns, last_x + 1):
                tiles[ty, tx] = 1


@compiled
def _again(c, s, state, tiles, read_variance, limit, candidates, listed):
    """Compute S again on marked tiles and list new candidates; returns their number."""
    ny, nx = c.shape
    scratch = np.empty(16, np.float32)
    medians = np.empty((_ROWS + 6, _COLUMNS), np.float32)
    for ty in range(tiles.shape[0]):
        for tx in range(tiles.shape[1]):
            if tiles[ty, tx] == 0:
                continue
            y = ty * _ROWS
            x = tx * _COLUMNS
            end_y = min(y + _ROWS, ny)
            end_x = min(x + _COLUMNS, nx)
            if y >= 3 and x >= 3 and y + _ROWS <= ny - 3 and x + _COLUMNS <= nx - 3:
                _significance_tile(c, s, y, x, read_variance, medians)
            else:
                for yy in range(y, end_y):
                    for xx in range(x, end_x):
                        _significance_at(c, s, yy, xx, read_variance, scratch)
            # L = (1/4) sum max(0, 2 c - v - h) of a pixel rises where neighbours were lowered
            for yy in range(max(y, 3), min(end_y, ny - 3)):
                for xx in range(max(x, 3), min(end_x, nx - 3)):
                    if s[yy, xx] > limit and not state[yy, xx] & _LISTED:
                        state[yy, xx] |= _LISTED
                        candidates[listed] = yy * nx + xx
                        listed += 1
    return listed


@compiled
def iterate(
    c, s, state, candidates, n_candidates, read_variance, limit, low, contrast, protect, rounds,
    level, flagged, before, found, changed,
):
    """Flag and clean until nothing new is found; returns the number of flagged pixels.

    `c` is cleaned in place; `flagged` receives the flat indices and `before` the values as they
    were. `level` fills pixels without a usable neighbour; NaN looks for one in wider squares.

    Parameters
    ----------
    c : ndarray of float32, shape (ny, nx)
        Electrons with their border; cleaned in place.
    s : ndarray of float32, shape (ny, nx)
        Significance S of each pixel.
    state : ndarray of uint8, shape (ny, nx)
        State of each pixel; hits are marked.
    candidates : ndarray of int32
        Flat indices of the pixels with a high S.
    n_candidates : int
        Number of candidates at the start.
    read_variance : float32
        Variance of the read noise [e-^2].
    limit, low : float32
        Significances a core and a neighbour of a core must exceed.
    contrast : float32
        Least contrast between a hit and the fine structure of a star.
    protect : bool
        Whether hits on stars are judged by the noise of the star's light.
    rounds : int
        Maximum number of rounds of finding and cleaning.
    level : float32
        Value of cleaned pixels without a usable neighbour [e-], or NaN.
    flagged : ndarray of int32
        Flat indices of the flagged pixels; filled.
    before : ndarray of float32
        Values of the flagged pixels before cleaning [e-]; filled.
    found, changed : ndarray of int32
        Room for the flat indices of all pixels.
    """
    ny, nx = c.shape
    tiles = np.zeros((ny // _TILE + 1, nx // _TILE + 1), np.uint8)
    dirty = np.zeros((ny // _ROWS + 1, nx // _COLUMNS + 1), np.uint8)
    total = 0
    for k in range(n_candidates):
        state[candidates[k] // nx, candidates[k] % nx] |= _LISTED
    for turn in range(rounds):
        number = _cores(
            c, s, state, candidates, n_candidates, tiles, turn == 0, read_variance, limit,
            contrast, protect, found,
        )
        # S' > sigma in the 3 x 3 around cores; then S' > neighbour_fraction sigma around all these
        number = _grow(s, state, found, number, limit)
        number = _grow(s, state, found, number, low)
        start = total
        for k in range(number):
            y = found[k] // nx
            x = found[k] % nx
            state[y, x] &= ~_STEP
            if not state[y, x] & COSMIC:
                state[y, x] |= COSMIC
                flagged[total] = found[k]
                before[total] = c[y, x]
                total += 1
        # nothing new, so nothing would be cleaned: every later round would find the same
        if total == start:
            break
        n_changed = _touched(state, flagged[start:total], total - start, changed)
        clean(c, state, changed, n_changed, level)
        # S can change within 3 pixels of a cleaned one, S' and F within 6
        if turn < rounds - 1:
            _mark_tiles(changed, n_changed, nx, _FINE_REACH, _TILE, _TILE, tiles)
            _mark_tiles(changed, n_changed, nx, _REACH, _ROWS, _COLUMNS, dirty)
            n_candidates = _again(
                c, s, state, dirty, read_variance, limit, candidates, n_candidates
            )
    return total


@compiled
def sharp(s, state, candidates, limit):
    """Return how many candidates exceed the limit above what is smooth, excluded ones left out.

    The slopes of bright stars have a high S over hundreds of pixels, and a high median of S.

    Parameters
    ----------
    s : ndarray of float32, shape (ny, nx)
        Significance S of each pixel.
    state : ndarray of uint8, shape (ny, nx)
        State of each pixel.
    candidates : ndarray of int32, shape (n,)
        Flat indices of the pixels with a high S.
    limit : float32
        Significance to exceed.
    """
    nx = s.shape[1]
    scratch = np.empty(16, np.float32)
    number = 0
    for k in range(candidates.size):
        y = candidates[k] // nx
        x = candidates[k] % nx
        if not state[y, x] & EXCLUDED:
            number += s[y, x] - separable7_at(s, y, x, scratch) > limit
    return number


@compiled
def collect(state, start, kind, mark, group):
    """Mark and list the connected pixels of a kind from `start` on; returns their number.

    Parameters
    ----------
    state : ndarray of uint8, shape (ny, nx)
        State of each pixel; `mark` is set on the group.
    start : int
        Flat index of the first pixel.
    kind : uint8
        Bit of the pixels that are connected.
    mark : uint8
        Bit of pixels that were collected.
    group : ndarray of int32
        Flat indices of the group; filled.
    """
    nx = state.shape[1]
    group[0] = start
    state[start // nx, start % nx] |= mark
    n = 1
    k = 0
    # members up to k have been looked around, k to n - 1 wait; 8 neighbours join
    while k < n:
        y = group[k] // nx
        x = group[k] % nx
        k += 1
        for yy in range(y - 1, y + 2):
            for xx in range(x - 1, x + 2):
                if state[yy, xx] & (kind | mark) == kind:
                    state[yy, xx] |= mark
                    group[n] = yy * nx + xx
                    n += 1
    return n


@compiled
def drop_weak(c, state, flagged, read_variance, least):
    """Unflag connected groups whose summed squared significance does not exceed `least`.

    `c` holds the uncleaned electrons. Returns the numbers of groups kept and dropped.

    Parameters
    ----------
    c : ndarray of float32, shape (ny, nx)
        Uncleaned electrons with their border.
    state : ndarray of uint8, shape (ny, nx)
        State of each pixel; dropped groups lose their mark.
    flagged : ndarray of int32, shape (n,)
        Flat indices of all pixels that were ever flagged.
    read_variance : float32
        Variance of the read noise [e-^2].
    least : float32
        Sum of squared significances a group must exceed.
    """
    nx = c.shape[1]
    scratch = np.empty(16, np.float32)
    group = np.empty(flagged.size, np.int32)
    kept = 0
    dropped = 0
    for start in range(flagged.size):
        y = flagged[start] // nx
        x = flagged[start] % nx
        if state[y, x] & (COSMIC | _DIRTY) != COSMIC:
            continue
        n = collect(state, flagged[start], COSMIC, _DIRTY, group)
        # X = sum max(0, z)**2, z = (c - M7(c)) / sqrt(M7(c) + read noise**2) [sigma]; a hit of one
        # pixel has to be more than sqrt(least) sigma high, 5.8 for 34
        total = np.float32(0)
        for k in range(n):
            y = group[k] // nx
            x = group[k] % nx
            median = separable7_at(c, y, x, scratch)
            z = (c[y, x] - median) / np.sqrt(max(median + read_variance, _TINY))
            if z > 0:
                total += z * z
        if total > least:
            kept += 1
            continue
        dropped += 1
        for k in range(n):
            state[group[k] // nx, group[k] % nx] &= ~COSMIC
    return kept, dropped
