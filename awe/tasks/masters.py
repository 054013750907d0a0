"""The planes of master calibrations: variance and reason bits, written with them and read again.

Masters of earlier versions, and images somebody else made, have none; what is made with those
takes nothing over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.fits import planes
from awe.tasks.compatibility import UNITS
from awe.tasks.maps import flag_image, variance_image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from awe.tasks.task import Task

__all__ = ["bits_of", "variance_of", "write_master"]


def write_master(
    task: Task,
    product: Any,
    image: NDArray[Any],
    variance: NDArray[Any] | None,
    *,
    of: Iterable[Any] = (),
    hot: Any = None,
    cold: Any = None,
    unknown: NDArray[Any] | None = None,
    unfit: NDArray[Any] | None = None,
) -> None:
    """Write a master with its planes: its variance, and the reasons of what it was made with.

    Parameters
    ----------
    task : Task
        The task in hand.
    product : object
        New master.
    image : ndarray of float32
        Its pixels.
    variance : ndarray of float32 or None
        Their variance in the square of their unit; None leaves the plane out.
    of : iterable of object
        Masters that went into it; their reason bits go over.
    hot, cold : object, optional
        Pixel maps that were left out.
    unknown : ndarray of bool, optional
        Where the image holds a value although nothing is known.
    unfit : ndarray of bool, optional
        Where a flat cannot divide.
    """
    from awe.calib import flags, weight

    maps = {
        flags.PixelFlag.HOT: None if hot is None else ~task.good(hot),
        flags.PixelFlag.COLD: None if cold is None else ~task.good(cold),
        flags.PixelFlag.NON_FINITE: unknown,
        flags.PixelFlag.BAD_FLAT: unfit,
    }
    bits = weight.inherited(image, (bits_of(task, one) for one in of), maps)
    unit = UNITS.get(type(product).__name__, "")
    square = "/".join(f"{part}2" for part in unit.split("/")) if unit else ""
    behind = [flag_image(bits)]
    if variance is not None:
        behind.append(variance_image(variance, unit=square))
    task.write(product, image, behind, unit=unit)


def variance_of(task: Task, item: Any) -> NDArray[Any] | None:
    """Return the variance of a stored master; None where it has none."""
    return _plane(task, item, planes.VARIANCE)


def bits_of(task: Task, item: Any) -> NDArray[Any] | None:
    """Return the reason bits of a stored master; None where it has none."""
    found = _plane(task, item, planes.FLAGS)
    if found is None or found.dtype.name == "uint16":
        return found
    # a mask that is not ours gives no reasons: bit 0
    mask: NDArray[Any] = (found != 0).astype("uint16")
    return mask


def _plane(task: Task, item: Any, names: tuple[str, ...]) -> NDArray[Any] | None:
    """Return a plane behind the pixels of a master, read once per task; None without."""
    if item is None:
        return None  # a calibration the call goes on without
    known = task._running().pixels
    key = (item.object_id, names)
    if key not in known:
        task.fetch([item])
        known[key] = planes.pixels(item.pathname, names)
    found = known[key]
    return None if found is None else task.cut(item, found)
