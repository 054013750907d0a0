"""The store of immutable files on disk.

Owns one directory, mode 0700: `incoming/` for uploads, `objects/<2 hex>/<uuid>` for stored files,
with `.fz` behind it where one is packed, `dark/` for files nobody knows, put aside. A file appears
under its id complete and on disk, or not at all, and is never replaced: link(2) cannot. Refuses
symbolic links, planted hard links, uploads that would eat into the reserve of free space, and any
name that is not a UUID.
Knows nothing of users: whoever may do what is decided elsewhere.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO, RawIOBase
from pathlib import Path, PurePath
from uuid import UUID

from awe.dataserver.attested import attest
from awe.dataserver.packed import ENDING, PackedFile
from awe.dataserver.rows import Rows
from awe.errors import (
    AweError,
    ChecksumMismatch,
    DiskFull,
    FileGone,
    FileTaken,
    ServiceDown,
    StoreAway,
)

__all__ = ["Store", "Upload"]

CHUNK = 1 << 20
#: Free space that uploads never use, in bytes.
RESERVE = 2 << 30
#: What a disk answers that cannot be written to or read, for the moment or for good.
TROUBLE = (errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.ESTALE)


class Upload:
    """One file on its way into the store; its bytes are hashed as they are written."""

    def __init__(self, store: Store, file_id: UUID, announced: int) -> None:
        self.store = store
        self.file_id = file_id
        self.announced = announced
        self.path = store.incoming / f"{file_id}.{secrets.token_hex(8)}.part"
        self.size = 0
        self._hash = hashlib.sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with _space(store.root):
            self._stream = FileIO(os.open(self.path, flags, 0o600), "wb")

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes so far, in hexadecimal."""
        return self._hash.hexdigest()

    def write(self, chunk: bytes | bytearray) -> None:
        """Append bytes.

        Raises
        ------
        ChecksumMismatch
            They are more than were announced; the upload is gone.
        DiskFull
            There is no space, or others took it meanwhile; the upload is gone.
        """
        left = memoryview(chunk)
        try:
            if self.size + len(chunk) > self.announced:
                msg = f"file {self.file_id}: more than the {self.announced} bytes announced came"
                raise ChecksumMismatch(msg)
            self.store.keep_reserve(len(chunk))
            with _space(self.store.root):
                while left:
                    left = left[self._stream.write(left) :]
        except (DiskFull, ChecksumMismatch):
            self.abandon()
            raise
        self._hash.update(chunk)
        self.size += len(chunk)

    def finish(self, *, size: int, sha256: str) -> bool:
        """Put the file under its id; False where the same content was there already.

        Raises
        ------
        ChecksumMismatch
            Length or SHA-256 are not those announced; the upload is gone.
        FileTaken
            The id has other content; the upload is gone.
        """
        try:
            if (self.size, self.sha256) != (size, sha256):
                msg = (
                    f"file {self.file_id}: {self.size} bytes with SHA-256 {self.sha256} arrived, "
                    f"{size} with {sha256} were announced; send it again"
                )
                raise ChecksumMismatch(msg)
            with _space(self.store.root):
                # The bytes before the name: a name that survives a power cut leads to all of them.
                os.fchmod(self._stream.fileno(), 0o400)  # not even its own account writes to it
                attest(self._stream.fileno(), sha256, os.fstat(self._stream.fileno()))
                self.store.sync(self._stream)
                return self.store.place(self)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Remove what has arrived, unless it is in its place."""
        self._stream.close()
        with suppress(FileNotFoundError):
            self.path.unlink()


class Store:
    """Files by UUID below one directory.

    Parameters
    ----------
    root : path
        Made with mode 0700 where it does not exist.
    reserve : int
        Bytes of free space that uploads leave alone.
    note : str, optional
        Name of a file in `root` without which the folder is not the right one.

    Attributes
    ----------
    near : bool
        True where files have paths on this machine.
    url : str
        Where they are, in words.
    """

    near = True

    def __init__(self, root: Path | str, *, reserve: int = RESERVE, note: str = "") -> None:
        self.url = str(root)
        self.root = Path(root)
        self._note_there = self.root / note if note else None
        self.require()
        self.reserve = reserve
        self.incoming = self.root / "incoming"
        self.objects = self.root / "objects"
        self.dark = self.root / "dark"
        for folder in (self.root, self.incoming, self.objects, self.dark):
            folder.mkdir(mode=0o700, parents=folder is self.root, exist_ok=True)
            _refuse_wide(folder)

    def receive(self, file_id: UUID, size: int) -> Upload:
        """Begin an upload of `size` bytes.

        Raises
        ------
        DiskFull
            The file would eat into the reserve.
        """
        self.require()
        self.keep_reserve(size)
        return Upload(self, file_id, size)

    def keep_reserve(self, size: int) -> None:
        """Refuse `size` more bytes if they would eat into the reserve.

        Called again for each block: several uploads may have begun at once.

        Raises
        ------
        DiskFull
            They would.
        """
        free = shutil.disk_usage(self.root).free
        if free - size < self.reserve:
            msg = (
                f"no space on the file server: {size} bytes asked, {free} free of which "
                f"{self.reserve} are kept in reserve; free some space at {self.root}"
            )
            raise DiskFull(msg)

    def sync(self, stream: FileIO) -> None:
        """Wait until the bytes of an upload are on disk."""
        os.fsync(stream.fileno())

    def place(self, upload: Upload) -> bool:
        """Give an upload its final name and wait until the name is on disk."""
        target = self.path(upload.file_id)
        if not target.parent.is_dir():
            target.parent.mkdir(mode=0o700, exist_ok=True)
            # fsync of a file says nothing about its name; that of its folder does.
            self.sync_folder(self.objects)
        fresh = True
        try:
            self.link(upload.path, target)
        except FileExistsError:
            if self.digest(upload.file_id) != upload.sha256:
                msg = f"file {upload.file_id} is stored with other content; use a new id"
                raise FileTaken(msg) from None
            fresh = False
        # After a kill here it has two names; `_ours` knows the second, a sweep removes it.
        self.unlink(upload.path)
        self.sync_folder(target.parent)
        return fresh

    def link(self, part: Path, target: Path) -> None:
        """Give the upload its second name; cannot replace a file."""
        os.link(part, target, follow_symlinks=False)

    def unlink(self, part: Path) -> None:
        """Remove the upload's first name."""
        part.unlink()

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in a folder are on disk."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def path(self, file_id: UUID) -> Path:
        """Return the path of the file of that id, whether it exists or not."""
        name = str(UUID(str(file_id)))
        return self.objects / name[:2] / name

    def require(self) -> None:
        """Raise unless the folder is the right one.

        Raises
        ------
        StoreAway
            Its note is missing.
        """
        if self._note_there is not None and not self._note_there.exists():
            msg = (
                f"the files are in {self.root}, where {self._note_there.name} is missing: is its "
                "disk mounted? Nothing is called lost meanwhile"
            )
            raise StoreAway(msg)

    def open(self, file_id: UUID) -> RawIOBase:
        """Return a stream of a stored file.

        Raises
        ------
        FileGone
            There is no such file, or it is not one this store made.
        """
        path = self.path(file_id)
        packed = False
        try:
            # In two steps, so that neither is a link, which ELOOP or ENOTDIR answers.
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                descriptor, packed = _either(folder, path.name)
            finally:
                os.close(folder)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                with _reading(self.root, file_id):
                    raise
            self.require()
            msg = f"file {file_id} is not in the store at {self.root}; restore it from a copy"
            raise FileGone(msg) from error
        stream = FileIO(descriptor, "rb")
        # Asked twice: the upload's own name may go away between the two looks of one question.
        if not any(self._ours(os.fstat(descriptor), file_id) for _ in range(2)):
            stream.close()
            msg = f"file {file_id} was not made by the store at {self.root}; run awe-admin fsck"
            raise FileGone(msg)
        return PackedFile(stream) if packed else stream

    def digest(self, file_id: UUID) -> str:
        """Return the SHA-256 of a stored file, read from disk."""
        with self.open(file_id) as stream, _reading(self.root, file_id):
            try:
                return _digest(stream)
            except ChecksumMismatch:
                # packed, and a tile cannot be unpacked: it has the bytes of no file
                return ""

    def health(self, file_id: UUID, size: int, sha256: str) -> str:
        """Return `"ok"`, `"bad"` or `"lost"`, from the bytes on disk."""
        try:
            with self.open(file_id) as stream:
                if stream.seek(0, os.SEEK_END) != size:
                    return "bad"
                stream.seek(0)
                found = _digest(stream)
        except FileGone:
            return "lost"
        except ChecksumMismatch:
            return "bad"
        return "ok" if found == sha256 else "bad"

    def ids(self) -> Iterator[UUID]:
        """Yield the id of every file in its place."""
        for folder in self._folders():
            # while a file is being packed it is there in both forms
            yield from {one for path in folder.iterdir() if (one := self._id(path)) is not None}

    def strangers(self) -> Iterator[Path]:
        """Yield everything below `objects` that is not a file of this store in its place."""
        folders = set(self._folders())
        yield from (path for path in self.objects.iterdir() if path not in folders)
        for folder in folders:
            for path in folder.iterdir():
                file_id = self._id(path)
                if file_id is None or not self._ours(path.lstat(), file_id):
                    yield path

    def _id(self, path: Path) -> UUID | None:
        """Return the id of a file in its place, packed or not; None for what is not one."""
        try:
            file_id = UUID(path.name.removesuffix(ENDING))
        except ValueError:
            return None
        return file_id if path in self.forms(file_id) else None

    def forms(self, file_id: UUID) -> tuple[Path, Path]:
        """Return the paths of the file of that id, plain and packed."""
        plain = self.path(file_id)
        return plain, plain.with_name(plain.name + ENDING)

    def unfinished(self) -> list[str]:
        """Return the names of uploads that are under way, or were broken off."""
        return sorted(path.name for path in self.incoming.iterdir())

    def _folders(self) -> list[Path]:
        # A planted link to a directory is not walked into.
        return [path for path in self.objects.iterdir() if path.is_dir() and not path.is_symlink()]

    def rows(self, stream: RawIOBase, wanted: Rows, place: int, most: int) -> bytes:
        """Return bytes of stretches of an open file; see `Rows.block`."""
        if isinstance(stream, PackedFile):
            return stream.stretches(wanted, place, most)
        return wanted.block(stream.fileno(), place, most)

    def older(self, age: float) -> set[UUID]:
        """Return the files that were stored longer ago than `age` [s]."""
        self.require()
        limit = time.time() - age
        return {one for one in self.ids() if self._since(one) < limit}

    def _since(self, file_id: UUID) -> float:
        for path in self.forms(file_id):
            with suppress(FileNotFoundError):
                return path.lstat().st_mtime
        return time.time()

    def exists(self, place: PurePath) -> bool:
        """Return True if there is something at a place."""
        return _form(Path(place)).exists()

    def discard(self, file_id: UUID) -> bool:
        """Remove a stored file; False if there was none."""
        there = [path for path in self.forms(file_id) if path.exists()]
        for path in there:
            path.unlink(missing_ok=True)
        if there:
            self.sync_folder(there[0].parent)
        return bool(there)

    def put_aside(self, path: PurePath) -> PurePath:
        """Move something nobody knows into `dark/`, and return where it is now."""
        target = self.dark / f"{path.name}.{secrets.token_hex(4)}"
        _form(Path(path)).rename(target)
        # rename(2) keeps the time of the bytes; here the time of being put aside counts.
        os.utime(target, follow_symlinks=False)
        self.sync_folder(self.dark)
        return target

    def sweep(self, *, uploads_after: float, dark_after: float) -> int:
        """Remove uploads and dark files older than these ages [s]; return how many."""
        removed = 0
        now = time.time()
        for folder, limit in ((self.incoming, uploads_after), (self.dark, dark_after)):
            for path in folder.iterdir():
                # an upload that ends now takes its file away
                with suppress(FileNotFoundError):
                    if now - path.lstat().st_mtime > limit:
                        path.unlink()
                        removed += 1
        return removed

    def _ours(self, status: os.stat_result, file_id: UUID) -> bool:
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            return False
        if status.st_nlink == 1:
            return True
        parts = self.incoming.glob(f"{file_id}.*.part")
        known = sum(part.lstat().st_ino == status.st_ino for part in parts)
        return status.st_nlink == 1 + known


