"""Recipe Reduce: from raw to reduced science frames, with weights and the maps behind them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from awe import fits, instruments, rules
from awe.calib.detector import sections
from awe.calib.detector.geometry import ChipGeometry
from awe.calib.threads import side_by_side
from awe.db.server.scope import current
from awe.errors import WrongShape
from awe.fits.planes import WEIGHT_WITHIN
from awe.lazy import resolve
from awe.model import calibrations as calfiles
from awe.model.calibrations import BackgroundFrame
from awe.model.mixins import QualityFlag
from awe.model.science import ReducedScienceFrame, WeightFrame
from awe.rules.roles import VALIDITY
from awe.tasks import readout
from awe.tasks.applied import applied, planes_of
from awe.tasks.arguments import Argument, common
from awe.tasks.between import wanted
from awe.tasks.inputs import (
    absent,
    background_of,
    choose,
    find,
    fixed,
    imstat,
    mark_others,
    missing,
    nominal,
    read_noise,
)  # fmt: skip
from awe.tasks.maps import flag_image, make_maps, variance_image
from awe.tasks.naming import BY_HAND
from awe.tasks.products import place_in
from awe.tasks.selection import one_each, raw_frames
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from awe.calib.reduction import Look, Reduced, Settings
    from awe.calib.sky.seeing import Seeing

__all__ = ["ReduceTask"]

#: steps that use a calibration, by its role; those of the others are always needed
USES = {
    "bias": ("bias",), "flat": ("flat",), "hot": ("maps",), "cold": ("maps",),
    "illumination": ("illumination",), "fringe": ("fringes",), "back": ("background",),
}  # fmt: skip

#: arguments that ask for a step
ASKED_BY = {
    "bias": "bias_filename", "flat": "flat_filename", "maps": "hot_filename cold_filename",
    "illumination": "illumination_filename", "fringes": "fringe_filename",
    "background": "background back_filename",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The calibrations of one frame, and how each came to be chosen."""

    read_noise: Any
    bias: Any = None
    flat: Any = None
    hot: Any = None
    cold: Any = None
    gain: Any = None
    dark: Any = None
    illumination: Any = None
    fringe: Any = None
    back: Any = None
    choices: dict[str, str]

    @property
    def with_files(self) -> list[Any]:
        """Those that are images, without those there are not."""
        images = (
            self.bias, self.flat, self.hot, self.cold, self.dark, self.illumination, self.fringe,
            self.back,
        )  # fmt: skip
        return [item for item in images if item is not None]


