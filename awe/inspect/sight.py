"""What a window shows of one frame: its pixels, and what has to be known to show and measure them.

A window can exchange it for another: the next frame of a query, a weight, the other of two frames
that are compared.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from awe import fits
from awe.errors import ArgumentError
from awe.inspect.facts import Facts, facts_of
from awe.inspect.source import Source, source_of
from awe.lazy import resolve
from awe.terminal import harmless

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.inspect.mosaic import Tile
    from awe.inspect.pyramid import Pyramid

__all__ = ["Sight", "sight_of"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sight:
    """An image on the screen.

    Attributes
    ----------
    pixels : ndarray, shape (ny, nx) or (ny, nx, 3)
        The image; never modified.
    name : str
        Title.
    caption : str
        What the header says about the exposure.
    first : tuple of int
        FITS pixel coordinates (x, y) of `pixels[0, 0]`.
    header : Header or mapping
        Gain, saturation and place on the sky.
    unit : str
        What the pixels are measured in; empty where nobody knows, or in nothing.
    path : str
        File of the frame, where its reason bits are; empty for arrays.
    tiles : tuple of Tile
        The chips, where the image is a mosaic.
    """

    pixels: NDArray[Any]
    name: str
    caption: str = ""
    first: tuple[int, int] = (1, 1)
    header: Any = field(default_factory=dict, repr=False)
    unit: str = ""
    path: str = ""
    tiles: tuple[Tile, ...] = ()

    @functools.cached_property
    def facts(self) -> Facts:
        """What the header tells about the pixels."""
        return facts_of(self.header or {}, self.unit)

    @functools.cached_property
    def grey(self) -> NDArray[Any]:
        """One value for each pixel, shape (ny, nx); of colours their mean."""
        return self.pixels if self.pixels.ndim == 2 else self.pixels.mean(axis=2)

    @functools.cached_property
    def pyramids(self) -> list[Pyramid]:
        """The levels of its plane, or of those of red, green and blue; made when looked at."""
        made = resolve("awe.inspect.pyramid:Pyramid")  # it loads numpy
        if self.pixels.ndim == 2:
            return [made(self.pixels)]
        return [made(self.pixels[..., colour]) for colour in range(3)]

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, right, lower and upper edge, in FITS pixel coordinates."""
        ny, nx = self.pixels.shape[:2]
        # The centre of a pixel has the whole number, its edges the halves (FITS 4.0, 8.1).
        left, low = self.first[0] - 0.5, self.first[1] - 0.5
        return left, left + nx, low, low + ny

    def contains(self, x: float, y: float) -> bool:
        """Return whether a place is on the image.

        Parameters
        ----------
        x, y : float
            FITS pixel coordinates.
        """
        left, right, low, high = self.edges
        return bool(left <= x < right and low <= y < high)

    @property
    def bounds(self) -> str:
        """The coordinates it has, as text."""
        ny, nx = self.pixels.shape[:2]
        fx, fy = self.first
        return f"x {fx} to {fx + nx - 1}, y {fy} to {fy + ny - 1}"


def sight_of(
    frame: Any,
    *,
    pixels: Any = None,
    zone: tuple[int, int, int, int] | None = None,
    extension: int | str | None = None,
    plane: int | None = None,
) -> Sight:
    """Return what a window shows of a frame.

    Parameters
    ----------
    frame : frame, path, CCDData or ndarray
        As for `inspect`.
    pixels : ndarray, optional
        Pixels to show in the place of the frame's.
    zone : (x0, y0, x1, y1), optional
        Part to show, in FITS pixel coordinates, both corners included.
    extension : int or str, optional
        Number or name of the extension of a file.
    plane : int, optional
        Plane of a cube, from 1.

    Raises
    ------
    UserMistake
        It is nothing that can be shown.
    """
    shown = source_of(frame, extension, pixels=pixels, plane=plane)
    image, first = _cut(shown.pixels, zone)
    return Sight(
        pixels=image,
        name=harmless(shown.name, lines=False),
        caption=_caption(shown),
        first=first,
        header=shown.header,
        unit=shown.unit,
        path="" if pixels is not None else shown.path,
        tiles=tuple(getattr(frame, "tiles", ())) if pixels is None else (),
    )


def _cut(
    image: NDArray[Any], zone: tuple[int, int, int, int] | None
) -> tuple[NDArray[Any], tuple[int, int]]:
    if zone is None:
        return image, (1, 1)
    ny, nx = image.shape[:2]
    try:
        x0, y0, x1, y1 = (int(value) for value in zone)
    except (TypeError, ValueError):
        x0 = y0 = x1 = y1 = 0
    if not (1 <= x0 <= x1 <= nx and 1 <= y0 <= y1 <= ny):
        expected = f"(x0, y0, x1, y1) within (1, 1, {nx}, {ny})"
        msg = f"zone {zone} is not on the image; expected {expected}"
        raise ArgumentError(msg)
    return image[y0 - 1 : y1, x0 - 1 : x1], (x0, y0)


def _caption(shown: Source) -> str:
    """Return one line about the exposure: what is stored of it, else what the header has."""
    units: Mapping[str, str] = {"EXPTIME": " s"}
    names = ("OBJECT", "FILTER", "EXPTIME", "DATE-OBS")
    values = {name: fits.value_of(shown.header, name, "") for name in names}
    values["OBJECT"] = shown.observed or values["OBJECT"]
    found = [f"{value}{units.get(name, '')}" for name, value in values.items() if value != ""]
    return harmless("   ".join(found), lines=False)
