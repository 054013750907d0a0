"""The tutorial night: simulated, ingested and calibrated as a real one would be.

`make` writes the exposures, ingests them and runs the calibration recipes, all as the
calibration scientist and into the project everybody can read. Nothing here knows the answers:
what it leaves behind came through the same ingest and the same recipes as any night. A making
that was interrupted goes on where it stopped; a finished one is recognised and left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed as completed
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe import recipes
from awe.config import Environment
from awe.context import context
from awe.db.declare.registry import find
from awe.db.server import scope
from awe.db.server.connection import database
from awe.demo.progress import Progress
from awe.errors import ArgumentError, AweError, DiskFull, JobError
from awe.instruments import get
from awe.localfiles import scratch_directory
from awe.model.classes import load
from awe.services import running
from awe.services.installation import Installation
from awe.services.logins import account
from awe.tasks.compiling import Compiling
from awe.workers import pool

if TYPE_CHECKING:
    from awe.demo.exposures import Night

__all__ = ["NIGHT", "SCIENTIST", "ensure", "made", "make"]

SCIENTIST = "awscientist"
"""Login of the calibration scientist."""

NIGHT = "2012-05-31"
"""The night's name: the date on which it began."""

PROJECT = "OMEGACAM@VST"
WORLD = "4"
FILTER = "OCAM_r_SDSS"

RECIPES = (
    ("ReadNoise", "ReadNoise", False),
    ("Bias", "BiasFrame", False),
    ("HotPixels", "HotPixelMap", False),
    ("DomeFlat", "DomeFlatFrame", True),
    ("ColdPixels", "ColdPixelMap", True),
    ("TwilightFlat", "TwilightFlatFrame", True),
    ("MasterFlat", "MasterFlatFrame", True),
)
"""Recipe, class of its product, and whether it is made filter by filter; in order."""

PIXELS_ALL = 3.0
"""Disk space the whole installation needs, in sizes of the raw night."""

Say = Callable[[str], None]


def made(home: Path) -> bool:
    """Return True when this installation has its tutorial night."""
    return (_folder(home) / "done.json").exists()


def ensure(home: Path, say: Say | None = None) -> None:
    """Make the tutorial night unless it is there.

    Parameters
    ----------
    home : Path
        The installation, with its services running.
    say : callable, optional
        Told one line before it begins.
    """
    if made(home):
        return
    if say is not None:
        say("making the tutorial night, once; one to four minutes, most of them for compiling")
    make(home)


def make(
    home: Path, *, full: bool = False, chips: Sequence[str] | None = None, keep: bool = False
) -> Path:
    """Make the tutorial night and return the directory of its truth, and of exposures kept.

    Parameters
    ----------
    home : Path
        The installation; its services are started.
    full : bool
        Read the whole chips, 2144 x 4200 pixels each, instead of a window.
    chips : sequence of str, optional
        Names or numbers of the chips; all 32 when left out.
    keep : bool
        Keep the multi-extension files; every frame of them is in the store, bit for bit.

    Raises
    ------
    ArgumentError
        A chip is unknown, or a night with other chips or another window is there.
    DiskFull
        There is not enough space for it.
    JobError
        The ingest or a recipe failed; the message says how to go on.
    """
    from awe.demo.exposures import write_night

    night = _night(full, chips)
    folder = _folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder):
        # Everything is looked at under the lock, since another process may have been at work while
        # this one waited. `begun` says what is being made, `written` and `done` that it is
        # complete, and exposures go last: a making broken off anywhere can go on.
        _check_signature(folder, night)
        if made(home):
            return folder / "raw"
        _check_space(folder, night)
        compiling = Compiling()
        if not (folder / "written.json").exists():
            _mark(folder, "begun.json", night)
            paths = write_night(folder / "raw", night)
            _mark(folder, "written.json", night)
        else:
            paths = sorted((folder / "raw").glob("OMEGACAM.*.fits"))
        environment = _environment(home)
        _ingest(environment, paths)
        _wait_for(compiling)
        _calibrate(environment, folder, night)
        _mark(folder, "done.json", night)
        if not keep:
            for path in paths:
                path.unlink()
    return folder / "raw"


def _folder(home: Path) -> Path:
    return home / "tutorial"


