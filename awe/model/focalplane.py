"""`query.inspect()`: the chips of an exposure in their place, through their small pictures.

An exposure is what one file of the telescope, or one moment, brought; of calibrations it is what
begins to be valid at one moment in one filter. Of the frames only previews are fetched; the frame
of a chip that is chosen is shown in a window of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from awe import instruments
from awe.calib.detector import sections
from awe.calib.detector.geometry import ChipGeometry
from awe.db.declare.registry import registry
from awe.db.query import loading
from awe.errors import ArgumentError, AweError, NotFound, UserMistake
from awe.inspect.frame import inspect as show
from awe.inspect.mosaic import Mosaic, Piece, composed, in_rows, nearer
from awe.inspect.placing import apart, by_headers, coordinates
from awe.inspect.reel import Later
from awe.terminal import harmless, out

if TYPE_CHECKING:
    from awe.db.query.query import Query
    from awe.inspect.inspection import Inspection

__all__ = ["inspect", "inspect_file"]

#: Previews that are fetched at once, and exposures that are named.
AT_ONCE, NAMED = 4, 8


class Shown:
    """A mosaic as a frame that can be looked at.

    Parameters
    ----------
    frames : sequence of frames
        One of each chip.
    """

    pathname = ""

    def __init__(self, frames: Sequence[Any]) -> None:
        self._frames = {frame.chip.name: frame for frame in frames}
        pieces, placed = _placed(frames)
        pieces, moved = nearer(pieces)
        mosaic = composed(pieces)
        self.data = mosaic.pixels
        self.tiles = mosaic.tiles
        first = frames[0]
        self.filename = f"{_named(first)} {len(frames)} chips".replace(" ", "_")
        self.OBJECT = str(getattr(first, "OBJECT", "") or "")
        self.header = _cards(first, mosaic) if placed and not moved else {}
        #: what is to be said about the places; empty where they are those of the camera
        self.note = ""
        if not placed:
            self.note = (
                "where the chips are in the camera is not known: they are shown in their order"
            )
        elif moved:
            self.note = "the chips are drawn nearer to each other than they are in the camera"

    def chosen(self, name: str) -> None:
        """Open the frame of a chip in a window of its own, while the prompt goes on.

        Parameters
        ----------
        name : str
            Name of the chip.
        """
        threading.Thread(target=self._open, args=(name,), name="awe-chip", daemon=True).start()

    def _open(self, name: str) -> None:
        try:
            self._frames[name].inspect(block=False)
        except AweError as problem:
            out(f"{name}: {problem}\n")


def inspect(query: Query, exposure: int | None = None, **options: Any) -> Inspection | None:
    """Show the chips of an exposure in their place, in a window with single-key tools.

    They are drawn from the previews that were made when the frames were stored; a click on a
    chip opens its frame in a window of its own, and n and p go through the exposures. An exposure
    of one chip is shown as `frame.inspect()` does.

    Parameters
    ----------
    exposure : int, optional
        Which of the exposures of the query to show, from 1 in the order of time; without it the
        first, and a list of them where there are several.
    **options
        Those of `frame.inspect()`: kappa, cmap, lower, upper, width, block, ...

    Returns
    -------
    Inspection
        Its `table` holds what the hot-keys measured, in pixels of the mosaic.

    Raises
    ------
    ArgumentError
        The query has no frames, or no such exposure.
    """
    found = _exposures(query)
    names = list(found)
    if not names:
        msg = f"inspect(): the query has no {query.cls.__name__} that you may see"
        raise ArgumentError(msg)
    if exposure is not None and (
        isinstance(exposure, bool) or not isinstance(exposure, int)
        or not 1 <= exposure <= len(names)
    ):  # fmt: skip
        msg = f"exposure={exposure!r}: the query has {len(names)}, counted from 1"
        raise ArgumentError(msg)
    number = exposure or 1
    if exposure is None and len(names) > 1:
        _list(query, found)
    if all(len(ids) == 1 for ids in found.values()):
        frames = _loaded(query.cls, [ids[0] for ids in found.values()])
        shown: Inspection | None = frames[number - 1].inspect(among=frames, **options)
        return shown
    ids = list(found.values())

    def exposed(place: int) -> Any:
        return _exposed(_loaded(query.cls, ids[place]))

    return _show(Later(len(ids), exposed, number - 1), options)


def inspect_file(self: Any, **options: Any) -> Inspection | None:
    """Show the chips of the exposure in their place; see `query.inspect()`.

    Parameters
    ----------
    **options
        Those of `frame.inspect()`: kappa, cmap, lower, upper, width, block, ...

    Returns
    -------
    Inspection
        Its `table` holds what the hot-keys measured, in pixels of the mosaic.

    Raises
    ------
    ArgumentError
        No frame of the file is there for you.
    """
    frames: list[Any] = []
    for cls in list(registry.values()):
        link = cls._attributes.get("raw_fits")
        if link is not None and link.may_hold(type(self)) and "chip" in cls._attributes:
            frames += _linked(cls, self)
    if not frames:
        msg = f"{self.filename}: no frame of this exposure is there for you; ask for its project"
        raise ArgumentError(msg)
    return _show(Later(1, lambda _: _exposed(frames)), options)


def _linked(cls: Any, exposure: Any) -> list[Any]:
    return list(cls.raw_fits == exposure)


def _show(exposures: Later, options: Mapping[str, Any]) -> Inspection | None:
    note = getattr(exposures[exposures.first], "note", "")
    if note:
        out(f"{note}\n")
    return show(exposures, **options)


def _exposed(frames: Sequence[Any]) -> Any:
    """Return frames of an exposure as one that can be looked at; the frame, where it is one."""
    newest: dict[str, Any] = {}
    for frame in sorted(frames, key=lambda one: one.creation_date):
        newest[frame.chip.name] = frame
    if len(newest) < len(frames):
        older = len(frames) - len(newest)
        out(f"of each chip the newest is shown; {older} older left out\n")
    if len(newest) == 1:
        return next(iter(newest.values()))
    return Shown(_in_order(list(newest.values())))


def _in_order(frames: list[Any]) -> list[Any]:
    """Return frames in the order of the camera's chips."""
    camera = _camera(frames[0])
    names = list(camera.chips) if camera else []
    known = {name: number for number, name in enumerate(names)}
    return sorted(frames, key=lambda one: (known.get(one.chip.name, len(known)), one.chip.name))


