"""Kernels: those of the night first, the others later, and nobody waits without a word."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest
from prompt_process import environment

from awe.tasks.compiling import Compiling

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

#: Which kernels the recipes of the night have to compile after the first part is there.
NIGHT = """
import importlib, json, pathlib
import awe.calib
from awe import calib, fits, recipes
from awe.demo import calibrating
list(calib.warming(frames=False))
list(fits.warming())
folder = pathlib.Path(awe.calib.__file__).parent
names = [".".join(("awe.calib", *path.relative_to(folder).with_suffix("").parts))
         for path in folder.rglob("*.py") if path.stem != "__init__"]
modules = [importlib.import_module(name) for name in [*names, "awe.fits._byte_kernels"]]
kernels = {f"{module.__name__}.{name}": kernel for module in modules
           for name, kernel in vars(module).items() if hasattr(kernel, "signatures")}
before = {name: len(kernel.signatures) for name, kernel in kernels.items()}
for recipe, _, filtered in calibrating.RECIPES:
    more = {"filter": calibrating.FILTER} if filtered else {}
    recipes.find(recipe)(instrument="OMEGACAM", date=calibrating.NIGHT, chip="ESO_CCD_#65",
                         **more).execute()
fresh = [name for name, kernel in kernels.items() if len(kernel.signatures) > before[name]]
print(json.dumps([len(kernels), sum(before.values()), fresh]))
"""
#: A kernel that no cache has, in a task's listening block.
FRESH = """
import sys
from numba import njit
from awe.tasks.compiling import told
kernel = njit(lambda x: x + 1)
with told():
    print('sum', kernel(1), kernel(2.0))
    print('again', kernel(3))
"""


def test_the_recipes_of_the_night_compile_nothing_after_the_first_part(tutorial_home, tmp_path):
    script = tmp_path / "night.py"
    script.write_text(NIGHT)
    done = subprocess.run(
        [sys.executable, "-m", "awe.prompt.command", script], env=environment(tutorial_home),
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    number, compiled, fresh = json.loads(done.stdout.splitlines()[-1])
    assert number > 30
    assert compiled > 10
    assert not fresh, fresh


def test_who_waits_for_a_kernel_at_a_terminal_is_told_once(tmp_path):
    child = pexpect.spawn(sys.executable, ["-c", FRESH], encoding="utf-8", timeout=120)
    child.expect(pexpect.EOF)
    assert child.before.count("compiling the kernels, once") == 1
    assert child.before.index("compiling") < child.before.index("sum 2 3.0")


def test_the_line_stands_above_the_bar(tmp_path):
    code = FRESH.replace("with told():", "with bars.bar('Reduce', 5, 'units'), told():")
    child = pexpect.spawn(
        sys.executable, ["-c", "from awe import bars" + code], encoding="utf-8", timeout=120
    )
    child.expect(pexpect.EOF)
    (line,) = [line for line in re.split(r"[\r\n]+", child.before) if "compiling" in line]
    assert line == "compiling the kernels, once; up to a minute"


def test_a_pipe_is_told_nothing():
    done = subprocess.run(
        [sys.executable, "-c", FRESH], capture_output=True, text=True, check=True, timeout=120
    )
    assert (done.stdout, done.stderr) == ("sum 2 3.0\nagain 4\n", "")


def test_the_first_part_is_told_of_and_the_others_go_on(tmp_path, monkeypatch):
    # nothing is in this cache: the whole takes half a minute, the first part a quarter of that
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compiling = Compiling()
    try:
        assert not compiling.wait_for_masters(0.2)
        assert compiling.wait_for_masters()
        assert compiling.process.is_alive()
        kept = {path.name.partition(".")[0] for path in Path(tmp_path).rglob("*.nbi")}
        assert kept
    finally:
        compiling.process.terminate()
        compiling.process.join()


def test_who_needs_kernels_waits_for_the_process_that_compiles_them(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compiling = Compiling()
    compiling.process.terminate()
    begin = time.monotonic()
    compiling.wait()
    assert compiling.wait_for_masters()
    assert time.monotonic() - begin < 20
    assert not compiling.process.is_alive()
