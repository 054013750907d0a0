"""Values that exist, for Tab inside quotes: from memory, or from the database in 0.1 s.

A question to the database runs in a thread of its own with a connection of its own, so that
neither a slow server nor a transaction of the user's comes between. What comes late is there for
the next Tab; what was found is kept for a minute. Nothing here raises.
"""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from awe import recipes as found
from awe.db.declare import registry
from awe.db.query.compiler import quoted, table
from awe.db.server.connection import database
from awe.dpu.planning import BACK_ENDS
from awe.inspect.keys import KEYS

__all__ = ["back_ends", "colour_maps", "hot_keys", "interpolations", "module", "named",
           "of_attribute", "persons", "projects", "recipes", "saved"]  # fmt: skip

#: Seconds Tab waits for an answer, and seconds an answer is kept.
PATIENCE = 0.07
KEPT = 60.0
#: Rows looked at, and values offered, at most.
LOOKED_AT = 20000
MOST = 300
TIMEOUT = "2s"

#: Colour maps that are there before matplotlib is.
COLOURS = ("gray", "gray_r", "viridis", "plasma", "inferno", "magma", "cividis", "hot", "jet")

_known: dict[Any, tuple[float, list[str]]] = {}
_asked: set[Any] = set()


def recipes() -> Iterable[str]:
    """Return the identifiers of all recipes."""
    return found.available()


def projects() -> list[str]:
    """Return the names of the projects one may see."""
    return _answered("projects", lambda: _column("SELECT name FROM awe.project"))


def persons() -> list[str]:
    """Return the logins of all persons."""
    text = "SELECT upper(role_name::text) FROM awe.users"
    return _answered("persons", lambda: _column(text))


def saved() -> list[str]:
    """Return the names of the saved queries one may load."""
    return _answered("saved", lambda: _column("SELECT name FROM awe.saved_query"))


def named(cls: str) -> list[str]:
    """Return the names of the objects of a small class."""
    return of_attribute(cls, ("name",))


def of_attribute(cls: str, steps: tuple[str, ...]) -> list[str]:
    """Return values of an attribute of text: those of the first objects of its own class."""
    owner: Any = registry.find(cls)
    for name in steps[:-1]:
        owner = owner._attribute(name).target
    attribute = owner._attribute(steps[-1])
    return _answered((owner.__name__, attribute.name), lambda: _values(owner, attribute))


def colour_maps() -> list[str]:
    """Return matplotlib's colour maps, a few of them before it is loaded."""

    def ask() -> list[str]:
        from matplotlib import colormaps

        return list(colormaps)

    return _remembered("colours", ask) or list(COLOURS)


def interpolations() -> list[str]:
    """Return matplotlib's ways to draw between pixels."""

    def ask() -> list[str]:
        from matplotlib.image import interpolations_names

        return list(interpolations_names)

    return _remembered("interpolations", ask) or ["nearest", "bilinear", "bicubic"]


def hot_keys() -> Iterable[str]:
    """Return the hot-keys of `inspect`."""
    return KEYS


def back_ends() -> Iterable[str]:
    """Return where jobs can be placed."""
    return BACK_ENDS


def module(name: str) -> ModuleType | None:
    """Return a module that is there, or soon; what takes long is there for the next Tab."""

    def ask() -> list[str]:
        importlib.import_module(name)
        return [name]

    if name == "numpy" or name.startswith("numpy."):
        return importlib.import_module(name)
    if name not in sys.modules:
        _remembered(("module", name), ask)
    return sys.modules.get(name)


def _answered(key: Any, ask: Callable[[], list[str]]) -> list[str]:
    """Return what the database says; one that is away is not brought back by a Tab."""
    return _remembered(key, ask) if database.connected else []


def _remembered(key: Any, ask: Callable[[], list[str]]) -> list[str]:
    """Return what is known; ask in the background if it is nothing, or old."""
    at, found = _known.get(key, (-KEPT, []))
    if time.monotonic() - at < KEPT or key in _asked:
        return found
    _asked.add(key)
    answered = threading.Event()

    def work() -> None:
        try:
            _known[key] = (time.monotonic(), ask())
        except Exception:  # completion does not report that nobody answers
            _known[key] = (time.monotonic() - KEPT / 2, found)
        finally:
            _asked.discard(key)
            answered.set()

    threading.Thread(target=work, name="awe-completion", daemon=True).start()
    answered.wait(PATIENCE)
    return _known.get(key, (0.0, found))[1]


def _column(text: str, parameters: Any = None) -> list[str]:
    """Return the first column of what a question finds, over a connection that ends with it."""
    try:
        database.command(f"SET statement_timeout = '{TIMEOUT}'")
        return sorted({row[0] for row in database.execute(text, parameters) if row[0]})
    finally:
        database.close()


def _values(owner: Any, attribute: Any) -> list[str]:
    values: set[str] = set()
    for cls in registry.concrete(owner):
        column = quoted(attribute.column)
        first = f"SELECT {column} AS v FROM {table(cls)} LIMIT %s"
        values.update(_column(f"SELECT DISTINCT v FROM ({first}) t LIMIT %s", (LOOKED_AT, MOST)))
    return sorted(values)
