"""Clients that hold connections open without asking anything cannot shut the others out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import uvicorn
from packaging.requirements import Requirement
from uvicorn.server import ServerState

from awe.dataserver import header_timeout
from awe.dataserver.server import listen

PATIENCE = 0.5


async def app(scope, receive, send):
    """Answer after as many seconds as the path says."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await asyncio.sleep(float(scope["path"][1:] or 0))
    size = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-size", size)]})
    if query := scope["query_string"]:
        await send({"type": "http.response.body", "body": bytes(int(query)), "more_body": True})
    await send({"type": "http.response.body", "body": b"fine"})


@pytest.fixture
def port(monkeypatch) -> Iterator[int]:
    monkeypatch.setattr(header_timeout, "HEADER_PATIENCE", PATIENCE)
    monkeypatch.setattr(header_timeout, "READING_PATIENCE", PATIENCE)
    listener = listen()
    config = uvicorn.Config(app, http=header_timeout.Protocol, log_level="warning", lifespan="off",
                            limit_concurrency=30, timeout_keep_alive=15)  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()
    listener.close()


def opened(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def test_who_says_nothing_is_disconnected(port):
    with closing(opened(port)) as silent:
        begin = time.monotonic()
        assert silent.recv(1) == b""
        assert PATIENCE / 2 < time.monotonic() - begin < 4


def test_who_says_it_byte_by_byte_is_disconnected(port):
    with closing(opened(port)) as trickle:
        trickle.sendall(b"GET / HTTP/1.1\r\nx: ")
        begin = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - begin < 5:
                trickle.sendall(b"y")
                time.sleep(0.05)
        assert time.monotonic() - begin < 4


def test_the_second_request_has_no_more_time_than_the_first(port):
    with closing(opened(port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
        while b"fine" not in client.recv(1000):
            continue
        time.sleep(2 * PATIENCE)
        client.sendall(b"GET / HT")
        begin = time.monotonic()
        while client.recv(1000):
            continue
        assert time.monotonic() - begin < 4


def test_a_slow_answer_and_a_slow_body_are_not_cut(port):
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert client.get(f"/{3 * PATIENCE}").text == "fine"
        time.sleep(2 * PATIENCE)

        def parts():
            for _ in range(4):
                time.sleep(PATIENCE / 2)
                yield b"1234"

        assert client.put("/", content=parts()).headers["x-size"] == "16"


def test_requests_sent_together_are_all_answered(port):
    with closing(opened(port)) as client:
        one = f"GET /{1.5 * PATIENCE} HTTP/1.1\r\nhost: here\r\n\r\n".encode()
        client.sendall(3 * one)
        said = b""
        while said.count(b"fine") < 3:
            part = client.recv(1000)
            assert part, said
            said += part


def test_many_idle_connections_keep_others_out_for_a_moment_only(port):
    idle = [opened(port) for _ in range(40)]
    try:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if httpx.get(f"http://127.0.0.1:{port}/").status_code == 200:
                break
            time.sleep(0.05)
        assert httpx.get(f"http://127.0.0.1:{port}/").text == "fine"
    finally:
        for each in idle:
            each.close()


def test_who_does_not_read_is_disconnected_and_who_reads_is_not(port):
    with closing(opened(port)) as deaf, closing(opened(port)) as reader:
        for each, size in ((deaf, 40_000_000), (reader, 8_000_000)):
            head = f"GET /0?{size} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n"
            each.sendall(head.encode())
        reader.settimeout(2)
        begin = time.monotonic()
        while b"fine" not in reader.recv(1 << 20):
            assert time.monotonic() - begin < 20
        time.sleep(3 * PATIENCE)
        taken = 0
        with contextlib.suppress(ConnectionResetError):
            while part := deaf.recv(1 << 20):
                taken += len(part)
        assert taken < 40_000_000


def test_uvicorn_is_of_a_version_these_tests_have_seen():
    """The protocol is a class of uvicorn's own, which any release may change."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    wanted = [Requirement(line) for line in tomllib.loads(text)["project"]["dependencies"]]
    (found,) = [one for one in wanted if one.name == "uvicorn"]
    assert {one.operator for one in found.specifier} == {">=", "<"}, "both bounds are stated"
    assert found.specifier.contains(uvicorn.__version__)


def test_what_is_overridden_is_there_in_uvicorn():
    own = [name for name, value in vars(header_timeout.Protocol).items() if callable(value)]
    theirs = {name for name in own if hasattr(header_timeout.H11Protocol, name)}
    assert theirs >= {
        "connection_made", "connection_lost", "data_received", "on_response_complete",
        "pause_writing", "resume_writing",
    }  # fmt: skip
    with closing(asyncio.new_event_loop()) as loop:
        made = header_timeout.H11Protocol(uvicorn.Config(app), ServerState(), {}, loop)
    for name in ("app", "config", "connections", "cycle", "limit_concurrency", "loop"):
        assert hasattr(made, name), name
