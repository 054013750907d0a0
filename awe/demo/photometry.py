"""The photometry behind the illumination correction of the tutorial night.

The exposures of such a survey alone are not simulated: positions of standard stars and their
magnitude differences are drawn from the truth with the scatter of a real survey and written as
the table that the recipe Illumination reads.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from awe.config import home_directory
from awe.demo.exposures import Night, recorded
from awe.localfiles import own_scratch

__all__ = ["photometry", "standards", "write_table"]

STARS = 600
SCATTER = 0.012
"""Scatter of one magnitude difference [mag]."""

Values = NDArray[np.float64]


def photometry(
    illumination: NDArray[np.float32], rng: np.random.Generator
) -> tuple[Values, Values, Values]:
    """Return what a survey measures of standard stars on one chip.

    Parameters
    ----------
    illumination : ndarray of float32, shape (ny, nx)
        Factor by which the flats are too high.
    rng : numpy.random.Generator
        Source of positions and scatter.

    Returns
    -------
    x, y : ndarray of float64, pixel
        Zero-based positions.
    difference : ndarray of float64, mag
        Measured minus true magnitude after flat-fielding.
    """
    ny, nx = illumination.shape
    x = rng.uniform(0, nx - 1, STARS)
    y = rng.uniform(0, ny - 1, STARS)
    # A flat too high by f makes a star too faint by f: +2.5 log10(f) magnitudes.
    excess = illumination[np.rint(y).astype(int), np.rint(x).astype(int)]
    difference = 2.5 * np.log10(excess.astype(np.float64)) + rng.normal(0, SCATTER, STARS)
    return x, y, difference


def write_table(path: Path, night: Night, chip: str) -> None:
    """Write the photometry of one chip of the night as `chip,x,y,difference`, FITS pixels."""
    truth = night.detector(chip).illumination
    rng = np.random.default_rng([night.seed, 4, int(chip[-2:])])
    columns = zip(*photometry(truth, rng), strict=True)
    lines = [f"{chip},{x + 1:.3f},{y + 1:.3f},{mag:.5f}" for x, y, mag in columns]
    path.write_text("\n".join(["chip,x,y,difference", *lines, ""]), encoding="utf-8")


def standards(chip: str) -> str:
    """Return the path of a table of the tutorial night's standard stars on one chip.

    It goes with the process, as everything nobody asked to keep.
    """
    number = chip.rpartition("#")[2]
    path = own_scratch().folder("standards", 0) / f"standards-{number}.csv"
    write_table(path, recorded(home_directory() / "tutorial" / "raw"), chip)
    return str(path)
