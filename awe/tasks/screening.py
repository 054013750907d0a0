"""Raw frames before they are combined: those that do not belong are left out, and named.

A frame is left out when it was taken in another night than most, cannot be read, has another
window than most, holds no light where it should or too much, has pixels without values, has
counts of a converter with a stuck bit, is a copy of another, or looks unlike the others. What was
left out is printed, written into the header of the product, and stored as `RejectedInput` with
it.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from awe import fits, instruments
from awe.errors import DatabaseError, NoValidPixels, ServiceDown, UserMistake
from awe.model.calibrations import RejectedInput
from awe.rules import appointed
from awe.rules.fitting import mode_of, needs_of_frames, window_of
from awe.tasks.chain import stages
from awe.tasks.inputs import Raws, nominal, read_raws
from awe.terminal import out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.tasks.task import Task, Unit

__all__ = ["Screened", "note", "screen", "tell"]

#: a frame with a larger fraction of pixels without a value is left out
NOT_FINITE = 0.01

#: frames further from the others than this are left out, on the robust scatter [sigma]
UNLIKE = 8.0

#: differences of levels [ADU] and of shapes [fraction of the level] that are never too large
LEVEL_FLOOR = 5.0
SHAPE_FLOOR = 0.05

#: windows along y and x whose medians are the shape of a flat
WINDOWS = (8, 4)

#: fewest frames among which one can be told to be unlike the others
ENOUGH = 4


@dataclass(kw_only=True)
class Screened:
    """Frames that belong together, their pixels, and the others with the reason."""

    frames: list[Any]
    raws: Raws
    rejected: dict[str, str] = field(default_factory=dict)


def screen(
    task: Task,
    unit: Unit,
    method: int,
    *,
    levels: tuple[float, float] | None = None,
    named: str = "MINIMUM_LEVEL, MAXIMUM_LEVEL",
    one_night: bool = True,
) -> Screened:
    """Return the frames of a unit that can be combined.

    Parameters
    ----------
    task, unit : Task, Unit
        Task and unit of the frames.
    method : int
        Number of the overscan method.
    levels : (float, float), optional
        Flats: limits of the median of a raw frame [ADU]; flats are then compared by shape.
        Without limits frames are compared by level.
    named : str
        Names of the parameters the levels come from, for the message.
    one_night : bool
        Whether frames of another night than most are left out.

    Raises
    ------
    NoValidPixels
        No frame is left; the message has the reasons.
    UserMistake
        The only frame of a unit cannot be read.
    """
    found = Screened(frames=list(unit.frames), raws=Raws(pixels=[], offsets=[], variances=[]))
    # From what the database knows to what must be read: night, window and level need no file, and
    # spare the fetching of frames that would be left out anyway. Likeness comes last, because one
    # frame of another kind would spoil the median that the others are compared with.
    if one_night and task.does("night"):
        _keep(found, _night_of(unit), "taken in the night of {}, most in that of {}")
    _look(task, "night", found)
    _keep(found, window_of, "its window or binning is {}, that of most is {}")
    usual = needs_of_frames(found.frames).read_mode
    _keep(found, lambda one: mode_of(one) or usual, "its read mode is {}, that of most is {}")
    _look(task, "window", found)
    if levels is not None and task.does("levels"):
        # below the last count of the converter, whatever the parameters say
        full = nominal(unit).saturated(levels[1] + 1) - 1
        _within(found, levels[0], min(levels[1], full), named)
    _look(task, "levels", found)
    _read(task, found, method)
    _look(task, "read", found)
    if task.does("copies"):
        _copies(found)
    _look(task, "copies", found)
    if len(found.frames) >= ENOUGH and task.does("alike"):
        _alike(found, flats=levels is not None)
    _name_owners(unit, found.rejected)
    tell(unit, found.frames, found.rejected)
    _look(task, "alike", found)
    return found


def _look(task: Task, step: str, found: Screened) -> None:
    """Let the frames be looked at after a step that a recipe lists."""
    if step in stages(task):
        made = _levelled if found.raws.pixels else _unread
        task.after(step, partial(made, task, found), of=found.frames)


def _unread(task: Task, found: Screened) -> list[NDArray[Any]]:
    """Return raw frames as they are in their files [raw ADU]."""
    task.fetch(found.frames)
    return [fits.read_pixels(frame.pathname) for frame in found.frames]


def _levelled(task: Task, found: Screened) -> list[NDArray[Any]]:
    """Return raw frames without their electronic level [ADU]."""
    import numpy as np

    del task
    raws = found.raws
    return [
        np.subtract(pixels, offset, dtype=np.float32, casting="unsafe")
        for pixels, offset in zip(raws.pixels, raws.offsets, strict=True)
    ]


def _name_owners(unit: Unit, rejected: dict[str, str]) -> None:
    """Add to the reasons whose frames they are, where neither the user nor anybody appointed."""
    for frame in unit.frames:
        if frame.filename in rejected and appointed.stranger(frame):
            rejected[frame.filename] += f" (it is of {appointed.name(frame)})"


def tell(unit: Unit, frames: Sequence[Any], rejected: dict[str, str]) -> None:
    """Print what was left out and how many frames are left; refuse to go on with none.

    Raises
    ------
    NoValidPixels
        No frame is left; a reason that all share is told once.
    """
    if frames:
        for name, reason in rejected.items():
            out(f"{unit.name}: left out {name}: {reason}\n")
        return
    reasons = set(rejected.values())
    if len(reasons) == 1:
        of = "its one frame" if len(rejected) == 1 else f"all {len(rejected)} frames"
        msg = f"no frame of {unit.name} can be used; {of}: {reasons.pop()}"
        raise NoValidPixels(msg)
    listed = "".join(f"\n  {name}: {why}" for name, why in rejected.items())
    msg = f"no frame of {unit.name} can be used:{listed}\nchoose another night or other names"
    raise NoValidPixels(msg)


def note(product: Any, rejected: dict[str, str], *, parts: Sequence[Any] = ()) -> None:
    """Remember with a new product, and with its parts, what was left out.

    The task stores it along with the product, so parts go to disk with it.
    """
    for one in (product, *parts):
        one._rejected = dict(rejected)
    product._companions = [
        RejectedInput(product=one.object_id, filename=name, reason=reason)
        for one in (product, *parts)
        for name, reason in rejected.items()
    ]


def _night_of(unit: Unit) -> Callable[[Any], str]:
    camera = instruments.get(unit.instrument.name)
    return lambda frame: str(camera.night(frame.DATE_OBS))


def _keep(found: Screened, of: Callable[[Any], str | None], reason: str) -> None:
    """Leave out the frames that are not like most in a property."""
    values = {frame.filename: of(frame) for frame in found.frames}
    most, _ = Counter(values.values()).most_common(1)[0]
    for frame in found.frames:
        if values[frame.filename] != most:
            found.rejected[frame.filename] = reason.format(values[frame.filename], most)
    found.frames = [frame for frame in found.frames if values[frame.filename] == most]


def _within(found: Screened, low: float, high: float, named: str) -> None:
    kept = []
    for frame in found.frames:
        level = float(frame.imstat.median) if frame.imstat is not None else 0.0
        if low <= level <= high:
            kept.append(frame)
        else:
            found.rejected[frame.filename] = (
                f"level {level:.0f} ADU, expected {low:.0f} to {high:.0f} ({named})"
            )
    found.frames = kept


def _read(task: Task, found: Screened, method: int) -> None:
    """Read all frames; those that cannot be read, or are full of holes, are left out."""
    import numpy as np

    kept = []
    for frame in found.frames:
        try:
            one = read_raws(task, [frame], method)
        # A service that is away says nothing about the frame, which must not be left out for it.
        except (DatabaseError, ServiceDown):
            raise
        except UserMistake as error:
            if len(found.frames) == 1 and not found.rejected:
                raise
            found.rejected[frame.filename] = str(error)
            continue
        pixels = one.pixels[0]
        holes = 1.0 - float(np.isfinite(pixels).mean()) if pixels.dtype.kind == "f" else 0.0
        if holes > NOT_FINITE:
            found.rejected[frame.filename] = f"{holes:.1%} of its pixels have no finite value"
            continue
        if one.stuck[0] and task.does("alike"):
            values = ", ".join(map(str, one.stuck[0]))
            found.rejected[frame.filename] = (
                f"bits of the converter are the same in all its counts (value {values})"
            )
            continue
        kept.append(frame)
        found.raws.pixels.extend(one.pixels)
        found.raws.offsets.extend(one.offsets)
        found.raws.variances.extend(one.variances)
        found.raws.by_amplifier.extend(one.by_amplifier)
    found.frames = kept


def _copies(found: Screened) -> None:
    """Leave out frames with the pixels of another: two copies hold the photons of one."""
    import numpy as np

    known: dict[int, list[int]] = {}
    kept = []
    for number, pixels in enumerate(found.raws.pixels):
        # a thin sample tells nearly always; equal samples are compared pixel by pixel
        alike = known.setdefault(zlib.crc32(np.ascontiguousarray(pixels[::64]).data), [])
        first = next((n for n in alike if np.array_equal(found.raws.pixels[n], pixels)), None)
        if first is None:
            alike.append(number)
            kept.append(number)
        else:
            other = found.frames[first].filename
            found.rejected[found.frames[number].filename] = f"it has the same pixels as {other}"
    _only(found, kept)


def _only(found: Screened, kept: Sequence[int]) -> None:
    """Keep the frames of some numbers, with all that was read of them."""
    found.frames = _chosen(found.frames, kept)
    raws = found.raws
    for values in (raws.pixels, raws.offsets, raws.variances, raws.by_amplifier):
        values[:] = _chosen(values, kept)


def _alike(found: Screened, *, flats: bool) -> None:
    """Leave out frames whose level (or shape, for flats) is unlike that of the others."""
    import numpy as np

    from awe.calib import statistics

    shapes = np.array([
        _medians(pixels, offset)
        for pixels, offset in zip(found.raws.pixels, found.raws.offsets, strict=True)
    ])
    if flats:
        # Flats differ in level by design (the twilight fades); divided by it, the shape is left.
        shapes /= np.maximum(np.median(shapes, axis=1, keepdims=True), 1e-6)
        distance = np.abs(shapes - np.median(shapes, axis=0)).max(axis=1)
        floor, text = SHAPE_FLOOR, "up to {:.1%} off the shape of the others"
    else:
        distance = np.abs(shapes - np.median(shapes, axis=0)).max(axis=1)
        floor, text = LEVEL_FLOOR, "up to {:.1f} ADU off the level of the others"
    far = statistics.outliers(distance, sigma=UNLIKE, floor=floor)
    for number in np.flatnonzero(far):
        found.rejected[found.frames[number].filename] = text.format(distance[number])
    kept = [number for number in range(len(far)) if not far[number]]
    _only(found, kept)


def _medians(pixels: NDArray[Any], offset: NDArray[Any]) -> list[float]:
    """Return the medians of windows over a frame, its electronic level taken out [ADU]."""
    import numpy as np

    thin = np.subtract(pixels, offset, dtype=np.float32, casting="unsafe")[::2, ::2]
    return [
        float(np.nanmedian(part))
        for band in np.array_split(thin, WINDOWS[0], axis=0)
        for part in np.array_split(band, WINDOWS[1], axis=1)
    ]


def _chosen(values: Sequence[Any], numbers: Sequence[int]) -> list[Any]:
    return [values[number] for number in numbers]
