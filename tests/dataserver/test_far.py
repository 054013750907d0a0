"""Files in an object store behind the dataserver, on a real S3 server, and in other far places."""

import hashlib
import os
import secrets
import subprocess
import sys
import threading
import time
import uuid
from contextlib import suppress

import pytest
from dataservers import Dataserver, _connection
from s3server import S3Server

from awe.dataserver import fsck
from awe.dataserver.authorisation import Permits
from awe.dataserver.collector import collect
from awe.dataserver.farfile import FarFile
from awe.dataserver.rows import Rows
from awe.dataserver.scrub import scrub
from awe.dataserver.sending import store as laid_or_sent
from awe.errors import (
    ChecksumMismatch,
    ConfigError,
    DataserverError,
    DiskFull,
    FileGone,
    FileTaken,
    StoreAway,
)
from tests.dataserver.conftest import Running, sha

CONTENT = bytes(range(256)) * 4000


@pytest.fixture(scope="module")
def s3():
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture(params=["s3", "file"])
def place(request, tmp_path):
    """URL and options of an empty place, S3 and one that replaces files when they are renamed."""
    if request.param == "file":
        return f"file://{tmp_path}/far", {}
    s3 = request.getfixturevalue("s3")
    return f"s3://awe/{secrets.token_hex(4)}", s3.options


def far(place, tmp_path, owner="us"):
    from awe.dataserver.far import FarStore

    url, options = place
    store = FarStore(tmp_path / "near", url, options, reserve=0, owner=owner)
    store.claim()
    return store


def put(store, content, file_id=None):
    file_id = file_id or uuid.uuid4()
    upload = store.receive(file_id, len(content))
    upload.write(content)
    return file_id, upload.finish(size=len(content), sha256=sha(content))


def away(s3, bucket="nothing", **more):
    return f"s3://{bucket}/{secrets.token_hex(4)}", {**s3.options, **more}


# -- the store ---------------------------------------------------------------------------------


def test_a_file_comes_back_as_it_was_stored(place, tmp_path):
    store = far(place, tmp_path)
    file_id, fresh = put(store, CONTENT)
    assert fresh
    with store.open(file_id) as stream:
        assert stream.read() == CONTENT
    assert store.digest(file_id) == sha(CONTENT)
    assert list(store.ids()) == [file_id]
    assert list(store.strangers()) == []
    assert list(store.incoming.iterdir()) == []
    assert store.health(file_id, len(CONTENT), sha(CONTENT)) == "ok"


def test_nothing_is_replaced(place, tmp_path):
    store = far(place, tmp_path)
    file_id, _ = put(store, CONTENT)
    assert put(store, CONTENT, file_id) == (file_id, False)
    with pytest.raises(FileTaken, match="other content"):
        put(store, b"other", file_id)
    assert store.digest(file_id) == sha(CONTENT)


