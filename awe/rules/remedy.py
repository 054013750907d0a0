"""What to do where no calibration may be chosen: make one, or make one with other limits.

A calibration that the system flagged is made again with the same flag as long as its limits are
the same: there the limit is named, with the line that changes it. Chooses and makes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.model.mixins import QualityFlag, has, value_of
from awe.rules import quality

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["make_it", "other_limits"]

#: class of a calibration -> recipe that makes it, where the name does not tell
RECIPES = {
    "ReadNoise": "ReadNoise",
    "BiasFrame": "Bias",
    "HotPixelMap": "HotPixels",
    "ColdPixelMap": "ColdPixels",
    "GainLinearity": "Gain",
    "DarkCurrent": "Dark",
    "FringeFrame": "FringeFlat",
    "IlluminationCorrection": "Illumination",
    "IlluminationCorrectionFrame": "Illumination",
    "AtmosphericExtinction": "Extinction",
    "PhotometricParameters": "Photom",
}

#: the place of a value that is the user's to choose
YOURS = "..."


def make_it(cls: Any, place: Mapping[str, str], flagged: Any = None) -> str:
    """Return how a calibration of a class is made, in words and as a call.

    Parameters
    ----------
    cls : class
        Class of the calibration.
    place : mapping of str to str
        Names of its `instrument`, `chip` and, where there is one, `filter`; the night as `date`
        where it can be of no other.
    flagged : calibration, optional
        One that nothing but its `quality_flags` speaks against.
    """
    recipe = _recipe(cls)
    more = f", filter={place['filter']!r}" if has(cls, "filter") else ""
    more = (f", chip={place['chip']!r}" if has(cls, "chip") else "") + more
    date = repr(place["date"]) if "date" in place else YOURS
    call = f"dpu.run({recipe!r}, instrument={place['instrument']!r}, date={date}{more}"
    limits = other_limits(flagged) if flagged is not None else ""
    if limits:
        return f"{limits}{call}, pars=p.get(), commit=True)"
    return (
        f"make one with {call}, commit=True) or widen a range with "
        "context.update_timestamp_start/end"
    )


def other_limits(item: Any) -> str:
    """Return which limits a flagged calibration is beyond, and the lines that set others.

    The text ends where the call with `pars=p.get()` follows; it is empty where the flags have no
    limits, or the numbers of the calibration cannot tell which.

    Parameters
    ----------
    item : calibration
        Object with `quality_flags` and `process_params`.
    """
    flags = QualityFlag(item.quality_flags) & ~QualityFlag.OTHERS
    values: dict[str, Any] = {}
    told = QualityFlag(0)
    for check in quality.CHECKS:
        limit = value_of(item.process_params, check.parameter)
        if check.flag & flags and limit is not None:
            values[check.parameter] = limit
            told |= check.flag
    if not flags or flags & ~told:
        return ""
    # a master dark has the parameters of the dark current made with it
    cls = type(item.process_params).product
    used = quality.inputs(item)
    beyond = ", ".join(f"{name} is {limit:g}" for name, limit in values.items())
    new = {name: used if name == "MINIMUM_INPUTS" else YOURS for name in values}
    lines = "".join(f"p.{cls}.process_params.{name} = {one}; " for name, one in new.items())
    count = f"it has {used} inputs, " if "MINIMUM_INPUTS" in values else ""
    place = f", instrument={item.instrument.name!r}"
    return (
        f"{count}{beyond}: made again with the same frames and limits it has the same flag; take "
        f"more frames, or set other limits: p = Pars({_recipe(type(item))!r}{place}); {lines}"
    )


def _recipe(cls: Any) -> str:
    name: str = cls.__name__
    return RECIPES.get(name, name.removesuffix("Frame"))
