"""Bright tracks found, whatever lights them up, and false ones on frames full of structure.

    python -m benchmarks.bright_tracks                 4 tracks a cell on 1400 x 1400 pixels
    python -m benchmarks.bright_tracks --tracks 8 --peaks 3 10 100 1000 --seed 7
    python -m benchmarks.bright_tracks --tracks 0 --clean 200
    python -m benchmarks.bright_tracks --tracks 0 --cost 5      CPU on a whole chip without a track

A track counts as found when more than 70 per cent of its pixels above 0.3 of the peak are flagged.
Clean frames hold 100 to 8000 stars, cosmic rays and dead columns and, each by chance, spikes of 4
or 6 arms with bleeding and ghosts (60 per cent of the frames), filaments of 20 to 600 ADU, rows of
galaxies, discs (30 each), trailed stars (15) and slopes (30). Searched as Reduce searches, with
cosmic rays detected, and with the width of the stars given.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.tracks import GAIN, READ_NOISE, expose_light, search_all

SHAPE = (1400, 1400)
SKY = 700.0
NOISE = (SKY / GAIN + (READ_NOISE / GAIN) ** 2) ** 0.5

#: share of each period that is lit, and the period [pixel]
FLASHES = {
    "lit 90 %, period 100": (0.9, 100), "75 %, 100": (0.75, 100), "50 %, 100": (0.5, 100),
    "50 %, 20": (0.5, 20), "75 %, 400": (0.75, 400), "50 %, 400": (0.5, 400),
}
#: radius [pixel]
BENT = {"radius 3000": 3000.0, "radius 6000": 6000.0}
#: period of the sine [pixel]
TUMBLING = {"tumbling, 60": 60, "tumbling, 150": 150}
KINDS = (
    "whole", *FLASHES, "gap of 30 %", "first 60 %", *TUMBLING, *BENT,
)
#: full width at half maximum [pixel]
WIDTHS = (1.0, 2.0, 4.5, 12.0, 20.0, 40.0)


def stars(rng: np.random.Generator, number: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Return a sky with Moffat stars of FWHM 3.6 pixels [ADU]."""
    light = np.full(shape, SKY)
    scale = 3.6 / 2 / (2 ** (1 / 2.8) - 1) ** 0.5
    for _ in range(number):
        peak = min(30 * 10 ** rng.exponential(0.55), 3e5)
        half = int(min(60, 3 + scale * (peak / 2) ** (1 / 5.6)))
        y, x = np.mgrid[-half : half + 1, -half : half + 1] + rng.uniform(-0.5, 0.5, (2, 1, 1))
        _stamp(light, rng.integers(0, shape[0]), rng.integers(0, shape[1]),
               peak * (1 + (x**2 + y**2) / scale**2) ** -2.8)
    return light


def _stamp(light: np.ndarray, row: int, column: int, stamp: np.ndarray) -> None:
    """Add a square stamp about a pixel, cut at the edges."""
    half = stamp.shape[0] // 2
    top, left = max(0, row - half), max(0, column - half)
    bottom, right = min(light.shape[0], row + half + 1), min(light.shape[1], column + half + 1)
    if bottom > top and right > left:
        inner = stamp[top - row + half : bottom - row + half,
                      left - column + half : right - column + half]
        light[top:bottom, left:right] += inner


