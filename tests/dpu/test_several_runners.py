"""Several runners with homes of their own work on one queue: each job is done once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress

import pytest
from conftest import RECIPE
from jobs_waiting import until

RUNNER = """
import json, sys, threading
from awe.config import Environment
from awe.dpu.runner.runner import Runner
given = json.loads(sys.stdin.readline())
environment = Environment.load(**given["environment"])
Runner(environment, given["secrets"], lease=12.0).run(threading.Event())
"""


@pytest.fixture
def start(bench, db, tmp_path):
    """Start a runner in a process and a home of its own."""
    started = []

    def begin(name):
        home = tmp_path / name
        (home / "recipes").mkdir(parents=True)
        (home / "recipes" / "probe.py").write_text(RECIPE)
        given = {"environment": db.environment("student", dpu_workers="2"),
                 "secrets": {"awe_runner": db.password("awe_runner")}}
        process = subprocess.Popen(
            [sys.executable, "-c", RUNNER], stdin=subprocess.PIPE, text=True,
            env={**os.environ, "AWE_HOME": str(home)}, start_new_session=True,
        )
        process.stdin.write(json.dumps(given) + "\n")
        process.stdin.close()
        started.append(process)
        return process

    yield begin
    for process in started:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()


def attempts(db, jobs):
    rows = db.rows("superuser", "SELECT job FROM awe.attempt WHERE job = ANY (%s)", jobs)
    return Counter(row[0] for row in rows)


def test_a_second_runner_on_a_machine_leaves_the_jobs_of_the_first_alone(bench, db, start):
    start("first")
    (job,) = bench.submit("student", {"args": {"names": ["a", "b", "c", "d"], "wait": 2.0}})
    until(lambda: bench.state(job) == "running", 40)
    start("second")
    (other,) = bench.submit("other", {"args": {"names": ["a"]}})
    until(lambda: bench.state(other) == "done", 40)
    until(lambda: bench.state(job) == "done", 40)
    assert attempts(db, [job, other]) == {job: 1, other: 1}


def test_jobs_of_a_killed_runner_are_done_by_the_others_and_nothing_twice(
    bench, db, start, tmp_path
):
    diary = tmp_path / "diary"
    runners = [start(f"home{number}") for number in range(3)]
    args = {"names": ["a", "b"], "wait": 0.3, "diary": str(diary)}
    jobs = bench.submit(
        "student", *({"args": {**args, "names": [f"{n}a", f"{n}b"]}} for n in range(20))
    )
    until(lambda: any(bench.state(job) == "done" for job in jobs), 60)
    runners[0].send_signal(signal.SIGKILL)
    until(lambda: all(bench.state(job) == "done" for job in jobs), 120)
    rows = db.rows("superuser", "SELECT job, item FROM awe.job_item WHERE job = ANY (%s)", jobs)
    assert len(rows) == len(set(rows)) == 40
    assert Counter(diary.read_text().split()).most_common(1)[0][1] <= 2
