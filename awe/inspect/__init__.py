"""Looking at images: a window with single-key tools, results returned to the prompt.

Arrays and headers only: nothing here knows the database. Importing the package is cheap;
matplotlib is loaded when a window is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.inspect.examination import Examination
    from awe.inspect.frame import Frame, examine, inspect
    from awe.inspect.inspection import Inspection
    from awe.inspect.keys import KEYS, Key, help_text
    from awe.inspect.picture import Look, Picture
    from awe.inspect.quality import plot
    from awe.inspect.spot import Reading, Spot
    from awe.inspect.window import Window, figures

__all__ = [
    "KEYS",
    "Examination",
    "Frame",
    "Inspection",
    "Key",
    "Look",
    "Picture",
    "Reading",
    "Spot",
    "Window",
    "examine",
    "figures",
    "help_text",
    "inspect",
    "plot",
]

face(__name__)
