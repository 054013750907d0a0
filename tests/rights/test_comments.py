"""Comments have the rights of what they are about, and an author the database notes itself."""

from __future__ import annotations

import psycopg2
import pytest

from awe.context import context
from awe.db.schema import install as schema
from awe.errors import ArgumentError, NotFound, Refused
from awe.model.comment import Comment
from awe.model.observing import Filter
from awe.model.raw import RawScienceFrame

INSERT = (
    "INSERT INTO awe.comment (object_id, _creator, _project, _privileges, about, about_class, "
    "_relation, content, author, _author{more}) VALUES (gen_random_uuid(), {creator}, {project}, "
    "{level}, %s, 'RawScienceFrame', {relation}, 'planted', 'AWSCIENTIST', {author}{values})"
)


def insert(more="", values="", creator="awe.uid()", project="36", level="5",
           relation="'raw_science_frame'", author="awe.uid()"):  # fmt: skip
    return INSERT.format(more=more, values=values, creator=creator, project=project, level=level,
                         relation=relation, author=author)  # fmt: skip


@pytest.fixture
def frame(become):
    """A frame of the student for nobody else, and a way to open it to others."""
    become("student")
    made = RawScienceFrame(filename="frame.fits", OBJECT="M 31")
    made.commit()
    return made


def seen(db, person, frame):
    """What a person reads of the comments by psql."""
    rows = db.rows(person, "SELECT content FROM awe.comment WHERE about = %s ORDER BY content",
                   str(frame.object_id))
    return [text for (text,) in rows]


def published(become, frame, level):
    become("student")
    context.publish(frame, level)


def test_whoever_sees_the_object_sees_its_comments_and_nobody_else(db, become, frame):
    frame.comment("cloud passes")
    everybody = ("student", "other", "scientist", "outsider", "anonymous")
    for level, who in ((1, ["student"]), (2, ["student", "other"]), (3, everybody[:4]),
                       (4, everybody)):
        if level > 1:
            published(become, frame, level)
        assert [p for p in everybody if seen(db, p, frame)] == list(who), level


def test_a_comment_tells_who_wrote_it_and_when_and_is_found_by_its_text(become, frame):
    published(become, frame, 3)
    become("outsider")
    theirs = RawScienceFrame(object_id=frame.object_id)
    made = theirs.comment("thin cloud in the west")
    assert (made.author, made.about_class) == ("AWOUTSIDER", "RawScienceFrame")
    become("student")
    frame.comment("moon")
    assert [(one.author, one.content) for one in frame.comments] == [
        ("AWOUTSIDER", "thin cloud in the west"), ("AWSTUDENT", "moon")]
    found = Comment.content.like("*cloud*")
    assert len(found) == 1
    assert found[0].object == frame
    assert len((Comment.about == frame.object_id) & (Comment.author == "AWSTUDENT")) == 1
    assert (Comment.about_class == "RawScienceFrame").max("creation_date").content == "moon"
    shown = repr(frame.comments)
    assert "AWOUTSIDER" in shown
    assert "thin cloud" in shown


def test_a_comment_cannot_be_planted_where_its_author_does_not_look(db, become, frame):
    outsider = db.connect("outsider")
    with outsider.cursor() as cursor, pytest.raises(psycopg2.Error) as told:
        cursor.execute(insert(), (str(frame.object_id),))
    assert told.value.pgcode == "AW007"
    for relation in ("'users'", "'comment'", "'file'", "'pg_class'", "'chip; drop table chip'"):
        with outsider.cursor() as cursor, pytest.raises(psycopg2.Error) as told:
            cursor.execute(insert(relation=relation), (str(frame.object_id),))
        assert told.value.pgcode == "AW007", relation
    assert seen(db, "superuser", frame) == []


def test_author_date_and_rights_are_the_databases_whatever_a_client_says(db, become, frame):
    published(become, frame, 2)
    other = db.connect("other")
    with other.cursor() as cursor:
        cursor.execute(insert(creator="1", author="1"), (str(frame.object_id),))
        for more, value in ((", creation_date", ", '2001-01-01'"),):
            with pytest.raises(psycopg2.Error):
                cursor.execute(insert(more, value), (str(frame.object_id),))
    become("student")
    (one,) = frame.comments
    assert (one.author, one._privileges, one._creator) == ("AWOTHER", 2, frame._creator)


