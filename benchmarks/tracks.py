"""Tracks found and false ones on full simulated chips, with detected cosmic-ray maps.

    python -m benchmarks.tracks                          10 lines per brightness, 10 clean chips
    python -m benchmarks.tracks --lines 100 --clean 100  the long set
    python -m benchmarks.tracks --limits 5               near an axis, wide, short, several

Chips hold stars, galaxies, bleeding columns, diffraction spikes, a gradient and row noise, in
turn; lines are independent: each has a background of its own.

Six very bright stars stand on half of the chips: 1e7 to 1.6e8 ADU (magnitude 13.5 to 10.5 in a
six-minute exposure), saturated, bleeding over 50 to 4100 pixels of their column. Their spikes,
along the axes or the diagonals, hold 0.5 to 2 per cent of the star's light in four arms, as the
shadow of vanes does, and fall off as 1 / (1 + (r / s)**2) with s from 10 to 40 pixels: the
envelope of the diffraction of a vane 1.5 to 6 cm wide. The brightest still reach the noise of the
sky beyond 500 pixels.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from awe.calib import cosmic
from awe.calib import tracks as satellite
from awe.calib.detector import saturation

SHAPE = (4100, 2048)
GAIN, READ_NOISE = 2.5, 5.5

#: of the faint stars of `chip`: 6 sqrt(2**(1 / 2.8) - 1) [pixel]
FWHM = 3.18
SETTINGS = {"threshold": 6.5, "binning": 4, "minimum_length": 300.0}


def chip(rng: np.random.Generator, kind: int) -> np.ndarray:
    """Return one chip without a track [ADU]; `kind` 0 to 5 chooses what it holds."""
    light = np.full(SHAPE, rng.choice([200.0, 800.0, 3000.0]))
    y, x = np.mgrid[-32:33, -32:33]
    for _ in range(int(rng.integers(500, 3000))):
        row, column = rng.integers(32, SHAPE[0] - 32), rng.integers(32, SHAPE[1] - 32)
        profile = (1 + (x**2 + y**2) / 9.0) ** -2.8
        box = (slice(row - 32, row + 33), slice(column - 32, column + 33))
        light[box] += 10 ** rng.uniform(1.5, 4.8) * profile
    if kind in (1, 4):
        _galaxies(light, rng)
    if kind in (2, 3, 4):
        _bright_stars(light, rng, diagonal=kind == 3)
    if kind in (4, 5):
        light *= np.linspace(0.9, 1.15, SHAPE[1])
    return light


def _galaxies(light: np.ndarray, rng: np.random.Generator) -> None:
    for _ in range(25):
        row, column = rng.integers(150, SHAPE[0] - 150), rng.integers(150, SHAPE[1] - 150)
        y, x = np.mgrid[-150:151, -150:151]
        angle, ratio, size = rng.uniform(0, np.pi), rng.uniform(0.15, 1), rng.uniform(5, 25)
        u = x * np.cos(angle) + y * np.sin(angle)
        v = (y * np.cos(angle) - x * np.sin(angle)) / ratio
        box = (slice(row - 150, row + 151), slice(column - 150, column + 151))
        light[box] += 10 ** rng.uniform(1.5, 3) * np.exp(-np.hypot(u, v) / size)


def _bright_stars(light: np.ndarray, rng: np.random.Generator, diagonal: bool) -> None:
    y = np.arange(SHAPE[0], dtype=np.float32)[:, None]
    x = np.arange(SHAPE[1], dtype=np.float32)[None, :]
    for _ in range(6):
        row, column = rng.integers(100, SHAPE[0] - 100), rng.integers(100, SHAPE[1] - 100)
        total = 10 ** rng.uniform(7.0, 8.2)
        base = 1 / (1 + ((x - column) ** 2 + (y - row) ** 2) / np.float32(12))
        light += (total / (24 * np.pi)) * base * np.sqrt(base)
        share, scale = rng.uniform(0.005, 0.02) / 2, rng.uniform(10, 40)
        for turn in (0, 1):
            _spike(light, row, column, share * total, scale, 45 * diagonal + 90 * turn)
        height = int(rng.integers(50, 4100))
        light[max(0, row - height) : row + height, column - 1 : column + 2] += 1e5


def _spike(
    light: np.ndarray, row: int, column: int, total: float, scale: float, angle: float
) -> None:
    """Add both arms of one vane; `total` is the light of both, `scale` their half length."""
    ux, uy = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    steep = abs(uy) > abs(ux)
    step = np.arange(-5000, 5001)
    for offset in range(-8, 9):
        along, beside = step, np.rint(step * (ux / uy if steep else uy / ux)) + offset
        y, x = (along, beside) if steep else (beside, along)
        rows, columns = (row + y).astype(int), (column + x).astype(int)
        inside = (rows >= 0) & (rows < SHAPE[0]) & (columns >= 0) & (columns < SHAPE[1])
        y, x = y[inside], x[inside]
        brightness = total / (np.pi * scale * (1 + ((x * ux + y * uy) / scale) ** 2))
        profile = np.exp(-0.5 * ((x * uy - y * ux) / 1.5) ** 2) / (1.5 * np.sqrt(2 * np.pi))
        light[rows[inside], columns[inside]] += brightness * profile


def line(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Return a random chord of the chip, longer than half its width."""
    while True:
        x, y = rng.uniform(0, SHAPE[1]), rng.uniform(0, SHAPE[0])
        angle = rng.uniform(0, np.pi)
        ux, uy = np.cos(angle), np.sin(angle)
        ends = []
        for place, step, size in ((x, ux, SHAPE[1] - 1), (y, uy, SHAPE[0] - 1)):
            ends.append(sorted(((0 - place) / step, (size - place) / step)))
        begin, end = max(e[0] for e in ends), min(e[1] for e in ends)
        if end - begin > 1024:
            return (x + begin * ux, y + begin * uy, x + end * ux, y + end * uy)


