"""The place under the pointer: what a hot-key tool works on, and what it gives back.

Coordinates are FITS pixel coordinates, as the window shows them: the centre of the first pixel
is (1, 1). Arrays are [y, x]. Refuses nothing: a box is cut where the image ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awe.inspect.facts import Facts
from awe.inspect.keysettings import Settings

__all__ = ["Box", "Reading", "Spot"]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A part of an image and its place there.

    Attributes
    ----------
    pixels : ndarray of float64, shape (ny, nx)
        A copy of the pixels; NaN stays NaN.
    x, y : ndarray of int
        FITS pixel coordinates of its columns and rows.
    """

    pixels: NDArray[np.float64]
    x: NDArray[np.int_]
    y: NDArray[np.int_]

    @property
    def finite(self) -> NDArray[np.float64]:
        """The finite pixel values, flattened."""
        return self.pixels[np.isfinite(self.pixels)]


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A point in an image.

    Attributes
    ----------
    pixels : ndarray, shape (ny, nx)
        The whole image; tools never modify it.
    x, y : float
        FITS pixel coordinates of the point.
    name : str
        What the image is called in titles.
    first : tuple of int
        FITS pixel coordinates (x, y) of `pixels[0, 0]`.
    settings : Settings
        Radii and sizes of boxes.
    facts : Facts
        Gain, saturation and unit of the frame.
    start : tuple of float or None
        The place before this one, of keys that need two.
    """

    pixels: NDArray[Any]
    x: float
    y: float
    name: str = ""
    first: tuple[int, int] = (1, 1)
    settings: Settings = field(default_factory=Settings)
    facts: Facts = field(default_factory=Facts)
    start: tuple[float, float] | None = None

    @property
    def column(self) -> int:
        """Zero-based column of the pixel under the point, inside the image."""
        # Pixel n reaches from n - 0.5 to n + 0.5; round() would go to the even one at the halves.
        return int(np.clip(np.floor(self.x + 0.5) - self.first[0], 0, self.pixels.shape[1] - 1))

    @property
    def row(self) -> int:
        """Zero-based row of the pixel under the point, inside the image."""
        return int(np.clip(np.floor(self.y + 0.5) - self.first[1], 0, self.pixels.shape[0] - 1))

    def box(self, half: int, *, even: bool = False) -> Box:
        """Return the pixels up to `half` away in both directions.

        Parameters
        ----------
        half : int
            Half the side: the box has `2 * half + 1` pixels a side, or `2 * half` if `even`.
        even : bool
            Leave out the last row and column.
        """
        ny, nx = self.pixels.shape
        last = half if even else half + 1
        left, right = max(self.column - half, 0), min(self.column + last, nx)
        bottom, top = max(self.row - half, 0), min(self.row + last, ny)
        return Box(
            pixels=np.array(self.pixels[bottom:top, left:right], dtype=np.float64),
            x=np.arange(left, right) + self.first[0],
            y=np.arange(bottom, top) + self.first[1],
        )


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one press of a key measured.

    Attributes
    ----------
    values : mapping of str to number
        The measured quantities; they become a row of the window's table.
    text : str
        What is printed at the prompt; made from `values` when empty.
    warning : str
        Why the quantities may mean nothing; printed behind them.
    """

    values: Mapping[str, float | int] = field(default_factory=dict)
    text: str = ""
    warning: str = ""

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        found = self.text or "  ".join(f"{k} {v:.6g}" for k, v in self.values.items())
        return f"{found}  ({self.warning})" if self.warning else found
