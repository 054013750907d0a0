"""Stars of one flat-fielded frame: where they are and how much light they give.

A small finder and aperture photometry, enough to compare the same stars in several frames. It
knows no catalogue and no point-spread function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.calib import statistics
from awe.calib._frames import takes_frames
from awe.calib.detector.trim import require_shape
from awe.calib.sky import background
from awe.calib.sky.peaks import peaks
from awe.calib.weight import require_model

__all__ = ["Stars", "measure"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

#: the sky is taken between these multiples of the aperture's radius
_ANNULUS = (1.5, 2.5)

#: rounds in which the aperture is moved to the centre of the light
_CENTRING = 3


@dataclass(frozen=True, kw_only=True)
class Stars:
    """Stars of one frame; arrays of float64, shape (n,).

    Attributes
    ----------
    x, y : ndarray of float64, pixel
        Zero-based centres of light.
    flux, error : ndarray of float64, ADU
        Light inside the aperture above the sky, and its standard error.
    """

    x: Values
    y: Values
    flux: Values
    error: Values

    @property
    def magnitude(self) -> Values:
        """Instrumental magnitudes."""
        result: Values = -2.5 * np.log10(self.flux)
        return result

    @property
    def magnitude_error(self) -> Values:
        """Standard errors of the magnitudes."""
        # |dm / dF| sigma_F = 1.0857 sigma_F / F
        result: Values = 2.5 / np.log(10) * self.error / self.flux
        return result

    def __getitem__(self, chosen: Any) -> Stars:
        """Return some of the stars, chosen as in an array."""
        return Stars(
            x=self.x[chosen], y=self.y[chosen], flux=self.flux[chosen], error=self.error[chosen]
        )


@takes_frames()
def measure(
    image: NDArray[np.float32],
    *,
    threshold: float,
    radius: float,
    gain: float,
    box: int,
    bad: NDArray[np.bool_] | None = None,
) -> Stars:
    """Return the stars of a frame with their light in a circular aperture.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx), ADU
        Flat-fielded frame, with or without its sky; not modified.
    threshold : float, sigma
        Least height of a peak of the slightly smoothed frame above the sky.
    radius : float, pixel
        Radius of the aperture.
    gain : float, e-/ADU
        For the noise of the light.
    box : int, pixel
        Size of the boxes of the smooth sky.
    bad : ndarray of bool, shape (ny, nx), optional
        A star with such a pixel in its aperture is left out.

    Notes
    -----
    Stars whose sky reaches over the edge, and those with a brighter one nearer than two radii, are
    left out.

    Examples
    --------
    >>> y, x = np.mgrid[0:64, 0:64]
    >>> star = 1000 * np.exp(-((x - 30.2) ** 2 + (y - 33.0) ** 2) / (2 * 2.0**2))
    >>> found = measure(star.astype(np.float32), threshold=10, radius=9, gain=2.5, box=64)
    >>> round(float(found.x[0]), 1), round(float(found.flux[0] / star.sum()), 3)
    (30.2, 1.0)
    """
    require_model(gain, 0.0)
    if bad is not None:
        require_shape(bad, image.shape, "the map of bad pixels")
    spoilt = ~np.isfinite(image) if bad is None else bad | ~np.isfinite(image)
    surface = background.estimate(image, box=min(box, *image.shape), bad=spoilt, clip=3.0, step=2)
    level = np.where(spoilt, np.float32(0), image - surface.rows())
    y, x = _peaks(level, threshold, int(np.ceil(radius * _ANNULUS[1])) + 2)
    # two apertures overlap where their centres are nearer than two radii
    x, y = _isolated(level, x, y, 2 * radius)
    measured = [
        _one(level, spoilt, float(column), float(row), radius, gain)
        for column, row in zip(x, y, strict=True)
    ]
    columns = np.array([one for one in measured if one is not None], np.float64).reshape(-1, 4)
    return Stars(x=columns[:, 0], y=columns[:, 1], flux=columns[:, 2], error=columns[:, 3])


def _peaks(
    image: NDArray[np.float32], threshold: float, margin: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the highest pixels of a smoothed image."""
    smooth = _smoothed(image)
    # sd of the smoothed image itself: smoothing lowers the noise, the threshold is in the new one
    sky = statistics.clipped(smooth[::2, ::2], sigma=3.0, iterations=5)
    limit = sky.median + threshold * max(sky.stdev, 1e-6)
    return peaks(smooth, limit, margin)


def _smoothed(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an image smoothed by (1, 2, 1) / 4 along both axes, twice."""
    # (1, 2, 1) / 4 twice is (1, 4, 6, 4, 1) / 16: variance 1 pixel**2, nearly a Gaussian;
    # roll wraps round at two pixels of every edge, where the margin admits no peak
    for _ in range(2):
        for axis in (0, 1):
            before, after = np.roll(image, 1, axis), np.roll(image, -1, axis)
            image = np.float32(0.25) * (before + after) + np.float32(0.5) * image
    return image


def _isolated(
    image: NDArray[np.float32], x: NDArray[np.intp], y: NDArray[np.intp], reach: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the peaks that have no brighter one within reach."""
    from scipy.spatial import cKDTree

    if x.size == 0:
        return x, y
    places = np.stack([x, y], axis=1).astype(np.float64)
    height = image[y, x]
    kept = np.ones(x.size, np.bool_)
    # the fainter of a pair leaves, and still counts against its other neighbours
    for first, second in cKDTree(places).query_pairs(reach):
        kept[first if height[first] < height[second] else second] = False
    return x[kept], y[kept]


def _one(
    image: NDArray[np.float32],
    spoilt: NDArray[np.bool_],
    x: float,
    y: float,
    radius: float,
    gain: float,
) -> tuple[float, float, float, float] | None:
    """Return centre, light and error of one star, or None where it cannot be measured."""
    reach = int(np.ceil(radius * _ANNULUS[1])) + 1
    ny, nx = image.shape
    for _ in range(_CENTRING):
        column, row = round(x), round(y)
        if not (reach <= row < ny - reach and reach <= column < nx - reach):
            return None
        cut = (slice(row - reach, row + reach + 1), slice(column - reach, column + reach + 1))
        dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        distance = np.hypot(dx - (x - column), dy - (y - row))
        part = image[cut].astype(np.float64)
        ring = (distance >= _ANNULUS[0] * radius) & (distance <= _ANNULUS[1] * radius)
        ring &= ~spoilt[cut]
        if ring.sum() < 20:
            return None
        sky = statistics.clipped(part[ring], sigma=3.0, iterations=5)
        # pixels on the rim count by the part of them that lies inside
        inside = np.clip(radius + 0.5 - distance, 0.0, 1.0)
        if (spoilt[cut] & (inside > 0)).any():
            return None
        # F = sum of (p - sky) f, f = the part of the pixel in the aperture; 0 to 1 over one pixel
        light = (part - sky.mean) * inside
        total = float(light.sum())
        if not total > 0:
            return None
        # centre of light: sum of f (p - sky) x / F
        x, y = column + float((light * dx).sum()) / total, row + float((light * dy).sum()) / total
    area = float(inside.sum())
    # var F = F / gain + A s**2 + (A s)**2 / n [ADU**2]: photons of the star, noise of A pixels,
    # error of the mean of n sky pixels, which all A share
    variance = total / gain + area * sky.stdev**2 * (1 + area / sky.n)
    return x, y, total, variance**0.5
