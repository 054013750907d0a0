"""A window in the viewer, as the prompt holds it: told what to do, and given what is measured."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from awe.errors import ArgumentError, ServiceDown, UserMistake
from awe.inspect.facts import written
from awe.inspect.inspection import Inspection
from awe.inspect.reel import Reel
from awe.inspect.shared import shared
from awe.inspect.sight import Sight
from awe.inspect.spot import Reading
from awe.inspect.viewer import Viewer

__all__ = ["Remote"]


class Remote(Inspection):
    """The window of an image, in the viewer.

    Parameters
    ----------
    viewer : Viewer
        The process that opens it.
    sight : Sight
        The image; the viewer gets a copy of its pixels.
    reel : Reel
        Frames of which this is one.
    about : mapping
        The other arguments of the window, as JSON knows them.
    other : Sight, optional
        An image to compare with.

    Raises
    ------
    UserMistake
        The window cannot be opened as it was wanted.
    """

    def __init__(
        self,
        viewer: Viewer,
        sight: Sight,
        *,
        reel: Reel,
        about: Mapping[str, Any],
        other: Sight | None = None,
    ) -> None:
        super().__init__(sight.name, sight.unit)
        self._viewer = viewer
        self._reel = reel
        #: name of the image while a plane behind it is shown
        self._image = ""
        self._one = threading.Lock()
        self._serving: list[threading.Thread] = []
        self._closed = threading.Event()
        self._told: Callable[[float, float], None] | None = None
        shown = [sight] if other is None else [sight, other]
        with contextlib.ExitStack() as stack:
            sent = [stack.enter_context(_sent(one)) for one in shown]
            files, told = [file for file, _ in sent], [about for _, about in sent]
            self._number = viewer.open(self, files, {"sights": told, **about})

    def _press(self, key: str, x: float, y: float) -> Reading | None:
        reading = self._ask("press", key=key, x=float(x), y=float(y))["reading"]
        for thread in list(self._serving):
            thread.join()
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

    def mark(self, text: str) -> None:
        """Draw regions; see `Inspection.mark`."""
        self._ask("mark", text=text)

    def mark_places(self, kind: str, first: list[float], second: list[float]) -> None:
        """Draw places; see `Inspection.mark_places`."""
        self._ask("mark_places", kind=kind, first=first, second=second)

    def marked(self, *, sky: bool) -> str:
        """Return the regions; see `Inspection.marked`."""
        return str(self._ask("marked", sky=sky)["text"])

    def unmark(self) -> None:
        """Take all regions and places away."""
        self._ask("unmark")

    def point(self, ra: float, dec: float) -> None:
        """Show a place on the sky; see `Inspection.point`."""
        self._ask("point", ra=ra, dec=dec)

    def follow(self, told: Callable[[float, float], None] | None) -> None:
        """Tell of the places under the pointer; see `Inspection.follow`."""
        self._ask("follow", on=told is not None)
        self._told = told

    def pointed(self, ra: float, dec: float) -> None:
        """Hear where the pointer is.

        Parameters
        ----------
        ra, dec : float
            Right ascension and declination [deg].
        """
        if self._told is not None:
            self._told(ra, dec)

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
        self._reel.choose(name)

    def wanted(self, want: str, about: dict[str, Any]) -> None:
        """Get what the window needs, while the prompt and the window go on.

        Parameters
        ----------
        want : str
            Name of a method of the reel.
        about : dict
            Its arguments.
        """
        thread = threading.Thread(target=self._serve, args=(want, about), daemon=True)
        self._serving.append(thread)
        thread.start()

    def _serve(self, want: str, about: dict[str, Any]) -> None:
        # a thread for each: its connection to the database ends with it
        with self._one, contextlib.suppress(UserMistake, ServiceDown):  # it was closed meanwhile
            self._reel.serve(self, want, **about)
        self._serving.remove(threading.current_thread())

    def take(self, sight: Sight, text: str, plane: str = "image", which: int = 0) -> None:
        """Show another image, and say a line.

        Parameters
        ----------
        sight : Sight
            The image.
        text : str
            The line.
        plane : str
            Which plane of the frame it is.
        which : int
            Which of the frames that are compared.
        """
        if plane != "image":
            self._image = self._image or self.name
        else:
            self._image = ""
        with _sent(sight) as (file, told):
            self._ask("take", [file], sight=told, text=text, plane=plane, which=which)
        self.name = sight.name

    def back(self, which: int = 0) -> None:
        """Show the image whose plane is shown.

        Parameters
        ----------
        which : int
            Which of the frames that are compared.
        """
        self._ask("back", which=which)
        self.name, self._image = self._image or self.name, ""

    def tell(self, text: str) -> None:
        """Say a line at the prompt and in the window.

        Parameters
        ----------
        text : str
            The line.
        """
        self._ask("tell", text=text)

    def gone(self) -> None:
        """Hear that the window is closed."""
        self._closed.set()

    def _ask(self, do: str, files: Sequence[int] = (), **about: Any) -> dict[str, Any]:
        if self._closed.is_set():
            msg = f"the window of {self.name} is closed; inspect() opens another"
            raise ArgumentError(msg)
        return self._viewer.ask(do, files, window=self._number, **about)


@contextlib.contextmanager
def _sent(sight: Sight) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give a file with the pixels of an image, and the rest of it as JSON knows it."""
    file, layout = shared(sight.pixels)
    try:
        yield file, {
            "layout": layout,
            "first": sight.first,
            "header": written(sight.header),
            "name": sight.name,
            "caption": sight.caption,
            "unit": sight.unit,
            "path": sight.path,
            "tiles": [asdict(tile) for tile in sight.tiles],
        }
    finally:
        os.close(file)
