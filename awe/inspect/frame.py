"""`frame.inspect()`: the method persistent frames get by name.

Checks the arguments and opens the window. Importing this module loads no plotting library, so
`help(raw.inspect)` is instant; its text lists the hot-keys from their one table.
"""

from __future__ import annotations

import math
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from awe.errors import ArgumentError, nearest
from awe.inspect import backend, xpa
from awe.inspect import viewer as viewers
from awe.inspect.keys import help_text
from awe.inspect.reel import Later, Reel, place_in
from awe.inspect.sight import sight_of
from awe.lazy import resolve
from awe.terminal import out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.inspect.examination import Examination
    from awe.inspect.inspection import Inspection

__all__ = ["Frame", "examine", "inspect"]

#: largest side of a window [inch]
WIDEST = 100


class Frame(Protocol):
    """What `inspect` needs of a frame."""

    @property
    def filename(self) -> str:
        """Unique name of the file."""

    @property
    def pathname(self) -> str:
        """Where the file is on this machine."""

    @property
    def data(self) -> NDArray[Any]:
        """Pixels, shape (ny, nx)."""

    @property
    def header(self) -> Mapping[str, Any]:
        """Header cards."""


def inspect(
    frame: Any,
    pixels: NDArray[Any] | None = None,
    zone: tuple[int, int, int, int] | None = None,
    kappa: float | None = None,
    iterations: int = 5,
    cmap: str | None = None,
    lower: float | None = None,
    upper: float | None = None,
    interpolation: str = "nearest",
    width: float | None = None,
    ratio: float | None = None,
    viewer: str | None = None,
    block: bool | None = None,
    extension: int | str | None = None,
    plane: int | None = None,
    among: Any = None,
    blink: Any = None,
    against: Any = None,
) -> Inspection | None:
    """Show the frame in a window with single-key tools.

    The prompt goes on while the window is open. In a notebook the image is drawn in place;
    without a display it is written to a PNG file in the working directory.

    Parameters
    ----------
    frame : frame, path, CCDData, ndarray, list or query
        What to show: a frame, a FITS file ('any.fits', 'any.fits[2]'), or pixels; a list or a
        query of these is walked through with `n` and `p`.
    pixels : ndarray, shape (ny, nx) or (ny, nx, 3), optional
        Show these instead of the frame's own pixels.
    zone : (x0, y0, x1, y1), optional
        Show this part only: FITS pixel coordinates, both corners included.
    kappa : float, optional
        Display range in standard deviations round the median; 0 shows the full range. Default: the
        way chosen last, at first 4.
    iterations : int
        How often outliers are clipped before the standard deviation is taken.
    cmap : str, optional
        Name of a matplotlib colour map; default: the one chosen last, at first "gray".
    lower, upper : float, optional
        Ends of the display range, in the unit of the pixels; they override `kappa`.
    interpolation : str
        "nearest", "bilinear", ... as matplotlib knows them.
    width : float, optional
        Width of the window [inch]; default: what fits on a screen.
    ratio : float, optional
        Width divided by height of the window; default: that of the image.
    viewer : str, optional
        "browser" for windows in a page whose address is printed; "ds9" shows the frame in DS9, the
        one that is open or a new one, with its flags and tracks as regions ("ds9:TITLE" for one of
        several); else the command of another program to open the file with.
    block : bool, optional
        Wait until the window is closed; default: only where no prompt is waiting.
    extension : int or str, optional
        Number or name of the extension of the file to show; default: the first image.
    plane : int, optional
        Plane of a cube to show, from 1; default: the first.
    among : list or query, optional
        Frames, of which this is one, to walk through with `n` and `p`.
    blink : frame, path, CCDData or ndarray, optional
        A frame to compare with: `B` shows it at the same place of the sky, or of the pixels
        where one of the two has no coordinates.
    against : frame, path, CCDData or ndarray, optional
        A frame to show next to this one, at the same place; `inspect(a, b)` does the same.

    Returns
    -------
    Inspection
        Its `table` holds what the hot-keys measured; None for an external viewer.

    Raises
    ------
    ArgumentError
        The zone is not on the image, or a name is unknown.

    Notes
    -----
    Hot-keys, pressed with the pointer over the image:

    {keys}
    """
    frames, place = _several(frame, among)
    frame = frames[place]
    pixels, against = _second(frame, pixels, against)
    browser = viewer == "browser" or (viewer is None and backend.browser_wanted())
    if viewer is not None and not browser:
        if xpa.named(viewer) and xpa.available():
            sight = sight_of(frame, pixels=pixels, zone=zone, extension=extension, plane=plane)
            out(resolve("awe.inspect.ds9:show")(viewer, frame, sight) + "\n")
        else:
            _open_viewer(viewer, _file_of(frame))
        return None
    _check_numbers(kappa=kappa, iterations=iterations, lower=lower, upper=upper)
    _check_numbers(above=0, width=width, ratio=ratio)
    _check_size(width, ratio)
    if viewers.apart(browser=browser):
        viewers.begin(browser=browser)  # it starts while the pixels are read
    seen = partial(sight_of, zone=zone, extension=extension, plane=plane)
    sight = seen(frame, pixels=pixels)
    second = blink if blink is not None else against
    other = None if second is None else sight_of(second)
    side = other is not None and blink is None
    _check_names(cmap, interpolation)
    from awe.inspect.opening import opened

    window = opened(
        sight,
        Reel(frames, place, sight, seen, None if other is None else (second, other)),
        look={
            "kappa": kappa,
            "iterations": iterations,
            "cmap": cmap,
            "lower": lower,
            "upper": upper,
            "interpolation": interpolation,
        },
        size=_size(sight.pixels.shape, width, ratio, panels=2 if side else 1),
        other=other,
        side=side,
        fit=width is None,
        browser=browser,
    )
    window.show(block=not backend.prompt_waits() if block is None else block)
    return window


