"""Jobs from submission to end, by real runners and real worker processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from jobs_waiting import log, until
from prompt_faults import tiny_disk

from awe.dpu.runner import attempt_files
from awe.dpu.runner.attempt_files import Folder

JOB_LOGINS = "SELECT 1 FROM pg_roles WHERE rolname ~ '^job_[0-9]'"

RUNNER = """
import json, sys, threading
from awe.config import Environment
from awe.dpu.runner.runner import Runner
given = json.loads(sys.stdin.readline())
Runner(Environment.load(**given["environment"]), given["secrets"]).run(threading.Event())
"""


def column(db, name, job):
    return db.rows("superuser", f"SELECT {name} FROM awe.job WHERE id = %s", job)[0][0]


def pid_of(db, job):
    rows = db.rows("superuser", "SELECT pid FROM awe.attempt WHERE job = %s ORDER BY attempt", job)
    return rows[-1][0] if rows else None


def living(home):
    """Processes that work below a directory."""
    found = []
    for process in psutil.process_iter():
        try:
            inside = process.cwd().startswith(str(home))
            if inside and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_a_job_is_done_and_its_directory_goes(bench, db, runner, recipes):
    runner.start()
    (job,) = bench.submit("student", {"args": {"names": ["a", "b", "c"]}})
    until(lambda: bench.state(job) == "done")
    assert column(db, "message", job) == "3 of 3 done"
    assert column(db, "total", job) == 3
    assert log(db, job)[0] == "probe at work None"
    assert log(db, job)[-1] == "Probe: 3 of 3 done"
    until(lambda: not list((recipes / "dpu").iterdir()))
    assert db.rows("superuser", JOB_LOGINS) == []


def test_a_job_imports_nothing_from_the_directory_it_works_in(bench, db, runner):
    import colorsys

    runner.start()
    (job,) = bench.submit("student", {"args": {"do": "import"}})
    until(lambda: bench.state(job) == "done")
    assert f"imported {colorsys.__file__} False False" in log(db, job)
    assert "not mine" not in log(db, job)


SECRET = "SECRET-5e11"


@pytest.mark.parametrize("kind", ["file", "pipe", "directory", "absent", "device"])
def test_a_job_opens_no_path_of_its_submitters(bench, db, runner, tmp_path, kind):
    path = {"absent": tmp_path / "absent", "device": Path("/dev/zero")}.get(kind, tmp_path / "x")
    if kind == "file":
        path.write_text(f"x,y\n{SECRET},{SECRET}\n")
        path.chmod(0o600)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    runner.start(workers=1)
    sent = {"instrument": "OMEGACAM", "date": "2012-05-31", "photometry": str(path)}
    (job,) = bench.submit("student", {"recipe": "Illumination", "args": sent})
    until(lambda: bench.state(job) == "failed")
    told = column(db, "message", job)
    assert told == ("ArgumentError: argument photometry of Illumination is a path: a job takes "
                    "the table itself, as dpu.run sends it")
    assert SECRET not in " ".join(log(db, job))
    # the one worker is free again
    (next_job,) = bench.submit("other")
    until(lambda: bench.state(next_job) == "done")


def test_one_bad_frame_does_not_stop_the_others_and_a_retry_does_only_it(
    bench, db, runner, tmp_path
):
    runner.start()
    diary = tmp_path / "diary"
    names = ["a", "bad", "c"]
    (job,) = bench.submit("student", {"args": {"names": names, "diary": str(diary)}})
    until(lambda: bench.state(job) == "failed")
    assert column(db, "message", job) == (
        "failed (2 of 3 done): bad: NotFound: no calibration for bad"
    )
    db.rows("student", "SELECT awe.job_retry(%s)", job)
    until(lambda: bench.state(job) == "failed" and column(db, "attempt", job) == 2)
    assert diary.read_text().split() == ["a", "c"]


def test_a_running_job_dies_within_a_second_with_all_it_started(bench, db, runner, recipes):
    runner.start()
    (job,) = bench.submit("student", {"args": {"names": ["a"], "wait": 600.0, "do": "stubborn"}})
    until(lambda: "probe at work None" in log(db, job) and len(living(recipes / "dpu")) == 4)
    started = time.monotonic()
    db.rows("student", "SELECT awe.job_cancel(%s)", job)
    until(lambda: bench.state(job) == "cancelled", 5)
    assert time.monotonic() - started < 1.5
    assert living(recipes / "dpu") == []


def test_never_called_cancelled_while_a_process_lives(bench, db, runner, recipes):
    runner.start(workers=1)
    (job,) = bench.submit("student", {"args": {"wait": 600.0, "do": "stubborn"}})
    until(lambda: len(living(recipes / "dpu")) == 4)
    db.rows("student", "SELECT awe.job_cancel(%s)", job)
    while living(recipes / "dpu"):
        assert bench.state(job) == "running" or living(recipes / "dpu") == []
    until(lambda: bench.state(job) == "cancelled")


def test_a_killed_worker_is_replaced_and_redoes_only_what_is_missing(
    bench, db, runner, tmp_path
):
    runner.start()
    diary = tmp_path / "diary"
    names = [f"f{n}" for n in range(8)]
    args = {"names": names, "wait": 0.1, "diary": str(diary)}
    (job,) = bench.submit("student", {"args": args})
    until(lambda: diary.exists() and len(diary.read_text().split()) >= 3)
    os.killpg(pid_of(db, job), signal.SIGKILL)
    until(lambda: bench.state(job) == "done")
    items = db.rows("superuser", "SELECT item, attempt FROM awe.job_item WHERE job = %s", job)
    assert sorted(item for item, _ in items) == names
    assert {attempt for _, attempt in items} == {1, 2}
    messages = db.rows("superuser", "SELECT message FROM awe.attempt WHERE job = %s", job)
    assert ("killed by signal 9 (SIGKILL)",) in messages


@pytest.mark.parametrize(
    ("do", "note"),
    [("crash", "killed by signal 11 (SIGSEGV); dpu.get_logs("),
     ("exit", "the worker ended with exit status 3 and without a report; dpu.get_logs(")],
)
def test_a_job_that_crashes_by_its_own_doing_fails_at_once_and_others_go_on(
    bench, db, runner, do, note
):
    runner.start()
    (bad,) = bench.submit("student", {"args": {"do": do}})
    (good,) = bench.submit("student")
    until(lambda: bench.state(good) == "done" and bench.state(bad) == "failed", 60)
    assert column(db, "message", bad).startswith(note)
    assert column(db, "attempt", bad) == 1


def test_a_worker_killed_from_outside_every_time_is_lost_after_three_attempts(bench, db, runner):
    runner.start(workers=1)
    (job,) = bench.submit("student", {"args": {"names": ["a"], "wait": 600.0}})
    for attempt in (1, 2, 3):
        until(lambda n=attempt: column(db, "attempt", job) == n and pid_of(db, job))
        os.killpg(pid_of(db, job), signal.SIGKILL)
        until(lambda n=attempt: column(db, "attempt", job) > n or bench.state(job) == "lost")
    assert bench.state(job) == "lost"
    wanted = "killed by signal 9 (SIGKILL); given up after 3 attempts"
    assert column(db, "message", job) == wanted


def test_a_defect_is_failed_with_its_traceback_in_the_log(bench, db, runner):
    runner.start()
    (job,) = bench.submit("student", {"args": {"do": "raise"}})
    until(lambda: bench.state(job) == "failed")
    assert column(db, "message", job) == "RuntimeError: a broken promise"
    assert any("Traceback" in line for line in log(db, job))


STRANGE = {
    "nest": ("done", "1 of 1 done"),
    "nul": ("done", r"a\x00\ud800b"),
    "pipe": ("failed", "exit status 3"),
    "vanish": ("failed", "killed: its directory is gone"),
}


@pytest.mark.parametrize("do", STRANGE)
def test_what_a_worker_leaves_stops_no_other_job(bench, db, runner, recipes, do):
    """Reports nested without end, characters no database takes, pipes, nothing at all."""
    runner.start()
    (job,) = bench.submit("student", {"args": {"do": do}})
    until(lambda: bench.state(job) != "queued")
    (other,) = bench.submit("other")
    until(lambda: bench.state(other) == "done")
    state, message = STRANGE[do]
    until(lambda: bench.state(job) == state)
    assert message in column(db, "message", job)
    assert living(recipes / "dpu") == []


@pytest.mark.parametrize(
    "left",
    ["log directory", "log link", "report link", "description directory", "description pipe",
     "work pipe", "end --5", "end directory", "used link"],
)  # fmt: skip
def test_what_a_worker_puts_in_place_of_its_files_stops_no_other_job(bench, db, runner, left):
    runner.start(workers=1)
    (job,) = bench.submit("student", {"args": {"do": f"leave {left}"}})
    until(lambda: bench.state(job) not in ("queued", "running"))
    (other,) = bench.submit("other")
    until(lambda: bench.state(other) == "done")
    until(lambda: db.rows("superuser", JOB_LOGINS) == [])


def test_a_log_that_takes_the_disk_ends_its_job(bench, db, runner, monkeypatch):
    monkeypatch.setattr(attempt_files, "LARGEST_LOG", 1 << 25)
    runner.start()
    (job,) = bench.submit("student", {"args": {"do": "chatter"}})
    until(lambda: bench.state(job) == "failed")
    assert "its log has more than" in column(db, "message", job)


def test_files_that_fill_the_disk_are_noticed(monkeypatch, tmp_path):
    monkeypatch.setattr(attempt_files, "ROOM", 1 << 25)
    place = tmp_path / "small"
    place.mkdir()
    with tiny_disk(place, "60m"):
        folder = Folder(place, 1, 1)
        folder.make()
        (folder.work / "a").write_bytes(bytes(20 << 20))
        assert folder.wrong() == ""
        (folder.work / "b").write_bytes(bytes(20 << 20))
        assert folder.wrong() == "the disk is nearly full, and its files take 0.0 GB"


def test_limits_of_time_and_memory(bench, db, runner):
    runner.start(memory=1 << 30)
    (slow,) = bench.submit("student", {"args": {"wait": 600.0}, "seconds": 1})
    (fat,) = bench.submit("student", {"args": {"do": "eat"}})
    until(lambda: {bench.state(slow), bench.state(fat)} == {"failed"}, 60)
    assert column(db, "message", slow) == "killed: the time limit of 1 s is over"
    assert column(db, "message", fat) == (
        f"killed: over the memory limit of 1.0 GB; dpu.retry_job({fat}) gives it more"
    )


def test_the_log_is_text_without_controls(bench, db, runner):
    runner.start()
    (job,) = bench.submit("student", {"args": {"do": "speak"}})
    until(lambda: bench.state(job) == "done")
    lines = log(db, job)
    assert "to stderr" in lines
    assert any(line.startswith("red bell xxx") and line.endswith(" ...") for line in lines)
    assert not any(ord(letter) < 32 for line in lines for letter in line)


def test_the_worker_is_the_submitter_and_no_password_is_anywhere(bench, db, runner, recipes):
    runner.start(workers=1)
    args = {"do": "who", "wait": 2.0}
    (job,) = bench.submit("student", {"args": args})
    pid = until(lambda: log(db, job) and pid_of(db, job))
    seen = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    for path in (recipes / "dpu").rglob("*"):
        seen += path.read_bytes() if path.is_file() else b""
    until(lambda: bench.state(job) == "done")
    text = seen.decode("utf-8", "replace") + "\n".join(log(db, job))
    assert "('awstudent', 'job_" in text
    for person in ("student", "awe_runner", "awe_dataserver"):
        assert db.password(person) not in text
    server_log = db.cluster.log.read_text()
    assert "SCRAM-SHA-256$" not in server_log
    assert db.password("awe_runner") not in server_log


def test_a_killed_runner_is_replaced_and_takes_the_worker_over(bench, db, runner, tmp_path):
    given = {
        "environment": db.environment(dpu_workers="2"),
        "secrets": {"awe_runner": db.password("awe_runner")},
    }
    first = subprocess.Popen([sys.executable, "-c", RUNNER], stdin=subprocess.PIPE, cwd="/")
    first.stdin.write(json.dumps(given).encode() + b"\n")
    first.stdin.close()
    diary = tmp_path / "diary"
    names = [f"f{n}" for n in range(10)]
    (job,) = bench.submit(
        "student", {"args": {"names": names, "wait": 0.2, "diary": str(diary)}}
    )
    until(lambda: diary.exists())
    first.kill()
    first.wait()
    pid = pid_of(db, job)
    runner.start()
    until(lambda: bench.state(job) == "done")
    assert pid_of(db, job) == pid
    assert diary.read_text().split() == names
    assert column(db, "attempt", job) == 1


def test_workers_survive_the_process_that_forked_them(bench, db, runner):
    runner.start()
    (job,) = bench.submit("student", {"args": {"names": ["a"], "wait": 2.0}})
    pid = until(lambda: log(db, job) and pid_of(db, job))
    psutil.Process(psutil.Process(pid).ppid()).kill()
    (second,) = bench.submit("student")
    until(lambda: bench.state(second) == "done")
    until(lambda: bench.state(job) == "done")
    assert column(db, "attempt", job) == 1


def test_a_worker_is_forked_in_a_moment(bench, db, runner):
    runner.start(workers=1)
    jobs = bench.submit("student", *[{}] * 5)
    until(lambda: bench.state(jobs[-1]) == "done")
    sql = "SELECT ended - started < '1.5 s' FROM awe.attempt WHERE job = %s"
    assert all(db.rows("superuser", sql, job)[0][0] for job in jobs[1:])


def test_a_worker_that_died_with_its_runner_is_queued_again(bench, db, runner, recipes):
    (job,) = bench.submit("student", {"args": {"names": ["a"]}})
    dead = bench.queue()
    dead.claim(["local"])
    dead.placed(job, 1, 2**22 - 1)
    dead.close()
    Folder(recipes / "dpu", job, 1).make()
    runner.start()
    until(lambda: bench.state(job) == "done")
    assert column(db, "attempt", job) == 2


def test_stopping_the_service_leaves_no_process_and_queues_the_work_again(
    bench, db, runner, recipes
):
    runner.start()
    (job,) = bench.submit("student", {"args": {"names": ["a"], "wait": 1.0}})
    until(lambda: log(db, job))
    runner.stop()
    assert bench.state(job) == "queued"
    assert living(recipes / "dpu") == []
    runner.start()
    until(lambda: bench.state(job) == "done")


def test_twenty_jobs_of_three_users_are_all_done(bench, db, runner):
    jobs = [job for person, n in (("student", 12), ("other", 5), ("manager", 3))
            for job in bench.submit(person, *[{}] * n)]
    runner.start(workers=2)
    until(lambda: {bench.state(job) for job in jobs} == {"done"}, 120)
    order = [row[0] for row in db.rows(
        "superuser", "SELECT user_id FROM awe.job ORDER BY started, id")]
    assert len(set(order[:3])) == 3


def test_a_member_who_left_runs_nothing(bench, db, runner):
    (job,) = bench.submit("student")
    db.rows("superuser", "DELETE FROM awe.member WHERE user_id = "
            "(SELECT id FROM awe.users WHERE role_name = 'awstudent')")
    runner.start()
    until(lambda: bench.state(job) == "failed")
    assert "no longer a member of the job's project" in column(db, "message", job)


def test_the_queue_survives_a_broken_connection(bench, db, runner):
    runner.start()
    (first,) = bench.submit("student")
    until(lambda: bench.state(first) == "done")
    db.rows("superuser", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE usename = 'awe_runner' AND datname = current_database()")
    (second,) = bench.submit("student")
    until(lambda: bench.state(second) == "done")


def test_the_host_is_recorded(bench, db, runner):
    runner.start()
    (job,) = bench.submit("student")
    until(lambda: bench.state(job) == "done")
    rows = db.rows("superuser", "SELECT host, exit_status FROM awe.attempt WHERE job = %s", job)
    assert rows == [(socket.gethostname(), 0)]
