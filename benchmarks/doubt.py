"""When the bit `SEEING` is raised, and when stars have lost their cores as hits.

    python -m benchmarks.doubt                        200 frames, stars of 1.6 to 5 pixels
    python -m benchmarks.doubt --narrowest 1 --seed 3

Frames of `benchmarks.scenes` of 160 x 160 pixels, 0 to 6000 stars and 0 to 1000 hits per 1024 x
1024 pixels at skies of 0 to 20,000 ADU, through the kernels in the order of Reduce. A core is the
brightest pixel of a star with 5 sigma of light and no charge of a hit near.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np

from awe.calib import cosmic, reduction
from awe.calib.detector import sections
from awe.calib.flags import PixelFlag
from awe.calib.sky import seeing
from awe.model.parameters import parameters_class
from benchmarks import grid, scenes

SKIES = (0.0, 20.0, 200.0, 700.0, 3000.0, 20_000.0)
FULL = 60_000.0


def drawn(seed: int, number: int, narrowest: float) -> tuple[scenes.Sensor, scenes.Scene]:
    """Return a chip and an exposure, stars of at least such a width."""
    rng = np.random.default_rng([seed, number])
    chip = scenes.sensor(160, 1000 * seed + number % 5)
    cell = grid.Cell(
        int(rng.choice([0, 300, 1500, 6000])), int(rng.choice([0, 300, 1000])),
        float(rng.uniform(narrowest, 5.0)), SKIES[number % len(SKIES)],
    )  # fmt: skip
    return chip, scenes.scene(cell, chip, int(rng.integers(1 << 30)))


def reduced(
    chip: scenes.Sensor, scene: scenes.Scene
) -> tuple[seeing.Seeing, reduction.Reduced]:
    """Return the seeing of a raw frame and the frame reduced, kernels in the order of Reduce."""
    pixels = scene.raw[sections.parse(chip.geometry.active)]
    known = seeing.measure(
        pixels, threshold=12.0, saturation=FULL, narrowest=1.5, gain=scenes.GAIN,
        bad=chip.defects,
    )  # fmt: skip
    limits = parameters_class("CosmicMap")
    assert limits is not None
    given = limits.make()
    width = known.flanks if known.known else given.SEEING
    settings = reduction.Settings(
        overscan=6, gain=scenes.GAIN, read_noise=scenes.READ_NOISE, exposure_time=360.0,
        saturation_high=FULL, saturation_low=50.0, bleed_along=3, bleed_beside=1, dead_reach=20,
        minimum_response=0.05, fringe_low=1.5, fringe_high=5.0, image_threshold=5.0,
        background_box=0, satellite=None, amplifiers=(),
        cosmic=reduction.CosmicSettings(
            sigma=given.SIGMA_LIMIT, neighbour_fraction=given.SIGMA_FRACTION,
            sharpness=cosmic.sharpness_limit(width, tested=True),
            iterations=given.MAXIMUM_ITERATIONS, groups=given.GROUP_LIMIT, fwhm=width,
            exceeds=cosmic.star_part(width), wing_limit=given.WING_LIMIT,
            starless=not known.known,
        ),
    )  # fmt: skip
    calibrations = reduction.Calibrations(
        bias=chip.bias.astype(np.float32), bias_method=6, bias_variance=0.4,
        flat=chip.response.astype(np.float32), flat_noise=0.002, hot=chip.hot > 0,
        cold=chip.cold,
    )  # fmt: skip
    return known, reduction.reduce(scene.raw, chip.geometry, calibrations, settings)


def frame(chip: scenes.Sensor, scene: scenes.Scene) -> tuple[seeing.Seeing, bool, int]:
    """Return the seeing of a raw frame, if it is doubted, and how many cores of stars it lost."""
    known, found = reduced(chip, scene)
    pixels = scene.raw[sections.parse(chip.geometry.active)]
    hits = found.bad(PixelFlag.COSMIC)
    doubted = not known.safe and bool(hits.any()) and (
        (known.known and not known.told)
        or seeing.mistaken(pixels, hits, saturation=FULL, gain=scenes.GAIN, bad=chip.defects) > 0
    )
    return known, doubted, int((hits & cores(chip, scene)).sum())


def cores(chip: scenes.Sensor, scene: scenes.Scene) -> np.ndarray:
    """Return where the cores of stars are."""
    found = np.zeros(chip.shape, bool)
    for x, y in zip(scene.x, scene.y, strict=True):
        row, column = round(y), round(x)
        around = (slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2))
        if not (2 <= row < chip.shape[0] - 2 and 2 <= column < chip.shape[1] - 2):
            continue
        quiet = scene.charge[around].max() < 0.1 * scene.noise[row, column]
        seen = scene.stars[row, column] > 5 * scene.noise[row, column]
        found[row, column] = quiet and seen and not chip.defects[around].any()
    return found


def main() -> None:
    """Print how often the bit is raised on frames with and without lost cores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--narrowest", type=float, default=1.6, help="sharpest stars [pixel]")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    counts = np.zeros((2, 2), int)
    unknown = 0
    for number in range(options.frames):
        known, doubted, lost = frame(*drawn(options.seed, number, options.narrowest))
        unknown += not known.safe
        if not known.safe:
            counts[int(lost > 0), int(doubted)] += 1
    print(f"{options.frames} frames, of {unknown} no width well above that of hits is told")
    for lost, name in ((0, "no core lost"), (1, "cores lost")):
        print(f"  {name}: {counts[lost].sum()}, with the bit {counts[lost, 1]}")


if __name__ == "__main__":
    main()
