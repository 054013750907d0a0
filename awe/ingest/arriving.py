"""Files as they arrive in a folder: seen, waited for until they are whole, ingested, looked at.

The folder is looked through every second, so that it works on any file system, one of the network
too. A file is whole when it has not changed for two seconds; one that is refused is tried again
when it changes. What was ingested before is skipped, so that a watch can be begun at any time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from awe import bars
from awe.errors import ArgumentError
from awe.ingest import quicklook
from awe.ingest.report import Report, Row, State
from awe.ingest.run import ingest
from awe.ingest.sources import ENDINGS

__all__ = ["Arrivals", "watch"]

#: Seconds between two looks, and for which a file has to stay as it is.
PAUSE = 1.0
SETTLED = 2.0

Signature = tuple[int, int]


@dataclass
class Seen:
    """What a file was like when it was last looked at, and since when."""

    signature: Signature
    since: float
    taken: bool = False


class Arrivals:
    """The files of a folder, and which of them are whole and new.

    Parameters
    ----------
    folder : Path
        The folder; those below it are looked through too.
    settled : float
        Time for which a file has to stay as it is [s].
    """

    def __init__(self, folder: Path, settled: float = SETTLED) -> None:
        self._folder = folder
        self._settled = settled
        self._seen: dict[Path, Seen] = {}

    def whole(self, now: float) -> list[Path]:
        """Return the files that have become whole since the last look, oldest first.

        Parameters
        ----------
        now : float
            Seconds of a clock that never goes back.
        """
        found = []
        for path, signature in self._files():
            seen = self._seen.get(path)
            if seen is None or seen.signature != signature:
                # one that was written a while ago is not waited for
                age = max(0.0, time.time() - signature[1] / 1e9)
                seen = self._seen[path] = Seen(signature, now - min(age, self._settled))
            if not seen.taken and now - seen.since >= self._settled and signature[0] > 0:
                seen.taken = True
                found.append((signature[1], path))
        return [path for _, path in sorted(found)]

    def _files(self) -> Iterator[tuple[Path, Signature]]:
        for place, folders, names in os.walk(self._folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                if name.startswith(".") or not name.lower().endswith(ENDINGS):
                    continue
                path = Path(place, name)
                with suppress(OSError):  # moved away meanwhile
                    status = path.stat()
                    yield path, (status.st_size, status.st_mtime_ns)


def watch(
    folder: Path,
    purpose: str | None = None,
    *,
    commit: bool,
    project: str | None = None,
    split_cubes: bool = False,
    pack: bool = False,
    pictures: Path | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Report:
    """Ingest what arrives in a folder, with a line and a quick look for each exposure.

    Ctrl-C ends it: nothing is left half done but what an ingest leaves.

    Parameters
    ----------
    folder : Path
        The folder.
    purpose : str, optional
        As of `ingest`.
    commit : bool
        As of `ingest`.
    project : str, optional
        As of `ingest`.
    split_cubes, pack : bool
        As of `ingest`.
    pictures : Path, optional
        Folder for a small picture of each exposure, PNG.
    stop : callable, optional
        Function that returns True when the watch is to end.

    Returns
    -------
    Report
        What became of all files.

    Raises
    ------
    ArgumentError
        There is no such folder.
    """
    if not folder.is_dir():
        msg = f"--watch {folder}: there is no such folder; it may be empty, but it has to be there"
        raise ArgumentError(msg)
    arrivals = Arrivals(folder)
    whole = Report()
    # a tree that is read by a network file system may take longer than a pause to look through
    with suppress(KeyboardInterrupt):
        while not stop():
            paths = arrivals.whole(time.monotonic())
            if paths:
                report = ingest(
                    paths, purpose, commit, project=project, split_cubes=split_cubes, pack=pack
                )
                whole.rows += report.rows
                _tell(report.rows, pictures if commit else None)
            else:
                time.sleep(PAUSE)
    return whole


def _tell(rows: Sequence[Row], pictures: Path | None) -> None:
    for row in rows:
        told = [row.path.name, row.purpose, row.object, row.filter]
        bars.say(f"{' '.join(filter(None, told))}: {row.outcome}")
        if row.state is State.INGESTED:
            for line in quicklook.lines(row.path.name, pictures):
                bars.say(f"  {line}")
