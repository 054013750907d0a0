"""Reduce leaves stars alone that saturate or have a bad pixel in them: measured on files."""

import numpy as np
import pytest

from awe.calib.flags import PixelFlag
from awe.model.raw import RawScienceFrame

PLACES = (20, 60, 100, 140)


def reduced(night, stars, fwhm, peak, hits=()):
    """Return reasons of the pixels of a reduced frame with stars of one height."""
    from awe import recipes

    y, x = np.mgrid[0 : night.shape[0], 0 : night.shape[1]]
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / 3) - 1))
    light = np.full(night.shape, 700.0)
    for row, column in stars:
        light += peak * (1 + ((y - row) ** 2 + (x - column) ** 2) / alpha**2) ** -3.0
    for row, column in hits:
        light[row, column : column + 4] += 1500
    raw = night.put(RawScienceFrame, night.raw(light), night.template.start)
    task = recipes.find("Reduce")(
        instrument="OMEGACAM", raw_filenames=[raw.filename], chip="ESO_CCD_#65"
    )
    return task.execute()[0].to_ccddata().flags


@pytest.mark.parametrize("peak", [60500, 66000, 100000])
def test_saturated_stars_are_not_flagged_as_hits_and_hits_between_them_are(calibrated, peak):
    rng = np.random.default_rng(peak)
    stars = np.array([(row, column) for row in PLACES for column in PLACES])
    stars = stars + rng.uniform(-0.5, 0.5, stars.shape)
    hits = [(row + 20, column + 18) for row in PLACES[:3] for column in PLACES[:3]]
    flags = reduced(calibrated, stars, 3.6, peak, hits)
    assert (flags & PixelFlag.SATURATED != 0).any()
    found = flags & PixelFlag.COSMIC != 0
    for row, column in hits:
        assert found[row, column : column + 4].all()
        found[row - 3 : row + 4, column - 3 : column + 7] = False
    assert found.sum() <= 2


def test_a_cold_or_hot_pixel_in_a_star_is_no_hole(calibrated):
    stars = [*calibrated.cold, *calibrated.hot, (60, 140), (130, 160)]
    flags = reduced(calibrated, stars, 2.8, 30000)
    for place in (*calibrated.cold, *calibrated.hot):
        assert flags[place] & (PixelFlag.COLD | PixelFlag.HOT)
    assert (flags & PixelFlag.COSMIC != 0).sum() <= 2
