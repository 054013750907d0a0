"""The steps that search a whole frame: cosmic rays, and tracks of satellites and aircraft."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from awe.calib import cosmic, tracks
from awe.calib.flags import ANY_FLAG, PixelFlag
from awe.calib.reduction.work import Work
from awe.calib.sky import seeing

__all__ = ["hits", "lines", "no_cosmic", "no_satellite"]

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: on frames with more bad pixels than this fraction nothing is looked for
_MOST_BAD = 0.9

#: searches use all processors: two frames of one process at once would only need more memory
_ONE_SEARCH = threading.Lock()


def no_cosmic(work: Work) -> str | None:
    """Return why no hits are looked for, or None.

    Parameters
    ----------
    work : Work
        The frame in hand.
    """
    return "not requested" if work.settings.cosmic is None else None


def hits(work: Work) -> str:
    """Flag cosmic rays; returns how many.

    Parameters
    ----------
    work : Work
        The frame in hand.
    """
    settings = work.settings
    chosen = settings.cosmic
    assert chosen is not None
    spoilt = PixelFlag.SATURATED | PixelFlag.BLEED
    bad, number = work.carrying(~spoilt)
    saturated, more = work.carrying(spoilt)
    if number + more > _MOST_BAD * bad.size:
        return "not looked for: nearly all pixels are bad"
    # saturated stars stay at their level: filled they would look like holes with sharp rims
    # there the read noise is in e- (r gain), and saturation counts from the level, not from 0 ADU
    # of several amplifiers the noisiest counts: its chance peaks must not pass for hits
    noise = max((one.read_noise for one in settings.amplifiers), default=settings.read_noise)
    with _ONE_SEARCH:
        found = cosmic.find(
            work.science,
            gain=settings.gain,
            read_noise=noise * settings.gain,
            sigma=chosen.sigma,
            neighbour_fraction=chosen.neighbour_fraction,
            sharpness=chosen.sharpness,
            iterations=chosen.iterations,
            groups=chosen.groups,
            fwhm=chosen.fwhm,
            exceeds=chosen.exceeds,
            wing_limit=chosen.wing_limit,
            saturation=work.full,
            bad=bad,
            saturated=saturated,
            vignetting=work.vignetting,
        )
        found, alone = _all_charge(work, found, bad, saturated, noise * settings.gain)
    work.flag(PixelFlag.COSMIC, found.bad)
    return f"{'no stars, ' if alone else ''}{found.groups} hits, {found.count} pixels"


def _all_charge(
    work: Work,
    found: cosmic.CosmicRays,
    bad: NDArray[np.bool_],
    saturated: NDArray[np.bool_],
    read_noise: float,
) -> tuple[cosmic.CosmicRays, bool]:
    """Return the hits, all charge above the sky if the frame has no stars, and if that is so."""
    chosen = work.settings.cosmic
    if chosen is None or not (chosen.starless and chosen.groups > 0 and chosen.wing_limit > 0):
        return found, False
    gain = work.settings.gain
    light = seeing.lights(
        work.science, found.bad, saturation=work.full, gain=gain, bad=bad | saturated
    )
    if light is None:
        return found, False
    return cosmic.widen(
        work.science, found.bad, gain=gain, read_noise=read_noise, wing_limit=chosen.wing_limit,
        bad=bad, saturated=saturated, light=light, vignetting=work.vignetting,
    ), True


def no_satellite(work: Work) -> str | None:
    """Return why no tracks are looked for, or None.

    Parameters
    ----------
    work : Work
        The frame in hand.
    """
    return "not requested" if work.settings.satellite is None else None


def lines(work: Work) -> str:
    """Flag satellite and aircraft tracks; returns how many.

    Parameters
    ----------
    work : Work
        The frame in hand.
    """
    chosen = work.settings.satellite
    assert chosen is not None
    bad, number = work.carrying(ANY_FLAG)
    if number > _MOST_BAD * bad.size:
        return "not looked for: nearly all pixels are bad"
    # nothing faint near saturation, its bleeding or dead neighbours is believed to be a track; a
    # bright one may saturate, and a narrow one is flagged as cosmic rays
    spoilt = PixelFlag.SATURATED | PixelFlag.BLEED | PixelFlag.DEAD
    with _ONE_SEARCH:
        work.tracks, crossed = tracks.find(
            work.science,
            bad=bad,
            saturated=work.carrying(spoilt)[0],
            threshold=chosen.threshold,
            binning=chosen.binning,
            minimum_length=chosen.minimum_length,
            hits=work.carrying(PixelFlag.COSMIC)[0],
        )
    number = work.flag(PixelFlag.SATELLITE, crossed)
    return f"{len(work.tracks)} tracks, {number} pixels"
