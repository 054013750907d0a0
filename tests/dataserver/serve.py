"""A dataserver of its own: store and connection from standard input, port to standard output."""

import json
import sys

import uvicorn

from awe.dataserver import header_timeout, server
from awe.dataserver.authorisation import Permits
from awe.dataserver.store import Store
from awe.web.pages import pages
from awe.web.published import Published

asked = json.load(sys.stdin)
server.PATIENCE = asked.get("patience", 60.0)
listener = server.listen()
print(listener.getsockname()[1], flush=True)  # noqa: T201 - the test reads it
store = Store(asked["root"], reserve=asked.get("reserve", 0))
anonymous = {**asked["connection"], "user": "anonymous", "password": "anonymous"}
app = server.create_app(store, Permits(asked["connection"]), **pages(Published(anonymous)))
uvicorn.Server(header_timeout.configured(app)).run(sockets=[listener])
