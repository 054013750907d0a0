"""What is odd about a frame that no limit on level or noise notices: converter and flat.

Known when a frame is reduced, from the raw counts and the flat it is divided by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.calib.detector import converter
from awe.calib.sky.imprint import imprint
from awe.model.mixins import QualityFlag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.detector.geometry import ChipGeometry

__all__ = ["odd_counts", "odd_pattern"]

#: a flat's pattern is left in a frame from this part on, if it is this many errors away from none
LEFT, ERRORS = -0.5, 10.0

#: the noise of a flat is in each frame it divides: this part of its pattern may be noise
NOISY = 0.25


def odd_counts(raw: NDArray[Any], geometry: ChipGeometry) -> QualityFlag:
    """Return the bit of a frame whose converter has a stuck bit, or none.

    Parameters
    ----------
    raw : ndarray, shape (ny, nx), any real dtype
        Untrimmed frame [ADU].
    geometry : ChipGeometry
        Regions of the chip.
    """
    stuck = converter.stuck_anywhere(raw, geometry)
    return QualityFlag.STUCK_BIT if stuck else QualityFlag(0)


def odd_pattern(
    image: NDArray[Any], flat: NDArray[Any], bad: NDArray[Any], noise: float
) -> QualityFlag:
    """Return the bit of a frame in which the pattern of its flat is left, or none.

    Parameters
    ----------
    image, flat : ndarray, shape (ny, nx), any real dtype
        Frame that was divided by the flat [ADU], and the flat, mean 1.
    bad : ndarray of bool, shape (ny, nx)
        Pixels that do not count.
    noise : float
        Expected noise of a pixel of the flat.
    """
    found = imprint(image, flat, bad)
    if found is None or noise**2 > NOISY * found.pattern**2:
        return QualityFlag(0)
    left = found.part < LEFT and found.part < -ERRORS * found.error
    return QualityFlag.PATTERN if left else QualityFlag(0)
