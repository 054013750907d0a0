"""Questions about the sky show nobody more than the rule: same place, every level and creator."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from awe.config import Environment
from awe.db.objects.commit import commit_all
from awe.db.server import scope
from awe.db.server.connection import database
from awe.model.observing import Astrom
from awe.model.raw import RawScienceFrame
from tests.db.conftest import Login

PEOPLE = ("student", "other", "manager")
PLACE = (330.5, -31.6)


@pytest.fixture
def login(db: Any) -> Any:
    yield Login(db)
    database.close()
    scope.use(None)


def frame(name: str) -> RawScienceFrame:
    astrom = Astrom(CRVAL1=PLACE[0], CRVAL2=PLACE[1], CRPIX1=1000.0, CRPIX2=1000.0,
                    CD1_1=-6e-5, CD2_2=6e-5)  # fmt: skip
    return RawScienceFrame(filename=name, astrom=astrom, NAXIS1=2000, NAXIS2=2000)


def asked() -> list[set[str]]:
    """What each way of asking finds."""
    ra, dec = PLACE
    square = [(ra - 1, dec - 1), (ra + 1, dec - 1), (ra + 1, dec + 1), (ra - 1, dec + 1)]
    raw = RawScienceFrame
    queries = [raw.covers(ra, dec), raw.near(ra, dec, 0), raw.near(ra, dec, 3.0),
               raw.overlaps(square), raw.box(ra - 1, ra + 1, dec - 1, dec + 1)]  # fmt: skip
    found = [{row[0] for row in query.values("filename")} for query in queries]
    found += [{one.filename for one in query} for query in queries]
    for query, names in zip(queries, found, strict=False):
        assert len(query) == len(names)
        assert len(~query) == 0
    return found


def test_everybody_finds_at_a_place_what_they_may_see(login: Any) -> None:
    made: dict[str, tuple[str, int]] = {}
    for person in PEOPLE:
        for level in (1, 2, 3):
            login(person, privileges=level)
            name = f"{person}{level}.fits"
            commit_all([frame(name)])
            made[name] = (person, level)
    for person in PEOPLE:
        login(person)
        visible = {n for n, (who, level) in made.items() if level > 1 or who == person}
        assert all(found == visible for found in asked()), person
    outsider = login.db.environment("outsider")
    database.connect(Environment.load(**outsider))
    scope.use(scope.Scope(user_id=0, user_name="OUTSIDER", project_id=0, project_name="",
                          privileges=1))  # fmt: skip
    visible = {n for n, (_, level) in made.items() if level > 2}
    assert all(found == visible for found in asked())


def test_the_outline_of_another_s_hidden_coordinates_is_not_computed(login: Any) -> None:
    mine = login("other", privileges=1)
    hidden = frame("hidden.fits")
    hidden.commit()
    number = hidden.astrom.object_id
    login("student")
    connection = login.db.connect("student")
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM awe.users WHERE role_name = current_user")
        user = cursor.fetchone()[0]
        for text in ("RETURNING _corners", "RETURNING _cell", ""):
            with pytest.raises(Exception, match="does not exist or is not visible"):
                cursor.execute(
                    "INSERT INTO awe.raw_science_frame (object_id, _creator, _project, "
                    "_privileges, astrom, naxis1, naxis2) VALUES (%s, %s, %s, 1, %s, 9, 9) "
                    + text, (str(uuid.uuid4()), user, mine.project_id, str(number)),
                )  # fmt: skip


def test_nobody_writes_where_a_frame_lies(login: Any) -> None:
    current = login("student")
    honest = frame("honest.fits")
    honest.commit()
    connection = login.db.connect("student")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO awe.raw_science_frame (object_id, _creator, _project, _privileges, "
            "astrom, naxis1, naxis2, _cell, _corners) VALUES (%s, %s, %s, 1, %s, 2000, 2000, 5, "
            "'{1,0,0}') RETURNING _cell, _corners",
            (str(uuid.uuid4()), current.user_id, current.project_id,
             str(honest.astrom.object_id)),
        )  # fmt: skip
        written = cursor.fetchone()
        cursor.execute("SELECT _cell, _corners FROM awe.raw_science_frame WHERE object_id = %s",
                       (str(honest.object_id),))  # fmt: skip
        assert cursor.fetchone() == written
        for column in ("_cell", "_corners"):
            with pytest.raises(Exception, match="permission denied"):
                cursor.execute(f"UPDATE awe.raw_science_frame SET {column} = NULL")


def test_a_deleted_frame_comes_back_where_it_was(login: Any) -> None:
    from awe.db.rights import trash

    login("student")
    one = frame("gone.fits")
    one.commit()
    number = one.object_id
    trash.delete([one], parts=True)
    assert len(RawScienceFrame.covers(*PLACE)) == 0
    trash.undelete()
    assert [found.object_id for found in RawScienceFrame.covers(*PLACE)] == [number]


def test_malformed_numbers_are_no_place_and_no_error(login: Any) -> None:
    login("student")
    odd = [
        Astrom(CRVAL1=float("inf"), CRVAL2=0.0), Astrom(CRVAL1=0.0, CRVAL2=95.0),
        Astrom(CRVAL1=None, CRVAL2=None), Astrom(CRVAL1=5e-324, CRVAL2=-1e-320, CD1_1=1e-320),
        Astrom(CRVAL1=1.0, CRVAL2=1.0, CD1_1=1e300, CD2_2=1e300, CRPIX1=-1e308),
        Astrom(CRVAL1=1.0, CRVAL2=90.0, CD1_1=9.0, CD2_2=9.0),
    ]  # fmt: skip
    geometries: list[dict[str, Any]] = [
        {"active": "[1:2"}, {"active": "[9:1,5:2]"}, {"active": 7}, {"active": "[0:0,0:0]"}, {},
        {"active": "[999999:999999,1:9]"},
    ]  # fmt: skip
    frames = [
        RawScienceFrame(filename=f"odd{i}.fits", astrom=place, NAXIS1=size, NAXIS2=4,
                        geometry=geometry)
        for i, (place, geometry, size) in enumerate(
            zip(odd, geometries, (1, -5, 2**62, 0, 3, 4), strict=True))
    ]  # fmt: skip
    commit_all(frames)
    assert len(RawScienceFrame.near(1.0, 1.0, 180)) >= 2
    assert [f.filename for f in RawScienceFrame.near(0.0, 0.0, 0.001)] == ["odd3.fits"]
