"""The awe prompt: query CCD frames, choose calibrations, run recipes, look at the result.

A script has everything the prompt has by name:

>>> import awe
>>> awe.connect()
AWSTUDENT in OMEGACAM@VST, privileges 1 (MyDB)
>>> query = awe.RawScienceFrame.chip.name == 'ESO_CCD_#65'
>>> awe.ReduceTask(instrument='OMEGACAM', template='2012-06-01T08:51:44').execute()

`from awe import *` gives these names without `awe.` in front: `context`, `dpu`, `lpu`, `Pars`,
`connect`, every persistent class, every task, every error. Each is loaded when it is first used;
type checkers read them in the file `__init__.pyi`.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

from awe.lazy import resolve

__version__ = "0.1.0"


class _Awe(ModuleType):
    """The package: its modules, and the names of the prompt."""

    #: Modules with the name of an object of the prompt: `awe.dpu` is the object, and its modules
    #: are imported as before: `from awe.dpu.client import Processor`.
    _objects = ("context", "dpu", "inspect")

    def __getattr__(self, name: str) -> object:
        if name == "__all__":
            return resolve("awe.prompt.namespace:names")()
        if name.startswith("_") or (name not in self._objects and _is_module(name)):
            msg = f"module 'awe' has no attribute {name!r}"
            raise AttributeError(msg)
        return resolve("awe.prompt.namespace:find")(name)

    def __setattr__(self, name: str, value: object) -> None:
        # the import system sets each module on its package once it is loaded
        if name not in self._objects:
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *self.__all__})


def _is_module(name: str) -> bool:
    place = os.path.join(os.path.dirname(__file__), name)  # noqa: PTH118, PTH120 - pathlib is slow
    return os.path.isdir(place) or os.path.isfile(f"{place}.py")  # noqa: PTH112, PTH113


sys.modules[__name__].__class__ = _Awe


def load_ipython_extension(shell: object) -> None:
    """Log in and put the names of the prompt into a notebook: what `%load_ext awe` calls."""
    resolve("awe.prompt.notebook:load")(shell)


def unload_ipython_extension(shell: object) -> None:
    """Log out and take the names away again: what `%unload_ext awe` calls."""
    resolve("awe.prompt.notebook:unload")(shell)
