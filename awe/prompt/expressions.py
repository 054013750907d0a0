"""What an expression is, found out without evaluating it: by names, declarations and types.

Reads a piece of code backwards from the cursor. Properties of foreign objects are not touched,
nothing is fetched or called; making a query asks nothing.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType
from typing import Any

from awe.db.declare.attributes import Kind, Persistent
from awe.db.query.query import Query
from awe.lazy import behaviour
from awe.prompt.returned import annotated, returned

__all__ = ["CLOSERS", "Known", "class_of_query", "follow", "last_expression", "open_bracket",
           "open_string"]  # fmt: skip

CLOSERS = {")": "(", "]": "[", "}": "{"}
RETURN_ONE = {"max", "min", "newest"}
RETURN_SAME = {"project_only", "user_only", "order_by", "top", "near", "box"}
QUERIES = {"select_all", "select", "near", "box"}


@dataclass(frozen=True)
class Known:
    """What is known of an expression: the object itself, or the class it will have."""

    value: Any = None
    instance_of: type | None = None
    items_of: type | None = None


# Reading the text


def open_string(text: str) -> int | None:
    """Return where the string begins that is open at the end, -1 in a comment, None outside."""
    quote = ""
    begin = position = 0
    while position < len(text):
        if quote:
            if text[position] == "\\":
                position += 1
            elif text.startswith(quote, position):
                position += len(quote) - 1
                quote = ""
        elif text[position] in "\"'":
            begin = position
            quote = text[position] * (3 if text.startswith(text[position] * 3, position) else 1)
            position += len(quote) - 1
        elif text[position] == "#":
            end = text.find("\n", position)
            if end < 0:
                return -1
            position = end
        position += 1
    return _in_braces(text, begin, len(quote)) if quote else None


def _in_braces(text: str, begin: int, length: int) -> int | None:
    """Return where the innermost open string begins: braces of an f-string hold code."""
    if not re.search(r"(?<!\w)[rR]?[fF][rR]?\Z", text[:begin]):
        return begin
    inside = text[begin + length :].replace("{{", "  ")
    opening = inside.rfind("{")
    if opening < 0 or "}" in inside[opening:]:
        return begin
    inner = open_string(inside[opening + 1 :])
    return None if inner is None else begin + length + opening + 1 + inner


def last_expression(text: str) -> ast.expr | None:
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


def follow(node: ast.expr, namespace: Mapping[str, Any]) -> Known | None:
    """Return what is known of an expression, or None."""
    if isinstance(node, ast.Name):
        return _named(node.id, namespace)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return Known(value=node.value)
    if isinstance(node, ast.Attribute):
        owner = follow(node.value, namespace)
        return _attribute(owner, node.attr) if owner is not None else None
    if isinstance(node, ast.Subscript):
        owner = follow(node.value, namespace)
        return _item(owner, node.slice) if owner is not None else None
    if isinstance(node, ast.Call):
        return _called(node.func, namespace)
    if isinstance(node, (ast.BinOp, ast.Compare)):
        return _query_of(node, namespace) or _array_of(node, namespace)
    return None


def _named(name: str, namespace: Mapping[str, Any]) -> Known | None:
    if name in namespace:
        return Known(value=namespace[name])
    if hasattr(builtins, name):
        return Known(value=getattr(builtins, name))
    return None


def _attribute(owner: Known, name: str) -> Known | None:
    cls = owner.instance_of or (None if isinstance(owner.value, type) else type(owner.value))
    if cls is not None:
        declared = inspect.getattr_static(cls, name, None)
        if isinstance(declared, Persistent):
            return _declared(declared)
        if isinstance(declared, property):
            return _given_by(declared.fget, cls) if _is_ours(cls) else None
    if owner.instance_of is not None:
        return _method(owner.instance_of, name)
    if owner.items_of is not None:
        return None
    return _plain(owner.value, name)


def _method(cls: type, name: str) -> Known | None:
    """Follow a method of an object that is not there, by its class; only awe's own code."""
    found = inspect.getattr_static(cls, name, None)
    if not isinstance(found, behaviour | FunctionType) or not hasattr(cls, "select_all"):
        return None
    return Known(value=MethodType(getattr(cls, name), cls))


