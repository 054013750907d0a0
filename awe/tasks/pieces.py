"""Masters combined amplifier by amplifier: each leaves out outliers by its own read noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awe.tasks.readout import noises, parts

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from awe.calib.combine import Combined
    from awe.calib.detector.sections import Slices
    from awe.tasks.screening import Screened

__all__ = ["Piece", "combined"]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """The pixels one amplifier read, in all frames of a stack.

    Attributes
    ----------
    place : tuple of slice
        Where they are in the frame without strips.
    pixels, offsets : list of ndarray
        Counts of the chip and levels, one per frame [ADU].
    read_noise : float
        In counts of the chip [ADU].
    level_variance : float
        Of one level, in counts of the chip [ADU**2].
    """

    place: Slices
    pixels: list[NDArray[Any]]
    offsets: list[NDArray[Any]]
    read_noise: float
    level_variance: float


def combined(
    found: Screened, measured: Any, pooled: float, make: Callable[[Piece], Combined]
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return the image of a stack and its variance, each amplifier combined by itself.

    Parameters
    ----------
    found : Screened
        The raw frames.
    measured : ReadNoise or None
        Read noise of the chip, and by amplifier.
    pooled : float, ADU
        Read noise of the chip.
    make : callable
        Combines a piece.
    """
    import numpy as np

    raws, read = found.raws, parts(found.frames[0])
    if not read:
        everywhere = (slice(None), slice(None))
        one = make(Piece(
            place=everywhere, pixels=raws.pixels, offsets=raws.offsets, read_noise=pooled,
            level_variance=raws.level_variance,
        ))  # fmt: skip
        return one.image, one.variance
    image = np.empty(raws.pixels[0].shape, np.float32)
    variance = np.empty(raws.pixels[0].shape, np.float32)
    known = True
    of_each = noises([one for one, _ in read], measured)
    for number, (_, place) in enumerate(read):
        levels = [values[number] for values in raws.by_amplifier]
        one = make(Piece(
            place=place, pixels=[_part(frame, place) for frame in raws.pixels],
            offsets=[_part(offset, place) for offset in raws.offsets],
            read_noise=of_each[number], level_variance=sum(levels) / len(levels),
        ))  # fmt: skip
        image[place] = one.image
        known = known and one.variance is not None
        if one.variance is not None:
            variance[place] = one.variance
    return image, variance if known else None


def _part(values: NDArray[Any], place: Slices) -> NDArray[Any]:
    """Return a part of a frame, or of levels that have one line for all."""
    rows, columns = (
        side if length > 1 else slice(None)
        for side, length in zip(place, values.shape, strict=True)
    )
    return values[rows, columns].copy()
