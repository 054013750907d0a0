"""A file on its way to the dataserver, with a small picture of it in front."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from awe.dataserver.laying import Layable, lay
from awe.dataserver.upload import Outgoing
from awe.errors import AweError
from awe.fits import preview
from awe.fits.image import sha256 as sha256_of

if TYPE_CHECKING:
    from awe.dataserver.client import Client

__all__ = ["send", "store"]

#: Names of files that may be frames.
IMAGES = (".fits", ".fit", ".fts", ".fz")


def store(
    client: Client, files: Mapping[UUID, Path], pictures: Mapping[UUID, bytes],
    given: Container[Path] = (),
) -> None:
    """Store files of this machine under ids that were reserved for them, with their previews.

    Where the store is this account's own they are laid into it, all at once; else they are sent.

    Parameters
    ----------
    client : Client
        The way to the dataserver.
    files : mapping of UUID to Path
        The files.
    pictures : mapping of UUID to bytes
        Previews there are already, as PNG; the others are made.
    given : container of Path
        Those that may be given to the store, with a copy left under their names.
    """
    some = {
        file_id: Layable(path, pictures.get(file_id) or _png(path), path in given)
        for file_id, path in files.items()
    }
    there = lay(client, some)
    for file_id, one in some.items():
        if file_id not in there:
            _send(client, file_id, one.content, sha256_of(files[file_id]), one.png)


def _png(content: Path | Outgoing) -> bytes:
    picture = _picture(content) if content.name.lower().endswith(IMAGES) else None
    return b"" if picture is None else picture.png


def send(
    client: Client, files: Mapping[UUID, Outgoing], *, sha256: Callable[[UUID], str]
) -> None:
    """Store what is in memory under ids that were reserved for it, as `store` does.

    Parameters
    ----------
    client : Client
        The way to the dataserver.
    files : mapping of UUID to Outgoing
        Bytes of files; what is not an image has no preview.
    sha256 : callable
        Returns the checksum of one; called where it is sent.
    """
    some = {file_id: Layable(content, _png(content)) for file_id, content in files.items()}
    there = lay(client, some)
    for file_id, one in some.items():
        if file_id not in there:
            _send(client, file_id, one.content, sha256(file_id), one.png)


def _send(
    client: Client, file_id: UUID | str, content: Path | Outgoing, sha256: str, png: bytes
) -> None:
    if png:
        # First, for afterwards the file is complete and nothing is added to it. A frame is as
        # good without one: what is wrong with the server the file itself will tell.
        with suppress(AweError):
            client.show(file_id, content.name, png)
    client.put(file_id, content, sha256=sha256)


def _picture(content: Path | Outgoing) -> preview.Preview | None:
    if isinstance(content, Path):
        return preview.of_file(content)
    if isinstance(content.parts, Path):
        return preview.of_file(content.parts)
    head, *rest = content.parts
    return preview.of_bytes(bytes(head), rest[0]) if len(rest) == 1 else None
