"""Jobs of a real runner make products again as the prompt does: what was requested stays so."""

import numpy as np
import pytest

from awe.errors import ArgumentError, NoCalibration
from awe.model.mixins import QualityFlag
from awe.model.raw import RawScienceFrame
from awe.model.science import ReducedScienceFrame
from tests.dpu.conftest import Bench, RunnerThread
from tests.dpu.jobs_waiting import until
from tests.recipes.conftest import product_of, run

CHIP = "ESO_CCD_#65"
FILTER = "OCAM_r_SDSS"


@pytest.fixture
def dpu(night):
    """The processor of the scientist, with a live runner that knows the dataserver."""
    from awe.dpu import Processor

    class Served(Bench):
        def environment(self, person="scientist", **more):
            return super().environment(person, data_port=str(night.port), **more)

    runner = RunnerThread(Served(night.db))
    runner.start(workers=1)
    yield Processor()
    runner.stop()


def done(night, ids):
    """Wait for the end of jobs; they must all have done what they were for."""
    sql = "SELECT state::text, message FROM awe.job WHERE id = ANY(%s)"
    states = until(
        lambda: (rows := night.db.rows("superuser", sql, list(ids)))
        and all(state not in ("queued", "running", "waiting") for state, _ in rows) and rows, 300,
    )  # fmt: skip
    assert {state for state, _ in states} == {"done"}, states


def judged(product):
    """Return all of a product that two ways of making it have in common."""
    roles = [name for name in product.get_persistent_properties()
             if product._attribute(name).is_link and not isinstance(getattr(product, name), list)
             and name not in ("prev", "weight", "imstat", "process_params",
                          "astrom", "recipe")]  # fmt: skip
    return {
        "links": {name: getattr(product, name) for name in roles},
        "recipe": (product.recipe.name, product.recipe.digest),
        "choices": product.choices, "consulted": product.consulted,
        "bits": QualityFlag(product.quality_flags) & ~QualityFlag.CHANGED,
    }  # fmt: skip


def alike(one, other):
    mine, theirs = judged(one), judged(other)
    assert mine.pop("links").items() <= theirs.pop("links").items()
    assert mine == theirs
    assert np.array_equal(one.data, other.data, equal_nan=True)


def remade(night, dpu, product):
    """Make a product again at the prompt and by a job; both must be the same."""
    ids = (type(product).object_id == product.object_id).remake(commit=True, dpu=dpu)
    assert ids, "it was up to date"
    done(night, ids)
    there = _newest(product)
    assert there != product
    # from here on the calibrations are the same for both
    alike(there, product.remake())
    return there


def _newest(product):
    """Return the newest product of the same raw frames, or of the same night."""
    cls = type(product)
    query = (cls.chip == product.chip) & (cls.is_valid > 0)
    if cls is ReducedScienceFrame:
        query = query & (cls.raw == product.raw)
    return query.newest()


def test_what_was_named_is_named_again(calibrated, dpu):
    from awe.model.calibrations import ReadNoise

    [noise] = ReadNoise.chip.name == CHIP
    old = product_of("Bias", date=calibrated.date, read_noise_id=str(noise.object_id))
    raw = (RawScienceFrame.chip.name == CHIP)[0].filename
    ids = dpu.run(
        "Reduce", instrument="OMEGACAM", raw_filenames=[raw], commit=True,
        bias_filename=old.filename, read_noise_id=str(noise.object_id),
    )  # fmt: skip
    done(calibrated, ids)
    red = (ReducedScienceFrame.raw.filename == raw).newest()
    assert (red.bias, red.read_noise) == (old, noise)
    assert red.header["AWE USER"] == "AWSCIENTIST"
    assert red.choices["bias"] == red.choices["read_noise"] == "by hand: AWSCIENTIST"
    product_of("ReadNoise", date=calibrated.date)
    product_of("Bias", date=calibrated.date)
    # a newer hot map makes it stale, what was named does not
    product_of("HotPixels", date=calibrated.date)
    again = remade(calibrated, dpu, red)
    assert (again.bias, again.read_noise) == (old, noise)
    assert again.hot != red.hot


