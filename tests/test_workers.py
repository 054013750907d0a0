"""Workers do not outlive the process that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

#: what workers do is in a module: the script of the parent is not run again by them
WORK = """
import os, signal, time

def identity(_):
    time.sleep(0.3)
    return os.getpid()

def work(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 4:
        raise OSError(28, "No space left on device")
    return number
"""

SCRIPT = """
import time
from awe import workers
from given import identity

with workers.pool(2) as pool:
    print(*sorted(set(pool.map(identity, range(4)))), flush=True)
    time.sleep(60)
"""


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "work.py"
    script.write_text(SCRIPT)
    (tmp_path / "given.py").write_text(WORK)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert pids
        assert not any(gone(pid) for pid in pids)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        deadline = time.monotonic() + 10
        while not all(gone(pid) for pid in pids) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert all(gone(pid) for pid in pids)


DYING = """
from awe import workers
from given import work

with workers.pool(2) as pool:
    for number, value in sorted(workers.outcomes(pool, work, {n: (n,) for n in range(8)})):
        print(number, value if isinstance(value, int) else type(value).__name__)
"""


def test_a_killed_worker_takes_its_own_work_with_it_and_no_other(tmp_path):
    script = tmp_path / "work.py"
    script.write_text(DYING)
    (tmp_path / "given.py").write_text(WORK)
    done = subprocess.run([sys.executable, script], capture_output=True,
                          text=True, check=True, timeout=120)
    said = dict(line.split() for line in done.stdout.splitlines())
    assert said.pop("3") == "ServiceDown"
    assert said.pop("4") == "OSError"
    assert said == {number: number for number in "012567"}


def test_a_script_without_a_guard_is_run_once(tmp_path):
    script = tmp_path / "work.py"
    script.write_text("print('begun', flush=True)\n" + DYING.replace("(n,) for n in range(8)",
                                                                     "(n,) for n in range(3)"))
    (tmp_path / "given.py").write_text(WORK)
    done = subprocess.run([sys.executable, script], capture_output=True,
                          text=True, check=True, timeout=120)
    assert done.stdout.split() == ["begun", "0", "0", "1", "1", "2", "2"]


STARTED = """
import sys
from awe import workers
from given import identity

print("begun", flush=True)
try:
    with workers.pool(3) as pool:
        print(len([*workers.outcomes(pool, identity, {n: (n,) for n in range(3)})]), flush=True)
except KeyboardInterrupt:
    sys.exit("stopped")
"""


@pytest.mark.parametrize("after", [0.0, 0.005, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3])
def test_workers_say_nothing_when_they_are_interrupted_while_they_start(tmp_path, after):
    script = tmp_path / "work.py"
    script.write_text(STARTED)
    (tmp_path / "given.py").write_text(WORK)
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as parent:  # fmt: skip
        assert parent.stdout.readline() == "begun\n"
        time.sleep(after)
        # as a terminal does it: to all of them
        os.killpg(parent.pid, signal.SIGINT)
        told = parent.communicate(timeout=60)[1]
    assert told == "stopped\n"
    assert parent.returncode == 1
