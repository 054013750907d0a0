"""The context at work: projects, levels, publishing, deleting, through the package itself."""

from __future__ import annotations

import datetime

import pytest

from awe.context import context
from awe.db.server import scope
from awe.db.server.connection import database
from awe.errors import (
    ArgumentError,
    LoginRefused,
    NotFound,
    NotVisible,
    ProjectUnknown,
    Refused,
)
from awe.model.calibrations import BiasFrame
from awe.model.parameters import BiasFrameParameters
from awe.model.raw import RawBiasFrame

LAYOUT = """\
   Project:     OMEGACAM@VST  (id = 36)
   Description: All public data for OmegaCAM.  OmegaCAM is a 1 square
degree wide field, optical, 16k X 16k pixel camera for the VLT Survey
Telescope (VST) on Paranal Observatory.
   Instrument:  OMEGACAM
   Maximum Privileges: 4 (World)
   Current Privileges: 1 (MyDB)"""


@pytest.fixture
def student(become):
    become("student")


def test_the_project_prints_as_in_the_chapter(become):
    become("student", project="OMEGACAM@VST")
    assert str(context.get_current_project()) == LAYOUT


def test_a_session_starts_as_configured(become):
    become("student", project="TUTORIAL2015 (2)")
    assert context.get_current_project().name == "TUTORIAL2015"
    assert scope.current().privileges == 2
    assert context.get_current_user().name == "AWSTUDENT"
    assert context.get_projects() == ["ALL", "OMEGACAM@VST", "TUTORIAL2015"]


def test_the_world_is_nobody_in_particular(become):
    become("anonymous")
    assert context.get_current_user().name == "ANONYMOUS"
    assert context.get_projects() == ["ALL", "OMEGACAM@VST"]


def test_a_wrong_password_is_refused_without_repeating_it(become):
    with pytest.raises(LoginRefused) as caught:
        become("student", database_password="hunter2-secret")
    assert "AWSTUDENT" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("name", "said"), [
    ("TUTORIAL2051", "did you mean 'TUTORIAL2015'"),
    ("tutorial2015", "did you mean 'TUTORIAL2015'"),
    ("SECRET", "not a member of project SECRET"),
    ("'; DROP TABLE awe.project;--", "there is no project"),
    ("", "no project name"),
    (36, "by its name"),
    (None, "by its name"),
])
def test_a_wrong_project_leaves_the_old_one(db, student, name, said):
    db.rows("superuser", "INSERT INTO awe.project (name) VALUES ('SECRET')")
    before = scope.current()
    with pytest.raises((ProjectUnknown, ArgumentError), match=said) as caught:
        context.set_project(name)
    assert "\n" not in str(caught.value)
    assert scope.current() == before


@pytest.mark.parametrize("level", [0, 6, -1, "2", None, 1.0, True, 5])
def test_a_wrong_level_leaves_the_old_one(student, level):
    before = scope.current()
    with pytest.raises(ArgumentError):
        context.set_privileges(level)
    assert scope.current() == before


def test_project_and_level_change_together_or_not_at_all(student):
    context.set_project("OMEGACAM@VST (2)")
    assert (scope.current().project_name, scope.current().privileges) == ("OMEGACAM@VST", 2)
    with pytest.raises(ArgumentError):
        context.set_project("TUTORIAL2015 (5)")
    assert (scope.current().project_name, scope.current().privileges) == ("OMEGACAM@VST", 2)
    with context.project("TUTORIAL2015 (3)") as project:
        assert project.name == "TUTORIAL2015"
        assert scope.current().privileges == 3
    assert (scope.current().project_name, scope.current().privileges) == ("OMEGACAM@VST", 2)


def raw_frame():
    """A new raw frame; given a filename alone, the class would look for it."""
    made = RawBiasFrame()
    made.filename = "raw.fits"
    return made


def bias(**more):
    """A bias with its parameters and one raw frame, committed."""
    raw = raw_frame()
    made = BiasFrame(
        filename="bias.fits", raw_bias_frames=[raw], process_params=BiasFrameParameters(), **more
    )
    made.commit()
    return made


def test_nothing_is_created_in_a_project_for_queries(student):
    context.set_project("ALL")
    with pytest.raises(Refused, match="for queries only"):
        bias()


def test_publish_shows_what_it_would_do_and_refuses_what_would_dangle(student):
    made = bias()
    raw = made.raw_bias_frames[0]
    plan = context.publish(made, 3, commit=False)
    assert plan.parents == (raw,)
    assert set(plan.objects) == {made, made.process_params}
    assert made._privileges == 1
    with pytest.raises(Refused, match="follow=True"):
        context.publish(made, 3)
    assert made._privileges == raw._privileges == 1
    context.publish(made, 3, follow=True)
    assert made._privileges == raw._privileges == made.process_params._privileges == 3
    with pytest.raises(Refused, match="levels only rise"):
        context.publish(made, 2)


