"""The calibration that fits: window, binning, read mode and overscan before the newest."""

import dataclasses
import datetime

import numpy as np
import pytest

from awe.calib.detector import sections
from awe.calib.detector.geometry import ChipGeometry
from awe.context import context
from awe.errors import NoCalibration, ParameterError, WrongShape
from awe.model.calibrations import BiasFrame
from awe.model.mixins import QualityFlag
from awe.model.raw import RawBiasFrame, RawDarkFrame, RawDomeFlatFrame, RawScienceFrame
from awe.rules.extent import Shown
from awe.tasks.targets import plan
from tests.recipes.conftest import run

CHIP = "ESO_CCD_#65"
AT = datetime.datetime(2012, 6, 1, 9, 30)
MORNING = datetime.datetime(2012, 5, 31, 21)


def window(pixels, y0, y1, x0, x1):
    """Cut a window out of a raw frame of conftest's geometry, as a detector reads it."""
    rows = slice(y0, y1)
    columns = [*range(12), *range(12 + x0, 12 + x1), *range(204, 216)]
    above = pixels[160:170][:, columns]
    return np.vstack([pixels[rows][:, columns], above]), ChipGeometry.from_counts(
        nx=len(columns), ny=y1 - y0 + 10, prescan_x=12, overscan_x=12, overscan_y=10,
        start_x=x0 + 1, start_y=y0 + 1,
    )


def biases(night, number=5, **changed):
    dark = np.zeros(night.shape)
    return [
        night.put(
            RawBiasFrame, night.raw(dark), MORNING + datetime.timedelta(minutes=n), **changed
        ).filename
        for n in range(number)
    ]


@pytest.mark.parametrize("place", [(40, 120, 30, 150), (0, 64, 0, 192), (96, 160, 128, 192)])
def test_a_window_is_reduced_with_cut_calibrations_of_the_whole_chip(calibrated, place):
    y0, y1, x0, x1 = place
    pixels = calibrated.raw(calibrated.sky())
    part, geometry = window(pixels, *place)
    whole = calibrated.put(RawScienceFrame, pixels, AT)
    small = calibrated.put(RawScienceFrame, part, AT, geometry=geometry)
    [red] = run("Reduce", raw_filenames=[whole.filename])
    [cut] = run("Reduce", raw_filenames=[small.filename])
    assert cut.data.shape == (y1 - y0, x1 - x0)
    for role in ("bias", "flat", "hot", "cold", "read_noise"):
        assert getattr(cut, role) == getattr(red, role)
    inside = (slice(y0, y1), slice(x0, x1))
    flags, theirs = cut.to_ccddata().flags, red.to_ccddata().flags[inside]
    both = (flags == 0) & (theirs == 0)
    assert both.mean() > 0.9
    assert np.array_equal(cut.data[both], red.data[inside][both])
    # a stored weight is right to 5 in 1,000, in steps that depend on the plane
    weights = cut.weight.data[both], red.weight.data[inside][both]
    np.testing.assert_allclose(*weights, rtol=1.01e-2)
    masters = cut.hot.data[inside] * cut.cold.data[inside] == 0
    assert (flags[masters] != 0).all()
    assert list(cut.why_stale()) == []
    assert "may be chosen" in str(cut.why("flat"))
    # the same product again, by its lineage alone
    assert np.array_equal(cut.remake(exact=True).data, cut.data, equal_nan=True)


def test_a_window_of_flats_goes_with_a_bias_of_the_whole_chip_and_not_the_reverse(
    calibrated, capsys
):
    light = np.full(calibrated.shape, 20000.0)
    names = []
    for n in range(5):
        part, geometry = window(calibrated.raw(light), 40, 120, 30, 150)
        names.append(
            calibrated.put(
                RawDomeFlatFrame, part, MORNING + datetime.timedelta(minutes=n), geometry=geometry
            ).filename
        )
    [dome] = run("DomeFlat", raw_filenames=names, commit=True)
    assert dome.quality_flags == 0
    assert dome.data.shape == (80, 120)
    assert dome.shows == {"x": 31, "y": 41, "nx": 120, "ny": 80, "binning": [1, 1],
                          "amplifiers": ""}  # fmt: skip
    bias = dome.bias
    assert bias.data.shape == calibrated.shape
    # a newer flat of a window is no flat of the whole chip
    [master] = run("MasterFlat", date=calibrated.date, chip=CHIP, filter="OCAM_r_SDSS",
                   combine=1, commit=True)  # fmt: skip
    assert master.dome == dome
    assert master.data.shape == (80, 120)
    assert master.cold.data.shape == calibrated.shape
    sky = calibrated.put(RawScienceFrame, calibrated.raw(calibrated.sky()), AT)
    [red] = run("Reduce", raw_filenames=[sky.filename])
    assert red.flat != master
    [said] = [c.verdict for c in red.why("flat").candidates if c.calibration == master]
    assert said == (
        "it shows 120 x 80 pixels from 31, 41, binning 1x1, "
        "expected 192 x 160 pixels from 1, 1, binning 1x1"
    )


