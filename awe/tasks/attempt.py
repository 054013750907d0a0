"""What lives only while a task runs, and what becomes of each of its units."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from awe import bars
from awe.errors import AweError, ChecksumMismatch, FileGone, UserMistake
from awe.model.data import fetch
from awe.model.mixins import has
from awe.tasks.unit import Call, Unit

__all__ = ["Outcome", "Session", "Unusable", "brief", "brought", "passing_over"]


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
    last : bool
        Whether no other unit of the chip follows.
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
    last: bool = False
    recipe: Any = None

    def begin(self, unit: Unit, *, last: bool = False) -> None:
        """Begin a unit; what was kept of another chip is let go."""
        self.written.clear()
        self.last = last
        if self.chip is not None and unit.chip != self.chip:
            self.pixels.clear()
            for path in self.scratch.iterdir():
                if path.is_file() or path.is_symlink():
                    path.unlink()
        self.chip = unit.chip
        self.unit = unit

    def let_go(self) -> None:
        """Let the pixels of the calibrations go if no other unit needs them."""
        if self.last:
            self.pixels.clear()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a unit: a product, an error, or neither where it was done before."""

    product: Any = None
    error: AweError | None = None


def brief(error: AweError) -> str:
    """Return how a failure begins, where the call is about to raise it and tells it whole there.

    Parameters
    ----------
    error : AweError
        What a unit failed by. A `Defect` is told whole in both places.
    """
    text = str(error)
    return text.partition("; ")[0] if isinstance(error, UserMistake) else text


def brought(items: Sequence[Any], scratch: Path, *, link: bool) -> None:
    """Bring the files of several objects into a directory.

    Parameters
    ----------
    items : sequence of object
        Objects with files.
    scratch : Path
        The directory.
    link : bool
        Whether a file may be a link to the dataserver's own.

    Raises
    ------
    Unusable
        The file of a calibration is gone from the dataserver, or damaged there.
    FileGone, ChecksumMismatch
        That of another object is.
    """
    try:
        fetch(items, scratch, link=link)
    except (FileGone, ChecksumMismatch):
        # one by one, to know which; what is there already is not fetched again
        for item in items:
            try:
                fetch([item], scratch, link=link)
            except (FileGone, ChecksumMismatch) as error:
                if has(item, "timestamp_start"):
                    raise Unusable(item, error) from error
                raise
        raise


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