def test_of_many_who_store_at_once_one_wins(place, tmp_path):
    store, file_id = far(place, tmp_path), uuid.uuid4()
    said = []

    def one(number):
        try:
            said.append((number, put(store, bytes([number]) * 5000, file_id)[1]))
        except FileTaken:
            said.append((number, None))

    threads = [threading.Thread(target=one, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = [number for number, fresh in said if fresh]
    assert store.digest(file_id) == sha(bytes([winner]) * 5000)
    assert len(said) == 6


def test_wrong_bytes_are_never_sent(place, tmp_path):
    store, file_id = far(place, tmp_path), uuid.uuid4()
    upload = store.receive(file_id, 10)
    upload.write(b"0123456789")
    with pytest.raises(ChecksumMismatch):
        upload.finish(size=10, sha256=sha(b"something else"))
    assert list(store.ids()) == []
    with pytest.raises(FileGone, match="restore it from a copy"):
        store.open(file_id)


def test_two_writers_of_one_bucket_replace_nothing(s3, tmp_path):
    """Another process of the same installation knows nothing of the turns of this one."""
    place = f"s3://awe/{secrets.token_hex(4)}", s3.options
    one, other = far(place, tmp_path), far(place, tmp_path)
    file_id = uuid.uuid4()
    put(one, CONTENT, file_id)
    other._size = lambda _: None if "asked" not in seen else len(CONTENT)
    seen = set()
    real = other._send
    other._send = lambda upload: (real(upload), seen.add("asked"))[0]
    with pytest.raises(FileTaken):
        put(other, b"other", file_id)
    assert one.digest(file_id) == sha(CONTENT)


def test_strangers_are_found_and_put_aside(place, tmp_path):
    store = far(place, tmp_path)
    file_id, _ = put(store, CONTENT)
    wrong = str(store.path(file_id).parent / "stray")
    store._fs.pipe_file(wrong, b"x")
    [stranger] = store.strangers()
    assert str(stranger).lstrip("/") == wrong.lstrip("/")
    aside = store.put_aside(stranger)
    assert store.exists(aside)
    assert list(store.strangers()) == []
    assert store.sweep(uploads_after=60, dark_after=60) == 0
    time.sleep(0.01)
    assert store.sweep(uploads_after=60, dark_after=0) == 1
    assert not store.exists(aside)
    assert list(store.ids()) == [file_id]


def test_what_differs_is_named_and_mended(place, tmp_path):
    store = far(place, tmp_path)
    files = {n: put(store, bytes([n]) * 3000)[0] for n in range(1, 6)}
    expected = [
        fsck.Expected(file_id=i, filename=f"{n}.fits", size=3000, sha256=sha(bytes([n]) * 3000))
        for n, i in files.items()
    ]
    names = {n: str(store.path(i)) for n, i in files.items()}
    store._fs.rm_file(names[1])
    store._fs.pipe_file(names[2], bytes([2]) * 2999)
    store._fs.pipe_file(names[3], bytes([3]) * 2999 + b"x")
    store._fs.pipe_file(names[4], bytes([5]) * 3000)
    extra, _ = put(store, b"nobody's")
    found = {f.name: f for f in fsck.check(store, expected)}
    kinds = {name: finding.kind for name, finding in found.items()}
    assert kinds == {"1.fits": "missing", "2.fits": "truncated", "3.fits": "flipped",
                     "4.fits": "swapped", str(extra): "extra"}  # fmt: skip
    marked = []
    for finding in found.values():
        fsck.mend(store, finding, lambda i, h: marked.append(h))
    assert sorted(marked) == ["bad", "bad", "bad", "lost"]
    assert extra not in set(store.ids())


def test_the_prefix_of_another_installation_is_refused(place, tmp_path):
    far(place, tmp_path, "them")
    with pytest.raises(ConfigError, match="another installation"):
        far(place, tmp_path, "us")
    from awe.dataserver.far import FarStore

    with pytest.raises(ConfigError, match="another installation"):
        FarStore(tmp_path / "near", *place, reserve=0, owner="us").require()


def test_a_place_with_something_in_it_is_refused(s3, tmp_path):
    prefix = secrets.token_hex(4)
    s3.files().pipe_file(f"awe/{prefix}/theirs", b"x")
    with pytest.raises(ConfigError, match="not empty"):
        far((f"s3://awe/{prefix}", s3.options), tmp_path)


# -- what is away is not lost ------------------------------------------------------------------


def test_a_bucket_that_is_gone_loses_no_file(place, tmp_path):
    """The server answers for a file of an absent bucket as for an absent file."""
    store = far(place, tmp_path)
    file_id, _ = put(store, CONTENT)
    note = f"{store._prefix}/awe-store.json"
    store._fs.rm(str(store._prefix), recursive=True)
    assert not store.exists(store._prefix / note)
    for ask in (lambda: store.open(file_id), lambda: list(store.ids()), store.require,
                lambda: store.older(0), lambda: list(store.strangers()),
                lambda: store.health(file_id, 1, "0" * 64)):  # fmt: skip
        with pytest.raises(StoreAway, match="nothing is called lost"):
            ask()


def test_a_bucket_that_never_was(s3, tmp_path):
    with pytest.raises(ConfigError, match=r"s3://nothing/.*make the bucket first"):
        far(away(s3), tmp_path)


def test_nobody_there_is_one_line_within_seconds(s3, tmp_path):
    from awe.dataserver.far import FarStore

    url, options = away(s3, endpoint_url="http://127.0.0.1:9")
    store = FarStore(tmp_path / "near", url, options, reserve=0)
    begin = time.monotonic()
    with pytest.raises(StoreAway, match=r"which cannot be read: .*127.0.0.1:9.*awe-admin store"):
        store.open(uuid.uuid4())
    assert time.monotonic() - begin < 15
    with pytest.raises(StoreAway) as raised:
        store.require()
    assert "\n" not in str(raised.value)


class Denied:
    """A file system whose answers are those of a store that refuses."""

    def __init__(self, inner, error):
        self._inner, self._error = inner, error

    def __getattr__(self, name):
        if name in ("put_file", "pipe_file", "rm_file"):
            def refuse(*arguments, **more):
                raise self._error
            return refuse
        return getattr(self._inner, name)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (PermissionError("Access Denied."), StoreAway, "Access Denied.*awe-admin store login"),
        (OSError(28, "No space left on device"), DiskFull, "free some space there"),
        (OSError("XMinioStorageFull: Storage has reached its limit"), DiskFull, "no space"),
        (OSError(5, "An internal error"), StoreAway, "cannot be written to"),
    ],
)
def test_a_store_that_takes_nothing_says_why(place, tmp_path, error, kind, words):
    store = far(place, tmp_path)
    store._fs = Denied(store._fs, error)
    with pytest.raises(kind, match=words) as raised:
        put(store, CONTENT)
    assert "\n" not in str(raised.value)
    assert list(store.incoming.iterdir()) == []


