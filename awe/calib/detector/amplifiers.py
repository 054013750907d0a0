"""Several amplifiers of one chip: each with its own level, joined into one frame of one gain.

Counts of an amplifier times its scale (its gain over that of the chip) are counts of the chip;
everything behind the electronic level works on those. A chip with a single amplifier comes
through unchanged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.calib._frames import takes_frames
from awe.calib.detector import crosstalk, overscan, sections, trim

__all__ = ["Levelled", "levelled", "plane"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from awe.calib.detector.geometry import ChipGeometry


@dataclass(frozen=True, kw_only=True)
class Levelled:
    """A raw frame without strips, and its electronic levels.

    Attributes
    ----------
    pixels : ndarray, shape (ny, nx), raw ADU
        Counts as read, those of several amplifiers joined.
    offsets : ndarray of float32, raw ADU
        Levels by pixel, to be subtracted by broadcasting: (1, 1), (ny, 1), (1, nx), of several
        amplifiers (ny, nx), with what each saw of the others.
    levels : tuple of Levels
        One per amplifier; a single one for a chip with one.
    scale : ndarray of float32, shape (ny, nx), or None
        Factor to counts of the chip by pixel; None where it is 1 everywhere.
    places : tuple of (slice, slice)
        Where each amplifier is in the frame.
    """

    pixels: NDArray[Any]
    offsets: NDArray[np.float32]
    levels: tuple[overscan.Levels, ...]
    scale: NDArray[np.float32] | None
    places: tuple[sections.Slices, ...]

    @property
    def counts(self) -> NDArray[Any]:
        """Pixels in counts of the chip, level included [ADU]."""
        if self.scale is None:
            return self.pixels
        found: NDArray[np.float32] = np.multiply(
            self.pixels, self.scale, dtype=np.float32, casting="unsafe"
        )
        return found

    @property
    def offset(self) -> NDArray[np.float32]:
        """The levels in counts of the chip [ADU]."""
        return self.offsets if self.scale is None else self.offsets * self.scale

    @property
    def light(self) -> NDArray[np.float32]:
        """Pixels without their level, in counts of the chip [ADU]."""
        found: NDArray[np.float32] = np.subtract(
            self.pixels, self.offsets, dtype=np.float32, casting="unsafe"
        )
        if self.scale is not None:
            found *= self.scale
        return found

    @property
    def variances(self) -> tuple[float, ...]:
        """Variance of one level of each amplifier in counts of the chip [ADU**2]."""
        if self.scale is None:
            return tuple(one.variance for one in self.levels)
        return tuple(
            one.variance * float(self.scale[place[0].start, place[1].start]) ** 2
            for one, place in zip(self.levels, self.places, strict=True)
        )

    @property
    def variance(self) -> float:
        """Variance of one level in counts of the chip [ADU**2], averaged over the pixels."""
        if not self.places:
            return self.levels[0].variance
        areas = [math.prod(sections.shape(place)) for place in self.places]
        return float(np.average(self.variances, weights=areas))


@takes_frames(double=True)
def levelled(raw: NDArray[np.generic], geometry: ChipGeometry, method: int) -> Levelled:
    """Return a raw frame without strips, with the electronic level of each amplifier.

    Parameters
    ----------
    raw : ndarray, shape (ny, nx), ADU
        Untrimmed frame of any real dtype; not modified.
    geometry : ChipGeometry
        Its regions and amplifiers.
    method : int
        Overscan method, see `overscan.METHODS`; the strips are those of each amplifier, at
        whichever side it has them where they differ in that.

    Raises
    ------
    WrongShape
        The frame has another size, or an amplifier has no such strip.
    ParameterError
        There is no such method.
    NoValidPixels
        A whole strip is not finite.
    """
    pixels = trim.trim(raw, geometry)
    if not geometry.amplifiers:
        levels = overscan.measure(raw, geometry, method)
        inside = trim.active(geometry, (raw.shape[0], raw.shape[1]))
        return Levelled(
            pixels=pixels, offsets=_cut(levels.values, inside), levels=(levels,), scale=None,
            places=(),
        )  # fmt: skip
    places = geometry.places()
    offsets = np.empty(pixels.shape, np.float32)
    found = []
    for one, place in zip(geometry.amplifiers, places, strict=True):
        own = geometry.of(one)
        strips = overscan.strips_of(geometry, own, method)
        levels = overscan.measure(raw, own, method, strips)
        offsets[place] = trim.turned(_cut(levels.values, sections.parse(one.active)), one)
        found.append(levels)
    if any(one.crosstalk for one in geometry.amplifiers):
        light = np.subtract(pixels, offsets, dtype=np.float32, casting="unsafe")
        offsets += crosstalk.ghosts(light, geometry)
    scales = [one.scale for one in geometry.amplifiers]
    return Levelled(
        pixels=pixels, offsets=offsets, levels=tuple(found), places=places,
        scale=plane(geometry, scales) if any(scale != 1.0 for scale in scales) else None,
    )  # fmt: skip


def plane(geometry: ChipGeometry, values: Sequence[float]) -> NDArray[np.float32]:
    """Return one value per amplifier as a plane of the frame without strips.

    Parameters
    ----------
    geometry : ChipGeometry
        Regions and amplifiers of the frame.
    values : sequence of float
        One per amplifier.
    """
    places = geometry.places()
    result = np.empty(trim.shape(places), np.float32)
    for place, value in zip(places, values, strict=True):
        result[place] = value
    return result


def _cut(levels: NDArray[np.float32], inside: sections.Slices) -> NDArray[np.float32]:
    """Return the levels of some pixels of a frame, one line or more."""
    return levels[
        inside[0] if levels.shape[0] > 1 else slice(None),
        inside[1] if levels.shape[1] > 1 else slice(None),
    ]
