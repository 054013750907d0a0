"""Matching and solving against the truth, and against fields that must not be solved."""

import numpy as np
import pytest

from awe.calib.astrometry.matching import Stars
from awe.calib.astrometry.projection import moved, projected, unprojected
from awe.calib.astrometry.solution import Limits, solve
from awe.errors import NoValidPixels

SHAPE = (4100, 2048)
SCALE = 0.2132
LIMITS = Limits(reach=180.0, scale=0.05, degree=3, clip=3.5, fewest=5, rms=0.3)
MIDDLE = np.array([1023.5, 2049.5])


def scene(random, number):
    """Return places of stars [pixel], the reference [arcsec], and the true map."""
    bent = random.normal(0, 0.5, (2, 7))

    def true(x, y):
        u, v = (x - MIDDLE[0]) / 2050, (y - MIDDLE[1]) / 2050
        powers = np.stack([u * u, u * v, v * v, u**3, u * u * v, u * v * v, v**3], -1)
        linear = np.stack([-(x - MIDDLE[0]), y - MIDDLE[1]], -1) * SCALE
        return linear + powers @ bent.T

    all_ = 3 * number
    x, y = random.uniform(-1400, 3400, all_), random.uniform(-1400, 5500, all_)
    flux = 10 ** random.exponential(0.9, all_)
    seen = (x > 5) & (x < 2043) & (y > 5) & (y < 4095) & (random.random(all_) < 0.93)
    known = random.random(all_) < 0.75
    first, second = np.argsort(-flux[seen]), np.argsort(-flux[known])
    places = np.stack([x[seen], y[seen]], -1)[first] + random.normal(0, 0.02, (seen.sum(), 2))
    reference = true(x[known], y[known])[second] + random.normal(0, 0.004, (known.sum(), 2))
    return places, reference, true


def start(places, *, turn=0.0, scale=1.0, flip=False, shift=(0.0, 0.0)):
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    matrix = scale * np.array([[cos, -sin], [sin, cos]]) @ np.diag([-SCALE, SCALE])
    if flip:
        matrix = np.diag([-1, 1]) @ matrix
    return (places - MIDDLE) @ matrix.T + np.array(shift)


def solution(places, reference, **wrong):
    begin = start(places, **wrong)
    low, high = begin.min(axis=0) - LIMITS.reach, begin.max(axis=0) + LIMITS.reach
    near = reference[((reference >= low) & (reference <= high)).all(axis=1)]
    return solve(
        places[:, 0], places[:, 1],
        Stars(x=begin[:, 0], y=begin[:, 1], error=np.full(len(begin), 0.005)),
        Stars(x=near[:, 0], y=near[:, 1], error=np.full(len(near), 0.004)), LIMITS, SHAPE,
    )  # fmt: skip


def error(found, true):
    x, y = (one.ravel() for one in np.meshgrid(np.linspace(0, 2047, 12), np.linspace(0, 4099, 12)))
    return np.hypot(*(found.plate(x, y) - true(x, y)).T)


@pytest.mark.parametrize(
    "wrong",
    [{}, {"shift": (90, -120)}, {"turn": 2.0}, {"turn": 100.0}, {"flip": True}, {"scale": 1.03}],
)
def test_a_wrong_header_is_mended(wrong):
    random = np.random.default_rng(7)
    places, reference, true = scene(random, 600)
    found = solution(places, reference, **wrong)
    assert np.median(error(found, true)) < 0.002
    assert error(found, true).max() < 0.02
    assert found.rms_left_out < 0.02
    assert found.flipped == wrong.get("flip", False)
    assert found.turn == pytest.approx(-wrong.get("turn", 0.0), abs=0.2)


def test_cards_give_the_same_places_as_the_map():
    from astropy.io.fits import Header
    from astropy.wcs import WCS

    random = np.random.default_rng(5)
    places, reference, _ = scene(random, 400)
    found = solution(places, reference)
    centre = (150.0, -30.0)
    header = Header({"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "CRVAL1": centre[0],
                     "CRVAL2": centre[1], **found.plate.cards(SHAPE)})  # fmt: skip
    told = WCS(header).all_pix2world(places, 0)
    ours = np.stack(unprojected(*found.plate(places[:, 0], places[:, 1]).T, centre), -1)
    np.testing.assert_allclose(told, ours, atol=1e-9)


def test_the_projection_goes_both_ways_and_stars_move():
    ra, dec = np.array([10.0, 359.9]), np.array([-30.0, 80.0])
    for place in zip(ra, dec, strict=True):
        centre = (place[0] + 0.1, place[1] - 0.1)
        back = unprojected(*projected(*(np.array([one]) for one in place), centre), centre)
        np.testing.assert_allclose(np.ravel(back), place, atol=1e-9)
    east, north = moved(ra, dec, np.array([3600.0, np.nan]), np.array([0.0, np.nan]), 10.0)
    assert east[0] == pytest.approx(10 + 0.01 / np.cos(np.radians(-30)))
    assert (east[1], north[1]) == (ra[1], dec[1])


def spoiled(random, kind):
    """Return a field that is wrong in a way."""
    places, reference, true = scene(random, int(random.choice([20, 60, 200, 800])))
    wrong = {}
    if kind == "shift":
        wrong = {"shift": tuple(random.uniform(-400, 400, 2))}
    if kind == "turn":
        wrong = {"turn": random.uniform(-180, 180)}
    if kind == "flip":
        wrong = {"flip": True, "turn": random.uniform(-180, 180)}
    if kind == "scale":
        wrong = {"scale": random.uniform(0.7, 1.4)}
    if kind == "half a degree":
        wrong = {"shift": (1800.0, random.uniform(-60, 60))}
    if kind == "few":
        places = places[np.sort(random.permutation(len(places))[: random.integers(1, 7)])]
    if kind == "tracks":
        along = random.random((500, 1))
        ends = random.uniform(0, 2000, (2, 2))
        track = ends[0] + along * (ends[1] - ends[0]) + random.normal(0, 1, (500, 2))
        places = np.concatenate([track, places[::3]])
    if kind == "another field":
        _, reference, _ = scene(random, 300)
    return places, reference, true, wrong


KINDS = ("shift", "turn", "flip", "scale", "half a degree", "few", "tracks", "another field")


@pytest.mark.parametrize("kind", KINDS)
def test_no_wrong_solution_is_accepted(kind):
    random = np.random.default_rng([11, KINDS.index(kind)])
    for _ in range(25):
        places, reference, true, wrong = spoiled(random, kind)
        try:
            found = solution(places, reference, **wrong)
        except NoValidPixels:
            continue
        assert kind != "another field"
        assert np.median(error(found, true)) < 1.0


def test_a_refusal_is_one_line_with_its_numbers():
    random = np.random.default_rng(2)
    places, _, _ = scene(random, 200)
    _, other, _ = scene(random, 200)
    with pytest.raises(NoValidPixels, match="by chance") as caught:
        solution(places, other)
    assert "\n" not in str(caught.value)