def test_nobody_changes_a_comment_and_only_its_author_deletes_it(db, become, frame):
    published(become, frame, 3)
    become("outsider")
    made = RawScienceFrame(object_id=frame.object_id).comment("doubtful")
    for person in ("student", "outsider", "manager", "scientist"):
        connection = db.connect(person)
        with connection.cursor() as cursor:
            for change in ("content = 'x'", "_privileges = 5", "_author = 1", "_gone = now()"):
                with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                    cursor.execute(f"UPDATE awe.comment SET {change}")
            if person != "outsider":
                cursor.execute("DELETE FROM awe.comment")
                assert cursor.rowcount == 0
    with pytest.raises(Refused):
        context.publish(made, 5)
    become("student")
    with pytest.raises(Refused, match="belongs to AWOUTSIDER"):
        context.delete(frame.comments[0])
    become("outsider")
    context.delete(Comment(object_id=made.object_id))
    assert len(Comment.about == frame.object_id) == 0
    context.undelete()
    (back,) = Comment.about == frame.object_id
    assert (back.content, back.creation_date) == ("doubtful", made.creation_date)


def test_what_was_deleted_comes_back_as_it_was_and_not_otherwise(db, become, frame):
    become("student")
    made = frame.comment("first")
    date = made.creation_date
    context.delete(made)
    with db.connect("student").cursor() as cursor, pytest.raises(psycopg2.Error):
        cursor.execute(
            "INSERT INTO awe.comment (object_id, creation_date, _creator, _project, _privileges, "
            "about, _relation, content) VALUES (%s, %s, awe.uid(), 36, 1, %s, "
            "'raw_science_frame', 'forged')",
            (str(made.object_id), date, str(frame.object_id)),
        )  # fmt: skip


def test_comments_go_with_their_object_come_back_with_it_and_are_forgotten(db, become, frame):
    published(become, frame, 2)
    become("other")
    RawScienceFrame(object_id=frame.object_id).comment("of another")
    become("student")
    assert "of another" in repr(frame.comments)
    context.delete(frame)
    assert seen(db, "other", frame) == []
    # not by whom they are not for, and not while the object is in the trash
    for person in ("other", "student"):
        db.rows(person, "SELECT awe.comments_back(ARRAY[%s]::uuid[])", str(frame.object_id))
    assert seen(db, "other", frame) == []
    become("student")
    context.undelete()
    assert seen(db, "other", frame) == ["of another"]
    context.delete(RawScienceFrame(object_id=frame.object_id))
    db.rows("awe_dataserver", "SELECT awe.ds_sweep_comments()")
    assert seen(db, "superuser", frame) == ["of another"]
    db.rows("superuser", "UPDATE awe.comment SET _gone = _gone - interval '8 days' RETURNING 1")
    db.rows("awe_dataserver", "SELECT awe.ds_sweep_comments()")
    assert seen(db, "superuser", frame) == []


def test_text_of_others_is_shown_harmlessly(become, frame):
    frame.comment("\x1b[2Jbell\a <script>alert(1)</script>")
    shown = repr(frame.comments) + repr(frame.comments[0])
    assert "\x1b" not in shown
    assert "\a" not in shown
    html = frame.comments._repr_html_() + frame.comments[0]._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("text", ["''", "' '", "NULL", "repeat('x', 4001)"])
def test_the_database_refuses_such_a_text_too(db, frame, text):
    statement = insert().replace("'planted'", text)
    with db.connect("student").cursor() as cursor, pytest.raises(psycopg2.errors.CheckViolation):
        cursor.execute(statement, (str(frame.object_id),))


@pytest.mark.parametrize("text", ["", "   ", "x" * 4001])
def test_a_text_that_is_none_or_too_long_is_refused_in_one_line(become, frame, text):
    with pytest.raises(ArgumentError, match="1 to 4000 characters"):
        frame.comment(text)


def test_mistakes_are_one_line(become, frame):
    with pytest.raises(ArgumentError, match="is not committed"):
        Comment(object=Filter(name="x"), content="y")
    with pytest.raises(ArgumentError, match="about an object, not about 'x'"):
        Comment(object="x", content="y")
    with pytest.raises(ArgumentError, match="about an object, not about <Comment"):
        frame.comment("first").comment("second")
    with pytest.raises(ArgumentError, match=r"obj.comment\('text'\)"):
        Comment(content="y").commit()
    comment = frame.comment("the frame goes")
    context.delete(frame)
    with pytest.raises(NotFound):
        _ = Comment(object_id=comment.object_id).object


def test_the_table_is_protected_as_its_own_rules_say(db):
    before = schema.self_check(db.cluster.superuser(), db.name)
    assert all("durab" in rule for rule, _ in before), before
    with db.superuser().cursor() as cursor:
        cursor.execute("DROP TRIGGER about ON awe.comment")
        cursor.execute("ALTER POLICY see ON awe.comment USING (true)")
    said = schema.self_check(db.cluster.superuser(), db.name)
    assert ("comments without exactly their policies and triggers", "comment") in said
    assert any(culprit == "comment.see" for _, culprit in said)


def test_an_own_class_may_have_an_attribute_called_comment():
    from awe.db.objects.base import DBObject, persistent

    class Remark(DBObject, abstract=True):
        """A class of somebody."""

        comment = persistent("Remark [None]", str, "")

    assert Remark.comment is not None
