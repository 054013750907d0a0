"""A simulated CCD: the patterns that stay the same from one exposure to the next.

Bias structure, pixel response, large-scale illumination of the flats, hot and cold pixels: made
once per chip from a random generator, kept as maps of the light-sensitive area. What changes
from exposure to exposure belongs to `awe.demo.sky`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from awe.calib.detector import sections
from awe.calib.detector.geometry import ChipGeometry

__all__ = ["Detector", "make_detector"]

Map = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Detector:
    """One chip with its fixed patterns; every map has the shape of the light-sensitive area.

    Parameters
    ----------
    geometry : ChipGeometry
        Regions of the images it gives.
    gain : float
        Gain [electron/ADU].
    read_noise : float
        Read noise [electron].
    level : float
        Bias level [ADU].
    corner : tuple of float
        Focal plane position of the lower left corner of the area that is read [pixel].
    bias : ndarray of float32, shape (ny, nx), ADU
        Bias structure above the level.
    response : ndarray of float32, shape (ny, nx)
        Sensitivity of each pixel, large and small scales and cold pixels, about 1.
    vignetting : ndarray of float32, shape (ny, nx)
        Light that reaches the pixel, 1 on the optical axis.
    illumination : ndarray of float32, shape (ny, nx)
        Scattered light in sky and twilight flats: their signal is too high by this factor.
    lamp : ndarray of float32, shape (ny, nx)
        Illumination of the dome screen relative to the sky.
    hot : ndarray of float32, shape (ny, nx), ADU
        Constant excess of hot pixels, 0 elsewhere.
    cold : ndarray of bool, shape (ny, nx)
        True where a pixel responds less than its neighbours.
    level_wander, gain_wander : float
        Scatter of the level [ADU] and relative scatter of the gain from exposure to exposure.
    read_at_top : bool
        Whether the output is at the upper edge: the first row read is the last of the image.
    """

    geometry: ChipGeometry
    gain: float
    read_noise: float
    level: float
    corner: tuple[float, float]
    bias: Map
    response: Map
    vignetting: Map
    illumination: Map
    lamp: Map
    hot: Map
    cold: NDArray[np.bool_]
    level_wander: float
    gain_wander: float
    read_at_top: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (ny, nx) of the light-sensitive area."""
        ny, nx = self.bias.shape
        return ny, nx


def make_detector(
    geometry: ChipGeometry,
    rng: np.random.Generator,
    *,
    gain: float = 2.5,
    read_noise: float = 5.5,
    level: float = 250.0,
    corner: tuple[float, float] = (-1024.0, -2050.0),
    ridge: bool = False,
    hot_fraction: float = 1e-4,
    cold_fraction: float = 1e-4,
    level_wander: float = 0.5,
    gain_wander: float = 0.0,
    read_at_top: bool = False,
) -> Detector:
    """Return a chip with random fixed patterns.

    Parameters
    ----------
    geometry : ChipGeometry
        Regions of its images, any size.
    rng : numpy.random.Generator
        Source of the patterns: the same generator state gives the same chip.
    gain : float
        Gain [electron/ADU].
    read_noise : float
        Read noise [electron].
    level : float
        Mean bias level [ADU].
    corner : tuple of float
        Focal plane position of the lower left corner of the whole chip [pixel].
    ridge : bool
        A bright ridge along the middle of the chip in the bias, and four times the hot pixels.
    hot_fraction, cold_fraction : float
        Fraction of pixels that are hot or cold.
    level_wander, gain_wander : float
        Scatter of the level [ADU] and relative scatter of the gain from exposure to exposure.
    read_at_top : bool
        Whether the output is at the upper edge of the image.

    Returns
    -------
    Detector
        The chip.

    Examples
    --------
    >>> import numpy as np
    >>> geometry = ChipGeometry.from_counts(nx=120, ny=110, prescan_x=10, overscan_x=10)
    >>> make_detector(geometry, np.random.default_rng(1)).shape
    (110, 100)
    """
    rows, columns = sections.parse(geometry.active)
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    place = (corner[0] + geometry.start_x - 1, corner[1] + geometry.start_y - 1)
    x, y = _focal_plane(place, shape)
    # All patterns draw from one generator, one after the other: in another order, or with one draw
    # more, the same seed would be another chip, and truths recalled later would not fit.
    cold, sensitivity = _cold(shape, cold_fraction, rng)
    return Detector(
        geometry=geometry,
        gain=gain,
        read_noise=read_noise,
        level=level,
        corner=place,
        bias=_bias(shape, x - corner[0] if ridge else None, rng),
        response=_response(shape, rng) * sensitivity,
        vignetting=_vignetting(x, y),
        illumination=_scattered(x, y),
        lamp=_lamp(x, y),
        hot=_hot(shape, hot_fraction * (4 if ridge else 1), rng),
        cold=cold,
        level_wander=level_wander,
        gain_wander=gain_wander,
        read_at_top=read_at_top,
    )


