"""`awe-admin migrate`: bring the database of this AWE_HOME to the schema of this awe."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from awe.config import Environment
from awe.db.schema import install as schema
from awe.db.schema import migrations
from awe.errors import ConfigError
from awe.services import backup, belonging, stack
from awe.services.installation import Installation
from awe.terminal import out

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("migrate", help="bring the database to this version's schema")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument(
        "--no-backup", action="store_true", help="do not keep the database as it was"
    )
    parser.set_defaults(run=_migrate)


def _migrate(chosen: argparse.Namespace) -> None:
    environment = Environment.load()
    if not environment.embedded:
        msg = (
            f"the database of {environment.home} is {environment.database_name}: "
            f"awe-admin database migrate --url {environment.database_name}"
        )
        raise ConfigError(msg)
    house = Installation()
    belonging.require(house.home)
    cluster = house.cluster
    if cluster.process() is None:
        cluster.start()
    found = schema.version(cluster.superuser())
    if found == schema.VERSION:
        out(f"already done: the database has schema {found}\n")
        if not chosen.dry_run:
            stack.replace_old(house, _say)
        return
    if chosen.dry_run:
        for number, text in migrations.steps().items():
            if found is not None and found < number:
                out(f"step {number}: {text}\n")
        return
    if not chosen.no_backup and found is not None and found < schema.VERSION:
        _back_up(house)
    with stack.replacing_server(house) as ran:
        taken = migrations.migrate(cluster.superuser(), progress=_say)
        for line in schema.misnamed(cluster.superuser()):
            _say(line)
    words = f"now schema {schema.VERSION}" if taken else "already done"
    rest = "awe-server runs this version now" if ran else "awe-admin start goes on"
    out(f"{words}; {rest}\n")


def _back_up(house: Installation) -> None:
    """Keep the database as it was; a migration does not touch the stored files."""
    made = backup.make(house, house.home / "backups", files=False, say=_say)
    out(f"backup of the database as it was: {made.folder}\n")


def _say(line: str) -> None:
    out(line + "\n")
    sys.stdout.flush()
