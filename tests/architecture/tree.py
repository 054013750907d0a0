"""The source tree as data: its modules, what each imports and where, functions, docstrings.

Everything is read from the text by `ast`; nothing of awe is imported.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

__all__ = [
    "HEAVY", "PACKAGE", "ROOT", "Import", "Module", "Place", "circles", "heavy_modules",
    "is_heavy", "is_module", "module_name", "modules",
]  # fmt: skip

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "awe"

#: Libraries that take long to load, or bring such a library along: they may wait for first use.
HEAVY = (
    "IPython", "PySide6", "alembic", "astropy", "h11", "httpx", "llvmlite", "matplotlib",
    "mpl_toolkits", "numba", "numpy", "psutil", "scipy", "sqlalchemy", "starlette", "tkinter",
    "tqdm", "uvicorn",
)  # fmt: skip

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Place(enum.Enum):
    """Where an import statement is."""

    TOP = "at the top"
    FUNCTION = "in a function"
    TYPES = "for types"


@dataclass(frozen=True, kw_only=True)
class Import:
    """One module or name that a statement imports."""

    importer: str
    target: str
    line: int
    place: Place

    @property
    def own(self) -> bool:
        """True for a module of awe."""
        return self.target.partition(".")[0] == "awe"


class Module:
    """One file of the package."""

    def __init__(self, path: Path, root: Path = ROOT) -> None:
        self.path = path
        self.name = module_name(path, root)
        self.text = path.read_text()
        self.lines = self.text.splitlines()
        self.tree = ast.parse(self.text)

    @cached_property
    def imports(self) -> list[Import]:
        """Everything it imports, at the top, in functions and for types alike."""
        return [
            Import(importer=self.name, target=target, line=node.lineno, place=place)
            for node, place in _statements(self.tree, Place.TOP)
            for target in self._targets(node)
        ]

    def _targets(self, node: ast.Import | ast.ImportFrom) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        base = node.module or ""
        if node.level:
            package = self.name.split(".")
            cut = node.level - (self.path.name == "__init__.py")
            base = ".".join([*package[: len(package) - cut], *filter(None, [base])])
        full = [f"{base}.{alias.name}" for alias in node.names]
        return [name if is_module(name) else base for name in full]

    @cached_property
    def functions(self) -> list[Function]:
        """All functions and methods, those inside others too."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [node for node in ast.walk(self.tree) if isinstance(node, kinds)]

    @property
    def bodies(self) -> list[tuple[str, int]]:
        """Names of functions and the number of lines of each, without the docstring."""
        return [(node.name, _body_lines(node)) for node in self.functions]

    @cached_property
    def public(self) -> list[tuple[str, ast.Module | ast.ClassDef | Function]]:
        """The module, its public classes and functions, and the public methods of those."""
        return [(self.name, self.tree), *_public(self.tree, self.name)]

    @property
    def docstring_lines(self) -> int:
        """Lines that docstrings take."""
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        nodes = [node for node in ast.walk(self.tree) if isinstance(node, kinds)]
        firsts = [node.body[0] for node in nodes if ast.get_docstring(node, clean=False)]
        return sum((first.end_lineno or first.lineno) - first.lineno + 1 for first in firsts)

    @property
    def comment_lines(self) -> int:
        """Lines that are a comment and nothing else."""
        return sum(line.lstrip().startswith("#") for line in self.lines)


@cache
def modules(package: Path = PACKAGE) -> list[Module]:
    """Read all files of the package, once."""
    return [Module(path) for path in sorted(package.rglob("*.py"))]


def module_name(path: Path, root: Path = ROOT) -> str:
    """Return the dotted name of a file below the root."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name: str) -> bool:
    """Return True if a dotted name is a file or a folder of the tree."""
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def circles(imports: Iterable[Import]) -> list[list[str]]:
    """Return the groups of modules that import each other, the largest first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = {(one.importer, one.target) for one in imports if one.own}
    names = sorted({name for pair in pairs for name in pair})
    number = {name: index for index, name in enumerate(names)}
    rows, columns = [[number[pair[side]] for pair in pairs] for side in (0, 1)]
    matrix = coo_array(([1] * len(pairs), (rows, columns)), shape=(len(names), len(names)))
    count, labels = connected_components(matrix, directed=True, connection="strong")
    groups: list[list[str]] = [[] for _ in range(count)]
    for name, label in zip(names, labels, strict=True):
        groups[label].append(name)
    return sorted((group for group in groups if len(group) > 1), key=lambda group: -len(group))


def heavy_modules(tree: Iterable[Module]) -> set[str]:
    """Return our modules that load a heavy library at their top, or through another of ours."""
    tops = {module.name: _loaded_with(module) for module in tree}
    found = {name for name, targets in tops.items() if any(map(is_heavy, targets))}
    while more := {n for n, targets in tops.items() if n not in found and targets & found}:
        found |= more
    return found


def is_heavy(target: str) -> bool:
    """Return True for a heavy library or a part of one."""
    return target.partition(".")[0] in HEAVY


def _loaded_with(module: Module) -> set[str]:
    """Return what is loaded when a module is: its imports and the packages they are in."""
    targets = {one.target for one in module.imports if one.place is Place.TOP}
    parents = {
        ".".join(parts[:end])
        for parts in (name.split(".") for name in [*targets, module.name])
        for end in range(1, len(parts))
    }
    return (targets | parents) - {module.name}


def _statements(
    node: ast.AST, place: Place
) -> Iterator[tuple[ast.Import | ast.ImportFrom, Place]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, place
        elif isinstance(child, ast.If) and getattr(child.test, "id", "") == "TYPE_CHECKING":
            for part, where in ((child.body, Place.TYPES), (child.orelse, place)):
                yield from _statements(ast.Module(part, []), where)
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from _statements(child, Place.FUNCTION)
        else:
            yield from _statements(child, place)


def _body_lines(node: Function) -> int:
    first = node.body[0]
    documented = ast.get_docstring(node, clean=False) is not None
    start = (first.end_lineno or first.lineno) + 1 if documented else first.lineno
    return (node.end_lineno or start) - start + 1


def _public(node: ast.AST, name: str) -> Iterator[tuple[str, ast.ClassDef | Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.If, ast.Try)):
            yield from _public(child, name)
        elif isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if child.name.startswith("_"):
                continue
            yield f"{name}.{child.name}", child
            if isinstance(child, ast.ClassDef):
                yield from _public(child, f"{name}.{child.name}")
