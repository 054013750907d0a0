"""Compiled loops of `packing`: floats in whole steps, and whole numbers coded as RICE_1.

The code is that of the FITS standard 4.0, section 10.4.1, with blocks of 32 pixels.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from awe.calib._jit import compiled
from awe.calib._memory import room

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["code", "heap", "moving", "quantise"]

#: pixels of a block of the code
_BLOCK = 32

#: bits of the float32 that is infinite; those of NaN are larger
_INFINITE = np.uint32(0x7F800000)
_SIGN = np.uint32(0x80000000)


def heap(size: int, width: int, tiles: int) -> NDArray[np.uint32]:
    """Return room for the code of pixels of `width` bytes, in words of 32 bits."""
    return room(size * (width + 1) // 4 + 16 * tiles, np.uint32)


@compiled
def quantise(bits, error, blank, values):
    """Fill `values` with float32 >= 0 in steps of whole numbers; return the size of a step.

    A step is so small that the relative error of every pixel is at most `error`; zeros stay
    zeros, NaN is `blank`. Returns -1 where a value is negative, infinite or too many steps.

    Works on the bits of the floats, whose order is that of whole numbers: smallest positive
    value, NaN and signs come out of one pass without branches.
    """
    least = np.uint32(0xFFFFFFFF)
    most = np.uint32(0)
    for i in range(bits.size):
        least = min(least, bits[i] - np.uint32(1))  # 0 becomes the largest
        most = max(most, bits[i])
    odd = most >= _INFINITE  # NaN and -0.0 are possible, what else there is cannot be stored
    if odd:
        most = np.uint32(0)
        for i in range(bits.size):
            if bits[i] == _INFINITE or (bits[i] > _SIGN and bits[i] <= (_SIGN | _INFINITE)):
                return -1.0
            if bits[i] < _INFINITE:
                most = max(most, bits[i])
    edge = np.empty(2, np.uint32)
    edge[0] = least + np.uint32(1)
    edge[1] = most
    smallest, largest = edge.view(np.float32)
    if not (smallest > 0 and smallest < np.inf):
        smallest = np.float32(1)
    # a hair less than the error allowed: there are float32 roundings on both sides. Whole steps
    # in the smallest value: where there is one value only, it comes back as it was
    scale = np.float64(smallest) / np.ceil(1 / (2 * error * (1 - 1e-3)))
    if not largest / scale < 2147483000.0:
        return -1.0
    inverse = np.float32(1 / scale)
    pixels = bits.view(np.float32)
    if odd:
        for i in range(bits.size):
            good = pixels[i] == pixels[i]
            values[i] = np.int32(pixels[i] * inverse + np.float32(0.5)) if good else blank
    else:
        for i in range(bits.size):
            values[i] = np.int32(pixels[i] * inverse + np.float32(0.5))
    return scale


@compiled
def _turned(word):
    """Return the bytes of a word in the other order: what is big-endian on disk."""
    inner = np.uint32(0x00FF00FF)
    word = ((word >> np.uint32(8)) & inner) | ((word & inner) << np.uint32(8))
    return (word >> np.uint32(16)) | (word << np.uint32(16))


def moving(
    part: NDArray[np.generic], values: NDArray[np.int32], room: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Return the blocks of a tile that have more than one value, and fill in their values.

    Parameters
    ----------
    part : ndarray, shape (n,)
        Pixels of 8 or 16 bits.
    values : ndarray of int32, shape (n,)
        Those of the blocks returned; filled.
    room : ndarray of int32
        Room for the number of each block.
    """
    whole = part.size * part.itemsize // 8 * 8 // part.itemsize
    words = np.require(part, requirements="A")[:whole].view(np.uint64)
    return room[: _moving(part, words, values, room)]


