"""Science frames as measurements of the empty sky: input of night-sky flats and fringe frames.

Frames are screened as those of every master are, de-biased, flat-fielded, and rid of sources.
Knows neither what a fringe nor what a night-sky flat is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awe.model.calibrations import BiasFrame, ColdPixelMap, HotPixelMap, MasterFlatFrame
from awe.tasks.flattened import flattened
from awe.tasks.inputs import choose
from awe.tasks.screening import screen, tell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.tasks.task import Task, Unit

__all__ = ["Skies", "skies"]

#: sources are this far from the median of the frames [sigma of a mean of nine pixels]
SOURCE = 6.0

#: a median this far from the sky is that of a source most frames show [of the sky]
CONTRAST = 0.3

#: marks reach this far beyond what was found [pixel]
REACH = 5


@dataclass(frozen=True, kw_only=True)
class Skies:
    """Flat-fielded sky frames and what they were made with.

    Attributes
    ----------
    frames : list
        Raw frames that entered.
    images : list of ndarray of float32, ADU
        Exposures without their sources; NaN where the flat cannot divide and where there are
        sources.
    levels : list of float, ADU
        Sky level of each frame.
    bad : ndarray of bool
        Map of hot and cold pixels.
    links : dict
        Calibrations by role, for the product.
    rejected : dict
        Reasons by file name of the frames left out.
    """

    frames: list[Any]
    images: list[NDArray[Any]]
    levels: list[float]
    bad: NDArray[Any]
    links: dict[str, Any]
    rejected: dict[str, str]


def skies(task: Task, unit: Unit, method: int) -> Skies:
    """Return the sky frames of a unit.

    Parameters
    ----------
    task, unit : Task, Unit
        Task and unit of the frames.
    method : int
        Number of the overscan method.

    Raises
    ------
    NoValidPixels
        No frame can be used.
    ParameterError
        The bias was made with another overscan method.
    """
    import numpy as np

    from awe.calib import statistics
    from awe.calib.sky import skies as kernels

    bias, flat = choose(unit, BiasFrame, method=method), choose(unit, MasterFlatFrame)
    hot, cold = choose(unit, HotPixelMap), choose(unit, ColdPixelMap)
    bad = ~(task.good(hot) & task.good(cold))
    saturated = task.parameters("SaturatedPixelMap").THRESHOLD_HIGH
    # skies of several nights are welcome: the more fields, the fewer sources in common
    found = screen(
        task, unit, method, levels=(0.0, saturated), named="THRESHOLD_HIGH", one_night=False
    )
    images = flattened(task, found.raws, bias, flat, method)
    task.after("flatten", lambda: images, of=found.frames)
    levels = [statistics.median(image, bad) for image in images]
    unlit = {
        frame.filename: f"its sky is {level:.1f} ADU, expected above 0"
        for frame, level in zip(found.frames, levels, strict=True)
        if not level > 0
    }
    lit = [number for number, level in enumerate(levels) if level > 0]
    frames = [found.frames[number] for number in lit]
    images, levels = [images[number] for number in lit], [levels[number] for number in lit]
    rejected = {**found.rejected, **unlit}
    tell(unit, frames, unlit if frames else rejected)
    if task.does("sources"):
        marks = kernels.sources(
            images, levels, threshold=SOURCE, contrast=CONTRAST, reach=REACH, bad=bad
        )
        for image, mark in zip(images, marks, strict=True):
            image[mark] = np.nan
    task.after("sources", lambda: images, of=frames)
    links = {"bias": bias, "flat": flat, "hot": hot, "cold": cold}
    return Skies(
        frames=frames, images=images, levels=levels, bad=bad, links=links, rejected=rejected
    )
