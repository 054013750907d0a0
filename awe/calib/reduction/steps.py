"""The steps of `reduction.reduce`: what each does to the work in hand, and when it is skipped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from awe.calib import _planes
from awe.calib.detector import amplifiers, dead, gain, overscan, saturation, trim
from awe.calib.flags import FLAG_DTYPE, PixelFlag
from awe.calib.reduction import searches, variances
from awe.calib.reduction.work import Work
from awe.calib.sky import background, fringe
from awe.errors import NoValidPixels

__all__ = ["RAW", "STEPS", "Step"]

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

#: boxes [pixel] and pitch of reading for the large scales of the flat: the vignetting
_VIGNETTING = (128, 8)

#: pitch [pixel] at which the level of the bias is sampled
_PITCH = 16

#: a read noise [ADU] from which lines of one value are not alive
_TELLING = 0.5

#: noise of an overscan strip [ADU] below which it is that of no read-out
_SILENT = 0.01

#: counts this many read noises below the bias are not read out
_BELOW = 10.0

#: smallest box [pixel] of the sky under fringes
_FRINGE_BOX = 256


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a reduction.

    Attributes
    ----------
    name, text : str
        Its name and what it does.
    before, after : str
        Unit of the pixels it takes and gives.
    skip : callable
        Tells why there is nothing to do, or None.
    frame : callable or None
        Works on the whole frame (before `rows`); returns what it found.
    rows : callable or None
        Works on a block of rows.
    required : bool
        Whether the steps after it need what it does.
    spends : tuple of str
        Calibrations that no step after it uses.
    """

    name: str
    text: str
    before: str
    after: str
    skip: Callable[[Work], str | None]
    frame: Callable[[Work], str] | None = None
    rows: Callable[[Work, slice], None] | None = None
    required: bool = False
    spends: tuple[str, ...] = ()


def _always(work: Work) -> str | None:
    del work
    return None


def _unless_given(name: str) -> Callable[[Work], str | None]:
    def skip(work: Work) -> str | None:
        return None if getattr(work.calibrations, name) is not None else f"no {name} given"

    return skip


def _trim(work: Work) -> str:
    method = work.settings.overscan
    if work.calibrations.bias is not None:
        overscan.require_same(method, work.calibrations.bias_method, "the master bias")
    if work.levelled is None:
        work.levelled = amplifiers.levelled(work.raw, work.geometry, method)
    _require_signal(work, work.read.levels)
    work.raw = work.read.pixels
    work.shape = (work.raw.shape[0], work.raw.shape[1])
    work.bias_level = _typical(work.calibrations.bias)
    for name, plane in vars(work.calibrations).items():
        if isinstance(plane, np.ndarray):
            trim.require_shape(plane, work.shape, f"the calibration {name!r}")
    reasons = work.calibrations.reasons
    work.flags = np.zeros(work.shape, FLAG_DTYPE) if reasons is None else reasons.copy()
    return f"{work.shape[1]} x {work.shape[0]} pixels"


def _typical(bias: NDArray[np.float32] | None) -> float:
    """Return the typical count of a master bias [ADU]; 0 without one."""
    return 0.0 if bias is None else float(np.nanmedian(bias[::_PITCH, ::_PITCH]))


def _require_signal(work: Work, found: Sequence[overscan.Levels]) -> None:
    """Refuse a frame with an amplifier whose strip holds one value."""
    for levels in found:
        silent = levels.sigma < _SILENT
        silent &= float(levels.values.max()) < work.settings.saturation_high
        if levels.method and work.settings.read_noise >= _TELLING and silent:
            level = np.nanmean(levels.values)
            msg = (
                f"the overscan strip of the frame holds one value, {level:.0f} "
                "ADU: the read-out gave no signal; set is_valid = 0 for the raw frame"
            )
            raise NoValidPixels(msg)


def _saturation(work: Work) -> str:
    settings = work.settings
    found = saturation.find(
        work.raw, high=work.saturation, low=settings.saturation_low,
        along=settings.bleed_along, beside=settings.bleed_beside, reach=settings.dead_reach,
    )
    number = work.flag(PixelFlag.SATURATED, found.saturated)
    work.flag(PixelFlag.BLEED, found.bleed)
    work.flag(PixelFlag.DEAD, found.dead)
    return f"{number} pixels saturated"


