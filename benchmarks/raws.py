"""The raw files of `benchmarks.pipeline`: one chip of the camera, a multi-extension file each.

Headers are those of the camera; nothing in them tells the seeing of a cell, its sky or its hits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from awe.demo.exposures import extension_header, primary_header
from awe.demo.plan import PlannedExposure, Window
from awe.demo.sky import SimulatedExposure
from awe.fits.blocks import pad
from awe.instruments import get
from benchmarks.scenes import GAIN, Sensor

NIGHT = "2012-05-31"
CHIP = "ESO_CCD_#65"
DOME, TWILIGHT = (20_500.0,) * 8, (24_000.0, 21_000.0, 18_500.0, 16_000.0, 14_000.0)
BIASES = 10
#: exposure type, DPR TYPE and first exposure
KINDS = {
    "bias": ("BIAS", datetime(2012, 6, 1, 12, 10, 5)),
    "dome": ("FLAT,DOME", datetime(2012, 6, 1, 13, 2, 11)),
    "twilight": ("FLAT,SKY", datetime(2012, 5, 31, 22, 16, 32)),
    "dark": ("DARK", datetime(2012, 6, 1, 14, 10, 3)),
    "science": ("OBJECT", datetime(2012, 5, 31, 23, 30, 7)),
}
#: exposure times [s]
SECONDS = {"bias": 0.0, "dark": 600.0, "dome": 8.6, "twilight": 4.0, "science": 360.0}


@dataclass(frozen=True)
class Writer:
    """Writes raw images of a chip into a folder, so many days after the night of all others."""

    folder: Path
    sensor: Sensor
    chip: str = CHIP
    days: int = 0

    def write(
        self, kind: str, number: int, raw: np.ndarray, seconds: float | None = None
    ) -> Path:
        """Write the exposure of that number of its kind, counted from 0."""
        planned = exposure(kind, number, self.days, seconds)
        geometry = self.sensor.geometry
        ny, nx = self.sensor.shape
        window = Window(x=geometry.start_x, y=geometry.start_y, nx=nx, ny=ny, overscan_y=20)
        data = pad((raw ^ np.uint16(0x8000)).astype(">u2").tobytes())
        chip = get("OMEGACAM").chip(self.chip)
        path = self.folder / planned.filename
        path.write_bytes(
            primary_header(planned, window, 1)
            + extension_header(planned, chip, self.sensor, 1, data) + data
        )
        return path

    def calibrations(self, seed: int) -> dict[str, list[Path]]:
        """Write biases, dome and twilight flats; return their files by kind."""
        rng = np.random.default_rng([seed, 3])
        levels = {"bias": (None,) * BIASES, "dome": DOME, "twilight": TWILIGHT}
        return {
            kind: [
                self.write(kind, number, self.sensor.read(rng, light(self.sensor, level)))
                for number, level in enumerate(each)
            ]
            for kind, each in levels.items()
        }


def light(sensor: Sensor, level: float | None) -> np.ndarray | None:
    """Return the expected electrons of even light."""
    return None if level is None else level * GAIN * sensor.response


def exposure(
    kind: str, number: int, days: int = 0, seconds: float | None = None
) -> PlannedExposure:
    """Return when and of what an exposure is."""
    dpr, first = KINDS[kind]
    first += timedelta(days=days)
    seconds = SECONDS[kind] if seconds is None else seconds
    return PlannedExposure(
        number=number, start=first + timedelta(seconds=40 * number),
        exposure=SimulatedExposure(kind=kind, exptime=seconds, centre=(331.0, -31.2)),
        type=dpr, category="SCIENCE" if kind == "science" else "CALIB", technique="IMAGE",
        object="FIELD" if kind == "science" else dpr, template=f"OMEGACAM_img_{kind}",
        template_start=first, count=1000, position=number + 1, block=200_127_331,
        block_name="Grid",
    )
