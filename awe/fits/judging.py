"""The judgement of a FITS file from its bytes and headers alone.

Nothing is believed: magic numbers, cards, promised sizes, tables' descriptors and checksums are
looked at here before astropy opens the file, in bounded memory and without allocating what a
header promises. Refuses everything that is not plain, complete FITS; what is merely odd is
listed in the notes of an extension.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import NoReturn

from awe.errors import BadFits, ChecksumMismatch, FileGone
from awe.fits import blocks

__all__ = ["BROKEN_OFF", "ExtensionInfo", "judge"]

#: The beginning of a note: the file ends neither where the data of its last HDU do, as some
#: programs leave it, nor where the block does.
BROKEN_OFF = "the file ends inside the filling of its last block"

BLOCK = 2880
HEADER_LIMIT = 1 << 20
AXES_LIMIT = 9
#: A compressed image that promises more than this many times its own size is a bomb.
EXPANSION_LIMIT = 2000

_MAGIC = (
    (b"\x1f\x8b", "gzip: unpack it with gunzip first"),
    (b"\x1f\x9d", "Unix compress: unpack it first"),
    (b"BZh", "bzip2: unpack it first"),
    (b"\xfd7zXZ", "xz: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "zstd: unpack it first"),
    (b"PK\x03\x04", "zip: unpack it first"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"GIF8", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"\x89HDF", "HDF5"),
    (b"\x7fELF", "a program"),
)
_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_KEYWORD = re.compile(rb"[A-Za-z0-9_\-]* *")
_CARD = 80
#: Bytes that are summed at a time.
PIECE = 2880 * 128
#: Every byte as what it is in a keyword: a letter, a blank, or something that must not be there.
_CLASSES = bytes(
    byte if byte == 32 else 97 if re.match(rb"[A-Za-z0-9_\-]", bytes([byte])) else 33
    for byte in range(256)
)
_PRINTABLE = bytes(range(32, 127))
_COLUMN_BYTES = {
    "L": 1, "B": 1, "A": 1, "I": 2, "J": 4, "K": 8, "E": 4, "D": 8, "C": 8, "M": 16, "X": 0.125,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ExtensionInfo:
    """What one HDU of a judged file holds.

    `verified` is True where CHECKSUM or DATASUM was present and right, None where there was
    none to check; `datasum` is the sum of the data where it was taken. `shape` is [..., y, x], of
    the unpacked image for a compressed one.
    """

    index: int
    name: str
    kind: str
    bitpix: int
    shape: tuple[int, ...]
    data_start: int
    data_size: int
    verified: bool | None
    notes: tuple[str, ...] = ()
    datasum: int | None = None


class _Values:
    """The values of the cards of a header by keyword, as text; read when somebody asks."""

    def __init__(self, header: bytes, words: list[bytes]) -> None:
        self._header = header
        # backwards: of a repeated keyword the first one counts, as for astropy
        last = len(words) - 1
        self._places = {word: last - n for n, word in enumerate(reversed(words))}

    def get(self, keyword: str, default: str | None = None) -> str | None:
        place = self._places.get(keyword.encode().ljust(8))
        if place is None:
            return default
        card = self._header[place * _CARD : (place + 1) * _CARD]
        # Without "= " in bytes 9 and 10 a card has no value (FITS 4.0, 4.1.2.2).
        return _value(card[10:].decode("latin-1") if card[8:10] == b"= " else "")


def judge(
    path: Path | str,
    *,
    allow_trailing: bool = False,
    verify: bool = True,
    name: Path | str | None = None,
) -> list[ExtensionInfo]:
    """Return what a file holds, or refuse it in one line.

    Parameters
    ----------
    path : path
        The file as it came from outside.
    allow_trailing : bool
        Accept bytes behind the last HDU that are not zero.
    verify : bool
        Compare CHECKSUM and DATASUM where they are present; reads all bytes once.
    name : path, optional
        What messages call the file, where it is an unpacked copy of another.

    Raises
    ------
    FileGone
        There is no such regular file.
    BadFits
        It is not FITS, not complete, or promises absurdities.
    ChecksumMismatch
        The bytes are not those that were written.
    """
    file = Path(path if name is None else name)
    if not Path(path).is_file():
        other = "a pipe or a device" if Path(path).exists() else "nothing there"
        found = "a directory" if Path(path).is_dir() else other
        msg = f"no file {file} ({found}); check the name"
        raise FileGone(msg)
    size = Path(path).stat().st_size
    with Path(path).open("rb") as stream:
        _refuse_other_formats(file, stream.read(512), size)
        infos: list[ExtensionInfo] = []
        start = 0
        while start < size:
            stream.seek(start)
            # Behind the last HDU come at most special records, of restricted use (FITS 4.0, 3.5).
            if infos and stream.read(9) != b"XTENSION=":
                stream.seek(start)
                zero = _only_zeros(stream)
                if not allow_trailing and not zero:
                    msg = (
                        f"{file}: {size - start} trailing bytes behind the last HDU at byte "
                        f"{start}; cut them off: head -c {start} {file.name} > whole.fits"
                    )
                    raise BadFits(msg)
                what = "zero" if zero else "trailing"
                note = f"{size - start} {what} bytes behind the last HDU are left out"
                infos[-1] = replace(infos[-1], notes=(*infos[-1].notes, note))
                break
            judged = _Hdu(file, stream, start, len(infos), size)
            infos.append(judged.info(verify))
            start = judged.end
    return infos


def _only_zeros(stream: BufferedReader) -> bool:
    """Return True if nothing but zero bytes is left: blocks that a tape or a disk filled up."""
    while piece := stream.read(1 << 20):
        if piece.strip(b"\0"):
            return False
    return True


def _refuse_other_formats(file: Path, head: bytes, size: int) -> None:
    if size == 0:
        looks = "an empty file"
    elif head.startswith(b"SIMPLE  ="):
        return
    else:
        looks = next((name for magic, name in _MAGIC if head.startswith(magic)), "")
    if not looks:
        start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if start.startswith((b"<!doctype html", b"<html", b"<head")):
            looks = "HTML, perhaps an error page"
        elif start.startswith((b"<?xml", b"<votable")):
            looks = "XML"
        elif head.startswith(b"SIMPLE"):
            looks = "a damaged FITS header: 'SIMPLE  =' is not in its place"
        elif all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head):
            looks = "text"
        else:
            looks = "unknown binary data"
    msg = f"{file} is not a FITS file (looks like {looks})"
    raise BadFits(msg)


class _Hdu:
    """One HDU under judgement: its cards, its promised bytes, its checksums."""

    def __init__(
        self, file: Path, stream: BufferedReader, start: int, index: int, size: int
    ) -> None:
        self.file = file
        self.stream = stream
        self.start = start
        self.index = index
        self.size = size
        self.notes: list[str] = []
        self.datasum: int | None = None
        self.header = self._header_bytes()
        self.words = self._keywords()
        self.values = _Values(self.header, self.words)
        self.kind = "PRIMARY" if index == 0 else self._text("XTENSION")
        self.bitpix, self.axes = self._structure()
        self.data_start = start + len(self.header)
        self.data_size = self._data_size()
        self.end = self.data_start + -(-self.data_size // BLOCK) * BLOCK

    def info(self, verify: bool) -> ExtensionInfo:
        self._complete()
        compressed = self.kind == "BINTABLE" and self._logical("ZIMAGE")
        if self.kind == "BINTABLE":
            self._columns()
        bitpix, shape = (self.bitpix, self.axes[::-1])
        if compressed:
            bitpix, shape = self._unpacked()
        verified = self._checksums() if verify else None
        return ExtensionInfo(
            index=self.index,
            name=self._text("EXTNAME", ""),
            kind="COMPRESSED" if compressed else self.kind,
            bitpix=bitpix,
            shape=tuple(shape),
            data_start=self.data_start,
            data_size=self.data_size,
            verified=verified,
            notes=tuple(self.notes),
            datasum=self.datasum,
        )

    def refuse(self, what: str) -> NoReturn:
        msg = f"{self.file}, HDU {self.index}: {what}; fetch the file again"
        raise BadFits(msg)

    def _header_bytes(self) -> bytes:
        self.stream.seek(self.start)
        header = bytearray()
        while True:
            if len(header) >= HEADER_LIMIT:
                self.refuse(f"header of more than {HEADER_LIMIT} bytes")
            block = self.stream.read(BLOCK)
            header += block
            if len(block) < BLOCK:
                self.refuse(
                    f"truncated in the header: blocks of {BLOCK} bytes up to an END card "
                    f"promised, file has {self.size} bytes"
                )
            # The cards of a block never cross its end: 2880 is 36 times 80 (FITS 4.0, 3.3.1).
            for place in range(0, BLOCK, 80):
                if block[place : place + 8] == b"END     ":
                    if block[place + 8 :].strip():
                        self.notes.append("the header goes on behind its END card")
                    return bytes(header)

    def _keywords(self) -> list[bytes]:
        """Return the keywords of all cards before END, eight bytes each."""
        header, words = self.header, []
        for place in range(0, len(header), _CARD):
            word = header[place : place + 8]
            if word == b"END     ":
                break
            words.append(word)
        # few kinds of keywords: looked at once each, not card by card
        kinds = {word.translate(_CLASSES) for word in words}
        if not all(_KEYWORD.fullmatch(kind) for kind in kinds):
            number = next(n for n, word in enumerate(words) if not _KEYWORD.fullmatch(word))
            text = header[number * _CARD : number * _CARD + 24]
            self.refuse(f"card {number + 1} is not a FITS card: {text!r}")
        if header[: len(words) * _CARD].translate(None, _PRINTABLE):
            self.notes.append("control or non-ASCII bytes in the header; shown escaped")
        return words

    def _structure(self) -> tuple[int, tuple[int, ...]]:
        first = "SIMPLE" if self.index == 0 else "XTENSION"
        if self.index == 0 and self.values.get("SIMPLE") != "T":
            self.refuse(f"SIMPLE is {self.values.get('SIMPLE')!r}, expected T")
        bitpix = self._integer("BITPIX")
        if bitpix not in blocks.BITPIX:
            self.refuse(f"BITPIX is {bitpix}, expected one of {blocks.BITPIX}")
        count = self._integer("NAXIS")
        if not 0 <= count <= AXES_LIMIT:
            self.refuse(f"NAXIS is {count}, expected 0 to {AXES_LIMIT}")
        # The order is mandatory (FITS 4.0, 4.4.1.1 and 4.4.1.2): a reader may rely on it.
        names = [f"NAXIS{number}" for number in range(1, count + 1)]
        wanted = [first, "BITPIX", "NAXIS", *names]
        found = [word.decode().rstrip() for word in self.words[: len(wanted)]]
        if found != wanted:
            self.refuse(f"the header begins with {found}, expected {wanted}")
        repeated = [word for word in wanted if self.words.count(word.encode().ljust(8)) > 1]
        if repeated:
            self.refuse(f"{repeated[0]} is given more than once")
        axes = tuple(self._integer(name) for name in names)
        if any(length < 0 for length in axes):
            self.refuse(f"an axis is negative: {axes}")
        return bitpix, axes

    def _data_size(self) -> int:
        if self.index == 0 and self._logical("GROUPS"):
            self.refuse("random groups, which awe does not read")
        if self.values.get("BSCALE") and self._number("BSCALE") == 0:
            self.refuse("BSCALE is 0, which leaves no pixel values")
        if self.values.get("BZERO"):
            self._number("BZERO")
        if not self.axes:
            return 0
        pcount = self._integer("PCOUNT", 0)
        gcount = self._integer("GCOUNT", 1)
        if pcount < 0 or gcount != 1:
            self.refuse(f"PCOUNT is {pcount} and GCOUNT is {gcount}, expected >= 0 and 1")
        # Formula of FITS 4.0, 4.4.1.2. Integers of Python do not overflow, however large the axes.
        return abs(self.bitpix) // 8 * (pcount + math.prod(self.axes))

    def _complete(self) -> None:
        promised = self.data_start + self.data_size
        if self.size < promised:
            self.refuse(f"truncated: header promises {promised} bytes, file has {self.size}")
        if self.size < self.end:
            # no pixel is missing: the padding holds nothing
            unfilled = self.size == promised
            what = "the last block is not filled up" if unfilled else BROKEN_OFF
            self.notes.append(f"{what}, {self.end - self.size} bytes")

    def _columns(self) -> None:
        if self.bitpix != 8 or len(self.axes) != 2:
            self.refuse(f"a table with BITPIX {self.bitpix} and {len(self.axes)} axes")
        width, rows = self.axes
        fields = self._integer("TFIELDS")
        if not 0 <= fields <= 999:
            self.refuse(f"TFIELDS is {fields}, expected 0 to 999")
        if rows and not width:
            self.refuse(f"a table of {rows} rows without a byte in them")
        # The heap begins behind the table unless THEAP leaves a gap (FITS 4.0, 7.3.2).
        heap = self._integer("THEAP", width * rows)
        heap_size = self.data_size - heap
        if not width * rows <= heap <= self.data_size:
            self.refuse(f"THEAP is {heap}, outside the {self.data_size} bytes of data")
        place = 0
        for number in range(1, fields + 1):
            form = self._text(f"TFORM{number}")
            place += self._column(number, form, place, heap_size)
        if place != width:
            self.refuse(f"columns take {place} bytes, NAXIS1 promises {width}")

    def _column(self, number: int, form: str, place: int, heap_size: int) -> int:
        match = re.match(r"(\d*)([LXBIJKAEDCMPQ])([LXBIJKAEDCM]?)", form)
        if match is None:
            self.refuse(f"TFORM{number} is {form!r}, which is not a column format")
        repeat = int(match[1] or 1)
        code = match[2]
        if code not in "PQ":
            # Bits fill up whole bytes (FITS 4.0, 7.3.3.1).
            return math.ceil(repeat * _COLUMN_BYTES[code])
        if repeat:
            element = _COLUMN_BYTES.get(match[3], 1)
            self._descriptors(number, place, 4 if code == "P" else 8, element, heap_size)
        return repeat * (8 if code == "P" else 16)

    def _descriptors(
        self, number: int, place: int, width: int, element: float, heap_size: int
    ) -> None:
        import numpy as np

        row, rows = self.axes
        for first in range(0, rows, 65536):
            count = min(65536, rows - first)
            self.stream.seek(self.data_start + first * row)
            table = np.frombuffer(self.stream.read(count * row), np.uint8).reshape(count, row)
            part = np.ascontiguousarray(table[:, place : place + 2 * width])
            # Number of elements and offset in the heap (FITS 4.0, 7.3.5). Floats do not overflow
            # and are exact below 2^53; the offset of an empty array means nothing.
            pairs = part.view(f">i{width}").astype(np.float64)
            outside = (pairs < 0).any(axis=1) | (
                (pairs[:, 0] > 0) & (pairs[:, 1] + pairs[:, 0] * element > heap_size)
            )
            if outside.any():
                where = first + int(np.argmax(outside)) + 1
                self.refuse(f"column {number}, row {where} points outside the heap")

    def _unpacked(self) -> tuple[int, tuple[int, ...]]:
        bitpix = self._integer("ZBITPIX")
        count = self._integer("ZNAXIS")
        if bitpix not in blocks.BITPIX or not 1 <= count <= AXES_LIMIT:
            self.refuse(f"ZBITPIX is {bitpix} and ZNAXIS is {count}")
        axes = tuple(self._integer(f"ZNAXIS{number}") for number in range(1, count + 1))
        promised = abs(bitpix) // 8 * math.prod(axes)
        if any(length < 0 for length in axes) or promised > EXPANSION_LIMIT * self.data_size:
            self.refuse(
                f"{self.data_size} compressed bytes promise an image of {axes}, which cannot be"
            )
        return bitpix, axes[::-1]

    def _checksums(self) -> bool | None:
        datasum = self._text("DATASUM", "").strip()
        checksum = self._text("CHECKSUM", "").strip()
        if not datasum and not checksum:
            return None
        found = self.datasum = self._sum_of_data()
        if datasum and (not datasum.isdigit() or int(datasum) != found):
            self._mismatch("DATASUM", datasum, str(found))
        # In ones-complement arithmetic zero has two forms, no bits and all bits.
        total = blocks.folded(found + blocks.datasum(self.header))
        if checksum and total not in (0, 0xFFFFFFFF):
            self._mismatch("CHECKSUM", "0", str(total ^ 0xFFFFFFFF))
        return True

    def _mismatch(self, which: str, wanted: str, found: str) -> None:
        msg = (
            f"{self.file}, HDU {self.index}: {which} promises {wanted}, the bytes give {found}; "
            "they were changed after writing, fetch the file again"
        )
        raise ChecksumMismatch(msg)

    def _sum_of_data(self) -> int:
        self.stream.seek(self.data_start)
        left = self.end - self.data_start
        total = 0
        # The same space for each piece, small enough to stay in the cache of a processor.
        space = memoryview(bytearray(min(left, PIECE) + 4))
        while left:
            # Whole words at a time, of the padding as well: it is summed too (FITS 4.0, 4.4.2.7).
            read = self.stream.readinto(space[: min(left, PIECE)])
            if not read:
                break
            # the last block may not be filled up; zeros add nothing
            space[read : read + -read % 4] = bytes(-read % 4)
            total = blocks.folded(total + blocks.datasum(space[: read + -read % 4]))
            left -= read
        return total

    def _logical(self, keyword: str) -> bool:
        return self.values.get(keyword) == "T"

    def _text(self, keyword: str, default: str | None = None) -> str:
        text = self.values.get(keyword, default)
        if text is None:
            self.refuse(f"{keyword} is missing")
        return text.rstrip()

    def _integer(self, keyword: str, default: int | None = None) -> int:
        text = self.values.get(keyword)
        if text is None and default is not None:
            return default
        if text is None or not re.fullmatch(r"[+-]?\d{1,20}", text):
            self.refuse(f"{keyword} is {text!r}, expected a whole number")
        return int(text)

    def _number(self, keyword: str) -> float:
        # FITS 4.0, 4.2.4 lets D introduce an exponent; Python does not.
        text = self._text(keyword).replace("D", "E")
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.refuse(f"{keyword} is {text!r}, expected a finite number")
        return number


def _value(text: str) -> str:
    stripped = text.strip()
    if stripped.startswith("'"):
        match = _QUOTED.match(stripped)
        return match[1].replace("''", "'").rstrip() if match else stripped[1:]
    # A slash begins the comment, but not inside a string (FITS 4.0, 4.1.2.3).
    return stripped.partition("/")[0].strip()
