"""Frames that do not belong are named and left out; the others go on; nothing is half-stored."""

import dataclasses
import datetime
from pathlib import Path

import numpy as np
import pytest

from awe import recipes
from awe.calib.detector.geometry import ChipGeometry
from awe.errors import ArgumentError, NoCalibration, NotFound, NoValidPixels, WrongShape

CHIP = "ESO_CCD_#65"
FILTER = "OCAM_r_SDSS"
MORNING = datetime.datetime(2012, 5, 31, 21, 30)


def task(name, **arguments):
    return recipes.find(name)(instrument="OMEGACAM", commit=True, **arguments)


def bias_names():
    from awe.model.raw import RawBiasFrame

    return [raw.filename for raw in RawBiasFrame.chip.name == CHIP]


def left_over():
    """Files at the dataserver that no object names."""
    from awe.db.server.connection import database

    return database.execute("SELECT filename FROM awe.file WHERE state <> 'linked'")


def test_biases_that_do_not_belong_are_named_and_left_out(night, capsys):
    from awe.model.calibrations import RejectedInput
    from awe.model.raw import RawBiasFrame

    dark = np.zeros(night.shape)
    task("ReadNoise", date=night.date, chip=CHIP).execute()
    good = bias_names()
    at = [MORNING + datetime.timedelta(minutes=n) for n in range(8)]
    other = night.put(RawBiasFrame, night.raw(dark), at[0] - datetime.timedelta(days=2))
    lit = night.put(RawBiasFrame, night.raw(dark + 60), at[1])
    holes = night.raw(dark).astype(np.float32)
    holes[:, 50] = np.nan
    holes[:, 51:55] = np.inf
    empty = night.put(RawBiasFrame, holes, at[2])
    cut = night.put(RawBiasFrame, night.raw(dark), at[3], spoil=lambda text: text[:40000])
    text = night.put(RawBiasFrame, night.raw(dark), at[4], spoil=lambda text: b"<html>no</html>")
    full = ChipGeometry.from_counts(nx=200, ny=100, prescan_x=12, overscan_x=12, overscan_y=10)
    small = night.put(RawBiasFrame, night.raw(dark)[:100, :200], at[5], geometry=full)
    bare = dataclasses.replace(_geometry(), overscan_x=None)
    blind = night.put(RawBiasFrame, night.raw(dark), at[6], geometry=bare)
    bad = {
        other: "night of 2012-05-29", lit: "off the level of the others",
        empty: "no finite value", cut: "truncated", text: "not a FITS file",
        small: "window or binning is 200 x 100", blind: "overscan",
    }  # fmt: skip
    names = [*good, *(frame.filename for frame in bad)]
    capsys.readouterr()
    [bias] = task("Bias", raw_filenames=names).execute()
    said = capsys.readouterr().out
    for frame, reason in bad.items():
        assert f"left out {frame.filename}" in said
        assert reason in bias.rejected_inputs()[frame.filename]
    assert [raw.filename for raw in bias.raw_bias_frames] == good
    assert bias.quality_flags == 0
    assert bias.timestamp_start > datetime.datetime(2012, 5, 28)
    assert {bias.header[f"AWE REJ{n} FILE"] for n in range(1, 8)} == {f.filename for f in bad}
    assert len(list(RejectedInput.product == bias.object_id)) == 7
    assert left_over() == []


def _geometry():
    return ChipGeometry.from_counts(
        nx=216, ny=170, prescan_x=12, overscan_x=12, overscan_y=10
    )


def test_when_no_frame_is_left_the_reasons_are_listed_and_nothing_is_stored(night):
    from awe.model.calibrations import ReadNoise
    from awe.model.raw import RawBiasFrame

    dark = night.raw(np.zeros(night.shape))
    at = MORNING + datetime.timedelta(days=30)
    names = [
        night.put(RawBiasFrame, dark, at, spoil=lambda text: b"").filename,
        night.put(RawBiasFrame, dark, at, spoil=lambda text: text[:2880]).filename,
    ]
    with pytest.raises(NoValidPixels) as caught:
        task("ReadNoise", raw_filenames=names).execute()
    assert all(name in str(caught.value) for name in names)
    assert len(ReadNoise.select_all()) == 0
    assert left_over() == []
    assert not list(Path.cwd().glob("*.fits"))


