"""Backups made while people work, and what is brought back from them under another path."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from awe.db.schema import install as schema
from awe.services import backup, restore, sharing
from awe.services.cluster import Cluster
from awe.services.installation import Installation
from awe.services.logins import superuser

pytestmark = [pytest.mark.services, pytest.mark.timeout(400)]

#: A database of schema 3 with a student's objects in it.
SCHEMA_3 = Path(__file__).parents[1] / "db" / "schema_3.sql.gz"
WORK = """
import os, sys, tempfile
from pathlib import Path
os.chdir(tempfile.mkdtemp())
for number in range(int(sys.argv[1])):
    name = f"work-{os.getpid()}-{number}.fits"
    Path(name).write_bytes(name.encode() * 100)
    frame = RawBiasFrame(filename=name, DATE_OBS="2012-06-01T00:00:00")
    frame.pathname = name
    frame.store()
    frame.commit()
    print(name, flush=True)
"""


def run(home: Path, *words: object, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, words)], env={**os.environ, "AWE_HOME": str(home), **more},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300,
    )


def admin(home: Path, *words: object, code: int = 0) -> str:
    found = run(home, "-m", "awe.admin", *words)
    assert found.returncode == code, found.stdout + found.stderr
    return found.stderr if code else found.stdout


def awe(home: Path, code: str) -> str:
    found = run(home, "-m", "awe.prompt.command", "-c", code)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout.strip()


def rows(home: Path, statement: str) -> list[tuple[object, ...]]:
    opened = closing(superuser(Installation(home)))
    with opened as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        found: list[tuple[object, ...]] = cursor.fetchall()
        return found


def working(home: Path, number: int) -> subprocess.Popen[str]:
    """Somebody who stores and commits one frame after the other."""
    script = home.parent / "work.py"
    script.write_text(WORK)
    return subprocess.Popen(
        [sys.executable, "-m", "awe.prompt.command", str(script), str(number)],
        env={**os.environ, "AWE_HOME": str(home)}, stdout=subprocess.PIPE, text=True,
    )


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="awe-backup-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def house(place: Path) -> Iterator[Path]:
    """A running installation with a course of two students, open to others, and some files."""
    home = place / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWE_HOME", "/nowhere/at/all")
        home.mkdir(mode=0o711)  # an ordinary account has to let others pass
        admin(home, "start")
        admin(home, "course", "create", "STARS", "--students", "2", "--directory", place / "class")
        worker = working(home, 3)
        assert len(worker.communicate(timeout=200)[0].split()) == 3
        yield home
        admin(home, "destroy", "--yes")


@pytest.fixture
def target(house: Path) -> Iterator[Path]:
    """An empty directory for backups."""
    made = Path(tempfile.mkdtemp(prefix="backups-", dir=house.parent))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def other(house: Path) -> Iterator[Path]:
    """Where a backup is restored to."""
    home = house.with_name("other")
    yield home
    if home.exists():
        admin(home, "destroy", "--yes")


def test_a_backup_while_people_work_has_the_file_of_every_row(house, target, other):
    worker = working(house, 100_000)
    assert worker.stdout is not None
    worker.stdout.readline()
    for _ in range(3):
        admin(house, "backup", target)
    assert worker.poll() is None
    worker.terminate()
    assert len(worker.communicate(timeout=60)[0].split()) > 3
    kept = backup.complete(target)
    assert len(kept) == 3
    numbers = []
    for folder in kept:
        manifest = json.loads((folder / "manifest.json").read_text())
        assert not manifest["damaged"]
        there = {path.name for path in (folder / "files").rglob("*") if path.is_file()}
        assert there == {name for name, _, _ in manifest["files"]} - {*manifest["gone"]}
        numbers.append(len(there))
    assert numbers == sorted(numbers)
    assert numbers[-1] > numbers[0]
    said = admin(other, "restore", kept[1])
    assert said.splitlines()[-1] == "all is well"
    assert "0 findings" in said
    linked = "SELECT count(*) FROM awe.file WHERE state = 'linked'"
    ((number,),) = rows(other, linked)
    assert 0 < number <= numbers[1]
    assert rows(other, "SELECT count(*) FROM awe.raw_bias_frame") == [(number,)]
    assert int(awe(other, "print(len(RawBiasFrame.select_all()))")) == number
    frame = "f = RawBiasFrame.select_all()[0]; import os; os.chdir('{}'); f.retrieve()"
    awe(other, frame.format(tempfile.mkdtemp(dir=house.parent)))


def test_a_second_backup_links_what_the_first_has(house, target):
    first = backup.make(Installation(house), target)
    second = backup.make(Installation(house), target)
    assert first.files == second.files > 0
    assert first.copied > 0
    assert second.copied == 0
    for path in (second.folder / "files").rglob("*"):
        if path.is_file():
            assert path.samefile(first.folder / path.relative_to(second.folder))
    shutil.rmtree(first.folder)
    for name, _, digest in json.loads((second.folder / "manifest.json").read_text())["files"]:
        restore._compare(second.folder / "files" / name[:2] / name, digest)


#: What people said, what is to open when, and who read what.
SAID = (
    "SELECT about, author, content, creation_date, _project, _privileges FROM awe.comment",
    "SELECT name, release_level, release_days, release_begins FROM awe.project "
    "WHERE release_level IS NOT NULL",
    "SELECT file, day, user_id, times, last FROM awe.reading",
)


def test_comments_periods_and_readings_come_back(house, target, other):
    awe(house, "RawBiasFrame.select_all()[0].comment('thin cloud')")
    admin(house, "project", "period", "STARS", "--level", "3", "--days", "30")
    noted = "SELECT awe.ds_readings(array[id], array[0], array[7]) FROM awe.file LIMIT 1"
    rows(house, noted)
    said = [rows(house, statement) for statement in SAID]
    assert [len(found) for found in said] == [1, 1, 1]
    admin(house, "backup", target)
    admin(other, "restore", target)
    assert [rows(other, statement) for statement in SAID] == said
    assert awe(other, "print(Comment.content.like('*cloud*')[0].content)") == "thin cloud"


def test_a_backup_killed_at_any_moment_is_incomplete_and_says_so(house, target, other):
    chance = random.Random(14)
    for _ in range(5):
        making = subprocess.Popen(
            [sys.executable, "-m", "awe.admin", "backup", str(target)], text=True,
            env={**os.environ, "AWE_HOME": str(house)}, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.3, 1.2))
        making.send_signal(signal.SIGKILL)
        making.wait()
        for folder in target.iterdir():
            if folder.name.endswith(backup.INCOMPLETE):
                assert "incomplete" in admin(other, "restore", folder, code=1)
    if not backup.complete(target):
        assert "no complete backup" in admin(other, "restore", target, code=1)
    assert not other.exists()
    admin(house, "backup", target)
    assert not list(target.glob(f"*{backup.INCOMPLETE}"))


@pytest.mark.parametrize("name", ["database.dump", "roles.sql", "manifest.json", "files", "home"])
def test_a_damaged_backup_is_refused(house, target, other, name):
    made = backup.make(Installation(house), target).folder
    path = made / name
    if path.is_dir():
        path = next(entry for entry in sorted(path.rglob("*")) if entry.is_file())
    path.chmod(0o600)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    said = admin(other, "restore", target, code=1)
    assert "damaged" in said
    assert said.count("\n") <= 2
    assert not other.exists()


def test_a_home_that_is_not_empty_is_not_restored_into(house, target, other):
    backup.make(Installation(house), target, files=False)
    other.mkdir()
    (other / "thesis").write_text("years of work")
    assert "is not empty" in admin(other, "restore", target, code=1)
    assert [path.name for path in other.iterdir()] == ["thesis"]
    shutil.rmtree(other)


def test_a_restore_that_was_broken_off_starts_nothing(house, target, other):
    backup.make(Installation(house), target)
    making = subprocess.Popen(
        [sys.executable, "-m", "awe.admin", "restore", str(target)],
        env={**os.environ, "AWE_HOME": str(other)}, stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (other / "restoring").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)
    making.kill()
    making.wait()
    assert "was broken off" in admin(other, "start", code=1)
    admin(other, "destroy", "--yes")
    assert not other.exists()
    assert "all is well" in admin(other, "restore", target)


@dataclass(frozen=True)
class Restored:
    """A home brought back from a backup of the database alone, while the original runs."""

    home: Path
    said: str


@pytest.fixture(scope="module")
def restored(house: Path) -> Iterator[Restored]:
    home = house.with_name("restored")
    made = backup.make(Installation(house), house.with_name("without"), files=False)
    assert not (made.folder / "files").exists()
    try:
        yield Restored(home, admin(home, "restore", made.folder))
    finally:
        admin(home, "destroy", "--yes")


def test_a_backup_without_files_takes_them_from_where_they_were(restored):
    assert "all is well" in restored.said
    assert list((restored.home / "files").rglob("*"))


def test_what_nobody_may_do_nobody_may_do_after_a_restore(house, restored):
    home = restored.home
    words = "SELECT has_function_privilege('stars_01', 'pg_advisory_lock(bigint)', 'execute')"
    assert rows(home, words) == [(False,)]
    assert rows(home, "SELECT has_database_privilege('stars_01', 'postgres', 'connect')") == [
        (False,)]
    setting = "SELECT current_setting('awe.installation')"
    assert rows(home, setting) != rows(house, setting)


def test_the_address_of_a_running_original_is_not_taken(restored):
    assert "closed to others: their address" in restored.said
    assert "no access" in run(restored.home, "-m", "awe.admin", "status").stdout


def login(configuration: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Log in with somebody's login file, in a home of their own."""
    with tempfile.TemporaryDirectory() as home:
        shutil.copy(configuration, Path(home, "Environment.cfg"))
        return run(Path(home), "-m", "awe.prompt.command", "-c", code)


