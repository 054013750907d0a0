"""A part of the images of a FITS file that is elsewhere, as a small FITS file of its own.

Owns which bytes are needed: of each header the blocks it has, of plain images the rows and
columns of the part, of compressed ones the tiles it touches. The small file is read like any
other afterwards. Nothing the headers promise is believed beyond the size of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from awe.errors import BadFits, WrongShape
from awe.fits import blocks
from awe.fits.tiles import Source, Tiles, Zone
from awe.fits.values import HeaderValues, parse

__all__ = ["Cut", "Images"]

#: Bytes asked for a first header, and for those of extensions; more where they do not end there.
FIRST, NEXT = 1 << 15, 3 * blocks.BLOCK
LONGEST = 1 << 24
#: Images that are looked at, behind which others are left.
MOST = 64
#: Most axes of an image.
AXES = 9


@dataclass(frozen=True)
class Cut:
    """The small file, and where the part is in each of its images, [y, x]."""

    content: bytes
    sections: tuple[tuple[slice, slice], ...]
    #: HDUs before the first image
    front: int


@dataclass(frozen=True)
class _Hdu:
    """One header, its values, and where its data are."""

    head: bytes
    values: HeaderValues
    data: int
    length: int

    @property
    def shape(self) -> tuple[int, int] | None:
        """Number of rows and of columns; None where it holds no image of two axes."""
        values = self.values
        packed = values.get("ZIMAGE") is True
        if not packed and "XTENSION" in values and values["XTENSION"] != "IMAGE":
            return None
        z = "Z" if packed else ""
        axes = [_whole(values, f"{z}NAXIS{n}") for n in range(1, 1 + _whole(values, f"{z}NAXIS"))]
        if len(axes) < 2 or any(length != 1 for length in axes[2:]) or 0 in axes:
            return None
        return axes[1], axes[0]


class Images:
    """The first image of a file, and those behind it that have its shape.

    Parameters
    ----------
    source : Source
        The file; its headers are read at once.

    Raises
    ------
    BadFits
        It is not a FITS file, has no image, or ends before its data.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._front, self._images = _images(source)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return self._images[0].shape or (0, 0)

    def cut(self, zone: Zone) -> Cut:
        """Return a part of the images.

        Parameters
        ----------
        zone : tuple of int
            Columns and rows x0, y0, x1, y1, zero-based, the ends not included, within the image.

        Raises
        ------
        WrongShape
            The zone is not within the image.
        BadFits
            The tiles of a compressed image are not where its table says.
        """
        source = self._source
        height, width = self.shape
        x0, y0, x1, y1 = zone
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            msg = f"{source.name}: {zone} is not within {width} columns and {height} rows"
            raise WrongShape(msg)
        front = self._front
        parts = [] if front is None else [front.head]
        sections = []
        for image in self._images:
            if image.values.get("ZIMAGE") is True:
                tiles = Tiles.of(image.head, image.values, source.name)
                content, section = tiles.cut(source, image.data, zone)
            else:
                content, section = _plain(source, image, zone)
            parts.append(content)
            sections.append(section)
        return Cut(b"".join(parts), tuple(sections), 0 if front is None else 1)


def _images(source: Source) -> tuple[_Hdu | None, list[_Hdu]]:
    """Return the primary header where it has no image, and the images of the first one's shape."""
    front, found = None, list[_Hdu]()
    for number, hdu in enumerate(_hdus(source)):
        if hdu.shape is None:
            if number == 0 and hdu.length:
                msg = f"{source.name}: its first image has not two axes; retrieve() it to look"
                raise BadFits(msg)
            front = hdu if number == 0 else front
        elif not found or hdu.shape == found[0].shape:
            found.append(hdu)
    if not found:
        msg = f"{source.name} holds no image of two axes; retrieve() it to look"
        raise BadFits(msg)
    return front, found


def _hdus(source: Source) -> Iterator[_Hdu]:
    place = 0
    for _ in range(MOST):
        if place + blocks.BLOCK > source.size:
            return
        head = _head(source, place)
        if place and not head.startswith(b"XTENSION="):
            # what some programs leave behind the last extension
            return
        if not place and not head.startswith(b"SIMPLE  ="):
            msg = f"{source.name} is not a FITS file: it begins with {head[:9]!r}; retrieve() it"
            raise BadFits(msg)
        values = parse(head)
        length = _data_length(values, source.name)
        data = place + len(head)
        if data + length > source.size:
            msg = (
                f"{source.name} is cut off: its header promises {data + length} bytes, the file "
                f"has {source.size}; ask who stored it to store it again"
            )
            raise BadFits(msg)
        yield _Hdu(head, values, data, length)
        place = data + blocks.padded(length)


def _head(source: Source, place: int) -> bytes:
    length = NEXT if place else FIRST
    got = b""
    while True:
        more = min(length, source.size - place) - len(got)
        if more <= 0 or len(got) > LONGEST:
            msg = f"{source.name}: the header at byte {place} does not end; fetch the file again"
            raise BadFits(msg)
        got += source.read(place + len(got), more)
        end = blocks.header_end(got)
        if end and end % blocks.BLOCK == 0:
            return got[:end]
        length *= 4


def _data_length(values: HeaderValues, name: str) -> int:
    axes = _whole(values, "NAXIS", name)
    if axes == 0:
        return 0
    pixels = 1
    for number in range(1, axes + 1):
        pixels *= _whole(values, f"NAXIS{number}", name)
    bits = values.get("BITPIX")
    if bits not in blocks.BITPIX:
        msg = f"{name}: BITPIX = {bits!r}, one of {blocks.BITPIX} was expected; fetch it again"
        raise BadFits(msg)
    groups = _whole(values, "GCOUNT", name) if "GCOUNT" in values else 1
    heap = _whole(values, "PCOUNT", name) if "PCOUNT" in values else 0
    return abs(int(bits)) // 8 * groups * (heap + pixels)


def _whole(values: HeaderValues, key: str, name: str = "") -> int:
    """Return a number of axes, bytes or pixels.

    Without a name a card that holds something else counts as 0, with it it is refused.
    """
    value: Any = values.get(key)
    most = AXES if key.endswith("NAXIS") else 1 << 50
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
        return value
    if name:
        msg = f"{name}: {key} = {value!r}, a number from 0 was expected; fetch the file again"
        raise BadFits(msg)
    return 0


def _plain(
    source: Source, image: _Hdu, zone: Zone
) -> tuple[bytes, tuple[slice, slice]]:
    x0, y0, x1, y1 = zone
    _, width = image.shape or (0, 0)
    pixel = abs(image.values["BITPIX"]) // 8
    step = width * pixel
    first = image.data + y0 * step + x0 * pixel
    if x1 - x0 == width:
        data = source.read(first, (y1 - y0) * step)
    else:
        data = source.rows(first, (x1 - x0) * pixel, step, y1 - y0)
    head = blocks.with_values(image.head, {"NAXIS1": x1 - x0, "NAXIS2": y1 - y0})
    return head + blocks.pad(data), (slice(0, y1 - y0), slice(0, x1 - x0))
