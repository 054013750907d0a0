"""Rows of files over HTTP: as they were asked for, and no more than that."""

import hashlib
import random
import time

import httpx
import pytest

from awe.dataserver.rows import MOST, Rows
from awe.errors import DataserverError, FileGone

CONTENT = random.Random(8).randbytes(3_000_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


def expected(first, length, step, count):
    return b"".join(
        CONTENT[begin : begin + length] for begin in range(first, first + count * step, step)
    )


@pytest.mark.parametrize(
    "asked",
    [(0, 1, 1, 1), (5, 7, 100, 3), (100, 4000, 4000, 700), (3, 1_500_001, 1_499_999 + 2, 1),
     (2_999_999, 1, 1, 1), (0, 10, 29, 100_000), (1_000, 900_000, 900_001, 3)],
)  # fmt: skip
def test_rows_come_as_asked(served, asked):
    file_id = served.put(CONTENT)
    got = served.client().rows(file_id, "a.fits", sha256=SHA, rows=Rows(*asked))
    assert got == expected(*asked)
    headers = {"awe-rows": str(Rows(*asked))}
    answer = served.ask("GET", f"/file/{file_id}", "student", headers)
    assert answer.status_code == 200
    assert len(answer.content) == int(answer.headers["content-length"]) == asked[1] * asked[3]
    assert answer.headers["awe-rows"] == headers["awe-rows"]
    head = served.ask("HEAD", f"/file/{file_id}", "student", headers)
    assert (head.content, head.headers["content-length"]) == (b"", str(asked[1] * asked[3]))


def test_random_rows_come_as_asked(served):
    file_id = served.put(CONTENT)
    client = served.client()
    numbers = random.Random(1)
    for _ in range(60):
        length = numbers.choice([1, 2, 17, 4096, 200_000])
        step = length + numbers.choice([0, 1, 1000, 300_000])
        first = numbers.randrange(len(CONTENT) - length)
        most = 1 + (len(CONTENT) - first - length) // step
        asked = (first, length, step, numbers.randint(1, min(most, 5000)))
        got = client.rows(file_id, "a.fits", sha256=SHA, rows=Rows(*asked))
        assert got == expected(*asked), asked


@pytest.mark.parametrize(
    "text",
    [f"0,1,1,{MOST + 1}", "0,0,1,1", "0,1,1,0", "0,10,9,2", "2999999,2,2,1", "0,1,3000000,2",
     "999999999999999,1,1,1", "0,999999999999999,999999999999999,999999", "-1,1,1,1", "1,1,1",
     "1,1,1,1,1", "a,b,c,d", "1" * 5000 + ",1,1,1", "", "٣,1,1,1"],
)  # fmt: skip
def test_rows_that_are_none_are_refused(served, text):
    file_id = served.put(CONTENT)
    headers = [(b"awe-rows", text.encode())]
    headers.append((b"authorization", f"Bearer {served.ticket('student')}".encode()))
    answer = httpx.get(f"{served.url}/file/{file_id}", headers=headers, timeout=20)
    assert answer.status_code in (400, 416)
    assert len(answer.content) < 500


def test_rows_are_under_the_rights_of_the_file(served):
    file_id = served.put(CONTENT, level=1)
    rows = Rows(0, 10, 20, 3)
    for person in ("other", None):
        answer = served.ask("GET", f"/file/{file_id}", person, {"awe-rows": str(rows)})
        assert answer.status_code == 404
        with pytest.raises(FileGone):
            served.client(person).rows(file_id, "a.fits", sha256=SHA, rows=rows)
    damaged = served.store.path(file_id)
    damaged.chmod(0o600)
    damaged.write_bytes(CONTENT[:-1])
    with pytest.raises(FileGone, match="damaged"):
        served.client().rows(file_id, "a.fits", sha256=SHA, rows=rows)


def test_rows_of_other_content_are_refused_here(served):
    file_id = served.put(CONTENT)
    with pytest.raises(DataserverError, match="other content"):
        served.client().rows(file_id, "a.fits", sha256="0" * 64, rows=Rows(0, 10, 20, 3))


def test_the_most_rows_hold_nobody_up(served):
    file_id = served.put(CONTENT)
    began = time.monotonic()
    rows = Rows(0, 1, 30, MOST)
    assert served.client().rows(file_id, "a", sha256=SHA, rows=rows) == expected(0, 1, 30, MOST)
    assert time.monotonic() - began < 5
