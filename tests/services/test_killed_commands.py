"""Commands killed at random moments: the same command again finishes what was begun.

The short version runs always. `AWE_KILL_MOMENTS=30 pytest -o faulthandler_timeout=0
tests/services/test_killed_commands.py` tries more moments.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from awe.demo.exposures import Night, write_night
from awe.services.installation import Installation
from awe.services.logins import superuser

MOMENTS = int(os.environ.get("AWE_KILL_MOMENTS", "2"))

pytestmark = [pytest.mark.services, pytest.mark.timeout(150 * MOMENTS)]

CHIPS = ("ESO_CCD_#65", "ESO_CCD_#90")
INGEST = "import sys; from awe.ingest import main; sys.exit(main())"


def command(home: Path, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, words)], env={**os.environ, "AWE_HOME": str(home)}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def killed(process: subprocess.Popen[str], seconds: float) -> bool:
    """Kill a command after a while; return whether it was still at work."""
    assert process.stdout is not None
    time.sleep(seconds)
    process.kill()
    with process.stdout:
        return process.wait() < 0


def said(home: Path, *words: object) -> str:
    process = command(home, *words)
    told, _ = process.communicate(timeout=300)
    assert process.returncode == 0, told
    return told


def rows(home: Path, statement: str) -> list[tuple[object, ...]]:
    opened = closing(superuser(Installation(home)))
    with opened as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        found: list[tuple[object, ...]] = cursor.fetchall()
        return found


def frames(home: Path) -> list[tuple[object, ...]]:
    return rows(home, "SELECT filename, count(*) FROM awe.raw_science_frame GROUP BY 1 ORDER BY 1")


@pytest.fixture
def moments() -> list[float]:
    chance = random.Random(41)
    return [chance.uniform(0.2, 2.5) for _ in range(MOMENTS)]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="awe-killed-"))
    made.chmod(0o755)
    yield made
    for home in made.iterdir():
        if (home / "services").is_dir():
            command(home, "-m", "awe.admin", "adopt", "--anyway").communicate()
            command(home, "-m", "awe.admin", "destroy", "--yes").communicate()
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def exposures(place: Path) -> list[Path]:
    night = write_night(place / "night", Night(chips=CHIPS), processes=1)
    return night[5:8]


@pytest.fixture(scope="module")
def house(place: Path, exposures: list[Path]) -> Path:
    """An installation in which the last exposure was ingested."""
    home = place / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWE_HOME", "/nowhere/at/all")
        said(home, "-m", "awe.admin", "start")
        said(home, "-c", INGEST, "-i", exposures[-1], "-commit")
    return home


def test_a_killed_ingest_goes_on_and_stores_nothing_twice(
    house: Path, exposures: list[Path], moments: list[float]
) -> None:
    for seconds in moments:
        killed(command(house, "-c", INGEST, "-i", *exposures, "-commit"), seconds)
    said(house, "-c", INGEST, "-i", *exposures, "-commit")
    stored = frames(house)
    assert [count for _, count in stored] == [1] * len(exposures) * len(CHIPS)
    assert not rows(house, "SELECT 1 FROM awe.raw_science_frame r LEFT JOIN awe.file f "
                           "ON f.id = r.file WHERE f.id IS NULL")
    assert "0 findings" in said(house, "-m", "awe.admin", "fsck")


def test_a_killed_restore_is_said_and_done_again(
    house: Path, place: Path, moments: list[float]
) -> None:
    backup = place / "backup"
    said(house, "-m", "awe.admin", "backup", backup)
    wanted = frames(house)
    for number, seconds in enumerate(moments):
        home = place / f"restored-{number}"
        if killed(command(home, "-m", "awe.admin", "restore", backup), seconds):
            if home.exists():
                told, _ = command(home, "-m", "awe.admin", "restore", backup).communicate()
                assert "was broken off: awe-admin destroy" in told
                said(home, "-m", "awe.admin", "destroy", "--yes")
            assert "all is well" in said(home, "-m", "awe.admin", "restore", backup)
        assert frames(home) == wanted
        said(home, "-m", "awe.admin", "destroy", "--yes")


def test_a_killed_adoption_is_done_again(house: Path, place: Path, moments: list[float]) -> None:
    said(house, "-m", "awe.admin", "stop")
    for number, seconds in enumerate(moments):
        home = place / f"copied-{number}"
        shutil.copytree(house, home, symlinks=True)
        killed(command(home, "-m", "awe.admin", "adopt"), seconds / 4)
        command(home, "-m", "awe.admin", "adopt").communicate(timeout=300)
        said(home, "-m", "awe.admin", "start")
        said(house, "-m", "awe.admin", "start")
        assert frames(home) == frames(house)
        said(home, "-m", "awe.admin", "destroy", "--yes")
        said(house, "-m", "awe.admin", "stop")
