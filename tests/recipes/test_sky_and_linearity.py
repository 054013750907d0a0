"""Reduce subtracts a background and takes out a curvature, where asked and where known."""

import datetime

import numpy as np
import pytest

from awe.errors import NoCalibration

CHIP = "ESO_CCD_#65"
TEMPLATE = "2012-06-01T08:51:44"
PREFIX = "ReducedScienceFrame.process_params."


def run(name, **arguments):
    from awe import recipes

    task = recipes.find(name)(instrument="OMEGACAM", chip=CHIP, commit=True, **arguments)
    return task.execute()


def good_pixels(*frames):
    return np.logical_and.reduce([frame.to_ccddata().flags == 0 for frame in frames])


def test_a_background_is_subtracted_where_it_is_asked_for(calibrated):
    from awe.model.science import ReducedScienceFrame

    plain = run("Reduce", template=TEMPLATE)
    backs = run("Background", template=TEMPLATE)
    dark = run("Reduce", template=TEMPLATE, background=True)
    stars = calibrated.sky() - 500
    for before, back, red in zip(plain, backs, dark, strict=True):
        assert before.back is None
        assert before.choices.get("back") is None
        assert red.back == back
        assert back.raw == red.raw
        assert red.choices["back"] == "by hand: AWSCIENTIST"
        assert red.header["BUNIT"] == back.header["BUNIT"] == "adu"
        good = good_pixels(before, red)
        taken = (before.data - red.data)[good]
        np.testing.assert_allclose(taken, back.data[good], rtol=1e-5, atol=1e-3)
        empty = good & (stars < 0.5)
        assert abs(np.median(red.data[empty])) < 2.5
        assert np.std(red.data[empty]) == pytest.approx(
            np.median(np.sqrt(red.to_ccddata().uncertainty.array[empty])), rel=0.05
        )
        star = good & (stars > 100)
        assert red.data[star].sum() == pytest.approx(stars[star].sum(), rel=0.05)
    assert len(ReducedScienceFrame.back == backs[0]) == 1
    assert "BackgroundFrame" in str(dark[0].lineage())


def test_a_background_reaches_remakes_and_is_not_taken_for_another_frame_s(calibrated):
    run("Background", template=TEMPLATE)
    first, second = run("Reduce", template=TEMPLATE, background=True)
    run("Background", template=TEMPLATE)
    assert first.is_uptodate(), first.why_stale()
    for exact in (True, False):
        again = first.remake(exact=exact)
        assert again.back == first.back != second.back
        assert again.choices["back"] == first.choices["back"]
        assert np.array_equal(again.data, first.data, equal_nan=True)
    plain = run("Reduce", template=TEMPLATE, skip=True)
    assert [red.back for red in plain] == [None, None]
    assert run("Reduce", template=TEMPLATE, skip=True) == plain


def test_without_a_background_of_the_frame_the_error_says_how_to_make_one(calibrated, capsys):
    from awe.context import context

    with pytest.raises(NoCalibration, match=r"none that is sound; dpu\.run\('Background'"):
        run("Reduce", template=TEMPLATE, background=True)
    first, second = run("Background", template=TEMPLATE)
    context.update_is_valid(first, 0)
    capsys.readouterr()
    [red] = run("Reduce", template=TEMPLATE, background=True)
    assert red.back == second
    assert f"{first.raw.filename}: failed: a BackgroundFrame" in capsys.readouterr().out


def test_a_curvature_that_was_measured_is_taken_out(calibrated):
    from awe.model.raw import RawDomeFlatFrame, RawScienceFrame

    curvature = -2e-6
    light = np.zeros(calibrated.shape)

    def bent(level):
        return calibrated.raw(level + curvature * level**2)

    at = datetime.datetime(2012, 5, 31, 22)
    names = []
    for seconds in (5, 10, 20, 30, 40, 50):
        for _ in range(4):
            pixels = bent(light + 900.0 * seconds)
            frame = calibrated.put(RawDomeFlatFrame, pixels, at, exposure=float(seconds))
            names.append(frame.filename)
            at += datetime.timedelta(minutes=1)
    limit = {"GainLinearity.process_params.MAXIMUM_DEVIATION": 0.5}
    [gain] = run("Gain", raw_filenames=names, pars=limit)
    assert gain.curvature == pytest.approx(curvature, rel=0.05)
    assert gain.quality_flags == 0
    level = 30000.0
    at = datetime.datetime(2012, 6, 1, 9, 30)
    raw = calibrated.put(RawScienceFrame, bent(light + level), at)
    [red] = run("Reduce", raw_filenames=[raw.filename])
    off = {f"{PREFIX}CORRECT_LINEARITY": False}
    [left] = run("Reduce", raw_filenames=[raw.filename], pars=off)
    assert red.gain == left.gain == gain
    good = good_pixels(red, left)
    assert np.median(left.data[good]) / level == pytest.approx(1 + curvature * level, abs=0.002)
    assert np.median(red.data[good]) / level == pytest.approx(1, abs=0.003)
