"""A lineage drawn as a graph: the product on the right, what it was made from to the left.

Knows names and links only; where they come from is not its business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["columns", "draw"]

#: boxes of one column that are drawn; the rest is one line with their number
MOST = 12
#: sizes [inch]: a box, the space between columns, the distance of rows, and the border
BOX = 1.8
GAP = 1.1
ROW = 0.62
BORDER = 0.2
#: place of the role on an arrow: fraction of the way from the input to the product
ROLE = 0.42

def columns(edges: Sequence[tuple[Any, Any, str]], root: Any) -> dict[Any, int]:
    """Return the column of every node: 0 for the product, its distance by the longest way.

    Parameters
    ----------
    edges : sequence of tuple
        Child, parent and role of every link.
    root : object
        Product whose lineage is drawn.
    """
    depth = {root: 0}
    parents: dict[Any, list[Any]] = {}
    for product, parent, _ in edges:
        parents.setdefault(product, []).append(parent)
    waiting = [root]
    while waiting:
        node = waiting.pop(0)
        for parent in parents.get(node, ()):
            # Visited again when a longer way is found. It ends because a lineage has no cycle.
            if depth.get(parent, -1) < depth[node] + 1:
                depth[parent] = depth[node] + 1
                waiting.append(parent)
    return depth


def draw(
    names: Mapping[Any, str],
    edges: Sequence[tuple[Any, Any, str]],
    root: Any,
    path: str | Path | None = None,
    *,
    begin: Callable[..., Figure] | None = None,
) -> Figure:
    """Draw a graph and return the figure.

    Parameters
    ----------
    names : mapping
        Text of every node.
    edges : sequence
        Links (product, input, role).
    root : object
        The node everything leads to.
    path : str or Path, optional
        File to write, its format by the ending.
    begin : callable, optional
        Makes the figure, such as `pyplot.figure`; without it, it belongs to no window.
    """
    from matplotlib.figure import Figure

    depth = columns(edges, root)
    rows: dict[int, list[Any]] = {}
    for node, column in depth.items():
        rows.setdefault(column, []).append(node)
    deepest = max(rows)
    lines = max(min(len(nodes), MOST + 1) for nodes in rows.values())
    width = 2 * BORDER + BOX * (deepest + 1) + GAP * deepest
    height = 2 * BORDER + ROW * lines
    # one unit of the axes is one inch, so that everything drawn has its place and its size
    figure = (begin or Figure)(figsize=(width, height))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    places: dict[Any, tuple[float, float]] = {}
    for column in sorted(rows):
        x = BORDER + BOX / 2 + (BOX + GAP) * (deepest - column)
        _place(axes, _in_order(rows[column], edges, places), x, height / 2, places)
    for product, parent, role in edges:
        if product in places and parent in places:
            _arrow(axes, places[parent], places[product], role)
    for node, place in places.items():
        _box(axes, place, names[node])
    if path is not None:
        figure.savefig(path, dpi=120)
    return figure


def _in_order(
    nodes: Sequence[Any],
    edges: Sequence[tuple[Any, Any, str]],
    places: Mapping[Any, tuple[float, float]],
) -> list[Any]:
    """Return the nodes of a column by the height of what was made from them: fewer crossings."""

    def height(node: Any) -> float:
        heights = [places[product][1] for product, parent, _ in edges
                   if parent == node and product in places]  # fmt: skip
        return -sum(heights) / len(heights) if heights else 0.0

    return sorted(nodes, key=height)


def _place(
    axes: Any, nodes: Sequence[Any], x: float, middle: float,
    places: dict[Any, tuple[float, float]],
) -> None:  # fmt: skip
    shown = nodes if len(nodes) <= MOST + 1 else nodes[:MOST]
    lines = len(shown) + (len(nodes) > len(shown))
    top = middle + ROW * (lines - 1) / 2
    for number, node in enumerate(shown):
        places[node] = (x, top - ROW * number)
    if len(nodes) > len(shown):
        more = f"and {len(nodes) - len(shown)} more"
        axes.text(x, top - ROW * len(shown), more, ha="center", va="center", fontsize=8)


def _box(axes: Any, place: tuple[float, float], text: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y = place
    corner = (x - BOX / 2 + 0.05, y - ROW * 0.36)
    style = "round,pad=0,rounding_size=0.06"
    axes.add_patch(FancyBboxPatch(
        corner, BOX - 0.1, ROW * 0.72, boxstyle=style, facecolor="white", edgecolor="black",
        linewidth=0.8, zorder=3,
    ))  # fmt: skip
    axes.text(x, y, text, ha="center", va="center", fontsize=6.5, zorder=4, clip_on=True)


def _arrow(
    axes: Any, start: tuple[float, float], end: tuple[float, float], role: str
) -> None:
    begin = (start[0] + BOX / 2 - 0.05, start[1])
    tip = (end[0] - BOX / 2 + 0.05, end[1])
    arrow = {"arrowstyle": "->", "color": "grey", "shrinkA": 0, "shrinkB": 0, "linewidth": 0.7}
    axes.annotate("", xy=tip, xytext=begin, arrowprops=arrow, zorder=1)
    # always in the space behind the box of the input, also where the arrow crosses columns
    share = min(ROLE * GAP / max(tip[0] - begin[0], 0.01), 1.0)
    at = [b + share * (t - b) for b, t in zip(begin, tip, strict=True)]
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.85}
    axes.text(*at, role, fontsize=6, color="dimgrey", ha="center", va="center", zorder=2, bbox=box)
