"""Compiled loops of `awe.calib.resample`: holes, coefficients of the spline, the new pixels.

Coordinates come from a coarse grid of exact positions, straight in between. Rows of the output
are independent of each other, so bands of them may run side by side.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled

__all__ = ["columns", "fill", "mark", "regrid_rows", "rows"]

#: rings of neighbours a hole is filled from
_RINGS = 6

#: pole of the cubic spline's filter, and how far it reaches at float32 [pixel]
_POLE = np.float32(np.sqrt(3.0) - 2.0)
_TAIL = 16

#: rows that are filtered together, so that none waits for its own last pixel
_TOGETHER = 8


@compiled
def fill(image, bad, where_y, where_x):
    """Give bad pixels the mean of the good ones of the nearest ring that has some."""
    ny, nx = image.shape
    for k in range(where_y.size):
        y = where_y[k]
        x = where_x[k]
        total = 0.0
        number = 0
        for r in range(1, _RINGS):
            for yy in range(max(0, y - r), min(ny, y + r + 1)):
                for xx in range(max(0, x - r), min(nx, x + r + 1)):
                    if not bad[yy, xx]:
                        total += image[yy, xx]
                        number += 1
            if number:
                break
        image[y, x] = total / number if number else 0.0


@compiled
def mark(marks, where_y, where_x, before, behind, rings):
    """Mark the corners whose four pixels hold a bad pixel, and those whose kernel does.

    Where `rings` is true nothing within the kernel of a pixel may be used, as in its core.
    """
    ny, nx = marks.shape
    for k in range(where_y.size):
        y = where_y[k]
        x = where_x[k]
        for yy in range(max(0, y - behind), min(ny, y + before + 1)):
            for xx in range(max(0, x - behind), min(nx, x + before + 1)):
                core = rings or ((yy == y or yy == y - 1) and (xx == x or xx == x - 1))
                # 1: one of the four is bad; 2: one within the kernel's reach is
                marks[yy, xx] |= np.uint8(3) if core else np.uint8(2)


@compiled
def rows(image, first, last):
    """Filter rows of an image in place, both ways: first half of the spline's coefficients."""
    z = _POLE
    nx = image.shape[1]
    gain = np.float32(6.0)
    end = z / (z * z - np.float32(1))
    v = np.empty(_TOGETHER, np.float32)
    for begin in range(first, last, _TOGETHER):
        n = min(_TOGETHER, last - begin)
        for r in range(n):
            row = image[begin + r]
            total = np.float32(0)
            power = np.float32(1)
            for k in range(min(_TAIL, nx)):
                total += power * row[k]
                power *= z
            row[0] = total
            v[r] = total
        if n == _TOGETHER:
            _eight_rows(image, begin, nx, z, end, gain)
        else:
            for r in range(n):
                _one_row(image[begin + r], nx, z, end, gain)


@compiled
def _one_row(row, nx, z, end, gain):
    v = row[0]
    for x in range(1, nx):
        v = row[x] + z * v
        row[x] = v
    v = end * (row[nx - 1] + z * row[nx - 2])
    row[nx - 1] = v * gain
    for x in range(nx - 2, -1, -1):
        v = z * (v - row[x])
        row[x] = v * gain


