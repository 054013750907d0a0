"""Calibrations named by hand: which there are, and the objects behind the names.

A recipe declares which of its calibrations can be named (`Task.named`); each is an argument. The
object has to be of the right class, sound, of the unit's chip and filter; that it fits the frames
is asked where it is chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from awe.db.declare import registry
from awe.db.server.scope import current
from awe.errors import ArgumentError, NoCalibration, NotFound, WrongShape, nearest
from awe.model import classes
from awe.model.mixins import QualityFlag, has, value_of
from awe.rules import remedy
from awe.tasks.arguments import Argument

if TYPE_CHECKING:
    from awe.tasks.unit import Call, Unit

__all__ = [
    "BY_HAND", "arguments", "dispensable", "may_be_missing", "named_object", "role_of",
    "with_named",
]  # fmt: skip

#: how a choice is recorded that somebody made
BY_HAND = "by hand: {}"

#: what `go_without` calls every calibration
ALL = "all"

#: bits of a calibration that may be named all the same
HARMLESS = int(QualityFlag.OTHERS | QualityFlag.MISSING)


def role_of(argument: str) -> str:
    """Return the role of the calibration that an argument names: `bias` of `bias_filename`.

    Parameters
    ----------
    argument : str
        Name of the argument.
    """
    return argument.removesuffix("_filename").removesuffix("_id")


def arguments(named: Mapping[str, str], taken: Iterable[str]) -> tuple[Argument, ...]:
    """Return the arguments that name calibrations, with the role as short name where it is free.

    Parameters
    ----------
    named : mapping of str to str
        Name of the argument -> name of the class.
    taken : iterable of str
        Names that other arguments have.
    """
    free = {role for role in map(role_of, named) if role not in set(taken)}
    return tuple(
        Argument(
            name=name, short=role_of(name) if role_of(name) in free else "", type=str,
            doc=f"{'object_id' if name.endswith('_id') else 'name'} of a {cls}, instead of the "
            "valid one",
        )
        for name, cls in named.items()
    )  # fmt: skip


def named_object(task: Call, name: str) -> Any:
    """Return the object of a class that a call names, or None.

    Parameters
    ----------
    task : Call
        The call.
    name : str
        Name of the class.
    """
    for argument, of in task.named.items():
        if of == name and (told := getattr(task, argument)) is not None:
            return _object(argument, name, told)
    return None


def dispensable(task: Call) -> dict[str, str]:
    """Return class -> role of the calibrations that `go_without` of a call may name.

    Parameters
    ----------
    task : Call
        The call.
    """
    return {
        name: role
        for argument, name in task.named.items()
        if (role := role_of(argument)) not in task.needed
    }


def may_be_missing(task: Call) -> tuple[str, ...]:
    """Return the classes of the calibrations a call may go on without.

    Parameters
    ----------
    task : Call
        The call.

    Raises
    ------
    ArgumentError
        The recipe uses no such calibration.
    """
    roles = {role: name for name, role in dispensable(task).items()}
    wanted = task.go_without or []
    for role in wanted:
        if role not in (*roles, ALL):
            hint = nearest(role, [*roles])
            known = ", ".join(roles)
            told = f"{task.identifier()} cannot go on without {role!r}{hint}"
            msg = f"{told}; it can without {known}"
            raise ArgumentError(msg)
    return tuple(roles.values()) if ALL in wanted else tuple(roles[role] for role in wanted)


def with_named(task: Call, unit: Unit) -> dict[str, tuple[Any, str]]:
    """Return the named calibrations of a unit, with those that a call names.

    Parameters
    ----------
    task, unit : Call, Unit
        The call and the unit in hand.

    Raises
    ------
    NotFound
        There is no such object, or it is of another class.
    NoCalibration
        It is not sound.
    WrongShape
        It is of another camera, chip or filter.
    """
    found = dict(unit.by_hand)
    for argument, name in task.named.items():
        told = getattr(task, argument)
        if told is not None:
            item = _object(argument, name, told)
            _check(unit, item, told)
            found[name] = (item, BY_HAND.format(current().user_name))
    return found


def _object(argument: str, name: str, told: str) -> Any:
    classes.load()
    cls: Any = registry.find(name)
    if argument.endswith("_id"):
        try:
            return cls(object_id=told)
        except (NotFound, ValueError) as error:
            msg = f"no {name} with the object_id {told!r} is visible to you; check {argument}"
            raise NotFound(msg) from error
    found = list(cls.filename == told)
    if found:
        return found[0]
    others = (other for other in registry.registry.values() if _is_named_like(other, told))
    other = next(others, None)
    if other is not None:
        msg = f"{told} is a {other.__name__}, {argument} expects a {name}"
        raise NotFound(msg)
    msg = f"no {name} {told!r} is visible to you; check the name"
    raise NotFound(msg)


def _is_named_like(cls: Any, filename: str) -> bool:
    """Return True if a class, stored in a table of its own, has a file of that name."""
    if not has(cls, "filename") or not has(cls, "is_valid"):
        return False
    return len((cls.filename == filename).top(1)) > 0


def _limits(item: Any) -> str:
    """Return how a calibration that the system flagged is made with other limits, if it can be."""
    limits = remedy.other_limits(item) if item.is_valid > 0 else ""
    return f", or another one: {limits}remake(pars=p.get(), commit=True) of it" if limits else ""


def _check(unit: Unit, item: Any, told: str) -> None:
    cls = type(item)
    flags = item.quality_flags & ~HARMLESS
    if item.is_valid <= 0 or flags:
        verdict = QualityFlag.explain(flags)
        msg = (
            f"{told} is not sound (is_valid {item.is_valid}, quality: {verdict}); "
            f"choose another{_limits(item)}"
        )
        raise NoCalibration(msg)
    for role in ("instrument", "chip", "filter"):
        ours, theirs = getattr(unit, role), value_of(item, role)
        if has(cls, role) and theirs != ours:
            msg = (
                f"{told} is for {role} {theirs.name}, {unit.name} is of {role} "
                f"{ours.name if ours is not None else 'none'}; name one for that {role}, or none "
                "for the newest valid one"
            )
            raise WrongShape(msg)