# -- which exposures -----------------------------------------------------------------------------


def _exposures(query: Query) -> dict[tuple[Any, ...], list[Any]]:
    """Return the ids of the frames of each exposure, in the order of time."""
    has = query.cls._attributes
    if "filename" not in has or "chip" not in has:
        msg = f"inspect(): {query.cls.__name__} has no pixels of a chip; query for frames"
        raise ArgumentError(msg)
    when = "DATE_OBS" if "DATE_OBS" in has else "timestamp_start"
    asked = ["object_id", when, "instrument.name"]
    if "raw_fits" in has:
        asked.append("raw_fits.filename")
    elif "raw" in has and "raw_fits" in has["raw"].target._attributes:
        asked.append("raw.raw_fits.filename")
    elif "filter" in has:
        asked.append("filter.name")
    query._guard(query.count())
    found: dict[tuple[Any, ...], list[Any]] = {}
    for number, *what in sorted(query.values(*asked), key=lambda row: [str(v) for v in row[1:]]):
        # a file has one moment, even where its chips tell different ones
        file = what[2] if len(what) > 2 and when == "DATE_OBS" else None
        found.setdefault((file,) if file else tuple(what), []).append(number)
    return found


def _loaded(cls: Any, ids: Sequence[Any]) -> list[Any]:
    found = loading.read(cls, list(ids))
    return [found[one] for one in ids if one in found]


