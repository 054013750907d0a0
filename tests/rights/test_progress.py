"""How far the members of a project are: what they share, and nothing of their drafts."""

from __future__ import annotations

import json

import pytest

from awe.context import context
from awe.errors import ProjectUnknown

SUBMIT = "SELECT count(*) FROM awe.job_submit(gen_random_uuid(), 'Bias', '{}', 37, %s, %s)"
JOB = {"recipe": "Bias", "args": {}, "back_end": "nowhere"}


@pytest.fixture
def course(db, maker):
    """Two students, of whom one shares two biases, a flat and a job, and keeps as much."""
    for level in (1, 2, 2, 3):
        maker.row("bias_frame", "student", 37, level)
    maker.row("master_flat_frame", "student", 37, 2)
    maker.row("bias_frame", "student", 36, 3)
    maker.row("raw_bias_frame", "student", 37, 3)
    maker.row("bias_frame", "other", 37, 1)
    for level in (1, 2):
        db.rows("student", SUBMIT, level, json.dumps([JOB]))


def test_a_manager_sees_what_members_share(course, become):
    become("manager")
    told = context.progress("TUTORIAL2015")
    assert {one.name: (one.made, one.jobs) for one in told} == {
        "AWSTUDENT": ({"BiasFrame": 3, "MasterFlatFrame": 1}, {"queued": 1}),
        "AWOTHER": ({}, {}), "AWMANAGER": ({}, {}),
    }  # fmt: skip
    assert told.heads == ("member", "BiasFrame", "MasterFlatFrame", "jobs", "last (UTC)")
    assert "1 queued" in repr(told)
    assert "AWOTHER" in told._repr_html_()


def test_others_see_what_they_would_find_anyway(course, become):
    become("other")
    assert {one.name: (one.made, one.jobs) for one in context.progress()} == {
        "AWSTUDENT": ({"BiasFrame": 3, "MasterFlatFrame": 1}, {}),
        "AWOTHER": ({"BiasFrame": 1}, {}), "AWMANAGER": ({}, {}),
    }  # fmt: skip
    become("outsider")
    with pytest.raises(ProjectUnknown):
        context.progress("TUTORIAL2015")
