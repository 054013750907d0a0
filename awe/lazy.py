"""Things by name: methods of persistent classes and faces of packages, imported on first use.

`behaviour("awe.inspect.frame:inspect")` in a class body is a descriptor that imports the target
when the attribute is first touched and binds the real function, so `help(obj.inspect)` shows
the true signature and text while matplotlib stays unloaded. `face(__name__)` in an `__init__`
lets a package offer names without loading what they mean. `import awe` loads this module, so it
loads nothing itself.
"""

from __future__ import annotations

import sys
from types import MethodType

TYPE_CHECKING = False  # as in typing, which takes longer to load than the rest of this
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["behaviour", "class_behaviour", "face", "resolve"]


def resolve(target: str) -> Any:
    """Import `"package.module:attribute"` and return the attribute.

    Parameters
    ----------
    target : str
        Module and attribute; the module alone, `"datetime"`, gives the module.
    """
    module, _, name = target.partition(":")
    __import__(module)
    return getattr(sys.modules[module], name) if name else sys.modules[module]


def face(package: str) -> None:
    """Let a package offer its `__all__` and its modules, each imported on first use.

    What the names mean is said where type checkers look for it: in the imports of the package's
    `if TYPE_CHECKING:`, which are read when the first name is used.

    Parameters
    ----------
    package : str
        `__name__` of the package.
    """
    module = sys.modules[package]
    offered = vars(module)
    homes: dict[str, str] = {}

    def load(name: str) -> Any:
        if not homes:
            homes.update(_homes(offered["__file__"]))
        part = f"{package}.{name}"
        if name in offered["__all__"]:
            offered[name] = found = resolve(f"{homes[name]}:{name}")
        elif part in homes.values():
            found = resolve(part)
        else:
            msg = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(msg)
        return found

    offered["__getattr__"] = load
    offered["__dir__"] = lambda: sorted({*offered, *offered["__all__"]})


def _homes(file: str) -> dict[str, str]:
    """Return name and module of what a file imports for type checkers."""
    ast = resolve("ast")
    with open(file, encoding="utf-8") as text:  # noqa: PTH123 - pathlib is slow to load
        tree = ast.parse(text.read())
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    return {
        alias.name: node.module
        for block in blocks
        if ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        for alias in node.names
    }


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


class class_behaviour(behaviour):  # noqa: N801 - as `behaviour`
    """A method of the class named by a string; the function takes the class as its first argument.

    Parameters
    ----------
    target : str
        `"package.module:function"`.
    """

    def __get__(self, instance: object | None, owner: type) -> Any:
        return MethodType(self.function(), owner)
