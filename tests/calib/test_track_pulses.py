"""Light that comes and goes evenly is a wave or flashes; spikes, filaments, galaxies are not."""

from __future__ import annotations

import numpy as np
import pytest

from awe.calib.tracks.pulses import flashes, maxima, pulses

#: places of the steps of a run [bin of 4 pixels]
STEPS = np.arange(320.0)


def noisy(light, seed=1):
    """Return light as a walk sees it: the brightest of some bins of noise where there is less."""
    return np.maximum(light + np.random.default_rng(seed).normal(0, 0.7, STEPS.size), 0.3)


@pytest.mark.parametrize("peak", [8.0, 4000.0])
@pytest.mark.parametrize("period", [25, 50, 100])
def test_an_even_wave_has_as_many_maxima_as_it_has(peak, period):
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * STEPS / period)
    assert abs(maxima(pulses(noisy(peak * wave))) - STEPS.size / period) <= 1


def test_waves_may_fade_alternate_and_have_stars_and_unknown_steps_on_them():
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * STEPS / 40)
    fading = wave * np.exp(-STEPS / 320)
    alternating = wave * np.where(STEPS % 80 < 40, 1.0, 0.6)
    starry = np.where(np.abs(STEPS - 130) < 3, 50.0, wave)
    for light in (fading, alternating, starry):
        assert maxima(pulses(noisy(100 * light))) in {7, 8, 9}
    hidden = noisy(100 * wave)
    hidden[100:120] = np.nan
    assert maxima(pulses(hidden)) in {7, 8, 9}


def test_spikes_filaments_even_light_and_rows_of_galaxies_are_no_waves():
    spike = 1 / (1 + ((STEPS - 150) / 12) ** 2)
    two = spike + 0.5 / (1 + ((STEPS - 260) / 12) ** 2)
    filament = np.exp(-0.5 * ((STEPS - 160) / 60) ** 2)
    sizes = np.random.default_rng(2).uniform(1, 4, 12)
    heights = 10 ** np.random.default_rng(3).uniform(-1, 0, 12)
    row = sum(height * np.exp(-np.abs(STEPS - 25 * k - 15) / size)
              for k, (height, size) in enumerate(zip(heights, sizes, strict=True)))
    for light in (spike, two, filament, row, np.ones_like(STEPS), 0 * STEPS):
        assert pulses(noisy(400 * light)).size == 0
    assert pulses(np.full(320, np.nan)).size == 0


def test_maxima_need_deep_minima_between_them():
    assert maxima(np.array([0.0, 9, 1, 10, 7, 10, 1, 9])) == 3
    assert maxima(np.zeros(5)) == 0


def dashes(period, share):
    """Return light and states of a run of even flashes, with noise, stars and unknown steps."""
    lit = STEPS % period < share * period
    light = noisy(10.0 * lit)
    light[70:73], light[200:203] = 60.0, 15.0
    on = (light > 5).astype(np.int8)
    on[110:118] = 2
    return light, on


@pytest.mark.parametrize(("period", "share"), [(6, 0.6), (12.5, 0.5), (25, 0.75), (70, 0.5)])
def test_even_flashes_are_seen_between_stars_and_unknown_steps(period, share):
    light, on = dashes(period, share)
    assert flashes(light, on)


def test_rows_of_galaxies_and_pieces_of_filaments_are_no_flashes():
    light, on = dashes(25, 0.4)
    rng = np.random.default_rng(5)
    heights = 10 ** rng.uniform(0, 1.5, 13)
    assert not flashes(light * heights[(STEPS // 25).astype(int)], on)
    for seed in range(20):
        lengths = np.random.default_rng(seed).integers(3, 40, 60)
        uneven = np.repeat(np.arange(60) % 2, lengths)[: STEPS.size].astype(np.int8)
        assert not flashes(10.0 * uneven, uneven)
    assert not flashes(10.0 * np.ones(10), np.ones(10, np.int8))
    assert not flashes(np.zeros(320), np.full(320, 2, np.int8))
