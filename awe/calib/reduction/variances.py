"""The step that states the variance of every pixel, by the numbers of its amplifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from awe.calib.detector.bias import DIGITISATION
from awe.calib.weight import NoiseModel

__all__ = ["frame", "rows"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from awe.calib.reduction.settings import AmplifierSettings, Settings
    from awe.calib.reduction.work import Work

#: below this variance times gain squared [electron**2] a pixel's own count misstates its
#: variance by more than 0.5 %: the error is about 3 over it
_FAINT = 600.0

#: pitch [pixel] of the counts that say whether a frame is faint
_PITCH = 16


def frame(work: Work) -> str:
    """Choose the noise model of every amplifier; returns it in words.

    Parameters
    ----------
    work : Work
        The frame in hand, its levels measured.
    """
    settings = work.settings
    # c = r**2 + 1/12 + var(level) + var(master bias) [ADU**2]: all that does not grow with light
    if work.calibrations.bias is not None:
        work.bias_noise = work.noise_of(work.calibrations.bias, "bias_variance")
    whole = (slice(0, work.shape[0]), slice(0, work.shape[1]))
    numbers: Sequence[Settings | AmplifierSettings] = (
        settings.amplifiers or [settings] * len(work.read.variances)
    )
    light, told, noises = _light(work), [], []
    for place, one, level in zip(
        work.read.places or [whole], numbers, work.read.variances, strict=True
    ):
        read = one.read_noise**2 + DIGITISATION
        # one number for a bias is of the whole chip, which was read by the same amplifiers; a
        # plane has the variance of each
        planes = isinstance(work.calibrations.bias_variance, np.ndarray)
        share = 1.0 if planes else read / (settings.read_noise**2 + DIGITISATION)
        constant = read + level + work.bias_noise**2 * share
        faint = (light / one.gain + constant) * one.gain**2 < _FAINT
        noises.append((place, NoiseModel(gain=one.gain, constant=constant, faint=faint)))
        where = ", light of the surroundings" if faint else ""
        told.append(f"light / {one.gain:.4g} + {constant:.4g} ADU**2{where}")
    work.noises = tuple(noises)
    return "; ".join(dict.fromkeys(told))


def _light(work: Work) -> float:
    """Return about how much light a pixel has [ADU], before any pixel is corrected."""
    thin = work.read.pixels[::_PITCH, ::_PITCH].astype(np.float32)
    level = work.level
    if len(work.read.levels) > 1:
        thin -= work.read.offsets[::_PITCH, ::_PITCH]
        thin *= np.float32(1) if work.read.scale is None else work.read.scale[::_PITCH, ::_PITCH]
        level = work.bias_level
    thin = thin[np.isfinite(thin)]
    return max(float(np.median(thin)) - level, 0.0) if thin.size else 0.0


def rows(work: Work, rows: slice) -> None:
    """State the variance of a block of rows [ADU**2].

    Parameters
    ----------
    work : Work
        The frame in hand.
    rows : slice
        Rows in hand.
    """
    # s / gain + c: the dark charge is still in s, so its own photon-like noise is counted
    if len(work.noises) == 1:
        work.noises[0][1].variance(work.science[rows], out=work.variance[rows])
    else:
        for place, noise in work.noises:
            part = work.within(place, rows)
            if part is not None:
                work.variance[part] = noise.variance(np.ascontiguousarray(work.science[part]))
    if isinstance(work.calibrations.bias_variance, np.ndarray):
        # the pixels of a bias are alike but for the few that lost values
        work.variance[rows] += work.bias_variance(rows) - np.float32(work.bias_noise**2)
