"""Every planted fault is found and named; the collector clears what nobody linked."""

import errno
import hashlib
import os
import random
import threading
import time
import uuid

import pytest

from awe.dataserver.authorisation import Permits
from awe.dataserver.collector import collect, collect_forever
from awe.dataserver.fsck import Expected, check, mend
from awe.dataserver.store import Store
from awe.errors import DiskFull, ServiceDown


def sha(content):
    return hashlib.sha256(content).hexdigest()


def filled(tmp_path, count):
    store = Store(tmp_path / "files", reserve=0)
    expected = []
    for number in range(count):
        content = random.Random(number).randbytes(3000 + number)
        file_id = uuid.uuid4()
        upload = store.receive(file_id, len(content))
        upload.write(content)
        upload.finish(size=len(content), sha256=sha(content))
        expected.append(
            Expected(
                file_id=file_id, filename=f"f{number}.fits", size=len(content), sha256=sha(content)
            )
        )
    return store, expected


def opened(store, file):
    path = store.path(file.file_id)
    path.chmod(0o600)
    return path


def flip(store, file, others):
    path = opened(store, file)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


def truncate(store, file, others):
    path = opened(store, file)
    path.write_bytes(path.read_bytes()[:-1])


def lose(store, file, others):
    store.path(file.file_id).unlink()


def swap(store, file, others):
    opened(store, file).write_bytes(store.path(others[0].file_id).read_bytes())


def lengthen(store, file, others):
    with opened(store, file).open("ab") as stream:
        stream.write(b"x")


PLANTED = {
    "flipped": flip,
    "truncated": truncate,
    "missing": lose,
    "swapped": swap,
    "longer": lengthen,
}


def test_a_hundred_planted_faults_are_found_and_named(tmp_path):
    store, expected = filled(tmp_path, 110)
    sound, faulty = expected[:30], expected[30:]
    wanted = {}
    for number, file in enumerate(faulty):
        kind = list(PLANTED)[number % len(PLANTED)]
        PLANTED[kind](store, file, sound)
        wanted[file.filename] = kind
    for _ in range(18):
        extra = uuid.uuid4()
        store.path(extra).parent.mkdir(exist_ok=True)
        store.path(extra).write_bytes(b"extra")
        wanted[str(extra)] = "extra"
    (store.objects / "zz").mkdir()
    (store.objects / "zz" / "stray").write_text("x")
    (store.objects / "link").symlink_to("/etc")
    wanted |= {"stray": "extra", "link": "extra"}
    assert len(wanted) == 100
    found = {finding.name: finding.kind for finding in check(store, expected)}
    assert found == wanted


def test_sound_store_has_no_findings_and_nothing_is_changed(tmp_path):
    store, expected = filled(tmp_path, 5)
    before = {path: path.stat().st_mtime_ns for path in store.root.rglob("*")}
    assert list(check(store, expected)) == []
    assert list(check(store, expected[1:], known=lambda: [expected[0].file_id])) == []
    assert {path: path.stat().st_mtime_ns for path in store.root.rglob("*")} == before


def test_mending_marks_and_puts_aside(tmp_path):
    store, expected = filled(tmp_path, 4)
    lose(store, expected[0], [])
    flip(store, expected[1], [])
    healed = Expected(**{**vars(expected[2]), "health": "bad"})
    marks = {}
    files = [*expected[:2], healed]
    for finding in list(check(store, files)):
        mend(store, finding, marks.__setitem__)
    assert marks == {
        expected[0].file_id: "lost",
        expected[1].file_id: "bad",
        healed.file_id: "ok",
    }
    [aside] = store.dark.iterdir()
    assert aside.name.startswith(str(expected[3].file_id))


@pytest.fixture
def permits(served):
    connection = {
        "host": str(served.db.cluster.socket),
        "port": 5432,
        "dbname": served.db.name,
        "user": "awe_dataserver",
        "password": served.db.password("awe_dataserver"),
    }
    permits = Permits(connection)
    yield permits
    permits.close()


def test_collector_clears_what_nobody_linked_and_nothing_else(served, permits):
    linked = served.put(b"linked" * 9, level=1)
    loose = served.put(b"loose" * 9)
    reserved = served.reserve_file()
    dark = uuid.uuid4()
    store = served.store
    store.path(dark).parent.mkdir(exist_ok=True, mode=0o700)
    store.path(dark).write_bytes(b"dark")
    done = collect(store, permits, grace=3600)
    assert (done.given_up, done.removed, done.put_aside) == (0, 0, 0)
    done = collect(store, permits, grace=-60)
    assert (done.given_up, done.removed, done.put_aside) == (2, 1, 1)
    assert list(store.ids()) == [linked]
    rows = served.db.rows("superuser", "SELECT id::text FROM awe.file")
    assert rows == [(str(linked),)]
    assert str(reserved) not in rows
    assert str(loose) not in rows


def test_a_server_collects_soon_after_it_starts(served, permits):
    store = served.store
    dark = uuid.uuid4()
    store.path(dark).parent.mkdir(exist_ok=True, mode=0o700)
    store.path(dark).write_bytes(b"dark")
    os.utime(store.path(dark), (0, 0))
    stop = threading.Event()
    rounds = threading.Thread(
        target=collect_forever, args=(store, permits, stop), kwargs={"first": 0.0}
    )
    rounds.start()
    try:
        limit = time.monotonic() + 30
        while list(store.ids()):
            assert time.monotonic() < limit, "nothing was collected"
            time.sleep(0.05)
    finally:
        stop.set()
        rounds.join(timeout=30)
    assert not rounds.is_alive()


def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_read(tmp_path, monkeypatch):
    """What a failing disk answers: the file is there and its bytes are not to be had."""
    store, expected = filled(tmp_path, 6)
    lose(store, expected[4], [])
    broken = store.path(expected[1].file_id)
    really = os.open

    def disk(path, flags, *rest, **more):
        if str(path) == broken.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return really(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", disk)
    found = {finding.name: finding for finding in check(store, expected)}
    assert {name: finding.kind for name, finding in found.items()} == {
        "f1.fits": "unreadable", "f4.fits": "missing"}
    assert "Input/output error" in found["f1.fits"].detail
    assert "look at the disk" in mend(store, found["f1.fits"], lambda *_: pytest.fail("marked"))


@pytest.mark.skipif(os.getuid() == 0, reason="root can read everything")
def test_a_file_without_rights_is_named_and_the_rest_is_read(tmp_path):
    store, expected = filled(tmp_path, 3)
    store.path(expected[0].file_id).chmod(0)
    assert [finding.kind for finding in check(store, expected)] == ["unreadable"]


def test_a_store_that_cannot_be_written_to_says_why(tmp_path, monkeypatch):
    store, _ = filled(tmp_path, 1)
    really = os.open

    def disk(path, flags, *rest, **more):
        if flags & os.O_CREAT:
            raise OSError(disk.number, os.strerror(disk.number))
        return really(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", disk)
    for number, kind, said in (
        (errno.EROFS, ServiceDown, "Read-only file system"),
        (errno.EIO, ServiceDown, "Input/output error"),
        (errno.EDQUOT, DiskFull, "quota"),
        (errno.ENOSPC, DiskFull, "is full"),
    ):
        disk.number = number
        with pytest.raises(kind, match=said):
            store.receive(uuid.uuid4(), 1)
