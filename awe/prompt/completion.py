"""Tab completion that follows links by their declared types.

`red.bias.<Tab>` offers the attributes of a BiasFrame because `ReducedScienceFrame.bias` is
declared as one: nothing is evaluated, fetched or called, and a link that is not loaded, or
None, completes as well as any other. `frames[0].` and `query.max('DATE_OBS').` complete the
same way. Inside the brackets of a call the names of its arguments are offered, a task's come
from its declaration; inside quotes the values that are possible there. Properties of foreign
objects are not touched.
"""

from __future__ import annotations

import builtins
import inspect
import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from awe import recipes
from awe.prompt import strings
from awe.prompt.expressions import Known, follow, last_expression, open_bracket, open_string

__all__ = ["Completion", "complete", "listed"]

TAIL = re.compile(r"(?P<chain>.*)\.(?P<part>\w*)\Z", re.DOTALL)
WORD = re.compile(r"(?P<part>[^\W\d]\w*)?\Z")


@dataclass(frozen=True)
class Completion:
    """What can be written at the cursor.

    Attributes
    ----------
    part : str
        The characters before the cursor that the completions replace.
    names : tuple of str
        The completions, sorted; names with a leading underscore only after an underscore.
    """

    part: str
    names: tuple[str, ...]


def complete(text: str, namespace: Mapping[str, Any]) -> Completion | None:
    """Return the completions at the end of a piece of code, or None where it is not ours.

    Parameters
    ----------
    text : str
        The code up to the cursor.
    namespace : mapping
        Names that exist.
    """
    begin = open_string(text)
    if begin is not None:
        found = strings.fitting(text, begin, namespace) if begin >= 0 else []
        return None if found is None else Completion(*strings.shared(text, begin, found))
    match = TAIL.match(text)
    if match and (chain := last_expression(match["chain"])):
        known = follow(chain, namespace)
        names = _names_of(known) if known is not None else []
        return _chosen(match["part"], names)
    part = word["part"] or "" if (word := WORD.search(text)) else ""
    before = text[: len(text) - len(part)]
    if before.rstrip().endswith(".") or re.search(r"\d\Z", before):
        return None
    arguments = _arguments(before, namespace)
    if part or arguments:
        known_names = [*namespace, *dir(builtins), *keyword.kwlist] if part else []
        return _chosen(part, [*arguments, *known_names])
    return None


def listed(part: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that begin so, arguments first, hidden ones only after an underscore."""
    hidden = part.startswith("_")
    fitting = {n for n in names if n.startswith(part) and (hidden or not n.startswith("_"))}
    return tuple(sorted(fitting, key=lambda n: (not n.endswith("="), n)))


def _chosen(part: str, names: Iterable[str]) -> Completion:
    return Completion(part, listed(part, names))


# What can be said of it


def _names_of(known: Known) -> list[str]:
    if known.items_of is not None:
        return dir(list)
    if known.instance_of is not None:
        return dir(known.instance_of)
    return [name for name in dir(known.value) if isinstance(name, str)]


def _arguments(before: str, namespace: Mapping[str, Any]) -> list[str]:
    """Return `name=` for every argument of the call the text is inside of."""
    opening = open_bracket(before)
    if opening < 0 or before[opening] != "(" or not re.search(r"[(,]\s*\Z", before):
        return []
    node = last_expression(before[:opening])
    known = follow(node, namespace) if node is not None else None
    if known is None or not callable(known.value):
        return []
    given = set(re.findall(r"(\w+)\s*=(?!=)", before[opening:]))
    return [f"{n}=" for n in _argument_names(known.value, before[opening:]) if n not in given]


def _argument_names(function: Any, given: str) -> list[str]:
    declared = getattr(function, "arguments", None)
    if isinstance(function, type) and declared is not None:
        return [argument.name for argument in declared]
    open_ended = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    names = [p.name for p in _parameters(function) if p.kind not in open_ended]
    recipe = re.match(r"\(\s*(['\"])([\w>]+)\1\s*,", given)
    if recipe and getattr(function, "__name__", "") == "run":
        identifier = recipe[2]
        if identifier in recipes.available():
            names += _argument_names(recipes.find(identifier), "")
    return names


def _parameters(function: Any) -> Iterable[inspect.Parameter]:
    try:
        return inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return ()
