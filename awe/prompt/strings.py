"""Tab inside quotes: the values that are possible there.

Names of recipes, projects, persons, chips, filters, instruments and saved queries, values of the
attribute one compares with, attributes where a query takes one by its name, keys of mappings.
Questions to the database are asked in the background (`awe.prompt.values`) and the answers
remembered: Tab never waits longer than a tenth of a second.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from awe.db.query.path import Path, ValuePath
from awe.prompt import values
from awe.prompt.expressions import class_of_query, follow, last_expression, open_bracket

__all__ = ["fitting", "shared"]

COMPARISON = re.compile(r"(==|!=)\s*\Z")
KEYWORD = re.compile(r"(?P<name>\w+)\s*=\s*\Z")
LIST = re.compile(r"(?:\A|[(,=])\s*\Z")
#: Methods of a path that take values of its attribute.
TAKE_VALUES = ("like", "isin", "contains")
#: Methods of a query that take attributes by name.
TAKE_NAMES = ("max", "min", "order_by", "values", "distinct", "stats", "to_table", "plot")
#: Arguments of awe's functions that are paths of files.
FILES = ("path", "pathname", "filename_or_path", "files", "directory")

#: What an argument of this name takes, in whichever of awe's functions.
BY_NAME: dict[str, Callable[[], Iterable[str]]] = {
    "recipe": values.recipes,
    "instrument": lambda: values.named("Instrument"),
    "chip": lambda: values.named("Chip"),
    "filter": lambda: values.named("Filter"),
    "object": lambda: values.of_attribute("RawScienceFrame", ("OBJECT",)),
    "project": values.projects,
    "user": values.persons,
    "cmap": values.colour_maps,
    "interpolation": values.interpolations,
    "key": values.hot_keys,
}
#: The same for functions that name an argument only `name`, or like nothing else.
BY_FUNCTION: dict[tuple[str, str], Callable[[], Iterable[str]]] = {
    ("Query.project_only", "name"): values.projects,
    ("Query.user_only", "name"): values.persons,
    ("load", "name"): values.saved,
    ("forget", "name"): values.saved,
    ("Pars", "target"): values.recipes,
    ("Processor.select_dpu", "name"): values.back_ends,
}


def fitting(text: str, begin: int, namespace: Mapping[str, Any]) -> list[str] | None:
    """Return the values for the string that opens at `begin`, or None where it is not ours."""
    before = re.sub(r"(?<!\w)[rRbBfFuU]{1,2}\Z", "", text[:begin])
    if found := COMPARISON.search(before):
        return _compared(before[: found.start()], namespace)
    opening = open_bracket(before)
    if opening >= 0 and before[opening] == "[":
        if not LIST.search(before[:opening]):
            return _keys(before[:opening], namespace)
        before = before[:opening]
        opening = open_bracket(before)
    if opening < 0 or before[opening] != "(":
        return None
    function = _followed(before[:opening], namespace)
    return None if function is None else _argument(function, before[opening + 1 :], text, begin)


def shared(text: str, begin: int, found: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Return what was typed of a string, and the values that begin so and need no escape."""
    quote = text[begin]
    typed = text[begin + (3 if text.startswith(quote * 3, begin) else 1) :]
    kept = {v for v in found if v.startswith(typed) and v.isprintable() and "\\" not in v}
    return typed, tuple(sorted(v for v in kept if quote not in v))


def _followed(text: str, namespace: Mapping[str, Any]) -> Any:
    node = last_expression(text.rstrip())
    known = follow(node, namespace) if node is not None else None
    return None if known is None else known.value


def _compared(text: str, namespace: Mapping[str, Any]) -> list[str] | None:
    path = _followed(text, namespace)
    return _of_path(path) if isinstance(path, Path) else None


def _of_path(path: Path) -> list[str]:
    if isinstance(path, ValuePath) and path._last.declared_type is str:
        steps = tuple(step.name for step in path._steps)
        return list(values.of_attribute(path._root.__name__, steps))
    return []


def _keys(text: str, namespace: Mapping[str, Any]) -> list[str] | None:
    value = _followed(text, namespace)
    ours = type(value).__module__.startswith("awe.")
    if ours and isinstance(value, Mapping):
        return [key for key in value if isinstance(key, str)]
    return [] if ours else None


def _argument(function: Any, given: str, text: str, begin: int) -> list[str] | None:
    module = getattr(function, "__module__", "") or ""
    if not module.startswith("awe.") and not hasattr(function, "select_all"):
        return None
    owner = getattr(function, "__self__", None)
    method = getattr(function, "__name__", "")
    if isinstance(owner, Path):
        return _of_path(owner) if method in TAKE_VALUES else []
    name = _argument_name(function, given)
    if name in FILES or (method, name) == ("plot", "filename"):
        return None
    if method in TAKE_NAMES and (cls := class_of_query(owner)):
        return _names(cls, text[begin + 1 :])
    known = BY_FUNCTION.get((getattr(function, "__qualname__", method), name)) or BY_NAME.get(name)
    if known is None:
        return []
    found = list(known())
    if known is values.recipes and ">" in (typed := text[begin + 1 :]):
        chain = typed.rpartition(">")[0]
        found = [f"{chain}>{one}" for one in found]
    return found


def _argument_name(function: Any, given: str) -> str:
    """Return the name of the argument at the end of what was given so far."""
    if found := KEYWORD.search(given):
        return found["name"]
    try:
        place = len(ast.parse(f"f({given}0)", mode="eval").body.args) - 1  # type: ignore[attr-defined]
        parameters = list(inspect.signature(function).parameters.values())
    except (SyntaxError, ValueError, TypeError):
        return ""
    named = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
    return named[place] if place < len(named) else ""


def _names(cls: Any, typed: str) -> list[str]:
    """Return attributes of a class by name, over the links that were typed so far."""
    sign = "-" if typed.startswith("-") else ""
    chain, dot, _ = typed.removeprefix("-").rpartition(".")
    for part in chain.split(".") if chain else ():
        attribute = cls._attributes.get(part)
        if attribute is None or not attribute.is_link:
            return []
        cls = attribute.target
    return [f"{sign}{chain}{dot}{name}" for name in cls.get_persistent_properties()]
