"""A small night on a real database and a real dataserver, seen by the calibration scientist."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from databases import Pool
from dataservers import Dataserver

from awe.calib.detector.geometry import ChipGeometry
from awe.config import Environment
from awe.db.schema import install as schema
from awe.db.server.connection import database
from awe.model.classes import load
from awe.services.cluster import Cluster
from tests.conftest import Database, taken

NIGHT = "2012-05-31"
CHIPS = ("ESO_CCD_#65", "ESO_CCD_#66")
SHAPE = (160, 192)
GEOMETRY = ChipGeometry.from_counts(
    nx=SHAPE[1] + 24, ny=SHAPE[0] + 10, prescan_x=12, overscan_x=12, overscan_y=10
)
GAIN = 2.5
READ_NOISE = 2.0
LEVEL = 250.0
HOT = ((20, 30), (77, 101))
COLD = ((50, 60), (120, 15))
START = datetime.datetime(2012, 6, 1, 8, 51, 44)


class Night:
    """Ingested raw frames of two chips, and the truth behind them."""

    date = NIGHT
    shape = SHAPE
    read_noise = READ_NOISE
    hot = HOT
    cold = COLD

    def __init__(self, db: Any, port: int, folder: Path) -> None:
        self.db = db
        self.port = port
        self.folder = folder
        self.random = np.random.default_rng(65)
        y, x = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]]
        self.pattern = (3 * np.sin(x / 9.0)).astype(np.float32)
        self.flat = (1 + 0.1 * np.cos(x / 80.0) * np.cos(y / 90.0)).astype(np.float32)
        self.flat *= self.random.normal(1, 0.01, SHAPE).astype(np.float32)
        for place in COLD:
            self.flat[place] = 0.4
        self.flat /= self.flat.mean()

    def login(self, person: str = "scientist", privileges: int = 1, **more: str) -> None:
        from awe.context import context

        keys = self.db.environment(person, data_port=str(self.port), **more)
        context.start(Environment.load(**keys))
        context.set_privileges(privileges)

    def raw(self, light: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return a raw frame of so much light [ADU]."""
        full = self.random.normal(LEVEL, READ_NOISE, (GEOMETRY.ny, GEOMETRY.nx))
        photons = self.random.poisson(np.maximum(light, 0) * self.flat * GAIN) / GAIN
        photons = photons + self.pattern
        for place in HOT:
            photons[place] += 400
        full[: SHAPE[0], 12 : 12 + SHAPE[1]] += photons
        return np.clip(np.rint(full), 0, 65535).astype(np.uint16)

    def ingest(self) -> None:
        """Make the camera's objects and five biases, domes, twilights and two science frames."""
        from awe.model.observing import Chip, Filter, Instrument, Template
        from awe.model.raw import (
            RawBiasFrame,
            RawDomeFlatFrame,
            RawScienceFrame,
            RawTwilightFlatFrame,
        )

        self.instrument = Instrument(name="OMEGACAM", telescope="VST", utc_offset=-4.0)
        self.filter = Filter(name="OCAM_r_SDSS", instrument=self.instrument)
        self.template = Template(name="dither", start=START)
        self.chips = [Chip(name=name, instrument=self.instrument) for name in CHIPS]
        dark = np.zeros(SHAPE)
        self.frames = []
        for number in range(5):
            self._expose(RawBiasFrame, "bias", number, dark)
            self._expose(RawDomeFlatFrame, "dome", number, dark + 20000.0)
            self._expose(RawTwilightFlatFrame, "twilight", number, dark + 9000.0 * (1 + number))
        for number in range(2):
            self._expose(RawScienceFrame, "science", number, self.sky())
        from awe.model.data import store

        store(self.frames)
        for frame in self.frames:
            frame.commit()

    def find(self, before: Night) -> None:
        """Find again what another night of the same rows made, and go on from there."""
        from awe.model.observing import Chip, Filter, Instrument, Template

        [self.instrument] = Instrument.name == "OMEGACAM"
        [self.filter] = Filter.name == "OCAM_r_SDSS"
        [self.template] = Template.start == START
        self.chips = [one for name in CHIPS for one in Chip.name == name]
        self.frames = []
        for frame in before.frames:
            [found] = type(frame).filename == frame.filename
            found.pathname = self.folder / frame.filename
            self.frames.append(found)
        self.random = copy.deepcopy(before.random)

    def sky(self) -> np.ndarray[Any, Any]:
        y, x = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]]
        sky = np.full(SHAPE, 500.0)
        for sx, sy, flux in ((40, 50, 40000), (120, 90, 90000), (160, 30, 20000)):
            star = np.exp(-((x - sx) ** 2 + (y - sy) ** 2) / (2 * 1.8**2))
            sky += flux * star / star.sum()
        return sky

    def _expose(self, cls: Any, kind: str, number: int, light: np.ndarray[Any, Any]) -> None:
        from astropy.io.fits import Header

        from awe import fits
        from awe.model.observing import Astrom
        from awe.model.statistics import Imstat

        minutes = {"bias": -700, "dome": -600, "twilight": -560, "science": 0}[kind] + 6 * number
        date = START + datetime.timedelta(minutes=minutes)
        for extension, chip in enumerate(self.chips, start=1):
            pixels = self.raw(light)
            inner = pixels[: SHAPE[0], 12 : 12 + SHAPE[1]]
            frame = cls(
                instrument=self.instrument, chip=chip, template=self.template, DATE_OBS=date,
                EXPTIME=360.0, OBJECT=kind.upper(), NAXIS1=GEOMETRY.nx, NAXIS2=GEOMETRY.ny,
                extension=extension, geometry=dataclasses.asdict(GEOMETRY),
                imstat=Imstat(median=float(np.median(inner)), max=float(inner.max())),
            )  # fmt: skip
            if kind != "bias":
                frame.filter = self.filter
            if kind == "science":
                frame.astrom = Astrom(
                    CRVAL1=212.5, CRVAL2=-11.25, CRPIX1=100.0, CRPIX2=80.0, CD1_1=-5.9e-5,
                    CD2_2=5.9e-5,
                )  # fmt: skip
            frame.filename = f"OMEGACAM.{date:%Y-%m-%dT%H:%M:%S}.000_{extension}.fits"
            path = self.folder / frame.filename
            header = Header([("EXTNAME", chip.name), ("OBJECT", kind), ("EXPTIME", 360.0)])
            fits.write(path, fits.Image(pixels, header))
            frame.pathname = path
            self.frames.append(frame)

    def put(
        self, cls: Any, pixels: np.ndarray[Any, Any], date: datetime.datetime, *,
        geometry: ChipGeometry | None = GEOMETRY, spoil: Any = None, exposure: float = 360.0,
        chip: int = 0, name: str = "", cards: Any = (), read_mode: str = "",
    ) -> Any:  # fmt: skip
        """Store and commit one raw frame of the first chip as it is, good or bad."""
        from astropy.io.fits import Header

        from awe import fits
        from awe.model.data import store
        from awe.model.statistics import Imstat

        shape = geometry or GEOMETRY
        number = len(self.frames)
        frame = cls(
            instrument=self.instrument, chip=self.chips[chip], template=self.template,
            DATE_OBS=date, EXPTIME=exposure, OBJECT="TEST", NAXIS1=shape.nx, NAXIS2=shape.ny,
            extension=chip + 1, geometry=dataclasses.asdict(shape), read_mode=read_mode,
            imstat=Imstat(median=float(np.nanmedian(pixels)), max=float(np.nanmax(pixels))),
        )  # fmt: skip
        if "filter" in cls._attributes:
            frame.filter = self.filter
        frame.filename = name or f"OMEGACAM.{date:%Y-%m-%dT%H:%M:%S}.{number:03d}_{chip + 1}.fits"
        path = self.folder / frame.filename
        told = Header([("EXTNAME", "TEST"), ("EXPTIME", exposure), *cards])
        fits.write(path, fits.Image(pixels, told))
        if spoil is not None:
            path.write_bytes(spoil(path.read_bytes()))
        frame.pathname = path
        store([frame])
        frame.commit()
        self.frames.append(frame)
        return frame

    def calibrate(self) -> None:
        """Run the calibration recipes of the tutorial for both chips."""
        from awe import recipes

        night = {"instrument": "OMEGACAM", "date": NIGHT, "commit": True}
        for name in ("ReadNoise", "Bias", "HotPixels"):
            recipes.find(name)(**night).execute()
        for name in ("DomeFlat", "ColdPixels", "TwilightFlat", "MasterFlat"):
            recipes.find(name)(**night, filter="OCAM_r_SDSS").execute()


