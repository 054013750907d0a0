"""Where a new window of `inspect()` is: in the viewer where there can be one, else here."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from awe.inspect import viewer
from awe.inspect.inspection import Inspection
from awe.inspect.picture import Look
from awe.inspect.proxy import Remote
from awe.inspect.window import Window

__all__ = ["opened"]


def opened(pixels: NDArray[Any], *, name: str, look: dict[str, Any], **about: Any) -> Inspection:
    """Return a new window, which is not on the screen yet if it is of this process.

    Parameters
    ----------
    pixels : ndarray, shape (ny, nx) or (ny, nx, 3)
        The image; not modified.
    name : str
        Title of the window.
    look : dict
        Fields of `Look`.
    **about : Any
        Other arguments of `Window`.
    """
    away = viewer.ready() if viewer.apart() else None
    if away is not None:
        return Remote(away, pixels, name=name, about={"look": look, **about})
    return Window(pixels, name=name, look=Look(**look), **about)
