"""Jobs on a real server: a runner in a thread, workers as processes, recipes in a directory."""

from __future__ import annotations

import json
import socket
import sys
import threading
import uuid
from typing import Any

import pytest

from awe.config import Environment
from awe.dpu.runner import forkserver
from awe.dpu.runner.queue import Queue
from awe.dpu.runner.runner import Runner, connection_parameters


class Bench:
    """What the tests of jobs do to a database."""

    def __init__(self, db: Any) -> None:
        self.db = db

    def submit(self, person: str, *jobs: dict[str, Any], **more: Any) -> list[int]:
        """Submit jobs over the person's own connection, as any client could."""
        given = {"request": str(uuid.uuid4()), "recipe": "Probe", "args": "{}", "project": 37,
                 "privileges": 1, **more}
        some = [{"recipe": "Probe", "args": {}, "back_end": "local", **job}
                for job in jobs or ({},)]
        rows = self.db.rows(
            person,
            "SELECT awe.job_submit(%s::uuid, %s, %s::jsonb, %s, %s, %s::jsonb)",
            *given.values(),
            json.dumps(some),
        )
        return [row[0] for row in rows]

    def state(self, job: int) -> str:
        sql = "SELECT state::text FROM awe.job WHERE id = %s"
        return self.db.rows("superuser", sql, job)[0][0]

    def environment(self, person: str = "student", **more: str) -> Environment:
        return Environment.load(**self.db.environment(person, **more))

    def queue(self, lease: float = 30.0, host: str | None = None) -> Queue:
        password = self.db.password("awe_runner")
        parameters = connection_parameters(self.environment(), "awe_runner", password)
        return Queue(parameters, host or socket.gethostname(), lease)


