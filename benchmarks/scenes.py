"""Simulated exposures of one chip for `benchmarks.pipeline`, with the truth behind every pixel.

Not the simulator of `awe.demo`: stars are Moffat profiles integrated over pixels whose wings (beta
2.5 to 4.8) and elongation change from cell to cell, a tenth as many galaxies stand between them,
the sky has a slope. Hits are muons through silicon 20 to 200 micron thick under the angles they
have at sea level, electrons that wander, and spots; charge diffuses by 0.25 to 0.45 pixels.
Positions of stars are multiples of an eighth of a pixel, so a profile is integrated once a cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from awe.calib.detector import sections
from awe.calib.detector.geometry import ChipGeometry
from benchmarks.grid import Cell

#: what the header of ESO_CCD_#65 tells
GAIN = 2.51
#: read noise [ADU]
READ_NOISE = 5.0 / GAIN
LEVEL = 250.0
#: what a pixel holds before it spills along its column [ADU]
FULL_WELL = 64000.0
FULL_COUNT = 65535
PHASES = 8
#: the brightest stars and the slope of their counts, N(>F) ~ F**-SLOPE
BRIGHTEST, SLOPE = 120_000.0, 0.6
#: Gauss and Legendre, five points across a pixel
POINTS, SHARES = np.polynomial.legendre.leggauss(5)


@dataclass(frozen=True)
class Sensor:
    """What stays the same from one exposure to the next; maps of the light-sensitive area."""

    geometry: ChipGeometry
    bias: np.ndarray
    response: np.ndarray
    hot: np.ndarray
    cold: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (ny, nx) of the light-sensitive area."""
        return self.bias.shape

    @property
    def corner(self) -> tuple[float, float]:
        """Place of the corner of the window about the optical axis [pixel]."""
        return -8516.45 + self.geometry.start_x - 1, -8584.5 + self.geometry.start_y - 1

    @property
    def defects(self) -> np.ndarray:
        """True where a pixel is hot or cold."""
        return (self.hot > 0) | self.cold

    def read(
        self, rng: np.random.Generator, electrons: np.ndarray | None = None,
        charge: np.ndarray | float = 0.0,
    ) -> np.ndarray:
        """Return the raw image of so many expected electrons of light and charge of hits [ADU]."""
        full = rng.normal(LEVEL, READ_NOISE, (self.geometry.ny, self.geometry.nx))
        full += rng.normal(0, 0.1, (self.geometry.ny, 1))
        signal = self.bias + self.hot + charge
        if electrons is not None:
            signal = signal + spilled(rng.poisson(electrons) / GAIN)
        full[sections.parse(self.geometry.active)] += signal
        return np.clip(np.rint(full), 0, FULL_COUNT).astype(np.uint16)


@dataclass
class Scene:
    """One exposure: what the sky sent and what the detector made of it.

    Every map is in ADU and of the light-sensitive area; `light` is what a perfect detector would
    record of everything but hits, `expected` the same behind the response of the pixels, `level`
    the median of the sky.
    """

    cell: Cell
    level: float
    light: np.ndarray
    expected: np.ndarray
    stars: np.ndarray
    charge: np.ndarray
    track: np.ndarray
    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    chip: Sensor
    raw: np.ndarray

    @property
    def noise(self) -> np.ndarray:
        """Noise of every pixel without its hits [ADU]."""
        return np.sqrt(self.expected / GAIN + READ_NOISE**2)

    @property
    def counts(self) -> np.ndarray:
        """Raw counts of the light-sensitive area."""
        return self.raw[sections.parse(self.chip.geometry.active)]


