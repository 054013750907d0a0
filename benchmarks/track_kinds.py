"""Tracks of every kind and brightness: how many are found, and what is flagged beside them.

    python -m benchmarks.track_kinds                    every kind, 3 tracks a cell, some minutes
    python -m benchmarks.track_kinds --kinds 'tumbling*' --tracks 8 --peaks 1 3 10 100 1000
    python -m benchmarks.track_kinds --files            through ingest and ReduceTask on files

Frames of 1400 x 1400 pixels with 300 stars and 200 cosmic rays. Without `--files` the search works
on the frame itself, with detected cosmic rays and the width of the stars given; with it each frame
is a raw file that is ingested and reduced by `ReduceTask(...).execute()` behind all its
calibrations, with nothing given. A track counts as found when more than 70 per cent of its pixels
above 0.3 of the peak are flagged. Dark are pixels near its line, between its first light and its
last, where it gives less than 0.5 sigma for 16 pixels around.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch

import numpy as np
from scipy import ndimage

from benchmarks.bright_tracks import NOISE, SHAPE, along_and_across, stars
from benchmarks.tracks import expose_light, search_all

#: tracks count as found from this share of their pixels on
FOUND = 0.7

Light = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
#: searches a frame of so much light: pixels that are flagged as track, and as anything
Search = Callable[[np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def _whole(s: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray:
    return np.ones_like(s)


def _flashes(share: float, period: float) -> Light:
    def light(s: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray:
        return (np.mod(s - rng.uniform(0, period), period) < share * period).astype(float)

    return light


def _gap(s: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray:
    start = rng.uniform(0.15, 0.55) * length
    return ((s < start) | (s > start + 0.3 * length)).astype(float)


def _first(s: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray:
    return (s < 0.6 * length).astype(float)


def _tumbling(period: float, decay: float = 0.0, second: float = 1.0) -> Light:
    """Return a sine that loses so many e-folds along the chord; every second peak is weaker."""

    def light(s: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray:
        turn = s / period + rng.uniform(0, 2)
        weaker = np.where(np.mod(turn, 2) < 1, 1.0, second)
        # from dark to dark, so that the step to the weaker peak is where there is no light
        return weaker * (0.5 - 0.5 * np.cos(2 * np.pi * turn)) * np.exp(-decay * s / length)

    return light


@dataclass(frozen=True)
class Kind:
    """How a track is lit and where it lies.

    Parameters
    ----------
    light : callable
        Brightness, 0 to 1, along the chord.
    fwhm : float
        Full width at half maximum [pixel].
    radius : float
        Of the bend [pixel]; 0 is straight.
    number : int
        Tracks in the frame.
    place : str
        "corner": chords of 450 to 700 pixels across a corner; "edge": within 40 pixels of an edge.
    """

    light: Light = _whole
    fwhm: float = 4.5
    radius: float = 0.0
    number: int = 1
    place: str = ""


KINDS = {
    "whole": Kind(),
    **{f"lit {100 * share:.0f} %, period {period}": Kind(_flashes(share, period))
       for share, period in ((0.9, 100), (0.75, 20), (0.75, 100), (0.75, 400), (0.75, 800),
                             (0.5, 20), (0.5, 40), (0.5, 100), (0.5, 200), (0.5, 400),
                             (0.5, 800))},
    "gap of 30 %": Kind(_gap),
    "first 60 %": Kind(_first),
    **{f"tumbling, period {period}": Kind(_tumbling(period))
       for period in (20, 60, 100, 150, 200, 300, 400)},
    "tumbling, period 150, decaying": Kind(_tumbling(150, decay=1.0)),
    "tumbling, period 60, decaying": Kind(_tumbling(60, decay=1.0)),
    "tumbling, period 100, two peaks": Kind(_tumbling(100, second=0.6)),
    **{f"radius {radius}": Kind(radius=radius) for radius in (3000, 6000, 12000)},
    "radius 3000, lit 75 %, period 100": Kind(_flashes(0.75, 100), radius=3000),
    "radius 6000, lit 50 %, period 100": Kind(_flashes(0.5, 100), radius=6000),
    "three whole": Kind(number=3),
    "three, lit 50 %, period 100": Kind(_flashes(0.5, 100), number=3),
    "corner, whole": Kind(place="corner"),
    "corner, lit 50 %, period 100": Kind(_flashes(0.5, 100), place="corner"),
    "edge, whole": Kind(place="edge"),
    "edge, lit 50 %, period 100": Kind(_flashes(0.5, 100), place="edge"),
    **{f"{fwhm} px wide": Kind(fwhm=fwhm) for fwhm in (1, 2, 12, 20, 30, 40)},
    **{f"{fwhm} px wide, lit 75 %, period 100": Kind(_flashes(0.75, 100), fwhm=fwhm)
       for fwhm in (1, 2, 12, 20)},
    **{f"{fwhm} px wide, lit 50 %, period 200": Kind(_flashes(0.5, 200), fwhm=fwhm)
       for fwhm in (12, 20, 30, 40)},
}  # fmt: skip


def _chord(rng: np.random.Generator, where: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Return distances along, from the first pixel, and across a random chord, and its length."""
    angle = rng.uniform(0, np.pi)
    while True:
        place = (rng.uniform(0, SHAPE[0]), rng.uniform(0, SHAPE[1]))
        angle = rng.uniform(0, np.pi)
        if where == "edge":
            place = (rng.choice([rng.uniform(3, 40), SHAPE[0] - rng.uniform(3, 40)]), place[1])
            angle = rng.normal(0, 0.01)
        along, across = along_and_across(place, angle)
        on_it = along[np.abs(across) < 1]
        begin, length = float(on_it.min()), float(np.ptp(on_it))
        low, high = (450, 700) if where == "corner" else (0.7 * min(SHAPE), 1e9)
        if low < length < high:
            return along - begin, across, length