def test_what_was_let_be_missing_may_be_missing_again(night, dpu):
    raw = (RawScienceFrame.chip.name == CHIP)[0].filename
    lacking = ["flat", "hot", "cold", "bias", "read_noise"]
    ids = dpu.run("Reduce", instrument="OMEGACAM", raw_filenames=[raw], go_without=lacking,
                  commit=True)  # fmt: skip
    done(night, ids)
    red = (ReducedScienceFrame.raw.filename == raw).newest()
    assert (red.bias, red.flat) == (None, None)
    assert red.quality_flags & QualityFlag.MISSING
    product_of("ReadNoise", date=night.date)
    bias = product_of("Bias", date=night.date)
    again = remade(night, dpu, red)
    assert again.bias == bias
    assert again.choices["flat"] == "missing"
    assert again.choices["bias"] == "validity"
    assert again.quality_flags & QualityFlag.MISSING


def test_only_what_was_missing_may_be_missing(calibrated):
    from awe.context import context
    from awe.model.calibrations import BiasFrame, MasterFlatFrame

    [flat] = MasterFlatFrame.chip.name == CHIP
    context.update_is_valid(flat, 0)
    raw = (RawScienceFrame.chip.name == CHIP)[0].filename
    red = product_of("Reduce", raw_filenames=[raw], go_without=["flat"])
    [bias] = BiasFrame.chip.name == CHIP
    context.update_is_valid(bias, 0)
    with pytest.raises(NoCalibration, match="no BiasFrame"):
        red.remake()


def test_a_named_calibration_that_was_judged_bad_is_refused_by_name_on_every_way(calibrated):
    from awe.context import context
    from awe.model.calibrations import BiasFrame
    from awe.recipes import find

    old = product_of("Bias", date=calibrated.date)
    flat = product_of("DomeFlat", date=calibrated.date, filter=FILTER, bias_filename=old.filename)
    context.update_is_valid(old, 0)
    assert (BiasFrame.filename == old.filename)[0].is_valid == 0
    with pytest.raises(NoCalibration, match=f"{old.filename} is not sound"):
        flat.remake()
    [step] = [one for one in (type(flat).filename == flat.filename).remake()
              if one.product == flat]  # fmt: skip
    with pytest.raises(NoCalibration, match=f"{old.filename} is not sound"):
        find(step.recipe)(**{**step.arguments(), "commit": False}).execute()


def test_a_way_to_combine_and_a_correction_are_requested_again(calibrated):
    where = {"date": calibrated.date, "filter": FILTER}
    dome = product_of("MasterFlat", **where, combine=1)
    assert dome.remake().combine == 1
    lone = product_of("MasterFlat", **where, nightsky=True, go_without=["nightsky"])
    assert lone.choices == {"nightsky": "missing"}
    product_of("DomeFlat", **where)
    again = lone.remake()
    assert again.choices == {"nightsky": "missing"}
    assert again.quality_flags & QualityFlag.MISSING
    [step] = [one for one in (type(lone).filename == lone.filename).remake()
              if type(one.product) is type(lone)]  # fmt: skip
    asked = step.arguments()
    assert (asked["go_without"], asked["nightsky"]) == (["nightsky"], True)
    assert "combine" not in asked
    [made] = run("MasterFlat", **{name: value for name, value in asked.items()
                                  if name not in ("instrument", "commit")})  # fmt: skip
    assert made.choices == again.choices
    assert np.array_equal(made.data, again.data, equal_nan=True)


def test_a_recipe_that_takes_no_name_any_more_says_so(calibrated):
    from awe.recipes.domeflat import DomeFlatTask
    from awe.tasks.requested import arguments_again

    class Plain(DomeFlatTask):
        """A recipe of one's own that takes no calibration by name."""

        named = {}  # noqa: RUF012 - as somebody types it

    old = product_of("Bias", date=calibrated.date)
    flat = product_of("DomeFlat", date=calibrated.date, filter=FILTER, bias_filename=old.filename)
    with pytest.raises(ArgumentError, match="a BiasFrame was named when it was made, and Plain"):
        arguments_again(flat, Plain)
