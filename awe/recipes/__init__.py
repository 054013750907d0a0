"""Recipes: one file each, found by looking, never listed.

A recipe is a class `<Identifier>Task`, a subclass of `Task`, in a file of this directory or in a
file of the user's own: `AWE_HOME/recipes/` or the directories in `$AWE_RECIPES`. Files are
searched for that class statement and imported only when their recipe is wanted.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

from awe.errors import ArgumentError, nearest
from awe.lazy import resolve
from awe.recipes.task import Argument, Task, Unit

__all__ = ["Argument", "Task", "Unit", "available", "chain", "find"]

_CLASS = re.compile(r"^class ([A-Z]\w*)Task\(", re.MULTILINE)


def available() -> dict[str, str]:
    """Return identifier -> `"module:class"` of every recipe, the user's own last.

    A recipe of the user's own with the identifier of one of awe's takes its place.
    """
    return _scan(Path(__file__).parent, __name__) | _scan_user()


def find(recipe: str) -> type[Task]:
    """Return the task class of a recipe.

    Parameters
    ----------
    recipe : str
        Its identifier, `'Reduce'`; the name of its class, `'ReduceTask'`, will do.

    Raises
    ------
    ArgumentError
        There is no such recipe, or its file cannot be imported.
    """
    known = available()
    target = known.get(recipe) or known.get(recipe.removesuffix("Task"))
    if target is None:
        hint = nearest(recipe, list(known))
        msg = f"no recipe {recipe!r}{hint}; there are: {', '.join(sorted(known))}"
        raise ArgumentError(msg)
    return _load(recipe, target)


def chain(sequence: str) -> list[type[Task]]:
    """Return the task classes of a sequence such as `'ReadNoise>Bias>HotPixels'`."""
    return [find(identifier.strip()) for identifier in sequence.split(">")]


def _load(recipe: str, target: str) -> type[Task]:
    try:
        task: Any = resolve(target)
    except Exception as error:
        if not target.startswith(f"{__name__}.user."):
            raise
        msg = f"recipe {recipe!r} of your own does not load: {type(error).__name__}: {error}"
        raise ArgumentError(msg) from error
    if not (isinstance(task, type) and issubclass(task, Task)):
        msg = f"recipe {recipe!r} ({target}) is not a subclass of awe.recipes.Task"
        raise ArgumentError(msg)
    return task


def _scan(directory: Path, package: str) -> dict[str, str]:
    found = {}
    for path in sorted(directory.glob("[!_]*.py")):
        for identifier in _CLASS.findall(path.read_text(encoding="utf-8", errors="replace")):
            found[identifier] = f"{package}.{path.stem}:{identifier}Task"
    return found


def _scan_user() -> dict[str, str]:
    from awe.recipes import user

    user.look_again()
    importlib.invalidate_caches()
    found: dict[str, str] = {}
    for directory in reversed(user.directories()):
        if directory.is_dir():
            found |= _scan(directory, user.__name__)
    return found
