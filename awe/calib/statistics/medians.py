"""Compiled medians of 5, 7 and 9 numbers by straight-line exchanges, and separable ones on images.

Without branches the compiler works on many pixels at once. Networks: N. Devillard, Fast median
search (1998).
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

from awe.calib._jit import compiled

__all__ = ["median5", "median7", "median9", "separable5_at", "separable7_at"]


@compiled
def _low(a, b):
    return a if a < b else b


@compiled
def _high(a, b):
    return b if a < b else a


@compiled
def median5(a, b, c, d, e):
    """Return the median of five numbers; NaN is not understood.

    Parameters
    ----------
    a, b, c, d, e : float32
        Finite numbers in any order.
    """
    a, b = _low(a, b), _high(a, b)
    d, e = _low(d, e), _high(d, e)
    # of a, b, d, e the smallest and largest cannot be the median of five: they leave
    d = _high(a, d)
    b = _low(b, e)
    # median of the other three = max(min(b, c), min(max(b, c), d))
    b, c = _low(b, c), _high(b, c)
    c = _low(c, d)
    return _high(b, c)


@compiled
def median7(a, b, c, d, e, f, g):
    """Return the median of seven numbers; NaN is not understood.

    Parameters
    ----------
    a, b, c, d, e, f, g : float32
        Finite numbers in any order.
    """
    # 13 exchanges; where only one result is used again, only that one is taken
    a, f = _low(a, f), _high(a, f)
    a, d = _low(a, d), _high(a, d)
    b, g = _low(b, g), _high(b, g)
    c, e = _low(c, e), _high(c, e)
    b = _high(a, b)
    d, f = _low(d, f), _high(d, f)
    c, g = _low(c, g), _high(c, g)
    c, d = _low(c, d), _high(c, d)
    d, g = _low(d, g), _high(d, g)
    e, f = _low(e, f), _high(e, f)
    b, e = _low(b, e), _high(b, e)
    d = _high(b, d)
    return _low(d, e)


@compiled
def median9(a, b, c, d, e, f, g, h, i):
    """Return the median of nine numbers; NaN is not understood.

    Parameters
    ----------
    a, b, c, d, e, f, g, h, i : float32
        Finite numbers in any order.
    """
    # 19 exchanges in all; nine of them sort each of the triples a b c, d e f, g h i
    b, c = _low(b, c), _high(b, c)
    e, f = _low(e, f), _high(e, f)
    h, i = _low(h, i), _high(h, i)
    a, b = _low(a, b), _high(a, b)
    d, e = _low(d, e), _high(d, e)
    g, h = _low(g, h), _high(g, h)
    b, c = _low(b, c), _high(b, c)
    e, f = _low(e, f), _high(e, f)
    h, i = _low(h, i), _high(h, i)
    # largest of the three minima (g), median of the medians (e), smallest of the maxima (c)
    d = _high(a, d)
    f = _low(f, i)
    e, h = _low(e, h), _high(e, h)
    g = _high(d, g)
    e = _high(b, e)
    c = _low(c, f)
    e = _low(e, h)
    # the median of nine is the median of these three
    e, c = _low(e, c), _high(e, c)
    e = _high(g, e)
    return _low(e, c)


@compiled
def separable7_at(image, y, x, scratch):
    """Return the column median of seven row medians of seven, at an inner pixel.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Finite image.
    y, x : int
        Zero-based position, at least 3 pixels from every edge.
    scratch : ndarray of float32, shape (7,) or longer
        Room for the medians of rows.
    """
    # eight medians of 7 instead of one of 49, which they come near to but do not equal
    for k in range(7):
        r = image[y - 3 + k]
        scratch[k] = median7(
            r[x], r[x - 1], r[x + 1], r[x - 2], r[x + 2], r[x - 3], r[x + 3]
        )
    return median7(
        scratch[0], scratch[1], scratch[2], scratch[3], scratch[4], scratch[5], scratch[6]
    )


@compiled
def separable5_at(image, y, x, scratch):
    """Return the column median of five row medians of five; the value itself near an edge.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Finite image.
    y, x : int
        Zero-based position.
    scratch : ndarray of float32, shape (5,) or longer
        Room for the medians of rows.
    """
    ny, nx = image.shape
    if y < 2 or x < 2 or y >= ny - 2 or x >= nx - 2:
        return image[y, x]
    for k in range(5):
        r = image[y - 2 + k]
        scratch[k] = median5(r[x - 2], r[x - 1], r[x], r[x + 1], r[x + 2])
    return median5(scratch[0], scratch[1], scratch[2], scratch[3], scratch[4])
