"""The names that are there at the prompt, in scripts and in notebooks, without an import.

One short table of names that exist once; everything else is derived: persistent classes from
their registry, tasks from the recipes found by name. Nothing here loads numpy, scipy, astropy,
matplotlib or sqlalchemy; a test holds that. A task that cannot be loaded (a user's own recipe
with a mistake) is left out and named in a warning, it does not stop the prompt.
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

from awe import columns, errors
from awe.lazy import resolve
from awe.prompt.page import Help
from awe.terminal import err

if TYPE_CHECKING:
    from awe.config import Environment

__all__ = ["SINGLE", "add_tasks", "build"]

TASK = re.compile(r"\b[A-Z]\w*Task\b")

SINGLE: dict[str, str] = {
    "context": "awe.context:context",
    "database": "awe.db.server.connection:database",
    "Pars": "awe.pars:Pars",
    "DBObject": "awe.db.objects.base:DBObject",
    "persistent": "awe.db.objects.base:persistent",
    "calibrations": "awe.rules.timeline:calibrations",
    "obscore": "awe.rules.obscore:obscore",
    "Query": "awe.db.query.query:Query",
    "saved": "awe.db.query.saved:saved",
    "awe_help": "awe.prompt.page:awe_help",
}
"""Names of things that exist once, and where they are."""


def build(environment: Environment) -> dict[str, Any]:
    """Return the namespace of a session.

    Parameters
    ----------
    environment : Environment
        Becomes `Env`.
    """
    columns.limit(environment.max_width)
    names: dict[str, Any] = {"__name__": "__main__", "__doc__": None}
    names["datetime"] = datetime
    names["Env"] = environment
    names["help"] = Help()
    names.update({name: resolve(target) for name, target in SINGLE.items()})
    names["dpu"] = resolve("awe.dpu:Processor")(environment.dpu_name)
    names["lpu"] = resolve("awe.dpu:LocalProcessor")()
    names.update(_errors())
    names.update(_classes())
    names.update(_tasks())
    return names


def add_tasks(names: dict[str, Any], text: str) -> None:
    """Add the tasks that a line names and whose files came, or changed, since the prompt began.

    Parameters
    ----------
    names : dict
        Namespace of the prompt.
    text : str
        What was typed.
    """
    from awe import recipes

    named = {name for name in TASK.findall(text) if name not in names or _is_own(names[name])}
    if named:
        targets = recipes.available().items()
        new = {key: target for key, target in targets if f"{key}Task" in named}
        names.update(_loaded(new))


def _is_own(task: Any) -> bool:
    return str(getattr(task, "__module__", "")).startswith("awe.recipes.user.")


def _errors() -> dict[str, Any]:
    """Return the errors by name, so that `except NoCalibration:` works as it is printed."""
    return {name: getattr(errors, name) for name in errors.__all__ if name != "nearest"}


def _classes() -> dict[str, Any]:
    from awe.db.declare.registry import declared
    from awe.model import classes

    classes.load()
    return dict(declared)


def _tasks() -> dict[str, Any]:
    from awe import recipes

    return _loaded(recipes.available())


def _loaded(targets: dict[str, str]) -> dict[str, Any]:
    from awe import recipes

    found = {}
    for identifier, target in targets.items():
        try:
            found[target.partition(":")[2]] = recipes.fresh(target)
        except Exception as error:
            line = " ".join(str(error).split())
            err(f"recipe {identifier} left out: {type(error).__name__}: {line}\n")
    return found