def examine(frame: Any, *, extension: int | str | None = None, **settings: Any) -> Examination:
    """Return an object that measures on a frame what the hot-keys of `inspect()` do.

    Parameters
    ----------
    frame : frame, path, CCDData or ndarray
        A frame of the database, a FITS file ('any.fits', 'any.fits[2]'), or pixels.
    extension : int or str, optional
        Number or name of the extension of a file.
    **settings : float
        Settings of the tools, such as `radius=5`.
    """
    begin = resolve("awe.inspect.examination:Examination")
    found: Examination = begin(frame, extension=extension, **settings)
    return found


if inspect.__doc__:
    inspect.__doc__ = inspect.__doc__.replace("{keys}", help_text().replace("\n", "\n    "))


def _several(frame: Any, among: Any) -> tuple[Sequence[Any], int]:
    """Return the frames to walk through, and which of them to show first."""
    if among is not None:
        return place_in(among, frame)
    if isinstance(frame, Later):
        return frame, frame.first
    query = hasattr(frame, "count") and hasattr(frame, "cls")
    listed = isinstance(frame, list | tuple) and all(map(_is_frame, frame))
    if not listed and not query:
        return [frame], 0
    frames = list(frame)
    if not frames:
        msg = f"inspect({'query' if query else frame!r}): there is no frame in it"
        raise ArgumentError(msg)
    return frames, 0


def _second(frame: Any, pixels: Any, against: Any) -> tuple[Any, Any]:
    """Return pixels to show and a frame to compare with: `inspect(a, b)` gives a frame."""
    alone = not hasattr(frame, "filename")
    other = isinstance(pixels, str | Path) or hasattr(pixels, "header")
    if pixels is not None and against is None and (alone or other):
        return None, pixels
    return pixels, against


def _is_frame(item: Any) -> bool:
    """Return whether an item of a list is an image by itself, and not a row of one."""
    named = isinstance(item, str | Path) or hasattr(item, "filename")
    return named or hasattr(item, "header") or getattr(item, "ndim", 0) > 1


def _check_numbers(*, above: float | None = None, **numbers: Any) -> None:
    for name, value in numbers.items():
        if value is None:
            continue
        plain = isinstance(value, int | float) or hasattr(type(value), "__float__")
        wanted = "a number" if above is None else f"a number above {above}"
        if isinstance(value, bool) or not plain or not math.isfinite(value):
            msg = f"{name}={value!r}: expected {wanted}"
            raise ArgumentError(msg)
        if (above is not None and value <= above) or (name == "iterations" and value < 0):
            msg = f"{name}={value!r}: expected {wanted}"
            raise ArgumentError(msg)


def _check_size(width: float | None, ratio: float | None) -> None:
    """Refuse windows no screen has; the memory of the picture grows with both sides."""
    sides = {"width": width, "ratio": ratio, "1 / ratio": 1 / ratio if ratio else None}
    if ratio and width:
        sides["width / ratio"] = width / ratio
    for name, value in sides.items():
        if value is not None and value > WIDEST:
            msg = f"{name} is {value:g}; expected up to {WIDEST} (width in inches)"
            raise ArgumentError(msg)


def _check_names(cmap: str | None, interpolation: str) -> None:
    if cmap is None and interpolation == "nearest":
        return
    import matplotlib as mpl
    from matplotlib.image import interpolations_names

    if cmap is not None and cmap not in mpl.colormaps:
        hint = nearest(cmap, list(mpl.colormaps))
        msg = f"no colour map {cmap!r}{hint}; try 'gray' or 'viridis'"
        raise ArgumentError(msg)
    if interpolation not in interpolations_names:
        msg = (
            f"no interpolation {interpolation!r}"
            f"{nearest(interpolation, list(interpolations_names))}; try 'nearest'"
        )
        raise ArgumentError(msg)


def _size(
    shape: tuple[int, ...], width: float | None, ratio: float | None, *, panels: int = 1
) -> tuple[float, float]:
    """Return a window that holds the image and its margins and fits on a laptop's screen."""
    margin_x, margin_y = 2.0 * panels, 1.5
    aspect = panels * shape[1] / shape[0] if ratio is None else ratio
    if width is None:
        height = min(6.6, 8.4 * panels / aspect)
        return max(height * aspect + margin_x, 6.0), max(height + margin_y, 4.0)
    if ratio is not None:
        return width, width / ratio
    return width, max((width - margin_x) / aspect + margin_y, 3.0)


def _file_of(frame: Any) -> str:
    """Return the file of a frame for another program; a stored one is fetched."""
    fetch = getattr(frame, "_here", None)
    path = frame if isinstance(frame, str | Path) else getattr(frame, "pathname", None)
    if fetch is None and not path:
        msg = f"{type(frame).__name__} has no file to open; leave viewer out to use awe's window"
        raise ArgumentError(msg)
    return str(fetch() if fetch is not None else path)


_viewers: list[subprocess.Popen[bytes]] = []
"""Viewers that were opened and may still be there; they outlive the prompt."""


def _open_viewer(viewer: str, path: str) -> None:
    try:
        child = subprocess.Popen(
            [*shlex.split(viewer), str(path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _viewers[:] = [*(one for one in _viewers if one.poll() is None), child]
    except (OSError, IndexError) as error:
        msg = f"viewer {viewer!r} does not start: {error}; leave viewer out to use awe's window"
        raise ArgumentError(msg) from error
