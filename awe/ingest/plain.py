"""Files as archives hold them, given as plain FITS: unpacked, and nothing else changed.

gzip and bzip2 are undone in bounded space. Tile-compressed images (FITS 4.0, section 10) become
plain ones of the same stored numbers behind the same cards, at the place they had before: what
was compressed without loss is bit for bit what the camera wrote, and loss is told in a note.
"""

from __future__ import annotations

import bz2
import gzip
import math
import re
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from awe import fits
from awe.errors import BadFits, ChecksumMismatch
from awe.fits import blocks, values
from awe.localfiles import scratch_directory

__all__ = ["Plain", "opened", "plain"]

#: A packed file that becomes this many times as large is a bomb.
EXPANSION_LIMIT = 1000
PIECE = 1 << 20
OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open}

#: Cards of the table that holds a compressed image (FITS 4.0, 10.1); the image's own stay.
TABLE = re.compile(
    rb"(XTENSION|SIMPLE|EXTEND|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|T(TYPE|FORM|NULL|SCAL|ZERO|DIM|"
    rb"UNIT|DISP)\d+|THEAP|CHECKSUM|DATASUM|Z(IMAGE|CMPTYPE|BITPIX|NAXIS\d*|TILE\d+|NAME\d+|VAL\d+|"
    rb"MASKCMP|QUANTIZ|DITHER0|SIMPLE|TENSION|EXTEND|BLOCKED|PCOUNT|GCOUNT|HECKSUM|DATASUM|BLANK|"
    rb"SCALE|ZERO))"
)
#: The name a compressing program gives the table of an image without one.
NAMELESS = "COMPRESSED_IMAGE"


@dataclass(frozen=True, kw_only=True)
class Plain:
    """A plain FITS file of the same content: where it is, its HDUs as judged, what to know."""

    path: Path
    infos: Sequence[fits.ExtensionInfo]
    notes: tuple[str, ...]


