"""`Pars`: the process parameters of a recipe or class as a tree to look at and to change.

Values are those of the declarations (`awe.model.parameters`) overlaid with the instrument's. A new
value is checked at once, and may hold for a filter or chip only; `get()` returns only what was
changed, ready for a task's `pars=`. Differences and files are in `awe.parsfile`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from awe import columns, recipes
from awe.db.declare.registry import registry
from awe.db.objects.base import DBObject
from awe.errors import ArgumentError, AttributeUnknown, nearest
from awe.lazy import behaviour, class_behaviour
from awe.model.classes import load
from awe.model.given import Key, check_place
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
    #: those that hold where this one says nothing, for sets of a filter or chip
    _below: tuple[ParameterSet, ...]

    def __init__(
        self,
        cls: type[ProcessParameters],
        instrument: str | None,
        below: tuple[ParameterSet, ...] = (),
    ) -> None:
        self.__dict__["_class"] = cls
        self.__dict__["_defaults"] = cls.defaults(instrument)
        self.__dict__["_changes"] = {}
        self.__dict__["_below"] = below

    def __getattr__(self, name: str) -> Value:
        for one in (self, *self._below):
            if name in one._changes:
                return one._changes[name]
        if name not in self._defaults:
            hint = nearest(name, list(self._defaults))
            msg = f"{self._class.product} has no parameter {name!r}{hint}"
            raise AttributeUnknown(msg)
        return self._defaults[name]

    def __setattr__(self, name: str, value: object) -> None:
        checked = self._class.check(name, value)
        self._changes.pop(name, None)
        # for a filter or chip the default is a value as any other: something else may hold for all
        if self._below or checked != self._defaults[name]:
            self._changes[name] = checked

    def __dir__(self) -> list[str]:
        return sorted(self._defaults)

    def __repr__(self) -> str:
        return "\n".join(self.lines(""))

    def lines(self, guide: str) -> Iterator[str]:
        """Yield one line per parameter, in alphabetical order; those set for a filter or chip."""
        for name in sorted(self._changes if self._below else self._defaults):
            note = self.note(name)
            yield f"{guide}+--{name}: {getattr(self, name)}{f'  ({note})' if note else ''}"

    def note(self, name: str) -> str:
        """Return the default of a parameter that was changed, as words; else nothing."""
        return f"default {self._defaults[name]}" if name in self._changes else ""


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


class Tree:
    """Classes by name, each with its parameters."""

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
        return list(self._branches_by_name())

    def _branches_by_name(self) -> dict[str, Branch]:
        branches: dict[str, Branch] = self.__dict__["_branches"]
        return branches


class Pars(Tree):
    """All process parameters of a recipe, a task class or a product class.

    Parameters
    ----------
    target : str, Task class or persistent class
        `'Reduce'`, a sequence `'ReadNoise>Bias'`, `ReduceTask` or `ReducedScienceFrame`.
    instrument : str, optional
        Camera whose values are the defaults.
    filter, chip : str, optional
        Accepted where scripts give them, and checked; what is set holds for all frames. Values for
        a filter or chip only are set by `at`.

    Examples
    --------
    >>> p = Pars('Reduce', instrument='OMEGACAM')
    >>> p.ReducedScienceFrame.process_params.FRINGE_THRESHOLD_HIGH = 6.0
    >>> p.get()
    {'ReducedScienceFrame.process_params.FRINGE_THRESHOLD_HIGH': 6.0}
    >>> p.at(filter='OCAM_i_SDSS').CosmicMap.process_params.SIGMA_LIMIT = 6.0
    """

    diff = behaviour("awe.parsfile:diff")
    save = behaviour("awe.parsfile:save")
    load = class_behaviour("awe.parsfile:load")

    def __init__(
        self,
        target: Any,
        *,
        instrument: str | None = None,
        filter: str | None = None,
        chip: str | None = None,
    ) -> None:
        camera = getattr(instrument, "name", instrument)
        check_place(camera, chip=str(getattr(chip, "name", chip) or ""))
        branches = {}
        for product in _products(target):
            cls = parameters_class(product)
            if cls is not None:
                branches[product] = Branch(ParameterSet(cls, camera))
        if not branches:
            msg = f"{target!r} has no process parameters; give a recipe, a task or a product class"
            raise ArgumentError(msg)
        self.__dict__["_branches"] = branches
        self.__dict__["_places"] = {}
        self.__dict__["target"] = _named(target)
        self.__dict__["instrument"] = camera

    def at(self, *, filter: Any = None, chip: Any = None) -> Place:
        """Return the tree whose values hold for a filter or chip only, or for both.

        A value for a chip counts more than one for a filter, one for both counts most.

        Parameters
        ----------
        filter, chip : str or object
            Name of the filter and of the chip.

        Raises
        ------
        ArgumentError
            Neither is given, or the camera has no such filter.
        NotFound
            The camera has no such chip.
        """
        camera = self.__dict__["instrument"]
        names = tuple(str(getattr(one, "name", one) or "") for one in (filter, chip))
        if not any(names):
            msg = "at() expects a filter or a chip: p.at(filter='OCAM_i_SDSS')"
            raise ArgumentError(msg)
        check_place(camera, filter=names[0], chip=names[1])
        places: dict[tuple[str, ...], Place] = self.__dict__["_places"]
        if names not in places:
            weaker = []
            if all(names):
                weaker = [self.at(chip=chip)._branches_by_name()]
                weaker.append(self.at(filter=filter)._branches_by_name())
            weaker.append(self._branches_by_name())
            places[names] = Place({
                product: Branch(ParameterSet(
                    branch.process_params._class, camera,
                    tuple(one[product].process_params for one in weaker),
                ))
                for product, branch in self._branches_by_name().items()
            }, names)  # fmt: skip
        return places[names]

    def __dir__(self) -> list[str]:
        return [*self._branches_by_name(), "at", "diff", "get", "load", "save", "show"]

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        rows = []
        for product, branch in self._branches_by_name().items():
            one = branch.process_params
            rows += [(product, name, getattr(one, name), one.note(name)) for name in dir(one)]
        for _, place in sorted(self.__dict__["_places"].items()):
            rows += place.rows()
        return columns.html(("class", "parameter", "value", ""), rows)

    def show(self) -> None:
        """Print the tree of all parameters."""
        out("\n".join(self._lines()) + "\n")

    def get(self) -> dict[str, Value]:
        """Return what was changed: `{'<class>.process_params.<NAME>': value}`.

        Keys of values for a filter or chip only end in ` @ filter=NAME`, ` @ chip=NAME`.
        """
        found = _changed(self._branches_by_name(), ("", ""))
        for names, place in sorted(self.__dict__["_places"].items()):
            found |= _changed(place._branches_by_name(), names)
        return found

    def _lines(self) -> Iterator[str]:
        for product, branch in self._branches_by_name().items():
            yield product
            yield " |"
            yield " +--process_params"
            yield " |   |"
            yield from branch.process_params.lines(" |   ")
            yield " |"
        for _, place in sorted(self.__dict__["_places"].items()):
            yield from place._lines()


class Place(Tree):
    """The parameters of a filter or chip: `pars.at(filter='OCAM_i_SDSS')`.

    Parameters
    ----------
    branches : dict
        Classes by name.
    names : tuple of str
        Filter and chip, empty for all.
    """

    def __init__(self, branches: dict[str, Branch], names: tuple[str, ...]) -> None:
        self.__dict__["_branches"] = branches
        self.__dict__["_names"] = names

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _text(self) -> str:
        limits = zip(("filter", "chip"), self.__dict__["_names"], strict=True)
        return ", ".join(f"{place} {name}" for place, name in limits if name)

    def rows(self) -> list[tuple[str, ...]]:
        """Return class, parameter, value and note of what was set for the filter or chip."""
        return [
            (f"{product}, only {self._text()}", name, str(getattr(one, name)), one.note(name))
            for product, branch in self._branches_by_name().items()
            for one in (branch.process_params,)
            for name in sorted(one._changes)
        ]

    def _lines(self) -> Iterator[str]:
        text = self._text()
        for product, branch in self._branches_by_name().items():
            if branch.process_params._changes:
                yield f"{product}, only {text}"
                yield " |"
                yield from branch.process_params.lines(" ")
                yield " |"


def _changed(branches: dict[str, Branch], names: tuple[str, ...]) -> dict[str, Value]:
    """Return the changed values of a tree by their keys."""
    return {
        str(Key(product=product, name=name, filter=names[0], chip=names[1])): value
        for product, branch in branches.items()
        for name, value in branch.process_params._changes.items()
    }


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


def _named(target: Any) -> str:
    """Return a target as text."""
    if isinstance(target, recipes.Task) or (
        isinstance(target, type) and issubclass(target, recipes.Task)
    ):
        return target.identifier()
    return target if isinstance(target, str) else str(target.__name__)


def _is_class(name: str) -> bool:
    return name in registry and parameters_class(name) is not None and name not in available()