def expose(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the chip with photon, read and row noise and cosmic rays."""
    return expose_light(light, rng, hits=1000)


def expose_light(light: np.ndarray, rng: np.random.Generator, hits: int) -> np.ndarray:
    """Return a frame of any size with photon, read and row noise and cosmic rays."""
    ny, nx = light.shape
    image = rng.normal(light, np.sqrt(light / GAIN + (READ_NOISE / GAIN) ** 2))
    image += rng.normal(0, 0.3, (ny, 1))
    for _ in range(hits):
        row, column = rng.integers(60, ny - 60), rng.integers(60, nx - 60)
        angle, length = rng.uniform(0, np.pi), min(rng.exponential(8), 55)
        step = np.arange(0, length + 0.5, 0.5)
        rows = (row + step * np.sin(angle)).astype(int)
        columns = (column + step * np.cos(angle)).astype(int)
        np.add.at(image, (rows, columns), 10 ** rng.uniform(1.8, 3.3))
    return np.minimum(image, 65535).astype(np.float32)


def search(image: np.ndarray) -> tuple[tuple[satellite.Track, ...], float]:
    """Return the tracks found as Reduce finds them, and the CPU seconds of the track search."""
    tracks, _, seconds = search_all(image)
    return tracks, seconds


def search_all(image: np.ndarray) -> tuple[tuple[satellite.Track, ...], np.ndarray, float]:
    """Return the tracks, the pixels they cross and the CPU seconds of the track search."""
    full = saturation.find(image, high=60000, low=-1, along=3, beside=1, reach=2)
    hits = cosmic.find(
        image, gain=GAIN, read_noise=READ_NOISE, sigma=4.0, neighbour_fraction=0.3375,
        sharpness=cosmic.sharpness_limit(FWHM, tested=True), iterations=4,
        saturation=60000.0, groups=34.0,
        fwhm=FWHM, wing_limit=2.7, bad=full.bad,
    )
    start = time.process_time()
    tracks, crossed = satellite.find(
        image, bad=hits.bad | full.bad, saturated=full.bad, hits=hits.bad, **SETTINGS
    )
    return tracks, crossed, time.process_time() - start


def matches(track: satellite.Track, truth: tuple[float, ...]) -> bool:
    """Return True if both ends lie within 6 pixels of the truth, in either order."""
    ends = np.array([track.x0, track.y0, track.x1, track.y1])
    other = np.roll(ends, 2)
    return min(
        max(np.hypot(*(e[:2] - truth[:2])), np.hypot(*(e[2:] - truth[2:])))
        for e in (ends, other)
    ) < 6


def draw(
    light: np.ndarray, truth: np.ndarray, peak: float, sigma: float = 1.9, part: float = 1.0
) -> None:
    """Add a line of `peak` times the noise of the sky; it shines on the first `part` of it."""
    level = np.median(light[::16, ::16])
    noise = np.sqrt(level / GAIN + (READ_NOISE / GAIN) ** 2)
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    x0, y0, x1, y1 = truth
    length = np.hypot(x1 - x0, y1 - y0)
    across = ((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)) / length
    profile = peak * noise * np.exp(-0.5 * (across / sigma) ** 2)
    if part < 1:
        profile *= ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length**2 < part
    light += profile


#: name, peak and what differs from one track across a plain chip
LIMITS = (
    *((f"{angle:g} degrees from the x axis", 0.5, {"angle": angle}) for angle in (0, 0.1, 0.3, 1)),
    *((f"{angle:g} degrees from the y axis", 0.5, {"angle": 90 - angle}) for angle in (0, 0.3)),
    *((f"sigma {sigma:g} pixels", 0.5, {"sigma": sigma}) for sigma in (0.8, 1.2, 4, 6, 7, 9)),
    *((f"lit on {part:.0%} of its chord", 1.0, {"part": part}) for part in (0.9, 0.75, 0.6, 0.5)),
    *((f"{number} tracks in one frame", 0.5, {"number": number}) for number in (2, 4, 6)),
    *((f"chord of {size} pixels", 1.0, {"corner": size}) for size in (300, 500, 800)),
)


def limits(trials: int, seed: int) -> None:
    """Print how many tracks of difficult kinds are found on plain chips."""
    for kind, (name, peak, how) in enumerate(LIMITS):
        found = false = total = 0
        for k in range(trials):
            rng = np.random.default_rng((seed, kind, k))
            light = chip(rng, 0)
            truths = [_special(rng, how) for _ in range(how.get("number", 1))]
            for truth in truths:
                draw(light, truth, peak, how.get("sigma", 1.9), how.get("part", 1.0))
            tracks, _ = search(expose(light, rng))
            hits = [any(matches(track, truth) for track in tracks) for truth in truths]
            found, total = found + sum(hits), total + len(truths)
            false += sum(not any(matches(track, t) for t in truths) for track in tracks)
        print(f"{name}, {peak} sigma: {found} of {total} found, {false} false", flush=True)


def _special(rng: np.random.Generator, how: dict) -> np.ndarray:
    nx, ny = SHAPE[1] - 1, SHAPE[0] - 1
    if "corner" in how:
        leg = how["corner"] / np.sqrt(2)
        return np.array((0.0, leg, leg, 0.0))
    if "angle" not in how:
        return np.array(line(rng))
    slope = np.tan(np.radians(how["angle"]))
    if how["angle"] < 45:
        y = rng.uniform(200, ny - 200)
        return np.array((0.0, y, nx, y + slope * nx))
    x = rng.uniform(200, nx - 200)
    return np.array((x, 0.0, x + ny / slope, ny))


def main() -> None:
    """Print how many of the lines are found, how many false ones, and the time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=10)
    parser.add_argument("--clean", type=int, default=10)
    parser.add_argument("--peaks", type=float, nargs="*", default=[1.0, 0.3, 0.2])
    parser.add_argument("--seed", type=int, default=90_000)
    parser.add_argument("--limits", type=int, metavar="TRIALS", help="tracks of difficult kinds")
    options = parser.parse_args()
    if options.limits:
        limits(options.limits, options.seed)
        return
    for peak in options.peaks:
        found = false = 0
        for k in range(options.lines):
            rng = np.random.default_rng((options.seed, k))
            light = chip(rng, k % 6)
            truth = np.array(line(rng))
            draw(light, truth, peak)
            tracks, _ = search(expose(light, rng))
            good = [matches(track, truth) for track in tracks]
            found += any(good)
            false += good.count(False)
        print(f"peak {peak:4.1f} sigma per pixel: {found} of {options.lines} found, {false} false",
              flush=True)
    false, seconds = 0, []
    for k in range(options.clean):
        rng = np.random.default_rng((options.seed + 1, k))
        tracks, cpu = search(expose(chip(rng, k % 6), rng))
        false += len(tracks)
        seconds.append(cpu)
        if tracks:
            print(f"clean chip {k} (kind {k % 6}): {tracks}", flush=True)
    if seconds:
        print(f"clean chips: {false} false on {options.clean}, CPU s median "
              f"{np.median(seconds):.2f}, longest {max(seconds):.2f}")


if __name__ == "__main__":
    main()