# -- only what is read is fetched --------------------------------------------------------------


def spied(content):
    fetched = []

    def fetch(ranges):
        fetched.extend(ranges)
        return [content[first:end] for first, end in ranges]

    return FarFile(fetch, len(content)), fetched


def test_a_header_fetches_a_header():
    stream, fetched = spied(os.urandom(1 << 20))
    stream.read(2880)
    assert fetched == [(0, 2880)]


def test_who_reads_on_gets_larger_blocks_and_no_byte_twice():
    content = os.urandom(30 << 20)
    stream, fetched = spied(content)
    assert hashlib.file_digest(stream, "sha256").hexdigest() == sha(content)
    assert sum(end - first for first, end in fetched) == len(content)
    assert len(fetched) < 20


@pytest.mark.parametrize("step", [800, 9_000, 60_000])
def test_stretches_are_those_of_a_file_on_disk(tmp_path, step):
    content = os.urandom(2 << 20)
    path = tmp_path / "f"
    path.write_bytes(content)
    wanted = Rows(1234, 700, step, 30)
    stream, fetched = spied(content)
    with path.open("rb") as file:
        for place, most in ((0, 1 << 20), (100, 5000), (20_000, 5000)):
            expected = wanted.block(file.fileno(), place, most)
            assert stream.stretches(wanted, place, most) == expected
    assert sum(end - first for first, end in fetched) < 2 * 30 * (step if step < 10_000 else 700)


# -- the dataserver in front of it -------------------------------------------------------------


@pytest.fixture
def far_served(db, s3, tmp_path):
    place = f"s3://awe/{secrets.token_hex(4)}", s3.options
    running = FarRunning(db, tmp_path / "near")
    running.place = place
    running.far = far(place, tmp_path)
    running.start()
    yield running
    running.stop()


class FarRunning(Running):
    """A dataserver whose files are far away."""

    place = ("", {})
    far = None

    def start(self):
        self.process = Dataserver.start(
            self.db, self.root, url=self.place[0], options=self.place[1]
        )
        self.port = self.process.port


@pytest.fixture
def permits(far_served):
    made = Permits(_connection(far_served.db))
    yield made
    made.close()


