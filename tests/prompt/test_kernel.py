"""The Jupyter kernel `awe`: names, one-line mistakes and Tab are there before the first cell."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from prompt_process import PATIENCE, Prompt, environment
from test_notebook import Kernel

manager = pytest.importorskip("jupyter_client.manager", reason="jupyter-client is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]
Run = Callable[..., "CompletedProcess[str]"]
ADMIN = Path(sys.executable).parent / "awe-admin"


def admin(home: Path, *words: str) -> CompletedProcess[str]:
    return subprocess.run([ADMIN, "kernel", *words], env=environment(home), capture_output=True,
                          text=True, timeout=PATIENCE, check=False)  # fmt: skip


class AweKernel(Kernel):
    """A kernel of the name `awe`, as Jupyter starts it."""

    def __init__(self, home: Path, directory: Path, prefix: Path) -> None:
        os.environ["JUPYTER_PATH"] = str(prefix / "share" / "jupyter")
        try:
            self._manager, self.client = manager.start_new_kernel(
                kernel_name="awe", startup_timeout=PATIENCE,
                env={k: v for k, v in environment(home).items() if k != "AWE_HOME"},
                cwd=str(directory),
            )  # fmt: skip
        finally:
            del os.environ["JUPYTER_PATH"]


@pytest.fixture(scope="module")
def kernel(awe_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AweKernel]:
    folder = tmp_path_factory.mktemp("kernel")
    done = admin(awe_home, "install", "--prefix", str(folder / "prefix"))
    assert done.returncode == 0, done.stderr
    assert "kernel awe is in" in done.stdout
    (folder / "work").mkdir()
    opened = AweKernel(awe_home, folder / "work", folder / "prefix")
    yield opened
    opened.close()


def test_the_first_cell_has_the_names_of_this_installation(
    kernel: AweKernel, awe_home: Path
) -> None:
    assert kernel.run("print(len(RawScienceFrame.select_all()))")["text"] == "0\n"
    assert kernel.run("print(Env.home)")["text"] == f"{awe_home}\n"
    assert kernel.run("BiasFrame.nix")["text"].startswith("AttributeUnknown: BiasFrame has no")


def test_status_and_tables_come_as_html(kernel: AweKernel) -> None:
    shown: list[dict[str, str]] = []

    def hear(message: dict) -> None:
        shown.append(message["content"].get("data", {}))

    kernel.client.execute_interactive("context", output_hook=hear, timeout=PATIENCE)
    assert any("<table>" in data.get("text/html", "") for data in shown)


def test_tab_is_that_of_the_prompt(kernel: AweKernel, prompt: Prompt) -> None:
    for text in ("dpu.run('Redu", "RawScienceFrame.templ", "Pars('Bia", "raw = RawBiasFr"):
        prompt.type("found = None")
        code = f"found = get_ipython().Completer.complete(line_buffer={text!r})[1]"
        prompt.type(code)
        said = prompt.type("print('|'.join(found))")
        here = [name.rpartition(".")[2] for name in said.strip().split("|")]
        there = [name.rpartition(".")[2] for name in kernel.completions(text)]
        assert sorted(there) == sorted(here), text


def test_the_kernel_is_taken_away_and_a_second_time_is_told(
    awe_home: Path, tmp_path: Path
) -> None:
    admin(awe_home, "install", "--prefix", str(tmp_path))
    spec = json.loads((tmp_path / "share/jupyter/kernels/awe/kernel.json").read_text())
    assert Path(spec["argv"][0]).parent == Path(sys.executable).parent
    assert admin(awe_home, "remove", "--prefix", str(tmp_path)).returncode == 0
    again = admin(awe_home, "remove", "--prefix", str(tmp_path))
    assert again.returncode == 1
    assert "awe-admin kernel install puts it there" in again.stderr
    assert again.stderr.count("\n") == 1


@pytest.mark.skipif(importlib.util.find_spec("jupyterlab") is not None, reason="it is installed")
def test_without_jupyterlab_one_line_says_how_to_get_it(awe: Run) -> None:
    done = awe("notebook")
    assert done.returncode == 1
    assert "pip install 'awe-prompt[notebook]'" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(importlib.util.find_spec("jupyterlab") is None, reason="not installed")
def test_awe_notebook_is_jupyterlab_with_this_kernel(awe: Run, awe_home: Path) -> None:
    done = awe("notebook", "--version")
    assert done.returncode == 0, done.stderr
    assert (awe_home / "prompt/jupyter/kernels/awe/kernel.json").exists()
