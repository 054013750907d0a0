"""`Pars`: the process parameters of a recipe or class as a tree to look at and to change.

Values are those of the declarations (`awe.model.parameters`) overlaid with the instrument's. A new
value is checked at once; `get()` returns only what was changed, ready for a task's `pars=`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from awe import instruments, recipes
from awe.db.declare.registry import registry
from awe.db.objects.base import DBObject
from awe.errors import ArgumentError, AttributeUnknown, nearest
from awe.model.classes import load
from awe.model.parameters import parameters_class
from awe.recipes import available
from awe.terminal import out

if TYPE_CHECKING:
    from awe.model.parameters import ProcessParameters, Value

__all__ = ["Pars"]


class ParameterSet:
    """The parameters of one class; attributes read and set values, Tab completes their names."""

    _class: type[ProcessParameters]
    _defaults: dict[str, Value]
    _changes: dict[str, Value]

    def __init__(self, cls: type[ProcessParameters], instrument: str | None) -> None:
        self.__dict__["_class"] = cls
        self.__dict__["_defaults"] = cls.defaults(instrument)
        self.__dict__["_changes"] = {}

    def __getattr__(self, name: str) -> Value:
        if name in self._changes:
            return self._changes[name]
        if name not in self._defaults:
            hint = nearest(name, list(self._defaults))
            msg = f"{self._class.product} has no parameter {name!r}{hint}"
            raise AttributeUnknown(msg)
        return self._defaults[name]

    def __setattr__(self, name: str, value: object) -> None:
        checked = self._class.check(name, value)
        self._changes.pop(name, None)
        if checked != self._defaults[name]:
            self._changes[name] = checked

    def __dir__(self) -> list[str]:
        return sorted(self._defaults)

    def __repr__(self) -> str:
        return "\n".join(self.lines(""))

    def lines(self, guide: str) -> Iterator[str]:
        """Yield one line per parameter, in alphabetical order."""
        for name in sorted(self._defaults):
            note = f"  (default {self._defaults[name]})" if name in self._changes else ""
            yield f"{guide}+--{name}: {getattr(self, name)}{note}"


class Branch:
    """One class in the tree: `pars.BiasFrame`."""

    process_params: ParameterSet

    def __init__(self, process_params: ParameterSet) -> None:
        self.__dict__["process_params"] = process_params

    def __setattr__(self, name: str, value: object) -> None:
        msg = f"set a parameter: ...process_params.<NAME> = value, not {name}"
        raise AttributeUnknown(msg)

    def __getattr__(self, name: str) -> Any:
        msg = f"no {name!r} here{nearest(name, ['process_params'])}; parameters: process_params"
        raise AttributeUnknown(msg)

    def __dir__(self) -> list[str]:
        return ["process_params"]

    def __repr__(self) -> str:
        return repr(self.process_params)


class Pars:
    """All process parameters of a recipe, a task class or a product class.

    Parameters
    ----------
    target : str, Task class or persistent class
        `'Reduce'`, a sequence `'ReadNoise>Bias'`, `ReduceTask` or `ReducedScienceFrame`.
    instrument : str, optional
        Camera whose values are the defaults.
    filter, chip : str, optional
        Accepted where scripts give them; no camera has values of its own per filter or chip.

    Examples
    --------
    >>> p = Pars('Reduce', instrument='OMEGACAM')
    >>> p.ReducedScienceFrame.process_params.FRINGE_THRESHOLD_HIGH = 6.0
    >>> p.get()
    {'ReducedScienceFrame.process_params.FRINGE_THRESHOLD_HIGH': 6.0}
    """

    def __init__(
        self,
        target: Any,
        *,
        instrument: str | None = None,
        filter: str | None = None,
        chip: str | None = None,
    ) -> None:
        camera = getattr(instrument, "name", instrument)
        _check_chip(camera, chip)
        branches = {}
        for product in _products(target):
            cls = parameters_class(product)
            if cls is not None:
                branches[product] = Branch(ParameterSet(cls, camera))
        if not branches:
            msg = f"{target!r} has no process parameters; give a recipe, a task or a product class"
            raise ArgumentError(msg)
        self.__dict__["_branches"] = branches

    def __getattr__(self, name: str) -> Branch:
        branches: dict[str, Branch] = self.__dict__.get("_branches", {})
        if name in branches:
            return branches[name]
        known = ", ".join(branches)
        msg = f"no class {name!r} here{nearest(name, list(branches))}; there are: {known}"
        raise AttributeUnknown(msg)

    def __setattr__(self, name: str, value: object) -> None:
        first = next(iter(self._branches_by_name()))
        msg = f"set a parameter, for example pars.{first}.process_params.<NAME> = {value!r}"
        raise AttributeUnknown(msg)

    def __dir__(self) -> list[str]:
        return [*self._branches_by_name(), "get", "show"]

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def show(self) -> None:
        """Print the tree of all parameters."""
        out("\n".join(self._lines()) + "\n")

    def get(self) -> dict[str, Value]:
        """Return what was changed: `{'<class>.process_params.<NAME>': value}`."""
        return {
            f"{product}.process_params.{name}": value
            for product, branch in self._branches_by_name().items()
            for name, value in branch.process_params._changes.items()
        }

    def _branches_by_name(self) -> dict[str, Branch]:
        branches: dict[str, Branch] = self.__dict__["_branches"]
        return branches

    def _lines(self) -> Iterator[str]:
        for product, branch in self._branches_by_name().items():
            yield product
            yield " |"
            yield " +--process_params"
            yield " |   |"
            yield from branch.process_params.lines(" |   ")
            yield " |"


def _products(target: Any) -> list[str]:
    """Return the names of the product classes behind a target."""
    load()
    if isinstance(target, str):
        if _is_class(target):
            return [target]
        names = [name for task in recipes.chain(target) for name in task.makes]
        return list(dict.fromkeys(names))
    if isinstance(target, type) and issubclass(target, recipes.Task):
        return list(target.makes)
    if isinstance(target, recipes.Task):
        return list(target.makes)
    if isinstance(target, type) and issubclass(target, DBObject):
        return [target.__name__]
    msg = (
        f"Pars expects a recipe ('Reduce'), a task (ReduceTask) or a class (BiasFrame), "
        f"got {target!r}"
    )
    raise ArgumentError(msg)


def _is_class(name: str) -> bool:
    return name in registry and parameters_class(name) is not None and name not in available()


def _check_chip(camera: str | None, chip: Any) -> None:
    if camera is None or chip is None:
        return
    instruments.get(camera).chip(getattr(chip, "name", chip))
