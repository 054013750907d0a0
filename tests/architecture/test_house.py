"""The rules that keep the house standing: layers, names that resolve, sizes, clean words."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from awe.inspect.keys import KEYS
from awe.lazy import resolve
from tests.architecture.tree import PACKAGE, ROOT, Module, Place, module_name, modules

FILES = sorted(PACKAGE.rglob("*.py"))

#: Longest match wins; a module may import its own row and lower ones. The floors of the database
#: layer, and what the data are and by which rules they are chosen, divide row 3.
ROWS: dict[str, float] = {
    "awe": 0,
    "awe.errors": 0,
    "awe.config": 0,
    "awe.lazy": 0,
    "awe.workers": 0,
    "awe.terminal": 0,
    "awe.localfiles": 0,
    "awe.imports": 0,
    "awe.prctl": 0,
    "awe.columns": 0,
    "awe.dates": 0,
    "awe.bars": 0,
    "awe.astrowise": 0,
    "awe.calib": 1,
    "awe.instruments": 1,
    "awe.fits": 1,
    "awe.dataserver": 1,
    "awe.demo": 1,
    "awe.inspect": 2,
    "awe.db": 3.5,
    "awe.db.server": 3.1,
    "awe.db.declare": 3.1,
    "awe.db.query": 3.2,
    "awe.db.objects": 3.3,
    "awe.db.rights": 3.4,
    "awe.db.schema": 3.5,
    "awe.model": 3.6,
    "awe.rules": 3.7,
    "awe.db.server.failures": 1,
    "awe.db.server.waiting": 1,
    "awe.context": 4,
    "awe.tasks": 5,
    "awe.recipes": 5,
    "awe.ingest": 5,
    "awe.ingest.command": 7,
    "awe.pars": 6,
    "awe.parsfile": 6,
    "awe.dpu": 6,
    "awe.prompt": 7,
    "awe.web": 7,
    "awe.services": 7,
    "awe.admin": 7,
    "awe.demo.calibrating": 7,
    "awe.demo.night": 7,
    "awe.demo.photometry": 7,
    "awe.demo.sciencefield": 7,
}
HEAVY = ("numpy", "scipy", "astropy", "matplotlib", "sqlalchemy", "numba", "httpx", "starlette")
LONGEST_MODULE = 500
LONGEST_FUNCTION = 60


def row_of(module: str) -> float | None:
    """Row of a module; None for one that is in no row of the table."""
    if module == "awe":
        return 0
    while module != "awe":
        if module in ROWS:
            return ROWS[module]
        module = module.rpartition(".")[0]
    return None


def imported(module: Module) -> list[tuple[int, str]]:
    """Return line and name of every module of awe that one of its modules imports."""
    return [(one.line, one.target) for one in module.imports if one.own]


def test_the_table_names_every_part_of_the_package() -> None:
    outside = [module_name(path) for path in FILES if row_of(module_name(path)) is None]
    assert not outside, f"give these a row in the table: {outside}"


@pytest.fixture(scope="module")
def tree() -> list[Module]:
    return modules()


def test_no_module_imports_a_higher_row(tree: list[Module]) -> None:
    upward = [
        f"{module.name}:{line} imports {name} (row {row_of(name)} > {row_of(module.name)})"
        for module in tree
        for line, name in imported(module)
        if (row_of(name) or 0) > (row_of(module.name) or 0)
    ]
    assert not upward, "\n".join(upward)


def test_the_import_reader_sees_imports_inside_functions_and_relative_ones(tmp_path: Path) -> None:
    path = tmp_path / "awe" / "db" / "probe.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "from typing import TYPE_CHECKING\n"
        "from ..errors import NotFound\n"
        "if TYPE_CHECKING:\n"
        "    import awe.context\n"
        "def f():\n"
        "    from awe.prompt import shell\n"
        "    from ..dpu import client, nothing\n"
    )
    found = [(one.line, one.target, one.place) for one in Module(path, tmp_path).imports]
    assert found == [
        (1, "typing", Place.TOP),
        (2, "awe.errors", Place.TOP),
        (4, "awe.context", Place.TYPES),
        (6, "awe.prompt.shell", Place.FUNCTION),
        (7, "awe.dpu.client", Place.FUNCTION),
        (7, "awe.dpu", Place.FUNCTION),
    ]
    assert imported(Module(path, tmp_path))[0] == (2, "awe.errors")
    assert row_of("awe.prompt.shell") == 7
    assert row_of("awe.demo.night") == 7
    assert row_of("awe.demo.sky") == 1
    assert Module(path, tmp_path).name == "awe.db.probe"


@pytest.fixture(scope="module")
def behaviours(tree: list[Module]) -> list[str]:
    targets = []
    for module in tree:
        for node in ast.walk(module.tree):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if name in ("behaviour", "class_behaviour") and isinstance(node.args[0], ast.Constant):
                targets.append(node.args[0].value)
    return sorted(set(targets))


def test_every_behaviour_resolves_to_a_documented_function(behaviours: list[str]) -> None:
    assert "awe.inspect.frame:inspect" in behaviours
    for target in behaviours:
        function = resolve(target)
        assert callable(function), target
        assert function.__doc__, f"{target} has no docstring, help() would be empty"


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda entry: entry.key)
def test_every_hot_key_has_its_code(key: object) -> None:
    from awe.inspect.window import Window

    target = key.target
    function = getattr(Window, target[7:]) if key.of_window else resolve(target)
    assert callable(function)
    assert function.__doc__


def child(code: str, home: Path) -> str:
    """Run code in a fresh python and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "AWE_HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_namespace_of_the_prompt_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from awe.config import Environment\n"
        "from awe.prompt import command, namespace, session, script, completion\n"
        "names = namespace.build(Environment.load())\n"
        "assert 'RawScienceFrame' in names and 'ReduceTask' in names, sorted(names)\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])\n"
    )
    assert child(code, tmp_path).strip() == "[]"


