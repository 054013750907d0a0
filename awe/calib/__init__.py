"""Calibration kernels: arrays and numbers in, arrays and frozen dataclasses out.

`warm()` compiles what is compiled, once, at installation; later processes load it from disk.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

__all__ = ["warm", "warming"]


def warm() -> float:
    """Compile every kernel with the dtypes of real work; returns the seconds it took.

    Nothing happens but loading when the cache on disk is up to date.
    """
    begin = time.perf_counter()
    for _ in warming():
        pass
    return time.perf_counter() - begin


def warming(*, masters: bool = True, frames: bool = True) -> Iterator[None]:
    """Do what `warm` does in steps: compile or load a few kernels each time it is asked on.

    Parameters
    ----------
    masters, frames : bool
        Whether kernels are among them that calibrations are made with, and those that frames
        are reduced with, which take three times as long.
    """
    from awe.calib import _warm

    if masters:
        yield from _warm.masters()
    if frames:
        yield from _warm.frames()
