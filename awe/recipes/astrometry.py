"""Recipe Astrometry: where on the sky the pixels of a reduced frame are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from awe.errors import NoValidPixels
from awe.lazy import resolve
from awe.model.astrometry import AstrometricParameters
from awe.model.sources import SourceList
from awe.tasks.arguments import Argument, common
from awe.tasks.catalogues import write_table
from awe.tasks.inputs import fixed
from awe.tasks.measuring import frames_to_measure
from awe.tasks.references import Field, chosen, field_of
from awe.tasks.selection import one_each
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from awe.calib.astrometry.solution import Solution

__all__ = ["AstrometryTask"]


class AstrometryTask(Task):
    """Solve the astrometry of reduced science frames against a reference catalogue.

    Stars are detected and matched by a vote on the shift; where that could be chance, triangles
    find turn, scale and flip first. Polynomials up to `PDEG` follow, as many stars can tell, and
    are judged by stars left out of the fit. A match that could be chance is refused.
    """

    makes: ClassVar[tuple[str, ...]] = ("AstrometricParameters",)
    raw = "ReducedScienceFrame"
    of_object = True
    stages = (
        Stage(name="solve", text="detect, match, fit and judge", unit="", required=True),
    )
    reference: str | None = None
    arguments = (
        *common(
            "instrument", "date", "filter", "chip", "object", "template", "raw_filenames",
            "red_filenames",
        ),
        Argument(
            name="reference",
            type=str,
            doc="name of the reference catalogue; by default the newest with enough stars",
        ),
        *common("pars", "commit"),
    )
    example = (
        "AstrometryTask(instrument='OMEGACAM', template='2012-06-01T08:51:44', "
        "chip='ESO_CCD_#65').execute()  # doctest: +SKIP"
    )

    def units(self) -> list[Unit]:
        """Return one unit per reduced frame."""
        return one_each(frames_to_measure(self))

    def make(self, unit: Unit) -> AstrometricParameters:
        """Return the solution of the unit's frame.

        Parameters
        ----------
        unit : Unit
            Work to do: one reduced frame.
        """
        frame = unit.frames[0]
        parameters = self.parameters("AstrometricParameters")
        self.fetch([frame])
        refcat, stars = chosen(
            frame, self.reference, parameters, fixed(unit, SourceList)
        )
        field = field_of(frame, stars, refcat, parameters)
        limits = resolve("awe.calib.astrometry.solution:Limits")(
            reach=parameters.MAX_OFFSET, scale=parameters.MAX_SCALE_ERROR, degree=parameters.PDEG,
            clip=parameters.CLIP, fewest=parameters.MIN_NREF, rms=parameters.MAX_RMS,
        )  # fmt: skip
        try:
            found = resolve("awe.calib.astrometry.solution:solve")(
                field.x, field.y, field.stars, field.reference, limits, field.shape
            )
        except NoValidPixels as error:
            msg = f"{frame.filename}: {error}; reference catalogue {refcat.name or refcat.SLID}"
            raise NoValidPixels(msg) from error
        product = self._product(frame, refcat, field, found)
        product.process_params = parameters
        product.verify()
        write_table(self, product, field.residuals(found), "RESIDUALS")
        return product

    def _product(
        self, frame: Any, refcat: Any, field: Field, found: Solution
    ) -> AstrometricParameters:
        product = AstrometricParameters(
            reduced=frame, refcat=refcat, refcat_slid=refcat.SLID, process_status=1
        )
        for name in ("instrument", "chip", "filter", "observing_block", "template", "OBJECT",
                     "DATE_OBS"):  # fmt: skip
            setattr(product, name, getattr(frame, name))
        product.CRVAL1, product.CRVAL2 = field.centre
        for name, value in found.plate.cards(field.shape).items():
            setattr(product, name, value)
        east, north = found.east, found.north
        product.NREF, product.RMS = int(found.stars.size), found.rms
        product.RMS_LEFT_OUT = found.rms_left_out if found.rms_left_out >= 0 else None
        product.MEAN_DRA, product.MEAN_DDEC = float(east.mean()), float(north.mean())
        product.SIGMA_DRA, product.SIGMA_DDEC = float(east.std()), float(north.std())
        product.n_fit_parm = 2 * int(found.stars.size) - found.free
        product.chance, product.turn, product.scale = found.chance, found.turn, found.scale
        product.shift, product.flipped = found.shift, found.flipped
        product.seeing = frame.psf_radius
        return product
