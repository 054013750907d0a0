"""What each person sees of every class equals the rule, written a second time in Python."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2 import sql
from rights_model import PEOPLE, Row


def seen(db, person, table):
    statement = sql.SQL("SELECT object_id FROM awe.{}").format(sql.Identifier(table))
    return {str(row[0]) for row in db.rows(person, statement)}


def test_every_class_shows_each_person_exactly_what_the_rule_says(db, maker):
    rows: dict[str, list[Row]] = {}
    for table in maker.tables():
        rows[table] = [
            maker.row(table, creator, project, level)
            for creator, project, level in itertools.product(
                ("student", "outsider"), (36, 37), range(1, 6)
            )
        ]
    assert len(rows) > 40
    for person in (*PEOPLE, "anonymous"):
        connection = db.connect(person)
        with connection.cursor() as cursor:
            for table, made in rows.items():
                cursor.execute(f'SELECT object_id::text FROM awe."{table}"')
                found = {row[0] for row in cursor.fetchall()}
                assert found == {str(r.id) for r in made if r.seen_by(person)}, (person, table)
                cursor.execute(f'SELECT count(*), count(DISTINCT _creator) FROM awe."{table}"')
                assert cursor.fetchone()[0] == len(found)


@pytest.fixture
def changing(db, maker):
    """Connections that stay open while memberships change."""
    db.rows("superuser", "INSERT INTO awe.project (id, name) VALUES (50, 'P50'), (51, 'P51')")
    return {person: db.connect(person) for person in PEOPLE}


LEVELS = st.integers(1, 5)
OBJECTS = st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from([50, 51]), LEVELS),
                   min_size=1, max_size=8)
MEMBERSHIPS = st.sets(st.tuples(st.sampled_from(PEOPLE), st.sampled_from([50, 51])))


@settings(max_examples=100, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(objects=OBJECTS, memberships=MEMBERSHIPS)
def test_any_memberships_and_levels_give_the_visible_set_of_the_rule(
    changing, maker, objects, memberships
):
    maker.ask("DELETE FROM awe.member WHERE project_id IN (50, 51)")
    maker.ask("DELETE FROM awe.bias_frame")
    for person, project in memberships:
        maker.ask("INSERT INTO awe.member VALUES (%s, %s)", maker.user(person), project)
    rows = [maker.row("bias_frame", *what) for what in objects]
    for person, connection in changing.items():
        with connection.cursor() as cursor:
            cursor.execute("SELECT object_id::text FROM awe.bias_frame")
            found = {row[0] for row in cursor.fetchall()}
        mine = {project for who, project in memberships if who == person}
        wanted = {
            str(row.id) for row in rows
            if row.creator == person or row.level >= 3 or (row.level == 2 and row.project in mine)
        }
        assert found == wanted


def test_a_former_member_loses_sight_at_the_next_statement_and_keeps_his_own(db, maker):
    theirs = maker.row("bias_frame", "other", 37, 2)
    own = maker.row("bias_frame", "student", 37, 2)
    connection = db.connect("student")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM awe.bias_frame")
        assert cursor.fetchone() == (2,)
        db.rows("manager", "SELECT awe.member_remove('TUTORIAL2015', 'awstudent')")
        cursor.execute("SELECT object_id::text FROM awe.bias_frame")
        assert cursor.fetchall() == [(str(own.id),)]
    assert theirs.seen_by("manager")


def test_links_are_seen_with_their_owner(db, maker):
    raw = maker.row("raw_bias_frame", "student", 37, 4)
    for level in (1, 2, 4):
        bias = maker.row("bias_frame", "student", 37, level)
        maker.ask("INSERT INTO awe.bias_frame__raw_bias_frames VALUES (%s, 0, %s)",
                  str(bias.id), str(raw.id))
    counts = {
        person: db.rows(person, "SELECT count(*) FROM awe.bias_frame__raw_bias_frames")[0][0]
        for person in ("student", "other", "outsider", "anonymous")
    }
    assert counts == {"student": 3, "other": 2, "outsider": 1, "anonymous": 1}


def test_the_dataserver_gives_each_ticket_exactly_the_files_its_owner_sees(db, maker):
    import hashlib

    files = {}
    people = ("student", "outsider")
    for creator, project, level in itertools.product(people, (36, 37), range(1, 6)):
        number = str(maker.ask(
            "INSERT INTO awe.file (creator, filename, state, size, sha256, _project, _privileges) "
            "VALUES (%s, 'f.fits', 'linked', 1, %s, %s, %s) RETURNING id",
            maker.user(creator), b"\0" * 32, project, level)[0][0])
        files[number] = level
    for person in (*PEOPLE, "anonymous"):
        ticket = hashlib.sha256(person.encode()).digest()
        if person != "anonymous":
            db.rows(person, "INSERT INTO awe.ticket (hash) VALUES (%s)", ticket)
        opened = {n for n in files if db.rows(
            "superuser", "SELECT 1 FROM awe.ds_may_read(%s, %s)", ticket, n)}
        rows = {str(row[0]) for row in db.rows(person, "SELECT id FROM awe.file")}
        assert opened == rows
        assert rows if person != "anonymous" else opened == {n for n in files if files[n] >= 4}
