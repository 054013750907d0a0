"""The tutorial night, and a walk through the chapter at a real prompt; both made once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from chapter import CHAPTER, Command
from prompt_process import AWE, PATIENCE, Prompt, environment, installation
from screens import desktop, screen, toolkit  # noqa: F401 - fixtures


@pytest.fixture(scope="session")
def tutorial_home() -> Iterator[Path]:
    """An AWE_HOME with the tutorial night of all 32 chips."""
    with installation("tutorial") as home:
        done = subprocess.run(
            [AWE, "--tutorial", "-c", "print(len(RawScienceFrame.select_all()))"],
            env=environment(home),
            capture_output=True,
            text=True,
            timeout=570,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert "Traceback" not in done.stderr
        yield home


@pytest.fixture(scope="session")
def field_home() -> Iterator[Path]:
    """An AWE_HOME with the night and the science field of two chips."""
    with installation("field") as home:
        done = subprocess.run(
            [AWE.with_name("awe-admin"), "tutorial", "--chips", "65", "66", "--science"],
            env=environment(home),
            capture_output=True,
            text=True,
            timeout=570,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        yield home


@dataclass
class Walk:
    """The chapter as it went: what was typed, what was printed, where."""

    home: Path
    directory: Path
    typed: list[tuple[Command, str]] = field(default_factory=list)

    def said(self, start: str, nth: int = 0) -> str:
        """Output of the nth command that starts so."""
        found = [output for command, output in self.typed if command.type.startswith(start)]
        assert len(found) > nth, f"the chapter has no command {start!r} number {nth}"
        return found[nth]

    def ask(self, code: str, **more: str) -> str:
        """What a second awe process prints, in the student's project."""
        done = subprocess.run(
            [AWE, "-c", code],
            env=environment(self.home, project="TUTORIAL2015", **more),
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="session")
def walk(tutorial_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """Type every command of the chapter, as printed, at one prompt."""
    walked = Walk(tutorial_home, tmp_path_factory.mktemp("walk"))
    prompt = Prompt(tutorial_home, walked.directory)
    try:
        prompt.type("import pydoc; pydoc.pager = pydoc.plainpager")
        for command in CHAPTER:
            walked.typed.append((command, prompt.type(command.type, timeout=2 * PATIENCE)))
    finally:
        prompt.close()
    return walked
