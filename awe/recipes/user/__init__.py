"""The user's own recipes: the package whose files are in the user's directories.

`$AWE_RECIPES` (directories separated as in PATH) comes first, then `AWE_HOME/recipes`. The text a
module was loaded from stays with its loader, so that what made a product is known even when the
file changes; compiled files are neither read nor left, they tell changes apart by seconds.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from awe.config import home_directory

__all__ = ["KEPT", "Loader", "directories", "is_current", "look_again"]


#: beginning of the names of modules that are loaded by the digest of their text
KEPT = "kept_"


class Loader(importlib.machinery.SourceFileLoader):
    """Loads a module from its source alone, and remembers the source."""

    loaded: bytes | None = None

    def path_stats(self, path: Any) -> Any:
        """Say that there is nothing to compare a compiled file with."""
        raise OSError(path)

    def get_data(self, path: str) -> bytes:
        """Return the bytes of the file."""
        self.loaded = super().get_data(path)
        return self.loaded


class _Finder(MetaPathFinder):
    """Finds the modules of this package."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        file = _file_of(fullname)
        if file is None:
            return None
        loader = Loader(fullname, str(file))
        return importlib.util.spec_from_file_location(fullname, file, loader=loader)


def _file_of(fullname: str) -> Path | None:
    """Return the file of a module of this package."""
    package, _, stem = fullname.rpartition(".")
    if package != __name__:
        return None
    files = (Path(directory) / f"{stem}.py" for directory in __path__)
    return next((file for file in files if file.is_file()), None)


def is_current(fullname: str, loader: Loader) -> bool:
    """Return True if a module was loaded from the file and text that would be loaded now.

    Parameters
    ----------
    fullname : str
        Full name of the module.
    loader : Loader
        Loader that would load it now.
    """
    if fullname.startswith(f"{__name__}.{KEPT}"):
        return True  # its name is the digest of its text
    file = _file_of(fullname)
    return file is not None and str(file) == loader.path and file.read_bytes() == loader.loaded


def directories() -> list[Path]:
    """Return the directories searched, the one that wins first."""
    named = os.environ.get("AWE_RECIPES", "").split(os.pathsep)
    return [Path(name).expanduser() for name in named if name] + [home_directory() / "recipes"]


def look_again() -> None:
    """Take the directories as they are configured now."""
    __path__[:] = [str(directory) for directory in directories()]


look_again()
sys.meta_path.insert(0, _Finder())
