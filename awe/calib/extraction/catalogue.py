"""The catalogue of a frame: every column of a source list, measured.

Positions count from 1, as in FITS; angles are degrees from the x axis towards y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.calib._frames import takes_frames
from awe.calib.detector.trim import require_shape
from awe.calib.extraction import noise, photometry, positions, stellarity
from awe.calib.extraction.detection import Settings, detect
from awe.calib.flags import PixelFlag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.extraction.detection import Detected

__all__ = ["FLAGS", "Catalogue", "aperture_name", "found_in", "measure"]

#: bits of FLAG, as SExtractor has them, and one of our own
FLAGS = {
    1: "pixels of the source, or of its aperture, may not be used",
    2: "it was told from a neighbour it touches",
    4: "at least one of its pixels is saturated",
    8: "it reaches the edge of the frame, or of its part of a grid",
    16: "its aperture leaves the frame, or holds no good pixel",
    64: "a buffer was full when it was told from its neighbours",
    256: "its windowed position left the centre of light, which is given instead",
}

#: bits of the library for an object, and those of FLAG
_OF_OBJECTS = {0x1: 2, 0x2: 8, 0x4: 64}

#: fewest pixels of the square in which reasons are looked for round a bad pixel
_AROUND = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1))

_SATURATED = int(PixelFlag.SATURATED | PixelFlag.BLEED)

#: bits of pixels that are used all the same
_KEPT = _SATURATED | int(PixelFlag.INTERPOLATED)


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Sources of a frame.

    Attributes
    ----------
    columns : dict of str to ndarray, shape (n,)
        Name of a column -> values, in the order of the sources.
    level, rms : float, ADU
        Sky of the frame, and the noise of its pixels.
    correlation : float
        How much noisier sums of pixels are than those of independent ones.
    star_radius : float, pixel
        Half-light radius of stars; NaN where too few tell it.
    threshold : float, sigma
        Threshold that was used.
    """

    columns: dict[str, NDArray[Any]]
    level: float
    rms: float
    correlation: float
    star_radius: float
    threshold: float


def aperture_name(diameter: float) -> str:
    """Return the ending of the columns of an aperture: `10`, or `7p5` for 7.5 pixels.

    Parameters
    ----------
    diameter : float, pixel
        Diameter of the aperture.
    """
    return f"{diameter:g}".replace(".", "p")


@takes_frames()
def measure(
    image: NDArray[Any],
    settings: Settings,
    *,
    reasons: NDArray[Any] | None = None,
    zero_point: float = 0.0,
    weight: NDArray[Any] | None = None,
    searched: Detected | None = None,
) -> Catalogue:
    """Return the sources of a frame with positions, light, shapes and flags.

    Parameters
    ----------
    image : ndarray of float, shape (ny, nx), ADU
        Frame, flat-fielded; NaN is bad. It is not changed.
    settings : Settings
        How sources are found and measured.
    reasons : ndarray of uint16, shape (ny, nx), optional
        Reason bits of the pixels, `PixelFlag`; a pixel with a bit is left out, but for those
        that say it is saturated, without its core a bright star would be a ring, or next to a
        filled one on a grid.
    zero_point : float, mag
        Magnitude of one count.
    weight : ndarray of float32, shape (ny, nx), optional
        Relative inverse variance of the sky of each pixel, 0 where it may not be used.
    searched : Detected, optional
        Sources found in another frame on the same pixels, `found_in`: they are measured here, at
        their places and in the ellipses they have there.

    Raises
    ------
    NoValidPixels
        No pixel may be used, or the pixels have no noise.

    Examples
    --------
    >>> import numpy as np
    >>> from awe.calib.extraction.catalogue import measure
    >>> from awe.calib.extraction.detection import Settings
    >>> frame = np.random.default_rng(1).normal(100, 5, (200, 200))
    >>> frame[99:102, 49:52] += 200
    >>> found = measure(frame, Settings(
    ...     threshold=3, minimum_area=5, deblend_levels=32, deblend_contrast=0.005, clean=1,
    ...     box=64, median=3, apertures=(10,), kron_factor=2.5, kron_minimum=3.5, gain=2.5,
    ...     correlation=0))
    >>> len(found.columns["SID"]), round(found.columns["Xpos"][0])
    (1, 51)
    """
    found = found_in(image, settings, reasons=reasons, weight=weight, searched=searched)
    bad = found.bad
    empty = ~bad & (found.places == 0)
    factor = settings.correlation or noise.correlation_factor(found.sky, found.noise, empty)
    of_circles = (factor,) * len(settings.apertures)
    if not settings.correlation:
        of_circles = noise.circle_factors(
            found.sky, found.noise, empty, settings.apertures, factor
        )
    columns = _columns(found, bad, settings, factor, of_circles, zero_point)
    _flag(columns, found, reasons)
    ratio = columns["FLUX_AUTO"] / np.maximum(columns["FLUXERR_AUTO"], 1e-9)
    star = stellarity.star_radius(columns["FLUX_RADIUS"], ratio, columns["FLAG"] == 0)
    columns["CLASS_STAR"] = stellarity.class_star(columns["FLUX_RADIUS"], ratio, star)
    return Catalogue(
        columns=columns,
        level=found.level,
        rms=found.rms,
        correlation=factor,
        star_radius=star,
        threshold=found.threshold,
    )


