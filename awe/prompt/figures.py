"""Figures of matplotlib that somebody drew at the prompt and that nobody sees.

Without `%matplotlib` a figure of pyplot waits for `plt.show()`; one line says so, once for each
figure. Windows of `inspect()` and plots of products and queries show themselves.
"""

from __future__ import annotations

import sys

__all__ = ["waiting"]

_told: set[int] = set()


def waiting() -> str:
    """Return one line about figures that were drawn and not shown, or an empty string."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or pyplot.isinteractive():
        return ""
    modules = [sys.modules.get(f"awe.inspect.{name}") for name in ("window", "shown")]
    ours = {figure for module in modules if module is not None for figure in module.figures()}
    managers = sys.modules["matplotlib._pylab_helpers"].Gcf.get_all_fig_managers()
    numbers = {one.num for one in managers if one.canvas.figure not in ours}
    new = numbers - _told
    # pyplot gives the number of a closed figure to the next one, which nobody was told of yet.
    _told.intersection_update(numbers)
    _told.update(new)
    if not new:
        return ""
    if pyplot.get_backend().lower() == "agg":
        return "the figure is drawn; there is no display: plt.savefig('figure.png') writes it"
    return "the figure is drawn and not shown: type %matplotlib once, then plt.show()"
