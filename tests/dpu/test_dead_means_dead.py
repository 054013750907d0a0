"""Whatever a job starts, however it hides: nothing of it lives when the job is over."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from jobs_waiting import until

from awe.dpu.runner import keeper

RECIPE = '''
import ctypes, os, signal, sys, time
from awe.errors import NotFound
from awe.recipes import Argument, Task


def daemons(number, work=lambda: time.sleep(600)):
    """Children with a session of their own whose parents are gone at once."""
    for _ in range(number):
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if os.fork() == 0:
                os.closerange(0, 3)
                work()
            os._exit(0)
        os.wait()


def jump():
    """A process that is another one every few milliseconds, in a session of its own."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if os.fork():
            os._exit(0)
        os.setsid()
        time.sleep(0.002)


def bomb():
    """Two where there was one, again and again."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        time.sleep(0.3)
        if os.fork() == 0:
            os.setsid()


def traced():
    if os.fork() == 0:
        ctypes.CDLL(None).ptrace(0, 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(600)
    time.sleep(600)


def hoard():
    kept = bytearray(os.urandom(1 << 20)) * 700
    time.sleep(600)


def stand():
    os.kill(os.getpid(), signal.SIGSTOP)


class EscapeTask(Task):
    """Starts what does not want to end."""

    arguments = (
        Argument(name="way", type=str, default="", doc="how to hide"),
        Argument(name="end", type=str, default="", doc="how to end"),
    )

    def jobs(self):
        return [self._given()]

    def execute(self):
        me, above = os.getpid(), os.getppid()
        if self.way == "keeper stopped":
            daemons(3)
            os.kill(above, signal.SIGSTOP)
        elif self.way == "keeper killed":
            daemons(20)
            print("started", flush=True)
            os.kill(above, signal.SIGKILL)
        else:
            some = {"daemons": (50, lambda: time.sleep(600)), "jump": (8, jump), "bomb": (2, bomb),
                    "traced": (4, traced), "stand": (8, stand), "hoard": (1, hoard)}
            if self.way:
                daemons(*some[self.way])
        print("started", flush=True)
        if self.end == "return":
            return []
        if self.end == "fail":
            raise NotFound("nothing here")
        if self.end == "crash":
            os.kill(me, signal.SIGSEGV)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
'''


@pytest.fixture
def escapes(recipes):
    (recipes / "recipes" / "escape.py").write_text(RECIPE)
    yield recipes
    sys.modules.pop("awe.recipes.user.escape", None)


def living(home):
    """Processes that work below a directory, seen as anybody sees them."""
    found = []
    for pid in keeper.parents():
        try:
            if str(Path(f"/proc/{pid}/cwd").readlink()).startswith(str(home)):
                found.append(pid)
        except OSError:
            continue
    return found


def started(db, job):
    sql = "SELECT 1 FROM awe.job_log WHERE job = %s AND line = 'started'"
    return bool(db.rows("superuser", sql, job))


def over(bench, job):
    return bench.state(job) in ("done", "failed", "cancelled", "lost")


WAYS = ["daemons", "jump", "bomb", "traced", "stand", "keeper stopped"]


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_a_cancelled_job_lives_after_three_seconds(bench, db, runner, escapes, way):
    runner.start()
    (job,) = bench.submit("student", {"recipe": "Escape", "args": {"way": way}})
    until(lambda: started(db, job))
    assert len(living(escapes / "dpu")) > 1
    db.rows("student", "SELECT awe.job_cancel(%s)", job)
    began = time.monotonic()
    until(lambda: bench.state(job) == "cancelled" and not living(escapes / "dpu"), 10)
    assert time.monotonic() - began < 3.0


@pytest.mark.parametrize("end", ["return", "fail", "crash"])
@pytest.mark.parametrize("way", ["daemons", "jump"])
def test_nothing_of_a_job_that_ended_by_itself_lives(bench, db, runner, escapes, way, end):
    runner.start()
    (job,) = bench.submit("student", {"recipe": "Escape", "args": {"way": way, "end": end}})
    until(lambda: over(bench, job))
    assert living(escapes / "dpu") == []
    assert bench.state(job) == ("done" if end == "return" else "failed")


def test_nothing_of_a_job_out_of_time_lives(bench, db, runner, escapes):
    runner.start()
    args = {"way": "daemons"}
    (job,) = bench.submit("student", {"recipe": "Escape", "args": args, "seconds": 1})
    until(lambda: bench.state(job) == "failed")
    assert living(escapes / "dpu") == []


def test_a_job_that_kills_its_keeper_ends_with_all_it_started(bench, db, runner, escapes):
    runner.start(workers=1)
    (job,) = bench.submit("student", {"recipe": "Escape", "args": {"way": "keeper killed"}})
    until(lambda: over(bench, job), 60)
    assert living(escapes / "dpu") == []


def test_the_memory_of_a_daemon_child_counts(bench, db, runner, escapes):
    runner.start(memory=512 << 20)
    (job,) = bench.submit("student", {"recipe": "Escape", "args": {"way": "hoard"}})
    until(lambda: bench.state(job) == "failed")
    sql = "SELECT message FROM awe.job WHERE id = %s"
    assert db.rows("superuser", sql, job) == [
        (f"killed: over the memory limit of 512 MB; dpu.retry_job({job}) gives it more",)
    ]
    assert living(escapes / "dpu") == []


def test_stopping_the_service_ends_daemon_children(bench, db, runner, escapes):
    runner.start()
    (job,) = bench.submit("student", {"recipe": "Escape", "args": {"way": "daemons"}})
    until(lambda: started(db, job))
    began = time.monotonic()
    runner.stop()
    assert living(escapes / "dpu") == []
    assert time.monotonic() - began < 3.0
    assert bench.state(job) == "queued"


def test_what_a_killed_service_left_is_ended_by_the_next_stop(tmp_path):
    """As `awe-admin stop` does where awe-server was killed: keepers are found by their place."""
    place = tmp_path / "dpu" / "1_1"
    place.mkdir(parents=True)
    script = (
        "import os, signal, sys, time\n"
        "from awe.dpu.runner import keeper\n"
        f"os.chdir({str(place)!r}); keeper.adopt_orphans()\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, keeper.WATCHED)\n"
        "worker = os.fork()\n"
        "if worker == 0:\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    signal.pthread_sigmask(signal.SIG_UNBLOCK, keeper.WATCHED)\n"
        "    time.sleep(600)\n"
        "print('ready', flush=True)\n"
        "keeper.end_like(keeper.keep(worker))\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        assert keeper.end_left(tmp_path / "dpu") == 1
        child.wait(5)
    assert living(tmp_path) == []
    assert not psutil.pid_exists(child.pid)
    assert isinstance(place, Path)
