"""The process that forks workers: killed, broken by an import, and replaced without a job lost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from jobs_waiting import until

from awe.dpu.runner.backends import environment
from awe.dpu.runner.forkserver import ForkServer


def fork_servers():
    own = psutil.Process().children(recursive=True)
    # an ended process that an earlier test did not bury has no command line any more
    alive = [process for process in own if process.status() != psutil.STATUS_ZOMBIE]
    name = "awe.dpu.runner.forkserver"
    found = {process.pid: process for process in alive if name in " ".join(process.cmdline())}
    # a child of one that compiles kernels goes by the same name
    return [process for process in found.values() if process.ppid() not in found]


def test_killed_between_two_jobs_it_costs_the_second_nothing(bench, db, runner, recipes):
    runner.start()
    (first,) = bench.submit("student")
    until(lambda: bench.state(first) == "done")
    for process in fork_servers():
        process.kill()
        process.wait(10)
    (second,) = bench.submit("student")
    until(lambda: bench.state(second) == "done")
    sql = "SELECT attempt FROM awe.job WHERE id = %s"
    assert db.rows("superuser", sql, second) == [(1,)]


def test_leases_are_kept_while_it_imports(bench, db, runner, recipes, tmp_path, monkeypatch):
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "sitecustomize.py").write_text("import time\ntime.sleep(9.0)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "slow"))
    runner.start(lease=2.0)
    (job,) = bench.submit("student")
    until(lambda: bench.state(job) == "done", 60)
    sql = "SELECT attempt, message FROM awe.attempt WHERE job = %s"
    assert db.rows("superuser", sql, job) == [(1, "1 of 1 done")]


def test_a_signal_for_the_terminal_of_the_starter_does_not_reach_it(bench, runner, recipes):
    runner.start()
    (job,) = bench.submit("student")
    until(lambda: bench.state(job) == "done")
    (process,) = fork_servers()
    assert os.getsid(process.pid) == process.pid
    assert os.getsid(process.pid) != os.getsid(0)


def test_a_module_that_cannot_be_imported_is_no_reason_to_die(tmp_path):
    (tmp_path / "sqlalchemy.py").write_text("raise RuntimeError('half written')\n")
    (tmp_path / "work").mkdir()
    server = ForkServer({**environment(), "PYTHONPATH": str(tmp_path)})
    reading, writing = os.pipe()
    try:
        with (tmp_path / "log").open("ab") as log:
            number = server.start(tmp_path, reading, log.fileno())
        os.close(writing)
        until(lambda: server.status(number) is not None)
        assert not server.gone
    finally:
        os.close(reading)
        server.close()


def test_a_number_the_system_gives_again_is_of_a_new_worker(tmp_path):
    """After 32,768 processes numbers come again: the end of an earlier worker is not that of this.

    The worker, which gets no description, waits for it as long as the test keeps the pipe open.
    """
    (tmp_path / "work").mkdir()
    server = ForkServer(environment())
    try:
        with (tmp_path / "log").open("ab") as log:
            first = started_with(server, tmp_path, log)
            until(lambda: server.status(first) is not None)
            for _ in range(200):
                reading, writing = os.pipe()
                next_number(first)
                again = server.start(tmp_path, reading, log.fileno())
                os.close(reading)
                if again == first:
                    break
                os.close(writing)  # somebody else was quicker
        assert again == first
        assert server.status(first) is None
        os.close(writing)
        until(lambda: server.status(first) is not None)
    finally:
        server.close()


def started_with(server, folder, log):
    """Return the number of a worker that is told nothing, so that it ends at once."""
    reading, writing = os.pipe()
    os.close(writing)
    try:
        return server.start(folder, reading, log.fileno())
    finally:
        os.close(reading)


def next_number(number):
    """Let the next process of this machine have a number, where that may be done."""
    try:
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(number - 1))
    except OSError as error:
        pytest.skip(f"numbers of processes cannot be chosen here: {error}")


def test_workers_start_at_once_while_kernels_are_compiled_that_never_were(tmp_path):
    (tmp_path / "work").mkdir()
    server = ForkServer({**environment(), "NUMBA_CACHE_DIR": str(tmp_path / "kernels")})
    waits = []
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        server.start(tmp_path, nowhere, nowhere)
        process = psutil.Process(server._process.pid)
        until(lambda: any(map(compiles, process.children())))
        for _ in range(30):
            begin = time.monotonic()
            number = server.start(tmp_path, nowhere, nowhere)
            waits.append(time.monotonic() - begin)
            until(lambda number=number: server.status(number) is not None)
        (child,) = filter(compiles, process.children())
        assert child.is_running(), "it was done before the test was"
    finally:
        os.close(nowhere)
        server.close()
    # to compile all kernels takes half a minute
    assert max(waits) < 1.0, waits
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def compiles(process):
    """Tell the child that compiles from the keepers of workers: those lead groups of their own."""
    try:
        return os.getpgid(process.pid) != process.pid
    except ProcessLookupError:
        return False


def test_modules_that_recipes_need_are_imported_before_a_worker_is_forked():
    # in a process of its own: this one has imported them long since
    code = (
        "import sys\n"
        "from awe.dpu.runner import kernels\n"
        "all(True for _ in kernels._imports())\n"
        "wanted = ('awe.recipes.reduce', 'awe.rules.oddities', 'awe.fits.writing', 'httpx',\n"
        "          'awe.calib.cosmic.events', 'awe.tasks.execution', 'awe.model.science')\n"
        "assert set(wanted) <= set(sys.modules)\n"
        "assert not any(name.startswith('awe.recipes.user.') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
