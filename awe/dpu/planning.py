"""What was typed, checked and turned into jobs, before anything is queued.

Owns the rule that a job is plain JSON: a recipe by name and arguments made of text, numbers,
truth values, lists and dictionaries. Objects, code, NaN and deep nesting are refused here with a
sentence, and again by the database without one.
"""

from __future__ import annotations

import datetime
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from awe import recipes
from awe.astrowise import of_recipe
from awe.dpu import options
from awe.errors import ArgumentError, NotFound, nearest

__all__ = ["BACK_ENDS", "JobPlan", "chain", "plain", "plan", "planned"]

#: where jobs can be placed, and the class that runs them there
BACK_ENDS = {"local": "awe.dpu.runner.backends:Local", "slurm": "awe.dpu.runner.slurm:Slurm"}
DEEPEST = 4
LARGEST = 900_000


@dataclass(frozen=True, kw_only=True)
class JobPlan:
    """A checked run: what was typed, and the jobs it becomes.

    `jobs` are dictionaries with `recipe`, `args`, `after` (places in the list that must be done
    first), `back_end`, and the limits `seconds`, `memory` and `priority`.
    """

    recipe: str
    arguments: dict[str, Any]
    jobs: list[dict[str, Any]]
    dry: bool = False
    """Nothing is kept, though a recipe could."""


def plain(value: Any, name: str, depth: int = 0) -> Any:
    """Return `value` in types that JSON can hold.

    Raises
    ------
    ArgumentError
        The value is not text, a number, a truth value, a date, or lists and dictionaries of them.
    """
    if depth > DEEPEST:
        msg = f"argument {name} is nested deeper than {DEEPEST} levels: pass a flat list or dict"
        raise ArgumentError(msg)
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, str):
        return _text(value, name)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            msg = f"argument {name} is {value}: expected a finite number"
            raise ArgumentError(msg)
        return value
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, uuid.UUID | PurePath):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, name, depth + 1) for item in value]
    if isinstance(value, Mapping):
        return {_key(key, name): plain(item, name, depth + 1) for key, item in value.items()}
    kind = type(value).__name__
    msg = (
        f"argument {name} holds an object of type {kind}: a job takes text, numbers and lists "
        "of them; pass names, such as [raw.filename for raw in query]"
    )
    raise ArgumentError(msg)


def chain(recipe: Any) -> list[str]:
    """Return the recipe names of `'ReadNoise>Bias'`, each one known.

    Raises
    ------
    ArgumentError
        `recipe` is not a text, is empty, or names a recipe that does not exist.
    """
    if not isinstance(recipe, str) or not recipe.strip():
        task = recipe.__name__ if isinstance(recipe, type) else ""
        meant = task.removesuffix("Task") if task.endswith("Task") else "Reduce"
        msg = (
            f"a recipe is named by text, dpu.run({meant!r}, ...), not by {task or repr(recipe)}"
        )
        raise ArgumentError(msg)
    names = [part.strip() for part in recipe.split(">")]
    known = list(recipes.available())
    for name in names:
        if name not in known:
            instead = of_recipe(name) or "dpu.show_sequence_identifiers() lists all"
            msg = f"no recipe {name!r}{nearest(name, known)}; {instead}"
            raise ArgumentError(msg)
    return names


def plan(recipe: str, arguments: Mapping[str, Any], back_end: str) -> JobPlan:
    """Check a call of `dpu.run` against the recipes' own declarations and split it into jobs.

    Parameters
    ----------
    recipe : str
        Name of a recipe, or a chain such as `'ReadNoise>Bias>HotPixels'`: a job of a later recipe
        waits for the jobs of the one before that work on the same chip.
    arguments : mapping
        Arguments of the recipe by long or short name, and the options of `dpu.run`.
    back_end : str
        Name of the place where the jobs run.

    Raises
    ------
    ArgumentError
        An argument or option is unknown, missing, or of the wrong type.
    """
    names = chain(recipe)
    limits, rest = options.split(arguments)
    typed = {name: plain(value, name) for name, value in rest.items()}
    jobs: list[dict[str, Any]] = []
    before: list[int] = []
    for place, (name, chosen) in enumerate(zip(names, _share(names, typed), strict=True)):
        first = len(jobs)
        chosen = {**_following(recipes.find(name), names[:place]), **chosen}
        for args in _calls(recipes.find(name), chosen, [jobs[k]["args"] for k in before]):
            job = {"recipe": name, "args": _sized(plain(args, name)), "back_end": back_end}
            job["after"] = [k for k in before if _meet(jobs[k]["args"], job["args"])]
            jobs.append({**job, **limits})
        before = list(range(first, len(jobs)))
    if not jobs:
        msg = f"{recipe} found nothing to do with {rest}: select more data"
        raise ArgumentError(msg)
    keeping = any("commit" in _accepted(recipes.find(name)) for name in names)
    dry = keeping and not any(job["args"].get("commit") for job in jobs)
    return JobPlan(recipe=">".join(names), arguments=_sized(typed), jobs=jobs, dry=dry)


