"""A small installation as people leave it, kept from one version for the tests of the next.

    python -m tests.services.old_home tests/services/home_schema_13.tar.xz

makes an installation in a temporary folder by the commands its users type: frames of one chip
ingested, a bias and a reduced frame, jobs, a class, a recipe, a query and parameters of one's
own, levels, verdicts and ranges changed. Its backup goes into the archive, with what a prompt
sees there beside it (`seen.json`), which a prompt of any later version has to see as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from awe.demo.exposures import Night, extension_header, primary_header
from awe.demo.plan import Window, plan, sky_field
from awe.fits.blocks import pad
from awe.instruments import get

if TYPE_CHECKING:
    from collections.abc import Iterator

CHIP = "ESO_CCD_#65"
WINDOW = Window(x=825, y=1841, nx=80, ny=72, overscan_y=8)
RECIPE = '''
"""A recipe of one's own."""

from awe.recipes.bias import BiasTask


class QuietBiasTask(BiasTask):
    """A bias like any other."""

    example = "QuietBiasTask(instrument='OMEGACAM', date='2012-05-31').execute()"
'''
#: What people do at the prompt, in the order in which they do it.
WORK = """
import os
from awe.ingest import ingest
done = ingest(sorted(f'raw/{name}' for name in os.listdir('raw')), commit=True)
assert done.ok, done.show()
bias = BiasTask(instrument='OMEGACAM', date='2012-05-31', commit=True,
                go_without='all').execute()[0]
raw = (RawScienceFrame.chip.name == 'ESO_CCD_#65')[0]
red = ReduceTask(instrument='OMEGACAM', raw_filenames=[raw.filename], commit=True,
                 bias_filename=bias.filename, go_without='all').execute()[0]
p = Pars('Bias', instrument='OMEGACAM')
p.BiasFrame.process_params.MINIMUM_INPUTS = 2
other = BiasTask(instrument='OMEGACAM', date='2012-05-31', commit=True, pars=p.get(),
                 go_without='all').execute()[0]
context.update_is_valid(other, 0)
context.update_timestamp_end(bias, '2012-06-20')
context.publish(bias, 2, follow=True)
(RawBiasFrame.EXPTIME < 1).save('short')
(RawScienceFrame.EXPTIME > 100).save('long', share=True)
class Visit(DBObject):
    'A visit to the telescope.'
    who = persistent('Who was there', str, 'nobody')
    nights = persistent('How many nights', int, 1)
    frames = persistent('What was taken', RawScienceFrame, [])
Visit(who='Pietersen', nights=3, frames=[raw]).commit()
dpu.run('QuietBias', instrument='OMEGACAM', date='2012-05-31', commit=True, go_without='all')
dpu.get_logs()
"""
#: What a prompt sees, as JSON.
LOOK = """
import hashlib, json
from awe.db.objects import class_of
def facts(item):
    item.retrieve()
    with open(item.filename, 'rb') as stream:
        digest = hashlib.sha256(stream.read()).hexdigest()
    told = [item.filename, item.object_id, item.creation_date, item.quality_flags, digest]
    for name in ('is_valid', 'timestamp_end'):
        told.append(getattr(item, name, None))
    recipe = getattr(item, 'recipe', None)
    told += [str(recipe), getattr(recipe, 'source', None)]
    return told
seen = {}
for cls in (RawBiasFrame, RawScienceFrame, BiasFrame, ReducedScienceFrame, WeightFrame):
    seen[cls.__name__] = sorted(map(facts, cls.filename != ''), key=str)
red = (ReducedScienceFrame.filename != '')[0]
seen['links'] = [red.bias.filename, red.raw.filename, red.why('bias'),
                 [item.filename for item in red.bias.raw_bias_frames]]
seen['values'] = [red.imstat.median, red.process_params.OVERSCAN_CORRECTION,
                  sorted(item.process_params.MINIMUM_INPUTS for item in BiasFrame.filename != '')]
seen['queries'] = [len(Query.load(name)) for name in ('short', 'long')]
Visit = class_of('Visit')
seen['own'] = [[item.who, item.nights, [frame.filename for frame in item.frames]]
               for item in Visit.nights > 0]
seen['jobs'] = [str(dpu.get_job_result(number)) for number in dpu.get_jobids(days=None)]
print(json.dumps(seen, default=str))
"""


def run(home: Path, *words: object, folder: Path, text: str | None = None) -> str:
    """Run a module of awe in an installation and return what it printed."""
    found = subprocess.run(
        [sys.executable, "-m", *map(str, words)], env={**os.environ, "AWE_HOME": str(home)},
        input=text, cwd=folder, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def look(home: Path, folder: Path) -> dict[str, object]:
    """Return what a prompt of this installation sees."""
    seen: dict[str, object] = json.loads(awe(home, folder, LOOK).splitlines()[-1])
    return seen


def awe(home: Path, folder: Path, code: str) -> str:
    """Run code in a folder at the prompt of an installation, and return what it printed."""
    script = folder / "typed.py"
    script.write_text(code)
    return run(home, "awe.prompt.command", script.name, folder=folder)


def exposures(folder: Path) -> None:
    """Write three biases and a science exposure of a few pixels."""
    folder.mkdir()
    night = Night(window=WINDOW, chips=(CHIP,))
    sources, detector = sky_field(night.seed), night.detector(CHIP)
    biases = [item for item in plan() if item.type == "BIAS"][:3]
    for planned in [*biases, next(item for item in plan() if item.category == "SCIENCE")]:
        raw, _ = night.take(planned, CHIP, detector, sources)
        data = pad((raw ^ np.uint16(0x8000)).astype(">u2").tobytes())
        header = extension_header(planned, get("OMEGACAM").chip(CHIP), detector, 1, data)
        (folder / planned.filename).write_bytes(primary_header(planned, WINDOW, 1) + header + data)


@contextmanager
def lived_in(place: Path) -> Iterator[Path]:
    """Give an installation that somebody has worked with, and remove it at the end."""
    home, folder = place / "home", place / "work"
    folder.mkdir()
    exposures(folder / "raw")
    run(home, "awe.admin", "start", folder=folder)
    try:
        (home / "recipes").mkdir(exist_ok=True)
        (home / "recipes" / "quietbias.py").write_text(RECIPE)
        awe(home, folder, WORK)
        yield home
    finally:
        run(home, "awe.admin", "destroy", "--yes", folder=folder)


def main(target: Path) -> None:
    """Keep such an installation in an archive."""
    with tempfile.TemporaryDirectory(prefix="awe-old-") as name:
        place = Path(name)
        with lived_in(place) as home:
            seen = look(home, place / "work")
            run(home, "awe.admin", "backup", place / "backup", folder=place)
        (made,) = (path for path in (place / "backup").iterdir() if path.is_dir())
        (made.parent / "seen.json").write_text(json.dumps(seen, indent=1))
        with tarfile.open(target, "w:xz") as archive:
            archive.add(made, "backup")
            archive.add(made.parent / "seen.json", "seen.json")
    sys.stdout.write(f"{target}: {target.stat().st_size} bytes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
