"""The choice of calibrations: the rule, its edges, its tie-break and its explanations."""

import datetime

import pytest

from awe.errors import ArgumentError, NoCalibration
from awe.model import classes

classes.load()

from awe.model.calibrations import (  # noqa: E402
    BiasFrame,
    DomeFlatFrame,
    GainLinearity,
    MasterFlatFrame,
)
from awe.model.mixins import QualityFlag  # noqa: E402
from awe.model.observing import Chip, Filter, Instrument  # noqa: E402
from awe.model.raw import RawBiasFrame  # noqa: E402
from awe.rules import validity  # noqa: E402

DATE = datetime.datetime(2012, 6, 1, 8, 51, 44)
DAY = datetime.timedelta(days=1)
PLACE = {"instrument": "OMEGACAM", "chip": "ESO_CCD_#65"}


@pytest.fixture
def make(login):
    """Commit a bias of chip 65, valid for two days around the date unless told otherwise."""
    login()
    instrument = Instrument(name="OMEGACAM")
    chip = Chip(name="ESO_CCD_#65", instrument=instrument)
    other = Chip(name="ESO_CCD_#66", instrument=instrument)

    def _make(name, cls=BiasFrame, *, chip_number=65, **attributes):
        if hasattr(cls, "timestamp_start"):
            attributes = {"timestamp_start": DATE - DAY, "timestamp_end": DATE + DAY} | attributes
        place = {"instrument": instrument, "chip": chip if chip_number == 65 else other}
        item = cls(filename=name, **place, **attributes)
        item.commit()
        return item

    return _make


def choose(**more):
    return validity.choose(BiasFrame, **{**PLACE, "date": DATE, **more})


def test_the_newest_valid_one_is_chosen(make):
    make("old.fits")
    new = make("new.fits")
    make("bad.fits", is_valid=0)
    make("flagged.fits", quality_flags=int(QualityFlag.NOISE))
    make("other.fits", chip_number=66)
    make("later.fits", timestamp_start=DATE + DAY, timestamp_end=DATE + 2 * DAY)
    assert choose() == new
    assert BiasFrame.select(**PLACE, date=DATE) == new


@pytest.mark.parametrize("value", [-1.0, 0.0, float("inf"), float("nan")])
def test_a_gain_no_chip_has_is_passed_over(make, value):
    make("good.fits")  # makes the chip
    chip = (Chip.name == "ESO_CCD_#65")[0]
    span = {"timestamp_start": DATE - DAY, "timestamp_end": DATE + DAY}
    good = GainLinearity(instrument=chip.instrument, chip=chip, gain=2.5, **span)
    good.commit()
    GainLinearity(instrument=chip.instrument, chip=chip, gain=value, **span).commit()
    assert validity.choose(GainLinearity, **PLACE, date=DATE) == good
    told = str(validity.judge(GainLinearity, **PLACE, date=DATE)[0])
    assert "e-/ADU, which no chip has" in told


def test_a_proposed_one_counts_as_valid(make):
    assert make("proposed.fits", is_valid=2) == choose()


def test_ranges_are_half_open(make):
    first = make("first.fits", timestamp_start=DATE - DAY, timestamp_end=DATE)
    second = make("second.fits", timestamp_start=DATE, timestamp_end=DATE + DAY)
    assert choose() == second
    assert choose(date=DATE - datetime.timedelta(microseconds=1)) == first
    with pytest.raises(NoCalibration):
        choose(date=DATE + DAY)


def test_of_two_of_the_same_moment_the_same_one_is_always_chosen(make, login, db):
    both = [make("a.fits"), make("b.fits")]
    db.rows("superuser", "UPDATE awe.bias_frame SET creation_date = '2012-06-02'")
    login()
    chosen = choose()
    assert chosen.object_id == max(item.object_id for item in both)
    assert all(choose() == chosen for _ in range(5))
    assert validity.judge(BiasFrame, **PLACE, date=DATE)[0].calibration == chosen


