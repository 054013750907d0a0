"""Which pixel of a frame shows the same place as one of another: by the sky, or by number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from awe.inspect.sight import Sight

__all__ = ["Match"]

Values = NDArray[np.float64]

#: Points a side at which coordinates are computed for a screen; between them lines are straight.
NODES = 17


class Match:
    """Pixels of a frame at the places of another.

    Parameters
    ----------
    reference : Sight
        The frame whose pixel coordinates the axes have.
    shown : Sight
        The frame whose pixels are drawn there.
    """

    def __init__(self, reference: Sight, shown: Sight) -> None:
        self.reference = reference
        self._from, self._to = reference.facts.sky, shown.facts.sky
        self._corner = np.array(shown.first) - 0.5

    @property
    def on_sky(self) -> bool:
        """Whether both have coordinates; otherwise pixels of the same number are matched."""
        return self._from is not None and self._to is not None

    def places(self, x: Any, y: Any) -> tuple[Values, Values]:
        """Return where places are on the frame that is drawn.

        Parameters
        ----------
        x, y : array_like of float64
            FITS pixel coordinates of the reference, of one shape.

        Returns
        -------
        x : ndarray of float64
            FITS pixel coordinates of the other; NaN where it has none.
        y : ndarray of float64
            The same, along columns.
        """
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        if self._from is None or self._to is None:
            return x, y
        return self._to.pixels(*self._from.places(x, y))

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return where one place is; see `places`.

        Parameters
        ----------
        x, y : float
            FITS pixel coordinates of the reference.
        """
        there = self.places([x], [y])
        return float(there[0][0]), float(there[1][0])

    def grid(self, x: Values, y: Values) -> tuple[Values, Values]:
        """Return where the points of a grid are on the frame that is drawn.

        Parameters
        ----------
        x, y : ndarray of float64, shape (nx,) and (ny,)
            Rising FITS pixel coordinates of the reference.

        Returns
        -------
        x : ndarray of float64, shape (ny, nx)
            Pixels from the lower left edge of the other.
        y : ndarray of float64, shape (ny, nx)
            The same, along columns.
        """
        few = [np.linspace(side[0], side[-1], NODES) for side in (x, y)]
        coarse = self.places(*np.meshgrid(*few))
        between = [_between(side, nodes) for side, nodes in zip((x, y), few, strict=True)]
        fine = [between[1] @ one @ between[0].T for one in coarse]
        return fine[0] - self._corner[0], fine[1] - self._corner[1]


def _between(points: Values, nodes: Values) -> Values:
    """Return the share of each node in each point, shape (points, nodes)."""
    span = nodes[-1] - nodes[0]
    place = (points - nodes[0]) / (span or 1.0) * (NODES - 1)
    low = np.clip(np.floor(place).astype(np.intp), 0, NODES - 2)
    share = place - low
    weights = np.zeros((points.size, NODES))
    rows = np.arange(points.size)
    weights[rows, low], weights[rows, low + 1] = 1 - share, share
    return weights
