"""From an exposure to files of one chip each: bytes in, bytes out, no database.

`examine` judges a file and reads its headers; `cut` writes the chips. Pixels are copied as they
are, never decoded and encoded again, so a frame is bit for bit what the camera wrote. Its header
is that of the exposure and that of the chip together; where both have a card, the chip's wins.
"""

from __future__ import annotations

import hashlib
import itertools
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from awe import fits, instruments
from awe.calib.detector import sections
from awe.calib.detector.geometry import ChipGeometry
from awe.errors import BadFits, BadHeader, NotFound
from awe.fits import blocks, values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ChipFrame", "Cut", "Exposure", "cut", "examine"]

STRUCTURE = frozenset(
    ["SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "EXTEND",
     "BSCALE", "BZERO", "INHERIT", "CHECKSUM", "DATASUM", "END", ""]
)  # fmt: skip
UNSIGNED = 32768
#: Every byte as a header may hold it: what cannot be printed becomes a question mark.
PRINTABLE = bytes(byte if 32 <= byte < 127 else 0x3F for byte in range(256))
REGIONS = ("active", "prescan_x", "prescan_y", "overscan_x", "overscan_y")


@dataclass(frozen=True, kw_only=True)
class ChipFrame:
    """One chip of an exposure: number of its extension, name of its file, its attributes."""

    extension: int
    filename: str
    attributes: dict[str, Any]
    header: tuple[int, int]
    data: tuple[int, int]
    #: Stored number that means a missing value, if there is one.
    blank: int | None = None


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """A judged and understood file: where it is, what it is, and its frames."""

    path: Path
    checksum: str
    instrument: str
    purpose: str
    DATE_OBS: datetime
    frames: tuple[ChipFrame, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A written file of one chip: path, SHA-256, and statistics by region of the image."""

    frame: ChipFrame
    path: Path
    checksum: str
    statistics: dict[str, dict[str, float]]


def examine(path: Path) -> Exposure:
    """Return what an exposure holds, from its bytes and headers.

    Raises
    ------
    BadFits
        It is not a FITS file that can be trusted, or its pixels are not 16-bit integers.
    BadHeader
        Cards are missing or wrong; every problem of every chip is listed.
    ChecksumMismatch
        The bytes are not those the telescope wrote.
    NotFound
        No instrument of awe takes such frames.
    """
    infos = fits.judge(path)
    images = [info for info in infos if len(info.shape) == 2 and info.kind != "BINTABLE"]
    if not images or infos[0].shape:
        msg = f"{path}: no image extensions behind an empty primary; give the unsplit exposure"
        raise BadFits(msg)
    with _mapped(path) as data:
        primary = values.parse(data[: infos[0].data_start])
        camera = _camera(path, primary)
        purpose = camera.purpose(primary)
        frames = _frames(path, data, infos, primary, camera)
        checksum = hashlib.sha256(data).hexdigest()
    missing = len(camera.chips) - len(frames)
    unverified = any(info.verified is None for info in infos)
    notes = [f"{missing} of {len(camera.chips)} chips not in the file"] if missing else []
    notes += [note for info in infos for note in info.notes if "bytes" in note]
    notes += ["unverified before ingest: no checksums"] if unverified else []
    return Exposure(
        path=path,
        checksum=checksum,
        instrument=camera.name,
        purpose=purpose,
        DATE_OBS=frames[0].attributes["DATE_OBS"],
        frames=tuple(frames),
        notes=tuple(notes),
    )


def cut(exposure: Exposure, directory: Path) -> Iterator[Cut]:
    """Write the frames of an exposure into a directory, one file after the other.

    Yields
    ------
    Cut
        Each file as soon as it is written; the taker may remove it.
    """
    with _mapped(exposure.path) as data:
        primary = data[: exposure.frames[0].header[0]]
        shared = [card for card in blocks.cards(primary) if _kept(card)]
        for frame in exposure.frames:
            pixels = blocks.pad(data[slice(*frame.data)])
            header = _header(exposure, frame, shared, data[slice(*frame.header)], pixels)
            path = directory / frame.filename
            path.write_bytes(header + pixels)
            digest = hashlib.sha256(header)
            digest.update(pixels)
            yield Cut(
                frame=frame,
                path=path,
                checksum=digest.hexdigest(),
                statistics=_statistics(frame.attributes["geometry"], pixels, frame.blank),
            )


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        yield data


def _camera(path: Path, primary: values.HeaderValues) -> instruments.Instrument:
    name = primary.get("INSTRUME")
    if not isinstance(name, str):
        msg = f"{path}: INSTRUME is missing; expected one of {', '.join(instruments.available())}"
        raise BadHeader(msg)
    try:
        return instruments.recognise(name)
    except NotFound as error:
        msg = f"{path}: {error}"
        raise NotFound(msg) from error


def _frames(
    path: Path,
    data: mmap.mmap,
    infos: list[fits.ExtensionInfo],
    primary: values.HeaderValues,
    camera: instruments.Instrument,
) -> list[ChipFrame]:
    frames: list[ChipFrame] = []
    problems: list[str] = []
    for before, info in itertools.pairwise(infos):
        # A header begins at the block behind the data before it (FITS 4.0, 3.3.2).
        start = before.data_start + _padded(before.data_size)
        try:
            frames.append(_frame(data, start, info, primary, camera))
        except (BadHeader, BadFits) as error:
            problems.append(str(error))
    names = [frame.attributes["chip"] for frame in frames]
    twice = {name for name in names if names.count(name) > 1}
    problems += [f"chip {name} appears more than once" for name in sorted(twice)]
    if problems:
        listed = "\n  ".join(dict.fromkeys(problems))
        msg = f"{path}: {len(problems)} of {len(infos) - 1} extensions cannot be used\n  {listed}"
        raise BadHeader(msg)
    return frames


def _padded(size: int) -> int:
    return -(-size // blocks.BLOCK) * blocks.BLOCK


def _frame(
    data: mmap.mmap,
    start: int,
    info: fits.ExtensionInfo,
    primary: values.HeaderValues,
    camera: instruments.Instrument,
) -> ChipFrame:
    header = values.parse(data[start : info.data_start])
    if info.kind == "COMPRESSED":
        msg = f"extension {info.index} is compressed; unpack the file with funpack first"
        raise BadFits(msg)
    scale = (info.bitpix, header.get("BSCALE", 1), header.get("BZERO", 0))
    if scale != (16, 1, UNSIGNED):
        msg = (
            f"extension {info.index} has BITPIX, BSCALE, BZERO {scale}; a raw frame has "
            f"{(16, 1, UNSIGNED)}, unsigned 16-bit integers"
        )
        raise BadFits(msg)
    blank = header.get("BLANK")
    attributes = camera.translate(primary, header)
    moment = attributes["DATE_OBS"].isoformat(timespec="milliseconds")
    return ChipFrame(
        extension=info.index,
        filename=f"{camera.name}.{moment}_{info.index}.fits",
        attributes=attributes,
        header=(start, info.data_start),
        data=(info.data_start, info.data_start + info.data_size),
        blank=blank if isinstance(blank, int) else None,
    )


def _kept(card: bytes) -> bool:
    return blocks.keyword(card) not in STRUCTURE


def _header(
    exposure: Exposure, frame: ChipFrame, shared: list[bytes], header: bytes, pixels: bytes
) -> bytes:
    own = [card for card in blocks.cards(header) if _kept(card)]
    # Commentary keywords may be repeated and carry no value (FITS 4.0, 4.4.2.4): both are kept.
    taken = {blocks.keyword(card) for card in own} - {"COMMENT", "HISTORY"}
    geometry: ChipGeometry = frame.attributes["geometry"]
    lines = [
        # In the mandatory order of FITS 4.0, 4.4.1.1.
        blocks.card("SIMPLE", True, "Standard FITS"),
        blocks.card("BITPIX", 16, "# of bits per pixel"),
        blocks.card("NAXIS", 2, "# of axes"),
        blocks.card("NAXIS1", geometry.nx, "# of columns"),
        blocks.card("NAXIS2", geometry.ny, "# of rows"),
        blocks.card("BSCALE", 1.0, "real = fits-value*BSCALE+BZERO"),
        blocks.card("BZERO", float(UNSIGNED), "unsigned integers"),
        *_blank_card(frame),
        *(card.translate(PRINTABLE) for card in shared if blocks.keyword(card) not in taken),
        *(card.translate(PRINTABLE) for card in own),
        blocks.card("AWE RAW EXTENSION", frame.extension, "in the exposure"),
        # All 64 digits would not fit into one card behind a keyword of this length.
        blocks.card("AWE RAW SHA256", exposure.checksum[:40], "exposure, first 40"),
    ]
    return blocks.sealed(lines, blocks.datasum(pixels))


def _blank_card(frame: ChipFrame) -> list[bytes]:
    return [] if frame.blank is None else [blocks.card("BLANK", frame.blank, "no value here")]


def _statistics(
    geometry: ChipGeometry, data: bytes, blank: int | None
) -> dict[str, dict[str, float]]:
    """Return statistics of every region the image has; pixels without a value do not count."""
    count = geometry.nx * geometry.ny
    stored = np.frombuffer(data, ">u2", count=count).astype(np.uint16)
    # Stored are signed integers, 32768 less (FITS 4.0, 5.2.5): the highest bit is turned back.
    pixels = (stored ^ np.uint16(UNSIGNED)).reshape(geometry.shape)
    found = {}
    for name in REGIONS:
        section = getattr(geometry, name)
        if section is not None:
            rows, columns = sections.parse(section, geometry.shape)
            found[name] = {
                **_numbers(_known(pixels[rows, columns], blank)),
                # Pixels of FITS count from 1, and the upper ends are included.
                "x_lower": columns.start + 1,
                "x_upper": columns.stop,
                "y_lower": rows.start + 1,
                "y_upper": rows.stop,
            }
    return found


def _known(pixels: NDArray[np.uint16], blank: int | None) -> NDArray[np.uint16]:
    """Return the pixels that have a value; all of them where none has."""
    if blank is None:
        return pixels
    known = pixels[pixels != blank + UNSIGNED]
    return known if known.size else pixels


def _numbers(pixels: NDArray[np.uint16]) -> dict[str, float]:
    """Return exact statistics of whole numbers from how often each occurs."""
    # mean = sum(n v) / N and variance = sum(n (v - mean)^2) / N over the values v that occur n
    # times; the median is where the sum of the n passes the middle.
    occurs = np.bincount(pixels.ravel())
    levels = np.flatnonzero(occurs)
    counts = occurs[levels]
    number = pixels.size
    mean = int(np.sum(counts * levels)) / number
    below = np.cumsum(counts)
    middle = np.searchsorted(below, [(number - 1) // 2, number // 2], side="right")
    return {
        "min": float(levels[0]),
        "max": float(levels[-1]),
        "mean": mean,
        "median": float(levels[middle].mean()),
        "stdev": float(np.sqrt(np.sum(counts * (levels - mean) ** 2) / number)),
    }
