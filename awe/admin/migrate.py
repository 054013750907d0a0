"""`awe-admin migrate`: bring the database of this AWE_HOME to the schema of this awe."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from awe.config import home_directory

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("migrate", help="bring the database to this version's schema")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.set_defaults(run=_migrate)


def _migrate(chosen: argparse.Namespace) -> None:
    from awe.db import migrations, schema
    from awe.services.cluster import Cluster

    cluster = Cluster(home_directory())
    if cluster.process() is None:
        cluster.start()
    superuser = cluster.superuser()
    found = schema.version(superuser)
    if found == schema.VERSION:
        sys.stdout.write(f"already done: the database has schema {found}\n")
        return
    if chosen.dry_run:
        for number, text in migrations.steps().items():
            if found is not None and number > found:
                sys.stdout.write(f"step {number}: {text}\n")
        return
    taken = migrations.migrate(superuser, progress=_say)
    for line in schema.misnamed(superuser):
        _say(line)
    words = f"now schema {schema.VERSION}" if taken else "already done"
    sys.stdout.write(f"{words}; awe-admin start goes on\n")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