def drawn(rng: np.random.Generator, kind: Kind) -> tuple[np.ndarray, np.ndarray]:
    """Return a track of peak 1, and its dark pixels between the first light and the last."""
    along, across, length = _chord(rng, kind.place)
    if kind.radius:
        radius = kind.radius * rng.choice([-1, 1])
        across = np.hypot(along - length / 2, across - radius) - abs(radius)
    sigma = kind.fwhm / 2.3548
    s = np.arange(-50, length + 50, 0.5)
    lit = kind.light(s, length, rng)
    # flashes begin and end within a width
    lit = ndimage.gaussian_filter1d(lit, 2 * sigma, mode="nearest")
    light = np.exp(-0.5 * (across / sigma) ** 2) * np.interp(along, s, lit)
    shining = s[lit > 0.3]
    between = (along > shining.min()) & (along < shining.max()) & (np.abs(across) < kind.fwhm)
    return light, between


def frame(
    rng: np.random.Generator, kind: Kind, peak: float
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Return the sky with the tracks of a kind, each track [ADU], and the dark pixels."""
    tracks, dark = [], np.zeros(SHAPE, np.bool_)
    for _ in range(kind.number):
        light, between = drawn(rng, kind)
        tracks.append(peak * NOISE * light)
        dark |= between
    total = np.sum(tracks, axis=0)
    dark &= ~ndimage.binary_dilation(total > 0.5 * NOISE, iterations=16)
    return stars(rng, 300) + total, tracks, dark


def searched(light: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return what the search alone flags."""
    image = expose_light(light, rng, hits=200)
    crossed = search_all(image)[1]
    return crossed, crossed | (image >= 60000)


@contextmanager
def through_files(seed: int) -> Iterator[Search]:
    """Give a search that writes, ingests and reduces raw files."""
    from benchmarks import pipeline, scenes
    from benchmarks.raws import Writer

    sensor = scenes.sensor(SHAPE[0], seed)
    with pipeline.installation() as folder:
        writer = Writer(folder, sensor)
        files = writer.calibrations(seed)
        pipeline.calibrate([path for paths in files.values() for path in paths])
        number = iter(range(1000))

        def search(light: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
            charge = scenes.hits(rng, SHAPE, 200)
            raw = sensor.read(rng, light * sensor.response * scenes.GAIN, charge)
            path = writer.write("science", next(number), raw)
            result = pipeline.reduced(path)
            path.unlink()
            return result.tracks, result.tracks | (result.bad & ~result.hits)

        yield search


def cell(search: Search, name: str, peak: float, trials: int, seed: int) -> tuple[int, int, str]:
    """Return how many tracks are found, of how many, and how much of light and dark is flagged."""
    covered, dark_pixels, dark_flagged = [], 0, 0
    for k in range(trials):
        rng = np.random.default_rng((seed, zlib.crc32(name.encode()), int(10 * peak), k))
        light, tracks, dark = frame(rng, KINDS[name], peak)
        crossed, flagged = search(light, rng)
        covered += [float(flagged[one > 0.3 * peak * NOISE].mean()) for one in tracks]
        dark_pixels += int(dark.sum())
        dark_flagged += int(crossed[dark].sum())
    found = sum(share > FOUND for share in covered)
    between = f", dark {100 * dark_flagged / dark_pixels:.0f} %" if dark_pixels else ""
    return found, len(covered), f"{found}/{len(covered)} {100 * np.median(covered):.0f} %{between}"


def table(search: Search, options: argparse.Namespace) -> None:
    """Print a row of the table for every kind."""
    print("kind | " + " | ".join(f"{peak:g}" for peak in options.peaks))
    found = total = 0
    for name in KINDS:
        if not any(fnmatch(name, pattern) for pattern in options.kinds):
            continue
        cells = [cell(search, name, peak, options.tracks, options.seed) for peak in options.peaks]
        found += sum(one[0] for one in cells)
        total += sum(one[1] for one in cells)
        low = any(one[0] < 0.95 * one[1] for one in cells)
        print(f"{name} | " + " | ".join(one[2] for one in cells) + (" | LOW" if low else ""),
              flush=True)
    print(f"{found} of {total}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="*", default=["*"], metavar="PATTERN")
    parser.add_argument("--tracks", type=int, default=3)
    parser.add_argument("--peaks", type=float, nargs="*", default=[1.0, 3.0, 30.0, 1000.0])
    parser.add_argument("--files", action="store_true", help="through ReduceTask on files")
    parser.add_argument("--seed", type=int, default=70_000)
    options = parser.parse_args()
    if options.files:
        with through_files(options.seed) as search:
            table(search, options)
    else:
        table(searched, options)


if __name__ == "__main__":
    main()