def planned(
    steps: Sequence[tuple[str, Mapping[str, Any], Sequence[int]]], back_end: str
) -> JobPlan:
    """Turn steps that are in order into one job each.

    Parameters
    ----------
    steps : sequence
        Of each step: a recipe, its arguments, and the places of the steps it waits for.
    back_end : str
        Name of the place where the jobs run.

    Raises
    ------
    ArgumentError
        There is nothing to do, or an argument is unknown or of the wrong type.
    """
    if not steps:
        msg = "there is nothing to do: the plan has no steps"
        raise ArgumentError(msg)
    jobs: list[dict[str, Any]] = []
    for recipe, given, after in steps:
        [name] = chain(recipe)
        typed = {key: plain(value, key) for key, value in given.items() if value is not None}
        recipes.find(name)(**typed)  # refuses arguments it does not have
        job = {"recipe": name, "args": _sized(typed), "back_end": back_end}
        jobs.append({**job, "after": list(after), **options.split({})[0]})
    told = ">".join(dict.fromkeys(job["recipe"] for job in jobs))
    return JobPlan(recipe=told, arguments={}, jobs=jobs)


def _following(task: Any, before: Sequence[str]) -> dict[str, Any]:
    """Return what a recipe is about in a chain, by the last of the recipes before it."""
    told: Mapping[str, dict[str, Any]] = getattr(task, "follows", {})
    return next((dict(told[name]) for name in reversed(before) if name in told), {})


def _calls(
    task: Any, chosen: dict[str, Any], before: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the arguments of each job of a recipe.

    In a chain the inputs of a later recipe may not be there yet: it gets the chips of the jobs
    before it.
    """
    asked = task(**chosen)
    try:
        calls: list[dict[str, Any]] = asked.jobs()
    except NotFound:
        if not before:
            raise
        if task.whole:
            return [chosen]
        rest = {name: value for name, value in chosen.items() if name not in ("c", "chip")}
        chips = {call.get("chip"): None for call in before}
        if None in chips:  # what comes before is one job for all chips
            return [chosen]
        return [{**rest, "chip": chip} for chip in chips]
    return calls


def _share(names: list[str], typed: dict[str, Any]) -> list[dict[str, Any]]:
    """In a chain each recipe takes the arguments it declares; each argument fits some recipe."""
    if len(names) == 1:
        return [typed]
    shares = [
        {k: v for k, v in typed.items() if k in _accepted(recipes.find(name))} for name in names
    ]
    for name in typed:
        if not any(name in share for share in shares):
            known = sorted({k for n in names for k in _accepted(recipes.find(n))})
            msg = f"no recipe of {'>'.join(names)} has an argument {name!r}{nearest(name, known)}"
            raise ArgumentError(msg)
    return shares


def _accepted(task: Any) -> set[str]:
    """Return the long and short names a task takes."""
    names: set[str] = set()
    for argument in task.arguments:
        names.update(n for n in (argument.name, argument.short) if n)
    return names


def _meet(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> bool:
    """Return True if a later job must wait for an earlier one; not if their chips differ."""
    chips = (earlier.get("chip"), later.get("chip"))
    return None in chips or chips[0] == chips[1]


def _text(value: str, name: str) -> str:
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        msg = f"argument {name} is text with characters no database takes: {value[:40]!r}"
        raise ArgumentError(msg)
    return value


def _key(key: Any, name: str) -> str:
    if not isinstance(key, str):
        msg = f"argument {name} is a dictionary with the key {key!r}: expected text"
        raise ArgumentError(msg)
    return _text(key, name)


def _sized(arguments: Any) -> Any:
    try:
        size = len(json.dumps(arguments, allow_nan=False).encode())
    except (UnicodeEncodeError, ValueError) as error:
        msg = f"the arguments cannot be written as JSON: {error}"
        raise ArgumentError(msg) from error
    if size > LARGEST:
        msg = f"the arguments take {size} bytes, at most {LARGEST} fit into a job: run it in parts"
        raise ArgumentError(msg)
    return arguments
