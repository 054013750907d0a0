"""Who read which file: noted by the dataserver, told to creator, managers and reader."""

from __future__ import annotations

import uuid

import psycopg2
import pytest

from awe.context import context
from awe.model.raw import RawScienceFrame

NOTE = "SELECT awe.ds_readings(%s::uuid[], %s, %s)"
SEEN = "SELECT user_id, times FROM awe.reading WHERE file = %s ORDER BY times"


def noted(db, maker, number, person, times):
    reader = maker.user(person) if person else 0
    db.rows("awe_dataserver", NOTE, [number], [reader], [times])


@pytest.fixture
def frame(maker):
    """A function that stores a file of the student's at a level, and returns its id."""

    def make(level, project=37):
        number = maker.stored_file("student", f"frame{level}.fits")
        made = maker.row("raw_science_frame", "student", project, level, file=number)
        return number, made

    return make


def test_creator_managers_and_the_reader_know_and_nobody_else(db, maker, frame):
    # the manager has one project, the scientist the other
    private, shared, elsewhere = frame(1)[0], frame(2)[0], frame(4, project=36)[0]
    for number in (private, shared, elsewhere):
        noted(db, maker, number, "other", 3)
        noted(db, maker, number, "", 5)
        noted(db, maker, number, "other", 4)
    other = maker.user("other")
    everything, own = [(None, 5), (other, 7)], [(other, 7)]
    wanted = {
        "student": [everything] * 3, "other": [own] * 3, "manager": [[], everything, []],
        "outsider": [[]] * 3, "scientist": [[], [], everything],
    }  # fmt: skip
    for person, seen in wanted.items():
        found = [db.rows(person, SEEN, number) for number in (private, shared, elsewhere)]
        assert found == seen, person
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        db.rows("anonymous", SEEN, shared)


def test_nobody_writes_or_forgets_readings(db, maker, frame):
    number = frame(2)[0]
    noted(db, maker, number, "other", 1)
    for person in ("student", "other", "manager", "anonymous", "awe_dataserver", "awe_runner"):
        for statement in ("DELETE FROM awe.reading", "UPDATE awe.reading SET times = 9",
                          f"INSERT INTO awe.reading VALUES ('{number}', 'today', NULL, 1)"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                db.rows(person, statement)
    for person in ("student", "manager", "anonymous", "awe_runner"):
        for call in (f"SELECT awe.ds_readings('{{{number}}}', '{{1}}', '{{1}}')",
                     "SELECT awe.ds_sweep_readings()", "SELECT awe.ds_reader('x')"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                db.rows(person, call)
    assert maker.ask(SEEN, number) == [(maker.user("other"), 1)]


def test_a_year_later_they_are_forgotten_and_with_the_file_too(db, maker, frame):
    old, gone = frame(2)[0], frame(3)[0]
    noted(db, maker, old, "other", 1)
    noted(db, maker, gone, "other", 1)
    noted(db, maker, str(uuid.uuid4()), "other", 1)
    assert maker.ask("SELECT count(*) FROM awe.reading") == [(2,)]
    maker.ask("UPDATE awe.reading SET day = day - 366 WHERE file = %s", old)
    db.rows("awe_dataserver", "SELECT awe.ds_sweep_readings()")
    assert maker.ask("SELECT file::text FROM awe.reading") == [(gone,)]
    maker.ask("DELETE FROM awe.raw_science_frame WHERE file = %s", gone)
    maker.ask("DELETE FROM awe.file WHERE id = %s", gone)
    assert maker.ask("SELECT count(*) FROM awe.reading") == [(0,)]


def test_the_prompt_lists_them(db, maker, frame, become):
    number, made = frame(2)
    noted(db, maker, number, "other", 2)
    noted(db, maker, number, "", 1)
    become("manager")
    told = context.readers(RawScienceFrame(object_id=made.id))
    assert {(one.user, one.times, one.filename) for one in told} == {
        ("AWOTHER", 2, "frame2.fits"), ("(no login)", 1, "frame2.fits")}
    assert "AWOTHER" in repr(told)
    become("outsider")
    assert repr(context.readers()) == "nobody has read them, as far as you may know"
