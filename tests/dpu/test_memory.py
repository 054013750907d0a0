"""A job that was killed for want of memory is told from others, and done again with more."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from jobs_waiting import log, until

from awe.dpu.options import size, size_text
from awe.dpu.runner import attempts as runners
from awe.errors import ArgumentError, JobUnknown


def attempt(db, job):
    sql = "SELECT memory, short FROM awe.attempt WHERE job = %s ORDER BY attempt DESC LIMIT 1"
    return db.rows("superuser", sql, job)[0]


def column(db, name, job):
    return db.rows("superuser", f"SELECT {name} FROM awe.job WHERE id = %s", job)[0][0]


def test_a_job_at_its_limit_is_done_again_with_twice_what_it_held(
    bench, db, session, runner, capsys
):
    dpu = session()
    runner.start(workers=1, memory=512 << 20)
    (fat,) = dpu.run("Probe", do="eat")
    until(lambda: bench.state(fat) == "failed", 60)
    held, short = attempt(db, fat)
    assert short
    assert held > 512 << 20
    capsys.readouterr()
    dpu.retry_job(fat)
    assert capsys.readouterr().out == (
        f"job {fat}: queued again with {size_text(2 * held)} of memory\n"
    )
    assert column(db, "memory", fat) == 2 * held
    dpu.cancel_job(fat)
    until(lambda: bench.state(fat) == "cancelled")
    # one that was cancelled had enough
    dpu.retry_job(fat)
    assert column(db, "memory", fat) == 2 * held
    dpu.cancel_job(fat)
    until(lambda: bench.state(fat) == "cancelled")
    dpu.retry_job(fat, dpu_memory="7.5GB")
    assert column(db, "memory", fat) == 7.5 * 2**30


def test_a_job_has_the_memory_it_names_and_no_more_than_there_is(bench, db, session, runner):
    dpu = session()
    runner.start(workers=2, dpu_memory="300MB", dpu_most_memory="600MB")
    (plain,) = dpu.run("Probe", do="eat")
    (more,) = dpu.run("Probe", do="eat", dpu_memory="400MB")
    (most,) = dpu.run("Probe", do="eat", dpu_memory="64GB")
    until(lambda: all(bench.state(job) == "failed" for job in (plain, more, most)), 90)
    told = [column(db, "message", job) for job in (plain, more, most)]
    assert told == [
        f"killed: over the memory limit of 300 MB; dpu.retry_job({plain}) gives it more",
        f"killed: over the memory limit of 400 MB; dpu.retry_job({more}) gives it more",
        "killed: over the memory limit of 600 MB, the most a job may have here (dpu_most_memory)",
    ]


def test_what_ended_badly_of_a_run_is_done_again_with_more_where_it_was_too_little(
    bench, db, session, capsys
):
    dpu = session()
    run = dpu.run("Probe", chips=["A", "B", "C", "D"])
    short, failed, done, _ = run
    states = {short: "failed", failed: "lost", done: "done"}
    for job, state in states.items():
        db.rows("superuser", "UPDATE awe.job SET state = %s, attempt = 1, ended = now()"
                " WHERE id = %s", state, job)  # fmt: skip
    db.rows("superuser", "INSERT INTO awe.attempt (job, attempt, host, lease_until, memory, short)"
            " VALUES (%s, 1, 'h', now(), %s, true)", short, 3 << 30)  # fmt: skip
    capsys.readouterr()
    (theirs,) = bench.submit("other")
    with pytest.raises(JobUnknown, match=f"job {theirs}: no such job"):
        dpu.retry([short, theirs])
    assert bench.state(short) == "failed"
    dpu.retry(run)
    assert capsys.readouterr().out == (
        "4 jobs: 2 queued again, 1 with up to 6.0 GB of memory; 2 had not ended badly\n"
    )
    assert [bench.state(job) for job in run] == ["queued", "queued", "done", "queued"]
    assert [column(db, "memory", job) for job in run] == [6 << 30, None, None, None]
    dpu.retry()
    assert capsys.readouterr().out == "4 jobs: 0 queued again; 4 had not ended badly\n"
    dpu.retry([])
    assert capsys.readouterr().out.startswith("the list is empty")


def test_killed_by_the_system_at_its_limit_it_is_told_as_such(bench, db, runner, monkeypatch):
    monkeypatch.setattr(runners, "NEARLY", 0.02)
    runner.start(workers=1, memory=1 << 30)
    (job,) = bench.submit("student", {"args": {"wait": 60.0}})
    until(lambda: log(db, job))
    until(lambda: runner._runner._running[0]._held > 0.02 * (1 << 30))
    keeper = db.rows("superuser", "SELECT pid FROM awe.attempt WHERE job = %s", job)[0][0]
    for worker in psutil.Process(keeper).children():
        os.kill(worker.pid, signal.SIGKILL)
    until(lambda: bench.state(job) == "failed")
    assert column(db, "message", job) == (
        "killed for want of memory, at the limit of 1.0 GB; "
        f"dpu.retry_job({job}) gives it more"
    )
    assert attempt(db, job)[1]


CGROUPS = Path("/sys/fs/cgroup/memory")


@pytest.fixture
def small_place() -> Iterator[Path]:
    """A memory cgroup of 400 MB, where this machine has such and lets us make one."""
    place = CGROUPS / f"awe-test-{os.getpid()}"
    try:
        place.mkdir()
        (place / "memory.limit_in_bytes").write_text(str(400 << 20))
    except OSError as error:
        pytest.skip(f"no memory cgroup can be made here: {error.strerror}")
    # swap would let it go on for long, where it is counted at all
    with suppress(OSError):
        (place / "memory.memsw.limit_in_bytes").write_text(str(400 << 20))
    yield place
    deadline = time.monotonic() + 20
    while (place / "cgroup.procs").read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    place.rmdir()


def test_killed_by_the_kernel_it_is_told_and_queued_again(
    bench, db, session, runner, small_place, tmp_path
):
    """The kernel kills far below the limit of the job: another time there may be memory."""
    dpu = session()
    runner.start(workers=1, memory=8 << 30)
    (job,) = dpu.run("Probe", do="eat later", diary=str(tmp_path / "now"))
    until(lambda: log(db, job), 90)
    keeper = db.rows("superuser", "SELECT pid FROM awe.attempt WHERE job = %s", job)[0][0]
    for worker in psutil.Process(keeper).children(recursive=True):
        (small_place / "cgroup.procs").write_text(str(worker.pid))
    (tmp_path / "now").touch()
    ended = "SELECT message FROM awe.attempt WHERE job = %s AND attempt = 1 AND state = 'died'"
    until(lambda: db.rows("superuser", ended, job), 60)
    (tmp_path / "now").unlink()
    assert db.rows("superuser", ended, job) == [
        ("killed by signal 9 (SIGKILL): this machine had no memory left",)
    ]
    until(lambda: bench.state(job) == "running", 60)
    dpu.cancel_job(job)
    until(lambda: bench.state(job) == "cancelled", 60)
    dpu.retry_job(job, dpu_memory="9GB")
    assert column(db, "memory", job) == 9 << 30
    dpu.cancel_job(job)
    until(lambda: bench.state(job) in ("cancelled", "failed"), 60)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("8GB", 8 << 30), ("512 mb", 512 << 20), ("1.5gb", 3 << 29), (1 << 30, 1 << 30)],
)
def test_sizes(given, wanted):
    assert size(given, "dpu_memory") == wanted


@pytest.mark.parametrize(
    "given", ["8", "8G", "-1GB", "0GB", "63MB", "17TB", True, [1], 5, "1e3GB", float("nan")]
)
def test_what_is_no_size_is_refused_in_a_line(given):
    with pytest.raises(ArgumentError, match=r"dpu_memory is .*: expected a size"):
        size(given, "dpu_memory")
