"""What can be drawn over a picture and taken away again: flags, compass and grid."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.errors import ArgumentError, UserMistake
from awe.fits import planes
from awe.inspect.compass import Compass
from awe.lazy import resolve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from awe.inspect.match import Match
    from awe.inspect.overlay import Overlay
    from awe.inspect.sight import Sight

__all__ = ["Layers", "bits_of"]


def bits_of(path: str, first: tuple[int, int], shape: tuple[int, ...]) -> NDArray[Any] | None:
    """Return the reason bits of an image; None if its file has none that fit.

    Parameters
    ----------
    path : str
        File of the frame; empty for arrays.
    first : tuple of int
        FITS pixel coordinates (x, y) of the first pixel of the image.
    shape : tuple of int
        Rows and columns of the image.
    """
    if not path or not Path(path).exists():
        return None
    try:
        plane = planes.pixels(Path(path), planes.FLAGS)
    except UserMistake:
        return None
    if plane is None or plane.dtype.kind not in "iu":
        return None
    (x, y), (ny, nx) = first, shape[:2]
    plane = plane[y - 1 : y - 1 + ny, x - 1 : x - 1 + nx]
    return plane if plane.shape == (ny, nx) else None


class Layers:
    """The layers over one picture.

    Parameters
    ----------
    sight : Sight
        The image; its header is read when a layer needs it.
    match : Match, optional
        Where the frame is, if the axes have the coordinates of another.
    """

    def __init__(self, sight: Sight, match: Match | None = None) -> None:
        self._sight = sight
        self._reference = sight if match is None else match.reference
        self._match = match
        self._flags: Overlay | None = None
        self._compass: Compass | None = None

    def taken_away(self) -> tuple[str, ...]:
        """Take all of them away, and return which there were."""
        shown = tuple(name for name in ("flags", "compass") if getattr(self, f"_{name}"))
        for name in shown:
            getattr(self, f"_{name}").remove()
            setattr(self, f"_{name}", None)
        return shown

    def draw(self, axes: Axes, names: tuple[str, ...]) -> None:
        """Draw layers, as far as the frame has them.

        Parameters
        ----------
        axes : Axes
            Axes of the picture.
        names : tuple of str
            Which.
        """
        for name in names:
            with contextlib.suppress(ArgumentError):
                getattr(self, name)(axes)

    def flags(self, axes: Axes) -> str:
        """Draw the reason bits, or take them away; return one line about them.

        Parameters
        ----------
        axes : Axes
            Axes of the picture.

        Raises
        ------
        ArgumentError
            The frame has no reason bits.
        """
        if self._flags is not None:
            self._flags.remove()
            self._flags = None
            return "flags are hidden"
        sight = self._sight
        plane = bits_of(sight.path, sight.first, sight.pixels.shape)
        if plane is None:
            msg = f"{sight.name} has no reason bits of its pixels; reduced frames and masters do"
            raise ArgumentError(msg)
        drawn = resolve("awe.inspect.overlay:Overlay")  # it loads matplotlib
        overlay: Overlay = drawn(axes, plane, sight.first, self._match)
        self._flags = overlay
        return overlay.summary()

    def compass(self, axes: Axes) -> str:
        """Draw north, east and a grid, or take them away; return one line about it.

        Parameters
        ----------
        axes : Axes
            Axes of the picture.

        Raises
        ------
        ArgumentError
            The header tells of no place on the sky.
        """
        if self._compass is not None:
            self._compass.remove()
            self._compass = None
            return "compass and grid are hidden"
        sky = self._reference.facts.sky
        if sky is None:
            name = self._sight.name
            msg = f"{name}: its header does not tell where on the sky it is (CTYPE, CRVAL)"
            raise ArgumentError(msg)
        self._compass = Compass(axes, sky)
        return f"scale {sky.scale:.4g} arcsec/pixel"
