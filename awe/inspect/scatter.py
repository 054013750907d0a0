"""Points of two quantities, numbers or dates, in one colour for each group.

Knows names, units and values only; where they come from is not its business. Importing this
module loads no plotting library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Axis", "draw"]

INK = "#2c3e50"
#: groups that have a colour and a line in the legend; the points of the others are grey
MOST = 40
#: most groups whose colours are those of a palette that everybody can tell apart
FEW = 10
#: lines of a legend before it has another column
LINES = 20
#: points more than these are drawn smaller
CROWD = 2000


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What an axis shows.

    Attributes
    ----------
    name : str
        Name of the quantity.
    unit : str
        Its unit, empty for none.
    dates : bool
        Whether the values are dates.
    """

    name: str
    unit: str
    dates: bool

    @property
    def label(self) -> str:
        """Name and unit."""
        return f"{self.name} [{self.unit}]" if self.unit else self.name


def draw(
    x: Axis,
    y: Axis,
    groups: Mapping[str, Sequence[tuple[Any, Any]]],
    *,
    title: str,
    legend: str = "",
) -> Figure:
    """Return a figure of pyplot with the points of all groups.

    Parameters
    ----------
    x, y : Axis
        What the axes show.
    groups : mapping
        Name of each group and its points (x, y), float, int or naive datetime; one group without
        a name for points of one colour.
    title : str
        Text above the plot.
    legend : str
        Title of the legend: what the groups are.
    """
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(10.5, 6.0), layout="constrained")
    figure.suptitle(title, fontsize=10, color=INK)
    axes = figure.add_subplot()
    size = 4 if sum(map(len, groups.values())) <= CROWD else 2
    names = list(groups)
    for name, colour in zip(names[:MOST], _colours(len(names)), strict=True):
        _points(axes, groups[name], colour, size, name)
    rest = [point for name in names[MOST:] for point in groups[name]]
    if rest:
        _points(axes, rest, "lightgrey", size, f"{len(names) - MOST} others")
    axes.set(xlabel=x.label, ylabel=y.label)
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    for axis, shown in ((x, axes.xaxis), (y, axes.yaxis)):
        if axis.dates:
            _dated(shown)
    if legend:
        lines = min(len(names), MOST + 1)
        figure.legend(
            loc="outside right upper", title=legend, fontsize=8, title_fontsize=8,
            ncols=1 + (lines - 1) // LINES,
        )  # fmt: skip
    return figure


def _points(
    axes: Axes, points: Sequence[tuple[Any, Any]], colour: Any, size: int, name: str
) -> None:
    across, up = zip(*points, strict=True)
    axes.plot(
        across, up, linestyle="", marker="o", markersize=size, markeredgewidth=0, color=colour,
        label=name or None,
    )  # fmt: skip


def _colours(number: int) -> list[Any]:
    """Return the colours of the groups, at most `MOST`."""
    if number <= 1:
        return [INK] * number
    from matplotlib import colormaps

    if number <= FEW:
        return list(colormaps["tab10"].colors[:number])  # type: ignore[attr-defined]
    shown = min(number, MOST)
    return [colormaps["turbo"](0.05 + 0.9 * place / (shown - 1)) for place in range(shown)]


def _dated(axis: Any) -> None:
    from matplotlib import dates as matplotlib_dates

    dates: Any = matplotlib_dates
    where = dates.AutoDateLocator()
    axis.set_major_locator(where)
    axis.set_major_formatter(dates.ConciseDateFormatter(where))
