"""Nights through the whole pipeline, against the truth and beside a script of ccdproc.

    python -m benchmarks.pipeline                      12 cells, some 3 minutes
    python -m benchmarks.pipeline --full               700 cells, hours
    python -m benchmarks.pipeline --cells '300/*/1.5/*' '*/2000/2.2/700*'   of the full grid
    python -m benchmarks.pipeline --crowded --cells '60000/2000/2.8/700'    60,000 stars
    python -m benchmarks.pipeline --real               hits cut out of real frames
    python -m benchmarks.pipeline --table after.md     the table as Markdown too

A cell is stars/hits/FWHM/sky and maybe a track. Its raw exposure, ten biases, eight dome and five
twilight flats are files of a camera; they are ingested into an installation of their own, all
calibrations are made by their recipes, and `ReduceTask(...).execute()` reduces the exposure with
nothing given. The script of `benchmarks.script` works on the same files. Ends with 1 where awe
finds fewer events or pixels of hits, or flags with less purity, than the script.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.stats import sigma_clipped_stats

from awe import calib, instruments, recipes
from awe.calib.flags import PixelFlag
from awe.errors import AweError
from awe.ingest import ingest
from awe.recipes.reduce import ReduceTask
from awe.services import stack
from awe.services.installation import Installation
from benchmarks import grid, real, scenes
from benchmarks.alternating import load
from benchmarks.exposure import login
from benchmarks.raws import CHIP, NIGHT, Writer
from benchmarks.report import Row, markdown, text
from benchmarks.scores import REFUSED, Result, score
from benchmarks.script import Masters, Script

DATA = Path(__file__).parents[2] / "shared" / "data"
FILTER = "OCAM_r_SDSS"
CALIBRATIONS = (
    "ReadNoise", "Bias", "HotPixels", "DomeFlat", "ColdPixels", "TwilightFlat", "MasterFlat",
)  # fmt: skip


def main() -> int:
    """Run the cells and print the table; return 1 where awe is below the script."""
    options = _options()
    cells = list(grid.REAL if options.real else grid.SHORT)
    if options.full or options.cells or options.crowded:
        cells = grid.full(options.crowded)
    if options.cells:
        cells = grid.chosen([*grid.SHORT, *cells], options.cells)
    hits = real.library(Path(options.data)) if options.real else []
    warnings.simplefilter("ignore")
    rows = []
    with installation() as folder:
        night = Night.taken(folder, options.size, options.seed, hits)
        print(text(None), flush=True)
        for number, cell in enumerate(cells):
            rows.append(night.row(number, cell))
            print(text(rows[-1]), flush=True)
    below = [f"{row.cell}: {', '.join(row.below)}" for row in rows if row.below]
    print(f"{len(rows)} cells, below the script in {len(below)}; {load()}", *below, sep="\n  ")
    if options.table:
        Path(options.table).write_text(markdown(rows), encoding="utf-8")
    return 1 if below else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="12 cells (as without a choice)")
    parser.add_argument("--full", action="store_true", help="every cell of the grid")
    parser.add_argument("--crowded", action="store_true", help="cells of 60,000 stars")
    parser.add_argument("--cells", nargs="+", metavar="PATTERN", help="cells of these names")
    parser.add_argument("--real", action="store_true", help="hits cut out of a real frame")
    parser.add_argument("--data", default=DATA, help="folder of real frames")
    parser.add_argument("--size", type=int, default=1024, help="side of the window [pixel]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--table", metavar="FILE", help="write the table as Markdown")
    return parser.parse_args()


@contextlib.contextmanager
def installation() -> Iterator[Path]:
    """Run the services of an installation of its own; yield a folder to work in."""
    home = Path(tempfile.mkdtemp(prefix="awe-pipeline-"))
    before = Path.cwd()
    os.environ["AWE_HOME"] = str(home)
    house = Installation(home)
    work = home / "work"
    try:
        stack.start(house)
        login(home)
        work.mkdir()
        os.chdir(work)
        yield work
    finally:
        os.chdir(before)
        stack.destroy(house)
        shutil.rmtree(home, ignore_errors=True)


@dataclass
class Night:
    """Raw files of one chip, the calibrations of both sides, and what reduces a cell."""

    writer: Writer
    script: Script
    masters: Masters
    seed: int
    hits: Sequence[np.ndarray] = ()

    @classmethod
    def taken(
        cls, folder: Path, size: int, seed: int, hits: Sequence[np.ndarray] = ()
    ) -> Night:
        """Write, ingest and reduce the calibrations; run each side once to load its code."""
        sensor = scenes.sensor(size, seed)
        writer = Writer(folder, sensor)
        files = writer.calibrations(seed)
        calibrate([path for paths in files.values() for path in paths])
        script = Script(sensor.geometry, scenes.GAIN, scenes.READ_NOISE * scenes.GAIN)
        masters = script.masters(files["bias"], files["dome"] + files["twilight"])
        night = cls(writer, script, masters, seed, hits)
        night.row(900, grid.Cell(30, 300, 3.0, 100))
        return night

    def row(self, number: int, cell: grid.Cell) -> Row:
        """Return the figures of both sides of a cell."""
        scene = scenes.scene(cell, self.writer.sensor, self.seed, self.hits)
        path = self.writer.write("science", number, scene.raw)
        try:
            ours = score(scene, reduced(path))
        except AweError as error:
            print(f"{cell} is refused: {error}")
            ours = REFUSED
        theirs = score(scene, self.scripted(path))
        path.unlink()
        return Row(cell, ours, theirs)

    def scripted(self, path: Path) -> Result:
        """Return what the script makes of an exposure."""
        target = path.with_name("script.fits")
        start = time.process_time()
        image, hits, bad, variance = self.script.reduce(path, self.masters, target)
        spent = time.process_time() - start
        sky = float(sigma_clipped_stats(image[~bad][::7])[1])
        none = np.zeros(image.shape, bool)
        return Result(image, variance, hits, none, bad, np.nan, sky, spent)


def calibrate(paths: list[Path]) -> None:
    """Ingest raw calibrations and make everything Reduce wants, committed."""
    calib.warm()
    store(paths)
    for name in CALIBRATIONS:
        task = recipes.find(name)
        flat = any(argument.name == "filter" for argument in task.arguments)
        more = {"filter": FILTER} if flat else {}
        made = quietly(task(instrument="OMEGACAM", date=NIGHT, chip=CHIP, commit=True, **more))
        bad = [item for item in made if item.quality_flags]
        if bad or not made:
            msg = f"{name} made {made}, of them with quality flags {bad}"
            raise SystemExit(msg)


def quietly(task: Any) -> list[Any]:
    """Return what a task makes, without its lines on the terminal."""
    with contextlib.redirect_stdout(io.StringIO()):
        made: list[Any] = task.execute()
    return made


def store(paths: list[Path]) -> None:
    """Ingest exposures."""
    report = ingest(paths, commit=True, processes=1)
    if not report.ok:
        raise SystemExit(str(report))


def reduced(path: Path) -> Result:
    """Ingest and reduce an exposure of one chip; return what the product says."""
    store([path])
    task = ReduceTask(instrument="OMEGACAM", raw_filenames=[f"{path.stem}_1.fits"])
    start = time.process_time()
    [product] = quietly(task)
    spent = time.process_time() - start
    frame = product.to_ccddata()
    flags = frame.flags
    scale = instruments.get("OMEGACAM").pixel_scale
    result = Result(
        image=frame.data, variance=frame.uncertainty.array, bad=flags != 0,
        hits=(flags & PixelFlag.COSMIC) > 0, tracks=(flags & PixelFlag.SATELLITE) > 0,
        seeing=np.nan if product.psf_radius is None else product.psf_radius / scale,
        sky=product.imstat.median, cpu=spent,
    )
    for file in Path.cwd().glob("Sci-*.fits"):
        file.unlink()
    return result


if __name__ == "__main__":
    sys.exit(main())
