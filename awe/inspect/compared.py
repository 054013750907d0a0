"""Two frames in one window, matched by their coordinates: in turns, or next to each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from awe.errors import ArgumentError
from awe.inspect.match import Match
from awe.inspect.panel import Panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from awe.inspect.hand import Hand
    from awe.inspect.picture import Look, Picture
    from awe.inspect.sight import Sight

__all__ = ["Compared"]


class Compared:
    """The part of a window that knows which frames are shown where."""

    _figure: Figure
    _panel: Panel
    _picture: Picture
    _hand: Hand
    _before: dict[str, tuple[float, float]]
    _tell: Callable[[str], None]
    name: str

    def _arrange(self, sight: Sight, look: Look, other: Sight | None, *, side: bool) -> None:
        """Draw the frame, and the one it is compared with."""
        self._sights = [sight] if other is None else [sight, other]
        self._panels = [Panel(self._figure, sight, look, (0.0, 0.5) if side else (0.0, 1.0))]
        self._activate(self._panels[0])
        if other is not None and side:
            second = Panel(self._figure, sight, look, (0.5, 1.0))
            self._panels.append(second)
            self._show(second, 1)
            self._link()

    def _activate(self, panel: Panel) -> None:
        """Let keys act on a panel."""
        self._panel, self._picture, self._hand = panel, panel.picture, panel.hand
        self.name = panel.sight.name

    def _under(self, axes: Any) -> bool:
        """Let keys act on the panel that has some axes; return whether one has."""
        for panel in self._panels:
            if panel.axes is axes:
                self._activate(panel)
                return True
        return False

    def _show(self, panel: Panel, which: int) -> None:
        """Show one of the frames in a panel, at the place where the panel is."""
        panel.which = which
        panel.show(self._sights[which], self._match(which))
        self._activate(panel)

    def _match(self, which: int) -> Match | None:
        if which == 0:
            return None
        return Match(self._sights[0], self._sights[which])

    def _link(self) -> None:
        """Let both panels show the same place."""
        busy: list[bool] = []

        def follow(moved: Panel, others: list[Panel]) -> None:
            if busy:
                return
            busy.append(True)
            for panel in others:
                panel.picture.view(*moved.axes.get_xlim(), *moved.axes.get_ylim())
                panel.hand.later()
            busy.clear()

        for panel in self._panels:
            others = [one for one in self._panels if one is not panel]
            panel.picture.followed = lambda p=panel, o=others: follow(p, o)  # type: ignore[misc]

    def blink(self, figure: Figure) -> None:
        """Show the other frame at the same place of the sky.

        Parameters
        ----------
        figure : Figure
            Figure the key was pressed in.

        Raises
        ------
        ArgumentError
            There is only one.
        """
        if len(self._sights) < 2:
            msg = (
                "no second frame was given; raw.inspect(blink=other) shows them in turns, "
                "inspect(a, b) next to each other"
            )
            raise ArgumentError(msg)
        active = self._panel
        for panel in self._panels:
            self._show(panel, 1 - panel.which)
        self._activate(active)
        self._before.clear()
        match = self._match(1)
        how = "the sky" if match is not None and match.on_sky else "pixel numbers"
        self._tell(f"{self.name}, matched by {how}")

    def _put(self, which: int, sight: Sight) -> None:
        """Take another image for one of the frames and show it where that frame is shown."""
        self._sights[which] = sight
        shown = [panel for panel in self._panels if panel.which == which] or self._panels[:1]
        for panel in shown:
            self._show(panel, which)
        if which == 0:  # the others go by its coordinates
            for panel in [one for one in self._panels if one.which != 0]:
                self._show(panel, panel.which)
            self._activate(shown[0])
