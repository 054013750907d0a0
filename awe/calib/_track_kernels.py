"""Compiled loops of `satellite`: binning, sums along all straight lines, and straightening.

The sums are a fast discrete Radon transform: strips are joined two by two, so that all lines of
all slopes cost as much as log2(n) passes over the frame. A. Brady, SIAM J. Comput. 27, 107
(1998); B. Nir et al., AJ 156, 229 (2018).
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled
from awe.calib._select import median

__all__ = ["best_line", "bin_frame", "line_sums", "sampled_scores", "straighten"]


@compiled
def bin_frame(image, bad, saturated, sky, box, reach, size, mean, number, full):
    """Fill mean and number of the good pixels of blocks of size x size, and mark saturated ones.

    Pixels are capped at the sky of their box (`sky`, one value per box) plus and minus `reach`:
    a bright track is dimmed, never removed.
    """
    for row in range(mean.shape[0]):
        for column in range(mean.shape[1]):
            j = min(row * size // box, sky.shape[0] - 1)
            i = min(column * size // box, sky.shape[1] - 1)
            low = sky[j, i] - reach
            high = sky[j, i] + reach
            total = np.float32(0)
            n = 0
            for y in range(row * size, (row + 1) * size):
                for x in range(column * size, (column + 1) * size):
                    if saturated[y, x]:
                        full[row, column] = True
                    v = image[y, x]
                    if not bad[y, x] and v == v:
                        total += min(max(v, low), high)
                        n += 1
            mean[row, column] = total / n if n else np.float32(0)
            number[row, column] = n


@compiled
def line_sums(image, length):
    """Return sums along lines that cross the rows of `image` (N, ny), N a power of two.

    Result (N, length), length = ny + N: row s, column y0 + N holds the line that goes from y0 in
    row 0 to y0 + s in row N - 1.
    """
    n, ny = image.shape
    current = np.zeros((n, length), np.float32)
    following = np.empty((n, length), np.float32)
    for i in range(n):
        current[i, n : n + ny] = image[i]
    height = 1
    while height < n:
        for strip in range(0, n, 2 * height):
            for s in range(2 * height):
                shift = (s + 1) // 2
                first = current[strip + s // 2]
                second = current[strip + height + s // 2, shift:]
                out = following[strip + s]
                for j in range(length - shift):
                    out[j] = first[j] + second[j]
                for j in range(length - shift, length):
                    out[j] = first[j]
        current, following = following, current
        height *= 2
    return current


@compiled
def sampled_scores(sums, weights, least, out):
    """Fill `out` with significances of a sample of lines; returns their number."""
    n, length = sums.shape
    step = max(1, n * length // out.size) | 1
    found = 0
    for place in range(0, n * length, step):
        s = place // length
        j = place % length
        if weights[s, j] >= least and found < out.size:
            out[found] = sums[s, j] / np.sqrt(weights[s, j])
            found += 1
    return found


@compiled
def best_line(sums, weights, least, scale):
    """Return (score, slope, start, width) of the best line of width 1, 2 or 4.

    Lines above 5 are judged against side bands of 12 columns beyond a gap of 3.
    """
    n, length = sums.shape
    best = np.float32(0)
    slope = 0
    start = 0
    breadth = 0
    limit = np.float32((5.0 * scale) ** 2)
    for s in range(n):
        row = sums[s]
        weight = weights[s]
        for power in range(3):
            width = 1 << power
            for j in range(16, length - 20):
                a = row[j]
                w = weight[j]
                if width > 1:
                    a += row[j + 1]
                    w += weight[j + 1]
                if width > 2:
                    a += row[j + 2] + row[j + 3]
                    w += weight[j + 2] + weight[j + 3]
                if w < least * width or a <= 0 or a * a <= limit * w:
                    continue
                side = np.float32(0)
                side_weight = np.float32(0)
                for q in range(j - 14, j - 2):
                    side += row[q]
                    side_weight += weight[q]
                for q in range(j + width + 2, min(length, j + width + 14)):
                    side += row[q]
                    side_weight += weight[q]
                if side_weight < w:
                    continue
                score = (a / w - side / side_weight) / np.sqrt(1 / w + 1 / side_weight) / scale
                if score > best:
                    best = score
                    slope = s
                    start = j
                    breadth = width
    return best, slope, start, breadth


@compiled
def straighten(image, bad, keep, size, x0, y0, ux, uy, first, length, half, sigma, mean, number):
    """Fill profiles across a line: mean and number of pixels per segment and offset.

    The line starts `first` pixels from (x0, y0) along the unit vector (ux, uy). Pixels are the
    nearest ones, capped at 3 sigma about the median of their cell, which ignores stars and does
    not cap the track. Bins of `size` pixels where `keep` is False are left out.
    """
    ny, nx = image.shape
    segments, offsets = mean.shape
    values = np.empty(length // segments + 2, np.float32)
    scratch = np.empty(values.size, np.float32)
    for k in range(segments):
        for d in range(offsets):
            n = 0
            for t in range(k * length // segments, (k + 1) * length // segments):
                x = int(np.floor(x0 + (first + t) * ux - (d - half) * uy + 0.5))
                y = int(np.floor(y0 + (first + t) * uy + (d - half) * ux + 0.5))
                if x < 0 or y < 0 or x >= nx or y >= ny or bad[y, x]:
                    continue
                j = min(y // size, keep.shape[0] - 1)
                i = min(x // size, keep.shape[1] - 1)
                if keep[j, i] and image[y, x] == image[y, x]:
                    values[n] = image[y, x]
                    n += 1
            number[k, d] = n if n > 5 else 0
            mean[k, d] = 0
            if n > 5:
                scratch[:n] = values[:n]
                middle = median(scratch, n)
                total = np.float32(0)
                for q in range(n):
                    total += min(max(values[q], middle - 3 * sigma), middle + 3 * sigma)
                mean[k, d] = total / n
