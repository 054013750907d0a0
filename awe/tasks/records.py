"""What a task records with its products: recipe and code, the request, and what was consulted.

A request is a digest of everything a run is given; what the recipe then asks the database for is
consulted. A later run that is given the same and would be answered the same gives the same
product: that is what `skip` looks for.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from awe import __version__
from awe.db.declare import registry
from awe.errors import NoCalibration
from awe.model import classes
from awe.model.mixins import Product, QualityFlag, has, value_of
from awe.model.parameters import parameters_class
from awe.rules import appointed, validity
from awe.rules.fitting import needs_of_frames
from awe.rules.leftout import recorded
from awe.rules.roles import NOT_NAMED, VALIDITY
from awe.tasks import code
from awe.tasks.inputs import background_of, place
from awe.tasks.naming import named_object, role_of
from awe.tasks.products import new_objects
from awe.tasks.tables import Table

if TYPE_CHECKING:
    from awe.tasks.unit import Call, Unit

__all__ = ["made", "request", "stamp"]

#: arguments that only select frames, or do not change what comes out
INDIFFERENT = (
    "instrument", "date", "chip", "filter", "object", "template", "raw_filenames",
    "red_filenames", "pars", "overscan", "commit", "skip", "workers", "stop_after", "leave_out",
    "keep",
)  # fmt: skip
#: arguments that a product tells by attributes of its own
BY_OTHER_WAYS = ("go_without", "frames", "missing", "combine", "nightsky")
#: types of arguments that are kept with a product
KEPT_TYPES = (str, int, float, bool, list)
#: products with the same request that are looked at, the newest
CANDIDATES = 20


def stamp(task: Call, unit: Unit, product: Any, recipe: Any) -> None:
    """Set recipe, request and what was consulted, where a new product has such attributes."""
    without = recorded(task.leave_out or ())
    for one in new_objects(product, Product):
        one.recipe = recipe
        one.passed_over = dict(unit.unusable)
        one.request = without
        if unit.lacks:
            one.quality_flags |= int(QualityFlag.MISSING)
        if without:
            one.process_status = 0
            one.quality_flags |= int(QualityFlag.INCOMPLETE)
    if has(product, "request"):
        product.request = request(task, unit) + without
        product.consulted = dict(unit.consulted)
        product.requested = dict(_given(task))


def request(task: Call, unit: Unit) -> str:
    """Return the digest of code, arguments, parameters and frames; empty for unknown code."""
    known = code.of(type(task))
    if not known.digest:
        return ""
    place = (unit.instrument, unit.chip, unit.filter)
    told = {
        "code": [known.name, known.digest, __version__],
        "frames": [str(frame.object_id) for frame in unit.frames],
        "date": unit.date.isoformat(),
        "place": [str(item.object_id) if item is not None else "" for item in place],
        "arguments": dict(_arguments(task, unit)),
        "parameters": {
            name: task.parameters(name, unit).values()
            for name in task.makes
            if parameters_class(name)
        },
    }
    text = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _arguments(task: Call, unit: Unit) -> Iterator[tuple[str, Any]]:
    """Yield the arguments that change what comes out; of a table the rows of the unit's chip."""
    for argument in task.arguments:
        name = argument.name
        if name in task.named or (name in INDIFFERENT and not _is_odd(task, name)):
            continue
        value = task.effective(name)
        if isinstance(value, datetime.datetime):
            value = value.isoformat()
        if isinstance(value, Table):
            value = dict(value.where("chip", unit.chip.name))
        yield name, value


def _given(task: Call) -> Iterator[tuple[str, Any]]:
    """Yield the arguments of a call that change what comes out and are not as by default.

    Names of frames are recorded by links, calibrations by `choices`; tables are not kept.
    """
    for argument in task.arguments:
        name = argument.name
        if name in (*task.named, *INDIFFERENT, *BY_OTHER_WAYS) or name.endswith("_filenames"):
            continue
        value = task.effective(name)
        if value is not None and value != argument.default and argument.type in KEPT_TYPES:
            yield name, value


def _is_odd(task: Call, name: str) -> bool:
    """Return True if an own recipe may use an argument for parameters of other classes."""
    return name == "overscan" and not task._is_ours()


def made(task: Call, unit: Unit) -> Any:
    """Return the committed product of the same request that would come out the same, or None."""
    classes.load()
    cls: Any = registry.find(task.makes[0]) if task.makes else None
    asked = request(task, unit) if cls is not None and has(cls, "request") else ""
    if not asked:
        return None
    asked += recorded(task.leave_out or ())
    query = cls.instrument == unit.instrument
    if has(cls, "chip"):
        query &= cls.chip == unit.chip
    query = query & (cls.is_valid > 0) & (cls.request == asked)
    answers: dict[str, Any] = {}
    for product in query.order_by("-creation_date").top(CANDIDATES):
        if _same_hand(product, task) and all(
            _answer(task, unit, name, answers) == number
            for name, number in (product.consulted or {}).items()
        ):
            return product
    return None


def _same_hand(product: Any, task: Call) -> bool:
    """Return True if nobody named a calibration of a product that a task chooses itself."""
    choices = value_of(product, "choices") or {}
    return not any(
        getattr(task, argument) is None
        and choices.get(role_of(argument), choices.get(name, VALIDITY)) not in NOT_NAMED
        for argument, name in task.named.items()
        # whichever background was subtracted, somebody asked for it
        if name != "BackgroundFrame"
    )


def _answer(task: Call, unit: Unit, name: str, known: dict[str, Any]) -> str | None:
    """Return the id of the calibration of a class the recipe would be answered with."""
    if name not in known:
        known[name] = _chosen(task, unit, name, known)
    return str(known[name].object_id) if known[name] is not None else None


def _chosen(task: Call, unit: Unit, name: str, known: dict[str, Any]) -> Any:
    cls: Any = registry.find(name)
    if (named := named_object(task, name)) is not None:
        return named
    if name == "BackgroundFrame":
        for needed in ("BiasFrame", "MasterFlatFrame"):
            _answer(task, unit, needed, known)
        try:
            return background_of(unit, known["BiasFrame"], known["MasterFlatFrame"])
        except NoCalibration:
            return None
    main = task.parameters(task.makes[0]) if parameters_class(task.makes[0]) else None
    needs = needs_of_frames(unit.frames, value_of(main, "OVERSCAN_CORRECTION"))
    of = value_of(main, "CALIBRATIONS_OF") or appointed.ANYONE
    return validity.find(cls, date=unit.date, of=of, needs=needs, **place(unit, cls))
