"""Small nights of one chip for `benchmarks.quality`: raw files, recipes, products.

Every chip is another sensor; its nights follow each other, so that products have predecessors.
"""

from __future__ import annotations

import contextlib
import datetime
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from awe import recipes
from awe.ingest import ingest
from awe.model.calibrations import DarkCurrent
from awe.model.science import ReducedScienceFrame
from benchmarks import grid, scenes
from benchmarks.raws import NIGHT, TWILIGHT, Writer, light
from benchmarks.scenes import Sensor

FILTER = "OCAM_r_SDSS"
BIASES, DARKS, SCIENCE = 6, 4, 8
#: levels [ADU] and exposure times [s], in pairs
DOME = tuple((2400.0 * seconds, seconds) for seconds in (8.6, 8.6, 8.6, 8.6, 2.0, 2.0, 14.0, 14.0))
#: dark current [ADU/s], below the limit of 10 ADU an hour
DARK = 0.0005
#: sky a night-sky flat or a fringe frame is made of [ADU]
BRIGHT = 200.0
SKIES = (0.0, 20.0, 200.0, 700.0, 3000.0, 20_000.0)

KINDS = ("bias", "dark", "dome", "twilight", "science")
#: recipes of a night in their order, the kind of their raw frames, and if they want a filter
ORDER = (
    ("ReadNoise", "bias", False), ("Bias", "bias", False), ("HotPixels", None, False),
    ("Dark", "dark", False), ("DomeFlat", "dome", True), ("Gain", "dome", False),
    ("ColdPixels", None, True), ("TwilightFlat", "twilight", True), ("MasterFlat", None, True),
    ("QuickCheck", "dome", True), ("NightSkyFlat", "science", True),
    ("FringeFlat", "science", True), ("Background", "science", True),
    ("Reduce", "science", True),
)  # fmt: skip


@dataclass
class Night:
    """Raw frames of one night of a chip."""

    folder: Path
    chip: str
    sensor: Sensor
    days: int
    rng: np.random.Generator
    sky: float = 700.0

    @property
    def date(self) -> str:
        """Date the night begins with."""
        first = datetime.date.fromisoformat(NIGHT)
        return str(first + datetime.timedelta(days=self.days))

    def raws(self, kind: str) -> list[tuple[np.ndarray, float | None]]:
        """Return good frames of a kind with their exposure times, None for the usual one."""
        read, sensor, rng = self.sensor.read, self.sensor, self.rng
        if kind == "bias":
            return [(read(rng), None) for _ in range(BIASES)]
        if kind == "dark":
            charge = [scenes.hits(rng, sensor.shape, 3) for _ in range(DARKS)]
            return [(read(rng, np.full(sensor.shape, DARK * 600 * scenes.GAIN), one), None)
                    for one in charge]  # fmt: skip
        if kind == "dome":
            return [(read(rng, light(sensor, level)), time) for level, time in DOME]
        if kind == "twilight":
            return [(read(rng, light(sensor, level)), None) for level in TWILIGHT]
        return [(self.scene(self.sky), None) for _ in range(SCIENCE)]

    def scene(self, sky: float, stars: int | None = None) -> np.ndarray:
        """Return a science frame of a field, seeing and number of hits drawn at random.

        Without tracks: chips this small are shorter than the shortest track that is looked for.
        """
        rng = self.rng
        cell = grid.Cell(
            int(rng.choice([0, 300, 1500, 6000])) if stars is None else stars,
            int(rng.choice([0, 300, 1000])), float(rng.uniform(1.6, 5.0)), sky,
        )  # fmt: skip
        return scenes.scene(cell, self.sensor, int(rng.integers(1 << 30))).raw

    def store(
        self, kind: str, frames: Sequence[tuple[np.ndarray, float | None]], first: int = 0
    ) -> list[str]:
        """Write and ingest exposures; return the names of the raw frames."""
        writer = Writer(self.folder, self.sensor, self.chip, self.days)
        paths = [
            writer.write(kind, first + number, raw, seconds)
            for number, (raw, seconds) in enumerate(frames)
        ]
        report = quietly(lambda: ingest(paths, commit=True, processes=1))
        if not report.ok:
            raise SystemExit(str(report))
        for path in paths:
            path.unlink()
        return [f"{path.stem}_1.fits" for path in paths]

    def run(self, name: str, filtered: bool, **more: Any) -> list[Any]:
        """Run a recipe for the chip and return what it made."""
        if filtered:
            more["filter"] = FILTER
        task = recipes.find(name)
        more.setdefault("date", self.date)
        # the date tells the night where the frames are not named
        if "raw_filenames" in more:
            del more["date"]
        made: list[Any] = quietly(
            lambda: task(instrument="OMEGACAM", chip=self.chip, **more).execute()
        )
        for file in Path.cwd().glob("*.fits"):
            file.unlink()
        return made

    def good(self, kinds: Sequence[str] = KINDS) -> Iterator[tuple[str, Any]]:
        """Make what a good night of such frames gives; yield recipe and product, parts too."""
        names = {kind: self.store(kind, self.raws(kind)) for kind in kinds}
        for recipe, kind, filtered in ORDER:
            if kind is not None and kind not in kinds:
                continue
            if recipe in ("NightSkyFlat", "FringeFlat") and self.sky < BRIGHT:
                continue
            more: dict[str, Any] = {"commit": True}
            if kind is not None and recipe != "Gain":
                more["raw_filenames"] = names[kind]
            # QuickCheck and Background know the filter from their frames
            filtered = filtered and kind is None
            if recipe == "QuickCheck":
                yield from self._illumination()
            for product in self.run(recipe, filtered, **more):
                yield recipe, product
                yield from ((recipe, part) for part in parts(product))


    def _illumination(self) -> Iterator[tuple[str, Any]]:
        """Yield what a table of 200 stars of 0.02 mag gives."""
        ny, nx = self.sensor.shape
        x, y = self.rng.uniform(1, nx, 200), self.rng.uniform(1, ny, 200)
        difference = 0.03 * (x / nx - 0.5) ** 2 - 0.02 * y / ny + self.rng.normal(0, 0.02, 200)
        table = {"x": list(x), "y": list(y), "difference": list(difference)}
        for product in self.run("Illumination", True, photometry=table, commit=True):
            yield "Illumination", product
            yield "Illumination", product.illumination_correction


def parts(product: Any) -> Iterator[Any]:
    """Yield the products that came with one: the dark of a dark current, weight and maps."""
    if isinstance(product, DarkCurrent):
        yield product.dark
    if isinstance(product, ReducedScienceFrame):
        weight = product.weight
        yield from (weight, weight.saturated, weight.cosmic, weight.satellite)


def quietly(call: Any) -> Any:
    """Return what a call returns, without its lines on the terminal."""
    with contextlib.redirect_stdout(io.StringIO()):
        return call()
