"""The pages of the interface, one for each package, written from what `__all__` offers.

A package offers what its `__init__` lists; the kernels below `awe.calib` and the classes of
`awe.model` are offered by their modules. An object is described once, on the page of the first
package that offers it; `awe` itself comes last and points at the others.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["FOLDER", "modules", "pages"]

FOLDER = Path("reference") / "interface"
#: Packages whose modules are offered too.
BY_MODULE = ("awe.calib", "awe.model")
ALONE = ("awe.errors", "awe.config")
#: What only the services, the tests and the command line use.
INSIDE = ("awe.admin", "awe.services", "awe.web", "awe.prompt", "awe.docs", "awe.db.schema")


def modules() -> list[str]:
    """Return the modules that get a page, `awe` last."""
    package = importlib.import_module("awe")
    found = []
    for entry in pkgutil.walk_packages(package.__path__, "awe."):
        name = entry.name
        private = any(part.startswith("_") for part in name.split("."))
        if private or name.startswith(INSIDE):
            continue
        if entry.ispkg or name in ALONE or name.startswith(BY_MODULE):
            found.append(name)
    return [*sorted(found), "awe"]


def pages() -> dict[str, str]:
    """Return the text of every page, by the name of its module."""
    described: dict[int, str] = {}
    written = {}
    for name in modules():
        module = importlib.import_module(name)
        offered = list(_offered(module))
        if offered:
            written[name] = _page(module, offered, described)
    return written


def _offered(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name in sorted(getattr(module, "__all__", ())):
        thing = getattr(module, name)
        if not inspect.ismodule(thing) and not name.startswith("__"):
            yield name, thing


def _page(module: ModuleType, offered: list[tuple[str, Any]], described: dict[int, str]) -> str:
    title = module.__name__
    text = [title, "=" * len(title), "", f".. automodule:: {title}", "   :no-index:", ""]
    new = [(name, thing) for name, thing in offered if id(thing) not in described]
    old = [(name, thing) for name, thing in offered if id(thing) in described]
    for name, thing in new:
        described[id(thing)] = f"{title}.{name}"
        text += _entry(title, name, thing)
    if old:
        text += ["", "Described elsewhere:", ""]
        text += [f"* ``{name}``: :py:obj:`{described[id(thing)]}`" for name, thing in old]
    return "\n".join([*text, ""])


def _entry(module: str, name: str, thing: Any) -> list[str]:
    if inspect.isclass(thing):
        kind = "autoexception" if issubclass(thing, BaseException) else "autoclass"
        options = [] if hasattr(thing, "_attributes") else ["   :members:"]
        return [f".. {kind}:: {module}::{name}", *options, ""]
    if inspect.isroutine(thing):
        return [f".. autofunction:: {module}::{name}", ""]
    return [f".. py:data:: {module}.{name}", "", f"   {_first(thing)}", ""]


def _first(thing: Any) -> str:
    kind = type(thing)
    if kind.__module__.startswith("awe."):
        return " ".join((inspect.getdoc(thing) or kind.__name__).split("\n\n")[0].split())
    return f"A constant of type ``{kind.__name__}``."


def write(app: Any, _settings: Any) -> None:
    """Write the pages below the sources; pages of modules that are gone are removed."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    texts = pages()
    for path in folder.glob("*.rst"):
        if path.stem not in texts:
            path.unlink()
    for name, text in texts.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def setup(app: Any) -> dict[str, bool]:
    """Write the pages before Sphinx looks for sources."""
    app.connect("config-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
