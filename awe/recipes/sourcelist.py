"""Recipe SourceList: what there is on a reduced, regridded or coadded frame, as a list."""

from __future__ import annotations

from typing import Any, ClassVar

from awe import bars
from awe.errors import NotFound
from awe.lazy import resolve
from awe.model.science import ReducedScienceFrame
from awe.model.sources import SourceList
from awe.rules.made_from import newest_solution
from awe.tasks import calls
from awe.tasks.arguments import Argument, common
from awe.tasks.catalogues import columns_of, write_list
from awe.tasks.inputs import mark_others
from awe.tasks.selection import one_each
from awe.tasks.task import Stage, Task, Unit

__all__ = ["SourceListTask"]


class SourceListTask(Task):
    """Detect and measure the sources of reduced, regridded or coadded frames.

    Of several reductions of one raw frame the newest sound one is taken, unless frames are named;
    places on the sky are those of the newest sound astrometric solution of a reduced frame, if it
    has one, and those of its grid otherwise. With `detection` the sources found in that frame are
    measured in others on the same grid.
    A list holds positions, light in circles and in Kron's ellipse, shapes, and flags with their
    reasons; its sources are found by place and light, see `Sources`.
    """

    makes: ClassVar[tuple[str, ...]] = ("SourceList",)
    raw = "ReducedScienceFrame"
    of_object = True
    stages = (
        Stage(
            name="detect", text="find sources, tell them apart, measure them", unit="",
            required=True,
        ),
    )  # fmt: skip
    frames: str | None = None
    reg_filenames: list[str] | None = None
    coadd_filenames: list[str] | None = None
    detection: str | None = None
    follows: ClassVar[dict[str, dict[str, Any]]] = {
        "Coadd": {"frames": "coadded"}, "Regrid": {"frames": "regridded"},
    }  # fmt: skip
    """What it is about in a chain, by the recipe before it."""
    arguments = (
        *common(
            "instrument", "date", "filter", "chip", "object", "template", "raw_filenames",
            "red_filenames",
        ),
        Argument(name="reg_filenames", short="reg", type=list, doc="names of regridded frames"),
        Argument(
            name="coadd_filenames", short="coadd", type=list, doc="names of coadded frames"
        ),
        Argument(
            name="frames", type=str,
            doc="'reduced', 'regridded' or 'coadded'; by default those named, else reduced",
        ),
        Argument(
            name="detection", type=str,
            doc="name of a frame on the same grid in which the sources are found",
        ),
        *common("pars", "commit"),
    )  # fmt: skip
    example = (
        "SourceListTask(instrument='OMEGACAM', template='2012-06-01T08:51:44', "
        "chip='ESO_CCD_#65').execute()"
    )

    def units(self) -> list[Unit]:
        """Return one unit per frame."""
        return one_each(self._frames())

    def jobs(self) -> list[dict[str, Any]]:
        """Return the arguments of this task, one call per chip where frames are of one each."""
        calls.require_no_frames_left(self)
        frames = self._frames()
        # sums are chosen when the job runs: by then there are newer ones
        several = any(frame.chip is None for frame in frames) or self.frames == "coadded"
        return calls.together(self) if several else calls.per_chip(self, frames)

    def _frames(self) -> list[Any]:
        found: list[Any] = resolve("awe.tasks.measuring:frames_to_measure")(self)
        return found

    def make(self, unit: Unit) -> SourceList:
        """Return the source list of the unit's frame.

        Parameters
        ----------
        unit : Unit
            Work to do: one frame.
        """
        frame = unit.frames[0]
        parameters = self.parameters("SourceList")
        other = self._detection(frame)
        found = resolve("awe.tasks.measuring:measured")(self, frame, other, parameters)
        product = SourceList(frame=frame, detection_frame=other, process_params=parameters)
        if isinstance(frame, ReducedScienceFrame):
            given = unit.given
            product.astrom_params = (
                newest_solution(frame) if given is None else given.get("AstrometricParameters")
            )
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

    def _detection(self, frame: Any) -> Any:
        """Return the frame the sources are found in, None where it is the frame itself."""
        if self.detection is None or self.detection == frame.filename:
            return None
        try:
            return resolve("awe.tasks.measuring:frame_named")(None, self.detection)
        except NotFound as error:
            msg = f"detection: {error}"
            raise NotFound(msg) from error
