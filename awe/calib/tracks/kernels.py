"""Compiled loops of `awe.calib.tracks`: sums along all straight lines, and straightening.

The sums are a fast discrete Radon transform: strips are joined two by two, so that all lines of
all slopes cost as much as log2(n) passes over the frame. M. L. Brady, SIAM J. Comput. 27, 107
(1998); G. Nir et al., AJ 156, 229 (2018).
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled
from awe.calib.statistics.order import median

__all__ = ["columns", "cross", "erase", "line_sums", "peaks", "scatter", "score_of", "straighten"]

#: rows of the frame that are joined while they stay in cache
_BLOCK = 64

#: width of the side bands, and of the gap between them and the line [bin]
# 24 bins for a line of one: their mean adds sqrt(1 + 1/24) - 1 = 2 per cent to its error
_SIDE = 12
_GAP = 2

#: number of lines from which the scatter is measured; with fewer than the second it is not known
# the MAD of n independent normal values is known to 1.17 / sqrt(n): 1.2 per cent for 10_000
_SAMPLE = 10_000
_FEW = 100

#: the sky under a line is taken at such steps, linear in between [pixel]
_STRETCH = 16

#: columns of lines that are looked at together, and the widest line [bin]
_CHUNK = 32
_WIDEST = 4

#: significance from which a line is judged against its side bands [sigma]
_WORTH = 5.0


@compiled
def _join(first, last, height, source, target):
    """Join strips of `height` rows two by two, for rows from `first` to `last`."""
    n = source.shape[0]
    for strip in range(first, last, 2 * height):
        # Brady 1998, SIAM J. Comput. 27, 107: A and B are strips of h rows; for s = 0 to 2 h - 1
        # out[s, j] = A[s // 2, j] + B[s // 2, j + (s + 1) // 2], as s // 2 + (s + 1) // 2 = s
        for s in range(2 * height):
            shift = (s + 1) // 2
            # before n - s there is nothing: such lines end before they reach the frame
            upper = source[strip + s // 2, n - s :]
            lower = source[strip + height + s // 2, n - s + shift :]
            out = target[strip + s, n - s :]
            both = out.size - shift
            for j in range(both):
                out[j] = upper[j] + lower[j]
            # the lower half of these would begin right of the frame, and adds 0
            for j in range(both, out.size):
                out[j] = upper[j]
            # the next join reads from n - 2 s - 1 on, the last one is read from the beginning
            first = 0 if 2 * height == n else max(n - 2 * s - 1, 0)
            target[strip + s, first : n - s] = 0


@compiled
def line_sums(image, n, flip):
    """Return sums along lines that cross N rows of `image` (rows, ny), N a power of two.

    Rows beyond those of the image count as 0; with `flip` each row is read backwards. Result
    (N, N + ny) of the same integer type: row s, column y0 + N holds the line that goes
    from y0 in row 0 to y0 + s in row N - 1.
    """
    rows, ny = image.shape
    # N columns of 0 on the left: a line may start at y0 = -N and enter the frame further on
    length = n + ny
    current = np.empty((n, length), image.dtype)
    following = np.empty((n, length), image.dtype)
    for i in range(min(n, rows)):
        line = current[i, n:]
        row = image[i]
        # y -> ny - 1 - y turns a slope of s into -s
        if flip:
            for j in range(ny):
                line[j] = row[ny - 1 - j]
        else:
            for j in range(ny):
                line[j] = row[j]
    # rows the image does not have, and what the first join reads before the others
    current[rows:] = 0
    current[:, n - 1 : n] = 0
    block = min(_BLOCK, n)
    levels = 0
    while 1 << levels < block:
        levels += 1
    # log2(N) joins of at most N (N + ny) additions; the first 6 stay within 64 rows at a time
    for first in range(0, n, block):
        for level in range(levels):
            if level % 2 == 0:
                _join(first, first + block, 1 << level, current, following)
            else:
                _join(first, first + block, 1 << level, following, current)
    if levels % 2:
        current, following = following, current
    height = block
    while height < n:
        _join(0, n, height, current, following)
        current, following = following, current
        height *= 2
    return current


@compiled
def scatter(sums, weights, least, unit):
    """Return 1.4826 MAD of the significances of a sample of lines, 1 where there are few."""
    n, length = sums.shape
    out = np.empty(_SAMPLE, np.float32)
    keys = np.empty(_SAMPLE + 1, np.int32)
    step = max(1, n * length // out.size) | 1
    found = 0
    for place in range(0, n * length, step):
        s = place // length
        j = place % length
        if weights[s, j] >= least and found < out.size:
            # t = unit sum q / sqrt(sum w): 1 sigma for white noise, more where bins are correlated
            out[found] = unit * sums[s, j] / np.sqrt(np.float32(weights[s, j]))
            found += 1
    if found < _FEW:
        return np.float32(1)
    middle = median(out, keys, found)
    for k in range(found):
        out[k] = abs(out[k] - middle)
    return np.float32(1.4826) * median(out, keys, found)


@compiled
def _contrast(light, weight, side, side_weight):
    """Return the significance of a line against its side bands, in units of the arrays."""
    # t = (Sc / Wc - Ss / Ws) / sqrt(1 / Wc + 1 / Ws), sums of light S and weight W: c of the line,
    # s of the bands on both its sides; a level common to all of them drops out
    difference = light / weight - side / side_weight
    return difference / np.sqrt(np.float32(1) / weight + np.float32(1) / side_weight)


@compiled
def peaks(sums, weights, least, unit, scale, cell, score, slope, start, breadth):
    """Fill the best line of width 1, 2 or 4 of every cell of cell x cell slopes and places.

    `unit` turns sums over the root of weights into sigma, `scale` is the scatter of those;
    cells without a line that is worth it keep a score of 0.
    """
    n, length = sums.shape
    light = np.empty(_CHUNK + _WIDEST - 1, np.float32)
    weight = np.empty(_CHUNK + _WIDEST - 1, np.float32)
    # unit S / sqrt(W) > 5 scale as S |S| > (5 scale / unit)**2 W: no root for every line
    limit = np.float32((_WORTH * scale / unit) ** 2)
    # side bands of lines up to 4 bins wide take columns j - 14 to j + 17
    margin = _SIDE + _GAP + _WIDEST // 2
    end = length - margin - _WIDEST
    for s in range(n):
        # column j begins at j - N and ends at j - N + s: below N - s - 3 even 4 bins miss
        begin = max(margin, n - s - _WIDEST)
        for whole in range(begin // _CHUNK * _CHUNK, end, _CHUNK):
            first = max(whole, begin)
            last = min(whole + _CHUNK, end)
            number = last - first
            some = sums[s, first : last + _WIDEST - 1]
            its = weights[s, first : last + _WIDEST - 1]
            if not _may_stand_out(some, its, least, limit):
                continue
            for k in range(some.size):
                light[k] = some[k]
                weight[k] = its[k]
            for power in range(3):
                width = 1 << power
                half = width // 2
                # sums of 2 lines are pairs, those of 4 pairs of pairs, 2 columns apart
                for k in range(some.size - width + 1 if power else 0):
                    light[k] += light[k + half]
                    weight[k] += weight[k + half]
                enough = np.float32(least * width)
                hits = 0
                for k in range(number):
                    bright = light[k] * abs(light[k]) > limit * weight[k]
                    hits |= bright & (weight[k] >= enough)
                if not hits:
                    continue
                for k in range(number):
                    w = weight[k]
                    if w < enough or light[k] * abs(light[k]) <= limit * w:
                        continue
                    j = first + k
                    side = np.float32(0)
                    side_weight = np.float32(0)
                    for q in range(_SIDE):
                        before = j - _GAP - 1 - q
                        behind = j + width + _GAP + q
                        side += np.float32(sums[s, before]) + np.float32(sums[s, behind])
                        side_weight += np.float32(weights[s, before])
                        side_weight += np.float32(weights[s, behind])
                    # Ws < Wc: the level would be known worse than the line
                    if side_weight < w:
                        continue
                    value = _contrast(light[k], w, side, side_weight) * unit / scale
                    # lines of a cell cross the same light: only their maximum is a candidate
                    if value > score[s // cell, j // cell]:
                        score[s // cell, j // cell] = value
                        slope[s // cell, j // cell] = s
                        start[s // cell, j // cell] = j
                        breadth[s // cell, j // cell] = width


@compiled
def _may_stand_out(some, its, least, limit):
    """Return False where no line of up to four of these columns can have S |S| > limit W."""
    # S <= b max(S1) and W >= b max(min(W1), least) for b columns: then b max(S1)**2 is at most
    # limit max(min(W1), least), most easily missed with the widest
    most = some[0]
    fewest = its[0]
    for k in range(some.size):
        most = some[k] if some[k] > most else most
    for k in range(its.size):
        fewest = its[k] if its[k] < fewest else fewest
    # 1e-5 is more than the rounding of the comparisons of single lines
    return most > 0 and _WIDEST * float(most) ** 2 > (1 - 1e-5) * limit * max(float(fewest), least)


@compiled
def score_of(signal, weight, steep, rows, begin, end, width, least, unit):
    """Return the significance of one line, as `peaks` but by direct sums over the bins.

    The line of `width` bins goes from `begin` to `end` while the other axis goes over `rows`.
    """
    ny = signal.shape[1] if steep else signal.shape[0]
    light = np.float32(0)
    light_weight = np.float32(0)
    side = np.float32(0)
    side_weight = np.float32(0)
    for i in range(rows):
        # y(i) = begin + (end - begin) i / (rows - 1) is the middle of `width` bins, rounded
        first = int(np.floor(begin + (end - begin) * i / (rows - 1) - (width - 1) / 2 + 0.5))
        for place in range(first - _GAP - _SIDE, first + width + _GAP + _SIDE):
            if place < 0 or place >= ny:
                continue
            value = signal[i, place] if steep else signal[place, i]
            w = weight[i, place] if steep else weight[place, i]
            if first <= place < first + width:
                light += value
                light_weight += w
            elif place < first - _GAP or place >= first + width + _GAP:
                side += value
                side_weight += w
    # the bounds of `peaks`: enough weight on the line, and at least as much on its side bands
    if light_weight < least * width or side_weight < light_weight:
        return np.float32(0)
    return np.float32(_contrast(light, light_weight, side, side_weight) * unit)


@compiled
def columns(dy, x0, ux, uy, reach, size, number):
    """Return the first of `number` columns near a line, and the one behind the last.

    A bin or two more than are within `reach` of it.

    Parameters
    ----------
    dy : float
        Distance of the row of bins from the beginning of the line, along y.
    x0 : float
        Its beginning, counted from the first column.
    ux, uy : float
        Unit vector along it.
    reach : float
        Greatest distance from it, in the unit of `dy` and `x0`.
    size : int
        Of a bin in that unit.
    number : int
        Of columns.
    """
    if abs(uy) * number < 1:
        return 0, number
    # |x uy - dy ux| < reach, x from x0
    one = (x0 + (dy * ux - reach) / uy) / size
    other = (x0 + (dy * ux + reach) / uy) / size
    first = max(min(one, other) - 1, 0.0)
    last = min(max(one, other) + 2, float(number))
    return int(min(first, float(number))), int(max(last, 0.0))


@compiled
def erase(signal, weight, size, x0, y0, x1, y1, reach, pieces):
    """Clear bins within `reach` [pixel] of a line, only along the pieces that are True.

    The chord between the two points [pixel] is cut into as many equal pieces.
    """
    length = np.hypot(x1 - x0, y1 - y0)
    ux = (x1 - x0) / length
    uy = (y1 - y0) / length
    centre = (size - 1) / 2
    for j in range(signal.shape[0]):
        y = j * size + centre - y0
        first, last = columns(y, x0 - centre, ux, uy, reach, size, signal.shape[1])
        for i in range(first, last):
            x = i * size + centre - x0
            # distance |x uy - y ux| from the line; (x ux + y uy) / length is 0 to 1 along it
            if abs(x * uy - y * ux) < reach:
                piece = int(np.floor((x * ux + y * uy) / length * pieces.size))
                if 0 <= piece < pieces.size and pieces[piece]:
                    signal[j, i] = 0
                    weight[j, i] = 0


@compiled
def cross(crossed, x0, y0, x1, y1, reach):
    """Mark all pixels within reach of a line.

    Parameters
    ----------
    crossed : ndarray of bool, shape (ny, nx)
        Map of the pixels a line crosses; True is set.
    x0, y0, x1, y1 : float
        Two points of the line [pixel].
    reach : float
        Greatest distance from the line [pixel].
    """
    ny, nx = crossed.shape
    length = np.hypot(x1 - x0, y1 - y0)
    ux = (x1 - x0) / length
    uy = (y1 - y0) / length
    # |(x - x0) uy - (y - y0) ux| <= reach: x between x0 + ((y - y0) ux -+ reach) / uy
    for y in range(ny):
        across = (y - y0) * ux
        # a line that moves less than 1e-6 pixels in y over the frame takes whole rows
        if abs(uy) * nx < 1e-6:
            first, last = (0, nx) if abs(across) <= reach else (0, 0)
        else:
            one = x0 + (across - reach) / uy
            other = x0 + (across + reach) / uy
            first = max(0, int(np.ceil(max(min(one, other), -1.0))))
            last = min(nx, int(np.floor(min(max(one, other), nx + 1.0))) + 1)
        for x in range(first, last):
            crossed[y, x] = True


@compiled
def _level_at(sky, box, y, x):
    """Return the bilinear value of a mesh of boxes at a place counted from the frame's corner."""
    # u and v count boxes from the centre of the first one, places from the corner of the frame
    v = min(max(y / box - 0.5, 0.0), sky.shape[0] - 1.0)
    u = min(max(x / box - 0.5, 0.0), sky.shape[1] - 1.0)
    j = min(int(v), max(sky.shape[0] - 2, 0))
    i = min(int(u), max(sky.shape[1] - 2, 0))
    above = min(j + 1, sky.shape[0] - 1)
    right = min(i + 1, sky.shape[1] - 1)
    v -= j
    u -= i
    lower = sky[j, i] + u * (sky[j, right] - sky[j, i])
    upper = sky[above, i] + u * (sky[above, right] - sky[above, i])
    return np.float32(lower + v * (upper - lower))


