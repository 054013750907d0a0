"""What lives only while a task runs, and what becomes of each of its units."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from awe import bars
from awe.errors import AweError, UserMistake
from awe.tasks.unit import Call, Unit

__all__ = ["Outcome", "Session", "Unusable", "passing_over"]


class Unusable(UserMistake):
    """The file of a calibration that was chosen cannot be used.

    Attributes
    ----------
    item : object
        The calibration.
    reason : UserMistake
        What is wrong with it.
    """

    def __init__(self, item: Any, reason: UserMistake) -> None:
        super().__init__(str(reason))
        self.item = item
        self.reason = reason


@dataclass
class Session:
    """What lives only while `execute` runs: one per thread.

    Attributes
    ----------
    scratch : Path
        Directory of fetched files.
    stop : Event
        Event that is set when the task is to end.
    written : list of Path
        Files the unit in hand has left in the working directory.
    pixels : dict
        Pixels of the calibrations of the chip in hand.
    chip : object
        The chip in hand.
    unit : Unit
        The unit in hand.
    recipe : Recipe
        Record of the recipe's code.
    """

    scratch: Path
    stop: threading.Event
    written: list[Path] = field(default_factory=list)
    waiting: list[Callable[[], object]] | None = None
    pixels: dict[Any, Any] = field(default_factory=dict)
    chip: Any = None
    unit: Any = None
    recipe: Any = None

    def begin(self, unit: Unit) -> None:
        """Begin a unit; what was kept of another chip is let go."""
        self.written.clear()
        if self.chip is not None and unit.chip != self.chip:
            self.pixels.clear()
            for path in self.scratch.iterdir():
                if path.is_file() or path.is_symlink():
                    path.unlink()
        self.chip = unit.chip
        self.unit = unit


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a unit: a product, an error, or neither where it was done before."""

    product: Any = None
    error: AweError | None = None


def passing_over(task: Call, unit: Unit) -> Any:
    """Return the product of a unit; calibrations whose files cannot be used are passed over.

    Raises
    ------
    UserMistake
        The one that cannot be used was named, or belongs to an exact remake.
    """
    while True:
        try:
            return task.make(unit)
        except Unusable as error:
            number = str(error.item.object_id)
            # what was named, or is to be the same again, has no other in its place
            named = any(error.item == one for one, _ in unit.by_hand.values())
            if named or unit.given is not None or number in unit.unusable:
                raise error.reason from None
            unit.unusable[number] = str(error.reason)
            bars.say(f"{unit.name}: WARNING: passed over, it cannot be used: {error.reason}")
            unit.begin(again=True)
