"""Products made again: exactly as they were, or with what would be chosen today.

An exact remake takes inputs and parameters from the product, or from the header of its file alone,
and runs the very recipe and code: it gives the same pixels bit by bit as long as the software is
the same. Inputs that are gone or not visible are refused by name, and so is code of which you have
no file; nothing is chosen in their place.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe import __version__, fits, recipes
from awe.db.declare import registry
from awe.db.rights.projects import user
from awe.db.server import scope
from awe.errors import ArgumentError, BadHeader, NotFound
from awe.model import classes
from awe.model.mixins import has, value_of
from awe.model.raw import RawFrame
from awe.rules import leftout
from awe.rules.freshness import parts
from awe.rules.roles import MISSING, chosen_roles, date_of
from awe.tasks import code
from awe.tasks.exact import exact as with_code
from awe.tasks.redrawn import reduced_inputs
from awe.tasks.requested import arguments_again, class_of, named_by_hand, target_of
from awe.tasks.task import Task, Unit
from awe.terminal import out

if TYPE_CHECKING:
    from astropy.io.fits import Header

#: raw frames that a message names
NAMED = 3
#: what a product is drawn from that is not made of raw frames, by class
DRAWN_FROM = {
    "ReducedScienceFrame": "reduced frames", "RegriddedFrame": "regridded frames",
    "SourceList": "source lists",
}  # fmt: skip

__all__ = ["from_header", "main_of", "recipe_of", "remake", "sound_frames", "task_of"]


def remake(
    self: Any,
    *,
    exact: bool = False,
    pars: Mapping[str, Any] | None = None,
    commit: bool = False,
) -> Any:
    """Make the product again and return the new object; its files are left here.

    Parameters
    ----------
    exact : bool
        Whether the very inputs, parameters and code of the product are used. False takes the
        calibrations that would be chosen today (those that were named stay), without raw frames
        that were judged bad since, with the parameters and the recipe of today.
    pars : mapping, optional
        Process parameters that differ from the defaults, for a remake that is not exact.
    commit : bool
        Whether the new product is stored and committed.

    Raises
    ------
    ArgumentError
        No recipe makes such objects, parameters are given to an exact remake, or no file of yours
        has the code of the product.
    NotVisible
        An input is not visible to you.
    """
    if exact and pars:
        msg = "an exact remake takes the parameters of the product; leave out pars or exact"
        raise ArgumentError(msg)
    task_class = task_of(self, exact=exact)
    frames = reduced_inputs(self, exact=exact)
    if frames is None:
        frames = _frames(self) if exact else sound_frames(self)
    arguments: dict[str, Any] = {"instrument": self.instrument.name, "commit": commit}
    arguments["pars"] = _parameters(self) if exact else dict(pars or {})
    if has(self, "combine") and exact:
        arguments["combine"] = self.combine
    arguments |= target_of(self)
    if exact:
        arguments["leave_out"] = list(leftout.left_out(self)) or None
    else:
        arguments |= arguments_again(self, task_class)
    unit = Unit(
        name=value_of(self, "filename", "") or f"{type(self).__name__} {self.object_id}",
        instrument=self.instrument,
        chip=self.chip,
        frames=tuple(frames),
        date=_date(self),
        filter=value_of(self, "filter"),
        given=_given(self) if exact else None,
        by_hand=_by_hand(self) if exact else {},
    )
    if exact:
        _warn_of_software(value_of(self.process_params, "version", ""))
    return _run(task_class, arguments, unit)


def from_header(path: str | Path, *, commit: bool = False) -> Any:
    """Make the product of a FITS file again from the cards of its header and the inputs they name.

    Parameters
    ----------
    path : str or Path
        Path of a file that awe made.
    commit : bool
        Whether the new product is stored and committed.

    Raises
    ------
    BadHeader
        The header has no such cards.
    NotFound
        An input is not in the database, or not visible to you.
    ArgumentError
        It was not made of raw frames.
    """
    classes.load()
    header = fits.read_header(Path(path))
    name = header.get("AWE CLASS")
    if not name:
        msg = f"{path} has no card AWE CLASS: awe did not make it, or its header was changed"
        raise BadHeader(msg)
    cls = registry.find(str(name))
    task_class = _task_in(header, cls)
    if task_class.raw and not issubclass(registry.find(task_class.raw), RawFrame):
        inputs = DRAWN_FROM.get(task_class.raw, f"{task_class.raw}s")
        msg = (
            f"{path} was drawn from {inputs}, which its header does not name; fetch the "
            f"{name} and use its remake(exact=True)"
        )
        raise ArgumentError(msg)
    wanted = chosen_roles(cls)
    parents = [
        (entry["role"], _parent(entry))
        for entry in fits.read_lineage(header)
        if entry["role"] in wanted or entry["role"].startswith("raw")
    ]
    frames = [parent for role, parent in parents if role.startswith("raw")]
    given = _asked_in(header)
    given |= {type(parent).__name__: parent for role, parent in parents if parent not in frames}
    choices = {
        role: str(header.get(f"AWE CHOICE {role.upper()}", ""))
        for role in (*wanted, *registry.registry)
    }
    given |= dict.fromkeys(_missing(cls, choices))
    place = _place(cls, header, parents)
    arguments = {
        "instrument": place["instrument"].name,
        "commit": commit,
        "pars": _parameters_in(header, cls, task_class),
    }
    arguments["leave_out"] = leftout.in_header(header) or None
    if "AWE ARG COMBINE" in header:
        arguments["combine"] = int(header["AWE ARG COMBINE"])
    _warn_of_software(str(header.get("AWE VERSION", "")))
    by_hand = {
        type(parent).__name__: (parent, str(header[f"AWE CHOICE {role.upper()}"]))
        for role, parent in parents
        if f"AWE CHOICE {role.upper()}" in header
    }
    unit = Unit(
        name=str(header.get("AWE FILENAME", Path(path).name)),
        frames=tuple(frames),
        date=_date_in(header, frames),
        given=given,
        by_hand=by_hand,
        **place,
    )
    return _run(task_class, arguments, unit)


def recipe_of(cls: Any, *, ours: bool = False) -> type[Task]:
    """Return the recipe whose main product is of a class; with `ours` one of awe's own.

    Raises
    ------
    ArgumentError
        There is none.
    """
    for task in _recipes(ours):
        if task.makes and task.makes[0] == cls.__name__:
            return task
    main = main_of(cls)
    msg = f"{cls.__name__} is made along with {main.__name__}; remake that object instead"
    raise ArgumentError(msg)


def main_of(cls: Any) -> Any:
    """Return the main class of the recipe that makes a class: often the class itself.

    Raises
    ------
    ArgumentError
        No recipe makes such objects.
    """
    tasks = [task for task in _recipes(False) if cls.__name__ in task.makes]
    if not tasks:
        msg = f"no recipe makes {cls.__name__}; raw frames and hand-made objects are not remade"
        raise ArgumentError(msg)
    if any(task.makes[0] == cls.__name__ for task in tasks):
        return cls
    return registry.find(tasks[0].makes[0])


def _recipes(ours: bool) -> Iterator[type[Task]]:
    """Yield all recipes, or all of awe's own."""
    for identifier, target in recipes.available().items():
        if not ours:
            yield recipes.find(identifier)
        elif not target.startswith("awe.recipes.user.") or recipes.is_ours(identifier):
            yield recipes.find_ours(identifier)


