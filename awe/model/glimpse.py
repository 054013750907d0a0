"""`frame.preview()`: the small picture that was made when the frame was stored."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from awe.errors import BadFits, FileGone, UserMistake
from awe.fits.preview import Preview, made_of, read

if TYPE_CHECKING:
    from awe.model.data import DataObject

__all__ = ["preview", "stored", "thumbnail"]


def preview(frame: DataObject) -> Preview:
    """Return a picture of the frame of at most 256 pixels a side, without fetching the frame.

    It was made when the file was stored, and is shown under the same rights. `png` is the
    picture, which a notebook shows; `values` are mean values of blocks of `block` x `block`
    pixels, as exact as 254 steps of grey are. Of a frame without one, such as one that was stored
    by an earlier version of awe, the pixels are fetched.

    Raises
    ------
    FileGone
        The frame has no file, or you may not see it.
    """
    return stored(frame) or made_of(frame.data)


def stored(frame: DataObject) -> Preview | None:
    """Return the picture that is kept with the frame's file, None without one."""
    if frame.file:
        remote = frame.remote()
        with suppress(FileGone, BadFits):
            return read(remote.preview(), remote.name)
    return None


def thumbnail(item: Any) -> str:
    """Return the picture of an object as an element of HTML; empty without one.

    What does not answer is left out: the table around it is what somebody looked for.

    Parameters
    ----------
    item : DBObject
        Any object; frames have pictures.
    """
    found = None
    with suppress(UserMistake):
        found = stored(item) if getattr(item, "file", None) else None
    if found is None:
        return ""
    data = base64.b64encode(found.png).decode()
    return f'<img alt="preview" src="data:image/png;base64,{data}">'
