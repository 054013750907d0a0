"""A runner that never saw a camera reduces its frames: the description is in the database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from jobs_waiting import log, until
from own_camera import observing

from awe.dpu import Processor
from awe.ingest import ingest
from awe.model import cameras
from awe.model.data import base_url
from awe.model.raw import RawScienceFrame
from awe.recipes.bias import BiasTask
from awe.recipes.readnoise import ReadNoiseTask
from tests.dpu.test_runner import RUNNER
from tests.instruments.test_own_camera_reduced import DESCRIPTION, night

LIMIT = "[parameters]\nReducedScienceFrame.MAXIMUM_STDEV = {}\n"


@pytest.fixture
def scientist(db, tmp_path, monkeypatch):
    with observing(db, tmp_path, monkeypatch, "SMALL9", DESCRIPTION + LIMIT.format(4321.0)):
        yield


@pytest.fixture
def foreign_runner(db, scientist, tmp_path):
    """A runner in a process and an AWE_HOME of its own, which has no description."""
    home = tmp_path / "runner"
    home.mkdir()
    port = str(urlsplit(base_url()).port)
    given = {
        "environment": db.environment(data_server="127.0.0.1", data_port=port, dpu_workers="1"),
        "secrets": {"awe_runner": db.password("awe_runner")},
    }
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNER], stdin=subprocess.PIPE, text=True,
        env={**os.environ, "AWE_HOME": str(home)}, cwd=home,
    )  # fmt: skip
    process.stdin.write(json.dumps(given) + "\n")
    process.stdin.flush()
    yield home
    process.terminate()
    process.wait(30)
    process.stdin.close()


def reduced_by_a_job(db, filename):
    """Return the product of a job that reduces a frame with what calibrations there are."""
    [job] = Processor().run(
        "Reduce", instrument="SMALL9", chip="SMALL9_1", raw_filenames=[filename],
        go_without=["all"], commit=True,
    )  # fmt: skip
    over = "SELECT state::text, message FROM awe.job WHERE id = %s AND state::text <> ALL (%s)"
    [(state, message)] = until(
        # kernels that were never compiled take minutes on a busy machine
        lambda: db.rows("superuser", over, job, ["queued", "running"]), 280
    )
    assert state == "done", (message, log(db, job))
    [product] = Processor().get_job_result(job)
    return product


@pytest.mark.timeout(700)
def test_a_job_reads_the_camera_and_its_changes_from_the_database(
    db, foreign_runner, tmp_path
):
    folder = tmp_path / "night"
    folder.mkdir()
    night(folder)
    assert ingest([folder], commit=True, processes=1).ok
    for task in (ReadNoiseTask, BiasTask):
        task(date="2021-03-04", instrument="SMALL9", chip="SMALL9_1", commit=True).execute()
    [raw] = RawScienceFrame.instrument.name == "SMALL9"
    first = reduced_by_a_job(db, raw.filename)
    assert (first.chip.name, first.process_params.MAXIMUM_STDEV) == ("SMALL9_1", 4321.0)
    assert first.bias is not None
    assert not list(foreign_runner.rglob("*.toml"))
    with closing(db.superuser()) as administrator:
        told = cameras.replace(administrator, "SMALL9", DESCRIPTION + LIMIT.format(1234.0))
    assert "replaced" in told
    second = reduced_by_a_job(db, raw.filename)
    assert second.process_params.MAXIMUM_STDEV == 1234.0