def test_a_session_begins_without_tasks_and_a_script_gets_what_it_names(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from awe.config import Environment\n"
        "from awe.prompt import command, namespace\n"
        "names = namespace.begun(Environment.load())\n"
        "def loaded(): return [m for m in sys.modules if m.startswith('awe.tasks.')]\n"
        "print(loaded(), sorted(namespace.add_named(names, 'print(RawScienceFrame, 1)')))\n"
        "print(sorted(namespace.add_named(names, 'Query; reduce(DarkTask, my_Query2)')))\n"
        "added = namespace.add_named(names, 'eval(words[0])')\n"
        "print('ReduceTask' in added, 'Pars' in added, 'Query' in added, loaded() == [])\n"
        "print(set(names) == set(namespace.build(Environment.load())))\n"
    )
    assert child(code, tmp_path).splitlines() == [
        "[] []", "['DarkTask', 'Query']", "True True False False", "True"
    ]  # fmt: skip


def test_help_on_inspect_loads_no_plotting(tmp_path: Path) -> None:
    code = (
        "import sys, pydoc\n"
        "from awe.model import classes; classes.load()\n"
        "from awe.model.raw import RawScienceFrame\n"
        "text = pydoc.render_doc(RawScienceFrame.inspect, renderer=pydoc.plaintext)\n"
        "assert 'wire-frame' in text and 'close the window' in text, text\n"
        "print('matplotlib' in sys.modules)\n"
    )
    assert child(code, tmp_path).strip() == "False"


def test_nothing_connects_or_writes_on_import(tmp_path: Path) -> None:
    code = (
        "import awe.prompt.command, awe.model.classes, awe.dpu, awe.recipes\n"
        "awe.model.classes.load()\n"
    )
    child(code, tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_modules_and_functions_are_short(tree: list[Module]) -> None:
    long = [f"{m.name}: one noun too many" for m in tree if len(m.lines) > LONGEST_MODULE]
    long += [f"{m.name}.{name}: {n} lines" for m in tree for name, n in m.bodies
             if n > LONGEST_FUNCTION]  # fmt: skip
    assert not long, "\n".join(long)


#: Words of a workplace, not of a program.
BANNED = re.compile(
    r"(?i:/(?:work|root)/|/home/\w+/|\bissues? #?\d|\bprototyp|\bbuilders?\b(?!-inited))"
    r"|\bTODO\b|\bFIXME\b"
)


def tracked() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "awe", "docs", "tests", "benchmarks", "README.md", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    suffixes = (".py", ".md", ".toml", ".sql", ".txt", ".rst", ".html", ".css", ".js")
    names = [name for name in done.stdout.splitlines() if name.endswith(suffixes)]
    return [path for name in names if (path := ROOT / name).exists()]


def test_no_words_of_a_workplace_in_the_tree() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: the list of files is git's")
    hits = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:90]}"
        for path in tracked()
        if path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if BANNED.search(line)
    ]
    assert not hits, "\n".join(hits)


def test_benchmarks_run_by_another_interpreter_do_not_hide_its_modules() -> None:
    # the folder of a program comes first in its path: `benchmarks/inspect.py` would be `inspect`
    hits, seen = [], 0
    for path in sorted((ROOT / "benchmarks").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.List) and any("__file__" in ast.unparse(e) for e in node.elts):
                seen += 1
                if "'-P'" not in ast.unparse(node):
                    hits.append(f"{path.name}:{node.lineno}: {ast.unparse(node)} has no -P")
    assert seen > 1
    assert not hits, "\n".join(hits)
