"""The one table of hot-keys: which key does what, and where the code is.

Help texts, the `?` key and the window's dispatch are derived from `KEYS`. A tool is named by a
string and imported when its key is first pressed, so reading this table loads nothing heavy.
Tools that act on pixels take a `Spot` and a function that gives an empty figure; commands act
on the window itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from awe.lazy import resolve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from awe.inspect.spot import Reading, Spot

__all__ = ["KEYS", "Key", "help_text", "used"]


@dataclass(frozen=True, kw_only=True)
class Key:
    """One hot-key.

    Attributes
    ----------
    key : str
        The character, as matplotlib reports it.
    target : str
        `"package.module:function"`, called with the pointer's place; or `"window:method"`,
        a method of the window itself.
    title : str
        Short name, used as the title of plots.
    doc : str
        What the key does, in one line.
    places : int
        How many places it needs: a key of two is pressed at both.
    """

    key: str
    target: str
    title: str
    doc: str
    places: int = 1

    @property
    def of_window(self) -> bool:
        """True where the key acts on the window and needs no pixel under the pointer."""
        return self.target.startswith("window:")


_DECLARED = (
    Key(
        key="w",
        target="awe.inspect.surfaces:wireframe",
        title="wire-frame",
        doc="3-D wire-frame of the pixel values around the pointer",
    ),
    Key(
        key="s",
        target="awe.inspect.surfaces:surface",
        title="surface",
        doc="3-D filled surface of the pixel values around the pointer",
    ),
    Key(
        key="e",
        target="awe.inspect.surfaces:contour",
        title="contours",
        doc="contours of the pixel values around the pointer",
    ),
    Key(
        key="l",
        target="awe.inspect.cuts:line",
        title="line",
        doc="pixel values along the line (row) through the pointer",
    ),
    Key(
        key="c",
        target="awe.inspect.cuts:column",
        title="column",
        doc="pixel values along the column through the pointer",
    ),
    Key(
        key="h",
        target="awe.inspect.cuts:histogram",
        title="histogram",
        doc="histogram of the pixel values around the pointer",
    ),
    Key(
        key="a",
        target="awe.inspect.aperture:aperture",
        title="aperture",
        doc="aperture photometry of the object under the pointer, its shape, sky and peak",
    ),
    Key(
        key=",",
        target="awe.inspect.aperture:quick",
        title="quick photometry",
        doc="the same in a short line: flux, magnitude, S/N, FWHM",
    ),
    Key(
        key="r",
        target="awe.inspect.aperture:radial_profile",
        title="radial profile",
        doc="radial profile of the object under the pointer: centroid, FWHM, flux",
    ),
    Key(
        key=".",
        target="awe.inspect.aperture:profile_numbers",
        title="profile",
        doc="the numbers of the radial profile without its plot",
    ),
    Key(
        key="G",
        target="awe.inspect.aperture:growth",
        title="curve of growth",
        doc="curve of growth: the light within a radius against the radius",
    ),
    Key(
        key="j",
        target="awe.inspect.gaussians:along_line",
        title="Gaussian along the line",
        doc="Gaussian fitted along the lines through the pointer",
    ),
    Key(
        key="k",
        target="awe.inspect.gaussians:along_column",
        title="Gaussian along the column",
        doc="Gaussian fitted along the columns through the pointer",
    ),
    Key(
        key="d",
        target="awe.inspect.spans:centre_of_mass",
        title="centre of mass",
        doc="centre of mass of the light near the pointer",
    ),
    Key(
        key="b",
        target="awe.inspect.spans:box_region",
        title="box",
        doc="box between two corners, pressed at both: its section and statistics",
        places=2,
    ),
    Key(
        key="v",
        target="awe.inspect.spans:vector",
        title="vector",
        doc="cut along a vector, pressed at both ends",
        places=2,
    ),
    Key(
        key="u",
        target="awe.inspect.spans:centred_vector",
        title="centred vector",
        doc="cut along a vector, pressed at its middle and one end",
        places=2,
    ),
    Key(
        key="m",
        target="awe.inspect.photometry:statistics",
        title="statistics",
        doc="statistics of the pixels in a box around the pointer",
    ),
    Key(
        key="x",
        target="awe.inspect.photometry:pixel_value",
        title="pixel",
        doc="value of the pixel under the pointer",
    ),
    Key(
        key="y",
        target="awe.inspect.spans:offsets",
        title="offsets",
        doc="distance from the place of the last y, which becomes the new origin",
    ),
    Key(
        key="z",
        target="awe.inspect.photometry:values",
        title="values",
        doc="the 10 x 10 pixel values around the pointer",
    ),
    Key(
        key="f",
        target="window:flags",
        title="flags",
        doc="reason bits over the picture, each in its colour, and away again",
    ),
    Key(
        key="g",
        target="window:compass",
        title="compass",
        doc="north, east and a grid of coordinates over the picture, and away again",
    ),
    Key(
        key="o",
        target="window:overplot",
        title="overplot",
        doc="draw the next plot over the last one of its kind",
    ),
    Key(
        key=":",
        target="window:settings",
        title="settings",
        doc="list the settings; type their names and values behind it, such as :radius 5",
    ),
    Key(
        key="i",
        target="window:next_stretch",
        title="stretch",
        doc="next stretch: linear, log, sqrt, asinh",
    ),
    Key(
        key="Z",
        target="window:next_range",
        title="range",
        doc="next display range: sigma, zscale, percentile, full",
    ),
    Key(key="C", target="window:next_colours", title="colours", doc="next colour map"),
    Key(key="+", target="window:larger", title="larger", doc="zoom in about the pointer"),
    Key(key="-", target="window:smaller", title="smaller", doc="zoom out about the pointer"),
    Key(key="0", target="window:all_of_it", title="all", doc="the whole image"),
    Key(
        key="enter",
        target="window:open_chip",
        title="open",
        doc="open the chip under the pointer, in a mosaic; a click does the same",
    ),
    Key(
        key="n",
        target="window:following",
        title="next",
        doc="next frame of the query or list, at the same place in the same way",
    ),
    Key(
        key="p",
        target="window:preceding",
        title="previous",
        doc="the frame before, of the query or list",
    ),
    Key(
        key="B",
        target="window:blink",
        title="blink",
        doc="the other of two frames at the same place of the sky, and back",
    ),
    Key(
        key="W",
        target="window:other_plane",
        title="weight",
        doc="weight in the place of the image, then the variance, then the image again",
    ),
    Key(
        key="t",
        target="window:cut_out",
        title="cutout",
        doc="write what is around the pointer to a FITS file, with all planes; size: :t 100",
    ),
    Key(
        key="R",
        target="window:circle",
        title="circle",
        doc="draw a circle around the pointer, a region; its radius: :region 10",
    ),
    Key(
        key="X",
        target="window:rectangle",
        title="square",
        doc="draw a square around the pointer, a region",
    ),
    Key(
        key="U",
        target="window:undo_region",
        title="undo",
        doc="take the region away that was drawn last",
    ),
    Key(
        key="S",
        target="window:save",
        title="save",
        doc="save the window under the pointer as a PNG file in the working directory",
    ),
    Key(key="?", target="window:show_help", title="help", doc="list the hot-keys"),
    Key(
        key="q",
        target="window:quit",
        title="quit",
        doc="close the window under the pointer",
    ),
)

KEYS: dict[str, Key] = {entry.key: entry for entry in _DECLARED}
"""Every hot-key, in the order in which help lists them."""


def help_text() -> str:
    """Return the table of hot-keys as lines of text, one key each."""
    return "\n".join(f"{entry.key}  {entry.doc}" for entry in KEYS.values())


def used(entry: Key, spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Return what the tool of a key measures at a place.

    Numbers beyond what a float holds become infinite or NaN without a word of numpy's.

    Parameters
    ----------
    entry : Key
        A key that measures.
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    import numpy as np

    with np.errstate(all="ignore"):
        reading: Reading = resolve(entry.target)(spot, figure)
    return reading
