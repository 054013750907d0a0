"""Students of a course: enrolled together, and their unpublished work taken back to nothing.

An administrator's view of other people's rows, so it is narrow on purpose: it counts, and it
deletes as the student, under the student's own rights. What is published stays, and so does what
somebody else's objects refer to. It does not ask; that is the command's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg2.extras import Json

from awe.db.rights.people import quoted_role, refusals, role_name, verifier
from awe.errors import JobError, NotFound, Refused

__all__ = ["Student", "Work", "cancel_jobs", "clear", "enroll", "forget_files", "work"]

HIGHEST_DELETABLE = 2
#: Connections of one student: a prompt, a few scripts, and nobody else locked out by a loop.
CONNECTIONS = 10

_TABLES = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'awe'::regnamespace AND c.relkind = 'r' AND a.attname = '_creator'
 ORDER BY 1"""

# Lists of links count as references of their owner; they go with it.
_REFERENCES = """
SELECT s.oid::regclass::text, quote_ident(a.attname), d.oid::regclass::text,
       (SELECT o.confrelid::regclass::text FROM pg_constraint o JOIN pg_attribute w
          ON w.attrelid = o.conrelid AND w.attnum = o.conkey[1]
        WHERE o.conrelid = s.oid AND o.contype = 'f' AND w.attname = 'owner')
  FROM pg_constraint f JOIN pg_class s ON s.oid = f.conrelid JOIN pg_class d ON d.oid = f.confrelid
  JOIN pg_attribute a ON a.attrelid = s.oid AND a.attnum = f.conkey[1]
 WHERE f.contype = 'f' AND s.relnamespace = 'awe'::regnamespace AND a.attname <> 'owner'
   AND EXISTS (SELECT 1 FROM pg_attribute x
                WHERE x.attrelid = d.oid AND x.attname = 'object_id')"""

_JOBS = "SELECT id, state::text, attempt FROM awe.job WHERE user_id = %s"
_FILES = """
UPDATE awe.file SET state = 'trash', trashed = '-infinity', size = coalesce(size, 0),
       sha256 = coalesce(sha256, sha256(''))
 WHERE creator = %s AND state IN ('open', 'stored', 'trash') RETURNING id::text"""
_AUDIT = """
INSERT INTO awe.audit (login, action, relation, concerns, project, after)
VALUES (session_user, 'delete', 'course', %s, (SELECT id FROM awe.project WHERE name = %s), %s)"""

Key = tuple[str, UUID]


@dataclass(frozen=True, kw_only=True)
class Student:
    """A login to be made."""

    name: str
    password: str
    full_name: str


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a student has in the database.

    Attributes
    ----------
    objects : dict of str to int
        Unpublished objects nothing else refers to, by table: what clearing takes away.
    kept : dict of str to int
        Unpublished objects that somebody else's objects refer to.
    published : int
        Number of objects of level 3 and above; they stay for ever.
    jobs : int
        Number of jobs, with their logs.
    trash : int
        Number of deleted objects that can still be brought back.
    """

    name: str
    objects: dict[str, int]
    kept: dict[str, int]
    published: int
    jobs: int
    trash: int

    @property
    def clean(self) -> bool:
        """True if there is nothing to clear."""
        return not (self.objects or self.jobs or self.trash)

    def __str__(self) -> str:
        parts = [
            f"{sum(self.objects.values())} objects",
            f"{self.jobs} jobs",
            f"{self.trash} in trash",
        ]
        if self.kept:
            parts.append(f"{sum(self.kept.values())} kept, others' objects refer to them")
        if self.published:
            parts.append(f"{self.published} published, they stay")
        return f"{self.name.upper():24} {', '.join(parts)}"


def enroll(connection: Any, project: str, students: Sequence[Student]) -> None:
    """Make the logins of students and their memberships, all or none.

    The transaction is left open, so that the caller can write files before `commit()`.

    Raises
    ------
    ArgumentError, Refused
        A name is not allowed, or is or was somebody's.
    """
    with refusals(), connection.cursor() as cursor:
        for student in students:
            login = role_name(student.name)
            secret = verifier(connection, login, student.password)
            cursor.execute(
                "SELECT awe.user_create(%s, %s, %s)", (login, secret, student.full_name)
            )
            cursor.execute("SELECT awe.member_add(%s, %s, false)", (project, login))
            role = quoted_role(connection, login)
            cursor.execute(f"ALTER ROLE {role} CONNECTION LIMIT {CONNECTIONS}")


def work(connection: Any, name: str) -> Work:
    """Return what a student has, changing nothing."""
    with connection, connection.cursor() as cursor:
        number = _number(cursor, name)
        doomed, kept = _plan(cursor, number)
        return Work(
            name=name,
            objects=dict(Counter(table for table, _ in _flat(doomed))),
            kept=dict(Counter(table for table, _ in kept)),
            published=_published(cursor, number),
            jobs=_count(cursor, "SELECT count(*) FROM awe.job WHERE user_id = %s", number),
            trash=_count(
                cursor,
                "SELECT count(*) FROM awe.trash WHERE user_id = %s AND content ? 'object_id'",
                number,
            ),
        )


def cancel_jobs(connection: Any, name: str) -> int:
    """Cancel a student's jobs and return how many are still running."""
    with connection, connection.cursor() as cursor:
        number = _number(cursor, name)
        cursor.execute(
            "UPDATE awe.job SET cancel = true"
            " WHERE user_id = %s AND state IN ('queued', 'running') AND NOT cancel",
            (number,),
        )
        cursor.execute(_JOBS + " AND state = 'running'", (number,))
        return len(cursor.fetchall())


