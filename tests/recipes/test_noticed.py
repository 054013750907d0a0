"""`benchmarks.quality` in short: a good night raises no bit, kinds of bad frames are noticed."""

from __future__ import annotations

import pytest
from conftest import at_work

from awe.model.mixins import QualityFlag
from benchmarks import quality, spoiled

pytestmark = pytest.mark.filterwarnings("ignore")

#: what must be raised by some of the bad frames
RAISED = {
    "bias-still": QualityFlag.STRAYS,
    "bias-bands": QualityFlag.STRAYS,
    "dome-object": QualityFlag.STRAYS,
    "dome-shifted": QualityFlag.CHANGED,
    "quick-shadow": QualityFlag.STRAYS,
    "dark-leak": QualityFlag.SUBWINDOWS,
    "twilight-star": QualityFlag.CHANGED,
    "science-stuck": QualityFlag.STUCK_BIT,
    "science-shifted": QualityFlag.PATTERN,
}


def test_good_nights_raise_no_bit_and_bad_frames_do(db, tmp_path):
    with at_work(db, tmp_path):
        [night] = quality.nights(1, 1, 128, 31, tmp_path)
        night.sky = 700.0
        cases = [case for case in spoiled.CASES if case.name in RAISED]
        assert len(cases) == len(RAISED)
        counts = quality.good(iter([night]), tell=False)
        assert counts.wrong == 0, list(counts.rows())
        classes = {"BiasFrame", "DarkFrame", "QuickCheckFrame", "MasterFlatFrame", "FringeFrame"}
        assert counts.made.keys() >= classes
        night.days += 1
        outcomes = spoiled.tried(night, cases, nights=1)
    text = quality.report(counts, outcomes)
    assert f"{len(cases)} of {len(cases)} kinds noticed" in text
    for outcome in outcomes:
        assert RAISED[outcome.case.name].name in outcome.text, text


def test_a_converter_with_a_stuck_bit_makes_no_calibration(db, tmp_path):
    with at_work(db, tmp_path):
        [night] = quality.nights(1, 1, 128, 32, tmp_path)
        cases = [case for case in spoiled.CASES if case.name in ("noise-stuck", "gain-stuck")]
        outcomes = spoiled.tried(night, cases, nights=1)
    assert [one.text for one in outcomes] == ["refused in words"] * 2


def test_a_rate_is_bounded_as_poisson_says():
    assert quality.upper(0, 1000) == pytest.approx(0.0029957, rel=1e-3)
    assert quality.upper(1, 1000) == pytest.approx(0.0047439, rel=1e-3)
