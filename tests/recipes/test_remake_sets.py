"""What is stale in a set is planned and made again, in the right order."""

import pytest

from tests.recipes.conftest import product_of

CHIP = "ESO_CCD_#65"


@pytest.fixture
def reduced(calibrated):
    """The night with a science frame reduced twice, and a newer bias than that of everything."""
    from awe.model.raw import RawScienceFrame

    calibrated.name = (RawScienceFrame.chip.name == CHIP)[0].filename
    calibrated.older = product_of("Reduce", raw_filenames=[calibrated.name])
    calibrated.red = product_of("Reduce", raw_filenames=[calibrated.name])
    calibrated.bias = product_of("Bias", date=calibrated.date)
    return calibrated


def classes(plan):
    return [type(step.product).__name__ for step in plan]


def test_a_plan_has_the_stale_calibrations_first_and_makes_nothing(reduced):
    from awe.model.science import ReducedScienceFrame

    before = len(ReducedScienceFrame.select_all())
    plan = ReducedScienceFrame.select_all().remake()
    assert len(ReducedScienceFrame.select_all()) == before
    names = classes(plan)
    assert names[-1] == "ReducedScienceFrame"
    assert names.count("ReducedScienceFrame") == 1
    assert {"HotPixelMap", "DomeFlatFrame", "TwilightFlatFrame", "MasterFlatFrame"} <= set(names)
    assert "BiasFrame" not in names  # the newer one is up to date
    assert plan[-1].product == reduced.red
    assert plan.left == {reduced.older: f"there is a newer one, {reduced.red.filename}"}
    for place, step in enumerate(plan):
        assert all(earlier < place for earlier in step.after)
    flat = names.index("MasterFlatFrame")
    assert {names.index("DomeFlatFrame"), names.index("TwilightFlatFrame")} <= {*plan[flat].after}
    assert flat in plan[-1].after
    lines = repr(plan).splitlines()
    assert "HotPixelMap" in lines[1]
    assert f"newer calibration: bias {reduced.bias.filename}" in lines[-2]
    assert lines[-1].startswith("1 left out, see .left: ")
    assert repr((ReducedScienceFrame.EXPTIME < 0).remake()) == "nothing has to be made again"


def test_after_a_remake_the_set_is_up_to_date(reduced, capsys):
    from awe.model.science import ReducedScienceFrame

    query = ReducedScienceFrame.raw == reduced.red.raw
    capsys.readouterr()
    made = query.remake(commit=True)
    told = capsys.readouterr().out
    assert told.index("make again") < told.index("committed")
    assert [type(item).__name__ for item in made].count("ReducedScienceFrame") == 1
    red = query.newest()
    assert red == made[-1]
    assert red.bias == reduced.bias
    assert red.hot in made
    assert red.flat in made
    for item in made:
        assert item.is_uptodate(), item.why_stale()
    assert len(query.remake()) == 0
    assert set(query.stale()) == {reduced.older, reduced.red}


def test_what_a_calibration_affects_can_be_remade_and_parts_come_with_their_product(reduced):
    from awe.model.science import WeightFrame

    plan = reduced.bias.affects().remake()
    assert classes(plan)[-1] == "ReducedScienceFrame"
    assert "HotPixelMap" in classes(plan)
    parts = (WeightFrame.raw == reduced.red.raw).remake()
    assert classes(parts) == classes(plan)
    assert parts[-1].product == reduced.red


def test_what_was_made_with_something_bad_can_be_remade(reduced):
    from awe.context import context

    made_with = context.update_is_valid(reduced.red.hot, 0)
    assert "remake() plans to make them again" in repr(made_with)
    plan = made_with.remake()
    assert plan[-1].product == reduced.red
    assert "bias" in plan[-1].because


def test_what_cannot_be_made_is_told_and_what_needs_it_is_left_out(reduced, capsys):
    from awe.context import context
    from awe.model.raw import RawDomeFlatFrame
    from awe.model.science import ReducedScienceFrame

    for raw in RawDomeFlatFrame.chip.name == CHIP:
        context.update_is_valid(raw, 0)
    made = (ReducedScienceFrame.raw == reduced.red.raw).remake(commit=True)
    told = capsys.readouterr().out
    assert "DomeFlatFrame" not in {type(item).__name__ for item in made}
    assert "left out, it needs" in told


def test_jobs_are_for_the_dpu_and_for_what_is_kept(reduced):
    from awe.dpu import LocalProcessor, Processor
    from awe.errors import ArgumentError
    from awe.model.science import ReducedScienceFrame

    query = ReducedScienceFrame.raw == reduced.red.raw
    for more in ({"dpu": LocalProcessor(), "commit": True}, {"dpu": Processor()}):
        with pytest.raises(ArgumentError, match="takes dpu=dpu with commit=True"):
            query.remake(**more)
    nothing = ReducedScienceFrame.EXPTIME < 0
    assert nothing.remake(commit=True, dpu=Processor()) == []


def test_steps_become_jobs_with_the_same_arguments(reduced):
    from awe.dpu.planning import planned
    from awe.model.science import ReducedScienceFrame

    pars = {"CosmicMap.process_params.SIGMA_LIMIT": 9.0}
    plan = (ReducedScienceFrame.raw == reduced.red.raw).remake(pars=pars)
    steps = [
        (step.recipe, {**step.arguments(), "pars": plan.pars_of(step) or None}, step.after)
        for step in plan
    ]
    jobs = planned(steps, "local").jobs
    assert [job["after"] for job in jobs] == [list(step.after) for step in plan]
    last = jobs[-1]
    assert last["recipe"] == "Reduce"
    assert last["args"] == {
        "instrument": "OMEGACAM", "raw_filenames": [reduced.name], "pars": pars, "commit": True,
    }  # fmt: skip
    hot = next(job for job in jobs if job["recipe"] == "HotPixels")
    assert hot["args"] == {
        "instrument": "OMEGACAM", "date": reduced.date, "chip": CHIP, "commit": True,
    }  # fmt: skip
    for job in jobs:
        from awe import recipes

        recipes.find(job["recipe"])(**job["args"]).execute()
    assert len((ReducedScienceFrame.raw == reduced.red.raw).remake(pars=pars)) == 0
