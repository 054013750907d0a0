"""Co-addition: noise, outliers, stars of unlike seeing, coverage and memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from awe.calib import threads
from awe.calib.coaddition import Combine, Layer, coadd
from awe.errors import NoValidPixels

SHAPE = (300, 320)


def layer(
    image: Any, noise: float = 10.0, weight: Any = None, at: tuple[int, int] = (0, 0)
) -> Layer:
    full = np.ones(image.shape, np.float32) if weight is None else weight.astype(np.float32)
    values = image.astype(np.float32)
    return Layer(
        row=at[0], column=at[1], shape=image.shape, noise=noise, gain=2.5,
        read=lambda rows: (values[rows], full[rows]),
    )  # fmt: skip


def star(fwhm: float, flux: float = 2e5) -> Any:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    s = fwhm / 2.3548
    light = np.exp(-((x - 160) ** 2 + (y - 150) ** 2) / (2 * s * s))
    return flux * light / light.sum()


def added(layers: list[Layer], method: Combine = Combine.CLIPPED, **more: Any) -> Any:
    return coadd(layers, more.pop("shape", SHAPE), method=method, sigma=4.0, fraction=0.3, **more)


@pytest.mark.parametrize("method", list(Combine))
def test_noise_falls_as_it_should_and_the_variance_tells_it(method: Combine) -> None:
    rng = np.random.default_rng(1)
    noises = [8.0, 10.0, 14.0, 9.0, 20.0]
    sky = [rng.normal(0, s, SHAPE) for s in noises]
    found = added([layer(i, s) for i, s in zip(sky, noises, strict=True)], method)
    pull = found.image / np.sqrt(found.variance)
    assert 0.85 < pull.std() < 1.12
    if method is not Combine.MEDIAN:
        best = sum(s**-2 for s in noises) ** -0.5
        assert found.image.std() == pytest.approx(best, rel=0.03)
        assert found.weight.mean() == pytest.approx(1.0, abs=0.01)
    assert (found.coverage >= 4).all()


def test_outliers_go_and_stars_of_unlike_seeing_stay() -> None:
    rng = np.random.default_rng(2)
    widths = [2.8, 3.0, 3.2, 3.1, 2.9]
    images = [rng.normal(0, 10, SHAPE) + star(w) for w in widths]
    images[2][40:43, 50:53] += 900
    images[4][:, 200] = 400
    found = added([layer(image) for image in images])
    plain = added([layer(image) for image in images], Combine.WEIGHTED)
    assert np.abs(found.image[40:43, 50:53]).max() < 30
    assert np.abs(np.delete(found.image[:, 200], np.s_[130:170])).max() < 30
    assert plain.image[40:43, 50:53].min() > 100
    box = np.s_[130:171, 140:181]
    assert found.image[box].sum() == pytest.approx(2e5, rel=0.005)
    assert found.image[150, 160] == pytest.approx(plain.image[150, 160], rel=0.02)
    assert found.clipped[2] >= 9
    assert found.clipped[4] >= 250
    assert sum(found.clipped) < 9 + 300 + 0.002 * 5 * SHAPE[0] * SHAPE[1]


def test_weights_of_zero_and_places_without_a_frame() -> None:
    weight = np.ones((200, 200))
    weight[50:60] = 0
    small = np.full((200, 200), 7.0)
    found = added(
        [layer(small, weight=weight, at=(10, 20)), layer(small, at=(90, 100))],
        Combine.WEIGHTED,
    )
    assert found.coverage[0, 0] == 0
    assert np.isnan(found.image[0, 0])
    assert found.weight[0, 0] == 0
    assert found.coverage[65, 30] == 0
    assert found.coverage[30, 30] == 1
    assert found.coverage[150, 150] == 2
    assert found.image[150, 150] == pytest.approx(7.0)
    assert found.used == (200 * 190, 200 * 200)


def test_low_bands_give_the_same_and_memory_stays_within_them() -> None:
    rng = np.random.default_rng(3)
    images = [rng.normal(0, 10, (2000, 900)) for _ in range(6)]
    layers = [layer(image) for image in images]
    whole = added(layers, shape=(2000, 900))
    threads.narrow(1)
    try:
        tracemalloc.start()
        low = added(layers, shape=(2000, 900), memory=4_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        threads.narrow(None)
    for name in ("image", "weight", "variance", "coverage"):
        assert np.array_equal(getattr(low, name), getattr(whole, name), equal_nan=True)
    outputs = 2000 * 900 * 14
    assert peak < outputs + 3 * 4_000_000


def test_nothing_to_add_is_refused() -> None:
    with pytest.raises(NoValidPixels, match="no frame is left to be added"):
        added([])
