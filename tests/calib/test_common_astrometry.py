"""Frames that overlap are solved together: nearer the truth, and at one with each other."""

import numpy as np
import pytest

from awe.calib.astrometry.matching import Stars
from awe.calib.astrometry.overlaps import Detections, solve_together
from awe.calib.astrometry.solution import Plate, terms
from awe.errors import NoValidPixels

SCALE = 0.2132
MIDDLE, SIZE = np.array([511.5, 511.5]), np.array([512.0, 512.0])
ORDER = [(i, j) for i in range(4) for j in range(4 - i)]


def field(random, *, frames=5, stars=1200, references=120, apart=40.0):
    """Return frames of dithers with a common distortion, their true maps, and a poor reference."""
    places = random.uniform(-200, 200, (stars, 2))
    flux = 10 ** random.uniform(0, 2, stars)
    distortion = random.normal(0, 0.2, (2, 10))
    some = random.choice(stars, references, replace=False)
    reference = Stars(
        x=places[some, 0] + random.normal(0, 0.02, references),
        y=places[some, 1] + random.normal(0, 0.02, references), error=np.full(references, 0.02),
    )  # fmt: skip
    made, true = [], []
    for number in range(frames):
        numbers = distortion.copy()
        numbers[:, ORDER.index((0, 0))] = apart * (number - frames // 2)
        numbers[0, ORDER.index((1, 0))] += SCALE * SIZE[0]
        numbers[1, ORDER.index((0, 1))] += SCALE * SIZE[1]
        numbers += np.where(np.array([i + j for i, j in ORDER]) < 2, random.normal(0, 0.05), 0)
        plate = Plate(coefficients=numbers, degree=3, middle=MIDDLE, size=SIZE)
        pixel = (places - numbers[:, 0]) / SCALE + MIDDLE
        for _ in range(8):
            pixel = pixel - (plate(*pixel.T) - places) / SCALE
        inside = ((pixel > 0) & (pixel < 1023)).all(axis=1)
        error = SCALE * np.hypot(0.2 / flux[inside], 0.01)
        seen = pixel[inside] + random.normal(0, 1, (inside.sum(), 2)) * error[:, None] / SCALE
        start = numbers + random.normal(0, 0.05, (2, 10))
        made.append(Detections(
            x=seen[:, 0], y=seen[:, 1], error=error,
            plate=Plate(coefficients=start, degree=3, middle=MIDDLE, size=SIZE),
        ))  # fmt: skip
        true.append(plate)
    return made, true, reference


def off(plates, true):
    """Return by how much maps are wrong over the frames, shape (frames, points, 2) [mas]."""
    x, y = (one.ravel() for one in np.meshgrid(*[np.linspace(0, 1023, 9)] * 2))
    return 1000 * np.array(
        [ours(x, y) - plate(x, y) for ours, plate in zip(plates, true, strict=True)]
    )


def test_frames_solved_together_agree_and_are_near_the_truth():
    frames, true, reference = field(np.random.default_rng(5))
    found = solve_together(frames, reference, degree=3, clip=3.5)
    wrong = off(found.plates, true)
    assert np.median(np.hypot(*wrong.reshape(-1, 2).T)) < 12
    # each alone has but some 35 reference stars of 20 mas, for 10 coefficients
    alone = [solve_together([one], reference, degree=3, clip=3.5).plates[0] for one in frames]
    apart = wrong - wrong.mean(axis=0)
    apart_alone = off(alone, true) - off(alone, true).mean(axis=0)
    assert apart.std() < 0.5 * apart_alone.std()
    there = np.isfinite(found.overlap[:, 0])
    assert there.sum() > 1000
    assert np.hypot(*found.overlap[there].T).mean() < 0.015
    assert (found.reference >= 0).sum() > 100
    assert 0.01 < found.rms_left_out < 0.06
    assert found.free > 1000
    assert 1 <= found.condition < 1e8


def test_a_frame_without_reference_stars_is_held_by_the_others():
    random = np.random.default_rng(6)
    frames, true, reference = field(random)
    last = true[-1](*MIDDLE[:, None])[0]
    far = (reference.places < last - 100).any(axis=1)
    reference = Stars(x=reference.x[far], y=reference.y[far], error=reference.error[far])
    found = solve_together(frames, reference, degree=3, clip=3.5)
    wrong = off(found.plates, true)[-1].reshape(9, 9, 2)
    # where others overlap with it
    assert np.median(np.hypot(wrong[:6, :6, 0], wrong[:6, :6, 1])) < 60
    assert not (found.reference[found.frame == 4] >= 0).sum() > 10


def test_stars_that_moved_are_left_out():
    frames, _, reference = field(np.random.default_rng(7))
    spoiled = frames[0]
    x = spoiled.x.copy()
    x[:5] += 1.5
    frames[0] = Detections(x=x, y=spoiled.y, error=spoiled.error, plate=spoiled.plate)
    found = solve_together(frames, reference, degree=3, clip=3.5)
    used = found.star[(found.frame == 0) & np.isfinite(found.overlap[:, 0])]
    assert not set(range(5)) & set(used.tolist())


def test_frames_that_nothing_ties_to_the_sky_are_refused():
    frames, _, reference = field(np.random.default_rng(8))
    away = Stars(x=reference.x + 5000, y=reference.y, error=reference.error)
    with pytest.raises(NoValidPixels, match="tied to nothing"):
        solve_together(frames, away, degree=3, clip=3.5)


def test_the_terms_are_in_the_order_that_is_counted_on():
    powers = terms(np.array([2.0]), np.array([3.0]), 3)[0]
    assert powers.tolist() == [2.0**i * 3.0**j for i, j in ORDER]