def test_students_log_in_after_a_restore_with_their_old_files(house, target):
    """The first home is gone, as after the loss of a disk; the backup goes to another path."""
    first = house.with_name("first")
    first.mkdir(mode=0o711)
    made = target / "made"
    admin(first, "restore", backup.make(Installation(house), made).folder)
    admin(first, "share")
    mine = house.parent / "class" / "stars_01" / "Environment.cfg"
    text = mine.read_text()
    endpoints = {
        "database_name": sharing.opened(first).database_name,
        "data_port": str(sharing.opened(first).data_port),
    }
    for key, value in endpoints.items():
        text = re.sub(rf"^{key} .*$", f"{key} : {value}", text, flags=re.MULTILINE)
    file = target / "Environment.cfg"
    file.touch(mode=0o600)
    file.write_text(text)
    assert "STARS_01" in login(file, "print(context.get_current_user())").stdout
    kept = backup.make(Installation(first), target / "second")
    admin(first, "destroy", "--yes")
    again = house.with_name("again")
    try:
        admin(again, "restore", kept.folder)
        found = login(file, "print(context.get_current_user(), len(RawBiasFrame.select_all()))")
        assert "STARS_01" in found.stdout, found.stderr
    finally:
        admin(again, "destroy", "--yes")
        shutil.rmtree(first, ignore_errors=True)


