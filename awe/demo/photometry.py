"""The illumination correction of the tutorial night, from photometry of standard fields.

Its inputs alone are not simulated as frames: a survey that measured many standard stars all over
the detector is stood in for by positions and magnitude differences drawn from the truth with the
scatter of such a survey. Fit, image, file and commit are those of every correction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from awe.demo.exposures import Night
from awe.recipes.arguments import common
from awe.recipes.task import Task, Unit

if TYPE_CHECKING:
    from awe.calib.illumination import Illumination
    from awe.db.calfiles import IlluminationCorrectionFrame

__all__ = ["SurveyPhotometryTask", "photometry"]

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
    excess = illumination[np.rint(y).astype(int), np.rint(x).astype(int)]
    difference = 2.5 * np.log10(excess.astype(np.float64)) + rng.normal(0, SCATTER, STARS)
    return x, y, difference


class SurveyPhotometryTask(Task):
    """Draw the illumination correction of a chip from the photometry of a survey."""

    makes: ClassVar[tuple[str, ...]] = ("IlluminationCorrectionFrame", "IlluminationCorrection")
    arguments = common("instrument", "date", "filter", "chip", "pars", "commit")

    night: Night

    def units(self) -> list[Unit]:
        """Return one unit per chip."""
        from awe.recipes.selection import chips_of_night

        return chips_of_night(self)

    def make(self, unit: Unit) -> IlluminationCorrectionFrame:
        """Return the correction of the unit's chip as an image, mean 1."""
        from awe.db.calfiles import IlluminationCorrection, IlluminationCorrectionFrame
        from awe.recipes.inputs import finish

        parameters = self.parameters("IlluminationCorrection")
        surface = self._surface(unit.chip.name, parameters.DEGREE, parameters.SIGMA_CLIP)
        numbers = IlluminationCorrection(
            coefficients=[float(value) for value in surface.coefficients.ravel()],
            degree=parameters.DEGREE,
            process_params=parameters,
        )
        finish(self, unit, numbers)
        image = surface.image()
        product = IlluminationCorrectionFrame(
            illumination_correction=numbers, process_params=parameters
        )
        finish(self, unit, product, image)
        self.write(product, image, unit="")
        return product

    def _surface(self, chip: str, degree: int, sigma: float) -> Illumination:
        from awe.calib import illumination

        truth = self.night.detector(chip).illumination
        rng = np.random.default_rng([self.night.seed, 4, int(chip[-2:])])
        x, y, difference = photometry(truth, rng)
        shape = (truth.shape[0], truth.shape[1])
        return illumination.fit(x, y, difference, shape=shape, degree=degree, sigma=sigma)
