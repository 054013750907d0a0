"""Which recipes there are, found by looking at files, never listed; nothing of a task is loaded.

A recipe is a class `<Identifier>Task`, a subclass of `Task`, in a file of `awe/recipes` or in a
file of the user's own: `AWE_HOME/recipes/` or the directories in `$AWE_RECIPES`. Files are
searched for that class statement and imported only when their recipe is wanted; a file of the
user's own that has changed since is read again.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

from awe.lazy import resolve
from awe.recipes import user

__all__ = ["CLASS", "available", "fresh", "ours"]

CLASS = re.compile(r"^class ([A-Z]\w*)Task\(", re.MULTILINE)
PACKAGE = user.__name__.rpartition(".")[0]


def available() -> dict[str, str]:
    """Return identifier -> `"module:class"` of every recipe, the user's own last.

    A recipe of the user's own with the identifier of one of awe's takes its place.
    """
    return ours() | _scan_user()


def ours() -> dict[str, str]:
    """Return identifier -> `"module:class"` of every recipe of awe's own."""
    return _scan(Path(user.__file__).parents[1], PACKAGE)


def fresh(target: str) -> Any:
    """Return what `"module:class"` names; a file of the user's own that changed is read again.

    Parameters
    ----------
    target : str
        Module and class of the recipe, joined by a colon.
    """
    name = target.partition(":")[0]
    loader = getattr(sys.modules.get(name), "__loader__", None)
    if isinstance(loader, user.Loader) and not user.is_current(name, loader):
        del sys.modules[name]
    return resolve(target)


def _scan(directory: Path, package: str) -> dict[str, str]:
    found = {}
    for path in sorted(directory.glob("[!_]*.py")):
        for identifier in CLASS.findall(path.read_text(encoding="utf-8", errors="replace")):
            found[identifier] = f"{package}.{path.stem}:{identifier}Task"
    return found


def _scan_user() -> dict[str, str]:
    user.look_again()
    importlib.invalidate_caches()
    found: dict[str, str] = {}
    for directory in reversed(user.directories()):
        if directory.is_dir():
            found |= _scan(directory, user.__name__)
    return found