@compiled
def _moving(part, words, values, which):
    """Fill `which` with the blocks in which a pixel differs from the one before it.

    Returns their number. Flags and maps have one value nearly everywhere: whole words are
    compared, `words` are the pixels, of 8 or 16 bits, eight bytes at a time. Only pixels of the
    blocks found go into `values`. A block that is not whole counts as one in any case.
    """
    values[0] = part[0]
    narrow = part.itemsize == 1
    # a pixel in all places of a word
    everywhere = np.uint64(0x0101010101010101 if narrow else 0x0001000100010001)
    rest = np.uint64(0xFF if narrow else 0xFFFF)
    whole = part.size // _BLOCK
    number = 0
    at = np.uint64(0)
    before = (np.uint64(part[0]) & rest) * everywhere
    for block in range(whole):
        # a block of pixels of a byte is four words
        change = words[at] ^ before
        for k in range(1, 4):
            change |= words[at + np.uint64(k)] ^ before
        at += np.uint64(4)
        if not narrow:
            for k in range(4):
                change |= words[at + np.uint64(k)] ^ before
            at += np.uint64(4)
        if change != 0:
            which[number] = block
            number += 1
            first = block * _BLOCK
            for i in range(max(first - 1, 0), first + _BLOCK):
                values[i] = part[i]
            before = (np.uint64(part[first + _BLOCK - 1]) & rest) * everywhere
    if whole * _BLOCK < part.size:
        which[number] = whole
        number += 1
        for i in range(max(whole * _BLOCK - 1, 0), part.size):
            values[i] = part[i]
    return number


@compiled
def _differences(values, width, diff, first, last):
    """Fill in the steps from pixel to pixel, folded: 0, 1, 2, 3 are 0, -1, 1, -2."""
    if first == 0:
        diff[0] = np.uint32(0)
        first = 1
    if width == 32:
        for i in range(first, last):
            step = np.int32(values[i] - values[i - 1])
            diff[i] = np.uint32(step << np.int32(1)) ^ np.uint32(step >> np.int32(31))
        return
    # steps have the width of the type of the image, and wrap as it does
    lost = np.int32(32 - width)
    rest = np.uint32((1 << width) - 1)
    for i in range(first, last):
        step = np.int32(np.int32(values[i] - values[i - 1]) << lost) >> lost
        diff[i] = (np.uint32(step << np.int32(1)) ^ np.uint32(step >> np.int32(31))) & rest


@compiled
def _flushed(acc, filled, out, place):
    """Write a word of the bits that wait, where they fill one."""
    if filled >= 32:
        filled -= 32
        out[place] = _turned(np.uint32(acc >> np.uint64(filled)))
        place += 1
    return filled, place


@compiled
def _zeros(bits, acc, filled, out, place):
    """Code blocks without a step: `bits` zeros."""
    while bits > 0:
        step = min(bits, np.int64(32))
        acc <<= np.uint64(step)
        filled, place = _flushed(acc, filled + step, out, place)
        bits -= step
    return acc, filled, place


