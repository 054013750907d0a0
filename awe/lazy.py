"""Behaviour by name: methods of persistent classes whose code is imported on first use.

`behaviour("awe.inspect.frame:inspect")` in a class body is a descriptor that imports the target
when the attribute is first touched and binds the real function, so `help(obj.inspect)` shows
the true signature and text while matplotlib stays unloaded.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import MethodType
from typing import Any

__all__ = ["behaviour", "resolve"]


def resolve(target: str) -> Any:
    """Import `"package.module:attribute"` and return the attribute."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


class behaviour:  # noqa: N801 - reads as a declaration in a class body, like property
    """A method named by a string; imported and bound on first use.

    Parameters
    ----------
    target : str
        `"package.module:function"`; the function takes the object as its first argument.
    """

    def __init__(self, target: str) -> None:
        self.target = target

    def function(self) -> Callable[..., Any]:
        """Return the function behind the name."""
        function: Callable[..., Any] = resolve(self.target)
        return function

    def __get__(self, instance: object | None, owner: type) -> Any:
        function = self.function()
        return function if instance is None else MethodType(function, instance)
