"""One object measured: centre, width, shape, sky, light and what may be wrong with it.

The aperture and the ring of the sky grow with the object. The light of its wings in the ring is
taken off the sky, and what is beyond the aperture is added by the fitted profile, so that the
flux is all the light of the star; with a radius of one's own it is that within the radius.

References
----------
Howell, S. B. 1989, PASP 101, 616 (aperture, growth, signal-to-noise).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from awe.inspect import ellipse
from awe.inspect.ellipse import Ellipse
from awe.inspect.guess import MOST, SLOPE, Guess, flat_top, guess
from awe.inspect.overlap import inside_circle

if TYPE_CHECKING:
    from awe.inspect.spot import Spot

__all__ = ["Star", "measure"]

Values = NDArray[np.float64]

#: radius of the aperture, distance and width of the ring of the sky, in FWHM
APERTURE, BUFFER, RING = 3.0, 1.0, 2.0
#: narrowest ring [pixel]
NARROWEST = 5.0
#: radius of the pixels that are fitted, in FWHM; at least [pixel]
FITTED, LEAST = 2.0, 5.0
#: times the noise from which light is an object's
SIGNIFICANT = 5.0
#: how often sky and profile are found from each other
ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Star:
    """An object and the pixels around it.

    Attributes
    ----------
    x, y : float
        FITS pixel coordinates of the centre.
    profile, gaussian : Ellipse or None
        Fitted Moffat profile and Gaussian.
    radius : float, pixel
        Radius of the aperture.
    ring : tuple of float, pixel
        Inner and outer radius of the ring of the sky.
    sky, noise : float
        Level of the sky and standard deviation of its pixels.
    inside : float
        Light within the radius, above the sky.
    flux : float
        All the light of the object, or `inside` if the radius was given.
    error : float
        Standard deviation of the flux.
    peak : float
        Highest pixel in the aperture.
    doubts : tuple of str
        Why the numbers may mean nothing.
    distance, above : ndarray of float64, shape (n,)
        Finite pixels of the box: how far from the centre, and their values above the sky.
    x_pixels, y_pixels : ndarray of float64, shape (n,)
        FITS pixel coordinates of the same pixels.
    """

    x: float
    y: float
    profile: Ellipse | None
    gaussian: Ellipse | None
    radius: float
    ring: tuple[float, float]
    sky: float
    noise: float
    inside: float
    flux: float
    error: float
    peak: float
    doubts: tuple[str, ...]
    distance: Values
    above: Values
    x_pixels: Values
    y_pixels: Values

    @property
    def fwhm(self) -> float:
        """Full width at half maximum of the Moffat profile [pixel]; NaN without a profile."""
        return self.profile.fwhm if self.profile else math.nan

    @property
    def signal_to_noise(self) -> float:
        """Flux over its standard deviation."""
        return self.flux / self.error if self.error > 0 else math.nan


@dataclass(frozen=True, kw_only=True)
class _Pixels:
    """The finite pixels of a box."""

    x: Values
    y: Values
    value: Values


def measure(spot: Spot) -> Star | None:
    """Return the object at a place, None where no pixel is finite.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it, the settings and facts of the frame.
    """
    first = guess(spot)
    if first is None:
        return None
    width = first.fwhm if math.isfinite(first.fwhm) else 0.0
    radius, ring = _radii(spot, width or 3.0)
    half = min(math.ceil(ring[1]) + 2, MOST + 50)
    box = replace(spot, x=first.x, y=first.y).box(half)
    good = np.isfinite(box.pixels)
    if not good.any():
        return None
    columns, rows = np.meshgrid(box.x.astype(np.float64), box.y.astype(np.float64))
    pixels = _Pixels(x=columns[good], y=rows[good], value=box.pixels[good])
    sky, noise, profile = _sky_and_profile(spot, pixels, first, ring)
    if profile is not None and abs(profile.fwhm / max(width, 0.1) - 1) > 0.05:
        radius, ring = _radii(spot, profile.fwhm)
        sky, noise, profile = _sky_and_profile(spot, pixels, first, ring)
    return _completed(spot, pixels, first, (sky, noise), profile, radius, ring)


def _radii(spot: Spot, width: float) -> tuple[float, tuple[float, float]]:
    """Return the radius of the aperture and the two of the ring, for an object of a width."""
    chosen = spot.settings
    radius = chosen.radius or max(APERTURE * width, 3.0)
    inner = radius + (chosen.buffer or max(BUFFER * width, 2.0))
    return radius, (inner, inner + (chosen.width or max(RING * width, NARROWEST)))


def _sky_and_profile(
    spot: Spot, pixels: _Pixels, first: Guess, ring: tuple[float, float]
) -> tuple[float, float, Ellipse | None]:
    """Return sky, its noise and the Moffat profile: wings in the ring do not count."""
    distance = np.hypot(pixels.x - first.x, pixels.y - first.y)
    around = (distance >= ring[0]) & (distance <= ring[1])
    sky, noise = _level(pixels.value[around]) if around.any() else (first.sky, 0.0)
    if not math.isfinite(first.fwhm):
        return sky, noise, None
    near = distance <= max(FITTED * first.fwhm, LEAST)
    top = pixels.value[near].max() if near.any() else math.inf
    kept = near & ~_unusable(spot, pixels.value, near)
    # without its core a star does not tell how far its wings go
    whole = bool((kept == near).all())
    found: Ellipse | None = Ellipse(
        x=first.x, y=first.y, height=float(top) - sky, fwhm=first.fwhm, ellipticity=0.0,
        angle=0.0, beta=SLOPE,
    )  # fmt: skip
    for _ in range(ROUNDS):
        start = found
        assert start is not None  # the loop ends where a fit does
        sigma = _sigma(spot, noise, ellipse.light(start, pixels.x[kept], pixels.y[kept]))
        found = ellipse.fit(
            pixels.x[kept], pixels.y[kept], pixels.value[kept] - sky, start, sigma
        )
        if found is None:
            return sky, noise, None
        if whole and around.any():
            wings = ellipse.light(found, pixels.x[around], pixels.y[around])
            before, (sky, noise) = sky, _level(pixels.value[around] - wings)
            if abs(sky - before) < 0.01 * noise / math.sqrt(around.sum()):
                break
    return sky, noise, found


def _unusable(spot: Spot, value: Values, near: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which pixels are saturated: above the level the frame tells, or a flat top."""
    flat, level = flat_top(value, near), spot.facts.saturation
    return flat if level is None else flat | (value >= level)


