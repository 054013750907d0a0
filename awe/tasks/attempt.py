"""What lives only while a task runs, and what becomes of each of its units."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.errors import AweError
from awe.tasks.unit import Unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Outcome", "Session"]


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
    pixels: dict[Any, NDArray[Any]] = field(default_factory=dict)
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
