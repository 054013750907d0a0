"""A simulated exposure of one chip, with everything that went into it on record.

`simulate(exposure, chip, effects, rng)` gives a raw image as a camera would, and the truth: the
noiseless image and a map of every effect. Each effect can be switched off. It is a pure function
of its arguments: the same generator state gives the same pixels. Nothing here writes files; the
fixed patterns of a chip are made in `awe.demo.detector`, the sources in `awe.demo.field`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from awe.calib.detector import sections
from awe.demo.detector import Detector, make_detector
from awe.demo.field import Field, make_field, project, render
from awe.demo.particles import Trail, cosmic_rays, track_light

__all__ = [
    "ADC_LIMIT",
    "Detector",
    "Effects",
    "Field",
    "SimulatedExposure",
    "Trail",
    "Truth",
    "cross_talk",
    "make_detector",
    "make_field",
    "simulate",
]

Map = NDArray[np.float32]
Flags = NDArray[np.bool_]

ADC_LIMIT = 65_535
"""Largest number the camera writes [ADU]."""

FULL_WELL = 185_000.0
"""Charge a pixel holds before it spills along its column [electron]."""

HITS_PER_CM2_MINUTE = 2.0
PIXEL_CM = 15e-4
READOUT = 40.0
EXACT_BELOW = 60.0


@dataclass(frozen=True, kw_only=True)
class Effects:
    """Which effects are simulated: all but galaxies, unless switched off."""

    bias_structure: bool = True
    overscan_drift: bool = True
    level_wander: bool = True
    read_noise: bool = True
    photon_noise: bool = True
    dark_current: bool = True
    response: bool = True
    vignetting: bool = True
    illumination: bool = True
    sources: bool = True
    bleeding: bool = True
    cosmic_rays: bool = True
    tracks: bool = True
    hot_pixels: bool = True
    cold_pixels: bool = True

    @classmethod
    def only(cls, *names: str) -> Effects:
        """Return a choice with the named effects and no others."""
        return replace(
            cls(**{item.name: False for item in fields(cls)}), **dict.fromkeys(names, True)
        )

    def without(self, *names: str) -> Effects:
        """Return this choice with the named effects switched off."""
        return replace(self, **dict.fromkeys(names, False))


@dataclass(frozen=True, kw_only=True)
class SimulatedExposure:
    """What the camera is exposed to.

    Parameters
    ----------
    kind : str
        `"bias"`, `"dark"`, `"dome"`, `"twilight"` or `"science"`.
    exptime : float
        Exposure time [s].
    level : float
        Sky or screen on the optical axis of a perfect detector [ADU].
    fwhm : float
        Seeing [pixel].
    centre : tuple of float
        Sky position of the optical axis [degree].
    field : Field or None
        Sources.
    tracks : sequence of Trail
        Satellites that pass.
    pixel_scale : float
        Size of a pixel [degree].
    dark : float
        Dark current [electron/pixel/s].
    cosmic_rate : float
        Cosmic-ray hits relative to 2 per square centimetre and minute.
    distortion : float
        Distortion of the optics: a source r degrees from the axis is seen further from it by
        `distortion * r**3` degrees.
    """

    kind: str
    exptime: float = 0.0
    level: float = 0.0
    fwhm: float = 3.7
    centre: tuple[float, float] = (330.0, -31.2)
    field: Field | None = None
    tracks: Sequence[Trail] = ()
    pixel_scale: float = 0.21343 / 3600
    dark: float = 2e-4
    cosmic_rate: float = 1.0
    distortion: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What went into a raw image; maps have the shape of the light-sensitive area.

    Parameters
    ----------
    science : ndarray of float32, ADU
        What a perfect detector would have recorded: sources and sky (with scattered light),
        before vignetting and pixel response, without noise, particles and trails.
    objects : ndarray of float32, ADU
        The sources of `science` alone.
    expected : ndarray of float32, ADU
        The signal above the bias this chip gathers, without noise or spilling.
    bias : ndarray of float32, ADU
        Structure of the bias above the level.
    flat : ndarray of float32
        Response times vignetting of every pixel.
    illumination : ndarray of float32
        Excess of scattered light: an ideal flat of the sky is `flat * illumination`.
    cosmic, track : ndarray of float32, ADU
        Charge from cosmic rays, light from trails, as recorded.
    saturated : ndarray of bool
        Pixels at or above what the camera can count, or changed by charge that spilled over.
    hot, cold : ndarray of bool
        Pixels with excess signal, pixels of low response.
    lines : tuple of tuple of float
        Ends (x0, y0, x1, y1) of each trail on this image, zero-based pixels of the
        light-sensitive area.
    level : float
        Mean level of this exposure [ADU].
    drift : ndarray of float32, ADU
        Departure from the level, per row of the whole image.
    gain, read_noise : float
        Gain of this exposure [electron/ADU], read noise [electron].
    cosmic_hits : int
        Number of cosmic rays.
    x, y, flux : ndarray of float64
        Zero-based positions and fluxes [ADU] of the sources whose centres are on the image.
    """

    science: Map
    objects: Map
    expected: Map
    bias: Map
    flat: Map
    illumination: Map
    cosmic: Map
    track: Map
    saturated: Flags
    hot: Flags
    cold: Flags
    lines: tuple[tuple[float, float, float, float], ...]
    level: float
    drift: Map
    gain: float
    read_noise: float
    cosmic_hits: int
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    flux: NDArray[np.float64]

    @property
    def noise(self) -> Map:
        """Standard deviation of the raw pixels [ADU]."""
        electrons = np.maximum(self.expected, 0) * np.float32(self.gain) + self.read_noise**2
        deviation: Map = (np.sqrt(electrons) / self.gain).astype(np.float32)
        return deviation

    def hit(self, sigmas: float = 1.0) -> Flags:
        """Return True where cosmic rays left more than `sigmas` standard deviations."""
        found: Flags = self.cosmic > np.float32(sigmas) * self.noise
        return found

    def crossed(self, sigmas: float = 0.5) -> Flags:
        """Return True where trails left more than `sigmas` standard deviations."""
        found: Flags = self.track > np.float32(sigmas) * self.noise
        return found


