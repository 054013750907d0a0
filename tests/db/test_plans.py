"""Plans and tables: indexes serve the queries people type, under row-level security."""

from __future__ import annotations

from typing import Any

import pytest

from awe.db.schema import tables
from awe.db.server.connection import database


@pytest.fixture
def crowded(model: Any, login: Any) -> Any:
    """Twenty thousand plates of another user, published, and fresh statistics."""
    login("other", privileges=1)
    model.Tint(name="g").commit()
    model.Tint(name="r").commit()
    connection = login.db.superuser()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE awe.tint SET _privileges = 3")
        cursor.execute("ALTER TABLE awe.plate DISABLE TRIGGER USER")
        cursor.execute(
            "INSERT INTO awe.plate (object_id, _creator, _project, _privileges, creation_date, "
            "name, tint, taken, is_valid) SELECT gen_random_uuid(), t._creator, t._project, 3, "
            "awe.utcnow(), 'plate_' || lpad(i::text, 6, '0'), t.object_id, "
            "timestamp '2012-01-01' + i * interval '1 minute', 1 "
            "FROM generate_series(1, 10000) i, awe.tint t"
        )
        cursor.execute("ANALYZE")
    login("student")
    return model


def test_names_resolve_before_the_scan_and_the_index_gives_the_order(crowded: Any) -> None:
    query = (crowded.Plate.tint.name == "r") & (crowded.Plate.taken > "2012-01-02")
    plan = query.order_by("taken").top(5).explain()
    assert "InitPlan" in plan
    assert "plate_tint_taken" in plan
    before = database.statements
    assert query.max("taken").name == "plate_010000"
    assert database.statements - before == 1


def test_a_prefix_keeps_its_index_under_row_level_security(crowded: Any) -> None:
    query = crowded.Plate.name.like("plate_00001*")
    assert len(query) == 20
    assert "Index" in query.explain()
    assert "Seq Scan on plate" not in query.explain()
    assert len(crowded.Plate.name.like("plate_00001?")) == 20
    assert "Seq Scan on plate" not in crowded.Plate.name.like("plate_0010?1*").explain()


def test_every_link_and_every_creator_has_an_index(model: Any) -> None:
    for made in tables.metadata(model.CLASSES).tables.values():
        leading = {next(iter(index.columns)).name for index in made.indexes}
        leading |= {next(iter(made.primary_key.columns)).name}
        if "_creator" in made.c:
            assert "_creator" in leading
    plate = tables.metadata(model.CLASSES).tables["awe.plate"]
    leading = {next(iter(index.columns)).name for index in plate.indexes}
    assert {"tint", "twin", "best", "name"} <= leading


def test_every_class_is_protected_by_the_same_call(model: Any) -> None:
    statements = tables.ddl(model.CLASSES)
    for cls in model.CLASSES:
        name = tables.standard_name(cls)
        assert sum(f"awe.protect('awe.\"{name}\"'" in text for text in statements) == 1
    assert any("protect_links" in text and "stack__plates" in text for text in statements)


def test_the_tables_in_the_database_are_those_declared(model: Any, login: Any) -> None:
    login()
    rows = database.execute(
        "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "WHERE c.relnamespace = 'awe'::regnamespace AND a.attnum > 0 AND c.relkind = 'r'"
    )
    found: dict[str, set[str]] = {}
    for name, column in rows:
        found.setdefault(name, set()).add(column)
    for made in tables.metadata(model.CLASSES).tables.values():
        if made.name not in ("users", "project", "file"):
            assert found[made.name] == {column.name for column in made.columns}
