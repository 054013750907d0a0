"""One-dimensional views of an image: line, column, histogram.

Each takes the place under the pointer and a function that gives an empty figure, and returns
what it measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from awe.inspect.spot import Reading, Spot
from awe.inspect.stretch import drawable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["column", "histogram", "line"]

INK = "#1f4e79"


def line(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Plot the pixel values along the row through the pointer.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    values = np.asarray(spot.pixels[spot.row], dtype=np.float64)
    number = spot.row + spot.first[1]
    _profile(figure(), values, spot.first[0], spot.x, f"line {number}", "x [pixel]")
    return _summary(values, line=number)


def column(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Plot the pixel values along the column through the pointer.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    values = np.asarray(spot.pixels[:, spot.column], dtype=np.float64)
    number = spot.column + spot.first[0]
    _profile(figure(), values, spot.first[1], spot.y, f"column {number}", "y [pixel]")
    return _summary(values, column=number)


def histogram(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Plot how often each pixel value occurs in a box round the pointer.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    box = spot.box(spot.settings.histogram // 2)
    values = drawable(box.finite)
    axes = figure().add_subplot()
    if values.size:
        middle = np.median(values)
        spread = 1.4826 * float(np.median(np.abs(values - middle)))
        reach = 6 * spread if spread > 0 else max(float(np.ptp(values)) / 2, 0.5)
        reach = max(reach, 1e-6 * abs(float(middle)))  # 80 bins need as many different numbers
        axes.hist(values, bins=80, range=(middle - reach, middle + reach), color=INK)
        axes.axvline(middle, color="#c0392b", linewidth=1, label=f"median {middle:.6g}")
        axes.legend(frameon=False)
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("pixel value")
    axes.set_ylabel("pixels")
    axes.set_title(
        f"x {box.x[0]}:{box.x[-1]}, y {box.y[0]}:{box.y[-1]}", fontsize="medium", loc="left"
    )
    return _summary(values)


def _profile(
    figure: Figure,
    values: NDArray[np.float64],
    first: int,
    pointer: float,
    title: str,
    label: str,
) -> None:
    axes = figure.add_subplot()
    place = np.arange(values.size) + first
    axes.step(place, drawable(values), where="mid", color=INK, linewidth=0.8)
    axes.axvline(pointer, color="#c0392b", linewidth=0.8, alpha=0.7)
    axes.set_xlim(first - 0.5, first + values.size - 0.5)
    axes.set_xlabel(label)
    axes.set_ylabel("pixel value")
    axes.set_title(title, fontsize="medium", loc="left")
    axes.grid(alpha=0.25)


def _summary(values: NDArray[np.float64], **where: int) -> Reading:
    kept = values[np.isfinite(values)]
    if kept.size == 0:
        return Reading(values={**where, "pixels": 0}, text="no finite pixel here")
    return Reading(
        values={
            **where,
            "pixels": int(kept.size),
            "median": float(np.median(kept)),
            "min": float(kept.min()),
            "max": float(kept.max()),
        }
    )
