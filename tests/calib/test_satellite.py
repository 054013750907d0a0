from __future__ import annotations

import numpy as np
import pytest

from awe.calib import tracks as satellite
from awe.errors import ParameterError, WrongShape

NOISE = 18.0
SETTINGS = {"threshold": 6.5, "binning": 4, "minimum_length": 300.0}


def sky(seed, shape=(1000, 800), stars=None):
    rng = np.random.default_rng(seed)
    image = rng.normal(800, NOISE, shape)
    y, x = np.mgrid[-20:21, -20:21]
    for _ in range(shape[0] * shape[1] // 6000 if stars is None else stars):
        row, column = rng.integers(21, shape[0] - 21), rng.integers(21, shape[1] - 21)
        profile = np.exp(-(x**2 + y**2) / 2 / 1.6**2)
        box = (slice(row - 20, row + 21), slice(column - 20, column + 21))
        image[box] += 10 ** rng.uniform(2, 4.8) * profile
    image += rng.normal(0, 0.3, (shape[0], 1))
    return image, rng


def draw(image, line, peak, sigma=1.9):
    x0, y0, x1, y1 = line
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    across = ((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)) / np.hypot(x1 - x0, y1 - y0)
    light = peak * NOISE * np.exp(-0.5 * (across / sigma) ** 2)
    image += light
    return light


def find(image):
    pixels = np.minimum(image, 65000).astype(np.float32)
    return satellite.find(
        pixels, bad=np.zeros(image.shape, bool), saturated=pixels >= 60000, **SETTINGS
    )


@pytest.mark.parametrize("peak", [0.5, 1.0, 10.0])
@pytest.mark.parametrize(
    "line", [(0, 100, 799, 600), (100, 0, 500, 999), (0, 500, 799, 502), (400, 0, 404, 999)]
)
def test_a_track_is_found_where_it_is(line, peak):
    image, _ = sky(int(line[3] + 10 * peak))
    light = draw(image, line, peak)
    tracks, crossed = find(image)
    assert len(tracks) == 1
    ends = np.array([tracks[0].x0, tracks[0].y0, tracks[0].x1, tracks[0].y1])
    assert np.abs(ends - line).max() < 6
    # the mask holds the middle of the track and not much more
    assert crossed[light > 0.8 * light.max()].mean() > 0.98
    assert crossed.mean() < 0.05
    assert tracks[0].brightness == pytest.approx(peak * NOISE, rel=0.35)


def test_two_tracks_in_one_frame():
    image, _ = sky(21)
    draw(image, (0, 100, 799, 600), 1.0)
    draw(image, (200, 0, 600, 999), 0.6)
    assert len(find(image)[0]) == 2


@pytest.mark.parametrize("shape", [(400, 600), (1000, 800)])
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_on_clean_frames(shape, seed):
    image, rng = sky(100 + seed, shape)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for _ in range(4):
        row, column = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        image += 300 * np.exp(-np.hypot(y - row, (x - column) / 2) / 8)
    column = int(rng.integers(50, shape[1] - 50))
    image[:, column - 1 : column + 2] = 65535
    tracks, crossed = find(image)
    assert tracks == ()
    assert not crossed.any()


def test_a_small_window_works():
    image, _ = sky(31, (400, 600))
    draw(image, (0, 50, 599, 300), 1.0)
    assert len(find(image)[0]) == 1
    assert find(image[:60, :60])[0] == ()


def test_a_bad_column_is_no_track():
    image, _ = sky(32)
    image[:, 300] += 60
    assert find(image)[0] == ()


def test_missing_pixels_and_inputs():
    image, _ = sky(33)
    draw(image, (0, 100, 799, 600), 1.0)
    pixels = image.astype(np.float32)
    pixels[::97, ::89] = np.nan
    pixels[300:400, 300:420] = np.nan
    before = pixels.copy()
    bad = ~np.isfinite(pixels)
    tracks, _ = satellite.find(pixels, bad=bad, saturated=np.zeros_like(bad), **SETTINGS)
    assert len(tracks) == 1
    np.testing.assert_array_equal(pixels, before)


def test_refusals():
    image = np.zeros((200, 200), np.float32)
    none = np.zeros((200, 200), bool)
    with pytest.raises(ParameterError, match="BINNING"):
        satellite.find(image, bad=none, saturated=none, **(SETTINGS | {"binning": 0}))
    with pytest.raises(WrongShape, match="bad pixels"):
        satellite.find(image, bad=none[:3], saturated=none, **SETTINGS)


@pytest.mark.parametrize(("shortest", "number"), [(300.0, 1), (550.0, 0)])
def test_a_chord_across_a_corner_is_found_down_to_the_minimum_length(shortest, number):
    image, _ = sky(31, shape=(1400, 1300))
    draw(image, (0, 330, 330, 0), 1.5)
    pixels = np.minimum(image, 65000).astype(np.float32)
    nothing = np.zeros(image.shape, bool)
    settings = {**SETTINGS, "minimum_length": shortest}
    tracks, _ = satellite.find(pixels, bad=nothing, saturated=nothing, **settings)
    assert len(tracks) == number


@pytest.mark.parametrize(("line", "number"), [((402, 0, 404, 999), 0), ((200, 0, 600, 999), 1)])
def test_light_beside_a_bleeding_column_is_no_track_but_a_track_across_it_is(line, number):
    image, _ = sky(41)
    draw(image, line, 0.7)
    image[330:700, 401:406] = 65000
    tracks, _ = find(image)
    assert len(tracks) == number


def test_a_wide_line_needs_more_light_than_a_narrow_one():
    wide, narrow = (sky(42, shape=(1000, 1000), stars=0)[0] for _ in range(2))
    line = (0, 150, 999, 850)
    draw(wide, line, 0.075, sigma=5.0)
    draw(narrow, line, 0.16, sigma=1.9)
    assert len(find(narrow)[0]) == 1
    assert len(find(wide)[0]) == 0
    draw(wide, line, 0.2, sigma=5.0)
    assert len(find(wide)[0]) == 1
