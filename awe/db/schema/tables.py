"""Tables from declarations: one table per class, one per list of links.

Builds SQLAlchemy Core metadata from the registry and from it the statements that create the
schema: tables, foreign keys, indexes, and for every class the same call of `awe.protect`, so no
class can be without rights or have others. It executes nothing.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable
from sqlalchemy.types import TypeEngine

from awe.db.declare import registry
from awe.db.declare.attributes import MUTABLE, Kind, Persistent
from awe.db.declare.entity import Entity
from awe.db.objects import owntables
from awe.db.query import footprint, sky
from awe.db.query.compiler import link_table, quoted, standard_name, table

__all__ = ["additions", "ddl", "metadata"]

UTC_NOW = "awe.utcnow()"
#: What policies ask of a row; an index that has them counts visible rows without reading them.
RIGHTS = ("_creator", "_project", "_privileges")
LONGEST_NAME = 63


def metadata(classes: Iterable[type[Entity]] | None = None) -> MetaData:
    """Return the tables of classes, of all registered ones by default."""
    result = MetaData(schema="awe")
    for name, type_ in (("users", Integer), ("project", Integer), ("file", Uuid)):
        Table(name, result, Column("id", type_, primary_key=True))
    chosen = _chosen(classes)
    for cls in chosen:
        _add_table(result, cls)
    for cls in chosen:
        _add_lists(result, cls)
    return result


def _chosen(classes: Iterable[type[Entity]] | None) -> list[type[Entity]]:
    if classes is not None:
        return list(classes)
    registry.complete()
    return [cls for cls in registry.registry.values() if not owntables.is_own(cls)]


def _column_type(attribute: Persistent[Any]) -> TypeEngine[Any]:
    types: dict[Any, TypeEngine[Any]] = {
        # By code point, as Python sorts; and ^@ can use an ordinary index in this collation only.
        # Dates have no time zone: all are UTC, whatever the session's zone is.
        str: Text(collation="C"),
        int: BigInteger(),
        float: Double(),
        bool: Boolean(),
        datetime.datetime: DateTime(timezone=False),
        uuid.UUID: UUID(),
        dict: JSONB(),
    }
    if attribute.kind is Kind.LINK:
        return UUID()
    type_ = types[attribute.declared_type]
    return ARRAY(type_) if attribute.kind is Kind.ARRAY else type_


def _system_columns() -> list[Any]:
    return [
        Column("object_id", UUID(), primary_key=True),
        Column("creation_date", DateTime(), nullable=False, server_default=text(UTC_NOW)),
        Column("_creator", Integer, ForeignKey("awe.users.id"), nullable=False,
               server_default=text("awe.uid()")),
        Column("_project", Integer, ForeignKey("awe.project.id"), nullable=False),
        Column("_privileges", SmallInteger, nullable=False),
    ]  # fmt: skip


def _add_table(result: MetaData, cls: type[Entity]) -> Table:
    columns = _system_columns()
    names = {column.name for column in columns}
    for attribute in cls._attributes.values():
        if attribute.kind is Kind.LINKS or attribute.column in names:
            continue
        arguments: list[Any] = []
        if _is_file(attribute):
            arguments = [ForeignKey("awe.file.id")]
        columns.append(
            Column(attribute.column, _column_type(attribute), *arguments,
                   unique=True if _is_file(attribute) else None)
        )  # fmt: skip
    columns += _sky_column(cls) + _footprint_columns(cls)
    name = standard_name(cls)
    made = Table(name, result, *columns, CheckConstraint("_privileges BETWEEN 1 AND 5"))
    for entry in cls.__unique__:
        made.append_constraint(UniqueConstraint(*_columns_of(cls, entry)))
    _add_indexes(made, cls)
    return made


def _sky_column(cls: type[Entity]) -> list[Any]:
    """Return the column by which positions are found; no attribute, and never written."""
    if not cls.__sky__:
        return []
    ra, dec = (quoted(cls._attribute(name).column) for name in cls.__sky__)
    expression = Computed(sky.cell_expression(ra, dec), persisted=True)
    return [Column(sky.COLUMN, BigInteger, expression)]


def _footprint_columns(cls: type[Entity]) -> list[Any]:
    """Return the columns a trigger fills with the place of a frame; these are not attributes."""
    if not footprint.has_footprint(cls):
        return []
    return [Column(footprint.CELL, BigInteger), Column(footprint.CORNERS, ARRAY(Double()))]


def _is_file(attribute: Persistent[Any]) -> bool:
    return attribute.name == "file" and attribute.declared_type is uuid.UUID


def _columns_of(cls: type[Entity], entry: str | Sequence[str]) -> list[str]:
    names = [entry] if isinstance(entry, str) else list(entry)
    return [cls._attribute(name).column for name in names]


def _add_indexes(made: Table, cls: type[Entity]) -> None:
    """Index what rights and queries look up: creator, links, filenames and what is declared."""
    wanted: list[list[str]] = [list(RIGHTS), ["creation_date"]]
    wanted += [[a.column] for a in cls._attributes.values() if a.kind is Kind.LINK]
    if "filename" in cls._attributes:
        wanted.append(["filename"])
    wanted += [_columns_of(cls, entry) for entry in cls.__indexes__]
    if cls.__sky__:
        wanted.append([sky.COLUMN])
    if footprint.has_footprint(cls):
        wanted.append([footprint.CELL])
    longest = {tuple(columns) for columns in wanted}
    for columns in sorted(longest):
        if any(other[: len(columns)] == columns and other != columns for other in longest):
            continue
        name = f"{made.name}_{'_'.join(columns)}"[:LONGEST_NAME]
        include = RIGHTS if len(columns) > 1 and columns[0] not in RIGHTS else ()
        Index(name, *(made.c[column] for column in columns), postgresql_include=include)


def _add_lists(result: MetaData, cls: type[Entity]) -> None:
    for attribute in cls._attributes.values():
        if attribute.kind is Kind.LINKS:
            name = f"{standard_name(cls)}__{attribute.column}"
            made = Table(
                name,
                result,
                Column("owner", UUID(), primary_key=True),
                Column("position", Integer, primary_key=True, autoincrement=False),
                Column("target", UUID(), nullable=False),
            )
            Index(f"{name}_target"[:LONGEST_NAME], made.c.target)


def ddl(classes: Iterable[type[Entity]] | None = None) -> list[str]:
    """Return the statements that create the tables of classes and protect them.

    Tables come first, then foreign keys (so that classes may refer to each other in circles),
    then rights.

    Parameters
    ----------
    classes : iterable of type, optional
        Concrete persistent classes; all registered ones when left out.
    """
    return [*_created(classes, {}), *_protected(_chosen(classes))]


def additions(
    existing: Iterable[tuple[str, str]], classes: Iterable[type[Entity]] | None = None
) -> list[str]:
    """Return the statements that add what an older database lacks: tables, columns, indexes.

    Parameters
    ----------
    existing : iterable of (str, str)
        Table and column of every column there is.
    classes : iterable of type, optional
        Concrete persistent classes; all registered ones when left out.
    """
    there: dict[str, set[str]] = {}
    for name, column in existing:
        there.setdefault(name, set()).add(column)
    return [*_created(classes, there), *_protected(_missing(_chosen(classes), there))]


def _created(
    classes: Iterable[type[Entity]] | None, there: Mapping[str, set[str]]
) -> list[str]:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    statements = []
    for made in metadata(_chosen(classes)).tables.values():
        if made.name in ("users", "project", "file"):
            continue
        if made.name in there:
            for column in made.columns:
                if column.name not in there[made.name]:
                    text = str(CreateColumn(column).compile(dialect=dialect)).strip()
                    statements.append(f"ALTER TABLE {_qualified(made)} ADD COLUMN {text}")
        else:
            statements.append(str(CreateTable(made).compile(dialect=dialect)).strip())
        again = made.name in there
        indexes = sorted(made.indexes, key=lambda index: str(index.name))
        statements += [
            str(CreateIndex(index, if_not_exists=again).compile(dialect=dialect))
            for index in indexes
        ]
    for cls in _chosen(classes):
        statements += _foreign_keys(cls, there)
    return statements


def _qualified(made: Table) -> str:
    return f'awe."{made.name}"'


def _missing(
    classes: Iterable[type[Entity]], there: Mapping[str, set[str]]
) -> list[type[Entity]]:
    return [cls for cls in classes if standard_name(cls) not in there]


def _protected(classes: Iterable[type[Entity]]) -> list[str]:
    return [statement for cls in classes for statement in _rights(cls)]


def _single(attribute: Persistent[Any]) -> type[Entity] | None:
    """Return the one class a link can point to; None where there are several."""
    targets = registry.concrete(attribute.target)
    return targets[0] if targets == [attribute.target] else None


def _foreign_keys(cls: type[Entity], there: Mapping[str, set[str]]) -> list[str]:
    statements = []
    for attribute in cls._attributes.values():
        if not attribute.is_link or _is_there(cls, attribute, there):
            continue
        target = _single(attribute)
        column = attribute.column
        source = table(cls, standard_name)
        if attribute.kind is Kind.LINKS:
            source = link_table(cls, attribute, standard_name)
            column = "target"
            statements.append(
                f"ALTER TABLE {source} ADD FOREIGN KEY (owner) "
                f"REFERENCES {table(cls, standard_name)} ON DELETE CASCADE"
            )
        # PostgreSQL has no foreign key to one of several tables.
        if target is not None:
            statements.append(
                f'ALTER TABLE {source} ADD FOREIGN KEY ("{column}") '
                f"REFERENCES {table(target, standard_name)}"
            )
    return statements


def _is_there(
    cls: type[Entity], attribute: Persistent[Any], there: Mapping[str, set[str]]
) -> bool:
    if attribute.kind is Kind.LINKS:
        return f"{standard_name(cls)}__{attribute.column}" in there
    return attribute.column in there.get(standard_name(cls), set())


def _rights(cls: type[Entity]) -> list[str]:
    names = [name for name in MUTABLE if name in cls._attributes]
    writable = ",".join(["_privileges", *names])
    links = [a for a in cls._attributes.values() if a.kind is Kind.LINK]
    refs = ",".join(
        f'"{a.column}=awe.{standard_name(target)}"' for a in links if (target := _single(a))
    )
    own = table(cls, standard_name)
    statements = [f"SELECT awe.protect('{own}', '{{{writable}}}', '{{{refs}}}')"]
    for attribute in cls._attributes.values():
        if attribute.kind is Kind.LINKS:
            target = _single(attribute)
            to = f"'{table(target, standard_name)}'" if target is not None else "NULL"
            between = link_table(cls, attribute, standard_name)
            statements.append(f"SELECT awe.protect_links('{between}', '{own}', {to})")
    return statements
