"""The login of whoever owns an installation, and the logins of people awe works for.

The owner is a person like others, with a password in `Environment.cfg`; the database's superuser
is used here to register people and for nothing else.
"""

from __future__ import annotations

import configparser
import os
import pwd
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from awe.config import Environment
from awe.db.rights import people
from awe.db.server.address import Address
from awe.errors import ConfigError, NotFound, Refused, ServiceDown
from awe.services import remote
from awe.services.installation import Installation

__all__ = ["account", "owner_login", "register", "register_owner", "superuser"]

#: Variable with the login of a superuser, where the database is somebody else's.
ADMINISTRATOR = "AWE_DATABASE_SUPERUSER"


def superuser(house: Installation) -> Any:
    """Return a connection of the database's superuser; only the owning account gets one.

    Raises
    ------
    ServiceDown
        The database of this installation does not run.
    """
    if os.environ.get(ADMINISTRATOR) and (found := remote.configured(house.home)):
        return _superuser_elsewhere(found)
    remote.refuse(house.home)
    if house.cluster.process() is None:
        msg = f"the database of {house.home} does not run; start it with awe-admin start"
        raise ServiceDown(msg)
    try:
        return psycopg2.connect(**house.cluster.superuser("awe"))
    except psycopg2.OperationalError as error:
        msg = f"the database does not let you administer it: {str(error).strip()}"
        raise ServiceDown(msg) from error


def _superuser_elsewhere(environment: Environment) -> Any:
    """Return a connection of the superuser that the environment names, where the database is."""
    address = Address.parse(environment.database_name)
    name = os.environ[ADMINISTRATOR]
    try:
        return psycopg2.connect(
            host=address.host, port=address.port, dbname=address.database, user=name
        )
    except psycopg2.OperationalError as error:
        why = str(error).strip().splitlines()[-1]
        msg = f"no login as {name} at {environment.database_name}: {why}"
        raise ServiceDown(msg) from error


def account(
    house: Installation,
    name: str,
    full_name: str,
    *,
    member: tuple[str, ...] = (),
    manager: tuple[str, ...] = (),
) -> dict[str, str]:
    """Return login and password of a person of this installation, registered if need be.

    For people whose work awe itself does, such as the calibration scientist of the tutorial;
    the password is kept with those of the services.
    """
    known = house.secrets
    with closing(superuser(house)) as connection:
        if name not in known:
            known[name] = people.new_password()
            house.keep_secrets(known)
        register(connection, name, known[name], full_name)
        for project in member:
            people.add_member(connection, project, name)
        for project in manager:
            people.add_member(connection, project, name, manager=True)
    return {"database_user": name, "database_password": known[name]}


def register_owner(home: Path, connection: Any) -> None:
    """Give the person who owns the installation a login, as anybody else has."""
    path = home / "Environment.cfg"
    login = owner_login()
    if path.exists():
        login, password = _read_login(path)
    else:
        password = people.new_password()
        _write_configuration(path, login, password)
    if register(connection, login, password, _full_name()):
        people.add_member(connection, "TUTORIAL2015", login)


def register(connection: Any, name: str, password: str, full_name: str) -> bool:
    """Make the login or set its password; True if it is new."""
    known = {person.name.lower(): person for person in people.people(connection)}
    if name not in known:
        people.add_person(connection, name, password, full_name)
        return True
    if known[name].removed:
        msg = f"user {name.upper()} was removed; choose another database_user"
        raise Refused(msg)
    people.set_password(connection, name, password)
    return False


def owner_login() -> str:
    """Return the login awe gives to the owner of this process."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError as error:
        msg = f"account number {os.getuid()} has no name on this machine"
        raise NotFound(msg) from error
    return f"aw{re.sub(r'[^a-z0-9_]', '_', name.lower())}"[:31]


def _full_name() -> str:
    return pwd.getpwuid(os.getuid()).pw_gecos.split(",")[0]


def _read_login(path: Path) -> tuple[str, str]:
    # Environment.load has refused a file that others can read or that is not INI.
    Environment.load()
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(path.read_text())
    section = parser["global"] if parser.has_section("global") else {}
    login, password = section.get("database_user", ""), section.get("database_password", "")
    if not (login and password):
        msg = (
            f"configuration {path} has no database_user and database_password; add them, or "
            "move the file away to have one made"
        )
        raise ConfigError(msg)
    return login.lower(), password


def _write_configuration(path: Path, login: str, password: str) -> None:
    text = (
        "; Your login at the embedded database. Keep it to yourself: chmod 600.\n"
        "[global]\n"
        f"database_user     : {login}\n"
        f"database_password : {password}\n"
        "project           : OMEGACAM@VST\n"
        "privileges        : 1\n"
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
