"""The steps of a recipe: what is done in which order, and how a call changes it.

A recipe lists its steps (`Task.chain`). A call may leave steps out, stop after one, and keep the
frame after any. Knows neither pixels nor files; those are `awe.tasks.between`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from awe.errors import ArgumentError, nearest
from awe.tasks.stage import Stage
from awe.tasks.unit import Call
from awe.terminal import harmless

__all__ = ["ALL", "Steps", "check", "does", "kept_after", "listed", "stages", "steps"]

#: what `keep` calls every step
ALL = "all"


class Steps(tuple[Stage, ...]):
    """The steps of one call, in order; prints itself as a table."""

    __slots__ = ()

    def __repr__(self) -> str:
        names = max((len(stage.name) for stage in self), default=0)
        units = max((len(stage.unit) for stage in self), default=0)
        lines = []
        for number, stage in enumerate(self, start=1):
            state = f" [{stage.state}]" if stage.state else ""
            mark = "!" if stage.required else " "
            lines.append(
                f"{number:2} {stage.name:{names}} {mark} {stage.unit:{units}}  {stage.text}{state}"
            )
        lines.append("! cannot be left out; units are those of the pixels after a step")
        return harmless("\n".join(lines))

    __str__ = __repr__


def steps(self: Call) -> Steps:
    """Return what the task will do to the pixels, in order.

    Steps that `leave_out`, `stop_after` or `keep` name say so, and so do those that the
    parameters, or the calibrations there are, decide about.
    """
    conditions = self.conditions()
    found = []
    stopped = False
    for stage in listed(self):
        words = ["not reached"] if stopped else list(_words(self, stage, conditions))
        found.append(replace(stage, state=", ".join(words)))
        stopped = stopped or stage.name == self.stop_after
    return Steps(found)


def _words(task: Call, stage: Stage, conditions: Mapping[str, str]) -> Sequence[str]:
    left = stage.name in (task.leave_out or ())
    words = ["left out"] if left else [*filter(None, [conditions.get(stage.name, "")])]
    if stage.name == task.stop_after:
        return [*words, "stops here"]
    return [*words, "kept"] if stage.name in kept_after(task) else words


def listed(task: Call) -> tuple[Stage, ...]:
    """Return the steps of a recipe that lists those of its own `make`."""
    return task.chain() if task._lists_steps else ()


def kept_after(task: Call) -> list[str]:
    """Return the names of the steps after which a task keeps the frame."""
    wanted = task.keep or []
    return [stage.name for stage in listed(task)] if ALL in wanted else wanted


def stages(task: Call) -> dict[str, Stage]:
    """Return the steps of a task by name."""
    return {stage.name: stage for stage in listed(task)}


def does(self: Call, step: str) -> bool:
    """Return True unless a step is left out.

    Parameters
    ----------
    step : str
        Name of the step.
    """
    return step not in (self.leave_out or ())


def check(task: Call) -> None:
    """Refuse steps a recipe does not have, and what contradicts itself.

    Raises
    ------
    ArgumentError
        A step is unknown or cannot be left out, a calibration is named for a step that is left
        out, or the products of a task that stops are to be committed.
    """
    asked: dict[str, Any] = {
        "stop_after": [task.stop_after] if task.stop_after is not None else [],
        "leave_out": task.leave_out or [],
        "keep": [name for name in task.keep or [] if name != ALL],
    }
    if not any(asked.values()):
        return
    known = stages(task)
    if not known:
        msg = f"{task.identifier()} lists no steps: none can be left out, kept or stopped after"
        raise ArgumentError(msg)
    for argument, names in asked.items():
        for name in names:
            if name not in known:
                msg = (
                    f"{argument}: {task.identifier()} has no step {name!r}; its steps are "
                    f"{', '.join(known)}{nearest(name, list(known))}"
                )
                raise ArgumentError(msg)
    for name in asked["leave_out"]:
        _check_left_out(task, known[name], known)
    if task.stop_after is not None and task.commit:
        msg = (
            f"a task that stops after {task.stop_after!r} makes no product to commit; leave out "
            "commit or stop_after"
        )
        raise ArgumentError(msg)


def _check_left_out(task: Call, stage: Stage, known: Mapping[str, Stage]) -> None:
    if stage.required:
        optional = ", ".join(one.name for one in known.values() if not one.required)
        msg = (
            f"step {stage.name!r} of {task.identifier()} cannot be left out: the others need it; "
            f"those that can are {optional or 'none'}"
        )
        raise ArgumentError(msg)
    asked = next((name for name in stage.argument.split() if getattr(task, name)), None)
    if asked is not None:
        msg = (
            f"{asked} asks for step {stage.name!r}, leave_out forbids it; give one of "
            "the two"
        )
        raise ArgumentError(msg)
