"""The names that are there at the prompt, in scripts and in notebooks, without an import.

One short table of names that exist once; everything else is derived: persistent classes from
their registry, tasks from the recipes found by name. Nothing here loads numpy, scipy, astropy,
matplotlib or sqlalchemy; a test holds that. A task that cannot be loaded (a user's own recipe
with a mistake) is left out and named in a warning, it does not stop the prompt.

A session begins with the errors, the classes and what it has one of. Tasks and the names of the
table take longer to load than to ask the database something: a script gets those it names, the
prompt all of them with its first command or Tab.
"""

from __future__ import annotations

import re
import traceback
from pathlib import Path
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

__all__ = ["SINGLE", "add_all", "add_named", "add_tasks", "begun", "build", "find", "names"]

WORD = re.compile(r"[^\W\d]\w*")
TASK = re.compile(r"\b[A-Z]\w*Task\b")
#: Code with one of these words may use any name, without naming it.
LOOKING_UP = {
    "__main__", "breakpoint", "code", "compile", "dir", "embed", "eval", "exec", "globals",
    "interact", "locals", "pdb", "runpy", "vars",
}  # fmt: skip

SINGLE: dict[str, str] = {
    "context": "awe.context:context",
    "connect": "awe.prompt.session:connect",
    "database": "awe.db.server.connection:database",
    "datetime": "datetime",
    "Pars": "awe.pars:Pars",
    "DBObject": "awe.db.objects.base:DBObject",
    "persistent": "awe.db.objects.base:persistent",
    "calibrations": "awe.rules.timeline:calibrations",
    "find": "awe.db.objects.digits:find",
    "inspect": "awe.inspect.frame:inspect",
    "examine": "awe.inspect.frame:examine",
    "night": "awe.rules.nightreport:night",
    "obscore": "awe.rules.obscore:obscore",
    "Query": "awe.db.query.query:Query",
    "samp": "awe.inspect.samp:samp",
    "saved": "awe.db.query.saved:saved",
    "Sources": "awe.model.sourcerows:Sources",
    "transcript": "awe.prompt.transcript:transcript",
    "AstrometricParametersTask": "awe.recipes.astrometry:AstrometryTask",
    "GAstromSourceListTask": "awe.recipes.sourcelist:SourceListTask",
    "awe_help": "awe.prompt.page:awe_help",
}
"""Names of things that exist once, and where they are."""

OF_SESSION = ("Env", "dpu", "lpu", "help")
"""Names of things a session has one of; they are made when they are first used."""

_session: dict[str, Any] = {}


def build(environment: Environment) -> dict[str, Any]:
    """Return the namespace of a session, whole.

    Parameters
    ----------
    environment : Environment
        Becomes `Env`.
    """
    found = begun(environment)
    add_all(found)
    return found


def begun(environment: Environment) -> dict[str, Any]:
    """Return what the namespace of a session begins with.

    Parameters
    ----------
    environment : Environment
        Becomes `Env`.
    """
    begin(environment)
    return {"__name__": "__main__", "__doc__": None, **_session, **_errors(), **_classes()}


def add_all(names: dict[str, Any]) -> dict[str, Any]:
    """Add the names that a namespace does not have yet; return what was added.

    Parameters
    ----------
    names : dict
        The namespace.
    """
    return _add(names, None)


def add_named(names: dict[str, Any], code: str) -> dict[str, Any]:
    """Add the names a piece of code uses, all where it may look them up; return what was added.

    Parameters
    ----------
    names : dict
        The namespace.
    code : str
        What will be run with it.
    """
    words = set(WORD.findall(code))
    return _add(names, None if words & LOOKING_UP else words)


def _add(names: dict[str, Any], words: set[str] | None) -> dict[str, Any]:
    def wanted(name: str) -> bool:
        return name not in names and (words is None or name in words)

    new = {name: resolve(target) for name, target in SINGLE.items() if wanted(name)}
    if words is None or any(TASK.fullmatch(word) for word in words):
        targets = recipes.available().items()
        new |= _loaded({key: target for key, target in targets if wanted(f"{key}Task")})
    names.update(new)
    return new


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
            said = f"{type(error).__name__}: {line}{_place(error)}"
            err(f"recipe {identifier} left out: {said}\n")
    return found


def _place(error: Exception) -> str:
    """Return the line of a user's file that did not load, where the error does not name it."""
    ours = (str(Path(__file__).parents[1]), "<")
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith(ours)]
    if isinstance(error, SyntaxError) or not theirs:
        return ""
    return f" ({theirs[0].filename}, line {theirs[0].lineno})"