def test_few_good_frames_make_a_flagged_master_that_is_never_chosen(night):
    from awe.model.calibrations import BiasFrame
    from awe.model.mixins import QualityFlag

    where = {"instrument": "OMEGACAM", "date": night.date, "chip": CHIP}
    task("ReadNoise", date=night.date, chip=CHIP).execute()
    [poor] = task("Bias", raw_filenames=bias_names()[:2]).execute()
    assert poor.quality_flags == QualityFlag.FEW_INPUTS
    with pytest.raises(NoCalibration, match="FEW_INPUTS"):
        BiasFrame.select(**where)
    [sound] = task("Bias", date=night.date, chip=CHIP).execute()
    assert BiasFrame.select(**where) == sound
    assert sound.prev == poor


def test_who_has_few_frames_is_told_the_limit_and_the_lines_that_lower_it(night, capsys):
    from awe.model.calibrations import BiasFrame
    from awe.model.raw import RawScienceFrame
    from awe.pars import Pars

    task("ReadNoise", date=night.date, chip=CHIP).execute()
    [poor] = task("Bias", raw_filenames=bias_names()[:2]).execute()
    raw = (RawScienceFrame.chip.name == CHIP)[0].filename
    capsys.readouterr()
    with pytest.raises(NoCalibration) as caught:
        task("Reduce", raw_filenames=[raw]).execute()
    said, told = capsys.readouterr().out, str(caught.value)
    assert f"{raw}: failed: no BiasFrame for OMEGACAM {CHIP}" in said
    assert "ruled out" not in said
    assert "has 2 inputs, MINIMUM_INPUTS is 3" in told
    assert "go_without=['bias']" in told
    with pytest.raises(NoCalibration, match="MINIMUM_INPUTS is 3"):
        task("Reduce", raw_filenames=[raw], bias=poor.filename).execute()
    task("Reduce", raw_filenames=[raw], go_without="all").execute()
    said = capsys.readouterr().out
    [line] = [one for one in said.splitlines() if "WARNING: no BiasFrame" in one]
    assert poor.filename in line
    assert "FEW_INPUTS" in line
    # the lines of the message, as they are
    lines = told[told.index("p = Pars(") : told.index("; dpu.run(")].split("; ")
    space = {"Pars": Pars}
    for one in lines:
        exec(one, space)
    [made] = task("Bias", raw_filenames=bias_names()[:2], pars=space["p"].get()).execute()
    assert made.quality_flags == 0
    assert BiasFrame.select(instrument="OMEGACAM", date=night.date, chip=CHIP) == made


@pytest.fixture
def flats(night):
    """The night with read noise, bias and hot pixels."""
    for name in ("ReadNoise", "Bias", "HotPixels"):
        task(name, date=night.date, chip=CHIP).execute()
    return night


def test_a_saturated_an_empty_and_an_uneven_flat_are_left_out(flats, capsys):
    from awe.model.raw import RawDomeFlatFrame

    light = np.zeros(flats.shape)
    at = [MORNING + datetime.timedelta(minutes=n) for n in range(3)]
    saturated = flats.put(RawDomeFlatFrame, flats.raw(light + 70000.0), at[0])
    empty = flats.put(RawDomeFlatFrame, flats.raw(light), at[1])
    shadow = light + 20000.0
    shadow[:, :60] *= 0.7
    uneven = flats.put(RawDomeFlatFrame, flats.raw(shadow), at[2])
    [flat] = task("DomeFlat", date=flats.date, filter=FILTER, chip=CHIP).execute()
    reasons = flat.rejected_inputs()
    assert "level 65" in reasons[saturated.filename]
    assert "level 25" in reasons[empty.filename]
    assert "off the shape of the others" in reasons[uneven.filename]
    assert len(flat.raw_dome_flat_frames) == 5
    ratio = flat.data / flats.flat
    assert np.std(ratio[flats.flat > 0.5]) < 0.01


