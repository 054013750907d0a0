"""What a frame tells of its converter, of its flat, and a flat of a spot in it."""

import numpy as np
import pytest

from awe.calib.detector import converter
from awe.calib.detector.geometry import Amplifier, ChipGeometry
from awe.calib.sky import fringe
from awe.calib.sky.imprint import imprint
from awe.errors import WrongShape
from awe.rules.measured import changed_shape, changed_spot
from awe.rules.oddities import odd_pattern


def counts(level, noise, seed=1, shape=(200, 200)):
    rng = np.random.default_rng(seed)
    return np.clip(np.rint(rng.normal(level, noise, shape)), 0, 65535).astype(np.uint16)


@pytest.mark.parametrize(("level", "noise"), [(250, 2), (950, 17), (20_250, 90), (60_000, 160)])
@pytest.mark.parametrize("on", [True, False])
def test_every_bit_whose_steps_the_counts_span_is_told_when_it_is_stuck(level, noise, on):
    raw = counts(level, noise)
    assert converter.stuck_bits(raw) == ()
    told = 0
    for bit in (1 << k for k in range(1, 16)):
        spoilt = raw | np.uint16(bit) if on else raw & np.uint16(~bit & 0xFFFF)
        found = converter.stuck_bits(spoilt)
        assert found in ((), (bit,))
        told += bool(found)
    # six sigma span three blocks of so wide bits
    assert told >= int(np.log2(noise))


def test_counts_that_were_shifted_up_and_frames_of_one_count_are_good():
    raw = counts(250, 4)
    assert converter.stuck_bits(raw << 4) == ()
    assert converter.stuck_bits(np.full((50, 50), 300, np.uint16)) == ()
    assert converter.stuck_bits(raw.astype(np.float32)) == ()
    assert converter.stuck_bits(raw.astype(np.int32) - 1000) == ()
    full = counts(950, 30)
    full[:40] = 65535
    full[40:60] = 0
    assert converter.stuck_bits(full) == ()
    assert converter.stuck_bits(np.where(full == 0, full, full | np.uint16(16))) == (16,)


def test_each_amplifier_has_a_converter_of_its_own():
    raw = counts(950, 30)
    amplifiers = tuple(
        Amplifier(name=name, active=part, gain=2.0, read_noise=4.0)
        for name, part in (("A", "[1:100,1:200]"), ("B", "[101:200,1:200]"))
    )
    geometry = ChipGeometry(nx=200, ny=200, active="[1:200,1:200]", amplifiers=amplifiers)
    assert converter.stuck_anywhere(raw, geometry) == ()
    raw[:, 100:] |= 32
    assert converter.stuck_bits(raw) == ()
    assert converter.stuck_anywhere(raw, geometry) == (32,)


@pytest.mark.parametrize(("axis", "part"), [(1, -5 / 3), (0, -1.0)])
def test_a_frame_read_a_pixel_late_has_the_pattern_of_its_flat(axis, part):
    rng = np.random.default_rng(2)
    flat = rng.normal(1, 0.01, (300, 300))
    sky = 700 + 100 * np.linspace(0, 1, 300)

    def taken(response):
        return rng.poisson(sky * response * 2.5) / 2.5 / flat

    bad = np.zeros(flat.shape, bool)
    found = imprint(taken(flat), flat, bad)
    assert abs(found.part) < 5 * found.error < 0.2
    assert found.pattern == pytest.approx(0.01, rel=0.03)
    assert not odd_pattern(taken(flat), flat, bad, 0.001)
    late = taken(np.roll(flat, 1, axis=axis))
    found = imprint(late, flat, bad)
    assert found.part == pytest.approx(part, abs=5 * found.error + 0.05)
    assert odd_pattern(late, flat, bad, 0.001).name == "PATTERN"
    # a flat that is mostly noise says nothing
    assert not odd_pattern(late, flat, bad, 0.008)
    with pytest.raises(WrongShape):
        imprint(late, flat[:-1], bad)
    assert imprint(late, flat, ~bad) is None
    assert imprint(late - 1000, flat, bad) is None


def test_a_star_at_one_place_is_a_spot_and_a_slope_is_none():
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:256, :256]

    def flat(light):
        found = light * rng.normal(1, 0.003, (256, 256))
        return found / found.mean()

    before = flat(1.0)
    assert changed_spot(flat(1 + 0.1 * x / 256), before) < 0.01
    now = flat(1 + 2 * (1 + ((x - 70) ** 2 + (y - 150) ** 2) / 9) ** -1.2)
    assert changed_spot(now, before) > 0.3
    assert changed_shape(now, before) < 0.05
    nothing = np.full((256, 256), np.nan)
    assert changed_spot(nothing, before) == 0


def test_a_fringe_frame_that_would_spoil_an_exposure_is_not_subtracted():
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:160, :160]
    # one box over all: its slope is left in the exposure, and in the faint part of the frame
    image = (3000 + x + 0.4 * y + rng.normal(0, 35, x.shape)).astype(np.float32)
    pattern = (0.3 * (x - 80) + rng.normal(0, 18, x.shape)).astype(np.float32)
    found = fringe.scale(image, pattern, low=1.5, high=5.0, threshold=5.0, box=256)
    kept = image - found.factor * pattern
    assert kept.std() <= 1.1 * image.std()
    assert (found.factor, found.error) == (0.0, np.inf)