@takes_frames()
def found_in(
    image: NDArray[Any],
    settings: Settings,
    *,
    reasons: NDArray[Any] | None = None,
    weight: NDArray[Any] | None = None,
    searched: Detected | None = None,
) -> Detected:
    """Return the sources of a frame, not measured yet.

    Parameters
    ----------
    image : ndarray of float, shape (ny, nx), ADU
        Frame, flat-fielded; NaN is bad. It is not changed.
    settings : Settings
        How sources are found.
    reasons : ndarray of uint16, shape (ny, nx), optional
        Reason bits of the pixels.
    weight : ndarray of float32, shape (ny, nx), optional
        Relative inverse variance of the sky, 0 where a pixel may not be used.
    searched : Detected, optional
        Sources found in another frame on the same pixels; nothing is searched for.

    Raises
    ------
    NoValidPixels
        No pixel may be used, or the pixels have no noise.
    """
    # turned and made float32 once
    image = np.asarray(image, np.float32)
    shape = image.shape
    bad = ~np.isfinite(image)
    if reasons is not None:
        require_shape(reasons, shape, "reasons")
        bad |= (reasons & (~_KEPT & 0xFFFF)) != 0
    if weight is not None:
        require_shape(weight, shape, "weight")
        bad |= ~(weight > 0)
    return detect(image, settings, bad, weight, searched)