def simulate(
    exposure: SimulatedExposure, chip: Detector, effects: Effects, rng: np.random.Generator
) -> tuple[NDArray[np.uint16], Truth]:
    """Return the raw image of one chip, and what went into it.

    Parameters
    ----------
    exposure : SimulatedExposure
        What the camera is exposed to.
    chip : Detector
        The chip, of any size.
    effects : Effects
        What to simulate and what to leave out.
    rng : numpy.random.Generator
        Source of the noise and of the particles.

    Returns
    -------
    raw : ndarray of uint16, shape (ny, nx), ADU
        Image with prescan and overscan.
    truth : Truth
        Everything that went into it.

    Examples
    --------
    >>> import numpy as np
    >>> from awe.calib.detector.geometry import ChipGeometry
    >>> rng = np.random.default_rng(1)
    >>> geometry = ChipGeometry.from_counts(nx=120, ny=100, prescan_x=10, overscan_x=10)
    >>> chip = make_detector(geometry, rng)
    >>> raw, truth = simulate(SimulatedExposure(kind="bias"), chip, Effects(), rng)
    >>> raw.shape, truth.science.shape
    ((100, 120), (100, 100))
    """
    wander = chip.gain_wander if effects.level_wander else 0.0
    gain = chip.gain * (1 + wander * float(rng.standard_normal()))
    flat = _flat(chip, effects)
    science, objects, sources = _light(exposure, chip, effects)
    track, lines = _tracks(exposure, chip, effects)
    # The order of nature: sky and tracks pass the optics and the pixel's response; dark current
    # and cosmic rays arise in the silicon, behind both; the noise of photons is that of all the
    # charge; only then does a full pixel spill, and only then is the charge read out.
    expected = (science + track) * flat
    if effects.dark_current:
        expected += np.float32(exposure.dark * exposure.exptime / gain)
    cosmic, hits = _cosmic(exposure, chip, effects, gain, rng)
    signal = expected + cosmic
    if effects.photon_noise:
        signal = _with_photon_noise(signal, gain, rng)
    before = signal.copy()
    if effects.bleeding:
        spill(signal, FULL_WELL / gain)
    level, drift = _level(chip, effects, rng)
    raw = _read_out(signal, chip, effects, level, drift, gain, rng)
    inside = sections.parse(chip.geometry.active)
    counted = (raw[inside] >= ADC_LIMIT) | (signal != before)
    truth = Truth(
        science=science,
        objects=objects,
        expected=expected,
        bias=chip.bias if effects.bias_structure else np.zeros_like(chip.bias),
        flat=flat,
        illumination=chip.illumination if effects.illumination else np.ones_like(chip.bias),
        cosmic=cosmic,
        track=track * flat,
        saturated=counted,
        hot=(chip.hot > 0) & effects.hot_pixels,
        cold=chip.cold & effects.cold_pixels & effects.response,
        lines=lines,
        level=level,
        drift=drift,
        gain=gain,
        read_noise=chip.read_noise if effects.read_noise else 0.0,
        cosmic_hits=hits,
        x=sources[0],
        y=sources[1],
        flux=sources[2],
    )
    return raw, truth


