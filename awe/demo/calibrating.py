"""Bringing simulated exposures in and calibrating them, by the code that serves any night.

All is done as the calibration scientist and in the project everybody can read.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from concurrent.futures import as_completed as completed
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe import recipes
from awe.config import Environment
from awe.context import context
from awe.db.declare.registry import find
from awe.db.server import scope
from awe.db.server.connection import database
from awe.demo.progress import Progress
from awe.errors import AweError, JobError
from awe.localfiles import scratch_directory
from awe.model.classes import load
from awe.services import running
from awe.services.installation import Installation
from awe.services.logins import account
from awe.tasks.compiling import Compiling
from awe.workers import pool

if TYPE_CHECKING:
    from awe.demo.exposures import Night

__all__ = ["FILTER", "NIGHT", "SCIENTIST", "calibrate", "environment", "take_in", "wait_for"]

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


def environment(home: Path) -> Environment:
    """Start the services and return the configuration of the calibration scientist.

    Parameters
    ----------
    home : Path
        The installation.
    """
    house = Installation(home)
    endpoints = running.ensure(house)
    login = account(house, SCIENTIST, "Calibration Scientist", manager=(PROJECT,))
    known = Environment.keys_declared()
    settings = {key: value for key, value in endpoints.items() if key in known}
    loaded = Environment.load(**settings, **login, project=PROJECT, privileges=WORLD)
    return replace(loaded, home=home)


def wait_for(compiling: Compiling) -> None:
    """Wait until the recipes find their kernels compiled, and say so where that takes a while.

    Parameters
    ----------
    compiling : Compiling
        What compiles them.
    """
    if not compiling.wait_for_masters(1.0):
        sys.stderr.write("compiling the kernels, once; up to half a minute\n")
        sys.stderr.flush()
        compiling.wait_for_masters()


def take_in(settings: Environment, paths: Sequence[Path]) -> None:
    """Ingest exposures.

    Parameters
    ----------
    settings : Environment
        That of the calibration scientist.
    paths : sequence of Path
        The exposures.

    Raises
    ------
    JobError
        One of them could not be ingested.
    """
    from awe.ingest import ingest

    context.start(settings)
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


def calibrate(
    settings: Environment, folder: Path, night: Night, filters: Sequence[str] = (FILTER,)
) -> None:
    """Run the calibration recipes for all chips of a night; what is there is not made again.

    Parameters
    ----------
    settings : Environment
        That of the calibration scientist.
    folder : Path
        Where the log goes.
    night : Night
        The night.
    filters : sequence of str
        Names of the filters.

    Raises
    ------
    JobError
        A recipe failed; the message names the log.
    """
    bar = Progress("making calibrations", len(night.chips))
    log = folder / "calibrations.log"
    failures = []
    with pool(2) as workers:
        jobs = {
            workers.submit(_calibrate_chip, settings, log, night, chip, filters): chip
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


def _calibrate_chip(
    settings: Environment, log: Path, night: Night, chip: str, filters: Sequence[str]
) -> None:
    """Run all recipes for one chip, as anybody would at the prompt."""
    if not database.connected:
        context.start(settings)
    with (
        log.open("a", encoding="utf-8") as stream,
        contextlib.redirect_stdout(stream),
        scratch_directory() as scratch,
        contextlib.chdir(scratch),
    ):
        for filter_ in filters:
            for recipe, product, by_filter in RECIPES:
                # In order, because each recipe chooses products of those before it; what an
                # earlier, interrupted making committed is there and is not made twice.
                where = {"chip": chip} | ({"filter": filter_} if by_filter else {})
                if not _exists(product, where):
                    _run(recipe, where)
            where = {"chip": chip, "filter": filter_}
            if not _exists("IlluminationCorrectionFrame", where):
                _correct_illumination(night, where)
        sys.stdout.flush()


def _exists(product: str, where: dict[str, str]) -> bool:
    from awe.demo.plan import SCIENCE_START

    load()
    cls: Any = find(product)
    query = (
        (cls.instrument.name == "OMEGACAM")
        & (cls.chip.name == where["chip"])
        & (cls.timestamp_start <= SCIENCE_START)
        & (cls.timestamp_end > SCIENCE_START)
    )
    if "filter" in where:
        query &= cls.filter.name == where["filter"]
    return len(query) > 0


def _run(recipe: str, where: dict[str, str]) -> None:
    recipes.find(recipe)(instrument="OMEGACAM", date=NIGHT, **where, commit=True).execute()


def _correct_illumination(night: Night, where: dict[str, str]) -> None:
    from awe.demo.photometry import write_table

    table = Path("standards.csv")
    write_table(table, night, where["chip"])
    recipes.find("Illumination")(
        instrument="OMEGACAM", date=NIGHT, **where, photometry=str(table), commit=True
    ).execute()
