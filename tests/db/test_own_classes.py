"""Classes users declare: tables, rights, links, changes, names, and attempts to break in."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import uuid

import psycopg2
import pytest

from awe.context import context
from awe.db.declare import registry
from awe.db.objects.base import DBObject, persistent
from awe.db.schema import install as schema
from awe.errors import ArgumentError, NotFound, Refused
from awe.model import classes

MOMENT = datetime.datetime(2012, 6, 1, 8, 51, 44)

classes.load()

from awe.model.calibrations import BiasFrame  # noqa: E402
from awe.model.data import DataObject  # noqa: E402


@pytest.fixture(autouse=True)
def clean_registry():
    before = dict(registry.registry), dict(registry.declared)
    yield
    for known, now in zip(before, (registry.registry, registry.declared), strict=True):
        now.clear()
        now.update(known)


def person(**more):
    """Declare the class of the handbook, with more attributes or others."""
    body = {
        "__doc__": "A person.",
        "__module__": __name__,
        "name": persistent("The name of a person", str, "Jansen"),
        "age": persistent("The age of a person [yr]", int, 70),
        **more,
    }
    return type(DBObject)("Person", (DBObject,), body)


def self_check(db):
    found = schema.self_check(db.cluster.superuser(), db.name)
    return [line for line in found if line[0] != "durability"]


def test_the_class_of_the_handbook_is_committed_queried_and_fetched(db, login, capsys):
    class Person(DBObject):
        """A person."""

        name = persistent("The name of a person", str, "Jansen")
        age = persistent("The age of a person [yr]", int, 70)

    login()
    Person().commit()
    Person(name="Pietersen", age=41).commit()
    assert [one.name for one in Person.age > 50] == ["Jansen"]
    young = (Person.name == "Pietersen")[0]
    assert Person(object_id=str(young.object_id)) == young
    young.info()
    assert "41 yr" in capsys.readouterr().out
    assert db.rows("superuser", "SELECT relation FROM awe.user_class") == [
        (f"u{young._creator}_person",)
    ]
    assert self_check(db) == []


def test_a_query_shows_the_attributes_of_a_class_of_ones_own(login):
    login()
    seen, notes = persistent("When [UTC]", datetime.datetime, None), persistent("Any", dict, {})
    kind = person(seen=seen, notes=notes)
    kind(name="Pietersen", age=41).commit()
    heading, names, row = str(kind.age > 40).splitlines()
    assert (heading, names.split()) == ("1 Person", ["name", "age", "seen", "creation_date"])
    assert row.split()[:3] == ["Pietersen", "41", "-"]


def test_a_link_to_a_class_that_is_not_there_disturbs_nothing_else(login):
    class Star(DBObject):
        mine = persistent("Its group, declared later or never", "Konstellation", None)

    login()
    one = person()(name="Pietersen")
    one.commit()
    assert Star.mine is not None
    assert one.inverse_objects() == []
    context.delete(one)
    assert context.undelete() == 1
    with pytest.raises(ArgumentError, match="no persistent class 'Konstellation'"):
        Star().commit()


@pytest.mark.parametrize("name", ["float", "str", "datetime", "datetime.datetime", "UUID"])
def test_a_type_of_values_in_quotes_is_refused_where_it_is_written(name):
    with pytest.raises(ArgumentError, match=rf"'{name}' names a persistent class; write .*{name}"):
        persistent("Brightness [mag]", name, 1.0)


@pytest.mark.parametrize("given", [("mag", float), (float, 1.0), (float, 1.0, "mag"), ("mag",)])
def test_a_declaration_that_lacks_something_says_what_it_expects(given):
    with pytest.raises(ArgumentError, match="expects a description, a type and a default"):
        persistent(*given)


def test_a_query_alone_makes_the_table(login):
    login()
    assert len(person().age > 3) == 0


def test_a_list_of_every_type_is_stored_found_and_fetched(login):
    values = {
        str: ["Ä", "a", "'; DROP"],
        int: [3, -(2**40)],
        float: [1.5, 2.5],
        bool: [True, False],
        datetime.datetime: [MOMENT, MOMENT.replace(hour=9)],
        uuid.UUID: [uuid.UUID(int=7)],
        dict: [{"k": [1]}, {}],
    }
    lists = {f"{kind.__name__}s": persistent("Some", kind, []) for kind in values}
    bag = type(DBObject)("Bag", (DBObject,), {"__module__": __name__, **lists})
    login()
    full, empty = bag(**{f"{kind.__name__}s": some for kind, some in values.items()}), bag()
    full.commit()
    empty.commit()
    login()
    full, empty = bag(object_id=str(full.object_id)), bag(object_id=str(empty.object_id))
    assert {kind: getattr(full, f"{kind.__name__}s") for kind in values} == values
    assert all(getattr(empty, name) == [] for name in lists)
    for kind in values.keys() - {dict}:
        assert len(getattr(bag, f"{kind.__name__}s").contains(values[kind][-1])) == 1


def test_links_lists_and_links_to_classes_of_awe(db, login):
    class Shelf(DBObject):
        bias = persistent("A frame of awe", BiasFrame, None)
        sizes = persistent("Sizes [cm]", float, [])
        notes = persistent("Anything", dict, {})
        seen = persistent("When [UTC]", datetime.datetime, None)
        people = persistent("Who reads", "Person", [])
        above = persistent("The shelf above", "Shelf", None)

    kind = person()
    login()
    top = Shelf(sizes=[1.5, 2.5])
    frame = BiasFrame(filename="b.fits", quality_flags=0)
    shelf = Shelf(
        bias=frame, people=[kind(name="a"), kind(name="b")], above=top, notes={"k": [1]},
        seen="2012-06-01T08:51:44",
    )  # fmt: skip
    shelf.commit()
    assert [one.object_id for one in Shelf.people.name == "b"] == [shelf.object_id]
    assert len(Shelf.above.sizes.contains(2.5)) == 1
    assert len(Shelf.bias.filename == "b.fits") == 1
    assert frame.inverse_objects() == [shelf]
    login()
    again = Shelf(object_id=str(shelf.object_id))
    assert [one.name for one in again.people] == ["a", "b"]
    assert (again.bias.filename, again.above.sizes) == ("b.fits", [1.5, 2.5])
    assert again.notes == {"k": [1]}
    assert again.seen == datetime.datetime(2012, 6, 1, 8, 51, 44)
    assert self_check(db) == []


def test_two_classes_that_refer_to_each_other(db, login):
    class Hen(DBObject):
        egg = persistent("The first egg", "Egg", None)

    class Egg(DBObject):
        hen = persistent("Who laid it", Hen, None)

    login()
    egg = Egg()
    Hen(egg=egg).commit()
    assert len(Hen.egg == egg) == 1
    Egg(hen=Hen.select_all()[0]).commit()
    assert len(Egg.hen.egg == egg) == 1
    assert self_check(db) == []


def test_links_to_an_abstract_class_hold_objects_of_all_below(db, login):
    class Item(DBObject, abstract=True):
        label = persistent("Label", str, "")

    class Cup(Item):
        volume = persistent("Volume [l]", float, 0.0)

    class Plate(Item):
        pass

    class Table(DBObject):
        best = persistent("The best", Item, None)
        items = persistent("All", Item, [])

    login()
    Table(best=Cup(label="c"), items=[Cup(label="d"), Plate(label="p")]).commit()
    login()
    table = Table.select_all()[0]
    assert table.best.label == "c"
    assert [item.label for item in table.items] == ["d", "p"]
    assert len(Table.items.label == "p") == 1
    assert self_check(db) == []


def test_rights_are_those_of_all_objects(login):
    from awe.db.objects.commit import update
    from awe.db.objects.ownclasses import class_of, classes_of

    kind = person()
    login("student")
    mine, ours = kind(name="mine"), kind(name="ours")
    mine.commit()
    ours.commit()
    update([ours], _privileges=2)
    login("other")
    assert len(kind.select_all()) == 0  # a class of the same name, with its own table
    assert classes_of("awstudent") == {"AWSTUDENT": ["Person"]}
    with pytest.raises(ArgumentError, match="choose another"):
        class_of("Person", "awstudent")
    registry.registry.pop("Person")
    registry.declared.pop("Person")
    theirs = class_of("Person", "awstudent")
    assert [one.name for one in theirs.select_all()] == ["ours"]
    assert theirs.age.__doc__ == "The age of a person [yr]"
    with pytest.raises(NotFound, match="did you mean 'Person'"):
        class_of("Persn", "awstudent")
    with pytest.raises(Refused):
        update(theirs.select_all()[:1], _privileges=3)


def test_a_class_that_was_fetched_may_be_declared_in_the_same_session(login):
    from awe.db.objects.ownclasses import class_of

    login("student")
    person()(name="mine").commit()
    for known in (registry.registry, registry.declared):
        known.pop("Person")
    fetched = class_of("Person", "awstudent")
    assert [one.name for one in fetched.select_all()] == ["mine"]
    kind = person()
    assert [one.name for one in kind.select_all()] == ["mine"]
    kind(name="another").commit()
    assert len(kind.select_all()) == 2


def test_ones_own_class_comes_back_in_a_new_session(login):
    from awe.db.objects.ownclasses import class_of

    login("student")
    person()(name="first").commit()
    login("student")
    for known in (registry.registry, registry.declared):
        known.pop("Person")
    again = class_of("Person")
    again(name="second", age=3).commit()
    assert sorted(one.name for one in again.select_all()) == ["first", "second"]


def test_attributes_are_added_and_old_objects_have_none(db, login):
    login()
    kind = person()
    kind(name="old").commit()
    kind = person(
        height=persistent("Height [m]", float, 1.7),
        best=persistent("Best frame", BiasFrame, None),
        friends=persistent("Friends", "Person", []),
        is_valid=persistent("Verdict", int, 1),
    )
    kind(name="new", friends=list(kind.name == "old")).commit()
    assert [one.height for one in kind.select_all()] == [None, 1.7]
    assert len(kind.friends.name == "old") == 1
    from awe.context import context

    context.update_is_valid((kind.name == "new")[0], 0)
    assert self_check(db) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"age": None}, r"attribute age that the declaration lacks; .* not removed"),
        ({"age": persistent("Age", str, "")}, "Person.age was declared as value of type int"),
        ({"age": persistent("Age", BiasFrame, None)}, "now as link of type BiasFrame"),
    ],
)
def test_attributes_are_not_removed_or_changed(login, change, text):
    login()
    person().select_all().count()
    kind = person(**{k: v for k, v in change.items() if v is not None})
    if change["age"] is None:
        kind = type(DBObject)(
            "Person", (DBObject,), {"__module__": __name__, "name": persistent("N", str, "")}
        )
    with pytest.raises(Refused, match=text) as caught:
        kind.select_all().count()
    assert "\n" not in str(caught.value)


def test_a_rolled_back_table_is_made_again(login):
    from awe.db.server.connection import database

    kind = person()
    login()
    def fail():
        with database.transaction():
            kind().commit()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    kind().commit()
    assert len(kind.select_all()) == 1


def test_a_class_of_awe_is_not_shadowed(login):
    with pytest.raises(ArgumentError, match="choose another name"):
        type(DBObject)("BiasFrame", (DBObject,), {"__module__": "somebody.module"})
    login()
    own = person()
    registry.declared["Person"] = BiasFrame
    with pytest.raises(Refused, match="is a class of awe"):
        own.select_all().count()


def test_objects_with_a_file_are_own_classes_too(db, login):
    class Sketch(DataObject):
        author = persistent("Who drew it", str, "")

    login()
    Sketch(author="me").commit()
    assert len(Sketch.author == "me") == 1
    assert self_check(db) == []


ONE = {"name": "age", "column": "age", "kind": "value", "type": "int"}


@pytest.mark.parametrize(
    "told",
    [
        {"name": 'x"; DROP TABLE awe.users; --', "attributes": []},
        {"name": "../etc", "attributes": []},
        {"name": None, "attributes": []},
        {"name": "P" * 60, "attributes": []},
        {"name": "P", "attributes": "none"},
        {"name": "P", "attributes": [{**ONE, "name": "_creator", "column": "_creator"}]},
        {"name": "P", "attributes": [{**ONE, "name": "a b", "column": "a b"}]},
        {"name": "P", "attributes": [{**ONE, "column": "other"}]},
        {"name": "P", "attributes": [{**ONE, "name": "object_id", "column": "object_id"}]},
        {"name": "P", "attributes": [{**ONE, "name": "xmin", "column": "xmin"}]},
        {"name": "P", "attributes": [ONE, ONE]},
        {"name": "P", "attributes": [{**ONE, "type": "int); DROP TABLE awe.users; --"}]},
        {"name": "P", "attributes": [{**ONE, "kind": "generated"}]},
        {"name": "P", "attributes": [{**ONE, "kind": "link", "targets": ["users"]}]},
        {"name": "P", "attributes": [{**ONE, "kind": "links", "targets": ["file"]}]},
        {"name": "P", "attributes": [{**ONE, "kind": "link", "targets": ["pg_authid"]}]},
        {"name": "P", "attributes": [{**ONE, "kind": "link", "targets": ["absent"]}]},
        {"name": "P", "attributes": [{**ONE, "kind": "link", "targets": []}]},
        {"name": "P", "attributes": [ONE], "indexes": [["age; DROP"]]},
        {"name": "P", "attributes": [ONE] * 201},
    ],
    ids=str,
)
def test_the_database_refuses_descriptions_that_are_none(standing, told):
    text = json.dumps({"indexes": [], "unique": [], **told})[:20000]
    with pytest.raises(psycopg2.Error) as caught:
        standing.rows("student", "SELECT awe.define_class(%s)", text)
    assert (caught.value.pgcode or "").startswith(("AW", "22"))
    assert standing.rows("superuser", "SELECT count(*) FROM awe.user_class") == [(0,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT awe.build_class('u1_x', '{}', '[]', true)",
        "INSERT INTO awe.user_class VALUES (1, 'X', 'u1_x', '{}')",
        "UPDATE awe.user_class SET relation = 'bias_frame'",
        "DELETE FROM awe.user_class",
        "DROP TABLE awe.bias_frame",
        "CREATE TABLE awe.mine (n int)",
    ],
)
def test_there_is_no_other_way_to_a_table(standing, statement):
    with pytest.raises(psycopg2.Error, match=r"permission denied|must be owner"):
        standing.rows("student", statement)


def test_the_world_declares_nothing(standing):
    with pytest.raises(psycopg2.Error, match="permission denied"):
        standing.rows("anonymous", "SELECT awe.define_class('{}')")


SCRIPT = """
from awe.config import Environment
from awe.context import context
from awe.db.objects.base import DBObject, persistent

