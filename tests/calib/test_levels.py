from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from awe.calib import flags
from awe.calib.detector import overscan, sections, trim
from awe.calib.detector.geometry import ChipGeometry
from awe.calib.flags import PixelFlag
from awe.errors import BadHeader, NoValidPixels, ParameterError, WrongShape

CHIP = ChipGeometry.from_counts(
    nx=296, ny=400, prescan_x=48, overscan_x=48, overscan_y=100, prescan_y=20
)


@pytest.fixture
def raw() -> np.ndarray:
    rng = np.random.default_rng(1)
    level = 250 + 3 * np.sin(np.arange(CHIP.ny) / 300)[:, None]
    return np.rint(level + rng.normal(0, 2.2, CHIP.shape)).astype(np.uint16)


@given(st.integers(1, 900), st.integers(0, 900), st.integers(1, 900), st.integers(0, 900))
def test_a_section_survives_the_way_to_slices_and_back(x0, dx, y0, dy):
    text = f"[{x0}:{x0 + dx},{y0}:{y0 + dy}]"
    slices = sections.parse(text)
    assert sections.format(slices) == text
    assert sections.shape(slices) == (dy + 1, dx + 1)


@pytest.mark.parametrize("text", ["", "[1:2]", "[0:4,1:2]", "[5:4,1:2]", "1:4,1:2", "[1:4:2,1:2]"])
def test_malformed_sections_are_refused(text):
    with pytest.raises(BadHeader, match="section"):
        sections.parse(text)


def test_a_section_outside_the_image_is_refused():
    with pytest.raises(WrongShape, match="windowed"):
        sections.parse("[1:100,1:101]", (100, 100))


@pytest.mark.parametrize("method", range(11))
def test_every_method_recovers_the_level(raw, method):
    before = raw.copy()
    image = trim.trim(overscan.correct(raw, CHIP, method), CHIP)
    assert image.dtype == np.float32
    expected = 0.0 if method else 250.0
    assert abs(image.mean() - expected) < (0.1 if method in (5, 6, 9, 10) else 3.0)
    assert (raw == before).all()


def test_per_row_follows_the_level_and_smoothing_lowers_its_noise(raw):
    truth = 250 + 3 * np.sin(np.arange(CHIP.ny) / 300)
    inside = trim.active(CHIP, raw.shape)[0]
    errors = {}
    for method in (6, 9, 10):
        levels = overscan.measure(raw, CHIP, method)
        errors[method] = (levels.values[:, 0] - truth)[inside].std()
        assert errors[method] ** 2 == pytest.approx(levels.variance, rel=0.4), method
    assert errors[6] < 2.22 / np.sqrt(48) * 1.1
    assert errors[9] < 0.4 * errors[6]
    assert errors[10] < errors[9] * 1.1


def test_hits_in_the_strip_do_not_move_a_row(raw):
    hit = raw.copy()
    hit[::3, -20] = 40000
    clean = overscan.measure(raw, CHIP, 6)
    found = overscan.measure(hit, CHIP, 6)
    assert np.abs(found.values - clean.values).max() < 0.25
    assert found.sigma == pytest.approx(clean.sigma, rel=0.02)


def test_nan_rows_stay_nan_and_an_empty_strip_is_refused(raw):
    image = raw.astype(np.float32)
    image[100, -48:] = np.nan
    levels = overscan.measure(image, CHIP, 6)
    assert np.isnan(levels.values[100, 0])
    assert np.isfinite(overscan.measure(image, CHIP, 9).values).all()
    image[:, -48:] = np.nan
    with pytest.raises(NoValidPixels, match="no finite pixel"):
        overscan.measure(image, CHIP, 6)


def test_refusals_name_the_next_step(raw):
    with pytest.raises(ParameterError, match="choose one of 0"):
        overscan.measure(raw, CHIP, 11)
    bare = ChipGeometry.from_counts(nx=296, ny=400)
    with pytest.raises(WrongShape, match=r"needs an overscan in x.*allows overscan=0$"):
        overscan.measure(raw, bare, 6)
    with pytest.raises(ParameterError, match=r"make bias\.fits again"):
        overscan.require_same(6, 0, "bias.fits")
    with pytest.raises(WrongShape):
        trim.trim(raw[:-1], CHIP)
    with pytest.raises(WrongShape, match="master bias has"):
        trim.require_shape(raw, (1, 1), "master bias")


def test_flags_are_distinct_documented_and_countable():
    cards = flags.header_cards()
    assert len({key for key, _, _ in cards}) == len(PixelFlag) == len({bit for _, bit, _ in cards})
    assert all(len(key) <= 8 for key, _, _ in cards)
    assert all(flag.text.endswith(".") for flag in PixelFlag)
    plane = np.zeros((4, 4), flags.FLAG_DTYPE)
    plane[0, 0] = PixelFlag.HOT | PixelFlag.COSMIC
    plane[1, 1] = PixelFlag.HOT
    assert flags.counts(plane)["HOT"] == 2
    assert flags.counts(plane)["COSMIC"] == 1
    assert flags.names(int(plane[0, 0])) == ["hot pixel", "cosmic ray"]


CHARGED = {"overscan_x": (slice(100, 103), slice(248, 296)),
           "prescan_x": (slice(20, 29), slice(48)),
           "overscan_y": (slice(300, 400), slice(120, 130))}  # fmt: skip


@pytest.mark.parametrize(("method", "strip"), [(6, "overscan_x"), (5, "prescan_x"),
                                               (9, "overscan_x"), (8, "overscan_y")])  # fmt: skip
@pytest.mark.parametrize("charge", [20, 300, 3000, -100])
def test_lines_with_charge_in_their_strip_take_the_level_around(raw, method, strip, charge):
    clean = overscan.measure(raw, CHIP, method)
    spoilt = raw.astype(np.int32)
    spoilt[CHARGED[strip]] += charge
    found = overscan.measure(spoilt, CHIP, method)
    assert found.borrowed == {"overscan_x": 3, "prescan_x": 9, "overscan_y": 10}[strip]
    assert np.abs(found.values - clean.values).max() < 1.5


@pytest.mark.parametrize("step", [30, 300, -100])
def test_a_step_of_the_electronics_is_no_charge(raw, step):
    moved = raw.astype(np.int32)
    moved[100:140] += step
    found = overscan.measure(moved, CHIP, 6)
    assert found.borrowed == 0
    image = overscan.correct(moved, CHIP, 6)[100:140, 48:248]
    assert abs(image.mean()) < 0.3


def test_a_clean_frame_borrows_no_level(raw):
    for method in (5, 6, 7, 8, 9, 10):
        assert overscan.measure(raw, CHIP, method).borrowed == 0
