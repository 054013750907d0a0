"""A lineage drawn as a graph: the product on the right, what it was made from to the left.

Knows names and links only; where they come from is not its business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["columns", "draw"]

#: boxes of one column that are drawn; the rest is one box with their number
MOST = 12


def columns(edges: Sequence[tuple[Any, Any, str]], root: Any) -> dict[Any, int]:
    """Return the column of every node: 0 for the product, its distance by the longest way."""
    depth = {root: 0}
    parents: dict[Any, list[Any]] = {}
    for product, parent, _ in edges:
        parents.setdefault(product, []).append(parent)
    waiting = [root]
    while waiting:
        node = waiting.pop(0)
        for parent in parents.get(node, ()):
            if depth.get(parent, -1) < depth[node] + 1:
                depth[parent] = depth[node] + 1
                waiting.append(parent)
    return depth


def draw(
    names: Mapping[Any, str],
    edges: Sequence[tuple[Any, Any, str]],
    root: Any,
    path: str | Path | None = None,
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
    """
    from matplotlib.figure import Figure

    depth = columns(edges, root)
    rows: dict[int, list[Any]] = {}
    for node, column in depth.items():
        rows.setdefault(column, []).append(node)
    deepest = max(rows)
    tallest = min(max(len(nodes) for nodes in rows.values()), MOST + 1)
    figure = Figure(figsize=(3.2 * (deepest + 1), 0.7 * tallest + 1), layout="constrained")
    axes = figure.add_subplot()
    places: dict[Any, tuple[float, float]] = {}
    for column, nodes in rows.items():
        shown = nodes if len(nodes) <= MOST + 1 else nodes[:MOST]
        for number, node in enumerate(shown):
            places[node] = (float(deepest - column), _height(number, len(shown)))
        if len(nodes) > len(shown):
            low = _height(len(shown), len(shown)) - 0.2
            axes.text(deepest - column, low, f"and {len(nodes) - len(shown)} more", ha="center")
    for product, parent, role in edges:
        if product in places and parent in places:
            _arrow(axes, places[parent], places[product], role)
    for node, (x, y) in places.items():
        box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "black"}
        axes.text(x, y, names[node], ha="center", va="center", fontsize=7, bbox=box, zorder=3)
    axes.set_xlim(-0.5, deepest + 0.5)
    axes.set_axis_off()
    if path is not None:
        figure.savefig(path)
    return figure


def _height(number: int, count: int) -> float:
    return (count - 1) / 2 - number


def _arrow(
    axes: Any, start: tuple[float, float], end: tuple[float, float], role: str
) -> None:
    arrow = {"arrowstyle": "->", "color": "grey", "shrinkA": 30, "shrinkB": 30}
    axes.annotate("", xy=end, xytext=start, arrowprops=arrow)
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    axes.text(*middle, role, fontsize=6, color="grey", ha="center")