def test_a_bias_of_another_overscan_method_is_passed_over(calibrated, capsys):
    sky = calibrated.put(RawScienceFrame, calibrated.raw(calibrated.sky()), AT)
    [before] = run("Reduce", raw_filenames=[sky.filename])
    [plain] = run("Bias", date=calibrated.date, chip=CHIP, overscan=0, commit=True,
                  pars={"BiasFrame.process_params.MAXIMUM_ABS_MEAN": 1e4})  # fmt: skip
    context.update_is_valid(plain, 1)
    assert plain.quality_flags == 0
    [red] = run("Reduce", raw_filenames=[sky.filename])
    assert red.bias == before.bias != plain
    assert f"{plain.filename} is passed over: its overscan method is 0, expected 6" in (
        capsys.readouterr().out
    )
    assert before.is_uptodate()
    [said] = [c.verdict for c in red.why("bias").candidates if c.calibration == plain]
    assert said == "its overscan method is 0, expected 6"
    assert plan(type(red), sky).steps[0].product != plain
    # asked for that method, it is the only one that fits
    [other] = run("Reduce", raw_filenames=[sky.filename], overscan=0)
    assert other.bias == plain
    pars = {"ReducedScienceFrame.process_params.OVERSCAN_CORRECTION": 0}
    # the bias has a limit of its own, and nothing else is stale
    assert {reason.kind for reason in other.why_stale(pars)} == {"stale calibration"}
    for recipe in ("DomeFlat", "TwilightFlat"):
        night = {"date": calibrated.date, "chip": CHIP, "filter": "OCAM_r_SDSS"}
        [flat] = run(recipe, **night)
        assert flat.bias == before.bias
    # where none fits the newest is named
    with pytest.raises(ParameterError, match="was made with overscan method 0"):
        run("Reduce", raw_filenames=[sky.filename], overscan=5)


def test_frames_read_in_another_mode_take_masters_of_that_mode(calibrated):
    for name in biases(calibrated):
        [frame] = RawBiasFrame.filename == name
        assert frame.read_mode == ""
    fast = [
        _fast(calibrated, RawBiasFrame, np.zeros(calibrated.shape), MORNING, n) for n in range(5)
    ]
    run("ReadNoise", raw_filenames=fast, commit=True)
    [newest] = run("Bias", raw_filenames=fast, commit=True)
    assert newest.read_mode == newest.read_noise.read_mode == "fast"
    [hot] = run("HotPixels", date=calibrated.date, chip=CHIP, commit=True)
    assert hot.read_mode == "fast"
    [slow] = [_fast(calibrated, RawScienceFrame, calibrated.sky(), AT, 0, mode="slow")]
    [red] = run("Reduce", raw_filenames=[slow])
    assert newest not in (red.bias, red.hot.bias)
    assert "newer calibration" not in [reason.kind for reason in red.why_stale()]
    assert "it was read in mode fast, expected slow" in str(red.why("bias"))
    [own] = [_fast(calibrated, RawScienceFrame, calibrated.sky(), AT, 1)]
    [red] = run("Reduce", raw_filenames=[own])
    assert red.bias == newest
    assert red.hot == hot
    # of frames that are combined the odd one is left out
    odd = _fast(calibrated, RawBiasFrame, np.zeros(calibrated.shape), MORNING, 9, mode="slow")
    [bias] = run("Bias", raw_filenames=[*fast, odd])
    assert bias.rejected_inputs() == {odd: "its read mode is slow, that of most is fast"}
    for item in BiasFrame.chip.name == CHIP:
        if item != newest:
            context.update_is_valid(item, 0)
    with pytest.raises(NoCalibration, match="read in mode fast, expected slow"):
        run("Reduce", raw_filenames=[slow])