def sensor(size: int, seed: int, start: tuple[int, int] = (513, 1025)) -> Sensor:
    """Return a chip, of which a square window is read."""
    rng = np.random.default_rng([seed, 1])
    geometry = ChipGeometry.from_counts(
        nx=size + 96, ny=size + 20, prescan_x=48, overscan_x=48, overscan_y=20,
        start_x=start[0], start_y=start[1],
    )
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    response = rng.normal(1, 0.008, (size, size)) + 0.02 * x * y - 0.03 * y**2
    hot, cold = np.zeros((size, size)), rng.random((size, size)) < 1e-4
    places = rng.random((size, size)) < 1e-4
    hot[places] = np.exp(rng.uniform(np.log(60), np.log(6000), places.sum()))
    cold[size // 8 : size // 2, rng.integers(size // 4, size)] = True
    response[cold] *= rng.uniform(0, 0.8, cold.sum())
    bias = rng.normal(0, 0.6, (1, size)) + 1.5 * x * y + y
    return Sensor(geometry, bias, response / response.mean(), hot, cold)


def scene(
    cell: Cell, chip: Sensor, seed: int, library: Sequence[np.ndarray] = ()
) -> Scene:
    """Return the exposure of a cell, its hits from a library if there is one.

    The same seed gives the same exposure.
    """
    rng = np.random.default_rng([seed, 2, *cell.numbers])
    shape = chip.shape
    share = shape[0] * shape[1] / 2**20
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    tilt = rng.uniform(-0.03, 0.03, 2)
    sky = cell.sky * (1 + tilt[0] * x + tilt[1] * y)
    sigma = float(np.sqrt(cell.sky / GAIN + READ_NOISE**2))
    beta = rng.uniform(2.5, 4.8)
    table = profile(cell.fwhm, beta, rng.uniform(0, 0.06), rng.uniform(0, np.pi))
    stars, found = field_of_stars(rng, shape, round(cell.stars * share), table, sigma)
    galaxies = field_of_galaxies(rng, shape, round(cell.stars * share / 10), cell.fwhm, sigma)
    track = streak(rng, shape, cell, sigma)
    light = sky + stars + galaxies + track
    expected = light * chip.response
    count = round(cell.hits * share)
    charge = laid(rng, shape, count, library) if library else hits(rng, shape, count)
    raw = chip.read(rng, expected * GAIN, charge)
    level = float(np.median(sky))
    return Scene(cell, level, light, expected, stars, charge, track, *found, chip, raw)


def profile(
    fwhm: float, beta: float, ellipticity: float = 0.0, angle: float = 0.0, phases: int = PHASES
) -> np.ndarray:
    """Return a Moffat profile of sum 1 integrated over pixels, at all parts of a pixel.

    Returns
    -------
    ndarray of float64, shape (phases, phases, n, n)
        Its centre is off the middle pixel by (i - phases // 2) / phases; the wings are lowered
        to reach zero at the rim.
    """
    reach = int(min(8 * fwhm + 6, 40))
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    at = np.arange(-reach, reach + 1)
    shifts = (np.arange(phases) - phases // 2) / phases
    cosine, sine = np.cos(angle), np.sin(angle)
    total = np.zeros((phases, phases, at.size, at.size))
    for (u, a), (v, b) in product(zip(POINTS / 2, SHARES / 2, strict=True), repeat=2):
        y = (at[None, :] + u - shifts[:, None])[:, None, :, None]
        x = (at[None, :] + v - shifts[:, None])[None, :, None, :]
        along, across = x * cosine + y * sine, y * cosine - x * sine
        square = along**2 * (1 - ellipticity) + across**2 / (1 - ellipticity)
        total += a * b * (1 + square / alpha**2) ** -beta
    rim = (1 + (reach - 1) ** 2 / alpha**2) ** -beta
    total = np.maximum(total - rim, 0)
    return total / total.sum((2, 3), keepdims=True)


def field_of_stars(
    rng: np.random.Generator, shape: tuple[int, int], count: int, table: np.ndarray, sigma: float
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return the light of stars [ADU] with their columns, rows and fluxes."""
    height = table.max(axis=(2, 3)).mean()
    faintest, brightest = 3 * sigma / height, BRIGHTEST / height
    rest = (brightest / faintest) ** -SLOPE
    flux = faintest * rng.uniform(rest, 1, count) ** (-1 / SLOPE)
    light = np.zeros(shape)
    rows, columns = rng.integers(0, shape[0], count), rng.integers(0, shape[1], count)
    phases = rng.integers(0, len(table), (2, count))
    middle = table.shape[2] // 2
    falling = table[0, 0, middle, middle:]
    for k in range(count):
        # as far as it is seen: a fiftieth of the noise
        reach = min(int(np.searchsorted(-falling * flux[k], -0.02 * sigma)) + 1, middle)
        stamp = table[phases[0, k], phases[1, k]]
        inner = slice(middle - reach, middle + reach + 1)
        add(light, flux[k] * stamp[inner, inner], rows[k], columns[k])
    off = (phases - len(table) // 2) / len(table)
    return light, (columns + off[1], rows + off[0], flux)


def field_of_galaxies(
    rng: np.random.Generator, shape: tuple[int, int], count: int, fwhm: float, sigma: float
) -> np.ndarray:
    """Return the light of galaxies [ADU]: wide, elongated, with long wings."""
    light = np.zeros(shape)
    for kind in range(3):
        width = float(np.hypot(fwhm, rng.uniform(2, 8)))
        stamp = profile(width, 2.5, rng.uniform(0.1, 0.6), rng.uniform(0, np.pi), phases=1)[0, 0]
        for _ in range(count // 3 + (kind < count % 3)):
            flux = sigma / stamp.max() * 10 ** rng.uniform(0, 2)
            add(light, flux * stamp, rng.integers(0, shape[0]), rng.integers(0, shape[1]))
    return light


def add(image: np.ndarray, stamp: np.ndarray, row: int, column: int) -> None:
    """Add a stamp with its middle at a pixel, as far as it is on the image."""
    reach = stamp.shape[0] // 2
    top, left = max(row - reach, 0), max(column - reach, 0)
    bottom = min(row + reach + 1, image.shape[0])
    right = min(column + reach + 1, image.shape[1])
    image[top:bottom, left:right] += stamp[
        top - row + reach : bottom - row + reach, left - column + reach : right - column + reach
    ]


def streak(
    rng: np.random.Generator, shape: tuple[int, int], cell: Cell, sigma: float
) -> np.ndarray:
    """Return the light of the cell's track [ADU]."""
    light = np.zeros(shape)
    if not cell.track:
        return light
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[: shape[0], : shape[1]]
    dy, dx = y - rng.uniform(0.35, 0.65) * shape[0], x - rng.uniform(0.35, 0.65) * shape[1]
    across = dx * np.sin(angle) - dy * np.cos(angle)
    along = dx * np.cos(angle) + dy * np.sin(angle)
    width = np.hypot(cell.fwhm, rng.uniform(0.5, 3)) / 2.3548
    # unlit parts begin and end within a width
    edge = along + rng.uniform(0, 100)
    lit = {
        "whole": np.ones(shape),
        "dashes": 1 / (1 + np.exp(-(np.abs(edge % 100 - 50) - 12.5) / (width / 2))),
        "gap": 1 / (1 + np.exp(-(np.abs(along) - 0.15 * shape[0]) / (width / 2))),
        "part": 1 / (1 + np.exp(-(along + 0.1 * shape[0]) / (width / 2))),
    }[cell.track]
    return cell.brightness * sigma * lit * np.exp(-0.5 * (across / width) ** 2)


def hits(rng: np.random.Generator, shape: tuple[int, int], count: int) -> np.ndarray:
    """Return the charge of hits [ADU]."""
    thick, diffusion = rng.choice([20.0, 40.0, 100.0, 200.0]), rng.uniform(0.25, 0.45)
    charge = np.zeros(shape)
    places, doses = [np.zeros((0, 2))], [np.zeros(0)]
    for kind in rng.choice(["muon", "electron", "spot"], count, p=[0.7, 0.2, 0.1]):
        start = rng.uniform(0, 1, 2) * shape
        path, dose = {"muon": muon, "electron": electron, "spot": spot}[kind](rng, thick)
        places.append(start + path)
        doses.append(dose)
    parts = 24
    spread = np.repeat(np.concatenate(places), parts, axis=0)
    spread += rng.normal(0, diffusion, spread.shape)
    share = np.repeat(np.concatenate(doses), parts) / parts
    pixel = np.floor(spread).astype(int)
    inside = ((pixel >= 0) & (pixel < shape)).all(axis=1)
    np.add.at(charge, tuple(pixel[inside].T), share[inside] / GAIN)
    return charge


def laid(
    rng: np.random.Generator, shape: tuple[int, int], count: int, hits: Sequence[np.ndarray]
) -> np.ndarray:
    """Return the charge [ADU] of so many of the hits, turned and mirrored, anywhere."""
    charge = np.zeros(shape)
    for number in rng.integers(0, len(hits), count):
        hit = np.rot90(hits[number], rng.integers(0, 4))
        add(charge, hit if rng.random() < 0.5 else hit.T,
            rng.integers(0, shape[0]), rng.integers(0, shape[1]))  # fmt: skip
    return charge


Path = tuple[np.ndarray, np.ndarray]


def muon(rng: np.random.Generator, thick: float) -> Path:
    """Return places [pixel] and electrons along a straight path through silicon."""
    cosine = rng.uniform(0.003, 1) ** 0.25
    length = thick * np.sqrt(1 / cosine**2 - 1) / 15.0
    electrons = 75.0 * thick / cosine
    steps = np.arange(0.125, max(length, 0.25), 0.25)
    angle = rng.uniform(0, 2 * np.pi)
    # energy is lost in portions: most small, few large
    portions = 1 + 0.25 * rng.chisquare(1, steps.size)
    places = steps[:, None] * np.array([np.sin(angle), np.cos(angle)])
    return places, electrons / steps.size * portions


def electron(rng: np.random.Generator, thick: float) -> Path:
    """Return places [pixel] and electrons along a path that bends at each step."""
    count = rng.integers(4, 60)
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.5, count))
    places = 0.4 * np.cumsum(np.stack([np.sin(angles), np.cos(angles)], axis=1), axis=0)
    return places, np.full(count, rng.uniform(100, 500))


def spot(rng: np.random.Generator, thick: float) -> Path:
    """Return the place and electrons of charge set free at one point."""
    return np.zeros((1, 2)), np.array([10 ** rng.uniform(2.3, 4)])


def spilled(light: np.ndarray) -> np.ndarray:
    """Return light [ADU] of which no pixel holds more than it can; the rest goes along columns."""
    for column in np.flatnonzero((light > FULL_WELL).any(axis=0)):
        line = light[:, column]
        for row in np.flatnonzero(line > FULL_WELL):
            for step in (1, -1):
                excess = (line[row] - FULL_WELL) / (2 if step == 1 else 1)
                at = row + step
                while excess > 0 and 0 <= at < line.size:
                    room = min(max(FULL_WELL - line[at], 0.0), excess)
                    line[at] += room
                    line[row] -= room
                    excess -= room
                    at += step
            line[row] = min(line[row], FULL_WELL)
    return light