def test_the_error_lists_every_candidate_with_reason_and_margin(make):
    make("bad.fits", is_valid=0)
    make("flagged.fits", quality_flags=int(QualityFlag.NOISE | QualityFlag.LEVEL))
    make("early.fits", timestamp_start=DATE - 3 * DAY, timestamp_end=DATE - 2 * DAY)
    make("late.fits", timestamp_start=DATE + datetime.timedelta(hours=3))
    with pytest.raises(NoCalibration) as caught:
        choose()
    text = str(caught.value)
    assert "BiasFrame for OMEGACAM ESO_CCD_#65 on 2012-06-01 08:51:44" in text
    assert "bad.fits" in text
    assert "is_valid is 0" in text
    assert "LEVEL | NOISE" in text
    assert "2.0 days too early" in text
    assert "3.0 h too late" in text
    assert "dpu.run('Bias'" in text


def test_the_error_says_when_there_is_none_at_all(make):
    make("other.fits", chip_number=66)
    with pytest.raises(NoCalibration, match="there is none at all for this chip"):
        choose()


def test_why_tells_what_was_chosen_and_what_is_newer_now(make):
    from awe.model.calibrations import HotPixelMap

    old = make("old.fits")
    hot = make("hot.fits", HotPixelMap, bias=old)
    new = make("new.fits")
    verdicts = hot.why("bias")
    assert verdicts.chosen == old
    assert [candidate.calibration for candidate in verdicts.candidates] == [new, old]
    assert " * old.fits" in str(verdicts)
    assert "older than the newest that fits" in str(verdicts)
    with pytest.raises(ArgumentError, match="not chosen by validity"):
        hot.why("chip")
    every = hot.why()
    assert [one.chosen for one in every] == [hot.bias]
    assert repr(every).startswith("BiasFrame for OMEGACAM")


def test_flats_are_chosen_by_filter(make):
    red, green = Filter(name="OCAM_r_SDSS"), Filter(name="OCAM_g_SDSS")
    flat = make("r.fits", MasterFlatFrame, filter=red)
    make("g.fits", MasterFlatFrame, filter=green)
    place = {**PLACE, "date": DATE}
    assert validity.choose(MasterFlatFrame, **place, filter="OCAM_r_SDSS") == flat
    with pytest.raises(ArgumentError, match="filter"):
        validity.choose(MasterFlatFrame, **place)
    with pytest.raises(NoCalibration, match="OCAM_i_SDSS"):
        validity.choose(MasterFlatFrame, **place, filter="OCAM_i_SDSS")


def test_the_default_range_is_around_the_night_local_noon_to_noon():
    start, end = validity.range_around(DomeFlatFrame, "OMEGACAM", DATE, DATE)
    noon, next_noon = validity.night_range("OMEGACAM", "2012-05-31")
    assert noon <= DATE < next_noon
    assert (noon - start, end - next_noon) == (4 * DAY, 4 * DAY)


def test_raw_frames_are_selected_by_night_and_words(make):
    make("in.fits", RawBiasFrame, DATE_OBS=DATE, OBJECT="M31_1")
    make("out.fits", RawBiasFrame, DATE_OBS=DATE + DAY, OBJECT="M31_2")
    night = RawBiasFrame.select(instrument="OMEGACAM", date="2012-05-31", object="M31_?")
    assert [frame.filename for frame in night] == ["in.fits"]
    # without an instrument the clock of each telescope counts
    assert list(RawBiasFrame.select(date="2012-05-31", object="M31_?")) == list(night)
    with pytest.raises(ArgumentError, match="did you mean 'instrument'"):
        RawBiasFrame.select(instrment="OMEGACAM")


def test_text_of_a_terminal_fits_and_keeps_every_word(monkeypatch):
    from awe import columns

    name = "Cal-SCIENTIST-OMEGACAM--------ESO_CCD_#65-Bias---Cal-61372.7239452-" + "3b436a8a" * 5
    text = "\n".join(f"  refused: <BiasFrame {name}.fits> is yours" for _ in range(2))
    assert columns.wrapped(text) == columns.fit(text) == text  # no terminal: nothing is cut
    monkeypatch.setattr(columns, "max_width", 60)
    for shown in (columns.wrapped(text), columns.fit(text)):
        assert max(map(len, shown.splitlines())) <= 60
        assert "3b436a8a3b436a8a" not in shown
    assert " ".join(columns.wrapped(text).split()).count("is yours") == 2
