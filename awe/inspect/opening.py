"""Where a new window of `inspect()` is: in the viewer where there can be one, else here."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

from awe.inspect import backend, viewer
from awe.inspect.inspection import Inspection
from awe.inspect.picture import Look
from awe.inspect.proxy import Remote
from awe.inspect.reel import Reel
from awe.inspect.remembered import recalled
from awe.inspect.sight import Sight
from awe.inspect.window import Window
from awe.terminal import out

__all__ = ["opened"]

#: standard deviations of the display range
KAPPA = 4.0


def opened(
    sight: Sight,
    reel: Reel,
    *,
    look: dict[str, Any],
    browser: bool = False,
    other: Sight | None = None,
    **about: Any,
) -> Inspection:
    """Return a new window, which is not on the screen yet if it is of this process.

    Parameters
    ----------
    sight : Sight
        The image.
    reel : Reel
        Frames of which this is one.
    look : dict
        Fields of `Look`.
    browser : bool
        Show it in a browser, and say where.
    other : Sight, optional
        An image to compare with.
    **about : Any
        Other arguments of `Window`.
    """
    look = _with_last(look)
    away = viewer.ready(browser=browser) if viewer.apart(browser=browser) else None
    if away is not None:
        about["look"] = look
        window = Remote(away, sight, reel=reel, about=about, other=other)
        if browser:
            out(_where(away.address) + "\n")
        return window
    if browser:
        out("this system has no windows in a browser (that takes Linux)\n")
    return Window(sight, look=Look(**look), reel=reel, other=other, **about)


def _where(address: str) -> str:
    """Return one line about the address of windows in a browser."""
    port = urlsplit(address).port
    there = f"ssh -L {port}:127.0.0.1:{port} {socket.gethostname()}"
    return f"in your browser: {address} (from another machine after: {there})"


def _with_last(look: dict[str, Any]) -> dict[str, Any]:
    """Return how to show an image: what was said, else what was chosen last, else the usual."""
    last, damage = recalled() if backend.on_desktop() else ({}, "")
    if damage:
        out(damage + "\n")
    said = {name: value for name, value in look.items() if value is not None}
    if {"kappa", "lower", "upper"} & set(said):
        last.pop("range", None)
    usual = {"kappa": KAPPA, "cmap": "gray", "lower": None, "upper": None}
    return {**usual, **last, **said}
