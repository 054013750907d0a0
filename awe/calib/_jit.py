"""The one way awe compiles a kernel.

Cached on disk, without the interpreter's lock, and with
divisions by zero giving infinities as in numpy. No relaxed arithmetic: NaN must stay visible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba import njit

__all__ = ["compiled"]

if TYPE_CHECKING:
    from collections.abc import Callable


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function compiled at its first call and cached for every later process."""
    kernel: Callable[..., Any] = njit(nogil=True, cache=True, error_model="numpy")(function)
    return kernel
