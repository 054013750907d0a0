"""One file on its way from an archive: its bytes so far, what they are of, and its name.

A note next to the file says what the server called this content (ETag, Last-Modified). Only
with it a file is continued, or taken for what is here; without it everything comes anew.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from awe.errors import ArchiveError, DiskFull, FileTaken, Refused
from awe.ingest import archive
from awe.ingest.sources import ENDINGS, TAR
from awe.localfiles import appear, data_name, plain_name

if TYPE_CHECKING:
    import httpx

__all__ = ["Arrival"]

RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
#: What a note says in words; anything else in their place is somebody else's.
WORDS = ("etag", "modified", "length", "name", "named")
LONGEST_NOTE = 1 << 16
#: Space [byte] that stays free on the disk.
RESERVE = 64 << 20


class Arrival:
    """A file that comes from an archive.

    Parameters
    ----------
    folder : Path
        Where it goes.
    remote : Remote
        Which one it is.
    """

    def __init__(self, folder: Path, remote: archive.Remote) -> None:
        self.url = remote.url
        self.shown = archive.plainly(remote.url)
        # the same place for the same address, whatever its name or server say
        key = hashlib.sha256(self.shown.encode()).hexdigest()[:16]
        self._folder = folder
        self._called = remote.called
        self._part = folder / f".{key}.part"
        self._note = folder / f".{key}.json"
        self._known = self._read()
        if self.complete and not self._whole():
            self.forget()

    @property
    def complete(self) -> bool:
        """True if the file is here as the server last had it."""
        return bool(self._known.get("complete"))

    @property
    def size(self) -> int:
        """Bytes that are here of a file that is not complete."""
        return self._part.stat().st_size if self._part.exists() else 0

    def request(self) -> dict[str, str]:
        """Return the headers of a request for what is not here yet."""
        asked = {"accept-encoding": "identity", "user-agent": "awe-ingest"}
        etag, modified = self._known.get("etag", ""), self._known.get("modified", "")
        if self.complete:
            if etag:
                asked["if-none-match"] = etag
            elif modified:
                asked["if-modified-since"] = modified
        elif self.size and (strong := "" if etag.startswith("W/") else etag or modified):
            # RFC 9110, 13.1.5: of other content everything comes
            asked |= {"range": f"bytes={self.size}-", "if-range": strong}
        return asked

    def begins(self, answer: httpx.Response) -> bool:
        """Prepare for the bytes of an answer; return True if they go on from those here.

        Raises
        ------
        ArchiveError
            It sends another part than was requested.
        """
        if answer.status_code == 206:
            found = RANGE.fullmatch(answer.headers.get("content-range", ""))
            if found and self._goes_on(int(found[1]), found[3]):
                return True
            self.forget()
            msg = f"{self.shown}: the archive sends another part than was requested"
            error = ArchiveError(msg)
            error.worth_another_try = True  # type: ignore[attr-defined]
            raise error
        self.forget()
        self._known |= {
            "url": self.shown,
            "etag": answer.headers.get("etag", ""),
            "modified": answer.headers.get("last-modified", ""),
            "length": answer.headers.get("content-length", ""),
        }
        return False

    def _goes_on(self, begin: int, whole: str) -> bool:
        """Return True for the part that was requested, of a file of the length known by now."""
        total = self._total()
        if not self.size or begin != self.size or total not in (None, _number(whole)):
            return False
        if total is None and _number(whole) is not None:
            # the first answer did not tell
            self._known["length"] = whole
        return True

    def receive(
        self, head: bytes, parts: Iterator[bytes], length: int | None, ending: str, largest: int
    ) -> None:
        """Write what comes behind what is here.

        Parameters
        ----------
        head : bytes
            The first bytes, if some were looked at.
        parts : iterator of bytes
            The others.
        length : int or None
            Bytes that the answer announces.
        ending : str
            How a file with such first bytes ends; empty where one goes on.
        largest : int
            Bytes a file may have.

        Raises
        ------
        ArchiveError
            It is larger.
        DiskFull
            There is no space for it.
        """
        if ending:
            self._known["name"] = self._name(ending)
        self._room(length or 0, largest)
        try:
            if ending:
                self._write_note()
            with _opened(self._part, os.O_APPEND) as file:
                file.write(head)
                for part in parts:
                    if file.tell() + len(part) > largest:
                        raise self._too_large(file.tell() + len(part), largest)
                    file.write(part)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise self._full() from error
        self._check_length()
        self._known |= {"complete": True, "size": self.size}

    def appear(self) -> Path:
        """Give the complete file its name and return its path; one that is here keeps it.

        Raises
        ------
        FileTaken
            Another file has that name.
        """
        target = self._target()
        if self._part.exists():
            self._free(target)
            appear(self._part, target, replace=True)
            self._known["named"] = target.name
            self._write_note()
        return target

    def forget(self) -> None:
        """Begin anew: what is here of the file is of no use."""
        self._part.unlink(missing_ok=True)
        # a file that came from here before may be replaced by what comes
        self._known = {"named": self._known.get("named", "")}

    def _free(self, target: Path) -> None:
        """Refuse to replace a file that did not come from this address."""
        ours = target.name == self._known.get("named")
        if not ours and (target.exists() or target.is_symlink()):
            msg = (
                f"{target} is here already and did not come from {self.shown}; choose another "
                "folder with --into"
            )
            raise FileTaken(msg)

    def _name(self, ending: str) -> str:
        """Return the name it gets here, which ends like what it is."""
        name = plain_name(self._called)
        lower = name.lower()
        if not lower.endswith((*ENDINGS, *TAR)):
            name += ending
        try:
            data_name(name if lower.endswith(ENDINGS) else f"{name}.fits")
        except Refused:
            name = f"{self._called[:80]!a}"
            msg = f"{self.shown}: {name} is not a name for a file; fetch it yourself"
            raise ArchiveError(msg) from None
        return name

    def _write_note(self) -> None:
        with _opened(self._note, os.O_TRUNC) as file:
            file.write(json.dumps(self._known).encode())

    def _target(self) -> Path:
        return self._folder / str(self._known["name"])

    def _read(self) -> dict[str, Any]:
        for path in (self._note, self._part):
            # a link leads to what is not ours, a pipe never ends
            with suppress(FileNotFoundError):
                if not stat.S_ISREG(path.lstat().st_mode):
                    path.unlink()
        with suppress(OSError, ValueError, RecursionError):
            known = json.loads(_text(self._note))
            if isinstance(known, dict) and known.get("url") == self.shown and _sound(known):
                return known
        self._part.unlink(missing_ok=True)
        return {}

    def _whole(self) -> bool:
        target = self._target()
        return target.is_file() and target.stat().st_size == self._known.get("size")

    def _total(self) -> int | None:
        return _number(self._known.get("length", ""))

    def _check_length(self) -> None:
        total = self._total()
        if total is None or total == self.size:
            return
        if self.size > total:
            self.forget()
        msg = f"{self.shown} broke off: {self.size} of {total} bytes came; repeat the command"
        error = ArchiveError(msg)
        error.worth_another_try = True  # type: ignore[attr-defined]
        raise error

    def _room(self, length: int, largest: int) -> None:
        if self.size + length > largest:
            raise self._too_large(self.size + length, largest)
        if length > shutil.disk_usage(self._folder).free - RESERVE:
            raise self._full()

    def _too_large(self, size: int, largest: int) -> ArchiveError:
        self.forget()
        return ArchiveError(
            f"{self.shown} has {size} bytes or more, {largest} are the most that is fetched"
        )

    def _full(self) -> DiskFull:
        return DiskFull(
            f"no space for {self.shown} in {self._folder}; make room, or choose another folder "
            "with --into"
        )


def _sound(known: dict[str, Any]) -> bool:
    """Return True for a note as it is written here: folders take edits of other people."""
    words = [known.get(word, "") for word in WORDS]
    plain = all(isinstance(word, str) and word.isprintable() for word in words)
    names = [known[key] for key in ("name", "named") if known.get(key)]
    return plain and "name" in known and all(
        name == plain_name(name) and not name.startswith(".") for name in names
    )


def _text(note: Path) -> str:
    with note.open("rb") as file:
        return file.read(LONGEST_NOTE).decode()


def _opened(path: Path, how: int) -> BinaryIO:
    """Open a file to write; never what a link leads to."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | how, 0o666), "wb")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