def _no_noise(work: Work) -> str | None:
    # where the read noise is below the step of the converter a line may well hold one value
    noise = work.settings.read_noise
    return None if noise >= _TELLING else f"a read noise of {noise:.2g} ADU tells nothing"


def _dead(work: Work) -> str:
    rows, columns = dead.lines(work.raw, high=work.settings.saturation_high)
    if rows.all() or columns.all():
        msg = (
            "every row or column of the frame holds one value: the read-out gave no signal; "
            "set is_valid = 0 for the raw frame"
        )
        raise NoValidPixels(msg)
    bad = rows[:, None] | columns[None, :]
    number = work.flag(PixelFlag.DEAD, bad) if bad.any() else 0
    return f"{int(rows.sum())} rows, {int(columns.sum())} columns, {number} pixels"


def _below_rows(work: Work, rows: slice) -> None:
    # s < -10 r: read noise alone does that to one pixel in 1e23
    limit = np.float32(-_BELOW * max(work.settings.read_noise, 1.0))
    below = work.science[rows] < limit
    if below.any():
        work.flag(PixelFlag.DEAD, below, rows)


def _known_bad(work: Work) -> str:
    found = []
    for flag, bad in (
        (PixelFlag.HOT, work.calibrations.hot),
        (PixelFlag.COLD, work.calibrations.cold),
    ):
        if bad is not None:
            found.append(f"{work.flag(flag, bad)} {flag.short}s")
    return ", ".join(found)


def _no_maps(work: Work) -> str | None:
    calibrations = work.calibrations
    return "no maps given" if calibrations.hot is None and calibrations.cold is None else None


def _overscan_frame(work: Work) -> str:
    # not before: what finds saturated and dead pixels needs the memory
    work.science = np.empty(work.shape, np.float32)
    work.variance = np.empty(work.shape, np.float32)
    method = overscan.METHODS[work.read.levels[0].method]
    borrowed = sum(one.borrowed for one in work.read.levels)
    charged = f", {borrowed} of the lines around, as charge is in their strip" if borrowed else ""
    means = [float(np.nanmean(one.values)) for one in work.read.levels]
    if len(means) == 1:
        means = [float(np.nanmean(work.read.offsets))]
    return f"{method}, {', '.join(f'{mean:.2f}' for mean in means)} ADU{charged}"


def _overscan_rows(work: Work, rows: slice) -> None:
    science = work.science[rows]
    # s = raw - level [ADU]
    np.copyto(science, work.raw[rows], casting="unsafe")
    science -= work.read.offsets[rows] if work.read.offsets.shape[0] > 1 else work.read.offsets
    if work.read.scale is not None:
        # counts of an amplifier become counts of the chip: one gain for the whole frame
        science *= work.read.scale[rows]


def _bias_rows(work: Work, rows: slice) -> None:
    assert work.calibrations.bias is not None
    work.science[rows] -= work.calibrations.bias[rows]


def _is_linear(work: Work) -> str | None:
    curved = [work.calibrations.curvature, *(one.curvature for one in work.settings.amplifiers)]
    return None if any(curved) else "the chip is taken as linear"


def _linearity_rows(work: Work, rows: slice) -> None:
    # m = s + c s**2 solved for s, before the noise: photons go with s, not with m
    if not work.settings.amplifiers:
        work.science[rows] = gain.linearised(work.science[rows], work.calibrations.curvature)
    for one, place in zip(work.settings.amplifiers, work.read.places, strict=False):
        part = work.within(place, rows)
        if part is not None:
            work.science[part] = gain.linearised(work.science[part], one.curvature)


def _glow_frame(work: Work) -> str:
    assert work.calibrations.glow is not None
    time = work.settings.exposure_time
    work.dark_noise = work.noise_of(work.calibrations.glow, "dark_variance") * time
    return f"over {work.calibrations.glow_limit:g} sigma in {time:g} s"


def _glow_rows(work: Work, rows: slice) -> None:
    assert work.calibrations.glow is not None
    # |D t| > k sqrt(var + (sigma_D t)**2): what is left in the frame, in units of its own noise
    left = work.calibrations.glow[rows] * np.float32(work.settings.exposure_time)
    variance = work.variance[rows] + np.float32(work.dark_noise**2)
    limit = np.float32(work.calibrations.glow_limit)
    work.flag(PixelFlag.HOT, left * left > limit * limit * variance, rows)


