"""From a raw science frame to a reduced one with variance, weight and reasons.

`STEPS` is the sequence, as data: each step tells the unit of the pixels before and after it and
whether it was done or skipped, and why. Consecutive steps that touch pixels one by one run
together over blocks of rows that stay in cache; the others see the whole frame. Some may be left
out, and after each one the frame can be looked at. The steps
themselves are in `steps`, what they are given in `settings`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from awe.calib._frames import require_small, takes_frames
from awe.calib._memory import keep_pages
from awe.calib.reduction.settings import (
    AmplifierSettings,
    Calibrations,
    CosmicSettings,
    Look,
    Record,
    Reduced,
    SatelliteSettings,
    Settings,
)
from awe.calib.reduction.steps import RAW, STEPS, Step
from awe.calib.reduction.work import Work
from awe.errors import ParameterError

__all__ = [
    "STEPS",
    "AmplifierSettings",
    "Calibrations",
    "CosmicSettings",
    "Look",
    "Record",
    "Reduced",
    "SatelliteSettings",
    "Settings",
    "reduce",
]

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from awe.calib.detector.amplifiers import Levelled
    from awe.calib.detector.geometry import ChipGeometry

#: rows that go through the pixel-by-pixel steps together, while they are in cache
_ROWS = 32


@takes_frames()
def reduce(
    raw: NDArray[np.generic],
    geometry: ChipGeometry,
    calibrations: Calibrations,
    settings: Settings,
    *,
    steps: Sequence[Step] = STEPS,
    leave_out: Collection[str] = (),
    look: Callable[[Look], object] | None = None,
    after: Collection[str] = (),
    levelled: Levelled | None = None,
    spend: bool = False,
) -> Reduced:
    """Return a raw science frame reduced.

    Parameters
    ----------
    raw : ndarray, shape (ny, nx), ADU
        Untrimmed raw frame of any real dtype; not modified.
    geometry : ChipGeometry
        Its regions.
    calibrations : Calibrations
        What to reduce it with; the planes are not modified.
    settings : Settings
        How.
    steps : sequence of Step
        The sequence; units must follow from step to step.
    leave_out : collection of str
        Names of steps that are not done.
    look : callable, optional
        Called with a copy of the frame after each of the steps `after`; what it raises ends the
        reduction.
    after : collection of str
        Names of the steps after which the frame is looked at.
    levelled : Levelled, optional
        What `amplifiers.levelled` gives of the raw frame, where that is known already.
    spend : bool
        Whether `calibrations` is left without each plane that no later step uses: memory is free
        for the searches.

    Raises
    ------
    WrongShape
        The raw frame or a calibration has another size.
    ParameterError
        The bias was made with another overscan method, units do not follow, or a step cannot
        be left out, or the counts are so large that their squares overflow.
    NoValidPixels
        The flat cannot divide anywhere.
    """
    _require_units(steps)
    _require_optional(steps, leave_out)
    if raw.dtype == np.float32:
        require_small(raw)
    keep_pages()
    work = Work(
        raw=raw, geometry=geometry, calibrations=calibrations, settings=settings,
        levelled=levelled,
    )  # fmt: skip
    log: list[Record] = []
    # `frame` of all steps of a group runs before `rows` of any: it never sees half-done pixels
    for group in _groups(steps, after):
        todo = []
        for step in group:
            reason = "left out by the user" if step.name in leave_out else step.skip(work)
            if reason is None:
                detail = step.frame(work) if step.frame is not None else ""
                todo.append(step)
            log.append(
                Record(
                    name=step.name, text=step.text, done=reason is None,
                    detail=detail if reason is None else reason,
                    before=step.before, after=step.after,
                )
            )
        _run_rows(work, [step for step in todo if step.rows is not None])
        if spend:
            calibrations.let_go(name for step in group for name in step.spends)
        if look is not None and group[-1].name in after:
            look(_looked(work, log[-1]))
    return Reduced(
        science=work.science,
        variance=work.variance,
        weight=work.weight,
        flags=work.flags,
        tracks=work.tracks,
        fringe_scale=work.fringe_scale,
        log=tuple(log),
        level=work.level,
        full=work.full - work.bias_level,
    )


def _groups(steps: Sequence[Step], after: Collection[str]) -> Iterator[list[Step]]:
    """Yield the steps in groups that run together; one that is looked at ends its group."""
    group: list[Step] = []
    for step in steps:
        last = group[-1] if group else step
        if last.name in after or (last.rows is None) is not (step.rows is None):
            if group:
                yield group
            group = []
        group.append(step)
    yield group


def _looked(work: Work, record: Record) -> Look:
    """Return a copy of the frame in hand; before the overscan it is still the raw one."""
    raw = record.after == RAW
    return Look(
        record=record,
        science=work.raw.astype(np.float32) if raw else work.science.copy(),
        variance=work.variance.copy() if work.noises else None,
        flags=work.flags.copy(),
    )


def _run_rows(work: Work, steps: Sequence[Step]) -> None:
    if not steps:
        return
    # steps are too short for threads, which would wait for the interpreter's lock between them
    # NaN and infinity go through the arithmetic; the step `finite` gives them their reason
    with np.errstate(all="ignore"):
        # 32 rows of 2048 columns are 256 KiB of float32: all steps work on them in cache
        for start in range(0, work.shape[0], _ROWS):
            rows = slice(start, min(start + _ROWS, work.shape[0]))
            for step in steps:
                assert step.rows is not None
                step.rows(work, rows)


def _require_units(steps: Sequence[Step]) -> None:
    for first, second in pairwise(steps):
        if first.after != second.before:
            msg = (
                f"step {second.name} expects pixels in {second.before!r}, {first.name} before it "
                f"gives {first.after!r}; change the order of the steps"
            )
            raise ParameterError(msg)


def _require_optional(steps: Sequence[Step], leave_out: Collection[str]) -> None:
    optional = [step.name for step in steps if not step.required]
    for name in leave_out:
        if name not in optional:
            msg = f"step {name!r} cannot be left out; those that can are {', '.join(optional)}"
            raise ParameterError(msg)
