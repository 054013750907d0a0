"""What a frame is reduced with, read from the files of the calibrations that were chosen for it.

The variance and the reason bits of masters come along. Masters of earlier versions have neither:
their noise is what their attributes say.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from awe.calib.detector import trim
from awe.tasks import readout
from awe.tasks.inputs import read_noise
from awe.tasks.masters import bits_of, variance_of
from awe.terminal import out

if TYPE_CHECKING:
    from collections.abc import Callable

    from awe.calib.reduction import Calibrations
    from awe.tasks.task import Task
    from awe.tasks.unit import Unit

__all__ = ["applied", "planes_of"]

#: pixels of a dark with this many times the usual noise jump from frame to frame
_WILD = 5.0


def planes_of(task: Task, chosen: Any) -> list[Callable[[], Any]]:
    """Return what reads the planes of the chosen masters, each on its own."""
    masters = _masters(task, chosen)
    fringes = [] if chosen.fringe is None else [chosen.fringe]
    return [partial(bits_of, task, item) for item in masters] + [
        partial(variance_of, task, item) for item in masters + fringes
    ]


def applied(task: Task, unit: Unit, chosen: Any) -> Calibrations:
    """Return the calibrations of a frame as the kernels take them."""
    from awe.calib import reduction, weight

    given: dict[str, Any] = {}
    if chosen.bias is not None:
        known = variance_of(task, chosen.bias)
        given = {
            "bias": task.pixels(chosen.bias),
            "bias_method": chosen.bias.process_params.OVERSCAN_CORRECTION,
            "bias_variance": _of_frames(unit, chosen) if known is None else known,
        }
    if chosen.flat is not None:
        given |= {
            "flat": task.pixels(chosen.flat), "flat_noise": chosen.flat.noise,
            "flat_variance": variance_of(task, chosen.flat),
        }  # fmt: skip
    elif task.does("flat"):
        given |= _without_flat(unit, chosen.gain)
    if chosen.fringe is not None:
        given |= {"fringe_variance": variance_of(task, chosen.fringe)}
    return reduction.Calibrations(
        **given,
        **_dark(task, chosen),
        illumination=_image(task, chosen.illumination),
        fringes=_image(task, chosen.fringe),
        background=_image(task, chosen.back),
        hot=_bad(task, chosen.hot),
        cold=_bad(task, chosen.cold),
        curvature=_curvature(task, chosen.gain),
        reasons=weight.joined(
            [bits_of(task, item) for item in _masters(task, chosen)], maps=task.does("maps")
        ),
    )


def _without_flat(unit: Unit, measured: Any) -> dict[str, Any]:
    """Return what takes the step between amplifiers out of a frame that has no flat.

    A flat has the same step; without one, gains that were measured tell it.
    """
    import numpy as np

    read = readout.parts(unit.frames[0])
    apart = readout.gains_apart(unit.frames[0], measured)
    if not apart:
        return {}
    flat = np.empty(trim.shape([place for _, place in read]), np.float32)
    for ratio, (_, place) in zip(apart, read, strict=True):
        flat[place] = 1 / ratio
    told = ", ".join(
        f"{one.name} {ratio:.4f}" for ratio, (one, _) in zip(apart, read, strict=True)
    )
    out(f"{unit.name}: no flat; amplifiers are joined by their measured gains: {told}\n")
    return {"flat": flat, "flat_noise": 0.0}


def _masters(task: Task, chosen: Any) -> list[Any]:
    """Return the masters without which a pixel has no value; where fringes are unknown it has."""
    subtracted = task.parameters("ReducedScienceFrame").SUBTRACT_DARK
    items = (chosen.bias, chosen.dark if subtracted else None, chosen.flat)
    return [item for item in items if item is not None]


def _of_frames(unit: Unit, chosen: Any) -> float:
    """Return the variance of a master bias that does not tell it [ADU**2]."""
    from awe.calib.detector.bias import DIGITISATION

    noise = read_noise(unit, chosen.read_noise) ** 2 + DIGITISATION
    return float(noise / max(len(chosen.bias.raw_bias_frames), 1))


def _dark(task: Task, chosen: Any) -> dict[str, Any]:
    """Return the dark as it is to be used: subtracted, or to flag the pixels that glow."""
    import numpy as np

    from awe.calib.detector import pixels

    if chosen.dark is None:
        return {}
    if task.parameters("ReducedScienceFrame").SUBTRACT_DARK:
        times = [frame.EXPTIME for frame in chosen.dark.raw_dark_frames]
        bias = chosen.bias
        same = bias is not None and chosen.dark.bias == bias
        same = same and variance_of(task, bias) is not None
        return {
            "dark": task.pixels(chosen.dark),
            "dark_variance": variance_of(task, chosen.dark),
            # frames have the weight of their time squared
            "dark_bias": sum(times) / sum(time**2 for time in times) if same and times else 0.0,
        }
    maps = chosen.hot is not None
    limits = chosen.hot.process_params if maps else task.parameters("HotPixelMap")
    glow = pixels.residual(task.pixels(chosen.dark), limits.BOX)
    variance = variance_of(task, chosen.dark)
    if variance is not None:
        # what jumps from dark to dark is somewhere within its scatter
        with np.errstate(invalid="ignore"):
            wild = variance > _WILD**2 * np.nanmedian(variance)
        glow[wild] = np.maximum(np.abs(glow[wild]), np.sqrt(variance[wild]))
    return {"glow": glow, "glow_limit": limits.REJECTION_THRESHOLD}


def _curvature(task: Task, gain: Any) -> float:
    wanted = task.parameters("ReducedScienceFrame").CORRECT_LINEARITY
    return float(gain.curvature) if gain is not None and wanted else 0.0


def _image(task: Task, item: Any) -> Any:
    return None if item is None else task.pixels(item)


def _bad(task: Task, item: Any) -> Any:
    return None if item is None else task.pixels(item) == 0
