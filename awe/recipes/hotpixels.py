"""Recipe HotPixels: the map of hot pixels of a chip."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from awe.model.calibrations import BiasFrame, HotPixelMap
from awe.tasks.arguments import common
from awe.tasks.inputs import choose, finish
from awe.tasks.readout import parts
from awe.tasks.selection import chips_of_night
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    named: ClassVar[Mapping[str, str]] = {"bias_filename": "BiasFrame"}
    needed: ClassVar[tuple[str, ...]] = ("bias",)
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
        image = self.pixels(bias)
        bad = np.empty(image.shape, np.bool_)
        # each of several amplifiers has a noise of its own
        read = parts(bias.raw_bias_frames[0]) if bias.raw_bias_frames else ()
        for place in [place for _, place in read] or [(slice(None), slice(None))]:
            bad[place] = pixels.hot(
                image[place], threshold=parameters.REJECTION_THRESHOLD, box=parameters.BOX
            )
        good = (~bad).astype(np.uint8)
        product = HotPixelMap(bias=bias, count=int(bad.sum()), process_params=parameters)
        finish(self, unit, product, good)
        self.write(product, good, unit="", within=0.0)
        return product
