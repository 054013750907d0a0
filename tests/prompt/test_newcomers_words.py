"""Slips of a first hour at the prompt: each is answered with what to write."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from awe.context import context
from awe.db.rights.trash import Restored
from awe.errors import ArgumentError, AttributeUnknown, DatabaseError, QueryError
from awe.model import classes
from awe.prompt import errors
from awe.recipes import find

classes.load()

from awe.model.raw import RawScienceFrame  # noqa: E402
from awe.model.science import ReducedScienceFrame  # noqa: E402


def told(code: str, **names: Any) -> str:
    try:
        exec(compile(code, "<string>", "exec"), names)
    except NameError as error:
        errors.suggest(error, names, code)
        return str(error)
    raise AssertionError


def test_text_without_quotes_is_recognised_where_it_is_an_argument_or_compared() -> None:
    hint = "; did you mean 'TUTORIAL2015' in quotes?"
    assert told("f(\n  TUTORIAL2015)", f=print).endswith(hint)
    assert told("f(a=TUTORIAL2015)", f=print).endswith(hint)
    assert told("x = 1 == TUTORIAL2015").endswith(hint)
    assert told("x = TUTORIAL2015").endswith("is not defined")
    assert told("f(qury)", f=print, query=1).endswith("; did you mean 'query'?")


def test_a_name_of_the_prompt_that_a_file_has_not_is_told_with_the_way_to_it() -> None:
    with pytest.raises(NameError) as caught:
        # as %run does: the file has names of its own
        exec(compile("RawScienceFrame", "night.py", "exec"), {})
    errors.suggest(caught.value, {"RawScienceFrame": RawScienceFrame})
    assert str(caught.value).endswith("with %run -i FILE, and with awe FILE")
    local = "def f():\n    return query\n    query = 1\nf()"
    assert told(local, query=2).endswith("not associated with a value")


def test_the_length_of_a_class_is_asked_of_its_query() -> None:
    with pytest.raises(QueryError, match=r"len\(RawScienceFrame\.select_all\(\)\)"):
        len(RawScienceFrame)
    assert bool(RawScienceFrame)


def test_an_argument_without_its_name_is_shown_with_it() -> None:
    with pytest.raises(ArgumentError, match=r"named: ReduceTask\(instrument='OMEGACAM', \.\.\.\)"):
        find("Reduce")("OMEGACAM")


def test_a_query_is_saved_under_a_name_and_loaded_by_its_class() -> None:
    query = RawScienceFrame.select_all()
    with pytest.raises(ArgumentError, match=r"query\.save\('name'\)"):
        query.save()
    with pytest.raises(ArgumentError, match=r"Query\.load\('x'\)"):
        query.load("x")


def test_the_history_is_asked_of_audit() -> None:
    red: Any = ReducedScienceFrame()
    for asked in (lambda: context.history(red), lambda: red.history()):  # type: ignore[attr-defined]
        with pytest.raises(AttributeUnknown, match=r"context\.audit\(obj\)"):
            asked()
    with pytest.raises(AttributeUnknown, match="did you mean 'set_project'"):
        context.setproject("x")  # type: ignore[attr-defined]


def test_one_object_does_not_answer_for_its_class() -> None:
    red: Any = ReducedScienceFrame()
    for name in ("overlaps", "covers", "near", "box"):
        with pytest.raises(AttributeUnknown, match=rf"its class is asked: Class\.{name}\("):
            getattr(red, name)
        assert name not in dir(red)
        assert callable(getattr(ReducedScienceFrame, name))


def test_what_came_back_is_counted_in_words() -> None:
    assert [repr(Restored(n)) for n in (1, 4)] == ["one object is back", "4 objects are back"]
    assert Restored(4) == 4


def test_a_start_that_failed_is_what_later_commands_say() -> None:
    from awe.db.server.connection import Database

    database = Database()
    with pytest.raises(DatabaseError, match="start the prompt with `awe`"):
        database.execute("SELECT 1")
    database.trouble = "the database of ~/.awe did not start"
    with pytest.raises(DatabaseError, match=r"^not connected: the database of ~/\.awe did not"):
        database.execute("SELECT 1")


def test_whoever_listens_on_the_recorded_port_is_not_called_running() -> None:
    from awe.config import Environment
    from awe.services import remote

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        environment = Environment.load(
            database_name="127.0.0.1:1/awe", data_server="127.0.0.1", data_port=port
        )
        lines = remote.status(environment)
    assert lines["awe-server"].startswith("something listens at ")
    assert "running" not in lines["awe-server"]
