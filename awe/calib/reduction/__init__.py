"""From a raw science frame to a reduced one with variance, weight and reasons.

`STEPS` is the sequence, as data: each step tells the unit of the pixels before and after it and
whether it was done or skipped, and why. Consecutive steps that touch pixels one by one run
together over blocks of rows that stay in cache; the others see the whole frame. The steps
themselves are in `steps`, what they are given in `settings`.
"""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import numpy as np

from awe.calib._frames import takes_frames
from awe.calib._memory import keep_pages
from awe.calib.reduction.settings import (
    Calibrations,
    CosmicSettings,
    Record,
    Reduced,
    SatelliteSettings,
    Settings,
)
from awe.calib.reduction.steps import STEPS, Step
from awe.calib.reduction.work import Work
from awe.errors import ParameterError

__all__ = [
    "STEPS",
    "Calibrations",
    "CosmicSettings",
    "Record",
    "Reduced",
    "SatelliteSettings",
    "Settings",
    "reduce",
]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

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
) -> Reduced:
    """Return a raw science frame reduced.

    Parameters
    ----------
    raw : ndarray, shape (ny, nx), ADU
        Untrimmed raw frame of any real dtype; not modified.
    geometry : ChipGeometry
        Its regions.
    calibrations : Calibrations
        What to reduce it with; not modified.
    settings : Settings
        How.
    steps : sequence of Step
        The sequence; units must follow from step to step.

    Raises
    ------
    WrongShape
        The raw frame or a calibration has another size.
    ParameterError
        The bias was made with another overscan method, or units do not follow.
    NoValidPixels
        The flat cannot divide anywhere.
    """
    _require_units(steps)
    keep_pages()
    work = Work(raw=raw, geometry=geometry, calibrations=calibrations, settings=settings)
    log: list[Record] = []
    # `frame` of all steps of a group runs before `rows` of any: it never sees half-done pixels
    for by_rows, group in groupby(steps, key=lambda step: step.rows is not None):
        todo = []
        for step in group:
            reason = step.skip(work)
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
        if by_rows:
            _run_rows(work, todo)
    return Reduced(
        science=work.science,
        variance=work.variance,
        weight=work.weight,
        flags=work.flags,
        tracks=work.tracks,
        fringe_scale=work.fringe_scale,
        log=tuple(log),
        level=work.level,
    )


def _run_rows(work: Work, steps: Sequence[Step]) -> None:
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
