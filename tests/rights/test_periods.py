"""Proprietary periods: what members see opens at a date, decided by the database for everybody."""

from __future__ import annotations

import datetime
import uuid

import psycopg2
import pytest

from awe.context import context
from awe.dataserver.authorisation import Permits
from awe.dataserver.collector import release
from awe.db.schema import install as schema
from awe.errors import ArgumentError, Refused

PROJECT = 37
SET = "SELECT awe.project_release('TUTORIAL2015', %s, %s, %s)"
BEGUN = (
    "UPDATE awe.project SET release_level = %s, release_days = %s, "
    "release_begins = now() - interval '1 hour' WHERE id = %s"
)


@pytest.fixture
def permits(db):
    made = Permits({
        "host": str(db.cluster.socket), "port": 5432, "dbname": db.name,
        "user": "awe_dataserver", "password": db.password("awe_dataserver"),
    })
    yield made
    made.close()


def aged(maker, row, days):
    maker.ask(
        f"UPDATE awe.{row.table} SET creation_date = awe.utcnow() - make_interval(days => %s) "
        "WHERE object_id = %s", days, str(row.id))  # fmt: skip


def level(maker, row):
    return maker.ask(f"SELECT _privileges FROM awe.{row.table} WHERE object_id = %s",
                     str(row.id))[0][0]  # fmt: skip


def code_of(db, person, statement, *values):
    with pytest.raises(psycopg2.Error) as caught:
        db.rows(person, statement, *values)
    return caught.value.pgcode


def test_what_is_old_enough_rises_and_nothing_else(db, maker, permits):
    maker.ask(BEGUN, 4, 365, PROJECT)
    rows = {
        (who, of, age): maker.row("bias_frame", who, PROJECT, of)
        for who in ("student", "other") for of in (1, 2, 3, 4, 5) for age in (366, 364)
    }  # fmt: skip
    elsewhere = maker.row("bias_frame", "student", 36, 2)
    for (_, _, age), row in rows.items():
        aged(maker, row, age)
    aged(maker, elsewhere, 999)
    assert release(permits, most=3) == 4
    for (who, of, age), row in rows.items():
        assert level(maker, row) == (4 if age == 366 and of in (2, 3) else of), (who, of, age)
    assert level(maker, elsewhere) == 2
    assert release(permits) == 0


def test_a_frame_waits_for_what_it_was_made_from_and_takes_its_file_along(db, maker, permits):
    maker.ask(BEGUN, 3, 10, PROJECT)
    mine = maker.row("raw_science_frame", "student", PROJECT, 2)
    foreign = maker.row("raw_science_frame", "other", 36, 2)
    number = maker.stored_file("student")
    free = maker.row("reduced_science_frame", "student", PROJECT, 2, raw=str(mine.id), file=number)
    held = maker.row("reduced_science_frame", "student", PROJECT, 2, raw=str(foreign.id))
    for row in (mine, free, held):
        aged(maker, row, 11)
    assert release(permits) == 2
    assert [level(maker, row) for row in (mine, free, held)] == [3, 3, 2]
    assert maker.ask("SELECT _privileges FROM awe.file WHERE id = %s", number) == [(3,)]
    maker.ask("UPDATE awe.raw_science_frame SET _privileges = 3 WHERE object_id = %s",
              str(foreign.id))  # fmt: skip
    assert release(permits) == 1
    assert level(maker, held) == 3


def test_a_list_waits_for_all_of_it(db, maker, permits):
    maker.ask(BEGUN, 3, 10, PROJECT)
    raws = [maker.row("raw_bias_frame", "student", PROJECT, of) for of in (2, 1)]
    bias = maker.row("bias_frame", "student", PROJECT, 2)
    for place, raw in enumerate(raws):
        maker.ask("INSERT INTO awe.bias_frame__raw_bias_frames (owner, position, target) "
                  "VALUES (%s, %s, %s)", str(bias.id), place, str(raw.id))  # fmt: skip
    for row in (*raws, bias):
        aged(maker, row, 11)
    assert release(permits) == 1
    assert [level(maker, row) for row in (*raws, bias)] == [3, 1, 2]


def test_nothing_rises_before_the_period_begins_or_above_the_maximum(db, maker, permits):
    old = maker.row("bias_frame", "student", PROJECT, 2)
    aged(maker, old, 3000)
    assert release(permits) == 0
    assert db.rows("manager", SET, 4, 0, None)[0][0] is not None
    assert permits.releasing() == []
    assert release(permits) == 0
    maker.ask(BEGUN, 4, 0, PROJECT)
    maker.ask("UPDATE awe.project SET max_privileges = 3 WHERE id = %s", PROJECT)
    assert release(permits) == 0
    assert level(maker, old) == 2


