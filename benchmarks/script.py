"""A night reduced by a competent script of ccdproc and astroscrappy, for `benchmarks.pipeline`.

Overscan, trim, deviation, combined bias and flats, bad pixels from both, cosmic rays with four
iterations of separable medians. It looks for no tracks and measures no seeing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import astropy.io.fits
import astroscrappy
import ccdproc
import numpy as np
from astropy import units
from astropy.nddata import CCDData
from astropy.stats import mad_std
from scipy import ndimage

from awe.calib.detector.geometry import ChipGeometry

SATURATION = 60000.0


@dataclass(frozen=True)
class Masters:
    """What the script combined: bias, flat of mean 1, bad pixels."""

    bias: CCDData
    flat: CCDData
    bad: np.ndarray


@dataclass(frozen=True)
class Script:
    """The script for one chip.

    Parameters
    ----------
    geometry : ChipGeometry
        Regions of the raw images.
    gain, read_noise : float
        Gain [electron/ADU] and read noise [electron], as the header tells them.
    """

    geometry: ChipGeometry
    gain: float
    read_noise: float

    def trimmed(self, path: Path) -> tuple[CCDData, np.ndarray]:
        """Return a raw frame without its level and borders, and the raw pixels it is from."""
        raw = astropy.io.fits.getdata(path, 1).astype(np.float32)
        frame = CCDData(raw, unit="adu")
        columns = self.geometry.overscan_x.split(",")[0]
        frame = ccdproc.subtract_overscan(
            frame, fits_section=f"{columns},1:{self.geometry.ny}]", median=False, overscan_axis=1
        )
        first = ccdproc.trim_image(CCDData(raw, unit="adu"), fits_section=self.geometry.active)
        return ccdproc.trim_image(frame, fits_section=self.geometry.active), first.data

    def masters(self, biases: list[Path], flats: list[Path]) -> Masters:
        """Return the combined calibrations of a night."""
        bias = combined([self.trimmed(path)[0] for path in biases])
        lit = [ccdproc.subtract_bias(self.trimmed(path)[0], bias) for path in flats]
        flat = combined(lit, scale=lambda pixels: 1 / np.ma.median(pixels))
        flat = CCDData(flat.data / flat.data.mean(), unit=units.dimensionless_unscaled)
        hot = np.abs(bias.data - np.median(bias.data)) > 10 * mad_std(bias.data)
        cold = np.abs(flat.data - ndimage.median_filter(flat.data, 7)) > 0.06
        return Masters(bias, flat, hot | cold)

    def reduce(self, path: Path, masters: Masters, target: Path) -> Any:
        """Write and return image, hits, all bad pixels and variance of a science frame."""
        frame, first = self.trimmed(path)
        frame = ccdproc.subtract_bias(frame, masters.bias)
        frame = ccdproc.create_deviation(
            frame, gain=self.gain * units.electron / units.adu,
            readnoise=self.read_noise * units.electron, disregard_nan=True,
        )
        frame = ccdproc.flat_correct(frame, masters.flat, norm_value=1.0)
        data = np.asarray(frame.data, np.float32)
        bad = masters.bad | (first >= SATURATION)
        hits, _ = astroscrappy.detect_cosmics(
            data, inmask=bad, sigclip=4.5, sigfrac=0.3, objlim=5.0, gain=self.gain,
            readnoise=self.read_noise, satlevel=SATURATION * self.gain, niter=4, sepmed=True,
            cleantype="meanmask",
        )
        variance = np.asarray(frame.uncertainty.array, np.float32) ** 2
        astropy.io.fits.HDUList([
            astropy.io.fits.PrimaryHDU(data), astropy.io.fits.ImageHDU(variance),
            astropy.io.fits.ImageHDU((bad | hits).astype(np.uint8)),
        ]).writeto(target, overwrite=True, checksum=True)
        return data, hits, bad | hits, variance


def combined(frames: list[CCDData], **more: Any) -> CCDData:
    """Return the mean of frames without outliers."""
    return ccdproc.combine(
        frames, method="average", sigma_clip=True, sigma_clip_low_thresh=5,
        sigma_clip_high_thresh=5, sigma_clip_func=np.ma.median, sigma_clip_dev_func=mad_std,
        dtype=np.float32, **more,
    )
