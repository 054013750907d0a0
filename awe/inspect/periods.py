"""Ranges of time as bars, kind by kind: what is valid when.

Knows names and moments only; where they come from is not its business. Importing this module
loads no plotting library.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Bar", "draw"]

INK = "#2c3e50"
#: colours of bars by what is thought of them
COLOURS = {"chosen": "#27ae60", "valid": "#5d87b5", "flagged": "#e0a030", "bad": "#c0392b"}
#: height of a bar, and least height of a figure [inch]
ROW, LEAST = 0.28, 3.0


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One range.

    Attributes
    ----------
    kind, name : str
        What it is of, and its own name.
    start, end : datetime
        Ends [UTC].
    state : str
        One of `COLOURS`.
    """

    kind: str
    name: str
    start: datetime.datetime
    end: datetime.datetime
    state: str


def draw(
    bars: Sequence[Bar],
    span: tuple[datetime.datetime, datetime.datetime],
    *,
    title: str,
    moment: datetime.datetime | None = None,
) -> Figure:
    """Return a figure of pyplot with the ranges, the first on top.

    Parameters
    ----------
    bars : sequence of Bar
        The ranges.
    span : tuple of datetime
        First and last moment that is drawn [UTC]; ranges beyond are cut.
    title : str
        Text above the plot.
    moment : datetime, optional
        A moment that is marked [UTC].
    """
    from matplotlib import dates as matplotlib_dates
    from matplotlib import pyplot as plt
    from matplotlib.patches import Patch

    height = max(LEAST, 1.4 + ROW * len(bars))
    figure = plt.figure(figsize=(10.5, height), layout="constrained")
    figure.suptitle(title, fontsize=10, color=INK)
    axes = figure.add_subplot()
    first, last = span
    for row, bar in enumerate(bars):
        start, end = max(bar.start, first), min(bar.end, last)
        axes.barh(row, end - start, left=start, height=0.7, color=COLOURS[bar.state])  # type: ignore[arg-type]
    names = [f"{bar.kind}  {bar.name}" for bar in bars]
    axes.set_yticks(range(len(bars)), names, fontsize=7)
    axes.set(xlim=span, ylim=(len(bars) - 0.4, -0.6), xlabel="valid [UTC]")
    if moment is not None:
        axes.axvline(moment, color=INK, linestyle="--", linewidth=1)  # type: ignore[arg-type]
    locator = matplotlib_dates.AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(matplotlib_dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.grid(axis="x", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    known = [Patch(color=COLOURS[one], label=one) for one in COLOURS
             if any(bar.state == one for bar in bars)]  # fmt: skip
    axes.legend(handles=known, fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
