"""`query.retrieve()`: the files of all objects of a query, into one directory.

A file that is there with the right checksum is kept, what was broken off goes on where it ended,
and what fails does not stop the others.
"""

from __future__ import annotations

from pathlib import Path

from awe import bars
from awe.db.query.query import Query
from awe.errors import ArgumentError, FileGone, UserMistake
from awe.model.data import DataObject, fetch, file_sizes
from awe.terminal import out

__all__ = ["retrieve"]

#: Objects whose files are looked up by one statement.
CHUNK = 500
#: Failures that are named one by one.
NAMED = 3


def retrieve(
    query: Query, directory: str | Path = ".", *, replace: bool = False
) -> list[Path]:
    """Download the files of all objects, each with its checksum verified.

    Called again after it was broken off, it brings what is not there yet; half a file is
    continued.

    Parameters
    ----------
    directory : str or Path
        Directory of the local copies; made if it is not there.
    replace : bool
        Whether files of these names with other content are replaced.

    Returns
    -------
    list of Path
        The local files, in the query's order.

    Raises
    ------
    ArgumentError
        Objects of this class have no files.
    FileGone
        No file came; the message has the reason of the first.
    """
    if not issubclass(query.cls, DataObject):
        msg = f"a {query.cls.__name__} has no file; query.to_table().write('name.fits') saves rows"
        raise ArgumentError(msg)
    number = query.count()
    query._guard(number)
    folder = Path(directory).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    failed: list[str] = []
    size = 0
    try:
        with bars.bar("files", number, "files") as bar:
            objects = list(query)
            for begin in range(0, len(objects), CHUNK):
                some = objects[begin : begin + CHUNK]
                sizes = file_sizes(some)
                for item in some:
                    try:
                        paths += fetch([item], folder, replace=replace)
                        size += sizes.get(item.object_id, 0)
                    except UserMistake as error:
                        failed.append(str(error))
                    bar.advance()
    except KeyboardInterrupt:
        out(f"{len(paths)} of {number} files are in {directory}; call it again for the others\n")
        raise
    if failed and not paths:
        msg = f"none of {number} files came: {failed[0]}"
        raise FileGone(msg)
    for text in failed[:NAMED]:
        out(f"left out: {text}\n")
    if len(failed) > NAMED:
        out(f"and {len(failed) - NAMED} more\n")
    out(f"{len(paths)} of {number} files, {size / 1e6:.1f} MB, checksums verified, "
        f"in {directory}\n")  # fmt: skip
    return paths
