"""Compiled loops over planes: noise, division, weights; maps of pixels grown and marked.

Each takes one pass over the rows it is given.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled

__all__ = [
    "all_finite", "carrying", "divide", "faint_variance", "flattened_variance", "grow", "mark",
    "mean_variance", "numbers", "photon_variance", "weigh",
]

_ZERO = np.float32(0)

#: side of the squares [pixel] that tell the light of a faint pixel
_SIDE = 5


@compiled
def photon_variance(counts, per_count, constant, variance):
    """Fill the variance of counts above the bias: light times `per_count` plus a constant."""
    for y in range(counts.shape[0]):
        row = counts[y]
        out = variance[y]
        for x in range(row.size):
            # sigma**2 = light / gain + constant
            light = row[x] if row[x] > _ZERO else _ZERO
            # a count that is not a number has no variance either
            out[x] = (light if row[x] == row[x] else row[x]) * per_count + constant


@compiled
def faint_variance(counts, per_count, constant, variance):
    """Fill the variance of faint counts: a model of the light times `per_count` plus a constant.

    The light is the mean of the 24 pixels around where they scatter as noise does, and goes
    over to the pixel's own count where they scatter more (stars): the filter of Lee (1980), with
    twice the noise. At the edges of the block the square is the nearest one inside.
    """
    ny, nx = counts.shape
    high, wide = min(_SIDE, ny), min(_SIDE, nx)
    number = np.float32(high * wide)
    # two standard deviations of the mean of 24 dark pixels below 0
    least = -np.float32(0.4) * np.sqrt(constant)
    total = np.empty(nx, np.float32)
    square = np.empty(nx, np.float32)
    for y in range(ny):
        first = min(max(y - high // 2, 0), ny - high)
        total[:] = _ZERO
        square[:] = _ZERO
        for yy in range(first, first + high):
            line = counts[yy]
            for x in range(nx):
                total[x] += line[x]
                square[x] += line[x] * line[x]
        row = counts[y]
        out = variance[y]
        for x in range(nx):
            start = min(max(x - wide // 2, 0), nx - wide)
            sum1 = _ZERO
            sum2 = _ZERO
            for xx in range(start, start + wide):
                sum1 += total[xx]
                sum2 += square[xx]
            own = row[x]
            if number < 2 or sum1 - sum1 != _ZERO:
                # too few pixels, or one of them without a value
                light = own
            else:
                # without the pixel itself: its own noise must not enter its own variance
                light = (sum1 - own) / (number - np.float32(1))
                scatter = (sum2 - sum1 * sum1 / number) / (number - np.float32(1))
                noise = np.float32(2) * (max(light, _ZERO) * per_count + constant)
                if scatter > noise:
                    light += (np.float32(1) - noise / scatter) * (own - light)
            # cut at 0, the light of a dark frame would be too high on average
            out[x] = max(max(light, least) * per_count + constant, constant * np.float32(0.5))


@compiled
def mean_variance(image, share, constant, slope, variance):
    """Fill the variance of a mean: that of all its values over the share of them it kept."""
    for y in range(image.shape[0]):
        row = image[y]
        kept = share[y]
        out = variance[y]
        for x in range(row.size):
            light = row[x] if row[x] > _ZERO else _ZERO
            # (c + s x) / share; NaN where no value is left, as x is
            value = (constant + slope * light) / kept[x]
            out[x] = value if kept[x] > _ZERO else np.float32(np.nan)


@compiled
def flattened_variance(level, share, flat, constant, slope, variance):
    """Fill the variance of a mean of frames that were divided by a flat."""
    for y in range(level.shape[0]):
        row = level[y]
        kept = share[y]
        response = flat[y]
        out = variance[y]
        for x in range(row.size):
            light = row[x] if row[x] > _ZERO else _ZERO
            inverse = np.float32(1) / response[x]
            # before the flat: c + s x f, divided by f**2
            value = (constant * inverse + slope * light) * inverse / kept[x]
            out[x] = value if kept[x] > _ZERO else np.float32(np.nan)


@compiled
def divide(science, variance, flat, spread, least):
    """Divide by a flat of variance `spread`, in place; returns whether all could be divided.

    Where the flat is below `least`, infinite or no number, both planes become NaN.
    """
    spoilt = np.uint8(0)
    for y in range(science.shape[0]):
        counts = science[y]
        scatter = variance[y]
        response = flat[y]
        noise = spread[y]
        for x in range(counts.size):
            value = response[x]
            good = (value >= least) & (value < np.inf)
            # one division for both planes; NaN where the flat cannot divide
            inverse = np.float32(1) / value if good else np.float32(np.nan)
            light = counts[x] * inverse
            counts[x] = light
            # (s / f): variance = (var(s) + (s / f)**2 var(f)) / f**2
            scatter[x] = (scatter[x] + light * light * noise[x]) * (inverse * inverse)
            spoilt |= np.uint8(not good)
    return spoilt == 0


@compiled
def all_finite(plane):
    """Return True if every value is a finite number."""
    odd = np.uint8(0)
    for y in range(plane.shape[0]):
        row = plane[y]
        for x in range(row.size):
            # x - x is 0 for finite numbers only
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
            # w = f where no bit is set: variance of the sky goes as 1/f
            out[x] = response[x] if row[x] == 0 else _ZERO


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
            # rows without a mark, nearly all of them, cost one pass
            some |= row[x]
        if not some:
            continue
        for x in range(nx):
            line[x] = row[x]
        # dilation in x: shift the row by 1 to `beside` pixels and join
        for step in range(1, beside + 1):
            for x in range(nx - step):
                line[x + step] |= row[x]
            for x in range(nx - step):
                line[x] |= row[x + step]
        # dilation in y: the widened row goes to all rows it reaches
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
            # any of the bits
            found = (row[x] & bits) != 0
            target[x] = found
            number += np.uint32(found)
        total += number
    return total


@compiled
def numbers(flags, masks, out):
    """Fill `out` with how many pixels carry any bit of each of some masks."""
    out[:] = 0
    for y in range(flags.shape[0]):
        row = flags[y]
        for k in range(masks.size):
            mask = masks[k]
            number = np.uint32(0)
            for x in range(row.size):
                number += np.uint32((row[x] & mask) != 0)
            out[k] += number


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
                # OR with the bit or with 0: no branch, and other reasons stay
                target[x] |= bit if row[x] else np.uint16(0)
    return total