def along_and_across(
    place: tuple[float, float], angle: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return distances along and across a line through a place (row, column) of the frame."""
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    ux, uy = np.cos(angle), np.sin(angle)
    y, x = y - place[0], x - place[1]
    return x * ux + y * uy, y * ux - x * uy


def track(rng: np.random.Generator, kind: str, peak: float, fwhm: float) -> np.ndarray:
    """Return the light of one track [ADU] on a chord longer than 0.7 of the frame."""
    while True:
        place = (rng.uniform(0, SHAPE[0]), rng.uniform(0, SHAPE[1]))
        along, across = along_and_across(place, rng.uniform(0, np.pi))
        on_it = along[np.abs(across) < 1]
        begin, length = float(on_it.min()), float(np.ptp(on_it))
        if length > 0.7 * min(SHAPE):
            break
    along = along - begin
    if kind in BENT:
        radius = BENT[kind] * rng.choice([-1, 1])
        across = np.hypot(along - length / 2, across - radius) - abs(radius)
    profile = peak * np.exp(-0.5 * (across * 2.3548 / fwhm) ** 2)
    return profile * _lit(rng, kind, along, length)


def _lit(rng: np.random.Generator, kind: str, along: np.ndarray, length: float) -> np.ndarray:
    if kind in FLASHES:
        share, period = FLASHES[kind]
        return np.mod(along - rng.uniform(0, period), period) < share * period
    if kind in TUMBLING:
        turn = along / TUMBLING[kind] + rng.uniform(0, 1)
        return 0.5 + 0.5 * np.sin(2 * np.pi * turn)
    if kind == "gap of 30 %":
        start = rng.uniform(0.15, 0.55) * length
        return (along < start) | (along > start + 0.3 * length)
    if kind == "first 60 %":
        return along < 0.6 * length
    return np.ones_like(along)


def structure(rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """Return a sky full of what is no track, and the names of what is in it."""
    light = stars(rng, int(10 ** rng.uniform(2, 3.9)))
    names = []
    for make, chance in ((spikes, 0.6), (filaments, 0.3), (rows, 0.3), (discs, 0.3),
                         (trailed, 0.15), (slope, 0.3)):
        if rng.random() < chance:
            make(light, rng)
            names.append(make.__name__)
    return light, names


def _anywhere(rng: np.random.Generator) -> tuple[float, float]:
    return rng.uniform(0, SHAPE[0]), rng.uniform(0, SHAPE[1])


def spikes(light: np.ndarray, rng: np.random.Generator) -> None:
    """Add bright stars with spikes of 4 or 6 arms, half of them bleeding, some with ghosts."""
    turn, arms = np.pi / 4 * rng.integers(0, 2) + rng.normal(0, 0.02), rng.choice([2, 3])
    for _ in range(rng.integers(1, 7)):
        place = _anywhere(rng)
        peak, scale = 10 ** rng.uniform(2, 4.5), rng.uniform(10, 100)
        width = rng.uniform(1, 2.5)
        for arm in range(arms):
            along, across = along_and_across(place, turn + np.pi * arm / arms)
            light += peak / (1 + (along / scale) ** 2) * np.exp(-0.5 * (across / width) ** 2)
        light += 100 * peak * (1 + (along**2 + across**2) / 12) ** -1.6
        row, column = (int(p) for p in place)
        if rng.random() < 0.5:
            height = int(rng.integers(30, SHAPE[0]))
            light[max(0, row - height) : row + height, max(0, column - 1) : column + 2] += 1e5
        if rng.random() < 0.3:
            light += 0.05 * peak * (np.hypot(along - 20, across) < rng.uniform(30, 120))


def filaments(light: np.ndarray, rng: np.random.Generator) -> None:
    """Add up to seven filaments, straight or wavy, that fade over 80 to 400 pixels."""
    for _ in range(rng.integers(1, 8)):
        along, across = along_and_across(_anywhere(rng), rng.uniform(0, np.pi))
        if rng.random() < 0.5:
            across = across + rng.uniform(5, 60) * np.sin(along / rng.uniform(40, 200))
        peak = 20 * 30 ** rng.uniform(0, 1)
        fade, width = rng.uniform(80, 400), rng.uniform(1.5, 8)
        light += peak * np.exp(-0.5 * (along / fade) ** 2 - 0.5 * (across / width) ** 2)


def rows(light: np.ndarray, rng: np.random.Generator) -> None:
    """Add rows of 4 to 13 galaxies at even distances."""
    for _ in range(rng.integers(1, 4)):
        row, column = _anywhere(rng)
        turn, step = rng.uniform(0, np.pi), rng.uniform(30, 130)
        for k in range(rng.integers(4, 14)):
            size, ratio, angle = rng.uniform(2, 12), rng.uniform(0.2, 1), rng.uniform(0, np.pi)
            half = int(8 * size + 5)
            y, x = np.mgrid[-half : half + 1, -half : half + 1]
            u = x * np.cos(angle) + y * np.sin(angle)
            v = (y * np.cos(angle) - x * np.sin(angle)) / ratio
            _stamp(light, int(row + k * step * np.sin(turn) + rng.normal(0, 3)),
                   int(column + k * step * np.cos(turn) + rng.normal(0, 3)),
                   10 ** rng.uniform(1.5, 3.5) * np.exp(-np.hypot(u, v) / size))


def discs(light: np.ndarray, rng: np.random.Generator) -> None:
    """Add edge-on discs of 0.02 to 0.3."""
    for _ in range(rng.integers(1, 5)):
        along, across = along_and_across(_anywhere(rng), rng.uniform(0, np.pi))
        ratio, size = 0.02 * 15 ** rng.uniform(0, 1), rng.uniform(20, 150)
        light += 10 ** rng.uniform(1.5, 3.5) * np.exp(-np.hypot(along, across / ratio) / size)


def trailed(light: np.ndarray, rng: np.random.Generator) -> None:
    """Add stars that are trailed by 6 to 250 pixels."""
    length, turn = rng.uniform(6, 250), rng.uniform(0, np.pi)
    half = int(length / 2 + 13)
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    beyond = np.maximum(np.abs(along) - length / 2, 0)
    shape = np.exp(-0.5 * (across**2 + beyond**2) / 1.6**2)
    for _ in range(rng.integers(50, 400)):
        row, column = (int(p) for p in _anywhere(rng))
        _stamp(light, row, column, 10 ** rng.uniform(1, 3.5) * shape)


def slope(light: np.ndarray, rng: np.random.Generator) -> None:
    """Tilt the light by up to 30 per cent along both axes."""
    for axis, tilt in enumerate(rng.uniform(-0.3, 0.3, 2)):
        light *= np.expand_dims(1 + tilt * np.linspace(0, 1, SHAPE[axis]), 1 - axis)


def cell(kind: str, peak: float, fwhm: float, trials: int, seed: int) -> str:
    """Return how many tracks of a kind are found, and the median share of their light covered."""
    covered = []
    for k in range(trials):
        rng = np.random.default_rng((seed, KINDS.index(kind), int(10 * peak), int(10 * fwhm), k))
        light = track(rng, kind, peak * NOISE, fwhm)
        image = expose_light(stars(rng, 300) + light, rng, hits=200)
        crossed = search_all(image)[1]
        core = light > 0.3 * peak * NOISE
        covered.append(float((crossed | (image >= 60000))[core].mean()))
    found = sum(share > 0.7 for share in covered)
    return f"{found} of {trials}, {100 * np.median(covered):.0f} %"


def clean(number: int, seed: int) -> None:
    """Print false tracks on frames full of structure."""
    false, seconds = 0, []
    for k in range(number):
        rng = np.random.default_rng((seed, 1, k))
        light, names = structure(rng)
        image = expose_light(light, rng, hits=int(rng.integers(0, 600)))
        for column in rng.integers(0, SHAPE[1], rng.integers(0, 4)):
            image[:, column] *= rng.uniform(0, 0.5)
        tracks, _, cpu = search_all(image)
        seconds.append(cpu)
        if tracks:
            false += 1
            print(f"frame {k} ({', '.join(names)}): {tracks}", flush=True)
    print(f"{false} of {number} frames without a track have one; CPU s median "
          f"{np.median(seconds):.3f}, longest {max(seconds):.3f}")


def cost(rounds: int, seed: int) -> None:
    """Print the CPU of the whole search on a chip without a track, and of its bright part."""
    from awe.calib.tracks import lit

    rng = np.random.default_rng((seed, 2))
    image = expose_light(stars(rng, 2500, (4100, 2048)), rng, hits=2000)
    whole, lit_find = lit.find, []

    def timed(*args: object, **kwargs: object) -> object:
        start = time.process_time()
        found = whole(*args, **kwargs)
        lit_find.append(time.process_time() - start)
        return found

    lit.find = timed
    total = [search_all(image)[2] for _ in range(rounds + 1)][1:]
    print(f"whole chip: {np.median(total):.3f} s, bright tracks {np.median(lit_find[1:]):.3f} s")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tracks", type=int, default=4)
    parser.add_argument("--peaks", type=float, nargs="*", default=[3.0, 30.0, 300.0])
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--widths", action="store_true", help="whole and flashing, 1 to 40 pixels")
    parser.add_argument("--clean", type=int, default=0)
    parser.add_argument("--cost", type=int, default=0, metavar="ROUNDS")
    parser.add_argument("--seed", type=int, default=70_000)
    options = parser.parse_args()
    cells = [(kind, 4.5) for kind in options.kinds] if options.tracks else []
    if options.widths:
        cells = [(kind, fwhm) for kind in ("whole", "75 %, 100") for fwhm in WIDTHS]
    for kind, fwhm in cells:
        row = [cell(kind, peak, fwhm, options.tracks, options.seed) for peak in options.peaks]
        print(f"{kind}, FWHM {fwhm:g}: {' | '.join(row)}", flush=True)
    if options.clean:
        clean(options.clean, options.seed)
    if options.cost:
        cost(options.cost, options.seed)


if __name__ == "__main__":
    main()
