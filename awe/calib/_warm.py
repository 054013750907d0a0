"""One small run of everything that is compiled, so that nobody waits for it later.

In steps, so that a process with something else to do can look up in between.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from awe.calib import cosmic, statistics, weight
from awe.calib.coaddition import Combine, Layer, coadd
from awe.calib.combine import Method, Noise, combine
from awe.calib.combine.propagation import flattened_variance, mean_variance
from awe.calib.detector.geometry import ChipGeometry
from awe.calib.flags import PixelFlag
from awe.calib.reduction import Calibrations, CosmicSettings, SatelliteSettings, Settings, reduce
from awe.calib.resample import Kernel, mapping, regrid
from awe.calib.sky import background, seeing
from awe.calib.weight import NoiseModel

__all__ = ["frames", "masters"]

_SIZE = 256

_Raw = np.ndarray[tuple[int, int], np.dtype[np.uint16]]


def masters() -> Iterator[None]:
    """Run every kernel that calibrations are made with, a few with each step."""
    frame, ones = _frame(), np.ones((_SIZE, _SIZE), np.float32)
    combine([frame] * 3, method=Method.STD, sigma=3.0, count=True)
    yield
    noise = Noise(constant=1.0)
    mean = combine([frame] * 3, method=Method.FIXED, sigma=3.0, noise=[noise] * 3, share=True)
    yield
    mean_variance(mean, noise)
    flattened_variance(mean, noise, ones, ones)
    yield
    statistics.image_statistics(ones)
    statistics.image_statistics(ones, ones > 1)
    statistics.clipped(ones, sigma=3.0, iterations=5)
    weight.inherited(np.full_like(ones, np.nan), [], {})
    yield
    mesh, spread, _ = background.medians(ones, box=64, bad=None, clip=3.0, step=1, least=0.5)
    background.Surface(mesh=mesh, spread=spread, box=64, shape=(_SIZE, _SIZE)).rows()
    yield


def frames() -> Iterator[None]:
    """Run every kernel that frames are reduced with, a few with each step."""
    frame, ones = _frame(), np.ones((_SIZE, _SIZE), np.float32)
    good = np.zeros(frame.shape, np.bool_)
    calibrations = Calibrations(
        bias=0 * ones, flat=ones, dark=0 * ones, fringes=None, hot=good, cold=good
    )
    geometry = ChipGeometry.from_counts(nx=_SIZE, ny=_SIZE)
    for raw, given in ((_flashing(frame), calibrations), (frame, Calibrations())):
        done = reduce(raw, geometry, given, _settings())
        yield
    cosmic.widen(
        done.science, done.bad(PixelFlag.COSMIC), gain=2.5, read_noise=5.5, wing_limit=2.7,
        bad=good,
    )
    yield
    NoiseModel(gain=2.5, constant=5.0, faint=True).variance(done.science)
    weight.numbers(done.flags, PixelFlag.HOT)
    yield
    place = mapping(lambda x, y: (x, y), frame.shape, tolerance=0.1)
    for kernel in Kernel:
        regrid(done.science, ones, done.flags, ones, place, kernel=kernel)
        yield
    layers = [
        Layer(row=0, column=0, shape=(_SIZE, _SIZE), noise=1.0, gain=1.0,
              read=lambda rows: (ones[rows], ones[rows]))
    ]  # fmt: skip
    coadd(layers, (_SIZE, _SIZE), method=Combine.CLIPPED, sigma=4.0, fraction=0.3)
    yield
    for image in (frame, done.science):
        seeing.measure(image, threshold=5.0, saturation=60000.0, narrowest=1.5, gain=2.5)
        yield


def _flashing(frame: _Raw) -> _Raw:
    """Return a raw frame with a bright flashing track and stars that are not trailed added."""
    y, x = np.mgrid[:_SIZE, :_SIZE]
    # flashes of 20 pixels in steps of 40
    light = 900 * np.exp(-0.5 * ((x - 0.3 * y - 90) / 2) ** 2) * (y % 40 < 20)
    for row, column in np.ndindex(4, 4):
        light += 900 * np.exp(-0.125 * ((x - 16 * column - 190) ** 2 + (y - 60 * row - 30) ** 2))
    result: _Raw = np.minimum(frame + light, 65535).astype(np.uint16)
    return result


def _frame() -> _Raw:
    """Return a raw frame with a star, a hit, a track and saturated pixels."""
    rng = np.random.default_rng(1)
    frame = rng.normal(500, 15, (_SIZE, _SIZE))
    y, x = np.mgrid[:_SIZE, :_SIZE]
    frame += 14 * np.exp(-0.5 * ((0.9 * x - 0.4 * y - 60) / 2) ** 2)
    frame[20, 200] += 3000
    frame[100:110, 30:40] = 65535
    return np.rint(frame).astype(np.uint16)


def _settings() -> Settings:
    return Settings(
        overscan=0, gain=2.5, read_noise=2.2, exposure_time=1.0, saturation_high=60000.0,
        saturation_low=50.0, bleed_along=3, bleed_beside=1, dead_reach=2, minimum_response=0.05,
        fringe_low=1.5, fringe_high=5.0, image_threshold=5.0, background_box=64,
        cosmic=CosmicSettings(
            sigma=4.0, neighbour_fraction=0.3, sharpness=3.0, iterations=4, groups=34.0,
            fwhm=3.0, wing_limit=2.7,
        ),
        satellite=SatelliteSettings(threshold=6.5, binning=4, minimum_length=300.0),
    )
