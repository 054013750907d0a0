"""The frame between two steps of a recipe: kept as a file to look at, or the end of the task."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe import bars, fits
from awe.model.calibrations import BaseFrame
from awe.model.mixins import value_of
from awe.rules import leftout
from awe.tasks.chain import kept_after, listed, stages

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from numpy.typing import NDArray

    from awe.fits import Image
    from awe.tasks.unit import Call, Unit

__all__ = ["Looked", "Stopped", "after", "in_order", "wanted"]


@dataclass(frozen=True, kw_only=True)
class Looked:
    """A frame as it was after a step of a unit."""

    unit: str
    step: str
    frame: BaseFrame


class Stopped(Exception):
    """The unit in hand ended where it was to stop; holds the frames as they are then."""

    def __init__(self, frames: Sequence[BaseFrame]) -> None:
        super().__init__("stopped")
        self.frames = list(frames)


def wanted(task: Call) -> list[str]:
    """Return the names of the steps after which a task looks at its frames."""
    stop = [task.stop_after] if task.stop_after is not None else []
    return [*kept_after(task), *stop]


def in_order(task: Call, units: Sequence[Unit]) -> dict[str, list[BaseFrame]]:
    """Return step -> frames in the order of the units, whichever thread was first."""
    number = {unit.name: place for place, unit in enumerate(units)}
    looked = sorted(task._looked, key=lambda one: number[one.unit])
    steps = {one.step for one in looked}
    return {
        stage.name: [one.frame for one in looked if one.step == stage.name]
        for stage in listed(task)
        if stage.name in steps
    }


def after(
    self: Call,
    step: str,
    made: Callable[[], NDArray[Any] | Sequence[NDArray[Any]]],
    *,
    of: Sequence[Any] = (),
    planes: Sequence[Image] = (),
    detail: str = "",
    astrom: Any = None,
) -> None:
    """Say in a recipe that a step is done: keeps the frame, or stops, where the call asks for it.

    Parameters
    ----------
    step : str
        Name of the step.
    made : callable
        Returns the pixels, float32 or uint8 of shape (ny, nx); called only where they are wanted.
    of : sequence of object
        Raw frames, where `made` returns the pixels of each.
    planes : sequence of Image
        Images of the HDUs behind the pixels.
    detail : str
        What the step found.
    astrom : Astrom, optional
        World coordinates of the pixels.
    """
    if step not in wanted(self):
        return
    pixels = made()
    named = list(zip(of, pixels, strict=True)) if of else [(None, pixels)]
    frames = [_kept(self, step, raw, one, planes, detail, astrom) for raw, one in named]
    unit = self.unit_in_hand()
    self._looked += [Looked(unit=unit.name, step=step, frame=frame) for frame in frames]
    if step == self.stop_after:
        raise Stopped(frames)


def _kept(
    task: Call,
    step: str,
    raw: Any,
    pixels: Any,
    planes: Sequence[Image],
    detail: str,
    astrom: Any,
) -> BaseFrame:
    """Write the pixels after a step to a file and return the frame that wraps it."""
    unit = task.unit_in_hand()
    names = [stage.name for stage in listed(task)]
    name = value_of(raw, "filename") if raw is not None else unit.name
    number = names.index(step) + 1
    path = Path.cwd() / f"{_stem(task, unit, name)}-{number:02d}-{step}.fits"
    header = _header(task, step, unit, raw, detail)
    header.update(astrom.cards() if astrom is not None else {})
    image = fits.Image(pixels, header)
    if planes:
        fits.write(path, list(planes), primary=image, replace=True)
    else:
        fits.write(path, image, replace=True)
    said = f"; {detail}" if detail else ""
    bars.say(f"{unit.name}: after {step}{said}: {path.name}")
    return BaseFrame(pathname=path)


def _stem(task: Call, unit: Any, name: str) -> str:
    """Return the beginning of the name of a file: recipe, camera and unit."""
    words = [task.identifier(), name.removesuffix(".fits")]
    if unit.chip.name not in name:
        words.append(unit.chip.name)
    # names of chips, filters and files are somebody's text
    return re.sub(r"[^A-Za-z0-9_.#+=-]+", "_", "-".join(words))[:200]


def _header(task: Call, step: str, unit: Any, raw: Any, detail: str) -> Header:
    from astropy.io.fits import Header

    stage = stages(task)[step]
    header = Header()
    header["BUNIT"] = ({"ADU": "adu", "raw ADU": "adu", "ADU/s": "adu/s"}.get(stage.unit, ""), "")
    header["INSTRUME"] = (unit.instrument.name, "camera")
    header["CHIP"] = (unit.chip.name, "detector")
    frames = [raw] if raw is not None else list(unit.frames)
    if len(frames) == 1:
        header["OBJECT"] = (fits.escape(str(value_of(frames[0], "OBJECT", "")))[:60], "")
        header["HIERARCH AWE RAW"] = (frames[0].filename, "")
    header["HIERARCH AWE STEP"] = (step, "last step done; no product")
    header["HIERARCH AWE STEP OF"] = (task.identifier(), "recipe")
    if detail:
        header["HIERARCH AWE STEP FOUND"] = (fits.escape(detail)[:45], "")
    header.update(leftout.cards(task.leave_out or ()))
    return header
