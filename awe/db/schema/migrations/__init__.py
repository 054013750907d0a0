"""Steps that take an existing database to the schema this version of awe knows.

Forward only, and all in one transaction: the steps that are missing, then everything that can be
run again (functions, policies, views, tables and columns of new classes), or nothing. A lock lets
one run at a time; the second finds the work done. A step holds only what running the schema's own
files again does not do: changed columns, removed functions and grants, data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
from alembic import command, op
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from awe.db.schema import install as schema
from awe.errors import Defect, SchemaMismatch

__all__ = ["OLDEST", "migrate", "run_folder", "steps"]

HERE = Path(__file__).parent
LOCK = 8794
#: The oldest schema that is brought forward.
OLDEST = 3

Progress = Callable[[str], None]


def migrate(
    superuser: Mapping[str, Any], database: str = "awe", progress: Progress = lambda line: None
) -> list[int]:
    """Take all steps a database has not taken, and return their numbers.

    Parameters
    ----------
    superuser : mapping
        Connection arguments of a superuser, as psycopg2 takes them.
    database : str
        Name of the database.
    progress : callable
        Function that is called with one line before each step.

    Raises
    ------
    SchemaMismatch
        The database is newer than this version of awe, or has no schema at all.
    Defect
        A step fails; the database is as the step before left it.
    """
    with _locked(superuser, database):
        # Read under the lock: another run may have migrated while this one waited.
        found = _refuse_unless_known(schema.version(superuser, database), database)
        if found == schema.VERSION:
            return []
        taken = list(range(found + 1, schema.VERSION + 1))
        for number in taken:
            progress(f"step {number} of {schema.VERSION}: {steps()[number]}")
        _take(command.upgrade, _config(superuser, database))
        return taken


def _refuse_unless_known(found: int | None, database: str) -> int:
    if found is None:
        msg = f"database {database!r} holds no schema of awe; awe-admin start makes one"
        raise SchemaMismatch(msg)
    if found > schema.VERSION:
        known = schema.VERSION
        msg = f"database schema {found}, this version of awe knows {known}; upgrade awe"
        raise SchemaMismatch(msg)
    if found < OLDEST:
        msg = (
            f"database schema {found} is older than {OLDEST}, the oldest this version brings "
            "forward; install awe 0.1.0, run its awe-admin migrate, then this one"
        )
        raise SchemaMismatch(msg)
    return found


def steps() -> dict[int, str]:
    """Return the steps: number of the schema they lead to, and what they do."""
    scripts = ScriptDirectory(str(HERE), version_locations=[str(HERE / "versions")])
    return {int(step.revision): step.doc for step in reversed(list(scripts.walk_revisions()))}


def run_folder(name: str) -> None:
    """Run the SQL files of a step in the order of their names, on the connection of the step."""
    cursor = op.get_bind().connection.cursor()
    for file in sorted((HERE / "versions" / name).glob("*.sql")):
        cursor.execute(file.read_text())
        cursor.execute("RESET ROLE")
    cursor.close()


def _take(upgrade: Callable[..., None], config: Config) -> None:
    try:
        upgrade(config, "head")
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        known = isinstance(error, (SQLAlchemyError, Defect))
        if not known and type(error).__module__ != "psycopg2.errors":
            raise
        msg = f"the migration failed and changed nothing: {text}"
        raise Defect(msg) from error


def _config(superuser: Mapping[str, Any], database: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "os")
    config.attributes["connect"] = lambda: _connect(superuser, database)
    config.attributes["finish"] = schema.refresh
    return config


def _connect(superuser: Mapping[str, Any], database: str) -> Any:
    return psycopg2.connect(**{**superuser, "dbname": database, "application_name": "awe migrate"})


@contextmanager
def _locked(superuser: Mapping[str, Any], database: str) -> Iterator[None]:
    """Wait for any other run on this database, then keep others waiting."""
    connection = _connect(superuser, database)
    try:
        # A lock of the session, on a connection of its own: it outlives every transaction of the
        # migration, and ends by itself when this process does.
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        yield
    finally:
        connection.close()
