"""A worker that dies fails the test it ran, once; the other tests run and the run ends."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import order
import pytest

TESTS = Path(__file__).parent
CONFTEST = """
import order

def pytest_xdist_make_scheduler(config, log):
    return order.scheduler(config, log)
"""
DIES = "\ndef test_dies():\n    time.sleep(0.5)\n    os._exit(1)\n"
PASSES = "\ndef test_{}():\n    pass\n"


@pytest.mark.parametrize("behind", range(3))
def test_a_worker_that_dies_costs_its_test_and_no_other(tmp_path: Path, behind: int) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for file in range(6):
        tests = "import os, time\n" + "".join(map(PASSES.format, range(4)))
        if file in (0, 5):
            tests += DIES + "".join(PASSES.format(4 + number) for number in range(behind))
        (tmp_path / f"test_{file}.py").write_text(tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "3", "-p", "no:cacheprovider"],
        cwd=tmp_path, env={"PYTHONPATH": str(TESTS), "PATH": ""}, timeout=120,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(rf"^2 failed, {24 + 2 * behind} passed", done.stdout, re.MULTILINE), (
        done.stdout
    )


def test_a_file_without_a_record_is_as_long_as_its_folder_makes_likely(monkeypatch) -> None:
    recorded = {"tests/a/test_x.py": 30.0, "tests/b/test_y.py": 1.0}
    monkeypatch.setattr(order, "seconds", lambda: recorded)
    files = ["tests/a/test_x.py"] * 10 + ["tests/a/test_new.py"] * 4 + ["tests/c/test_z.py"] * 2
    assert order.likely(files) == {
        "tests/a/test_x.py": 30.0, "tests/a/test_new.py": 12.0, "tests/c/test_z.py": 0.2,
    }