def _night(full: bool, chips: Sequence[str] | None) -> Night:
    from awe.demo.exposures import Night
    from awe.demo.plan import Window
    camera = get("OMEGACAM")
    window = Window.full() if full else Window()
    if not chips:
        return Night(window=window)
    wanted = {name if name.startswith("ESO") else f"ESO_CCD_#{name}" for name in chips}
    for name in wanted:
        camera.chip(name)
    return Night(window=window, chips=tuple(name for name in camera.chips if name in wanted))


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Let one process at a time make the night; others wait and find it made."""
    with (folder / "lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _signature(night: Night) -> dict[str, Any]:
    return {"seed": night.seed, "window": asdict(night.window), "chips": list(night.chips)}


def _check_signature(folder: Path, night: Night) -> None:
    path = folder / "begun.json"
    if not path.exists():
        return
    found = json.loads(path.read_text(encoding="utf-8"))
    if found != _signature(night):
        window = found["window"]
        msg = (
            f"{folder} has a night of {len(found['chips'])} chips, {window['nx']} x "
            f"{window['ny']} pixels each; for another one choose another AWE_HOME"
        )
        raise ArgumentError(msg)


def _mark(folder: Path, name: str, night: Night) -> None:
    part = folder / f".{name}.part"
    part.write_text(json.dumps(_signature(night)) + "\n", encoding="utf-8")
    part.replace(folder / name)


def _check_space(folder: Path, night: Night) -> None:
    from awe.demo.plan import plan

    pixels = (night.window.nx + 96) * (night.window.ny + night.window.overscan_y)
    needed = PIXELS_ALL * len(plan()) * len(night.chips) * 2 * pixels
    free = shutil.disk_usage(folder).free
    if free < needed:
        msg = (
            f"the tutorial night needs {needed / 1e9:.1f} GB below {folder}, there are "
            f"{free / 1e9:.1f}; free some or choose fewer chips: awe-admin tutorial --chips 65"
        )
        raise DiskFull(msg)


def _environment(home: Path) -> Environment:
    """Start the services and return the configuration of the calibration scientist."""
    house = Installation(home)
    endpoints = running.ensure(house)
    login = account(house, SCIENTIST, "Calibration Scientist", manager=(PROJECT,))
    known = Environment.keys_declared()
    settings = {key: value for key, value in endpoints.items() if key in known}
    loaded = Environment.load(**settings, **login, project=PROJECT, privileges=WORLD)
    return replace(loaded, home=home)


def _wait_for(compiling: Compiling) -> None:
    """Wait until the recipes find their kernels compiled, and say so where that takes a while."""
    if not compiling.wait_for_masters(1.0):
        sys.stderr.write("compiling the kernels, once; up to half a minute\n")
        sys.stderr.flush()
        compiling.wait_for_masters()


def _ingest(environment: Environment, paths: Sequence[Path]) -> None:
    from awe.ingest import ingest

    context.start(environment)
    bar = Progress("ingesting", len(paths))
    try:
        report = ingest(paths, commit=True, processes=2, progress=bar.advance)
    finally:
        database.close()
        scope.use(None)
    bar.finish()
    if not report.ok:
        msg = f"the tutorial night could not be ingested; repeat awe --tutorial\n{report}"
        raise JobError(msg)


def _calibrate(environment: Environment, folder: Path, night: Night) -> None:
    bar = Progress("making calibrations", len(night.chips))
    log = folder / "calibrations.log"
    failures = []
    with pool(2) as workers:
        jobs = {
            workers.submit(_calibrate_chip, environment, log, night, chip): chip
            for chip in night.chips
        }
        for job in completed(jobs):
            try:
                job.result()
            except AweError as error:
                failures.append(f"{jobs[job]}: {error}")
            bar.advance()
    if failures:
        listed = "\n  ".join(sorted(failures))
        msg = f"calibrations of the tutorial night failed, see {log}:\n  {listed}"
        raise JobError(msg)


def _calibrate_chip(environment: Environment, log: Path, night: Night, chip: str) -> None:
    """Run all recipes for one chip, as anybody would at the prompt."""
    if not database.connected:
        context.start(environment)
    with (
        log.open("a", encoding="utf-8") as stream,
        contextlib.redirect_stdout(stream),
        scratch_directory() as scratch,
        contextlib.chdir(scratch),
    ):
        for recipe, product, by_filter in RECIPES:
            # In order, because each recipe chooses products of those before it; what an earlier,
            # interrupted making committed is there and is not made twice.
            if not _exists(product, chip):
                _run(recipe, chip, by_filter)
        if not _exists("IlluminationCorrectionFrame", chip):
            _correct_illumination(night, chip)
        sys.stdout.flush()


def _exists(product: str, chip: str) -> bool:
    from awe.demo.plan import SCIENCE_START
    load()
    cls: Any = find(product)
    query = (
        (cls.instrument.name == "OMEGACAM")
        & (cls.chip.name == chip)
        & (cls.timestamp_start <= SCIENCE_START)
        & (cls.timestamp_end > SCIENCE_START)
    )
    return len(query) > 0


def _run(recipe: str, chip: str, by_filter: bool) -> None:
    arguments: dict[str, Any] = {"instrument": "OMEGACAM", "date": NIGHT, "chip": chip}
    if by_filter:
        arguments["filter"] = FILTER
    recipes.find(recipe)(**arguments, commit=True).execute()


def _correct_illumination(night: Night, chip: str) -> None:
    from awe.demo.photometry import write_table

    table = Path("standards.csv")
    write_table(table, night, chip)
    recipes.find("Illumination")(
        instrument="OMEGACAM", date=NIGHT, filter=FILTER, chip=chip, photometry=str(table),
        commit=True,
    ).execute()