def _flat(chip: Detector, effects: Effects) -> Map:
    flat = chip.response.copy() if effects.response else np.ones_like(chip.response)
    if effects.response and not effects.cold_pixels:
        flat[chip.cold] = 1.0
    if effects.vignetting:
        flat *= chip.vignetting
    return flat


def _light(
    exposure: SimulatedExposure, chip: Detector, effects: Effects
) -> tuple[Map, Map, tuple[NDArray[np.float64], ...]]:
    """Light per pixel, that of the sources alone, and x, y, flux of the sources on the chip."""
    smooth = np.full(chip.shape, exposure.level, dtype=np.float32)
    # Scattered light raises the sky and leaves stars alone: that is why flats made of the sky are
    # too high by it, and what the illumination correction takes out again.
    if effects.illumination and exposure.kind in {"twilight", "science"}:
        smooth *= chip.illumination
    if effects.illumination and exposure.kind == "dome":
        smooth *= chip.lamp
    nothing = np.empty(0)
    if exposure.field is None or not effects.sources:
        return smooth, np.zeros_like(smooth), (nothing, nothing, nothing)
    east, north = project(exposure.field.ra, exposure.field.dec, exposure.centre)
    if exposure.distortion:
        outwards = 1.0 + exposure.distortion * (east * east + north * north)
        east, north = east * outwards, north * outwards
    x = east / exposure.pixel_scale - chip.corner[0]
    y = north / exposure.pixel_scale - chip.corner[1]
    flux = exposure.field.flux * exposure.exptime
    size = exposure.field.size / (exposure.pixel_scale * 3600)
    width = np.hypot(exposure.fwhm, size)
    ratio = exposure.field.ratio
    minor = None if ratio is None else np.hypot(exposure.fwhm, size * ratio)
    objects = render(
        chip.shape, x, y, flux, width, minor=minor, angle=exposure.field.angle
    )
    here = (x > -0.5) & (x < chip.shape[1] - 0.5) & (y > -0.5) & (y < chip.shape[0] - 0.5)
    return smooth + objects, objects, (x[here], y[here], flux[here])


def _tracks(
    exposure: SimulatedExposure, chip: Detector, effects: Effects
) -> tuple[Map, tuple[tuple[float, float, float, float], ...]]:
    total = np.zeros(chip.shape, dtype=np.float32)
    lines = []
    for track in exposure.tracks if effects.tracks else ():
        light, ends = track_light(chip.shape, track, chip.corner, exposure.fwhm)
        if light is not None and ends is not None:
            total += light
            lines.append(ends)
    return total, tuple(lines)


def _cosmic(
    exposure: SimulatedExposure,
    chip: Detector,
    effects: Effects,
    gain: float,
    rng: np.random.Generator,
) -> tuple[Map, int]:
    if not effects.cosmic_rays:
        return np.zeros(chip.shape, dtype=np.float32), 0
    # Rows wait for half the read-out on average, and are hit meanwhile.
    area = chip.shape[0] * chip.shape[1] * PIXEL_CM**2
    minutes = (exposure.exptime + READOUT / 2) / 60
    mean = exposure.cosmic_rate * HITS_PER_CM2_MINUTE * area * minutes
    return cosmic_rays(chip.shape, mean, gain, rng)


