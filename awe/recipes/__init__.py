"""Recipes: one file each, found by looking, never listed.

A recipe is a class `<Identifier>Task`, a subclass of `Task`, in a file of this directory or in a
file of the user's own: `AWE_HOME/recipes/` or the directories in `$AWE_RECIPES`. Files are
searched for that class statement and imported only when their recipe is wanted; a file of the
user's own that has changed since is read again.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

from awe.errors import ArgumentError, nearest
from awe.lazy import resolve
from awe.recipes import user
from awe.tasks.task import Argument, Task, Unit

__all__ = [
    "CLASS",
    "Argument",
    "Task",
    "Unit",
    "available",
    "chain",
    "find",
    "find_ours",
    "fresh",
    "is_ours",
    "load_file",
]

CLASS = re.compile(r"^class ([A-Z]\w*)Task\(", re.MULTILINE)


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
    """Return the task classes of a sequence such as `'ReadNoise>Bias>HotPixels'`.

    Parameters
    ----------
    sequence : str
        Identifiers of recipes, joined by `>`.
    """
    return [find(identifier.strip()) for identifier in sequence.split(">")]


def find_ours(recipe: str) -> type[Task]:
    """Return the task class of a recipe of awe's own, also where somebody's replaces it.

    Parameters
    ----------
    recipe : str
        Identifier of the recipe, such as `'Reduce'`.

    Raises
    ------
    ArgumentError
        Awe has no such recipe.
    """
    known = _scan(Path(__file__).parent, __name__)
    if recipe not in known:
        msg = f"this version of awe has no recipe {recipe!r}{nearest(recipe, list(known))}"
        raise ArgumentError(msg)
    return _load(recipe, known[recipe])


def is_ours(recipe: str) -> bool:
    """Return True if awe has a recipe of that name.

    Parameters
    ----------
    recipe : str
        Identifier of the recipe, such as `'Reduce'`.
    """
    return recipe in _scan(Path(__file__).parent, __name__)


def load_file(recipe: str, path: Path) -> type[Task]:
    """Return the task class of a recipe from a file of the user's own.

    Parameters
    ----------
    recipe : str
        Identifier of the recipe.
    path : Path
        Path of the file that defines it.
    """
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name = f"{user.__name__}.{user.KEPT}{digest[:40]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            name, path, loader=user.Loader(name, str(path))
        )
        if spec is None or spec.loader is None:
            msg = f"recipe {recipe!r} cannot be read from {path}"
            raise ArgumentError(msg)
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[name]
            msg = f"recipe {recipe!r} of {path} does not load: {type(error).__name__}: {error}"
            raise ArgumentError(msg) from error
    return _load(recipe, f"{name}:{recipe}Task")


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


def _load(recipe: str, target: str) -> type[Task]:
    try:
        task: Any = fresh(target)
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
