"""Recipe Coadd: the mean of regridded frames on one grid, whichever chips they are of."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from awe.errors import ArgumentError, NotFound
from awe.fits.planes import WEIGHT_WITHIN
from awe.lazy import resolve
from awe.model.regridded import CoaddedRegriddedFrame, GridWeightFrame, RegriddedFrame
from awe.tasks import grids
from awe.tasks.arguments import Argument, common
from awe.tasks.fluxscale import error_together, one_zero_point, scale_to
from awe.tasks.inputs import imstat
from awe.tasks.maps import coverage_image, flag_image, variance_image
from awe.tasks.selection import newest_of_each
from awe.tasks.task import Stage, Task, Unit
from awe.terminal import out

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from awe.tasks.mapped import Planes
    from awe.tasks.spooled import Spool, Summed

__all__ = ["CoaddTask"]


class CoaddTask(Task):
    """Add regridded frames of one filter on one grid; outliers and odd frames are left out.

    Weights follow the noise of the sky and the weight of each pixel. The same stars are compared
    in all frames: one whose fluxes or places disagree is named and left out.
    """

    makes: ClassVar[tuple[str, ...]] = ("CoaddedRegriddedFrame", "GridWeightFrame")
    raw = "RegriddedFrame"
    whole = True
    stages = (
        Stage(name="add", text="mean of the frames, without outliers", unit="adu/s",
              required=True),
    )  # fmt: skip
    reg_filenames: list[str] | None = None
    arguments = (
        *common("instrument", "date", "filter", "chip", "object", "template", "raw_filenames"),
        Argument(name="reg_filenames", short="reg", type=list, doc="names of regridded frames"),
        *common("pars", "commit"),
    )
    example = (
        "CoaddTask(instrument='OMEGACAM', template='2012-06-01T08:51:44', "
        "filter='OCAM_r_SDSS').execute()"
    )

    def units(self) -> list[Unit]:
        """Return one unit: all frames together."""
        frames = self._frames()
        grids.require_alike(frames)
        first = min(frames, key=lambda frame: frame.DATE_OBS)
        chips = {frame.chip for frame in frames}
        return [
            Unit(
                name=f"{first.OBJECT or 'coadd'} {first.filter.name}",
                instrument=first.instrument, chip=first.chip if len(chips) == 1 else None,
                frames=tuple(frames), date=first.DATE_OBS, filter=first.filter,
            )
        ]  # fmt: skip

    def require_frames(self) -> None:
        """Refuse a call that no frame answers; targets are compared when the job runs."""
        self._frames()

    def _frames(self) -> list[Any]:
        """Return the regridded frames: those named, or the newest sound one of each raw frame."""
        asked = ("date", "template", "raw_filenames", "reg_filenames", "object")
        if all(getattr(self, name) is None for name in asked):
            msg = f"CoaddTask expects one of: {', '.join(asked)}"
            raise ArgumentError(msg)
        found = list(grids.selected(RegriddedFrame, self))
        if self.reg_filenames is not None:
            lost = sorted(set(self.reg_filenames) - {frame.filename for frame in found})
            if lost:
                msg = (
                    f"no valid RegriddedFrame named {grids.some(lost)} matches all arguments and "
                    "is visible to you; take names from a query: [reg.filename for reg in query]"
                )
                raise NotFound(msg)
            return found
        frames = newest_of_each(found)
        if not frames:
            state = "none that is sound" if found else "none"
            msg = (
                f"of the frames asked of Coadd there is {state} regridded; run Regrid first, or "
                "name them in reg_filenames"
            )
            raise NotFound(msg)
        return frames

    def make(self, unit: Unit) -> CoaddedRegriddedFrame:
        """Return the sum of the unit's frames.

        Parameters
        ----------
        unit : Unit
            Work to do: the frames.
        """
        frames = list(unit.frames)
        parameters = self.parameters("CoaddedRegriddedFrame")
        corner, shape = grids.union(frames)
        if "zeropnt" in (unit.given or {}):
            zeropnt = (unit.given or {})["zeropnt"]
        else:
            zeropnt = one_zero_point(unit.name, frames)
        spools = [
            self._spooled(frame, number, corner, zeropnt) for number, frame in enumerate(frames)
        ]
        planes: Planes = resolve("awe.tasks.mapped:Planes")(self._running().scratch)
        found: Summed = resolve("awe.tasks.spooled:summed")(spools, shape, parameters, planes)
        for number, reason in found.why.items():
            out(f"{unit.name}: {frames[number].filename} is left out: {reason}\n")
        self.after("add", lambda: found.coadded.image)
        used = [frames[number] for number in found.kept]
        first = min(used, key=lambda frame: frame.DATE_OBS)
        target = first.grid_target
        product = CoaddedRegriddedFrame(
            regridded_frames=used, instrument=unit.instrument, chip=unit.chip,
            filter=unit.filter, grid_target=target, astrom=target.astrom(corner[1], corner[0]),
            observing_block=first.observing_block, template=first.template, OBJECT=first.OBJECT,
            DATE_OBS=first.DATE_OBS, NAXIS1=shape[1], NAXIS2=shape[0],
            EXPTIME=sum({frame.DATE_OBS: frame.EXPTIME for frame in used}.values()),
            zeropnt=zeropnt, mag_id=first.mag_id if zeropnt is not None else "",
            process_params=parameters, process_status=1,
        )  # fmt: skip
        self._describe(product, used, frames, spools, found)
        return self._finished(product, found, planes)

    def _spooled(
        self, frame: Any, number: int, corner: tuple[int, int], zeropnt: float | None
    ) -> Spool:
        """Return one frame laid out in the scratch directory; its files are let go."""
        self.fetch([frame, frame.weight])
        scratch = self._running().scratch
        spool: Spool = resolve("awe.tasks.spooled:Spool").of(
            frame, scratch / f"layer{number}.values", corner, scale_to(frame, zeropnt)
        )
        for item in (frame, frame.weight):
            path = Path(item.pathname)
            if path.parent == scratch:
                path.unlink()
        return spool

    def _describe(
        self, product: Any, used: list[Any], frames: list[Any], spools: list[Spool],
        found: Summed,
    ) -> None:  # fmt: skip
        """Set what follows from the frames: noise, gain, widths, zero point, who is in or out."""
        layers = [spools[number].layer for number in found.kept]
        inverse = [layer.noise**-2 for layer in layers]
        total = sum(inverse)
        product.background_noise = total**-0.5
        # photons of the mean: variances add with the squares of the weights; those of a pixel
        # alone, in the layers, are fewer by the noise it shares with its neighbours
        product.gain = total**2 / sum(
            w * w * frame.correlation**2 / layer.gain
            for w, layer, frame in zip(inverse, layers, used, strict=True)
        )
        product.correlation = sum(
            w * frame.correlation for w, frame in zip(inverse, used, strict=True)
        ) / total  # fmt: skip
        chips = {frame.chip.name: frame.chip for frame in used}
        product.detectors = [chips[name] for name in sorted(chips)]
        product.psf_radii_per_detector = [
            statistics.median(
                [f.psf_radius for f in used if f.chip == chip and f.psf_radius] or [0.0]
            )
            for chip in product.detectors
        ]
        if product.zeropnt is not None:
            product.zeropnt_error = error_together(used, inverse)
        product.contributions = {
            str(frame.object_id): self._contribution(number, frame, spools[number], found)
            for number, frame in enumerate(frames)
        }

    def _contribution(
        self, number: int, frame: Any, spool: Spool, found: Summed
    ) -> dict[str, Any]:
        agreement = found.agreements[number]
        known = agreement.stars > 0
        lost = 1 - spool.good
        if number in found.kept:
            place = found.kept.index(number)
            pixels = max(found.coadded.used[place], 1)
            lost += spool.good * found.coadded.clipped[place] / pixels
        return {
            "file": frame.filename, "used": number in found.kept, "lost": lost,
            "weight": spool.layer.noise**-2 if spool.layer.noise > 0 else 0.0,
            "stars": agreement.stars, "flux": agreement.flux if known else None,
            "offset": agreement.offset if known else None, "why": found.why.get(number, ""),
        }  # fmt: skip

    def _finished(
        self, product: Any, found: Summed, planes: Planes
    ) -> CoaddedRegriddedFrame:
        """Return the product with its verdict, weight and file."""
        new = found.coadded
        product.imstat = imstat(new.image)
        width = resolve("awe.tasks.spooled:width")(new, product.gain)
        scale = product.grid_target.pixelscale
        product.psf_radius = width * scale if width is not None else None
        cls: Any = CoaddedRegriddedFrame
        query = (cls.instrument == product.instrument) & (cls.filter == product.filter)
        product.prev = (query & (cls.OBJECT == product.OBJECT)).max("creation_date")
        product.quality_flags = int(product.verify(new.image))
        product.compare()
        place = product.astrom
        flags = resolve("awe.tasks.spooled:outside")(new.coverage, planes)
        with self.together():
            product.weight = self._weight(product, new.weight)
            behind = [
                flag_image(flags, place), variance_image(new.variance, place, "adu2/s2"),
                coverage_image(new.coverage, place),
            ]  # fmt: skip
            self.write(product, new.image, behind, unit="adu/s", header=_cards(product))
        made: CoaddedRegriddedFrame = product
        return made

    def _weight(self, product: Any, pixels: Any) -> GridWeightFrame:
        names = ("instrument", "chip", "filter", "OBJECT", "DATE_OBS", "NAXIS1", "NAXIS2")
        weight = GridWeightFrame(
            **{name: getattr(product, name) for name in names}, imstat=imstat(pixels),
            grid_target=product.grid_target, astrom=product.astrom,
            process_params=self.parameters("GridWeightFrame"), process_status=1,
        )  # fmt: skip
        weight.verify(pixels)
        self.write(weight, pixels, unit="", within=WEIGHT_WITHIN)
        return weight


def _cards(product: Any) -> Header:
    """Return the cards of the zero point of a sum, none without one."""
    from astropy.io.fits import Header

    cards = Header()
    if product.zeropnt is not None:
        cards["ZEROPNT"] = (product.zeropnt, "[mag] magnitude of 1 ADU/s")
        cards["ZPNTERR"] = (product.zeropnt_error, "[mag] its error")
    return cards