def _form(path: Path) -> Path:
    """Return the path of a file, or that of its packed form where only that exists."""
    packed = path.with_name(path.name + ENDING)
    return packed if packed.exists() and not path.exists() else path


def _either(folder: int, name: str) -> tuple[int, bool]:
    """Open a file in a folder, or its packed form, and return which."""
    flags = os.O_RDONLY | os.O_NOFOLLOW
    # Again at the end: it may have been unpacked between the two.
    for tried in (name, name + ENDING):
        with suppress(FileNotFoundError):
            return os.open(tried, flags, dir_fd=folder), tried != name
    return os.open(name, flags, dir_fd=folder), False


def _digest(stream: RawIOBase) -> str:
    """Return the SHA-256 of an open file, and note it on one of this machine."""
    status = os.fstat(stream.fileno()) if isinstance(stream, FileIO) else None
    found = hashlib.file_digest(stream, "sha256").hexdigest()
    if status is not None:
        attest(stream.fileno(), found, status)
    return found


@contextmanager
def _space(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in TROUBLE:
            msg = f"the file server cannot write to {root}: {error.strerror}"
            raise ServiceDown(msg) from error
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        why = "is full" if error.errno == errno.ENOSPC else "has used up its quota"
        msg = f"no space on the file server: {root} {why}; free some space there"
        raise DiskFull(msg) from error


@contextmanager
def _reading(root: Path, file_id: UUID) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, AweError) or error.errno not in TROUBLE:
            raise
        msg = f"the file server cannot read file {file_id} at {root}: {error.strerror}"
        raise ServiceDown(msg) from error


def _refuse_wide(folder: Path) -> None:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        msg = f"{folder} is not a directory of this account; move it away"
        raise FileGone(msg)
    if stat.S_IMODE(status.st_mode) & 0o077:
        msg = f"{folder} can be entered by others; close it: chmod 700 {folder}"
        raise FileGone(msg)