@compiled
def straighten(
    image, bad, sky, box, keep, size, x0, y0, ux, uy, first, length, half, sigma, begin, end,
    mean, number,
):
    """Fill profiles across a line: mean above the sky and number of pixels per segment and offset.

    Only the segments from `begin` to `end` are filled.

    The line starts `first` pixels from (x0, y0) along the unit vector (ux, uy). Pixels are the
    nearest ones, capped at 3 sigma about the median of their cell, which ignores stars and does
    not cap the track. Bins of `size` pixels where `keep` is False are left out. `sky` holds one
    value at the centre of every box; in between it is bilinear, taken at stretches of the line.
    """
    ny, nx = image.shape
    segments, offsets = mean.shape
    values = np.empty(length // segments + 2, np.float32)
    keys = np.empty(values.size + 1, np.int32)
    for k in range(begin, end):
        start = k * length // segments
        stop = (k + 1) * length // segments
        for d in range(offsets):
            # (x, y) + d (-uy, ux), d = -half to half; the 1/2 counts from the corner of pixel 0,
            # so that rounding down gives the nearest pixel
            left = x0 - (d - half) * uy + 0.5
            low = y0 + (d - half) * ux + 0.5
            n = 0
            level = np.float32(0)
            slope = np.float32(0)
            for t in range(start, stop):
                place = first + t
                if (t - start) % _STRETCH == 0:
                    ahead = place + _STRETCH
                    level = _level_at(sky, box, low + place * uy, left + place * ux)
                    slope = _level_at(sky, box, low + ahead * uy, left + ahead * ux) - level
                    slope /= np.float32(_STRETCH)
                else:
                    level += slope
                x = int(np.floor(left + place * ux))
                y = int(np.floor(low + place * uy))
                if x < 0 or y < 0 or x >= nx or y >= ny or bad[y, x]:
                    continue
                j = min(y // size, keep.shape[0] - 1)
                i = min(x // size, keep.shape[1] - 1)
                if keep[j, i] and image[y, x] == image[y, x]:
                    values[n] = image[y, x] - level
                    n += 1
            number[k, d] = n if n > 5 else 0
            mean[k, d] = 0
            if n > 5:
                # m = (1/n) sum min(max(v, M - 3 sigma), M + 3 sigma), M the median of v: a star on
                # one of n pixels moves m by at most 3 sigma / n
                middle = median(values, keys, n)
                total = np.float32(0)
                for q in range(n):
                    total += min(max(values[q], middle - 3 * sigma), middle + 3 * sigma)
                mean[k, d] = total / n
