"""A job waits for its services, and does nothing twice."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest
from jobs_waiting import until

from awe.db.server.failures import FAILED, is_away
from awe.dpu.worker import worker
from awe.errors import ArgumentError, DatabaseError, DataserverError, ServiceDown

SHAKY = '''
import datetime
from pathlib import Path
from awe.errors import DataserverError, NotFound
from awe.recipes import Argument, Task, Unit
from awe.tasks.arguments import common


class ShakyTask(Task):
    """Its dataserver is away at first."""

    arguments = (Argument(name="mark", type=str, doc="file"), *common("commit"))

    def units(self):
        return [Unit(name="one", instrument=None, chip=None, date=datetime.datetime(2012, 6, 1))]

    def jobs(self):
        return [self._given()]

    def make(self, unit):
        mark = Path(self.mark)
        if not mark.exists():
            mark.write_text("tried")
            raise DataserverError("away")
        raise NotFound("the second try came as far as this")
'''


def test_a_unit_is_done_again_when_its_dataserver_is_back(bench, db, runner, recipes, tmp_path):
    (recipes / "recipes" / "shaky.py").write_text(SHAKY)
    runner.start(workers=1)
    args = {"mark": str(tmp_path / "mark"), "commit": True}
    (job,) = bench.submit("student", {"recipe": "Shaky", "args": args})
    until(lambda: bench.state(job) == "failed", 60)
    ((attempt, message),) = db.rows(
        "superuser", "SELECT attempt, message FROM awe.job WHERE id = %s", job
    )
    assert attempt == 1
    assert "the second try came as far as this" in message
    sys.modules.pop("awe.recipes.user.shaky", None)


def test_the_database_is_killed_under_jobs_and_every_input_is_done_once(
    bench, db, runner, recipes
):
    # the server of the tests does not wait for the disk
    db.rows("superuser", f"ALTER DATABASE {db.name} SET synchronous_commit = on")
    runner.start(workers=2)
    names = [f"f{n}" for n in range(12)]
    args = {"names": names, "wait": 0.3}
    jobs = bench.submit("student", {"args": args}, {"args": args})
    sql = "SELECT count(*) FROM awe.job_item WHERE ok"
    until(lambda: db.rows("superuser", sql)[0][0] >= 4, 60)
    os.kill(db.cluster.process().pid, signal.SIGKILL)
    time.sleep(1.0)
    db.cluster.start()
    db.forget()

    def ended():
        return all(bench.state(job) in ("done", "failed", "lost") for job in jobs)

    until(ended, 90)
    assert [bench.state(job) for job in jobs] == ["done", "done"]
    assert db.rows("superuser", sql) == [(24,)]


def test_what_stays_away_ends_the_attempt_and_queues_the_job_again(monkeypatch):
    monkeypatch.setattr(worker, "PATIENCE", 0.3)
    monkeypatch.setattr(worker, "FIRST_PAUSE", 0.05)
    tries = []

    def run(*_):
        tries.append(1)
        msg = "away"
        raise ServiceDown(msg)

    monkeypatch.setattr(worker, "_run", run)
    state, message = worker._patiently({}, None)
    assert state == "died"
    assert "ServiceDown: away" in message
    assert len(tries) > 2


@pytest.mark.parametrize(
    ("error", "away"),
    [(DatabaseError("connection lost"), True), (DatabaseError(FAILED), False),
     (DataserverError("does not answer"), True), (ServiceDown("down"), True),
     (ArgumentError("wrong"), False)],
)
def test_only_a_service_that_is_not_there_is_waited_for(error, away):
    assert is_away(error) is away
