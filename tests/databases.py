"""Databases for tests: a copy of a template each, used again once it is as the template is.

Copying a database of more than a thousand files costs a quarter of a second of work, taking a
test's rows out of it a tenth of that. A copy whose catalog a test changed (a table, a function,
a right, statistics), or that has become large, is dropped instead.
"""

from __future__ import annotations

import io
import itertools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql

from awe.db.schema import install as schema
from awe.services.cluster import Cluster

__all__ = ["Pool", "drop"]

#: How long a database may take to go.
DROP_PATIENCE = "60s"

#: Catalogs in which every change to anything but rows shows.
CATALOGS = (
    "pg_attrdef", "pg_attribute", "pg_cast", "pg_class", "pg_collation", "pg_constraint",
    "pg_default_acl", "pg_depend", "pg_description", "pg_event_trigger", "pg_extension",
    "pg_index", "pg_inherits", "pg_init_privs", "pg_language", "pg_largeobject_metadata",
    "pg_namespace", "pg_operator", "pg_policy", "pg_proc", "pg_publication", "pg_rewrite",
    "pg_sequence", "pg_statistic", "pg_statistic_ext", "pg_trigger", "pg_type",
)  # fmt: skip
#: Rows that stay behind, dead, are no trouble up to here.
LARGEST = 4_000_000
MOST_USES = 40

_numbers = itertools.count(1)


@dataclass
class Copy:
    """A database of a pool, with its catalog as it was before the first test."""

    name: str
    catalog: list[Any]
    uses: int = 0


@dataclass
class Rows:
    """What a template has in its tables and sequences."""

    digests: dict[str, str]
    copies: dict[str, tuple[str, str]]
    sequences: dict[str, int | None]


class Pool:
    """The copies of one template."""

    def __init__(self, cluster: Cluster, template: str) -> None:
        self.cluster = cluster
        self.template = template
        self.made = 0
        self.idle: list[Copy] = []
        with _cursor(cluster, template) as cursor:
            self._rows = _rows(cursor)

    def take(self) -> Copy:
        """Return a database with the rows of the template and no others."""
        copy = self.idle.pop() if self.idle else self._make()
        copy.uses += 1
        return copy

    def give_back(self, copy: Copy) -> None:
        """Keep a database for another test, or drop it."""
        if copy.uses < MOST_USES and self._restored(copy):
            self.idle.append(copy)
        else:
            drop(self.cluster, copy.name)

    def _make(self) -> Copy:
        name = f"awe_test_{next(_numbers)}"
        schema.create_database(self.cluster.superuser(), name, template=self.template)
        self.made += 1
        with _cursor(self.cluster, name) as cursor:
            return Copy(name, _catalog(cursor))

    def _restored(self, copy: Copy) -> bool:
        try:
            with _cursor(self.cluster, copy.name) as cursor:
                if not _alone(cursor) or _catalog(cursor) != copy.catalog:
                    return False
                sizes = _sizes(cursor)
                if sum(sizes.values()) > LARGEST:
                    return False
                self._put_back(cursor, sizes)
                return _catalog(cursor) == copy.catalog
        except psycopg2.Error:
            # whatever a test did that keeps its database from being mended: the next has another
            return False

    def _put_back(self, cursor: Any, sizes: dict[str, int]) -> None:
        cursor.execute("SET session_replication_role = replica")
        for table in sizes.keys() - self._rows.copies.keys():
            cursor.execute(f"DELETE FROM {table}")
        changed = _digests(cursor, list(self._rows.copies))
        for table, (columns, text) in self._rows.copies.items():
            if changed[table] != self._rows.digests[table]:
                cursor.execute(f"DELETE FROM {table}")
                cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", io.StringIO(text))
        for sequence, value in _sequences(cursor).items():
            if value != (before := self._rows.sequences[sequence]):
                cursor.execute(
                    "SELECT setval(seqrelid::regclass, coalesce(%s, seqstart), %s)"
                    " FROM pg_sequence WHERE seqrelid = %s::regclass",
                    (before, before is not None, sequence),
                )


def drop(cluster: Cluster, name: str) -> None:
    """Drop a database, whoever is still in it.

    The server waits for each of its processes to have noticed. One that does not is told of, with
    what all were doing, and the database stays until the server of the test run goes.
    """
    with _cursor(cluster, "postgres") as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, false)", (DROP_PATIENCE,))
        statement = sql.SQL("DROP DATABASE {} WITH (FORCE)")
        try:
            cursor.execute(statement.format(sql.Identifier(name)))
        except psycopg2.errors.QueryCanceled:
            cursor.execute(
                "SELECT pid, backend_type, datname, state, wait_event, left(query, 80)"
                " FROM pg_stat_activity"
            )
            doing = "\n".join(map(str, cursor.fetchall()))
            msg = f"database {name} is not dropped, with these here:\n{doing}"
            warnings.warn(msg, stacklevel=2)


@contextmanager
def _cursor(cluster: Cluster, name: str) -> Iterator[Any]:
    connection = psycopg2.connect(**cluster.superuser(name))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _alone(cursor: Any) -> bool:
    """End all other sessions of this database; return False if one does not go."""
    cursor.execute(
        "SELECT coalesce(bool_and(pg_terminate_backend(pid, 2000)), true) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return bool(cursor.fetchone()[0])


def _catalog(cursor: Any) -> list[Any]:
    """How many rows each catalog has and which transaction wrote one last."""
    of = "(SELECT (count(*), max(xmin::text::bigint))::text FROM {})"
    parts = [of.format(name) for name in CATALOGS]
    cursor.execute(
        f"SELECT {', '.join(parts)}, (SELECT (datacl, datdba, datconnlimit)::text FROM pg_database"
        " WHERE datname = current_database()), (SELECT count(*) FROM pg_db_role_setting"
        " JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database())"
    )
    return list(cursor.fetchone())


def _sizes(cursor: Any) -> dict[str, int]:
    """Every table something was ever written to, and its size in bytes."""
    cursor.execute(
        "SELECT c.oid::regclass::text, pg_relation_size(c.oid) FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'm')"
        " AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
        " AND pg_relation_size(c.oid) > 0"
    )
    return dict(cursor.fetchall())


def _digests(cursor: Any, tables: list[str]) -> dict[str, str]:
    parts = [f"SELECT %s, md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t"
             for name in tables]  # fmt: skip
    cursor.execute(" UNION ALL ".join(parts), tables)
    return dict(cursor.fetchall())


def _sequences(cursor: Any) -> dict[str, int | None]:
    cursor.execute(
        "SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences"
    )
    return dict(cursor.fetchall())


def _rows(cursor: Any) -> Rows:
    tables = list(_sizes(cursor))
    copies = {}
    for table in tables:
        cursor.execute(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attgenerated = ''",
            (table,),
        )
        [columns] = cursor.fetchone()
        text = io.StringIO()
        cursor.copy_expert(f"COPY {table} ({columns}) TO STDOUT", text)
        copies[table] = (columns, text.getvalue())
    return Rows(_digests(cursor, tables), copies, _sequences(cursor))