def _dark_frame(work: Work) -> str:
    assert work.calibrations.dark is not None
    time = work.settings.exposure_time
    work.dark_noise = work.noise_of(work.calibrations.dark, "dark_variance") * time
    return f"{time:g} s of it, noise {work.dark_noise:.3g} ADU"


def _dark_rows(work: Work, rows: slice) -> None:
    assert work.calibrations.dark is not None
    # s - D t [ADU]
    time = np.float32(work.settings.exposure_time)
    work.science[rows] -= work.calibrations.dark[rows] * time
    work.variance[rows] += work.dark_variance(rows)


def _flat_frame(work: Work) -> str:
    flat = work.calibrations.flat
    assert flat is not None
    box, step = _VIGNETTING
    # large frames are read at every 8th pixel, 256 of a box; small ones at every second
    step = step if min(flat.shape) >= 4 * box else 2
    try:
        work.vignetting = background.estimate(flat, box=box, step=step)
    except NoValidPixels as error:
        msg = "the master flat has no region that can divide; make a new one with MasterFlat"
        raise NoValidPixels(msg) from error
    if not work.vignetting.level > 0:
        msg = (
            f"the master flat has a median of {work.vignetting.level:.4g} and must have more "
            "than 0; make a new one with MasterFlat"
        )
        raise NoValidPixels(msg)
    return f"flat noise {work.calibrations.flat_noise:.2g}"


def _flat_rows(work: Work, rows: slice) -> None:
    flat = work.calibrations.flat
    assert flat is not None
    least = work.settings.minimum_response
    known = work.calibrations.flat_variance
    # a flat that does not tell has the noise of photons, n**2 f
    photons = np.float32(work.calibrations.flat_noise**2)
    spread = flat[rows] * photons if known is None else known[rows]
    if not _planes.divide(
        work.science[rows], work.variance[rows], flat[rows], spread, np.float32(least)
    ):
        bad = ~(flat[rows] >= least) | ~(flat[rows] < np.inf)
        work.flag(PixelFlag.BAD_FLAT, bad, rows)


def _illumination_rows(work: Work, rows: slice) -> None:
    assert work.calibrations.illumination is not None
    # s / I and var / I**2: the correction counts as free of noise
    inverse = np.float32(1) / work.calibrations.illumination[rows]
    work.science[rows] *= inverse
    inverse *= inverse
    work.variance[rows] *= inverse


def _finite_rows(work: Work, rows: slice) -> None:
    science = work.science[rows]
    if _planes.all_finite(science):
        return
    bad = ~np.isfinite(science)
    # a reason of its own only where the flat is not it, or where the raw count was not finite
    broken = bad & ((work.flags[rows] & FLAG_DTYPE.type(PixelFlag.BAD_FLAT)) == 0)
    work.flag(PixelFlag.NON_FINITE, broken | ~np.isfinite(work.raw[rows]), rows)
    science[bad] = np.nan
    work.variance[rows][bad] = np.nan


def _fringe_frame(work: Work) -> str:
    fringes = work.calibrations.fringes
    assert fringes is not None
    settings = work.settings
    work.fringe_scale = fringe.scale(
        work.science, fringes, low=settings.fringe_low, high=settings.fringe_high,
        threshold=settings.image_threshold, box=_FRINGE_BOX, bad=work.bad,
    )
    factor = work.fringe_scale.factor
    # s - a F, and (a sigma_F)**2 more variance; the error of a itself is not in the variance
    work.science -= np.float32(factor) * fringes
    known, noise = work.calibrations.fringe_variance, work.noise_of(fringes, "fringe_variance")
    # where nothing is known of the fringes nothing is subtracted
    each = np.float32(noise**2) if known is None else np.nan_to_num(known)
    work.variance += np.float32(factor**2) * each
    noise *= abs(factor)
    return f"scaled by {factor:.4f} +- {work.fringe_scale.error:.4f}, noise {noise:.3g} ADU"


def _keep_sky(work: Work) -> str | None:
    asked = work.settings.background_box > 0 or work.calibrations.background is not None
    return None if asked else "not requested"


def _background_frame(work: Work) -> str:
    if work.calibrations.background is not None:
        return f"{float(np.nanmedian(work.calibrations.background)):.2f} ADU, as given"
    work.sky = background.estimate(
        work.science, box=work.settings.background_box, bad=work.bad, clip=3.0, step=2
    )
    return f"{work.sky.level:.2f} ADU"


