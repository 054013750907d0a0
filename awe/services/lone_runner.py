"""The process of `awe-admin runner`: a runner of jobs on a machine without an awe-server.

It works on the queue of a database that runs elsewhere and needs the password of `awe_runner` and
nothing else: it serves no files and looks after nobody. Its home is its own; its workers reach
the database and the dataserver that `Environment.cfg` names there.
"""

from __future__ import annotations

import logging
import signal
import threading

from awe.config import Environment
from awe.dpu.runner.runner import Runner
from awe.errors import ConfigError
from awe.services.foreground import log_to, only_one
from awe.services.installation import Installation

__all__ = ["main"]

_log = logging.getLogger("awe.services.lone_runner")


def main() -> None:
    """Run jobs until SIGTERM or Ctrl-C; then end the workers and queue their jobs again.

    Raises
    ------
    ConfigError
        This home has a database of its own, or not what a runner needs.
    ServiceDown
        A runner works for this home already.
    """
    environment = Environment.load()
    house = Installation(environment.home)
    if environment.embedded:
        msg = (
            f"{environment.home} has services of its own, and a runner in awe-server; one alone "
            "needs a home whose Environment.cfg has database_name, data_server and data_port"
        )
        raise ConfigError(msg)
    if "awe_runner" not in house.secrets:
        msg = (
            f"no password of awe_runner in {house.services / 'secrets.json'}; make such a home "
            "with awe-admin database runner-home DIRECTORY where the database was installed"
        )
        raise ConfigError(msg)
    if not environment.data_port:
        msg = f"{environment.home}/Environment.cfg has no data_port; expected the dataserver's"
        raise ConfigError(msg)
    house.services.mkdir(mode=0o700, parents=True, exist_ok=True)
    log_to(house.services / "runner.log")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with only_one(house.services / "runner.lock", "a runner"):
        _log.info("runs jobs of %s", environment.database_name)
        Runner(environment, house.secrets).run(stop)
        _log.info("stopped")
