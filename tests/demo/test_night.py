"""The tutorial night through the real services: made once, resumed after a kill, left alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from awe.errors import ArgumentError, NotFound

pytestmark = pytest.mark.services

SEEN = """
from awe.context import context
from awe.db.classes import load
from awe.db.registry import find
load()
context.start()
import datetime
start = datetime.datetime(2012, 6, 1, 8, 51, 44)
raw = find("RawScienceFrame")
print("science", len((raw.template.start == start) & (raw.is_valid > 0)))
for name in "RawFitsData ReadNoise BiasFrame HotPixelMap DomeFlatFrame ColdPixelMap \
TwilightFlatFrame MasterFlatFrame IlluminationCorrectionFrame".split():
    found = list(find(name).select_all())
    levels = {(item._project, item._privileges) for item in found}
    print(name, len(found), sorted(levels))
"""


@pytest.fixture(scope="module")
def home():
    """An installation whose services run until the tests of this module are done."""
    folder = Path(tempfile.mkdtemp(prefix="awe-night-"))
    folder.chmod(0o755)
    yield folder / "home"
    run(folder / "home", "-m", "awe.admin", "stop")
    shutil.rmtree(folder, ignore_errors=True)


def command(home, *arguments):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWE_")}
    return {
        "args": [sys.executable, *arguments],
        "env": {**environment, "AWE_HOME": str(home)},
        "text": True,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }


def run(home, *arguments):
    return subprocess.run(**command(home, *arguments), check=False, timeout=200)


def test_a_killed_making_is_resumed_and_a_finished_one_left_alone(home):
    making = ("-m", "awe.admin", "tutorial", "--chips", "65")
    with subprocess.Popen(**command(home, *making)) as process:
        deadline = time.monotonic() + 120
        while not (home / "tutorial" / "written.json").exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(1.0)
        process.send_signal(signal.SIGKILL)
    assert not (home / "tutorial" / "done.json").exists()

    resumed = run(home, *making)
    assert resumed.returncode == 0, resumed.stderr
    assert "is made" in resumed.stdout
    seen = run(home, "-c", SEEN)
    assert seen.returncode == 0, seen.stderr
    lines = seen.stdout.splitlines()
    assert lines[0] == "science 5"
    assert lines[1] == "RawFitsData 25 [(36, 4)]"
    assert all(line.split(" ", 1)[1] == "1 [(36, 4)]" for line in lines[2:]), lines

    again = run(home, *making)
    assert "is there already" in again.stdout
    assert again.stderr == ""

    other = run(home, "-m", "awe.admin", "tutorial", "--chips", "66")
    assert other.returncode == 1
    assert "choose another AWE_HOME" in other.stderr


def test_an_unknown_chip_is_refused_before_anything_is_made(tmp_path):
    from awe.demo import night

    with pytest.raises(NotFound, match="no chip 'ESO_CCD_#97'"):
        night.make(tmp_path, chips=["97"])
    assert not (tmp_path / "tutorial").exists()


def test_another_night_is_not_put_over_the_one_there(tmp_path):
    from awe.demo import night

    folder = tmp_path / "tutorial"
    folder.mkdir()
    night._mark(folder, "begun.json", night._night(False, ["65"]))
    with pytest.raises(ArgumentError, match="a night of 1 chips, 400 x 420"):
        night.make(tmp_path, full=True, chips=["65"])
