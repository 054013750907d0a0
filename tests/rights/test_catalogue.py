"""The catalogue check: nothing in the schema stands without its protection."""

from __future__ import annotations

from awe.db.schema import install as schema


def test_every_table_view_function_and_person_is_protected(db):
    found = schema.self_check(db.cluster.superuser(), db.name)
    unsafe = {culprit.split()[0] for rule, culprit in found if rule == "durability"}
    assert [line for line in found if line[0] != "durability"] == []
    # The server of the tests may lose data when the machine does, and the check says so.
    assert unsafe == {"fsync", "full_page_writes", "synchronous_commit"}
