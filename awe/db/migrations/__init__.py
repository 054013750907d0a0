"""Steps that take an existing database to the schema this version of awe knows.

Forward only, one transaction for each step: a step is done whole or not at all, and a run that was
killed goes on where it stopped. A lock lets one run at a time; the second finds the work done. A
step is frozen once it is released: it holds its own SQL and calls nothing of the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.errors import Defect, SchemaMismatch

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["migrate", "run_file", "steps"]

HERE = Path(__file__).parent
LOCK = 8794

Progress = Callable[[str], None]


def migrate(
    superuser: Mapping[str, Any], database: str = "awe", progress: Progress = lambda line: None
) -> list[int]:
    """Take all steps a database has not taken, and return their numbers.

    Parameters
    ----------
    superuser : mapping
        psycopg2's connection arguments of a superuser.
    database : str
        Name of the database.
    progress : callable
        Called with one line before each step.

    Raises
    ------
    SchemaMismatch
        The database is newer than this version of awe, or has no schema at all.
    Defect
        A step fails; the database is as the step before left it.
    """
    from alembic import command

    from awe.db import schema

    with _locked(superuser, database):
        found = schema.version(superuser, database)
        if found is None:
            msg = f"database {database!r} holds no schema of awe; awe-admin start makes one"
            raise SchemaMismatch(msg)
        if found > schema.VERSION:
            known = schema.VERSION
            msg = f"database schema {found}, this version of awe knows {known}; upgrade awe"
            raise SchemaMismatch(msg)
        config = _config(superuser, database)
        _stamp_beginning(superuser, database)
        taken = []
        for number in range(found + 1, schema.VERSION + 1):
            progress(f"step {number} of {schema.VERSION}: {steps()[number]}")
            _take(command.upgrade, config, number)
            taken.append(number)
        return taken


def steps() -> dict[int, str]:
    """Return the steps: number of the schema they lead to, and what they do."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(HERE), version_locations=[str(HERE / "versions")])
    return {int(step.revision): step.doc for step in reversed(list(scripts.walk_revisions()))}


def run_file(name: str) -> None:
    """Run the frozen SQL of a step, on the connection of the step."""
    from alembic import op

    text = (HERE / "versions" / name).read_text()
    cursor = op.get_bind().connection.cursor()
    cursor.execute(text)
    cursor.close()


def _take(upgrade: Callable[..., None], config: Config, number: int) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        upgrade(config, f"{number:04}")
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        if not isinstance(error, SQLAlchemyError) and type(error).__module__ != "psycopg2.errors":
            raise
        msg = f"step {number} failed and changed nothing: {text}"
        raise Defect(msg) from error


def _config(superuser: Mapping[str, Any], database: str) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "os")
    config.attributes["connect"] = lambda: _connect(superuser, database)
    return config


def _connect(superuser: Mapping[str, Any], database: str) -> Any:
    import psycopg2

    return psycopg2.connect(**{**superuser, "dbname": database, "application_name": "awe migrate"})


@contextmanager
def _locked(superuser: Mapping[str, Any], database: str) -> Iterator[None]:
    """Wait for any other run on this database, then keep others waiting."""
    connection = _connect(superuser, database)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        yield
    finally:
        connection.close()


def _stamp_beginning(superuser: Mapping[str, Any], database: str) -> None:
    """Enter the step that databases older than this tool stand at."""
    connection = _connect(superuser, database)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET ROLE awe_owner")
            cursor.execute(
                "CREATE TABLE IF NOT EXISTS awe.alembic_version "
                "(version_num varchar(32) PRIMARY KEY)"
            )
            cursor.execute(
                "INSERT INTO awe.alembic_version SELECT lpad(max(version)::text, 4, '0') "
                "FROM awe.schema_version "
                "HAVING NOT EXISTS (SELECT 1 FROM awe.alembic_version)"
            )
    finally:
        connection.close()
