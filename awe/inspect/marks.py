"""Regions and places of tables over a picture; files of regions are those of DS9.

The library `regions` reads and writes them. Regions in coordinates of the sky are drawn anew when
another frame is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.errors import ArgumentError
from awe.inspect.ds9regions import flat, parsed
from awe.lazy import resolve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from awe.inspect.sight import Sight

__all__ = ["Marks"]

#: Most regions that are drawn; a table has any number of places.
MOST = 5000
COLOUR = "#39d353"


class Marks:
    """What is drawn over one window's pictures."""

    def __init__(self) -> None:
        self._regions: list[Any] = []
        self._tables: list[tuple[str, Any, Any]] = []
        self._drawn: list[Any] = []

    def read(self, text: str, header: Any = MappingProxyType({})) -> str:
        """Take up regions, and return one line about them.

        Parameters
        ----------
        text : str
            Regions in the format of DS9.
        header : Header or mapping
            Header of the frame: where it is on its detector.

        Raises
        ------
        ArgumentError
            There is none in it that can be drawn.
        """
        found, doubts = parsed(text, header)
        if not found or len(self._regions) + len(found) > MOST:
            msg = f"{len(found)} regions in the format of DS9 were found; expected 1 to {MOST}"
            raise ArgumentError(msg)
        self._regions += found
        left = f", {len(doubts)} are not: {doubts[0][:80]}" if doubts else ""
        return f"{len(found)} regions are drawn{left}"

    def add(self, text: str) -> None:
        """Take up one region of this program's own.

        Parameters
        ----------
        text : str
            Its shape in FITS pixels, such as "circle(3,4,5)".
        """
        self.read(f"image\n{text}")

    def places(self, kind: str, first: Sequence[float], second: Sequence[float]) -> None:
        """Take up places of a table.

        Parameters
        ----------
        kind : str
            "sky" for right ascension and declination [deg], "pixel" for FITS pixels.
        first, second : sequence of float
            Coordinates.
        """
        self._tables.append((kind, np.asarray(first, float), np.asarray(second, float)))

    def undo(self) -> None:
        """Forget the region that was drawn last."""
        if self._regions:
            self._regions.pop()

    def clear(self) -> None:
        """Forget everything."""
        self._regions, self._tables = [], []

    def text(self, sight: Sight, *, sky: bool) -> str:
        """Return the regions in the format of DS9.

        Parameters
        ----------
        sight : Sight
            The frame they are on.
        sky : bool
            In coordinates of the sky; otherwise as they were made.

        Raises
        ------
        ArgumentError
            The frame has no coordinates.
        """
        written = self._regions
        if sky:
            wcs = self._wcs(sight)
            if wcs is None:
                msg = f"{sight.name} has no coordinates of the sky; leave out sky=True"
                raise ArgumentError(msg)
            written = [one.to_sky(wcs) if hasattr(one, "to_sky") else one for one in written]
        text: str = resolve("regions:Regions")(written).serialize(format="ds9")
        return text

    def draw(self, every: Sequence[Axes], sight: Sight) -> str:
        """Draw everything anew, and return a line about what cannot be drawn.

        Parameters
        ----------
        every : sequence of Axes
            Axes with the coordinates of a frame.
        sight : Sight
            The frame.
        """
        line = resolve("regions:LinePixelRegion") if self._regions else ()
        for artist in self._drawn:
            artist.remove()
        self._drawn, wcs = [], self._wcs(sight)
        lost = 0
        for axes in every:
            for one in self._regions:
                if hasattr(one, "to_pixel") and wcs is None:
                    lost += 1
                    continue
                here = flat(one, wcs)
                artist = here.as_artist(origin=(-1, -1))  # its first pixel is 0, that of FITS 1
                if isinstance(here, line):  # the one shape that does not heed origin
                    artist.set_data(*(np.asarray(artist.get_data()) + 1))
                artist.set_zorder(4)
                if not one.meta.get("include", True) and hasattr(artist, "set_linestyle"):
                    artist.set_linestyle("--")
                artist.set_clip_path(axes.patch)
                self._drawn.append(axes.add_artist(artist))
                label = str(one.meta.get("text", ""))
                if label:
                    box = here.bounding_box
                    self._drawn.append(axes.text(
                        (box.ixmin + box.ixmax) / 2 + 1, box.iymax + 1, label, color=COLOUR,
                        fontsize=7, ha="center", va="bottom", clip_on=True, zorder=4,
                    ))  # fmt: skip
            for kind, first, second in self._tables:
                x, y = first, second
                if kind == "sky":
                    if sight.facts.sky is None:
                        lost += first.size
                        continue
                    x, y = sight.facts.sky.pixels(first, second)
                (places,) = axes.plot(x, y, "o", mfc="none", mec=COLOUR, ms=9, mew=1, zorder=4,
                                    scalex=False, scaley=False)  # fmt: skip
                self._drawn.append(places)
        return f"{lost} are not drawn, {sight.name} has no coordinates of the sky" if lost else ""

    def _wcs(self, sight: Sight) -> Any:
        return None if sight.facts.sky is None else sight.facts.sky.wcs
