"""Files of a camera that nothing describes, looked at for a first description of it.

Files are opened as the ingest opens them: packed ones are unpacked, damaged ones refused. What
they are is drafted from headers and pixels by `awe.instruments.drafting`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from awe import instruments
from awe.errors import ArgumentError, BadFits, NotFound
from awe.fits import blocks, values
from awe.ingest import parts
from awe.ingest.plain import plain
from awe.ingest.split import frames_in, mapped
from awe.ingest.stored import Stored
from awe.instruments.drafting import Seen, Sheet, drafted

__all__ = ["draft"]


def draft(
    paths: Iterable[Path],
    name: str | None = None,
    time_zone: str | None = None,
    pixel_scale: float | None = None,
) -> tuple[str, Sheet]:
    """Return the name of a camera and its description, drafted from its files.

    Parameters
    ----------
    paths : iterable of Path
        Files of one camera.
    name : str, optional
        What it is called; made from its headers where left out.
    time_zone : str, optional
        Where it is, `"Europe/Amsterdam"`; from its headers where left out.
    pixel_scale : float, optional, arcsec
        Size of a pixel on the sky, not binned; from its headers where left out.

    Raises
    ------
    ArgumentError
        There is no such time zone or scale, a camera of awe takes such frames already, or the
        files do not tell what they are of.
    BadFits
        Every file is damaged, holds no image, or a cube of something else than exposures; if
        some are, they are doubts of the sheet.
    """
    with ExitStack() as stack:
        images, damaged = _all_seen(paths, stack)
        if not images:
            if damaged:
                raise damaged[0]
            msg = "no file was given; name biases, flats and science frames, two of each"
            raise ArgumentError(msg)
        for image in images:
            _refuse_known(image, name)
        found, sheet = drafted(images, name, time_zone, pixel_scale)
        sheet.doubts.extend(f"passed over: {error}" for error in damaged)
        return found, sheet


def _all_seen(paths: Iterable[Path], stack: ExitStack) -> tuple[list[Seen], list[BadFits]]:
    """Return the images of files, and why some files have none: a damaged one stops nothing."""
    images: list[Seen] = []
    damaged = []
    for path in paths:
        try:
            images.extend(_seen(path, stack))
        except BadFits as error:
            damaged.append(error)
    return images, damaged


def _seen(path: Path, stack: ExitStack) -> Iterator[Seen]:
    whole = stack.enter_context(plain(path))
    data = stack.enter_context(mapped(whole.path))
    head = data[: whole.infos[0].data_start]
    primary = values.parse(head)
    for start, info, axes in frames_in(path, whole.infos):
        own = data[start : info.data_start]
        header = values.parse(own) if start else primary
        parts.require_exposures(f"{path}, image {info.index}", axes, header, split=True)
        stored = Stored.of(header, info.bitpix)
        shape = (axes[-2], axes[-1])
        size = stored.size * shape[0] * shape[1]
        # of a cube two exposures, a pair
        for layer in range(min(axes[0], 2) if len(axes) > 2 else 1):
            begin = info.data_start + layer * size
            yield Seen(
                # exposures of a cube are like those of several files
                file=path.name if len(axes) == 2 else f"{path.name}, plane {layer + 1}",
                folder=path.absolute().parent.name,
                number=info.index,
                primary=primary,
                header=header,
                comments={**_comments(head), **_comments(own)},
                shape=shape,
                pixels=functools.partial(
                    _pixels, stored, data, slice(begin, begin + size), shape
                ),
                layers=axes[0] if len(axes) > 2 else 0,
            )


def _pixels(stored: Stored, data: Any, part: slice, shape: tuple[int, int]) -> Any:
    """Return physical values; integers as such where the scale keeps them whole."""
    raw = stored.pixels(data[part], shape)
    if raw.dtype.kind == "f" or stored.scale != 1 or stored.zero != int(stored.zero):
        return (raw * np.float64(stored.scale) + stored.zero).astype(np.float64)
    wide = raw.astype(np.int32 if raw.dtype.itemsize <= 2 else np.int64)
    return wide + int(stored.zero)


def _comments(header: bytes) -> dict[str, str]:
    """Return the comments of a header by keyword."""
    found = {}
    for card in blocks.cards(header):
        text = card[: blocks.CARD].decode("latin-1").partition("=")[2].strip()
        quoted = text.startswith("'")
        behind = text[1:].replace("''", "").partition("'")[2] if quoted else text
        found[blocks.keyword(card)] = behind.partition("/")[2].strip()
    return found


def _refuse_known(image: Seen, name: str | None) -> None:
    """Refuse a camera that is described; one of awe's may have another of the user's own."""
    try:
        camera = instruments.recognise(image.primary, image.header)
    except NotFound:
        return
    cure = "change that, or move it away"
    if camera.name in instruments.shipped():
        if name is not None and name.upper() != camera.name:
            return
        cure = (
            "awe-ingest takes them as they are; --name NAME drafts one of your own, which goes "
            "before it"
        )
    msg = (
        f"{image.file}: {camera.name} has such frames already, described in "
        f"{instruments.files()[camera.name]}; {cure}"
    )
    raise ArgumentError(msg)
