"""What an exposure holds: judged, and its headers understood, frame by frame; no database.

`examine` judges a file and reads its headers; where the pixels of each frame are is kept, and
`awe.ingest.chipfiles` takes them from there.
"""

from __future__ import annotations

import mmap
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe import fits, instruments
from awe.calib.detector.geometry import ChipGeometry
from awe.errors import BadFits, BadHeader, ChecksumMismatch, NotFound
from awe.fits import blocks, values
from awe.ingest import combined, parts, pixelstats, unusable
from awe.ingest.plain import Plain, plain
from awe.ingest.stored import Stored
from awe.localfiles import plain_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ChipFrame", "Exposure", "examine", "frames_in", "mapped"]

#: Bytes from which a file is worth a thread for its checksum.
LARGE = 16 << 20
#: extensions left out that a note names
TOLD = 6
CHANGED = "changed while the exposure was read; leave the file alone and repeat"


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
    datasum: int | None = None
    statistics: dict[str, dict[str, float]] | None = None

    def measured(self, data: bytes | memoryview) -> dict[str, dict[str, float]]:
        """Return the statistics of its regions; of these pixels where they are not known yet.

        Raises
        ------
        BadFits
            No light-sensitive pixel has a value.
        """
        geometry: ChipGeometry = self.attributes["geometry"]
        return self.statistics or pixelstats.statistics(
            self.filename, self.stored, geometry, data
        )

    def require_value(self, data: mmap.mmap) -> None:
        """Refuse it now if its pixels have no values, not when they go.

        Raises
        ------
        BadFits
            No light-sensitive pixel has a value.
        """
        if self.stored.gaps and self.part.plane is None:
            geometry: ChipGeometry = self.attributes["geometry"]
            pixels = memoryview(data)[slice(*self.data)]
            pixelstats.require_value(self.filename, self.stored, geometry, pixels)

    def blocks(self, data: memoryview) -> tuple[bytes | memoryview, int]:
        """Return the bytes of its pixels in whole blocks, and the sum they are to have.

        Parameters
        ----------
        data : memoryview
            The plain file.
        """
        begin, end = self.data
        stop = begin + blocks.padded(end - begin)
        whole = self.part.plane is None and stop <= len(data)
        if not whole or bytes(data[end:stop]).strip(b"\0"):
            made = blocks.pad(self.part.pixels(bytes(data[begin:end]), self.stored.size))
            return made, blocks.datasum(made)
        pixels = data[begin:stop]
        # one that was compared is compared again with what is written, or looked at
        return pixels, blocks.datasum(pixels) if self.datasum is None else self.datasum

    def require(self, pixels: bytes | memoryview, datasum: int) -> None:
        """Refuse pixels that are not those of which the sum was compared before.

        Parameters
        ----------
        pixels : bytes or memoryview
            In whole blocks.
        datasum : int
            The sum they are to have.

        Raises
        ------
        ChecksumMismatch
            They have another.
        """
        if blocks.datasum(pixels) != datasum:
            msg = f"{self.filename}: the pixels {CHANGED}"
            raise ChecksumMismatch(msg)


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """A judged and understood file: where it is, what it is, and its frames.

    `combined` is the card that says that it was combined of several frames, if there is one;
    `version` tells the file that was judged from another that takes its place.
    """

    path: Path
    instrument: str
    purpose: str
    DATE_OBS: datetime
    frames: tuple[ChipFrame, ...]
    notes: tuple[str, ...]
    digest: str = ""
    combined: str = ""
    version: tuple[int, ...] = ()

    def require_same(self) -> None:
        """Refuse a file that is not the one that was judged.

        Raises
        ------
        ChecksumMismatch
            It was written to, or another took its place.
        """
        if self.version:
            _require_version(self.path, self.version)

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the file, in hexadecimal; a dry run reads it only where it may be known."""
        return self.digest or fits.sha256(self.path)

    @property
    def begin(self) -> str:
        """When it began, as a plan says it: a text that no spreadsheet takes for a date."""
        return f"UTC {self.DATE_OBS.isoformat(timespec='milliseconds')}"

    @property
    def filter(self) -> str:
        """The filter of its frames; of a colour mosaic those of all its colours."""
        found = (frame.attributes["filter"] for frame in self.frames)
        return " ".join(dict.fromkeys(name for name in found if name))


def examine(
    path: Path,
    purpose: str | None = None,
    cubes: bool = False,
    digest: bool = True,
    planned: bool = False,
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
    planned : bool
        Whether a plan may tell the filter that headers do not; it checks that itself.

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
    version = _version(path)
    with _hashed(path, digest) as checksum, plain(path) as whole:
        images = _images(path, whole.infos)
        with mapped(whole.path) as data:
            primary = values.parse(data[: whole.infos[0].data_start])
            start, info = images[0]
            first = values.parse(data[start : info.data_start]) if start else primary
            camera = _camera(path, primary, first)
            told, purpose = _purpose(path, camera, primary.before(first), purpose)
            images = _taken(images, data, camera)
            split = cubes or camera.cubes
            frames = _frames(
                path, data, images, primary, camera, purpose, split=split, filtered=not planned
            )
            for frame in frames:
                frame.require_value(data)
            if digest and len(data) >= LARGE:
                # while the checksum is taken; that these are the pixels is compared when they go
                frames = list(_all_measured(frames, data, path, version))
    missing = len(camera.chips) - len({frame.attributes["chip"] for frame in frames})
    _refuse_cut_off(path, whole, primary, missing)
    found = Exposure(
        path=path,
        version=version,
        digest=checksum(),
        combined=combined.told(primary, first),
        instrument=camera.name,
        purpose=purpose,
        DATE_OBS=frames[0].attributes["DATE_OBS"],
        frames=tuple(frames),
        notes=(*_notes(whole, images, frames, missing), *told),
    )
    found.require_same()
    return found


def _require_version(path: Path, version: tuple[int, ...]) -> None:
    if _version(path) != version:
        msg = f"{path} {CHANGED}"
        raise ChecksumMismatch(msg)


def _version(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is written to or replaced; nothing where it is gone."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _all_measured(
    frames: Sequence[ChipFrame], data: mmap.mmap, path: Path, version: tuple[int, ...]
) -> Iterator[ChipFrame]:
    for frame in frames:
        _require_version(path, version)
        yield _measured(frame, data)


def _measured(frame: ChipFrame, data: mmap.mmap) -> ChipFrame:
    """Return a frame with its statistics, where a sum tells later that they are its own."""
    if frame.datasum is None or frame.part.plane is not None:
        return frame
    found = frame.measured(memoryview(data)[slice(*frame.data)])
    pixelstats.forget(data, *frame.data)
    return replace(frame, statistics=found)


@contextmanager
def _hashed(path: Path, wanted: bool) -> Iterator[Callable[[], str]]:
    """Give what returns the checksum of a file; of a large one it is taken meanwhile."""
    if not wanted or not path.is_file() or path.stat().st_size < LARGE:
        yield lambda: fits.sha256(path) if wanted else ""
        return
    with ThreadPoolExecutor(1) as beside:
        yield beside.submit(fits.sha256, path).result


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
    path: Path, camera: instruments.Instrument, header: values.HeaderValues, said: str | None
) -> tuple[list[str], str]:
    """Return what the header says, or else what the user says, with a note."""
    try:
        return [], camera.purpose(header, path)
    except BadHeader as error:
        if said is None:
            msg = f"{path}: {error}"
            raise BadHeader(msg) from error
        return [f"{said} is what you say; its header does not tell"], said


def frames_in(
    path: Path, infos: Sequence[fits.ExtensionInfo]
) -> list[tuple[int, fits.ExtensionInfo, tuple[int, ...]]]:
    """Return the images of a file, each with where its header begins and its axes, two or three.

    Raises
    ------
    BadFits
        There is no image, or one of more axes.
    """
    return [(start, info, _plane(info)) for start, info in _images(path, infos)]


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


@contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap]:
    """Give the bytes of a plain file for the time of a block."""
    with path.open("rb") as stream:
        # not closed, but left: an error that is raised within the block keeps arrays of it
        yield mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


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
    filtered: bool,
) -> list[ChipFrame]:
    frames: list[ChipFrame] = []
    problems: dict[str, list[str]] = defaultdict(list)
    for start, info in images:
        try:
            header = values.parse(data[start : info.data_start]) if start else primary
            parts.require_exposures(f"image {info.index}", _plane(info), header, split=split)
            frames += _of_image(
                start, info, primary, header, camera, purpose, filtered=filtered
            )
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
    *,
    filtered: bool,
) -> Iterator[ChipFrame]:
    """Yield the frames of an image: one, or those of its exposures and colours."""
    stored = Stored.of(header, info.bitpix)
    layers = parts.layers(_plane(info))
    step = camera.step(primary, header) if camera.step is not None and layers[0] == 0 else None
    for plane in camera.planes(primary, header):
        attributes = camera.translate(primary, header, purpose, plane, filtered=filtered)
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
        datasum=info.datasum if part.layer is None else None,
    )