# -- which code --------------------------------------------------------------------------------


def task_of(product: Any, *, exact: bool = False) -> type[Task]:
    """Return the recipe that makes a product again: the very code, or that of today.

    Parameters
    ----------
    product : product
        Object that a recipe made.
    exact : bool
        Whether the very code is wanted.

    Raises
    ------
    ArgumentError
        No recipe makes such objects, or no file of yours has the very code.
    """
    cls = type(product)
    recipe = value_of(product, "recipe")
    if recipe is None:
        task = recipe_of(cls, ours=exact)
        if exact:
            _say(f"which recipe made it was not recorded; awe's own {task.identifier()} is run")
        return task
    if not exact and recipe.name not in recipes.available():
        task = recipe_of(cls)
        _say(f"made by {recipe}, which is not among your recipes; {task.identifier()} is run")
        return task
    if not exact:
        return _main(recipes.find(recipe.name), cls)
    mine = not recipe._committed or recipe._creator == scope.current().user_id
    whose = "" if mine else user(recipe._creator).name
    task = with_code(recipe.name, recipe.digest, own=recipe.own, whose=whose, mine=mine)
    return _main(_as_it_was(task, recipe.digest), cls)


def _task_in(header: Header, cls: Any) -> type[Task]:
    """Return the recipe with the code a header names."""
    name, by = str(header.get("AWE RECIPE", "")), str(header.get("AWE RECIPE BY", ""))
    if not name:
        task = recipe_of(cls, ours=True)
        _say(f"its header names no recipe; awe's own {task.identifier()} is run")
        return task
    digest = str(header.get("AWE RECIPE CODE", ""))
    # jobs once wrote the name in lower case
    mine = by.upper() == scope.current().user_name.upper()
    whose = "" if mine else by
    task = with_code(name, digest, own=by != "awe", whose=whose, mine=mine)
    return _main(_as_it_was(task, digest), cls)


