from __future__ import annotations

import astroscrappy
import numpy as np
import pytest
from scipy import ndimage

from awe.calib import cosmic
from awe.calib.sky import background
from awe.errors import NoValidPixels, ParameterError, WrongShape
from benchmarks import grid, scenes

GAIN = 2.5
NOISE = 5.5
PEER = {
    "gain": GAIN, "read_noise": NOISE, "sigma": 4.5, "neighbour_fraction": 0.3, "sharpness": 5.0,
    "iterations": 4, "saturation": 60000.0, "groups": 0.0, "pad": 0,
}
OURS = PEER | {"sigma": 4.0, "neighbour_fraction": 0.3375, "sharpness": 3.0, "groups": 34.0}
OURS["pad"] = 4


def make(seed, shape=(500, 600), sky=500.0, hits=120, stars=150, fwhm=3.7):
    """Return image, charge of the hits and positions of stars; Moffat stars, straight hits."""
    rng = np.random.default_rng(seed)
    light = np.full(shape, float(sky))
    y, x = np.mgrid[-20:21, -20:21]
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / 3.0) - 1))
    places = []
    grid = [(row, column) for row in range(25, shape[0] - 25, 25)
            for column in range(25, shape[1] - 25, 25)]
    for row, column in rng.permutation(grid)[:stars]:
        dy, dx = rng.uniform(-0.5, 0.5, 2)
        profile = (1 + ((x - dx) ** 2 + (y - dy) ** 2) / alpha**2) ** -3.0
        box = (slice(row - 20, row + 21), slice(column - 20, column + 21))
        light[box] += 10 ** rng.uniform(2, 4.5) * profile
        places.append((row, column))
    charge = np.zeros(shape)
    for _ in range(hits):
        row, column = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        angle, length = rng.uniform(0, np.pi), rng.exponential(6)
        dose = 10 ** rng.uniform(2.2, 3.5)
        for step in np.arange(0, length + 0.5, 0.5):
            j, i = int(row + step * np.sin(angle)), int(column + step * np.cos(angle))
            if 0 <= j < shape[0] and 0 <= i < shape[1]:
                charge[j, i] += dose * rng.uniform(0.3, 0.7)
    image = rng.poisson(light * GAIN) / GAIN + rng.normal(0, NOISE / GAIN, shape) + charge
    noise = np.sqrt(light / GAIN + (NOISE / GAIN) ** 2)
    return np.minimum(image, 65535).astype(np.float32), charge / noise, places


def peer(image, bad=None, **changes):
    options = {
        "sigclip": 4.5, "sigfrac": 0.3, "objlim": 5.0, "gain": GAIN, "readnoise": NOISE,
        "satlevel": 60000.0 * GAIN, "niter": 4, "sepmed": True, "cleantype": "meanmask",
    }
    return astroscrappy.detect_cosmics(image, inmask=bad, **(options | changes))


