"""Stacks of flat exposures, as the flat recipes share them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.flat import Flat
    from awe.recipes.task import Task, Unit

__all__ = ["stack"]


def stack(
    task: Task, unit: Unit, bias: Any, bad: NDArray[Any], parameters: Any
) -> tuple[Flat, list[Any]]:
    """Return the normalised mean of a unit's flats, and the raw frames that entered.

    Raises
    ------
    NoValidPixels
        No frame has a level within the declared limits.
    ParameterError
        The bias was made with another overscan method.
    """
    from awe.calib import flat, overscan
    from awe.recipes.inputs import nominal, read_raws, within_levels

    method = parameters.OVERSCAN_CORRECTION
    overscan.require_same(method, bias.process_params.OVERSCAN_CORRECTION, bias.filename)
    used = within_levels(unit, parameters.MINIMUM_LEVEL, parameters.MAXIMUM_LEVEL)
    raws = read_raws(task, used, method)
    chip = nominal(unit)
    stacked = flat.stack(
        raws.pixels,
        task.pixels(bias),
        gain=chip.gain,
        read_noise=chip.read_noise / chip.gain,
        sigma=parameters.SIGMA_CLIP,
        saturation=parameters.MAXIMUM_LEVEL,
        offsets=raws.offsets,
        bad=bad,
    )
    return stacked, used
