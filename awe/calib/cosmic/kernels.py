"""Compiled dense passes of `cosmic`: electrons with a border, significance S, masks.

One pass over the frame, row by row in cache, computes the Laplacian over the noise of every pixel
and lists the few pixels where anything can happen; `search` works on that list.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled
from awe.calib.statistics.medians import median7

__all__ = [
    "COSMIC", "EXCLUDED", "electrons", "exclude", "hits", "laplacian_at", "mirror", "significance",
]

#: states of a pixel during the search
EXCLUDED = np.uint8(1)
COSMIC = np.uint8(2)

_ZERO = np.float32(0)
_QUARTER = np.float32(0.25)
_TINY = np.float32(1e-5)
_REACH = 3

#: pixels looked at together: where none of them stands out there is nothing to do
_RUN = 64


@compiled
def _any(bad, saturated):
    some = np.uint8(0)
    for k in range(bad.size):
        some |= bad[k] | saturated[k]
    return some != 0


@compiled
def _all_finite(light):
    odd = np.uint8(0)
    for k in range(light.size):
        # infinity and NaN minus themselves are NaN, not 0
        odd |= np.uint8((light[k] - light[k]) != _ZERO)
    return odd == 0


@compiled
def electrons(image, bad, saturated, fill_bad, factor, box, pad, first, last, out, avoided, holes):
    """Copy rows of the image times its factor into `out`, inside a border of `pad` pixels.

    Returns how many pixels are listed as never to be flagged, and how many of them have no value
    and become NaN: those that are not finite, and bad ones with `fill_bad`.

    `factor` (my, nx) [e-/ADU] holds the rows at y = (j + 1/2) box, in between it is linear.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Image with its sky [ADU].
    bad : ndarray of bool, shape (ny, nx) or (0, 0)
        Pixels whose value tells nothing.
    saturated : ndarray of bool, shape (ny, nx) or (0, 0)
        Pixels that keep their value.
    fill_bad : bool
        Whether bad pixels become NaN.
    factor : ndarray of float32, shape (my, nx)
        Electrons per count [e-/ADU] in the rows at y = (j + 1/2) box.
    box : float
        Distance of the rows of `factor` [pixel].
    pad : int
        Width of the border [pixel].
    first, last : int
        First row of the image to copy, and the row after the last.
    out : ndarray of float32, shape (ny + 2 pad, nx + 2 pad)
        Electrons with their border; filled without the border.
    avoided, holes : ndarray of int32
        Flat indices in the image of the pixels without flags and of those without values; filled.
    """
    nx = image.shape[1]
    nothing = np.zeros(nx, np.uint8)
    n_avoided = 0
    n_holes = 0
    for y in range(first, last):
        # u = (y + 1/2) / box - 1/2 counts rows of the factor; it is constant beyond the outer ones
        place = (y + 0.5) / box - 0.5
        j = min(max(int(place), 0), factor.shape[0] - 2)
        part = np.float32(min(max(place - j, 0.0), 1.0))
        source = image[y]
        lower = factor[j]
        upper = factor[j + 1]
        target = out[y + pad, pad : pad + nx]
        for x in range(nx):
            target[x] = source[x] * (lower[x] + part * (upper[x] - lower[x]))
        finite = _all_finite(target)
        left_out = bad[y].view(np.uint8) if bad.shape[0] else nothing
        full = saturated[y].view(np.uint8) if saturated.shape[0] else nothing
        for begin in range(0, nx, _RUN):
            end = min(nx, begin + _RUN)
            if not _any(left_out[begin:end], full[begin:end]) and (
                finite or _all_finite(target[begin:end])
            ):
                continue
            for x in range(begin, end):
                missing = (target[x] - target[x]) != _ZERO
                if not (left_out[x] | full[x] | missing):
                    continue
                avoided[n_avoided] = y * nx + x
                n_avoided += 1
                if missing or (fill_bad and left_out[x]):
                    target[x] = np.float32(np.nan)
                    holes[n_holes] = y * nx + x
                    n_holes += 1
    return n_avoided, n_holes


@compiled
def mirror(out, pad):
    """Fill the border: mirrored about the outermost pixel, which is not doubled.

    Parameters
    ----------
    out : ndarray of float32, shape (ny + 2 pad, nx + 2 pad)
        Electrons; the border is filled.
    pad : int
        Width of the border [pixel].
    """
    ny, nx = out.shape
    for y in range(pad, ny - pad):
        row = out[y]
        for k in range(1, pad + 1):
            row[pad - k] = row[pad + k]
            row[nx - pad - 1 + k] = row[nx - pad - 1 - k]
    for k in range(1, pad + 1):
        out[pad - k] = out[pad + k]
        out[ny - pad - 1 + k] = out[ny - pad - 1 - k]


@compiled
def _row_medians(r, out, n):
    # M7, the separable median: medians of 7 along rows here, then of 7 of those along the column;
    # 3 pixels at each end are copied, as in astroscrappy
    for i in range(_REACH):
        out[i] = r[i]
        out[n - 1 - i] = r[n - 1 - i]
    r0 = r[0:]
    r1 = r[1:]
    r2 = r[2:]
    r3 = r[3:]
    r4 = r[4:]
    r5 = r[5:]
    r6 = r[6:]
    inner = out[3:]
    for x in range(n - 6):
        inner[x] = median7(r3[x], r2[x], r4[x], r1[x], r5[x], r0[x], r6[x])


@compiled
def _column_medians(r0, r1, r2, r3, r4, r5, r6, out, n):
    for x in range(n):
        out[x] = median7(r3[x], r2[x], r4[x], r1[x], r5[x], r0[x], r6[x])


@compiled
def laplacian_at(centre, up, down, left, right):
    """Return the clipped, 2 x 2 subsampled Laplacian of a pixel, in closed form.

    The order of the sums follows the compiled peer, for equality to the last bit.

    Parameters
    ----------
    centre : float32
        Value of the pixel [e-].
    up, down, left, right : float32
        Values of its four neighbours [e-].
    """
    # L = (1/4) sum max(0, 2 c - v - h) over v = up, down and h = left, right: subsampled 2 x 2,
    # convolved with the Laplacian, negative values set to 0, rebinned (van Dokkum 2001)
    four = np.float32(4) * centre
    a = (four - centre) - left
    b = (four - right) - centre
    # p = 2 c - left - up, q = 2 c - left - down, v = 2 c - right - up, w = 2 c - right - down
    e = centre + up
    g = down + centre
    p = a - e
    q = a - g
    v = b - e
    w = b - g
    p = p if p > _ZERO else _ZERO
    q = q if q > _ZERO else _ZERO
    v = v if v > _ZERO else _ZERO
    w = w if w > _ZERO else _ZERO
    return _QUARTER * ((p + w) + (q + v))


@compiled
def _significance_row(up, row, down, median, s, n, read_variance):
    left = row[0:]
    centre = row[1:]
    right = row[2:]
    u = up[1:]
    d = down[1:]
    m = median[1:]
    inner = s[1:]
    # S = L / (2 N), N**2 = M7(c) + read noise**2 [e-**2], 2 the subsampling (van Dokkum 2001);
    # N**2 is at least 1e-5, as in astroscrappy
    for x in range(n - 2):
        variance = m[x] + read_variance
        variance = variance if variance > _TINY else _TINY
        laplacian = laplacian_at(centre[x], u[x], d[x], left[x], right[x])
        inner[x] = laplacian / (np.float32(2) * np.sqrt(variance))
    # at the ends of a row what is outside the frame counts as 0
    for x in (0, n - 1):
        before = row[x - 1] if x > 0 else _ZERO
        after = row[x + 1] if x < n - 1 else _ZERO
        variance = max(median[x] + read_variance, _TINY)
        laplacian = laplacian_at(row[x], up[x], down[x], before, after)
        s[x] = laplacian / (np.float32(2) * np.sqrt(variance))


@compiled
def significance(c, s, read_variance, limit, saturation, begin, end, candidates, saturated):
    """Fill S of the rows from `begin` to `end`; list pixels with S > limit and saturated stars.

    Returns the lengths of both lists (flat indices). Saturated hits are told from stars by the
    7 x 7 median, which a star raises.

    Parameters
    ----------
    c : ndarray of float32, shape (ny, nx)
        Electrons with their border.
    s : ndarray of float32, shape (ny, nx)
        Significance S of each pixel; filled.
    read_variance : float32
        Variance of the read noise [e-^2].
    limit : float32
        Significance from which a pixel is listed.
    saturation : float32
        Level of saturated stars [e-].
    begin, end : int
        First row to fill, and the row after the last.
    candidates : ndarray of int32
        Flat indices of the pixels with S above the limit; filled.
    saturated : ndarray of int32
        Flat indices of the pixels of saturated stars; filled.
    """
    ny, nx = c.shape
    ring = np.empty((8, nx), np.float32)
    median = np.empty(nx, np.float32)
    zero = np.zeros(nx, np.float32)
    star = saturation / np.float32(10)
    n_candidates = 0
    n_saturated = 0
    # row y can be done when row y + 3 has its medians: 7 rows of them are needed at a time
    for ahead in range(max(begin - _REACH, 0), end + _REACH):
        if ahead < ny:
            _row_medians(c[ahead], ring[ahead & 7], nx)
        y = ahead - _REACH
        if y < begin:
            continue
        row = c[y]
        inner = 3 <= y < ny - 3
        if inner:
            _column_medians(
                ring[(y - 3) & 7], ring[(y - 2) & 7], ring[(y - 1) & 7], ring[y & 7],
                ring[(y + 1) & 7], ring[(y + 2) & 7], ring[(y + 3) & 7], median, nx,
            )
            for i in range(_REACH):
                median[i] = row[i]
                median[nx - 1 - i] = row[nx - 1 - i]
        # within 3 pixels of an edge the median is the pixel itself, and nothing is flagged
        else:
            median[:] = row
        up = c[y - 1] if y > 0 else zero
        down = c[y + 1] if y < ny - 1 else zero
        _significance_row(up, row, down, median, s[y], nx, read_variance)
        line = s[y]
        for first in range(0, nx, _RUN):
            last = min(nx, first + _RUN)
            high = np.uint8(0)
            full = np.uint8(0)
            some = line[first:last]
            light = row[first:last]
            for k in range(some.size):
                high |= np.uint8(some[k] > limit)
                full |= np.uint8(light[k] >= saturation)
            # S' = S - M7(S) <= S, as S >= 0: no pixel with S <= sigma can be the core of a hit
            if high and inner:
                for x in range(max(first, 3), min(last, nx - 3)):
                    if line[x] > limit:
                        candidates[n_candidates] = y * nx + x
                        n_candidates += 1
            if full:
                for x in range(first, last):
                    # c >= saturation and M7(c) > saturation / 10: a star, too wide for a hit
                    if row[x] >= saturation and median[x] > star:
                        saturated[n_saturated] = y * nx + x
                        n_saturated += 1
    return n_candidates, n_saturated


@compiled
def hits(state, pad, bad):
    """Fill where hits are, without the border; returns how many pixels that are.

    Parameters
    ----------
    state : ndarray of uint8, shape (ny + 2 pad, nx + 2 pad)
        State of each pixel; `COSMIC` marks a hit.
    pad : int
        Width of the border [pixel].
    bad : ndarray of bool, shape (ny, nx)
        Map of the hits; filled.
    """
    ny, nx = bad.shape
    total = 0
    for y in range(ny):
        row = state[y + pad, pad : pad + nx]
        out = bad[y]
        number = np.uint32(0)
        for x in range(nx):
            hit = (row[x] & COSMIC) != 0
            out[x] = hit
            number += np.uint32(hit)
        total += number
    return total


@compiled
def _spread(state, y, x, reach):
    ny, nx = state.shape
    state[y, x] |= EXCLUDED
    # each step of a growth by 1 or 2 pixels leaves as many pixels at the edge alone
    edge = 1 if reach == 1 else 2
    for yy in range(max(edge, y - reach), min(ny - edge, y + reach + 1)):
        for xx in range(max(edge, x - reach), min(nx - edge, x + reach + 1)):
            # 4 pixels are two steps of a 5 x 5 square without its corners
            if abs(yy - y) + abs(xx - x) < 7:
                state[yy, xx] |= EXCLUDED


@compiled
def exclude(avoided, nx, pad, stars, state):
    """Mark pixels to avoid with their neighbours, and saturated stars with 4 pixels around.

    As in astroscrappy, neighbours in the outermost pixels are left alone.

    Parameters
    ----------
    avoided : ndarray of int32, shape (n,)
        Flat indices, in the image without its border, of pixels that are never flagged.
    nx : int
        Width of that image [pixel].
    pad : int
        Width of the border [pixel].
    stars : ndarray of int32, shape (m,)
        Flat indices, with the border, of the pixels of saturated stars.
    state : ndarray of uint8, shape (ny + 2 pad, nx + 2 pad)
        State of each pixel; `EXCLUDED` is set.
    """
    for k in range(avoided.size):
        _spread(state, avoided[k] // nx + pad, avoided[k] % nx + pad, 1)
    width = state.shape[1]
    for k in range(stars.size):
        _spread(state, stars[k] // width, stars[k] % width, 4)
