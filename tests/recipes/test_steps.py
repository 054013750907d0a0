"""Recipes list their steps; each can be stopped after, kept and, most of them, left out."""

import datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from awe.errors import ArgumentError
from awe.model.mixins import QualityFlag

CHIP = "ESO_CCD_#65"
FILTER = "OCAM_r_SDSS"
TEMPLATE = "2012-06-01T08:51:44"
#: recipe -> arguments and number of frames after the step `read`
MASTERS = {
    "ReadNoise": ({}, 5), "Bias": ({}, 5), "DomeFlat": ({"filter": FILTER}, 5),
    "TwilightFlat": ({"filter": FILTER}, 5), "Gain": ({}, 5),
    "NightSkyFlat": ({"filter": FILTER}, 2), "FringeFlat": ({"filter": FILTER}, 2),
    "Background": ({"template": TEMPLATE}, 2), "QuickCheck": ({"filter": FILTER}, 5),
}  # fmt: skip


def task(name, **arguments):
    from awe import recipes

    return recipes.find(name)(instrument="OMEGACAM", chip=CHIP, **arguments)


def reduce(night, **arguments):
    return task("Reduce", raw_filenames=[_science(night)], **arguments)


def _science(night):
    return next(f.filename for f in night.frames if f.OBJECT == "SCIENCE" and f.chip.name == CHIP)


def names(listed):
    return [step.name for step in listed.steps()]


def test_the_steps_of_reduce_are_those_of_the_kernel_with_what_the_call_makes_of_them(shared):
    from awe.calib.reduction import STEPS

    asked = reduce(shared, leave_out=["fringes"], keep=["flat"], stop_after="cosmic")
    steps = asked.steps()
    assert [step.name for step in steps] == [step.name for step in STEPS]
    said = {step.name: step.state for step in steps}
    assert said["fringes"] == "left out"
    assert said["flat"] == "kept"
    assert said["cosmic"] == "stops here"
    assert said["satellite"] == "not reached"
    assert said["dark"] == "not done: SUBTRACT_DARK is 0"
    assert said["bias"] == ""
    lines = str(steps).splitlines()
    assert len(lines) == len(STEPS) + 1
    assert lines[0].split()[:3] == ["1", "trim", "!"]
    pars = {"ReducedScienceFrame.process_params.SUBTRACT_DARK": 1}
    other = {step.name: step.state for step in reduce(shared, pars=pars).steps()}
    assert other["dark"] == ""
    assert other["glow"].startswith("not done")


def test_after_every_step_of_reduce_the_frame_can_be_looked_at(shared):
    whole = reduce(shared)
    [plain] = whole.execute()
    asked = reduce(shared, keep="all")
    [red] = asked.execute()
    # looking on changes nothing
    assert np.array_equal(red.data, plain.data, equal_nan=True)
    for plane in ("MASK", "UNCERT"):
        here, there = fits.getdata(red.pathname, plane), fits.getdata(plain.pathname, plane)
        assert np.array_equal(here, there, equal_nan=True)
    assert list(asked.kept) == names(asked)
    after = {name: frames[0] for name, frames in asked.kept.items()}
    raw = after["trim"].data
    assert raw.shape == shared.shape
    assert raw.min() >= 200
    overscan = after["overscan"].data
    assert np.median(raw - overscan) == pytest.approx(250, abs=1)
    assert np.allclose(after["bias"].data, overscan - plain.bias.data, atol=1e-3)
    before, divided = after["bias"].data, after["flat"].data
    has = np.isfinite(divided)
    assert np.allclose((divided * plain.flat.data)[has], before[has], rtol=1e-4)
    last = after["weight"]
    assert np.array_equal(last.data, red.data, equal_nan=True)
    assert np.array_equal(last.to_ccddata().flags, red.to_ccddata().flags)
    assert last.header["AWE STEP"] == "weight"
    assert last.header["AWE RAW"] == plain.raw.filename
    assert "hits" in after["cosmic"].header["AWE STEP FOUND"]
    assert after["trim"].to_ccddata().uncertainty is None
    assert after["noise"].to_ccddata().uncertainty is not None