@pytest.fixture
def db(db):
    """The database of the test, asked over one connection per person: these tests poll."""
    connections: dict[str, Any] = {}

    def rows(person: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        if person not in connections:
            superuser = person == "superuser"
            connections[person] = db.superuser() if superuser else db.connect(person)
        with connections[person].cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    db.rows = rows
    db.forget = connections.clear
    return db


@pytest.fixture
def bench(db):
    return Bench(db)


@pytest.fixture
def queue(bench):
    queue = bench.queue()
    yield queue
    queue.close()


RECIPE = '''
import os, subprocess, sys, time
from pathlib import Path
from awe.db.server.connection import database
from awe.errors import NotFound
from awe.recipes import Argument, Task


class ProbeTask(Task):
    """Does what the tests of the DPU ask for."""

    arguments = (
        Argument(name="names", short="n", type=list, doc="inputs"),
        Argument(name="chip", short="c", type=str, doc="chip"),
        Argument(name="chips", type=list, doc="chips to split into"),
        Argument(name="wait", type=float, default=0.0, doc="seconds per input"),
        Argument(name="do", type=str, default="", doc="what to do"),
        Argument(name="diary", type=str, default="", doc="file that notes each input done"),
        Argument(name="commit", short="C", type=bool, default=False, doc="keep"),
    )

    def jobs(self):
        given = {k: v for k, v in self._given().items() if k != "chips"}
        return [{**given, "chip": chip} for chip in self.chips or ["A"]]

    def execute(self):
        print("probe at work", self.chip, flush=True)
        if self.do == "stubborn":
            import signal
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            subprocess.Popen(["sleep", "600"])
            subprocess.Popen(["sleep", "600"], start_new_session=True)
        if self.do == "crash":
            os.kill(os.getpid(), 11)
        if self.do == "exit":
            os._exit(3)
        if self.do == "raise":
            raise RuntimeError("a broken promise")
        if self.do in ("eat", "eat later"):
            while self.do == "eat later" and not Path(self.diary).exists():
                time.sleep(0.05)
            hoard = [bytearray(os.urandom(1 << 20)) * 64 for _ in range(20)]
            time.sleep(60)
        if self.do == "speak":
            print("\\x1b[31mred\\x1b[0m \\x07bell", "x" * 5000)
            sys.stderr.write("to stderr\\n")
        if self.do == "nest":
            Path("../report").write_text("[" * 200_000 + "\\n")
        if self.do == "nul":
            Path("../report").write_text('{"end": "done", "message": "a\\\\u0000\\\\ud800b"}\\n')
            os._exit(0)
        if self.do == "pipe":
            for name in ("log", "report"):
                os.remove("../" + name)
                os.mkfifo("../" + name)
            os._exit(3)
        if self.do.startswith("leave "):
            import shutil
            _, name, kind = self.do.split(" ", 2)
            place = Path("..", name)
            shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
            if kind == "directory":
                place.mkdir()
            elif kind == "pipe":
                os.mkfifo(place)
            elif kind == "link":
                place.symlink_to("/usr/bin/env")
            else:
                place.write_text(kind)
        if self.do == "vanish":
            import shutil
            shutil.rmtree(Path.cwd().parent, ignore_errors=True)
            time.sleep(60)
        if self.do == "chatter":
            with open("../log", "ab") as file:
                for _ in range(64):
                    file.write(bytes(1 << 20))
            time.sleep(60)
        if self.do == "import":
            Path("colorsys.py").write_text("print('not mine')")
            import colorsys
            print("imported", colorsys.__file__, "" in sys.path, os.getcwd() in sys.path)
        if self.do == "who":
            print("user", database.execute("SELECT current_user::text, session_user::text"))
            print("argv", sys.argv, Path("/proc/self/environ").read_bytes())
        names = self.names or ["only"]
        self.items.total(len(names))
        for name in names:
            if self.items.finished(name):
                continue
            time.sleep(self.wait)
            try:
                if name.startswith("bad"):
                    raise NotFound(f"no calibration for {name}")
                with database.transaction():
                    if self.diary:
                        with open(self.diary, "a") as file:
                            file.write(name + "\\n")
                    self.items.record(name, None)
            except NotFound as error:
                self.items.failed(name, error)
        return []
'''


@pytest.fixture
def recipes(tmp_path, monkeypatch):
    """A directory with the recipe Probe, found by this process and by the workers."""
    home = tmp_path / "home"
    (home / "recipes").mkdir(parents=True)
    (home / "recipes" / "probe.py").write_text(RECIPE)
    monkeypatch.setenv("AWE_HOME", str(home))
    monkeypatch.delenv("AWE_RECIPES", raising=False)
    yield home
    sys.modules.pop("awe.recipes.user.probe", None)


#: forks workers, and loads no kernels meanwhile: no recipe of these tests needs one
WITHOUT_KERNELS = (
    "import sys; from awe.dpu.runner import kernels; from awe.dpu.runner.forkserver import main; "
    "kernels._steps = kernels._imports; sys.exit(main())"
)


@pytest.fixture
def runner(bench, recipes, monkeypatch):
    """A runner at work in a thread; `runner.start(...)` and `runner.stop()`."""
    monkeypatch.setattr(forkserver, "COMMAND", WITHOUT_KERNELS)
    made = RunnerThread(bench)
    yield made
    made.stop()


class RunnerThread:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, *, workers: int = 2, **more: Any) -> None:
        keys = {name: more.pop(name) for name in list(more) if name.startswith("dpu_")}
        environment = self._bench.environment(dpu_workers=str(workers), **keys)
        secrets = {"awe_runner": self._bench.db.password("awe_runner")}
        self._runner = runner = Runner(environment, secrets, **more)
        self._stop.clear()
        self._thread = threading.Thread(target=runner.run, args=(self._stop,))
        self._thread.start()

    def abandon(self) -> None:
        """Let it end at once and leave its jobs alone, as if it were killed."""
        self._runner._running.clear()
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=30)
            assert not self._thread.is_alive()
            self._thread = None


@pytest.fixture
def session(bench, recipes):
    """Log in as a person in this thread; returns a `Processor`."""
    from awe.db.server import scope
    from awe.db.server.connection import database
    from awe.dpu import Processor

    def start(person: str = "student", privileges: int = 1) -> Processor:
        database.connect(bench.environment(person))
        ((user, role),) = database.execute(
            "SELECT id, role_name::text FROM awe.users WHERE role_name = current_user"
        )
        scope.use(scope.Scope(user_id=user, user_name=role, project_id=37,
                              project_name="TUTORIAL2015", privileges=privileges))
        return Processor()

    yield start
    database.close()
    scope.use(None)


@pytest.fixture
def soft_limit():
    """As many open files as a service may have."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip("this account may not have 4096 open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
