"""Pixels in memory that two processes share, without a name that could be left behind."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["mapped", "shared"]


def shared(pixels: NDArray[Any]) -> tuple[int, dict[str, Any]]:
    """Return a nameless file with pixels in it, and what the other end has to know of them.

    Parameters
    ----------
    pixels : ndarray
        Numbers of any type; not modified.

    Returns
    -------
    file : int
        Descriptor; the memory is free when nobody has it open or mapped.
    layout : dict
        Arguments of `mapped`.
    """
    kind = pixels.dtype.newbyteorder("=")
    file = os.memfd_create("awe-pixels")
    os.truncate(file, max(pixels.size * kind.itemsize, 1))
    with mmap.mmap(file, 0) as memory:
        room: NDArray[Any] = np.frombuffer(memory, kind, pixels.size).reshape(pixels.shape)
        room[...] = pixels
        del room  # a mapping that is looked at cannot be closed
    return file, {"kind": kind.str, "shape": pixels.shape}


def mapped(file: int, *, kind: str, shape: Sequence[int]) -> NDArray[Any]:
    """Return the pixels in a file of `shared`, read-only, and close its descriptor.

    Parameters
    ----------
    file : int
        Descriptor.
    kind : str
        Type of the numbers, as numpy writes it.
    shape : sequence of int
        Shape of the array.
    """
    try:
        memory = mmap.mmap(file, 0, access=mmap.ACCESS_READ)
    finally:
        os.close(file)
    pixels: NDArray[Any] = np.frombuffer(memory, kind, int(np.prod(shape))).reshape(shape)
    return pixels
