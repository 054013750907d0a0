"""A stream of a file of known size that is read from any place; who inherits it has the bytes."""

from __future__ import annotations

from io import SEEK_CUR, SEEK_END, RawIOBase

__all__ = ["Seekable"]


class Seekable(RawIOBase):
    """A place in a file that moves.

    Attributes
    ----------
    size : int
        Bytes of the file.
    """

    size: int = 0
    _place: int = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, place: int, whence: int = 0) -> int:
        """Go to a place, and return it.

        Parameters
        ----------
        place : int
            The place [byte], counted from what `whence` says.
        whence : int
            As for any stream: the beginning, where one is, or the end.
        """
        start = {SEEK_CUR: self._place, SEEK_END: self.size}.get(whence, 0)
        self._place = max(0, start + place)
        return self._place