def _columns(
    found: Detected, bad: NDArray[np.bool_], settings: Settings, factor: float,
    of_circles: tuple[float, ...], zero_point: float,
) -> dict[str, NDArray[Any]]:  # fmt: skip
    one = found.objects
    (flux, error, bits), kron = photometry.automatic(found, bad, settings, factor)
    radius = photometry.half_light(found, bad, flux)
    placed = positions.windowed(found, bad, radius)
    if found.searched is not None:
        shown = found.searched
        width = photometry.half_light(shown, shown.bad, one["flux"].astype(np.float64))
        placed = positions.windowed(shown, shown.bad, width)
    major, minor, angle = positions.error_ellipses(found, flux, settings.gain, factor)
    inside, peak = _isophotes(found)
    isophotal = np.sqrt(
        one["npix"] * (found.spread * factor) ** 2
        + np.maximum(inside, 0) / np.maximum(settings.gain * found.share, 1e-30)
    )
    columns: dict[str, NDArray[Any]] = {
        "SID": np.arange(1, one.size + 1),
        "Xpos": one["x"] + 1, "Ypos": one["y"] + 1,
        "XWIN_IMAGE": placed.x + 1, "YWIN_IMAGE": placed.y + 1,
        "A": one["a"], "B": one["b"], "POSANG": np.degrees(one["theta"]),
        "XM2": one["x2"], "YM2": one["y2"], "Corr": one["xy"],
        "ERRA_IMAGE": major, "ERRB_IMAGE": minor, "ERRTHETA_IMAGE": angle,
        "PosErr": np.hypot(major, minor),
        "NPIX": one["npix"].astype(np.int64),
        "BackGr": found.background, "Level": one["thresh"].astype(np.float64),
        "MaxVal": peak,
        "FWHM_IMAGE": 2 * np.sqrt(np.log(2) * (one["a"] ** 2 + one["b"] ** 2)),
        "FLUX_RADIUS": radius, "KRON_RADIUS": kron,
    }  # fmt: skip
    light = {"ISO": (inside, isophotal), "AUTO": (flux, error)}
    for diameter, circle in zip(
        settings.apertures, photometry.circles(found, bad, settings, factor, of_circles),
        strict=True,
    ):
        light[f"APER_{aperture_name(diameter)}"] = circle[:2]
        bits = bits | circle[2]
    for name, (counts, its_error) in light.items():
        magnitude, magnitude_error = photometry.magnitudes(counts, its_error, zero_point)
        columns |= {f"FLUX_{name}": counts, f"FLUXERR_{name}": its_error,
                    f"MAG_{name}": magnitude, f"MAGERR_{name}": magnitude_error}  # fmt: skip
    columns["FLAG"] = np.where(placed.trusted, 0, 256).astype(np.int64)
    columns["FLAG"] |= np.where(bits & photometry.MASKED, 1, 0)
    columns["FLAG"] |= np.where(bits & (photometry.TRUNCATED | photometry.ALL_MASKED), 16, 0)
    return columns


def _isophotes(found: Detected) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return light and highest pixel above the threshold, of sources of another frame too."""
    one = found.objects
    if found.searched is None:
        return one["flux"].astype(np.float64), one["peak"].astype(np.float64)
    number = one.size
    inside = (found.places > 0) & ~found.bad
    owner, values = found.places[inside], found.sky[inside].astype(np.float64)
    total = np.bincount(owner, values, number + 1)[1:].astype(np.float64)
    peak = np.full(number + 1, -np.inf)
    np.maximum.at(peak, owner, values)
    return total, np.where(np.isfinite(peak[1:]), peak[1:], 0.0).astype(np.float64)


def _flag(
    columns: dict[str, NDArray[Any]], found: Detected, reasons: NDArray[Any] | None
) -> None:
    """Set the bits that objects and reasons tell, and the reasons near each source."""
    bits = np.asarray(found.objects["flag"], np.int64)
    for theirs, ours in _OF_OBJECTS.items():
        columns["FLAG"] |= np.where(bits & theirs, ours, 0)
    near = np.zeros(found.objects.size, np.int64)
    if reasons is not None and near.size:
        y, x = _inner(reasons).nonzero()
        ny, nx = reasons.shape
        for up, right in _AROUND:
            # a bad pixel belongs to no source: the sources are those of its neighbours
            where = (np.clip(y + up, 0, ny - 1), np.clip(x + right, 0, nx - 1))
            owner = found.places[where]
            some = owner > 0
            np.bitwise_or.at(near, owner[some] - 1, reasons[y[some], x[some]].astype(np.int64))
    columns["IMAFLAGS_ISO"] = near
    columns["FLAG"] |= np.where(near & ~_KEPT, 1, 0) | np.where(near & _SATURATED, 4 | 1, 0)
    columns["FLAG"] |= np.where(near & int(PixelFlag.OUTSIDE), 8, 0)


def _inner(reasons: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the pixels with a reason, without those that only have others outside around them."""
    outside = (reasons & int(PixelFlag.OUTSIDE)) != 0
    if not outside.any():
        plain: NDArray[np.bool_] = reasons != 0
        return plain
    rim = np.zeros(reasons.shape, bool)
    for axis in (0, 1):
        there, here = np.swapaxes(rim, 0, axis), np.swapaxes(outside, 0, axis)
        there[1:] |= here[1:] & ~here[:-1]
        there[:-1] |= here[:-1] & ~here[1:]
    kept: NDArray[np.bool_] = rim | ((reasons != 0) & ~outside)
    return kept