@dataclass(frozen=True)
class Made:
    """A night that was made once: its databases, its folder and what stands behind it."""

    pool: Pool
    folder: Path
    night: Night


def run(name: str, **arguments: Any) -> Any:
    """Return what a recipe makes of frames of OmegaCAM."""
    from awe import recipes

    return recipes.find(name)(instrument="OMEGACAM", **arguments).execute()


def product_of(name: str, **arguments: Any) -> Any:
    """Return the first product a recipe makes for the first chip, committed."""
    return run(name, **{"chip": CHIPS[0], "commit": True, **arguments})[0]


@contextmanager
def at_work(db: Any, folder: Path, made: Made | None = None) -> Iterator[Night]:
    """The scientist logged in before a dataserver, in a working directory below the folder.

    With a night that was made before, its folder is copied and its objects are found.
    """
    if made is not None:
        shutil.copytree(made.folder, folder, dirs_exist_ok=True)
    (folder / "work").mkdir(exist_ok=True)
    load()
    server = Dataserver.start(db, folder / "files")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWE_HOME", str(folder / "home"))
        patch.chdir(folder / "work")
        night = Night(db, server.port, folder)
        try:
            night.login("scientist", privileges=4)
            if made is not None:
                night.find(made.night)
            yield night
        finally:
            # a test may have gone to a directory that is removed before the old one is back
            os.chdir(folder)
            database.close()
            server.stop()


