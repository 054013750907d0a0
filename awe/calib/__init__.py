"""Calibration kernels: arrays and numbers in, arrays and frozen dataclasses out.

`warm()` compiles what is compiled, once, at installation; later processes load it from disk.
"""

from __future__ import annotations

__all__ = ["warm"]


def warm() -> float:
    """Compile every kernel with the dtypes of real work; returns the seconds it took.

    Nothing happens but loading when the cache on disk is up to date.
    """
    from awe.calib._warm import compile_all

    return compile_all()
