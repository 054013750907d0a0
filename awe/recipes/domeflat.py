"""Recipe DomeFlat: the dome flat of a chip and filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from awe.model.calibrations import BiasFrame, DomeFlatFrame, HotPixelMap
from awe.tasks.arguments import common
from awe.tasks.inputs import choose, finish
from awe.tasks.masters import write_master
from awe.tasks.screening import note
from awe.tasks.stacking import stack
from awe.tasks.stage import LIT
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DomeFlatTask"]


class DomeFlatTask(Task):
    """Combine de-biased dome flats of one filter into a flat with mean 1."""

    makes: ClassVar[tuple[str, ...]] = ("DomeFlatFrame",)
    raw = "RawDomeFlatFrame"
    stages = (
        *LIT,
        Stage(
            name="combine", text="subtract the master bias, mean without outliers, scaled to 1",
            unit="", required=True,
        ),
    )  # fmt: skip
    arguments = common(
        "instrument", "date", "filter", "chip", "template", "raw_filenames", "overscan", "pars",
        "commit",
    )  # fmt: skip
    named: ClassVar[Mapping[str, str]] = {
        "bias_filename": "BiasFrame", "hot_filename": "HotPixelMap",
    }  # fmt: skip
    example = (
        "DomeFlatTask(instrument='OMEGACAM', date='2012-05-31', filter='OCAM_r_SDSS', "
        "chip='ESO_CCD_#65').execute()"
    )

    def make(self, unit: Unit) -> DomeFlatFrame:
        """Return the dome flat of the unit's chip and filter.

        Parameters
        ----------
        unit : Unit
            Work to do: chip, input frames and date.
        """
        parameters = self.parameters("DomeFlatFrame")
        bias = choose(unit, BiasFrame, method=parameters.OVERSCAN_CORRECTION)
        hot = choose(unit, HotPixelMap)
        stacked, found = stack(self, unit, bias, ~self.good(hot), parameters)
        self.after("combine", lambda: stacked.image)
        product = DomeFlatFrame(
            raw_dome_flat_frames=found.frames, bias=bias, hot=hot, process_params=parameters
        )
        note(product, found.rejected)
        product.noise = stacked.noise
        finish(self, unit, product, stacked.image)
        write_master(
            self, product, stacked.image, stacked.variance, of=[bias], hot=hot
        )
        return product
