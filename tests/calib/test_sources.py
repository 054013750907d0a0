"""Sources of a frame against what was put into it."""

import numpy as np
import pytest

from awe.calib.extraction import detection, noise
from awe.calib.extraction.catalogue import measure
from awe.calib.extraction.detection import Settings
from awe.calib.flags import PixelFlag
from awe.errors import NoValidPixels

SIGMA = 1.6
SETTINGS = {
    "threshold": 1.5, "minimum_area": 5, "deblend_levels": 32, "deblend_contrast": 0.005,
    "clean": 1.0, "box": 64, "median": 3, "apertures": (10.0, 7.5), "kron_factor": 2.5,
    "kron_minimum": 3.5, "gain": 2.0, "correlation": 0.0,
}  # fmt: skip


def settings(**changes):
    return Settings(**{**SETTINGS, **changes})


def stars(shape=(400, 400), number=60, seed=1, flux=(2000.0, 60000.0), wide=0):
    """Stars on a grid with some jitter, and their truth."""
    random = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(number)))
    step = (shape[0] - 40) / side
    grid = np.array([(20 + step * (k % side + 0.5), 20 + step * (k // side + 0.5))
                     for k in range(number)])  # fmt: skip
    places = grid + random.uniform(-3, 3, grid.shape)
    light = np.exp(random.uniform(*np.log(flux), number))
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    image = np.full(shape, 300.0)
    for k, ((px, py), f) in enumerate(zip(places, light, strict=True)):
        s = SIGMA * (1.8 if k < wide else 1.0)
        image += f * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * s * s)) / (2 * np.pi * s * s)
    image = random.poisson(image * 2.0) / 2.0 + random.normal(0, 3, shape)
    return image.astype(np.float32), places, light


def matched(found, places):
    """Return for each truth the index of its source; all must be there."""
    x, y = found.columns["XWIN_IMAGE"] - 1, found.columns["YWIN_IMAGE"] - 1
    distance = np.hypot(x[None] - places[:, :1], y[None] - places[:, 1:])
    assert (distance.min(axis=1) < 1).all()
    return distance.argmin(axis=1)


def test_places_light_and_errors_are_true():
    pulls, offs = [], []
    for seed in range(6):
        image, places, light = stars(seed=seed)
        before = image.copy()
        found = measure(image, settings())
        assert (image == before).all()
        at = matched(found, places)
        columns = {name: values[at] for name, values in found.columns.items()}
        assert np.median(columns["FLUX_AUTO"] / light) == pytest.approx(1, abs=0.01)
        east = columns["XWIN_IMAGE"] - 1 - places[:, 0]
        north = columns["YWIN_IMAGE"] - 1 - places[:, 1]
        offs.append(np.hypot(east, north) / columns["PosErr"])
        inside = 1 - np.exp(-(5.0**2) / (2 * SIGMA**2))
        pulls.append((columns["FLUX_APER_10"] - inside * light) / columns["FLUXERR_APER_10"])
        # PosErr is the error of both axes together
        assert (columns["FLAG"] == 0).mean() > 0.9
        assert (columns["CLASS_STAR"] > 0.5).mean() > 0.9
    assert np.concatenate(pulls).std() == pytest.approx(1.0, abs=0.12)
    assert np.sqrt(np.mean(np.concatenate(offs) ** 2)) == pytest.approx(1.0, abs=0.2)
    assert found.correlation == 1.0


def test_the_order_of_bytes_does_not_matter():
    image, _, _ = stars()
    one = measure(image, settings())
    other = measure(image.astype(">f4"), settings())
    for name, values in one.columns.items():
        np.testing.assert_array_equal(values, other.columns[name], err_msg=name)


def test_galaxies_are_larger_than_stars():
    image, places, _ = stars(wide=20, flux=(10000.0, 60000.0))
    found = measure(image, settings())
    stellar = found.columns["CLASS_STAR"][matched(found, places)]
    assert (stellar[:20] < 0.05).all()
    assert (stellar[20:] > 0.5).mean() > 0.95