@pytest.mark.parametrize("step", ["overscan", "flat", "cosmic"])
def test_reduce_stops_where_it_is_told_and_makes_no_product(shared, step):
    kept = reduce(shared, keep="all")
    kept.execute()
    before = set(Path().iterdir())
    asked = reduce(shared, stop_after=step)
    [frame] = asked.execute()
    assert frame is asked.kept[step][0]
    assert np.array_equal(frame.data, kept.kept[step][0].data, equal_nan=True)
    # its file takes the place of that of the run before, and no product is left
    assert set(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("step", "role"), [("bias", "bias"), ("flat", "flat"), ("maps", "hot"), ("cosmic", None),
                       ("satellite", None), ("saturation", None), ("below", None)]
)  # fmt: skip
def test_a_frame_without_a_step_says_so_everywhere(shared, step, role):
    shared.login("student")
    [red] = reduce(shared, leave_out=[step], commit=True).execute()
    for one in (red, red.weight, red.weight.cosmic, red.weight.satellite, red.weight.saturated):
        assert one.quality_flags & QualityFlag.INCOMPLETE
        assert one.left_out() == (step,)
        assert one.process_status == 0
        assert fits.getheader(one.pathname)["AWE LEFTOUT1"] == step
    assert "INCOMPLETE" in red.explain_quality()
    assert red.verify() & QualityFlag.INCOMPLETE
    assert f"steps: made without {step}" in str(red.why_stale())
    assert (type(red).request.like(f"* without {step}") & (type(red).raw == red.raw)).count() == 1
    if role is not None:
        assert getattr(red, role) is None
    if step == "cosmic":
        assert red.weight.cosmic.count == 0
    if step == "flat":
        assert set(np.unique(red.weight.data)) == {0, 1}


def test_a_frame_without_a_step_is_not_taken_for_a_whole_one(calibrated):
    from awe.tasks.remake import from_header

    calibrated.login("student")
    [without] = reduce(calibrated, leave_out=["cosmic"], commit=True).execute()
    [whole] = reduce(calibrated, commit=True, skip=True).execute()
    assert whole != without
    assert whole.left_out() == ()
    assert not whole.quality_flags & QualityFlag.INCOMPLETE
    assert whole.process_status == 1
    [same] = reduce(calibrated, leave_out=["cosmic"], commit=True, skip=True).execute()
    assert same == without
    for again in (without.remake(exact=True), from_header(without.pathname)):
        assert again.left_out() == ("cosmic",)
        assert np.array_equal(again.data, without.data, equal_nan=True)
    assert without.remake().left_out() == ()


def test_a_master_without_a_step_is_never_chosen(night):
    for name in ("ReadNoise", "Bias"):
        task(name, date=night.date, commit=True).execute()
    [bias] = task("Bias", date=night.date, leave_out=["alike", "copies"], commit=True).execute()
    assert bias.left_out() == ("alike", "copies")
    assert bias.quality_flags == QualityFlag.INCOMPLETE
    [hot] = task("HotPixels", date=night.date, commit=True).execute()
    assert hot.bias != bias


def test_a_frame_unlike_the_others_enters_where_that_step_is_left_out(night):
    from awe.model.raw import RawBiasFrame

    task("ReadNoise", date=night.date, commit=True).execute()
    at = night.template.start - datetime.timedelta(hours=11)
    night.put(RawBiasFrame, night.raw(np.full(night.shape, 90.0)), at)
    [plain] = task("Bias", date=night.date).execute()
    [with_] = task("Bias", date=night.date, leave_out=["alike"]).execute()
    assert len(plain.rejected_inputs()) == 1
    assert with_.rejected_inputs() == {}
    assert len(with_.raw_bias_frames) == len(plain.raw_bias_frames) + 1


