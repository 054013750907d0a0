"""What calibration recipes share: raw frames in, the common attributes of a product out.

Reads raw frames trimmed, with their overscan levels beside them, and fills the attributes every
calibration has. Knows no particular recipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awe.db.mixins import has
from awe.errors import NoValidPixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.recipes.task import Task, Unit

__all__ = [
    "Raws",
    "choose",
    "find",
    "finish",
    "imstat",
    "newest",
    "nominal",
    "read_raws",
    "within_levels",
]


@dataclass(frozen=True, kw_only=True)
class Raws:
    """Trimmed raw frames, the electronic level of each and the variance of one level."""

    pixels: list[NDArray[Any]]
    offsets: list[NDArray[Any]]
    variances: list[float]


def read_raws(task: Task, frames: Sequence[Any], method: int) -> Raws:
    """Return the light-sensitive pixels of raw frames and their overscan levels [ADU]."""
    from awe import fits
    from awe.calib import overscan, trim
    from awe.calib.geometry import ChipGeometry

    task.fetch(frames)
    raws = Raws(pixels=[], offsets=[], variances=[])
    for frame in frames:
        geometry = ChipGeometry(**frame.geometry)
        pixels = fits.read_pixels(frame.pathname)
        measured = overscan.measure(pixels, geometry, method)
        levels = measured.values
        rows, columns = trim.active(geometry, (pixels.shape[0], pixels.shape[1]))
        part = (
            rows if levels.shape[0] > 1 else slice(None),
            columns if levels.shape[1] > 1 else slice(None),
        )
        raws.pixels.append(trim.trim(pixels, geometry))
        raws.offsets.append(levels[part])
        raws.variances.append(measured.variance)
    return raws


def choose(unit: Unit, cls: Any) -> Any:
    """Return the calibration of a class that belongs to a unit, or refuse to go on."""
    from awe.db import validity

    return validity.choose(cls, date=unit.date, **_place(unit, cls))


def find(unit: Unit, cls: Any) -> Any:
    """Return the calibration of a class that belongs to a unit, or None."""
    from awe.db import validity

    return validity.find(cls, date=unit.date, **_place(unit, cls))


def _place(unit: Unit, cls: Any) -> dict[str, Any]:
    place = {"instrument": unit.instrument, "chip": unit.chip}
    return place | ({"filter": unit.filter} if has(cls, "filter") else {})


def newest(unit: Unit, cls: Any) -> Any:
    """Return the newest object of a class for a unit's chip (and filter), or None."""
    query = (cls.instrument == unit.instrument) & (cls.chip == unit.chip)
    if has(cls, "filter") and unit.filter is not None:
        query &= cls.filter == unit.filter
    return query.max("creation_date")


def nominal(unit: Unit) -> Any:
    """Return the nominal numbers of a unit's chip: gain [e-/ADU], read noise [e-]."""
    from awe import instruments

    return instruments.get(unit.instrument.name).chip(unit.chip.name)


def imstat(pixels: NDArray[Any]) -> Any:
    """Return new statistics of all finite pixels of a frame."""
    from awe.calib import statistics
    from awe.db.statistics import Imstat

    numbers = statistics.image_statistics(pixels)
    return Imstat(
        min=numbers.min,
        max=numbers.max,
        mean=numbers.mean,
        median=numbers.median,
        stdev=numbers.stdev,
        x_lower=1,
        x_upper=int(pixels.shape[1]),
        y_lower=1,
        y_upper=int(pixels.shape[0]),
    )


def finish(task: Task, unit: Unit, product: Any, pixels: NDArray[Any] | None = None) -> None:
    """Fill what every calibration has: chip, validity, parameters, statistics, verdict, file."""
    from awe.db.validity import range_around

    cls = type(product)
    dates = [frame.DATE_OBS for frame in unit.frames] or [unit.date]
    product.instrument = unit.instrument
    product.chip = unit.chip
    if has(cls, "filter"):
        product.filter = unit.filter
    product.timestamp_start, product.timestamp_end = range_around(
        cls, unit.instrument, min(dates), max(dates)
    )
    if product.process_params is None:
        product.process_params = task.parameters(cls.__name__)
    product.prev = newest(unit, cls)
    if unit.frames and "observing_block" in cls._attributes:
        product.observing_block = unit.frames[0].observing_block
    product.process_status = 1
    if pixels is not None:
        product.imstat = imstat(pixels)
        for name, size in (("NAXIS1", pixels.shape[1]), ("NAXIS2", pixels.shape[0])):
            if name in cls._attributes:
                setattr(product, name, int(size))
    product.verify(pixels)
    product.compare()


def within_levels(unit: Unit, low: float, high: float) -> list[Any]:
    """Return the frames of a unit whose median lies between two levels [ADU], telling the rest.

    Raises
    ------
    NoValidPixels
        No frame does; the message lists the levels found.
    """
    used = [frame for frame in unit.frames if low <= _level(frame) <= high]
    if not used:
        levels = ", ".join(f"{_level(frame):.0f}" for frame in unit.frames)
        msg = (
            f"no flat of {unit.name} has a level between {low:.0f} and {high:.0f} ADU; "
            f"found {levels}; set MINIMUM_LEVEL or MAXIMUM_LEVEL by pars, or choose another night"
        )
        raise NoValidPixels(msg)
    return used


def _level(frame: Any) -> float:
    return float(frame.imstat.median) if frame.imstat is not None else 0.0
