"""Many products judged at once as each would be alone, and what a new calibration changes."""

import dataclasses

import numpy as np
import pytest

from tests.recipes.conftest import product_of

CHIP = "ESO_CCD_#65"


@pytest.fixture
def reduced(calibrated):
    """The night with its two science frames of a chip reduced."""
    from awe import recipes

    task = recipes.find("Reduce")(
        instrument="OMEGACAM", chip=CHIP, template=calibrated.template.start, commit=True
    )
    task.execute()
    return calibrated


def products():
    """All products of the night, class by class."""
    from awe.db.declare.registry import concrete
    from awe.model.mixins import Product

    return {cls: list(cls.select_all()) for cls in concrete(Product) if len(cls.select_all())}


def one_by_one(items):
    """What `why_stale` says of each that is not up to date."""
    found = {item: item.why_stale() for item in items}
    return {item: why for item, why in found.items() if why}


def would_choose(new):
    """The products whose own reasons name a calibration as the newer one."""
    name = getattr(new, "filename", "") or str(new.object_id)[:8]
    return {
        item
        for items in products().values()
        for item in items
        for reason in item.why_stale()
        if reason.kind == "newer calibration" and name in reason.text.partition(";")[0]
    }


def test_a_query_says_what_is_stale_and_why(reduced):
    from awe.errors import QueryError
    from awe.model.calibrations import BiasFrame, HotPixelMap
    from awe.model.observing import Chip
    from awe.model.science import ReducedScienceFrame

    query = ReducedScienceFrame.chip.name == CHIP
    assert query.stale() == []
    assert repr(query.stale()) == "all 2 ReducedScienceFrame are up to date"
    old = query[0].bias
    new = product_of("Bias", date=reduced.date)
    found = query.stale()
    assert list(found) == list(query)
    for item in found:
        assert found.why[item] == item.why_stale()
    text = repr(found).splitlines()
    assert text[0] == "2 of 2 ReducedScienceFrame are not up to date"
    assert f"newer calibration: bias {new.filename}; {old.filename} was used" in text[2]
    assert "<td>" in found._repr_html_()
    assert [type(item) for item in HotPixelMap.select_all().stale()] == [HotPixelMap]
    pars = {"BiasFrame.process_params.SIGMA_CLIP": 9.0}
    assert len(BiasFrame.select_all().stale(pars)) == len(BiasFrame.select_all())
    with pytest.raises(QueryError, match="Chip is not one"):
        Chip.select_all().stale()


@pytest.mark.parametrize("person", ["scientist", "student"])
def test_all_at_once_is_judged_as_one_by_one(reduced, person):
    product_of("Bias", date=reduced.date)
    product_of("DomeFlat", date=reduced.date, filter="OCAM_r_SDSS")
    reduced.login(person)
    stale = 0
    for cls, items in products().items():
        found = cls.select_all().stale()
        assert found.unseen == {}
        assert found.why == one_by_one(items), cls
        stale += len(found)
    assert stale > 5


@pytest.mark.parametrize("person", ["scientist", "student"])
def test_what_a_new_calibration_changes_is_what_names_it_afterwards(reduced, person):
    """A student who looks sees what its makers' choice would be, of all that is visible."""
    before = {item for items in products().values() for item in items}
    trial = product_of("Bias", date=reduced.date, commit=False)
    asked = {item.object_id for item in trial.affects().direct}
    assert asked
    new = product_of("Bias", date=reduced.date)
    reduced.login(person)
    from awe.model.calibrations import BiasFrame, HotPixelMap

    [new] = BiasFrame.filename == new.filename
    found = new.affects()
    assert {item.object_id for item in found.direct} == asked
    assert set(found.direct) == would_choose(new)
    stale = {item for items in products().values() for item in one_by_one(items)}
    assert set(found) == stale & before
    assert any(isinstance(item, HotPixelMap) for item in found.direct)
    assert {item.chip.name for item in found} == {CHIP}
    text = repr(found)
    assert text.startswith(f"changed: {len(found)} products that you may see, by {new.filename}\n")
    assert f"{len(found.direct)} would choose it now:" in text


def test_what_does_not_fit_or_is_bad_changes_nothing(reduced):
    from awe.context import context
    from awe.model.raw import RawBiasFrame
    from tests.recipes.conftest import GEOMETRY

    at = reduced.template.start
    shape = dataclasses.replace(GEOMETRY, start_x=101)
    dark = np.zeros(reduced.shape)
    names = [
        reduced.put(RawBiasFrame, reduced.raw(dark), at, geometry=shape).filename
        for _ in range(4)
    ]
    assert product_of("Bias", raw_filenames=names).affects() == []
    new = product_of("Bias", date=reduced.date)
    assert new.affects()
    context.update_is_valid(new, 0)
    assert new.affects() == []
    objection = "is_valid is 0, expected above 0"
    assert repr(new.affects()) == f"{new.filename} is never chosen: {objection}"


def test_what_was_chosen_by_name_stays(reduced):
    from awe.model.raw import RawScienceFrame
    from awe.model.science import ReducedScienceFrame

    raw = (RawScienceFrame.chip.name == CHIP)[0]
    [first, _] = ReducedScienceFrame.chip.name == CHIP
    named = product_of("Reduce", raw_filenames=[raw.filename], bias_filename=first.bias.filename)
    new = product_of("Bias", date=reduced.date)
    assert named not in new.affects().direct
    assert named in new.affects()  # through its flats


def test_the_number_of_statements_does_not_grow_with_the_products(reduced):
    from awe.db.server.connection import database
    from awe.model.science import ReducedScienceFrame

    for _ in range(3):
        product_of("Reduce", template=reduced.template.start)
    new = product_of("Bias", date=reduced.date)
    counted = []
    for number in (1, 8):
        database.objects.clear()
        query = ReducedScienceFrame.select_all().top(number)
        before = database.statements
        assert len(query.stale()) == number
        counted.append(database.statements - before)
    assert counted[1] <= counted[0] + 1
    before = database.statements
    assert len(new.affects()) > 15
    assert database.statements - before < 200


def test_what_was_made_from_hidden_frames_is_unseen_and_not_called_fresh(reduced):
    from awe.model.calibrations import BiasFrame
    from awe.model.science import ReducedScienceFrame

    new = product_of("Bias", date=reduced.date)
    update = "UPDATE awe.raw_bias_frame SET _privileges = 1 WHERE filename LIKE %s"
    reduced.db.rows("superuser", update, "%_1.fits")
    reduced.login("student")
    found = (BiasFrame.chip.name == CHIP).stale()
    assert list(found) == []
    assert len(found.unseen) == 2
    assert "not visible to you" in next(iter(found.unseen.values()))
    assert repr(found) == "all 0 BiasFrame are up to date; 2 more cannot be judged, see .unseen"
    [new] = BiasFrame.filename == new.filename
    direct = {type(item).__name__ for item in new.affects().direct}
    assert "ReducedScienceFrame" in direct  # whose own frames are visible
    assert len(ReducedScienceFrame.select_all().stale()) == 2
    reduced.login("scientist")
    mine = BiasFrame.filename == new.filename
    assert mine.stale() == []
    assert mine.stale().unseen == {}
