"""Frames as kernels take them: plain arrays, whatever carries a mask in the user's hands.

A masked pixel has no value: it becomes NaN, which every kernel leaves out, and True in a map of
bad pixels. Kernels that compute in float32 refuse numbers so far from zero that neighbouring
values of it are further apart than the noise.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import numpy as np

from awe.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["plain", "require_small", "takes_frames"]

#: pixels of an image that are looked at for its level and noise
_SAMPLE = 20_000

#: level from which squares, and sums of some, come near the largest float32, 3.4e38
_LARGE = 1e18

P = ParamSpec("P")
R = TypeVar("R")


def takes_frames(*, double: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator: masked arrays among the arguments of a kernel become plain ones.

    Parameters
    ----------
    double : bool
        The kernel computes in float64, so numbers far from zero are welcome.
    """

    def decorate(kernel: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(kernel)
        def taking(*args: P.args, **kwargs: P.kwargs) -> R:
            given = [plain(value, double=double) for value in args]
            named = {name: plain(value, double=double) for name, value in kwargs.items()}
            # the types are those of `kernel`: an array becomes an array, a list a list
            return cast("Callable[..., R]", kernel)(*given, **named)

        taking.__dict__["takes_frames"] = True
        return taking

    return decorate


def plain(value: Any, *, double: bool = False) -> Any:
    """Return a value without masks: NaN where an image is masked, True where a map is.

    Parameters
    ----------
    value : object
        Array, masked array, `CCDData`, a list or tuple of them, or anything else.
    double : bool
        Whether numbers far from zero are welcome.

    Raises
    ------
    ParameterError
        Numbers are too far from zero for float32.
    """
    if isinstance(value, list | tuple) and value and not isinstance(value[0], int | float | str):
        found = [plain(one, double=double) for one in value]
        return value if all(a is b for a, b in zip(found, value, strict=True)) else found
    if isinstance(value, np.ma.MaskedArray):
        return _filled(value.data, np.ma.getmaskarray(value))
    if not isinstance(value, np.ndarray) and hasattr(value, "uncertainty"):
        # CCDData and its kin give numpy their pixels without the mask
        pixels = np.asarray(value.data)
        return pixels if value.mask is None else _filled(pixels, np.asarray(value.mask))
    if not double and isinstance(value, np.ndarray) and value.ndim == 2:
        _require_near(value)
    return value


def _filled(pixels: NDArray[Any], masked: NDArray[Any]) -> NDArray[Any]:
    if not masked.any():
        return pixels
    if pixels.dtype.kind == "b":
        bad: NDArray[Any] = pixels | masked
        return bad
    if pixels.dtype.kind == "f":
        wide = pixels.dtype.type
    else:
        wide = np.float32 if pixels.dtype.itemsize <= 2 else np.float64
    filled: NDArray[Any] = np.where(masked, wide(np.nan), pixels)
    return filled


def require_small(image: NDArray[Any]) -> None:
    """Refuse a frame of so large numbers that the squares of its pixels overflow.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        A frame in any unit; wider types are looked at where masks are.

    Raises
    ------
    ParameterError
        A usual pixel has 1e18 or more.
    """
    _refuse_large(_sampled(image))


def _refuse_large(values: NDArray[np.float64]) -> None:
    level = float(np.median(np.abs(values))) if values.size else 0.0
    if level >= _LARGE:
        msg = (
            f"pixels of about {level:.6g} are too large: from {_LARGE:g} on their squares do not "
            "fit into float32; divide the frame by a constant first"
        )
        raise ParameterError(msg)


def _sampled(image: NDArray[Any]) -> NDArray[np.float64]:
    """Return the finite pixels of a sample of an image."""
    step = max(1, int((image.size / _SAMPLE) ** 0.5))
    values = image[::step, ::step].astype(np.float64)
    return values[np.isfinite(values)]


def _require_near(image: NDArray[Any]) -> None:
    """Refuse an image whose noise is lost where float32 rounds its pixels."""
    if image.dtype.kind not in "iuf" or image.dtype.itemsize <= 2 or image.dtype == np.float32:
        return
    values = _sampled(image)
    _refuse_large(values)
    if values.size == 0:
        return
    low, level, high = np.percentile(values, [16, 50, 84])
    noise = (high - low) / 2
    # float32 has 24 bits: its values near the level are this far apart
    apart = float(np.spacing(np.float32(abs(level))))
    if 0 < noise < 2 * apart:
        msg = (
            f"pixels of about {level:.6g} with a noise of {noise:.2g} are too far from zero for "
            f"float32, whose values are {apart:.2g} apart there; subtract a constant first"
        )
        raise ParameterError(msg)
