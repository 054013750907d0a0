"""What `inspect()` gives back, wherever the window is: its measurements, and what it can be told.

The window may be in this process or in another one; whoever holds one of these need not know.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from awe.inspect import said
from awe.inspect.measurements import Measured
from awe.inspect.spot import Reading

__all__ = ["Inspection"]


class Inspection(Measured, ABC):
    """An image on the screen and what was measured on it.

    Parameters
    ----------
    name : str
        Title of the window.
    unit : str
        Unit of the pixels.

    Attributes
    ----------
    table : astropy.table.Table
        One row for every measurement made with a hot-key: key, x, y and the quantities.
    """

    @abstractmethod
    def set(self, name: str, *values: float) -> None:
        """Change a setting of the hot-keys, as `:radius 5` in the window does.

        Parameters
        ----------
        name : str
            Name of the setting: radius, buffer, width, magzero, box, average, x, y, ...
        *values : float
            Its value, two for the limits of an axis; none: as at first.

        Raises
        ------
        ArgumentError
            There is no such setting, or its value is not a number in its range.
        """

    def press(self, key: str, x: float, y: float) -> Reading | None:
        """Do what a hot-key does at a place, as if it had been pressed there.

        Parameters
        ----------
        key : str
            One of the hot-keys.
        x, y : float
            FITS pixel coordinates.

        Raises
        ------
        ArgumentError
            There is no such key, or the place is not on the image.
        """
        reading = self._press(key, x, y)
        said.reading = reading
        return reading

    @abstractmethod
    def _press(self, key: str, x: float, y: float) -> Reading | None:
        """Press a key and print what it says."""

    @abstractmethod
    def show(self, *, block: bool) -> None:
        """Bring the window to the screen, or write it to a file if there is no screen.

        Parameters
        ----------
        block : bool
            Return only when the window has been closed.
        """

    @abstractmethod
    def save(self, target: str | Path | None = None) -> None:
        """Write the image to a file, or as PNG to the working directory; say where.

        Parameters
        ----------
        target : str or Path, optional
            The file; its ending says of what kind. Without it a name is made from the frame's.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the window and the plots made from it."""

    def __repr__(self) -> str:
        return f"<inspect {self.name}: {len(self._made)} measurements in .table>"
