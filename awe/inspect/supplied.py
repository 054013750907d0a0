"""Keys for which a window needs something that only the prompt has: another frame, a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from awe.errors import ArgumentError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from awe.inspect.hand import Hand
    from awe.inspect.keysettings import Settings
    from awe.inspect.panel import Panel
    from awe.inspect.picture import Picture, RangeNow
    from awe.inspect.reel import Reel
    from awe.inspect.sight import Sight

__all__ = ["Supplied"]


class Supplied:
    """The part of a window that asks for other images and shows them."""

    _panel: Panel
    _reel: Reel | None
    _figure: Figure
    _picture: Picture
    _hand: Hand
    _settings: Settings
    _place: tuple[float, float] | None = None
    _plane = "image"
    #: the image whose plane is shown, and how it was shown
    _kept: tuple[Sight, RangeNow] | None = None
    _before: dict[str, tuple[float, float]]
    _note: Callable[[str], None]
    _tell: Callable[[str], None]
    name: str

    def _want(self, want: str, **about: Any) -> None:
        """Ask for something of the frames; it comes by `take`."""
        if self._reel is not None:
            self._reel.serve(self, want, **about)

    def following(self, figure: Figure) -> None:
        """Show the next frame.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._want("step", by=1)

    def preceding(self, figure: Figure) -> None:
        """Show the frame before.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._want("step", by=-1)

    def tell(self, text: str) -> None:
        """Say a line at the prompt and in the window.

        Parameters
        ----------
        text : str
            The line.
        """
        self._tell(text)

    def other_plane(self, figure: Figure) -> None:
        """Show the next plane behind the image: weight, variance, the image again.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.
        """
        self._want("plane", after=self._plane)

    def cut_out(self, figure: Figure) -> None:
        """Write the surroundings of the pointer to a FITS file.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.

        Raises
        ------
        ArgumentError
            The pointer is not over the image.
        """
        x, y = self._place or self._hand.pointer()
        sight = self._panel.sight
        if not sight.contains(x, y):
            msg = f"({x:g}, {y:g}) is not on {sight.name}; expected {sight.bounds}"
            raise ArgumentError(msg)
        self._want("cut", x=x, y=y, size=self._settings.cutout)

    def take(self, sight: Sight, text: str, plane: str = "image") -> None:
        """Show another image at the same place, in the same way, and say a line.

        Parameters
        ----------
        sight : Sight
            The image.
        text : str
            The line.
        plane : str
            Which plane of the frame it is.
        """
        if plane != "image" and self._kept is None:
            self._kept = (self._panel.sight, self._picture.range_now())
        if plane != "image":
            self._picture.own_range()
        elif self._kept is not None:
            self._picture.put_range(self._kept[1])
            self._kept = None
        self._plane = plane
        self._panel.show(sight)
        self.name = sight.name
        self._before.clear()
        manager = self._figure.canvas.manager
        if manager is not None:
            manager.set_window_title(sight.name)
        self._tell(text)

    def back(self) -> None:
        """Show the image whose plane is shown, as it was shown."""
        if self._kept is not None:
            self.take(self._kept[0], f"{self._kept[0].name}")