def _level(values: Values) -> tuple[float, float]:
    """Return median and standard deviation, clipped at three until nothing more goes."""
    kept = values
    for _ in range(8):
        middle = float(np.median(kept))
        # of Gaussian noise the standard deviation is 1.4826 times the median deviation
        spread = 1.4826 * float(np.median(np.abs(kept - middle)))
        inside = kept[np.abs(kept - middle) <= 3 * max(spread, 1e-12 * max(abs(middle), 1.0))]
        if inside.size == kept.size:
            break
        kept = inside
    noise = float(kept.std()) * 1.014 if kept.size > 1 else 0.0
    # whole numbers have a coarse median: the mean of what is left is finer
    return float(kept.mean()), noise


def _sigma(spot: Spot, noise: float, model: Values) -> Values | None:
    """Return the noise of pixels: sky, and photons of the object where the gain is known."""
    if noise <= 0:
        return None
    gain = spot.facts.gain
    photons = np.clip(model, 0, None) / gain if gain else 0.0
    sigma: Values = np.sqrt(noise**2 + photons)
    return np.broadcast_to(sigma, model.shape).astype(np.float64)


def _completed(
    spot: Spot, pixels: _Pixels, first: Guess, level: tuple[float, float],
    profile: Ellipse | None, radius: float, ring: tuple[float, float],
) -> Star:  # fmt: skip
    sky, noise = level
    x, y = (profile.x, profile.y) if profile else (first.x, first.y)
    dx, dy = pixels.x - x, pixels.y - y
    above, distance = pixels.value - sky, np.hypot(dx, dy)
    part = inside_circle(dx, dy, radius)
    inside = float((part * above).sum())
    area = float(part.sum())
    around = int(np.count_nonzero((distance >= ring[0]) & (distance <= ring[1])))
    lost = part > 0.5
    lost &= _unusable(spot, pixels.value, lost)
    whole = profile is not None and not spot.settings.radius and not lost.any()
    flux = inside / (1 - profile.beyond(radius)) if whole and profile else inside
    gain = spot.facts.gain
    # Howell (1989): pixels of the aperture, the error of the sky under them, photons
    photons = max(inside, 0.0) / gain if gain else 0.0
    variance = noise**2 * (area + area**2 / max(around, 1)) + photons
    error = math.sqrt(variance) * (flux / inside if whole and inside > 0 else 1)
    within = pixels.value[part > 0.5]
    peak = float(within.max()) if within.size else math.nan
    star = Star(
        x=x, y=y, profile=profile, gaussian=_gaussian(spot, pixels, profile, level),
        radius=radius, ring=ring, sky=sky, noise=noise, inside=inside, flux=flux, error=error,
        peak=peak, doubts=(), distance=distance, above=above,
        x_pixels=pixels.x, y_pixels=pixels.y,
    )  # fmt: skip
    missing = math.pi * radius**2 - area > 0.5
    return replace(star, doubts=_doubts(spot, star, area, first.filled, missing))


def _gaussian(
    spot: Spot, pixels: _Pixels, profile: Ellipse | None, level: tuple[float, float]
) -> Ellipse | None:
    """Return the Gaussian fitted to the core, where it describes a star best."""
    if profile is None:
        return None
    near = np.hypot(pixels.x - profile.x, pixels.y - profile.y) <= max(profile.fwhm, 3.0)
    if not near.any():
        return None
    kept = near & ~_unusable(spot, pixels.value, near)
    start = replace(profile, beta=math.inf)
    return ellipse.fit(pixels.x[kept], pixels.y[kept], pixels.value[kept] - level[0], start)


def _doubts(spot: Spot, star: Star, area: float, filled: bool, missing: bool) -> tuple[str, ...]:
    told = []
    if filled:
        told.append("the object fills the box: no sky around it")
    elif star.inside < SIGNIFICANT * star.noise * math.sqrt(max(area, 1.0)):
        told.append("no object here: the light is within the noise of the sky")
    elif star.profile is None:
        told.append("no profile fits: two objects, or none")
    level = spot.facts.saturation
    near = star.distance <= max(star.fwhm, 3.0) if star.profile else star.distance <= 6
    flat = flat_top(star.above, near)
    if level is not None and star.peak >= level:
        told.append(f"saturated: {star.peak:g} of {level:g}")
    elif flat.any() and star.above[flat].max() > SIGNIFICANT * star.noise:
        told.append("the top is flat: saturated?")
    if missing:
        told.append("pixels of the aperture are missing or outside the image")
    return tuple(told)
