"""Dry runs say that nothing is kept, count once, and a recipe without frames is one job."""

from __future__ import annotations

import os
import pty
import sys

import pytest
from jobs_waiting import until

from awe import columns
from awe.config import Environment
from awe.dpu import Processor
from awe.errors import ArgumentError

BARE = '''
from awe.db.server.connection import database
from awe.recipes import Argument, Task
from awe.tasks.arguments import common


class Made:
    """A product of a dry run: another id and file each time."""

    def __init__(self):
        import uuid
        self.object_id = uuid.uuid4()
        self.filename = f"{self.object_id}.fits"
        self._committed = False


class BareTask(Task):
    """Needs no frames."""

    arguments = (Argument(name="die", type=bool, default=False, doc="die once"), *common("commit"))

    def execute(self):
        import os
        if self.die:
            for number in range(3):
                if not self.items.finished(f"unit {number}"):
                    with database.transaction():
                        self.items.record(f"unit {number}", Made())
            if self.items._attempt == 1:
                os.kill(os.getpid(), 9)
        return [Made(), Made()]
'''


@pytest.fixture
def bare(recipes):
    (recipes / "recipes" / "bare.py").write_text(BARE)
    yield recipes
    sys.modules.pop("awe.recipes.user.bare", None)


def test_a_recipe_without_raw_frames_runs_as_one_job(bench, bare, session, runner):
    dpu = session()
    runner.start(workers=1)
    (job,) = dpu.run("Bare", commit=True)
    until(lambda: bench.state(job) == "done")


def test_a_dry_run_that_is_tried_twice_counts_once(bench, db, bare, session, runner):
    dpu = session()
    runner.start(workers=1)
    (job,) = dpu.run("Bare", die=True)
    until(lambda: bench.state(job) == "done")
    sql = "SELECT attempt, message FROM awe.job WHERE id = %s"
    assert db.rows("superuser", sql, job) == [(2, "5 of 5 done")]


def test_a_dry_run_says_so_when_submitted_and_in_the_status(bench, session, capsys):
    dpu = session()
    ids = dpu.run("Probe")
    assert "as a dry run: nothing will be kept; commit=True keeps the products" in repr(ids)
    kept = dpu.run("Probe", commit=True)
    assert "dry run" not in repr(kept)
    dpu.get_status([*ids, *kept])
    lines = capsys.readouterr().out.splitlines()
    assert "dry run" in lines[1]
    assert "commit" in lines[2]
    assert "dry run" not in lines[2]


def test_job_rows_fit_the_terminal(bench, session, capsys, monkeypatch):
    monkeypatch.setattr(columns, "max_width", 80)
    dpu = session()
    ids = dpu.run("Probe", n=["a very long name of a frame " * 3], chip="ESO_CCD_#65")
    capsys.readouterr()
    dpu.get_status(ids)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_a_place_that_is_not_there_is_refused_at_its_first_use(session):
    session()
    dpu = Processor(Environment.load(dpu_name="mars").dpu_name)
    with pytest.raises(ArgumentError, match="no dpu 'mars'; known: local"):
        dpu.run("Probe")


def test_the_status_can_be_followed_with_a_bar(bench, session, runner, monkeypatch, capsys):
    dpu = session()
    ids = dpu.run("Probe", n=["a", "b", "c"], wait=0.3)
    reading, writing = pty.openpty()
    os.set_blocking(reading, False)
    with os.fdopen(writing, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        runner.start(workers=1)
        dpu.get_status(ids, follow=True)
        shown = os.read(reading, 1 << 16).decode()
    os.close(reading)
    assert "/3" in shown
    assert "3 of 3" in capsys.readouterr().out


def test_a_worker_is_given_its_share_of_the_processors(bench, runner, recipes, db):
    runner.start(workers=2)
    (recipes / "recipes" / "share.py").write_text(
        "from awe.recipes import Task\n\n\nclass ShareTask(Task):\n"
        '    """Says how many processors it has."""\n\n'
        "    def execute(self):\n"
        "        from awe.calib import threads\n"
        "        print('share', threads.processors())\n"
        "        return []\n"
    )
    (job,) = bench.submit("student", {"recipe": "Share", "args": {"instrument": "OMEGACAM"}})
    until(lambda: bench.state(job) == "done")
    sql = "SELECT line FROM awe.job_log WHERE job = %s AND line LIKE 'share%%'"
    share = max(1, min((os.cpu_count() or 1) // 2, 4))
    assert db.rows("superuser", sql, job) == [(f"share {share}",)]
    sys.modules.pop("awe.recipes.user.share", None)
