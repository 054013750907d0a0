"""The photometry of the keys and that of photutils, on the same stars."""

from __future__ import annotations

import numpy as np
import pytest
from stars import Frame, light, observed

from awe.inspect.frame import examine

library = pytest.importorskip("photutils.aperture", reason="photutils is not installed")

SKY, GAIN, READ_NOISE = 500.0, 1.5, 3.0


@pytest.mark.parametrize("fwhm", [2.5, 4.0, 8.0])
@pytest.mark.parametrize("beta", [None, 4.0])
def test_light_in_an_aperture_is_that_of_photutils(fwhm: float, beta: float | None) -> None:
    side = int(20 * fwhm)
    x, y = side / 2 + 0.3, side / 2 - 0.2
    model = SKY + 1e5 * light((side, side), (x, y), fwhm, beta)
    pixels = observed(model, seed=int(fwhm * 10), gain=GAIN, read_noise=READ_NOISE)
    radius, inner, width = 2.0 * fwhm, 5.0 * fwhm, 3.0 * fwhm
    ours = examine(Frame(pixels, GAIN=GAIN), radius=radius, buffer=inner - radius, width=width)
    values = ours.aperture(x, y).values
    # photutils counts pixels from 0
    place = (values["x_centre"] - 1, values["y_centre"] - 1)
    ring = library.CircularAnnulus(place, inner, inner + width)
    sky = library.ApertureStats(pixels, ring).median
    circle = library.CircularAperture(place, radius)
    error = np.sqrt(np.clip(model, 0, None) / GAIN + READ_NOISE**2)
    row = library.aperture_photometry(pixels, circle, error=error)
    theirs = float(row["aperture_sum"][0]) - sky * circle.area
    of_ring = np.sqrt(np.pi / 2 / ring.area) * error[0, 0] * circle.area
    whole = float(np.hypot(row["aperture_sum_err"][0], of_ring))
    assert abs(values["flux"] - theirs) < whole
    # with one sky for both it is the same sum, pixels at the edge cut alike
    same = float(row["aperture_sum"][0]) - values["sky"] * circle.area
    assert values["flux"] == pytest.approx(same, rel=1e-6)
    assert values["sky"] == pytest.approx(sky, abs=3 * of_ring / circle.area)
