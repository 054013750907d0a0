"""The survey behind the illumination correction measures what was injected."""

from __future__ import annotations

import numpy as np

from awe.calib.sky import illumination
from awe.demo.exposures import Night
from awe.demo.photometry import photometry


def test_the_fitted_surface_is_the_injected_one():
    truth = Night().detector("ESO_CCD_#96").illumination
    x, y, difference = photometry(truth, np.random.default_rng(3))
    surface = illumination.fit(x, y, difference, shape=truth.shape, degree=2, sigma=3.0)
    corrected = truth * surface.image()
    assert np.ptp(corrected) / corrected.mean() < 0.01
    assert np.ptp(truth) / truth.mean() > 0.003
