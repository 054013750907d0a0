"""Which files an ingest was given: names, patterns, folders, lists of names, tar archives.

A folder gives the FITS files below it, in the order of their names; `@night.txt` the files it
lists, one a line; a tar archive its members, unpacked for the time of the ingest. Everything is
taken as a name of a file on this machine: nothing in a list or an archive is run or fetched.
"""

from __future__ import annotations

import glob
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from awe.errors import ArgumentError
from awe.localfiles import scratch_directory

__all__ = ["opened"]

FITS = (".fits", ".fit", ".fts")
PACKED = ("", ".gz", ".bz2", ".fz", ".fz.gz", ".fz.bz2")
ENDINGS = tuple(ending + packing for ending in FITS for packing in PACKED)
TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
#: Bytes that an archive may unpack to, for each byte of its own.
EXPANSION_LIMIT = 1000


@contextmanager
def opened(*given: Iterable[Path | str] | Path | str) -> Iterator[list[Path]]:
    """Give the files of an ingest for the time of a block, each once.

    Parameters
    ----------
    *given : path, or iterable of path
        Files, patterns such as `night/*.fits`, folders, `@list`, and tar archives.

    Raises
    ------
    ArgumentError
        A folder, a list or an archive holds no FITS file, or cannot be read.
    """
    with ExitStack() as stack:
        found: list[Path] = []
        for some in given:
            for one in [some] if isinstance(some, str | Path) else some:
                found += _files(one, stack)
        yield list(dict.fromkeys(found))


def _files(given: Path | str, stack: ExitStack) -> list[Path]:
    path, text = Path(given), str(given)
    if path.is_dir():
        return _folder(path)
    if path.name.lower().endswith(TAR) and path.is_file():
        return _archive(path, stack.enter_context(scratch_directory()))
    if text.startswith("@") and not path.exists():
        return [file for name in _names(Path(text[1:])) for file in _files(name, stack)]
    if glob.has_magic(text) and not path.exists():
        # Path.glob takes no absolute patterns
        names = glob.glob(text, recursive=True)  # noqa: PTH207
        return [Path(name) for name in sorted(names)] or [path]
    return [path]


def _folder(path: Path) -> list[Path]:
    found, others = [], 0
    for folder, _, names in os.walk(path, onerror=_refuse):
        for name in names:
            if name.lower().endswith(ENDINGS) and not name.startswith("."):
                found.append(Path(folder) / name)
            else:
                others += 1
    if not found:
        msg = (
            f"{path}: no file below this folder ends like FITS ({', '.join(FITS)}, packed or "
            f"not); {others} others are there"
        )
        raise ArgumentError(msg)
    return sorted(found)


def _refuse(error: OSError) -> None:
    """Name a folder that cannot be read: frames in it would be left out unsaid."""
    msg = f"{error.filename}: the folder cannot be read ({error.strerror}); nothing was done"
    raise ArgumentError(msg) from error


def _names(path: Path) -> list[str]:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        msg = f"@{path}: the list of files cannot be read ({reason})"
        raise ArgumentError(msg) from None
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    again = [name for name in names if name.startswith("@")]
    if again or not names:
        msg = f"@{path}: " + (f"a list in a list: {again[0]}" if again else "the list is empty")
        raise ArgumentError(msg)
    return names


def _archive(path: Path, directory: Path) -> list[Path]:
    """Unpack the FITS files of an archive, each into a folder of its own."""
    found: list[Path] = []
    left = EXPANSION_LIMIT * path.stat().st_size
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                if not member.isfile() or not name.lower().endswith(ENDINGS):
                    continue
                left -= member.size
                if left < 0:
                    msg = f"{path}: the archive unpacks to more than an archive of frames can"
                    raise ArgumentError(msg)
                # members of two folders may have one name; where they lay decides nothing
                target = directory / str(len(found)) / name
                target.parent.mkdir()
                content = archive.extractfile(member)
                assert content is not None  # it is a file
                with content, target.open("xb") as file:
                    shutil.copyfileobj(content, file)
                found.append(target)
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        msg = f"{path}: the archive cannot be unpacked ({error}); fetch it again"
        raise ArgumentError(msg) from error
    if not found:
        msg = f"{path}: no member of the archive ends like FITS ({', '.join(FITS)})"
        raise ArgumentError(msg)
    return found
