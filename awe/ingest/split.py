"""From an exposure to files of one chip each: bytes in, bytes out, no database.

`examine` judges a file and reads its headers; `cut` writes the chips. Pixels are copied as they
are, never decoded and encoded again, so a frame is bit for bit what the camera wrote. Its header
is that of the exposure and that of the chip together; where both have a card, the chip's wins.
"""

from __future__ import annotations

import hashlib
import mmap
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe import fits, instruments
from awe.calib.detector import sections, trim
from awe.calib.detector.geometry import ChipGeometry
from awe.errors import BadFits, BadHeader, NotFound
from awe.fits import blocks, values
from awe.ingest import parts, unusable
from awe.ingest.plain import Plain, plain
from awe.ingest.stored import Stored
from awe.localfiles import plain_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ChipFrame", "Cut", "Exposure", "cut", "examine", "frames_in", "mapped", "measured"]

STRUCTURE = frozenset(
    ["SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "EXTEND",
     "NAXIS3", "BSCALE", "BZERO", "BLANK", "INHERIT", "CHECKSUM", "DATASUM", "END", ""]
)  # fmt: skip
#: Every byte as a header may hold it: what cannot be printed becomes a question mark.
PRINTABLE = bytes(byte if 32 <= byte < 127 else 0x3F for byte in range(256))
#: extensions left out that a note names
TOLD = 6
REGIONS = ("active", "prescan_x", "prescan_y", "overscan_x", "overscan_y")


@dataclass(frozen=True, kw_only=True)
class ChipFrame:
    """One chip of an exposure: number of its extension, name of its file, its attributes."""

    extension: int
    filename: str
    attributes: dict[str, Any]
    header: tuple[int, int]
    data: tuple[int, int]
    stored: Stored
    part: parts.Part

    def pixels(self, data: mmap.mmap) -> bytes:
        """Return the bytes of its pixels, from those of the plain file."""
        return self.part.pixels(data[slice(*self.data)], self.stored.size)


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """A judged and understood file: where it is, what it is, and its frames."""

    path: Path
    instrument: str
    purpose: str
    DATE_OBS: datetime
    frames: tuple[ChipFrame, ...]
    notes: tuple[str, ...]
    digest: str = ""

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the file, in hexadecimal; a dry run reads it only where it may be known."""
        return self.digest or fits.sha256(self.path)

    @property
    def filter(self) -> str:
        """The filter of its frames; of a colour mosaic those of all its colours."""
        found = (frame.attributes["filter"] for frame in self.frames)
        return " ".join(dict.fromkeys(name for name in found if name))


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A written file of one chip: path, SHA-256, and statistics by region of the image."""

    frame: ChipFrame
    path: Path
    checksum: str
    statistics: dict[str, dict[str, float]]


def examine(
    path: Path, purpose: str | None = None, cubes: bool = False, digest: bool = True
) -> Exposure:
    """Return what an exposure holds, from its bytes and headers.

    Parameters
    ----------
    path : Path
        The file.
    purpose : str, optional
        What it was taken for, if its header does not say.
    cubes : bool
        Whether images of three axes are split into exposures, also where the description of the
        camera does not say so.
    digest : bool
        Whether the checksum of the file is taken now, or when it is needed.

    Raises
    ------
    BadFits
        It is not a FITS file that can be trusted, or holds no image.
    BadHeader
        Cards are missing or wrong; every problem of every chip is listed.
    ChecksumMismatch
        The bytes are not those the telescope wrote.
    NotFound
        No instrument of awe takes such frames.
    """
    with plain(path) as whole:
        images = _images(path, whole.infos)
        with mapped(whole.path) as data:
            primary = values.parse(data[: whole.infos[0].data_start])
            start, info = images[0]
            first = values.parse(data[start : info.data_start]) if start else primary
            camera = _camera(path, primary, first)
            told, purpose = _purpose(path, camera, primary, purpose)
            images = _taken(images, data, camera)
            split = cubes or camera.cubes
            frames = _frames(path, data, images, primary, camera, purpose, split=split)
    missing = len(camera.chips) - len({frame.attributes["chip"] for frame in frames})
    _refuse_cut_off(path, whole, primary, missing)
    return Exposure(
        path=path,
        digest=fits.sha256(path) if digest else "",
        instrument=camera.name,
        purpose=purpose,
        DATE_OBS=frames[0].attributes["DATE_OBS"],
        frames=tuple(frames),
        notes=(*_notes(whole, images, frames, missing), *told),
    )