def clear(connection: Any, name: str, project: str) -> tuple[list[UUID], list[tuple[int, int]]]:
    """Take a student's unpublished work away, in one transaction.

    Objects are deleted as the student, so that the database refuses whatever is not the
    student's own or is published.

    Returns
    -------
    list of UUID
        Files nobody refers to any more.
    list of tuple of int
        Job and attempt of the jobs that are gone.

    Raises
    ------
    JobError
        One of the student's jobs is running.
    """
    with refusals(), connection, connection.cursor() as cursor:
        number = _number(cursor, name)
        # Locked until the end: the runner cannot start one of them meanwhile.
        cursor.execute(_JOBS + " FOR UPDATE", (number,))
        jobs = cursor.fetchall()
        running = [str(job) for job, state, _ in jobs if state == "running"]
        if running:
            msg = f"jobs {', '.join(running)} of {name.upper()} still run; cancel them first"
            raise JobError(msg)
        doomed, _ = _plan(cursor, number)
        for layer in doomed:
            _delete_as(cursor, name, layer)
        cursor.execute("DELETE FROM awe.run WHERE user_id = %s", (number,))
        # After the objects, because deleting them has put copies into this very trash.
        cursor.execute("DELETE FROM awe.trash WHERE user_id = %s", (number,))
        cursor.execute(_FILES, (number,))
        files = [UUID(row[0]) for row in cursor.fetchall()]
        counts = Counter(table for table, _ in _flat(doomed))
        told = {**counts, "jobs": len(jobs), "files": len(files)}
        cursor.execute(_AUDIT, (number, project, Json(told)))
    tries = [(job, attempt) for job, _, last in jobs for attempt in range(1, last + 1)]
    return files, tries


def _number(cursor: Any, name: str) -> int:
    cursor.execute(
        "SELECT id FROM awe.users WHERE role_name = %s AND removed IS NULL", (name.lower(),)
    )
    row = cursor.fetchone()
    if row is None:
        msg = f"there is no user {name.upper()}; see awe-admin user list"
        raise NotFound(msg)
    return int(row[0])


def _count(cursor: Any, statement: str, number: int) -> int:
    cursor.execute(statement, (number,))
    return int(cursor.fetchone()[0])


def _tables(cursor: Any) -> list[str]:
    cursor.execute(_TABLES)
    return [row[0] for row in cursor.fetchall()]


def _published(cursor: Any, number: int) -> int:
    return sum(
        _count(
            cursor,
            f"SELECT count(*) FROM {table} WHERE _creator = %s"
            f" AND _privileges > {HIGHEST_DELETABLE}",
            number,
        )
        for table in _tables(cursor)
    )


def _plan(cursor: Any, number: int) -> tuple[list[set[Key]], set[Key]]:
    """Return what can go, in layers in which it can go, and what others hold on to."""
    own: set[Key] = set()
    for table in _tables(cursor):
        cursor.execute(
            f"SELECT object_id::text FROM {table} WHERE _creator = %s"
            f" AND _privileges <= {HIGHEST_DELETABLE}",
            (number,),
        )
        own.update((table, UUID(row[0])) for row in cursor.fetchall())
    holders = _holders(cursor, own)
    # What somebody else refers to is kept, and so is whatever a kept object refers to: repeated
    # until nothing is added.
    kept: set[Key] = set()
    while True:
        held = {key for key in own - kept if any(h not in own or h in kept for h in holders[key])}
        if not held:
            break
        kept |= held
    left = own - kept
    layers = []
    while left:
        # What nothing left refers to can go. In a circle everything is referred to: it goes at
        # once, which works within a table: foreign keys are checked at the end of a statement.
        layer = {key for key in left if not (holders[key] & left) - {key}} or set(left)
        layers.append(layer)
        left = left - layer
    return layers, kept


def _holders(cursor: Any, own: set[Key]) -> dict[Key, set[Key]]:
    """Return for each object what refers to it."""
    holders: dict[Key, set[Key]] = {key: set() for key in own}
    ids: dict[str, list[str]] = {}
    for table, object_id in own:
        ids.setdefault(table, []).append(str(object_id))
    cursor.execute(_REFERENCES)
    for source, column, target, owner in cursor.fetchall():
        if target not in ids:
            continue
        holder = "owner" if owner else "object_id"
        cursor.execute(
            f"SELECT {holder}::text, {column}::text FROM {source}"
            f" WHERE {column} = ANY (%s::uuid[])",
            (ids[target],),
        )
        for by, of in cursor.fetchall():
            holders[target, UUID(of)].add((owner or source, UUID(by)))
    return holders


def _flat(layers: list[set[Key]]) -> Iterator[Key]:
    for layer in layers:
        yield from layer


def _delete_as(cursor: Any, name: str, layer: set[Key]) -> None:
    by_table: dict[str, list[str]] = {}
    for table, object_id in layer:
        by_table.setdefault(table, []).append(str(object_id))
    cursor.execute(f"SET LOCAL ROLE {quoted_role(cursor.connection, name)}")
    for table, ids in sorted(by_table.items()):
        cursor.execute(f"DELETE FROM {table} WHERE object_id = ANY (%s::uuid[])", (ids,))
        # Policies leave rows out in silence: only the number says that one was refused.
        if cursor.rowcount != len(ids):
            msg = (
                f"{name.upper()} may not delete {len(ids) - cursor.rowcount} of {table}; all stay"
            )
            raise Refused(msg)
    cursor.execute("RESET ROLE")


def forget_files(connection: Any, files: Sequence[UUID]) -> None:
    """Forget files whose bytes are gone."""
    with connection, connection.cursor() as cursor:
        for file_id in files:
            cursor.execute("SELECT awe.ds_gone(%s::uuid)", (str(file_id),))
