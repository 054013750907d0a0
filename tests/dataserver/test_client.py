"""The client when this machine, the line or the person at the prompt gets in the way."""

import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
import uuid
import zlib

import pytest
from prompt_faults import tiny_disk

from awe.dataserver import answers
from awe.dataserver.client import Client
from awe.dataserver.upload import Outgoing
from awe.errors import ChecksumMismatch, DataserverError, DiskFull, FileGone, FileTaken

CONTENT = random.Random(5).randbytes(6_000_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


class Cutting:
    """A relay before the dataserver that breaks off each of the first answers half-way."""

    def __init__(self, port, cuts, after):
        self.target = port
        self.cuts = cuts
        self.after = after
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while True:
            line, _ = self.listener.accept()
            with line, socket.create_connection(("127.0.0.1", self.target)) as server:
                asked = line.recv(65536)
                if not asked:
                    return
                self.requests.append(asked.decode())
                server.sendall(asked.replace(b"keep-alive", b"close"))
                left = self.after if len(self.requests) <= self.cuts else 1 << 40
                while left > 0 and (block := server.recv(65536)):
                    line.sendall(block[:left])
                    left -= len(block)

    def close(self):
        socket.create_connection(("127.0.0.1", self.port)).close()
        self.thread.join()
        self.listener.close()


def test_broken_transfer_continues_where_it_stopped(served, tmp_path):
    # asked as nobody: to a relay no ticket is shown
    file_id = served.put(CONTENT, level=4)
    relay = Cutting(served.port, cuts=2, after=2_000_000)
    client = Client(f"http://127.0.0.1:{relay.port}")
    try:
        client.get(file_id, tmp_path / "a.fits", sha256=SHA, size=len(CONTENT))
    finally:
        client.close()
        relay.close()
    assert (tmp_path / "a.fits").read_bytes() == CONTENT
    ranges = ["range: bytes=" in request.lower() for request in relay.requests]
    assert ranges == [False, True, True]


def test_line_that_always_breaks_gives_up_and_leaves_nothing(served, tmp_path):
    # asked as nobody: to a relay no ticket is shown
    file_id = served.put(CONTENT, level=4)
    relay = Cutting(served.port, cuts=9, after=100_000)
    client = Client(f"http://127.0.0.1:{relay.port}")
    try:
        with pytest.raises(DataserverError, match=r"does not answer.*awe-admin start"):
            client.get(file_id, tmp_path / "a.fits", sha256=SHA, size=len(CONTENT))
    finally:
        client.close()
        relay.close()
    assert len(relay.requests) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["files"]


GETTER = """
import sys
from awe.dataserver.client import Client
url, ticket, file_id, target, sha256, size = sys.argv[1:]
print("ready", flush=True)
for number in range(1000):
    path = f"{target}/{number}.fits"
    Client(url, lambda: ticket).get(file_id, path, sha256=sha256, size=int(size))
"""


def interrupt(process):
    """Press Ctrl-C; twice where python drops one because it comes while an object is finalised."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


def test_interrupt_leaves_no_half_file_under_a_name_of_data(served, tmp_path):
    file_id = served.put(CONTENT)
    folder = tmp_path / "here"
    folder.mkdir()
    arguments = [served.url, served.ticket("student"), str(file_id), str(folder), SHA]
    for wait in (0.25, 0.33, 0.41):
        process = subprocess.Popen(
            [sys.executable, "-c", GETTER, *arguments, str(len(CONTENT))],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout.readline() == "ready\n"
            time.sleep(wait)
            interrupt(process)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        for path in folder.glob("*.fits"):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == SHA
            path.unlink()
        # the file that was under way, for the next try
        assert {path.name for path in folder.iterdir()} <= {f".{file_id}.part"}


def test_full_local_disk_keeps_what_was_there(served, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    with tiny_disk(small, "2m"):
        file_id = served.put(CONTENT)
        (small / "a.fits").write_bytes(b"old")
        client = served.client()
        with pytest.raises(DiskFull, match=r"no space left here for .*a\.fits"):
            client.get(file_id, small / "a.fits", sha256=SHA, size=len(CONTENT), replace=True)
        assert (small / "a.fits").read_bytes() == b"old"
        assert [p.name for p in small.iterdir()] == ["a.fits"]


def test_server_restarted_in_between_is_not_noticed(served, tmp_path):
    file_id = served.put(CONTENT)
    client = served.client()
    client.get(file_id, tmp_path / "a", sha256=SHA, size=len(CONTENT))
    served.stop()
    served.start()
    client.base_url = served.url
    client.get(file_id, tmp_path / "b", sha256=SHA, size=len(CONTENT))
    assert (tmp_path / "b").read_bytes() == CONTENT


def link(served, file_id, target, person="student"):
    return served.client(person).get(file_id, target, sha256=SHA, size=len(CONTENT), link=True)


def test_a_file_of_this_machine_is_linked_to_and_cannot_be_written(served, tmp_path):
    file_id = served.put(CONTENT)
    target = link(served, file_id, tmp_path / "a b.fits")
    assert target.is_symlink()
    assert target.resolve() == served.store.path(file_id).resolve()
    assert target.read_bytes() == CONTENT
    assert target.stat().st_mode & 0o777 == 0o400
    target.unlink()
    assert served.store.path(file_id).read_bytes() == CONTENT
    copied = served.client().get(file_id, tmp_path / "c.fits", sha256=SHA, size=len(CONTENT))
    assert not copied.is_symlink()


def test_who_may_not_read_is_not_told_where_a_file_lies(served, tmp_path):
    import httpx

    file_id = served.put(CONTENT)
    for person in (None, "other"):
        shown = {"awe-near": "path"}
        if person:
            shown["authorization"] = f"Bearer {served.ticket(person)}"
        answer = httpx.head(f"{served.url}/file/{file_id}", headers=shown)
        assert answer.status_code == 404
        assert "content-location" not in answer.headers
        with pytest.raises(FileGone):
            link(served, file_id, tmp_path / "a.fits", person)
    assert list(tmp_path.glob("*.fits")) == []


def test_a_damaged_file_is_not_linked_to(served, tmp_path):
    file_id = served.put(CONTENT)
    path = served.store.path(file_id)
    path.chmod(0o600)
    with path.open("r+b") as stream:
        stream.seek(1000)
        stream.write(bytes([CONTENT[1000] ^ 1]))
    with pytest.raises(ChecksumMismatch):
        link(served, file_id, tmp_path / "a.fits")
    assert list(tmp_path.glob("*.fits")) == []


def test_what_cannot_be_opened_here_is_fetched(served, tmp_path, monkeypatch):
    import os

    file_id = served.put(CONTENT)
    client = served.client()
    asked = []

    really = os.open

    def closed(path, *arguments, **keywords):
        if not str(path).startswith(str(served.root.absolute())):
            return really(path, *arguments, **keywords)
        asked.append(path)
        raise PermissionError(13, "closed to this account", path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", closed)
        for name in ("a.fits", "b.fits"):
            target = client.get(
                file_id, tmp_path / name, sha256=SHA, size=len(CONTENT), link=True
            )
            assert not target.is_symlink()
            assert target.read_bytes() == CONTENT
    assert len(asked) == 1  # and it is not tried again


class Endless:
    """A server that answers every request with more bytes than anybody asked for."""

    def __init__(self):
        self.sent = 0
        self.asked = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while True:
            line, _ = self.listener.accept()
            with line:
                if not line.recv(65536):
                    return
                self.asked += 1
                try:
                    line.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
                    for _ in range(600):
                        line.sendall(b"x" * (1 << 20))
                        self.sent += 1 << 20
                except OSError:
                    continue

    def close(self):
        socket.create_connection(("127.0.0.1", int(self.url.rpartition(":")[2]))).close()
        self.thread.join()
        self.listener.close()


def test_an_endless_answer_ends_at_the_size_that_is_known(tmp_path):
    server = Endless()
    client = Client(server.url)
    try:
        with pytest.raises(DataserverError, match="longer than the 15 bytes that were stored"):
            client.get("0" * 32, tmp_path / "a.fits", sha256=SHA, size=15)
        assert client.beginning("0" * 32, "a.fits", sha256=SHA, length=100) == b"x" * 100
    finally:
        client.close()
        server.close()
    assert server.asked == 2
    assert server.sent < 100 << 20
    assert list(tmp_path.iterdir()) == []


def bomb():
    """An answer of 300 kB that unpacks to 300 MB of message."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packer.compress(b'{"message": "')
    packed += b"".join(packer.compress(b"x" * (1 << 20)) for _ in range(300)) + packer.flush()
    length = f"content-length: {len(packed)}\r\n\r\n".encode()
    return b"HTTP/1.1 404 Not Found\r\ncontent-encoding: gzip\r\n" + length + packed


def endless(status):
    yield f"HTTP/1.1 {status} No\r\nconnection: close\r\n\r\n".encode()
    for _ in range(2000):
        yield b"[" * (1 << 20)


def drip():
    yield b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n"
    for _ in range(15):
        yield b"x"
        time.sleep(0.2)


HOSTILE = {
    "a packed refusal": lambda: [bomb()],
    "an endless refusal": lambda: endless(404),
    "an endless fault": lambda: endless(500),
    "a redirection": lambda: [b"HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\n\r\n"],
    "a message of control sequences": lambda: [
        b"HTTP/1.1 404 No\r\ncontent-length: 37\r\n\r\n",
        b'{"message": "\\u001b[2J\\u0007' + b"x" * 9 + b'"}',
    ],
    "a byte now and then": drip,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_costs_neither_memory_nor_time(tmp_path, monkeypatch, name):
    monkeypatch.setattr(answers, "PATIENCE", 0.5)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(30)
    over = threading.Event()
    sent = []

    def serve():
        while not over.is_set():
            line = listener.accept()[0]
            with line:
                line.settimeout(10)
                try:
                    if not line.recv(65536):
                        continue
                    for part in HOSTILE[name]():
                        line.sendall(part)
                        sent.append(len(part))
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}")
    tracemalloc.start()
    started = time.monotonic()
    try:
        with pytest.raises((DataserverError, FileGone)) as caught:
            client.get("0" * 32, tmp_path / "a.fits", sha256=SHA, size=15)
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        client.close()
        over.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join()
        listener.close()
    assert time.monotonic() - started < 10
    assert len(str(caught.value)) < 1000
    assert list(tmp_path.iterdir()) == []
    assert taken < 20 << 20
    assert sum(sent) < 40 << 20


def test_a_pipe_the_server_points_to_holds_nobody(served, tmp_path, monkeypatch):
    file_id = served.put(CONTENT)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr(Client, "told_place", lambda *_: pipe)
    target = tmp_path / "a.fits"
    served.client().get(file_id, target, sha256=SHA, size=len(CONTENT), link=True)
    assert not target.is_symlink()
    assert target.read_bytes() == CONTENT


def test_a_pipe_in_the_place_of_the_target_holds_nobody(served, tmp_path):
    file_id = served.put(b"")
    target = tmp_path / "a.fits"
    os.mkfifo(target)
    with pytest.raises(FileTaken, match="replace=True"):
        served.client().get(file_id, target, sha256=hashlib.sha256().hexdigest(), size=0)


def test_the_beginning_of_a_file_comes_alone(served):
    file_id = served.put(CONTENT)
    client = served.client()
    assert client.beginning(file_id, "a.fits", sha256=SHA, length=3000) == CONTENT[:3000]
    assert client.beginning(file_id, "a.fits", sha256=SHA, length=1 << 24) == CONTENT
    with pytest.raises(FileGone):
        client.beginning(uuid.uuid4(), "a.fits", sha256=SHA, length=10)


def test_parts_are_stored_as_the_file_they_are(served, tmp_path):
    client = served.client()
    for number, size in enumerate((10, 70_000, len(CONTENT))):
        content = CONTENT[:size]
        parts = (content[:7], memoryview(content)[7:])
        digest = hashlib.sha256(content).hexdigest()
        file_id = served.reserve_file(name=f"{number}.fits")
        client.put(file_id, Outgoing(name=f"{number}.fits", parts=parts), sha256=digest)
        client.get(file_id, tmp_path / f"{number}", sha256=digest, size=size)
        assert (tmp_path / f"{number}").read_bytes() == content
    wrong = served.reserve_file(name="wrong.fits")
    content = Outgoing(name="wrong.fits", parts=(CONTENT,))
    with pytest.raises(ChecksumMismatch):
        client.put(wrong, content, sha256=digest.replace("a", "b"))