def _background_rows(work: Work, rows: slice) -> None:
    given, illumination = work.calibrations.background, work.calibrations.illumination
    if given is None:
        assert work.sky is not None
        work.science[rows] -= work.sky.rows(rows)
    elif illumination is None:
        work.science[rows] -= given[rows]
    else:
        # the sky that is given was made before the illumination correction: s / I - B / I
        work.science[rows] -= given[rows] / illumination[rows]


def _weight_rows(work: Work, rows: slice) -> None:
    flat = work.calibrations.flat
    # w = f, or 1 without a flat; illumination and variance do not enter the relative weight
    response = np.ones((1, work.shape[1]), np.float32) if flat is None else flat[rows]
    if rows.start == 0:
        # not before: the searches for hits and tracks need the memory
        work.weight = np.empty(work.shape, np.float32)
    flags = work.flags[rows]
    _planes.weigh(np.broadcast_to(response, flags.shape), flags, work.weight[rows])


#: units of the pixels before and after the electronic level is subtracted
RAW, _ADU = "raw ADU", "ADU"

#: the sequence of Reduce; the order is data
STEPS: tuple[Step, ...] = (
    Step(name="trim", text="cut the light-sensitive section and check the calibrations fit",
         before=RAW, after=RAW, skip=_always, frame=_trim, required=True, spends=("reasons",)),
    Step(name="saturation", text="flag saturated pixels, bleeding and dead neighbours",
         before=RAW, after=RAW, skip=_always, frame=_saturation),
    Step(name="dead", text="flag rows and columns of one value",
         before=RAW, after=RAW, skip=_no_noise, frame=_dead),
    Step(name="maps", text="flag hot and cold pixels",
         before=RAW, after=RAW, skip=_no_maps, frame=_known_bad, spends=("hot", "cold")),
    Step(name="overscan", text="subtract the electronic level",
         before=RAW, after=_ADU, skip=_always, frame=_overscan_frame, rows=_overscan_rows,
         required=True),
    Step(name="bias", text="subtract the master bias",
         before=_ADU, after=_ADU, skip=_unless_given("bias"), rows=_bias_rows),
    Step(name="below", text="flag counts below anything read out without light",
         before=_ADU, after=_ADU, skip=_unless_given("bias"), rows=_below_rows),
    Step(name="linearity", text="take the curvature of the response out",
         before=_ADU, after=_ADU, skip=_is_linear, rows=_linearity_rows),
    Step(name="noise", text="state the variance of every pixel",
         before=_ADU, after=_ADU, skip=_always, frame=variances.frame, rows=variances.rows,
         required=True),
    Step(name="glow", text="flag pixels whose dark current stays in the frame",
         before=_ADU, after=_ADU, skip=_unless_given("glow"), frame=_glow_frame,
         rows=_glow_rows),
    Step(name="dark", text="subtract the dark current times the exposure time",
         before=_ADU, after=_ADU, skip=_unless_given("dark"), frame=_dark_frame,
         rows=_dark_rows),
    Step(name="flat", text="divide by the master flat",
         before=_ADU, after=_ADU, skip=_unless_given("flat"), frame=_flat_frame,
         rows=_flat_rows),
    Step(name="illumination", text="divide by the illumination correction",
         before=_ADU, after=_ADU, skip=_unless_given("illumination"), rows=_illumination_rows),
    Step(name="finite", text="flag pixels without a value",
         before=_ADU, after=_ADU, skip=_always, rows=_finite_rows, required=True,
         spends=("bias", "bias_variance", "dark", "dark_variance", "glow", "flat_variance")),
    Step(name="fringes", text="subtract the scaled fringe frame",
         before=_ADU, after=_ADU, skip=_unless_given("fringes"), frame=_fringe_frame,
         spends=("fringes", "fringe_variance")),
    Step(name="cosmic", text="flag cosmic rays",
         before=_ADU, after=_ADU, skip=searches.no_cosmic, frame=searches.hits),
    Step(name="satellite", text="flag satellite and aircraft tracks",
         before=_ADU, after=_ADU, skip=searches.no_satellite, frame=searches.lines),
    Step(name="background", text="subtract the smooth sky",
         before=_ADU, after=_ADU, skip=_keep_sky, frame=_background_frame,
         rows=_background_rows, spends=("background", "illumination")),
    Step(name="weight", text="make the relative weight, 0 where a reason is set",
         before=_ADU, after=_ADU, skip=_always, rows=_weight_rows, required=True),
)
