"""Backups of an installation: roles, database, files and what people set up, while work goes on.

One snapshot of the database says which files belong to it; they are copied after the dump, each
compared with the checksum the database knows. A second backup into the same directory links what
the one before has already. A backup is complete when it has lost the ending `.incomplete`, which
happens last, with everything on disk. How it is brought back is `awe.services.restore`'s business.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import RawIOBase
from pathlib import Path
from typing import Any
from uuid import UUID

import awe
from awe.dataserver.store import Store
from awe.db.schema import install as schema
from awe.errors import ArgumentError, ChecksumMismatch, ServiceDown, StoreAway
from awe.services.filestore import files_of
from awe.services.installation import Installation
from awe.services.logins import superuser
from awe.services.place import Place
from awe.services.process import Progress, silent

__all__ = ["DUMP", "INCOMPLETE", "MANIFEST", "ROLES", "Made", "complete", "copy_checked", "make"]

INCOMPLETE = ".incomplete"
MANIFEST = "manifest.json"
DUMP = "database.dump"
ROLES = "roles.sql"
#: What people set up in a home, and the services' own records that a restore needs.
KEPT = ("Environment.cfg", "instruments", "prompt", "recipes", "tutorial")
KEPT_OF_SERVICES = ("courses.json", "secrets.json", "sharing.json")
CHUNK = 1 << 20

_FILES = (
    "SELECT id::text, size, encode(sha256, 'hex') FROM awe.file"
    " WHERE state IN ('stored', 'linked') OR (state = 'trash' AND trashed > '-infinity')"
    " ORDER BY id"
)
_WANTED = (
    "SELECT 1 FROM awe.file WHERE id = %s AND (state IN ('stored', 'linked')"
    " OR (state = 'trash' AND trashed > now() - interval '7 days'))"
)


@dataclass(kw_only=True)
class Made:
    """A backup that was made.

    Attributes
    ----------
    folder : Path
        Directory of the backup.
    files : int
        Number of files in it.
    copied : int
        Size of the copied files [byte]; the others were in an earlier backup.
    damaged : list of str
        Files the database expects whose bytes are gone or wrong: `awe-admin fsck` names them.
    """

    folder: Path
    files: int = 0
    copied: int = 0
    damaged: list[str] = field(default_factory=list)


def make(
    house: Installation, target: Path, *, files: bool = True, say: Progress = silent
) -> Made:
    """Back up an installation into a new directory below `target`, and return it.

    Parameters
    ----------
    house : Installation
        The installation; its database must run.
    target : Path
        Directory of backups, made if necessary; earlier ones in it save space and time.
    files : bool
        Whether the stored files are copied; otherwise the backup holds the database alone.
    say : callable
        Function that is called with one line before each step that takes time.

    Raises
    ------
    ServiceDown
        The database does not run, or a step failed; the directory stays incomplete.
    ArgumentError
        `target` is not a place for backups.
    """
    house, target = Installation(house.home.resolve()), target.absolute()
    home = house.home
    _check(home, target)
    with _only_one(target):
        for old in target.glob(f"*{INCOMPLETE}"):
            shutil.rmtree(old)
        before = complete(target)
        store = files_of(home)
        folder = _begin(target)
        manifest = _database(house, folder, say)
        made = Made(folder=folder)
        if files:
            say(f"copying {len(manifest['files'])} files")
            # After the dump: stored files never change, so that a later copy has the same bytes;
            # one that was cleared meanwhile is noted.
            _copy_files(house, store, folder, before[-1] if before else None, manifest, made)
        else:
            manifest["store"] = store.url
        _copy_settings(home, folder)
        _seal(folder, manifest)
        made.folder = folder.rename(folder.with_name(folder.name.removesuffix(INCOMPLETE)))
        _sync(target)
    return made


def complete(target: Path) -> list[Path]:
    """Return the complete backups in a directory of backups, oldest first."""
    found = (path.parent for path in target.glob(f"*/{MANIFEST}"))
    return sorted(path for path in found if not path.name.endswith(INCOMPLETE))


def copy_checked(stream: RawIOBase, target: Path, sha256: str) -> int:
    """Copy an open file, close it, and return its size; a wrong copy does not stay.

    Raises
    ------
    ChecksumMismatch
        The bytes are not those the checksum is of.
    """
    found, size = hashlib.sha256(), 0
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with stream, os.fdopen(descriptor, "wb") as copy:
            while chunk := stream.read(CHUNK):
                found.update(chunk)
                size += copy.write(chunk)
    except OSError:
        target.unlink()
        raise
    if found.hexdigest() != sha256:
        target.unlink()
        msg = f"the original of {target} has SHA-256 {found.hexdigest()}, recorded is {sha256}"
        raise ChecksumMismatch(msg)
    target.chmod(0o400)
    return size


def _check(home: Path, target: Path) -> None:
    inside = ("database", "files", "services", "dpu")
    if any(target.resolve().is_relative_to(home / name) for name in inside):
        msg = f"{target} is inside {home}, among what awe looks after; choose another directory"
        raise ArgumentError(msg)
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{target} cannot hold backups: {error.strerror}; choose another directory"
        raise ArgumentError(msg) from error


@contextmanager
def _only_one(target: Path) -> Iterator[None]:
    with (target / ".lock").open("a") as file:
        try:
            # The lock ends with its holder: who left an incomplete backup found here is gone.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = f"another backup into {target} is being made; wait for it"
            raise ServiceDown(msg) from error
        yield


def _begin(target: Path) -> Path:
    stamp = f"{datetime.now(UTC):%Y-%m-%dT%H%M%S.%f}Z"
    folder = target / f"{stamp}{INCOMPLETE}"
    folder.mkdir(mode=0o700)
    return folder


def _database(house: Installation, folder: Path, say: Progress) -> dict[str, Any]:
    """Dump database and roles as they are at one moment; return the manifest so far."""
    cluster = house.cluster
    with closing(superuser(house)) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection.cursor() as cursor:
            # Good while this transaction is open, so pg_dump runs inside it.
            cursor.execute("SELECT pg_export_snapshot()")
            snapshot = cursor.fetchone()[0]
            cursor.execute(_FILES)
            files = cursor.fetchall()
            cursor.execute("SELECT role_name FROM awe.users WHERE removed IS NULL")
            people = [row[0] for row in cursor.fetchall()]
            say("dumping the database")
            cluster.run("pg_dump", "--format=custom", "--create", f"--snapshot={snapshot}",
                        f"--file={folder / DUMP}", "--dbname=awe")  # fmt: skip
    # Roles belong to the whole server and are in no snapshot; who left meanwhile is noticed below.
    cluster.run("pg_dumpall", "--roles-only", f"--file={folder / ROLES}")
    _keep_people(folder / ROLES, people)
    return {
        "awe": awe.__version__,
        "schema": schema.version(cluster.superuser()),
        "home": str(house.home),
        "installation": Place.read(house.home).installation,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": files,
        "gone": [],
        "damaged": [],
    }


def _keep_people(path: Path, people: list[str]) -> None:
    """Leave out of the roles the logins of jobs, which end with them, and check the rest."""
    lines = path.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not _passing(line)]
    path.write_text("".join(kept))
    path.chmod(0o600)
    named = {words[2].strip('";\n') for line in kept if (words := line.split())[:2] == _CREATE}
    lost = sorted(set(people) - named)
    if lost:
        msg = f"{', '.join(lost)} left while the backup was made; make it again"
        raise ServiceDown(msg)


_CREATE = ["CREATE", "ROLE"]


def _passing(line: str) -> bool:
    words = line.replace('"', " ").split()
    if words[:3] == [*_CREATE, "postgres;"]:
        return True
    job = [word for word in words if word.startswith("job_") and word.rstrip(";,").count("_") == 2]
    return bool(job) and words[0] in ("CREATE", "ALTER", "GRANT")


def _copy_files(
    house: Installation,
    store: Store,
    folder: Path,
    before: Path | None,
    manifest: dict[str, Any],
    made: Made,
) -> None:
    earlier = _known(before)
    for name, size, sha256 in manifest["files"]:
        target = folder / "files" / name[:2] / name
        former = before / "files" / name[:2] / name if before is not None else None
        if former is not None and earlier.get(name) == sha256 and _link(former, target, size):
            made.files += 1
            continue
        try:
            made.copied += copy_checked(store.open(UUID(name)), target, sha256)
            made.files += 1
        except StoreAway:
            # not this file: none can be copied now
            raise
        except OSError:
            _note_loss(house, name, manifest, made)


def _note_loss(house: Installation, name: str, manifest: dict[str, Any], made: Made) -> None:
    """Tell a file that was given up meanwhile from one that is damaged."""
    with closing(superuser(house)) as connection, connection.cursor() as cursor:
        cursor.execute(_WANTED, (name,))
        if cursor.fetchone() is None:
            manifest["gone"].append(name)
            return
    manifest["damaged"].append(name)
    made.damaged.append(name)


def _known(before: Path | None) -> dict[str, str]:
    if before is None:
        return {}
    text = json.loads((before / MANIFEST).read_text())
    lost = {*text["gone"], *text["damaged"]}
    return {name: sha256 for name, _, sha256 in text["files"] if name not in lost}


def _link(source: Path, target: Path, size: int) -> bool:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        if source.stat().st_size != size:
            return False
        # Only among backups: the store refuses files of its own that have a second name.
        os.link(source, target)
    except OSError:
        # not there, or a disk without hard links: it is copied
        return False
    return True


def _copy_settings(home: Path, folder: Path) -> None:
    settings = folder / "home"
    (settings / "services").mkdir(mode=0o700, parents=True)
    entries = [home / name for name in KEPT] + sorted(home.glob("course-*"))
    entries += [home / "services" / name for name in KEPT_OF_SERVICES]
    for entry in entries:
        target = settings / entry.relative_to(home)
        if entry.is_dir():
            shutil.copytree(entry, target, symlinks=True, ignore=_not_again)
        elif entry.exists():
            shutil.copy2(entry, target)


def _not_again(directory: str, names: list[str]) -> list[str]:
    """Return names that are not copied: sockets, and exposures, which are in the store already."""
    return [
        name for name in names
        if name == "__pycache__" or Path(directory, name).is_socket()
        or (name.startswith("OMEGACAM.") and name.endswith(".fits"))
    ]  # fmt: skip


def _seal(folder: Path, manifest: dict[str, Any]) -> None:
    """Write what belongs to the backup, with checksums, when all of it is on disk."""
    own = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    manifest["parts"] = {
        str(path.relative_to(folder)): _digest(path)
        for path in sorted(own)
        if path.relative_to(folder).parts[0] != "files"
    }
    text = json.dumps(manifest, indent=0)
    (folder / MANIFEST).write_text(text)
    (folder / f"{MANIFEST}.sha256").write_text(hashlib.sha256(text.encode()).hexdigest())
    os.sync()


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