def _list(query: Query, found: Mapping[tuple[Any, ...], Sequence[Any]]) -> None:
    firsts = loading.read(query.cls, [ids[0] for ids in list(found.values())[:NAMED]])
    out(f"{len(found)} exposures; the first is shown, inspect(exposure=2) shows the second:\n")
    for number, ids in enumerate(list(found.values())[:NAMED], 1):
        first = firsts.get(ids[0])
        what = "" if first is None else _named(first)
        seen = harmless(str(getattr(first, "OBJECT", "") or ""), lines=False)
        chips = f"{len(ids)} frame{'s' if len(ids) > 1 else ''}"
        out(f"{number:>4}  {'  '.join(word for word in (what, seen, chips) if word)}\n")
    if len(found) > NAMED:
        out(f"      and {len(found) - NAMED} more\n")


def _named(frame: Any) -> str:
    """Return what an exposure is called."""
    has = type(frame)._attributes
    moment = getattr(frame, "DATE_OBS" if "DATE_OBS" in has else "timestamp_start")
    filter_ = frame.filter.name if "filter" in has and frame.filter is not None else ""
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S}" if moment else ""
    words = (frame.instrument.name, type(frame).__name__, filter_, stamp)
    return " ".join(word for word in words if word)


# -- their pictures and places -------------------------------------------------------------------


def _placed(frames: Sequence[Any]) -> tuple[list[Piece], bool]:
    """Return the pictures of frames in their place, and whether the places are known."""
    list(map(_active, frames))  # what is linked is read here, not by the threads
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="awe-preview") as pool:
        pictures = list(pool.map(lambda one: one.preview(), frames))
    pieces = []
    for frame, picture in zip(frames, pictures, strict=True):
        active, start, binning = _active(frame)
        ny, nx = picture.grey.shape
        if active is None:
            active = (0, 0, nx * picture.block, ny * picture.block)
        pieces.append((
            Piece(name=frame.chip.name, values=picture.values, block=picture.block,
                  active=active, binning=binning),
            start,
        ))  # fmt: skip
    known = _by_camera(frames, pieces)
    plain = [piece for piece, _ in pieces]
    if known is None and len(pieces) > 1:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="awe-header") as pool:
            known = by_headers(plain, list(pool.map(lambda one: one.header, frames)))
    return (in_rows(plain), False) if known is None else (known, True)


def _active(frame: Any) -> tuple[Any, tuple[int, int], tuple[int, int]]:
    """Return which pixels see light, where on the chip they begin, and the binning."""
    has = type(frame)._attributes
    size = (frame.NAXIS1, frame.NAXIS2) if "NAXIS1" in has else (frame.chip.NAXIS1, 0)
    whole = (0, 0, *size) if all(size) else None
    if has.get("geometry") and frame.geometry:
        geometry = ChipGeometry(**frame.geometry)
        rows, columns = sections.parse(geometry.active)
        start = (geometry.start_x - 1, geometry.start_y - 1)
        active = (columns.start, rows.start, columns.stop, rows.stop)
        return active, start, (geometry.binning[0], geometry.binning[1])
    if "raw" in has and frame.raw is not None:
        _, start, binning = _active(frame.raw)
        return whole, start, binning
    return whole, (0, 0), (1, 1)


def _camera(frame: Any) -> Any:
    try:
        return instruments.get(frame.instrument.name)
    except UserMistake:
        return None


def _by_camera(
    frames: Sequence[Any], pieces: Sequence[tuple[Piece, tuple[int, int]]]
) -> list[Piece] | None:
    """Return chips where the description of the camera says they are, None if it does not."""
    camera = _camera(frames[0])
    if camera is None:
        return None
    placed = []
    try:
        for piece, start in pieces:
            x, y = camera.chip(piece.name).corner
            placed.append(replace(piece, corner=(x + start[0], y + start[1])))
    except NotFound:
        return None
    return placed if apart(placed) else None


def _cards(frame: Any, mosaic: Mosaic) -> dict[str, Any]:
    """Return the nominal coordinates of the mosaic, from those of a raw frame; none without."""
    astrom = frame.astrom if "astrom" in type(frame)._attributes else None
    if astrom is None or not astrom.CD1_1 * astrom.CD2_2 - astrom.CD1_2 * astrom.CD2_1:
        return {}
    return coordinates(mosaic, astrom.cards())
