"""Downloads that were broken off, by whatever, and go on later."""

import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid

import pytest

from awe.dataserver.client import Client
from awe.dataserver.part import KEPT, Part, _forget_old
from awe.errors import DataserverError

CONTENT = random.Random(7).randbytes(6_000_000)
SHA = hashlib.sha256(CONTENT).hexdigest()
BEFORE = 2_500_000


class Holding:
    """A relay that holds back, or cuts off, the first answers after some bytes."""

    def __init__(self, port, *, held=0, cut=0):
        self.port = port
        self.held, self.cut = held, cut
        self.asked = []
        self.passed = []
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.over.is_set():
            line, _ = self.listener.accept()
            with line, socket.create_connection(("127.0.0.1", self.port)) as server:
                asked = line.recv(65536)
                if asked:
                    self.asked.append(asked.decode().lower())
                    server.sendall(asked.replace(b"keep-alive", b"close"))
                    self.passed.append(self._pass_on(server, line))

    def _pass_on(self, server, line):
        number = len(self.asked)
        passed = 0
        try:
            while block := server.recv(65536):
                line.sendall(block)
                passed += len(block)
                if passed >= BEFORE and number <= self.cut:
                    break
                if passed >= BEFORE and number <= self.held:
                    line.settimeout(60)
                    line.recv(1)  # until whoever asked is gone
                    break
        except OSError:
            pass
        return passed

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        socket.create_connection(("127.0.0.1", int(self.url.rpartition(":")[2]))).close()
        self.thread.join()
        self.listener.close()


GETTER = """
import sys
from awe.dataserver.client import Client
url, file_id, target, sha256, size = sys.argv[1:]
Client(url).get(file_id, target, sha256=sha256, size=int(size))
"""


def ended(relay, file_id, target, how):
    """Fetch in a process of its own, and end that half-way by a signal."""
    part = target.with_name(f".{file_id}.part")
    arguments = [relay.url, str(file_id), str(target), SHA, str(len(CONTENT))]
    process = subprocess.Popen(
        [sys.executable, "-c", GETTER, *arguments], stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 20
        while not (part.exists() and part.stat().st_size > BEFORE - 100_000):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(how)
        process.wait(timeout=10)
    finally:
        process.kill()
        process.wait()
    return part


def get(client, file_id, target, **how):
    return client.get(file_id, target, sha256=SHA, size=len(CONTENT), **how)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_what_a_killed_process_has_fetched_is_not_fetched_again(served, tmp_path, how):
    file_id = served.put(CONTENT, level=4)
    target = tmp_path / "a.fits"
    with Holding(served.port, held=1) as relay:
        part = ended(relay, file_id, target, how)
        have = part.stat().st_size
        assert not target.exists()
        client = Client(relay.url)
        get(client, file_id, target)
        client.close()
        assert f"range: bytes={have}-\r\n" in relay.asked[-1]
        assert f'if-range: "{SHA}"' in relay.asked[-1]
        deadline = time.monotonic() + 5
        while len(relay.passed) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert relay.passed[-1] < len(CONTENT) - have + 2000
    assert target.read_bytes() == CONTENT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.fits", "files"]


def test_after_the_last_try_the_next_call_goes_on(served, tmp_path):
    file_id = served.put(CONTENT, level=4)
    target = tmp_path / "a.fits"
    with Holding(served.port, cut=2) as relay:
        client = Client(relay.url)
        client._tried = lambda action, name: action()  # one try for each call
        for _ in range(2):
            with pytest.raises(DataserverError):
                get(client, file_id, target)
        get(client, file_id, target)
        client.close()
        begins = [asked.partition("range: bytes=")[2].partition("-")[0] for asked in relay.asked]
    assert begins[0] == ""
    assert 0 < int(begins[1]) < int(begins[2])
    assert target.read_bytes() == CONTENT


def planted(kind, part, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    if kind == "link":
        part.symlink_to(victim)
    elif kind == "second name":
        part.hardlink_to(victim)
    elif kind == "pipe":
        os.mkfifo(part)
    elif kind == "folder":
        part.mkdir()
    elif kind == "other bytes":
        part.write_bytes(bytes(3_000_000))
    elif kind == "more bytes":
        part.write_bytes(bytes(9_000_000))
    return victim


@pytest.mark.parametrize(
    "kind", ["link", "second name", "pipe", "folder", "other bytes", "more bytes"]
)
def test_what_lies_in_the_place_of_a_part_does_no_harm(served, tmp_path, kind):
    file_id = served.put(CONTENT)
    folder = tmp_path / "here"
    folder.mkdir()
    victim = planted(kind, folder / f".{file_id}.part", tmp_path)
    get(served.client(), file_id, folder / "a.fits")
    assert (folder / "a.fits").read_bytes() == CONTENT
    assert victim.read_bytes() == b"mine"
    mine = {"a.fits"} if kind.endswith("bytes") else {"a.fits", f".{file_id}.part"}
    assert {path.name for path in folder.iterdir()} == mine


def test_another_accounts_part_is_left_alone(served, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can make files of other accounts")
    file_id = served.put(CONTENT)
    part = tmp_path / f".{file_id}.part"
    part.write_bytes(CONTENT[:-1] + b"x")
    os.chown(part, 65534, 65534)
    get(served.client(), file_id, tmp_path / "a.fits")
    assert (tmp_path / "a.fits").read_bytes() == CONTENT
    assert part.read_bytes()[-1:] == b"x"


def test_two_processes_fetch_one_file_side_by_side(served, tmp_path):
    file_id = served.put(CONTENT, level=4)
    names = [tmp_path / f"{number}.fits" for number in range(4)]
    arguments = [served.url, str(file_id)]
    command = [sys.executable, "-c", GETTER, *arguments]
    running = [subprocess.Popen([*command, str(name), SHA, str(len(CONTENT))]) for name in names]
    assert [process.wait(timeout=60) for process in running] == [0] * 4
    for name in names:
        assert name.read_bytes() == CONTENT
    assert not list(tmp_path.glob(".*"))


def test_a_part_is_of_one_process_and_what_lost_its_name_is_nobodys(tmp_path):
    file_id = str(uuid.uuid4())
    with Part(tmp_path / "a", file_id) as first, Part(tmp_path / "b", file_id) as second:
        assert first.path.name == f".{file_id}.part"
        assert second.path != first.path
        first.write(bytes(1 << 20))
        second.write(bytes(1 << 20))
        first.keep = second.keep = True
    assert [path.name for path in tmp_path.iterdir()] == [first.path.name]
    with Part(tmp_path / "a", file_id) as third:
        assert third.size == 1 << 20
        third.path.rename(tmp_path / "a")  # as when it is complete
        with Part(tmp_path / "a", file_id) as fourth:
            fourth.write(b"x")
    assert (tmp_path / "a").stat().st_size == 1 << 20


def test_old_parts_go_and_nothing_else_of_such_a_name(tmp_path):
    old = time.time() - KEPT - 60
    ours = tmp_path / f".{uuid.uuid4()}.part"
    own = tmp_path / f".{uuid.uuid4()}.0123abcd.part"
    young = tmp_path / f".{uuid.uuid4()}.part"
    others = [tmp_path / name for name in (".a.part", "a.part", f"{uuid.uuid4()}.part")]
    for path in (ours, own, young, *others):
        path.write_bytes(b"x")
        if path != young:
            os.utime(path, (old, old))
    _forget_old.cache_clear()
    with Part(tmp_path / "a", str(uuid.uuid4())):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in (young, *others)}
