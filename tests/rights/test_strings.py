"""Hostile strings typed at the prompt: values are only values, names are only declared names."""

import pytest

from awe.config import Environment
from awe.context import context
from awe.db.server.connection import database
from awe.errors import (
    ArgumentError,
    AttributeUnknown,
    ProjectUnknown,
    QueryError,
    Refused,
    UserMistake,
)
from awe.model import classes

classes.load()

from awe.model.observing import Instrument, ObservingBlock  # noqa: E402

HOSTILE = [
    "'; DROP TABLE awe.instrument; --",
    "' OR '1'='1",
    '" OR 1=1 --',
    "x'); DELETE FROM awe.users; --",
    "%s %(name)s {} {0.__class__}",
    "$$; SELECT pg_sleep(5); $$",
    "\\'; SET ROLE postgres; --",
    "E'\\x27'",
    "name\x1b[2Jescape",
    "‮right to left 🌌",
    "*?[a-z]%_",
    "x" * 5000,
]


@pytest.fixture
def prompt(db):
    context.start(Environment.load(**db.environment("student")))
    yield db
    database.close()


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_string_is_stored_found_and_shown_as_it_was_typed(prompt, text, capsys):
    block = ObservingBlock(name=text, PI_COI_name=text)
    block.commit()
    bystander = ObservingBlock(name="bystander")
    bystander.commit()
    assert [found.name for found in ObservingBlock.name == text] == [text]
    assert [found.name for found in ObservingBlock.name.isin([text])] == [text]
    assert len(~(ObservingBlock.name == text)) == 1
    assert (ObservingBlock.name == text).sql
    block.info()
    assert "\x1b[2J" not in capsys.readouterr().out
    assert prompt.superuser().cursor() is not None
    assert len(ObservingBlock.select_all()) == 2


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_name_that_is_not_declared_is_refused_in_one_line(prompt, text):
    everything = Instrument.select_all()
    asked = [
        lambda: everything.max(text),
        lambda: everything.order_by(text),
        lambda: everything.distinct(text),
        lambda: everything.values(text),
        lambda: everything.stats(text),
        lambda: Instrument(**{text: 1}),
        lambda: getattr(Instrument, text),
    ]
    for ask in asked:
        with pytest.raises((AttributeUnknown, ArgumentError, QueryError, AttributeError)) as told:
            ask()
        assert "\n" not in str(told.value)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_project_of_a_hostile_name_is_refused_and_the_old_one_stays(prompt, text):
    before = str(context.get_current_project())
    with pytest.raises((ProjectUnknown, UserMistake)) as told:
        context.set_project(text)
    assert "\n" not in str(told.value)
    assert str(context.get_current_project()) == before
    with pytest.raises((ProjectUnknown, Refused, UserMistake)):
        len(Instrument.select_all().project_only(text))
    with pytest.raises((ProjectUnknown, Refused, UserMistake)):
        len(Instrument.select_all().user_only(text))


def test_a_string_with_a_nul_is_refused_by_name(prompt):
    with pytest.raises(UserMistake, match="name"):
        ObservingBlock(name="a\0b").commit()
    with pytest.raises(UserMistake):
        len(ObservingBlock.name == "a\0b")
