"""Compiled loops of the search for bright tracks on bins that are lit, dark or unknown.

Places and directions are in bins. An arc starts at (x0, y0), goes along the unit vector (ux, uy)
and leaves it by 4 bend s (1 - s) along (-uy, ux), s from 0 to 1 over its length.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled
from awe.calib.tracks.kernels import columns

__all__ = [
    "across_run", "best", "curve_through", "erase", "paint", "run_lengths", "sharpened", "span",
    "states", "vote", "walk",
]

#: states of a bin
DARK, LIT, UNKNOWN = 0, 1, 2

#: pairs of places whose votes are looked at together
_STRETCH = 64

#: part of the votes of ten places next to a pair that is taken off it
# the mean of ten places, twice: what a crowded field gives every line of this direction
_NEARBY = 0.2


@compiled
def _row_states(z, known, limit, state):
    """Fill the states of a row of bins; returns how many are lit."""
    lit = 0
    for x in range(z.size):
        state[x] = (LIT if z[x] > limit else DARK) if known[x] else UNKNOWN
    for x in range(z.size):
        lit += state[x] == LIT
    return lit


@compiled
def states(z, known, limit, blob, state):
    """Fill the state of every bin; squares of `blob` lit bins and more become unknown.

    Stars with their halos and galaxies are such squares; a track is narrower. `z` is the light of
    the bins in sigma, `limit` that of a lit one.
    """
    ny, nx = z.shape
    # side of the largest square of lit bins whose last corner is (y, x):
    # 1 + min(above, left, above left)
    side = np.zeros((2, nx), np.int16)
    corners = np.zeros((ny, nx), np.bool_)
    squares = np.zeros(ny, np.bool_)
    for y in range(ny):
        now = side[y % 2]
        before = side[1 - y % 2]
        if not _row_states(z[y], known[y], limit, state[y]):
            now[:] = 0
            continue
        for x in range(nx):
            if state[y, x] != LIT:
                now[x] = 0
                continue
            now[x] = 1 + min(before[x], now[x - 1], before[x - 1]) if x and y else 1
            if now[x] >= blob and (now[x] - blob) % 2 == 0:
                corners[y, x] = True
                squares[y] = True
    # one bin around each square goes too
    for y in range(ny):
        if not squares[y]:
            continue
        for x in range(nx):
            if corners[y, x]:
                for row in range(max(0, y - blob), min(ny, y + 2)):
                    for column in range(max(0, x - blob), min(nx, x + 2)):
                        state[row, column] = UNKNOWN


@compiled
def vote(ys, xs, sign, cosines, sines, centre, votes):
    """Add `sign` to the votes of every line through every place: (angles, distances)."""
    # rho = x cos + y sin is the distance of the line from the first bin; + 1/2 rounds
    places = np.empty(ys.size, np.int32)
    for t in range(cosines.size):
        c = cosines[t]
        s = sines[t]
        row = votes[t]
        for k in range(ys.size):
            places[k] = np.int32(xs[k] * c + ys[k] * s + centre + np.float32(0.5))
        for k in range(ys.size):
            row[np.uint32(places[k])] += sign


@compiled
def best(votes, used, begin, end, least, top, place):
    """Fill the best line of the angles from `begin` to `end`: votes above those next to it, place.

    Cells of 4 x 4 angles and distances that are `used` are passed over, so are lines with less
    than `least` votes.
    """
    for t in range(begin, end):
        row = votes[t]
        top[t] = -1.0
        last = row.size - 10
        for start in range(9, last, _STRETCH):
            stop = min(start + _STRETCH, last)
            # whole numbers without a branch stay in vectors; a line has no more than its own votes
            highest = np.int16(-1)
            pair = row[start : stop + 1]
            for k in range(stop - start):
                highest = max(highest, np.int16(pair[k] + pair[k + 1]))
            if highest < max(float(least), top[t]):
                continue
            # the best there may be, five times
            highest = np.int16(-1)
            left, right = row[start - 7 :], row[start + 4 :]
            for k in range(stop - start):
                beside = left[k] + left[k + 1] + left[k + 2] + left[k + 3] + left[k + 4]
                beside += right[k] + right[k + 1] + right[k + 2] + right[k + 3] + right[k + 4]
                highest = max(highest, np.int16(5 * (pair[k] + pair[k + 1]) - beside))
            if _NEARBY * highest < max(float(least), top[t]) - 1e-6:
                continue
            for r in range(start, stop):
                two = row[r] + row[r + 1]
                if two < least or two < top[t] or used[t // 4, r // 4]:
                    continue
                nearby = 0
                for q in range(3, 8):
                    nearby += row[r - q] + row[r + 1 + q]
                value = two - _NEARBY * nearby
                if value > top[t]:
                    top[t] = value
                    place[t] = r


@compiled
def _lit_on(state, x0, y0, x1, y1, steps, worth, number):
    """Return how many lit bins a straight line crosses at `number` of its steps, those `worth`."""
    ny, nx = state.shape
    lit = 0
    for k in range(number):
        part = worth[k] / max(steps - 1, 1)
        x = int(np.floor(x0 + part * (x1 - x0) + 0.5))
        y = int(np.floor(y0 + part * (y1 - y0) + 0.5))
        if 0 <= x < nx and 0 <= y < ny and state[y, x] == LIT:
            lit += 1
    return lit


@compiled
def _worth(state, x0, y0, x1, y1, px, py, reach, steps, worth):
    """Fill the steps with a lit bin within `reach` of a line along (px, py); return their number.

    All of them where the line is so near to a diagonal that another has more steps.
    """
    ny, nx = state.shape
    sideways = abs(x1 - x0) * px + abs(y1 - y0) * py
    every = sideways + 2 * reach + 1 > steps - 1
    number = 0
    for k in range(steps + 2 * reach + 1 if every else steps):
        part = k / max(steps - 1, 1)
        x = int(np.floor(x0 + part * (x1 - x0) + 0.5))
        y = int(np.floor(y0 + part * (y1 - y0) + 0.5))
        lit = every
        # a bin more for the rounding
        for d in range(-reach - 1, reach + 2):
            column = x + d * int(px)
            row = y + d * int(py)
            if 0 <= column < nx and 0 <= row < ny and state[row, column] == LIT:
                lit = True
        if lit:
            worth[number] = k
            number += 1
    return number


@compiled
def sharpened(state, x0, y0, x1, y1, px, py, reach):
    """Return the line whose ends, moved by up to `reach` times (px, py), cross most lit bins."""
    most = -1
    one = 0
    other = 0
    steps = int(max(abs(x1 - x0), abs(y1 - y0))) + 1
    worth = np.empty(steps + 2 * reach + 1, np.int32)
    found = _worth(state, x0, y0, x1, y1, px, py, reach, steps, worth)
    for a in range(-reach, reach + 1):
        for b in range(-reach, reach + 1):
            xa, ya, xb, yb = x0 + a * px, y0 + a * py, x1 + b * px, y1 + b * py
            now = int(max(abs(xb - xa), abs(yb - ya))) + 1
            number = _lit_on(state, xa, ya, xb, yb, now, worth, min(found, now))
            if number > most:
                most = number
                one = a
                other = b
    return x0 + one * px, y0 + one * py, x1 + other * px, y1 + other * py


@compiled
def walk(z, light, state, x0, y0, ux, uy, bend, length, reach, on, glow, place):
    """Fill state, light and place across of every step along an arc.

    Of the bins up to `reach` to each side the brightest counts; a step is unknown where more than
    half of them are.
    """
    ny, nx = z.shape
    for k in range(on.size):
        s = k / max(length, 1.0)
        off = 4 * bend * s * (1 - s)
        highest = -np.inf
        across = 0
        lit = DARK
        unknown = 0
        inside = 0
        shine = 0.0
        for d in range(-reach, reach + 1):
            x = int(np.floor(x0 + k * ux - (d + off) * uy + 0.5))
            y = int(np.floor(y0 + k * uy + (d + off) * ux + 0.5))
            if x < 0 or y < 0 or x >= nx or y >= ny:
                continue
            inside += 1
            if state[y, x] == UNKNOWN:
                unknown += 1
            elif z[y, x] > highest:
                highest = z[y, x]
                across = d
                shine = light[y, x]
                lit = state[y, x]
        on[k] = UNKNOWN if inside == 0 or 2 * unknown > inside else lit
        glow[k] = shine
        place[k] = across


@compiled
def span(on, cost):
    """Return the first and last step of the best run: + 1 a lit step, - `cost` a dark one."""
    # the largest sum of consecutive steps (Kadane's scan)
    highest = 0.0
    total = 0.0
    start = 0
    first = 0
    last = -1
    for k in range(on.size):
        if on[k] == LIT:
            total += 1
        elif on[k] == DARK:
            total -= cost
        if total <= 0:
            total = 0.0
            start = k + 1
        if total > highest:
            highest = total
            first = start
            last = k
    return first, last


@compiled
def across_run(z, light, xs, ys, ux, uy, fewest, z_across, light_across):
    """Fill the medians of two planes at offsets across the places (xs, ys) of a run.

    Offsets are -h to h, 2 h + 1 the length of both results; those with `fewest` places inside the
    frame or less are 0.
    """
    ny, nx = z.shape
    half = z_across.size // 2
    one = np.empty(xs.size, np.float32)
    other = np.empty(xs.size, np.float32)
    for d in range(-half, half + 1):
        n = 0
        for k in range(xs.size):
            x = int(np.floor(xs[k] - d * uy + 0.5))
            y = int(np.floor(ys[k] + d * ux + 0.5))
            if 0 <= x < nx and 0 <= y < ny:
                one[n] = z[y, x]
                other[n] = light[y, x]
                n += 1
        z_across[d + half] = np.median(one[:n]) if n > fewest else 0.0
        light_across[d + half] = np.median(other[:n]) if n > fewest else 0.0


@compiled
def _solved(matrix, right):
    """Return the solution of some linear equations, by elimination."""
    n = right.size
    for i in range(n):
        for j in range(i + 1, n):
            factor = matrix[j, i] / matrix[i, i]
            right[j] -= factor * right[i]
            for k in range(i, n):
                matrix[j, k] -= factor * matrix[i, k]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            right[i] -= matrix[i, k] * right[k]
        right[i] /= matrix[i, i]
    return right


@compiled
def curve_through(along, across, degree, span, fewest, rounds):
    """Return a polynomial through places without those far from it: at 0, the middle and `span`.

    Places are whole bins: 1 bin is always allowed. NaN where fewer than `fewest` places are left.
    """
    use = np.ones(along.size, np.bool_)
    rest = np.empty(along.size)
    powers = np.empty(degree + 1)
    ends = np.full(3, np.nan)
    for _ in range(rounds):
        if use.sum() < fewest:
            ends[:] = np.nan
            return ends
        # u = 2 s / span - 1 is -1 to 1; sum u**(i + j) c_j = sum u**i across
        matrix = np.zeros((degree + 1, degree + 1))
        right = np.zeros(degree + 1)
        for k in range(along.size):
            if use[k]:
                powers[0] = 1.0
                for i in range(degree):
                    powers[i + 1] = powers[i] * (2 * along[k] / span - 1)
                for i in range(degree + 1):
                    right[i] += powers[i] * across[k]
                    for j in range(degree + 1):
                        matrix[i, j] += powers[i] * powers[j]
        curve = _solved(matrix, right)
        for k in range(along.size):
            u = 2 * along[k] / span - 1
            value = 0.0
            for i in range(degree, -1, -1):
                value = value * u + curve[i]
            rest[k] = abs(across[k] - value)
        limit = max(1.0, 2 * np.median(rest[use]))
        before = use
        use = rest < limit
        for i in range(3):
            value = 0.0
            for j in range(degree, -1, -1):
                value = value * (i - 1) + curve[j]
            ends[i] = value
        if (use == before).all():
            break
    return ends


@compiled
def run_lengths(state, ys, xs, ux, uy):
    """Return the mean length of the lit runs through some places, along a direction and across."""
    ny, nx = state.shape
    total = np.zeros(2)
    for k in range(ys.size):
        for way in range(2):
            dx = ux if way == 0 else -uy
            dy = uy if way == 0 else ux
            number = 1
            for sign in (-1, 1):
                for q in range(1, 60):
                    x = int(np.floor(xs[k] + sign * q * dx + 0.5))
                    y = int(np.floor(ys[k] + sign * q * dy + 0.5))
                    if x < 0 or y < 0 or x >= nx or y >= ny or state[y, x] != LIT:
                        break
                    number += 1
            total[way] += number
    return total[0] / ys.size, total[1] / ys.size


@compiled
def erase(known, x0, y0, ux, uy, bend, length, half):
    """Make unknown what lies within `half` bins of an arc."""
    ny, nx = known.shape
    pad = half + abs(bend) + 4
    y1 = y0 + length * uy
    for y in range(max(0, int(min(y0, y1) - pad)), min(ny, int(max(y0, y1) + pad) + 1)):
        first, last = columns(y - y0, x0, ux, uy, pad, 1, nx)
        for x in range(first, last):
            along = (x - x0) * ux + (y - y0) * uy
            if along < -2 or along > length + 2:
                continue
            s = along / length
            across = (y - y0) * ux - (x - x0) * uy - 4 * bend * s * (1 - s)
            if abs(across) <= half:
                known[y, x] = False


@compiled
def paint(marked, x0, y0, ux, uy, bend, length, half, flags, step):
    """Mark the pixels within `half` of an arc where its steps, `step` pixels long, are flagged.

    Everything is in pixels here.
    """
    ny, nx = marked.shape
    pad = half + abs(bend) + 2
    x1 = x0 + length * ux
    y1 = y0 + length * uy
    for y in range(max(0, int(min(y0, y1) - pad)), min(ny, int(max(y0, y1) + pad) + 1)):
        for x in range(max(0, int(min(x0, x1) - pad)), min(nx, int(max(x0, x1) + pad) + 1)):
            along = (x - x0) * ux + (y - y0) * uy
            if along < -half or along > length + half:
                continue
            s = min(max(along / length, 0.0), 1.0)
            across = (y - y0) * ux - (x - x0) * uy - 4 * bend * s * (1 - s)
            if abs(across) <= half:
                k = min(max(int(np.floor(along / step + 0.5)), 0), flags.size - 1)
                if flags[k]:
                    marked[y, x] = True