class Night(DBObject):
    seeing = persistent("Median seeing [arcsec]", float, 0.0)

context.start(Environment.load(**{environment!r}))
Night(seeing=0.7).commit()
print(len(Night.seeing < 1.0))
"""


def test_a_module_of_ones_own_works_in_any_process(db):
    for number in (1, 2):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(environment=db.environment())],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.stdout.strip() == str(number), done.stderr


def test_completion_knows_them():
    from awe.prompt.completion import complete

    kind = person(best=persistent("Best frame", BiasFrame, None))
    names = {"Person": kind, "someone": kind()}
    assert "age" in complete("Person.a", names).names
    assert "read_noise" in complete("someone.best.", names).names
    assert "name=" not in complete("someone.", names).names


def test_a_class_declared_again_cannot_point_a_link_at_another_table(db):
    me = db.rows("superuser", "SELECT id FROM awe.users WHERE role_name = 'awstudent'")[0][0]
    link = {"name": "x", "column": "x", "kind": "link", "class": "Template"}
    more = {"name": "y", "column": "y", "kind": "value", "type": "int"}
    shape = {"name": "P", "indexes": [], "unique": []}
    first = {**shape, "attributes": [{**link, "targets": ["template"]}]}
    elsewhere = [{**link, "targets": [f"u{me}_p"]}, more]
    nowhere = [{**link, "targets": ["template", f"u{me}_p"]}, more]
    db.rows("student", "SELECT awe.define_class(%s)", json.dumps(first))
    for attributes in (elsewhere, nowhere):
        text = json.dumps({**shape, "attributes": attributes})
        with pytest.raises(psycopg2.Error) as caught:
            db.rows("student", "SELECT awe.define_class(%s)", text)
        assert caught.value.pgcode == "AW014"
    whole = {**shape, "attributes": [{**link, "targets": ["template"]}, more]}
    db.rows("student", "SELECT awe.define_class(%s)", json.dumps(whole))
    columns = "object_id, _project, _privileges, x"
    insert = f"INSERT INTO awe.u{me}_p ({columns}) VALUES (%s, 37, 1, %s)"
    with pytest.raises(psycopg2.Error) as caught:
        db.rows("student", insert, str(uuid.uuid4()), str(uuid.uuid4()))
    assert caught.value.pgcode == "AW007"


def test_help_of_somebody_elses_class_steers_no_terminal(db, login):
    import pydoc

    bell = "\x1b]0;title\x07\x1b[2J\u202e"
    login("other")
    nick = persistent(f"A nickname{bell} [None]", str, "")
    person(nick=nick, __doc__=f"A person.{bell}")(name="x").commit()
    registry.declared.pop("Person")
    registry.registry.pop("Person", None)
    login("student")
    from awe.db.objects.ownclasses import class_of

    theirs = class_of("Person", "awother")
    told = [theirs.__doc__, theirs.nick.__doc__, repr(theirs.nick), repr(theirs)]
    told.append(pydoc.plain(pydoc.render_doc(theirs)))
    for text in told:
        assert not [letter for letter in text if not (letter.isprintable() or letter == "\n")]
    assert "nickname" in repr(theirs.nick)
