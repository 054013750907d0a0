"""`Unit`: one piece of a task's work, and `Items`: the recorder of single units of a job.

Knows nothing of how a unit is made.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Items", "Unit"]


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
    consulted: dict[str, str | None] = field(default_factory=dict, compare=False, repr=False)


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
