"""Cameras that come with awe are everybody's from the start; one's own stay one's own."""

from __future__ import annotations

from contextlib import closing, suppress

import psycopg2
import pytest
from rights_model import PEOPLE

from awe import instruments
from awe.errors import ArgumentError
from awe.model import released

PLACE = "_project, _privileges, object_id"
#: what people may try with what is everybody's
HOSTILE = {
    "another of the name": "INSERT INTO awe.instrument (name, " + PLACE + ") "
        "VALUES ('OMEGACAM', 37, 1, gen_random_uuid())",
    "another chip of the name": "INSERT INTO awe.chip (name, " + PLACE + ") "
        "VALUES ('ESO_CCD_#65', 37, 1, gen_random_uuid())",
    "one for everybody": "INSERT INTO awe.instrument (name, _creator, " + PLACE + ") "
        "VALUES ('MINE', 1, 1, 5, gen_random_uuid())",
    "another clock": "UPDATE awe.instrument SET utc_offset = 0",
    "another gain": "UPDATE awe.chip SET gain = 9",
}  # fmt: skip
#: what changes no row, whoever tries it
VAIN = (
    "UPDATE awe.instrument SET _privileges = 1",
    "UPDATE awe.chip SET _privileges = 1",
    "DELETE FROM awe.instrument",
    "DELETE FROM awe.filter",
)


def enter(db, name="OMEGACAM"):
    with closing(db.superuser()) as administrator:
        return released.enter(administrator, name)


def rows(db):
    return [
        db.rows("superuser", f"SELECT * FROM awe.{table} ORDER BY name")
        for table in ("instrument", "chip", "filter")
    ]


def test_everybody_and_the_world_see_it_and_frames_of_any_level_refer_to_it(db, maker):
    assert enter(db) == []
    [(number,)] = db.rows("superuser", "SELECT object_id FROM awe.instrument")
    for person in (*PEOPLE, "anonymous"):
        found = db.rows(person, "SELECT name, telescope, utc_offset FROM awe.instrument")
        assert found == [("OMEGACAM", "VST", -4.0)], person
        assert db.rows(person, "SELECT count(*) FROM awe.chip") == [(32,)], person
        assert len(db.rows(person, "SELECT 1 FROM awe.filter")) == 9
    for person, project, level in (("student", 37, 1), ("other", 37, 2), ("scientist", 36, 4)):
        raw = maker.row("raw_bias_frame", person, project, level, instrument=number)
        found = db.rows(person, "SELECT instrument FROM awe.raw_bias_frame WHERE object_id = %s",
                        str(raw.id))  # fmt: skip
        assert found == [(number,)]


def test_it_is_entered_once(db):
    enter(db)
    before = rows(db)
    assert enter(db) == []
    assert rows(db) == before


@pytest.mark.parametrize("what", HOSTILE)
def test_nobody_puts_another_in_its_place(db, what):
    enter(db)
    before = rows(db)
    for person in PEOPLE:
        with pytest.raises(psycopg2.Error):
            db.rows(person, HOSTILE[what])
    assert rows(db) == before


@pytest.mark.parametrize("statement", VAIN)
def test_nobody_takes_it_away(db, statement):
    enter(db)
    before = rows(db)
    for person in PEOPLE:
        with suppress(psycopg2.Error):  # a policy leaves rows out or raises
            db.rows(person, statement)
    assert rows(db) == before


def of_omegacam(maker, person, level, **other):
    values = released.instrument_values(instruments.get("OMEGACAM")) | other
    project = 36 if person == "scientist" else 37
    return str(maker.row("instrument", person, project, level, **values).id)


def test_what_the_first_person_brought_in_rises_and_is_no_longer_theirs(db, maker):
    number = of_omegacam(maker, "student", 1)
    assert db.rows("other", "SELECT 1 FROM awe.instrument") == []
    assert enter(db) == []
    [owner] = db.rows("superuser", "SELECT min(id) FROM awe.users")
    for person in (*PEOPLE, "anonymous"):
        found = db.rows(person, "SELECT object_id, _creator, _project FROM awe.instrument")
        assert found == [(number, *owner, 1)], person


@pytest.mark.parametrize("other", [{"description": "where we hide it"}, {"utc_offset": 0.0}])
def test_what_says_something_else_stays_its_makers(db, maker, other):
    of_omegacam(maker, "student", 1, **other)
    before = rows(db)
    assert enter(db) == ["Instrument OMEGACAM of OMEGACAM is there otherwise"]
    assert rows(db) == before
    assert db.rows("other", "SELECT 1 FROM awe.instrument") == []


def test_comments_do_not_rise_with_what_they_are_about(db, maker):
    number = of_omegacam(maker, "student", 1)
    db.rows("student", "INSERT INTO awe.comment (object_id, _creator, _project, _privileges, "
            "about, about_class, _relation, content) VALUES (gen_random_uuid(), awe.uid(), 37, 1, "
            "%s, 'Instrument', 'instrument', 'between us')", number)  # fmt: skip
    assert len(enter(db)) == 1
    assert db.rows("other", "SELECT 1 FROM awe.comment") == []
    assert db.rows("other", "SELECT 1 FROM awe.instrument") == []


def test_a_camera_of_ones_own_is_not_entered_and_stays_as_it_came_in(db, maker):
    maker.row("instrument", "student", 37, 1, name="TINYCAM")
    db.rows("superuser", "SELECT awe.project_create('T', '', 'TINYCAM', true, 4, 1)")
    with closing(db.superuser()) as administrator:
        assert released.enter_missing(administrator) == []
        with pytest.raises(ArgumentError, match="no camera 'TINYCAM' comes with awe"):
            released.enter(administrator, "TINYCAM")
    assert db.rows("other", "SELECT name FROM awe.instrument") == [("OMEGACAM",)]
    assert db.rows("student", "SELECT name FROM awe.instrument ORDER BY 1") == [
        ("OMEGACAM",), ("TINYCAM",)
    ]  # fmt: skip


def test_cameras_of_projects_are_entered_and_no_others(db):
    db.rows("superuser", "SELECT awe.project_create('W', '', 'WFI', true, 4, 1)")
    with closing(db.superuser()) as administrator:
        assert released.enter_missing(administrator) == []
    found = db.rows("anonymous", "SELECT name FROM awe.instrument ORDER BY 1")
    assert found == [("OMEGACAM",), ("WFI",)]


def test_every_camera_that_comes_with_awe_can_be_entered(db):
    for name in instruments.shipped():
        assert enter(db, name) == []
    chips = sum(len(instruments.get(name).chips) for name in instruments.shipped())
    assert db.rows("anonymous", "SELECT count(*) FROM awe.chip") == [(chips,)]
