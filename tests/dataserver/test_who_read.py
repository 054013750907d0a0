"""What the dataserver sends is noted, by file, day and reader; what it refuses is not."""

from __future__ import annotations

import time

import pytest

from awe.dataserver.authorisation import Permit
from awe.dataserver.readings import Readings
from awe.errors import ServiceDown

SEEN = """
SELECT coalesce(u.role_name, ''), r.times FROM awe.reading r
  LEFT JOIN awe.users u ON u.id = r.user_id WHERE r.file = %s ORDER BY 1"""


def seen(db, file_id, number):
    """The readings of a file, once there are so many in all."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        rows = db.rows("superuser", SEEN, str(file_id))
        if sum(times for _, times in rows) >= number:
            break
        time.sleep(0.05)
    return {name.removeprefix("aw"): times for name, times in rows}


def test_whole_files_parts_and_places_count_and_what_is_not_sent_does_not(served, db):
    opened = served.put(b"x" * 100, level=4, name="open.fits")
    closed = served.put(b"y" * 100, level=2, name="closed.fits")
    path = f"/file/{closed}"
    for person, headers, status in (
        ("student", {}, 200), ("other", {"range": "bytes=0-9"}, 206), ("other", {}, 200),
        ("outsider", {}, 404), (None, {}, 404),
    ):  # fmt: skip
        assert served.ask("GET", path, person, headers).status_code == status, person
    etag = served.ask("HEAD", path, "student").headers["etag"]
    assert served.ask("GET", path, "student", {"if-none-match": etag}).status_code == 304
    assert served.ask("GET", path, "student", {"range": "bytes=900-"}).status_code == 416
    assert served.ask("GET", f"/file/{opened}").status_code == 200
    assert served.ask("GET", "/open.fits").status_code == 200
    assert served.ask("GET", "/open.fits", "outsider", {"awe-near": "path"}).status_code == 204
    assert seen(db, closed, 3) == {"student": 1, "other": 2}
    assert seen(db, opened, 3) == {"": 2, "outsider": 1}


def test_what_could_not_be_kept_is_kept_later():
    counted = Readings()
    permit = Permit(file_id="one", size=1, sha256="", health="ok", filename="a.fits", reader=7)
    counted.note(permit)
    counted.note(permit)

    class Away:
        def note(self, readings):
            msg = "away"
            raise ServiceDown(msg)

    class There:
        def note(self, readings):
            self.kept = readings

    with pytest.raises(ServiceDown):
        counted.keep(Away())
    counted.note(permit)
    there = There()
    assert counted.keep(there) == 1
    assert there.kept == {("one", 7): 3}
    assert counted.keep(there) == 0
