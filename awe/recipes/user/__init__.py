"""The user's own recipes: the package whose files lie in the user's directories.

`$AWE_RECIPES` (directories parted as in PATH) comes first, then `AWE_HOME/recipes`.
"""

from __future__ import annotations

import os
from pathlib import Path

from awe.config import home_directory

__all__ = ["directories", "look_again"]


def directories() -> list[Path]:
    """Return the directories searched, the one that wins first."""
    named = os.environ.get("AWE_RECIPES", "").split(os.pathsep)
    return [Path(name).expanduser() for name in named if name] + [home_directory() / "recipes"]


def look_again() -> None:
    """Take the directories as they are configured now."""
    __path__[:] = [str(directory) for directory in directories()]


look_again()