@compiled
def _eight_rows(image, begin, nx, z, end, gain):
    a, b, c, d = image[begin], image[begin + 1], image[begin + 2], image[begin + 3]
    e, f, g, h = image[begin + 4], image[begin + 5], image[begin + 6], image[begin + 7]
    va, vb, vc, vd, ve, vf, vg, vh = a[0], b[0], c[0], d[0], e[0], f[0], g[0], h[0]
    for x in range(1, nx):
        va = a[x] + z * va
        vb = b[x] + z * vb
        vc = c[x] + z * vc
        vd = d[x] + z * vd
        ve = e[x] + z * ve
        vf = f[x] + z * vf
        vg = g[x] + z * vg
        vh = h[x] + z * vh
        a[x] = va
        b[x] = vb
        c[x] = vc
        d[x] = vd
        e[x] = ve
        f[x] = vf
        g[x] = vg
        h[x] = vh
    m = nx - 1
    va = end * (a[m] + z * a[m - 1])
    vb = end * (b[m] + z * b[m - 1])
    vc = end * (c[m] + z * c[m - 1])
    vd = end * (d[m] + z * d[m - 1])
    ve = end * (e[m] + z * e[m - 1])
    vf = end * (f[m] + z * f[m - 1])
    vg = end * (g[m] + z * g[m - 1])
    vh = end * (h[m] + z * h[m - 1])
    a[m] = va * gain
    b[m] = vb * gain
    c[m] = vc * gain
    d[m] = vd * gain
    e[m] = ve * gain
    f[m] = vf * gain
    g[m] = vg * gain
    h[m] = vh * gain
    for x in range(nx - 2, -1, -1):
        va = z * (va - a[x])
        vb = z * (vb - b[x])
        vc = z * (vc - c[x])
        vd = z * (vd - d[x])
        ve = z * (ve - e[x])
        vf = z * (vf - f[x])
        vg = z * (vg - g[x])
        vh = z * (vh - h[x])
        a[x] = va * gain
        b[x] = vb * gain
        c[x] = vc * gain
        d[x] = vd * gain
        e[x] = ve * gain
        f[x] = vf * gain
        g[x] = vg * gain
        h[x] = vh * gain


@compiled
def columns(image, first, last):
    """Filter columns of an image in place, both ways: second half of the coefficients."""
    z = _POLE
    ny = image.shape[0]
    gain = np.float32(6.0)
    end = z / (z * z - np.float32(1))
    # a strip of columns whose rows stay in the cache between the two ways
    for begin in range(first, last, 64):
        stop = min(begin + 64, last)
        n = stop - begin
        top = np.zeros(64, np.float32)
        power = np.float32(1)
        for k in range(min(_TAIL, ny)):
            row = image[k, begin:stop]
            for x in range(n):
                top[x] += power * row[x]
            power *= z
        image[0, begin:stop] = top[:n]
        for y in range(1, ny):
            above = image[y - 1, begin:stop]
            row = image[y, begin:stop]
            for x in range(n):
                row[x] += z * above[x]
        above = image[ny - 2, begin:stop]
        row = image[ny - 1, begin:stop]
        for x in range(n):
            row[x] = end * (row[x] + z * above[x])
        for y in range(ny - 2, -1, -1):
            below = image[y + 1, begin:stop]
            row = image[y, begin:stop]
            for x in range(n):
                row[x] = z * (below[x] - row[x])
                below[x] *= gain
        row = image[0, begin:stop]
        for x in range(n):
            row[x] *= gain


@compiled
def _nodes(cx, cy, area, step, y, row_x, row_y, row_a):
    """Fill coordinates and area along one row of the output, at the columns of the nodes."""
    j = y // step
    t = (y - j * step) / step
    for i in range(row_x.size):
        row_x[i] = cx[j, i] * (1 - t) + cx[j + 1, i] * t
        row_y[i] = cy[j, i] * (1 - t) + cy[j + 1, i] * t
        row_a[i] = area[j, i] * (1 - t) + area[j + 1, i] * t


@compiled
def _places(row_x, row_y, i, step, count, low, high_x, high_y, xs, ys, us, vs):
    """Fill whole and fractional parts of the places of a run; False where one is outside."""
    x_of = row_x[i]
    y_of = row_y[i]
    dx = (row_x[i + 1] - x_of) / step
    dy = (row_y[i + 1] - y_of) / step
    for k in range(count):
        xf = x_of + dx * k
        yf = y_of + dy * k
        x0 = np.int32(xf)
        y0 = np.int32(yf)
        us[k] = np.float32(xf - x0)
        vs[k] = np.float32(yf - y0)
        # unsigned, so that no index is taken from the end of an array
        xs[k] = np.uint32(x0)
        ys[k] = np.uint32(y0)
    # straight in between: the ends are the extremes
    last_x = x_of + dx * (count - 1)
    last_y = y_of + dy * (count - 1)
    return (
        min(x_of, last_x) >= low and min(y_of, last_y) >= low
        and max(x_of, last_x) < high_x and max(y_of, last_y) < high_y
    )


