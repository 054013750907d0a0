"""Raw frames as people reported them of other tools, through the recipes."""

from __future__ import annotations

import dataclasses
import datetime

import numpy as np
import pytest

from awe.calib.flags import PixelFlag
from awe.context import context
from awe.errors import NoValidPixels, WrongShape
from awe.model.calibrations import BiasFrame
from awe.model.mixins import QualityFlag
from awe.model.raw import RawBiasFrame, RawScienceFrame
from tests.recipes.conftest import GEOMETRY, SHAPE
from tests.recipes.test_bad_frames import CHIP, MORNING, task

AT = datetime.datetime(2012, 6, 1, 9, 30)


def reduced(night, pixels):
    raw = night.put(RawScienceFrame, pixels, AT)
    return task("Reduce", raw_filenames=[raw.filename]).execute()


def test_charge_in_the_whole_strip_of_some_rows_takes_nothing_from_them(calibrated):
    pixels = calibrated.raw(calibrated.sky())
    spoilt = pixels.copy()
    spoilt[100:103, -12:] += 3000
    [clean] = reduced(calibrated, pixels)
    [found] = reduced(calibrated, spoilt)
    ccd = found.to_ccddata()
    good = ccd.flags == 0
    assert good[100:103].mean() > 0.9
    assert np.abs(found.data - clean.data)[100:103][good[100:103]].max() < 5
    assert found.quality_flags == 0


def test_a_frame_without_any_signal_is_refused(calibrated, capsys):
    for value in (0, 250):
        with pytest.raises(NoValidPixels, match="the read-out gave no signal"):
            reduced(calibrated, np.full((GEOMETRY.ny, GEOMETRY.nx), value, np.uint16))


@pytest.mark.parametrize("part", ["rows", "columns"])
def test_the_dead_half_of_a_frame_is_flagged_and_the_other_is_not(calibrated, part):
    pixels = calibrated.raw(calibrated.sky())
    dead = np.zeros(SHAPE, bool)
    if part == "rows":
        pixels[80:] = 0
        dead[80:] = True
    else:
        pixels[:, : 12 + 96] = 0
        dead[:, :96] = True
    [red] = reduced(calibrated, pixels)
    flags = red.to_ccddata().flags
    assert (flags[dead] != 0).all()
    assert (red.weight.data[dead] == 0).all()
    assert ((flags[~dead] & PixelFlag.DEAD) == 0).all()
    assert (flags[~dead] != 0).mean() < 0.05
    assert red.quality_flags & QualityFlag.BAD_PIXELS


def test_pixels_below_anything_the_converter_gives_are_flagged(calibrated):
    pixels = calibrated.raw(calibrated.sky())
    pixels[40:43, 60:70] = 0
    [red] = reduced(calibrated, pixels)
    flags = red.to_ccddata().flags
    assert (flags[40:43, 48:58] & PixelFlag.DEAD != 0).all()
    assert (flags & PixelFlag.DEAD != 0).sum() == 30


def test_a_missing_value_of_a_raw_frame_is_flagged(calibrated):
    pixels = calibrated.raw(calibrated.sky())
    pixels[30, 60] = 0

    def with_blank(content):
        end = content.index(b"END".ljust(80))
        card = b"BLANK   =               -32768".ljust(80)
        # a block of a header has room behind END
        return content[:end] + card + b"END".ljust(80) + content[end + 160 :]

    raw = calibrated.put(RawScienceFrame, pixels, AT, spoil=with_blank)
    [red] = task("Reduce", raw_filenames=[raw.filename]).execute()
    flags = red.to_ccddata().flags
    assert flags[30, 48] & PixelFlag.NON_FINITE
    assert (flags & PixelFlag.NON_FINITE != 0).sum() == 1


def test_the_calibration_that_fits_is_taken_before_the_newest(calibrated):
    [before] = task("Reduce", raw_filenames=[science(calibrated)]).execute()
    binned = dataclasses.replace(GEOMETRY, binning=(2, 2))
    dark = np.zeros(SHAPE)
    names = [
        calibrated.put(
            RawBiasFrame, calibrated.raw(dark), MORNING + datetime.timedelta(minutes=n),
            geometry=binned,
        ).filename
        for n in range(5)
    ]
    [newest] = task("Bias", raw_filenames=names).execute()
    assert newest.quality_flags == 0
    [red] = task("Reduce", raw_filenames=[science(calibrated)]).execute()
    assert red.bias == before.bias != newest
    assert list(red.why_stale()) == []
    verdicts = red.why("bias")
    [said] = [one.verdict for one in verdicts.candidates if one.calibration == newest]
    assert "it shows 192 x 160 pixels from 1, 1, binning 2x2, expected 192 x 160" in said
    # where none fits the newest is named
    for item in BiasFrame.chip.name == CHIP:
        if item != newest:
            context.update_is_valid(item, 0)
    with pytest.raises(WrongShape, match="binning 2x2"):
        task("Reduce", raw_filenames=[science(calibrated)]).execute()


def science(night):
    query = (RawScienceFrame.chip.name == CHIP) & (RawScienceFrame.OBJECT == "SCIENCE")
    return query.min("DATE_OBS").filename
