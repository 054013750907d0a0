"""What the measuring keys go by: radii, sizes of boxes, limits of plots; changed while one looks.

`:radius 5` in the window, `ins.set('radius', 5)` at the prompt, under the names of imexamine's
colon commands where it has them. Importing this module loads nothing heavy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

from awe.errors import ArgumentError, nearest

__all__ = ["Settings", "changed", "listed"]


def _set(default: Any, doc: str, least: float, most: float = math.inf) -> Any:
    return field(default=default, metadata={"doc": doc, "least": least, "most": most})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Numbers of the measuring keys.

    Attributes
    ----------
    radius : float, pixel
        Radius of the aperture; 0: three times the FWHM of the object.
    buffer : float, pixel
        From the aperture to the ring of the sky; 0: one FWHM.
    width : float, pixel
        Width of the ring of the sky; 0: two FWHM, 5 at least.
    magzero : float, mag
        Magnitude of an object of flux 1.
    box : int, pixel
        Side of the box of statistics.
    plot : int, pixel
        Side of the box of wire-frame, surface and contours.
    histogram : int, pixel
        Side of the box of the histogram.
    average : int
        Lines or columns that are averaged before a Gaussian is fitted along them.
    reach : int, pixel
        How far from the pointer that fit reaches.
    grow : float, pixel
        Largest radius of the curve of growth; 0: five times the FWHM.
    cutout : int, pixel
        Side of the part that `t` writes.
    region : float, pixel
        Radius of the circle of `R`, half the side of the box of `X`.
    x, y : tuple of float or None
        Limits of the axes of the next plots; None: what the values need.
    """

    radius: float = _set(0.0, "radius of the aperture [pixel]; 0: 3 FWHM", 0, 200)
    buffer: float = _set(0.0, "aperture to ring of the sky [pixel]; 0: 1 FWHM", 0, 500)
    width: float = _set(0.0, "width of the ring of the sky [pixel]; 0: 2 FWHM", 0, 500)
    magzero: float = _set(25.0, "magnitude of an object of flux 1 [mag]", -100, 100)
    box: int = _set(51, "side of the box of statistics [pixel]", 1, 10_000)
    plot: int = _set(31, "side of the box of surfaces and contours [pixel]", 3, 401)
    histogram: int = _set(201, "side of the box of the histogram [pixel]", 1, 10_000)
    average: int = _set(5, "lines or columns averaged for j and k", 1, 1_000)
    reach: int = _set(15, "how far the fits of j and k reach [pixel]", 3, 1_000)
    grow: float = _set(0.0, "largest radius of the curve of growth [pixel]; 0: 5 FWHM", 0, 500)
    cutout: int = _set(100, "side of the part that t writes [pixel]", 1, 100_000)
    region: float = _set(10.0, "radius of the circle of R, half the box of X [pixel]", 0.1, 1e5)
    x: tuple[float, float] | None = _set(None, "limits of x of the next plots", -math.inf)
    y: tuple[float, float] | None = _set(None, "limits of y of the next plots", -math.inf)


#: names of imexamine for what has another one here
SYNONYMS = {
    "ncstat": "box", "nlstat": "box", "ncolumns": "plot", "nlines": "plot", "ncontour": "plot",
    "naverage": "average", "rplot": "grow", "zero": "magzero", "nhist": "histogram",
    "t": "cutout",
}  # fmt: skip


def changed(settings: Settings, name: str, *values: Any) -> Settings:
    """Return settings with one of them changed.

    Parameters
    ----------
    settings : Settings
        What was set before.
    name : str
        Which one, by its name or the name that imexamine has for it.
    *values : float or str
        The new value; two for the limits of an axis. Without one it is as at first again.

    Raises
    ------
    ArgumentError
        There is no such setting, or its value is not a number in its range.
    """
    known = {one.name: one for one in fields(Settings)}
    chosen = SYNONYMS.get(name, name)
    if chosen not in known:
        hint = nearest(name, [*known, *SYNONYMS])
        msg = f"no setting {name!r}{hint}; expected one of {', '.join(known)}"
        raise ArgumentError(msg)
    declared = known[chosen]
    if not values:
        return _with(settings, chosen, declared.default)
    numbers = [_number(chosen, value) for value in values]
    if chosen in ("x", "y"):
        if len(numbers) != 2 or numbers[0] == numbers[1]:
            msg = f":{name} {_typed(values)}: expected two different limits, as in ':{name} 0 50'"
            raise ArgumentError(msg)
        return _with(settings, chosen, (numbers[0], numbers[1]))
    least, most = declared.metadata["least"], declared.metadata["most"]
    whole = isinstance(declared.default, int)
    number = numbers[0]
    if len(numbers) > 1 or not least <= number <= most or (whole and number != int(number)):
        kind = "a whole number" if whole else "a number"
        msg = f":{name} {_typed(values)}: expected {kind} from {least:g} to {most:g}"
        raise ArgumentError(msg)
    return _with(settings, chosen, int(number) if whole else number)


def _with(settings: Settings, name: str, value: Any) -> Settings:
    return replace(settings, **{name: value})


def listed(settings: Settings) -> str:
    """Return the settings as lines of text: name, value, what it is.

    Parameters
    ----------
    settings : Settings
        What is set.
    """
    lines = []
    for one in fields(Settings):
        value = getattr(settings, one.name)
        told = "auto" if value is None else value
        if isinstance(value, tuple):
            told = " ".join(f"{limit:g}" for limit in value)
        lines.append(f":{one.name:<10} {told!s:<8} {one.metadata['doc']}")
    return "\n".join(lines)


def _number(name: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        msg = f":{name} {value}: expected a number, as in ':{name} 5'"
        raise ArgumentError(msg)
    return number


def _typed(values: tuple[Any, ...]) -> str:
    return " ".join(map(str, values))
