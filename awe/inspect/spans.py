"""Keys about places: a box between two corners, centre of mass, offsets, cuts along a vector."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from awe.inspect.guess import centroid
from awe.inspect.spot import Reading, Spot
from awe.inspect.stretch import drawable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["box_region", "centre_of_mass", "centred_vector", "offsets", "vector"]

#: half the side of the box in which light has its centre [pixel]
HALF = 15


def box_region(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Return the box between the first place and this one, with the statistics inside.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, `start` the other corner.
    figure : callable
        Function that returns a figure to draw in.
    """
    x0, y0 = spot.start or (spot.x, spot.y)
    first = Spot(pixels=spot.pixels, x=x0, y=y0, first=spot.first)
    left, right = sorted((first.column, spot.column))
    low, high = sorted((first.row, spot.row))
    fx, fy = spot.first
    corners = {"x1": left + fx, "x2": right + fx, "y1": low + fy, "y2": high + fy}
    part = np.asarray(spot.pixels[low : high + 1, left : right + 1], dtype=np.float64)
    kept = part[np.isfinite(part)]
    section = "[{x1}:{x2},{y1}:{y2}]".format(**corners)
    if kept.size == 0:
        return Reading(values={**corners, "pixels": 0}, text=f"{section} no finite pixel here")
    numbers = {"pixels": int(kept.size), "mean": float(kept.mean()),
               "median": float(np.median(kept)), "stdev": float(kept.std()),
               "min": float(kept.min()), "max": float(kept.max())}  # fmt: skip
    told = "  ".join(f"{name} {value:.6g}" for name, value in numbers.items())
    return Reading(values={**corners, **numbers}, text=f"{section} {told}")


def centre_of_mass(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Return the centre of mass of the light above the sky near the pointer.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    box = spot.box(HALF)
    if box.finite.size == 0:
        return Reading(values={"pixels": 0}, text="no finite pixel here")
    x, y = centroid(box, spot.x, spot.y)
    return Reading(values={"x_centre": x, "y_centre": y})


def offsets(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Return how far the pointer is from the origin, and make it the origin.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, `start` the origin.
    figure : callable
        Function that returns a figure to draw in.
    """
    if spot.start is None:
        text = f"origin of offsets: ({spot.x:.2f}, {spot.y:.2f})"
        return Reading(values={"dx": 0.0, "dy": 0.0, "distance": 0.0}, text=text)
    x0, y0 = spot.start
    dx, dy = spot.x - x0, spot.y - y0
    values = {"dx": dx, "dy": dy, "distance": math.hypot(dx, dy)}
    if spot.facts.sky is not None:
        values |= _on_the_sky(spot.facts.sky(x0, y0), spot.facts.sky(spot.x, spot.y))
    return Reading(values=values)


def _on_the_sky(one: tuple[float, float], other: tuple[float, float]) -> dict[str, float]:
    """Return separation [arcsec] and position angle [deg] of the second place from the first.

    tan(s) = sqrt(east**2 + north**2) / along, tan(PA) = east / north (Vincenty for the sphere).
    """
    ra1, dec1, ra2, dec2 = np.radians([*one, *other])
    turn = ra2 - ra1
    east = math.cos(dec2) * math.sin(turn)
    north = math.cos(dec1) * math.sin(dec2) - math.sin(dec1) * math.cos(dec2) * math.cos(turn)
    along = math.sin(dec1) * math.sin(dec2) + math.cos(dec1) * math.cos(dec2) * math.cos(turn)
    apart = math.degrees(math.atan2(math.hypot(east, north), along)) * 3600
    return {"separation": apart, "position_angle": math.degrees(math.atan2(east, north)) % 360}


def vector(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Plot the pixel values from the first place to this one.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, `start` where the vector begins.
    figure : callable
        Function that returns a figure to draw in.
    """
    return _cut(spot, figure, centred=False)


def centred_vector(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Plot the pixel values along a vector that has the first place in its middle.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, `start` the middle of the vector.
    figure : callable
        Function that returns a figure to draw in.
    """
    return _cut(spot, figure, centred=True)


def _cut(spot: Spot, figure: Callable[[], Figure], *, centred: bool) -> Reading:
    """Plot values along a straight line, bilinear between pixels, mean of lines side by side."""
    from scipy.ndimage import map_coordinates

    x0, y0 = spot.start or (spot.x, spot.y)
    dx, dy = spot.x - x0, spot.y - y0
    length = math.hypot(dx, dy)
    if length < 0.5:
        return Reading(text="a vector has two ends; press the key again at another place")
    steps = np.linspace(-1.0 if centred else 0.0, 1.0, max(2, math.ceil(2 * length) + 1))
    across = np.arange(spot.settings.average) - (spot.settings.average - 1) / 2
    columns = x0 - spot.first[0] + steps[None, :] * dx - across[:, None] * dy / length
    rows = y0 - spot.first[1] + steps[None, :] * dy + across[:, None] * dx / length
    low, left = max(math.floor(rows.min()) - 1, 0), max(math.floor(columns.min()) - 1, 0)
    part = spot.pixels[low : math.ceil(rows.max()) + 2, left : math.ceil(columns.max()) + 2]
    lines = map_coordinates(
        np.asarray(part, dtype=np.float64), [rows - low, columns - left], order=1, cval=math.nan
    )
    good = np.isfinite(lines)
    number = good.sum(axis=0)
    values = np.where(good, lines, 0.0).sum(axis=0) / np.maximum(number, 1)
    kept = number > 0
    ends = {"x1": x0 - dx if centred else x0, "y1": y0 - dy if centred else y0,
            "x2": spot.x, "y2": spot.y, "length": length * (2 if centred else 1)}  # fmt: skip
    if not kept.any():
        return Reading(values={**ends, "pixels": 0}, text="no finite pixel here")
    axes = figure().add_subplot()
    axes.plot(steps[kept] * length, drawable(values[kept]), color="#1f4e79", linewidth=0.9)
    axes.set_xlabel("distance from the first place [pixel]")
    axes.set_ylabel("pixel value")
    axes.set_title(
        f"({ends['x1']:.1f}, {ends['y1']:.1f}) to ({spot.x:.1f}, {spot.y:.1f})",
        fontsize="medium", loc="left",
    )  # fmt: skip
    axes.grid(alpha=0.25)
    inside = values[kept]
    return Reading(values={**ends, "median": float(np.median(inside)), "min": float(inside.min()),
                           "max": float(inside.max())})  # fmt: skip
