"""`benchmarks.jobs` and `.prompts` in short: each job is done once, no call of a prompt fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """Run a benchmark in short, both on one installation."""
    environment = {**os.environ, "AWE_HOME": str(tmp_path_factory.mktemp("jobs") / "home")}

    def run(name):
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}", "--short"], cwd=REPOSITORY,
            env=environment, capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    yield run
    subprocess.run([sys.executable, "-m", "awe.admin", "destroy", "--yes"], env=environment,
                   cwd=REPOSITORY, check=False, capture_output=True)  # fmt: skip


@pytest.mark.services
def test_forty_jobs_over_two_runners_are_done_once_each(short):
    assert "| jobs not done exactly once | 0 |" in short("jobs")


@pytest.mark.services
def test_three_prompts_submit_watch_read_and_cancel_without_an_error(short):
    told = short("prompts")
    assert told.startswith("3 prompts, ")
    for call in ("submit", "status", "query", "result", "news"):
        assert f"| {call} | " in told
