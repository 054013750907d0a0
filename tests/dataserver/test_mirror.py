"""A second dataserver: the same files, the same rights, and no first one for a while."""

import random
import socket
import threading
import time

import httpx
import pytest
from dataservers import Dataserver

from awe.dataserver.client import Client
from awe.dataserver.nearest import NearestFirst
from awe.dataserver.rows import Rows
from awe.errors import ChecksumMismatch, DataserverError, FileGone
from tests.dataserver.conftest import Running, sha

CONTENT = random.Random(4).randbytes(3_000_000)
LIMIT = 7_000_000


class Second:
    """A second dataserver, and clients of it."""

    def __init__(self, first: Running, root):
        self.first, self.root = first, root
        root.mkdir()
        self.process = Dataserver.start(first.db, root, first=first.url, limit=LIMIT)
        self.url = f"http://127.0.0.1:{self.process.port}"
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{self.url}/", timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.05)

    def client(self, person="student"):
        return Client(self.url, lambda: self.first.ticket(person), waits=())

    def both(self, person="student"):
        return NearestFirst(
            self.client(person), self.first.url, lambda: self.first.ticket(person)
        )

    def ask(self, method, file_id, person=None, headers=None, end=""):
        headers = dict(headers or {})
        if person is not None:
            headers["authorization"] = f"Bearer {self.first.ticket(person)}"
        return httpx.request(
            method, f"{self.url}/file/{file_id}{end}", headers=headers, timeout=30
        )

    def kept(self):
        return {path.name for path in (self.root / "cache").iterdir() if path.name != "lock"}


@pytest.fixture
def second(served, tmp_path):
    made = Second(served, tmp_path / "second")
    yield made
    made.process.stop()


def get(client, file_id, target, content=CONTENT):
    return client.get(file_id, target, sha256=sha(content), size=len(content))


