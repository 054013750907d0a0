"""Plant the mistakes of `mutants` in the rights, one at a time, and see whether they are noticed.

`python -m tests.rights.mutation [WORD ...]` installs the schema once per mistake whose name holds
one of the words (all of them without), asks `awe.self_check()` and the questions of `probes`, and
prints who noticed. Its exit code is the number of mistakes that nobody noticed.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from mutants import MUTANTS, Mutant
from probes import first_failure

from awe.db.schema import install as schema
from awe.errors import AweError
from awe.services.cluster import Cluster, ClusterSettings
from tests import conftest as people
from tests.databases import drop

__all__ = ["main", "noticed"]


def noticed(cluster: Cluster, mutant: Mutant | None) -> str | None:
    """Return what notices a mistake, None if nothing does."""
    try:
        with _installed(cluster, mutant) as db:
            found = [line for line in schema.self_check(cluster.superuser(), db.name)
                     if line[0] != "durability"]
            return f"self-check: {found[0]}" if found else first_failure(db)
    except (AweError, psycopg2.Error) as error:
        return f"installation: {str(error).splitlines()[0]}"


@contextmanager
def _installed(cluster: Cluster, mutant: Mutant | None) -> Iterator[Any]:
    """A database whose schema has the mistake, with people and projects, removed afterwards."""
    name = "awe_mutant"
    original = schema._sql_files
    try:
        schema._sql_files = lambda *folder: _planted(original(*folder), mutant)
        schema.install(cluster.superuser(), people.PASSWORDS, database=name)
    finally:
        schema._sql_files = original
    db = people.Database(cluster, name)
    try:
        _settle(db)
        yield db
    finally:
        db.close()
        drop(cluster, name)


def _planted(files: dict[str, str], mutant: Mutant | None) -> dict[str, str]:
    if mutant is None or mutant.file not in files:
        return files
    text = files[mutant.file]
    assert mutant.old in text, f"{mutant.name}: {mutant.file} does not say {mutant.old!r} any more"
    return {**files, mutant.file: text.replace(mutant.old, mutant.new, 1)}


def _settle(db: Any) -> None:
    """Enter the people whose roles the server has already, or make them."""
    from psycopg2.extensions import encrypt_password

    root = db.superuser()
    with root.cursor() as cursor:
        for person, role in people.PEOPLE.items():
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
            if cursor.fetchone():
                cursor.execute("INSERT INTO awe.users (role_name) VALUES (%s)", (role,))
                continue
            verifier = encrypt_password(f"{role}-password", role, root, "scram-sha-256")
            cursor.execute("SELECT awe.user_create(%s, %s, %s)", (role, verifier, person))
        for project, person, manager in people.MEMBERS:
            cursor.execute(
                "INSERT INTO awe.member SELECT u.id, p.id, %s FROM awe.users u, awe.project p "
                "WHERE u.role_name = %s AND p.name = %s",
                (manager, people.PEOPLE[person], project))


@contextmanager
def server() -> Iterator[Cluster]:
    """A server of its own."""
    home = Path(tempfile.mkdtemp(prefix="awe-mutation-"))
    home.chmod(0o755)
    cluster = Cluster(home / "home", ClusterSettings(durable=False, ballast_bytes=0,
                                                     shared_buffers="64MB"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.destroy()
        shutil.rmtree(home, ignore_errors=True)


def main(words: list[str]) -> int:
    """Try the mistakes and return how many were not noticed."""
    chosen = [m for m in MUTANTS if not words or any(word in m.name for word in words)]
    missed = 0
    with server() as cluster:
        control = noticed(cluster, None)
        assert control is None, f"without any mistake: {control}"
        for number, mutant in enumerate(chosen, 1):
            began = time.monotonic()
            found = noticed(cluster, mutant)
            missed += found is None
            said = (found or "NOT NOTICED")[:90]
            line = f"{number:3} {time.monotonic() - began:4.1f} s  {mutant.name:46} {said}\n"
            sys.stdout.write(line)
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen)} mistakes, {missed} not noticed\n")
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
