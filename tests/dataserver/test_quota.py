"""Quotas of people and projects, with real uploads and commits, and people who want more."""

import base64
import threading
import uuid
from contextlib import closing

import psycopg2
import pytest

from awe.db.rights import quota
from awe.errors import DataserverError, QuotaExceeded, Refused
from tests.dataserver.conftest import sha

LINK = (
    "INSERT INTO awe.raw_bias_frame (object_id, _creator, _project, _privileges, file, filename)"
    " VALUES (gen_random_uuid(), (SELECT awe.uid()), 37, 1, %s, 'a.fits')"
)


@pytest.fixture
def limited(served):
    """Function that sets a quota."""
    with closing(served.db.superuser()) as connection:
        yield lambda size, **whose: quota.set_quota(connection, size, **whose)


def used(served, person):
    found = served.db.rows(person, "SELECT bytes FROM awe.usage() WHERE project IS NULL")
    return found[0][0]


def test_what_would_be_too_much_is_refused_before_it_is_sent(served, limited, tmp_path):
    limited(10_000, person=served.db.user("student"))
    kept = served.put(b"x" * 8000)
    path = tmp_path / "large"
    path.write_bytes(b"y" * 3000)
    number = served.reserve_file()
    with pytest.raises(QuotaExceeded, match=r"quota of AWSTUDENT has room for 2000 bytes more"):
        served.client().put(number, path, sha256=sha(b"y" * 3000))
    assert served.state(number) == ("open", "ok")
    assert set(served.store.ids()) == {kept}
    assert not served.store.unfinished()
    answer = served.ask("PUT", f"/file/{number}", "student", content=b"y" * 3000, headers={
        "content-digest": "sha-256=:" + base64.b64encode(
            bytes.fromhex(sha(b"y" * 3000))).decode() + ":"})  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (403, "QuotaExceeded")
    # others are not touched, and the same file is taken when there is room
    served.put(b"z" * 50_000, person="other")
    limited(11_000, person=served.db.user("student"))
    served.client().put(number, path, sha256=sha(b"y" * 3000))
    assert used(served, "student") == 11_000


def test_of_many_uploads_at_once_the_quota_takes_what_fits(served, limited, tmp_path):
    limited(20_000)
    contents = {served.reserve_file(): bytes([n]) * 3000 for n in range(20)}
    said = []

    def one(number, content):
        path = tmp_path / str(number)
        path.write_bytes(content)
        try:
            served.client().put(number, path, sha256=sha(content))
            said.append(True)
        except QuotaExceeded:
            said.append(False)
        except DataserverError as error:
            said.append(error)

    served.ticket("student")
    threads = [threading.Thread(target=one, args=item) for item in contents.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (said.count(True), said.count(False)) == (6, 14), said
    assert used(served, "student") == 18_000
    assert len(set(served.store.ids())) == 6


def test_projects_are_charged_when_objects_are_committed(served, limited):
    limited(10_000, project="TUTORIAL2015")
    first, second = served.put(b"x" * 6000), served.put(b"y" * 6000, person="other")
    served.db.rows("student", LINK, str(first))
    with pytest.raises(psycopg2.Error, match="project TUTORIAL2015 would be more than the") as no:
        served.db.rows("other", LINK, str(second))
    assert no.value.pgcode == "AW017"
    assert served.state(second) == ("stored", "ok")
    served.db.rows("student", "DELETE FROM awe.raw_bias_frame")
    served.db.rows("other", LINK, str(second))


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_two_commits_at_once_do_not_pass_each_other(served, limited, isolation):
    """In whatever isolation: the second waits, and then sees what the first has taken."""
    limited(10_000, project="TUTORIAL2015")
    files = [served.put(b"x" * 6000), served.put(b"y" * 6000, person="other")]
    sessions = [served.db.connect(person) for person in ("student", "other")]
    refused = []
    for session in sessions:
        session.autocommit = True
        session.cursor().execute(f"BEGIN ISOLATION LEVEL {isolation}")
        # the snapshot of both is from before
        session.cursor().execute("SELECT count(*) FROM awe.raw_bias_frame")
    sessions[0].cursor().execute(LINK, (str(files[0]),))

    def second():
        try:
            sessions[1].cursor().execute(LINK, (str(files[1]),))
            sessions[1].cursor().execute("COMMIT")
        except psycopg2.Error as error:
            refused.append(error.pgcode)

    waiting = threading.Thread(target=second)
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    sessions[0].cursor().execute("COMMIT")
    waiting.join(20)
    for session in sessions:
        session.close()
    assert refused == ["AW017" if isolation == "READ COMMITTED" else "40001"]


def test_managers_see_what_is_used_and_others_their_own(served, limited):
    limited(1_000_000, project="TUTORIAL2015")
    limited(500_000)
    mine, theirs = served.put(b"x" * 6000), served.put(b"y" * 7000, person="other")
    served.db.rows("student", LINK, str(mine))
    served.db.rows("other", LINK, str(theirs))
    question = (
        "SELECT project, person, files, bytes, most FROM awe.usage() ORDER BY 1 NULLS FIRST, 2"
    )
    student = served.db.rows("student", question)
    assert student == [(None, "AWSTUDENT", 1, 6000, 500_000)]
    manager = served.db.rows("manager", question)
    assert manager[0][3:] == (0, 500_000)
    assert manager[1:] == [
        ("TUTORIAL2015", "AWOTHER", 1, 7000, None),
        ("TUTORIAL2015", "AWSTUDENT", 1, 6000, None),
        ("TUTORIAL2015", None, 2, 13_000, 1_000_000),
    ]
    with closing(served.db.superuser()) as connection:
        told = quota.everything(connection)
        assert "TUTORIAL2015" in repr(told)
        assert "13.0 kB" in repr(told)
        with pytest.raises(Refused, match="no user"):
            quota.set_quota(connection, 1, person="nobody")
        with pytest.raises(Refused, match="no project"):
            quota.set_quota(connection, 1, project="NOTHING")


def test_a_quota_below_what_is_there_takes_nothing_away(served, limited):
    number = served.put(b"x" * 6000)
    limited(10, person=served.db.user("student"))
    assert served.ask("GET", f"/file/{number}", "student").content == b"x" * 6000
    with pytest.raises(QuotaExceeded, match="room for 0 bytes more and this is 1 bytes"):
        served.put(b"x")
    assert uuid.UUID(str(number)) in set(served.store.ids())
