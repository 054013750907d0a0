"""Dataservers, each forked from one process that has everything imported.

A line of standard input asks for one (store and connection); its process and port are answered
on standard output. All end with this process, and this one when its standard input does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import uvicorn

from awe.config import Environment
from awe.dataserver import header_timeout, readings, server
from awe.dataserver.authorisation import Permits
from awe.dataserver.cache import Cache
from awe.dataserver.mirror import Mirror, create_app
from awe.dataserver.store import Store
from awe.prctl import die_with_parent
from awe.web.pages import pages


def opened(asked: dict[str, Any]) -> Store:
    """The store in a folder, or far away."""
    reserve = asked.get("reserve", 0)
    if "url" not in asked:
        return Store(asked["root"], reserve=reserve)
    # with a library that takes long to load
    from awe.dataserver.far import FarStore

    return FarStore(asked["root"], asked["url"], asked["options"], reserve=reserve)


def of_pages(asked: dict[str, Any]) -> Environment:
    """The configuration of the pages, as awe-server gives it."""
    where = asked["connection"]
    return Environment(
        home=Path(asked["root"]).parent,
        database_name=f"{where['host']}:{where['port']}/{where['dbname']}",
        database_user="awe_pages", database_password=asked["pages"], max_width="0",
    )


def serve(asked: dict[str, Any]) -> None:
    """Be a dataserver until killed."""
    os.environ.clear()
    os.environ.update(asked["environ"])
    server.PATIENCE = asked.get("patience", 60.0)
    listener = server.listen(asked.get("port", 0))
    print(os.getpid(), listener.getsockname()[1], flush=True)  # noqa: T201 - the test reads it
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 0)
    os.dup2(silence, 1)
    if "first" in asked:
        cache = Cache(Path(asked["root"]) / "cache", asked["limit"])
        mirror = Mirror(asked["first"], cache, Path(asked["root"]) / "incoming")
        permits = Permits(asked["connection"])
        app = create_app(mirror, permits)
        note(app, permits)
        uvicorn.Server(header_timeout.configured(app)).run(sockets=[listener])
        return
    store = opened(asked)
    permits = Permits(asked["connection"])
    app = server.create_app(store, permits, **pages(permits, of_pages(asked)))
    note(app, permits)
    uvicorn.Server(header_timeout.configured(app)).run(sockets=[listener])


def note(app: Any, permits: Permits) -> None:
    """Keep who read what, as awe-server does, and sooner."""
    readings.PAUSE = 0.2
    arguments = (permits, threading.Event())
    threading.Thread(target=app.state.readings.keep_forever, args=arguments, daemon=True).start()


def main() -> None:
    tied = die_with_parent()
    for line in sys.stdin:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        if os.fork():
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if tied is not None:
            tied()
        serve(json.loads(line))
        return


if __name__ == "__main__":
    main()
