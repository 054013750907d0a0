"""The checks run a failed test again: what passes three times was chance, and is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

AGAIN = Path(__file__).parents[1] / ".ci" / "again"
TESTS = """
from pathlib import Path

def count():
    times = Path("times")
    times.write_text(times.read_text() + "x" if times.exists() else "x")
    return len(times.read_text())

def test_it():
    assert {condition}
"""


def checked(folder: Path, condition: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(TESTS.format(condition=condition))
    first = [sys.executable, "-m", "pytest", "-q", "test_it.py"]
    assert subprocess.run(first, cwd=folder, capture_output=True, check=False).returncode == 1
    return subprocess.run(
        [sys.executable, AGAIN], cwd=folder, capture_output=True, text=True, check=False
    )


def test_what_failed_by_chance_is_run_three_times_and_named(tmp_path: Path) -> None:
    done = checked(tmp_path, "count() > 1")
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "times").read_text() == "xxxx"
    assert done.stdout.endswith("(mend the test):\n  test_it.py::test_it\n")


@pytest.mark.parametrize("condition", ["False", "count() in (2, 4)"])
def test_what_fails_again_fails_the_checks(tmp_path: Path, condition: str) -> None:
    assert checked(tmp_path, condition).returncode == 1
