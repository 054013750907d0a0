"""An installation of an ordinary account of the machine, attacked by other accounts of it."""

from __future__ import annotations

import csv
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.getuid() != 0, reason="only root can become other accounts"),
]

OWNER = "daemon"
#: Accounts without a name: a student's, and one of somebody without a login.
STUDENT, STRANGER = 62001, 62002
ROOT = Path(__file__).parents[2]

STORE = """
import os
from pathlib import Path
name = f"frame-{os.getpid()}.fits"
Path(name).write_bytes(name.encode() * 100)
frame = RawBiasFrame(filename=name, DATE_OBS="2012-06-01T00:00:00")
frame.pathname = name
frame.store()
frame.commit()
os.remove(name)
frame.retrieve()
print("stored")
"""
LISTEN = """
import socket, sys, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
end = time.monotonic() + 60
while time.monotonic() < end:
    try:
        listener.bind(("127.0.0.1", int(sys.argv[1])))
        break
    except OSError:
        time.sleep(0.002)
listener.listen()
print("listening", flush=True)
while True:
    connection, _ = listener.accept()
    print(connection.recv(65536), flush=True)
    connection.close()
"""
HOLD = """
import socket, sys, time
held = []
for _ in range(600):
    one = socket.socket(socket.AF_UNIX)
    one.connect(sys.argv[1])
    held.append(one)
print("held", flush=True)
time.sleep(60)
"""
TRY = """
import json, os, sys
opened = []
for path in json.load(sys.stdin):
    for way in (os.O_RDONLY, os.O_WRONLY):
        try:
            os.close(os.open(path, way | os.O_NONBLOCK))
            opened.append(path)
        except OSError:
            pass
print(json.dumps(opened))
"""


@dataclass
class Machine:
    """Who is there: an owner with an installation, a student, a stranger."""

    folder: Path
    python: str

    @property
    def home(self) -> Path:
        return self.folder / "owner" / ".awe"

    def words(self, account: int, words: Sequence[str]) -> dict[str, Any]:
        place = self.folder / {STUDENT: "student", STRANGER: "stranger"}.get(account, "owner")
        path = ":".join([str(ROOT), *(p for p in sys.path if p.endswith("site-packages"))])
        return {
            "args": [self.python, *words], "cwd": place, "user": account, "group": account,
            "extra_groups": [], "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True,
            "env": {"HOME": str(place), "PYTHONPATH": path, "PATH": os.defpath, "LANG": "C.UTF-8",
                    "TMPDIR": str(place)},
        }  # fmt: skip

    def run(self, account: int, *words: str, stdin: str = "") -> str:
        done = subprocess.run(**self.words(account, words), input=stdin, timeout=200, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)

    def begin(self, account: int, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(**self.words(account, words))

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "services" / "state.json").read_text())
        return found


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    owner = pwd.getpwnam(OWNER).pw_uid
    folder = Path(tempfile.mkdtemp(prefix="awe-m-", dir="/tmp"))
    folder.chmod(0o755)
    for name, uid in (("owner", owner), ("student", STUDENT), ("stranger", STRANGER)):
        (folder / name).mkdir()
        os.chown(folder / name, uid, uid)
    made = Machine(folder, _python(owner))
    admin = ("-m", "awe.admin")
    made.run(owner, *admin, "start")
    made.home.chmod(0o711)
    try:
        made.run(owner, *admin, "course", "create", "C2015", "--students", "1")
        with (folder / "owner" / "course-C2015" / "passwords.csv").open() as file:
            (row,) = csv.DictReader(file)
        target = folder / "student" / ".awe"
        target.mkdir(mode=0o700)
        shutil.copy(folder / "owner" / "course-C2015" / row["login"] / "Environment.cfg", target)
        (target / "Environment.cfg").chmod(0o600)
        for path in (target, target / "Environment.cfg"):
            os.chown(path, STUDENT, STUDENT)
        yield made
    finally:
        made.run(owner, *admin, "destroy", "--yes")
        shutil.rmtree(folder)


def _python(account: int) -> str:
    for python in (sys.executable, "/usr/bin/python3"):
        path = ":".join([str(ROOT), *(p for p in sys.path if p.endswith("site-packages"))])
        version = tuple(sys.version_info[:2])
        code = f"import sys; assert sys.version_info[:2] == {version}; import psycopg2"
        try:
            subprocess.run(
                [python, "-c", code + ", awe.admin.command"], check=True, user=account,
                group=account, capture_output=True, cwd="/", env={"PYTHONPATH": path},
                extra_groups=[],
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip(f"no python of this version that {OWNER} can run")


def test_nothing_of_the_installation_can_be_opened(machine: Machine) -> None:
    pids = [machine.state()[name]["pid"] for name in ("cluster", "server", "keeper")]
    secret = [f"/proc/{pid}/{name}" for pid in pids for name in ("environ", "mem", "maps")]
    files = [str(path) for path in machine.home.rglob("*") if path.is_file()]
    files += [str(path) for path in (machine.folder / "owner" / "course-C2015").rglob("*.c*")]
    assert len(files) > 100
    for account in (STUDENT, STRANGER):
        text = machine.run(account, "-c", TRY, stdin=json.dumps(files + secret))
        assert json.loads(text) == []


def test_whoever_takes_the_port_sees_no_ticket(machine: Machine) -> None:
    assert "stored" in machine.run(STUDENT, "-m", "awe.prompt.command", "-c", STORE)
    port = json.loads((machine.home / "services" / "endpoints.json").read_text())["data_port"]
    thief = machine.begin(STRANGER, "-c", LISTEN, port)
    try:
        time.sleep(0.5)
        os.kill(machine.state()["server"]["pid"], signal.SIGKILL)
        assert thief.stdout is not None
        assert thief.stdout.readline() == "listening\n"
        deadline = time.monotonic() + 60
        while not _lives(machine.state()["server"]["pid"]) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert "stored" in machine.run(STUDENT, "-m", "awe.prompt.command", "-c", STORE)
    finally:
        thief.kill()
    said = thief.communicate()[0]
    assert "earer" not in said


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_sockets_held_by_a_stranger_keep_no_student_out(machine: Machine) -> None:
    record = json.loads((machine.home / "services" / "sharing.json").read_text())
    holder = machine.begin(STRANGER, "-c", HOLD, f"{record['directory']}/.s.PGSQL.5432")
    try:
        time.sleep(1.0)
        assert "stored" in machine.run(STUDENT, "-m", "awe.prompt.command", "-c", STORE)
    finally:
        holder.kill()
        holder.communicate()


def test_a_module_in_the_working_directory_is_not_imported(machine: Machine) -> None:
    planted = machine.folder / "student" / "colorsys.py"
    planted.write_text("raise SystemExit('imported from here')")
    try:
        # as the installed command is: `python -m` itself would put the directory in front
        script = machine.folder / "awe"
        script.write_text("import sys\nfrom awe.prompt.command import main\nsys.exit(main())\n")
        code = "import colorsys; print('stored')"
        assert "stored" in machine.run(STUDENT, str(script), "-c", code)
    finally:
        planted.unlink()
