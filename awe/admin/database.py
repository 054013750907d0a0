"""`awe-admin database VERB`, `serve`, `runner`: awe with a PostgreSQL elsewhere."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from awe.config import Environment
from awe.db.schema import install as schema
from awe.errors import ConfigError, ServiceDown
from awe.services import elsewhere, lone_mirror, lone_runner
from awe.services.installation import COMMANDS, Installation
from awe.terminal import out

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the subcommands."""
    database = commands.add_parser("database", help="the schema on a PostgreSQL of your own")
    verbs = database.add_subparsers(title="verbs", metavar="VERB", required=True)
    verb = verbs.add_parser("install", help="make schema and logins there, and the home here")
    _add_place(verb, "the new database")
    verb.set_defaults(run=_install)
    verb = verbs.add_parser("migrate", help="bring that database to this version's schema")
    _add_place(verb, "the database; back it up first, with pg_dump")
    verb.set_defaults(run=_migrate)
    verb = verbs.add_parser("runner-home", help="make the home of a runner on another machine")
    verb.add_argument("directory", type=Path, help="directory to make, and to carry there")
    verb.set_defaults(run=_runner_home)
    verb = verbs.add_parser("mirror-home", help="make the home of a second dataserver")
    verb.add_argument("directory", type=Path, help="directory to make, and to carry there")
    verb.add_argument("--at", required=True, metavar="HOST:PORT", help="where it is reached")
    verb.set_defaults(run=_mirror_home)
    serve = commands.add_parser("serve", help="run awe-server here, for a database elsewhere")
    serve.set_defaults(run=_serve)
    runner = commands.add_parser("runner", help="run jobs here, for a database elsewhere")
    runner.set_defaults(run=_runner)
    mirror = commands.add_parser("mirror", help="a second dataserver here, near its readers")
    mirror.set_defaults(run=_mirror)


def _add_place(verb: argparse.ArgumentParser, text: str) -> None:
    verb.add_argument("--url", required=True, metavar="HOST:PORT/NAME", help=text)
    verb.add_argument(
        "--superuser", default="postgres",
        help="a superuser's login; the password comes from PGPASSWORD, ~/.pgpass, or is asked",
    )  # fmt: skip


def _install(chosen: argparse.Namespace) -> None:
    house = Installation()
    superuser = elsewhere.connect(chosen.url, chosen.superuser, lambda: _password(chosen))
    login = elsewhere.install(house, chosen.url, superuser)
    out(
        f"installed: {chosen.url}; your login is {login}, in {house.home}/Environment.cfg\n"
        "awe-admin serve runs awe-server here; data_server and data_listen in that file say where "
        "it is reached\n"
    )


def _migrate(chosen: argparse.Namespace) -> None:
    superuser = elsewhere.connect(chosen.url, chosen.superuser, lambda: _password(chosen))
    taken = elsewhere.migrate(chosen.url, superuser, _say)
    done = f"now schema {schema.VERSION}" if taken else "already done"
    out(f"{done}: {chosen.url}; start awe-server and its runners again with this version of awe\n")


def _say(line: str) -> None:
    out(line + "\n")
    sys.stdout.flush()


def _password(chosen: argparse.Namespace) -> str:
    if not sys.stdin.isatty():
        msg = (
            f"{chosen.url} needs the password of {chosen.superuser}: set PGPASSWORD, or write it "
            "into ~/.pgpass"
        )
        raise ServiceDown(msg)
    return getpass.getpass(f"password of {chosen.superuser} at {chosen.url}: ")


def _runner_home(chosen: argparse.Namespace) -> None:
    elsewhere.service_home(Installation(), chosen.directory, "awe_runner")
    out(
        f"made: {chosen.directory}, for its owner alone to read; on the other machine:\n"
        f"AWE_HOME={chosen.directory} awe-admin runner\n"
    )


def _mirror_home(chosen: argparse.Namespace) -> None:
    more = {"data_mirror": chosen.at, "data_listen": "0.0.0.0"}
    elsewhere.service_home(Installation(), chosen.directory, "awe_dataserver", more)
    out(
        f"made: {chosen.directory}, for its owner alone to read; on the other machine:\n"
        f"AWE_HOME={chosen.directory} awe-admin mirror\n"
        f"with data_mirror : {chosen.at} in Environment.cfg prompts and runners read from it\n"
    )


def _serve(_: argparse.Namespace) -> NoReturn:
    environment = Environment.load()
    if environment.embedded:
        msg = f"{environment.home} has services of its own; awe-admin start runs them"
        raise ConfigError(msg)
    out(f"awe-server for {environment.database_name}; Ctrl-C ends it, "
        f"{environment.home}/services/server.log has its log\n")  # fmt: skip
    sys.stdout.flush()
    os.execv(COMMANDS["server"][0], COMMANDS["server"])


def _runner(_: argparse.Namespace) -> None:
    environment = Environment.load()
    out(f"a runner for {environment.database_name}; Ctrl-C ends it and queues its jobs again, "
        f"{environment.home}/services/runner.log has its log\n")  # fmt: skip
    sys.stdout.flush()
    lone_runner.main()


def _mirror(_: argparse.Namespace) -> None:
    environment = Environment.load()
    out(f"a second dataserver for {environment.database_name}; Ctrl-C ends it, "
        f"{environment.home}/services/mirror.log has its log\n")  # fmt: skip
    sys.stdout.flush()
    lone_mirror.main()
