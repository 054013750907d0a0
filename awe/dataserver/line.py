"""Connections of the client: each one proven before anything secret goes over it.

Owns the opening of connections to the dataserver and the word that is said when an answer takes
long. Proving costs one question per connection and nothing per request.
"""

from __future__ import annotations

import select
import ssl
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx

from awe.dataserver import proof

__all__ = ["session", "transport"]

#: Seconds of silence after which it is said who is waited for.
SILENCE = 3.0


def session(
    base_url: str, ticket: Callable[[], str | None], *, sending: float, silence: float
) -> httpx.Client:
    """Return a client of a dataserver, with connections that prove who answers.

    Parameters
    ----------
    base_url : str
        Its address: over https the certificate is the proof, of an authority of this system's or
        of `SSL_CERT_FILE`.
    ticket : callable
        Function that returns the ticket to show.
    sending, silence : float
        Seconds for what is sent, and for the next bytes of an answer.
    """
    encrypted = base_url.startswith("https:")
    return httpx.Client(
        timeout=httpx.Timeout(sending, connect=5.0, read=silence),
        # A proxy or a redirect would see the ticket without having proven itself.
        trust_env=False,
        follow_redirects=False,
        # certificates take longer to read than a small file to send
        verify=ssl.create_default_context() if encrypted else False,
        transport=None if encrypted else transport(ticket),
    )


def transport(ticket: Callable[[], str | None]) -> httpx.HTTPTransport:
    """Return a transport for http whose connections are proven with the ticket there is."""
    made = httpx.HTTPTransport(verify=False, trust_env=False)
    # httpx offers no way to name the backend of its pool
    made._pool = httpcore.ConnectionPool(
        network_backend=_Proven(ticket),
        keepalive_expiry=5.0,
        max_connections=100,
        max_keepalive_connections=20,
    )
    return made


class _Proven(httpcore.NetworkBackend):
    """Opens connections and asks who is there."""

    def __init__(self, ticket: Callable[[], str | None]) -> None:
        self._ticket = ticket
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection that has proven itself."""
        inner = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        stream = _Patient(inner, f"{host}:{port}")
        secret = self._ticket()
        if secret:
            try:
                proof.ask(stream, secret, _reached(inner, host, port))
            except BaseException:
                stream.close()
                raise
        return stream


def _reached(stream: httpcore.NetworkStream, host: str, port: int) -> str:
    """Return the address to be proven: on this machine the one that answers, not its name.

    `localhost` is two addresses, and whoever holds the other one could pass the question on.
    """
    answers = stream.get_extra_info("server_addr")[0]
    with suppress(ValueError):
        if ip_address(answers).is_loopback:
            return f"{answers}:{port}"
    return f"{host}:{port}"


class _Patient(httpcore.NetworkStream):
    """A connection that says so when an answer takes long."""

    def __init__(self, inner: httpcore.NetworkStream, address: str) -> None:
        self._inner = inner
        self._address = address
        self._asked = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return some bytes; before the first of an answer, say whom one waits for."""
        if self._asked:
            self._asked = False
            # poll, because select fails for descriptors from 1024 on.
            waiting = select.poll()
            waiting.register(self._inner.get_extra_info("socket"), select.POLLIN)
            if not waiting.poll(1000 * min(SILENCE, timeout or SILENCE)):
                sys.stderr.write(f"waiting for the file server at {self._address}\n")
        return self._inner.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes."""
        self._asked = True
        # what was not taken at once is cut off behind it, without a copy of the rest
        self._inner.write(memoryview(buffer), timeout)  # type: ignore[arg-type]

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Go on encrypted."""
        return self._inner.start_tls(ssl_context, server_hostname, timeout)

    def get_extra_info(self, info: str) -> Any:
        """Return what is known of the connection."""
        return self._inner.get_extra_info(info)