def _with_photon_noise(signal: Map, gain: float, rng: np.random.Generator) -> Map:
    """Signal with the scatter of its electrons.

    Departure from the exact law: a Gaussian of the same variance above 60 electrons, where the
    two differ by less than the read noise; a Poisson distribution below.
    """
    # N electrons scatter by sqrt(N): in ADU the variance is signal / gain.
    electrons = np.maximum(signal, 0) * np.float32(gain)
    few = (electrons > 0) & (electrons < EXACT_BELOW)
    noisy = rng.standard_normal(signal.shape, dtype=np.float32)
    noisy *= np.sqrt(electrons)
    noisy += electrons
    if few.any():
        noisy[few] = rng.poisson(electrons[few])
    noisy /= np.float32(gain)
    return noisy


def spill(signal: Map, full: float) -> None:
    """Let charge beyond a full pixel run up and down its column, in place.

    Parameters
    ----------
    signal : ndarray of float32, shape (ny, nx), ADU
        Charge of each pixel; changed.
    full : float
        What a pixel holds [ADU].
    """
    for column in np.flatnonzero((signal > full).any(axis=0)):
        charge = signal[:, column]
        for step in (1, -1):
            surplus = np.float32(0.0)
            # Half of the surplus runs upwards, all that is still left downwards; each pixel takes
            # what it has room for, and what reaches the end of the column is lost.
            over = np.maximum(charge - full, 0) * (0.5 if step == 1 else 1.0)
            charge -= over
            for row in range(charge.size)[::step]:
                surplus += over[row]
                room = max(full - charge[row], np.float32(0.0))
                moved = min(surplus, room)
                charge[row] += moved
                surplus -= moved


def _level(chip: Detector, effects: Effects, rng: np.random.Generator) -> tuple[float, Map]:
    """Mean level of the exposure and its departure from it in every row of the image."""
    ny = chip.geometry.ny
    level = chip.level
    if effects.level_wander:
        level += chip.level_wander * float(rng.standard_normal())
    drift = np.zeros(ny, dtype=np.float32)
    if effects.overscan_drift:
        knots = rng.normal(0, 0.7, 9)
        # In the order of reading: a slow wander between nine knots (0.7 ADU), 3 ADU that die away
        # over the first 40 rows, and 0.15 ADU of scatter from row to row.
        order = np.linspace(0, 8, ny)
        drift += np.interp(order, np.arange(9), knots).astype(np.float32)
        drift += 3.0 * np.exp(-np.arange(ny, dtype=np.float32) / 40.0)
        drift += rng.normal(0, 0.15, ny).astype(np.float32)
    return level, drift[::-1].copy() if chip.read_at_top else drift


def _read_out(
    signal: Map,
    chip: Detector,
    effects: Effects,
    level: float,
    drift: Map,
    gain: float,
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    if effects.read_noise:
        image = rng.standard_normal(chip.geometry.shape, dtype=np.float32)
        image *= np.float32(chip.read_noise / gain)
    else:
        image = np.zeros(chip.geometry.shape, dtype=np.float32)
    # Level, drift and read noise are the electronics' and in every pixel, the strips included;
    # charge, bias structure and hot pixels are in the light-sensitive part only. That is what lets
    # an overscan correction work. Rounding comes last: it adds 1/12 ADU^2 to the variance.
    image += (np.float32(level) + drift)[:, np.newaxis]
    inside = sections.parse(chip.geometry.active)
    image[inside] += signal
    if effects.bias_structure:
        image[inside] += chip.bias
    if effects.hot_pixels:
        image[inside] += chip.hot
    np.rint(image, out=image)
    np.clip(image, 0, ADC_LIMIT, out=image)
    return image.astype(np.uint16)


def cross_talk(
    images: Sequence[NDArray[np.uint16]], coefficients: NDArray[np.float64], level: float = 250.0
) -> list[NDArray[np.uint16]]:
    """Return images into which their neighbours' signal has leaked.

    Parameters
    ----------
    images : sequence of ndarray of uint16, shape (ny, nx), ADU
        Images read at the same time; not modified.
    coefficients : ndarray of float64, shape (n, n)
        Fraction of image j that appears in image i, of either sign; the diagonal is ignored.
    level : float
        Bias level [ADU], which does not leak.
    """
    leaked = []
    for target, image in enumerate(images):
        total = image.astype(np.float32)
        for source, other in enumerate(images):
            if source != target and coefficients[target, source] != 0:
                total += np.float32(coefficients[target, source]) * (other - np.float32(level))
        leaked.append(np.clip(np.rint(total), 0, ADC_LIMIT).astype(np.uint16))
    return leaked
