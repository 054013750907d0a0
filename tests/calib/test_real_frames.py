"""Reference numbers of real frames, taken from the SOURCE.md beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from awe.calib import cosmic, overscan, statistics, trim
from awe.calib.geometry import ChipGeometry

DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real frames is not here"),
    pytest.mark.filterwarnings("ignore"),
]


def read(name):
    with fits.open(DATA / name, memmap=False) as units:
        return units[0].data, units[0].header


def test_kelt16_step_by_step():
    folder = "kelt16_minireduction/"
    raw, _ = read(folder + "kelt-16-b-S001-R001-C084-r.fit.gz")
    bias, _ = read(folder + "combined_bias.fit.gz")
    dark, _ = read(folder + "combined_dark_90.000.fit.gz")
    flat, _ = read(folder + "combined_flat_filter_r.fit.gz")
    image = raw.astype(np.float32)
    medians = [statistics.median(image)]
    maxima = [image.max()]
    flat = flat.astype(np.float32) / flat.mean(dtype=np.float64).astype(np.float32)
    for step in (lambda a: a - bias, lambda a: a - dark, lambda a: a / flat):
        image = np.asarray(step(image), np.float32)
        medians.append(statistics.median(image))
        maxima.append(image.max())
    assert medians == pytest.approx([1102.0, 51.20, 46.40, 46.39], abs=0.01)
    assert maxima == pytest.approx([16263, 15197, 153.7, 153.9], abs=0.6)


@pytest.mark.parametrize(("name", "levels"), [("b1", (945.1, 966.4)), ("b27", (940.8, 961.7))])
def test_kast_amplifiers_have_their_own_levels(name, levels):
    raw, _ = read(f"kast_lick_raw/{name}.fits.gz")
    for strip, level in zip(("[2049:2080,1:{}]", "[2081:2112,1:{}]"), levels, strict=True):
        ny, nx = raw.shape
        geometry = ChipGeometry(
            nx=nx, ny=ny, active=f"[1:1024,1:{ny}]", overscan_x=strip.format(ny)
        )
        found = overscan.measure(raw, geometry, 6)
        assert found.values.mean() == pytest.approx(level, abs=0.3)
        assert 2.8 < found.sigma < 3.8


def test_saao_overscan_sky_noise_and_hits():
    raw, header = read("saao_ste3_raw/a8280271.fits.gz")
    geometry = ChipGeometry(
        nx=raw.shape[1], ny=raw.shape[0], active=header["TRIMSEC"], overscan_x=header["BIASSEC"]
    )
    assert overscan.measure(raw, geometry, 2).values[0, 0] == pytest.approx(214, abs=0.5)
    assert overscan.measure(raw, geometry, 2).sigma == pytest.approx(3.03, abs=0.1)
    image = trim.trim(overscan.correct(raw, geometry, 2), geometry)
    numbers = statistics.clipped(image, sigma=5.0, iterations=10)
    assert numbers.median == pytest.approx(86, abs=0.5)
    assert numbers.stdev == pytest.approx(7.6, abs=0.2)
    found = cosmic.find(
        image, gain=1.9, read_noise=5.0, sigma=4.5, neighbour_fraction=0.3, sharpness=5.0,
        iterations=4, saturation=65536 / 1.9, groups=0.0, pad=0,
    )
    import astroscrappy

    mask, _ = astroscrappy.detect_cosmics(
        np.ascontiguousarray(image), gain=1.9, readnoise=5.0, sigclip=4.5, sigfrac=0.3,
        objlim=5.0, sepmed=True,
    )
    assert (found.bad == mask).all()
    assert found.count == pytest.approx(174, abs=10)


def test_the_kept_mask_names_the_warm_kernels():
    from awe import calib

    assert calib.warm() < 120
