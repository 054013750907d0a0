"""What `inspect()` gives back, wherever the window is: its measurements, and what it can be told.

The window may be in this process or in another one; whoever holds one of these need not know.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from awe.errors import ArgumentError
from awe.inspect import said, xpa
from awe.inspect.measurements import Measured
from awe.inspect.placed import places_of, tracks_of
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

    def regions(self, path: str | Path | None) -> None:
        """Draw the regions of a file in the format of DS9, or of DS9 itself.

        Parameters
        ----------
        path : str or Path or None
            The file; "ds9:" for what is drawn in DS9, "ds9:TITLE" for one of several; None takes
            all away.

        Raises
        ------
        ArgumentError
            It cannot be read, or holds no regions.
        """
        if path is None:
            self.unmark()
            return
        if str(path).startswith("ds9:") and xpa.named(str(path)) and xpa.available():
            self.mark(xpa.regions_of(str(path)))
            return
        try:
            text = Path(path).expanduser().read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            msg = f"{path} cannot be read: {error.strerror}"
            raise ArgumentError(msg) from error
        self.mark(text)

    def save_regions(self, path: str | Path, *, sky: bool = False) -> Path:
        """Write the regions to a file in the format of DS9, and return its path.

        Parameters
        ----------
        path : str or Path
            The file.
        sky : bool
            In coordinates of the sky; otherwise those of the keys are in pixels.

        Raises
        ------
        ArgumentError
            It cannot be written, or the frame has no coordinates of the sky.
        """
        target, text = Path(path).expanduser(), self.marked(sky=sky)
        try:
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            msg = f"{path} cannot be written: {error.strerror}; choose another directory"
            raise ArgumentError(msg) from error
        return target

    def overlay(self, table: Any) -> None:
        """Draw places of a table over the picture, or the satellite tracks of a reduced frame.

        Parameters
        ----------
        table : Table, mapping, structured array or frame
            With columns ra and dec [deg], or x and y [FITS pixel]; `ins.table` is one.

        Raises
        ------
        ArgumentError
            It has no such columns, and no tracks.
        """
        tracks = tracks_of(table) if hasattr(table, "filename") else ""
        if tracks:
            self.mark(tracks)
        elif hasattr(table, "filename"):
            msg = f"{table.filename} has no satellite tracks; expected a reduced frame or a table"
            raise ArgumentError(msg)
        else:
            self.mark_places(*places_of(table))

    @abstractmethod
    def mark(self, text: str) -> None:
        """Draw regions.

        Parameters
        ----------
        text : str
            Regions in the format of DS9.
        """

    @abstractmethod
    def mark_places(self, kind: str, first: list[float], second: list[float]) -> None:
        """Draw places.

        Parameters
        ----------
        kind : str
            "sky" or "pixel".
        first, second : list of float
            Coordinates.
        """

    @abstractmethod
    def marked(self, *, sky: bool) -> str:
        """Return the regions in the format of DS9.

        Parameters
        ----------
        sky : bool
            In coordinates of the sky.
        """

    @abstractmethod
    def unmark(self) -> None:
        """Take all regions and places away."""

    @abstractmethod
    def point(self, ra: float, dec: float) -> None:
        """Show a place on the sky by a cross, until another one is shown.

        Parameters
        ----------
        ra, dec : float
            Right ascension and declination [deg].
        """

    @abstractmethod
    def follow(self, told: Callable[[float, float], None] | None) -> None:
        """Tell of the places under the pointer from now on; `samp.follow` uses it.

        Parameters
        ----------
        told : callable or None
            Gets right ascension and declination [deg]; None ends it.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the window and the plots made from it."""

    def __repr__(self) -> str:
        return f"<inspect {self.name}: {len(self._made)} measurements in .table>"