@pytest.mark.parametrize("recipe", MASTERS)
def test_every_calibration_recipe_stops_after_each_of_its_steps(shared, recipe):
    arguments, number = MASTERS[recipe]
    arguments = arguments or {}
    if "template" not in arguments:
        arguments = {**arguments, "date": shared.date}
    whole = task(recipe, **arguments, keep="all")
    whole.execute()
    assert list(whole.kept) == names(whole)
    assert len(whole.kept["read"]) == number
    for step in names(whole):
        stopped = task(recipe, **arguments, stop_after=step)
        frames = stopped.execute()
        # of a recipe with a unit for every frame each stops
        assert [frame.header["AWE STEP"] for frame in frames] == [step] * len(frames)
        for frame, same in zip(frames, whole.kept[step], strict=True):
            assert np.array_equal(frame.data, same.data, equal_nan=True)


def test_the_master_flat_is_looked_at_before_it_loses_what_cannot_divide(shared):
    asked = task("MasterFlat", date=shared.date, filter=FILTER, keep="all")
    [flat] = asked.execute()
    assert list(asked.kept) == ["combine", "nightsky", "response"]
    assert np.array_equal(asked.kept["response"][0].data, flat.data, equal_nan=True)
    assert asked.steps()[1].state == "not done: nightsky is False, kept"


def test_the_dark_without_its_rate(shared):
    from awe.model.raw import RawDarkFrame

    at = shared.template.start - datetime.timedelta(hours=10)
    for minutes in range(3):
        pixels = shared.raw(np.full(shared.shape, 20.0))
        when = at + datetime.timedelta(minutes=minutes)
        shared.put(RawDarkFrame, pixels, when, exposure=1800.0)
    [dark] = task("Dark", date=shared.date, leave_out=["rate"]).execute()
    assert dark.particle_rate == 0
    assert dark.quality_flags & dark.dark.quality_flags & QualityFlag.INCOMPLETE
    asked = task("Dark", date=shared.date, stop_after="combine")
    [frame] = asked.execute()
    assert np.array_equal(frame.data, dark.dark.data)
    assert frame.header["BUNIT"] == "adu/s"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"leave_out": ["cosmics"]}, "weight; did you mean 'cosmic'?"),
        ({"keep": ["flats"]}, "keep: Reduce has no step 'flats'; its steps are trim, "),
        ({"stop_after": "all"}, "stop_after: Reduce has no step 'all'"),
        ({"leave_out": ["noise"]}, "step 'noise' of Reduce cannot be left out"),
        ({"stop_after": "flat", "commit": True}, "makes no product to commit"),
        ({"leave_out": ["flat"], "flat_filename": "f.fits"}, "flat_filename asks for step 'flat'"),
    ],
)
def test_steps_that_cannot_be_are_refused_in_one_line(shared, arguments, said):
    with pytest.raises(ArgumentError, match=r"^[^\n]*$") as refused:
        reduce(shared, **arguments)
    assert said in str(refused.value)


def test_frames_between_steps_stay_here_and_not_on_the_dpu(shared):
    with pytest.raises(ArgumentError, match=r"ReduceTask\(...\).execute\(\) instead of dpu.run"):
        reduce(shared, keep=["flat"]).jobs()
    [job] = reduce(shared, leave_out=["cosmic"]).jobs()
    assert job["leave_out"] == ["cosmic"]


def test_a_recipe_that_replaces_make_lists_its_own_steps(shared):
    from awe.recipes.bias import BiasTask
    from awe.tasks.task import Stage

    class OtherBiasTask(BiasTask):
        """Do it otherwise."""

        def make(self, unit):
            return super().make(unit)

    class SameBiasTask(OtherBiasTask):
        """Do the same once more."""

        stages = (*BiasTask.stages, Stage(name="more", text="look once more"))

        def make(self, unit):
            return super().make(unit)

    given = {"instrument": "OMEGACAM", "date": shared.date}
    assert OtherBiasTask(**given).steps() == ()
    with pytest.raises(ArgumentError, match="OtherBias lists no steps"):
        OtherBiasTask(**given, stop_after="read")
    assert [step.name for step in SameBiasTask(**given).steps()][-2:] == ["combine", "more"]
