"""Expressions with awe's objects in them, made fit for IPython's policy of evaluation.

IPython completes `s.upper().<Tab>` by evaluating what its policy calls harmless. Attributes of
persistent objects are not: reading one may ask the database or fetch a file. So what awe knows
by declaration takes their place (the string that `raw.filename` is, an empty one for
`query[0].filename`), and names of awe's objects are not known to the evaluation at all.
"""

from __future__ import annotations

import ast
import datetime
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

from IPython.core.guarded_eval import EvaluationContext, guarded_eval

from awe.db.objects.base import DBObject
from awe.prompt.expressions import Known, follow, last_expression

__all__ = ["chain_of", "is_ours", "ours_in", "stand_in"]

TAIL = re.compile(r"(?P<chain>.*)\.(?P<part>\w*)\Z", re.DOTALL)
WORD = re.compile(r"[^\W\d]\w*")
#: Modules whose values stand for themselves.
PLAIN = ("builtins", "datetime", "numpy", "uuid")
#: What stands for a value of a type that is not loaded.
EMPTY = {str: "", int: 0, float: 0.0, bool: False, list: [], dict: {},
         datetime.datetime: datetime.datetime.min}  # fmt: skip
#: Items of a container looked at.
FIRST = 3


def chain_of(line: str) -> tuple[str, str] | None:
    """Return what is before the last dot of a line, and after it; None without one."""
    found = TAIL.match(line)
    return (found["chain"], found["part"]) if found else None


def is_ours(value: object) -> bool:
    """Return True if a value, or class, is awe's or persistent."""
    cls = value if isinstance(value, type) else type(value)
    return issubclass(cls, DBObject) or str(cls.__module__).startswith("awe.")


def ours_in(text: str, namespace: Mapping[str, Any]) -> bool:
    """Return True if a text names something of awe's, or a container of such things."""
    return any(_holds_ours(namespace[w]) for w in set(WORD.findall(text)) if w in namespace)


def _holds_ours(value: object) -> bool:
    if type(value) is dict:
        value = [*islice(value.values(), FIRST)]
    if type(value) in (list, tuple, set):
        return any(is_ours(item) for item in islice(value, FIRST))  # type: ignore[call-overload]
    return is_ours(value)


def stand_in(chain: str, namespace: Mapping[str, Any], completer: Any) -> Known | None:
    """Return what a chain at the end of a text comes to under IPython's policy, or None.

    Parameters
    ----------
    chain : str
        Code that names something of awe's.
    namespace : mapping
        Names that exist.
    completer : IPCompleter
        Its policy is asked.
    """
    node = last_expression(chain)
    if node is None:
        return None
    replaced = _StandIns(namespace)
    code = ast.unparse(replaced.visit(node))
    # No globals and only chosen locals: no other name of the session can be reached by the
    # evaluation, whatever IPython's policy allows.
    context = EvaluationContext(
        globals={}, locals=replaced.values, evaluation=completer.evaluation,
        policy_overrides=completer.policy_overrides,
    )  # fmt: skip
    try:
        return Known(value=guarded_eval(code, context))
    except Exception:  # what cannot be evaluated completes to nothing
        return None


class _StandIns(ast.NodeTransformer):
    """Puts plain values in place of what awe knows; keeps the names that are not awe's."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self.values: dict[str, Any] = {}

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Name) and node.id in self._namespace:
            value = self._namespace[node.id]
            if not _holds_ours(value):
                self.values[node.id] = value
        elif isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
            known = follow(node, self._namespace)
            if known is not None and (plain := _plain(known)):
                name = f"_{len(self.values)}_"
                self.values[name] = plain[0]
                return ast.Name(name, ast.Load())
        return self.generic_visit(node)


def _plain(known: Known) -> tuple[Any] | None:
    """Return the value that stands for what is known, in a tuple, or None where none can."""
    if known.instance_of in EMPTY:
        return (EMPTY[known.instance_of],)
    value = known.value
    if value is None or isinstance(value, type) or type(value).__module__ not in PLAIN:
        return None
    return None if callable(value) or _holds_ours(value) else (value,)
