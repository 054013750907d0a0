"""The store on disk: whatever kills it, a file is complete under its id or not there."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from prompt_faults import tiny_disk

from awe.dataserver.store import Store
from awe.errors import ChecksumMismatch, DiskFull, FileGone, FileTaken, StoreAway

CONTENT = bytes(range(256)) * 8000
FILE_ID = uuid.UUID("12345678-1234-4234-9234-123456789abc")


def sha(content):
    return hashlib.sha256(content).hexdigest()


def put(store, content=CONTENT, file_id=FILE_ID):
    upload = store.receive(file_id, len(content))
    for start in range(0, len(content), 1 << 19):
        upload.write(content[start : start + (1 << 19)])
    return upload.finish(size=len(content), sha256=sha(content))


class Dying(Store):
    """A store whose process is killed before or after one chosen step."""

    point = ""

    def _at(self, name):
        if name == self.point:
            os.kill(os.getpid(), signal.SIGKILL)

    def _step(self, name, action, *arguments):
        self._at(f"before {name}")
        result = action(*arguments)
        self._at(f"after {name}")
        return result

    def receive(self, file_id, size):
        return self._step("receive", super().receive, file_id, size)

    def sync(self, stream):
        return self._step("sync", super().sync, stream)

    def place(self, upload):
        return self._step("place", super().place, upload)

    def link(self, part, target):
        return self._step("link", super().link, part, target)

    def unlink(self, part):
        return self._step("unlink", super().unlink, part)

    def sync_folder(self, folder):
        return self._step(f"sync_folder {folder.name}", super().sync_folder, folder)


STEPS = ["receive", "sync", "place", "link", "unlink", "sync_folder objects", "sync_folder 12"]
POINTS = [f"{when} {step}" for step in STEPS for when in ("before", "after")]


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_step_the_retry_completes(tmp_path, point):
    child = os.fork()
    if child == 0:
        store = Dying(tmp_path / "files", reserve=0)
        store.point = point
        put(store)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"never came to {point}"
    store = Store(tmp_path / "files", reserve=0)
    for file_id in store.ids():
        assert store.digest(file_id) == sha(CONTENT)
    put(store)
    assert store.digest(FILE_ID) == sha(CONTENT)
    assert list(store.strangers()) == []
    store.sweep(uploads_after=-1, dark_after=1e9)
    assert list(store.incoming.iterdir()) == []
    assert store.path(FILE_ID).stat().st_nlink == 1


WRITER = """
import sys, uuid, hashlib
from awe.dataserver.store import Store
store = Store(sys.argv[1], reserve=0)
print('ready', flush=True)
number = 0
while True:
    content = number.to_bytes(4, 'big') * 100_000
    upload = store.receive(uuid.UUID(int=number + (4 << 76)), len(content))
    for start in range(0, len(content), 65536):
        upload.write(content[start:start + 65536])
    upload.finish(size=len(content), sha256=hashlib.sha256(content).hexdigest())
    print(number, flush=True)
    number += 1
