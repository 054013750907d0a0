"""Associations of source lists: begun at the prompt, gone on with, read, refused in one line."""

from __future__ import annotations

import numpy as np
import pytest

from awe.context import context
from awe.errors import ArgumentError, AweError, NotFound, ParameterError
from tests.recipes.conftest import product_of, run

TEMPLATE = "2012-06-01T08:51:44"


@pytest.fixture
def lists(shared):
    """Two lists of the first chip and one of the second, committed by the scientist."""
    from awe.model.sources import SourceList

    shared.login("scientist", privileges=1)
    found = list(SourceList.select_all().order_by("SLID"))
    if not found:
        product_of("Reduce", template=TEMPLATE)
        run("Reduce", template=TEMPLATE, chip="ESO_CCD_#66", commit=True)
        run("SourceList", template=TEMPLATE, commit=True)
        found = list(SourceList.select_all().order_by("SLID"))
    return sorted(found, key=lambda one: (one.chip.name, one.DATE_OBS))


def associated(*inputs, kind=1, distance=1.0, **values):
    from awe.model.associations import AssociateList

    made = AssociateList(name="test", associatelisttype=kind)
    for one in inputs:
        made.input_lists.append(one)
    made.set_search_distance(distance)
    made.process_params.SEXTRACTOR_FLAG_MASK = 3
    for name, value in values.items():
        setattr(made, name, value)
    made.make()
    return made


def test_an_association_has_the_stars_of_both_lists_together(lists):
    from awe.model.associations import AssociateList

    first, second, third, _ = lists
    made = associated(first, second)
    made.commit()
    one = AssociateList(object_id=made.object_id)
    assert one.ALID > 0
    assert [sl.SLID for sl in one.sourcelists] == [first.SLID, second.SLID]
    assert one.process_params.SEARCH_DISTANCE == 1.0
    rows = one.associates.get_data(["SLID", "SID", "RA", "MAG_AUTO"], mask=3, mode="ALL")
    assert len(rows) == 3 == sum(1 for some in rows.values() if len(some) == 2)
    for some in rows.values():
        assert [row[0] for row in some] == [first.SLID, second.SLID]
        assert some[0][2] == pytest.approx(some[1][2], abs=1 / 3600)
        assert some[0][3] == pytest.approx(some[1][3], abs=0.1)
    table = one.associates.to_table(["FLUX_AUTO", "Xpos"])
    assert len(table) == one.source_count
    assert len(np.unique(table["AID"])) == len(one.associates) == one.associate_count
    assert str(table["FLUX_AUTO"].unit) == "adu"
    flags = {"AssociateList.process_params.SEXTRACTOR_FLAG_MASK": 3}
    assert one.is_uptodate(flags), one.why_stale(flags)
    assert "input_lists: 2" in str(one.why())
    assert one in first.inverse_objects()
    drawn = one.plot("association.png")
    assert [str(axes.get_title()) for axes in drawn.axes if axes.get_title()] == [
        "3 groups, from their first source; SEARCH_DISTANCE 1 arcsec"
    ]
    cloud = drawn.axes[0].lines[0]
    assert 0 < np.hypot(*cloud.get_data()).max() < 1
    # the same lists give the same rows, whoever asks for them, and again
    again = one.remake(exact=True)
    rows, before = (each.associates.to_table().as_array() for each in (again, one))
    assert np.array_equal(rows, before)
    [job] = run_jobs(lists=[first.filename, second.filename], type=3)
    assert job["associatelisttype"] == 3
    # gone on with: the first lists keep their bits
    more = associated(third, kind=1, input_associatelist=one)
    assert [sl.SLID for sl in more.sourcelists] == [first.SLID, second.SLID, third.SLID]
    # the same stars are on both chips
    assert set(more.associates.to_table()["FLAG"].tolist()) == {7}
    assert len(more.associates) == 3


def run_jobs(**arguments):
    from awe.recipes.associatelist import AssociateListTask

    return AssociateListTask(instrument="OMEGACAM", **arguments).jobs()


def test_kinds_and_flags_choose_what_takes_part(lists):
    first, second, third, _ = lists
    for kind, near, far in ((1, 3, 6), (2, 3, 3), (3, 3, 0)):
        assert len(associated(first, third, kind=kind).associates) == near
        # so near to each other are two measurements of no star
        assert len(associated(first, third, kind=kind, distance=0.001).associates) == far
    made = associated(first, second, kind=3)
    assert set(made.associates.to_table()["FLAG"].tolist()) == {3}
    with pytest.raises(ArgumentError, match="mode 'SOME': expected one of ALL"):
        made.associates.get_data(["SID"], mode="SOME")
    with pytest.raises(ArgumentError, match="no list of the association has a column 'MAGG'"):
        made.associates.to_table(["MAGG"])


def test_what_cannot_be_associated_is_refused_in_a_line(lists, shared):
    from awe.model.associations import AssociateList

    first, second, *_ = lists
    with pytest.raises(ArgumentError, match="takes two lists or more, 1 given"):
        associated(first)
    with pytest.raises(ArgumentError, match="twice"):
        associated(first, first)
    with pytest.raises(ParameterError, match="SEARCH_DISTANCE expects"):
        AssociateList().set_search_distance(-1.0)
    with pytest.raises(NotFound, match=r"no valid SourceList named nothing\.fits"):
        run("AssociateList", lists=["nothing.fits", first.filename])
    made = associated(first, second)
    made.commit()
    with pytest.raises(ArgumentError, match="never changes"):
        made.make()
    with pytest.raises(AweError, match="publish"):
        context.publish(made, 3, commit=True)
    name = first.filename
    shared.login("student", privileges=1)
    assert not list(AssociateList.ALID == made.ALID)
    with pytest.raises(NotFound, match="no valid SourceList"):
        run("AssociateList", lists=[name, second.filename])
