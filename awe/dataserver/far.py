"""Stored files in an object store, or in any other place that fsspec reaches.

Owns what is below one prefix there: `objects/<2 hex>/<uuid>`, `dark/` and `awe-store.json`, which
says whose files they are. An upload arrives in the folder of this machine, is compared there, and
sent under its id when it is complete and right; nothing is replaced. What cannot be asked is never
taken for lost: a bucket that is away answers as a file does that never was, so that the note is
looked for before a file is called gone. Keeps nothing of what it was told for later, and tries
again for seconds, not minutes.
"""

from __future__ import annotations

import errno
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import RawIOBase
from pathlib import Path, PurePath, PurePosixPath
from typing import Any
from uuid import UUID

import fsspec

from awe.dataserver.farfile import FarFile
from awe.dataserver.rows import Rows
from awe.dataserver.store import RESERVE, Store, Upload
from awe.errors import AweError, ConfigError, DiskFull, FileGone, FileTaken, StoreAway

__all__ = ["NOTE", "FarStore"]

#: What says whose files are there.
NOTE = "awe-store.json"
#: Places where a file appears complete or not at all, and only if there was none.
ATOMIC = ("s3", "s3a")
#: What is set for these places unless the options say otherwise: a store that is away is told
#: within seconds, and listings are not remembered, for files that came since would not be there.
PATIENT: Mapping[str, Any] = {
    "use_listings_cache": False,
    "skip_instance_cache": True,
    "config_kwargs": {"connect_timeout": 3, "read_timeout": 20, "retries": {"max_attempts": 1}},
}
#: Words of an answer that says that there is no room.
FULL = ("StorageFull", "QuotaExceeded", "InsufficientCapacity", "EntityTooLarge", "no space")


