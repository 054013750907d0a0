"""An attacker's process: holds as many connections as it gets, and opens them again when they go.

Usage: crowding.py PORT KIND COUNT UID AGAIN PATH; KIND is idle, half or slow. Says "ready" once it
had as many as it gets, then opens up to AGAIN a second anew, until its standard input is closed.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import threading

port, kind, count, uid, again, path = sys.argv[1:]
SAYS = {
    "idle": b"",
    "half": b"GET / HTTP/1.1\r\nx: ",
    "slow": f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode(),
}
if int(uid):
    os.setgid(int(uid))
    os.setuid(int(uid))
over = threading.Event()


def opened():
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(5)
    connection.connect(("127.0.0.1", int(port)))
    connection.sendall(SAYS[kind])
    return connection


def wait_for_end():
    sys.stdin.read()
    over.set()


threading.Thread(target=wait_for_end, daemon=True).start()
watched = select.poll()
held = {}
told = False
opened_ever = 0
while not over.is_set():
    if len(held) < int(count):
        with contextlib.suppress(OSError):
            new = opened()
            # nothing is read: only the hanging up is looked for
            watched.register(new, select.POLLRDHUP)
            held[new.fileno()] = new
            opened_ever += 1
        if told:
            over.wait(1 / int(again))
    if not told and (len(held) >= int(count) or opened_ever >= 2 * int(count)):
        print("ready", flush=True)  # noqa: T201 - the test reads it
        told = True
    for number, _ in watched.poll(20 if len(held) >= int(count) else 0):
        watched.unregister(number)
        held.pop(number).close()
