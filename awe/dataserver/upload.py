"""What is sent to the dataserver: a local file, or bytes that are in memory, block by block."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Outgoing"]

CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """The content of a file that is sent, under the name that messages call it.

    Attributes
    ----------
    name : str
        What messages call it.
    parts : Path, or sequence of bytes or memoryview
        The file, or its content part after part.
    sums : sequence of int or None
        What parts of whole FITS blocks are to sum up to, as DATASUM tells it; nothing for parts
        that are only compared.
    """

    name: str
    parts: Path | Sequence[bytes | memoryview]
    sums: Sequence[int | None] = ()

    @property
    def size(self) -> int:
        """Number of its bytes."""
        if isinstance(self.parts, Path):
            return self.parts.stat().st_size
        return sum(map(len, self.parts))

    def headers(self, sha256: str) -> dict[str, str]:
        """Return the headers that announce it."""
        digest = base64.b64encode(bytes.fromhex(sha256)).decode()
        return {
            # Given here, since httpx would send an iterator chunked, which announces no length.
            "content-length": str(self.size),
            "content-digest": f"sha-256=:{digest}:",
        }

    def blocks(self) -> Iterator[bytes]:
        """Yield its bytes, a megabyte at a time; a small file of several parts is one block."""
        if not isinstance(self.parts, Path) and self.size <= CHUNK:
            yield b"".join(self.parts)
            return
        for piece in self.pieces():
            yield bytes(piece)

    def pieces(self) -> Iterator[bytes | memoryview]:
        """Yield its bytes as they are, a megabyte at a time."""
        if isinstance(self.parts, Path):
            with self.parts.open("rb") as stream:
                while block := stream.read(CHUNK):
                    yield block
            return
        for part in self.parts:
            view = memoryview(part)
            for start in range(0, len(view), CHUNK):
                yield view[start : start + CHUNK]
