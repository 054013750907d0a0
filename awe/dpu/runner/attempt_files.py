"""The private directory of one attempt: where its worker works, and how it speaks to the runner.

`log` takes everything the worker prints; `report` takes one JSON object per line: `{"total": 5}`,
and at the end `{"end": "done", "message": "..."}`. Both are files, not pipes, so a worker never
waits for its runner and a new runner reads on where a killed one stopped. A node of a cluster
finds its description in a file as well, and writes `end`, how its worker ended, and `used`, its
bytes of memory. What a worker writes is its own claim about its own job.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from awe.terminal import harmless

__all__ = ["Folder", "clean", "forget_old"]

LONGEST_LINE = 2000
LARGEST_READ = 1 << 18
#: of more than that at the end of a job only the end is read
LARGEST_REST = 1 << 24
KEPT_REST = 1 << 22
#: a log that is larger ends its job; so do files larger than the room that is left
LARGEST_LOG = 1 << 30
ROOM = 1 << 30
#: of a log, for whom its end is enough
LARGEST_LAST = 1 << 14
NUMBER = re.compile(rb"\s*(-?[0-9]{1,15})\s*")
#: Colours and the like: programs write them on purpose, and a log is easier to read without.
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x07")


def clean(line: str) -> str:
    """Return a line of a log without terminal controls, at most 2000 characters long."""
    line = line.rstrip("\r").rsplit("\r", 1)[-1]
    # cut before it is made harmless as well: that takes its time
    plain = COLOURS.sub("", line[: 4 * LONGEST_LINE])
    line = harmless(plain.expandtabs()[: LONGEST_LINE + 1], lines=False)
    return line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + " ..."


class Folder:
    """Directory `<job>_<attempt>` below `root`, mode 0700."""

    def __init__(self, root: Path, job: int, attempt: int) -> None:
        self.path = root / f"{job}_{attempt}"
        self.work = self.path / "work"
        self.log = self.path / "log"
        self.report = self.path / "report"
        self._log_read = 0
        self._report_read = 0
        self._lines = 0

    @classmethod
    def at(cls, path: Path) -> Folder:
        """Return the directory of an attempt that is there already."""
        job, attempt = map(int, path.name.split("_"))
        return cls(path.parent, job, attempt)

    def make(self) -> None:
        """Make the directory, empty."""
        self.remove()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700)
        self.work.mkdir(mode=0o700)
        self.log.touch(mode=0o600)
        self.report.touch(mode=0o600)

    def new_lines(self, last: bool = False) -> tuple[int, list[str]]:
        """Return the number of the first new line of the log, and the new lines.

        A line still without its end is kept for later unless this is the `last` look.
        """
        data = _read_from(self.log, self._log_read)
        if not last or len(data) == LARGEST_READ:
            data = data[: data.rfind(b"\n") + 1] or (data if len(data) == LARGEST_READ else b"")
        self._log_read += len(data)
        first = self._lines + 1
        lines = [clean(line) for line in data.decode("utf-8", "replace").split("\n")]
        if lines and not lines[-1]:
            lines.pop()
        self._lines += len(lines)
        return first, lines

    def rest(self) -> Iterator[tuple[int, list[str]]]:
        """Yield all new lines up to the end, as `new_lines` does.

        If there are far too many, only the last ones, after a line that says how much was left
        out.
        """
        size = _length(self.log)
        left_out = size - self._log_read - KEPT_REST
        if size - self._log_read > LARGEST_REST:
            self._log_read += left_out
            self._lines += 1
            yield self._lines, [f"... {left_out} bytes of the log were left out here ..."]
        while True:
            before = self._log_read
            first, lines = self.new_lines(last=True)
            if lines:
                yield first, lines
            # a log that was cut or replaced ends where nothing more comes
            if self._log_read == before:
                return

    def new_reports(self) -> Iterator[dict[str, Any]]:
        """Yield what the worker reported since the last look."""
        data = _read_from(self.report, self._report_read)
        data = data[: data.rfind(b"\n") + 1]
        self._report_read += len(data)
        for line in data.splitlines():
            try:
                report = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(report, dict):
                yield report

    def wrong(self) -> str:
        """Return why its worker cannot go on: its directory is gone, or takes everybody's disk."""
        if not self.path.exists():
            return "its directory is gone, so that it can report nothing any more"
        if _size(self.log) > LARGEST_LOG:
            return f"its log has more than {LARGEST_LOG >> 30} GB"
        if shutil.disk_usage(self.path).free > ROOM:
            return ""
        held = sum(_size(Path(place, name)) for place, _, names in os.walk(self.path)
                   for name in names)  # fmt: skip
        full = f"the disk is nearly full, and its files take {held / 2**30:.1f} GB"
        return full if held > ROOM else ""

    def describe(self, description: bytes) -> None:
        """Leave what a node has to know, with its login, for nobody but the owner to read."""
        place = os.open(self.path / "description", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(place, "wb") as file:
            file.write(description)

    def description(self) -> bytes:
        """Return what was left for the node, and remove it.

        Raises
        ------
        FileNotFoundError
            It was taken before: the attempt ran already.
        """
        path = self.path / "description"
        description = path.read_bytes()
        path.unlink()
        return description

    def waits(self) -> bool:
        """Return True as long as no node took the description."""
        return (self.path / "description").exists()

    def ended(self, status: int) -> None:
        """Write down how the worker ended (negative: a signal), whole or not at all."""
        self._write("end", status)

    def end(self) -> int | None:
        """Return how the worker ended, None where nothing says so."""
        status = _number(self.path / "end")
        # as a process can end; anything else a recipe wrote there
        return status if status is None or -64 <= status <= 255 else 1

    def use(self, held: int) -> None:
        """Write down how many bytes of memory the attempt holds."""
        self._write("used", held)

    def used(self) -> int:
        """Return how many bytes of memory the attempt held a moment ago, 0 if nothing says so."""
        return _number(self.path / "used") or 0

    def _write(self, name: str, number: int) -> None:
        fresh = self.path / f"{name}.new"
        # made anew: a recipe may have put a pipe or a link there
        _remove(fresh)
        place = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(place, "w") as file:
            file.write(f"{number}\n")
        fresh.replace(self.path / name)

    def last_words(self) -> str:
        """Return the end of the log, as it was written."""
        data = _read_from(self.log, max(0, _length(self.log) - LARGEST_LAST))
        return data.decode("utf-8", "replace")

    def note(self, line: str) -> None:
        """Add a line to the log of an attempt that no worker writes to yet."""
        # its own file, and a plain one as long as no recipe has run
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def remove_work(self) -> None:
        """Remove the files the recipe made, and a login nobody took; the log stays."""
        _remove(self.path / "description")
        _remove(self.work)

    def remove(self) -> None:
        """Remove the directory with everything in it."""
        _remove(self.path)


def _remove(path: Path) -> None:
    """Remove whatever a job left at a path, as far as that can be done."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        shutil.rmtree(path, ignore_errors=True)


def _number(path: Path) -> int | None:
    """Return the number a file holds, None if it holds none."""
    found = NUMBER.fullmatch(_read_from(path, 0))
    return int(found[1]) if found else None


def _length(path: Path) -> int:
    """Return the bytes of a file, 0 where a job put something else there."""
    try:
        status = path.lstat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _size(path: Path) -> int:
    """Return the bytes a file takes of the disk, 0 if there is no file."""
    try:
        # In units of 512 bytes whatever the file system (stat(2)); a file of holes takes none.
        return path.lstat().st_blocks * 512
    except OSError:
        return 0


def forget_old(root: Path, days: float, living: set[str]) -> None:
    """Remove the directories that nothing touched for `days`, but those of `living` attempts."""
    limit = time.time() - days * 86_400
    for path in root.glob("[0-9]*_[0-9]*"):
        if path.name not in living and path.lstat().st_mtime < limit:
            shutil.rmtree(path, ignore_errors=True)


def _read_from(path: Path, offset: int) -> bytes:
    """Return what is in a file from there on; nothing where a job put something else there."""
    try:
        # a pipe must not hold the runner
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        # a file system of the network may have lost it meanwhile
        with contextlib.suppress(OSError):
            file.seek(offset)
            return file.read(LARGEST_READ)
    return b""
