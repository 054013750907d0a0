"""The database's schema: made once, from SQL files next to this module and the declared classes.

Roles belong to the server, everything else to one database, made in one transaction: either the
schema is whole or the database is empty. Rights are in the SQL; what a user may do is not decided
here. An existing database of another version is refused, never half changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from awe.errors import Defect, SchemaMismatch

__all__ = ["VERSION", "classes_ddl", "create_database", "install", "misnamed", "refresh",
           "self_check", "version"]

#: Raised by one with every change to tables or rights that an existing database must follow.
VERSION = 27

CLUSTER_FILE = "10_roles.sql"
#: The world's login is public on purpose: it opens what the web pages show without one.
ANONYMOUS_PASSWORD = "anonymous"


def install(
    superuser: Mapping[str, Any],
    passwords: Mapping[str, str],
    *,
    database: str = "awe",
) -> None:
    """Make the roles, the database and everything in it, unless they are there.

    Parameters
    ----------
    superuser : mapping
        Connection arguments of a superuser, as psycopg2 takes them.
    passwords : mapping
        Passwords by login role, for `awe_dataserver`, `awe_runner`, `awe_pages`; set at every
        call.
    database : str, optional
        Name of the database.

    Raises
    ------
    SchemaMismatch
        The database is there with a schema of another version.
    """
    # Roles first: they belong to the whole server, and the database is made for an owner among
    # them. CREATE DATABASE refuses to run in a transaction, so each is a step of its own.
    _install_roles(superuser, passwords)
    create_database(superuser, database)
    found = version(superuser, database)
    if found is None:
        _install_schema(superuser, database)
    elif found != VERSION:
        step = "upgrade awe" if found > VERSION else "run awe-admin migrate"
        msg = f"database schema {found}, this version of awe knows {VERSION}; {step}"
        raise SchemaMismatch(msg)


def version(superuser: Mapping[str, Any], database: str = "awe") -> int | None:
    """Return the version of the schema in `database`, None if it is empty."""
    with _session(superuser, database) as cursor:
        cursor.execute("SELECT to_regclass('awe.schema_version') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return None
        cursor.execute("SELECT max(version) FROM awe.schema_version")
        number: int | None = cursor.fetchone()[0]
        return number


def self_check(superuser: Mapping[str, Any], database: str = "awe") -> list[tuple[str, str]]:
    """Return what lacks its protection, as (rule, culprit); an empty list is good news."""
    with _session(superuser, database) as cursor:
        cursor.execute("SELECT rule, culprit FROM awe.self_check() ORDER BY 1, 2")
        return list(cursor.fetchall())


def misnamed(superuser: Mapping[str, Any], database: str = "awe") -> list[str]:
    """Return one line for each object whose filename is not that of its file.

    Such objects are from before the database compared the two; they stay as they are, and their
    files come under the names they were stored with.
    """
    with _session(superuser, database) as cursor:
        cursor.execute("SELECT to_regproc('awe.misnamed') IS NULL")
        if cursor.fetchone()[0]:
            # a database of before, not migrated yet: the migration tells
            return []
        cursor.execute("SELECT class, object_id::text, filename, file_name FROM awe.misnamed()")
        return [
            f"misnamed: {class_} {object_id} is called {name!a}, its file {file_name!a}; "
            "the file comes under its own name"
            for class_, object_id, name, file_name in cursor.fetchall()
        ]


def classes_ddl() -> list[str]:
    """Return the statements that make and protect the tables of all persistent classes."""
    from awe.db.schema import tables

    return tables.ddl()


def create_database(
    superuser: Mapping[str, Any], database: str, *, template: str | None = None
) -> None:
    """Make `database` if it is not there, empty or as a copy of `template`."""
    with _session(superuser, "postgres", autocommit=True) as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
        if cursor.fetchone() is None:
            statement = sql.SQL("CREATE DATABASE {} OWNER awe_owner TEMPLATE {}").format(
                sql.Identifier(database), sql.Identifier(template or "template1")
            )
            cursor.execute(statement)
        # Logins of jobs inherit nothing and need to connect; nobody else gains by it. Temporary
        # tables are nobody's: they escape every limit of disk space.
        for text in (
            "REVOKE ALL ON DATABASE {} FROM PUBLIC",
            "GRANT CONNECT ON DATABASE {} TO PUBLIC",
        ):
            cursor.execute(sql.SQL(text).format(sql.Identifier(database)))


def _install_roles(superuser: Mapping[str, Any], passwords: Mapping[str, str]) -> None:
    with _session(superuser, "postgres") as cursor:
        # Two first starts against one server wait for each other here.
        cursor.execute("SELECT pg_advisory_xact_lock(8791)")
        cursor.execute(_sql_files()[CLUSTER_FILE])
        for role, password in {"anonymous": ANONYMOUS_PASSWORD, **passwords}.items():
            verifier = encrypt_password(password, role, cursor.connection, "scram-sha-256")
            statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
            cursor.execute(statement.format(sql.Identifier(role), sql.Literal(verifier)))


def _install_schema(superuser: Mapping[str, Any], database: str) -> None:
    with _session(superuser, database) as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(8792)")
        # Functions before tables, which call awe.protect; tables before the views that read them;
        # the version last. One transaction: what has a version is whole.
        _run_files(cursor)
        _run_as_owner(cursor, classes_ddl())
        _run_files(cursor, "views")
        _enter_version(cursor)
        _run_as_owner(cursor, [f"INSERT INTO awe.alembic_version VALUES ('{VERSION:04}')"])


def refresh(cursor: Any) -> None:
    """Bring a database whose steps are taken to what a new one has.

    Runs every file of SQL again, adds tables, columns and indexes of classes that are missing,
    and gives all tables, those of own classes included, the rights of this version.

    Parameters
    ----------
    cursor : psycopg2 cursor
        Cursor of a superuser, in the transaction of the migration.
    """
    from awe.db.schema import tables

    cursor.execute(_sql_files()[CLUSTER_FILE])
    _run_files(cursor)
    cursor.execute(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = 'awe'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped"
    )
    _run_as_owner(cursor, [*tables.additions(cursor.fetchall()), "SELECT awe.protect_again()"])
    _run_files(cursor, "views")
    cursor.execute("SELECT awe.mend_values()")
    cursor.execute("SELECT awe.fill_footprints()")
    _enter_version(cursor)


def _run_files(cursor: Any, below: str = "") -> None:
    for name, text in _sql_files(below).items():
        if name != CLUSTER_FILE:
            _run_file(cursor, f"{below}/{name}".lstrip("/"), text)


def _run_as_owner(cursor: Any, statements: Iterable[str]) -> None:
    cursor.execute("SET ROLE awe_owner")
    for statement in statements:
        cursor.execute(statement)
    cursor.execute("RESET ROLE")


def _enter_version(cursor: Any) -> None:
    _run_as_owner(cursor, [f"INSERT INTO awe.schema_version (version) VALUES ({VERSION})"])


def _run_file(cursor: Any, name: str, text: str) -> None:
    try:
        cursor.execute(text)
    except psycopg2.Error as error:
        msg = f"awe/db/schema/sql/{name} does not run: {str(error).strip()}"
        raise Defect(msg) from error
    cursor.execute("RESET ROLE")


def _sql_files(below: str = "") -> dict[str, str]:
    """Return the SQL files by name, in the order in which they run."""
    folder = Path(__file__).with_name("sql") / below
    return {file.name: file.read_text() for file in sorted(folder.glob("*.sql"))}


class _session:  # noqa: N801 - used as a statement: with _session(...) as cursor
    """One connection, one transaction, closed at the end."""

    def __init__(
        self, arguments: Mapping[str, Any], database: str, *, autocommit: bool = False
    ) -> None:
        self.connection = psycopg2.connect(**{**arguments, "dbname": database})
        self.connection.autocommit = autocommit

    def __enter__(self) -> Any:
        return self.connection.cursor()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and not self.connection.autocommit:
            self.connection.commit()
        self.connection.close()