def _declared(attribute: Persistent[Any]) -> Known:
    if attribute.kind is Kind.LINK:
        return Known(instance_of=attribute.target)
    if attribute.kind is Kind.LINKS:
        return Known(items_of=attribute.target)
    if attribute.kind is Kind.ARRAY:
        return Known(instance_of=list)
    declared = attribute.declared_type
    return Known(instance_of=declared if isinstance(declared, type) else object)


def _plain(value: Any, name: str) -> Known | None:
    """Follow an attribute of an object that exists, unless that would run somebody's code."""
    found = inspect.getattr_static(value, name, None)
    ours = _is_ours(value if isinstance(value, type) else type(value))
    if found is None and not (ours or isinstance(value, ModuleType)):
        return None
    try:
        return Known(value=getattr(value, name))
    except Exception:  # completion does not report what an object refuses
        return None


def _is_ours(cls: type) -> bool:
    return str(cls.__module__).startswith("awe.") or hasattr(cls, "select_all")


def _given_by(function: Any, owner: type | None) -> Known | None:
    """Follow a property or function of awe's by what it says it gives back."""
    kind, items = returned(function, owner)
    if items is not None:
        return Known(items_of=items)
    return None if kind is None else Known(instance_of=kind)


def _item(owner: Known, index: ast.expr) -> Known | None:
    if owner.items_of is not None:
        sliced = isinstance(index, ast.Slice)
        return owner if sliced else Known(instance_of=owner.items_of)
    value = owner.value
    if cls := class_of_query(value):
        return owner if isinstance(index, ast.Slice) else Known(instance_of=cls)
    if type(value) in (list, tuple, dict) and value:
        try:
            return Known(value=value[ast.literal_eval(index)])
        except (ValueError, LookupError, TypeError):
            sample = next(iter(value.values() if isinstance(value, dict) else value))
            return Known(instance_of=type(sample))
    return None


def _called(function: ast.expr, namespace: Mapping[str, Any]) -> Known | None:
    if isinstance(function, ast.Attribute):
        owner = follow(function.value, namespace)
        if owner is None:
            return None
        if function.attr in QUERIES and hasattr(owner.value, "select_all"):
            return Known(value=owner.value.select_all())
        if cls := class_of_query(owner.value):
            if function.attr in RETURN_ONE:
                return Known(instance_of=cls)
            if function.attr in RETURN_SAME:
                return owner
    target = follow(function, namespace)
    if target is None:
        return None
    if isinstance(target.value, type):
        return Known(instance_of=target.value)
    module = str(getattr(target.value, "__module__", None))
    if module == "numpy":
        return Known(instance_of=sys.modules["numpy"].ndarray)
    if module.startswith("awe.") and annotated(target.value):
        owner = getattr(target.value, "__self__", None)
        cls = owner if isinstance(owner, type) else type(owner)
        return _given_by(target.value, cls)
    return None


def _query_of(node: ast.BinOp | ast.Compare, namespace: Mapping[str, Any]) -> Known | None:
    """Return the query a comparison in brackets makes; making one asks nothing."""
    left: ast.expr = node
    while isinstance(left, (ast.BinOp, ast.Compare, ast.Attribute)):
        left = left.value if isinstance(left, ast.Attribute) else left.left
    root = follow(left, namespace)
    if root is not None and isinstance(root.value, type) and hasattr(root.value, "select_all"):
        return Known(value=root.value.select_all())
    return None


def _array_of(node: ast.BinOp | ast.Compare, namespace: Mapping[str, Any]) -> Known | None:
    """Return an array where one is calculated with."""
    array = getattr(sys.modules.get("numpy"), "ndarray", None)
    sides = [node.left, *(node.comparators if isinstance(node, ast.Compare) else [node.right])]
    for known in (follow(side, namespace) for side in sides):
        if known and array and (known.instance_of is array or isinstance(known.value, array)):
            return Known(instance_of=array)
    return None


def class_of_query(value: Any) -> type | None:
    """Return the class a query is about, None for anything else."""
    return value.cls if isinstance(value, Query) else None


def open_bracket(text: str) -> int:
    """Return where the bracket is that is open at the end of the text, or -1."""
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        if text[position] in CLOSERS:
            depth += 1
        elif text[position] in "([{":
            if depth == 0:
                return position
            depth -= 1
    return -1
