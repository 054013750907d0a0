"""Source lists of reduced frames: made, stored, asked for, made again, and refused in one line."""

import numpy as np
import pytest

from awe.context import context
from awe.errors import ArgumentError, AweError, NotFound, QueryError, Refused
from tests.recipes.conftest import product_of, run

STARS = ((40, 50, 40000), (120, 90, 90000), (160, 30, 20000))


@pytest.fixture
def listed(shared):
    """The first reduced frame of the night and its list, committed."""
    from awe.model.sources import SourceList

    found = list(SourceList.select_all())
    if found:
        return found[0].frame, found[0]
    red = product_of("Reduce", template=shared.template.start)
    [made] = run("SourceList", red_filenames=[red.filename], commit=True)
    return red, SourceList(object_id=made.object_id)


def test_a_list_has_the_stars_of_the_frame_with_their_light_and_places(listed):
    red, made = listed
    table = made.sources.to_table()
    assert len(table) == made.source_count == len(made.sources)
    for x, y, flux in STARS:
        near = np.hypot(table["Xpos"] - x - 1, table["Ypos"] - y - 1)
        row = table[int(np.argmin(near))]
        assert near.min() < 0.2
        assert row["FLUX_AUTO"] == pytest.approx(flux, rel=0.05)
        ra, dec = red.wcs.all_pix2world(x, y, 0)
        assert row["RA"] == pytest.approx(float(ra), abs=2e-5)
        assert row["DEC"] == pytest.approx(float(dec), abs=2e-5)
    assert str(table["RA"].unit) == "deg"
    assert made.sexparam == list(table.colnames)
    assert made.sexconf.DETECT_THRESH == 1.5
    figure = made.plot("sources.png")
    assert figure.axes[0].get_title() == f"{made.source_count} sources"
    assert made.compare().verdict
    assert 0 < made.llRA < 360
    assert made.quality_flags == 0
    assert made.is_uptodate()
    assert "used" in str(made.why())
    assert made.frame == red
    assert made in red.inverse_objects()


def test_sources_are_found_by_place_and_by_light(listed):
    from awe.model.sourcerows import Sources

    _, made = listed
    x, _y, _ = STARS[1]
    table = made.sources.to_table()
    bright = table[int(np.argmax(table["FLUX_AUTO"]))]
    ra, dec = float(bright["RA"]), float(bright["DEC"])
    for found in (Sources().near(ra, dec, 1 / 3600), made.sources.near(ra, dec, 1 / 3600)):
        [row] = found
        assert row["SLID"] == made.SLID
        assert row["SID"] == bright["SID"]
        assert row["Xpos"] == pytest.approx(x + 1, abs=0.2)
    wide = Sources().near(ra, dec, 60 / 3600).to_table(["SLID", "SID", "RA", "DEC"])
    around = table[np.hypot((table["RA"] - ra) * np.cos(np.radians(dec)), table["DEC"] - dec)
                   < 60 / 3600]  # fmt: skip
    assert set(around["SID"]) <= set(wide["SID"][wide["SLID"] == made.SLID])
    few = Sources().near(ra, dec, 4 / 3600)
    assert {row["SID"] for row in few if row["SLID"] == made.SLID} == {bright["SID"]}
    boxed = Sources().box(ra - 1e-4, ra + 1e-4, dec - 1e-4, dec + 1e-4).to_table()
    assert list(boxed["SID"]) == [bright["SID"]]
    light = made.sources.between("FLUX_AUTO", 30000, 1e6)
    assert len(light) == 2
    assert {*light.to_table(["SID", "FLUX_AUTO"]).colnames} == {"SID", "FLUX_AUTO"}
    assert len(Sources().of([made]).between("FLUX_AUTO", high=30000)) == made.source_count - 2
    for wrong in (
        lambda: Sources().between("FLUX", 1, 2),
        lambda: Sources().near(1.0, 2.0),
        lambda: Sources().between("FLAG", "a"),
        lambda: made.sources.to_table(["RAA"]),
    ):
        with pytest.raises((ArgumentError, QueryError)) as caught:
            wrong()
        assert "\n" not in str(caught.value)


