"""An installation on a PostgreSQL server that somebody else looks after.

The schema and the logins of the services are made there once, by a superuser whose password is
not kept; the home gets the services' passwords and a configuration that names the server. A home
for a runner on another machine has the password of `awe_runner` and no other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from awe.config import Environment
from awe.db.rights import people
from awe.db.schema import install as schema
from awe.db.schema import migrations
from awe.db.server.address import Address
from awe.errors import ConfigError, ServiceDown
from awe.model import released
from awe.services import logins, records
from awe.services.installation import Installation
from awe.services.process import Progress, silent
from awe.services.starting import SERVICE_ROLES

__all__ = ["connect", "install", "migrate", "service_home"]

OLDEST = 150_000


def connect(
    where: str, superuser: str, ask: Callable[[], str], database: str = "postgres"
) -> dict[str, Any]:
    """Return connection arguments of a superuser, tried out.

    Parameters
    ----------
    where : str
        The server and database, as `database_name` has it: `host:port/name`.
    superuser : str
        Login of a superuser of that server.
    ask : callable
        Function that returns the password, if PGPASSWORD and ~/.pgpass do not have it.
    database : str, optional
        Name of the database to try.

    Raises
    ------
    ServiceDown
        The server cannot be reached, refuses the login or is too old, or the login is not a
        superuser's.
    """
    address = Address.parse(where)
    known: dict[str, Any] = {"host": address.host, "port": address.port, "user": superuser,
                             "dbname": database, "connect_timeout": 10}  # fmt: skip
    try:
        try:
            connection = psycopg2.connect(**known)
        except psycopg2.OperationalError as error:
            if "password" not in str(error):
                raise
            known["password"] = ask()
            connection = psycopg2.connect(**known)
    except psycopg2.OperationalError as error:
        lines = str(error).strip().splitlines()
        msg = f"no login as {superuser} at {where}: {lines[-1] if lines else 'no reason given'}"
        raise ServiceDown(msg) from error
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if not cursor.fetchone()[0]:
            msg = f"{superuser} is not a superuser of {where}: the schema makes roles of its own"
            raise ServiceDown(msg)
        if connection.server_version < OLDEST:
            found = connection.server_version // 10_000
            msg = f"{where} is PostgreSQL {found}, expected 15 or later"
            raise ServiceDown(msg)
    return known


def install(house: Installation, where: str, superuser: Mapping[str, Any]) -> str:
    """Make the schema there and write down here what the services need; return the own login.

    Done again it changes nothing but the services' passwords, which are set to those of this home.

    Parameters
    ----------
    house : Installation
        The home of the awe-server that will serve this database.
    where : str
        The server and database, as `database_name` has it.
    superuser : mapping
        Connection arguments that `connect` returned.

    Raises
    ------
    ConfigError
        This home has a database of its own, or is configured for another one.
    SchemaMismatch
        The database has a schema of another version.
    """
    if (house.services / "cluster.json").exists():
        msg = f"{house.home} has a database of its own; set AWE_HOME to another directory"
        raise ConfigError(msg)
    path = house.home / "Environment.cfg"
    configured = Environment.load()
    if path.exists() and configured.database_name != where:
        named = configured.database_name or "no database_name"
        msg = f"{path} has {named}, not {where}; correct it, or set AWE_HOME to another directory"
        raise ConfigError(msg)
    records.prepare(house.home)
    known = house.secrets
    for role in SERVICE_ROLES:
        known.setdefault(role, people.new_password())
    # before the database gets them: what breaks off here is repeated with the same ones
    house.keep_secrets(known)
    name = Address.parse(where).database
    schema.install(superuser, {role: known[role] for role in SERVICE_ROLES}, database=name)
    login = configured.database_user.lower() or logins.owner_login()
    password = configured.database_password or people.new_password()
    if not path.exists():
        _write(path, {"database_name": where, "database_user": login,
                      "database_password": password, "data_server": "127.0.0.1",
                      "data_port": "8470", "project": "TUTORIAL2015"})  # fmt: skip
    with closing(psycopg2.connect(**{**superuser, "dbname": name})) as connection:
        if logins.register(connection, login, password, ""):
            people.add_member(connection, "TUTORIAL2015", login)
        released.enter_missing(connection)
    return login


def migrate(where: str, superuser: Mapping[str, Any], say: Progress = silent) -> list[int]:
    """Bring the schema there to that of this version, and return the numbers of the steps taken.

    Parameters
    ----------
    where : str
        The server and database, as `database_name` has it.
    superuser : mapping
        Connection arguments that `connect` returned.
    say : callable
        Function that is called with one line before each step.

    Raises
    ------
    SchemaMismatch
        The database is newer than this version of awe, or has no schema at all.
    """
    return migrations.migrate(superuser, Address.parse(where).database, say)


def service_home(
    house: Installation, directory: Path, role: str, more: Mapping[str, str] | None = None
) -> None:
    """Make a directory that becomes the AWE_HOME of a service on another machine.

    Parameters
    ----------
    house : Installation
        The home of the awe-server.
    directory : Path
        The directory to make.
    role : str
        The login whose password goes with it: `awe_runner`, or `awe_dataserver` of a mirror.
    more : mapping, optional
        Further keys of its configuration.

    Raises
    ------
    ConfigError
        The directory is there and not empty, or this home is not one of a server elsewhere.
    """
    environment = Environment.load()
    known = house.secrets
    if environment.embedded or role not in known:
        msg = (
            f"{house.home} has no passwords of services: awe-admin database install makes a home "
            "that has"
        )
        raise ConfigError(msg)
    if environment.data_server in ("127.0.0.1", "localhost"):
        msg = (
            f"data_server is {environment.data_server} in {house.home}/Environment.cfg, which no "
            "other machine reaches; set it to the name of this one, and data_listen to 0.0.0.0"
        )
        raise ConfigError(msg)
    if directory.exists() and any(directory.iterdir()):
        msg = f"{directory} is not empty; name a directory that is not there yet"
        raise ConfigError(msg)
    services = directory / "services"
    services.mkdir(mode=0o700, parents=True)
    directory.chmod(0o700)
    keys = ("database_name", "data_server", "data_port", "data_protocol")
    values = {key: environment[key] for key in keys} | dict(more or {})
    _write(directory / "Environment.cfg", values)
    secrets = services / "secrets.json"
    with os.fdopen(os.open(secrets, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({role: known[role]}, file)


def _write(path: Path, values: Mapping[str, str]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = "".join(f"{key:17} : {value}\n" for key, value in values.items())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"; Keep it to yourself: chmod 600.\n[global]\n{lines}")
