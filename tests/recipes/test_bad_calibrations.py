"""A calibration that does not fit or cannot divide costs its own frames, never the others."""

import dataclasses
import datetime
from pathlib import Path

import numpy as np
import pytest

from awe.calib.detector.geometry import ChipGeometry
from awe.context import context
from awe.errors import BadHeader, FileGone, NoValidPixels, WrongShape

FIRST = "ESO_CCD_#65"
TEMPLATE = "2012-06-01T08:51:44"
AT = datetime.datetime(2012, 6, 1, 9, 30)


def reduce(**arguments):
    from awe import recipes

    return recipes.find("Reduce")(instrument="OMEGACAM", commit=True, **arguments).execute()


def master_flat(like, pixels, **changed):
    """Commit a master flat with such pixels that passes for a sound one."""
    from awe.model.calibrations import MasterFlatFrame
    from awe.model.data import store
    from awe.tasks.inputs import imstat
    from awe.tasks.products import prepare

    names = ("instrument", "chip", "filter", "timestamp_start", "timestamp_end", "noise",
             "process_params")  # fmt: skip
    flat = MasterFlatFrame(**{name: getattr(like, name) for name in names} | changed)
    flat.process_status = 1
    flat.imstat = imstat(np.nan_to_num(pixels))
    prepare(flat, pixels, (), directory=Path.cwd(), unit="")[1]()
    store([flat])
    flat.commit()
    return flat


@pytest.fixture
def flat(calibrated):
    """The sound master flat of the first chip."""
    from awe.model.calibrations import MasterFlatFrame

    return (MasterFlatFrame.chip.name == FIRST)[0]


def failures(said):
    """The reasons by frame, each on one line."""
    lines = [line for line in said.splitlines() if ": failed: " in line]
    assert not any("defect" in line for line in lines)
    return dict(line.split(": failed: ") for line in lines)


def require_nothing_half_stored(frames):
    from awe.db.server.connection import database
    from awe.model.science import ReducedScienceFrame, WeightFrame

    assert database.execute("SELECT filename FROM awe.file WHERE state <> 'linked'") == []
    assert len(ReducedScienceFrame.select_all()) == len(WeightFrame.select_all()) == frames
    assert len(list(Path.cwd().glob("*-Red-*.fits"))) == frames
    assert len(list(Path.cwd().glob("*-Weight-*.fits"))) == frames


def test_a_flat_of_another_filter_named_by_hand_costs_the_frames_of_that_filter(
    calibrated, flat, capsys
):
    from awe.model.observing import Filter
    from awe.model.raw import RawScienceFrame

    own = calibrated.put(RawScienceFrame, calibrated.raw(calibrated.sky()), AT)
    calibrated.filter = Filter(name="OCAM_g_SDSS", instrument=calibrated.instrument)
    other = calibrated.put(RawScienceFrame, calibrated.raw(calibrated.sky()), AT)
    names = [own.filename, other.filename]
    [red] = reduce(raw_filenames=names, flat_filename=flat.filename)
    assert red.raw == own
    reason = failures(capsys.readouterr().out)[other.filename]
    assert "is for filter OCAM_r_SDSS" in reason
    assert "is of filter OCAM_g_SDSS" in reason
    require_nothing_half_stored(1)
    with pytest.raises(WrongShape, match="is for filter"):
        reduce(raw_filenames=[other.filename], flat_filename=flat.filename)


def test_a_binned_frame_does_not_go_with_masters_that_are_not(calibrated, capsys):
    from awe.model.raw import RawScienceFrame

    sky = calibrated.raw(calibrated.sky())
    rows, columns = calibrated.shape[0] + 10, calibrated.shape[1] + 24
    geometry = ChipGeometry.from_counts(
        nx=columns // 2, ny=rows // 2, prescan_x=6, overscan_x=6, overscan_y=5, binning=(2, 2)
    )
    binned = sky.reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3)).astype(np.uint16)
    small = calibrated.put(RawScienceFrame, binned, AT, geometry=geometry)
    good = calibrated.put(RawScienceFrame, sky, AT)
    [red] = reduce(raw_filenames=[small.filename, good.filename])
    assert red.raw == good
    reason = failures(capsys.readouterr().out)[small.filename]
    assert "192 x 160" in reason
    assert "96 x 80" in reason
    assert "binning" in reason
    require_nothing_half_stored(1)


def test_another_window_or_binning_of_the_same_size_is_refused(calibrated, capsys):
    from awe import recipes
    from awe.model.raw import RawDomeFlatFrame, RawScienceFrame

    sky = calibrated.raw(calibrated.sky())
    usual = ChipGeometry(**calibrated.frames[0].geometry)
    moved = dataclasses.replace(usual, start_x=201)
    binned = dataclasses.replace(usual, binning=(2, 2))
    put = calibrated.put
    other = put(RawScienceFrame, sky, AT, geometry=moved)
    coarse = put(RawScienceFrame, sky, AT, geometry=binned)
    good = put(RawScienceFrame, sky, AT)
    [red] = reduce(raw_filenames=[other.filename, coarse.filename, good.filename])
    assert red.raw == good
    reasons = failures(capsys.readouterr().out)
    assert "shows 192 x 160 pixels from 201, 1, binning 1x1" in reasons[other.filename]
    assert "shows 192 x 160 pixels from 1, 1, binning 2x2" in reasons[coarse.filename]
    assert all("from 1, 1, binning 1x1; make a" in reason for reason in reasons.values())
    require_nothing_half_stored(1)
    # one of several flats is left out, the others are combined
    light = calibrated.raw(np.full(calibrated.shape, 20000.0))
    domes = [raw.filename for raw in RawDomeFlatFrame.chip.name == FIRST]
    odd = put(RawDomeFlatFrame, light, AT - datetime.timedelta(hours=9), geometry=moved)
    task = recipes.find("DomeFlat")
    [flat] = task(instrument="OMEGACAM", raw_filenames=[*domes, odd.filename]).execute()
    assert "window or binning" in flat.rejected_inputs()[odd.filename]


