"""The process `awe-server`: dataserver, pages and the runner of jobs.

Owns one process per AWE_HOME, held by a lock: it binds 127.0.0.1, notes its port and identity in
the records of the installation, logs to `services/server.log`, and goes away cleanly on SIGTERM.
Passwords come from `services/secrets.json`, never from arguments or the environment. Refuses to
start twice.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn

from awe.config import Environment
from awe.dataserver.authorisation import Permits
from awe.dataserver.collector import collect_forever
from awe.dataserver.header_timeout import configured
from awe.dataserver.readings import Readings
from awe.dataserver.scrub import scrub_forever
from awe.dataserver.server import create_app, listen
from awe.db.server.address import connection_arguments
from awe.dpu.runner.runner import Runner
from awe.errors import AweError, ConfigError, ServiceDown
from awe.services import keeper, sharing
from awe.services.certificate import Certificate, certificate_of
from awe.services.filestore import files_of
from awe.services.foreground import log_to, only_one
from awe.services.guard import Guard
from awe.services.hold import Hold
from awe.services.installation import Installation
from awe.terminal import err
from awe.web.pages import pages

__all__ = ["main"]

_log = logging.getLogger("awe.services.server")

#: Values of `data_listen` that stand for no single address.
EVERYWHERE = ("", "0.0.0.0")
#: Seconds the database has for one of the collector's questions.
COLLECTOR_PATIENCE = 120.0


def main() -> int:
    """Run until SIGTERM; return the exit code."""
    environment = Environment.load()
    folder = environment.home / "services"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log_to(folder / "server.log")
    try:
        with only_one(folder / "server.lock", "awe-server"):
            _serve(environment, folder)
    except AweError as error:
        _log.error("%s", error)
        err(f"awe-server: {error}\n")
        return 1
    return 0


def _serve(environment: Environment, folder: Path) -> None:
    house = Installation(environment.home)
    known = house.secrets
    if "awe_dataserver" not in known:
        msg = f"no password of awe_dataserver in {folder / 'secrets.json'}; run 'awe-admin start'"
        raise ConfigError(msg)
    login = connection_arguments(
        environment.database_name, "awe_dataserver", known["awe_dataserver"]
    )
    hold = Hold(login, str(environment.home))
    # First: two servers of one database would clear files and run jobs of each other.
    hold.take()
    permits = Permits(login)
    # who collects and who reads files again go over all of them, and have time
    collecting = Permits(login, limit=2, patience=COLLECTOR_PATIENCE)
    # no logins of sessions of a process before this one: their cookies are dead
    permits.page_sweep(every=True)
    store = files_of(environment.home)
    readings = Readings()
    stop = threading.Event()
    certificate = certificate_of(environment)
    listener = _listen(environment)
    # behind another machine's name; of this machine only the address really listened at counts
    named = environment.data_server not in ("127.0.0.1", "localhost", "::1")
    advertised = (f"{environment.data_server}:{environment.data_port}",) if named else ()
    port = listener.getsockname()[1]
    # all addresses of the machine are listened at, or one: workers here use that
    near = environment.data_listen if environment.data_listen not in EVERYWHERE else "127.0.0.1"
    protocol = "http"
    if certificate is not None:
        # it is of a name, by which they ask here too
        near, protocol = environment.data_server, "https"
    environment = replace(
        environment, data_server=near, data_port=str(port), data_protocol=protocol
    )
    threads = [
        threading.Thread(target=collect_forever, args=(store, collecting, stop), name="collector"),
        threading.Thread(target=scrub_forever, args=(store, collecting, stop), name="scrub"),
        threading.Thread(target=readings.keep_forever, args=(collecting, stop), name="readings"),
        threading.Thread(target=hold.keep, args=(stop, _end_this), name="hold"),
        threading.Thread(target=_keep_keeper, args=(house, stop), name="keeper"),
        *_threads_of_jobs(environment, known, stop),
    ]
    for thread in threads:
        thread.start()
    try:
        # Known when the socket listens already: who connects before uvicorn runs waits in its
        # queue. The record comes last, because a start takes it as the sign that all is well.
        permits.here(f"{near}:{port}")
        house.note_server(data_server=near, data_port=port, data_protocol=protocol)
        shown = pages(permits, _of_pages(environment, known.get("awe_pages", "")))
        app = create_app(store, permits, addresses=advertised, readings=readings, **shown)
        _answer(app, listener, certificate)
        shown["visitors"].close()
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=30)
        for connections in (permits, collecting):
            connections.close()
        _log.info("stopped")


def _of_pages(environment: Environment, password: str) -> Environment:
    """Return the configuration of the pages: the world's login, nothing of the owner's."""
    return Environment(
        home=environment.home,
        database_name=environment.database_name,
        database_user="awe_pages",
        database_password=password,
        data_server=environment.data_server,
        data_port=environment.data_port,
        data_protocol=environment.data_protocol,
        dpu_name=environment.dpu_name,
        max_width="0",
    )


def _end_this() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _keep_keeper(house: Installation, stop: threading.Event) -> None:
    """Bring the keeper back, which brings back everything else."""
    while not stop.wait(5.0):
        try:
            if house.wanted and house.process("keeper") is None:
                keeper.revive()
        except (OSError, AweError) as error:
            _log.warning("the keeper is gone and does not come back: %s", error)
            stop.wait(60.0)


def _answer(app: Any, listener: socket.socket, certificate: Certificate | None) -> None:
    files = (certificate.chain, certificate.key) if certificate else ()
    server = uvicorn.Server(configured(app, *files))
    _log.info("listening on port %d", listener.getsockname()[1])
    server.run(sockets=[listener])


def _listen(environment: Environment) -> socket.socket:
    """Listen on the port there was, else on another: prompts ask the database for it."""
    shared = sharing.opened(environment.home)
    last = shared.data_port if shared else int(environment.data_port or 0)
    for port in (last, *sharing.PORTS, 0) if last else (0,):
        try:
            listener = listen(port, environment.data_listen or "127.0.0.1")
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                msg = f"cannot listen on port {port}: {error.strerror}; choose another data_port"
                raise ServiceDown(msg) from error
            continue
        if port != last and last:
            _log.warning("port %d is taken; answering at %d", last, listener.getsockname()[1])
        return listener
    msg = "no port of this machine is free for the dataserver"
    raise ServiceDown(msg)


def _threads_of_jobs(
    environment: Environment, known: Mapping[str, str], stop: threading.Event
) -> list[threading.Thread]:
    """Return what runs jobs and what sends away who keeps them waiting."""
    if "awe_runner" not in known:
        _log.warning("no runner of jobs here")
        return []
    login = connection_arguments(environment.database_name, "awe_runner", known["awe_runner"])
    runner = Runner(environment, known)
    return [
        threading.Thread(target=Guard(login).run, args=(stop,), name="guard"),
        threading.Thread(target=_run, args=(runner, stop), name="runner"),
    ]


def _run(runner: Runner, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            runner.run(stop)
        except Exception:
            _log.exception("the runner of jobs broke off; it starts again in 5 s")
            stop.wait(5)


if __name__ == "__main__":
    # Uvicorn sends itself the signal again after a clean end; that must not look like a failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    # Who opens a file while the dataserver holds a lease on it must not end the dataserver.
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    sys.exit(main())
