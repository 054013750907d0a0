"""Bytes of the products of one chip, by the level of its sky.

    python -m benchmarks.sizes                     a whole OmegaCAM chip, eight levels
    python -m benchmarks.sizes --levels 20 500

A raw frame of each level is simulated and reduced; science, reason bits, variance, weight and
three maps are packed as the recipe does it. Printed are bytes in MB and in parts of the raw
frame, per plane and in all, and CPU seconds of packing. Headers are left out (0.03 MB).
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from awe.calib import reduction
from awe.calib.detector.geometry import ChipGeometry
from awe.calib.flags import PixelFlag
from awe.calib.reduction import Calibrations
from awe.demo import sky
from awe.fits import packing
from awe.fits.planes import VARIANCE_WITHIN, WEIGHT_WITHIN
from benchmarks.alternating import load
from benchmarks.reduce import GAIN, READ_NOISE, settings

LEVELS = (0, 20, 60, 120, 180, 240, 500, 5000)
FWHM = 4.0


def main() -> None:
    """Reduce a frame of each level and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--levels", nargs="+", type=float, default=LEVELS)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    print(f"{load()}\n{'sky ADU':>8} {'science':>8} {'flags':>6} {'variance':>8} {'weight':>7} "
          f"{'maps':>6} {'all MB':>7} {'x raw':>6} {'CPU s':>6}")
    for level in options.levels:
        show(level, *planes(level, options.seed))


def planes(level: float, seed: int) -> tuple[int, reduction.Reduced]:
    """Return the bytes of a raw frame and what it is reduced to."""
    geometry = ChipGeometry.from_counts(
        nx=2144, ny=4200, prescan_x=48, overscan_x=48, overscan_y=100
    )
    rng = np.random.default_rng(seed)
    chip = sky.make_detector(geometry, rng, gain=GAIN, read_noise=READ_NOISE)
    exposure = sky.SimulatedExposure(
        kind="science", exptime=360, level=level, cosmic_rate=8.0,
        field=sky.make_field((330, -31.2), rng, width=0.3), tracks=(),
    )
    raw, _ = sky.simulate(exposure, chip, sky.Effects(), rng)
    flat = chip.response * chip.vignetting * chip.illumination
    calibrations = Calibrations(
        bias=chip.bias, bias_method=6, flat=flat / flat.mean(), hot=chip.hot > 0, cold=chip.cold
    )
    return raw.nbytes, reduction.reduce(raw, geometry, calibrations, settings(FWHM))


def show(level: float, raw: int, done: reduction.Reduced) -> None:
    """Print one line of the table."""
    begin = time.process_time()
    sizes = {
        "science": done.science.nbytes,
        "flags": size(done.flags, 0.0),
        "variance": size(done.variance, VARIANCE_WITHIN),
        "weight": size(done.weight, WEIGHT_WITHIN),
        "maps": sum(
            size((~done.bad(kind)).view(np.uint8), 0.0)
            for kind in (PixelFlag.SATURATED, PixelFlag.COSMIC, PixelFlag.SATELLITE)
        ),
    }
    took = time.process_time() - begin
    whole = sum(sizes.values())
    shown = [f"{sizes[name] / 1e6:{width}.2f}" for name, width in zip(
        sizes, (8, 6, 8, 7, 6), strict=True)]
    print(f"{level:8.0f} {' '.join(shown)} {whole / 1e6:7.2f} {whole / raw:6.3f} {took:6.3f}",
          flush=True)


def size(plane: Any, error: float) -> int:
    """Return the bytes of a plane in a file."""
    packed = packing.pack(plane, error)
    return plane.nbytes if packed is None else packed.nbytes


if __name__ == "__main__":
    main()
