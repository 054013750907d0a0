"""What a name of Astro-WISE is here: an object of awe, one of this layer, or a placeholder."""

from __future__ import annotations

import importlib
from typing import Any

from awe import astrowise
from awe.errors import UserMistake
from awe.lazy import resolve
from awe.prompt import namespace

__all__ = ["LAYER", "NotInAwe", "Placeholder", "every", "find", "module_names"]

#: Names that this layer gives another meaning than the prompt, and where they are.
LAYER = {
    "Env": "awe_astrowise.environment:Env",
    "database": "awe_astrowise.database:database",
    "profiles": "awe_astrowise.profiles:profiles",
    "Message": "awe_astrowise.message:Message",
    "darma": "darma",
    "classcache": "awe_astrowise.classes:classcache",
    "DataObject": "awe.model.data:DataObject",
    "Context": "awe_astrowise.classes:Context",
    "ProcessTarget": "awe.model.mixins:ProcessTarget",
    "RawFrame": "awe.model.raw:RawFrame",
    "BaseFrame": "awe.model.calibrations:BaseFrame",
}

#: Names that were spelt otherwise, and what they are called here.
SPELT = {"AweEnvironment": "Env", "dpu_client": "dpu", "Processor": "dpu"}


class NotInAwe(UserMistake, NotImplementedError):
    """Something of Astro-WISE that awe has not; the message says what to use instead."""


class Placeholder:
    """A class, task or tool of Astro-WISE that awe has not; any use of it says what to use.

    Parameters
    ----------
    name : str
        Its name in Astro-WISE.
    instead : str
        What to use instead.
    """

    def __init__(self, name: str, instead: str) -> None:
        self.__dict__.update(_name=name, _instead=instead)

    def _refuse(self, *arguments: Any, **keywords: Any) -> Any:
        msg = f"{self._name}: {self._instead}"
        raise NotInAwe(msg)

    __call__ = __getitem__ = __iter__ = __len__ = __bool__ = __setattr__ = _refuse

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._refuse()

    def __repr__(self) -> str:
        return f"<{self._name} of Astro-WISE: {self._instead}>"


def find(name: str) -> Any:
    """Return what a name of Astro-WISE means.

    Parameters
    ----------
    name : str
        A name such as `'RawScienceFrame'`, `'dpu'`, `'Env'` or `'CoaddTask'`.

    Raises
    ------
    AttributeError
        Neither awe nor this layer knows it.
    """
    name = SPELT.get(name, name)
    if name in LAYER:
        return resolve(LAYER[name])
    if instead := astrowise.of_name(name):
        return Placeholder(name, instead)
    return namespace.find(name)


def every() -> list[str]:
    """Return all names: what `from astro.main.aweimports import *` gives."""
    return sorted({*namespace.names(), *LAYER, *astrowise.INSTEAD})


def module_names(module: str) -> list[str]:
    """Return the names of a module of `astro` or `common` that is named like what it holds."""
    _, _, last = module.rpartition(".")
    return [name for name in (last, f"{last}Task") if name in every()]


def offer(module: str) -> tuple[Any, list[str]]:
    """Return `__getattr__` and `__all__` of a module of `astro` or `common`."""

    def load(name: str) -> Any:
        if name.startswith("_"):
            msg = f"module {module!r} has no attribute {name!r}"
            raise AttributeError(msg)
        return find(name)

    importlib.import_module("awe_astrowise.session").ready()
    return load, module_names(module)
