"""Writing simulated exposures as multi-extension FITS files, chip after chip.

Each chip is simulated through the whole night by one process, so its fixed patterns are made
once and memory does not grow with the number of chips; every process writes its own extensions
into files laid out beforehand. Files carry their final name only when complete.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import as_completed as completed
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from awe.calib.detector.geometry import ChipGeometry
from awe.demo.field import Field
from awe.demo.headers import extension_cards, primary_cards
from awe.demo.plan import PlannedExposure, Window, plan, sky_field
from awe.demo.progress import Progress
from awe.demo.scienceplan import field_plan, field_sources
from awe.demo.sky import Detector, Effects, Truth, make_detector, simulate
from awe.fits.blocks import card, datasum, pad, sealed
from awe.instruments import Chip, get
from awe.instruments.omegacam import RIDGE, UNSTABLE_GAIN, UNSTABLE_LEVEL
from awe.workers import pool

__all__ = [
    "Night", "extension_header", "primary_header", "recall", "recorded", "write_night",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Night:
    """What decides every pixel of a simulated night.

    Parameters
    ----------
    seed : int
        Seed of all randomness.
    window : Window
        The part of the chips that is read.
    chips : tuple of str
        Names of the chips, in the order of the extensions.
    effects : Effects
        What is simulated.
    programme : str
        Which exposures: `"night"`, those of the first chapter, or `"science"`, the field and the
        standards of the chapters after it.
    """

    seed: int = 20120601
    window: Window = field(default_factory=Window)
    chips: tuple[str, ...] = tuple(get("OMEGACAM").chips)
    effects: Effects = field(default_factory=Effects)
    programme: str = "night"

    def plan(self) -> list[PlannedExposure]:
        """Return the exposures in the order they are taken."""
        return field_plan() if self.programme == "science" else plan()

    def sources(self) -> Callable[[PlannedExposure], Field | None]:
        """Return a function that gives what the camera sees in an exposure of the sky."""
        if self.programme == "science":
            return field_sources(self.seed, self.window)
        everything = sky_field(self.seed)
        return lambda _: everything

    def detector(self, name: str) -> Detector:
        """Return the simulated chip of that name."""
        chip = get("OMEGACAM").chip(name)
        geometry = ChipGeometry.from_counts(
            nx=self.window.nx + 96,
            ny=self.window.ny + self.window.overscan_y,
            prescan_x=48,
            overscan_x=48,
            overscan_y=self.window.overscan_y,
            read_at_top=chip.read_at_top,
            start_x=self.window.x,
            start_y=self.window.y,
        )
        return make_detector(
            geometry,
            # A stream of random numbers for each purpose, told apart by the second number: 1 the
            # sky, 2 chips, 3 exposures, 4 photometry. Any chip of any exposure can be made alone.
            np.random.default_rng([self.seed, 2, int(name[-2:])]),
            gain=chip.gain,
            read_noise=chip.read_noise,
            level=chip.bias_level,
            corner=chip.corner,
            ridge=RIDGE in chip.remarks,
            level_wander=6.0 if UNSTABLE_LEVEL in chip.remarks else 0.5,
            gain_wander=0.01 if UNSTABLE_GAIN in chip.remarks else 0.0,
            read_at_top=chip.read_at_top,
        )

    def take(
        self, planned: PlannedExposure, name: str, detector: Detector, sources: Field | None
    ) -> tuple[np.ndarray[Any, np.dtype[np.uint16]], Truth]:
        """Return raw pixels and truth of one chip in one exposure."""
        exposure = planned.exposure
        if exposure.kind == "science":
            exposure = replace(exposure, field=sources)
        rng = np.random.default_rng([self.seed, 3, planned.number, int(name[-2:])])
        return simulate(exposure, detector, self.effects, rng)


def write_night(directory: Path, night: Night, processes: int = 2) -> list[Path]:
    """Write all exposures of a night and the record of their truth.

    Parameters
    ----------
    directory : Path
        Where to; files of an earlier, interrupted attempt are overwritten.
    night : Night
        What to simulate.
    processes : int
        How many processes share the chips.

    Returns
    -------
    list of Path
        The files, in the order of the exposures; `truth.json` is next to them.
    """
    directory.mkdir(parents=True, exist_ok=True)
    exposures = night.plan()
    layout = _Layout.of(night)
    for planned in exposures:
        layout.prepare(_part(directory, planned), planned)
    records: dict[str, Any] = {}
    bar = Progress("simulating the night", len(night.chips) * len(exposures))
    with pool(processes) as workers:
        jobs = {workers.submit(_write_chip, directory, layout, name): name for name in night.chips}
        for job in completed(jobs):
            records[jobs[job]] = job.result()
            bar.advance(len(exposures))
    # Before the files have their names: an exposure that can be found can also be recalled.
    _write_truth(directory, night, {name: records[name] for name in night.chips})
    return [
        _part(directory, planned).rename(directory / planned.filename) for planned in exposures
    ]


def recall(directory: Path, filename: str, chip: str) -> Truth:
    """Return the truth of one chip of one exposure that `write_night` wrote.

    The record holds the seeds; the maps are simulated again.

    Parameters
    ----------
    directory : Path
        Where the exposures are.
    filename : str
        Name of the exposure, or of the frame split from it.
    chip : str
        Name of the chip.
    """
    night = recorded(directory)
    start = filename.removesuffix(".fits").split("_")[0]
    planned = next(item for item in night.plan() if item.filename == f"{start}.fits")
    return night.take(planned, chip, night.detector(chip), night.sources()(planned))[1]


def recorded(directory: Path) -> Night:
    """Return the night whose truth `write_night` recorded in a directory."""
    record = json.loads((directory / "truth.json").read_text(encoding="utf-8"))
    return Night(
        seed=record["seed"],
        window=Window(**record["window"]),
        chips=tuple(record["chips"]),
        effects=Effects(**record["effects"]),
        programme=record.get("programme", "night"),
    )


def _part(directory: Path, planned: PlannedExposure) -> Path:
    return directory / f".{planned.filename}.part"


@dataclass(frozen=True)
class _Layout:
    """Places of the extensions in a file: all have the same length."""

    night: Night
    header: int
    data: int

    @classmethod
    def of(cls, night: Night) -> _Layout:
        name = night.chips[0]
        detector = night.detector(name)
        data = pad(bytes(2 * detector.geometry.nx * detector.geometry.ny))
        # All extensions have the same cards and the same pixels, so one gives the length of all,
        # and each process knows where to write without waiting for the others.
        header = extension_header(night.plan()[0], get("OMEGACAM").chip(name), detector, 1, data)
        return cls(night=night, header=len(header), data=len(data))

    def prepare(self, path: Path, planned: PlannedExposure) -> None:
        primary = self._primary(planned)
        size = len(primary) + len(self.night.chips) * (self.header + self.data)
        with path.open("wb") as stream:
            stream.write(primary)
            stream.truncate(size)

    def place(self, planned: PlannedExposure, position: int) -> int:
        return len(self._primary(planned)) + position * (self.header + self.data)

    def _primary(self, planned: PlannedExposure) -> bytes:
        return primary_header(planned, self.night.window, len(self.night.chips))


def primary_header(planned: PlannedExposure, window: Window, chips: int) -> bytes:
    """Return the header of an exposure, as it is in the file.

    Parameters
    ----------
    planned : PlannedExposure
        What is exposed, and when.
    window : Window
        The part of the chips that is read.
    chips : int
        How many extensions follow.
    """
    structure = [
        card("SIMPLE", True, "Standard FITS"),
        card("BITPIX", 8, "# of bits per pixel"),
        card("NAXIS", 0, "no data in the primary"),
        card("EXTEND", True, "FITS extensions may be present"),
    ]
    return sealed(structure + primary_cards(planned, window, chips), 0)


def extension_header(
    planned: PlannedExposure, chip: Chip, detector: Detector, index: int, data: bytes
) -> bytes:
    """Return the header of one chip's extension, as it is in the file.

    Parameters
    ----------
    planned : PlannedExposure
        What is exposed, and when.
    chip : Chip
        The chip as the camera knows it.
    detector : Detector
        Its geometry, shape and corner.
    index : int
        Number of the extension, from 1.
    data : bytes
        The pixels as they are in the file, for the checksum.
    """
    structure = [
        card("XTENSION", "IMAGE", "IMAGE extension"),
        card("BITPIX", 16, "# of bits per pixel"),
        card("NAXIS", 2, "# of axes"),
        card("NAXIS1", detector.geometry.nx, "# of columns"),
        card("NAXIS2", detector.geometry.ny, "# of rows"),
        card("PCOUNT", 0, "no parameters"),
        card("GCOUNT", 1, "one group"),
        card("BSCALE", 1.0, "real = fits-value*BSCALE+BZERO"),
        card("BZERO", 32768.0, "unsigned integers"),
    ]
    return sealed(structure + extension_cards(planned, chip, detector, index), datasum(data))


def _write_chip(directory: Path, layout: _Layout, name: str) -> dict[str, Any]:
    """Simulate one chip through the night and write its extensions; return its record."""
    chip = get("OMEGACAM").chip(name)
    night = layout.night
    detector = night.detector(name)
    sources = night.sources()
    position = night.chips.index(name)
    exposures = {}
    for planned in night.plan():
        raw, truth = night.take(planned, name, detector, sources(planned))
        # FITS has signed integers only: value - 32768, the top bit turned over; big-endian.
        data = pad((raw ^ np.uint16(0x8000)).astype(">u2").tobytes())
        header = extension_header(planned, chip, detector, position + 1, data)
        with _part(directory, planned).open("r+b") as stream:
            os.pwrite(stream.fileno(), header + data, layout.place(planned, position))
        exposures[planned.filename] = _summary(truth)
    return {
        "gain": detector.gain,
        "read_noise": detector.read_noise,
        "level": detector.level,
        "hot_pixels": int(np.count_nonzero(detector.hot)),
        "cold_pixels": int(np.count_nonzero(detector.cold)),
        "remarks": list(chip.remarks),
        "exposures": exposures,
    }


def _summary(truth: Truth) -> dict[str, Any]:
    return {
        "level": round(truth.level, 3),
        "gain": round(truth.gain, 5),
        "cosmic_hits": truth.cosmic_hits,
        "cosmic_pixels": int(np.count_nonzero(truth.hit())),
        "saturated_pixels": int(np.count_nonzero(truth.saturated)),
        "sources": len(truth.x),
        "tracks": [[round(end, 2) for end in line] for line in truth.lines],
    }


def _write_truth(directory: Path, night: Night, chips: dict[str, Any]) -> None:
    record = {
        "seed": night.seed,
        "window": asdict(night.window),
        "effects": asdict(night.effects),
        "programme": night.programme,
        "chips": chips,
    }
    part = directory / ".truth.json.part"
    part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    part.rename(directory / "truth.json")
