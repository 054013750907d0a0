"""Recipe Photom: the zero point of a chip for a night, from its standard stars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from awe.errors import NoValidPixels
from awe.lazy import resolve
from awe.model.photometry import AtmosphericExtinction, PhotometricParameters, Zeropoint
from awe.tasks.arguments import Argument, common
from awe.tasks.inputs import choose, finish
from awe.tasks.measuring import frames_to_measure
from awe.tasks.selection import by_chip, by_night
from awe.tasks.task import Stage, Task, Unit
from awe.tasks.zeropoints import catalogues, standards

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PhotomTask"]


class PhotomTask(Task):
    """Measure the zero point of each chip and filter of a night from standard stars.

    Frames of several nights give a zero point for each night. They need no catalogue of
    standards before (`Photcat`): it is made along. Frames without standards are named and left
    out. The extinction is the one that is valid; its error, that of the stars and that of a
    changing transparency are in the error of the zero point.
    """

    makes: ClassVar[tuple[str, ...]] = ("PhotometricParameters", "PhotSrcCatalog")
    raw = "ReducedScienceFrame"
    stages = (
        Stage(name="measure", text="the standards of each frame", unit="", required=True),
        Stage(name="fit", text="one zero point, without outliers", unit="", required=True),
    )
    transform: bool | None = None
    arguments = (
        *common(
            "instrument", "date", "filter", "chip", "object", "template", "red_filenames"
        ),
        Argument(
            name="transform", type=bool,
            doc="whether magnitudes are brought into the system of the camera; by default if "
            "there is a PhotTransformation",
        ),
        *common("pars", "commit"),
    )  # fmt: skip
    named: ClassVar[Mapping[str, str]] = {"extinction_id": "AtmosphericExtinction"}
    example = (
        "PhotomTask(instrument='OMEGACAM', date='2012-05-31', filter='OCAM_r_SDSS', "
        "chip='ESO_CCD_#65').execute()  # doctest: +SKIP"
    )

    def units(self) -> list[Unit]:
        """Return one unit per night, chip and filter, with its frames."""
        return by_night(frames_to_measure(self), by_chip)

    def make(self, unit: Unit) -> PhotometricParameters:
        """Return the zero point of the unit's chip and filter.

        Parameters
        ----------
        unit : Unit
            Work to do: the frames of one chip in one filter.
        """
        import numpy as np

        parameters = self.parameters("PhotometricParameters")
        extinction = choose(unit, AtmosphericExtinction)
        found = catalogues(self, unit, self.transform)
        raw, airmass, _ = standards(found, extinction)
        if len(raw.values) < parameters.MIN_SOURCE_COUNT:
            msg = (
                f"{unit.name}: {len(raw.values)} standards in {len(found)} frames, at least "
                f"{parameters.MIN_SOURCE_COUNT} are needed (MIN_SOURCE_COUNT)"
            )
            raise NoValidPixels(msg)
        fitted = resolve("awe.calib.sky.zeropoint:fit")(
            raw, clip=parameters.SIGCLIP_LEVEL, steadiness=parameters.STEADINESS
        )
        mean = float(airmass[fitted.used].mean())
        of_extinction = mean * extinction.error if extinction is not None else 0.0
        product = PhotometricParameters(
            zeropnt=Zeropoint(
                value=float(fitted.values[0]),
                error=float(np.hypot(fitted.errors[0], of_extinction)),
            ),
            photcats=found, extinction=extinction, mag_id=found[0].mag_id, airmass=mean,
            source_count=len(set(raw.star[fitted.used].tolist())),
            star_scatter=fitted.of_stars, frame_scatter=fitted.of_frames,
            process_params=parameters,
        )  # fmt: skip
        self._same_bands(unit, found)
        finish(self, unit, product)
        return product

    def _same_bands(self, unit: Unit, found: list[Any]) -> None:
        bands = {(one.mag_id, one.transform is None) for one in found}
        if len(bands) > 1:
            msg = (
                f"{unit.name}: standards of some frames are transformed, or of another band: "
                f"{', '.join(sorted(one.filename for one in found))}; make them alike with "
                "PhotomTask(..., transform=1) or transform=0"
            )
            raise NoValidPixels(msg)
