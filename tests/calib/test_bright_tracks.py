"""Bright tracks are found whatever lights them up; spikes, filaments and galaxies are none."""

from __future__ import annotations

import numpy as np
import pytest

from awe.calib import tracks
from awe.calib.tracks import lit_kernels
from awe.calib.tracks.arc import Arc

NOISE = 18.0
SHAPE = (900, 800)
SETTINGS = {"threshold": 6.5, "binning": 4, "minimum_length": 300.0}


def sky(seed, stars=80):
    rng = np.random.default_rng(seed)
    image = rng.normal(800, NOISE, SHAPE)
    y, x = np.mgrid[-20:21, -20:21]
    for _ in range(stars):
        row, column = rng.integers(21, SHAPE[0] - 21), rng.integers(21, SHAPE[1] - 21)
        box = (slice(row - 20, row + 21), slice(column - 20, column + 21))
        image[box] += 10 ** rng.uniform(2, 4.8) * np.exp(-(x**2 + y**2) / 2 / 1.6**2)
    return image


def line(angle=35.0, row=170.0, bend=0.0):
    """Return places along and across a line from the left edge, at so many degrees."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] - np.array([row, 0.0])[:, None, None]
    ux, uy = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    along, across = x * ux + y * uy, y * ux - x * uy
    return along, across - 4 * bend * along / 950 * (1 - along / 950)


def search(image, hits=None):
    pixels = np.minimum(image, 65000).astype(np.float32)
    full = pixels >= 60000
    bad = full if hits is None else full | hits
    return tracks.find(pixels, bad=bad, saturated=full, hits=hits, **SETTINGS)


LIGHT = {
    "whole": lambda along: along > -1e9,
    "three quarters of 100 pixels": lambda along: along % 100 < 75,
    "half of 100 pixels": lambda along: along % 100 < 50,
    "half of 20 pixels": lambda along: along % 20 < 10,
    "a gap of 30 per cent": lambda along: abs(along - 450) > 140,
    "the first 60 per cent": lambda along: along < 570,
    "tumbling": lambda along: 0.5 + 0.5 * np.sin(along / 60 * 2 * np.pi),
    "tumbling in 200 pixels": lambda along: 0.5 + 0.5 * np.sin(along / 200 * 2 * np.pi),
    "tumbling and fading": lambda along: (0.5 + 0.5 * np.cos(along / 150 * 2 * np.pi))
    * np.exp(-along / 1600),
}


@pytest.mark.parametrize("peak", [5.0, 300.0])
@pytest.mark.parametrize("name", LIGHT)
def test_whatever_lights_a_bright_track_up_it_is_found_once(name, peak):
    along, across = line()
    light = peak * NOISE * np.exp(-0.5 * (across / 1.9) ** 2) * LIGHT[name](along)
    found, crossed = search(sky(3) + light)
    assert len(found) == 1
    assert crossed[light > 0.3 * light.max()].mean() > 0.95
    assert crossed.mean() < 0.05


@pytest.mark.parametrize("peak", [5.0, 300.0])
def test_pixels_between_flashes_are_left(peak):
    along, across = line()
    light = peak * NOISE * np.exp(-0.5 * (across / 1.9) ** 2) * (along % 200 < 100)
    _, crossed = search(sky(4, stars=0) + light)
    assert not crossed[(abs(across) < 4) & (abs(along % 200 - 150) < 25)].any()


@pytest.mark.parametrize(
    ("peak", "sigma", "bend"),
    [(3700.0, 2.0, 0), (100.0, 17.0, 0), (10.0, 5.0, 0), (30.0, 1.9, 40)],
)
def test_saturating_wide_and_bent_ones_are_found(peak, sigma, bend):
    along, across = line(bend=bend)
    light = peak * NOISE * np.exp(-0.5 * (across / sigma) ** 2)
    _, crossed = search(sky(5) + light)
    assert crossed[(abs(across) < sigma) & (along > 20) & (along < 900)].mean() > 0.9


@pytest.mark.parametrize(
    ("sigma", "bend", "period"), [(1.9, 40, 100), (17.0, 0, 200), (12.0, 0, 150)]
)
def test_bent_and_wide_ones_that_flash_are_found_and_not_between_the_flashes(sigma, bend, period):
    along, across = line(bend=bend)
    light = 30 * NOISE * np.exp(-0.5 * (across / sigma) ** 2)
    _, crossed = search(sky(5, stars=20) + light * (along % period < 0.5 * period))
    phase, near = along % period / period, (abs(across) < sigma) & (along > 20) & (along < 900)
    assert crossed[near & (phase > 0.05) & (phase < 0.45)].mean() > 0.7
    assert crossed[near & (abs(phase - 0.75) < 0.1)].mean() < 0.35


def test_a_track_that_is_flagged_as_cosmic_rays_is_found():
    _, across = line()
    image = sky(6) + 50 * NOISE * np.exp(-0.5 * (across / 0.5) ** 2)
    found, _ = search(image, hits=abs(across) < 1)
    assert len(found) == 1


def test_spikes_filaments_and_rows_of_galaxies_are_no_tracks():
    along, across = line()
    profile = np.exp(-0.5 * (across / 2.0) ** 2)
    filament = 600 * profile * np.exp(-0.5 * ((along - 450) / 150) ** 2)
    spike = 3e4 * profile / (1 + ((along - 450) / 30) ** 2)
    row = sum(3000 * np.exp(-np.hypot(along - 80 * k - 60, across) / 6) for k in range(10))
    for number, light in enumerate((filament, spike, row)):
        assert search(sky(7 + number) + light)[0] == ()


def test_squares_of_lit_bins_are_unknown_and_a_line_is_not():
    z = np.zeros((40, 40), np.float32)
    z[5:13, 5:13] = 9
    z[30:32] = 9
    state = np.empty(z.shape, np.uint8)
    lit_kernels.states(z, np.ones(z.shape, bool), np.float32(5), 7, state)
    assert (state[4:13, 4:13] == lit_kernels.UNKNOWN).all()
    assert (state[30:32] == lit_kernels.LIT).all()
    assert (state[20] == lit_kernels.DARK).all()


def test_the_best_run_goes_over_gaps_and_ends_with_the_light():
    on = np.array([0, 1, 0, 0, 0, 0, 1, 1, 1, 0, 2, 2, 1, 1, 1, 0, 0, 1, 0, 0, 0], np.int8)
    assert lit_kernels.span(on, 0.5) == (6, 14)


def test_a_piece_of_an_arc_lies_on_it():
    arc = Arc(x0=10.0, y0=20.0, ux=0.8, uy=0.6, length=200.0, bend=15.0)
    piece = arc.part(50.0, 150.0)
    # a parabola over half its chord leaves that by a quarter
    assert piece.bend == pytest.approx(15.0 / 4, rel=1e-6)
    np.testing.assert_allclose(piece.at(50.0), arc.at(100.0), atol=1e-9)


def test_a_flashing_track_across_a_corner_may_be_dark_at_the_edges():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    along, across = (x - y) / 2**0.5 + 230, (x + y - 470) / 2**0.5
    # some 665 pixels of chord, of which the first 100 and the last are dark
    lit = (along % 90 < 50) & (along > 10) & (along < 450)
    light = 20 * NOISE * np.exp(-0.5 * (across / 1.9) ** 2) * lit
    found, crossed = search(sky(8) + light)
    assert len(found) == 1
    assert crossed[light > 0.3 * light.max()].mean() > 0.9


def test_a_strongly_bent_track_is_followed_to_both_edges():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    across = np.hypot(x - 400, y + 2300) - 2700
    light = 100 * NOISE * np.exp(-0.5 * (across / 1.9) ** 2)
    _, crossed = search(sky(9) + light)
    assert crossed[np.abs(across) < 2].mean() > 0.95


def test_half_a_track_nearly_along_an_axis_is_even():
    along, across = line(angle=0.4, row=301.0)
    light = 1000 * NOISE * np.exp(-0.5 * (across / 1.9) ** 2) * (along < 570)
    found, crossed = search(sky(10) + light)
    assert len(found) == 1
    assert crossed[(np.abs(across) < 2) & (along < 560)].mean() > 0.95


@pytest.mark.parametrize(("angle", "number"), [(35.0, 1), (0.2, 0)])
def test_an_oblique_line_as_narrow_as_a_pixel_is_a_track_and_a_row_is_not(angle, number):
    _, across = line(angle=angle)
    light = 3 * NOISE * np.exp(-0.5 * (across / 0.425) ** 2)
    assert len(search(sky(11) + light)[0]) == number
