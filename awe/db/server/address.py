"""Where a database is: `host[:port]/database`, read in one place for sessions and services.

The host is a name, an address, or the folder of a Unix socket; an address of IPv6 with a port is
written in brackets. Nothing is looked up here, and nothing is connected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from awe.errors import ConfigError

__all__ = ["PORT", "Address", "connection_arguments"]

#: PostgreSQL's port if none is given.
PORT = 5432
LARGEST_PORT = 65535

_HOST = r"(?P<host>/.*?|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|[^:/]*)"
_ADDRESS = re.compile(rf"{_HOST}(?::(?P<port>\d{{1,5}}))?/(?P<database>[^/]+)", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Address:
    """Host, port and name of a database.

    Attributes
    ----------
    host : str
        Name or address of the machine, or the folder of a Unix socket.
    port : int
        Port, also of a Unix socket: its file carries it in the name.
    database : str
        Name of the database; empty if none is known.
    """

    host: str = "localhost"
    port: int = PORT
    database: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address that a value of `database_name` gives.

        Parameters
        ----------
        text : str
            `host[:port]/database`; without a host it is this machine.

        Raises
        ------
        ConfigError
            The text is not an address.

        Examples
        --------
        >>> Address.parse("/run/awe:5433/awe")
        Address(host='/run/awe', port=5433, database='awe')
        >>> Address.parse("db.example.org/awe")
        Address(host='db.example.org', port=5432, database='awe')
        """
        found = _ADDRESS.fullmatch(text)
        port = int((found and found["port"]) or PORT)
        if found is None or not 0 < port <= LARGEST_PORT:
            msg = f"database_name is {text!r}, expected host[:port]/database"
            raise ConfigError(msg)
        return cls(
            host=found["host"].strip("[]") or cls.host, port=port, database=found["database"]
        )

    def arguments(self) -> dict[str, str | int]:
        """Return the keyword arguments of `psycopg2.connect` that say where."""
        return {"host": self.host, "port": self.port, "dbname": self.database}


def connection_arguments(database_name: str, user: str, password: str) -> dict[str, str | int]:
    """Return the keyword arguments of `psycopg2.connect` for one login.

    Parameters
    ----------
    database_name : str
        `host[:port]/database`, as the configuration has it.
    user, password : str
        Whose login it is.

    Raises
    ------
    ConfigError
        `database_name` is not an address.
    """
    return {**Address.parse(database_name).arguments(), "user": user, "password": password}
