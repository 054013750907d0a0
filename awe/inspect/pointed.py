"""What a window does with pointers: shows where those of other programs are, and tells of its own.

Places are on the sky, so that each program may show another frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.errors import ArgumentError
from awe.inspect.marked import Marked

if TYPE_CHECKING:
    from awe.inspect.sight import Sight

__all__ = ["Pointed"]

COLOUR = "#ffd400"


class Pointed(Marked):
    """The part of a window that follows pointers."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._cross: Any = None
        self._following: int | None = None
        self._told: Callable[[float, float], None] = lambda ra, dec: None

    def point(self, ra: float, dec: float) -> None:
        """Show a place on the sky: a cross, in the middle if a part is shown that lacks it.

        Parameters
        ----------
        ra, dec : float
            Right ascension and declination [deg].
        """
        sky = self._sights[0].facts.sky
        if sky is None:
            return
        x, y = (float(one) for one in sky.pixels(np.asarray(ra), np.asarray(dec)))
        axes = self._picture.axes
        if self._cross is not None:
            self._cross.remove()
            self._cross = None
        if self._sights[0].contains(x, y):
            (self._cross,) = axes.plot(x, y, "+", color=COLOUR, ms=24, mew=1.5, zorder=5,
                                       scalex=False, scaley=False)  # fmt: skip
            (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
            if not (left < x < right and low < y < high):
                half_x, half_y = (right - left) / 2, (high - low) / 2
                self._picture.view(x - half_x, x + half_x, y - half_y, y + half_y)
        self._figure.canvas.draw_idle()

    def _put(self, which: int, sight: Sight) -> None:
        super()._put(which, sight)
        if which == 0 and self._cross is not None:
            self._cross.remove()
            self._cross = None

    def follow(self, told: Callable[[float, float], None] | None) -> None:
        """Tell of the places under the pointer from now on; None ends it.

        Parameters
        ----------
        told : callable or None
            Gets right ascension and declination [deg].

        Raises
        ------
        ArgumentError
            The frame has no coordinates of the sky.
        """
        if told is not None and self._sights[0].facts.sky is None:
            msg = f"{self._sights[0].name} has no coordinates of the sky, which pointers follow"
            raise ArgumentError(msg)
        if self._following is not None:
            self._figure.canvas.mpl_disconnect(self._following)
            self._following = None
        if told is not None:
            self._told = told
            self._following = self._figure.canvas.mpl_connect("motion_notify_event", self._moved)

    def _moved(self, event: Any) -> None:
        sky = self._sights[0].facts.sky
        if event.inaxes is self._picture.axes and sky is not None:
            place = sky.places(np.asarray(event.xdata), np.asarray(event.ydata))
            self._told(*(float(one) for one in place))