def test_a_backup_of_nothing_is_refused(place, target):
    assert "does not run" in admin(place / "no-such", "backup", target, code=1)
    assert not Cluster(place / "no-such").record.exists()


@pytest.fixture
def old(place: Path) -> Iterator[Path]:
    """An installation whose database has schema 3, as an upgrade finds it."""
    home = place / "old"
    cluster = Cluster(home)
    cluster.start()
    schema.install(cluster.superuser(), {"awe_dataserver": "a", "awe_runner": "b"}, database="new")
    schema.create_database(cluster.superuser(), "awe")
    text = gzip.decompress(SCHEMA_3.read_bytes()).decode().splitlines()
    opened = closing(psycopg2.connect(**cluster.superuser("awe")))
    with opened as connection, connection, connection.cursor() as cursor:
        cursor.execute("\n".join(line for line in text if not line.startswith("\\")))
        cursor.execute("SELECT role_name FROM awe.users WHERE removed IS NULL")
        for (name,) in cursor.fetchall():
            cursor.execute(f'CREATE ROLE "{name}" LOGIN')
    yield home
    admin(home, "destroy", "--yes")
    assert (home / "backups").is_dir()


def test_a_migration_keeps_the_database_as_it_was_and_says_where(old, other):
    assert "0 findings" in admin(old, "fsck")  # also before it
    said = admin(old, "migrate")
    (line,) = [line for line in said.splitlines() if line.startswith("backup of the database")]
    folder = Path(line.rpartition(": ")[2])
    assert backup.complete(old / "backups") == [folder]
    assert f"now schema {schema.VERSION}" in said
    assert "already done" in admin(old, "migrate")
    assert backup.complete(old / "backups") == [folder]
    said = admin(other, "restore", folder)
    assert "its schema is 3: awe-admin migrate" in said
    assert f"now schema {schema.VERSION}" in admin(other, "migrate", "--no-backup")
    assert not (other / "backups").exists()
    admin(other, "start")
