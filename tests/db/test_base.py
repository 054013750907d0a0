"""Declarations: what a class may say, and what it is told when it says something else."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from awe.db.declare import registry
from awe.db.objects.base import DBObject, persistent
from awe.db.query.compiler import standard_name
from awe.db.server.connection import database
from awe.db.server.tickets import ticket
from awe.errors import ArgumentError
from awe.model.observing import Chip
from awe.model.raw import RawScienceFrame


@pytest.fixture(autouse=True)
def registry_kept() -> Iterator[None]:
    """Forget the classes a test declares."""
    before = dict(registry.registry), dict(registry.declared)
    yield
    registry.registry.clear()
    registry.declared.clear()
    registry.registry.update(before[0])
    registry.declared.update(before[1])


def declare(name: str, **body: Any) -> Any:
    return type(DBObject)(name, (DBObject,), body)


def test_names_of_methods_are_refused() -> None:
    for name in ("commit", "select", "isin", "info"):
        with pytest.raises(ArgumentError, match="name of a method"):
            declare("Bad", **{name: persistent("x [None]", int, 0)})


def test_a_method_may_not_hide_an_attribute() -> None:
    class Parent(DBObject, abstract=True):
        size = persistent("x [None]", int, 0)

    with pytest.raises(ArgumentError, match="name of a method"):

        class Child(Parent):
            def size(self) -> int:  # type: ignore[override]
                return 1


def test_attributes_that_differ_only_in_case_are_refused() -> None:
    body = {"DATE": persistent("x [None]", int, 0), "date": persistent("x [None]", int, 0)}
    with pytest.raises(ArgumentError, match="differ only in case"):
        declare("Bad", **body)


def test_types_and_defaults_are_checked_at_the_declaration() -> None:
    with pytest.raises(ArgumentError, match="cannot be of type"):
        persistent("x [None]", complex, 0)  # type: ignore[call-overload]
    with pytest.raises(ArgumentError, match=r"default of Bad\.size: found 'big'"):
        declare("Bad", size=persistent("x [None]", int, "big"))  # type: ignore[call-overload]


def test_two_modules_cannot_share_a_class_name() -> None:
    declare("Twice", __module__="somewhere")
    with pytest.raises(ArgumentError, match="choose another name"):
        declare("Twice", __module__="elsewhere")
    declare("Twice", __module__="somewhere")


def test_a_link_to_a_class_that_never_came_is_named() -> None:
    cls = declare("Waiting", other=persistent("x [None]", "Neverland", None))
    with pytest.raises(ArgumentError, match="no persistent class 'Neverland'"):
        _ = cls.other.name


def test_names_of_tables_read_as_words() -> None:
    names = {"RawScienceFrame": "raw_science_frame", "CCDChip": "ccd_chip", "Imstat": "imstat"}
    for name, wanted in names.items():
        assert standard_name(type(name, (), {})) == wanted  # type: ignore[arg-type]


def test_objects_are_equal_by_id_and_hash_by_it() -> None:
    cls = declare("Thing", size=persistent("x [None]", int, 0))
    one, two = cls(size=1), cls(size=1)
    assert one != two
    assert one.copy().size == 1
    assert len({one, two, one}) == 2
    assert isinstance(one.object_id, uuid.UUID)
    assert "size" in dir(one)


def test_a_ticket_is_drawn_once_and_known_to_the_database_by_its_hash(login: Any) -> None:
    login()
    first = ticket()
    assert ticket() == first
    assert len(first) == 64
    rows = login.db.rows("superuser", "SELECT encode(hash, 'hex') FROM awe.ticket")
    import hashlib

    assert (hashlib.sha256(first.encode()).hexdigest(),) in rows
    login("other")
    assert ticket() != first
    assert database.user == "AWOTHER"


@pytest.mark.parametrize("cls", [RawScienceFrame, Chip])
def test_values_without_a_name_are_refused_in_one_line(cls: type[DBObject]) -> None:
    name = "filename" if cls is RawScienceFrame else "object_id"
    with pytest.raises(ArgumentError) as refusal:
        cls("x.fits")
    assert str(refusal.value) == (
        f"{cls.__name__} takes its values by name, found 'x.fits' without one; "
        f"write {cls.__name__}({name}=...)"
    )
