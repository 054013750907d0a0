"""Planes of a large sum on disk: a mosaic of all chips is larger than the memory of a job.

They are arrays of files that are mapped. The pages of what is done go back to the system, which
keeps them as long as it has room, and nothing of its own memory is taken by them.
"""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.errors import DiskFull

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["LARGE", "Planes"]

#: sums of more pixels are on disk
LARGE = 32_000_000


class Planes:
    """Planes of one size in a folder, or in memory where they are small.

    Parameters
    ----------
    folder : Path
        Where the files are; they have no name, and are gone when nothing uses them any more.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._maps: list[mmap.mmap] = []

    def new(self, shape: tuple[int, int], dtype: DTypeLike) -> NDArray[Any]:
        """Return a plane of any content.

        Parameters
        ----------
        shape : (int, int)
            (ny, nx).
        dtype : dtype
            Type of its pixels.
        """
        if shape[0] * shape[1] <= LARGE:
            return np.empty(shape, dtype)
        size = shape[0] * shape[1] * np.dtype(dtype).itemsize
        free = shutil.disk_usage(self._folder).free
        if size > free:
            # a full disk is an error here, and never a crash in the middle of the sum
            msg = (
                f"{self._folder} has {free / 1e9:.1f} GB free, a plane of the sum needs "
                f"{size / 1e9:.1f} GB; free some, or add fewer frames"
            )
            raise DiskFull(msg)
        with tempfile.TemporaryFile(dir=self._folder) as file:
            os.posix_fallocate(file.fileno(), 0, size)
            self._maps.append(mmap.mmap(file.fileno(), size))
        return np.frombuffer(self._maps[-1], dtype).reshape(shape)

    def let_go(self) -> None:
        """Give the pages of all planes back; what is in them stays."""
        for one in self._maps:
            one.madvise(mmap.MADV_DONTNEED)

    def forget(self) -> None:
        """Leave the planes to those who use them: their room is free when nobody does."""
        self._maps.clear()