@compiled
def _split(total, count):
    """Return how many low bits of the steps of a block are written as they are."""
    mean = (np.int64(total) - count // 2 - 1) // count
    mean = (mean if mean > 0 else np.int64(0)) >> 1
    bits = np.int64(0)
    while mean > 0:
        mean >>= 1
        bits += 1
    return bits


@compiled
def _long(diff, first, last, low_bits, acc, filled, out, place):
    """Code a block some of whose codes do not fit a word: a rare one."""
    shift = np.uint64(low_bits)
    one = np.uint64(1) << shift
    for i in range(first, last):
        value = np.uint64(diff[i])
        zeros = np.int64(value >> shift)
        while zeros > 0:
            step = min(zeros, np.int64(31))
            acc <<= np.uint64(step)
            filled += step
            zeros -= step
            filled, place = _flushed(acc, filled, out, place)
        acc = (acc << (shift + np.uint64(1))) | one | (value & (one - np.uint64(1)))
        filled += low_bits + 1
        filled, place = _flushed(acc, filled, out, place)
    return acc, filled, place


@compiled
def _short(diff, first, last, low_bits, most, acc, filled, out, place):
    """Code a block whose codes all fit a word: nearly all blocks.

    Two codes, or four, are put together before they go to those that wait, where the longest
    leave room for that; those of one pair do not wait for the pair before. A word is written
    each time, full or not: nobody could guess which. Places without a sign are not looked at
    for being counted from the end.
    """
    shift = np.uint64(low_bits)
    one = np.uint64(1) << shift
    low = one - np.uint64(1)
    rest = shift + np.uint64(1)
    longest = np.int64(most) + low_bits + 1
    i, end = np.uint64(first), np.uint64(last)
    at, wait = np.uint64(place), np.uint64(filled)
    if longest <= 8:
        while i + np.uint64(3) < end:
            a, b = np.uint64(diff[i]), np.uint64(diff[i + np.uint64(1)])
            c, d = np.uint64(diff[i + np.uint64(2)]), np.uint64(diff[i + np.uint64(3)])
            i += np.uint64(4)
            of_b, of_d = (b >> shift) + rest, (d >> shift) + rest
            front = (one | (a & low)) << of_b | one | (b & low)
            back = (one | (c & low)) << of_d | one | (d & low)
            of_back = (c >> shift) + rest + of_d
            bits = (a >> shift) + rest + of_b + of_back
            acc = (acc << bits) | (front << of_back) | back
            wait += bits
            out[at] = _turned(np.uint32(acc >> (wait & np.uint64(31))))
            at += wait >> np.uint64(5)
            wait &= np.uint64(31)
    elif longest <= 16:
        while i + np.uint64(1) < end:
            a, b = np.uint64(diff[i]), np.uint64(diff[i + np.uint64(1)])
            i += np.uint64(2)
            of_b = (b >> shift) + rest
            bits = (a >> shift) + rest + of_b
            acc = (acc << bits) | (one | (a & low)) << of_b | one | (b & low)
            wait += bits
            out[at] = _turned(np.uint32(acc >> (wait & np.uint64(31))))
            at += wait >> np.uint64(5)
            wait &= np.uint64(31)
    while i < end:
        value = np.uint64(diff[i])
        i += np.uint64(1)
        bits = (value >> shift) + rest
        acc = (acc << bits) | one | (value & low)
        wait += bits
        out[at] = _turned(np.uint32(acc >> (wait & np.uint64(31))))
        at += wait >> np.uint64(5)
        wait &= np.uint64(31)
    return acc, np.int64(wait), np.int64(at)


@compiled
def code(values, which, diff, out, begin, width, flip):
    """Code int32 `values` of a type of `width` bits into the words from `out[begin]` on.

    Only the blocks `which` are looked at, in the others all values are as before. Returns the
    bytes used; `diff` is room for as many uint32. Bits of `flip` are changed: only
    the first value is stored, of the others the steps, which are the same without it. The code
    waits in a register of 64 bits and leaves it 32 at a time.
    """
    # bits of the number of low bits, and the number that stands for a block without a code
    kind_bits = 5 if width == 32 else (4 if width == 16 else 3)
    most = 25 if width == 32 else (14 if width == 16 else 6)
    if width == 32:
        _differences(values, width, diff, 0, values.size)
    acc = np.uint64((np.uint32(values[0]) ^ flip) & np.uint32((1 << width) - 1))
    filled, place = _flushed(acc, np.int64(width), out, begin)
    done = 0
    for number in range(which.size):
        block = np.int64(which[number])
        acc, filled, place = _zeros((block - done) * kind_bits, acc, filled, out, place)
        done = block + 1
        first = block * _BLOCK
        last = min(first + _BLOCK, values.size)
        if width != 32:
            _differences(values, width, diff, first, last)
        total = np.uint64(0)
        union = np.uint32(0)  # as long as the largest
        for i in range(first, last):
            total += np.uint64(diff[i])
            union |= diff[i]
        low_bits = _split(total, last - first) if union != 0 else np.int64(0)
        kind = np.int64(0) if union == 0 else min(low_bits, np.int64(most)) + 1
        acc = (acc << np.uint64(kind_bits)) | np.uint64(kind)
        filled, place = _flushed(acc, filled + kind_bits, out, place)
        if union == 0:
            continue
        if low_bits >= most:
            for i in range(first, last):
                acc = (acc << np.uint64(width)) | np.uint64(diff[i])
                filled, place = _flushed(acc, filled + width, out, place)
            continue
        if np.int64(union >> np.uint32(low_bits)) + low_bits + 1 > 32:
            acc, filled, place = _long(diff, first, last, low_bits, acc, filled, out, place)
            continue
        acc, filled, place = _short(
            diff, first, last, low_bits, union >> np.uint32(low_bits), acc, filled, out, place
        )
    rest = -(-values.size // _BLOCK) - done
    acc, filled, place = _zeros(rest * kind_bits, acc, filled, out, place)
    if filled > 0:  # the last bits, filled up with zeros
        out[place] = _turned(np.uint32((acc << np.uint64(32 - filled)) & np.uint64(0xFFFFFFFF)))
    return (place - begin) * 4 + (filled + 7) // 8
