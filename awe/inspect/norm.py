"""Stretches: how the display range becomes levels between 0 and 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from awe.inspect.stretch import STRETCHES

__all__ = ["Norm"]


class Norm(Normalize):
    """Display range and stretch; matplotlib's colour bar understands it.

    Parameters
    ----------
    lower, upper : float
        Ends of the display range.
    stretch : str
        One of `STRETCHES`.
    """

    def __init__(self, lower: float, upper: float, stretch: str = "linear") -> None:
        super().__init__(lower, upper)
        self.stretch = stretch

    def _ends(self) -> tuple[float, float]:
        ends: Any = (self.vmin, self.vmax)
        return float(ends[0]), float(ends[1])

    def changed(self) -> None:
        """Tell the colour bar that the range is another."""
        self.callbacks.process("changed")

    def bent(self, place: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the level of a place in the display range.

        Parameters
        ----------
        place : ndarray of float64
            0 at the lower end, 1 at the upper; further out levels go on in a straight line.
        """
        inside = np.clip(place, 0.0, 1.0)
        levels: NDArray[np.float64] = STRETCHES[self.stretch][0](inside) + (place - inside)
        return levels

    def __call__(self, value: Any, clip: bool | None = None) -> Any:
        """Return the levels of values.

        Parameters
        ----------
        value : ndarray
            Pixel values.
        clip : bool, optional
            Not heeded.
        """
        low, high = self._ends()
        values = np.ma.masked_invalid(np.asarray(value, np.float64))
        place = np.ma.array((values.data - low) / (high - low), mask=values.mask)
        return np.ma.array(self.bent(np.nan_to_num(place.data)), mask=place.mask)

    def inverse(self, value: Any) -> Any:
        """Return the values of levels.

        Parameters
        ----------
        value : ndarray
            Levels, between 0 and 1 inside the range.
        """
        low, high = self._ends()
        level = np.asarray(value, np.float64)
        inside = np.clip(level, 0.0, 1.0)
        return low + (high - low) * (STRETCHES[self.stretch][1](inside) + (level - inside))
