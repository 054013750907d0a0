"""`Unit`: one piece of a task's work, `Items`: the recorder of units of a job, `Call`: a task.

Knows nothing of how a unit is made.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from awe.model.mixins import value_of
from awe.tasks.arguments import Argument
from awe.tasks.stage import Stage

__all__ = ["Call", "Items", "Unit", "filter_of"]


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One piece of work: the frames of one chip, or one frame.

    Attributes
    ----------
    name : str
        Name of the unit in messages and job records.
    instrument, chip : object
        Persistent objects of the camera and of the detector.
    frames : tuple
        Input frames, in the order of the query.
    date : datetime
        Moment [UTC] the calibrations are chosen for.
    filter : object or None
        Persistent object of the filter, if the recipe depends on it.
    given : mapping or None
        The calibrations to use and no others, by class name; None chooses by validity.
    by_hand : mapping
        Calibrations somebody named, by class name, each with what is recorded of the choice.
    go_without : tuple of str
        Classes of calibrations that may be missing.
    dispensable : mapping of str to str
        Class -> role of the calibrations that `go_without` may name.
    lacks : list of str
        Those that may be missing and are.
    unusable : dict
        object_id of a calibration that was chosen -> why its file cannot be used.
    pattern : list
        Of a unit without frames, the first calibration image chosen: the others must fit it.
    consulted : dict
        Calibrations the recipe has looked for so far: class name to object_id, or None.
    """

    name: str
    instrument: Any
    chip: Any
    frames: tuple[Any, ...] = ()
    date: datetime.datetime
    filter: Any = None
    given: Mapping[str, Any] | None = None
    by_hand: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    go_without: tuple[str, ...] = ()
    dispensable: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    lacks: list[str] = field(default_factory=list, compare=False, repr=False)
    unusable: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    pattern: list[Any] = field(default_factory=list, compare=False, repr=False)
    consulted: dict[str, str | None] = field(default_factory=dict, compare=False, repr=False)

    def begin(self, *, again: bool = False) -> None:
        """Forget what an attempt has looked for; `again` keeps which files cannot be used."""
        for kept in (self.consulted, self.pattern, self.lacks):
            kept.clear()
        if not again:
            self.unusable.clear()


def filter_of(unit: Unit) -> Any:
    """Return the filter of a unit: its own or that of its frames, None without."""
    if unit.filter is not None or not unit.frames:
        return unit.filter
    return value_of(unit.frames[0], "filter")


class Items(Protocol):
    """Recorder of single inputs that the DPU lends to a task."""

    def total(self, number: int) -> None:
        """Record the number of units."""

    def finished(self, name: str) -> bool:
        """Return True if an earlier attempt has committed this one."""

    def record(self, name: str, product: Any) -> None:
        """Record a product, in the transaction that commits it."""

    def failed(self, name: str, error: Exception) -> None:
        """Record why one failed."""


class Call(Protocol):
    """One configured call of a recipe, as far as what is below `Task` needs to know it."""

    makes: ClassVar[tuple[str, ...]]
    arguments: ClassVar[tuple[Argument, ...]]
    named: ClassVar[Mapping[str, str]]
    needed: ClassVar[tuple[str, ...]]
    commit: bool
    go_without: list[str] | None
    stop_after: str | None
    leave_out: list[str] | None
    keep: list[str] | None
    _lists_steps: ClassVar[bool]
    _looked: list[Any]

    @classmethod
    def identifier(cls) -> str:
        """Name of the recipe."""

    @classmethod
    def _is_ours(cls) -> bool:
        """Return True if the recipe is one of awe's."""

    @classmethod
    def chain(cls) -> tuple[Stage, ...]:
        """Return the steps of the recipe, in order."""

    def conditions(self) -> Mapping[str, str]:
        """Return step -> on what it depends in this call."""

    def unit_in_hand(self) -> Unit:
        """Return the unit that is being made."""

    def make(self, unit: Unit) -> Any:
        """Return the new product of one unit."""

    def effective(self, name: str) -> Any:
        """Return the value of an argument that holds when it is left out."""

    def parameters(self, product: str, unit: Unit | None = None) -> Any:
        """Return the process parameters for a class."""

    def fetch(self, objects: Sequence[Any]) -> None:
        """Bring the files of several objects into the scratch directory."""
