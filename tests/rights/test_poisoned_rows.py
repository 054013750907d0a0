"""One published row does not spoil everybody's questions, nor one person's jobs and classes.

Whoever may publish may write into the columns of a row what no client can read, or what PostgreSQL
makes an error of; whoever may queue or declare may do so without end.
"""

from __future__ import annotations

import json
import uuid

import psycopg2
import pytest

from awe.db.schema import install as schema

POISON = {
    "a date after the year 9999": ("date_obs", "20000-01-01"),
    "a date before Christ": ("date_obs", "0044-03-15 BC"),
    "a date that never comes": ("date_obs", "infinity"),
    "a number of 6000 digits": ("geometry", '{"a": ' + "1" * 6000 + "}"),
    "a number with an exponent of 5000": ("geometry", '{"a": 1e5000}'),
    "nested 3000 deep": ("geometry", "[" * 3000 + "]" * 3000),
    "ten million letters": ("observer", "x" * 10_000_000),
    "a dictionary of three megabytes": ("geometry", json.dumps({"a": "x" * 3_000_000})),
}
HARMLESS = {
    "the last day": ("date_obs", "9999-12-31 23:59:59.999999"),
    "the first day": ("date_obs", "0001-01-01"),
    "the largest number": ("geometry", '{"a": 1.7976931348623157e308, "b": 5e-324}'),
    "a long list": ("geometry", json.dumps({"a": list(range(1000))})),
}
PUT = ("INSERT INTO awe.raw_science_frame (object_id, _project, _privileges, filename, {}) "
       "VALUES (gen_random_uuid(), 36, 4, 'x.fits', %s)")


@pytest.mark.parametrize("name", POISON)
def test_a_row_that_nobody_could_read_is_refused(standing, name):
    column, value = POISON[name]
    with pytest.raises(psycopg2.errors.CheckViolation, match="readable_values"):
        standing.rows("outsider", PUT.format(column), value)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_can_be_read_is_stored(standing, name):
    column, value = HARMLESS[name]
    standing.rows("outsider", PUT.format(column), value)
    assert standing.rows("student", f"SELECT {column} FROM awe.raw_science_frame")


def test_each_class_refuses_what_cannot_be_read(standing):
    rows = standing.rows("superuser", """
        SELECT p::regclass::text FROM awe.persistent_tables() p
         WHERE EXISTS (SELECT 1 FROM awe.value_rules(p)) AND NOT EXISTS (
           SELECT 1 FROM pg_constraint c
            WHERE c.conrelid = p AND c.conname = 'readable_values')""")
    assert rows == []
    connection = standing.superuser()
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE awe.bias_frame DROP CONSTRAINT readable_values")
        cursor.execute("SELECT culprit FROM awe.self_check() WHERE rule LIKE '%%readable'")
        assert cursor.fetchall() == [("bias_frame",)]
    connection.rollback()


@pytest.mark.parametrize("columns", [
    {"crval2": "infinity", "cd1_1": 1e300, "cd2_2": 1e300},
    {"crval1": "nan", "crval2": 1e-320}, {"cd1_1": 5e-324, "cd2_1": 1e-300, "crval2": 10},
    {"crpix1": 1e308, "cd1_1": 1e308, "crval2": 10}, {},
])
def test_the_view_of_the_observatory_stands_absurd_numbers(standing, columns):
    astrom, band = str(uuid.uuid4()), str(uuid.uuid4())
    all_ = {"crval1": 10, "crval2": 10, "crpix1": 1, "crpix2": 1, "cd1_1": 0, "cd1_2": 0,
            "cd2_1": 0, "cd2_2": 0} | columns
    standing.rows("outsider", f"INSERT INTO awe.astrom (object_id, _project, _privileges, "
                  f"{', '.join(all_)}) VALUES (%s, 36, 4{', %s' * len(all_)})",
                  astrom, *all_.values())
    standing.rows("outsider", "INSERT INTO awe.filter (object_id, _project, _privileges, name, "
                  "central_wavelength) VALUES (%s, 36, 4, %s, 1e-310)", band, band)
    standing.rows("outsider", "INSERT INTO awe.raw_science_frame (object_id, _project, "
                  "_privileges, filename, is_valid, astrom, filter, naxis1, naxis2, exptime, "
                  "date_obs) VALUES (gen_random_uuid(), 36, 4, 'x.fits', 1, %s, %s, "
                  "9000000000000000000, -9000000000000000000, 5e-324, '1858-11-17')",
                  astrom, band)
    standing.rows("student", "SELECT * FROM awe.obscore")


