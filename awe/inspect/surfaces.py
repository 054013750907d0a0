"""Two-dimensional views of the pixels round the pointer: wire-frame, surface, contours.

Each takes the place under the pointer and a function that gives an empty figure, and returns
what it measured. NaN is drawn as the lowest value of the box, so a masked pixel is a pit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from awe.inspect.spot import Box, Reading, Spot
from awe.inspect.stretch import drawable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["contour", "surface", "wireframe"]

INK = "#1f4e79"


def wireframe(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Draw the pixel values round the pointer as a 3-D wire-frame.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    box = spot.box(spot.settings.plot // 2)
    axes = _three_d(figure(), box)
    x, y = np.meshgrid(box.x, box.y)
    axes.plot_wireframe(x, y, _drawable(box), rstride=1, cstride=1, linewidth=0.6, color=INK)
    return _summary(box)


def surface(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Draw the pixel values round the pointer as a 3-D filled surface.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    box = spot.box(spot.settings.plot // 2)
    axes = _three_d(figure(), box)
    x, y = np.meshgrid(box.x, box.y)
    axes.plot_surface(x, y, _drawable(box), rstride=1, cstride=1, cmap="viridis", linewidth=0)
    return _summary(box)


def contour(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Draw lines of equal pixel value round the pointer.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    box = spot.box(spot.settings.plot // 2)
    axes = figure().add_subplot()
    values = _drawable(box)
    axes.imshow(
        values,
        origin="lower",
        cmap="Greys",
        alpha=0.45,
        extent=(box.x[0] - 0.5, box.x[-1] + 0.5, box.y[0] - 0.5, box.y[-1] + 0.5),
    )
    if np.ptp(values) > 0 and min(values.shape) > 1:
        lines = axes.contour(
            box.x, box.y, values, levels=_levels(values), cmap="viridis", linewidths=1
        )
        axes.clabel(lines, fontsize=7, fmt="%.6g")
    axes.plot(spot.x, spot.y, "+", color="#c0392b", markersize=10)
    axes.set_xlabel("x [pixel]")
    axes.set_ylabel("y [pixel]")
    return _summary(box)


def _levels(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ten levels above the noise, or over the full range where nothing stands out."""
    middle = float(np.median(values))
    noise = 1.4826 * float(np.median(np.abs(values - middle)))
    lowest, highest = middle + 3 * noise, float(values.max())
    if highest <= middle + 6 * noise:
        lowest = float(values.min())
    return np.linspace(lowest, highest, 12)[1:-1]


def _three_d(figure: Figure, box: Box) -> Any:
    axes: Any = figure.add_subplot(projection="3d")
    axes.set_xlabel("x [pixel]")
    axes.set_ylabel("y [pixel]")
    axes.set_zlabel("pixel value", labelpad=12)
    axes.tick_params(axis="z", pad=6)
    where = f"x {box.x[0]}:{box.x[-1]}, y {box.y[0]}:{box.y[-1]}"
    figure.text(0.5, 0.925, where, ha="center", fontsize="small", color="#44505c")
    axes.view_init(elev=32, azim=-58)
    figure.subplots_adjust(left=0.0, right=0.9, bottom=0.03, top=0.93)
    return axes


def _drawable(box: Box) -> NDArray[np.float64]:
    lowest = box.finite.min() if box.finite.size else 0.0
    return drawable(np.where(np.isfinite(box.pixels), box.pixels, lowest))


def _summary(box: Box) -> Reading:
    kept = box.finite
    if kept.size == 0:
        return Reading(values={"pixels": 0}, text="no finite pixel here")
    peak = int(np.nanargmax(np.where(np.isfinite(box.pixels), box.pixels, np.nan)))
    row, col = divmod(peak, box.pixels.shape[1])
    return Reading(
        values={
            "pixels": int(kept.size),
            "median": float(np.median(kept)),
            "max": float(kept.max()),
            "x_max": int(box.x[col]),
            "y_max": int(box.y[row]),
        }
    )
