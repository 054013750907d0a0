"""Tab completion that follows links by their declared types.

`red.bias.<Tab>` offers the attributes of a BiasFrame because `ReducedScienceFrame.bias` is
declared as one: nothing is evaluated, fetched or called, and a link that is not loaded, or
None, completes as well as any other. `frames[0].` and `query.max('DATE_OBS').` complete the
same way. Inside the brackets of a call the names of its arguments are offered; a task's come
from its declaration. Properties of foreign objects are not touched.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from awe.db.attributes import Kind, Persistent

__all__ = ["Completion", "complete"]

TAIL = re.compile(r"(?P<chain>.*)\.(?P<part>\w*)\Z", re.DOTALL)
WORD = re.compile(r"(?P<part>[^\W\d]\w*)?\Z")
CLOSERS = {")": "(", "]": "[", "}": "{"}
RETURN_ONE = {"max", "min", "top"}
RETURN_SAME = {"project_only", "user_only", "order_by", "distinct"}


@dataclass(frozen=True)
class Completion:
    """What may stand at the cursor.

    Attributes
    ----------
    part : str
        The characters before the cursor that the completions replace.
    names : tuple of str
        The completions, sorted; names with a leading underscore only after an underscore.
    """

    part: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Known:
    """What is known of an expression: the object itself, or the class it will have."""

    value: Any = None
    instance_of: type | None = None
    items_of: type | None = None


def complete(text: str, namespace: Mapping[str, Any]) -> Completion | None:
    """Return the completions at the end of a piece of code, or None where it is not ours.

    Parameters
    ----------
    text : str
        The code up to the cursor.
    namespace : mapping
        Names that exist.
    """
    if _inside_string(text):
        return None
    match = TAIL.match(text)
    if match and (chain := _last_expression(match["chain"])):
        known = _follow(chain, namespace)
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


def _chosen(part: str, names: Iterable[str]) -> Completion:
    hidden = part.startswith("_")
    fitting = {n for n in names if n.startswith(part) and (hidden or not n.startswith("_"))}
    return Completion(part, tuple(sorted(fitting, key=lambda n: (not n.endswith("="), n))))


# Reading the text


def _inside_string(text: str) -> bool:
    quote = ""
    position = 0
    while position < len(text):
        if quote:
            if text[position] == "\\":
                position += 1
            elif text.startswith(quote, position):
                position += len(quote) - 1
                quote = ""
        elif text[position] in "\"'":
            quote = text[position] * (3 if text.startswith(text[position] * 3, position) else 1)
            position += len(quote) - 1
        elif text[position] == "#":
            end = text.find("\n", position)
            if end < 0:
                return True
            position = end
        position += 1
    return bool(quote)


def _last_expression(text: str) -> ast.expr | None:
    """Return the longest chain of names, brackets and calls at the end of the text."""
    start = len(text)
    while start > 0:
        before = text[start - 1]
        if before in CLOSERS:
            start = _opening(text, start - 1)
            if start < 0:
                return None
        elif before.isalnum() or before in "_.":
            start -= 1
        else:
            break
    try:
        tree = ast.parse(text[start:].strip(), mode="eval")
    except (SyntaxError, ValueError):
        return None
    return tree.body


def _opening(text: str, closing: int) -> int:
    """Return where the bracket that closes at `closing` opens, or -1."""
    depth = 0
    quote = ""
    for position in range(closing, -1, -1):
        character = text[position]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in ")]}":
            depth += 1
        elif character in "([{":
            depth -= 1
            if depth == 0:
                return position
    return -1


# Following an expression without evaluating it


def _follow(node: ast.expr, namespace: Mapping[str, Any]) -> _Known | None:
    if isinstance(node, ast.Name):
        return _named(node.id, namespace)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _Known(value=node.value)
    if isinstance(node, ast.Attribute):
        owner = _follow(node.value, namespace)
        return _attribute(owner, node.attr) if owner is not None else None
    if isinstance(node, ast.Subscript):
        owner = _follow(node.value, namespace)
        return _item(owner, node.slice) if owner is not None else None
    if isinstance(node, ast.Call):
        return _called(node.func, namespace)
    if isinstance(node, (ast.BinOp, ast.Compare)):
        return _query_of(node, namespace)
    return None


def _named(name: str, namespace: Mapping[str, Any]) -> _Known | None:
    if name in namespace:
        return _Known(value=namespace[name])
    if hasattr(builtins, name):
        return _Known(value=getattr(builtins, name))
    return None


def _attribute(owner: _Known, name: str) -> _Known | None:
    cls = owner.instance_of or (None if isinstance(owner.value, type) else type(owner.value))
    if cls is not None:
        declared = inspect.getattr_static(cls, name, None)
        if isinstance(declared, Persistent):
            return _declared(declared)
    if owner.instance_of is not None or owner.items_of is not None:
        return None
    return _plain(owner.value, name)


def _declared(attribute: Persistent[Any]) -> _Known:
    if attribute.kind is Kind.LINK:
        return _Known(instance_of=attribute.target)
    if attribute.kind is Kind.LINKS:
        return _Known(items_of=attribute.target)
    if attribute.kind is Kind.ARRAY:
        return _Known(instance_of=list)
    declared = attribute.declared_type
    return _Known(instance_of=declared if isinstance(declared, type) else object)


def _plain(value: Any, name: str) -> _Known | None:
    """Follow an attribute of an object that exists, unless that would run somebody's code."""
    found = inspect.getattr_static(value, name, None)
    ours = type(value).__module__.startswith("awe.") or (
        isinstance(value, type) and value.__module__.startswith("awe.")
    )
    if isinstance(found, property) and not ours:
        return None
    if found is None and not (ours or isinstance(value, ModuleType)):
        return None
    try:
        return _Known(value=getattr(value, name))
    except Exception:  # completion is no place to report what an object does not like
        return None


