"""The matrix of world coordinates is the same whichever way a header writes it."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS

from awe.instruments import SAME_MATRIX
from awe.instruments._linear import MATRIX, astrom_of

PLACE = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 314.0, "CRVAL2": 31.3,
    "CRPIX1": -1198.0, "CRPIX2": -2948.0,
}  # fmt: skip
PC = {"PC1_1": 1.52e-4, "PC1_2": -3.5e-5, "PC2_1": 3.5e-5, "PC2_2": 1.52e-4}


@pytest.mark.filterwarnings("ignore:'unitfix' made the change")
@pytest.mark.parametrize(
    "cards",
    [
        {"CD1_1": -2e-4, "CD1_2": 1e-5, "CD2_1": 1e-5, "CD2_2": 2e-4},
        {"CD1_1": -2e-4, "CD2_2": 2e-4},
        {**PC, "CDELT1": 1.0, "CDELT2": 1.0},
        PC,
        {"PC1_1": 0.8, "PC1_2": -0.6, "PC2_1": 0.6, "PC2_2": 0.8, "CDELT1": -3e-4,
         "CDELT2": 2e-4},
        {"CDELT1": -3e-4, "CDELT2": 2e-4},
        {"CDELT1": -3e-4, "CDELT2": 2e-4, "CROTA2": 12.8},
        {"CDELT1": -3e-4, "CDELT2": 2e-4, "CROTA1": 12.8, "CROTA2": 12.8},
        {"CDELT1": -3e-4, "CDELT2": 2e-4, "CROTA2": 12.8, "CD1_1": 1e-4, "CD2_2": 1e-4},
        {"CDELT1": -3e-4, "CDELT2": 2e-4, "CUNIT1": "deg", "CUNIT2": "degree"},
    ],
)  # fmt: skip
def test_it_is_that_of_astropy(cards):
    found = astrom_of({**PLACE, **cards})
    told = WCS(Header({**PLACE, **cards})).pixel_scale_matrix
    np.testing.assert_allclose(np.reshape([found[name] for name in MATRIX], (2, 2)), told)
    assert {name: found[name] for name in PLACE} == PLACE
    assert not set(found) & set(SAME_MATRIX)


@pytest.mark.parametrize(
    "cards",
    [
        {}, {"CDELT1": 1e-4}, {"CDELT1": 0.0, "CDELT2": 0.0}, {"CD1_1": 1e-4}, {"CROTA2": 3.0},
        {**PC, "CTYPE1": "GLON-TAN"}, {**PC, "CRPIX1": "12"}, {**PC, "CUNIT1": "arcsec"},
    ],
)  # fmt: skip
def test_what_tells_no_place_gives_none(cards):
    assert astrom_of({**PLACE, **cards}) == {}
