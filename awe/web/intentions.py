"""The pages `/targets`: what would be made of a raw frame, from what, and a button for it.

What is submitted is what was shown: a plan that is another one by then is shown again.
"""

from __future__ import annotations

import hashlib
from typing import Any

from starlette.responses import Response

from awe.db.declare.registry import registry
from awe.db.query import paging
from awe.db.server import scope
from awe.db.server.connection import database
from awe.dpu.client import Processor
from awe.errors import ArgumentError, DatabaseError, NotFound, UserMistake
from awe.model import classes
from awe.model.info import label
from awe.model.raw import RawScienceFrame
from awe.tasks.remake import recipe_of
from awe.tasks.targets import Plan, intended
from awe.web.view import Look

__all__ = ["make", "targets_page"]

#: Characters of the name of a file.
LARGEST = 300
#: What a frame must have, so that its calibrations can be chosen.
NEEDED = ("instrument", "chip", "filter", "DATE_OBS")
#: Frames named where none was chosen.
RECENT = 10


def targets_page(look: Look) -> Response:
    """Return the page of a plan, or of what to choose."""
    return _shown(look, look.query.get("raw", ""), look.query.get("class", ""))


def make(look: Look) -> Response:
    """Submit the plan that was shown."""
    name, kind = look.form.get("raw", ""), look.form.get("class", "")
    plan = intended(_kind(kind), _frame(name))
    if look.form.get("plan") != _digest(plan):
        return _shown(look, name, kind, "the plan is another one by now; look at it again")
    steps = _missing(plan)
    if not steps:
        return _shown(look, name, kind, "everything is there already")
    jobs = Processor(database.environment.dpu_name).submit([
        (recipe_of(step.cls, ours=True).identifier(), step.arguments, range(number))
        for number, step in enumerate(steps)
    ])  # fmt: skip
    [(run,)] = database.execute("SELECT run FROM awe.job WHERE id = %s", (jobs[0],))
    return look.there(f"/runs/{run}", f"{len(jobs)} jobs were submitted")


def _shown(look: Look, name: str, kind: str, trouble: str = "") -> Response:
    kinds = _kinds()
    kind = kind or "ReducedScienceFrame"
    plan, steps = None, []
    if name:
        try:
            cls, frame = _kind(kind), _frame(name)
            plan = intended(cls, frame)
            steps = [_step(step) for step in plan.steps]
        except DatabaseError:
            raise
        except UserMistake as error:
            trouble = str(error)
    return look.page(
        "targets.html", 400 if trouble and not plan else 200, title="Targets", raw=name,
        kind=kind, kinds=kinds, plan=plan, steps=steps, trouble=trouble,
        digest=_digest(plan) if plan else "", missing=len(_missing(plan)) if plan else 0,
        recent=[] if name else _recent(), project=scope.current().project_name,
    )  # fmt: skip


def _step(step: Any) -> dict[str, Any]:
    product = step.product
    return {
        "kind": step.cls.__name__,
        "place": f"/object/{type(product).__name__}/{product.object_id}" if product else "",
        "label": label(product) if product else "",
        "recipe": "" if product else recipe_of(step.cls, ours=True).identifier(),
        "arguments": [(key, _told(value)) for key, value in step.arguments.items()],
        "because": step.because,
    }


def _told(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _missing(plan: Plan) -> list[Any]:
    return [step for step in plan.steps if step.product is None]


def _digest(plan: Plan) -> str:
    """Return what tells one plan from another."""
    told = [(step.cls.__name__, getattr(step.product, "object_id", None), step.arguments)
            for step in plan.steps]  # fmt: skip
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


def _kinds() -> list[str]:
    classes.load()
    return sorted(name for name, cls in registry.items()
                  if hasattr(cls, "get") and "raw" in cls._attributes)  # fmt: skip


def _kind(name: str) -> Any:
    kinds = _kinds()
    if name not in kinds:
        msg = f"{name[:60]!r} is not made of a raw frame; there are {', '.join(kinds)}"
        raise ArgumentError(msg)
    return registry[name]


def _frame(name: str) -> Any:
    if len(name) > LARGEST:
        msg = "that is longer than the name of a file"
        raise NotFound(msg)
    frame = RawScienceFrame(filename=name)
    if missing := [one for one in NEEDED if getattr(frame, one) is None]:
        msg = f"nothing can be planned for {name}: it has no {', '.join(missing)}"
        raise ArgumentError(msg)
    return frame


def _recent() -> list[str]:
    """Return the names of the last science frames."""
    rows = paging.page(RawScienceFrame.select_all(), ["filename"], sort="DATE_OBS",
                       downwards=True, size=RECENT)  # fmt: skip
    return [row.values[0] for row in rows if row.values[0]]
