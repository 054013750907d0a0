"""Jobs on a real SLURM: a controller, a node and their batch jobs, all on loopback."""

from __future__ import annotations

import getpass
import stat
import time
from typing import Any

import psutil
import pytest
from jobs_waiting import log, until
from slurm_cluster import slurm

from awe.dpu.runner import slurm as back_end

LONG = 180.0
JOB_LOGINS = "SELECT 1 FROM pg_roles WHERE rolname ~ '^job_[0-9]'"


@pytest.fixture(scope="module")
def cluster_of_nodes(tmp_path_factory):
    with slurm(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture
def nodes(cluster_of_nodes, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", str(cluster_of_nodes.settings))
    monkeypatch.setattr(back_end, "SETTLING", 1.0)
    yield cluster_of_nodes
    cluster_of_nodes.ask("scancel", f"--user={getpass.getuser()}")


def submit(bench: Any, **args: Any) -> int:
    (job,) = bench.submit("student", {"back_end": "slurm", "args": args})
    return int(job)


def column(db: Any, name: str, job: int) -> Any:
    return db.rows("superuser", f"SELECT {name} FROM awe.job WHERE id = %s", job)[0][0]


def attempts(db: Any, job: int) -> list[tuple[int, str]]:
    sql = "SELECT pid, message FROM awe.attempt WHERE job = %s ORDER BY attempt"
    return list(db.rows("superuser", sql, job))


def at_work(db: Any, job: int) -> int:
    """Wait until the recipe prints its first line; return the number of the batch job."""
    until(lambda: "probe at work None" in log(db, job), LONG)
    return attempts(db, job)[-1][0]


def keepers(home: Any) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if str(home) in process.cwd() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return sorted(found, key=lambda process: process.pid)


def test_a_job_is_done_on_a_node_and_its_login_is_nowhere(bench, db, runner, recipes, nodes):
    runner.start()
    job = submit(bench, names=["a", "b"], do="who", wait=1.0)
    number = at_work(db, job)
    folder = recipes / "dpu" / f"{job}_1"
    told = nodes.ask("scontrol", "show", "job", str(number))
    script = nodes.ask("scontrol", "write", "batch_script", str(number), "-")
    assert f"JobName=awe-{job}_1" in told
    assert str(folder) in script
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not (folder / "description").exists()
    until(lambda: bench.state(job) == "done", LONG)
    assert column(db, "message", job) == "2 of 2 done"
    lines = log(db, job)
    assert lines[1] == f"user [('awstudent', 'job_{job}_1')]"
    assert "database_password" not in told + script + lines[2]
    until(lambda: not folder.exists())
    until(lambda: db.rows("superuser", JOB_LOGINS) == [])


def test_what_waits_in_the_queue_has_its_login_where_only_its_owner_reads(
    bench, db, runner, recipes, nodes
):
    runner.start(dpu_slurm_options="--begin=now+3600")
    job = submit(bench)
    until(lambda: attempts(db, job) and attempts(db, job)[0][0], LONG)
    left = recipes / "dpu" / f"{job}_1" / "description"
    assert stat.S_IMODE(left.stat().st_mode) == 0o600
    db.rows("student", "SELECT awe.job_cancel(%s)", job)
    until(lambda: bench.state(job) == "cancelled", LONG)
    until(lambda: not left.exists())
    assert "PENDING" not in nodes.ask("squeue", "-h", "-o", "%T")


def test_a_cancelled_job_ends_with_all_it_started(bench, db, runner, recipes, nodes):
    runner.start()
    job = submit(bench, do="stubborn", wait=600)
    at_work(db, job)
    db.rows("student", "SELECT awe.job_cancel(%s)", job)
    until(lambda: bench.state(job) == "cancelled", LONG)
    assert keepers(recipes) == []


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ("crash", "killed by signal 11 (SIGSEGV)"),
        ("exit", "the worker ended with exit status 3 and without a report"),
        ("raise", "RuntimeError: a broken promise"),
    ],
)
def test_what_ends_badly_says_how(bench, db, runner, nodes, do, message):
    runner.start()
    job = submit(bench, do=do)
    until(lambda: bench.state(job) == "failed", LONG)
    assert column(db, "message", job).startswith(message)