JOB = {"recipe": "Bias", "args": {}, "back_end": "local"}
SUBMIT = "SELECT count(*) FROM awe.job_submit(gen_random_uuid(), 'Bias', '{}', 37, %s, %s)"


@pytest.mark.parametrize("after", [[0], [1], [5], [-1], [0, 0]])
def test_a_job_waits_for_earlier_ones_of_its_run_only(standing, after):
    jobs = [{**JOB, "after": after}] if after == [0] else [JOB, {**JOB, "after": after}]
    with pytest.raises(psycopg2.errors.CheckViolation, match="after_earlier"):
        standing.rows("student", SUBMIT, 1, json.dumps(jobs))


def test_nobody_queues_without_end(db):
    for _ in range(2):
        db.rows("student", SUBMIT, 1, json.dumps([JOB] * 10_000))
    with pytest.raises(psycopg2.Error, match="more than 20000 of your jobs"):
        db.rows("student", SUBMIT, 1, json.dumps([JOB]))
    (((last,),)) = db.rows("student", "SELECT max(id) FROM awe.job")
    assert db.rows("student", "SELECT awe.job_cancel(%s)", last) == [(True,)]
    db.rows("student", SUBMIT, 1, json.dumps([JOB]))
    db.rows("other", SUBMIT, 1, json.dumps([JOB]))


def declare(db, name, attributes, **more):
    description = {"name": name, "attributes": attributes, "indexes": [], "unique": [], **more}
    return db.rows("student", "SELECT awe.define_class(%s)", json.dumps(description))[0][0]


def links(number, kind="link", stem="l"):
    return [{"name": f"{stem}{n}", "column": f"{stem}{n}", "kind": kind, "class": "BiasFrame",
             "targets": ["bias_frame"]} for n in range(number)]


def test_nobody_ties_a_class_of_all_to_thousands_of_their_own(standing):
    declare(standing, "Tie1", links(200))
    declare(standing, "Tie2", links(200))
    with pytest.raises(psycopg2.Error, match="more than 500 links"):
        declare(standing, "Tie3", links(101))
    declare(standing, "Tie2", links(200))
    with pytest.raises(psycopg2.Error, match="at most 50 indexes"):
        declare(standing, "Indexed", [{"name": "x", "column": "x", "kind": "value",
                                       "type": "int"}], indexes=[["x"]] * 51)


def test_two_lists_with_long_names_are_both_checked_at_publishing(db):
    table = declare(db, "N" * 40, links(2, "links", "abcdefghijklm"))
    rows = db.rows("superuser", "SELECT count(*) FROM pg_trigger WHERE tgrelid = %s::regclass "
                   "AND tgfoid = 'awe.links_published'::regproc", f"awe.{table}")
    assert rows == [(2,)]
    assert [line for line in schema.self_check(db.cluster.superuser(), db.name)
            if line[0] != "durability"] == []


def test_a_deleted_object_comes_back_to_a_class_that_has_grown(db):
    one = {"name": "x", "column": "x", "kind": "value", "type": "int"}
    table = declare(db, "Grown", [one])
    number = str(uuid.uuid4())
    db.rows("student", f"INSERT INTO awe.{table} (object_id, _project, _privileges, x) "
            "VALUES (%s, 37, 1, 4)", number)
    (made,) = db.rows("student", f"SELECT creation_date, x FROM awe.{table}")
    db.rows("student", f"DELETE FROM awe.{table}")
    declare(db, "Grown", [one, {**one, "name": "y", "column": "y"}])
    assert db.rows("student", "SELECT awe.undelete(%s::uuid[])", [number]) == [(1,)]
    assert db.rows("student", f"SELECT creation_date, x FROM awe.{table}") == [made]