def _make(
    cluster: Cluster, template: str, name: str, folder: Path, made: Made | None = None
) -> Made:
    """Make a template of a night: ingested, and calibrated if it was ingested before."""
    schema.create_database(cluster.superuser(), name, template=template)
    db = Database(cluster, name)
    with at_work(db, folder, made) as night:
        if made is None:
            night.ingest()
        else:
            night.calibrate()
    db.close()
    return Made(Pool(cluster, name), folder, night)


@pytest.fixture(scope="session")
def ingested_once(
    cluster: Cluster, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Made:
    return _make(cluster, template, f"{template}_night", tmp_path_factory.mktemp("ingested"))


@pytest.fixture(scope="session")
def calibrated_once(
    cluster: Cluster, ingested_once: Made, tmp_path_factory: pytest.TempPathFactory
) -> Made:
    folder = tmp_path_factory.mktemp("calibrated")
    template = ingested_once.pool.template
    return _make(cluster, template, f"{template}_calibrated", folder, ingested_once)


@pytest.fixture
def made(request: pytest.FixtureRequest) -> Made:
    """The night the test asks for: with its master calibrations, or as ingested."""
    wanted = "calibrated" if "calibrated" in request.fixturenames else "ingested"
    made: Made = request.getfixturevalue(f"{wanted}_once")
    return made


@pytest.fixture
def night(made: Made, tmp_path: Path) -> Iterator[Night]:
    """The ingested night; the working directory is a fresh one."""
    with taken(made.pool) as db, at_work(db, tmp_path, made) as found:
        yield found


@pytest.fixture
def calibrated(night: Night) -> Night:
    """The night with all its master calibrations, committed for the world."""
    return night


@pytest.fixture(scope="module")
def standing_night(
    calibrated_once: Made, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Night]:
    """One calibrated night for all tests of a module; tests use it by `shared`."""
    folder = tmp_path_factory.mktemp("standing")
    with taken(calibrated_once.pool) as db, at_work(db, folder, calibrated_once) as found:
        yield found


@pytest.fixture
def shared(
    standing_night: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Night:
    """The calibrated night, for tests that leave no calibration behind.

    What others committed before is there; the working directory is a fresh one.
    """
    monkeypatch.chdir(tmp_path)
    standing_night.login("scientist", privileges=4)
    return standing_night


#: start of the template of the science frames
TEMPLATE = "2012-06-01T08:51:44"


@pytest.fixture
def regridded(calibrated: Night) -> list[Any]:
    """All science frames, reduced and on one grid."""
    calibrated.login("scientist", privileges=1)
    run("Reduce", template=TEMPLATE, commit=True)
    return run("Regrid", template=TEMPLATE, commit=True)
