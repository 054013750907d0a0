"""Pixels at the pointer: value, neighbours, statistics of a box."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from awe.inspect.facts import sexagesimal
from awe.inspect.spot import Reading, Spot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["pixel_value", "statistics", "values"]


def pixel_value(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Return the value of the pixel under the pointer.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    value = float(spot.pixels[spot.row, spot.column])
    x = spot.column + spot.first[0]
    y = spot.row + spot.first[1]
    text = f"({x}, {y}) = {value:.6g}"
    if spot.facts.sky is None:
        return Reading(values={"value": value}, text=text)
    ra, dec = spot.facts.sky(spot.x, spot.y)
    where = f"{text}  {sexagesimal(ra, dec)}  {ra:.6f} {dec:+.6f}"
    return Reading(values={"value": value, "ra": ra, "dec": dec}, text=where)


def values(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Return the 10 x 10 pixel values round the pointer as text, top row first.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    box = spot.box(5, even=True)
    lines = ["y \\ x " + "".join(f"{x:>10d}" for x in box.x)]
    for y, row in zip(box.y[::-1], box.pixels[::-1], strict=True):
        lines.append(f"{y:<6d}" + "".join(f"{value:>10.6g}" for value in row))
    kept = box.finite
    measured = {"pixels": int(kept.size)}
    if kept.size == 0:
        return Reading(values=measured, text="\n".join(lines))
    return Reading(
        values={**measured, "median": float(np.median(kept)), "max": float(kept.max())},
        text="\n".join(lines),
    )


def statistics(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Return number, mean, median, deviation and extremes in a box around the pointer.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    kept = spot.box(spot.settings.box // 2).finite
    if kept.size == 0:
        return Reading(values={"pixels": 0}, text="no finite pixel here")
    return Reading(
        values={
            "pixels": int(kept.size),
            "mean": float(kept.mean()),
            "median": float(np.median(kept)),
            "stdev": float(kept.std()),
            "min": float(kept.min()),
            "max": float(kept.max()),
        }
    )