def test_files_go_through_the_dataserver_into_the_bucket_and_back(far_served, tmp_path):
    file_id = far_served.put(CONTENT)
    assert far_served.state(file_id) == ("stored", "ok")
    assert far_served.far.digest(file_id) == sha(CONTENT)
    target = tmp_path / "back.fits"
    client = far_served.client()
    client.get(file_id, target, sha256=sha(CONTENT), size=len(CONTENT))
    assert target.read_bytes() == CONTENT
    # no path of this machine: what may be linked is fetched
    link = tmp_path / "link.fits"
    client.get(file_id, link, sha256=sha(CONTENT), size=len(CONTENT), link=True)
    assert not link.is_symlink()
    assert client.beginning(file_id, "a", sha256=sha(CONTENT), length=2880) == CONTENT[:2880]
    got = client.rows(file_id, "a", sha256=sha(CONTENT), rows=Rows(10, 20, 1000, 50))
    assert got == b"".join(CONTENT[10 + 1000 * n : 30 + 1000 * n] for n in range(50))
    part = far_served.ask("GET", f"/file/{file_id}", "student", {"range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, CONTENT[5:10])
    assert far_served.ask("GET", f"/file/{file_id}", None).status_code == 404


def test_a_store_that_is_away_is_said_and_nothing_is_marked(far_served, permits, s3, tmp_path):
    file_id = far_served.put(CONTENT)
    reserved = far_served.reserve_file()
    path = tmp_path / "up"
    path.write_bytes(CONTENT)
    client = far_served.client()
    s3.stop()
    try:
        with pytest.raises(DataserverError, match=r"the files are at s3://awe/.*cannot be read"):
            client.get(file_id, tmp_path / "b", sha256=sha(CONTENT), size=len(CONTENT))
        with pytest.raises(DataserverError, match=r"the files are at s3://awe/"):
            client.put(reserved, path, sha256=sha(CONTENT))
        assert far_served.ask("POST", f"/file/{file_id}/verify", "student").status_code == 503
        stop = threading.Event()
        with pytest.raises(StoreAway):
            scrub(far_served.far, permits, stop, age=0.0, rest=0.0)
        with pytest.raises(StoreAway):
            collect(far_served.far, permits)
    finally:
        # with another content: the bucket is there again, its files are not
        s3.start()
    answer = far_served.ask("GET", f"/file/{file_id}", "student")
    assert answer.status_code == 503
    assert "nothing is called lost" in answer.json()["message"]
    assert far_served.state(file_id) == ("stored", "ok")
    assert far_served.state(reserved) == ("open", "ok")


def test_scrub_and_collector_work_there(far_served, permits):
    right, wrong = far_served.put(CONTENT), far_served.put(b"x" * 5000)
    far_served.far._fs.pipe_file(str(far_served.far.path(wrong)), b"y" * 5000)
    done = scrub(far_served.far, permits, threading.Event(), age=0.0, rest=0.0)
    assert [finding.kind for finding in done.found] == ["flipped"]
    assert far_served.state(right) == ("stored", "ok")
    assert far_served.state(wrong) == ("stored", "bad")
    far_served.db.rows("superuser", "UPDATE awe.file SET created = now() - interval '2 days'")
    dark, _ = put(far_served.far, b"nobody's")
    time.sleep(1.1)  # a store tells whole seconds
    done = collect(far_served.far, permits, grace=0.05)
    assert (done.given_up, done.put_aside) == (2, 1)
    assert dark not in set(far_served.far.ids())


def test_a_server_killed_while_it_sends_leaves_no_row_and_no_half_file(far_served, tmp_path):
    content = os.urandom(3 << 20)
    path = tmp_path / "up"
    path.write_bytes(content)
    for delay in (0.005, 0.02, 0.05, 0.1):
        file_id = far_served.reserve_file()
        client = far_served.client()
        sending = threading.Thread(target=attempt, args=(client, file_id, path, content))
        sending.start()
        time.sleep(delay)
        far_served.stop()
        sending.join()
        far_served.start()
        there = {one: far_served.far.digest(one) for one in far_served.far.ids()}
        assert there.get(file_id, sha(content)) == sha(content)
        if far_served.state(file_id)[0] == "stored":
            assert file_id in there
        far_served.client().put(file_id, path, sha256=sha(content))
        assert far_served.state(file_id) == ("stored", "ok")


def attempt(client, file_id, path, content):
    with suppress(DataserverError):
        client.put(file_id, path, sha256=sha(content))


def test_the_dataserver_alone_does_not_load_the_library_of_far_places():
    code = (
        "import sys, awe.services.server; "
        "print([m for m in ('fsspec', 's3fs', 'botocore', 'aiohttp') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_is_laid_into_a_store_far_away(far_served, tmp_path):
    """A request for many files at once would take as long as all of them take to get there."""
    assert far_served.ask("GET", "/incoming", "student").status_code == 404
    reserved = far_served.reserve_file()
    path = tmp_path / "up.csv"
    path.write_bytes(CONTENT)
    laid_or_sent(far_served.client(), {reserved: path}, {})
    assert far_served.state(reserved) == ("stored", "ok")
    assert far_served.far.digest(reserved) == sha(CONTENT)
