"""Names of Astro-WISE without the distribution that brings them: one line says what to do."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from prompt_process import Prompt

from awe import astrowise

Run = Callable[..., "CompletedProcess[str]"]
LAYER = Path(__file__).parents[2] / "astrowise"


@pytest.mark.services
@pytest.mark.parametrize(
    "line",
    ["from astro.main.aweimports import *", "from common.log.Comment import Comment",
     "import darma.header"],
)  # fmt: skip
def test_an_old_import_in_a_script_says_what_to_install(awe: Run, line: str) -> None:
    done = awe("-c", line, PYTHONPATH="")
    assert done.returncode == 1
    assert done.stderr.startswith("ModuleNotFoundError: No module named '")
    assert "pip install ./astrowise" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.services
def test_the_prompt_answers_old_names_in_one_line(prompt: Prompt) -> None:
    said = prompt.type("from astro.config.startup import *")
    assert "pip install ./astrowise" in said
    assert "Traceback" not in said
    said = prompt.type("GalFitModel.select_all()")
    assert "NameError: name 'GalFitModel' is not defined; awe does not fit galaxies" in said
    assert "Traceback" not in said
    assert "awe does not fit galaxies" in prompt.type("lpu.run('GalFit')")
    assert "raw.data holds the pixels" in prompt.type("BaseFrame(pathname='/etc/hosts').image")
    assert "Traceback" in prompt.type("import nonsense_of_nobody")


@pytest.mark.skipif(importlib.util.find_spec("hatchling") is None, reason="hatchling builds it")
def test_the_wheel_has_the_three_packages_and_what_they_are_made_of(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=LAYER, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("awe_astrowise-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.split("/")[0] for name in names}
    assert folders >= {*astrowise.PACKAGES, "awe_astrowise"}
    assert "astro/main/aweimports.py" in names
    assert not any(name.startswith("awe/") for name in names)
