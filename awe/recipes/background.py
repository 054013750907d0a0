"""Recipe Background: the smooth sky of single science frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from awe.model.calibrations import BackgroundFrame, BiasFrame, HotPixelMap, MasterFlatFrame
from awe.tasks.arguments import common
from awe.tasks.flattened import flattened
from awe.tasks.inputs import choose, finish, fixed
from awe.tasks.screening import screen
from awe.tasks.selection import one_each, raw_frames
from awe.tasks.stage import FLATTEN, LEVELS, READ
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BackgroundTask"]


class BackgroundTask(Task):
    """Estimate the smooth sky background of each raw science frame [ADU]."""

    makes: ClassVar[tuple[str, ...]] = ("BackgroundFrame",)
    raw = "RawScienceFrame"
    stages = (
        LEVELS,
        READ,
        FLATTEN,
        Stage(name="smooth", text="smooth sky under the sources", required=True),
    )
    arguments = common(
        "instrument", "date", "filter", "chip", "object", "template", "raw_filenames", "pars",
        "commit",
    )  # fmt: skip
    named: ClassVar[Mapping[str, str]] = {
        "bias_filename": "BiasFrame", "flat_filename": "MasterFlatFrame", "hot_filename":
        "HotPixelMap",
    }  # fmt: skip
    example = (
        "BackgroundTask(instrument='OMEGACAM', template='2012-06-01T08:51:44', "
        "chip='ESO_CCD_#65').execute()"
    )

    def units(self) -> list[Unit]:
        """Return one unit per raw frame."""
        return one_each(raw_frames(self))

    def make(self, unit: Unit) -> BackgroundFrame:
        """Return the background of the unit's raw frame.

        Parameters
        ----------
        unit : Unit
            Work to do: chip, input frames and date.
        """
        from awe.calib.sky import background

        raw = unit.frames[0]
        usual = None if fixed(unit, BiasFrame) else self.parameters("ReducedScienceFrame")
        bias = choose(unit, BiasFrame, method=usual.OVERSCAN_CORRECTION if usual else None)
        flat = choose(unit, MasterFlatFrame)
        bad = ~self.good(choose(unit, HotPixelMap))
        parameters = self.parameters("BackgroundFrame")
        method = (usual or bias.process_params).OVERSCAN_CORRECTION
        saturated = self.parameters("SaturatedPixelMap").THRESHOLD_HIGH
        found = screen(self, unit, method, levels=(0.0, saturated), named="THRESHOLD_HIGH")
        [frame] = flattened(self, found.raws, bias, flat, method)
        self.after("flatten", lambda: frame)
        surface = background.estimate(
            frame, box=parameters.BOX, bad=bad, clip=parameters.IMAGE_THRESHOLD
        )
        image = surface.rows()
        self.after("smooth", lambda: image)
        product = BackgroundFrame(raw=raw, bias=bias, flat=flat, process_params=parameters)
        finish(self, unit, product, image)
        self.write(product, image)
        return product
