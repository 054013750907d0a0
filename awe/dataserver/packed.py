"""Stored files that take less room: raw frames in the code RICE_1, to the byte the same when read.

Owns the form. A packed file is itself a FITS file that other programs read: extension 1 has the
counts in tiles, extension 2 every other byte of the original, deflated; its first header tells
size and checksum of the original. What reads a `PackedFile` gets the bytes of the original, those
it asks for: a header costs no pixels, rows of a cutout only their tiles. Refuses to pack what does
not become a tenth smaller, and whatever does not come back as it was.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

from awe.dataserver.rows import Rows
from awe.dataserver.seekable import Seekable
from awe.errors import ChecksumMismatch, FileGone
from awe.fits import blocks
from awe.fits.values import parse

__all__ = ["ENDING", "PackedFile", "pack"]

#: What follows the id in the name of a packed file.
ENDING = ".fz"
#: Largest part of the original a packed file may be.
WORTH = 0.9
#: Rows of a tile; fewest pixels that are worth it; most bytes of the rest.
ROWS = 32
FEWEST = 1 << 14
LARGEST = 64 << 20
#: Names of the extensions, and cards of the first header.
COUNTS, REST = "COUNTS", "REST"
SIZE, FIRST, SHA256 = "AWE PACKED SIZE", "AWE PACKED FIRST", "AWE PACKED SHA256"


class _Place(NamedTuple):
    """Where the counts of an image are in a file, and its shape."""

    first: int
    ny: int
    nx: int


def pack(source: Path, target: Path, sha256: str) -> bool:
    """Write a file packed, and return True; False where that is not worth it.

    Parameters
    ----------
    source, target : Path
        The original, and the name of the packed file, which must not exist.
    sha256 : str
        Checksum of the original.

    Raises
    ------
    ChecksumMismatch
        The original has another one, or does not come back out of the packed file.
    """
    import numpy as np
    from astropy.io.fits import Header

    from awe import fits

    content = source.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        msg = f"{source} has SHA-256 {found}, stored was {sha256}; it is not packed"
        raise ChecksumMismatch(msg)
    place = _counts(content)
    if place is None:
        return False
    end = place.first + 2 * place.ny * place.nx
    stored = np.frombuffer(content, ">i2", place.ny * place.nx, place.first)
    # with the highest bit turned over, so that other programs see unsigned counts
    counts = stored.astype(np.int16).view(np.uint16).reshape(place.ny, place.nx) ^ 0x8000
    rest = np.frombuffer(zlib.compress(content[: place.first] + content[end:], 9), np.uint8)
    head = Header()
    head[f"HIERARCH {SIZE}"] = (len(content), "[byte] of the original")
    head[f"HIERARCH {FIRST}"] = (place.first, "where its counts begin")
    head[f"HIERARCH {SHA256}"] = sha256
    planes = [
        fits.Image(counts, Header([("EXTNAME", COUNTS)]), within=0.0),
        fits.Image(rest, Header([("EXTNAME", REST, "zlib: all bytes but the counts")])),
    ]
    fits.write(target, planes, primary=head)
    try:
        worth = target.stat().st_size < WORTH * len(content)
        if worth:
            _require_same(target, sha256)
    except BaseException:
        target.unlink()
        raise
    if not worth:
        target.unlink()
    return worth


def _require_same(path: Path, sha256: str) -> None:
    with PackedFile(FileIO(path)) as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        msg = f"{path} gives SHA-256 {found}, its original has {sha256}; nothing was packed"
        raise ChecksumMismatch(msg)


def _counts(content: bytes) -> _Place | None:
    """Return where the 16-bit counts of the first large image of a file are, None without one."""
    for start, end in _headers(content):
        values = parse(content[start:end])
        try:
            shape = int(values["NAXIS2"]), int(values["NAXIS1"])
            plain = (values["BITPIX"], values["NAXIS"]) == (16, 2)
            table = str(values.get("XTENSION", "IMAGE")).strip() != "IMAGE"
        except (KeyError, ValueError, TypeError):
            continue
        there = end + 2 * shape[0] * shape[1] <= len(content)
        if plain and not table and min(shape) > 0 and shape[0] * shape[1] >= FEWEST and there:
            return _Place(end, *shape)
    return None


def _headers(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield beginning and end of the first header, and of the one behind it if it has no data."""
    if not content.startswith(b"SIMPLE  ="):
        return
    first = blocks.header_end(content[: 1 << 24])
    if not first:
        return
    yield 0, first
    length = blocks.header_end(content[first : first + (1 << 24)])
    if content[first : first + 8] == b"XTENSION" and length:
        yield first, first + length


class PackedFile(Seekable):
    """A stream of the original of a packed file.

    Parameters
    ----------
    file : FileIO
        The packed file; closed with the stream.

    Raises
    ------
    FileGone
        It is damaged.
    """

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._tile: tuple[int, bytes] = (-1, b"")
        try:
            self._open()
        except Exception as error:
            # astropy and zlib raise whatever they met
            file.close()
            msg = f"{file.name!r} is damaged and cannot be unpacked; restore it from a copy"
            raise FileGone(msg) from error

    def _open(self) -> None:
        from astropy.io import fits

        self._hdus: Any = fits.open(self._file, memmap=False, do_not_scale_image_data=True)
        head = self._hdus[0].header
        self.size, self._first = int(head[SIZE]), int(head[FIRST])
        self._ny, self._nx = self._hdus[1].shape
        packed = self._hdus[2].data.tobytes()
        self._rest = zlib.decompressobj().decompress(packed, LARGEST)
        self._end = self._first + 2 * self._ny * self._nx
        if len(self._rest) + self._end - self._first != self.size:
            raise ValueError(self.size)

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as there is something at hand, and return the bytes read."""
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and (piece := self._piece(self._place, len(view) - done)):
            view[done : done + len(piece)] = piece
            done += len(piece)
            self._place += len(piece)
        return done

    def close(self) -> None:
        """Close the packed file too."""
        if not self.closed:
            super().close()
            self._hdus.close()
            self._file.close()

    def stretches(self, wanted: Rows, place: int, most: int) -> bytes:
        """Return the bytes of stretches from `place` on, as they follow each other.

        Parameters
        ----------
        wanted : Rows
            The stretches.
        place, most : int
            Bytes of the answer before these, and how many at most [byte].
        """
        got = bytearray()
        while len(got) < most and place < wanted.size:
            number, within = divmod(place, wanted.length)
            self.seek(wanted.first + number * wanted.step + within)
            piece = self.read(min(wanted.length - within, most - len(got))) or b""
            if not piece:
                break
            got += piece
            place += len(piece)
        return bytes(got)

    def _piece(self, place: int, most: int) -> bytes:
        """Return bytes from a place on, of one tile or of what is not counts."""
        if place < self._first:
            return self._rest[place : min(self._first, place + most)]
        if place >= self._end:
            start = place - (self._end - self._first)
            return self._rest[start : start + most]
        number, within = divmod(place - self._first, 2 * self._nx * ROWS)
        if self._tile[0] != number:
            self._tile = number, self._unpacked(number)
        return self._tile[1][within : within + most]

    def _unpacked(self, number: int) -> bytes:
        rows = slice(number * ROWS, min((number + 1) * ROWS, self._ny))
        try:
            stored = self._hdus[1].section[rows]
        except Exception as error:
            msg = f"{self._file.name!r} is damaged and cannot be unpacked; restore it from a copy"
            raise ChecksumMismatch(msg) from error
        content: bytes = stored.astype(">i2").tobytes()
        return content