def _fast(night, cls, light, start, number, mode="fast"):
    moment = start + datetime.timedelta(minutes=20 + number)
    return night.put(cls, night.raw(light), moment, read_mode=mode).filename


def test_an_optional_calibration_that_does_not_fit_is_gone_without(calibrated, capsys):
    geometry = dataclasses.replace(ChipGeometry(**calibrated.frames[0].geometry), binning=(2, 2))
    names = [
        calibrated.put(
            RawDarkFrame, calibrated.raw(np.zeros(calibrated.shape)),
            MORNING + datetime.timedelta(minutes=n), geometry=geometry, exposure=600.0,
        ).filename
        for n in range(5)
    ]
    run("Bias", raw_filenames=biases(calibrated, geometry=geometry), commit=True)
    [current] = run("Dark", raw_filenames=names, commit=True)
    assert current.dark.quality_flags == 0
    sky = calibrated.put(RawScienceFrame, calibrated.raw(calibrated.sky()), AT)
    [red] = run("Reduce", raw_filenames=[sky.filename])
    assert red.dark is None
    assert red.is_uptodate()
    assert f"{current.dark.filename} is passed over" in capsys.readouterr().out
    # where it is asked for, it is refused
    with pytest.raises(WrongShape, match="binning 2x2"):
        run("Reduce", raw_filenames=[sky.filename],
            pars={"ReducedScienceFrame.process_params.SUBTRACT_DARK": 1})  # fmt: skip


def test_a_dark_with_bits_is_told_when_it_is_made_and_where_it_is_passed_over(calibrated, capsys):
    lit = np.zeros(calibrated.shape)
    lit[:40, :48] = 40.0
    names = [
        calibrated.put(
            RawDarkFrame, calibrated.raw(lit), MORNING + datetime.timedelta(minutes=n),
            exposure=600.0,
        ).filename
        for n in range(5)
    ]
    [current] = run("Dark", raw_filenames=names, commit=True)
    assert (current.quality_flags, current.dark.quality_flags) == (0, QualityFlag.SUBWINDOWS)
    assert "its DarkFrame has quality: SUBWINDOWS; committed" in capsys.readouterr().out
    sky = calibrated.put(RawScienceFrame, calibrated.raw(calibrated.sky()), AT)
    [red] = run("Reduce", raw_filenames=[sky.filename])
    assert red.dark is None
    told = capsys.readouterr().out
    assert (
        f"no DarkFrame: {current.dark.filename} is passed over: quality_flags: SUBWINDOWS; "
    ) in told
    assert "p = Pars('Dark', instrument='OMEGACAM'); p.DarkCurrent.process_params.MAXIMUM_" in told
    # once is enough
    run("Reduce", raw_filenames=[sky.filename])
    assert "passed over" not in capsys.readouterr().out


@pytest.mark.parametrize("seed", range(50))
def test_a_part_is_cut_where_it_is(seed):
    random = np.random.default_rng(seed)
    bx, by = random.integers(1, 4, 2).tolist()
    left, low = random.integers(0, 10, 2).tolist()
    nx, ny = random.integers(1, 10, 2).tolist()
    x, y = random.integers(1, 50, 2).tolist()
    whole = Shown(x=x, y=y, nx=20, ny=20, binning=(bx, by))
    part = Shown(x=x + left * bx, y=y + low * by, nx=nx, ny=ny, binning=(bx, by))
    cut = part.within(whole)
    # a pixel is named by the chip's pixel at its lower left corner
    column, row = np.meshgrid(x + bx * np.arange(20), y + by * np.arange(20))
    assert sections.shape(cut) == (ny, nx)
    assert column[cut][0].tolist() == [part.x + bx * n for n in range(nx)]
    assert row[cut][:, 0].tolist() == [part.y + by * n for n in range(ny)]
    assert Shown.recorded(part.record()) == part
    outside = dataclasses.replace(part, nx=21 - left)
    assert outside.within(whole) is None
    assert dataclasses.replace(part, binning=(bx + 1, by)).within(whole) is None
    if bx > 1:
        assert dataclasses.replace(part, x=part.x + 1).within(whole) is None
