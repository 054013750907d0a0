"""Recipe HotPixels: the map of hot pixels of a chip."""

from __future__ import annotations

from typing import ClassVar

from awe.model.calibrations import BiasFrame, HotPixelMap
from awe.tasks.arguments import common
from awe.tasks.inputs import choose, finish
from awe.tasks.selection import chips_of_night
from awe.tasks.task import Stage, Task, Unit

__all__ = ["HotPixelsTask"]


class HotPixelsTask(Task):
    """Find the pixels of the master bias that stand out of their surroundings."""

    makes: ClassVar[tuple[str, ...]] = ("HotPixelMap",)
    stages = (
        Stage(
            name="find", text="pixels of the master bias that stand out of their surroundings",
            unit="", required=True,
        ),
    )  # fmt: skip
    arguments = common("instrument", "date", "chip", "pars", "commit")
    example = (
        "HotPixelsTask(instrument='OMEGACAM', date='2012-05-31', "
        "chip='ESO_CCD_#65').execute()"
    )

    def units(self) -> list[Unit]:
        """Return one unit per chip."""
        return chips_of_night(self)

    def make(self, unit: Unit) -> HotPixelMap:
        """Return the map of the unit's chip.

        Parameters
        ----------
        unit : Unit
            Work to do: chip, input frames and date.
        """
        import numpy as np

        from awe.calib.detector import pixels

        bias = choose(unit, BiasFrame)
        parameters = self.parameters("HotPixelMap")
        bad = pixels.hot(
            self.pixels(bias), threshold=parameters.REJECTION_THRESHOLD, box=parameters.BOX
        )
        good = (~bad).astype(np.uint8)
        product = HotPixelMap(bias=bias, count=int(bad.sum()), process_params=parameters)
        finish(self, unit, product, good)
        self.write(product, good, unit="")
        return product
