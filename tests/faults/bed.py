"""What is killed and brought back: a database, a dataserver and a runner, each a process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg2
from dataservers import Dataserver

from awe.dataserver.store import Store
from awe.prctl import die_with_parent
from tests.conftest import Database
from tests.faults.watch import Watch

__all__ = ["Bed", "until"]

RUNNER = """
import json, signal, sys, threading
from awe.config import Environment
from awe.dpu.runner.runner import Runner
given = json.loads(sys.stdin.readline())
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
Runner(Environment.load(**given["environment"]), given["secrets"]).run(stop)
"""
MARKED = Path(__file__).parent / "marked.py"
#: what the database answers while it comes back
AWAY = (psycopg2.OperationalError, psycopg2.InterfaceError)


class Bed:
    """The services of one database, and its files, below a folder with a short name."""

    def __init__(self, db: Database, files: Path, folder: Path, workers: int) -> None:
        self.db = db
        self.folder = folder
        self.home = folder / "home"
        self.workers = workers
        (self.home / "recipes").mkdir(parents=True)
        shutil.copy(MARKED, self.home / "recipes" / "marked.py")
        shutil.copytree(files, folder / "files", symlinks=True)
        self.store = Store(folder / "files", reserve=0)
        self.watch = Watch(self.home / "watch")
        # the server of the tests does not wait for the disk; what this one acknowledges it keeps
        db.rows("superuser", f"ALTER DATABASE {db.name} SET synchronous_commit = on")
        db.rows("superuser", "CHECKPOINT")
        self.dataserver = Dataserver.start(db, folder / "files")
        self.port = self.dataserver.port
        self._runner: subprocess.Popen[str] | None = None

    # -- the database ----------------------------------------------------------------------------

    def ask(self, statement: str, *values: Any, seconds: float = 60.0) -> list[tuple[Any, ...]]:
        """Ask as the superuser; wait for a database that is coming back."""
        limit = time.monotonic() + seconds
        while True:
            try:
                with closing(psycopg2.connect(**self.db.cluster.superuser(self.db.name))) as line:
                    line.autocommit = True
                    with line.cursor() as cursor:
                        cursor.execute(statement, values or None)
                        return cursor.fetchall() if cursor.description else []
            except AWAY:
                if time.monotonic() > limit:
                    raise
                time.sleep(0.05)

    def environment(self) -> dict[str, str]:
        return self.db.environment("student", data_port=str(self.port))

    # -- services --------------------------------------------------------------------------------

    def start_runner(self) -> None:
        """Start a runner in this home; it takes over what a killed one left."""
        given = {
            "environment": {**self.environment(), "dpu_workers": str(self.workers)},
            "secrets": {"awe_runner": self.db.password("awe_runner")},
        }
        with (self.folder / "runner.log").open("ab") as log:
            self._runner = subprocess.Popen(
                [sys.executable, "-c", RUNNER], stdin=subprocess.PIPE, stderr=log, text=True,
                env={**os.environ, "AWE_HOME": str(self.home)}, start_new_session=True,
                preexec_fn=die_with_parent(),
            )  # fmt: skip
        assert self._runner.stdin is not None
        with self._runner.stdin as line:
            line.write(json.dumps(given) + "\n")

    def kill(self, victim: str, backend: int = 0) -> None:
        """Kill a service, by SIGKILL."""
        if victim == "backend" and not backend:
            ((backend,),) = self.ask(
                "SELECT max(pid) FROM pg_stat_activity WHERE application_name = 'awe-runner'"
            )
        pid = {
            "runner": lambda: self._runner.pid if self._runner else 0,
            "dataserver": lambda: self.dataserver.pid,
            "postmaster": lambda: self.db.cluster.process().pid,  # type: ignore[union-attr]
            "backend": lambda: backend or 0,
        }[victim]()
        assert pid, f"no {victim} to kill"
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def bring_back(self, victim: str) -> None:
        """Start again what was killed; after a backend the postmaster does it by itself."""
        if victim == "dataserver":
            self.dataserver.stop()
            self.dataserver = Dataserver.start(self.db, self.folder / "files", port=self.port)
        elif victim == "runner":
            if self._runner is not None:
                self._runner.wait()
            self.start_runner()
        elif victim == "postmaster":
            self.db.cluster.start()

    def close(self) -> None:
        if self._runner is not None:
            self._runner.terminate()
            try:
                self._runner.wait(20)
            except subprocess.TimeoutExpired:
                self._runner.kill()
                self._runner.wait()
        self.dataserver.stop()
        self.watch.close()

    # -- what is left ----------------------------------------------------------------------------

    def processes(self) -> list[str]:
        """Return the command of every process of an attempt that lives."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                inside = str(self.home / "dpu") in process.cwd()
                if inside and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline()))
        return found


def until(claim: Callable[[], Any], seconds: float) -> Any:
    """Wait until something is so; return what it gave, at the end of the time as well."""
    limit = time.monotonic() + seconds
    while not (found := claim()) and time.monotonic() < limit:
        time.sleep(0.05)
    return found
