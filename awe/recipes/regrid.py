"""Recipe Regrid: reduced frames on one grid of pixels, ready to be compared and co-added."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from awe import fits
from awe.errors import NotFound
from awe.fits.planes import WEIGHT_WITHIN
from awe.lazy import resolve
from awe.model.mixins import QualityFlag
from awe.model.regridded import GridWeightFrame, RegriddedFrame
from awe.rules.made_from import newest_solution
from awe.rules.quality import verdict
from awe.tasks import calls, grids
from awe.tasks.arguments import Argument, common
from awe.tasks.fluxscale import scaled
from awe.tasks.inputs import imstat
from awe.tasks.maps import flag_image, variance_image
from awe.tasks.pending import without
from awe.tasks.selection import newest_of_each, one_each, raw_frames
from awe.tasks.task import Stage, Task, Unit
from awe.terminal import out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from awe.calib.resample import Regridded
    from awe.model.regridded import GridTarget
    from awe.tasks.gridding import Work

__all__ = ["RegridTask"]

#: cards of the coordinates of the frame, which are not those of the grid, and of its zero point
_OF_BEFORE = re.compile(
    r"(CRVAL|CRPIX|CDELT|CROTA|CTYPE|CUNIT)\d[A-Z]?|(CD|PC)\d_\d[A-Z]?|PV\d_\d+[A-Z]?"
    r"|[AB]P?_(\d_\d|ORDER|DMAX)|LONPOLE|LATPOLE|WCSAXES|ZEROPNT|ZPNTERR|FLXSCALE"
)


class RegridTask(Task):
    """Bring reduced science frames onto one grid of pixels, chosen for the whole set.

    Steps: the sky is subtracted, bad pixels are filled, and a spline through all pixels gives
    those of the grid, with their weight, variance and reason bits. The flux of stars is kept.
    Pixels are where the newest sound astrometric solution of a frame has them, or its header.
    The zero point is that of its chip, filter and night; a frame without one goes on.
    The target is `gra`, `gdec` and `gps`, or the plate of the sky the set is on.
    """

    makes: ClassVar[tuple[str, ...]] = ("RegriddedFrame", "GridWeightFrame")
    raw = "ReducedScienceFrame"
    of_object = True
    stages = (
        Stage(name="sky", text="subtract the sky", unit="adu", required=True),
        Stage(name="regrid", text="find the light of the pixels of the grid", unit="adu",
              required=True),
    )  # fmt: skip
    named: ClassVar[Mapping[str, str]] = {"photom_id": "PhotometricParameters"}
    grid_ra: float | None = None
    grid_dec: float | None = None
    grid_pixelscale: float | None = None
    missing: bool = False
    arguments = (
        *common(
            "instrument", "date", "filter", "chip", "object", "template", "raw_filenames",
            "red_filenames",
        ),
        Argument(
            name="grid_ra", short="gra", type=float, unit="deg", low=0.0, high=360.0,
            doc="right ascension of the target; by default that of the plate of the set",
        ),
        Argument(
            name="grid_dec", short="gdec", type=float, unit="deg", low=-90.0, high=90.0,
            doc="declination of the target",
        ),
        Argument(
            name="grid_pixelscale", short="gps", type=float, unit="arcsec", low=1e-3, high=1e3,
            doc="side of a pixel; by default that of the camera",
        ),
        Argument(
            name="missing", type=bool, default=False,
            doc="leave out frames that are on the target already",
        ),
        *common("pars", "commit"),
    )  # fmt: skip
    example = (
        "RegridTask(instrument='OMEGACAM', template='2012-06-01T08:51:44', "
        "chip='ESO_CCD_#65').execute()"
    )
    _target: Any = None

    # -- which frames, and where to -------------------------------------------------------------

    def units(self) -> list[Unit]:
        """Return one unit per reduced frame; the target is chosen, and all frames looked at."""
        frames = self._frames()
        target = self.target(frames)
        grids.require_places(frames, target)
        if self.commit and not target._committed:
            target.commit()
        if self.missing:
            frames = without(RegriddedFrame, frames, target)
        return one_each(frames)

    def target(self, frames: list[Any] | None = None) -> GridTarget:
        """Return the grid that every frame of the call is brought to.

        Parameters
        ----------
        frames : list of ReducedScienceFrame, optional
            The frames, where they are known.
        """
        if self._target is None:
            self._target = grids.choose(self, frames or ())
        found: GridTarget = self._target
        return found

    def jobs(self) -> list[dict[str, Any]]:
        """Return the arguments of this task split into one call per chip, all with one target."""
        calls.require_no_frames_left(self)
        frames = self._frames()
        target = self.target(frames)
        grids.require_places(frames, target)
        left = without(RegriddedFrame, frames, target) if self.missing else frames
        return calls.per_chip(
            self, left, grid_ra=target.ra, grid_dec=target.dec,
            grid_pixelscale=target.pixelscale,
        )  # fmt: skip

    def effective(self, name: str) -> Any:
        """Return the value of an argument that holds when it is left out.

        Parameters
        ----------
        name : str
            Name of the argument.
        """
        of = {"grid_ra": "ra", "grid_dec": "dec", "grid_pixelscale": "pixelscale"}
        if name in of:
            return getattr(self.target(), of[name])
        return None if name == "missing" else super().effective(name)

    def _frames(self) -> list[Any]:
        """Return the reduced frames of the call: those named, or the newest sound of each raw."""
        if self.raw_filenames is None:
            found = raw_frames(self, "ReducedScienceFrame")
            if self.red_filenames is not None:
                return found
        else:
            found = grids.reduced_of(self)
        frames = newest_of_each(found)
        known = {frame.raw for frame in frames}
        odd = sorted({frame.filename for frame in found if frame.raw not in known})
        if odd:
            told = f"{grids.some(odd)}: left out, quality_flags are not 0"
            if not frames:
                msg = f"{told}; name them in red_filenames to take them all the same"
                raise NotFound(msg)
            out(f"{told}\n")
        return frames

    # -- one frame ------------------------------------------------------------------------------

    def make(self, unit: Unit) -> RegriddedFrame:
        """Return the regridded frame of the unit's reduced frame.

        Parameters
        ----------
        unit : Unit
            Work to do: the frame.
        """
        red = unit.frames[0]
        target = self.target([red])
        parameters = self.parameters("RegriddedFrame")
        self.fetch([red, *([red.weight] if red.weight is not None else [])])
        solution, scale = self._solution(unit), scaled(unit)
        work: Work = resolve("awe.tasks.gridding:Work")(
            red, self._weight_of(red), parameters, solution
        )
        work.subtract_sky()
        self.after("sky", lambda: work.image, astrom=red.astrom)
        new = work.regrid(target)
        astrom = target.astrom(work.columns.start, work.rows.start)
        self.after("regrid", lambda: new.image, astrom=astrom)
        product = RegriddedFrame(
            **_identity(red, new.image.shape), reduced=red, astrom_params=solution,
            photom=scale.photom, zeropnt=scale.zeropnt, zeropnt_error=scale.error,
            FLXSCALE=scale.factor, mag_id=scale.mag_id, choices=scale.choices,
            grid_target=target, astrom=astrom, observing_block=red.observing_block,
            template=red.template, EXPTIME=red.EXPTIME,
            background=work.level, background_noise=work.noise * work.area**0.5 / new.correlation,
            correlation=new.correlation, area=work.area, process_params=parameters,
            process_status=1,
        )  # fmt: skip
        header = fits.trimmed(red.header)
        product.gain = float(red.header.get("GAIN") or 0.0)
        product.psf_radius = work.seeing(new, product.gain, target)
        doubt = QualityFlag.OTHERS if scale.of_stranger else QualityFlag(0)
        return self._finished(product, new, header, doubt)

    @staticmethod
    def _solution(unit: Unit) -> Any:
        """Return the solution that places the frame: the newest sound one, or that of a remake."""
        if unit.given is not None:
            return unit.given.get("AstrometricParameters")
        return newest_solution(unit.frames[0])

    def _weight_of(self, red: Any) -> NDArray[Any] | None:
        return self.pixels(red.weight, 1.0) if red.weight is not None else None

    # -- out ------------------------------------------------------------------------------------

    def _finished(
        self, product: Any, new: Regridded, header: Any, doubt: QualityFlag
    ) -> RegriddedFrame:
        """Return the product with its numbers, verdict, weight and file."""
        product.imstat = imstat(new.image)
        # what the frame was doubted for stays in doubt
        inherited = QualityFlag(product.reduced.quality_flags)
        product.quality_flags = int(
            product.verify(new.image) | _told(new.flags) | inherited | doubt
        )
        product.compare()
        for keyword in {one for one in header if _OF_BEFORE.fullmatch(one)}:
            header.remove(keyword, remove_all=True)
        if product.zeropnt is not None:
            header["ZEROPNT"] = (product.zeropnt, "[mag] magnitude of 1 ADU/s")
            header["ZPNTERR"] = (product.zeropnt_error, "[mag] its error for this frame")
            header["FLXSCALE"] = (product.FLXSCALE, "[1/ADU] to the light of magnitude 0")
        header["CORRFAC"] = (new.correlation, "noise of large areas over that of pixels")
        if product.gain:
            header["GAIN"] = (product.gain, "[e-/ADU] gain in the variance")
        if product.psf_radius is not None:
            header["PSF_FWHM"] = (round(product.psf_radius, 4), "[arcsec] full width of a star")
        with self.together():
            product.weight = self._weight(product, new.weight)
            place = product.astrom
            behind = [flag_image(new.flags, place), variance_image(new.variance, place)]
            self.write(product, new.image, behind, header=header)
        return product  # type: ignore[no-any-return]  # new by this class, changed through Any

    def _weight(self, product: Any, pixels: NDArray[Any]) -> GridWeightFrame:
        weight = GridWeightFrame(
            **_identity(product, pixels.shape), grid_target=product.grid_target,
            astrom=product.astrom, imstat=imstat(pixels),
            process_params=self.parameters("GridWeightFrame"), process_status=1,
        )  # fmt: skip
        weight.verify(pixels)
        self.write(weight, pixels, unit="", within=WEIGHT_WITHIN)
        return weight


def _identity(frame: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    names = ("raw", "instrument", "chip", "filter", "OBJECT", "DATE_OBS")
    size = {"NAXIS1": int(shape[1]), "NAXIS2": int(shape[0])}
    return {name: getattr(frame, name) for name in names} | size


def _told(flags: NDArray[Any]) -> QualityFlag:
    """Return what the reason bits say of the frame, without those of the grid."""
    bits = resolve("awe.calib.flags:PixelFlag")
    own = flags & flags.dtype.type(~bits.INTERPOLATED)
    found = verdict(own)
    # many dead pixels and saturated ones are said of the reduced frame already
    return found & (QualityFlag.EMPTY | QualityFlag.NOT_FINITE)

