"""`benchmarks.jobs` in short: two runners with homes of their own, each job done exactly once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.services
def test_forty_jobs_over_two_runners_are_done_once_each(tmp_path):
    environment = {**os.environ, "AWE_HOME": str(tmp_path / "home")}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.jobs", "--short"], cwd=REPOSITORY,
            env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
    finally:
        subprocess.run([sys.executable, "-m", "awe.admin", "destroy", "--yes"], env=environment,
                       cwd=REPOSITORY, check=False, capture_output=True)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| jobs not done exactly once | 0 |" in done.stdout
