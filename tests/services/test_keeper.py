"""Services come back while nobody is at a prompt, stop when told to, and follow an upgrade."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from awe.db.server.address import connection_arguments
from awe.services import edition, keeper, stack
from awe.services.hold import Hold
from awe.services.installation import SERVICES, Installation
from awe.services.process import Identity
from awe.services.running import ensure

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]


@pytest.fixture
def running(house: Path) -> Path:
    ensure(Installation(house))
    return house


def service(home: Path, name: str) -> Identity:
    found = Installation(home).process(name)
    assert found is not None, f"{name} does not run"
    return found


def soon(what: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.05)
    return False


def kill(who: Identity) -> None:
    os.kill(who.pid, signal.SIGKILL)
    assert soon(lambda: not who.alive, 10)


@pytest.mark.parametrize("name", ["cluster", "server", "keeper"])
def test_a_killed_service_comes_back_without_a_prompt(running: Path, name: str) -> None:
    before = service(running, name)
    kill(before)
    assert soon(lambda: Installation(running).all_alive)
    assert service(running, name) != before


def test_stop_stops_everything_even_while_a_service_is_being_brought_back(running: Path) -> None:
    for pause in (0.0, 0.3, 0.6):
        ensure(Installation(running))
        found = [service(running, name) for name in SERVICES]
        kill(found[1])
        time.sleep(pause)
        stack.stop(Installation(running))
        time.sleep(2.0)
        assert not any(who.alive for who in found)
        assert not any(Installation(running).process(name) for name in SERVICES)
        assert stack.status(Installation(running))["database"] == "not running"


def test_services_that_end_again_and_again_are_started_ever_less_often(running: Path) -> None:
    log = running / "services" / "keeper.log"
    offset = log.stat().st_size if log.exists() else 0
    for _ in range(3):
        kill(service(running, "server"))
        assert soon(lambda: Installation(running).all_alive)
    said = log.read_bytes()[offset:].decode().splitlines()
    pauses = [float(line.rpartition(" in ")[2].split()[0]) for line in said if " in " in line]
    assert len(pauses) >= 3
    assert pauses == sorted(pauses)
    assert pauses[-1] >= 4 * pauses[0] or pauses[-1] == keeper.LONGEST_PAUSE


def test_a_database_that_is_away_is_not_told_of_twice_a_second(running: Path) -> None:
    """With the keeper held, awe-server alone looks for its database for some seconds."""
    log = running / "services" / "server.log"
    held = service(running, "keeper")
    os.kill(held.pid, signal.SIGSTOP)
    try:
        kill(service(running, "cluster"))
        offset = log.stat().st_size
        time.sleep(6.0)
        said = log.read_bytes()[offset:].decode().splitlines()
    finally:
        os.kill(held.pid, signal.SIGCONT)
    words = [line[len("2026-11-28 17:48:06,245") :] for line in said if " WARNING " in line]
    assert len(words) <= 8, said  # each part of it says so once, none says it again
    assert len(words) == len(set(words)), said
    assert soon(lambda: Installation(running).all_alive)


def test_a_server_of_before_an_upgrade_is_replaced_by_the_next_start(running: Path) -> None:
    before = service(running, "server")
    recorded = Installation(running).state
    recorded["edition"] = {**recorded["edition"], "times": [1, 2]}
    Installation(running).note_all(recorded)
    ensure(Installation(running))
    after = service(running, "server")
    assert after != before
    ensure(Installation(running))
    stack.start(Installation(running), thorough=True)
    assert service(running, "server") == after


def test_a_migration_replaces_the_server(running: Path) -> None:
    before = service(running, "server")
    with stack.replacing_server(Installation(running)) as ran:
        assert ran
        assert not before.alive
        time.sleep(2.0)
        assert not Installation(running).all_alive, "the keeper brought it back meanwhile"
    assert service(running, "server") != before
    recorded = Installation(running).state
    recorded["edition"] = {**recorded["edition"], "files": "of before"}
    Installation(running).note_all(recorded)
    before = service(running, "server")
    done = subprocess.run([sys.executable, "-m", "awe.admin", "migrate"], capture_output=True,
                          text=True, check=False, timeout=100)
    assert "already done" in done.stdout
    assert "replacing the awe-server of before the upgrade" in done.stdout
    assert service(running, "server") != before


def test_a_server_older_than_editions_is_replaced(running: Path) -> None:
    before = service(running, "server")
    recorded = Installation(running).state
    del recorded["edition"]
    Installation(running).note_all(recorded)
    ensure(Installation(running))
    assert service(running, "server") != before


SHORT = """
from awe.recipes import Argument, Task

