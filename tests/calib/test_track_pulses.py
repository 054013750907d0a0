"""Light that comes and goes evenly is a wave; spikes, filaments and rows of galaxies are none."""

from __future__ import annotations

import numpy as np
import pytest

from awe.calib.tracks.pulses import maxima, pulses

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
