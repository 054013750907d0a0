"""Count the source tree: `python -m tests.architecture.count` prints the table.

`--list` names what the table counts: imports inside functions that nothing excuses, circles,
long bodies, names that exist twice, and public functions without a `Parameters` section.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence

from tests.architecture.tree import (
    Function,
    Import,
    Module,
    Place,
    circles,
    heavy_modules,
    is_heavy,
    modules,
)

__all__ = [
    "catch_alls", "documented", "inside_functions", "main", "needless", "quantile", "suppressed",
    "table", "twice", "undescribed", "with_parameters",
]  # fmt: skip

#: Packages whose public functions describe their parameters.
DESCRIBED = ("calib", "fits", "inspect", "recipes")


def table(tree: Sequence[Module]) -> dict[str, str]:
    """Return what is counted and its value, in the order of the table."""
    lines = sum(len(module.lines) for module in tree)
    imports = [one for module in tree for one in module.imports]
    inside = inside_functions(imports)
    top = {(one.importer, one.line) for one in imports if one.own and one.place is Place.TOP}
    waiting = needless(tree)
    running = [one for one in imports if one.place is not Place.TYPES]
    sizes = [len(module.lines) for module in tree]
    bodies = [lines for module in tree for _, lines in module.bodies]
    public, known = documented(tree)
    functions = with_parameters(tree)
    bare = undescribed(functions)
    docstrings = sum(module.docstring_lines for module in tree)
    comments = sum(module.comment_lines for module in tree)
    return {
        "source lines": f"{lines}",
        "modules": f"{len(tree)}",
        "module: median / 90th / largest": _spread(sizes),
        "function body: median / 90th / longest": _spread(bodies),
        "docstring share of lines": _share(docstrings, lines),
        "public things documented": _share(known, public),
        "own modules imported inside functions": f"{len(inside)}",
        "... per 1000 lines": f"{1000 * len(inside) / lines:.1f}",
        "imported inside functions without a reason":
            f"{len(waiting)}, {sum(one.own for one in waiting)} of our own",
        "own modules imported at the top": f"{len(top)}",
        "circles, type-only imports included": _circle_sizes(imports),
        "circles at run time": _circle_sizes(running),
        "comment lines": _share(comments, lines, digits=1),
        "catch-all handlers": f"{len(catch_alls(tree))}, and {len(suppressed(tree))} suppressed",
        f"Parameters described in {', '.join(DESCRIBED)}":
            f"{_share(len(functions) - len(bare), len(functions))} of {len(functions)}",
        "module names that exist twice": f"{len(twice(tree))}",
    }  # fmt: skip


def inside_functions(imports: Iterable[Import]) -> list[tuple[str, int]]:
    """Return file and line of each statement in a function that imports a module of ours."""
    places = {(i.importer, i.line) for i in imports if i.own and i.place is Place.FUNCTION}
    return sorted(places)


def needless(tree: Sequence[Module]) -> list[Import]:
    """Return imports inside functions of what is neither heavy nor holds something heavy."""
    heavy = heavy_modules(tree)
    found = [
        one
        for module in tree
        for one in module.imports
        if one.place is Place.FUNCTION and one.target not in heavy and not is_heavy(one.target)
    ]
    return list(dict.fromkeys(found))


def documented(tree: Sequence[Module]) -> tuple[int, int]:
    """Return the number of public things, and of those with a docstring."""
    things = [node for module in tree for _, node in module.public]
    return len(things), sum(ast.get_docstring(node) is not None for node in things)


def with_parameters(tree: Sequence[Module]) -> dict[str, Function]:
    """Return the public functions and methods that take arguments, of some packages."""
    return {
        name: node
        for module in tree
        if module.name.split(".")[1:2] and module.name.split(".")[1] in DESCRIBED
        if not module.path.stem.startswith("_") or module.path.stem == "__init__"
        for name, node in module.public
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _arguments(node)
    }


def undescribed(functions: dict[str, Function]) -> list[str]:
    """Return the names of functions whose docstring has no `Parameters` section."""
    return [
        name
        for name, node in functions.items()
        if "Parameters\n----------" not in (ast.get_docstring(node) or "")
    ]


def catch_alls(tree: Sequence[Module]) -> list[str]:
    """Return the places of handlers that catch everything."""
    return [
        f"{module.name}:{node.lineno}"
        for module in tree
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
    ]


def suppressed(tree: Sequence[Module]) -> list[str]:
    """Return the places of `suppress(Exception)`."""
    return [
        f"{module.name}:{node.lineno}"
        for module in tree
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node) in ("suppress(Exception)", "suppress(BaseException)")
    ]


def twice(tree: Sequence[Module]) -> dict[str, list[str]]:
    """Return the names of files and folders that exist more than once, and where."""
    places = defaultdict(list)
    for module in tree:
        places[module.name.rpartition(".")[2]].append(module.name)
    return {name: found for name, found in sorted(places.items()) if len(found) > 1}


def quantile(values: Sequence[int], share: float) -> int:
    """Return the value that this share of all values does not exceed."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, and with `--list` what stands behind it."""
    parser = argparse.ArgumentParser(prog="python -m tests.architecture.count")
    parser.add_argument("--list", action="store_true", help="name what is counted")
    given = parser.parse_args(arguments)
    tree = modules()
    for name, value in table(tree).items():
        sys.stdout.write(f"{name:<55} {value}\n")
    if given.list:
        sys.stdout.writelines(f"{line}\n" for line in _listed(tree))
    return 0


def _listed(tree: Sequence[Module]) -> Iterable[str]:
    imports = [one for module in tree for one in module.imports]
    yield "\nimported inside functions without a reason:"
    yield from (f"  {one.importer}:{one.line} {one.target}" for one in needless(tree))
    yield "\ncircles:"
    yield from (f"  {' '.join(group)}" for group in circles(imports))
    yield "\nbodies above 20 lines:"
    bodies = [(n, f"{m.name}.{name}") for m in tree for name, n in m.bodies if n > 20]
    yield from (f"  {lines} {name}" for lines, name in sorted(bodies, reverse=True))
    yield "\nnames that exist twice:"
    yield from (f"  {name}: {' '.join(found)}" for name, found in twice(tree).items())
    yield "\nno section Parameters:"
    yield from (f"  {name}" for name in undescribed(with_parameters(tree)))


def _arguments(node: Function) -> list[str]:
    given = node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return [one.arg for one in every if one is not None and one.arg not in ("self", "cls")]


def _spread(values: Sequence[int]) -> str:
    return f"{quantile(values, 0.5)} / {quantile(values, 0.9)} / {max(values)}"


def _share(part: int, whole: int, digits: int = 0) -> str:
    return f"{100 * part / whole:.{digits}f}%"


def _circle_sizes(imports: Iterable[Import]) -> str:
    return ", ".join(str(len(group)) for group in circles(imports)) or "none"


if __name__ == "__main__":
    sys.exit(main())
