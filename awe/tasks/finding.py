"""Recipes by name: the task class of one, of a chain, of one of awe's own, of a file."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from awe.astrowise import of_recipe
from awe.errors import ArgumentError, nearest
from awe.recipes import user
from awe.tasks.scan import available, fresh, ours
from awe.tasks.task import Task

__all__ = ["SPELT", "chain", "find", "find_ours", "is_ours", "load_file"]


#: names of Astro-WISE for recipes that awe has under another
SPELT = {
    "AstrometricParameters": "Astrometry", "GAstrometry": "GAstrom", "GAstromSL": "SourceList",
    "GAstromSourceList": "SourceList",
}  # fmt: skip


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
    recipe = SPELT.get(recipe.removesuffix("Task"), recipe) if recipe not in known else recipe
    target = known.get(recipe) or known.get(recipe.removesuffix("Task"))
    if target is None:
        instead = of_recipe(recipe) or f"there are: {', '.join(sorted(known))}"
        msg = f"no recipe {recipe!r}{nearest(recipe, list(known))}; {instead}"
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
    known = ours()
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
    return recipe in ours()


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


def _load(recipe: str, target: str) -> type[Task]:
    try:
        task: Any = fresh(target)
    except Exception as error:
        if not target.startswith(f"{user.__name__}."):
            raise
        msg = f"recipe {recipe!r} of your own does not load: {type(error).__name__}: {error}"
        raise ArgumentError(msg) from error
    if not (isinstance(task, type) and issubclass(task, Task)):
        msg = f"recipe {recipe!r} ({target}) is not a subclass of awe.recipes.Task"
        raise ArgumentError(msg)
    return task