def _item(owner: _Known, index: ast.expr) -> _Known | None:
    if owner.items_of is not None:
        sliced = isinstance(index, ast.Slice)
        return owner if sliced else _Known(instance_of=owner.items_of)
    value = owner.value
    if cls := _class_of_query(value):
        return owner if isinstance(index, ast.Slice) else _Known(instance_of=cls)
    if type(value) in (list, tuple, dict) and value:
        try:
            return _Known(value=value[ast.literal_eval(index)])
        except (ValueError, LookupError, TypeError):
            sample = next(iter(value.values() if isinstance(value, dict) else value))
            return _Known(instance_of=type(sample))
    return None


def _called(function: ast.expr, namespace: Mapping[str, Any]) -> _Known | None:
    if isinstance(function, ast.Attribute):
        owner = _follow(function.value, namespace)
        if owner is not None and (cls := _class_of_query(owner.value)):
            if function.attr in RETURN_ONE:
                return _Known(instance_of=cls)
            return owner if function.attr in RETURN_SAME else None
    target = _follow(function, namespace)
    if target is not None and isinstance(target.value, type):
        return _Known(instance_of=target.value)
    return None


def _query_of(node: ast.BinOp | ast.Compare, namespace: Mapping[str, Any]) -> _Known | None:
    """Return the query a comparison in brackets makes; making one asks nothing."""
    left: ast.expr = node
    while isinstance(left, (ast.BinOp, ast.Compare, ast.Attribute)):
        left = left.value if isinstance(left, ast.Attribute) else left.left
    root = _follow(left, namespace)
    if root is not None and isinstance(root.value, type) and hasattr(root.value, "select_all"):
        return _Known(value=root.value.select_all())
    return None


def _class_of_query(value: Any) -> type | None:
    from awe.db.query import Query

    return value.cls if isinstance(value, Query) else None


# What can be said of it


def _names_of(known: _Known) -> list[str]:
    if known.items_of is not None:
        return dir(list)
    if known.instance_of is not None:
        return dir(known.instance_of)
    return [name for name in dir(known.value) if isinstance(name, str)]


def _arguments(before: str, namespace: Mapping[str, Any]) -> list[str]:
    """Return `name=` for every argument of the call the text is inside of."""
    opening = _open_call(before)
    if opening < 0 or not re.search(r"[(,]\s*\Z", before):
        return []
    node = _last_expression(before[:opening])
    known = _follow(node, namespace) if node is not None else None
    if known is None or not callable(known.value):
        return []
    given = set(re.findall(r"(\w+)\s*=(?!=)", before[opening:]))
    return [f"{n}=" for n in _argument_names(known.value, before[opening:]) if n not in given]


def _open_call(text: str) -> int:
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        if text[position] in CLOSERS:
            depth += 1
        elif text[position] in "([{":
            if depth == 0:
                return position if text[position] == "(" else -1
            depth -= 1
    return -1


def _argument_names(function: Any, given: str) -> list[str]:
    declared = getattr(function, "arguments", None)
    if isinstance(function, type) and declared is not None:
        return [argument.name for argument in declared]
    open_ended = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    names = [p.name for p in _parameters(function) if p.kind not in open_ended]
    recipe = re.match(r"\(\s*(['\"])([\w>]+)\1\s*,", given)
    if recipe and getattr(function, "__name__", "") == "run":
        from awe import recipes

        identifier = recipe[2]
        if identifier in recipes.available():
            names += _argument_names(recipes.find(identifier), "")
    return names


def _parameters(function: Any) -> Iterable[inspect.Parameter]:
    try:
        return inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return ()