def test_limits_of_time_and_memory_hold_on_a_node(bench, db, runner, nodes):
    runner.start(dpu_time="20", memory=500 << 20)
    slow, large = submit(bench, wait=600), submit(bench, do="eat")
    until(lambda: bench.state(large) == "failed", LONG)
    assert column(db, "message", large) == (
        f"killed: over the memory limit of 500 MB; dpu.retry_job({large}) gives it more"
    )
    until(lambda: bench.state(slow) == "failed", LONG)
    assert column(db, "message", slow) == "killed: the time limit of 20 s is over"


def test_killed_from_outside_it_is_queued_again(bench, db, runner, recipes, nodes, tmp_path):
    runner.start()
    job = submit(bench, names=["a", "b"], wait=2.0)
    number = at_work(db, job)
    nodes.ask("scancel", str(number))
    until(lambda: bench.state(job) == "done", LONG)
    assert len(attempts(db, job)) == 2
    again = submit(bench, names=["c", "d"], wait=3.0)
    at_work(db, again)
    keepers(recipes)[0].kill()
    until(lambda: bench.state(again) == "done", LONG)
    first, second = attempts(db, again)
    assert first[1].startswith(f"SLURM job {first[0]} is ")
    assert second[0] != first[0]


def test_a_new_runner_takes_over_what_is_on_the_nodes(bench, db, runner, recipes, nodes):
    runner.start()
    job = submit(bench, names=["a", "b", "c"], wait=2.0)
    at_work(db, job)
    runner.abandon()
    # the one that submitted it may have died before it wrote the number down
    db.rows("superuser", "UPDATE awe.attempt SET pid = NULL WHERE job = %s", job)
    runner.start()
    until(lambda: bench.state(job) == "done", LONG)
    assert len(attempts(db, job)) == 1
    assert log(db, job).count("probe at work None") == 1


def test_without_a_controller_jobs_wait_and_those_on_nodes_end(
    bench, db, runner, nodes, monkeypatch
):
    monkeypatch.setattr(back_end, "ANSWER", 3.0)
    runner.start()
    job = submit(bench, names=["a", "b"], wait=2.0)
    at_work(db, job)
    nodes.controller(False)
    try:
        until(lambda: bench.state(job) == "done", LONG)
        later = submit(bench)
        (here,) = bench.submit("student")
        until(lambda: bench.state(here) == "done", LONG)
        assert bench.state(later) == "queued"
    finally:
        nodes.controller(True)
    until(lambda: bench.state(later) == "done", LONG)


def test_other_batch_jobs_of_the_account_may_have_any_name(
    bench, db, runner, nodes, monkeypatch
):
    # getpass would believe it
    monkeypatch.setenv("LOGNAME", "nobody")
    for name in ("a\nb", "1|2|3", "awe-1_1|x", "\udcff\udcfe"):
        nodes.ask("sbatch", "--hold", f"--job-name={name}", "--wrap=true")
    runner.start()
    job = submit(bench, names=["a", "b"], wait=2.0)
    until(lambda: bench.state(job) == "done", LONG)
    assert len(attempts(db, job)) == 1


def test_options_take_nothing_from_awe(bench, db, runner, recipes, nodes):
    runner.start(dpu_slurm_options="--job-name=mine --output=/dev/null -e /dev/null --chdir=/tmp")
    job = submit(bench, names=["a", "b"], wait=2.0)
    until(lambda: bench.state(job) == "done", LONG)
    assert log(db, job)[0] == "probe at work None"
    assert len(attempts(db, job)) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--array=1-3", "dpu_slurm_options has '--array=1-3', which no job of awe can have"),
        ("--arr 1-3", "dpu_slurm_options has '--arr'"),
        ("-a1-3", "dpu_slurm_options has '-a1-3'"),
        ("-W", "dpu_slurm_options has '-W'"),
        ("--comment='x", "No closing quotation"),
        ("--partition=absent", "invalid partition specified: absent; see sinfo and dpu_"),
    ],
)
def test_options_that_cannot_be_end_their_jobs_and_no_others(
    bench, db, runner, nodes, options, told
):
    runner.start(dpu_slurm_options=options)
    job = submit(bench)
    (here,) = bench.submit("student")
    until(lambda: bench.state(here) == "done", LONG)
    until(lambda: bench.state(job) == "lost", LONG)
    message = column(db, "message", job)
    assert message.startswith("could not be started: ")
    assert told in message
    assert message.endswith("given up after 3 attempts")


