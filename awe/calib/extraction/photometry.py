"""Light of sources: in circles, in Kron's ellipse, and the radius that holds half of it.

Apertures that hold masked pixels are scaled up by what they lack, and their errors with them,
which the library does not do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import sep

from awe.calib.extraction.discs import in_discs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from awe.calib.extraction.detection import Detected, Settings

__all__ = [
    "ALL_MASKED",
    "MASKED",
    "TRUNCATED",
    "Light",
    "automatic",
    "circles",
    "half_light",
    "magnitudes",
]

Light = tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.int64]"]

#: bits of the library: the aperture leaves the frame, holds masked pixels, holds no others
TRUNCATED, MASKED, ALL_MASKED = 0x10, 0x20, 0x40

#: multiple of the shape of a source within which Kron's radius is measured
_KRON_REACH = 6.0

#: part of the light within the radius of half light, and how far it is looked for
_HALF, _HALF_REACH = 0.5, 6.0

#: diameter of circles up to which light at their edges counts as the surface through the pixels
# has it, and not as squares do [pixel]
_SMALL = 8.0

#: magnitudes of a factor e in light
_MAGNITUDES = 2.5 / np.log(10)


def circles(
    found: Detected, bad: NDArray[np.bool_], settings: Settings, factor: float,
    of_circles: Sequence[float],
) -> list[Light]:  # fmt: skip
    """Return light [ADU], its error and bits of the library, for each circular aperture.

    Parameters
    ----------
    found : Detected
        Sources of a frame.
    bad : ndarray of bool, shape (ny, nx)
        True where a pixel may not be used.
    settings : Settings
        Diameters of the apertures and gain.
    factor : float
        How much noisier sums of pixels are than those of independent ones.
    of_circles : sequence of float
        The same for each of the apertures.
    """
    x, y = found.objects["x"], found.objects["y"]
    measured = []
    for diameter, own in zip(settings.apertures, of_circles, strict=True):
        radius = diameter / 2
        # the library's default samples pixels at an edge 5 x 5 times: in small circles that is
        # more than the noise of bright stars
        flux, error, bits = sep.sum_circle(
            found.sky, x, y, radius, err=found.noise, mask=bad, subpix=0
        )
        if diameter <= _SMALL:
            smooth = in_discs(found.sky, bad, x, y, radius)
            flux = np.where(np.isfinite(smooth), smooth, flux)
        lacking = _part(bad, bits, lambda some, radius=radius: sep.sum_circle(
            bad, x[some], y[some], radius
        )[0] / (np.pi * radius**2))  # fmt: skip
        # photons of a small circle are shared like the noise of its sky
        gain = settings.gain * found.share * (factor / own) ** 2
        measured.append((flux, _error(error, flux, lacking, gain, own), bits))
    return measured


def automatic(
    found: Detected, bad: NDArray[np.bool_], settings: Settings, factor: float
) -> tuple[Light, NDArray[np.float64]]:
    """Return light, error and bits in Kron's ellipse, and the multiple of the shape used.

    Parameters
    ----------
    found : Detected
        Sources of a frame.
    bad : ndarray of bool, shape (ny, nx)
        True where a pixel may not be used.
    settings : Settings
        Factor and least radius, and gain.
    factor : float
        How much noisier sums of pixels are than those of independent ones.
    """
    one = found.objects
    a, b = np.maximum(one["a"], 0.3), np.maximum(one["b"], 0.3)
    angle = np.clip(one["theta"], -np.pi / 2, np.pi / 2)
    # the ellipse is that of the frame the source was found in: the same in every frame
    shown = found.searched or found
    kron, _ = sep.kron_radius(
        shown.sky, one["x"], one["y"], a, b, angle, _KRON_REACH, mask=shown.bad
    )
    # The library has no least radius; without one faint sources lose light.
    reach = np.maximum(settings.kron_factor * np.nan_to_num(kron), settings.kron_minimum)
    flux, error, bits = sep.sum_ellipse(
        found.sky, one["x"], one["y"], a, b, angle, reach, err=found.noise, mask=bad, subpix=1
    )
    lacking = _part(bad, bits, lambda some: sep.sum_ellipse(
        bad, one["x"][some], one["y"][some], a[some], b[some], angle[some],
        reach[some], subpix=1,
    )[0] / (np.pi * a[some] * b[some] * reach[some] ** 2))  # fmt: skip
    gain = settings.gain * found.share
    return (flux, _error(error, flux, lacking, gain, factor), bits), reach


def half_light(
    found: Detected, bad: NDArray[np.bool_], flux: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the radius that holds half of the light of each source [pixel]; NaN without.

    Parameters
    ----------
    found : Detected
        Sources of a frame.
    bad : ndarray of bool, shape (ny, nx)
        True where a pixel may not be used.
    flux : ndarray of float64, shape (n,), ADU
        Light of the whole sources.
    """
    one = found.objects
    radius, bits = sep.flux_radius(
        found.sky, one["x"], one["y"], _HALF_REACH * np.maximum(one["a"], 0.5), _HALF,
        normflux=np.where(flux > 0, flux, 1.0), mask=bad, subpix=5,
    )  # fmt: skip
    useless = (flux <= 0) | (bits & ALL_MASKED != 0) | (radius <= 0)
    result: NDArray[np.float64] = np.where(useless, np.nan, radius)
    return result


def magnitudes(
    flux: NDArray[np.float64], error: NDArray[np.float64], zero_point: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return magnitudes and their errors; NaN where there is no light.

    Parameters
    ----------
    flux, error : ndarray of float64, shape (n,), ADU
        Light and its standard error.
    zero_point : float, mag
        Magnitude of one count.
    """
    there = flux > 0
    light = np.where(there, flux, 1.0)
    return (
        np.where(there, zero_point - 2.5 * np.log10(light), np.nan),
        np.where(there, _MAGNITUDES * error / light, np.nan),
    )


def _part(bad: NDArray[np.bool_], bits: Any, measure: Any) -> NDArray[np.float64]:
    """Return which part of each aperture is masked; measured only where there is some."""
    part = np.zeros(bits.size)
    some = (bits & MASKED != 0).nonzero()[0]
    if some.size:
        part[some] = np.clip(measure(some), 0.0, 0.99)
    return part


def _error(
    error: Any, flux: Any, lacking: NDArray[np.float64], gain: NDArray[np.float64], factor: float
) -> NDArray[np.float64]:
    # The library scales the sum of the good pixels by 1 / (1 - f), its error not at all: the
    # noise of n (1 - f) pixels times 1 / (1 - f) is that of n pixels over sqrt(1 - f), and what
    # it gives as error is already that of n (1 - f) pixels.
    sky = error / (1 - lacking) * factor
    light = np.maximum(flux, 0) / np.maximum(gain, 1e-30) / (1 - lacking)
    result: NDArray[np.float64] = np.sqrt(sky**2 + light)
    return result
