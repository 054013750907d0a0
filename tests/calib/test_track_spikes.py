from __future__ import annotations

import numpy as np
import pytest

from awe.calib.tracks.spikes import even_light

LENGTH = 2400.0
PLACE = (np.arange(24) + 0.5) * LENGTH / 24
ERROR = np.full(24, 1.0)


def spike(centre, light=400.0, scale=30.0):
    fine = (np.arange(24 * 50) + 0.5) * LENGTH / (24 * 50)
    return (light / (1 + ((fine - centre) / scale) ** 2)).reshape(24, 50).mean(axis=1)


def noise(seed):
    return np.random.default_rng(seed).normal(0, 1, 24)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("centres", [(1200,), (300, 1900)])
def test_the_light_of_spikes_is_not_even(seed, centres):
    light = sum(spike(centre) for centre in centres) + noise(seed)
    even, error = even_light(light, ERROR, LENGTH)
    assert light.sum() / np.sqrt(24) > 20
    assert even < 5 * error


@pytest.mark.parametrize("seed", range(5))
def test_a_track_past_a_bright_star_stays_significant(seed):
    even, error = even_light(4 + spike(700) + noise(seed), ERROR, LENGTH)
    assert even > 8 * error
    assert even == pytest.approx(4, abs=5 * error)


def test_a_star_on_pieces_that_could_not_be_measured():
    light = spike(1250, 2000) + noise(1)
    masked = np.abs(PLACE - 1250) < 120
    even, error = even_light(
        np.where(masked, 0, light), np.where(masked, np.inf, ERROR), LENGTH
    )
    assert even < 5 * error


@pytest.mark.parametrize("seed", range(3))
def test_on_a_chord_too_short_for_spikes_all_light_is_even(seed):
    even, error = even_light(4 + noise(seed), ERROR, 200.0)
    assert even == pytest.approx(4, abs=5 * error)
    assert 1 / np.sqrt(24) <= error < 2 / np.sqrt(24)