def _as_it_was(task: type[Task], digest: str) -> type[Task]:
    """Return a task; say so where it is awe's own and its code has changed since."""
    now = code.of(task).digest
    if not now.startswith(digest):
        _say(f"awe's {task.identifier()} was {digest[:8]}, is now {now[:8]}: pixels may differ")
    return task


def _main(task: type[Task], cls: Any) -> type[Task]:
    """Return a task whose main product is of a class, or refuse."""
    if task.makes and task.makes[0] != cls.__name__:
        if cls.__name__ in task.makes:
            msg = f"{cls.__name__} is made along with {task.makes[0]}; remake that object instead"
        else:
            msg = f"your recipe {task.identifier()} makes {task.makes[0]} now, not {cls.__name__}"
        raise ArgumentError(msg)
    return task


# -- from the object ---------------------------------------------------------------------------


def _frames(product: Any) -> list[Any]:
    frames: list[Any] = []
    for name, attribute in type(product)._attributes.items():
        if attribute.is_link and issubclass(attribute.target, RawFrame):
            value = getattr(product, name)
            frames += value if isinstance(value, list) else [value]
    return [frame for frame in frames if frame is not None]


def sound_frames(product: Any) -> list[Any]:
    """Return the raw frames of a product without those that were judged bad since.

    Parameters
    ----------
    product : product
        Object that a recipe made.

    Raises
    ------
    ArgumentError
        All of them were.
    """
    frames = _frames(product)
    sound = [frame for frame in frames if frame.is_valid > 0]
    if frames and not sound:
        names = ", ".join(frame.filename for frame in frames[:NAMED])
        more = f" and {len(frames) - NAMED} more" if len(frames) > NAMED else ""
        msg = f"all its raw frames were judged bad: {names}{more}; make it from others"
        raise ArgumentError(msg)
    return sound


def _given(product: Any) -> dict[str, Any]:
    """Return the calibrations a product was made with, by class."""
    given = {}
    for role in chosen_roles(type(product)):
        used = getattr(product, role)
        if used is not None:
            given[type(used).__name__] = used
    for name, number in (value_of(product, "consulted") or {}).items():
        if name not in given and number is not None:
            given[name] = _asked(name, number)
    choices = value_of(product, "choices") or {}
    if has(product, "astrom_params"):
        given["AstrometricParameters"] = product.astrom_params
    if value_of(product, "refcat") is not None:
        given["SourceList"] = product.refcat
    if has(product, "photcats"):
        given["PhotSrcCatalog"] = list(product.photcats)
    if has(product, "regridded_frames"):
        given["zeropnt"] = product.zeropnt
    return given | dict.fromkeys(_missing(type(product), choices))


