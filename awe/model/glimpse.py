"""`frame.preview()`: the small picture that was made when the frame was stored."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from awe.errors import BadFits, FileGone
from awe.fits.preview import Preview, made_of, read

if TYPE_CHECKING:
    from awe.model.data import DataObject

__all__ = ["preview"]


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
    if frame.file:
        remote = frame.remote()
        with suppress(FileGone, BadFits):
            return read(remote.preview(), remote.name)
    return made_of(frame.data)