def _refuse_cut_off(
    path: Path, whole: Plain, primary: values.HeaderValues, missing: int
) -> None:
    """Refuse a file that ends behind one of its images, where more of them were to follow."""
    there = len(whole.infos) - 1
    promised = primary.get("NEXTEND")
    if isinstance(promised, int) and not isinstance(promised, bool) and promised > there:
        msg = (
            f"{path} is cut off: NEXTEND promises {promised} extensions, {there} are in it; fetch "
            "the file again, or correct the card if it is whole"
        )
        raise BadFits(msg)
    # who fills no blocks ends with the last pixel; this is where a transfer broke off
    if there and missing and any(note.startswith(fits.BROKEN_OFF) for note in whole.notes):
        msg = (
            f"{path} ends inside the filling behind HDU {there}, and {missing} chip(s) are not in "
            "it: it seems to be cut off; fetch the file again"
        )
        raise BadFits(msg)


def _purpose(
    path: Path, camera: instruments.Instrument, primary: values.HeaderValues, said: str | None
) -> tuple[list[str], str]:
    """Return what the header says, or else what the user says, with a note."""
    try:
        return [], camera.purpose(primary, path)
    except BadHeader as error:
        if said is None:
            msg = f"{path}: {error}"
            raise BadHeader(msg) from error
        return [f"{said} is what you say; its header does not tell"], said


def frames_in(
    path: Path, infos: Sequence[fits.ExtensionInfo]
) -> list[tuple[int, fits.ExtensionInfo, tuple[int, int]]]:
    """Return the images of a file, each with where its header begins and its (ny, nx).

    Raises
    ------
    BadFits
        There is no image, or a cube.
    """
    images = _images(path, infos)
    for _, info in images:
        parts.require_exposures(f"{path}, image {info.index}", _plane(info), {}, split=False)
    return [(start, info, _plane(info)[-2:]) for start, info in images]  # type: ignore[misc]


def _images(
    path: Path, infos: Sequence[fits.ExtensionInfo]
) -> list[tuple[int, fits.ExtensionInfo]]:
    """Return the images of a file, each with the byte where its header begins."""
    # A header begins at the block behind the data before it (FITS 4.0, 3.3.2).
    ends = [info.data_start + blocks.padded(info.data_size) for info in infos]
    found = [
        (start, info)
        for start, info in zip([0, *ends], infos, strict=False)
        if info.shape and info.kind in ("PRIMARY", "IMAGE")
    ]
    wrong = [info for _, info in found if len(_plane(info)) not in (2, 3)]
    if not found or wrong:
        held = ", ".join(f"{info.index} {info.kind} {info.shape}" for info in wrong or infos)
        msg = (
            f"{path}: no frame of two axes, but {held}; write its exposures one by one"
            if wrong
            else f"{path}: there is no image in it; its HDUs are {held}"
        )
        raise BadFits(msg)
    return found


def _plane(info: fits.ExtensionInfo) -> tuple[int, ...]:
    """Return the shape of an image without leading axes of one pixel."""
    shape = info.shape
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    return shape


