"""Descriptions of cameras: every role, every statement; one's own, a public and a hidden one."""

from __future__ import annotations

from contextlib import closing, suppress

import psycopg2
import pytest
from rights_model import PEOPLE

from awe.model import cameras

CAMERAS = {"OWN": ("student", 1), "SHARED": ("student", 2), "OPEN": ("scientist", 3)}
#: roles of services and of nobody in particular; they have no use for the table
OTHERS = ("anonymous", "awe_dataserver", "awe_runner")
TEXT = "name = 'X'"

#: statements that change nothing for whoever may not: all of them are refused
WRITES = {
    "insert of a camera one did not bring in":
        "INSERT INTO awe.camera (name, description) VALUES ('LATE', 'x')",
    "insert of a camera there is not":
        "INSERT INTO awe.camera (name, description) VALUES ('NOBODYS', 'x')",
    "insert for another":
        "INSERT INTO awe.camera (name, description, keeper) VALUES ('LATE', 'x', 1)",
    "insert of many": "INSERT INTO awe.camera SELECT name, 'x', 1, now() FROM awe.instrument",
    "insert or update": "INSERT INTO awe.camera (name, description) VALUES ('OPEN', 'x') "
        "ON CONFLICT (name) DO UPDATE SET description = 'x'",
    "update": "UPDATE awe.camera SET description = 'x'",
    "update of the keeper": "UPDATE awe.camera SET keeper = awe.uid()",
    "delete": "DELETE FROM awe.camera",
    "truncate": "TRUNCATE awe.camera",
    "merge": "MERGE INTO awe.camera c USING (VALUES (1)) v ON true "
        "WHEN MATCHED THEN UPDATE SET description = 'x'",
    "copy in": "COPY awe.camera (name, description) FROM PROGRAM 'true'",
    "lock": "LOCK TABLE awe.camera",
    "lock rows": "SELECT * FROM awe.camera FOR UPDATE",
    "trigger": "CREATE TRIGGER x BEFORE INSERT ON awe.camera EXECUTE FUNCTION now()",
    "policy": "CREATE POLICY x ON awe.camera USING (true)",
    "no rights": "ALTER TABLE awe.camera DISABLE ROW LEVEL SECURITY",
    "another owner": "ALTER TABLE awe.camera OWNER TO CURRENT_USER",
    "drop": "DROP TABLE awe.camera CASCADE",
    "another rule of who sees":
        "CREATE OR REPLACE FUNCTION awe.camera_seen(camera text, by int) RETURNS bool "
        "LANGUAGE sql AS 'SELECT true'",
}  # fmt: skip


@pytest.fixture
def described(db, maker):
    for name, (person, level) in CAMERAS.items():
        maker.row("instrument", person, 37 if person == "student" else 36, level, name=name)
        db.rows(person, "INSERT INTO awe.camera (name, description) VALUES (%s, %s)", name, TEXT)
    # nobody among those who try brought this one in, and it has no description yet
    maker.row("instrument", "scientist", 36, 3, name="LATE")
    return db


def whole(db):
    return db.rows("superuser", "SELECT * FROM awe.camera ORDER BY name")


def test_a_description_is_seen_by_whoever_sees_its_camera(described):
    for person in PEOPLE:
        cameras = {row[0] for row in described.rows(person, "SELECT name FROM awe.instrument")}
        texts = described.rows(person, "SELECT name, description FROM awe.camera ORDER BY name")
        assert texts == [(name, TEXT) for name in sorted(cameras & set(CAMERAS))], person
    seen = {
        person: len(described.rows(person, "SELECT 1 FROM awe.camera")) for person in PEOPLE
    }
    # level 1 is one's own, level 2 the project's, level 3 everybody's
    assert seen == {"student": 3, "other": 2, "manager": 2, "scientist": 1, "outsider": 1}
    for role in OTHERS:
        with pytest.raises(psycopg2.Error, match="permission denied"):
            described.rows(role, "SELECT 1 FROM awe.camera")


@pytest.mark.parametrize("what", WRITES)
def test_nobody_but_the_administrator_changes_one(described, what):
    before = whole(described)
    for role in ("student", "other", "manager", "outsider", *OTHERS):
        with pytest.raises(psycopg2.Error):
            described.rows(role, WRITES[what])
    assert whole(described) == before


def test_nobody_grants_what_is_not_theirs(described):
    granted = "SELECT relacl::text FROM pg_class WHERE oid = 'awe.camera'::regclass"
    before = described.rows("superuser", granted)
    for role in (*PEOPLE, *OTHERS):
        # whoever may read is warned only, by the server, that nothing was granted
        with suppress(psycopg2.errors.InsufficientPrivilege):
            described.rows(role, "GRANT SELECT ON awe.camera TO PUBLIC")
    assert described.rows("superuser", granted) == before


def test_who_brought_it_in_keeps_it_once(described):
    keep = "INSERT INTO awe.camera (name, description) VALUES ('LATE', %s)"
    described.rows("scientist", keep, TEXT)
    for text in (TEXT, "another"):
        with pytest.raises(psycopg2.errors.UniqueViolation):
            described.rows("scientist", keep, text)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        described.rows("scientist", "UPDATE awe.camera SET description = 'x'")


def test_the_next_camera_of_a_name_has_not_the_description_of_the_last(described, maker):
    described.rows("student", "DELETE FROM awe.instrument WHERE name = 'OWN'")
    maker.row("instrument", "other", 37, 1, name="OWN")
    found = described.rows("other", "SELECT description FROM awe.camera WHERE name = 'OWN'")
    assert found == []
    # the administrator gives it one, which is then that of the new camera
    with closing(described.superuser()) as administrator:
        assert "replaced" in cameras.replace(administrator, "OWN", "new")
    assert described.rows("other", "SELECT description FROM awe.camera WHERE name = 'OWN'") == [
        ("new",)
    ]
