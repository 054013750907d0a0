"""Recipe ColdPixels: the map of pixels that respond differently from their neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from awe.model.calibrations import ColdPixelMap, DomeFlatFrame
from awe.tasks.arguments import common
from awe.tasks.inputs import choose, finish
from awe.tasks.selection import chips_of_night
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ColdPixelsTask"]


class ColdPixelsTask(Task):
    """Find the pixels of the dome flat that deviate either way from the local level."""

    makes: ClassVar[tuple[str, ...]] = ("ColdPixelMap",)
    stages = (
        Stage(
            name="find", text="pixels of the dome flat that deviate from the local level",
            unit="", required=True,
        ),
    )  # fmt: skip
    arguments = common("instrument", "date", "filter", "chip", "pars", "commit")
    named: ClassVar[Mapping[str, str]] = {"flat_filename": "DomeFlatFrame"}
    needed: ClassVar[tuple[str, ...]] = ("flat",)
    example = (
        "ColdPixelsTask(instrument='OMEGACAM', date='2012-05-31', filter='OCAM_r_SDSS', "
        "chip='ESO_CCD_#65').execute()"
    )

    def units(self) -> list[Unit]:
        """Return one unit per chip and filter."""
        return chips_of_night(self, by=DomeFlatFrame)

    def make(self, unit: Unit) -> ColdPixelMap:
        """Return the map of the unit's chip and filter.

        Parameters
        ----------
        unit : Unit
            Work to do: chip, input frames and date.
        """
        import numpy as np

        from awe.calib.detector import pixels

        flat = choose(unit, DomeFlatFrame)
        parameters = self.parameters("ColdPixelMap")
        bad = pixels.cold(
            self.pixels(flat),
            low=parameters.THRESHOLD_LOW,
            high=parameters.THRESHOLD_HIGH,
            box=parameters.BOX,
        )
        good = (~bad).astype(np.uint8)
        product = ColdPixelMap(flat=flat, count=int(bad.sum()), process_params=parameters)
        finish(self, unit, product, good)
        self.write(product, good, unit="", within=0.0)
        return product