def test_a_file_is_fetched_once_and_served_while_the_first_is_away(served, second, tmp_path):
    file_id = served.put(CONTENT, level=3)
    never = served.put(b"never asked for" * 1000, level=3)
    get(second.client(), file_id, tmp_path / "a.fits")
    assert second.kept() == {sha(CONTENT)}
    served.stop()
    get(second.client("other"), file_id, tmp_path / "b.fits")
    assert (tmp_path / "b.fits").read_bytes() == CONTENT
    part = second.ask("GET", file_id, "other", {"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, CONTENT[100:200])
    rows = Rows(10, 20, 1000, 50)
    got = second.client().rows(file_id, "a", sha256=sha(CONTENT), rows=rows)
    assert got == b"".join(CONTENT[10 + 1000 * n : 30 + 1000 * n] for n in range(50))
    with pytest.raises(DataserverError, match=r"a\.fits is not here, and the file server at http"):
        get(second.client(), never, tmp_path / "c.fits", b"never asked for" * 1000)
    answer = second.ask("GET", never, "student")
    assert (answer.status_code, "\n" in answer.json()["message"]) == (503, False)


def test_the_database_decides_for_what_is_here_too(served, second, tmp_path):
    file_id = served.put(CONTENT, level=1)
    get(second.client(), file_id, tmp_path / "a.fits")
    same = served.put(CONTENT, person="other", name="b.fits", level=1)
    for person in ("other", None):
        for method, end in (("GET", ""), ("HEAD", ""), ("GET", "/preview"), ("POST", "/verify")):
            assert second.ask(method, file_id, person, end=end).status_code == 404
        with pytest.raises(FileGone, match="not visible to you"):
            get(second.client(person), file_id, tmp_path / "b.fits")
    # whoever has a file of the same bytes gets his own, and not the other's name
    answer = second.ask("GET", same, "other")
    assert (answer.status_code, answer.content == CONTENT) == (200, True)
    assert "b.fits" in answer.headers["content-disposition"]
    served.link(file_id, 4)
    assert second.ask("GET", file_id).content == CONTENT
    served.link(file_id, 1)
    assert second.ask("GET", file_id).status_code == 404
    served.stop()
    assert second.ask("GET", file_id, "other").status_code == 404
    assert second.ask("GET", file_id, "student").content == CONTENT


def test_a_few_bytes_do_not_bring_the_file(served, second, tmp_path):
    file_id = served.put(CONTENT)
    client = second.client()
    assert client.beginning(file_id, "a", sha256=sha(CONTENT), length=2880) == CONTENT[:2880]
    rows = Rows(10, 20, 1000, 50)
    expected = served.client().rows(file_id, "a", sha256=sha(CONTENT), rows=rows)
    assert client.rows(file_id, "a", sha256=sha(CONTENT), rows=rows) == expected
    assert second.ask("HEAD", file_id, "student").headers["content-length"] == str(len(CONTENT))
    assert second.ask("GET", file_id, "student", {"if-none-match": f'"{sha(CONTENT)}"'}
                      ).status_code == 304  # fmt: skip
    assert second.ask("GET", file_id, "other", {"awe-rows": str(rows)}).status_code == 404


def test_a_copy_that_rotted_is_dropped_and_the_first_asked(served, second, tmp_path):
    file_id = served.put(CONTENT)
    get(second.client(), file_id, tmp_path / "a.fits")
    copy = second.root / "cache" / sha(CONTENT)
    copy.chmod(0o600)
    copy.write_bytes(bytes(len(CONTENT)))
    get(second.both(), file_id, tmp_path / "b.fits")
    assert (tmp_path / "b.fits").read_bytes() == CONTENT
    assert second.kept() == set()
    assert served.state(file_id) == ("stored", "ok")


def test_wrong_bytes_of_the_first_are_not_kept(served, second, tmp_path):
    file_id = served.put(CONTENT)
    path = served.store.path(file_id)
    path.chmod(0o600)
    path.write_bytes(bytes(len(CONTENT)))
    with pytest.raises((DataserverError, ChecksumMismatch)):
        get(second.client(), file_id, tmp_path / "a.fits")
    assert second.kept() == set()
    assert not (tmp_path / "a.fits").exists()


def test_the_disk_of_it_has_a_limit(served, second, tmp_path):
    contents = [random.Random(n).randbytes(3_000_000) for n in range(4)]
    for number, content in enumerate(contents):
        get(second.client(), served.put(content), tmp_path / f"{number}.fits", content)
    assert second.kept() == {sha(content) for content in contents[2:]}
    large = random.Random(9).randbytes(8_000_000)
    file_id = served.put(large)
    with pytest.raises(DataserverError, match="has no room here"):
        get(second.client(), file_id, tmp_path / "large.fits", large)
    get(second.both(), file_id, tmp_path / "large.fits", large)
    assert not list((second.root / "incoming").iterdir())


def test_whoever_has_both_needs_one_of_them(served, second, tmp_path):
    file_id = served.put(CONTENT)
    second.process.stop()
    get(second.both(), file_id, tmp_path / "a.fits")
    both = second.both()
    assert both.beginning(file_id, "a", sha256=sha(CONTENT), length=100) == CONTENT[:100]
    begin = time.monotonic()
    for number in range(20):
        get(both, file_id, tmp_path / f"again-{number}.fits")
    assert time.monotonic() - begin < 10
    with pytest.raises(FileGone, match="not visible to you"):
        get(second.both("other"), file_id, tmp_path / "b.fits")
    new = served.reserve_file()
    path = tmp_path / "up"
    path.write_bytes(b"new")
    both.put(new, path, sha256=sha(b"new"))
    assert served.state(new) == ("stored", "ok")


def test_many_who_ask_at_once_cost_one_transfer(served, second, tmp_path):
    file_id = served.put(CONTENT)
    said = []

    def one(number):
        get(second.client(), file_id, tmp_path / f"{number}.fits")
        said.append((tmp_path / f"{number}.fits").read_bytes() == CONTENT)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [True] * 8
    assert second.kept() == {sha(CONTENT)}


def test_it_takes_nothing(served, second, tmp_path):
    file_id = served.reserve_file()
    path = tmp_path / "up"
    path.write_bytes(b"new")
    with pytest.raises(DataserverError, match="files are stored at http"):
        second.client().put(file_id, path, sha256=sha(b"new"))
    assert served.state(file_id) == ("open", "ok")


def test_a_false_second_sees_no_ticket(served, second, tmp_path):
    """Whatever answers at the address of a second dataserver has to prove itself."""
    file_id = served.put(CONTENT)
    second.process.stop()
    seen = []

    def listen(listener):
        connection, _ = listener.accept()
        seen.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 204 No Content\r\nawe-proof: 00\r\n\r\n")
        connection.close()

    with socket.create_server(("127.0.0.1", second.process.port)) as listener:
        thread = threading.Thread(target=listen, args=(listener,))
        thread.start()
        get(second.both(), file_id, tmp_path / "a.fits")
        thread.join()
    assert served.ticket("student").encode() not in seen[0]
    assert (tmp_path / "a.fits").read_bytes() == CONTENT
