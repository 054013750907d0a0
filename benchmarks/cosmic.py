"""Cosmic rays beside astroscrappy on frames with known hits: completeness, purity and CPU time.

python -m benchmarks.cosmic            1024 x 2048 pixels, 3 seeings x 3 skies, 2 seeds
python -m benchmarks.cosmic --short    one small frame each
python -m benchmarks.cosmic --stars    cores of 10,000 separate stars per seeing flagged by mistake
"""

from __future__ import annotations

import argparse
import time
from functools import partial

import astroscrappy
import numpy as np
from scipy import ndimage

from awe.calib import cosmic

GAIN, READ_NOISE = 2.5, 5.5


def make(seed: int, shape: tuple[int, int], sky: float, fwhm: float) -> tuple:
    """Return an image [ADU] and the dose of its hits in units of the local noise."""
    rng = np.random.default_rng(seed)
    light = np.full(shape, float(sky))
    y, x = np.mgrid[-20:21, -20:21]
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / 3.0) - 1))
    for _ in range(shape[0] * shape[1] // 5600):
        row, column = rng.integers(21, shape[0] - 21), rng.integers(21, shape[1] - 21)
        dy, dx = rng.uniform(-0.5, 0.5, 2)
        box = (slice(row - 20, row + 21), slice(column - 20, column + 21))
        profile = (1 + ((x - dx) ** 2 + (y - dy) ** 2) / alpha**2) ** -3.0
        light[box] += 10 ** rng.uniform(1, 4.5) * profile
    charge = np.zeros(shape)
    for _ in range(shape[0] * shape[1] // 4200):
        row, column = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        angle, length = rng.uniform(0, np.pi), rng.exponential(6)
        dose = 10 ** rng.uniform(2.2, 3.5)
        for step in np.arange(0, length + 0.5, 0.5):
            j, i = int(row + step * np.sin(angle)), int(column + step * np.cos(angle))
            if 0 <= j < shape[0] and 0 <= i < shape[1]:
                charge[j, i] += dose * rng.uniform(0.3, 0.7)
    image = rng.poisson(light * GAIN) / GAIN + rng.normal(0, READ_NOISE / GAIN, shape) + charge
    noise = np.sqrt(light / GAIN + (READ_NOISE / GAIN) ** 2)
    return np.minimum(image, 65535).astype(np.float32), charge / noise


def score(found: np.ndarray, dose: np.ndarray) -> np.ndarray:
    """Return pixel completeness, event completeness, pixel purity, event purity [per cent]."""
    eight = np.ones((3, 3))
    events, _ = ndimage.label(dose > 1, eight)
    strong = np.unique(events[dose > 5])
    strong = strong[strong > 0]
    groups, number = ndimage.label(found, eight)
    real = np.unique(groups[found & (dose > 0)])
    return 100 * np.array([
        found[dose > 3].mean(), np.isin(strong, events[found]).mean(), (dose > 0)[found].mean(),
        real.size / max(number, 1),
    ])


def ours(image: np.ndarray, fwhm: float) -> np.ndarray:
    """Return the mask of awe with the recommended settings."""
    return cosmic.find(
        image, gain=GAIN, read_noise=READ_NOISE, sigma=4.0, neighbour_fraction=0.3375,
        sharpness=cosmic.sharpness_limit(fwhm), iterations=4, saturation=60000.0, groups=34.0,
    ).bad


def peer(image: np.ndarray) -> np.ndarray:
    """Return the mask of astroscrappy, separable medians, its defaults."""
    return astroscrappy.detect_cosmics(
        image, sigclip=4.5, sigfrac=0.3, objlim=5.0, gain=GAIN, readnoise=READ_NOISE,
        satlevel=60000 * GAIN, niter=4, sepmed=True, cleantype="meanmask",
    )[0]


def stars(seed: int) -> None:
    """Print how many of 10,000 star cores are flagged per seeing; there are no hits."""
    size, pitch = 1200, 24
    places = np.arange(pitch, size - pitch, pitch)
    for fwhm in (1.6, 1.8, 2.0, 2.4, 2.8, 4.2):
        flagged = np.zeros(2, int)
        total = 0
        for k in range(5):
            rng = np.random.default_rng((seed, k))
            light = np.full((size, size), 300.0)
            alpha = fwhm / (2 * np.sqrt(2 ** (1 / 3.0) - 1))
            y, x = np.mgrid[-11:12, -11:12]
            for row in places:
                for column in places:
                    dy, dx = rng.uniform(-0.5, 0.5, 2)
                    profile = (1 + ((x - dx) ** 2 + (y - dy) ** 2) / alpha**2) ** -3.0
                    box = (slice(row - 11, row + 12), slice(column - 11, column + 12))
                    light[box] += 10 ** rng.uniform(1, 4.5) * profile
            image = rng.poisson(light * GAIN) / GAIN
            image = image + rng.normal(0, READ_NOISE / GAIN, light.shape)
            image = np.minimum(image, 65535).astype(np.float32)
            for side, found in enumerate((ours(image, fwhm), peer(image))):
                core = ndimage.maximum_filter(found, 5)
                flagged[side] += int(core[np.ix_(places, places)].sum())
            total += places.size**2
        print(f"FWHM {fwhm}: of {total} stars awe flags {flagged[0]}, astroscrappy {flagged[1]}",
              flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--seed", type=int, default=31_000)
    parser.add_argument("--stars", action="store_true")
    options = parser.parse_args()
    if options.stars:
        stars(options.seed)
        return
    shape, seeds = ((512, 512), 1) if options.short else ((2048, 1024), 2)
    ours(make(0, (256, 256), 500, 4.0)[0], 4.0)
    print(f"{'sky':>6} {'FWHM':>5}  {'awe: pixel/event compl., purity':35} "
          f"{'astroscrappy':35} CPU ratio")
    for sky in (300, 2000, 20000):
        for fwhm in (2.8, 4.2, 6.1):
            scores, seconds = np.zeros((2, 4)), np.zeros(2)
            for k in range(seeds):
                image, dose = make(options.seed + k, shape, sky, fwhm)
                for side, run in enumerate((partial(ours, fwhm=fwhm), peer)):
                    start = time.process_time()
                    found = run(image)
                    seconds[side] += time.process_time() - start
                    scores[side] += score(found, dose) / seeds
            text = ["  ".join(f"{value:6.2f}" for value in row) for row in scores]
            print(f"{sky:6} {fwhm:5} {text[0]:35} {text[1]:35} {seconds[1] / seconds[0]:6.0f}",
                  flush=True)


if __name__ == "__main__":
    main()
