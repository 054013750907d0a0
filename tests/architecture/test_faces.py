"""Each package says what it offers: names that resolve, have a text, and load nothing before."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from types import ModuleType

import pytest

import awe
from awe.db.declare.registry import declared
from awe.model import classes
from tests.architecture.tree import PACKAGE, Module, Place, module_name

PACKAGES = [module_name(path) for path in sorted(PACKAGE.rglob("__init__.py"))]
BELOW = [name for name in PACKAGES if name != "awe"]

#: Packages that say nothing yet.
SILENT_MOST = 2


def face_of(package: str) -> ModuleType:
    return importlib.import_module(package)


def lazily(package: str) -> dict[str, str]:
    """Return name and module of what a package imports for type checkers."""
    module = Module(PACKAGE.joinpath(*package.split(".")[1:], "__init__.py"))
    lines = {one.line for one in module.imports if one.place is Place.TYPES and one.own}
    return {
        alias.name: str(node.module)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.lineno in lines
        for alias in node.names
    }


def test_every_package_says_what_it_offers() -> None:
    silent = [name for name in BELOW if not getattr(face_of(name), "__all__", None)]
    assert len(silent) <= SILENT_MOST, f"give these an __all__: {silent}"


@pytest.mark.parametrize("package", BELOW)
def test_what_a_package_offers_resolves_and_has_a_text(package: str) -> None:
    face = face_of(package)
    for name in getattr(face, "__all__", ()):
        thing = getattr(face, name)
        assert not isinstance(thing, ModuleType), f"{package}.{name} is a module"
        assert thing.__doc__, f"{package}.{name} has no docstring"
        assert name in dir(face)


def test_type_checkers_and_python_are_told_the_same() -> None:
    lazy = [name for name in BELOW if hasattr(face_of(name), "__getattr__")]
    assert "awe.model" in lazy
    for package in lazy:
        face, homes = face_of(package), lazily(package)
        assert set(homes) <= set(face.__all__), package
        modules = {module.name for module in pkgutil.iter_modules(face.__path__)}
        assert not modules & set(homes), f"{package} has a module of the same name"
        for name, home in homes.items():
            assert getattr(face, name) is getattr(importlib.import_module(home), name), name
        with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothi"):
            _ = face.nothing


def test_the_model_offers_every_class_of_the_prompt() -> None:
    classes.load()
    ours = {name for name, cls in declared.items() if cls.__module__.startswith("awe.model")}
    missing = ours - set(face_of("awe.model").__all__)
    assert not missing, f"import these in awe/model/__init__.py: {missing}"
    assert ours <= set(awe.__all__)
