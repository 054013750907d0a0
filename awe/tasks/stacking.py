"""Stacks of flat exposures, as the flat recipes share them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.tasks.inputs import nominal
from awe.tasks.masters import variance_of
from awe.tasks.screening import screen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.sky.flat import Flat
    from awe.tasks.screening import Screened
    from awe.tasks.task import Task, Unit

__all__ = ["stack"]


def stack(
    task: Task, unit: Unit, bias: Any, bad: NDArray[Any], parameters: Any
) -> tuple[Flat, Screened]:
    """Return the normalised mean of a unit's flats, and which raw frames entered.

    Raises
    ------
    NoValidPixels
        No frame has a level within the declared limits.
    ParameterError
        The bias was made with another overscan method.
    """
    from awe.calib.detector import overscan
    from awe.calib.sky import flat

    method = parameters.OVERSCAN_CORRECTION
    if bias is not None:
        overscan.require_same(method, bias.process_params.OVERSCAN_CORRECTION, bias.filename)
    levels = (parameters.MINIMUM_LEVEL, parameters.MAXIMUM_LEVEL)
    found = screen(task, unit, method, levels=levels)
    chip = nominal(unit)
    stacked = flat.stack(
        found.raws.pixels,
        task.pixels(bias),
        gain=chip.gain,
        read_noise=chip.read_noise / chip.gain,
        sigma=parameters.SIGMA_CLIP,
        saturation=chip.saturated(parameters.MAXIMUM_LEVEL),
        offsets=found.raws.offsets,
        bad=bad,
        bias_variance=variance_of(task, bias),
    )
    return stacked, found
