"""Homes without services of their own: their configuration names a database that runs elsewhere.

Students of a course, and people who work with a server of their institute, have such a home.
Nothing is started in it; what needs the services' owner is refused in one line that says where
they are.
"""

from __future__ import annotations

import socket
from pathlib import Path

from awe.config import Environment, home_directory
from awe.db.server.connection import database
from awe.errors import ConfigError, UserMistake

__all__ = ["configured", "refuse", "status"]


def configured(home: Path) -> Environment | None:
    """Return the configuration of a home whose services run elsewhere, None for one's own."""
    if (home / "services" / "cluster.json").exists() or home != home_directory():
        return None
    environment = Environment.load()
    return None if environment.embedded else environment


def refuse(home: Path) -> None:
    """Raise unless the services of this home are its own.

    Raises
    ------
    ConfigError
        They run elsewhere; the message says where.
    """
    environment = configured(home)
    if environment is not None:
        msg = (
            f"{home} has no services of its own: {environment.origin['database_name']} sets "
            f"database_name to {environment.database_name}; they are looked after where they run"
        )
        raise ConfigError(msg)


def status(environment: Environment) -> dict[str, str]:
    """Return one line for each service this home uses; a connection proves the database.

    What listens for the dataserver has to prove itself to a ticket only, when a file is fetched.
    """
    server = f"{environment.data_server}:{environment.data_port}"
    lines = {
        "home": f"{environment.home}, with no services of its own",
        "database": f"running, {environment.database_name}",
        "awe-server": (
            f"something listens at {environment.data_protocol}://{server}; it has to prove that "
            "it is yours when a file is fetched"
        ),
    }
    try:
        database.connect(environment)
    except UserMistake as error:
        lines["database"] = f"not usable: {error}"
    finally:
        database.close()
    try:
        port = int(environment.data_port)
        socket.create_connection((environment.data_server, port), timeout=4).close()
    except (OSError, ValueError) as error:
        lines["awe-server"] = f"not usable: {server}: {error}; check data_server and data_port"
    return lines
