"""An image that matplotlib draws from what each pixel of the screen sees, whatever is visible.

Nothing has to follow the limits of the axes: they are looked at when a frame is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

if TYPE_CHECKING:
    from awe.inspect.match import Match
    from awe.inspect.pyramid import Pyramid

__all__ = ["OnScreen"]


class OnScreen(AxesImage):
    """An image of any size in axes.

    Parameters
    ----------
    axes : Axes
        Where it is drawn; it is not added to them.
    extent : tuple of float
        Left, right, bottom and top edge, in coordinates of the axes.
    **options : Any
        Further arguments of `AxesImage`.
    """

    def __init__(
        self, axes: Axes, extent: tuple[float, float, float, float], **options: Any
    ) -> None:
        super().__init__(axes, origin="lower", extent=extent, **options)
        self.set_data(np.zeros((2, 2), np.float32))
        self.set_clip_path(axes.patch)
        self.set_mouseover(False)
        #: the frame in whose coordinates the axes are, if it is another
        self.match: Match | None = None

    def seen(self, pyramid: Pyramid, x: NDArray[Any], y: NDArray[Any]) -> tuple[Any, Any]:
        """Return what a grid of points sees of an image, and where in the grid that is.

        Parameters
        ----------
        pyramid : Pyramid
            The image.
        x, y : ndarray of float64, shape (nx,) and (ny,)
            Rising positions, in pixels from the lower left edge of the extent.
        """
        if self.match is None:
            return pyramid.seen(x, y)
        edge: Any = self._extent  # type: ignore[attr-defined]
        return pyramid.at(*self.match.grid(x + edge[0], y + edge[2]))

    def sampled(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Return the colours of a grid of points.

        Parameters
        ----------
        x, y : ndarray of float64, shape (nx,) and (ny,)
            Rising positions, in pixels from the lower left edge of the image.

        Returns
        -------
        ndarray of uint8, shape (ny, nx, 4)
            Red, green, blue and opacity; transparent where the image is not.
        """
        raise NotImplementedError

    def make_image(
        self, renderer: Any, magnification: float = 1.0, unsampled: bool = False
    ) -> Any:
        """Return the visible part in colours, and where it is; matplotlib calls it.

        Parameters
        ----------
        renderer : RendererBase
            What draws.
        magnification : float
            Pixels of the picture for one of the screen.
        unsampled : bool
            Whether the renderer scales pictures itself.
        """
        figure: Any = self.get_figure(root=True)
        box = Bbox.intersection(self.axes.bbox, figure.bbox)
        if box is None or box.width < 1 or box.height < 1:
            return None, 0, 0, None
        left, bottom = (int(np.floor(v * magnification)) for v in (box.x0, box.y0))
        right, top = (int(np.ceil(v * magnification)) for v in (box.x1, box.y1))
        ends = np.array([(left + 0.5, bottom + 0.5), (right - 0.5, top - 0.5)]) / magnification
        (x0, y0), (x1, y1) = self.get_transform().inverted().transform(ends)
        edge: Any = self._extent  # type: ignore[attr-defined]
        x = np.linspace(x0, x1, right - left) - edge[0]
        y = np.linspace(y0, y1, top - bottom) - edge[2]
        return self._made(x, y, (left, bottom), (renderer, magnification, unsampled))

    def _made(
        self, x: NDArray[np.float64], y: NDArray[np.float64], corner: tuple[int, int], how: Any
    ) -> Any:
        """Return what `make_image` does for a grid of points whose lower left one is given."""
        return self.sampled(x, y), corner[0] / how[1], corner[1] / how[1], None