@compiled
def _inside(row_x, row_y, i, step, k, low, high_x, high_y):
    x = row_x[i] + (row_x[i + 1] - row_x[i]) / step * k
    y = row_y[i] + (row_y[i + 1] - row_y[i]) / step * k
    return low <= x < high_x and low <= y < high_y


@compiled
def _surroundings(
    weights, variances, marks, squares, xs, ys, us, vs, area, slope, count,
    weight, variance, flags, reached,
):  # fmt: skip
    """Fill weight, variance and marks of a run of pixels from the four around each place."""
    one = np.float32(1)
    n = np.float32(squares.size - 1)
    half = np.float32(0.5)
    for k in range(count):
        x = xs[k]
        y = ys[k]
        u = us[k]
        v = vs[k]
        a = one - u
        b = one - v
        w = (weights[y, x] * a + weights[y, x + 1] * u) * b
        weight[k] = w + (weights[y + 1, x] * a + weights[y + 1, x + 1] * u) * v
        s = (variances[y, x] * a + variances[y, x + 1] * u) * b
        s += (variances[y + 1, x] * a + variances[y + 1, x + 1] * u) * v
        # sum of the squares of the taps, which is a product of one factor for each direction
        factor = squares[np.uint32(u * n + half)] * squares[np.uint32(v * n + half)]
        scale = area + slope * np.float32(k)
        variance[k] = s * factor * scale * scale
        flags[k] = marks[y, x]
    return


@compiled
def _reasons(bits, xs, ys, count, weight, flags, reached):
    """Turn the marks of a run of pixels into reason bits."""
    for k in range(count):
        m = flags[k]
        if m == 0:
            continue
        found = np.uint16(0)
        if m & 1:
            x = xs[k]
            y = ys[k]
            found = bits[y, x] | bits[y, x + 1] | bits[y + 1, x] | bits[y + 1, x + 1]
            if found == 0:
                # the ringing of a saturated pixel: within the kernel, not next to the place
                for b in range(max(0, y - 1), min(bits.shape[0], y + 3)):
                    for a in range(max(0, x - 1), min(bits.shape[1], x + 3)):
                        found |= bits[b, a]
            weight[k] = np.float32(0)
        flags[k] = found | reached


@compiled
def _spline(coef, xs, ys, us, vs, area, slope, count, out):
    six = np.float32(1 / 6)
    two = np.float32(4 / 6)
    half = np.float32(0.5)
    one = np.float32(1)
    for k in range(count):
        u = us[k]
        v = vs[k]
        a3 = u * u * u * six
        um = one - u
        a0 = um * um * um * six
        a1 = two - u * u * (one - half * u)
        a2 = one - a0 - a1 - a3
        b3 = v * v * v * six
        vm = one - v
        b0 = vm * vm * vm * six
        b1 = two - v * v * (one - half * v)
        b2 = one - b0 - b1 - b3
        p = xs[k] - np.uint32(1)
        q = ys[k] - np.uint32(1)
        s = b0 * (
            a0 * coef[q, p] + a1 * coef[q, p + 1] + a2 * coef[q, p + 2] + a3 * coef[q, p + 3]
        )
        s += b1 * (
            a0 * coef[q + 1, p] + a1 * coef[q + 1, p + 1]
            + a2 * coef[q + 1, p + 2] + a3 * coef[q + 1, p + 3]
        )
        s += b2 * (
            a0 * coef[q + 2, p] + a1 * coef[q + 2, p + 1]
            + a2 * coef[q + 2, p + 2] + a3 * coef[q + 2, p + 3]
        )
        s += b3 * (
            a0 * coef[q + 3, p] + a1 * coef[q + 3, p + 1]
            + a2 * coef[q + 3, p + 2] + a3 * coef[q + 3, p + 3]
        )
        out[k] = s * (area + slope * np.float32(k))


