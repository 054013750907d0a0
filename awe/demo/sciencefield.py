"""The science field of the tutorial: simulated, ingested and calibrated after the night.

What the chapters on astrometry, photometry and source lists take: frames of a field and of
standards, flats in two more filters, a reference catalogue, standards and transformations. It is
made by its own command; the night of the first chapter is the same with it and without.
"""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from awe.config import Environment
from awe.context import context
from awe.db.server import scope
from awe.db.server.connection import database
from awe.demo import night as first
from awe.demo.calibrating import calibrate, environment, take_in, wait_for
from awe.demo.exposures import Night, recorded, write_night
from awe.demo.scienceplan import CHIPS, sky
from awe.demo.starfield import BANDS, EPOCH
from awe.errors import ArgumentError
from awe.ingest.reference import ingest_reference
from awe.localfiles import scratch_directory
from awe.model.observing import Filter, Instrument
from awe.model.photometry import PhotTransformation
from awe.model.sources import SourceList
from awe.tasks.compiling import Compiling

__all__ = ["FILTERS", "REFERENCE", "STANDARDS", "made", "make", "require_chips"]

FILTERS = ("OCAM_g_SDSS", "OCAM_i_SDSS")
"""Filters that are calibrated along; that of the first chapter is."""

REFERENCE = "tutorial sky"
STANDARDS = "SA113 standards"


def made(home: Path) -> bool:
    """Return True when this installation has its science field.

    Parameters
    ----------
    home : Path
        The installation.
    """
    return (_folder(home) / "done.json").exists()


def require_chips(chips: Sequence[str], advice: str) -> None:
    """Refuse a night without the chips the science field is taken with.

    Parameters
    ----------
    chips : sequence of str
        Names of the chips of the night.
    advice : str
        What to do about it.

    Raises
    ------
    ArgumentError
        One of them is not there.
    """
    if not set(CHIPS) <= set(chips):
        msg = (
            f"the science field is taken with {' and '.join(CHIPS)}, the night has "
            f"{', '.join(chips[:4])}; {advice}, or with all chips"
        )
        raise ArgumentError(msg)


def make(home: Path) -> Path:
    """Make the science field after the tutorial night and return the directory of its truth.

    Parameters
    ----------
    home : Path
        The installation, its night made.

    Raises
    ------
    ArgumentError
        The night has not the chips it is taken with.
    JobError
        The ingest or a recipe failed; the message says how to go on.
    """
    before = recorded(home / "tutorial" / "raw")
    require_chips(before.chips, "choose another AWE_HOME and make it with --chips 65 66")
    night = Night(seed=before.seed, window=before.window, chips=CHIPS, programme="science")
    folder = _folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    with first.locked(folder):
        if made(home):
            return folder
        compiling = Compiling()
        paths = sorted(folder.glob("OMEGACAM.*.fits"))
        if len(paths) < len(night.plan()):
            paths = write_night(folder, night)
        settings = environment(home)
        take_in(settings, paths)
        wait_for(compiling)
        calibrate(settings, folder, night, FILTERS)
        _enter_catalogues(settings, night)
        (folder / "done.json").write_text(json.dumps({"chips": list(CHIPS)}) + "\n")
        for path in paths:
            path.unlink()
    return folder


def _folder(home: Path) -> Path:
    return home / "tutorial" / "science"


def _enter_catalogues(settings: Environment, night: Night) -> None:
    """Ingest standards and reference, the reference last, and commit the transformations."""
    everything = sky(night.seed, night.window)
    context.start(settings)
    try:
        with scratch_directory() as scratch:
            for number, (name, columns) in enumerate(
                ((STANDARDS, everything.standards), (REFERENCE, everything.reference))
            ):
                known: Any = SourceList
                if len(known.name == name):
                    continue
                path = Path(scratch) / "catalogue.csv"
                _write(path, columns(np.random.default_rng([night.seed, 6, number])))
                ingest_reference(path, name, epoch=EPOCH, commit=True)
        _enter_transformations()
    finally:
        database.close()
        scope.use(None)


def _write(path: Path, columns: Mapping[str, Any]) -> None:
    with path.open("w", newline="", encoding="ascii") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow(f"{value:.9f}" for value in row)


def _enter_transformations() -> None:
    cls: Any = PhotTransformation
    instrument: Any = Instrument
    filters: Any = Filter
    camera = (instrument.name == "OMEGACAM")[0]
    for name, band in BANDS.items():
        filter_ = (filters.name == f"OCAM_{name}")[0]
        if len(cls.filter == filter_):
            continue
        PhotTransformation(
            instrument=camera, filter=filter_, mag_id=f"Sloan{band.letter.upper()}",
            primary_band=f"Sloan{band.letter.upper()}", secondary_band="SloanG",
            tertiary_band="SloanR", color_term=band.color_term, color_term_error=0.002,
            timestamp_start=datetime.datetime(2011, 10, 1), process_status=1,
        ).commit()  # fmt: skip
