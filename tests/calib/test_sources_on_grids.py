"""Sources on sums of regridded frames: true errors, weights, and the sources of other frames."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.spatial import cKDTree

from awe.calib.coaddition import Combine, Layer, coadd
from awe.calib.extraction.catalogue import found_in, measure
from awe.calib.extraction.detection import Settings
from awe.calib.extraction.discs import in_discs
from awe.calib.extraction.noise import circle_factors
from awe.calib.flags import FLAG_DTYPE, PixelFlag
from awe.calib.resample import mapping, regrid
from awe.errors import WrongShape

GAIN = 2.5
SKY = 400.0
SIGMA = 1.7
#: pixels of the grid in those of the frames
RATIO = 0.938
SIDE = 860
STEP = 34.0
#: shifts of the frames along x and y [pixel]
DITHERS = ((0.0, 0.0), (3.3, 5.71), (-4.52, 2.2), (2.75, -6.4))
NOISE = (SKY / GAIN + 4) ** 0.5


def settings(**changes: Any) -> Settings:
    values: dict[str, Any] = {
        "threshold": 2.0, "minimum_area": 5, "deblend_levels": 32, "deblend_contrast": 0.005,
        "clean": 1, "box": 64, "median": 3, "apertures": (9.0,), "kron_factor": 2.5,
        "kron_minimum": 3.5, "gain": GAIN, "correlation": 0,
    }  # fmt: skip
    return Settings(**{**values, **changes})


def stars() -> tuple[Any, Any, Any]:
    """Places [pixel of the first frame] and light of stars that are far from each other."""
    rng = np.random.default_rng(4)
    at = np.arange(30, SIDE - 30, STEP)
    x, y = (plane.ravel() + rng.uniform(-1, 1, at.size**2) for plane in np.meshgrid(at, at))
    return x, y, 10 ** rng.uniform(3.4, 4.5, x.size)


@cache
def summed(*, quiet: bool = False) -> tuple[Any, float]:
    """The sum of dithered frames on a finer grid, and the photons of a count where all are."""
    x, y, flux = stars()
    layers = []
    for number, (right, up) in enumerate(DITHERS):
        rng = np.random.default_rng(number)
        frame = np.full((SIDE, SIDE), SKY)
        reach = np.arange(-12, 13)
        for px, py, light in zip(x + right, y + up, flux, strict=True):
            i, j = round(px), round(py)
            if 12 < i < SIDE - 13 and 12 < j < SIDE - 13:
                across = np.exp(-((i + reach - px) ** 2) / 2 / SIGMA**2)
                along = np.exp(-((j + reach - py) ** 2) / 2 / SIGMA**2)
                cut = frame[j - 12 : j + 13, i - 12 : i + 13]
                cut += light / (2 * np.pi * SIGMA**2) * along[:, None] * across
        variance = np.float32(frame / GAIN + 4)
        if not quiet:
            frame = rng.poisson(frame * GAIN) / GAIN + rng.normal(0, 2, frame.shape)
        size = int((SIDE - 20) / RATIO)

        def place(gx: Any, gy: Any, right: float = right, up: float = up) -> Any:
            return gx * RATIO + 10 + right, gy * RATIO + 10 + up

        new = regrid(
            np.float32(frame - SKY), variance, np.zeros(frame.shape, FLAG_DTYPE),
            np.ones(frame.shape, np.float32), mapping(place, (size, size), tolerance=1e-3),
        )  # fmt: skip
        inside = np.isfinite(new.image)
        image, weight = np.where(inside, new.image, 0), np.where(inside, new.weight, 0)
        layers.append(Layer(
            row=0, column=0, shape=image.shape, noise=NOISE * RATIO / new.correlation,
            gain=GAIN * new.correlation**2,
            read=lambda rows, image=image, weight=weight: (image[rows], weight[rows]),
        ))  # fmt: skip
    found = coadd(layers, layers[0].shape, method=Combine.CLIPPED, sigma=4.0, fraction=0.3)
    return found, GAIN * len(layers)


def test_errors_on_a_sum_are_true_within_a_twentieth() -> None:
    x, y, flux = stars()
    found, gain = summed()
    made = measure(found.image, settings(gain=gain, box=128), weight=found.weight)
    assert made.correlation > 1.1
    columns = made.columns
    places = np.c_[(x - 10) / RATIO, (y - 10) / RATIO]
    off, star = cKDTree(places).query(np.c_[columns["Xpos"] - 1, columns["Ypos"] - 1])
    good = (off < 1) & (columns["FLAG"] == 0)
    assert good.sum() > 450
    # a sum over pixels sees a star as wide as its pixels make it
    inside = 1 - np.exp(-(4.5**2) / 2 / ((SIGMA / RATIO) ** 2 + 1 / 12))
    pull = ((columns["FLUX_APER_9"] - inside * flux[star]) / columns["FLUXERR_APER_9"])[good]
    assert abs(np.median(pull)) < 0.15
    assert pull.std() == pytest.approx(1.0, abs=0.05)
    # errors of peers, which take pixels for independent, are too small by the factor measured
    alone = measure(
        found.image, settings(gain=gain, box=128, correlation=1.0), weight=found.weight
    )
    assert np.median(alone.columns["FLUXERR_APER_9"] / columns["FLUXERR_APER_9"]) < 0.9
    moved = np.hypot(columns["XWIN_IMAGE"] - 1 - places[star, 0],
                     columns["YWIN_IMAGE"] - 1 - places[star, 1])[good]  # fmt: skip
    expected = columns["PosErr"][good]
    assert np.sqrt(np.mean(moved**2) / np.mean(expected**2)) == pytest.approx(1.0, abs=0.15)


def test_light_and_errors_in_small_circles_are_those_of_the_stars() -> None:
    x, y, flux = stars()
    found, gain = summed()
    sizes = (3.0, 4.0, 5.0, 7.0, 8.0, 9.0, 13.0)
    made = measure(
        found.image, settings(gain=gain, box=128, apertures=sizes), weight=found.weight
    ).columns
    places = np.c_[(x - 10) / RATIO, (y - 10) / RATIO]
    off, star = cKDTree(places).query(np.c_[made["Xpos"] - 1, made["Ypos"] - 1])
    good = (made["FLAG"] == 0) & (off < 1)
    assert good.sum() > 450
    for size in sizes:
        # in small circles light is that of the surface, in others that of squares
        width = (SIGMA / RATIO) ** 2 + (1 / 12 if size > 8 else 0)
        truth = (1 - np.exp(-(size**2) / 8 / width)) * flux[star]
        pull = ((made[f"FLUX_APER_{size:g}"] - truth) / made[f"FLUXERR_APER_{size:g}"])[good]
        assert pull.std() == pytest.approx(1.0, abs=0.05), size
        assert abs(np.median(pull)) < 0.3, size


def test_a_small_circle_holds_the_same_light_wherever_in_its_pixel_a_star_is() -> None:
    rng = np.random.default_rng(8)
    x, y = rng.uniform(25, 35, (2, 200))
    for fwhm, limit in ((2.0, 0.01), (3.0, 1e-3), (4.0, 1e-4)):
        s = fwhm / 2.3548
        ratios = []
        for px, py in zip(x, y, strict=True):
            along, across = (np.exp(-((np.arange(60) - p) ** 2) / 2 / s**2) for p in (py, px))
            frame = np.float32(1e4 / (2 * np.pi * s**2) * along[:, None] * across)
            bad = np.zeros(frame.shape, bool)
            light = in_discs(frame, bad, np.array([px]), np.array([py]), 1.5)[0]
            ratios.append(light / 1e4 / (1 - np.exp(-(1.5**2) / 2 / s**2)))
        assert np.abs(np.array(ratios) / np.median(ratios) - 1).max() < limit, fwhm
        assert np.median(ratios) == pytest.approx(1, abs=0.02 if fwhm == 2 else 3e-3)


def test_circles_next_to_what_is_bad_or_not_there_are_told() -> None:
    frame, bad = np.ones((60, 60), np.float32), np.zeros((60, 60), bool)
    bad[30, 34] = True
    x, y = np.array([30.0, 28.0, 9.0, 50.4, 30.0]), np.array([30.0, 30.0, 30.0, 20.0, 56.0])
    found = in_discs(frame, bad, x, y, 2.0)
    assert list(np.isnan(found)) == [True, False, True, True, True]
    assert found[1] == pytest.approx(np.pi * 4, rel=1e-4)


def test_noise_of_circles_is_measured_where_nothing_is() -> None:
    rng = np.random.default_rng(2)
    sky, noise = np.float32(rng.normal(0, 3, (900, 900))), np.full((900, 900), 3, np.float32)
    empty = np.ones(sky.shape, bool)
    alone = circle_factors(sky, noise, empty, (3.0, 9.0), 1.0)
    # a pixel held in part counts by the square of that part
    assert 0.85 < alone[0] < 0.95
    assert alone[1] == pytest.approx(0.96, abs=0.04)
    shared = np.float32(sky + np.roll(sky, 1, 0) + np.roll(sky, 1, 1))
    small, large = circle_factors(shared, noise, empty, (3.0, 21.0), 1.0)
    assert 1.2 < small < large < 3**0.5
    # what belongs to a source does not count, and without places what is given is returned
    spoilt = sky.copy()
    spoilt[:450] += 1000 * np.float32(rng.random((450, 900)))
    empty[:450] = False
    assert circle_factors(spoilt, noise, empty, (9.0,), 1.0)[0] == pytest.approx(0.96, abs=0.06)
    assert circle_factors(sky, noise, empty & False, (9.0,), 1.3) == (1.3,)
    assert circle_factors(sky[:6, :6], noise[:6, :6], empty[:6, :6], (9.0,), 1.3) == (1.3,)


def test_less_weight_is_more_noise_and_fewer_photons() -> None:
    rng = np.random.default_rng(3)
    weight = np.ones((300, 300), np.float32)
    weight[:, 150:] = 0.25
    weight[100:110] = 0
    image = np.float32(rng.normal(0, 5, weight.shape) / np.sqrt(np.maximum(weight, 0.01)))
    for px in (60, 230):
        image[199:202, px - 1 : px + 2] += 900
    found = measure(image, settings(correlation=1.0, box=32), weight=weight)
    left, right = found.columns["FLUXERR_APER_9"]
    sky = 25 * np.pi * 4.5**2
    assert left**2 == pytest.approx(sky + found.columns["FLUX_APER_9"][0] / GAIN, rel=0.1)
    assert right**2 == pytest.approx(4 * sky + 4 * found.columns["FLUX_APER_9"][1] / GAIN, rel=0.1)
    with pytest.raises(WrongShape, match="weight"):
        measure(image, settings(), weight=weight[:10])


def test_sources_of_another_frame_are_measured_at_their_places() -> None:
    rng = np.random.default_rng(5)
    deep, shallow = (np.float32(rng.normal(0, noise, (200, 200))) for noise in (1.0, 4.0))
    for image, light in ((deep, 80.0), (shallow, 20.0)):
        image[99:102, 49:52] += light
    other = found_in(deep, settings(box=32))
    found = measure(shallow, settings(box=32), searched=other)
    alone = measure(deep, settings(box=32))
    assert found.columns["SID"].size == alone.columns["SID"].size == 1
    for name in ("Xpos", "A", "KRON_RADIUS", "NPIX"):
        assert found.columns[name][0] == alone.columns[name][0]
    # the window is that of the frame the source was found in, and so is its place
    centre = alone.columns["XWIN_IMAGE"][0]
    assert found.columns["XWIN_IMAGE"][0] == pytest.approx(centre, abs=0.01)
    for name in ("FLUX_ISO", "FLUX_AUTO", "FLUX_APER_9"):
        pull = found.columns[name][0] - alone.columns[name][0] / 4
        assert abs(pull) < 4 * found.columns[name.replace("FLUX", "FLUXERR")][0]
    assert found.columns["MaxVal"][0] == pytest.approx(shallow[99:102, 49:52].max(), abs=2)


def test_a_filled_neighbour_is_told_and_the_edge_of_a_grid_is_an_edge() -> None:
    image = np.float32(np.random.default_rng(6).normal(0, 5, (200, 200)))
    reasons = np.zeros(image.shape, np.uint16)
    for px in (50, 120, 150):
        image[99:102, px - 1 : px + 2] += 900
    reasons[98:103, 119:124] = PixelFlag.INTERPOLATED
    reasons[:, 152:] = PixelFlag.OUTSIDE
    image[:, 152:] = np.nan
    found = measure(image, settings(box=32), reasons=reasons).columns
    assert list(found["IMAFLAGS_ISO"]) == [0, PixelFlag.INTERPOLATED, PixelFlag.OUTSIDE]
    assert [flag & (1 | 8) for flag in found["FLAG"]] == [0, 0, 9]
