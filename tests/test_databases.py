"""A database a test gives back is as its template again, or another takes its place."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import databases
import pytest
from databases import Pool, drop

from awe.services.cluster import Cluster
from tests.conftest import Database

FILE = "INSERT INTO awe.file (id, filename) VALUES (gen_random_uuid(), 'a.fits')"


@pytest.fixture
def own(cluster: Cluster, template: str) -> Iterator[Pool]:
    """A pool of the test's own."""
    made = Pool(cluster, template)
    yield made
    while made.idle:
        drop(cluster, made.idle.pop().name)


def dump(cluster: Cluster, name: str) -> str:
    """Everything in a database as text, but for the name of the dump."""
    text = cluster.run("pg_dump", "--inserts", name)
    return re.sub(r"^\\(un)?restrict .*$", "", text, flags=re.MULTILINE)


def ask(pool: Pool, name: str, *statements: str) -> None:
    database = Database(pool.cluster, name)
    for statement in statements:
        database.rows("superuser", statement)


def test_rows_and_numbers_are_as_in_the_template_again(own: Pool, template: str) -> None:
    copy = own.take()
    Database(own.cluster, copy.name).rows("student", FILE)
    ask(
        own, copy.name,
        "UPDATE awe.project SET description = 'another' WHERE name = 'TUTORIAL2015'",
        "DELETE FROM awe.member",
        "SELECT nextval(seqrelid::regclass) FROM pg_sequence",
    )  # fmt: skip
    assert dump(own.cluster, copy.name) != dump(own.cluster, template)
    own.give_back(copy)
    assert own.take() is copy
    assert dump(own.cluster, copy.name) == dump(own.cluster, template)
    own.give_back(copy)
    assert own.made == 1


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE awe.more (n int)",
        "DROP VIEW IF EXISTS awe.nothing; ALTER TABLE awe.file ADD COLUMN more int",
        "GRANT SELECT ON awe.users TO anonymous",
        "CREATE FUNCTION awe.more() RETURNS int LANGUAGE sql RETURN 1",
        "ALTER TABLE awe.file DISABLE ROW LEVEL SECURITY",
        "COMMENT ON TABLE awe.file IS 'another'",
        "ANALYZE awe.users",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 65536', current_database());"
        " END $$",
    ],
)
def test_a_changed_catalog_is_not_used_again(own: Pool, change: str) -> None:
    copy = own.take()
    ask(own, copy.name, change)
    own.give_back(copy)
    assert not own.idle


def test_a_session_left_open_is_ended(own: Pool) -> None:
    copy = own.take()
    left = Database(own.cluster, copy.name)
    cursor = left.superuser().cursor()
    cursor.execute("BEGIN; LOCK TABLE awe.file")
    own.give_back(copy)
    assert own.idle == [copy]
    left.close()


def test_two_tests_at_a_time_have_two_databases(own: Pool) -> None:
    first, second = own.take(), own.take()
    assert first.name != second.name
    own.give_back(first)
    own.give_back(second)


def test_a_process_that_stands_still_does_not_hold_up_the_tests(
    own: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "DROP_PATIENCE", "500ms")
    dropped, other = own.take(), own.take()
    still = Database(own.cluster, other.name)
    with still.superuser().cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.warns(UserWarning, match=f"{dropped.name} is not dropped"):
            drop(own.cluster, dropped.name)
    finally:
        os.kill(pid, signal.SIGCONT)
    still.close()
    drop(own.cluster, dropped.name)
    own.give_back(other)
