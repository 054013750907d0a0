"""What the mouse does to the picture: the wheel zooms, a drag moves, a right drag sets contrast.

While the mouse works only the inside of the axes is drawn, and the rest when it rests. A tool of
matplotlib's toolbar that is switched on has the mouse for itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from awe.inspect.picture import Picture

__all__ = ["Hand"]

#: Zoom of one step of the wheel.
STEP = 1.25
#: Screen pixels of a right drag that double the contrast, and that move the range by itself.
DOUBLE, SHIFT = 120.0, 300.0
#: Milliseconds without the mouse after which everything is drawn.
REST = 150
#: Fewest pixels of the image across the window.
CLOSEST = 4.0


class Hand:
    """The mouse over one picture.

    Parameters
    ----------
    picture : Picture
        Moved and changed as the mouse says.
    """

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._axes = picture.axes
        self._canvas: Any = picture.axes.get_figure(root=True).canvas  # type: ignore[union-attr]
        self._start: tuple[int, float, float, Any] | None = None
        #: frames drawn so far
        self.frames = 0
        self._rest = self._timer(REST, self._settle)
        self._soon = self._timer(1, self._frame)
        self._waiting = False
        #: where the pointer was last over the image, in pixels of the figure
        self._here: tuple[float, float] | None = None
        self._canvas.mpl_connect("scroll_event", self._wheel)
        self._canvas.mpl_connect("button_press_event", self._press)
        self._canvas.mpl_connect("motion_notify_event", self._move)
        self._canvas.mpl_connect("button_release_event", self._release)

    def _timer(self, milliseconds: int, work: Any) -> Any:
        timer = self._canvas.new_timer(interval=milliseconds)
        timer.single_shot = True
        timer.add_callback(work)
        return timer

    def _mine(self, event: Any) -> bool:
        return event.inaxes is self._axes and not self._canvas.widgetlock.locked()

    # the wheel and the left button

    def _wheel(self, turned: Any) -> None:
        if self._mine(turned) and turned.step:
            self.zoom(STEP**turned.step, turned.x, turned.y)

    def zoom_here(self, factor: float) -> None:
        """Show the image larger about the pointer, or about the middle if it was never there.

        Parameters
        ----------
        factor : float
            Above 1 to see fewer pixels.
        """
        box = self._axes.bbox
        self.zoom(factor, *(self._here or ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)))

    def pointer(self) -> tuple[float, float]:
        """Return where the pointer was last, in FITS pixel coordinates; at first the middle."""
        box = self._axes.bbox
        here = self._here or ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
        x, y = self._axes.transData.inverted().transform(here)
        return float(x), float(y)

    def zoom(self, factor: float, x: float, y: float) -> None:
        """Show the image larger, and keep what is under a point of the screen there.

        Parameters
        ----------
        factor : float
            Above 1 to see fewer pixels.
        x, y : float
            The point, in pixels of the figure.
        """
        self._begin()
        here = self._axes.transData.inverted().transform((x, y))
        scale = self._scale() / factor
        left, right, bottom, top = self._picture.limits
        box = self._box()
        if scale >= max((right - left) / box.width, (top - bottom) / box.height):
            self._picture.view(*self._picture.limits)
            self._canvas.draw_idle()
            return
        scale = max(scale, CLOSEST / min(box.width, box.height))
        self._show(here[0] - (x - box.x0) * scale, here[1] - (y - box.y0) * scale, scale)

    def _box(self) -> Any:
        """Return the pixels of the figure that the axes fill while a part is shown."""
        figure: Any = self._axes.get_figure(root=True)
        return self._axes.get_position(original=True).transformed(figure.transFigure)

    def _scale(self) -> float:
        """Pixels of the image for one of the screen."""
        x0, x1 = self._axes.get_xlim()
        return float((x1 - x0) / self._axes.bbox.width)

    def _show(self, x: float, y: float, scale: float) -> None:
        """Show the part whose lower left corner is given."""
        box = self._box()
        left, right, bottom, top = self._picture.limits
        wide, high = box.width * scale, box.height * scale
        # some of the image stays visible
        x = min(max(x, left - 0.9 * wide), right - 0.1 * wide)
        y = min(max(y, bottom - 0.9 * high), top - 0.1 * high)
        filled = not self._picture.whole
        self._picture.view(x, x + wide, y, y + high)
        if filled:
            self.later()
        else:  # the axes themselves grow
            self._canvas.draw_idle()

    def _press(self, pressed: Any) -> None:
        if not self._mine(pressed) or pressed.button not in (1, 3):
            return
        if pressed.button == 3 and pressed.dblclick:
            self._picture.choose_range(self._picture.range)
            self._canvas.draw_idle()
            return
        now: Any = (self._picture.lower, self._picture.upper)
        if pressed.button == 1:
            now = (self._axes.get_xlim()[0], self._axes.get_ylim()[0])
        self._start = (pressed.button, pressed.x, pressed.y, now)

    def _move(self, moved: Any) -> None:
        if moved.inaxes is self._axes:
            self._here = (moved.x, moved.y)
        if self._start is None:
            return
        button, x, y, now = self._start
        if button == 1:
            if not self._picture.whole:
                self._begin()
                scale = self._scale()
                self._show(now[0] - (moved.x - x) * scale, now[1] - (moved.y - y) * scale, scale)
            return
        lower, upper = now
        half = (upper - lower) / 2 * 2 ** ((moved.y - y) / DOUBLE)
        middle = (lower + upper) / 2 - (moved.x - x) / SHIFT * (upper - lower)
        norm = self._picture.image.norm
        with norm.callbacks.blocked():  # the colour bar follows when the mouse rests
            norm.vmin, norm.vmax = middle - half, middle + half
        self.later()

    def _release(self, event: Any) -> None:
        if self._start is not None and self._start[0] == 3:
            norm = self._picture.image.norm
            if (norm.vmin, norm.vmax) != (self._picture.lower, self._picture.upper):
                self._picture.show_range(norm.vmin, norm.vmax)
                norm.changed()
        self._start = None

    def _begin(self) -> None:
        """Let the toolbar's home and back know of the view that is left."""
        toolbar = getattr(self._canvas, "toolbar", None)
        if toolbar is not None and not self._waiting:
            toolbar.push_current()

    # frames

    def later(self) -> None:
        """Draw a frame when all that the mouse did meanwhile is taken up."""
        self._waiting = True
        self._soon.start()
        self._rest.stop()
        self._rest.start()

    def _frame(self) -> None:
        if not self._canvas.supports_blit:
            self._canvas.draw_idle()
            return
        renderer = self._canvas.get_renderer()
        axes = self._axes
        others = (axes.patch, axes.xaxis, axes.yaxis, *axes.child_axes)
        axes.patch.draw(renderer)
        for artist in sorted(axes.get_children(), key=lambda one: one.get_zorder()):
            if artist not in others and artist.get_visible():
                artist.draw(renderer)
        self._canvas.blit(self._axes.bbox)
        self.frames += 1

    def _settle(self) -> None:
        self._waiting = False
        self._canvas.draw_idle()
