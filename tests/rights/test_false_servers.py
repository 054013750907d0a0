"""Attacks by whoever binds the dataserver's port: no ticket is ever shown to them."""

from __future__ import annotations

import hashlib
import re
import socket
import threading
import time
from contextlib import contextmanager, suppress

import pytest

from awe.dataserver import proof
from awe.dataserver.client import Client
from awe.errors import DataserverError
from tests.dataserver.conftest import Running

#: It is told as another's, or as not answering.
NOT_OURS = re.compile("your database|does not answer")
CONTENT = b"a private frame" * 100


@pytest.fixture(scope="module")
def served(standing, tmp_path_factory):
    running = Running(standing, tmp_path_factory.mktemp("served") / "files")
    running.start()
    running.number = running.put(CONTENT, "other", "private.fits", level=1)
    yield running
    running.stop()


@contextmanager
def thief(behave):
    """A listener of somebody else's; yields its port and all it was told."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    heard: list[bytes] = []
    over = threading.Event()

    def serve():
        while not over.is_set():
            try:
                client = listener.accept()[0]
            except TimeoutError:
                continue
            client.settimeout(0.5)
            try:
                behave(client, heard)
            except OSError:
                pass
            finally:
                client.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], heard
    finally:
        over.set()
        thread.join()
        listener.close()


def hear(client, heard):
    """Take what is said for half a second."""
    try:
        while part := client.recv(65536):
            heard.append(part)
            if part.endswith(b"\r\n\r\n"):
                return
    except TimeoutError:
        return


def answer(client, heard, signed):
    hear(client, heard)
    client.sendall(f"HTTP/1.1 204 No Content\r\nawe-proof: {signed}\r\n\r\n".encode())
    hear(client, heard)


def fetch(port, served, target, look_again=None):
    client = Client(f"http://127.0.0.1:{port}", lambda: served.ticket("other"),
                    look_again=look_again)
    return client.get(served.number, target, size=len(CONTENT),
                      sha256=hashlib.sha256(CONTENT).hexdigest())


def silent(client, heard):
    client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine")
    hear(client, heard)


BEHAVIOURS = {
    "H90 takes everything": hear,
    "H91 says yes to everything": lambda c, h: answer(c, h, "yes"),
    "H92 invents a proof": lambda c, h: answer(c, h, "ab" * 32),
    "H93 answers before it is asked": silent,
    "H94 is not HTTP": lambda c, h: c.sendall(b"220 smtp.example.org ESMTP\r\n"),
    "H95 gives back what it hears": lambda c, h: c.sendall(c.recv(4096)),
    "H96 signs with the ticket's public number": lambda c, h: sign_with_number(c, h),
}


def sign_with_number(client, heard):
    question = client.recv(4096)
    heard.append(question)
    named = dict(line.split(b": ", 1) for line in question.split(b"\r\n")[1:] if b": " in line)
    signed = proof.sign(bytes.fromhex(named[b"awe-ticket"].decode()),
                        named[b"awe-nonce"].decode(), named[b"awe-address"].decode())
    client.sendall(f"HTTP/1.1 204 No Content\r\nawe-proof: {signed}\r\n\r\n".encode())
    hear(client, heard)


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_a_ticket_is_not_shown_to_another_accounts_listener(served, tmp_path, name):
    with (
        thief(BEHAVIOURS[name]) as (port, heard),
        pytest.raises(DataserverError, match=NOT_OURS),
    ):
        fetch(port, served, tmp_path / "private.fits")
    assert served.ticket("other").encode() not in b"".join(heard)
    assert b"authorization" not in b"".join(heard).lower()


def flood(first, then):
    def behave(client, heard):
        heard.append(client.recv(4096))
        client.sendall(first)
        for _ in range(20000):
            client.sendall(then)

    return behave


def trickle(client, heard):
    heard.append(client.recv(4096))
    for letter in b"HTTP/1.1 204 No Content\r\nx: " + b"y" * 1000:
        client.sendall(bytes([letter]))
        time.sleep(0.1)


ENDLESS = {
    "H100 goes on for ever": flood(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
    "H101 sends chunks for ever": flood(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"1000\r\n" + b"x" * 4096 + b"\r\n",
    ),
    "H102 is about to answer for ever": flood(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "H103 says it letter by letter": trickle,
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_proof_that_does_not_end_is_no_proof(served, tmp_path, monkeypatch, name):
    monkeypatch.setattr(proof, "PATIENCE", 1.5)
    started = time.monotonic()
    with (
        thief(ENDLESS[name]) as (port, heard),
        pytest.raises(DataserverError, match=NOT_OURS),
    ):
        fetch(port, served, tmp_path / "private.fits")
    assert time.monotonic() - started < 10
    assert served.ticket("other").encode() not in b"".join(heard)


def test_h104_the_other_address_of_localhost_is_not_the_server(served, tmp_path):
    """Who listens at [::1] passes the question on to the real server at 127.0.0.1."""
    try:
        listener = socket.create_server(("::1", served.port), family=socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"no second loopback address here: {error}")
    heard = []

    def serve():
        # closed below while this waits for the next
        with suppress(OSError):
            for _ in range(4):
                client = listener.accept()[0]
                client.settimeout(0.5)
                with client:
                    relay(served.port)(client, heard)

    threading.Thread(target=serve, daemon=True).start()
    client = Client(f"http://localhost:{served.port}", lambda: served.ticket("other"))
    try:
        with suppress(DataserverError):
            client.get(served.number, tmp_path / "private.fits", size=len(CONTENT),
                       sha256=hashlib.sha256(CONTENT).hexdigest())
    finally:
        listener.close()
        client.close()
    assert served.ticket("other").encode() not in b"".join(heard)


def relay(to):
    def behave(client, heard):
        with socket.create_connection(("127.0.0.1", to), timeout=2) as real:
            real.settimeout(0.5)
            question = client.recv(65536)
            heard.append(question)
            real.sendall(question)
            client.sendall(real.recv(65536))
            hear(client, heard)

    return behave


def test_h97_a_relay_to_the_real_server_at_another_port_is_no_server(served, tmp_path):
    """The proof names the address, so it cannot be fetched elsewhere."""
    with (
        thief(relay(served.port)) as (port, heard),
        pytest.raises(DataserverError, match="ticket was not shown"),
    ):
        fetch(port, served, tmp_path / "private.fits")
    assert served.ticket("other").encode() not in b"".join(heard)


def test_h98_a_proof_of_before_is_no_proof_now(served, tmp_path):
    """Recorded between a client and the real server, said again at the next question."""
    old = proof.sign(proof.key(served.ticket("other")), "0" * 64, "127.0.0.1:1")
    with (
        thief(lambda c, h: answer(c, h, old)) as (port, heard),
        pytest.raises(DataserverError, match="ticket was not shown"),
    ):
        fetch(port, served, tmp_path / "private.fits")
    assert served.ticket("other").encode() not in b"".join(heard)


def test_h99_a_prompt_that_trusted_the_server_asks_whoever_comes_after_it(
    standing, tmp_path, tmp_path_factory
):
    """A session goes on after awe-server is gone: the thief has its very port."""
    gone = Running(standing, tmp_path_factory.mktemp("gone") / "files")
    gone.start()
    number = gone.put(CONTENT, "other", "before.fits", level=1)
    client = gone.client("other")
    how = {"size": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}
    client.get(number, tmp_path / "first.fits", **how)
    gone.stop()
    heard: list[bytes] = []
    over = threading.Event()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", gone.port))
    listener.listen()
    listener.settimeout(0.1)

    def serve():
        while not over.is_set():
            try:
                taken = listener.accept()[0]
            except TimeoutError:
                continue
            taken.settimeout(0.5)
            hear(taken, heard)
            taken.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with pytest.raises(DataserverError):
            client.get(number, tmp_path / "second.fits", **how)
    finally:
        over.set()
        thread.join()
        listener.close()
    assert heard
    assert gone.ticket("other").encode() not in b"".join(heard)


def test_the_real_server_is_found_where_the_database_says(served, tmp_path):
    """The thief has the configured port; the prompt asks the database and goes on."""
    with thief(hear) as (port, heard):
        path = fetch(port, served, tmp_path / "private.fits", look_again=lambda: served.url)
    assert path.read_bytes() == CONTENT
    assert served.ticket("other").encode() not in b"".join(heard)


def test_a_server_that_says_nothing_is_named_and_left(served, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(proof, "PATIENCE", 4.0)
    with thief(lambda c, h: time.sleep(6)) as (port, _):
        begin = time.monotonic()
        with pytest.raises(DataserverError, match="does not answer"):
            fetch(port, served, tmp_path / "private.fits")
        assert time.monotonic() - begin < 20
    assert f"waiting for the file server at 127.0.0.1:{port}" in capsys.readouterr().err


def test_one_proof_is_asked_for_each_connection_and_none_for_a_request(served, tmp_path):
    client = served.client("other")
    asked = []
    before = proof.ask
    how = {"size": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}

    def counted(*arguments):
        asked.append(arguments)
        return before(*arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(proof, "ask", counted)
        for n in range(5):
            client.get(served.number, tmp_path / f"{n}.fits", **how)
    assert len(asked) == 1


def test_only_the_owner_of_a_ticket_sees_its_key(served, standing):
    served.ticket("other")
    for person in ("student", "manager", "scientist", "outsider"):
        others = "SELECT proof FROM awe.ticket WHERE user_id <> awe.uid()"
        assert standing.rows(person, others) == []
