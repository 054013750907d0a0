"""Stars of dithered frames recover the surface the flat got wrong."""

import numpy as np
import pytest

from awe.calib.sky import dithers, stars
from awe.errors import NoValidPixels

SHAPE = (400, 360)
STEADY = 0.001


def scattered(shape=SHAPE):
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    u, v = 2 * x / (shape[1] - 1) - 1, 2 * y / (shape[0] - 1) - 1
    surface = 1 + 0.04 * (u**2 + v**2) - 0.02 * u + 0.015 * u * v
    return surface / surface.mean()


def star(x, y, flux, shape=SHAPE, sigma=1.6):
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    profile = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return flux * profile / (2 * np.pi * sigma**2)


def test_an_aperture_holds_the_light_of_a_star_with_an_honest_error():
    random = np.random.default_rng(4)
    pulls = []
    for _ in range(60):
        x, y = 60 + random.uniform(-0.5, 0.5, 2)
        light = star(x, y, 20000, (120, 120)) + 300
        frame = (random.poisson(light * 2.5) / 2.5 + random.normal(0, 2, light.shape)).astype("f4")
        found = stars.measure(frame, threshold=10, radius=8, gain=2.5, box=64)
        assert found.x.size == 1
        assert np.hypot(found.x[0] - x, found.y[0] - y) < 0.15
        pulls.append((found.flux[0] - 20000) / found.error[0])
    assert abs(np.mean(pulls)) < 0.5
    assert 0.75 < np.std(pulls) < 1.3


def test_stars_with_bad_pixels_close_neighbours_or_at_the_edge_are_left_out():
    light = star(100, 100, 30000) + star(200, 200, 30000) + star(208, 200, 10000)
    light += star(5, 300, 30000)
    bad = np.zeros(SHAPE, bool)
    bad[100, 103] = True
    found = stars.measure(
        (light + 100).astype("f4"), threshold=10, radius=8, gain=2.5, box=64, bad=bad
    )
    assert [(round(x), round(y)) for x, y in zip(found.x, found.y, strict=True)] in (
        [(200, 200)], [(201, 200)], [(202, 200)],
    )  # fmt: skip


@pytest.fixture
def campaign():
    """Measurements of 300 stars in five frames of different transparency."""
    random = np.random.default_rng(5)
    truth = scattered()
    sky = random.uniform(-100, 460, (300, 2))
    bright = random.uniform(10, 14, 300)
    columns = [[] for _ in range(6)]
    for number, (dx, dy) in enumerate([(0, 0), (90, 40), (-80, 70), (60, -120), (-70, -60)]):
        x, y = sky[:, 0] + dx, sky[:, 1] + dy
        on = (x > 0) & (x < SHAPE[1] - 1) & (y > 0) & (y < SHAPE[0] - 1)
        fainter = 2.5 * np.log10(truth[np.rint(y[on]).astype(int), np.rint(x[on]).astype(int)])
        magnitude = bright[on] + fainter + random.normal(0, 0.005, on.sum())
        magnitude += random.normal(0, 0.001)
        values = (np.flatnonzero(on), np.full(on.sum(), number), x[on], y[on], magnitude,
                  np.full(on.sum(), 0.005))
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    return [np.concatenate(column) for column in columns]


def test_the_surface_is_recovered_without_knowing_the_stars(campaign):
    surface, residual = dithers.fit(*campaign, shape=SHAPE, degree=2, sigma=3.0, steadiness=STEADY)
    corrected = scattered() * surface.image()
    assert np.ptp(scattered()) > 0.08
    assert corrected.std() / corrected.mean() < 0.003
    assert surface.rms == pytest.approx(0.005 * np.sqrt(2 / 3), rel=0.3)
    cells = dithers.residual_map(
        campaign[2], campaign[3], residual, shape=SHAPE, cells=(8, 4)
    )
    assert cells.shape == (8, 4)
    assert np.nanmax(np.abs(cells)) < 0.004


def test_curvature_does_not_depend_on_the_transparency(campaign):
    campaign[4] += 0.1 * np.sin(7.0 * campaign[1])
    surface, _ = dithers.fit(*campaign, shape=SHAPE, degree=2, sigma=3.0, steadiness=1.0)
    bowl = 2.5 * np.log10(1.04)
    assert surface.coefficients[0, 2] == pytest.approx(bowl, rel=0.08)
    assert surface.coefficients[2, 0] == pytest.approx(bowl, rel=0.08)


def test_variable_stars_do_not_bend_the_surface(campaign):
    campaign[4][::40] -= 0.4
    surface, residual = dithers.fit(*campaign, shape=SHAPE, degree=2, sigma=3.0, steadiness=STEADY)
    assert np.isnan(residual[::40]).mean() > 0.8
    assert (scattered() * surface.image()).std() < 0.004


def test_one_frame_or_too_few_stars_are_refused(campaign):
    one = [column[campaign[1] == 0] for column in campaign]
    with pytest.raises(NoValidPixels, match="add dithered exposures"):
        dithers.fit(*one, shape=SHAPE, degree=2, sigma=3.0, steadiness=STEADY)


def test_the_same_stars_are_found_again_in_frames_that_point_elsewhere():
    random = np.random.default_rng(6)
    sky = random.uniform(0, 3000, (80, 2))
    first = sky[:60]
    second = sky[20:] + np.array([1.7, -1.1]) + random.normal(0, 0.1, (60, 2))
    numbers = dithers.match([tuple(first.T), tuple(second.T)], 1.5)
    assert list(numbers[1][:40]) == list(range(20, 60))
    assert min(numbers[1][40:]) == 60