def _missing(cls: Any, choices: Mapping[str, str]) -> Iterator[str]:
    """Yield the classes of calibrations a product was made without, by its record of choices."""
    for role, how in choices.items():
        if how == MISSING:
            yield class_of(cls, role)


def _asked(name: str, number: str) -> Any:
    """Return a calibration the recipe looked for and the product does not link to."""
    return _parent({"role": "calibration", "class": name, "id": number})


def _asked_in(header: Header) -> dict[str, Any]:
    """Return the same from a header, by class."""
    found: dict[str, Any] = {}
    for place in range(1, len(header) + 1):
        name = header.get(f"AWE ASK{place} CLASS")
        if name is None:
            break
        found[str(name)] = _asked(str(name), str(header.get(f"AWE ASK{place} ID", "")))
    return found


def _by_hand(product: Any) -> dict[str, tuple[Any, str]]:
    """Return the calibrations that were named: class, object, and what was recorded."""
    choices = (value_of(product, "choices") or {}).items()
    told = {class_of(type(product), role): how for role, how in choices}
    return {name: (used, told[name]) for name, used in named_by_hand(product).items()}


def _parameters(product: Any) -> dict[str, Any]:
    found = {}
    for part in parts(product):
        made_with = value_of(part, "process_params")
        if made_with is not None:
            for name, value in made_with.values().items():
                found[f"{made_with.product}.process_params.{name}"] = value
    return found


def _date(product: Any) -> Any:
    return date_of(product)


# -- from the header ---------------------------------------------------------------------------


def _parent(entry: Mapping[str, str]) -> Any:
    cls: Any = registry.find(entry["class"])
    try:
        return cls(object_id=entry["id"])
    except NotFound as error:
        name = entry.get("file") or entry["id"]
        msg = f"its {entry['role']} {name} is not in the database, or not visible to you"
        raise NotFound(msg) from error


def _place(cls: Any, header: Header, parents: list[tuple[str, Any]]) -> dict[str, Any]:
    for _, parent in parents:
        if has(parent, "instrument") and has(parent, "chip"):
            place = {"instrument": parent.instrument, "chip": parent.chip}
            break
    else:
        msg = "the header names no input by which instrument and chip are known"
        raise BadHeader(msg)
    filters = [p.filter for _, p in parents if value_of(p, "filter") is not None]
    place["filter"] = filters[0] if filters and has(cls, "filter") else None
    return place


def _parameters_in(header: Header, cls: Any, task: type[Task]) -> dict[str, Any]:
    found = {
        f"{cls._attribute('process_params').target.product}.process_params.{name}": value
        for name, value in fits.read_parameters(header).items()
    }
    folded = {name.upper(): name for name in task.makes}
    for keyword, value in header.items():
        words = keyword.split()
        if words[:2] == ["AWE", "PAROF"] and len(words) == 4 and words[2] in folded:
            found[f"{folded[words[2]]}.process_params.{words[3]}"] = value
    return found


def _date_in(header: Header, frames: list[Any]) -> Any:
    if frames:
        return frames[0].DATE_OBS
    try:
        start, end = (
            datetime.datetime.fromisoformat(str(header[f"AWE TIMESTAMP {word}"]))
            for word in ("START", "END")
        )
    except (KeyError, ValueError) as error:
        msg = "the header has no raw frames and no validity range: its date is not known"
        raise BadHeader(msg) from error
    return start + (end - start) / 2


# -- running -----------------------------------------------------------------------------------


def _run(task_class: type[Task], arguments: Mapping[str, Any], unit: Unit) -> Any:
    names = {argument.name for argument in task_class.arguments}
    task = task_class(**{key: value for key, value in arguments.items() if key in names})
    task.only = (unit,)
    (product,) = task.execute()
    return product


def _warn_of_software(version: str) -> None:
    if version != __version__:
        _say(f"made by awe {version or '(unknown)'}, this is {__version__}: pixels may differ")


def _say(line: str) -> None:
    out(line + "\n")
