"""Nothing is imported from the working directory, where files of other people lie."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from prompt_process import AWE, PATIENCE, Prompt, environment

Run = Callable[..., "CompletedProcess[str]"]

pytestmark = pytest.mark.services

OTHERS = ("IPython", "PySide6", "alembic", "astropy", "awe", "cycler", "httpx", "jedi", "llvmlite",
          "matplotlib", "numba", "numpy", "pandas", "prompt_toolkit", "psutil", "psycopg2",
          "pygments", "scipy", "sitecustomize", "sqlalchemy", "starlette", "traitlets",
          "usercustomize", "uvicorn", "yaml")  # fmt: skip
TRAP = "import os\nwith open({mark!r}, 'a') as f: f.write(__name__ + ' ')\n"


@pytest.fixture
def traps(tmp_path: Path) -> Path:
    """A module of every name anything here could import, each of which says that it was."""
    mark = tmp_path.parent / f"{tmp_path.name}-imported"
    mark.unlink(missing_ok=True)
    for name in {*sys.stdlib_module_names, *OTHERS} - set(sys.builtin_module_names):
        (tmp_path / f"{name}.py").write_text(TRAP.format(mark=str(mark)))
    return mark


def sprung(mark: Path) -> str:
    return mark.read_text() if mark.exists() else ""


CODE = "import colorsys, wave, sys; print(colorsys.__file__)"


def test_code_and_standard_input_import_nothing_from_here(awe: Run, traps: Path) -> None:
    import colorsys

    for done in (awe("-c", CODE), awe(stdin=CODE)):
        assert (done.stdout, done.stderr) == (f"{colorsys.__file__}\n", "")
    done = awe("-c", "import neighbour_of_nobody")
    assert "No module named 'neighbour_of_nobody'" in done.stderr
    assert sprung(traps) == ""


def test_the_prompt_imports_nothing_from_here(
    awe_home: Path, tmp_path: Path, traps: Path
) -> None:
    import colorsys

    prompt = Prompt(awe_home, tmp_path)
    try:
        assert colorsys.__file__ in prompt.type(CODE)
        prompt.type("BiasFrame.filename == 'x'")
        prompt.type("import matplotlib.pyplot, astropy.table, scipy.ndimage")
    finally:
        prompt.close()
    assert sprung(traps) == ""


def test_a_script_elsewhere_imports_its_neighbours_and_nothing_from_here(
    awe: Run, tmp_path: Path, traps: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import colorsys

    own = tmp_path_factory.mktemp("own")
    (own / "neighbour.py").write_text("value = 7\n")
    (own / "script.py").write_text(f"import neighbour; print(neighbour.value); {CODE}")
    done = awe(str(own / "script.py"))
    assert (done.stdout, done.stderr) == (f"7\n{colorsys.__file__}\n", "")
    assert sprung(traps) == ""


@pytest.mark.parametrize("command", [["awe-admin", "status"], ["awe-admin", "doctor"],
                                     ["awe-ingest", "-i", "1.fits", "2.fits", "3.fits"]])
def test_the_other_commands_import_nothing_from_here(
    awe_home: Path, tmp_path: Path, traps: Path, command: list[str]
) -> None:
    for number in (1, 2, 3):
        (tmp_path / f"{number}.fits").write_text("not FITS")
    done = subprocess.run(
        [AWE.with_name(command[0]), *command[1:]], env=environment(awe_home), cwd=tmp_path,
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )
    assert "Traceback" not in done.stderr
    assert sprung(traps) == ""


POOL = """
import os, sys
sys.path[:] = [place for place in sys.path if place != ""]
from awe import workers
if __name__ == "__main__":
    os.chdir(sys.argv[1])
    with workers.pool(2) as pool:
        print(*pool.map(len, ["a", "bc"]))
    child = workers.SPAWN.Process(target=print)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert "PYTHONSAFEPATH" not in os.environ
"""


def test_processes_that_share_work_import_nothing_from_here(
    tmp_path: Path, traps: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    script = tmp_path_factory.mktemp("own") / "script.py"
    script.write_text(POOL)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True,
                          env=kept, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (0, "1 2\n\n"), done.stderr
    assert sprung(traps) == ""


def test_the_look_for_a_display_imports_nothing_from_here(
    awe: Run, tmp_path: Path, traps: Path
) -> None:
    awe("-c", "from awe.inspect import backend; backend._qt_starts()")
    assert sprung(traps) == ""
