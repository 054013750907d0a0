"""Bringing a backup back, as a new installation in an empty home that may be anywhere.

Everything is compared with its checksum before it counts; a restore that was broken off leaves a
home that says so and starts nothing. The new installation has a name of its own, everybody's
login as it was, and the old address for other accounts of the machine where that is free.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import closing
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import psycopg2

from awe.dataserver.store import Store
from awe.db.schema import install as schema
from awe.errors import ArgumentError, ServiceDown
from awe.services import records, sharing
from awe.services.backup import DUMP, INCOMPLETE, MANIFEST, ROLES, complete, copy_checked
from awe.services.belonging import HALF
from awe.services.cluster import Cluster
from awe.services.installation import Installation
from awe.services.place import Place
from awe.services.process import Progress, silent

__all__ = ["Restored", "restore"]


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What was brought back.

    Attributes
    ----------
    source : Path
        Directory of the backup.
    files : int
        Number of files stored again.
    schema : int
        Number of the database's schema; an older one has to be migrated before it starts.
    address : str
        Change of the address for other accounts, in one line; empty if it did not change.
    """

    source: Path
    files: int
    schema: int
    address: str


def restore(source: Path, house: Installation, say: Progress = silent) -> Restored:
    """Make an installation with what a backup holds, not started yet.

    Parameters
    ----------
    source : Path
        Directory of a backup, or of several: then the newest complete one.
    house : Installation
        Installation to fill; its home must be empty or not exist.
    say : callable
        Function that is called with one line before each step that takes time.

    Raises
    ------
    ArgumentError
        The backup is incomplete, damaged or newer than this awe, or the home is not empty.
    """
    folder = _choose(source.absolute())
    manifest = _read(folder)
    home = house.home
    if (home / HALF).exists():
        msg = f"a restore into {home} was broken off: awe-admin destroy, then restore again"
        raise ArgumentError(msg)
    if home.exists() and any(home.iterdir()):
        msg = f"{home} is not empty; a backup is restored into an empty AWE_HOME"
        raise ArgumentError(msg)
    say("comparing the backup with its checksums")
    _check_parts(folder, manifest)
    cluster = house.cluster
    records.prepare(home)
    (home / HALF).write_text(f"{folder}\n")
    shutil.copytree(folder / "home", home, symlinks=True, dirs_exist_ok=True)
    opening = sharing.opened(home)
    # The original may still be open at that address; at the end it is taken if it is free.
    (home / "services" / sharing.RECORD).unlink(missing_ok=True)
    say("making the database")
    cluster.start(restoring=True)
    # Roles before the dump, which gives its tables and rights to them.
    cluster.run("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname=postgres",
                f"--file={folder / ROLES}")  # fmt: skip
    cluster.run(
        "pg_restore", "--exit-on-error", "--create", "--dbname=postgres", str(folder / DUMP)
    )
    say(f"copying {len(manifest['files'])} files")
    number = _files(folder, manifest, home)
    _forget(cluster, manifest)
    cluster.stop()
    address = sharing.reopen(home, opening) if opening else ""
    Place.read(home).with_(former="*").write(home)
    (home / HALF).unlink()
    return Restored(source=folder, files=number, schema=manifest["schema"], address=address)


def _choose(source: Path) -> Path:
    if source.name.endswith(INCOMPLETE):
        msg = f"{source} is incomplete: making it was broken off; choose another backup"
        raise ArgumentError(msg)
    if (source / MANIFEST).exists():
        return source
    found = complete(source) if source.is_dir() else []
    if found:
        return found[-1]
    broken = sorted(path.name for path in source.glob(f"*{INCOMPLETE}"))
    told = f"{', '.join(broken)} was broken off" if broken else "there is none"
    msg = f"{source} has no complete backup: {told}; make one with awe-admin backup"
    raise ArgumentError(msg)


def _read(folder: Path) -> dict[str, Any]:
    try:
        text = (folder / MANIFEST).read_text()
        digest = (folder / f"{MANIFEST}.sha256").read_text().strip()
        manifest: dict[str, Any] = json.loads(text)
    except (OSError, ValueError) as error:
        msg = f"backup {folder} is damaged: {MANIFEST}: {error}; choose another backup"
        raise ArgumentError(msg) from error
    if hashlib.sha256(text.encode()).hexdigest() != digest:
        msg = f"backup {folder} is damaged: {MANIFEST} has another checksum; choose another backup"
        raise ArgumentError(msg)
    if manifest["schema"] > schema.VERSION:
        msg = (
            f"backup {folder} has schema {manifest['schema']}, this version of awe knows "
            f"{schema.VERSION}; upgrade awe"
        )
        raise ArgumentError(msg)
    return manifest


def _check_parts(folder: Path, manifest: dict[str, Any]) -> None:
    """Read everything once; nothing is begun with a backup that is damaged anywhere."""
    for name, digest in manifest["parts"].items():
        _compare(folder / name, digest)
    for file, _, digest in _wanted(manifest):
        _compare(_stored(folder, manifest, file), digest)


def _compare(path: Path, digest: str) -> None:
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        msg = f"the backup is damaged: {path}: {error.strerror}; choose another backup"
        raise ArgumentError(msg) from error
    if found != digest:
        msg = f"the backup is damaged: {path} has another checksum; choose another backup"
        raise ArgumentError(msg)


def _wanted(manifest: dict[str, Any]) -> list[tuple[str, int, str]]:
    lost = {*manifest["gone"], *manifest["damaged"]}
    return [(name, size, sha) for name, size, sha in manifest["files"] if name not in lost]


def _stored(folder: Path, manifest: dict[str, Any], name: str) -> Path:
    """Return where the bytes of a file are: in the backup, or where a backup without files was."""
    if "://" in manifest.get("store", ""):
        msg = (
            f"backup {folder} was made with --no-files; its files are at "
            f"{manifest['store']}, for the installation it is of; restore a backup that has files"
        )
        raise ArgumentError(msg)
    root = Path(manifest["store"]) / "objects" if "store" in manifest else folder / "files"
    return root / name[:2] / name


def _files(folder: Path, manifest: dict[str, Any], home: Path) -> int:
    store = Store(home / "files")
    wanted = _wanted(manifest)
    for name, _, digest in wanted:
        target = store.objects / name[:2] / name
        try:
            copy_checked(FileIO(_stored(folder, manifest, name)), target, digest)
        except OSError as error:
            msg = f"{target} cannot be written: {error.strerror}; awe-admin destroy, then again"
            raise ServiceDown(msg) from error
    return len(wanted)


def _forget(cluster: Cluster, manifest: dict[str, Any]) -> None:
    """Forget files that were given up while the backup was made; mark those it did not find."""
    opened = closing(psycopg2.connect(**cluster.superuser("awe")))
    with opened as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM awe.file WHERE id = ANY (%s::uuid[]) AND state <> 'linked'",
            (manifest["gone"],),
        )
        for name in manifest["damaged"]:
            cursor.execute("SELECT awe.ds_health(%s::uuid, 'lost')", (name,))
