"""A file on its way to the dataserver, with a small picture of it in front."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from awe.dataserver.upload import Outgoing
from awe.errors import AweError
from awe.fits import preview

if TYPE_CHECKING:
    from awe.dataserver.client import Client

__all__ = ["send"]

#: Names of files that may be frames.
IMAGES = (".fits", ".fit", ".fts", ".fz")


def send(
    client: Client, file_id: UUID | str, content: Path | Outgoing, *, sha256: str
) -> None:
    """Store a file under an id that was reserved for it, as `Client.put` does, and its preview.

    Parameters
    ----------
    client : Client
        The way to the dataserver.
    file_id : UUID or str
        The reserved id.
    content : Path or Outgoing
        The file, or its bytes; what is not an image has no preview.
    sha256 : str
        Its checksum.
    """
    picture = _picture(content) if content.name.lower().endswith(IMAGES) else None
    if picture is not None:
        # First, for afterwards the file is complete and nothing is added to it. A frame is as
        # good without one: what is wrong with the server the file itself will tell.
        with suppress(AweError):
            client.show(file_id, content.name, picture.png)
    client.put(file_id, content, sha256=sha256)


def _picture(content: Path | Outgoing) -> preview.Preview | None:
    if isinstance(content, Path):
        return preview.of_file(content)
    if isinstance(content.parts, Path):
        return preview.of_file(content.parts)
    head, *rest = content.parts
    return preview.of_bytes(bytes(head), rest[0]) if len(rest) == 1 else None
