"""Objects of every class, made by hand in SQL: the attacks need no help from the package."""

from __future__ import annotations

import uuid
from contextlib import closing
from typing import Any

from psycopg2 import sql
from rights_model import Row


class Maker:
    """Inserts objects and files, as the superuser or as a person."""

    def __init__(self, db: Any) -> None:
        self.db = db
        self.root = db.superuser()
        self.users = dict(self.ask("SELECT role_name, id FROM awe.users"))

    def ask(self, statement: Any, *values: Any) -> list[tuple[Any, ...]]:
        with self.root.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def user(self, person: str) -> int:
        return int(self.users[self.db.user(person)])

    def tables(self) -> list[str]:
        """All tables of persistent objects, from the catalogue itself."""
        rows = self.ask(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relnamespace = 'awe'::regnamespace AND c.relkind = 'r' "
            "AND a.attname = '_privileges' AND c.relname <> 'file' ORDER BY 1"
        )
        return [row[0] for row in rows]

    def row(self, table: str, creator: str, project: int, level: int, **columns: Any) -> Row:
        """Insert as the superuser: anything goes."""
        made = Row(table, uuid.uuid4(), creator, project, level)
        self.insert(self.root, made, self.user(creator), **columns)
        return made

    def insert(self, connection: Any, row: Row, creator: int, **columns: Any) -> None:
        if columns.get("file") and "filename" not in columns:
            ((columns["filename"],),) = self.ask(
                "SELECT filename FROM awe.file WHERE id = %s", columns["file"])
        values = {
            "object_id": str(row.id), "_creator": creator, "_project": row.project,
            "_privileges": row.level, **columns,
        }
        statement = sql.SQL("INSERT INTO awe.{} ({}) VALUES ({})").format(
            sql.Identifier(row.table), sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, list(values.values()))

    def as_person(self, person: str, table: str, project: int, level: int, **columns: Any) -> Row:
        """Insert through that person's own login."""
        made = Row(table, uuid.uuid4(), person, project, level)
        with closing(self.db.connect(person)) as connection:
            self.insert(connection, made, self.user(person), **columns)
        return made

    def stored_file(self, person: str, name: str = "frame.fits") -> str:
        """Reserve a file as that person, and let the dataserver say it is stored."""
        number = str(uuid.uuid4())
        self.db.rows(person, "INSERT INTO awe.file (id, filename) VALUES (%s, %s)", number, name)
        self.db.rows("awe_dataserver", "SELECT awe.ds_stored(%s, 10, %s)", number, b"\1" * 32)
        return number