class FarStore(Store):
    """Files by UUID below a URL.

    Parameters
    ----------
    root : path
        Folder of this machine for uploads on their way and for previews.
    url : str
        The place, such as `s3://bucket/awe`.
    options : mapping
        Arguments of its file system, such as `endpoint_url`, `key` and `secret`.
    reserve : int
        Bytes of free space of this machine that uploads leave alone.
    owner : str, optional
        Whose files are there; only compared where it is given.

    Raises
    ------
    ConfigError
        The URL is of no kind that is known here, or its library is not installed.
    """

    near = False

    def __init__(
        self,
        root: Path | str,
        url: str,
        options: Mapping[str, Any],
        *,
        reserve: int = RESERVE,
        owner: str = "",
    ) -> None:
        self._owner = owner
        self._fs: Any = None
        self._turns = [threading.Lock() for _ in range(64)]
        super().__init__(root, reserve=reserve)
        self.url = url.rstrip("/")
        scheme = self.url.partition("://")[0]
        self._atomic = scheme in ATOMIC
        given = {**PATIENT, **options} if self._atomic else dict(options)
        try:
            self._fs, prefix = fsspec.core.url_to_fs(self.url, **given)
        except (ImportError, ValueError, TypeError) as error:
            reason = str(error).splitlines()[0]
            msg = f"files at {self.url}: {reason}; of S3: pip install 'awe-prompt[s3]'"
            raise ConfigError(msg) from error
        if self._atomic:
            # of its own, on top of the library's, which are in the options above
            self._fs.retries = 1
        self._prefix = PurePosixPath(prefix)

    # -- whose it is -------------------------------------------------------------------------

    def claim(self) -> None:
        """Write down whose files are to be there; nobody else's may be.

        Raises
        ------
        ConfigError
            The files there are those of another installation, or of somebody else.
        StoreAway
            The place cannot be reached.
        """
        note = self._note()
        if note is None:
            try:
                self._begin()
            except FileNotFoundError as error:
                msg = f"{self.url}: {error}; make the bucket first"
                raise ConfigError(msg) from error
        elif note != self._owner:
            msg = f"the files at {self.url} are those of another installation; name another prefix"
            raise ConfigError(msg)

    def _begin(self) -> None:
        with self._asked("be written to"):
            if not self._atomic:
                self._fs.makedirs(str(self._prefix), exist_ok=True)
            if self._fs.find(str(self._prefix)):
                msg = f"{self.url} is not empty; name a prefix with nothing in it"
                raise ConfigError(msg)
            self._fs.pipe_file(self._key(NOTE), json.dumps({"owner": self._owner}).encode())

    def require(self) -> None:
        """Raise unless the place answers and is that of these files, if it is known whose.

        Raises
        ------
        StoreAway
            It does not, or its note is not there.
        ConfigError
            It is somebody else's.
        """
        if self._fs is None:
            # the folder here is being made
            return
        note = self._note()
        if note is None:
            msg = (
                f"the files are at {self.url}, where {NOTE} is missing: the bucket or folder is "
                "not there, or another one is in its place; nothing is called lost meanwhile"
            )
            raise StoreAway(msg)
        if self._owner and note != self._owner:
            msg = f"the files at {self.url} are those of another installation; see {NOTE} there"
            raise ConfigError(msg)

    def _note(self) -> str | None:
        try:
            with self._asked("be read"):
                text = self._fs.cat_file(self._key(NOTE))
            return str(json.loads(text)["owner"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return ""

    # -- uploads -----------------------------------------------------------------------------

    def place(self, upload: Upload) -> bool:
        """Send an upload to its place, once."""
        with self._turns[upload.file_id.int % len(self._turns)]:
            fresh = self._size(upload.file_id) is None and self._send(upload)
            if not fresh and self.digest(upload.file_id) != upload.sha256:
                msg = f"file {upload.file_id} is stored with other content; use a new id"
                raise FileTaken(msg)
        self.unlink(upload.path)
        return fresh

    def _send(self, upload: Upload) -> bool:
        """Send the bytes; False if the file is there already."""
        target = str(self.path(upload.file_id))
        try:
            with self._asked("be written to"):
                if self._atomic:
                    # if-none-match, at the end of the parts too: nothing of meanwhile is replaced
                    self._fs.put_file(str(upload.path), target, mode="create")
                else:
                    self._appear(upload.path, target)
        except FileExistsError:
            return False
        except FileNotFoundError:
            self.require()
            raise
        if self._size(upload.file_id) != upload.path.stat().st_size:
            self.discard(upload.file_id)
            msg = f"{self.url} kept a part of file {upload.file_id}; send it again"
            raise StoreAway(msg)
        return True

    def _appear(self, source: Path, target: str) -> None:
        """Send under another name first: what breaks off there never has the file's."""
        part = self._key(f"incoming/{source.name}")
        for name in (part, target):
            self._fs.makedirs(str(PurePosixPath(name).parent), exist_ok=True)
        try:
            self._fs.put_file(str(source), part)
            self._fs.mv(part, target)
        except BaseException:
            with suppress(Exception):
                self._fs.rm_file(part)
            raise

    # -- files -------------------------------------------------------------------------------

    def path(self, file_id: UUID) -> PurePosixPath:  # type: ignore[override]
        """Return the name of the file of that id there, whether it exists or not."""
        name = str(UUID(str(file_id)))
        return self._prefix / "objects" / name[:2] / name

    def open(self, file_id: UUID) -> RawIOBase:
        """Return a stream of a stored file, which fetches what is read of it.

        Raises
        ------
        FileGone
            There is no such file, and the place is there.
        StoreAway
            The place cannot be asked.
        """
        size = self._size(file_id)
        if size is None:
            self.require()
            msg = f"file {file_id} is not in the store at {self.url}; restore it from a copy"
            raise FileGone(msg)
        return FarFile(self._fetch(file_id), size)

    def _fetch(self, file_id: UUID) -> Callable[[list[tuple[int, int]]], list[bytes]]:
        name = str(self.path(file_id))

        def fetch(parts: list[tuple[int, int]]) -> list[bytes]:
            with self._asked("be read"):
                if len(parts) == 1:
                    [(first, end)] = parts
                    return [self._fs.cat_file(name, start=first, end=end)]
                starts, ends = zip(*parts, strict=True)
                got = self._fs.cat_ranges(
                    [name] * len(parts), list(starts), list(ends), on_error="raise"
                )
                return list(got)

        return fetch

    def rows(self, stream: RawIOBase, wanted: Rows, place: int, most: int) -> bytes:
        """Return bytes of stretches of an open file, as `Rows.block` does of one on disk."""
        assert isinstance(stream, FarFile)
        return stream.stretches(wanted, place, most)

    def ids(self) -> Iterator[UUID]:
        """Yield the id of every file in its place."""
        for name in self._listed("objects"):
            if (file_id := self._id_of(name)) is not None:
                yield file_id

    def strangers(self) -> Iterator[PurePosixPath]:  # type: ignore[override]
        """Yield everything below `objects` that is not a file of this store in its place."""
        yield from (PurePosixPath(n) for n in self._listed("objects") if self._id_of(n) is None)

    def older(self, age: float) -> set[UUID]:
        """Return the files that were stored longer ago than `age` [s]."""
        limit = time.time() - age
        return {
            file_id
            for name, entry in self._listed("objects").items()
            if (file_id := self._id_of(name)) is not None and _time(entry) < limit
        }

    def exists(self, place: PurePath) -> bool:
        """Return True if there is something of that name."""
        with self._asked("be read"):
            return bool(self._fs.exists(str(place)))

    def discard(self, file_id: UUID) -> bool:
        """Remove a stored file; False if there was none."""
        if self._size(file_id) is None:
            return False
        with self._asked("be written to"), suppress(FileNotFoundError):
            self._fs.rm_file(str(self.path(file_id)))
        return True

    def put_aside(self, path: PurePath) -> PurePosixPath:
        """Move something nobody knows into `dark/`, and return its name there."""
        target = self._prefix / "dark" / f"{path.name}.{time.time_ns():x}"
        with self._asked("be written to"):
            if not self._atomic:
                self._fs.makedirs(str(target.parent), exist_ok=True)
            self._fs.mv(str(path), str(target))
        return target

    def sweep(self, *, uploads_after: float, dark_after: float) -> int:
        """Remove uploads and dark files older than these ages [s]; return how many."""
        removed = super().sweep(uploads_after=uploads_after, dark_after=dark_after)
        for folder, limit in (("incoming", uploads_after), ("dark", dark_after)):
            for name, entry in self._listed(folder).items():
                # of the time it was put aside, which is in its name
                since = _put_aside(name) if folder == "dark" else _time(entry)
                if time.time() - since > limit:
                    with self._asked("be written to"), suppress(FileNotFoundError):
                        self._fs.rm_file(name)
                        removed += 1
        return removed

    # -- questions ---------------------------------------------------------------------------

    def _key(self, name: str) -> str:
        return str(self._prefix / name)

    def _id_of(self, name: str) -> UUID | None:
        try:
            file_id = UUID(PurePosixPath(name).name)
        except ValueError:
            return None
        return file_id if str(self.path(file_id)).lstrip("/") == name.lstrip("/") else None

    def _size(self, file_id: UUID) -> int | None:
        try:
            with self._asked("be read"):
                return int(self._fs.info(str(self.path(file_id)))["size"])
        except FileNotFoundError:
            return None

    def _listed(self, folder: str) -> dict[str, dict[str, Any]]:
        try:
            with self._asked("be listed"):
                found: dict[str, dict[str, Any]] = self._fs.find(self._key(folder), detail=True)
        except FileNotFoundError:
            found = {}
        if not found:
            # nothing there is also what a place answers that is not the right one
            self.require()
        return found

    @contextmanager
    def _asked(self, action: str) -> Iterator[None]:
        """Turn what the library of the place raises into one line that says where."""
        try:
            yield
        except (AweError, FileNotFoundError, FileExistsError):
            raise
        # Of any kind: the libraries have errors of their own, which need not be an OSError.
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            number = getattr(error, "errno", None)
            if number in (errno.ENOSPC, errno.EDQUOT) or any(word in reason for word in FULL):
                msg = f"no space on the file server: {self.url}: {reason}; free some space there"
                raise DiskFull(msg) from error
            advice = "is it there? awe-admin store asks it"
            if isinstance(error, PermissionError):
                advice = "the login in services/store.json may not; awe-admin store login"
            msg = f"the files are at {self.url}, which cannot {action}: {reason}; {advice}"
            raise StoreAway(msg) from error


def _time(entry: Mapping[str, Any]) -> float:
    """Return when a file was stored [s]; now, where the place does not tell."""
    found = entry.get("LastModified") or entry.get("mtime") or entry.get("created")
    if found is None:
        return time.time()
    return float(found.timestamp() if hasattr(found, "timestamp") else found)


def _put_aside(name: str) -> float:
    try:
        return int(name.rpartition(".")[2], 16) / 1e9
    except ValueError:
        return time.time()
