"""The windows of `inspect()` as a page of a browser, served on this machine to one person.

The server listens on loopback. Who has the token of the address sees the windows and presses
keys in them; it is behind the `#`, so no browser sends it along, no other page of the browser can
know it, and it is in no log. Requests for another host, or from another page, are refused.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from awe.inspect import webcanvas

__all__ = ["Page"]

HERE = Path(__file__).parent / "static"
#: port that is taken if it is free, so that a tunnel of ssh can be kept
PORT = 8989
LOOPBACK = ("127.0.0.1", "localhost", "::1")
#: pages that look at once; messages that wait for one that does not read; bytes of a request
PAGES, WAITING, LONGEST = 8, 2000, 1 << 16
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
FILES = {"/": ("browser.html", "text/html"), "/browser.js": ("browser.js", "text/javascript"),
         "/browser.css": ("browser.css", "text/css")}  # fmt: skip


class _Looker:
    """One page that looks."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.lines: dict[int, _Line] = {}

    def put(self, number: int, kind: int, content: bytes) -> None:
        if self.queue.qsize() > WAITING:
            self.queue.put_nowait(None)
        elif self.queue.qsize() <= WAITING:
            self.queue.put_nowait(struct.pack(">IIB", len(content), number, kind) + content)


class _Line:
    """How one window tells one page; matplotlib calls such a thing a web socket."""

    def __init__(self, looker: _Looker, number: int) -> None:
        self._looker, self._number = looker, number

    def send_json(self, content: dict[str, Any]) -> None:
        self._looker.put(self._number, 0, json.dumps(content).encode())

    def send_binary(self, content: bytes) -> None:
        self._looker.put(self._number, 1, content)


class Page:
    """The page and its server.

    Attributes
    ----------
    address : str
        Where the page is, token included.
    """

    def __init__(self) -> None:
        self._token = secrets.token_urlsafe(24)
        self._socket = _listening()
        self.port = self._socket.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/#{self._token}"
        self._lookers: set[_Looker] = set()
        webcanvas.appeared.append(self._appeared)

    async def serve(self) -> None:
        """Answer requests, until the process ends."""
        routes = [
            *(Route(path, self._file) for path in FILES),
            Route("/events", self._events),
            Route("/done", self._done, methods=["POST"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), log_config=None, access_log=False, server_header=False,
            lifespan="off", ws="none", limit_concurrency=64,
        )  # fmt: skip
        await uvicorn.Server(config).serve(sockets=[self._socket])

    def _appeared(self, window: Any) -> None:
        for looker in self._lookers:
            self._join(looker, window)

    @staticmethod
    def _join(looker: _Looker, window: Any) -> None:
        line = looker.lines[window.num] = _Line(looker, window.num)
        line.send_json({"type": "appeared", "title": window.get_window_title()})
        window.add_web_socket(line)

    # requests

    def _refused(self, request: Request, *, secret: bool) -> Response | None:
        """Return the answer to a request that is not of the one who has the address."""
        host = request.headers.get("host", "")
        if (urlsplit(f"//{host}").hostname or "") not in LOOPBACK:
            return _said(421, "this page is at 127.0.0.1")
        origin = request.headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return _said(403, "this page answers to itself alone")
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return _said(403, "this page answers to itself alone")
        shown = request.headers.get("authorization", "")
        if secret and not secrets.compare_digest(shown.encode(), f"Bearer {self._token}".encode()):
            return _said(401, "type the whole address, with what is behind the #")
        return None

    async def _file(self, request: Request) -> Response:
        # a link from another page or a mail may lead here: the token is not in the request
        host = request.headers.get("host", "")
        if (urlsplit(f"//{host}").hostname or "") not in LOOPBACK:
            return _said(421, "this page is at 127.0.0.1")
        name, kind = FILES[request.url.path]
        return Response((HERE / name).read_bytes(), headers=HEADERS, media_type=kind)

    async def _events(self, request: Request) -> Response:
        refused = self._refused(request, secret=True)
        if refused is None and len(self._lookers) >= PAGES:
            refused = _said(429, f"{PAGES} pages look already; close one")
        if refused is not None:
            return refused
        return StreamingResponse(self._told(), headers=HEADERS,
                                 media_type="application/octet-stream")  # fmt: skip

    async def _told(self) -> AsyncIterator[bytes]:
        looker = _Looker()
        self._lookers.add(looker)
        try:
            looker.put(0, 0, json.dumps({"type": "hello"}).encode())
            for window in list(webcanvas.shown.values()):
                self._join(looker, window)
            while (content := await looker.queue.get()) is not None:
                yield content
        finally:
            self._lookers.discard(looker)
            for number, line in looker.lines.items():
                window = webcanvas.shown.get(number)
                if window is not None and line in window.web_sockets:
                    window.remove_web_socket(line)

    async def _done(self, request: Request) -> Response:
        refused = self._refused(request, secret=True)
        if refused is not None:
            return refused
        body = bytearray()
        async for block in request.stream():
            body += block
            if len(body) > LONGEST:
                return _said(413, "too much at once")
        try:
            events = [(int(one["figure"]), one) for one in json.loads(body)]
        except (ValueError, TypeError, KeyError):
            return _said(400, "expected a list of what was done")
        for number, event in events:
            try:
                webcanvas.heard(number, event)
            except (KeyError, TypeError, ValueError, AttributeError):
                return _said(400, "an event lacks something, or has it in another form")
        return Response(status_code=204, headers=HEADERS)


def _said(status: int, text: str) -> Response:
    return Response(text + "\n", status, HEADERS, "text/plain")


def _listening() -> socket.socket:
    """Return a socket that listens on loopback, at the usual port or another."""
    for port in (PORT, 0):
        listener = socket.socket()
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            listener.close()
            continue
        listener.listen()
        return listener
    msg = "no port is free on 127.0.0.1"
    raise OSError(msg)
