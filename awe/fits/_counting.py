"""How often each integer of two bytes occurs: a loop that LLVM takes as it is.

numba, which brings LLVM along, needs six times as long for its first loop of a process as this
one for all pixels of a mosaic. Where LLVM does not take it, nothing is lost: numpy counts.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["loop", "occurrences"]

VALUES = 1 << 16
#: Neighbours are mostly alike: with a table for each of four pixels none of them waits until the
#: count of the one before is written.
TABLES = 4


def _counted(table: int) -> str:
    """Return the lines that count one of the four pixels of a word."""
    return f"""
  %moved{table} = lshr i64 %word, {16 * table}
  %level{table} = and i64 %moved{table}, 65535
  %cell{table} = getelementptr i32, ptr %tables, i64 {table * VALUES}
  %place{table} = getelementptr i32, ptr %cell{table}, i64 %level{table}
  %known{table} = load i32, ptr %place{table}
  %next{table} = add i32 %known{table}, 1
  store i32 %next{table}, ptr %place{table}"""


#: Rows of `columns` pixels, `stride` bytes from one to the next; four pixels are one word of 64
#: bits, turned into the order of the machine at once.
SOURCE = f"""
declare i64 @llvm.bswap.i64(i64)

define void @count(ptr %first, i64 %rows, i64 %stride, i64 %columns, ptr %tables) {{
begin:
  %whole = and i64 %columns, -4
  br label %row
row:
  %y = phi i64 [0, %begin], [%above, %end]
  %is_row = icmp slt i64 %y, %rows
  br i1 %is_row, label %within, label %done
within:
  %offset = mul i64 %y, %stride
  %line = getelementptr i8, ptr %first, i64 %offset
  br label %words
words:
  %x = phi i64 [0, %within], [%right, %four]
  %is_four = icmp slt i64 %x, %whole
  br i1 %is_four, label %four, label %rest
four:
  %pixels = getelementptr i16, ptr %line, i64 %x
  %raw = load i64, ptr %pixels, align 1
  %word = call i64 @llvm.bswap.i64(i64 %raw)
{"".join(map(_counted, range(TABLES)))}
  %right = add i64 %x, 4
  br label %words
rest:
  %last = phi i64 [%x, %words], [%further, %single]
  %is_single = icmp slt i64 %last, %columns
  br i1 %is_single, label %single, label %end
single:
  %pixel = getelementptr i16, ptr %line, i64 %last
  %low = load i16, ptr %pixel, align 1
  %swapped = call i16 @llvm.bswap.i16(i16 %low)
  %value = zext i16 %swapped to i64
  %cell = getelementptr i32, ptr %tables, i64 %value
  %known = load i32, ptr %cell
  %next = add i32 %known, 1
  store i32 %next, ptr %cell
  %further = add i64 %last, 1
  br label %rest
end:
  %above = add i64 %y, 1
  br label %row
done:
  ret void
}}

declare i16 @llvm.bswap.i16(i16)
"""


@cache
def loop() -> Callable[..., None] | None:
    """Return the compiled loop, None where this machine or its LLVM does not take it."""
    if sys.byteorder != "little":
        return None
    try:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine(opt=2)
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(SOURCE), machine)
        engine.finalize_object()
        address = engine.get_function_address("count")
        if not address:
            return None
    except (ImportError, RuntimeError, OSError):
        return None
    kinds = (ctypes.c_void_p, *[ctypes.c_int64] * 3, ctypes.c_void_p)
    # without the interpreter's lock, as ctypes calls it
    called: Any = ctypes.CFUNCTYPE(None, *kinds)(address)
    called.engine = engine  # what it compiled goes with it
    return called  # type: ignore[no-any-return]


def occurrences(pixels: NDArray[Any], count: Callable[..., None]) -> NDArray[np.int64]:
    """Return how often each integer of two bytes occurs.

    Parameters
    ----------
    pixels : ndarray of big-endian int16, shape (ny, nx)
        As FITS stores them, neighbours of a row next to each other; fewer than 2^32.
    count : callable
        The loop.

    Returns
    -------
    ndarray of int64, shape (65536,)
        Of -32768 first, of 32767 last.
    """
    ny, nx = pixels.shape
    if pixels.dtype != ">i2" or (nx > 1 and pixels.strides[1] != 2):
        msg = f"pixels of {pixels.dtype} with steps {pixels.strides} cannot be counted"
        raise ValueError(msg)
    tables = np.zeros((TABLES, VALUES), np.uint32)
    count(pixels.ctypes.data, ny, pixels.strides[0], nx, tables.ctypes.data)
    occurs = tables.sum(axis=0, dtype=np.int64)
    # without their sign negative ones come last
    return np.concatenate([occurs[VALUES // 2 :], occurs[: VALUES // 2]])
