"""Disk and database compared, file by file.

Owns the findings: bytes that changed (bit flip), were cut (truncated), are away (missing), are
another file's (swapped), cannot be read (unreadable), or that nobody knows (extra). Changes
nothing unless asked to mend; mending marks the health of files and puts extras aside, and never
removes or invents bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from uuid import UUID

from awe.dataserver.store import Store
from awe.errors import FileGone, ServiceDown, StoreAway

__all__ = ["Expected", "Finding", "check", "difference", "mend"]


@dataclass(frozen=True, kw_only=True)
class Expected:
    """A file as the database knows it."""

    file_id: UUID
    filename: str
    size: int
    sha256: str
    health: str = "ok"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One difference.

    `kind` is missing, truncated, longer, flipped, swapped, unreadable, extra or healed.
    """

    kind: str
    name: str
    detail: str
    file_id: UUID | None = None
    path: PurePath | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}: {self.detail}"


def check(
    store: Store,
    expected: Iterable[Expected],
    *,
    known: Callable[[], Iterable[UUID]] = tuple,
    progress: Callable[[int], None] = lambda done: None,
) -> Iterator[Finding]:
    """Yield every difference between the store and what the database expects.

    Parameters
    ----------
    store : Store
        The files; every one is read once.
    expected : iterable of Expected
        Files whose bytes must be there.
    known : callable
        Returns every further id the database knows (reserved, in the trash, stored by now);
        asked after the disk was listed, so that a file on its way in is not extra.
    progress : callable
        Told the number of files read so far.
    """
    wanted = list(expected)
    owners = {file.sha256: file for file in wanted}
    for done, file in enumerate(wanted, start=1):
        finding = difference(store, file, owners)
        if finding is not None:
            yield finding
        progress(done)
    # The disk before the question which ids are known: an upload of meanwhile has its row first.
    listed = list(store.ids())
    yield from _extras(store, listed, {file.file_id for file in wanted} | set(known()))


def mend(store: Store, finding: Finding, mark: Callable[[UUID, str], None]) -> str:
    """Record a finding where it belongs and return what was done.

    Parameters
    ----------
    store : Store
        The files.
    finding : Finding
        One of `check`.
    mark : callable
        Records the health of a file in the database.
    """
    if finding.kind == "extra" and finding.path is not None:
        return f"put aside as {store.put_aside(finding.path)}"
    if finding.file_id is None or finding.kind == "unreadable":
        return "nothing to be done; look at the disk, then repeat"
    health = {"missing": "lost", "healed": "ok"}.get(finding.kind, "bad")
    mark(finding.file_id, health)
    return f"marked {health}; restore it from a copy" if health != "ok" else "marked ok"


def difference(
    store: Store, file: Expected, owners: Mapping[str, Expected] = MappingProxyType({})
) -> Finding | None:
    """Return how a file differs from what the database expects, None if it does not.

    Parameters
    ----------
    store : Store
        The files; this one is read.
    file : Expected
        The file.
    owners : mapping of str to Expected
        Other files by their SHA-256: whose bytes it has.
    """

    def found(kind: str, detail: str) -> Finding:
        return Finding(
            kind=kind,
            name=file.filename,
            detail=detail,
            file_id=file.file_id,
            path=store.path(file.file_id),
        )

    try:
        with store.open(file.file_id) as stream:
            size = stream.seek(0, os.SEEK_END)
        digest = store.digest(file.file_id)
    except FileGone as error:
        return found("missing", str(error))
    except StoreAway:
        # not this file: none can be looked at
        raise
    except (OSError, ServiceDown) as error:
        return found("unreadable", str(error))
    if digest == file.sha256:
        return found("healed", "marked damaged, but right") if file.health != "ok" else None
    other = owners.get(digest)
    if other is not None:
        return found("swapped", f"has the bytes of {other.filename}")
    if size != file.size:
        kind = "truncated" if size < file.size else "longer"
        return found(kind, f"{size} bytes, stored were {file.size}")
    return found("flipped", f"SHA-256 is {digest}, stored was {file.sha256}")


def _extras(store: Store, listed: Iterable[UUID], known: set[UUID]) -> Iterator[Finding]:
    odd = set(store.strangers())
    for path in sorted(odd):
        detail = f"at {path}, not a file of the store"
        yield Finding(kind="extra", name=path.name, detail=detail, path=path)
    for file_id in listed:
        path = store.path(file_id)
        if file_id not in known and path not in odd and store.exists(path):
            detail = f"at {path}, no row knows it"
            yield Finding(kind="extra", name=str(file_id), detail=detail, path=path)