def test_a_list_begun_at_the_prompt_is_made_and_committed(listed, shared):
    from awe.model.sources import SourceList

    red, before = listed
    shared.login("scientist", privileges=1)
    mine = SourceList()
    with pytest.raises(ArgumentError, match="has no frame"):
        mine.make()
    mine.frame = red
    mine.name = "my stars"
    mine.make(pars={"SourceList.process_params.DETECT_THRESH": 20.0})
    mine.commit()
    again = SourceList(object_id=mine.object_id)
    assert again.name == "my stars"
    assert again.process_params.DETECT_THRESH == 20.0
    assert len(again.sources) == again.source_count <= before.source_count
    assert not again.is_uptodate()
    with pytest.raises(ArgumentError, match="committed"):
        again.make()
    number = again.SLID
    context.delete(again)
    from awe.db.server.connection import database

    rows = database.execute("SELECT count(*) FROM awe.source WHERE slid = %s", (number,))
    assert rows == [(0,)]


def test_a_list_is_stale_when_its_frame_is_judged_bad_and_is_remade(listed):
    red, made = listed
    same = made.remake(exact=True)
    assert same.source_count == made.source_count
    context.update_is_valid(red, 0)
    try:
        assert "bad input" in str(made.why_stale())
    finally:
        context.update_is_valid(red, 1)


def test_a_list_is_a_target(listed, shared):
    from awe.model.raw import RawScienceFrame
    from awe.model.sources import SourceList

    red, _made = listed
    assert SourceList.get(raw=red.raw).frame == red
    other = next(raw for raw in RawScienceFrame.select_all() if raw != red.raw)
    with pytest.raises(NotFound, match="make=True"):
        SourceList.get(raw=other)
    plan = SourceList.get(raw=other, make=True, dry=True)
    assert [step.cls.__name__ for step in plan.steps][-2:] == ["ReducedScienceFrame", "SourceList"]
    new = SourceList.get(raw=other, make=True)
    assert new.frame.raw == other


def test_what_holds_no_source_is_refused_in_one_line(listed, shared):
    red, _ = listed
    with pytest.raises(AweError) as caught:
        run("SourceList", red_filenames=["none.fits"])
    assert "\n" not in str(caught.value)
    with pytest.raises(AweError, match="PHOT_APERTURES"):
        run("SourceList", red_filenames=[red.filename],
            pars={"SourceList.process_params.PHOT_APERTURES": "a,b"})


def test_a_frame_without_stars_gives_an_empty_list_with_a_bit(shared, listed):
    red, _ = listed
    shared.login("scientist", privileges=1)
    [made] = run("SourceList", red_filenames=[red.filename], commit=True,
                 pars={"SourceList.process_params.DETECT_THRESH": 900.0})
    assert made.source_count == 0
    assert made.explain_quality() == "FEW_INPUTS"
    assert len(made.sources) == 0
    context.delete(made)


def test_rows_belong_to_the_creator_and_are_seen_with_the_list(listed, shared):
    from awe.db.server.connection import database
    from awe.model.sourcerows import Sources
    from awe.model.sources import SourceList

    red, _ = listed
    shared.login("scientist", privileges=1)
    [made] = run("SourceList", red_filenames=[red.filename], commit=True)
    number = made.SLID
    insert = "INSERT INTO awe.source (slid, sid, ra, dec) VALUES (%s, 1, 1, 1)"
    empty = ", ".join(["NULL"] * 21)
    enter = f"SELECT awe.enter_sources(%s, ARRAY[%s], ARRAY[1.0], ARRAY[1.0], {empty})"
    shared.login("other")
    assert [row for row in Sources() if row["SLID"] == number] == []
    assert database.execute("SELECT count(*) FROM awe.source WHERE slid = %s", (number,)) == [(0,)]
    with pytest.raises(Refused, match="no list of yours"):
        database.execute(enter, (number, 1))
    with pytest.raises(Refused):
        database.execute(insert, (number,))
    with pytest.raises(Refused):
        database.execute("SELECT * FROM awe.source_room")
    for statement in ("UPDATE awe.source SET ra = 2", "DELETE FROM awe.source"):
        with pytest.raises(Refused):
            database.execute(statement)
    shared.login("scientist", privileges=4)
    with pytest.raises(Refused, match="numbered from 1"):
        database.execute(enter, (number, made.source_count + 1))
    with pytest.raises(Refused):
        database.execute(insert, (number,))
    assert database.execute(enter, (number, 1)) == [(0,)]
    with pytest.raises(Refused):
        database.execute("UPDATE awe.source SET ra = 2 WHERE slid = %s", (number,))
    mine = SourceList(object_id=made.object_id)
    assert len(mine.sources) == made.source_count
    context.publish(mine, 3)
    shared.login("other")
    assert len(Sources().of([SourceList(object_id=made.object_id)])) == made.source_count
    shared.login("scientist", privileges=4)
