"""Files on this machine whose names or contents come from somewhere else.

Owns three rules. A name that somebody else chose is one plain component with an ending of data:
no folder, no hidden file, nothing that a shell, an interpreter or a desktop runs. A file appears
under its name complete, and takes no other file's name. What nobody asked to keep is in a
scratch directory that goes with its process, however that ends.
"""

from __future__ import annotations

import atexit
import errno
import fcntl
import os
import re
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from awe.errors import FileTaken, Refused

__all__ = [
    "ENDINGS",
    "Scratch",
    "appear",
    "data_name",
    "forget_abandoned",
    "is_plain_file",
    "own_scratch",
    "plain_name",
    "scratch_directory",
]

#: Last parts of names that are data: nothing runs or imports such a file.
ENDINGS = ("asdf", "cat", "csv", "dat", "ecsv", "fit", "fits", "fts", "h5", "hdf5", "head", "jpeg",
           "jpg", "log", "npy", "parquet", "pdf", "png", "reg", "tbl", "tif", "tiff", "tsv",
           "vot")  # fmt: skip
#: Packings that may follow.
PACKED = ("bz2", "fz", "gz", "xz", "zst")
LONGEST_NAME = 255
#: What frames one only looked at may take of the temporary directory.
SCRATCH_BYTES = 1 << 30

# fullmatch, not $: that would let a line break follow
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:#@+=-]*")
_ODD = re.compile(r"[^A-Za-z0-9_.:#@+=-]")
_DATA = re.compile(rf".*\.({'|'.join(ENDINGS)})(\.({'|'.join(PACKED)}))?", re.IGNORECASE)
_SCRATCH = "awe-scratch-"
#: What a file system answers that has no hard links.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EMLINK)


def data_name(name: str) -> str:
    r"""Return a file name that somebody else chose, if it is one.

    Raises
    ------
    Refused
        It is a path, hidden, too long, has characters that names of files at the dataserver do
        not have, or does not end as data do.

    Examples
    --------
    >>> data_name("Sci-1.fits.gz")
    'Sci-1.fits.gz'
    """
    wrong = _wrong(name)
    if wrong:
        # the same name as it might be, where it ends like data
        better = plain_name(Path(name).name)
        like = "frame.fits" if _wrong(better) else better
        msg = (
            f"{name[:80]!a} is not taken as the name of a file: {wrong}; "
            f"it has to be stored under a name such as {like!r}: set `filename`"
        )
        raise Refused(msg)
    return name


def plain_name(text: str) -> str:
    """Return a text with what names of files do not have, blanks above all, as underscores.

    Parameters
    ----------
    text : str
        Name a camera, a chip, a filter or a user gave.

    Examples
    --------
    >>> plain_name("My camera, chip 1.fits")
    'My_camera__chip_1.fits'
    """
    return _ODD.sub("_", text).replace("..", "._")


def _wrong(name: str) -> str:
    if len(name) > LONGEST_NAME:
        return f"it has {len(name)} characters, {LONGEST_NAME} are the most"
    if not _PLAIN.fullmatch(name) or ".." in name:
        return "a name has letters, digits and _.:#@+=- only, begins with one of the first two"
    if not _DATA.fullmatch(name):
        return "it does not end like data: .fits, .fits.fz, .csv, .png, ..."
    return ""


def appear(part: Path, target: Path, *, replace: bool = False) -> None:
    """Give a complete file its name.

    Parameters
    ----------
    part, target : Path
        The file under its temporary name, and the name it gets, in the same folder.
    replace : bool
        Whether a file of that name is replaced.

    Raises
    ------
    FileTaken
        There is such a file: of two writers only one wins.
    """
    if not replace:
        try:
            os.link(part, target, follow_symlinks=False)
        except OSError as error:
            if isinstance(error, FileExistsError):
                raise _taken(target) from None
            if error.errno not in _NO_LINKS:
                raise
            # no hard links here: an empty file holds the name for the moment
            _hold(target)
        else:
            part.unlink()
            return
    part.replace(target)


def _hold(target: Path) -> None:
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise _taken(target) from None


def _taken(target: Path) -> FileTaken:
    return FileTaken(f"{target} exists already; choose another name or use replace=True")


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """Give a new directory for the time of a block, and remove it; a killed process's go too."""
    path, lock = _make()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _make() -> tuple[Path, int]:
    forget_abandoned()
    fresh = Path(tempfile.mkdtemp(prefix="awe-new-"))
    lock = os.open(fresh, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # only under its second name others look whether somebody holds it
    path = fresh.rename(fresh.with_name(fresh.name.replace("awe-new-", _SCRATCH, 1)))
    return path, lock


def forget_abandoned() -> None:
    """Remove scratch directories of this account whose process is gone."""
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(_SCRATCH) and entry.is_dir(follow_symlinks=False):
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_uid == os.geteuid():
                        _forget(Path(entry.path))


def _forget(path: Path) -> None:
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while its process lives
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(lock)


class Scratch:
    """Files that were fetched only to be read; the oldest go when there are too many bytes.

    Parameters
    ----------
    path : Path
        An empty directory.
    limit : int
        Bytes that stay, the newest file not counted.
    """

    def __init__(self, path: Path, limit: int = SCRATCH_BYTES) -> None:
        self.path = path
        self.limit = limit
        self._kept: dict[Path, int] = {}
        self._lock = threading.Lock()

    def folder(self, key: str, size: int) -> Path:
        """Return the directory for one file of `size` bytes, and make room for it."""
        place = self.path / key
        with self._lock:
            self._kept.pop(place, None)
            while self._kept and sum(self._kept.values()) + size > self.limit:
                oldest = next(iter(self._kept))
                del self._kept[oldest]
                shutil.rmtree(oldest, ignore_errors=True)
            self._kept[place] = size
        place.mkdir(exist_ok=True)
        return place


@cache
def own_scratch() -> Scratch:
    """Return the scratch directory of this process, removed at its end."""
    path, _ = _make()
    atexit.register(_remove_own, path, os.getpid())
    return Scratch(path)


def _remove_own(path: Path, owner: int) -> None:
    # not at the end of a forked child
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)


def is_plain_file(path: Path) -> bool:
    """Return True if there is a file of bytes, not a pipe or a device that could hold a reader."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
