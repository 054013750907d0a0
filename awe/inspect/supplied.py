"""Keys for which a window needs something that only the prompt has: another frame, a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from awe.errors import ArgumentError
from awe.inspect.compared import Compared

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from awe.inspect.keysettings import Settings
    from awe.inspect.picture import RangeNow
    from awe.inspect.reel import Reel
    from awe.inspect.sight import Sight

__all__ = ["Supplied"]


class Supplied(Compared):
    """The part of a window that asks for other images and shows them."""

    _reel: Reel | None
    _settings: Settings
    _place: tuple[float, float] | None = None
    _note: Callable[[str], None]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        #: which plane is shown of each frame
        self._planes: dict[int, str] = {}
        #: the image whose plane is shown, and how it was shown
        self._kept: dict[int, tuple[Sight, RangeNow]] = {}

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
        which = self._panel.which
        self._want("plane", after=self._planes.get(which, "image"), which=which)

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
        x, y = self._picture.own(*(self._place or self._hand.pointer()))
        sight = self._panel.sight
        if not sight.contains(x, y):
            msg = f"({x:g}, {y:g}) is not on {sight.name}; expected {sight.bounds}"
            raise ArgumentError(msg)
        self._want("cut", x=x, y=y, size=self._settings.cutout, which=self._panel.which)

    def take(self, sight: Sight, text: str, plane: str = "image", which: int = 0) -> None:
        """Show another image at the same place, in the same way, and say a line.

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
            if which not in self._kept:
                self._kept[which] = (self._sights[which], self._picture.range_now())
            self._picture.own_range()
        elif which in self._kept:
            self._picture.put_range(self._kept.pop(which)[1])
        self._planes[which] = plane
        self._put(which, sight)
        self._before.clear()
        manager = self._figure.canvas.manager
        if manager is not None:
            manager.set_window_title(sight.name)
        self._tell(text)

    def back(self, which: int = 0) -> None:
        """Show the image whose plane is shown, as it was shown.

        Parameters
        ----------
        which : int
            Which of the frames that are compared.
        """
        if which in self._kept:
            sight = self._kept[which][0]
            self.take(sight, sight.name, which=which)
