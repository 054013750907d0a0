"""The names that are there at the prompt, in scripts and in notebooks, without an import.

One short table of names that exist once; everything else is derived: persistent classes from
their registry, tasks from the recipes found by name. Nothing here loads numpy, scipy, astropy,
matplotlib or sqlalchemy; a test holds that. A task that cannot be loaded (a user's own recipe
with a mistake) is left out and named in a warning, it does not stop the prompt.
"""

from __future__ import annotations

import re
from typing import Any

from awe import columns, errors, recipes
from awe.config import Environment
from awe.db.declare.registry import declared
from awe.dpu import LocalProcessor, Processor
from awe.errors import nearest
from awe.lazy import resolve
from awe.model import classes
from awe.prompt.page import Help
from awe.terminal import err

__all__ = ["SINGLE", "add_tasks", "build", "find", "names"]

TASK = re.compile(r"\b[A-Z]\w*Task\b")

SINGLE: dict[str, str] = {
    "context": "awe.context:context",
    "connect": "awe.prompt.session:connect",
    "database": "awe.db.server.connection:database",
    "datetime": "datetime",
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

OF_SESSION = ("Env", "dpu", "lpu", "help")
"""Names of things a session has one of; they are made when they are first used."""

_session: dict[str, Any] = {}


def build(environment: Environment) -> dict[str, Any]:
    """Return the namespace of a session.

    Parameters
    ----------
    environment : Environment
        Becomes `Env`.
    """
    begin(environment)
    found: dict[str, Any] = {"__name__": "__main__", "__doc__": None}
    found.update(_session)
    found.update({name: resolve(target) for name, target in SINGLE.items()})
    found.update(_errors())
    found.update(_classes())
    found.update(_tasks())
    return found


def begin(environment: Environment) -> None:
    """Make what a session has one of, by this configuration.

    Parameters
    ----------
    environment : Environment
        Becomes `Env`.
    """
    columns.limit(environment.max_width)
    _session.update(
        Env=environment, dpu=Processor(environment.dpu_name), lpu=LocalProcessor(), help=Help()
    )


def names() -> list[str]:
    """Return the names there are at the prompt: what `from awe import *` gives."""
    return sorted({*OF_SESSION, *SINGLE, *_errors(), *_classes(), *_tasks()})


def find(name: str) -> Any:
    """Return what a name means at the prompt: what `awe.<name>` gives in a script.

    Parameters
    ----------
    name : str
        A name such as `'dpu'`, `'RawScienceFrame'`, `'ReduceTask'` or `'NoCalibration'`.

    Raises
    ------
    AttributeError
        The prompt has no such name.
    """
    if name in OF_SESSION:
        if not _session:
            begin(Environment.load())
        return _session[name]
    if name in SINGLE:
        return resolve(SINGLE[name])
    for kind in (_errors, _classes):
        if name in (known := kind()):
            return known[name]
    targets = recipes.available()
    if name.removesuffix("Task") in targets and name.endswith("Task"):
        return recipes.fresh(targets[name.removesuffix("Task")])
    msg = f"module 'awe' has no attribute {name!r}{nearest(name, names())}"
    raise AttributeError(msg)


def add_tasks(names: dict[str, Any], text: str) -> dict[str, Any]:
    """Add the tasks that a line names and whose files came, or changed, since the prompt began.

    Returns what was added.

    Parameters
    ----------
    names : dict
        Namespace of the prompt.
    text : str
        What was typed.
    """
    new: dict[str, Any] = {}
    named = {name for name in TASK.findall(text) if name not in names or _is_own(names[name])}
    if named:
        targets = recipes.available().items()
        new = _loaded({key: target for key, target in targets if f"{key}Task" in named})
        names.update(new)
    return new


def _is_own(task: Any) -> bool:
    return str(getattr(task, "__module__", "")).startswith("awe.recipes.user.")


def _errors() -> dict[str, Any]:
    """Return the errors by name, so that `except NoCalibration:` works as it is printed."""
    return {name: getattr(errors, name) for name in errors.__all__ if name != "nearest"}


def _classes() -> dict[str, Any]:
    classes.load()
    return dict(declared)


def _tasks() -> dict[str, Any]:
    return _loaded(recipes.available())


def _loaded(targets: dict[str, str]) -> dict[str, Any]:
    found = {}
    for identifier, target in targets.items():
        try:
            found[target.partition(":")[2]] = recipes.fresh(target)
        except Exception as error:
            line = " ".join(str(error).split())
            err(f"recipe {identifier} left out: {type(error).__name__}: {line}\n")
    return found
