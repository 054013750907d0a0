"""Chips of a mosaic in its window: names, outlines, the pointer's place on a chip, the choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.patches import PathPatch
from matplotlib.path import Path

from awe.errors import ArgumentError
from awe.inspect.mosaic import Tile

if TYPE_CHECKING:
    from awe.inspect.picture import Picture

__all__ = ["Tiles"]

#: Pixels of the screen the mouse may move in a click.
STILL = 3
#: Colours of what is between the chips, and of their names.
BETWEEN, INK = "#e4e7ea", "#ffd166"


class Tiles:
    """The chips of one mosaic.

    Parameters
    ----------
    picture : Picture
        The mosaic in its axes.
    tiles : sequence of Tile
        Where the chips are.
    chosen : callable
        Told the name of the chip that was clicked.
    """

    def __init__(
        self, picture: Picture, tiles: Sequence[Tile], chosen: Callable[[str], None]
    ) -> None:
        self._picture = picture
        self._tiles = tiles
        self._chosen = chosen
        self._down: tuple[float, float] | None = None
        self._plain = picture.readout
        axes = picture.axes
        self._labels = axes.get_xlabel(), axes.get_ylabel()
        axes.format_coord = self.readout  # type: ignore[method-assign]
        self._artists: list[Any] = [axes.add_patch(self._between())]
        block = abs(tiles[0].x[1])
        if block != 1:
            axes.set_xlabel(f"x [blocks of {block:.4g} pixels]")
            axes.set_ylabel(f"y [blocks of {block:.4g} pixels]")
        for tile in tiles:
            left, _, _, high = tile.edges
            name = axes.annotate(
                tile.name, (left, high), (3, -3), textcoords="offset points", fontsize=6,
                color=INK, va="top", clip_on=True, zorder=3, annotation_clip=True,
                bbox={"facecolor": "black", "alpha": 0.45, "pad": 1.0, "edgecolor": "none"},
            )  # fmt: skip
            self._artists.append(name)
        figure: Any = axes.get_figure(root=True)
        self._canvas = figure.canvas
        self._heard = (
            self._canvas.mpl_connect("button_press_event", self._press),
            self._canvas.mpl_connect("button_release_event", self._release),
        )

    def remove(self) -> None:
        """Take names and outlines away: another image is shown."""
        for artist in self._artists:
            artist.remove()
        for number in self._heard:
            self._canvas.mpl_disconnect(number)
        axes = self._picture.axes
        axes.set_xlabel(self._labels[0])
        axes.set_ylabel(self._labels[1])
        axes.format_coord = self._plain  # type: ignore[method-assign]

    def _between(self) -> PathPatch:
        """Return what hides the space between the chips, where there are no pixels."""
        left, right, low, high = self._picture.limits
        around = [(left, low), (right, low), (right, high), (left, high), (left, low)]
        places, codes = around, [Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY]
        for tile in self._tiles:  # the other way round: a hole
            x0, x1, y0, y1 = tile.edges
            places = [*places, (x0, y0), (x0, y1), (x1, y1), (x1, y0), (x0, y0)]
        path = Path(places, codes * (len(self._tiles) + 1))
        return PathPatch(path, facecolor=BETWEEN, edgecolor="none", zorder=1.5)

    def at(self, x: float, y: float) -> Tile | None:
        """Return the chip at a place of the image, or None between them.

        Parameters
        ----------
        x, y : float
            FITS pixel coordinates of the image.
        """
        return next((tile for tile in self._tiles if tile.holds(x, y)), None)

    def readout(self, x: float, y: float) -> str:
        """Return chip, pixel of its frame and value at a place, for the status line.

        Parameters
        ----------
        x, y : float
            FITS pixel coordinates of the image.
        """
        tile = self.at(x, y)
        if tile is None:
            return "between the chips"
        told = self._plain(x, y).partition("  value")
        here = tile.on_chip(x, y)
        return f"{tile.name}  x {here[0]:.0f}  y {here[1]:.0f}{told[1]}{told[2]}"

    def choose(self, x: float, y: float) -> None:
        """Choose the chip at a place of the image.

        Parameters
        ----------
        x, y : float
            FITS pixel coordinates of the image.

        Raises
        ------
        ArgumentError
            There is no chip.
        """
        tile = self.at(x, y)
        if tile is None:
            msg = f"({x:.0f}, {y:.0f}) is between the chips; point at the chip to open"
            raise ArgumentError(msg)
        self._chosen(tile.name)

    def _press(self, pressed: Any) -> None:
        mine = pressed.inaxes is self._picture.axes and pressed.button == 1
        free = not self._canvas.widgetlock.locked()
        self._down = (pressed.x, pressed.y) if mine and free else None

    def _release(self, released: Any) -> None:
        down, self._down = self._down, None
        if down is None or released.button != 1 or released.inaxes is not self._picture.axes:
            return
        if max(abs(released.x - down[0]), abs(released.y - down[1])) > STILL:
            return
        tile = self.at(released.xdata, released.ydata)
        if tile is not None:
            self._chosen(tile.name)