def test_only_managers_say_so_and_members_have_seven_days(db, maker):
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=6)
    later = soon + datetime.timedelta(days=30)
    for person in ("student", "other", "outsider", "scientist"):
        assert code_of(db, person, SET, 4, 0, later) == "AW030", person
    assert code_of(db, "anonymous", SET, 4, 0, later) == "42501"
    assert code_of(db, "manager", SET, 4, 0, soon) == "AW032"
    assert code_of(db, "manager", SET, 5, 0, later) == "AW004"
    assert code_of(db, "manager", SET, 2, 0, later) == "23514"
    assert code_of(db, "manager", SET, 3, None, later) == "23514"
    db.rows("manager", SET, 3, 100, later)
    # what opens no sooner may be said at once, what opens sooner may not
    maker.ask(BEGUN, 3, 100, PROJECT)
    [(before,)] = maker.ask("SELECT release_begins FROM awe.project WHERE id = %s", PROJECT)
    assert db.rows("manager", SET, 3, 200, None) == [(before,)]
    for given in ((3, 199, before), (4, 200, before)):
        assert code_of(db, "manager", SET, *given) == "AW032", given
    assert db.rows("manager", SET, 3, 100, None)[0][0] > before + datetime.timedelta(days=6)
    assert db.rows("manager", SET, None, None, None) == [(None,)]


def test_nobody_else_raises_levels_this_way(db, maker):
    maker.ask(BEGUN, 4, 0, PROJECT)
    theirs = maker.row("bias_frame", "other", PROJECT, 2)
    call = "SELECT * FROM awe.ds_release('awe.bias_frame', '-infinity', %s, 9)"
    for person in ("student", "manager", "outsider", "anonymous", "awe_runner"):
        assert code_of(db, person, call, str(uuid.UUID(int=0))) == "42501", person
        assert code_of(db, person, "SET ROLE awe_release") == "42501", person
    raise_it = "UPDATE awe.bias_frame SET _privileges = 4 WHERE object_id = %s"
    assert code_of(db, "manager", raise_it, str(theirs.id)) == "AW003"
    change = "UPDATE awe.project SET release_days = 0 WHERE id = %s"
    assert code_of(db, "manager", change, PROJECT) == "42501"
    assert level(maker, theirs) == 2


def test_the_dataserver_cannot_choose_what_rises(db, maker):
    """Its login has the function, which takes no object, no level and no table but objects'."""
    young = maker.row("bias_frame", "other", PROJECT, 2)
    maker.ask(BEGUN, 4, 1, PROJECT)
    call = "SELECT raised FROM awe.ds_release(%s::regclass, '-infinity', %s, 9)"
    for table in ("awe.bias_frame", "awe.file", "awe.users", "pg_class"):
        assert db.rows("awe_dataserver", call, table, str(uuid.UUID(int=0))) == [], table
    assert code_of(db, "awe_dataserver", "UPDATE awe.bias_frame SET _privileges = 4") == "42501"
    assert level(maker, young) == 2


def test_a_lock_that_somebody_holds_does_not_keep_the_others(db, maker, permits):
    maker.ask(BEGUN, 3, 1, PROJECT)
    held, free = (maker.row("bias_frame", "student", PROJECT, 2) for _ in range(2))
    aged(maker, held, 5)
    aged(maker, free, 3)
    hostile = db.connect("student")
    hostile.autocommit = False
    try:
        with hostile.cursor() as cursor:
            cursor.execute("SELECT 1 FROM awe.bias_frame WHERE object_id = %s FOR UPDATE",
                           (str(held.id),))  # fmt: skip
        assert permits.release("awe.bias_frame", "-infinity", str(uuid.UUID(int=0)), 9)[0] == 1
        assert [level(maker, row) for row in (held, free)] == [2, 3]
    finally:
        hostile.close()


def test_history_and_project_tell_of_it(db, maker, permits, become):
    become("manager")
    told = str(context.set_period("TUTORIAL2015", 3, days=100))
    assert "rises to 3 (Astro-WISE) 100 days after it was made, not before" in told
    old = maker.row("bias_frame", "student", PROJECT, 2)
    aged(maker, old, 101)
    maker.ask(BEGUN, 3, 100, PROJECT)
    release(permits)
    trail = context.audit()
    assert [one.action for one in trail[:2]] == ["publish", "release"]
    assert trail[0].user == "END OF PERIOD"
    assert "level 3 after 100 days" in repr(trail)
    become("student")
    assert "Proprietary Period" in str(context.get_current_project())
    with pytest.raises(Refused, match="do not manage project TUTORIAL2015"):
        context.set_period("TUTORIAL2015", None)
    with pytest.raises(ArgumentError, match="expected 3"):
        context.set_period("TUTORIAL2015", 2)
    with pytest.raises(ArgumentError, match="whole number"):
        context.set_period("TUTORIAL2015", 3, days=-1)


def test_the_self_check_misses_a_policy_of_it(db, maker):
    assert not [line for line in schema.self_check(db.cluster.superuser(), db.name)
                if "durability" not in line[0]]  # fmt: skip
    maker.ask("DROP POLICY release ON awe.bias_frame")
    maker.ask("CREATE POLICY release ON awe.bias_frame FOR UPDATE TO awe_release USING (true)")
    told = schema.self_check(db.cluster.superuser(), db.name)
    assert ("policy that differs from that of the other classes", "bias_frame.release") in told