class ShortTask(Task):
    "Says that it has run."

    arguments = (Argument(name="name", type=str, doc="its name"),)

    def jobs(self):
        return [self._given()]

    def execute(self):
        print("short at work", flush=True)
"""
WAITING = """
import os, signal, time
from awe.services.installation import Installation
server = Installation().process("server")
ids = dpu.run("Short", name="a")
os.kill(server.pid, signal.SIGKILL)
while server.alive:
    time.sleep(0.01)
dpu.get_logs(ids)
print("again", Installation().process("server") != server)
"""


def test_a_prompt_that_waits_for_jobs_brings_a_killed_server_back(running: Path) -> None:
    (running / "recipes").mkdir()
    (running / "recipes" / "short.py").write_text(SHORT)
    held = service(running, "keeper")
    os.kill(held.pid, signal.SIGSTOP)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "awe.prompt.command", "-c", WAITING], capture_output=True,
            text=True, check=False, timeout=200,
        )
    finally:
        os.kill(held.pid, signal.SIGCONT)
    assert "again True" in done.stdout, done.stdout + done.stderr
    assert "short at work" in done.stdout
    assert "is done" in done.stdout
    shutil.rmtree(running / "recipes")


def test_two_versions_do_not_replace_each_others_server_in_turns() -> None:
    mine = edition.edition()
    assert not edition.outdated(mine)
    assert not edition.outdated(mine, thorough=True)
    newer = {**mine, "package": "/elsewhere", "version": "999.0.0"}
    older = {**mine, "package": "/elsewhere", "version": "0.0.0"}
    assert not edition.outdated(newer)
    assert edition.outdated(older)
    assert edition.outdated(newer, thorough=True)
    assert edition.outdated({**mine, "files": "others"}, thorough=True)


def test_a_second_server_for_one_database_is_refused_by_the_database(running: Path) -> None:
    """Its home knows nothing of the first; only the database does."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        (home / "services").mkdir(mode=0o700)
        secrets = home / "services" / "secrets.json"
        secrets.touch(mode=0o600)
        secrets.write_text((running / "services" / "secrets.json").read_text())
        endpoints = json.loads((running / "services" / "endpoints.json").read_text())
        second = subprocess.run(
            [sys.executable, "-m", "awe.services.server"], capture_output=True, text=True,
            timeout=100, check=False,
            env={**os.environ, "AWE_HOME": place, "AWE_DATABASE_NAME": endpoints["database_name"]},
        )
    assert second.returncode == 1
    assert "this database is served already, by awe-server of" in second.stderr


def test_the_lock_is_free_when_its_holder_has_ended(running: Path) -> None:
    endpoints = json.loads((running / "services" / "endpoints.json").read_text())
    secrets = Installation(running).secrets
    arguments = connection_arguments(
        endpoints["database_name"], "awe_dataserver", secrets["awe_dataserver"]
    )
    held = service(running, "keeper")
    os.kill(held.pid, signal.SIGSTOP)
    try:
        kill(service(running, "server"))
        hold = Hold(arguments, "a test")
        hold.take()
        hold._close()
    finally:
        os.kill(held.pid, signal.SIGCONT)
    assert soon(lambda: Installation(running).all_alive)