def _notes(
    whole: Plain,
    images: Sequence[tuple[int, fits.ExtensionInfo]],
    frames: Sequence[ChipFrame],
    missing: int,
) -> list[str]:
    there = len({frame.attributes["chip"] for frame in frames})
    notes = [f"{missing} of {missing + there} chips not in the file"] if missing else []
    notes += whole.notes
    moments = sorted({frame.attributes["DATE_OBS"] for frame in frames})
    if any(frame.part.layer is not None for frame in frames):
        between = (moments[1] - moments[0]).total_seconds() if len(moments) > 1 else 0
        notes.append(f"cube of {len(moments)} exposures, one every {between:g} s")
    taken = {info.index for _, info in images}
    left = [info for info in whole.infos if info.shape and info.index not in taken]
    named = [_called(info) for info in left[:TOLD]] + ["..."] * (len(left) > TOLD)
    notes += [f"left out: {', '.join(named)}"] if left else []
    unverified = any(info.verified is None for _, info in images)
    return notes + (["unverified before ingest: no checksums"] if unverified else [])


def _called(info: fits.ExtensionInfo) -> str:
    kind = "table" if "TABLE" in info.kind else "image"
    return f"{kind} {info.name or info.index}"


def cut(exposure: Exposure, directory: Path) -> Iterator[Cut]:
    """Write the frames of an exposure into a directory, one file after the other.

    Yields
    ------
    Cut
        Each file as soon as it is written; the taker may remove it.
    """
    with plain(exposure.path) as whole, mapped(whole.path) as data:
        primary = data[: whole.infos[0].data_start]
        shared = [card for card in blocks.cards(primary) if _kept(card)]
        for frame in exposure.frames:
            pixels = blocks.pad(frame.pixels(data))
            header = _header(exposure, frame, shared, data[slice(*frame.header)], pixels)
            path = directory / frame.filename
            with path.open("wb") as file:
                file.write(header)
                file.write(pixels)
            digest = hashlib.sha256(header)
            digest.update(pixels)
            yield Cut(
                frame=frame,
                path=path,
                checksum=digest.hexdigest(),
                statistics=_statistics(frame, pixels),
            )
            # what was read of the file is not kept in memory: an exposure may be larger than it
            data.madvise(mmap.MADV_DONTNEED)


def measured(exposure: Exposure) -> list[dict[str, dict[str, float]]]:
    """Return the statistics of the frames of an exposure, by region; nothing is written.

    Raises
    ------
    BadFits
        No pixel of a light-sensitive region has a value.
    """
    with plain(exposure.path) as whole, mapped(whole.path) as data:
        return [_statistics(frame, frame.pixels(data)) for frame in exposure.frames]


@contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap]:
    """Give the bytes of a plain file for the time of a block."""
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        yield data


def _camera(path: Path, *headers: values.HeaderValues) -> instruments.Instrument:
    try:
        return instruments.recognise(*headers)
    except NotFound as error:
        msg = f"{path}: {error}"
        raise NotFound(msg) from error


def _taken(
    images: list[tuple[int, fits.ExtensionInfo]], data: mmap.mmap, camera: instruments.Instrument
) -> list[tuple[int, fits.ExtensionInfo]]:
    """Return the images that are frames: all but those the camera leaves out by name."""
    if not camera.leave_out:
        return images
    names = [values.parse(data[start : info.data_start]).get("EXTNAME") for start, info in images]
    kept = [
        one
        for one, name in zip(images, names, strict=True)
        if not instruments.spelled(name, camera.leave_out)
    ]
    return kept or images


def _frames(
    path: Path,
    data: mmap.mmap,
    images: Sequence[tuple[int, fits.ExtensionInfo]],
    primary: values.HeaderValues,
    camera: instruments.Instrument,
    purpose: str,
    *,
    split: bool,
) -> list[ChipFrame]:
    frames: list[ChipFrame] = []
    problems: dict[str, list[str]] = defaultdict(list)
    for start, info in images:
        try:
            header = values.parse(data[start : info.data_start]) if start else primary
            parts.require_exposures(f"image {info.index}", _plane(info), header, split=split)
            frames += _of_image(start, info, primary, header, camera, purpose)
        except (BadHeader, BadFits) as error:
            problems[str(error)].append(info.name or f"HDU {info.index}")
    names = [(frame.attributes["chip"], frame.attributes["DATE_OBS"]) for frame in frames]
    twice = {name for name, moment in names if names.count((name, moment)) > 1}
    problems |= {f"chip {name} appears more than once": [] for name in sorted(twice)}
    if problems:
        named = [info.name or f"HDU {info.index}" for _, info in images]
        raise BadHeader(unusable.told(path, problems, named, some=bool(frames)))
    return frames


