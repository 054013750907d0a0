"""Simulated light that does not come from stars: cosmic-ray hits and the trails of satellites.

Both are added to an image in ADU and recorded exactly: the charge each pixel received, and for
trails the line. Cosmic rays cross the silicon at random angles, so most are short and some are
long; they are not blurred by the atmosphere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from awe.demo.field import moffat

__all__ = ["Trail", "cosmic_rays", "track_light"]

Map = NDArray[np.float32]

ELECTRONS_PER_MICRON = 78.0
PIXEL_MICRON = 15.0
LONGEST = 60.0


@dataclass(frozen=True, kw_only=True)
class Trail:
    """The straight trail of a satellite in focal plane coordinates.

    Parameters
    ----------
    x0, y0, x1, y1 : float
        Two points of the trail; it is drawn between them [pixel].
    brightness : float
        Peak of its cross-section [ADU].
    width : float
        Width beyond the seeing [pixel].
    """

    x0: float
    y0: float
    x1: float
    y1: float
    brightness: float
    width: float = 0.0


def cosmic_rays(
    shape: tuple[int, int], mean_hits: float, gain: float, rng: np.random.Generator
) -> tuple[Map, int]:
    """Return the charge of random cosmic-ray hits and their number.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the image.
    mean_hits : float
        Expected number of hits.
    gain : float
        Gain [electron/ADU].
    rng : numpy.random.Generator
        Source of the hits.

    Returns
    -------
    charge : ndarray of float32, shape (ny, nx), ADU
        Charge per pixel.
    hits : int
        How many there were.
    """
    charge = np.zeros(shape, dtype=np.float32)
    hits = int(rng.poisson(mean_hits))
    ny, nx = shape
    for _ in range(hits):
        x, y, electrons = _passage(rng)
        _deposit(charge, x + rng.uniform(0, nx), y + rng.uniform(0, ny), electrons / gain)
    return charge, hits


def _passage(rng: np.random.Generator) -> tuple[NDArray[np.float64], ...]:
    """Return points of one passage through the silicon and the electrons set free at each."""
    # Flux through a horizontal surface from a cos^2 sky: cos(zenith)^4 is uniform.
    cosine = max(rng.random() ** 0.25, 0.02)
    thickness = 40.0
    # On the surface a passage is thickness times tan(zenith) long, inside hypot(that, thickness).
    length = min(thickness / PIXEL_MICRON * np.sqrt(1 / cosine**2 - 1), LONGEST)
    steps = max(int(length / 0.2), 2)
    along = np.linspace(0, length, steps)
    direction = rng.uniform(0, 2 * np.pi)
    path = np.hypot(length * PIXEL_MICRON, thickness)
    # Straggling: most segments lose a little, a few lose much (long upper tail as in silicon).
    loss = rng.lognormal(-0.3, 0.75) * rng.gamma(4.0, 0.25, steps)
    electrons = ELECTRONS_PER_MICRON * path / steps * loss
    return along * np.cos(direction), along * np.sin(direction), electrons


def _deposit(
    charge: Map, x: NDArray[np.float64], y: NDArray[np.float64], adu: NDArray[np.float64]
) -> None:
    """Share point charges among the four nearest pixels, in place of diffusion."""
    ny, nx = charge.shape
    left, low = np.floor(x).astype(int), np.floor(y).astype(int)
    right, high = x - left, y - low
    for dx, dy, share in (
        (0, 0, (1 - right) * (1 - high)),
        (1, 0, right * (1 - high)),
        (0, 1, (1 - right) * high),
        (1, 1, right * high),
    ):
        inside = (left + dx >= 0) & (left + dx < nx) & (low + dy >= 0) & (low + dy < ny)
        where = (low[inside] + dy, left[inside] + dx)
        # Several points fall on one pixel: `charge[where] +=` would count only one of them.
        np.add.at(charge, where, (share * adu)[inside].astype(np.float32))


def track_light(
    shape: tuple[int, int], track: Trail, corner: tuple[float, float], fwhm: float
) -> tuple[Map | None, tuple[float, float, float, float] | None]:
    """Return the light of a trail on one image and its end points there.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx) of the image.
    track : Trail
        The trail.
    corner : tuple of float
        Focal plane position of the image's lower left pixel.
    fwhm : float
        Seeing [pixel].

    Returns
    -------
    light : ndarray of float32, shape (ny, nx), ADU, or None
        None when the trail misses the image.
    ends : tuple of float or None
        Points x0, y0, x1, y1 where the trail enters and leaves, zero-based pixels of the image.
    """
    start = np.array([track.x0 - corner[0], track.y0 - corner[1]])
    step = np.array([track.x1 - track.x0, track.y1 - track.y0])
    ends = _clip(start, step, shape)
    if ends is None:
        return None, None
    length = float(np.hypot(*step))
    x = np.arange(shape[1], dtype=np.float32)[np.newaxis, :] - np.float32(start[0])
    y = np.arange(shape[0], dtype=np.float32)[:, np.newaxis] - np.float32(start[1])
    east, north = np.float32(step[0] / length), np.float32(step[1] / length)
    across = x * north - y * east
    along = x * east + y * north
    on_axis: Map = np.zeros((1, 1), dtype=np.float32)
    profile = moffat(across, on_axis, float(np.hypot(fwhm, track.width)), 3.0)
    profile *= (along >= 0) & (along <= length)
    return profile * np.float32(track.brightness / profile.max()), ends


def _clip(
    start: NDArray[np.float64], step: NDArray[np.float64], shape: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    """Part of a segment inside the image (Liang & Barsky)."""
    enter, leave = 0.0, 1.0
    for axis, size in ((0, shape[1]), (1, shape[0])):
        low, high = -start[axis], size - 1 - start[axis]
        if step[axis] == 0:
            if low > 0 or high < 0:
                return None
            continue
        # The line is start + t step; each pair of edges leaves an interval of t, and what is left
        # of 0 to 1 after both is the part inside.
        near, far = sorted((low / step[axis], high / step[axis]))
        enter, leave = max(enter, near), min(leave, far)
    if enter >= leave:
        return None
    first, last = start + enter * step, start + leave * step
    return float(first[0]), float(first[1]), float(last[0]), float(last[1])
