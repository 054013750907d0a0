"""Fields of stars and particle hits whose truth is known, on any sky."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from awe.demo.particles import cosmic_rays

__all__ = ["GAIN", "READ_NOISE", "exposed", "moffat", "score", "stars"]

GAIN, READ_NOISE = 2.5, 2.0

#: the light of a pixel is that of 5 x 5 points, and a star reaches so many widths
_POINTS, _REACH = 5, 7


def moffat(fwhm: float, beta: float, dy: float, dx: float) -> NDArray[Any]:
    """Return a star of light 1 integrated over pixels; a Gaussian where beta is infinite."""
    reach = int(_REACH * fwhm) + 4
    if np.isinf(beta):
        edges = np.arange(-reach, reach + 2) - 0.5
        scale = fwhm / 2.3548 * np.sqrt(2)
        down, across = (np.diff(special.erf((edges - at) / scale)) / 2 for at in (dy, dx))
        return np.outer(down, across)
    fine = (np.arange(_POINTS * (2 * reach + 1)) + 0.5) / _POINTS - 0.5 - reach
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    light = (1 + ((fine - dy)[:, None] ** 2 + (fine - dx) ** 2) / alpha**2) ** -beta
    side = 2 * reach + 1
    blocks = light.reshape(side, _POINTS, side, _POINTS).sum(axis=(1, 3))
    result: NDArray[Any] = blocks * (beta - 1) / (np.pi * alpha**2 * _POINTS**2)
    return result


def stars(
    rng: np.random.Generator, shape: tuple[int, int], number: int, fwhm: float, beta: float = 3.0
) -> NDArray[Any]:
    """Return the light of stars of 300 to 300,000 ADU, many faint and few bright [ADU]."""
    light = np.zeros(shape)
    low, high, slope = 300.0, 300_000.0, -0.7
    flux = (low**slope - rng.random(number) * (low**slope - high**slope)) ** (1 / slope)
    for one in flux:
        row, column = (int(rng.integers(0, size)) for size in shape)
        star = one * moffat(fwhm, beta, *rng.uniform(-0.5, 0.5, 2))
        reach = star.shape[0] // 2
        rows = slice(max(row - reach, 0), row + reach + 1)
        columns = slice(max(column - reach, 0), column + reach + 1)
        top, left = reach - row + rows.start, reach - column + columns.start
        part = light[rows, columns]
        part += star[top : top + part.shape[0], left : left + part.shape[1]]
    return light


def exposed(
    rng: np.random.Generator, light: NDArray[Any], hits: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return what the camera reads, without bias, and the charge of hits in it [ADU]."""
    charge, _ = cosmic_rays((light.shape[0], light.shape[1]), hits, GAIN, rng)
    image = rng.poisson(light * GAIN) / GAIN + rng.normal(0, READ_NOISE, light.shape)
    return image + charge, charge


def score(found: NDArray[Any], charge: NDArray[Any], light: NDArray[Any]) -> tuple[float, int]:
    """Return the part of the hits over 5 sigma that is found, and the pixels flagged for none."""
    noise = np.sqrt(light / GAIN + READ_NOISE**2)
    eight = np.ones((3, 3))
    events, _ = ndimage.label(charge > 0.5 * noise, eight)
    strong = np.unique(events[charge > 5 * noise])
    strong = strong[strong > 0]
    near = ndimage.binary_dilation(charge > 0.1 * noise, eight)
    return float(np.isin(strong, events[found]).mean()), int((found & ~near).sum())
