"""Stars whose truth is known, for the tests of what is measured on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Frame:
    """A frame that was never in a database."""

    filename = "Star.fits"
    pathname = "Star.fits"

    def __init__(self, pixels: NDArray[Any], **cards: Any) -> None:
        self.data = pixels
        self.header = cards


def light(
    shape: tuple[int, int],
    place: tuple[float, float],
    fwhm: float,
    beta: float | None = None,
    *,
    ellipticity: float = 0.0,
    angle: float = 0.0,
) -> NDArray[np.float64]:
    """Return a star of total light 1, integrated over pixels; a Gaussian without beta."""
    y, x = np.mgrid[1 : shape[0] + 1, 1 : shape[1] + 1].astype(float)
    number = 3 if fwhm > 4 else 7
    parts = (np.arange(number) - number // 2) / number
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    total = np.zeros(shape)
    for i in parts:
        for j in parts:
            u = (x + i - place[0]) * cosine + (y + j - place[1]) * sine
            v = -(x + i - place[0]) * sine + (y + j - place[1]) * cosine
            r2 = u * u * (1 - ellipticity) + v * v / (1 - ellipticity)
            if beta is None:
                total += np.exp(-4 * np.log(2) * r2 / fwhm**2) * 4 * np.log(2) / np.pi / fwhm**2
            else:
                core = fwhm / 2 / np.sqrt(2 ** (1 / beta) - 1)
                total += (beta - 1) / np.pi / core**2 * (1 + r2 / core**2) ** -beta
    return total / parts.size**2


def observed(
    model: NDArray[np.float64], seed: int, gain: float = 1.5, read_noise: float = 3.0
) -> NDArray[np.float32]:
    """Return what a CCD makes of light [ADU]: photons, and the noise of reading."""
    random = np.random.default_rng(seed)
    photons = random.poisson(np.clip(model, 0, None) * gain) / gain
    return (photons + random.normal(0, read_noise, model.shape)).astype(np.float32)