def test_publishing_on_somebody_elses_unpublished_frame_names_him(become):
    become("other", privileges="2")
    raw = raw_frame()
    raw.commit()
    number = raw.object_id
    become("student")
    made = BiasFrame(filename="b.fits", raw_bias_frames=[RawBiasFrame(object_id=str(number))])
    made.commit()
    with pytest.raises(Refused, match="AWOTHER"):
        context.publish(made, 3, follow=True)


def test_publishing_opens_what_was_hidden(become):
    become("student")
    made = bias()
    number = str(made.object_id)
    become("outsider")
    with pytest.raises(NotFound):
        BiasFrame(object_id=number)
    become("student")
    context.publish(BiasFrame(object_id=number), 3, follow=True)
    become("outsider")
    assert BiasFrame(object_id=number).raw_bias_frames[0].filename == "raw.fits"


def test_a_parent_one_may_not_see_says_so(become):
    become("student", privileges="1")
    raw = raw_frame()
    raw.commit()
    with context.project("TUTORIAL2015 (2)"):
        made = BiasFrame(filename="b.fits", raw_bias_frames=[raw])
        made.commit()
    number = str(made.object_id)
    become("other")
    with pytest.raises(NotVisible):
        _ = BiasFrame(object_id=number).raw_bias_frames


def test_delete_names_what_refers_and_takes_parameters_along(student):
    made = bias()
    raw = made.raw_bias_frames[0]
    plan = context.delete(raw, commit=False)
    assert plan.hindrances
    with pytest.raises(Refused, match=r"bias\.fits"):
        context.delete(raw)
    done = context.delete(made)
    assert set(done.objects) == {made, made.process_params}
    context.delete(raw)


def test_what_refers_to_many_is_asked_at_once(student, monkeypatch):
    made = [bias() for _ in range(4)]
    frames = [raw for one in made for raw in one.raw_bias_frames]
    asked = []
    execute = database.execute

    def heard(text, *arguments):
        asked.append(text)
        return execute(text, *arguments)

    monkeypatch.setattr(database, "execute", heard)
    plan = context.delete([*frames, *made], commit=False)
    assert not plan.hindrances
    order = [item.object_id for item in plan.objects]
    for one in made:
        first = order.index(one.object_id)
        assert all(first < order.index(raw.object_id) for raw in one.raw_bias_frames)
    assert {one.process_params for one in made} <= set(plan.objects)
    # two for what refers to objects and to their parts; before it was one for each class and link
    assert sum("WITH asked" in text for text in asked) == 2
    assert sum("SELECT" in text for text in asked) < 6


def test_delete_and_undelete_give_back_the_same_object(student):
    made = bias()
    number, date = str(made.object_id), made.creation_date
    context.delete(made)
    with pytest.raises(NotFound):
        BiasFrame(object_id=number)
    assert context.undelete() == 2
    again = BiasFrame(object_id=number)
    assert again.creation_date == date
    assert [raw.filename for raw in again.raw_bias_frames] == ["raw.fits"]
    with pytest.raises(NotFound, match="trash"):
        context.undelete()


def test_what_is_published_or_anothers_is_not_deleted(become):
    become("student", privileges="2")
    made = bias()
    number = str(made.object_id)
    become("other")
    with pytest.raises(Refused, match="AWSTUDENT"):
        context.delete(BiasFrame(object_id=number))
    become("student")
    mine = BiasFrame(object_id=number)
    context.publish(mine, 3, follow=True)
    with pytest.raises(Refused, match="update_is_valid"):
        context.delete(mine)


def test_validity_changes_at_once_for_creator_and_manager_only(become):
    become("student", privileges="2")
    made = bias()
    number = str(made.object_id)
    context.update_is_valid(made, 2)
    become("manager")
    context.update_is_valid(BiasFrame(object_id=number), 0)
    become("other")
    seen = BiasFrame(object_id=number)
    assert seen.is_valid == 0
    with pytest.raises(Refused):
        context.update_is_valid(seen, 1)


@pytest.mark.parametrize("value", [3, -1, True, None, "1"])
def test_a_wrong_validity_is_refused(student, value):
    made = bias()
    with pytest.raises(ArgumentError):
        context.update_is_valid(made, value)
    assert made.is_valid == 1


def test_ranges_change_and_never_turn_round(student):
    made = bias()
    context.update_timestamp_end(made, datetime.datetime(2013, 1, 1))
    context.update_timestamp_start(made, datetime.datetime(2012, 1, 1))
    with pytest.raises(ArgumentError, match="no time is left between"):
        context.update_timestamp_start(made, datetime.datetime(2014, 1, 1))
    assert made.timestamp_start == datetime.datetime(2012, 1, 1)
    with pytest.raises(ArgumentError, match="no timestamp_end"):
        context.update_timestamp_end(made.raw_bias_frames[0], datetime.datetime(2014, 1, 1))


def test_an_uncommitted_object_is_changed_directly(student):
    with pytest.raises(Refused, match="not committed"):
        context.update_is_valid(BiasFrame(), 0)
