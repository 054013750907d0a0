"""The process of `awe-admin mirror`: a second dataserver, on a machine near its readers.

It needs the password of `awe_dataserver`, with which it asks the database who may read, and the
address of the first dataserver. It takes no uploads, clears nothing and runs no jobs, so that any
number of them may serve one database.
"""

from __future__ import annotations

import logging
import threading

import uvicorn

from awe.config import Environment
from awe.dataserver.authorisation import Permits
from awe.dataserver.cache import Cache, bytes_of
from awe.dataserver.header_timeout import configured
from awe.dataserver.mirror import Mirror, create_app
from awe.dataserver.server import listen
from awe.db.server.address import connection_arguments
from awe.errors import ConfigError, ServiceDown
from awe.services.certificate import certificate_of
from awe.services.foreground import log_to, only_one
from awe.services.installation import Installation

__all__ = ["main"]

#: Disk for files where `cache_size` says nothing.
USUAL = "100GB"

_log = logging.getLogger("awe.services.lone_mirror")


def main() -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises
    ------
    ConfigError
        This home has not what a second dataserver needs.
    ServiceDown
        One runs for this home already, or its port is taken.
    """
    environment = Environment.load()
    house = Installation(environment.home)
    if environment.embedded or "awe_dataserver" not in house.secrets:
        msg = (
            f"{environment.home} is not the home of a second dataserver; make one with awe-admin "
            "database mirror-home DIRECTORY --at HOST:PORT where the database was installed"
        )
        raise ConfigError(msg)
    if not environment.data_mirror or not environment.data_port:
        msg = (
            f"{environment.home}/Environment.cfg needs data_mirror, where this one is reached, "
            "and data_server and data_port of the first dataserver"
        )
        raise ConfigError(msg)
    house.services.mkdir(mode=0o700, parents=True, exist_ok=True)
    log_to(house.services / "mirror.log")
    with only_one(house.services / "mirror.lock", "a second dataserver"):
        _serve(environment, house)


def _serve(environment: Environment, house: Installation) -> None:
    certificate = certificate_of(environment)
    if (environment.data_protocol == "https") != (certificate is not None):
        msg = (
            f"{environment.home}/Environment.cfg: a second dataserver answers as the first, by "
            f"{environment.data_protocol}; with https it has data_certificate and data_key too"
        )
        raise ConfigError(msg)
    port = int(environment.data_mirror.rpartition(":")[2])
    address = environment.data_listen or "127.0.0.1"
    try:
        listener = listen(port, address)
    except OSError as error:
        msg = f"cannot listen at {address}:{port}: {error.strerror}; choose another data_mirror"
        raise ServiceDown(msg) from error
    folder = environment.home / "mirror"
    cache = Cache(folder, bytes_of(environment.cache_size or USUAL))
    first = f"{environment.data_protocol}://{environment.data_server}:{environment.data_port}"
    mirror = Mirror(first, cache, environment.home / "mirror-incoming")
    login = connection_arguments(
        environment.database_name, "awe_dataserver", house.secrets["awe_dataserver"]
    )
    permits = Permits(login)
    app = create_app(mirror, permits, (environment.data_mirror,))
    _log.info("a second dataserver at port %d, before %s", port, first)
    files = (certificate.chain, certificate.key) if certificate else ()
    stop = threading.Event()
    noting = threading.Thread(target=app.state.readings.keep_forever, args=(permits, stop))
    noting.start()
    try:
        uvicorn.Server(configured(app, *files)).run(sockets=[listener])
    except KeyboardInterrupt:
        # uvicorn ends cleanly and sends itself the signal again
        _log.info("interrupted")
    finally:
        stop.set()
        noting.join(timeout=30)
        mirror.close()
        permits.close()
        _log.info("stopped")
