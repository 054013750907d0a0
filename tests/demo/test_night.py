"""The tutorial night through the real services: made once, resumed after a kill, left alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from awe.errors import ArgumentError, NotFound

pytestmark = pytest.mark.services

AWE = Path(sys.executable).parent / "awe"
CHIP = "ESO_CCD_#65"

CHAIN = """
import json
where = dict(instrument='OMEGACAM', date='2012-05-31', chip='ESO_CCD_#65')
before = HotPixelMap.select(**where)
jobs = dpu.run('ReadNoise>Bias>HotPixels', **where, commit=True)
dpu.get_logs(jobs)
made = [product for job in jobs for product in dpu.get_job_result(job)]
noise, bias, hot = made
print(json.dumps({
    'classes': [type(product).__name__ for product in made],
    'dates': [product.creation_date.isoformat() for product in made],
    'levels': [(product._project, product._privileges) for product in made],
    'flags': [product.quality_flags for product in made],
    'noise of the bias': bias.read_noise == noise,
    'bias of the map': hot.bias == bias,
    'another map than before': hot != before,
    'chosen now': [cls.select(**where) == product
                   for cls, product in zip((ReadNoise, BiasFrame, HotPixelMap), made)],
    'hot': [hot.count, before.count],
    'bias': [bias.imstat.median, before.bias.imstat.median],
    'files': [bool(bias.data.size), hot.data.shape == bias.data.shape],
}))
"""

#: What needs a reference, standards or several lists: their own tests run them.
WITHOUT_EXAMPLE = {
    "AssociateList", "Astrometry", "Extinction", "GAstrom", "Photcat", "Photom",
}  # fmt: skip

EXAMPLES = f"""
import json
from awe import recipes
made = {{}}
chosen = dict(instrument='OMEGACAM', template='2012-06-01T08:51:44', chip='ESO_CCD_#65',
              commit=True)
# recipes that go on from reduced frames
ReduceTask(**chosen).execute()
RegridTask(**chosen).execute()
for name in recipes.available():
    if name in {WITHOUT_EXAMPLE!r}:
        continue
    *before, call = recipes.find(name).example.split('\\n>>> ')
    for line in before:
        exec(line)
    products = eval(call)
    made[name] = [[type(p).__name__, p.chip.name, p.quality_flags] for p in products]
print(json.dumps(made))
"""

TRACKS = """
import json
task = ReduceTask(instrument='OMEGACAM', template='2012-06-01T08:51:44', chip='ESO_CCD_#65',
                  commit=True)
frames = {}
for red in task.execute():
    found = [[t.x_start, t.y_start, t.x_end, t.y_end] for t in SatelliteTrack.raw == red.raw]
    same = [t.x_start for t in red.weight.satellite.tracks] == [line[0] for line in found]
    frames[red.raw.filename] = {'found': found, 'linked': same,
                                'flagged': red.weight.satellite.count}
crossed = {track.raw.filename for track in SatelliteTrack.DATE_OBS > '2012-06-01'}
print(json.dumps({'frames': frames, 'crossed': sorted(crossed)}))
"""

SEEN = """
from awe.context import context
from awe.model.classes import load
from awe.db.declare.registry import find
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


@pytest.fixture(scope="module")
def made(home):
    """The installation with the night of one chip: found there, or made."""
    done = run(home, "-m", "awe.admin", "tutorial", "--chips", "65")
    assert done.returncode == 0, done.stderr
    return home


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


def awe(home, code, directory):
    """What a student's prompt gives back, as JSON on its last line."""
    program = {"args": [AWE, "-c", code]}
    done = subprocess.run(
        **command(home) | program, check=False, timeout=200, cwd=directory
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout.splitlines()[-1])


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
    assert lines[1] == "RawFitsData 28 [(36, 4)]"
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


def test_a_chain_of_recipes_makes_its_products_one_after_the_other(made, tmp_path):
    seen = awe(made, CHAIN, tmp_path)
    assert seen["classes"] == ["ReadNoise", "BiasFrame", "HotPixelMap"]
    assert seen["dates"] == sorted(set(seen["dates"]))
    assert {tuple(level) for level in seen["levels"]} == {(36, 1)}
    assert seen["flags"] == [0, 0, 0]
    assert seen["noise of the bias"]
    assert seen["bias of the map"]
    assert seen["another map than before"]
    assert seen["chosen now"] == [True, True, True]
    assert seen["hot"][0] == seen["hot"][1] > 0
    assert seen["bias"][0] == pytest.approx(seen["bias"][1])
    assert seen["files"] == [True, True]


def test_frames_with_a_track_are_those_the_truth_names(made, tmp_path):
    record = json.loads((made / "tutorial" / "raw" / "truth.json").read_text())
    truth = {
        name: exposure["tracks"] for name, exposure in record["chips"][CHIP]["exposures"].items()
    }
    seen = awe(made, TRACKS, tmp_path)
    assert len(seen["frames"]) == 5
    assert sum(len(truth[split_from(name)]) for name in seen["frames"]) == 1
    for name, frame in seen["frames"].items():
        lines = truth[split_from(name)]
        assert (name in seen["crossed"]) == bool(lines)
        assert (frame["flagged"] > 0) == bool(lines)
        assert frame["linked"]
        assert len(frame["found"]) == len(lines), f"{name}: {frame} but {lines}"
        for found, line in zip(frame["found"], lines, strict=True):
            assert far(found, line) < 3, f"{name}: {found} but {line}"


def split_from(name):
    """Name of the exposure a raw frame was split from."""
    return f"{name.rsplit('_', 1)[0]}.fits"


def far(found, line):
    """Largest distance [pixel] of end points, counted from 1 and from 0, in either order."""
    ends = np.reshape(found, (2, 2)) - 1
    true = np.reshape(line, (2, 2))
    return min(np.abs(ends - true).max(), np.abs(ends[::-1] - true).max())


def test_the_example_in_the_help_of_every_recipe_runs(made, tmp_path):
    from awe import recipes

    found = awe(made, EXAMPLES, tmp_path)
    assert set(found) == set(recipes.available()) - WITHOUT_EXAMPLE
    for name, products in found.items():
        assert products, name
        for kind, chip, _ in products:
            assert kind in recipes.find(name).makes
            assert chip == CHIP
    assert all(flags == 0 for _, _, flags in found["Dark"] + found["NightSkyFlat"])
