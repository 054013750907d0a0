"""Targets: what is up to date is found, what is missing is planned and made in order.

A plan is the chain of recipes from raw frames to one product; it is printed before anything runs.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from awe import instruments
from awe.errors import NoCalibration, NotFound
from awe.model.mixins import has, value_of
from awe.model.parameters import ReducedScienceFrameParameters
from awe.model.raw import RawFrame, RawScienceFrame
from awe.model.science import ReducedScienceFrame
from awe.rules import validity
from awe.rules.fitting import needs_of_frames
from awe.rules.freshness import parts
from awe.rules.made_from import MADE_FROM
from awe.rules.roles import chosen_roles
from awe.tasks.remake import main_of, recipe_of
from awe.terminal import harmless, out

__all__ = ["Plan", "Step", "further", "get", "intended", "kept", "plan"]

#: Links a recipe fills only where there is such a calibration.
WITHOUT = ("dark", "nightsky", "fringe", "illumination", "back", "gain", "transform", "photom")


def _raw_role(cls: Any) -> str | None:
    for name, attribute in cls._attributes.items():
        if attribute.is_link and issubclass(attribute.target, RawFrame):
            return str(name)
    return None


# -- products on request -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Step:
    """One product of a plan: there already, or to be made by a recipe.

    Attributes
    ----------
    cls : type
        Class of the product.
    product : object or None
        Product that is there already.
    arguments : dict
        Arguments of the recipe that makes it, if it is not there.
    because : str
        Reason why it has to be made.
    """

    cls: Any
    product: Any = None
    arguments: dict[str, Any] = field(default_factory=dict)
    because: str = ""

    def __str__(self) -> str:
        name = self.cls.__name__
        if self.product is not None:
            label = value_of(self.product, "filename", "") or str(self.product.object_id)[:8]
            return harmless(f"{name}: there is {label}")
        told = ", ".join(
            f"{len(v)} raw frames" if isinstance(v, list) else str(v)
            for k, v in self.arguments.items()
            if k not in ("instrument", "commit")
        )
        return harmless(f"{name}: make it ({told}); {self.because}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What has to be done for one product, in order; prints itself."""

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return "\n".join(f"{n:2}. {step}" for n, step in enumerate(self.steps, start=1))

    __repr__ = __str__


def get(cls: Any, *, raw: Any, make: bool = False, dry: bool = False) -> Any:
    """Return the product of a raw frame that is up to date, made if need be.

    Parameters
    ----------
    cls : type
        Class of the product: `ReducedScienceFrame`, or one made along with it.
    raw : RawScienceFrame or str
        The raw frame, or its filename.
    make : bool
        Whether to make it, and every calibration it lacks, and commit them; the plan is printed
        first.
    dry : bool
        Whether, with `make`, the plan is only printed and returned.

    Raises
    ------
    NotFound
        There is no such product, and it was not to be made.
    NoCalibration
        A calibration is lacking and there are no raw frames to make it from.
    """
    frame = RawScienceFrame(filename=raw) if isinstance(raw, str) else raw
    newest, fresh = _of(cls, frame)
    if fresh is not None:
        return kept(cls, fresh, make=make, dry=dry)
    if not make:
        state = f"{newest[0].filename} is not up to date" if newest else "there is none"
        msg = f"no {cls.__name__} of {frame.filename}: {state}; make=True makes it"
        raise NotFound(msg)
    planned = plan(main_of(cls), frame)
    out(f"{planned}\n")
    sys.stdout.flush()
    if dry:
        return planned
    product = None
    for step in planned.steps:
        if step.product is None:
            (product,) = recipe_of(step.cls)(**step.arguments).execute()
    return next(part for part in parts(product) if type(part) is cls)


def kept(cls: Any, product: Any, *, make: bool, dry: bool) -> Any:
    """Return the product that is there, or with `make` and `dry` the plan that says so.

    Parameters
    ----------
    cls : type
        Class of the product.
    product : object
        The product that is up to date.
    make : bool
        Whether it would have been made; that it is there is printed then.
    dry : bool
        Whether, with `make`, the plan is returned.
    """
    step = Step(cls=cls, product=product)
    if make:
        out(f"{step}\n")
    return Plan(steps=(step,)) if make and dry else product


def _of(cls: Any, frame: Any) -> tuple[list[Any], Any]:
    """Return the valid products of a frame, newest first, and the one that is up to date."""
    newest = list(((cls.raw == frame) & (cls.is_valid > 0)).order_by("-creation_date").top(20))
    return newest, next((item for item in newest if item.is_uptodate()), None)


def intended(cls: Any, frame: Any) -> Plan:
    """Return what `get(..., make=True)` would do for a product of a raw science frame.

    Parameters
    ----------
    cls : type
        Class of the product.
    frame : RawScienceFrame
        The raw frame.

    Raises
    ------
    NoCalibration
        A calibration is lacking and there are no raw frames to make it from.
    """
    _, fresh = _of(cls, frame)
    if fresh is not None:
        return Plan(steps=(Step(cls=cls, product=fresh),))
    return plan(main_of(cls), frame)


