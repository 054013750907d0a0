"""Modules of `astro.main`, `astro.recipes` and so on, one for each name, made when imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType

from awe.errors import nearest
from awe_astrowise import names

__all__ = ["install"]

#: Packages whose modules are called like what is in them.
FOLDERS = ("astro.main", "astro.recipes", "astro.database", "astro.util", "astro.services",
           "astro.toolbox", "astro.external")  # fmt: skip


class NoSuchModule(names.NotInAwe, ModuleNotFoundError):
    """A module of Astro-WISE that has nothing in awe."""


class Modules(MetaPathFinder, Loader):
    """Finds and makes them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to make a module of one of the folders."""
        folder, _, last = fullname.rpartition(".")
        if folder not in FOLDERS:
            return None
        if not names.module_names(fullname):
            close = nearest(last, names.every())
            msg = (
                f"no module {fullname!r}: awe has nothing called {last}{close}; "
                "docs/reference/astrowise.md lists what there is instead"
            )
            raise NoSuchModule(msg)
        return spec_from_loader(fullname, self)

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the making of an empty module to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Let the module offer every name, and `*` those it is called after."""
        load, offered = names.offer(module.__name__)
        vars(module).update(__getattr__=load, __all__=offered)


def install() -> None:
    """Let Python find these modules; a second call changes nothing."""
    if not any(isinstance(finder, Modules) for finder in sys.meta_path):
        sys.meta_path.append(Modules())