def _of_image(
    start: int,
    info: fits.ExtensionInfo,
    primary: values.HeaderValues,
    header: values.HeaderValues,
    camera: instruments.Instrument,
    purpose: str,
) -> Iterator[ChipFrame]:
    """Yield the frames of an image: one, or those of its exposures and colours."""
    stored = Stored.of(header, info.bitpix)
    layers = parts.layers(_plane(info))
    step = camera.step(primary, header) if camera.step is not None and layers[0] == 0 else None
    for plane in camera.planes(primary, header):
        attributes = camera.translate(primary, header, purpose, plane)
        geometry: ChipGeometry = attributes["geometry"]
        part = parts.Part(shape=_plane(info)[-2:], plane=plane)  # type: ignore[arg-type]
        if geometry.shape != tuple(side // (2 if plane else 1) for side in part.shape):
            msg = (
                f"image {info.index} has {part.shape[::-1]} pixels, {camera.name} expects "
                f"{geometry.shape[::-1]} of chip {attributes['chip']}"
            )
            raise BadFits(msg)
        for layer in layers:
            own = attributes if layer is None else parts.later(attributes, layer, step)
            yield _frame(start, info, camera, own, stored, replace(part, layer=layer))


def _frame(
    start: int,
    info: fits.ExtensionInfo,
    camera: instruments.Instrument,
    attributes: dict[str, Any],
    stored: Stored,
    part: parts.Part,
) -> ChipFrame:
    moment = attributes["DATE_OBS"].isoformat(timespec="milliseconds")
    # a chip that comes in a file of its own is named as it would be among the others
    number = info.index or camera.chip(attributes["chip"]).extension
    return ChipFrame(
        extension=info.index,
        filename=plain_name(f"{camera.name}.{moment}_{number}{part.name}.fits"),
        attributes=attributes,
        header=(start, info.data_start),
        data=part.place(info.data_start, stored.size),
        stored=stored,
        part=part,
    )


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
    exposure: Exposure, frame: ChipFrame, shared: list[bytes], header: bytes, pixels: bytes
) -> bytes:
    own = [card for card in blocks.cards(header) if _kept(card)]
    # Commentary keywords may be repeated and carry no value (FITS 4.0, 4.4.2.4): both are kept.
    taken = {blocks.keyword(card) for card in own} - {"COMMENT", "HISTORY"}
    geometry: ChipGeometry = frame.attributes["geometry"]
    changed = frame.part.changes(frame.attributes)
    there = {blocks.keyword(card) for card in (*shared, *own)}
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
    return blocks.sealed(lines, blocks.datasum(pixels))


def _statistics(frame: ChipFrame, data: bytes) -> dict[str, dict[str, float]]:
    """Return statistics of every region the image has; pixels without a value do not count.

    Raises
    ------
    BadFits
        No pixel of the light-sensitive region has a value.
    """
    geometry: ChipGeometry = frame.attributes["geometry"]
    pixels = frame.stored.pixels(data, geometry.shape)
    found = {}
    for name in REGIONS:
        section = getattr(geometry, name)
        if section is None:
            continue
        rows, columns = sections.parse(section, geometry.shape)
        whole = name == "active"
        part = trim.trim(pixels, geometry) if whole else pixels[rows, columns]
        numbers = frame.stored.numbers(part)
        if numbers is None and whole:
            msg = f"{frame.filename}: no pixel has a value; leave the exposure out"
            raise BadFits(msg)
        if numbers is not None:
            found[name] = {
                **numbers,
                # Pixels of FITS count from 1, and the upper ends are included.
                "x_lower": columns.start + 1,
                "x_upper": columns.stop,
                "y_lower": rows.start + 1,
                "y_upper": rows.stop,
            }
    return found