def test_a_calibration_in_another_unit_is_refused(calibrated, capsys):
    from awe import recipes
    from awe.model.calibrations import BiasFrame

    [old] = BiasFrame.chip.name == FIRST
    electrons = old.to_ccddata().multiply(2.5)
    electrons.unit = "electron"
    wrong = BiasFrame.from_ccddata(
        electrons, "electrons.fits", instrument=old.instrument, chip=old.chip,
        raw_bias_frames=old.raw_bias_frames, read_noise=old.read_noise,
        process_params=type(old.process_params).make("OMEGACAM", {}), process_status=1,
    )  # fmt: skip
    wrong.store()
    wrong.commit()
    found = r"pixels in electron \(BUNIT\), a BiasFrame has adu"
    with pytest.raises(BadHeader, match=found):
        reduce(template=TEMPLATE, chip=FIRST, bias_filename=wrong.filename)
    # a recipe that takes the newest one passes it over, and says so
    task = recipes.find("HotPixels")(instrument="OMEGACAM", date=calibrated.date, chip=FIRST)
    [hot] = task.execute()
    assert hot.bias == old
    said = capsys.readouterr().out
    assert f"passed over, it cannot be used: {wrong.filename} has pixels in electron" in said
    assert hot.is_uptodate()
    assert "it cannot be used" in str(hot.why("bias"))
    assert hot.passed_over.keys() == {str(wrong.object_id)}


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_a_flat_that_cannot_divide_stops_nobody(calibrated, flat, capsys, value):
    broken = master_flat(flat, np.full(calibrated.shape, value, np.float32))
    made = reduce(template=TEMPLATE)
    assert len(made) == 4
    own = [red for red in made if red.chip.name == FIRST]
    assert [red.flat for red in own] == [flat, flat]
    said = capsys.readouterr().out
    assert f"WARNING: passed over, it cannot be used: {broken.filename} has no pixel above" in said
    assert own[0].is_uptodate()
    require_nothing_half_stored(4)
    # where it is named, or there is no other, it is refused
    with pytest.raises(NoValidPixels, match="it cannot divide"):
        reduce(template=TEMPLATE, chip=FIRST, flat_filename=broken.filename)
    context.update_is_valid(flat, 0)
    with pytest.raises(NoValidPixels, match="it cannot divide"):
        reduce(template=TEMPLATE, chip=FIRST)


def test_pixels_of_a_flat_that_cannot_divide_are_flagged_and_the_rest_is_kept(calibrated, flat):
    from awe.calib.flags import PixelFlag

    pixels = np.array(flat.data, np.float32)
    places = (slice(20, 24), slice(70, 90)), (slice(100, 103), slice(5, 9)), (140, 150)
    for place, value in zip(places, (0.0, -1.0, np.nan), strict=True):
        pixels[place] = value
    broken = master_flat(flat, pixels)
    red = reduce(template=TEMPLATE, chip=FIRST, flat_filename=broken.filename)[0]
    sound = reduce(template=TEMPLATE, chip=FIRST, flat_filename=flat.filename)[0]
    flags, weight = red.to_ccddata().flags, red.weight.data
    for place in places:
        assert (flags[place] & PixelFlag.BAD_FLAT).all()
        assert (weight[place] == 0).all()
        assert np.isnan(red.data[place]).all()
    assert np.array_equal(weight > 0, flags == 0)
    rest = (flags == 0) & (sound.to_ccddata().flags == 0)
    assert rest.mean() > 0.98
    assert np.array_equal(red.data[rest], sound.data[rest])


def test_a_calibration_whose_file_is_gone_is_passed_over_where_another_fits(calibrated, capsys):
    from awe.model.calibrations import BiasFrame
    from awe.model.raw import RawScienceFrame

    [old] = BiasFrame.chip.name == FIRST
    frame = (RawScienceFrame.chip.name == FIRST)[0]
    from awe import recipes

    where = {"instrument": "OMEGACAM", "chip": FIRST, "commit": True}
    [new] = recipes.find("Bias")(**where, date=calibrated.date).execute()
    gone = [path for path in (calibrated.folder / "files").rglob("*") if str(new.file) in path.name
            or new.filename in path.name]  # fmt: skip
    assert gone
    for path in gone:
        path.unlink()
    Path(new.pathname).unlink(missing_ok=True)
    capsys.readouterr()
    [red] = reduce(raw_filenames=[frame.filename])
    assert red.bias == old
    assert "WARNING: passed over, it cannot be used" in capsys.readouterr().out
    assert str(new.object_id) in red.passed_over
    # what was named has no other in its place
    with pytest.raises(FileGone):
        reduce(raw_filenames=[frame.filename], bias_filename=new.filename)
    with pytest.raises(FileGone):
        recipes.find("HotPixels")(
            **where, date=calibrated.date, bias_filename=new.filename
        ).execute()
    [hot] = recipes.find("HotPixels")(**where, date=calibrated.date).execute()
    assert hot.bias == old
