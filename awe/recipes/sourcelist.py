"""Recipe SourceList: what there is on a reduced frame, as a list of sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from awe import bars
from awe.errors import NoValidPixels
from awe.fits import planes
from awe.lazy import resolve
from awe.model.sources import SourceList
from awe.rules.made_from import newest_solution
from awe.tasks.arguments import common
from awe.tasks.catalogues import columns_of, frames_to_measure, settings_of, write_list
from awe.tasks.inputs import mark_others, nominal
from awe.tasks.selection import one_each
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from awe.calib.extraction.catalogue import Catalogue

__all__ = ["SourceListTask"]


class SourceListTask(Task):
    """Detect and measure the sources of reduced science frames.

    Of several reductions of one raw frame the newest sound one is taken, unless frames are named;
    places on the sky are those of its newest sound astrometric solution, if it has one.
    A list holds positions, light in circles and in Kron's ellipse, shapes, and flags with their
    reasons; its sources are found by place and light, see `Sources`.
    """

    makes: ClassVar[tuple[str, ...]] = ("SourceList",)
    raw = "ReducedScienceFrame"
    stages = (
        Stage(
            name="detect", text="find sources, tell them apart, measure them", unit="",
            required=True,
        ),
    )  # fmt: skip
    arguments = common(
        "instrument", "date", "filter", "chip", "object", "template", "red_filenames", "pars",
        "commit",
    )  # fmt: skip
    example = (
        "SourceListTask(instrument='OMEGACAM', template='2012-06-01T08:51:44', "
        "chip='ESO_CCD_#65').execute()"
    )

    def units(self) -> list[Unit]:
        """Return one unit per reduced frame."""
        return one_each(frames_to_measure(self))

    def make(self, unit: Unit) -> SourceList:
        """Return the source list of the unit's frame.

        Parameters
        ----------
        unit : Unit
            Work to do: one reduced frame.
        """
        frame = unit.frames[0]
        parameters = self.parameters("SourceList")
        self.fetch([frame])
        found = self._measured(frame, parameters)
        product = SourceList(frame=frame, process_params=parameters)
        product.astrom_params = newest_solution(frame)
        for name in ("instrument", "chip", "filter", "OBJECT", "DATE_OBS", "astrom", "NAXIS1",
                     "NAXIS2"):  # fmt: skip
            setattr(product, name, getattr(frame, name))
        product.source_count = len(found.columns["SID"])
        product.background, product.noise = found.level, found.rms
        product.threshold, product.correlation = found.threshold, found.correlation
        product.star_radius = found.star_radius if found.star_radius > 0 else None
        product.process_status = 1
        if found.threshold > parameters.DETECT_THRESH:
            bars.say(
                f"{unit.name}: WARNING: the search overflowed; threshold {found.threshold:g} "
                f"sigma instead of {parameters.DETECT_THRESH:g}"
            )
        columns = columns_of(product, found)
        product.verify()
        mark_others(product)
        write_list(self, product, columns)
        return product

    def _measured(self, frame: Any, parameters: Any) -> Catalogue:
        gain = frame.gain.gain if frame.gain is not None else nominal(frame).gain
        try:
            found: Catalogue = resolve("awe.calib.extraction.catalogue:measure")(
                frame.data,
                settings_of(parameters, gain),
                reasons=planes.pixels(frame.pathname, planes.FLAGS),
                zero_point=parameters.MAG_ZEROPOINT,
            )
        except NoValidPixels as error:
            msg = f"{frame.filename}: {error}"
            raise NoValidPixels(msg) from error
        return found
