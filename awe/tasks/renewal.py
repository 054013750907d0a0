"""`query.remake()`: what is not up to date, made again in the right order.

The plan comes first. It holds the newest version of each stale product, and before it the
calibrations it would get today, where those are stale themselves. Each is made by `remake()` or,
with the same arguments, by a job of the DPU.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from awe import columns, instruments, recipes
from awe.errors import ArgumentError, NotVisible, UserMistake
from awe.model.associations import AssociateList
from awe.model.info import label
from awe.model.mixins import has, value_of
from awe.model.raw import RawFrame
from awe.model.regridded import CoaddedRegriddedFrame
from awe.model.science import ScienceProduct
from awe.rules.freshness import Reasons, Today, open_roles, reasons
from awe.rules.roles import chosen_roles, date_of
from awe.rules.shelf import Shelf
from awe.tasks.measuring import KINDS
from awe.tasks.redrawn import reduced_inputs
from awe.tasks.remake import main_of, sound_frames, task_of
from awe.tasks.requested import arguments_again, target_of
from awe.terminal import harmless, out

__all__ = ["Renewal", "Renewed", "remake_all"]

#: products of a plan that are shown
SHOWN = 40
#: ways from a main product to what is made along with it
ALONG = ("weight", "dark", "illumination_correction")


@dataclass(frozen=True, kw_only=True)
class Renewed:
    """One product of a plan.

    Attributes
    ----------
    product : object
        The product as it is.
    recipe : str
        Recipe that makes it again.
    because : str
        Reason why it is not up to date.
    after : tuple of int
        Places in the plan of what has to be made before, counted from 0.
    """

    product: Any
    recipe: str
    because: str
    after: tuple[int, ...]

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of its recipe for a job: its frames or its night, chip, filter.

        What was requested in making is requested again: calibrations that were named or let be
        missing, corrections, the way to combine.

        Raises
        ------
        ArgumentError
            A calibration was named, and the recipe has no argument for it; or all raw frames were
            judged bad.
        """
        item = self.product
        task = recipes.find(self.recipe)
        known = {argument.name for argument in task.arguments}
        found: dict[str, Any] = {"instrument": item.instrument.name, "commit": True}
        named = _frames_named(item, known)
        if named:
            found |= named
        else:
            night = instruments.get(item.instrument.name).night(date_of(item))
            found["date"] = night.isoformat()
            for role in ("chip", "filter"):
                if role in known and value_of(item, role) is not None:
                    found[role] = getattr(item, role).name
        return found | target_of(item) | arguments_again(item, task)


def _frames_named(item: Any, known: set[str]) -> dict[str, Any]:
    """Return the arguments of a recipe that name what a product is made of; empty without one.

    Frames that are made of one raw frame each are named by that: a step before may make them anew.
    """
    inputs = reduced_inputs(item, exact=False)
    if inputs is None:
        argument, names = "raw_filenames", [frame.filename for frame in sound_frames(item)]
    elif not inputs:
        return {}
    elif isinstance(item, AssociateList):
        argument, names = "list_filenames", [one.filename for one in inputs]
    elif isinstance(inputs[0], CoaddedRegriddedFrame):
        argument, names = "coadd_filenames", [frame.filename for frame in inputs]
    else:
        argument, names = "raw_filenames", [frame.raw.filename for frame in inputs]
    if argument not in known or not names:
        return {}
    kinds = [kind for kind, cls in KINDS.items() if inputs and isinstance(inputs[0], cls)]
    return {argument: names} | ({"frames": kinds[0]} if kinds and "frames" in known else {})


class Renewal(Sequence[Renewed]):
    """What has to be made again, in order; prints itself.

    Parameters
    ----------
    steps : sequence of Renewed
        The products, each after what it needs.
    left : mapping
        Products that are not made again, and why.
    pars : mapping
        Process parameters that differ from the defaults.
    """

    def __init__(
        self, steps: Sequence[Renewed], left: Mapping[Any, str], pars: Mapping[str, Any]
    ) -> None:
        self._steps = tuple(steps)
        self.left = dict(left)
        self.pars = dict(pars)

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, place: Any) -> Any:
        return self._steps[place]

    def __repr__(self) -> str:
        if not self:
            return _left(self.left) or "nothing has to be made again"
        rows = [
            (number, type(step.product).__name__, label(step.product), harmless(step.because))
            for number, step in enumerate(self[:SHOWN], start=1)
        ]
        lines = columns.lines(("", "make again", "", "because"), rows)
        if len(self) > SHOWN:
            lines.append(f"... and {len(self) - SHOWN} more")
        return "\n".join([*lines, *filter(None, [_left(self.left)])])

    def pars_of(self, step: Renewed) -> dict[str, Any]:
        """Return the parameters that concern the recipe of a step.

        Parameters
        ----------
        step : Renewed
            Step of this plan.
        """
        makes = recipes.find(step.recipe).makes
        return {key: v for key, v in self.pars.items() if key.partition(".")[0] in makes}

    def make(self) -> list[Any]:
        """Make and commit all products, one after the other, and return those that were made.

        What cannot be made is told in a line; what needs it is left out.
        """
        made: dict[int, Any] = {}
        for place, step in enumerate(self):
            name = f"{place + 1}. {type(step.product).__name__} {label(step.product)}"
            if lacking := [number for number in step.after if number not in made]:
                out(harmless(f"{name}: left out, it needs {lacking[0] + 1}.\n"))
                continue
            try:
                made[place] = step.product.remake(commit=True, pars=self.pars_of(step))
            except UserMistake as error:
                out(harmless(f"{name}: {error}\n"))
        return list(made.values())


