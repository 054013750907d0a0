"""A quick look at an exposure that has just been ingested: levels, the lamp, a small picture.

Nothing here stops an ingest: what cannot be told is said in a line.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from awe.db.declare import registry
from awe.errors import AweError, UserMistake
from awe.lazy import resolve
from awe.model.mixins import QualityFlag
from awe.model.raw import RawDomeFlatFrame, RawFrame

__all__ = ["lines"]

#: Longest reason that is repeated.
LONGEST = 120


def lines(name: str, pictures: Path | None) -> Iterator[str]:
    """Yield what there is to tell of the exposure of a file.

    Parameters
    ----------
    name : str
        Name of the file, as it was ingested.
    pictures : Path or None
        Folder for a picture.
    """
    frames = _frames(name)
    if not frames:
        return
    yield _levels(frames)
    doubts = sorted({frame.quality_flags for frame in frames if frame.quality_flags})
    if doubts:
        yield f"doubtful: {', '.join(QualityFlag.explain(bits) for bits in doubts)}"
    if isinstance(frames[0], RawDomeFlatFrame):
        yield _lamp(frames)
    if pictures is not None:
        yield _picture(frames[len(frames) // 2], pictures)


def _frames(name: str) -> list[Any]:
    # packed files are stored under the name without the packing
    names = [name]
    while names[-1].endswith((".gz", ".bz2", ".fz")):
        names.append(names[-1].rpartition(".")[0])
    for cls in registry.concrete(RawFrame):
        found = list(cls.raw_fits.filename.isin(names))
        if found:
            return found
    return []


def _levels(frames: list[Any]) -> str:
    medians = [frame.imstat.median for frame in frames if frame.imstat is not None]
    highest = max((frame.imstat.max for frame in frames if frame.imstat is not None), default=0)
    if not medians:
        return f"{len(frames)} chips, no statistics"
    return (
        f"{len(frames)} chips, {frames[0].EXPTIME or 0:g} s, median level "
        f"{statistics.median(medians):.0f} ADU ({min(medians):.0f} to {max(medians):.0f}), "
        f"highest pixel {highest:.0f}"
    )


def _lamp(frames: list[Any]) -> str:
    """Return how the lamp compares with the master, by QuickCheck of one chip."""
    quick_check = resolve("awe.recipes.quickcheck:QuickCheckTask")
    frame = frames[len(frames) // 2]
    try:
        task = quick_check(
            instrument=frame.instrument.name, raw_filenames=[frame.filename], commit=False
        )
        task.progress = lambda *_: None
        (product,) = task.execute()
    except (AweError, ValueError) as error:
        reason = str(error).partition(";")[0]
        return f"quick check: not possible: {reason[:LONGEST]}"
    return f"quick check: the lamp is {product.lamp_ratio:.3f} times that of the master dome flat"


def _picture(frame: Any, folder: Path) -> str:
    path = folder / f"{Path(frame.filename).stem}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(frame.preview().png)
    except (OSError, UserMistake) as error:
        return f"no picture: {str(error)[:LONGEST]}"
    return f"picture of {frame.chip.name if frame.chip else 'the frame'}: {path}"
