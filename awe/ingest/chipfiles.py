"""The frames of an exposure as files of one chip each: header and pixels, bytes in, bytes out.

Pixels are those of the exposure as they are, never decoded and encoded again, so a frame is bit
for bit what the camera wrote. Its header is that of the exposure and that of the chip together;
where both have a card, the chip's wins. `pieces` writes nothing, `cut` writes files.
"""

from __future__ import annotations

import hashlib
import mmap
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from awe.fits import blocks, values
from awe.ingest import pixelstats
from awe.ingest.plain import plain

if TYPE_CHECKING:
    from awe.calib.detector.geometry import ChipGeometry
    from awe.ingest.split import ChipFrame, Exposure

__all__ = ["Cut", "Piece", "cut", "measured", "pieces"]

STRUCTURE = frozenset(
    ["SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "EXTEND",
     "NAXIS3", "BSCALE", "BZERO", "BLANK", "INHERIT", "CHECKSUM", "DATASUM", "END", ""]
)  # fmt: skip
#: Frames that may still be in use when the next one is given: those on their way, and a group.
SENT_BY_NOW = 12
#: Every byte as a header may hold it: what cannot be printed becomes a question mark.
PRINTABLE = bytes(byte if 32 <= byte < 127 else 0x3F for byte in range(256))


@dataclass(frozen=True, kw_only=True)
class Piece:
    """The file of one chip, not yet written: its bytes, and statistics by region of the image.

    `datasum` is what the pixels sum up to, which is to be compared with what is written of them.
    """

    frame: ChipFrame
    header: bytes
    pixels: bytes | memoryview
    datasum: int
    statistics: dict[str, dict[str, float]]

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the file, in hexadecimal; ChecksumMismatch where its pixels changed."""
        digest = hashlib.sha256(self.header)
        digest.update(self.pixels)
        self.frame.require(self.pixels, self.datasum)
        return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A written file of one chip: path, SHA-256, and statistics by region of the image."""

    frame: ChipFrame
    path: Path
    checksum: str
    statistics: dict[str, dict[str, float]]


def cut(exposure: Exposure, directory: Path) -> Iterator[Cut]:
    """Write the frames of an exposure into a directory, one file after the other.

    Yields
    ------
    Cut
        Each file as soon as it is written; the taker may remove it.
    """
    for piece in pieces(exposure):
        frame, checksum = piece.frame, piece.checksum
        path = directory / frame.filename
        with path.open("wb") as file:
            file.write(piece.header)
            file.write(piece.pixels)
        yield Cut(frame=frame, path=path, checksum=checksum, statistics=piece.statistics)


def pieces(exposure: Exposure) -> Iterator[Piece]:
    """Give the frames of an exposure as files that are not written yet.

    Yields
    ------
    Piece
        Its pixels are those of the exposure itself, which is in memory as long as they are used.

    Raises
    ------
    ChecksumMismatch
        The file is not the one that was judged, or changed while it was read.
    """
    # judged before; what changed since then shows in the sums of the frames, and in the file
    with plain(exposure.path, verify=False) as whole:
        data = _in_memory(whole.path)
        view = memoryview(data)
        primary = data[: whole.infos[0].data_start]
        shared = [card for card in blocks.cards(primary) if _kept(card)]
        read: deque[tuple[int, int]] = deque()
        for frame in exposure.frames:
            # where a file is cut off in its place, a look at the bytes behind ends the process
            exposure.require_same()
            pixels, found = frame.blocks(view)
            own = data[slice(*frame.header)]
            header = _header(exposure, frame, shared, primary, own, found)
            statistics = frame.measured(pixels)
            yield Piece(
                frame=frame, header=header, pixels=pixels, datasum=found, statistics=statistics
            )
            # what was read of the file is not kept in memory: an exposure may be larger than it
            read.append(frame.data)
            if len(read) > SENT_BY_NOW:
                pixelstats.forget(data, *read.popleft())
    exposure.require_same()


def _in_memory(path: Path) -> mmap.mmap:
    """Return the bytes of a file, to be left when nothing of them is used any more."""
    with path.open("rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


def measured(exposure: Exposure) -> list[dict[str, dict[str, float]]]:
    """Return the statistics of the frames of an exposure, by region; nothing is written.

    Raises
    ------
    BadFits
        No pixel of a light-sensitive region has a value.
    ChecksumMismatch
        The file is not the one that was judged.
    """
    with plain(exposure.path, verify=False) as whole:
        view = memoryview(_in_memory(whole.path))
        found = []
        for frame in exposure.frames:
            exposure.require_same()
            pixels, datasum = frame.blocks(view)
            found.append(frame.measured(pixels))
            frame.require(pixels, datasum)
        return found


def _kept(card: bytes) -> bool:
    return blocks.keyword(card) not in STRUCTURE


def _readable(card: bytes) -> bytes:
    """Return a card as everybody reads it: one that gives no value becomes a comment."""
    text = card.translate(PRINTABLE)
    if text.startswith((b"COMMENT ", b"HISTORY ", b"        ")):
        return text
    if text[8:10] == b"= " or (text.startswith(b"HIERARCH ") and b"=" in text[:blocks.CARD]):
        return text
    return (b"COMMENT " + text)[: blocks.CARD]


def _header(
    exposure: Exposure,
    frame: ChipFrame,
    shared: list[bytes],
    primary: bytes,
    header: bytes,
    datasum: int,
) -> bytes:
    own = [card for card in blocks.cards(header) if _kept(card)]
    # Commentary keywords may be repeated and carry no value (FITS 4.0, 4.4.2.4): both are kept.
    taken = {blocks.keyword(card) for card in own} - {"COMMENT", "HISTORY"}
    geometry: ChipGeometry = frame.attributes["geometry"]
    image = values.parse(header).before(values.parse(primary)) if frame.part.plane else {}
    changed = frame.part.changes(frame.attributes, image)
    there = {*(blocks.keyword(card) for card in (*shared, *own)), *frame.attributes["astrom"]}
    lines = [
        # In the mandatory order of FITS 4.0, 4.4.1.1.
        blocks.card("SIMPLE", True, "Standard FITS"),
        blocks.card("BITPIX", frame.stored.bitpix, "# of bits per pixel"),
        blocks.card("NAXIS", 2, "# of axes"),
        blocks.card("NAXIS1", geometry.nx, "# of columns"),
        blocks.card("NAXIS2", geometry.ny, "# of rows"),
        *frame.stored.cards(),
        *(_readable(card) for card in shared if blocks.keyword(card) not in {*taken, *changed}),
        *(_readable(card) for card in own if blocks.keyword(card) not in changed),
        *(
            blocks.card(word, value, "of this frame")
            for word, value in changed.items()
            if value is not None and word in there
        ),
        blocks.card("AWE RAW EXTENSION", frame.extension, "in the exposure"),
        *frame.part.cards(),
        # All 64 digits would not fit into one card behind a keyword of this length.
        blocks.card("AWE RAW SHA256", exposure.checksum[:40], "exposure, first 40"),
    ]
    return blocks.sealed(lines, datasum)
