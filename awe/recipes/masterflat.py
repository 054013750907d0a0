"""Recipe MasterFlat: the flat that divides science frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from awe.recipes.arguments import Argument, common
from awe.recipes.task import Task, Unit

if TYPE_CHECKING:
    from awe.db.calfiles import MasterFlatFrame

__all__ = ["MasterFlatTask"]


class MasterFlatTask(Task):
    """Make the master flat: small scales of the dome flat, large scales of the twilight flat."""

    makes: ClassVar[tuple[str, ...]] = ("MasterFlatFrame",)
    combine: int | None = None
    arguments = (
        *common("instrument", "date", "filter", "chip"),
        Argument(
            name="combine",
            type=int,
            low=1,
            high=3,
            doc="1 dome only, 2 dome and twilight, 3 twilight only; default parameter COMBINE (2)",
        ),
        *common("pars", "commit"),
    )
    example = (
        "MasterFlatTask(instrument='OMEGACAM', date='2012-05-31', filter='OCAM_r_SDSS', "
        "chip='ESO_CCD_#65').execute()"
    )

    def units(self) -> list[Unit]:
        """Return one unit per chip."""
        from awe.recipes.selection import chips_of_night

        return chips_of_night(self)

    def make(self, unit: Unit) -> MasterFlatFrame:
        """Return the master flat of the unit's chip and filter."""
        from awe.calib import flat
        from awe.db.calfiles import (
            ColdPixelMap,
            DomeFlatFrame,
            MasterFlatFrame,
            TwilightFlatFrame,
        )
        from awe.recipes.inputs import choose, finish

        parameters = self.parameters("MasterFlatFrame")
        choice = flat.MasterChoice(self.combine or parameters.COMBINE)
        dome: Any = None
        twilight: Any = None
        if choice != flat.MasterChoice.TWILIGHT:
            dome = choose(unit, DomeFlatFrame)
        if choice != flat.MasterChoice.DOME:
            twilight = choose(unit, TwilightFlatFrame)
        cold = choose(unit, ColdPixelMap)
        image = flat.master(
            self._image(dome),
            self._image(twilight),
            choice=choice,
            box=parameters.BOX,
            bad=~self.good(cold),
        )
        product = MasterFlatFrame(
            dome=dome,
            twilight=twilight,
            cold=cold,
            combine=int(choice),
            process_params=parameters,
        )
        product.noise = (twilight if dome is None else dome).noise
        finish(self, unit, product, image)
        self.write(product, image, unit="")
        return product

    def _image(self, item: Any) -> Any:
        return None if item is None else self.pixels(item)
