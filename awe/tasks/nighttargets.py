"""Zero points and extinctions on request: the valid one of a night, made from its standards."""

from __future__ import annotations

import sys
from typing import Any

from awe import instruments
from awe.errors import NotFound, UserMistake
from awe.model.photometry import AtmosphericExtinction
from awe.model.raw import RawScienceFrame
from awe.model.science import ReducedScienceFrame
from awe.rules import validity
from awe.rules.absent import absent
from awe.rules.roles import chosen_roles
from awe.tasks import targets
from awe.tasks.remake import recipe_of
from awe.tasks.targets import Plan, Step
from awe.terminal import harmless, out

__all__ = ["get"]


def get(cls: Any, *, raw: Any, make: bool = False, dry: bool = False) -> Any:
    """Return the calibration for the night of a raw frame that is up to date, made if need be.

    Parameters
    ----------
    raw : RawScienceFrame or str
        The raw frame, or its filename.
    make : bool
        Whether to make it, with the reduced frames and the extinction it lacks, and commit them;
        the plan is printed first. Frames are those of the night in the filter of the frame and
        on its chip; those without standards are left out.
    dry : bool
        Whether, with `make`, the plan is only printed and returned.

    Raises
    ------
    NotFound
        There is no such calibration, and it was not to be made.
    ArgumentError
        No recipe makes it.
    """
    frame = RawScienceFrame(filename=raw) if isinstance(raw, str) else raw
    if frame.filter is None:
        msg = f"{frame.filename} has no filter, and a {cls.__name__} is for one; name another"
        raise NotFound(msg)
    known = _valid(cls, frame)
    reasons = list(known.why_stale()) if known is not None else []
    if known is not None and not reasons:
        return targets.kept(cls, known, make=make, dry=dry)
    state = f"the valid one is stale: {reasons[0]}" if reasons else "none is valid"
    if not make:
        msg = f"no {cls.__name__} for {frame.filename}: {state}; make=True makes it"
        raise NotFound(msg)
    planned = Plan(steps=(*_steps(cls, frame), _step(cls, frame, state)))
    out(f"{planned}\n")
    sys.stdout.flush()
    if dry:
        return planned
    product = None
    for step in planned.steps:
        if step.cls is ReducedScienceFrame:
            _reduce(step.arguments["raw_filenames"])
        elif step.product is None:
            [product] = recipe_of(step.cls)(**step.arguments).execute()
    return product


def _reduce(names: list[str]) -> None:
    """Reduce raw frames with all they lack; one that cannot be is told and left out."""
    for name in names:
        try:
            targets.get(ReducedScienceFrame, raw=name, make=True)
        except UserMistake as error:
            out(harmless(f"{name}: left out: {error}\n"))


def _valid(cls: Any, frame: Any) -> Any:
    return validity.find(
        cls, instrument=frame.instrument, chip=frame.chip, filter=frame.filter,
        date=frame.DATE_OBS,
    )  # fmt: skip


def _step(cls: Any, frame: Any, because: str) -> Step:
    night = instruments.get(frame.instrument.name).night(frame.DATE_OBS)
    recipe_of(cls)  # refuses what no recipe makes
    arguments = {
        "instrument": frame.instrument.name, "date": night.isoformat(), "chip": frame.chip.name,
        "filter": frame.filter.name, "commit": True,
    }  # fmt: skip
    return Step(cls=cls, arguments=arguments, because=because)


def _steps(cls: Any, frame: Any) -> list[Step]:
    """Return what has to be made before: frames that are not reduced, and the extinction."""
    camera = instruments.get(frame.instrument.name)
    begin, end = camera.night_range(camera.night(frame.DATE_OBS))
    raws: Any = (RawScienceFrame.instrument == frame.instrument) & (RawScienceFrame.is_valid > 0)
    raws &= (RawScienceFrame.chip == frame.chip) & (RawScienceFrame.filter == frame.filter)
    raws &= (begin <= RawScienceFrame.DATE_OBS) & (end > RawScienceFrame.DATE_OBS)
    lacking = [one.filename for one in absent(ReducedScienceFrame, list(raws), of=RawScienceFrame)]
    found = []
    if lacking:
        found.append(
            Step(
                cls=ReducedScienceFrame, arguments={"raw_filenames": lacking},
                because="standards are measured in reduced frames",
            )
        )  # fmt: skip
    if "extinction" in chosen_roles(cls):
        known = _valid(AtmosphericExtinction, frame)
        step = Step(cls=AtmosphericExtinction, product=known)
        found.append(
            step if known is not None else _step(AtmosphericExtinction, frame, "none is valid")
        )
    return found