def further(cls: Any, *, raw: Any, make: bool = False, dry: bool = False) -> Any:
    """Return the product of a reduced frame that is up to date, made if need be, by its raw frame.

    Parameters
    ----------
    cls : type
        Class of the product, such as `SourceList`.
    raw : RawScienceFrame or str
        The raw frame, or its filename.
    make : bool
        Whether to make it, and everything it lacks, and commit them; the plan is printed first.
    dry : bool
        Whether, with `make`, the plan is only printed and returned.

    Raises
    ------
    NotFound
        There is no such product, and it was not to be made.
    """
    frame = RawScienceFrame(filename=raw) if isinstance(raw, str) else raw
    role = getattr(cls, MADE_FROM[cls.__name__][0])
    of_raw = role.isin(ReducedScienceFrame.raw == frame)
    known = list((of_raw & (cls.is_valid > 0)).order_by("-creation_date").top(20))
    fresh = next((item for item in known if item.is_uptodate()), None)
    if fresh is not None:
        return kept(cls, fresh, make=make, dry=dry)
    if not make:
        state = "those there are are not up to date" if known else "there is none"
        msg = f"no {cls.__name__} of {frame.filename}: {state}; make=True makes it"
        raise NotFound(msg)
    last = Step(cls=cls, arguments={"frame": "the reduced one"}, because="the requested product")
    planned = get(ReducedScienceFrame, raw=frame, make=True, dry=dry)
    steps = planned.steps if dry else ()
    out(f"{len(steps) + 1:2}. {last}\n")
    if dry:
        return Plan(steps=(*steps, last))
    [product] = recipe_of(cls)(
        instrument=frame.instrument.name, red_filenames=[planned.filename], commit=True
    ).execute()
    return product


def plan(cls: Any, frame: Any) -> Plan:
    """Return what has to be made, in order, for the product of a raw science frame."""
    steps: dict[Any, Step] = {}
    if has(cls, "reduced"):
        reduced = cls._attribute("reduced").target
        _, known = _of(reduced, frame)
        there = (Step(cls=reduced, product=known),)
        before = plan(reduced, frame).steps if known is None else there
        steps = {step.cls: step for step in before}
    for needed in _needed(cls):
        _add(needed, frame, steps)
    arguments = {
        "instrument": frame.instrument.name,
        "raw_filenames": [frame.filename],
        "commit": True,
    }
    last = Step(cls=cls, arguments=arguments, because="the requested product")
    return Plan(steps=(*steps.values(), last))


def _needed(cls: Any) -> Iterator[Any]:
    """Yield the classes of calibrations a product of a class cannot do without."""
    for role in chosen_roles(cls):
        if role not in WITHOUT:
            yield cls._attribute(role).target


def _add(cls: Any, frame: Any, steps: dict[Any, Step]) -> None:
    if cls in steps:
        return
    found = _valid(cls, frame)
    reasons = list(found.why_stale()) if found is not None else []
    if found is not None and not reasons:
        steps[cls] = Step(cls=cls, product=found)
        return
    for needed in _needed(cls):
        _add(needed, frame, steps)
    because = f"stale, {reasons[0]}" if found is not None else "there is none"
    steps[cls] = Step(cls=cls, arguments=_arguments(cls, frame), because=because)


def _valid(cls: Any, frame: Any) -> Any:
    filter_ = frame.filter if has(cls, "filter") else None
    method = ReducedScienceFrameParameters.defaults(frame.instrument.name)["OVERSCAN_CORRECTION"]
    return validity.find(
        cls, instrument=frame.instrument, chip=frame.chip, filter=filter_, date=frame.DATE_OBS,
        needs=needs_of_frames([frame], int(method)),
    )


def _arguments(cls: Any, frame: Any) -> dict[str, Any]:
    """Return the arguments of the recipe: the nearest night there are raw frames of."""
    camera = instruments.get(frame.instrument.name)
    night = camera.night(frame.DATE_OBS)
    role = _raw_role(cls)
    if role is not None:
        night = _nearest_night(cls, cls._attribute(role).target, frame, camera)
    arguments: dict[str, Any] = {
        "instrument": frame.instrument.name,
        "date": night.isoformat(),
        "chip": frame.chip.name,
    }
    if has(cls, "filter"):
        arguments["filter"] = frame.filter.name
    return {**arguments, "commit": True}


def _nearest_night(cls: Any, raw: Any, frame: Any, camera: Any) -> datetime.date:
    """Return the night nearest to a frame whose products are still valid for it."""
    reach = datetime.timedelta(days=cls.validity_days + 1)
    query = (raw.instrument == frame.instrument) & (raw.chip == frame.chip) & (raw.is_valid > 0)
    if has(raw, "filter"):
        query &= raw.filter == frame.filter
    near = query & raw.DATE_OBS.between(frame.DATE_OBS - reach, frame.DATE_OBS + reach)
    moments = [row[0] for row in near.values("DATE_OBS")]
    if not moments:
        days = cls.validity_days
        msg = (
            f"{frame.filename} lacks a {cls.__name__}, and there are no {raw.__name__} of its "
            f"chip within {days} days of {frame.DATE_OBS} to make one from; ingest some, or leave "
            "it to go_without=... of the recipe that lacks it (quality bit MISSING)"
        )
        raise NoCalibration(msg)
    nearest: datetime.date = camera.night(min(moments, key=lambda m: abs(m - frame.DATE_OBS)))
    return nearest
