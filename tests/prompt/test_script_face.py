"""`import awe` in a script of plain Python: the names of the prompt, and the way in."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from prompt_process import PATIENCE, environment

import awe
from awe.lazy import resolve
from tests.architecture.tree import PACKAGE, ROOT, modules

Plain = Callable[..., "CompletedProcess[str]"]


def python(home: Path, directory: Path, code: str, **more: str) -> CompletedProcess[str]:
    """Run code as a script of plain Python, in a process of its own."""
    script = directory / "script.py"
    script.write_text(code)
    return subprocess.run(
        [sys.executable, str(script)],
        env={**environment(home, **more), "PYTHONPATH": str(ROOT)},
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture
def plain(tmp_path: Path) -> Plain:
    def run(code: str, **more: str) -> CompletedProcess[str]:
        return python(tmp_path / "home", tmp_path, code, **more)

    return run


def test_a_star_import_gives_what_the_prompt_has(plain: Plain) -> None:
    done = plain(
        "from awe.config import Environment\n"
        "from awe.prompt import namespace\n"
        "there = namespace.build(Environment.load())\n"
        "there = {name: value for name, value in there.items() if name[:2] != '__'}\n"
        "given = {}\n"
        "exec('from awe import *', given)\n"
        "del given['__builtins__']\n"
        "assert set(given) == set(there), set(given) ^ set(there)\n"
        "print([name for name in there if given[name] is not there[name]])\n"
        "print({'context', 'ReduceTask', 'RawScienceFrame', 'NoCalibration'} <= set(given))\n"
        "print({'Pars', 'dpu', 'lpu', 'Env', 'DBObject', 'connect'} <= set(given))\n"
    )
    assert (done.stdout, done.stderr) == ("[]\nTrue\nTrue\n", "")


def test_import_awe_loads_nothing(plain: Plain) -> None:
    done = plain(
        "import sys\n"
        "before = set(sys.modules)\n"
        "import awe\n"
        "print(sorted(set(sys.modules) - before - {'__future__', 'types'}))\n"
    )
    assert (done.stdout, done.stderr) == ("['awe', 'awe.lazy']\n", "")


def test_objects_keep_their_names_from_modules_of_the_same_name(plain: Plain) -> None:
    done = plain(
        "import awe, awe.dpu, awe.context, awe.dpu.client\n"
        "from awe.context import Context, context\n"
        "from awe.dpu import Processor\n"
        "from awe.dpu import client\n"
        "print(awe.context is context, isinstance(awe.dpu, Processor), client.__name__)\n"
        "print(awe.dpu is awe.dpu, awe.lpu is awe.lpu, awe.Env is awe.Env)\n"
    )
    assert (done.stdout, done.stderr) == ("True True awe.dpu.client\nTrue True True\n", "")


def test_a_recipe_of_ones_own_is_there_by_name(plain: Plain, tmp_path: Path) -> None:
    recipes = tmp_path / "home" / "recipes"
    recipes.mkdir(parents=True)
    text = "from awe.recipes import Task\nclass OddTask(Task):\n    '''Odd.'''\n"
    (recipes / "odd.py").write_text(text)
    done = plain("import awe\nprint(awe.OddTask.__doc__[:4], 'OddTask' in dir(awe))\n")
    assert (done.stdout, done.stderr) == ("Odd. True\n", "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("RawScienceFram", "module 'awe' has no attribute 'RawScienceFram'; did you mean "),
        ("_private", "module 'awe' has no attribute '_private'"),
        ("__wrapped__", "module 'awe' has no attribute '__wrapped__'"),
    ],
)
def test_a_name_there_is_not_is_refused_in_one_line(name: str, said: str) -> None:
    with pytest.raises(AttributeError) as refused:
        getattr(awe, name)
    assert str(refused.value).startswith(said)


def test_a_script_that_never_logged_in_is_told_how(plain: Plain) -> None:
    done = plain("import awe\nlen(awe.RawScienceFrame.select_all())\n")
    assert "import awe; awe.connect()" in done.stderr


def test_type_checkers_are_told_of_the_same_objects() -> None:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    for node in stub.body:
        if isinstance(node, ast.ImportFrom) and node.names[0].asname:
            for alias in node.names:
                assert getattr(awe, alias.name) is resolve(f"{node.module}:{alias.name}")
    declared = {node.target.id: node.annotation for node in stub.body if hasattr(node, "target")}
    for name in ("Env", "dpu", "lpu", "help"):
        assert type(getattr(awe, name)).__name__ == declared[name].id


def test_our_modules_take_nothing_from_awe_but_modules_and_the_version() -> None:
    """What the stub knows as `Any` would hide a mistake."""
    taken = [
        f"{module.name}:{node.lineno} {alias.name}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.module == "awe"
        for alias in node.names
        if alias.name != "__version__" and not is_module(alias.name)
    ]
    assert not taken


def is_module(name: str) -> bool:
    return (PACKAGE / name / "__init__.py").exists() or (PACKAGE / f"{name}.py").exists()


# -- with services -------------------------------------------------------------------------------


@pytest.mark.services
def test_connect_starts_the_services_and_logs_in(awe_home: Path, tmp_path: Path) -> None:
    stop = [str(Path(sys.executable).parent / "awe-admin"), "stop"]
    subprocess.run(stop, env=environment(awe_home), timeout=PATIENCE, check=True)
    done = python(
        awe_home,
        tmp_path,
        "import awe\n"
        "print(awe.connect())\n"
        "print(len(awe.RawScienceFrame.select_all()), awe.context.get_current_project().name)\n"
        "print(awe.Env['data_port'] != '')\n",
    )
    assert done.stderr == ""
    level = "privileges 1 (MyDB)"
    assert done.stdout.partition(" in ")[2] == f"OMEGACAM@VST, {level}\n0 OMEGACAM@VST\nTrue\n"


@pytest.mark.services
def test_connect_takes_keys_and_refuses_as_the_errors_say(awe_home: Path, tmp_path: Path) -> None:
    done = python(
        awe_home,
        tmp_path,
        "from awe import *\n"
        "print(connect(project='ALL').project_name)\n"
        "for keys in ({'project': 'NOWHERE'}, {'projct': 'ALL'}, {'database_password': 'x'}):\n"
        "    try:\n"
        "        connect(**keys)\n"
        "    except AweError as error:\n"
        "        print(type(error).__name__)\n",
    )
    assert done.stdout.split() == ["ALL", "ProjectUnknown", "ConfigError", "LoginRefused"]
    assert done.stderr == ""


@pytest.mark.services
def test_a_script_of_the_prompt_may_import_the_names_again(awe) -> None:
    code = "mine = dpu\nfrom awe import *\nimport awe\nprint(mine is awe.dpu, Env is awe.Env)"
    assert awe("-c", code).stdout == "True True\n"