@contextmanager
def plain(path: Path, *, verify: bool = True) -> Iterator[Plain]:
    """Give a file as plain FITS for the time of a block; what was unpacked goes with it.

    Parameters
    ----------
    path : Path
        The file.
    verify : bool
        Whether the sums of plain images are compared, which reads all bytes.

    Raises
    ------
    BadFits
        It is not FITS, cut off, damaged, or becomes larger than an exposure can be.
    ChecksumMismatch
        The bytes, or the pixels of a compressed image, are not those that were written.
    """
    with ExitStack() as stack:
        place = path
        if opener := _opener(path):
            place = stack.enter_context(scratch_directory()) / "unpacked.fits"
            _inflate(opener, path, place)
        infos = fits.judge(place, name=path, verify=verify)
        notes = [note for info in infos for note in info.notes if "bytes" in note]
        if any(info.kind == "COMPRESSED" for info in infos):
            whole = stack.enter_context(scratch_directory()) / "plain.fits"
            notes += _Tiles(path, place, infos).write(whole)
            place, infos = whole, fits.judge(whole, name=path, verify=verify)
        yield Plain(path=place, infos=infos, notes=tuple(notes))


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Give the bytes of a file from their begin, unpacked as they are read.

    Raises
    ------
    BadFits
        It is cut off, damaged or not there.
    """
    if not path.is_file():
        msg = f"no file {path}; check the name"
        raise BadFits(msg)
    opener = _opener(path)
    with path.open("rb") if opener is None else opener(path, "rb") as file:
        try:
            yield file
        except EOFError:
            msg = f"{path} is cut off: the packed file ends before its content does"
            raise BadFits(msg) from None
        except (zlib.error, gzip.BadGzipFile) as error:
            msg = f"{path} cannot be unpacked ({error}); fetch it again"
            raise BadFits(msg) from error


def _opener(path: Path) -> Any:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(3)
    return next((opener for magic, opener in OPENERS.items() if head.startswith(magic)), None)


def _inflate(opener: Any, path: Path, target: Path) -> None:
    limit = EXPANSION_LIMIT * path.stat().st_size
    with opener(path, "rb") as packed, target.open("xb") as file:
        while piece := _piece(packed, path):
            if file.tell() + len(piece) > limit:
                msg = (
                    f"{path} becomes more than {EXPANSION_LIMIT} times as large when it is "
                    "unpacked, which no exposure does; unpack it yourself if it is one"
                )
                raise BadFits(msg)
            file.write(piece)


def _piece(packed: IO[bytes], path: Path) -> bytes:
    try:
        return packed.read(PIECE)
    except EOFError:
        msg = f"{path} is cut off: the packed file ends before its content does; fetch it again"
        raise BadFits(msg) from None
    except (zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        msg = f"{path} cannot be unpacked ({error}); fetch it again"
        raise BadFits(msg) from error


class _Tiles:
    """A file with compressed images, to be written with plain ones."""

    def __init__(self, name: Path, place: Path, infos: Sequence[fits.ExtensionInfo]) -> None:
        self.name = name
        self.place = place
        self.infos = infos
        self.notes: list[str] = []

    def write(self, target: Path) -> list[str]:
        """Write the plain file and return what is to be told of it."""
        from astropy.io import fits as astropy_fits

        with (
            warnings.catch_warnings(action="ignore"),
            self.place.open("rb") as source,
            target.open("xb") as file,
            astropy_fits.open(self.place, do_not_scale_image_data=True) as hdus,
        ):
            start = 0
            for info in self.infos:
                source.seek(start)
                header = source.read(info.data_start - start)
                end = info.data_start + blocks.padded(info.data_size)
                if info.kind != "COMPRESSED":
                    file.write(header)
                    _copy(source, file, end - info.data_start)
                    file.write(bytes(-file.tell() % blocks.BLOCK))
                else:
                    self._write_image(file, info, header, hdus)
                start = end
        return self.notes

    def _write_image(
        self, file: BinaryIO, info: fits.ExtensionInfo, header: bytes, hdus: Any
    ) -> None:
        cards = values.parse(header)
        pixels = self._pixels(info, hdus)
        self._check(info, cards, pixels)
        # the image of a file of one image was its primary HDU, and comes back there
        primary = cards.get("ZSIMPLE") is True and info.index == 1 and not self.infos[0].shape
        if primary:
            file.seek(0)
            file.truncate()
        first = (
            blocks.card("SIMPLE", True)
            if primary
            else blocks.card("XTENSION", "IMAGE", "image extension")
        )
        axes = info.shape[::-1]
        lines = [
            first,
            blocks.card("BITPIX", info.bitpix),
            blocks.card("NAXIS", len(axes)),
            *(blocks.card(f"NAXIS{number}", axis) for number, axis in enumerate(axes, 1)),
            *([] if primary else [blocks.card("PCOUNT", 0), blocks.card("GCOUNT", 1)]),
            *(card for card in blocks.cards(header) if _of_image(card, cards)),
        ]
        file.write(blocks.header(lines))
        file.write(blocks.pad(pixels))

    def _pixels(self, info: fits.ExtensionInfo, hdus: Any) -> bytes:
        try:
            data = hdus[info.index].data
            pixels: bytes = data.astype(data.dtype.newbyteorder(">"), copy=False).tobytes()
        except Exception as error:
            msg = (
                f"{self.name}, HDU {info.index}: its compressed pixels cannot be unpacked "
                f"({type(error).__name__}: {error}); fetch the file again"
            )
            raise BadFits(msg) from error
        promised = abs(info.bitpix) // 8 * math.prod(info.shape)
        if len(pixels) != promised:
            msg = (
                f"{self.name}, HDU {info.index}: {len(pixels)} bytes of pixels were unpacked, "
                f"its header promises {promised}; fetch the file again"
            )
            raise BadFits(msg)
        return pixels

    def _check(self, info: fits.ExtensionInfo, cards: values.HeaderValues, pixels: bytes) -> None:
        lossy = _loss(cards)
        if lossy:
            self.notes.append(f"extension {info.index} was compressed with loss ({lossy})")
            return
        kept = cards.get("ZDATASUM")
        if isinstance(kept, str) and kept.strip().isdigit() and int(kept):
            found = blocks.datasum(blocks.pad(pixels))
            if found != int(kept):
                msg = (
                    f"{self.name}, HDU {info.index}: the unpacked pixels have the sum {found}, "
                    f"{int(kept)} was written down when they were compressed; fetch it again"
                )
                raise ChecksumMismatch(msg)


def _loss(cards: values.HeaderValues) -> str:
    """Return how an image was compressed with loss, or nothing."""
    method = str(cards.get("ZCMPTYPE"))
    columns = {cards.get(f"TTYPE{number}") for number in range(1, 10)}
    if cards.get("ZBITPIX") in (-32, -64) and "ZSCALE" in {*columns, *cards}:
        return f"{method}, quantised with {cards.get('ZQUANTIZ', 'no dither')}"
    named = {cards.get(f"ZNAME{n}"): cards.get(f"ZVAL{n}") for n in range(1, 10)}
    scale = named.get("SCALE")
    if method == "HCOMPRESS_1" and isinstance(scale, int | float) and scale > 1:
        return f"{method}, scale {scale:g}"
    return ""


def _of_image(card: bytes, cards: values.HeaderValues) -> bool:
    word = blocks.keyword(card)
    if word == "EXTNAME":
        return str(cards.get("EXTNAME")) != NAMELESS
    return word != "END" and TABLE.fullmatch(word.encode()) is None


def _copy(source: BinaryIO, target: BinaryIO, size: int) -> None:
    while size > 0 and (piece := source.read(min(size, PIECE))):
        target.write(piece)
        size -= len(piece)