"""


def test_killed_at_random_moments_nothing_acknowledged_is_lost(tmp_path):
    root = tmp_path / "files"
    chooser = random.Random(7)
    for _ in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout.readline() == "ready\n"
        time.sleep(chooser.uniform(0.02, 0.25))
        writer.kill()
        acknowledged = [int(line) for line in writer.stdout.read().split()]
        writer.stdout.close()
        writer.wait()
        store = Store(root, reserve=0)
        stored = set(store.ids())
        for number in acknowledged:
            assert uuid.UUID(int=number + (4 << 76)) in stored
        for file_id in stored:
            number = file_id.int - (4 << 76)
            assert store.digest(file_id) == sha(number.to_bytes(4, "big") * 100_000)


def test_same_content_again_is_fine_and_other_content_is_not(tmp_path):
    store = Store(tmp_path / "files", reserve=0)
    assert put(store) is True
    assert put(store) is False
    with pytest.raises(FileTaken, match="new id"):
        put(store, b"other")
    assert store.digest(FILE_ID) == sha(CONTENT)
    assert list(store.incoming.iterdir()) == []


@pytest.mark.parametrize(("size", "digest"), [(5, sha(CONTENT)), (len(CONTENT), "0" * 64)])
def test_bytes_that_were_not_announced_are_removed(tmp_path, size, digest):
    store = Store(tmp_path / "files", reserve=0)
    upload = store.receive(FILE_ID, len(CONTENT))
    upload.write(CONTENT)
    with pytest.raises(ChecksumMismatch, match="announced; send it again"):
        upload.finish(size=size, sha256=digest)
    assert list(store.incoming.iterdir()) == []
    assert list(store.ids()) == []


def test_planted_links_are_refused(tmp_path):
    store = Store(tmp_path / "files", reserve=0)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    path = store.path(FILE_ID)
    path.parent.mkdir(mode=0o700)
    path.symlink_to(secret)
    with pytest.raises(FileGone):
        store.open(FILE_ID)
    assert store.health(FILE_ID, 6, sha(b"secret")) == "lost"
    with pytest.raises((FileTaken, FileGone)):
        put(store)
    path.unlink()
    os.link(secret, path)
    with pytest.raises(FileGone, match="not made by the store"):
        store.open(FILE_ID)
    assert list(store.strangers()) == [path]
    path.unlink()
    path.parent.rmdir()
    path.parent.symlink_to(tmp_path)
    (tmp_path / str(FILE_ID)).write_text("outside")
    with pytest.raises(FileGone):
        store.open(FILE_ID)
    assert path.parent in set(store.strangers())
    assert secret.read_text() == "secret"


def test_directories_are_closed_to_others_or_refused(tmp_path):
    store = Store(tmp_path / "files", reserve=0)
    put(store)
    for folder in (store.root, store.incoming, store.objects, store.path(FILE_ID).parent):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert store.path(FILE_ID).stat().st_mode & 0o777 == 0o400
    store.objects.chmod(0o755)
    with pytest.raises(FileGone, match="chmod 700"):
        Store(store.root)


def test_names_that_are_no_uuid_never_become_paths(tmp_path):
    store = Store(tmp_path / "files", reserve=0)
    for name in ("../../etc/passwd", "", "x\0y", "a" * 5000):
        with pytest.raises(ValueError, match="badly formed"):
            store.path(name)


def test_uploads_that_began_together_leave_the_reserve_alone(tmp_path):
    store = Store(tmp_path / "files", reserve=0)
    first, second = (store.receive(uuid.uuid4(), len(CONTENT)) for _ in range(2))
    first.write(CONTENT)
    store.reserve = 1 << 60  # what the first has taken is not free any more
    with pytest.raises(DiskFull, match="kept in reserve"):
        second.write(CONTENT)
    assert [path.name for path in store.incoming.iterdir()] == [first.path.name]
    first.abandon()


def test_no_more_bytes_are_taken_than_were_announced(tmp_path):
    store = Store(tmp_path / "files", reserve=0)
    upload = store.receive(FILE_ID, 10)
    upload.write(b"0123456789")
    with pytest.raises(ChecksumMismatch, match="more than the 10 bytes announced"):
        upload.write(b"0")
    assert list(store.incoming.iterdir()) == []


def test_reserve_of_free_space_is_kept(tmp_path):
    store = Store(tmp_path / "files", reserve=1 << 60)
    with pytest.raises(DiskFull, match=r"kept in reserve.*free some space"):
        store.receive(FILE_ID, 10)


def test_full_disk_leaves_no_part(tmp_path):
    mounted = tmp_path / "small"
    mounted.mkdir()
    with tiny_disk(mounted, "1m"):
        store = Store(mounted / "files", reserve=0)
        store.reserve = -(1 << 40)  # as if others took the space between the look and the write
        upload = store.receive(FILE_ID, len(CONTENT))
        with pytest.raises(DiskFull, match="is full"):
            upload.write(CONTENT)
        store.reserve = 0
        assert list(store.incoming.iterdir()) == []
        put(store, CONTENT[:1000])
        assert store.digest(FILE_ID) == sha(CONTENT[:1000])


def test_discard_and_sweep(tmp_path):
    store = Store(tmp_path / "files", reserve=0)
    put(store)
    store.receive(uuid.uuid4(), 1)._stream.close()
    assert store.sweep(uploads_after=3600, dark_after=3600) == 0
    assert store.sweep(uploads_after=-1, dark_after=-1) == 1
    assert store.discard(FILE_ID) is True
    assert store.discard(FILE_ID) is False
    assert Path(store.root).exists()


def test_a_folder_without_its_note_is_not_mounted_and_nothing_is_lost(tmp_path):
    root = tmp_path / "disk"
    root.mkdir(mode=0o700)
    (root / "note").touch()
    store = Store(root, reserve=0, note="note")
    upload = store.receive(FILE_ID, len(CONTENT))
    upload.write(CONTENT)
    upload.finish(size=len(CONTENT), sha256=sha(CONTENT))
    root.rename(tmp_path / "unmounted")
    for folder in ("incoming", "objects", "dark"):
        (root / folder).mkdir(mode=0o700, parents=True)
    for ask in (
        lambda: store.open(FILE_ID),
        lambda: store.health(FILE_ID, 1, "0" * 64),
        lambda: store.receive(FILE_ID, 1),
        lambda: store.older(0.0),
        lambda: Store(root, reserve=0, note="note"),
    ):
        with pytest.raises(StoreAway, match="is its disk mounted"):
            ask()