def score(found, dose):
    """Return pixel completeness and purity and event completeness and purity."""
    eight = np.ones((3, 3))
    true = dose > 3
    events, n = ndimage.label(dose > 1, eight)
    strong = np.unique(events[(dose > 5)])
    strong = strong[strong > 0]
    seen = np.isin(strong, events[found])
    groups, n = ndimage.label(found, eight)
    real = np.unique(groups[found & (dose > 0)])
    return (
        found[true].mean(), (dose > 0)[found].mean(), seen.mean(), (real > 0).sum() / max(n, 1)
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", [(300, 500), (64, 80)])
def test_peer_settings_give_the_peer_mask_and_image(seed, shape):
    few = shape[0] // 8
    image, _, _ = make(seed, shape, hits=few, stars=few)
    bad = np.random.default_rng(seed).random(shape) < 1e-3
    ours = cosmic.find(image, bad=bad, clean=True, **PEER)
    mask, cleaned = peer(image, bad)
    assert mask.sum() > 20
    assert (ours.bad == mask).all()
    np.testing.assert_array_equal(ours.cleaned / np.float32(GAIN), cleaned)


@pytest.mark.parametrize("sky", [300.0, 2000.0, 20000.0])
@pytest.mark.parametrize("fwhm", [2.8, 4.2, 6.1])
def test_more_complete_and_purer_than_the_peer(sky, fwhm):
    image, dose, _ = make(int(sky + 10 * fwhm), (700, 800), sky, 300, 150, fwhm)
    ours = score(cosmic.find(image, **OURS).bad, dose)
    theirs = score(peer(image)[0], dose)
    complete, pure, events, groups = ours
    assert complete > theirs[0]
    assert events >= theirs[2]
    assert groups >= 0.99 > theirs[3]
    # both take dim neighbours of hits along: more hits have more of them
    assert pure > theirs[1] - 0.01


@pytest.mark.parametrize("fwhm", [2.0, 2.4, 2.8, 4.0, 6.0])
def test_star_cores_are_left_alone(fwhm):
    image, _, places = make(77, (900, 900), 500.0, 0, 900, fwhm)
    settings = OURS | {"sharpness": cosmic.sharpness_limit(fwhm)}
    found = cosmic.find(image, **settings).bad
    rows, columns = np.array(places).T
    assert found[rows, columns].sum() == 0


def test_hits_at_the_very_edge_are_found():
    image, _, _ = make(5, hits=0, stars=0)
    for x in range(20, 580, 40):
        image[0, x] += 800
        image[-2, x] += 800
    found = cosmic.find(image, **OURS).bad
    assert found[0, 20:580:40].all()
    assert found[-2, 20:580:40].all()


def test_missing_pixels_do_not_make_hits_and_the_input_stays():
    image, _, _ = make(6, hits=0, stars=0)
    clean = cosmic.find(image, **OURS).count
    rng = np.random.default_rng(6)
    bad = rng.random(image.shape) < 2e-3
    image[bad] = np.nan
    image[100:120, 50:90] = np.inf
    before = image.copy()
    found = cosmic.find(image, bad=~np.isfinite(image), **OURS)
    np.testing.assert_array_equal(image, before)
    assert found.count <= clean + 3


def test_vignetting_keeps_the_noise_model_true_in_the_corners():
    rng = np.random.default_rng(8)
    ny, nx = 600, 800
    y, x = np.mgrid[:ny, :nx]
    flat = (1.1 - 0.7 * ((y / ny) ** 2 + (x / nx) ** 2) / 2).astype(np.float32)
    counts = rng.poisson(500 * flat * GAIN) / GAIN + rng.normal(0, NOISE / GAIN, flat.shape)
    image = (counts / flat).astype(np.float32)
    surface = background.estimate(flat, box=64)
    loose = OURS | {"sigma": 3.0, "groups": 0.0}
    assert cosmic.find(image, vignetting=surface, **loose).count < (
        0.7 * cosmic.find(image, **loose).count
    )


def test_a_crowd_is_searched_and_a_frame_without_its_sky_is_not():
    chip = scenes.sensor(256, 61)
    scene = scenes.scene(grid.Cell(60_000, 5000, 2.2, 300.0), chip, 61)
    image = (scene.counts - scenes.LEVEL - chip.bias).astype(np.float32)
    settings = OURS | {
        "gain": scenes.GAIN, "read_noise": scenes.GAIN * scenes.READ_NOISE, "fwhm": 2.6,
        "sharpness": 6.5,
    }  # fmt: skip
    saturated = scene.counts > 60000
    found = cosmic.find(image, bad=chip.defects, saturated=saturated, **settings)
    theirs = astroscrappy.detect_cosmics(
        image, inmask=chip.defects | saturated, gain=scenes.GAIN, sigclip=4.5, sigfrac=0.3,
        readnoise=settings["read_noise"], objlim=5.0, satlevel=np.inf, niter=4, sepmed=True,
    )[0]
    charged = scene.charge > 5 * scene.noise
    assert found.bad[charged].mean() > theirs[charged].mean() - 0.005
    wrong = scene.charge < 0.1 * scene.noise
    assert found.bad[wrong].sum() < 1.1 * theirs[wrong].sum()
    # noise of 3.6 times the read noise that is given
    rng = np.random.default_rng(10)
    with pytest.raises(NoValidPixels, match="no sky in"):
        cosmic.find(rng.normal(0, 3.6 * NOISE / GAIN, (200, 200)).astype(np.float32), **OURS)


def test_refusals():
    image, _, _ = make(9, hits=0, stars=0)
    with pytest.raises(NoValidPixels, match="no sky in"):
        cosmic.find(image - 500, **OURS)
    with pytest.raises(ParameterError, match="gain"):
        cosmic.find(image, **(OURS | {"gain": 0.0}))
    with pytest.raises(NoValidPixels, match="16 x 16"):
        cosmic.find(image[:9, :9], **OURS)
    with pytest.raises(WrongShape, match="bad pixels"):
        cosmic.find(image, bad=np.zeros((2, 2), bool), **OURS)
    with pytest.raises(ParameterError, match="seeing"):
        cosmic.sharpness_limit(0)