def _focal_plane(place: tuple[float, float], shape: tuple[int, int]) -> tuple[Map, Map]:
    x = (place[0] + np.arange(shape[1], dtype=np.float32))[np.newaxis, :]
    y = (place[1] + np.arange(shape[0], dtype=np.float32))[:, np.newaxis]
    return x.astype(np.float32), y.astype(np.float32)


def _smooth(shape: tuple[int, int], rng: np.random.Generator) -> Map:
    """Low-order polynomial with values of about -1 to 1."""
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[np.newaxis, :]
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, np.newaxis]
    a, b, c, d, e = rng.uniform(-0.5, 0.5, 5).astype(np.float32)
    surface: Map = a * x + b * y + c * x * y + d * x * x + e * y * y
    surface -= surface.mean()
    return surface


def _bias(shape: tuple[int, int], x: Map | None, rng: np.random.Generator) -> Map:
    columns = rng.normal(0, 0.6, shape[1]).astype(np.float32)
    pattern = 2.0 * _smooth(shape, rng) + columns
    if x is not None:
        pattern = pattern + 16.0 * np.exp(-0.5 * ((x - 1024.0) / 60.0) ** 2)
    return pattern.astype(np.float32)


def _response(shape: tuple[int, int], rng: np.random.Generator) -> Map:
    pixels = rng.standard_normal(shape, dtype=np.float32)
    pixels *= np.float32(0.007)
    pixels += 1 + 0.02 * _smooth(shape, rng)
    ny, nx = shape
    for _ in range(rng.poisson(1 + 4e-6 * nx * ny)):
        _add_dust(pixels, rng)
    return pixels


def _add_dust(pixels: Map, rng: np.random.Generator) -> None:
    """Dim a ring, the out-of-focus shadow of a grain of dust."""
    ny, nx = pixels.shape
    radius = rng.uniform(15, 40)
    x0, y0 = rng.uniform(0, nx), rng.uniform(0, ny)
    x1, x2 = max(int(x0 - 60), 0), min(int(x0 + 60), nx)
    y1, y2 = max(int(y0 - 60), 0), min(int(y0 + 60), ny)
    x = np.arange(x1, x2)[np.newaxis, :] - x0
    y = np.arange(y1, y2)[:, np.newaxis] - y0
    ring = np.exp(-(((np.hypot(x, y) - radius) / 4.0) ** 2))
    pixels[y1:y2, x1:x2] *= (1 - 0.03 * ring).astype(np.float32)


def _vignetting(x: Map, y: Map) -> Map:
    # 1 - 0.12 (r / 12000)^4: flat around the axis, steep at the edge of the field.
    radius = (x * x + y * y) / np.float32(12_000.0**2)
    light: Map = (1 - 0.12 * radius * radius).astype(np.float32)
    return light


def _scattered(x: Map, y: Map) -> Map:
    """Scattered light: 8 % more towards the edge of the field, slightly off the axis."""
    x, y = x - 500.0, y + 300.0
    radius = (x * x + y * y) / np.float32(12_000.0**2)
    light: Map = (1 + 0.08 * radius).astype(np.float32)
    return light


def _lamp(x: Map, y: Map) -> Map:
    x, y = x / 8500.0, y / 8500.0
    light: Map = (1 + 0.03 * x - 0.02 * y + 0.01 * x * y).astype(np.float32)
    return light


def _hot(shape: tuple[int, int], fraction: float, rng: np.random.Generator) -> Map:
    excess = np.zeros(shape, dtype=np.float32)
    count = rng.poisson(fraction * excess.size)
    chosen = rng.choice(excess.size, size=min(count, excess.size), replace=False)
    excess.ravel()[chosen] = np.exp(rng.uniform(np.log(40.0), np.log(8000.0), chosen.size))
    return excess


def _cold(
    shape: tuple[int, int], fraction: float, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], Map]:
    sensitivity = np.ones(shape, dtype=np.float32)
    count = rng.poisson(fraction * sensitivity.size)
    chosen = rng.choice(sensitivity.size, size=min(count, sensitivity.size), replace=False)
    sensitivity.ravel()[chosen] = rng.uniform(0.0, 0.7, chosen.size)
    if fraction > 0 and rng.random() < 0.3:
        ny, nx = shape
        start, length = rng.integers(0, ny), rng.integers(ny // 8, ny // 2)
        sensitivity[start : start + length, rng.integers(0, nx)] *= np.float32(0.55)
    return sensitivity < 1, sensitivity