def test_a_masked_part_of_an_aperture_is_in_light_and_error():
    image, places, light = stars(number=16, flux=(20000.0, 20001.0))
    reasons = np.zeros(image.shape, np.uint16)
    x, y = np.rint(places[5]).astype(int)
    reasons[y - 6 : y + 7, x + 3 : x + 5] = PixelFlag.HOT
    image[reasons != 0] = 60000
    clean = measure(image.clip(0, 2000), settings())
    found = measure(image, settings(), reasons=reasons)
    at = matched(found, places)
    flux, error = found.columns["FLUX_APER_10"], found.columns["FLUXERR_APER_10"]
    others = np.delete(at, 5)
    assert flux[at[5]] == pytest.approx(light[5], rel=0.2)
    assert error[at[5]] > 1.05 * np.median(error[others])
    assert found.columns["FLAG"][at[5]] & 1
    assert found.columns["IMAFLAGS_ISO"][at[5]] & PixelFlag.HOT
    assert not (found.columns["FLAG"][others] & 1).any()
    assert clean.columns["SID"].size


def test_windowed_positions_do_not_move_to_a_brighter_neighbour():
    y, x = np.mgrid[0:200, 0:200]
    random = np.random.default_rng(2)
    image = random.normal(100, 5, (200, 200))
    for px, py, f in ((100.0, 100.0, 90000), (108.0, 100.0, 12000)):
        image += f * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * SIGMA**2)) / (
            2 * np.pi * SIGMA**2
        )
    found = measure(image, settings(deblend_contrast=0.001))
    off = np.hypot(found.columns["XWIN_IMAGE"] - 109, found.columns["YWIN_IMAGE"] - 101)
    assert off.min() < 1.0
    assert found.columns["FLAG"][off.argmin()] & 2


def test_saturated_stars_stay_one_source_with_their_flag():
    image, places, _ = stars(number=9, flux=(400000.0, 400001.0))
    reasons = np.where(image > 15000, PixelFlag.SATURATED, 0).astype(np.uint16)
    assert reasons.any()
    found = measure(np.minimum(image, 15000), settings(), reasons=reasons)
    assert (found.columns["FLAG"][matched(found, places)] & 4).all()
    assert found.columns["SID"].size <= 12


def test_correlated_noise_is_measured_and_makes_errors_larger():
    random = np.random.default_rng(3)
    white = random.normal(0, 5, (600, 600)).astype(np.float32)
    kernel = (white + np.roll(white, 1, 0) + np.roll(white, 1, 1) + np.roll(white, (1, 1), (0, 1)))
    smooth = kernel / 2
    # the mean of four neighbours: sums of many pixels are twice as noisy as from their scatter
    empty = np.ones(smooth.shape, np.bool_)
    scale = np.full(smooth.shape, smooth.std(), np.float32)
    assert noise.correlation_factor(smooth, scale, empty) == pytest.approx(1.85, abs=0.15)
    assert noise.correlation_factor(white, np.full_like(white, 5), empty) == 1.0
    y, x = np.mgrid[0:600, 0:600]
    image = smooth + 3000 * np.exp(-((x - 300) ** 2 + (y - 300) ** 2) / 6) / 19
    plain = measure(image, settings(correlation=1.0, threshold=4))
    told = measure(image, settings(threshold=4))
    ratio = told.columns["FLUXERR_APER_10"].max() / plain.columns["FLUXERR_APER_10"].max()
    assert ratio > 1.2


def test_a_search_that_overflows_is_repeated_with_a_higher_threshold(monkeypatch):
    image, _places, _ = stars(number=100, flux=(20000.0, 90000.0))
    monkeypatch.setattr(detection, "_LEAST_BUFFER", 900)
    monkeypatch.setattr(detection, "_BUFFER_PARTS", (0.0, 0.0))
    found = measure(image, settings(threshold=1.0))
    assert found.threshold > 1.0
    assert found.columns["SID"].size > 50
    monkeypatch.setattr(detection, "_LEAST_BUFFER", 20)
    with pytest.raises(NoValidPixels, match="overflows"):
        measure(image, settings())


@pytest.mark.parametrize("spoil", ["all bad", "no noise", "nan"])
def test_what_cannot_show_sources_is_refused(spoil):
    image = np.full((100, 100), 5.0)
    reasons = None
    if spoil == "all bad":
        reasons = np.full(image.shape, PixelFlag.HOT, np.uint16)
    if spoil == "nan":
        image[:] = np.nan
    with pytest.raises(NoValidPixels) as caught:
        measure(image, settings(), reasons=reasons)
    assert "\n" not in str(caught.value)


def test_a_frame_without_sources_has_none():
    image = np.random.default_rng(4).normal(100, 5, (300, 300))
    found = measure(image, settings(threshold=6.0))
    assert all(values.size == 0 for values in found.columns.values())
    assert np.isnan(found.star_radius)
