"""Compiled loops over pixels in the byte order of FITS: they and their sum.

The sum is that of DATASUM: of big-endian words of 32 bits, not yet folded.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from awe.calib._jit import compiled

__all__ = ["steps", "swap"]


@compiled
def _bytes(source, flip, out):
    for i in range(source.size):
        out[i] = source[i] ^ flip
    total = np.uint64(0)
    whole = source.size // 4 * 4
    for i in range(0, whole, 4):
        word = np.uint32(out[i]) << np.uint32(24) | np.uint32(out[i + 1]) << np.uint32(16)
        word |= np.uint32(out[i + 2]) << np.uint32(8) | np.uint32(out[i + 3])
        total += np.uint64(word)
    # Zeros follow up to a whole block (FITS 4.0, 3.3.2): the last bytes are high ones of a word.
    for i in range(whole, source.size):
        total += np.uint64(out[i]) << np.uint64(24 - 8 * (i - whole))
    return total


@compiled
def _pairs(source, flip, out):
    even = np.uint64(0)
    odd = np.uint64(0)
    for i in range(0, source.size - 1, 2):
        first = source[i] ^ flip
        second = source[i + 1] ^ flip
        even += np.uint64(first)
        odd += np.uint64(second)
    if source.size % 2:
        even += np.uint64(source[source.size - 1] ^ flip)
    for i in range(source.size):
        value = source[i] ^ flip
        out[i] = (value << np.uint16(8)) | (value >> np.uint16(8))
    # A word is two pixels, the first one high. Sums of 64 bits cannot overflow below 2^32 words,
    # and carries may be added at the end: 2^32 is 1 modulo 2^32 - 1.
    return (even << np.uint64(16)) + odd


@compiled
def _words(source, flip, out):
    total = np.uint64(0)
    for i in range(source.size):
        value = source[i] ^ flip
        total += np.uint64(value)
        inner = np.uint32(0x00FF00FF)
        value = ((value >> np.uint32(8)) & inner) | ((value & inner) << np.uint32(8))
        out[i] = (value >> np.uint32(16)) | (value << np.uint32(16))
    return total


@compiled
def _doubles(source, flip, out):
    total = np.uint64(0)
    for i in range(source.size):
        value = source[i] ^ flip
        total += (value >> np.uint64(32)) + (value & np.uint64(0xFFFFFFFF))
        inner = np.uint64(0x00FF00FF00FF00FF)
        value = ((value >> np.uint64(8)) & inner) | ((value & inner) << np.uint64(8))
        inner = np.uint64(0x0000FFFF0000FFFF)
        value = ((value >> np.uint64(16)) & inner) | ((value & inner) << np.uint64(16))
        out[i] = (value >> np.uint64(32)) | (value << np.uint64(32))
    return total


def swap(source: Any, flip: bool, out: Any) -> int:
    """Fill `out` with values in the byte order of FITS and return their sum.

    Parameters
    ----------
    source : ndarray of unsigned integers of 1, 2, 4 or 8 bytes, shape (n,)
        The bits of the pixels in the order of this machine.
    flip : bool
        Change the highest bit: FITS stores unsigned integers less half their range, and bytes
        with a sign plus half of it.
    out : ndarray of the same type, shape (n,)
        Filled.
    """
    # Less half the range, modulo 2^n, is the highest bit changed (FITS 4.0, 5.2.5).
    highest = source.dtype.type(1 << (8 * source.itemsize - 1) if flip else 0)
    kernel = {1: _bytes, 2: _pairs, 4: _words, 8: _doubles}[source.itemsize]
    return int(kernel(source, highest, out))


def steps() -> Iterator[None]:
    """Compile or load the loops for the types of pixels that recipes write, one at each step."""
    for kind in (np.uint8, np.uint16, np.uint32):
        bits = np.zeros(8, kind)
        swap(bits, False, np.empty_like(bits))
        yield
