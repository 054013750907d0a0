"""The one table of hot-keys: which key does what, and where the code is.

Help texts, the `?` key and the window's dispatch are derived from `KEYS`. A tool is named by a
string and imported when its key is first pressed, so reading this table loads nothing heavy.
Tools that act on pixels take a `Spot` and a function that gives an empty figure; commands act
on the window itself.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["KEYS", "Key", "help_text"]


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
    """

    key: str
    target: str
    title: str
    doc: str

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
        key="r",
        target="awe.inspect.photometry:radial_profile",
        title="radial profile",
        doc="radial profile of the object under the pointer: centroid, FWHM, flux",
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
        key="z",
        target="awe.inspect.photometry:values",
        title="values",
        doc="the 10 x 10 pixel values around the pointer",
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
