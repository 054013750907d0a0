"""The calls that one call of a recipe becomes as jobs: one per chip, or one for all of them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from awe.errors import ArgumentError
from awe.model.mixins import value_of
from awe.tasks.task import Task

__all__ = ["given", "jobs", "per_chip", "require_no_frames_left", "together"]

#: arguments that name the frames of a call
NAMING = ("raw_filenames", "red_filenames", "reg_filenames", "coadd_filenames")


def given(self: Task) -> dict[str, Any]:
    """Return the arguments that differ from their defaults, in types JSON has."""
    found = {}
    for argument in self.arguments:
        value = getattr(self, argument.name)
        if value != argument.default:
            moment = isinstance(value, datetime.datetime)
            found[argument.name] = value.isoformat() if moment else value
    return found


def jobs(self: Task) -> list[dict[str, Any]]:
    """Return the arguments of this task split into one call per chip, ready for JSON.

    A recipe that is `whole` has one call, which looks for its frames again when it runs.

    Raises
    ------
    ArgumentError
        Steps are to leave frames where the task runs.
    NotFound
        Nothing answers the arguments.
    """
    require_no_frames_left(self)
    if self.whole:
        self.require_frames()
        return together(self)
    if not self.raw and type(self).units is Task.units:
        return together(self)  # it has no frames to split by chip
    return per_chip(self, (frame for unit in self.units() for frame in unit.frames or [unit]))


def per_chip(self: Task, frames: Iterable[Any], **more: Any) -> list[dict[str, Any]]:
    """Return one call per chip; where the call names frames each names those of its chip.

    Parameters
    ----------
    self : Task
        The call.
    frames : iterable of object
        The frames it works on, or units without frames.
    **more
        Arguments that were settled for all calls.
    """
    chips: dict[str, list[Any]] = {}
    for frame in frames:
        chips.setdefault(frame.chip.name, []).append(frame)
    whole = _for_a_job(self) | more
    named = [argument for argument in NAMING if argument in whole]
    return [
        {**whole, "chip": chip, **{name: _names(name, some) for name in named}}
        for chip, some in chips.items()
    ]


def require_no_frames_left(self: Task) -> None:
    """Refuse a job that would leave frames between steps behind.

    Raises
    ------
    ArgumentError
        `stop_after` or `keep` are given.
    """
    if self.stop_after is not None or self.keep:
        msg = (
            "stop_after and keep leave frames where the task runs: "
            f"{type(self).__name__}(...).execute() instead of dpu.run()"
        )
        raise ArgumentError(msg)


def together(self: Task) -> list[dict[str, Any]]:
    """Return the one call that works on all chips.

    Parameters
    ----------
    self : Task
        The call.
    """
    return [_for_a_job(self)]


def _for_a_job(self: Task) -> dict[str, Any]:
    """Return the arguments without `workers`: the DPU runs jobs at the same time, not units."""
    return {name: value for name, value in self._given().items() if name != "workers"}


def _names(argument: str, frames: list[Any]) -> list[str]:
    """Return the names by which an argument knows frames: those of raw frames, or their own."""
    if argument == "raw_filenames":
        frames = [value_of(frame, "raw") or frame for frame in frames]
    return [frame.filename for frame in frames]
