"""An installation of its own for the tests that run the real `awe` command."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prompt_process import AWE, PATIENCE, Prompt, environment, installation

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def awe_home() -> Iterator[Path]:
    """A new AWE_HOME with its services running."""
    with installation("prompt") as home:
        done = subprocess.run(
            [AWE, "-c", "pass"],
            env=environment(home),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        yield home


@pytest.fixture
def awe(awe_home: Path, tmp_path: Path) -> Run:
    """Run the awe command to its end, in an empty directory and without a terminal."""

    def run(*arguments: str, stdin: str | None = None, **more: str):
        return subprocess.run(
            [AWE, *arguments],
            env=environment(awe_home, **more),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return run


@pytest.fixture
def prompt(awe_home: Path, tmp_path: Path) -> Iterator[Prompt]:
    opened = Prompt(awe_home, tmp_path)
    yield opened
    opened.close()
