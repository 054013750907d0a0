"""The cache of an account: right bytes, within its limit, for those who may see them."""

import hashlib
import os
import random
import subprocess
import sys
import time

import pytest

from awe.dataserver.cache import STALE, Cache
from awe.dataserver.client import Client
from awe.errors import ChecksumMismatch, ConfigError, DataserverError, FileGone

CONTENT = random.Random(9).randbytes(2_000_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache", 5_000_000)


def client(served, cache, person="student"):
    return Client(served.url, lambda: served.ticket(person), cache=cache)


def get(client, file_id, target, content=CONTENT):
    sha256 = hashlib.sha256(content).hexdigest()
    return client.get(file_id, target, sha256=sha256, size=len(content))


def names(cache):
    return sorted(path.name for path in cache.root.iterdir() if path.name != "lock")


class Sink(list):
    write = list.append
    empty = list.clear


def test_what_was_fetched_once_is_not_fetched_again(served, cache, tmp_path):
    file_id = served.put(CONTENT)
    get(client(served, cache), file_id, tmp_path / "a.fits")
    assert names(cache) == [SHA]
    assert (cache.root / SHA).stat().st_mode & 0o777 == 0o400
    # the server's bytes are gone, and it has not noticed: they cannot come from there
    path = served.store.path(file_id)
    path.chmod(0o600)
    path.write_bytes(bytes(len(CONTENT)))
    path.chmod(0o400)
    get(client(served, cache), file_id, tmp_path / "b.fits")
    assert (tmp_path / "b.fits").read_bytes() == CONTENT
    assert (tmp_path / "b.fits").stat().st_mode & 0o600 == 0o600
    with pytest.raises(ChecksumMismatch):
        get(client(served, None), file_id, tmp_path / "c.fits")
    # now it knows that its own are bad: the right ones of here are good for who may see the file
    assert served.state(file_id) == ("stored", "bad")
    get(client(served, cache), file_id, tmp_path / "d.fits")
    assert (tmp_path / "d.fits").read_bytes() == CONTENT


def test_the_rights_are_asked_for_each_time(served, cache, tmp_path):
    file_id = served.put(CONTENT, level=1)
    get(client(served, cache), file_id, tmp_path / "a.fits")
    for person in ("other", None):
        with pytest.raises(FileGone, match="not visible to you"):
            get(client(served, cache, person), file_id, tmp_path / "b.fits")
    served.link(file_id, 4)
    get(client(served, cache, "other"), file_id, tmp_path / "b.fits")
    served.link(file_id, 1)
    with pytest.raises(FileGone, match="not visible to you"):
        get(client(served, cache, "other"), file_id, tmp_path / "c.fits")
    served.stop()
    with pytest.raises(DataserverError, match="does not answer"):
        get(client(served, cache), file_id, tmp_path / "c.fits")
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("kind", ["flipped", "cut", "link", "pipe", "folder"])
def test_what_is_not_right_any_more_is_fetched_again(served, cache, tmp_path, kind):
    file_id = served.put(CONTENT)
    get(client(served, cache), file_id, tmp_path / "a.fits")
    kept = cache.root / SHA
    kept.chmod(0o600)
    victim = tmp_path / "victim"
    victim.write_bytes(CONTENT)
    if kind == "flipped":
        kept.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    elif kind == "cut":
        os.truncate(kept, 1000)
    else:
        kept.unlink()
    if kind == "link":
        kept.symlink_to(victim)
    elif kind == "pipe":
        os.mkfifo(kept)
    elif kind == "folder":
        kept.mkdir()
    get(client(served, cache), file_id, tmp_path / "b.fits")
    assert (tmp_path / "b.fits").read_bytes() == CONTENT
    assert victim.read_bytes() == CONTENT
    if kind in ("flipped", "cut"):
        assert hashlib.sha256(kept.read_bytes()).hexdigest() == SHA


def test_what_is_used_last_goes_last(cache, tmp_path):
    contents = [bytes([number]) * 1_500_000 for number in range(5)]
    shas = [hashlib.sha256(content).hexdigest() for content in contents]
    for number, content in enumerate(contents[:3]):
        (tmp_path / "f").write_bytes(content)
        assert cache.take(tmp_path / "f", shas[number], len(content))
        os.utime(cache.root / shas[number], (number, number))
    sink = Sink()
    assert cache.give(shas[0], 1_500_000, sink)  # used now
    assert b"".join(sink) == contents[0]
    for number in (3, 4):
        (tmp_path / "f").write_bytes(contents[number])
        assert cache.take(tmp_path / "f", shas[number], 1_500_000)
    assert names(cache) == sorted([shas[0], shas[3], shas[4]])
    (tmp_path / "f").write_bytes(bytes(5_000_001))
    assert not cache.take(tmp_path / "f", "0" * 64, 5_000_001)
    assert len(names(cache)) == 3


def test_a_folder_that_others_may_enter_is_refused(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open").chmod(0o755)
    with pytest.raises(ConfigError, match="chmod 700"):
        Cache(tmp_path / "open", 10)
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(ConfigError, match="not a folder of this account"):
        Cache(tmp_path / "link", 10)


WORKER = """
import hashlib, os, random, sys
from pathlib import Path
from awe.dataserver.cache import Cache
root, limit, seed, folder = sys.argv[1:]
numbers = random.Random(int(seed))
cache = Cache(Path(root), int(limit))
source = Path(folder) / f"source-{seed}"
class Sink(list):
    write = list.append
    empty = list.clear
print("ready", flush=True)
while True:
    content = bytes([numbers.randrange(12)]) * numbers.randrange(200_000, 900_000)
    sha256 = hashlib.sha256(content).hexdigest()
    source.write_bytes(content)
    if numbers.random() < 0.5:
        cache.take(source, sha256, len(content))
    else:
        sink = Sink()
        if cache.give(sha256, len(content), sink):
            assert b"".join(sink) == content
"""


def test_processes_side_by_side_and_killed_keep_the_limit_and_right_bytes(cache, tmp_path):
    command = [sys.executable, "-c", WORKER, str(cache.root), str(cache.limit)]
    numbers = random.Random(2)
    most = 0
    for round_ in range(6):
        running = [
            subprocess.Popen([*command, str(10 * round_ + n), str(tmp_path)],
                             stdout=subprocess.PIPE, text=True)
            for n in range(3)
        ]  # fmt: skip
        try:
            for process in running:
                assert process.stdout.readline() == "ready\n"
            until = time.monotonic() + numbers.uniform(0.2, 0.8)
            while time.monotonic() < until:
                most = max(most, cache.used())
            assert [process.poll() for process in running] == [None] * 3
        finally:
            for process in running:
                process.kill()
            for process in running:
                process.wait()
                process.stdout.close()
        for name in names(cache):
            if not name.endswith(".part"):
                content = (cache.root / name).read_bytes()
                assert hashlib.sha256(content).hexdigest() == name
    assert 2_000_000 < most <= cache.limit
    # what killed processes left is in the way for an hour, and then not
    for path in cache.root.glob("*.part"):
        os.utime(path, (time.time() - STALE - 10,) * 2)
    (tmp_path / "f").write_bytes(CONTENT)
    assert cache.take(tmp_path / "f", SHA, len(CONTENT))
    assert not list(cache.root.glob("*.part"))
    assert cache.used() <= cache.limit