def remake_all(
    self: Iterable[Any],
    *,
    pars: Mapping[str, Any] | None = None,
    commit: bool = False,
    dpu: Any = None,
) -> Any:
    """Plan what has to be made so that all of these are up to date, and make it if asked to.

    Older versions of the same product, and those that were judged bad, are left out. Calibrations
    that the products would get today come first, where they are stale themselves.

    Parameters
    ----------
    pars : mapping, optional
        Process parameters that differ from the defaults, as tasks take them.
    commit : bool
        Whether to make and commit them. False returns the plan and makes nothing.
    dpu : Processor, optional
        `dpu`, where jobs make them; without it they are made here, one after the other.

    Returns
    -------
    Renewal, list or JobIds
        The plan; with `commit` the new products, or the numbers of the jobs.

    Raises
    ------
    QueryError
        More products than may be loaded.
    ArgumentError
        `dpu` is something else, or is given without `commit=True`.
    """
    if dpu is not None and not (commit and hasattr(dpu, "submit")):
        msg = (
            "remake() takes dpu=dpu with commit=True for jobs; without dpu= the products are made "
            "here, and without commit= it returns the plan"
        )
        raise ArgumentError(msg)
    planned = plan(list(self), pars or {})
    if not commit:
        return planned
    out(f"{planned!r}\n")
    sys.stdout.flush()
    if dpu is None or not planned:
        return planned.make()
    return dpu.submit([
        (step.recipe, {**step.arguments(), "pars": planned.pars_of(step) or None}, step.after)
        for step in planned
    ])  # fmt: skip


def plan(items: Sequence[Any], pars: Mapping[str, Any]) -> Renewal:
    """Return what has to be made again so that some products are up to date.

    Parameters
    ----------
    items : sequence of product
        Products of any classes; those that are up to date need nothing.
    pars : mapping
        Process parameters that differ from the defaults.
    """
    left: dict[Any, str] = {}
    found = _newest(items, left)
    shelf = Shelf()
    shelf.look_ahead(found)
    planner = _Planner(Today(choose=shelf.choose, pars=pars), left)
    for item in sorted(found, key=lambda one: (one.creation_date, str(one.object_id))):
        planner.add(item)
    return Renewal(planner.steps, left, pars)


class _Planner:
    """The steps so far, and where each product is among them."""

    def __init__(self, today: Today, left: dict[Any, str]) -> None:
        self._today = today
        self._left = left
        self._places: dict[Any, int | None] = {}
        self.steps: list[Renewed] = []

    def add(self, item: Any) -> int | None:
        """Add a product and what it needs; return its place, or None if it is up to date."""
        if item.object_id in self._places:
            return self._places[item.object_id]
        self._places[item.object_id] = None
        try:
            why = reasons(item, self._today)
            if why:
                self._places[item.object_id] = self._step(item, why)
        except (NotVisible, ArgumentError) as error:
            self._left[item] = str(error)
        return self._places[item.object_id]

    def _step(self, item: Any, why: Reasons) -> int | None:
        main = _main(item)
        if main is not item:
            # it is made with its main product, which is as stale as it is
            why = reasons(main, self._today) or why
            if main.object_id in self._places:
                return self._places[main.object_id]
        needed = [self.add(one) for one in _needs(main, self._today)]
        after = tuple(sorted({place for place in needed if place is not None}))
        recipe = task_of(main).identifier()
        self.steps.append(
            Renewed(product=main, recipe=recipe, because=why.brief, after=after)
        )
        self._places[main.object_id] = len(self.steps) - 1
        return self._places[main.object_id]


def _needs(item: Any, today: Today) -> Iterator[Any]:
    """Yield the calibrations a product would be made with."""
    free = open_roles(item)
    for role in chosen_roles(type(item)):
        used = getattr(item, role)
        best = today.choose(item, type(item)._attribute(role).target) if role in free else None
        if (best or used) is not None:
            yield best or used


def _newest(items: Sequence[Any], left: dict[Any, str]) -> list[Any]:
    """Return the newest sound version of each product; tell of the others in `left`."""
    newest: dict[Any, Any] = {}
    for item in sorted(items, key=lambda one: (one.creation_date, str(one.object_id))):
        if isinstance(item, RawFrame):
            continue
        if item.is_valid <= 0:
            left[item] = f"is_valid is {item.is_valid}"
            continue
        try:
            filter_ = value_of(item, "filter")
            key = (type(item), item.instrument, item.chip, filter_, date_of(item))
        except NotVisible as error:
            left[item] = str(error)
            continue
        if key in newest:
            left[newest[key]] = f"there is a newer one, {label(item)}"
        newest[key] = item
    return list(newest.values())


def _main(item: Any) -> Any:
    """Return the product a recipe made an object along with; often the object itself.

    Raises
    ------
    ArgumentError
        No recipe makes such objects, or the main product is not visible.
    """
    cls = main_of(type(item))
    if cls is type(item):
        return item
    for role in ALONG:
        if has(cls, role) and cls._attribute(role).target is type(item):
            query = getattr(cls, role) == item
            break
    else:
        if not isinstance(item, ScienceProduct):
            msg = f"it is made along with a {cls.__name__}, and which one is not known"
            raise ArgumentError(msg)
        query = cls.raw == item.raw
    found = (query & (cls.is_valid > 0)).newest()
    if found is None:
        msg = f"it is made along with a {cls.__name__}, and there is none that you may see"
        raise ArgumentError(msg)
    return found


def _left(left: Mapping[Any, str]) -> str:
    if not left:
        return ""
    item, text = next(iter(left.items()))
    return columns.fit(f"{len(left)} left out, see .left: {label(item)}: {text}")
