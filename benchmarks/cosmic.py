"""Cosmic rays beside astroscrappy on frames with known hits: completeness, purity and CPU time.

python -m benchmarks.cosmic            1024 x 2048 pixels, 3 seeings x 3 skies, 2 seeds
python -m benchmarks.cosmic --short    one small frame each
python -m benchmarks.cosmic --stars    --count cores of stars per seeing: how many are flagged

Kinds of stars: "centres" is a Moffat profile taken at the centres of pixels, sharper than any
real star; "pixels" the same and "gauss" a Gaussian, both integrated over pixels; "pairs" two of
"pixels" 0.5 to 2 FWHM apart.
"""

from __future__ import annotations

import argparse
import time
from functools import partial

import astroscrappy
import numpy as np
from scipy import ndimage, special

from awe.calib import cosmic
from awe.calib.sky import seeing

GAIN, READ_NOISE = 2.5, 5.5

STAR_WIDTHS = (1.6, 1.8, 2.0, 2.4, 2.8, 4.2, 6.1)


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
        sharpness=cosmic.sharpness_limit(fwhm, tested=True), iterations=4,
        saturation=60000.0, groups=34.0,
        fwhm=fwhm, wing_limit=2.7,
    ).bad


def peer(image: np.ndarray) -> np.ndarray:
    """Return the mask of astroscrappy, separable medians, its defaults."""
    return astroscrappy.detect_cosmics(
        image, sigclip=4.5, sigfrac=0.3, objlim=5.0, gain=GAIN, readnoise=READ_NOISE,
        satlevel=60000 * GAIN, niter=4, sepmed=True, cleantype="meanmask",
    )[0]


def star(kind: str, fwhm: float, dy: float, dx: float) -> np.ndarray:
    """Return a star of height about 1 on 23 x 23 pixels, its centre off theirs by dy, dx."""
    y, x = np.arange(-11, 12) - dy, np.arange(-11, 12) - dx
    if kind == "gauss":
        width = fwhm / 2.3548 * np.sqrt(2)
        across, down = (special.erf((at + 0.5) / width) - special.erf((at - 0.5) / width)
                        for at in (x, y))
        return np.outer(down, across) * width**2 * np.pi / 4
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / 3.0) - 1))
    if kind == "centres":
        return (1 + (x**2 + y[:, None] ** 2) / alpha**2) ** -3.0
    # a pixel is integrated by Gauss and Legendre with 3 x 3 points
    points = ((-0.3873, 5 / 18), (0.0, 8 / 18), (0.3873, 5 / 18))
    return sum(a * b * (1 + ((x + u) ** 2 + (y[:, None] + v) ** 2) / alpha**2) ** -3.0
               for u, a in points for v, b in points)


def star_field(rng: np.random.Generator, kind: str, fwhm: float, sky: float,
               places: np.ndarray) -> np.ndarray:
    """Return an image [ADU] of separate stars, or pairs of stars, at the places; no hits."""
    size = places[-1] + places[0]
    light = np.full((size, size), sky)
    for row in places:
        for column in places:
            dy, dx = rng.uniform(-0.5, 0.5, 2)
            height = 10 ** rng.uniform(1, 4.5)
            box = (slice(row - 11, row + 12), slice(column - 11, column + 12))
            light[box] += height * star(kind, fwhm, dy, dx)
            if kind == "pairs":
                angle, apart = rng.uniform(0, 2 * np.pi), fwhm * rng.uniform(0.5, 2)
                dy, dx = dy + apart * np.sin(angle), dx + apart * np.cos(angle)
                light[box] += height * rng.uniform(0.2, 1) * star(kind, fwhm, dy, dx)
    image = rng.poisson(light * GAIN) / GAIN + rng.normal(0, READ_NOISE / GAIN, light.shape)
    return np.minimum(image, 65535).astype(np.float32)


def stars(seed: int, count: int, kind: str, sky: float, measured: bool, alone: bool) -> None:
    """Print how many star cores are flagged per seeing; astroscrappy gets 11,520 stars at most."""
    places = np.arange(24, 1200 - 24, 24)
    frames = -(-count // places.size**2)
    # wide pairs leave no sky at this pitch
    for fwhm in STAR_WIDTHS[:-1] if kind == "pairs" else STAR_WIDTHS:
        flagged, total = np.zeros(2, int), np.zeros(2, int)
        for k in range(frames):
            image = star_field(np.random.default_rng((seed, k)), kind, fwhm, sky, places)
            width = fwhm
            if measured:
                found = seeing.measure(
                    image, threshold=12.0, saturation=60000.0, narrowest=1.5, gain=GAIN
                )
                width = found.flanks if found.known else 2.6
            for side, run in enumerate((partial(ours, fwhm=width), peer)):
                if side and (alone or k >= 5):
                    continue
                core = ndimage.maximum_filter(run(image), 5)
                flagged[side] += int(core[np.ix_(places, places)].sum())
                total[side] += places.size**2
        print(f"{kind}, sky {sky:.0f}, FWHM {fwhm}: awe flags {flagged[0]} of {total[0]} "
              f"({1e4 * flagged[0] / total[0]:.2f} in 10,000)"
              + (f", astroscrappy {flagged[1]} of {total[1]}" if total[1] else ""), flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--seed", type=int, default=31_000)
    parser.add_argument("--stars", action="store_true")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--kind", choices=("centres", "pixels", "gauss", "pairs"),
                        default="centres")
    parser.add_argument("--alone", action="store_true", help="stars without astroscrappy")
    parser.add_argument("--sky", type=float, default=300.0)
    parser.add_argument("--measured", action="store_true",
                        help="the seeing is measured on the frame, as Reduce does")
    options = parser.parse_args()
    if options.stars:
        stars(options.seed, options.count, options.kind, options.sky, options.measured,
              options.alone)
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