def test_stars_in_twilight_flats_do_not_enter_the_flat(flats):
    from awe.model.raw import RawTwilightFlatFrame

    for name in ("DomeFlat", "ColdPixels"):
        task(name, date=flats.date, filter=FILTER, chip=CHIP).execute()
    random = np.random.default_rng(3)
    y, x = np.mgrid[0 : flats.shape[0], 0 : flats.shape[1]]
    names = []
    for number in range(5):
        light = np.full(flats.shape, 15000.0 + 3000 * number)
        for sx, sy in random.uniform(10, 150, (6, 2)):
            light += 9000 * np.exp(-((x - sx) ** 2 + (y - sy) ** 2) / (2 * 2.0**2))
        at = MORNING + datetime.timedelta(minutes=number)
        names.append(flats.put(RawTwilightFlatFrame, flats.raw(light), at).filename)
    [flat] = task("TwilightFlat", raw_filenames=names).execute()
    good = flats.flat > 0.5
    for place in flats.hot:
        good[place] = False
    ratio = (flat.data / flats.flat)[good]
    assert np.std(ratio) < 0.006
    assert np.max(np.abs(ratio / np.median(ratio) - 1)) < 0.05


def test_frames_that_cannot_be_reduced_are_reported_and_the_others_go_on(calibrated, capsys):
    from awe.calib.flags import PixelFlag
    from awe.model.mixins import QualityFlag
    from awe.model.raw import RawScienceFrame

    sky = calibrated.sky()
    at = datetime.datetime(2012, 6, 1, 9, 30)
    small = ChipGeometry.from_counts(nx=200, ny=100, prescan_x=12, overscan_x=12, overscan_y=10)
    bare = dataclasses.replace(_geometry(), overscan_x=None)
    holes = calibrated.raw(sky).astype(np.float32)
    holes[30:34, 60:64] = np.nan
    holes[40, 60] = np.inf
    pixels = calibrated.raw(sky)
    put = calibrated.put
    frames = {
        "cut": put(RawScienceFrame, pixels, at, spoil=lambda text: text[:-2880]),
        "text": put(RawScienceFrame, pixels, at, spoil=lambda text: b"no FITS at all"),
        "window": put(RawScienceFrame, pixels[:100, :200], at, geometry=small),
        "bare": put(RawScienceFrame, pixels, at, geometry=bare),
        "holes": put(RawScienceFrame, holes, at),
        "white": put(RawScienceFrame, np.full_like(pixels, 65535), at),
        "good": put(RawScienceFrame, pixels, at),
    }
    names = [frame.filename for frame in frames.values()]
    made = {
        red.raw.filename: red for red in task("Reduce", raw_filenames=names, chip=CHIP).execute()
    }
    said = capsys.readouterr().out
    assert set(made) == {frames[name].filename for name in ("holes", "white", "good")}
    reasons = {
        "cut": "truncated", "text": "not a FITS file", "window": "pixels",
        "bare": "overscan",
    }  # fmt: skip
    for name, reason in reasons.items():
        [line] = [one for one in said.splitlines() if one.startswith(frames[name].filename)]
        assert "failed" in line
        assert reason in line
        assert "defect" not in line
    assert made[frames["good"].filename].quality_flags == 0
    flagged = made[frames["holes"].filename]
    assert flagged.quality_flags == QualityFlag.NOT_FINITE
    flags = flagged.to_ccddata().flags
    assert (flags[30:34, 48:52] & PixelFlag.NON_FINITE).all()
    assert flags[40, 48] & PixelFlag.NON_FINITE
    white = made[frames["white"].filename]
    assert white.quality_flags & (QualityFlag.SATURATED | QualityFlag.EMPTY)
    assert white.psf_radius is None
    assert (white.weight.data == 0).all()
    assert left_over() == []


def test_a_calibration_that_is_not_sound_is_not_taken_by_hand(calibrated):
    from awe.context import context
    from awe.model.calibrations import BiasFrame, MasterFlatFrame

    bias = (BiasFrame.chip.name == CHIP)[0]
    flat = (MasterFlatFrame.chip.name == "ESO_CCD_#66")[0]
    context.update_is_valid(bias, 0)
    where = {"template": calibrated.template.start, "chip": CHIP}
    with pytest.raises(NoCalibration, match="is not sound"):
        task("Reduce", **where, bias_filename=bias.filename).execute()
    with pytest.raises(WrongShape, match="is for chip ESO_CCD_#66"):
        task("Reduce", **where, flat_filename=flat.filename).execute()