class ReduceTask(Task):
    """De-bias and flat-field raw science frames, and flag every pixel that may not be used.

    Steps: trim, overscan, bias, linearity, flat, illumination correction, fringes, saturated
    pixels, cosmic rays, satellite tracks, hot and cold pixels, weight. Calibrations are the
    newest valid ones for each frame's date, unless named.
    """

    makes: ClassVar[tuple[str, ...]] = (
        "ReducedScienceFrame", "WeightFrame", "SaturatedPixelMap", "CosmicMap", "SatelliteMap",
    )  # fmt: skip
    raw = "RawScienceFrame"
    of_object = True
    named: ClassVar[Mapping[str, str]] = {
        "bias_filename": "BiasFrame", "flat_filename": "MasterFlatFrame",
        "hot_filename": "HotPixelMap", "cold_filename": "ColdPixelMap",
        "dark_filename": "DarkFrame", "illumination_filename": "IlluminationCorrectionFrame",
        "fringe_filename": "FringeFrame", "back_filename": "BackgroundFrame",
        "read_noise_id": "ReadNoise", "gain_id": "GainLinearity",
    }  # fmt: skip
    back_filename: str | None = None
    background: bool = False
    arguments = (
        *common(
            "instrument", "date", "filter", "chip", "object", "template", "raw_filenames",
            "overscan",
        ),
        Argument(
            name="background", type=bool, default=False,
            doc="subtract the BackgroundFrame there is of each frame",
        ),
        *common("pars", "commit"),
    )  # fmt: skip
    example = (
        "ReduceTask(instrument='OMEGACAM', template='2012-06-01T08:51:44', "
        "chip='ESO_CCD_#65').execute()"
    )

    def units(self) -> list[Unit]:
        """Return one unit per raw frame."""
        return one_each(raw_frames(self))

    @classmethod
    def chain(cls) -> tuple[Stage, ...]:
        """Return the steps from raw to reduced frame, in order."""
        return tuple(
            Stage(
                name=step.name, text=step.text, unit=step.after, required=step.required,
                argument=ASKED_BY.get(step.name, ""),
            )
            for step in resolve("awe.calib.reduction:STEPS")
        )  # fmt: skip

    def conditions(self) -> dict[str, str]:
        """Return step -> on what it depends in this call, for steps that are not always done."""
        red = self.parameters("ReducedScienceFrame")
        there = "where there is one"
        found = {"illumination": there, "fringes": there, "linearity": "where it was measured"}
        if red.SUBTRACT_DARK:
            found["glow"] = "not done: the dark is subtracted, SUBTRACT_DARK is 1"
        else:
            found |= {"glow": "where there is a dark", "dark": "not done: SUBTRACT_DARK is 0"}
        if not red.CORRECT_LINEARITY:
            found["linearity"] = "not done: CORRECT_LINEARITY is 0"
        if not (self.background or self.back_filename or red.BACKGROUND_BOX):
            found["background"] = "not done: background is False, BACKGROUND_BOX is 0"
        return found

    def make(self, unit: Unit) -> ReducedScienceFrame:
        """Return the reduced frame of the unit's raw frame.

        Parameters
        ----------
        unit : Unit
            Work to do: chip, input frames and date.
        """
        from awe.calib import reduction

        raw = unit.frames[0]
        chosen = self._choose(unit)
        self.fetch([raw, *chosen.with_files])
        # the dataserver vouches for the bytes, not for what somebody stored
        fits.judge(raw.pathname, verify=False)
        readers: list[Callable[[], Any]] = [partial(fits.read, raw.pathname)]
        readers += [partial(self.pixels, item) for item in chosen.with_files]
        readers += planes_of(self, chosen)
        image = side_by_side(readers)[0]
        if image.pixels is None:
            msg = f"{raw.filename} holds no image; ingest the exposure again"
            raise WrongShape(msg)
        geometry = ChipGeometry(**raw.geometry)
        calibrations = applied(self, unit, chosen)
        self._running().let_go()
        gain = chosen.gain.gain if chosen.gain is not None else nominal(unit).gain
        # hits are still in the frame: a hit search needs the width of the stars first
        level, pixels, full, end = readout.seen(
            image.pixels, geometry, self.parameters("ReducedScienceFrame").OVERSCAN_CORRECTION,
            nominal(unit), self.parameters("SaturatedPixelMap").THRESHOLD_HIGH,
        )  # fmt: skip
        stars = self._seeing(pixels, gain, calibrations.defects, end)
        defects = None if stars.safe else calibrations.defects
        odd: QualityFlag = resolve("awe.rules.oddities:odd_counts")(image.pixels, geometry)
        settings = self._settings(unit, chosen, gain, stars, full)
        reduced = reduction.reduce(
            image.pixels, geometry, calibrations, settings,
            leave_out=self.leave_out or (), look=partial(self._look, raw), after=wanted(self),
            levelled=level, spend=True,
        )  # fmt: skip
        odd |= self._pattern(chosen, calibrations.flat, reduced)
        odd |= self._doubt(stars, pixels, gain, defects, end, reduced)
        after = stars
        # once stars have lost their cores, what is left of them tells no width
        if QualityFlag.SEEING not in odd:
            taken = 0 if stars.known else stars.others
            after = self._seeing(reduced.science, gain, reduced.flags != 0, min(full), taken)
        header = image.header
        # frames are large: what is not needed any more makes room while the products are made
        del image, level, pixels, calibrations
        return self._product(raw, chosen, reduced, settings, header, geometry, after, odd)

    # -- in ------------------------------------------------------------------------------------

    def _choose(self, unit: Unit) -> Chosen:
        red = self.parameters("ReducedScienceFrame")
        of = red.CALIBRATIONS_OF
        dark = ("dark", choose) if red.SUBTRACT_DARK else ("glow", find)
        sought: dict[str, tuple[Any, Any]] = {
            "bias": (partial(choose, method=red.OVERSCAN_CORRECTION), calfiles.BiasFrame),
            "flat": (choose, calfiles.MasterFlatFrame),
            "hot": (choose, calfiles.HotPixelMap),
            "cold": (choose, calfiles.ColdPixelMap),
            "read_noise": (choose, calfiles.ReadNoise),
            "gain": (find, calfiles.GainLinearity),
            "dark": (dark[1], calfiles.DarkFrame),
            "illumination": (find, calfiles.IlluminationCorrectionFrame),
            "fringe": (find, calfiles.FringeFrame),
        }
        steps = {**USES, "dark": dark[:1]}
        sought = {
            role: one for role, one in sought.items()
            if all(map(self.does, steps.get(role, ())))
        }  # fmt: skip
        # most chips have none of what is used only where there is one
        none = absent(unit, [cls for how, cls in sought.values() if how is find])
        found = {
            role: how(unit, cls, of, absent=True) if cls in none else how(unit, cls, of)
            for role, (how, cls) in sought.items()
        }
        if self.does("background"):
            found["back"] = self._background(unit, found.get("bias"), found.get("flat"))
        choices = {
            role: self._how(unit, role, item)
            for role, item in found.items()
            if item is not None
        }
        return Chosen(**found, choices=choices | missing(unit, ReducedScienceFrame))

    def _how(self, unit: Unit, role: str, item: Any) -> str:
        """Return how a calibration came to be chosen, and by whom."""
        if role == "back" and self.background:
            return BY_HAND.format(current().user_name)
        _, recorded = unit.by_hand.get(type(item).__name__, (None, VALIDITY))
        return recorded

    def _background(self, unit: Unit, bias: Any, flat: Any) -> Any:
        """Return the background of the unit's frame, if it is to be subtracted."""
        known = fixed(unit, BackgroundFrame)
        if self.back_filename and known.raw != unit.frames[0]:
            msg = f"{known.filename} is the background of {known.raw.filename}, not of {unit.name}"
            raise WrongShape(msg)
        if known is not None:
            unit.consulted["BackgroundFrame"] = str(known.object_id)
        return background_of(unit, bias, flat) if known is None and self.background else known

    def _look(self, raw: Any, look: Look) -> None:
        """Keep the frame as it is between two steps, or stop."""
        rows, columns = sections.parse(raw.geometry["active"])
        place = raw.astrom.shifted(columns.start, rows.start) if raw.astrom is not None else None
        done = look.record.done
        planes = [flag_image(look.flags, place)]
        if look.variance is not None:
            planes.append(variance_image(look.variance, place))
        self.after(
            look.record.name, lambda: look.science, planes=planes, astrom=place,
            detail=look.record.detail if done else f"not done: {look.record.detail}",
        )  # fmt: skip

    def _settings(
        self, unit: Unit, chosen: Chosen, gain: float, stars: Seeing, full: tuple[float, ...]
    ) -> Settings:
        from awe.calib import cosmic as cosmic_rays
        from awe.calib.reduction import (
            AmplifierSettings,
            CosmicSettings,
            SatelliteSettings,
            Settings,
        )

        red = self.parameters("ReducedScienceFrame")
        saturated = self.parameters("SaturatedPixelMap")
        cosmic = self.parameters("CosmicMap")
        satellite = self.parameters("SatelliteMap")
        width = stars.flanks if stars.known else cosmic.SEEING
        return Settings(
            overscan=red.OVERSCAN_CORRECTION,
            gain=gain,
            read_noise=read_noise(unit, chosen.read_noise),
            exposure_time=unit.frames[0].EXPTIME,
            saturation_high=min(full),
            amplifiers=tuple(AmplifierSettings(**one) for one in readout.numbers(
                ChipGeometry(**unit.frames[0].geometry), full, gain=gain,
                noise=chosen.read_noise, measured=chosen.gain, linear=not red.CORRECT_LINEARITY,
            )),
            saturation_low=saturated.THRESHOLD_LOW,
            bleed_along=saturated.BLEED_ALONG,
            bleed_beside=saturated.BLEED_BESIDE,
            dead_reach=saturated.DEAD_REACH,
            minimum_response=self.parameters("WeightFrame").MINIMUM_RESPONSE,
            fringe_low=red.FRINGE_THRESHOLD_LOW,
            fringe_high=red.FRINGE_THRESHOLD_HIGH,
            image_threshold=red.IMAGE_THRESHOLD,
            background_box=red.BACKGROUND_BOX,
            cosmic=CosmicSettings(
                sigma=cosmic.SIGMA_LIMIT,
                neighbour_fraction=cosmic.SIGMA_FRACTION,
                sharpness=cosmic.OBJECT_LIMIT
                or cosmic_rays.sharpness_limit(width, tested=cosmic.GROUP_LIMIT > 0),
                iterations=cosmic.MAXIMUM_ITERATIONS,
                groups=cosmic.GROUP_LIMIT,
                fwhm=width,
                exceeds=cosmic_rays.star_part(width),
                wing_limit=cosmic.WING_LIMIT,
                starless=not stars.known,
            ),
            satellite=SatelliteSettings(
                threshold=satellite.DETECTION_THRESHOLD,
                binning=satellite.BINNING,
                minimum_length=satellite.MINIMUM_LENGTH,
            ),
        )

    def _seeing(
        self, pixels: NDArray[Any], gain: float, bad: NDArray[Any] | None, high: float,
        taken: int = 0,
    ) -> Seeing:
        """Return the width of the stars of a frame, where it can be told."""
        from awe.calib.sky import seeing

        red = self.parameters("ReducedScienceFrame")
        return seeing.measure(
            pixels,
            threshold=red.PSF_THRESHOLD,
            saturation=high,
            narrowest=red.PSF_NARROWEST,
            gain=gain,
            bad=bad,
            taken=taken,
        )

    def _pattern(self, chosen: Chosen, flat: Any, reduced: Reduced) -> QualityFlag:
        """Return the bit of a frame that shows the pattern of its flat."""
        if chosen.flat is None or not self.does("flat"):
            return QualityFlag(0)
        found: QualityFlag = resolve("awe.rules.oddities:odd_pattern")(
            reduced.science, flat, reduced.flags != 0, chosen.flat.noise
        )
        return found

    def _doubt(
        self, stars: Seeing, pixels: NDArray[Any], gain: float, bad: Any, high: float,
        reduced: Reduced,
    ) -> QualityFlag:
        """Return the bit of a frame of which stars may have lost their cores as hits."""
        hits = reduced.bad(resolve("awe.calib.flags:PixelFlag").COSMIC)
        if stars.safe or not hits.any():
            return QualityFlag(0)
        mistaken = resolve("awe.calib.sky.seeing:mistaken")
        sharp = stars.known and not stars.told
        if sharp or mistaken(pixels, hits, saturation=high, gain=gain, bad=bad):
            return QualityFlag.SEEING
        return QualityFlag(0)

    # -- out -----------------------------------------------------------------------------------

    def _product(
        self,
        raw: Any,
        chosen: Chosen,
        reduced: Reduced,
        settings: Settings,
        header: Any,
        geometry: Any,
        seeing: Seeing,
        odd: QualityFlag,
    ) -> ReducedScienceFrame:
        red = self.parameters("ReducedScienceFrame")
        product = ReducedScienceFrame(
            **_identity(raw, reduced.science.shape),
            bias=chosen.bias,
            flat=chosen.flat,
            hot=chosen.hot,
            cold=chosen.cold,
            read_noise=chosen.read_noise,
            gain=chosen.gain,
            dark=chosen.dark,
            illumination=chosen.illumination,
            fringe=chosen.fringe,
            back=chosen.back,
            choices=chosen.choices,
            observing_block=raw.observing_block,
            template=raw.template,
            EXPTIME=raw.EXPTIME,
            AIRMSTRT=raw.AIRMSTRT,
            AIRMEND=raw.AIRMEND,
            process_params=red,
            process_status=1,
        )
        rows, columns = sections.parse(geometry.active)
        if raw.astrom is not None:
            product.astrom = raw.astrom.shifted(columns.start, rows.start)
        product.imstat = imstat(reduced.science)
        scale = instruments.get(raw.instrument.name).pixel_scale
        product.psf_radius = seeing.fwhm * scale if seeing.known else None
        product.quality_flags = int(
            product.verify(reduced.science) | rules.verdict(reduced.flags)
        )
        product.quality_flags |= int(odd)
        product.compare()
        mark_others(product)
        with self.together():
            astrom = product.astrom
            # all of them have the place of the frame, distortions included
            place = {"astrom": astrom, "header": place_in(header) if astrom is not None else None}
            maps = make_maps(self, _identity(raw, reduced.science.shape), reduced, place)
            product.weight = self._weight(product, maps, reduced, place)
            planes = [flag_image(reduced.flags, astrom), variance_image(reduced.variance, astrom)]
            cards = _cards(product, settings, reduced, header)
            self.write(product, reduced.science, planes, header=cards)
        return product

    def _weight(
        self, product: Any, maps: dict[str, Any], reduced: Reduced, place: dict[str, Any]
    ) -> WeightFrame:
        weight = WeightFrame(
            **_identity(product.raw, reduced.weight.shape),
            flat=product.flat,
            hot=product.hot,
            cold=product.cold,
            **maps,
            imstat=imstat(reduced.weight),
            process_params=self.parameters("WeightFrame"),
            process_status=1,
        )
        weight.verify(reduced.weight)
        self.write(weight, reduced.weight, unit="", within=WEIGHT_WITHIN, **place)
        return weight


def _identity(raw: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return the attributes every product takes from its raw frame."""
    return {
        "raw": raw,
        "instrument": raw.instrument,
        "chip": raw.chip,
        "filter": raw.filter,
        "OBJECT": raw.OBJECT,
        "DATE_OBS": raw.DATE_OBS,
        "NAXIS1": int(shape[1]),
        "NAXIS2": int(shape[0]),
    }


def _cards(product: Any, settings: Settings, reduced: Reduced, header: Any) -> Any:
    """Return the cards of the raw frame that are still true, and the numbers of the product."""
    cards = fits.trimmed(header)
    cards["GAIN"] = (settings.gain, "[e-/ADU] gain in the variance")
    cards["RDNOISE"] = (settings.read_noise * settings.gain, "[e-] read noise of a pixel")
    saturated = round(reduced.full, 2)
    cards["SATURATE"] = (saturated, "[ADU] saturation, level taken off")
    if product.psf_radius is not None:
        cards["PSF_FWHM"] = (round(product.psf_radius, 4), "[arcsec] full width of a star")
    return cards