def test_a_controller_that_hangs_holds_up_nothing_here(bench, db, runner, nodes, monkeypatch):
    runner.start()
    job = submit(bench, wait=600)
    at_work(db, job)
    with nodes.frozen():
        db.rows("student", "SELECT awe.job_cancel(%s)", job)
        time.sleep(2.0)
        (here,) = bench.submit("student")
        until(lambda: bench.state(here) == "done", 10.0)
    until(lambda: bench.state(job) == "cancelled", LONG)


def test_a_new_runner_waits_for_no_controller(bench, db, runner, nodes):
    runner.start()
    job = submit(bench, names=["a", "b", "c"], wait=4.0)
    at_work(db, job)
    runner.abandon()
    db.rows("superuser", "UPDATE awe.attempt SET pid = NULL WHERE job = %s", job)
    nodes.controller(False)
    try:
        runner.start()
        (here,) = bench.submit("student")
        until(lambda: bench.state(here) == "done", LONG)
    finally:
        nodes.controller(True)
    until(lambda: bench.state(job) == "done", LONG)


def test_who_writes_down_an_end_and_goes_on_is_ended(bench, db, runner, nodes):
    runner.start()
    job = submit(bench, do="leave end 3", wait=600)
    until(lambda: bench.state(job) == "failed", LONG)
    until(lambda: "RUNNING" not in nodes.ask("squeue", "-h", "-o", "%T"), LONG)


def test_a_stop_of_the_service_costs_what_waits_no_attempt(bench, db, runner, nodes):
    runner.start(dpu_slurm_options="--begin=now+3600")
    jobs = [submit(bench) for _ in range(5)]
    until(lambda: all(attempts(db, job) and attempts(db, job)[0][0] for job in jobs), LONG)
    runner.stop()
    assert {bench.state(job) for job in jobs} == {"queued"}
    assert {column(db, "max_attempts", job) for job in jobs} == {4}
    assert "PENDING" not in nodes.ask("squeue", "-h", "-o", "%T")


def test_a_home_of_any_name(bench, db, runner, recipes, nodes, monkeypatch):
    home = recipes.rename(recipes.parent / "a 'home' \"%j\" 5%% $HOME")
    monkeypatch.setenv("AWE_HOME", str(home))
    runner.start()
    job = submit(bench)
    until(lambda: bench.state(job) == "done", LONG)
    assert log(db, job)[0] == "probe at work None"


def test_so_many_are_in_the_queue_and_no_more(bench, db, runner, nodes):
    runner.start(dpu_slurm_jobs="1")
    jobs = [submit(bench, wait=1.0) for _ in range(3)]
    most = 0
    while any(bench.state(job) != "done" for job in jobs):
        most = max(most, len(nodes.ask("squeue", "-h").splitlines()))
        assert all(bench.state(job) in ("queued", "running", "done") for job in jobs)
    assert most == 1


def test_what_waits_for_ever_says_why(bench, db, runner, nodes):
    runner.start(dpu_slurm_options="--partition=brief", dpu_time="600")
    job = submit(bench)
    until(lambda: log(db, job), LONG)
    number = attempts(db, job)[0][0]
    assert log(db, job) == [
        f"SLURM job {number} waits, and not for a free node: PartitionTimeLimit: its time limit "
        "is above the partition's; cancel it, and give dpu_time less, or --partition in "
        "dpu_slurm_options another"
    ]
    time.sleep(3.0)
    assert len(log(db, job)) == 1
    db.rows("student", "SELECT awe.job_cancel(%s)", job)
    until(lambda: bench.state(job) == "cancelled", LONG)


def test_a_user_chooses_the_cluster(session, db):
    dpu = session()
    dpu.select_dpu("slurm")
    assert dpu.get_dpu_identifiers() == ["local", "slurm"]
    (job,) = dpu.run("Probe")
    (told,) = db.rows("superuser", "SELECT back_end FROM awe.job WHERE id = %s", job)
    assert told == ("slurm",)
