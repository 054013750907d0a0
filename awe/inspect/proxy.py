"""A window in the viewer, as the prompt holds it: told what to do, and given what is measured."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from awe.errors import ArgumentError
from awe.inspect.facts import written
from awe.inspect.inspection import Inspection
from awe.inspect.shared import shared
from awe.inspect.spot import Reading
from awe.inspect.viewer import Viewer
from awe.terminal import harmless

__all__ = ["Remote"]


class Remote(Inspection):
    """The window of an image, in the viewer.

    Parameters
    ----------
    viewer : Viewer
        The process that opens it.
    pixels : ndarray, shape (ny, nx) or (ny, nx, 3)
        The image; not modified. The viewer gets a copy of its own.
    name : str
        Title of the window.
    about : mapping
        The other arguments of the window, as JSON knows them.
    chosen : callable, optional
        Told the name of a chip of a mosaic that is to be opened.

    Raises
    ------
    UserMistake
        The window cannot be opened as it was wanted.
    """

    def __init__(
        self,
        viewer: Viewer,
        pixels: NDArray[Any],
        *,
        name: str,
        about: Mapping[str, Any],
        chosen: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(harmless(name, lines=False), about.get("unit", ""))
        self._chosen = chosen
        self._viewer = viewer
        self._closed = threading.Event()
        about = {**about, "header": written(about.get("header"))}
        file, layout = shared(pixels)
        try:
            self._number = viewer.open(self, [file], {"name": name, "layout": layout, **about})
        finally:
            os.close(file)

    def _press(self, key: str, x: float, y: float) -> Reading | None:
        reading = self._ask("press", key=key, x=float(x), y=float(y))["reading"]
        return None if reading is None else Reading(**reading)

    def set(self, name: str, *values: float) -> None:
        """Change a setting of the hot-keys; see `Inspection.set`."""
        self._ask("set", name=name, values=[*values])

    def show(self, *, block: bool) -> None:
        """Wait until the window is closed, if that is wanted; it is on the screen.

        Parameters
        ----------
        block : bool
            Return only when the window has been closed.
        """
        if block:
            self._closed.wait()

    def save(self, target: str | Path | None = None) -> None:
        """Write the image to a file, or as PNG to the working directory; say where.

        Parameters
        ----------
        target : str or Path, optional
            The file; its ending says of what kind. Without it a name is made from the frame's.
        """
        self._ask("save", target=None if target is None else str(target))

    def close(self) -> None:
        """Close the window and the plots made from it."""
        if not self._closed.is_set():
            self._ask("close")
            self._closed.wait()

    def keep(self, row: dict[str, Any]) -> None:
        """Take up a measurement.

        Parameters
        ----------
        row : dict
            A row of the table.
        """
        self._made.add(row)

    def choose(self, name: str) -> None:
        """Hear that a chip of a mosaic is to be opened.

        Parameters
        ----------
        name : str
            Name of the chip.
        """
        if self._chosen is not None:
            self._chosen(name)

    def gone(self) -> None:
        """Hear that the window is closed."""
        self._closed.set()

    def _ask(self, do: str, **about: Any) -> dict[str, Any]:
        if self._closed.is_set():
            msg = f"the window of {self.name} is closed; inspect() opens another"
            raise ArgumentError(msg)
        return self._viewer.ask(do, window=self._number, **about)