@pytest.mark.parametrize(
    "given",
    [
        {"raw_filenames": 5},
        {"raw_filenames": {}},
        {"raw_filenames": [1, 2]},
        {"raw_filenames": ["a\n" * 900, 1]},
        {"pars": {1: 2}},
        {"pars": [1]},
    ],
)
def test_an_argument_of_another_kind_is_told_in_one_line(given):
    with pytest.raises(ArgumentError, match=r"expects a .*, as .*, got") as caught:
        task("Bias", **given)
    assert len(str(caught.value)) < 250
    assert "\n" not in str(caught.value)


def test_empty_lists_and_nothing_found_are_refused(night):
    with pytest.raises(ArgumentError, match="a name or a list of names"):
        task("Bias", raw_filenames=[])
    with pytest.raises(NotFound, match="no valid RawBiasFrame"):
        task("Bias", date="2011-01-01").execute()
    with pytest.raises(ArgumentError, match="expects one of: date, template, raw_filenames"):
        task("Bias").execute()


def test_a_misspelt_chip_or_instrument_is_told_with_what_there_is(night):
    with pytest.raises(NotFound) as caught:
        task("Bias", chip="ESO_CCD_#56", date="2012-05-31").execute()
    text = str(caught.value)
    assert "OMEGACAM has no chip 'ESO_CCD_#56'; did you mean 'ESO_CCD_#66'?" in text
    assert "(chips: ESO_CCD_#65, ESO_CCD_#66)" in text
    with pytest.raises(NotFound, match=r"chip= takes one name without \* and \?"):
        task("Bias", chip="ESO_CCD_#6*", date="2012-05-31").execute()
    moment = datetime.datetime(2012, 6, 1, 8)
    with pytest.raises(NotFound) as caught:
        recipes.find("Bias")(instrument="OMEGACAN", template=moment).execute()
    text = str(caught.value)
    assert "template='2012-06-01T08:00:00'" in text
    assert "no instrument 'OMEGACAN'; did you mean 'OMEGACAM'? (instruments: OMEGACAM)" in text


def test_copies_of_one_exposure_count_once(flats, capsys):
    from awe.model.calibrations import GainLinearity
    from awe.model.raw import RawBiasFrame, RawDomeFlatFrame

    one = flats.raw(np.zeros(flats.shape) + 20000.0)
    at = [MORNING + datetime.timedelta(minutes=9, seconds=n) for n in range(4)]
    domes = [flats.put(RawDomeFlatFrame, one, moment).filename for moment in at]
    with pytest.raises(NoValidPixels, match="pairs"):
        task("Gain", raw_filenames=domes).execute()
    assert len(GainLinearity.select_all()) == 0
    names = bias_names()
    copied = flats.put(
        RawBiasFrame, flats.raw(np.zeros(flats.shape)), MORNING + datetime.timedelta(minutes=1)
    )
    again = flats.put(RawBiasFrame, copied.data, MORNING + datetime.timedelta(minutes=2))
    capsys.readouterr()
    [bias] = task("Bias", raw_filenames=[*names, copied.filename, again.filename]).execute()
    reason = f"it has the same pixels as {copied.filename}"
    assert bias.rejected_inputs() == {again.filename: reason}
    assert len(bias.raw_bias_frames) == len(names) + 1


def test_an_object_alone_is_enough_where_nights_are_not_kept_apart(night):
    from awe.model.raw import RawScienceFrame

    raws = list(RawScienceFrame.is_valid > 0)
    name = raws[0].OBJECT
    found = task("Reduce", object=name).units()
    assert len(found) == len([raw for raw in raws if name == raw.OBJECT]) > 0
    for recipe in ("Reduce", "Astrometry", "GAstrom", "Photcat", "Regrid", "SourceList"):
        with pytest.raises(ArgumentError, match="expects one of: date, object, template"):
            task(recipe, object="*").units()
        with pytest.raises(NotFound, match="NOBODY"):
            task(recipe, object="NOBODY").units()
    for recipe in ("Photom", "Extinction"):
        with pytest.raises(ArgumentError, match="expects one of: date, template"):
            task(recipe, object=name).units()
