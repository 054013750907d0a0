"""Saved queries: kept as data, shared in a project, harmless whatever somebody writes there."""

from __future__ import annotations

import datetime
import json

import psycopg2
import pytest

from awe.db.query import saved
from awe.db.query.query import Query
from awe.errors import ArgumentError, NotFound, QueryError, Refused
from awe.model import classes

classes.load()

from awe.model.calibrations import BiasFrame  # noqa: E402
from awe.model.observing import Filter  # noqa: E402
from awe.model.raw import RawBiasFrame, RawScienceFrame  # noqa: E402

DATE = datetime.datetime(2012, 6, 1, 8, 51, 44)


def queries(frame, band):
    raw = RawScienceFrame
    return {
        "all": raw.select_all(),
        "chain": (raw.filter.name == "r") & (raw.EXPTIME > 100),
        "not": ~((raw.EXPTIME < 10) | (raw.OBJECT == None)),  # noqa: E711
        "paths": raw.AIRMSTRT < raw.AIRMEND,
        "dates": raw.DATE_OBS.between(DATE, DATE + datetime.timedelta(days=1)),
        "in": raw.OBJECT.isin(["a", "b", None]),
        "like": raw.OBJECT.like("F*"),
        "object": raw.filter == band,
        "within": raw.filter.isin(Filter.name.like("r*").top(1)),
        "contains": BiasFrame.raw_bias_frames.contains(frame),
        "any": BiasFrame.raw_bias_frames.any(RawBiasFrame.EXPTIME == 0),
        "count": BiasFrame.raw_bias_frames.count() >= 1,
        "near": raw.near(212.5, -11.25, 1.0),
        "order": (raw.EXPTIME > 0).order_by("-DATE_OBS").top(1),
        "mine": (raw.EXPTIME > 0).project_only(),
    }


@pytest.fixture
def filled(login):
    from awe.model.observing import Astrom

    login()
    band = Filter(name="r")
    for number in range(4):
        RawScienceFrame(
            filename=f"r{number}.fits", EXPTIME=60.0 * number, DATE_OBS=DATE, filter=band,
            OBJECT="F1" if number else "a", AIRMSTRT=1.0, AIRMEND=1.0 + number % 2,
            astrom=Astrom(CRVAL1=212.4, CRVAL2=-11.2),
        ).commit()  # fmt: skip
    frame = RawBiasFrame(filename="b.fits", EXPTIME=0.0)
    BiasFrame(filename="bias.fits", raw_bias_frames=[frame]).commit()
    return queries(frame, band)


def test_every_kind_of_query_comes_back_as_it_was(filled):
    for name, query in filled.items():
        query.save(name)
        loaded = Query.load(name)
        assert loaded.cls is query.cls, name
        assert list(loaded) == list(query), name
        assert loaded.sql == query.sql, name
        assert len(query) > 0, name
    assert {one.name for one in saved.saved()} == set(filled)


def test_saving_again_replaces_and_removing_forgets(filled):
    filled["all"].save("mine")
    filled["chain"].save("mine")
    assert len(Query.load("mine")) == 2
    filled["chain"].save("other")
    Query.forget("mine")
    with pytest.raises(NotFound):
        Query.load("mine")
    with pytest.raises(NotFound, match="no saved query 'othre'; did you mean 'other'"):
        Query.forget("othre")
    with pytest.raises(ArgumentError, match=r"Query.forget\('name'\)"):
        filled["all"].forget()
    assert [one.name for one in saved.saved()] == ["other"]


def test_shared_queries_are_seen_in_the_project_and_find_what_the_reader_sees(filled, login):
    filled["chain"].save("shared", share=True)
    filled["chain"].save("private")
    login("other")
    assert [(one.name, one.user) for one in saved.saved()] == [("shared", "AWSTUDENT")]
    assert "shared in TUTORIAL2015" in repr(saved.saved())
    assert len(Query.load("shared", user="awstudent")) == 0  # the frames are the student's own
    with pytest.raises(NotFound, match="did you mean 'shared'"):
        Query.load("shraed")
    login("outsider", project="OMEGACAM@VST")
    assert saved.saved() == []
    with pytest.raises(NotFound):
        Query.load("shared")


def test_nobody_changes_or_forges_a_query_of_others(filled, login, db):
    filled["chain"].save("shared", share=True)
    for statement in (
        "UPDATE awe.saved_query SET content = '{}'",
        "SELECT awe.saved_query_drop('shared')",
    ):
        db.rows("other", statement)
    assert db.rows("superuser", "SELECT content <> '{}' FROM awe.saved_query") == [(True,)]
    with pytest.raises(psycopg2.Error, match="permission denied"):
        db.rows("other", "INSERT INTO awe.saved_query VALUES (1, 'x', 37, true, 'X', '{}')")
    login("outsider", project="OMEGACAM@VST")
    with pytest.raises(psycopg2.Error, match="row-level security"):
        db.rows(
            "outsider",
            "INSERT INTO awe.saved_query (name, project, shared, class, content) "
            "VALUES ('x', 37, true, 'X', '{}')",
        )


def test_nothing_is_shared_in_the_project_of_everything(filled, login):
    query = filled["chain"]
    login(project="ALL")
    with pytest.raises(Refused):
        query.save("x", share=True)


@pytest.mark.parametrize("name", ["", " ", "x" * 101, None, 3])
def test_names_are_short_strings(name):
    with pytest.raises(ArgumentError, match="1 to 100 characters"):
        RawBiasFrame.select_all().save(name)


def packed(**more):
    told = saved.pack(RawScienceFrame.EXPTIME > 100)
    condition = {**told["condition"], **more.pop("condition", {})}
    return {**told, "condition": condition, **more}


DEEP = {"is": "Everything"}
for _ in range(300):
    DEEP = {"is": "Not", "part": DEEP}


@pytest.mark.parametrize(
    "told",
    [
        {}, [], None, "SELECT 1",
        packed(**{"class": "os"}),
        packed(**{"class": "RawFrame; DROP TABLE awe.users"}),
        packed(condition={"is": "__import__"}),
        packed(condition={"operator": "= 1; DROP TABLE awe.users; --"}),
        packed(condition={"steps": []}),
        packed(condition={"steps": ["_values"]}),
        packed(condition={"steps": ["EXPTIME", "real"]}),
        packed(condition={"steps": ["EXPTME"]}),
        packed(condition={"value": "one hundred"}),
        packed(condition={"value": {"is": "Query"}}),
        packed(condition={"is": "InRegion", "region": {"is": "Cone", "ra": "x"}}),
        packed(limit="1; DROP TABLE awe.users"),
        packed(limit=-1),
        packed(order=[["EXPTIME; DROP", True]]),
        packed(condition=DEEP),
    ],
    ids=lambda told: json.dumps(told)[:60],
)  # fmt: skip
def test_a_tree_that_is_none_is_refused(told):
    with pytest.raises(QueryError) as caught:
        saved.unpack(told)
    assert "\n" not in str(caught.value)
