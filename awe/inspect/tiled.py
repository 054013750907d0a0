"""What a window does where its image is a mosaic: names of its chips, and one that is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.errors import ArgumentError
from awe.inspect.pointed import Pointed
from awe.lazy import resolve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from awe.inspect.choosing import Tiles
    from awe.inspect.sight import Sight

__all__ = ["Tiled"]


class Tiled(Pointed):
    """The part of a window that has chips to choose from."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._tiles: Tiles | None = None

    def _with_tiles(self, sight: Sight) -> None:
        """Show the chips of an image, if it is a mosaic, and not those of the one before."""
        if self._tiles is not None:
            self._tiles.remove()
            self._tiles = None
        if sight.tiles:
            made = resolve("awe.inspect.choosing:Tiles")  # it loads matplotlib
            self._tiles = made(self._picture, sight.tiles, self._choose_chip)

    def _put(self, which: int, sight: Sight) -> None:
        super()._put(which, sight)
        if which == 0:
            self._with_tiles(sight)

    def _choose_chip(self, name: str) -> None:
        """Let the frame of a chip be opened."""
        if self._reel is not None:
            self._reel.choose(name)

    def open_chip(self, figure: Figure) -> None:
        """Open the chip under the pointer, of a mosaic.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.

        Raises
        ------
        ArgumentError
            There is no chip under the pointer, or it is the only one.
        """
        if self._tiles is None:
            msg = f"{self.name} is one chip; query.inspect() shows all of an exposure to choose"
            raise ArgumentError(msg)
        self._tiles.choose(*self._hand.pointer())
