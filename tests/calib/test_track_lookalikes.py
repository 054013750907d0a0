"""What looks like a track and is none: its light rises and falls, fades, or leaves the line."""

from __future__ import annotations

import numpy as np
import pytest

from awe.calib import tracks
from awe.calib.tracks.bins import runs
from awe.calib.tracks.evenness import has_trend
from benchmarks import bright_tracks, track_kinds
from benchmarks.tracks import expose_light, search_all

NOISE = 18.0
SHAPE = (1000, 900)
SETTINGS = {"threshold": 6.5, "binning": 4, "minimum_length": 300.0}


def sky(seed, stars=120):
    rng = np.random.default_rng(seed)
    image = rng.normal(800, NOISE, SHAPE)
    y, x = np.mgrid[-20:21, -20:21]
    for _ in range(stars):
        row, column = rng.integers(21, SHAPE[0] - 21), rng.integers(21, SHAPE[1] - 21)
        box = (slice(row - 20, row + 21), slice(column - 20, column + 21))
        image[box] += 10 ** rng.uniform(1.5, 4.5) * np.exp(-(x**2 + y**2) / 2 / 1.6**2)
    return image


def places(row, column, angle):
    """Return places along and across a line through a place, at so many degrees."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] - np.array([row, column])[:, None, None]
    ux, uy = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return x * ux + y * uy, y * ux - x * uy


def search(image):
    pixels = np.minimum(image, 65000).astype(np.float32)
    full = pixels >= 60000
    return tracks.find(pixels, bad=full, saturated=full, **SETTINGS)[0]


def filament(peak, fade, width, row, column, angle, waves=None):
    along, across = places(row, column, angle)
    if waves:
        height, length = waves
        across = across + height * np.sin(along / length)
    return peak * NOISE * np.exp(-0.5 * (along / fade) ** 2 - 0.5 * (across / width) ** 2)


#: peak [noise], length of the fading, width, a place, angle, and waves
FILAMENTS = {
    "across a corner": (8, 260, 5, 760, 680, -45),
    "across a corner, narrow": (8, 260, 1.9, 760, 680, -45),
    "a short piece, wide": (1.2, 400, 3.4, 870, 800, -35),
    "cut by an edge": (8, 390, 4, 0, 420, 62),
    "wavy": (12, 400, 4, 480, 450, 20, (40, 70)),
    "wavy and long": (14, 380, 3, 480, 450, 70, (25, 110)),
}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", FILAMENTS)
def test_filaments_are_no_tracks(name, seed):
    assert search(sky(seed) + filament(*FILAMENTS[name])) == ()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_spikes_of_two_stars_on_one_row_are_no_track(seed):
    image = sky(seed)
    for column, peak in ((90, 4000), (760, 900)):
        along, across = places(600, column, 0.1)
        image += peak / (1 + (along / 55) ** 2) * np.exp(-0.5 * (across / 2.4) ** 2)
        image += 100 * peak * (1 + (along**2 + across**2) / 12) ** -1.6
    assert search(image) == ()


@pytest.mark.parametrize("sigma", [1.9, 5.0])
@pytest.mark.parametrize("peak", [1.0, 8.0])
def test_a_track_with_the_same_light_across_a_corner_is_one(sigma, peak):
    across = places(650, 600, -45)[1]
    found = search(sky(5) + peak * NOISE * np.exp(-0.5 * (across / sigma) ** 2))
    assert len(found) == 1


def among_hits(seed, number):
    """Return a sky and its hits: of 4500 a tenth of the pixels are."""
    image = sky(seed)
    rng = np.random.default_rng(seed)
    hit = np.zeros(SHAPE, np.bool_)
    for _ in range(number):
        angle, length = rng.uniform(0, np.pi), rng.uniform(2, 34)
        steps = np.arange(0, length, 0.5)
        rows = (rng.uniform(0, SHAPE[0]) + steps * np.sin(angle)).astype(int) % SHAPE[0]
        columns = (rng.uniform(0, SHAPE[1]) + steps * np.cos(angle)).astype(int) % SHAPE[1]
        image[rows, columns] += rng.uniform(15, 120) * NOISE
        hit[rows, columns] = True
    return image, hit


@pytest.mark.parametrize("number", [2500, 4500])
@pytest.mark.parametrize("seed", [1, 2, 10, 12, 13])
def test_thousands_of_hits_hide_no_bright_track_and_make_none(seed, number):
    image, hit = among_hits(seed, number)
    along, across = places(480, 450, 74 + seed)
    # with a gap of a third
    light = 100 * NOISE * np.exp(-0.5 * (across / 1.9) ** 2) * (np.abs(along) > 150)
    on = (np.abs(across) < 3) & (np.abs(along) > 160)
    for added, expected in ((0.0, 0), (light, 1)):
        pixels = np.minimum(image + added, 65000).astype(np.float32)
        full = pixels >= 60000
        found, crossed = tracks.find(
            pixels, bad=full | hit, saturated=full, hits=hit, **SETTINGS
        )
        assert len(found) == expected
    assert crossed[on].mean() > 0.95


def test_a_narrow_track_may_decay():
    along, across = places(480, 450, 30)
    light = 3 * NOISE * np.exp(-0.5 * (across / 1.9) ** 2 - along / 1300)
    assert len(search(sky(6) + light)) == 1


def test_the_flanks_of_a_slow_wave_are_on_its_line():
    name = "tumbling, period 300"
    found, number, _ = track_kinds.cell(track_kinds.searched, name, 3.0, 2, 981000)
    assert found == number == 2


def test_light_along_a_chord():
    along = np.linspace(-1, 1, 24)
    bump = np.exp(-0.5 * along**2)
    noise = np.random.default_rng(8).normal(0, 1, 24)
    star = np.where(np.arange(24) == 7, 40.0, 0.0)
    for narrow in (False, True):
        assert not has_trend(30 + noise, 1.0, narrow=narrow)
        assert not has_trend(30 + noise + star, 1.0, narrow=narrow)
        assert has_trend(30 * bump + noise, 1.0, narrow=narrow)
    decaying = 30 * np.exp(-0.45 * along) + noise
    assert has_trend(decaying, 1.0, narrow=False)
    assert not has_trend(decaying, 1.0, narrow=True)


def test_noise_has_a_trend_once_in_two_hundred():
    # pieces of 1.7 sigma are a line of 8.3 sigma: hardly a candidate
    rng = np.random.default_rng(9)
    seen = [has_trend(1.7 + rng.normal(0, 1, 24), 1.0, narrow=False) for _ in range(1000)]
    assert np.mean(seen) < 0.01


def test_runs_begin_and_end():
    begins, ends = runs(np.array([True, True, False, False, True, False, True]))
    assert begins.tolist() == [0, 4, 6]
    assert ends.tolist() == [2, 5, 7]


@pytest.mark.parametrize("number", [22, 75], ids=["a filament among stars", "arms of spikes"])
def test_what_stars_continue_is_no_track(number):
    rng = np.random.default_rng((985_000, 1, number))
    light, _ = bright_tracks.structure(rng)
    image = expose_light(light, rng, hits=int(rng.integers(0, 600)))
    for column in rng.integers(0, image.shape[1], rng.integers(0, 4)):
        image[:, column] *= rng.uniform(0, 0.5)
    assert search_all(image)[0] == ()


def test_flashing_tracks_of_one_direction_are_no_trailed_stars():
    found = track_kinds.cell(
        track_kinds.searched, "three, lit 50 %, period 100", 1000.0, 2, 981_000
    )
    assert found[:2] == (6, 6)


@pytest.mark.parametrize("width", [30, 40])
def test_wide_and_very_bright_flashes_are_waves_of_small_bins(width):
    found = track_kinds.cell(
        track_kinds.searched, f"{width} px wide, lit 50 %, period 200", 1000.0, 2, 981_000
    )
    assert found[:2] == (2, 2)