@compiled
def _taps(image, table, xs, ys, us, vs, area, slope, count, out):
    taps = table.shape[1]
    before = np.uint32(taps // 2 - 1)
    phases = np.float32(table.shape[0] - 1)
    half = np.float32(0.5)
    for k in range(count):
        along = table[np.uint32(us[k] * phases + half)]
        across = table[np.uint32(vs[k] * phases + half)]
        p = xs[k] - before
        q = ys[k] - before
        total = np.float32(0)
        for b in range(taps):
            part = np.float32(0)
            for a in range(taps):
                part += along[a] * image[q + b, p + a]
            total += across[b] * part
        out[k] = total * (area + slope * np.float32(k))


@compiled
def regrid_rows(
    source, table, cubic, weights, variances, bits, marks, cx, cy, area, step, squares,
    reached, empty, first, last, out, weight, variance, flags,
):  # fmt: skip
    """Fill some rows of the new grid: light, weight, variance and reason bits."""
    nx = out.shape[1]
    n = cx.shape[1]
    low = 1.0 if cubic else table.shape[1] // 2 - 1.0
    far = 2 if cubic else table.shape[1] // 2
    high_x = float(source.shape[1] - far)
    high_y = float(source.shape[0] - far)
    row_x = np.empty(n)
    row_y = np.empty(n)
    row_a = np.empty(n)
    xs = np.empty(step, np.uint32)
    ys = np.empty(step, np.uint32)
    us = np.empty(step, np.float32)
    vs = np.empty(step, np.float32)
    for y in range(first, last):
        _nodes(cx, cy, area, step, y, row_x, row_y, row_a)
        for i in range(n - 1):
            begin = i * step
            count = min(step, nx - begin)
            if count <= 0:
                break
            end = begin + count
            whole = _places(row_x, row_y, i, step, count, low, high_x, high_y, xs, ys, us, vs)
            # the run that is inside: straight, so it is one piece
            k0 = 0
            k1 = count
            if not whole:
                while k0 < count and not _inside(row_x, row_y, i, step, k0, low, high_x, high_y):
                    k0 += 1
                while k1 > k0 and not _inside(
                    row_x, row_y, i, step, k1 - 1, low, high_x, high_y
                ):
                    k1 -= 1
                out[y, begin:end] = np.float32(np.nan)
                weight[y, begin:end] = np.float32(0)
                variance[y, begin:end] = np.float32(np.nan)
                flags[y, begin:end] = empty
            if k1 <= k0:
                continue
            slope = np.float32((row_a[i + 1] - row_a[i]) / step)
            start = np.float32(row_a[i]) + slope * np.float32(k0)
            a = begin + k0
            b = begin + k1
            m = k1 - k0
            if cubic:
                _spline(
                    source, xs[k0:k1], ys[k0:k1], us[k0:k1], vs[k0:k1], start, slope, m,
                    out[y, a:b],
                )
            else:
                _taps(
                    source, table, xs[k0:k1], ys[k0:k1], us[k0:k1], vs[k0:k1], start, slope, m,
                    out[y, a:b],
                )
            _surroundings(
                weights, variances, marks, squares, xs[k0:k1], ys[k0:k1], us[k0:k1], vs[k0:k1],
                start, slope, m, weight[y, a:b], variance[y, a:b], flags[y, a:b], reached,
            )
            _reasons(bits, xs[k0:k1], ys[k0:k1], m, weight[y, a:b], flags[y, a:b], reached)
