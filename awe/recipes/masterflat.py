"""Recipe MasterFlat: the flat that divides science frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from awe.errors import NoCalibration
from awe.model.calibrations import (
    ColdPixelMap,
    DomeFlatFrame,
    MasterFlatFrame,
    NightSkyFlatFrame,
    TwilightFlatFrame,
)
from awe.tasks.arguments import Argument, common
from awe.tasks.inputs import choose, finish, fixed
from awe.tasks.masters import variance_of, write_master
from awe.tasks.selection import chips_of_night
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["MasterFlatTask"]


class MasterFlatTask(Task):
    """Make the master flat: small scales of the dome flat, large scales of the twilight flat.

    With `nightsky` the large scales of a NightSkyFlatFrame correct it. That frame is made of
    science frames divided by a master flat of the same dome and twilight flats.
    """

    makes: ClassVar[tuple[str, ...]] = ("MasterFlatFrame",)
    stages = (
        Stage(
            name="combine", text="small scales of the dome flat, large ones of the twilight flat",
            unit="", required=True,
        ),
        Stage(
            name="nightsky", text="correct the large scales by the night-sky flat", unit="",
            argument="nightsky nightsky_filename",
        ),
        Stage(name="response", text="leave no value where it is too low to divide", unit=""),
    )  # fmt: skip
    combine: int | None = None
    nightsky: bool = False
    nightsky_filename: str | None = None
    arguments = (
        *common("instrument", "date", "filter", "chip"),
        Argument(
            name="combine",
            type=int,
            low=1,
            high=3,
            doc="1 dome only, 2 dome and twilight, 3 twilight only; default parameter COMBINE (2)",
        ),
        Argument(
            name="nightsky",
            type=bool,
            default=False,
            doc="correct the large scales by the valid NightSkyFlatFrame",
        ),
        *common("pars", "commit"),
    )
    named: ClassVar[Mapping[str, str]] = {
        "dome_filename": "DomeFlatFrame", "twilight_filename": "TwilightFlatFrame",
        "nightsky_filename": "NightSkyFlatFrame", "cold_filename": "ColdPixelMap",
    }  # fmt: skip
    example = (
        "MasterFlatTask(instrument='OMEGACAM', date='2012-05-31', filter='OCAM_r_SDSS', "
        "chip='ESO_CCD_#65').execute()"
    )

    def effective(self, name: str) -> Any:
        """Return the value of an argument that holds when it is left out.

        Parameters
        ----------
        name : str
            Name of the argument.
        """
        if name == "combine":
            return self.combine or self.parameters("MasterFlatFrame").COMBINE
        return super().effective(name)

    def conditions(self) -> Mapping[str, str]:
        """Return step -> on what it depends in this call."""
        asked = self.nightsky or self.nightsky_filename
        return {} if asked else {"nightsky": "not done: nightsky is False"}

    def units(self) -> list[Unit]:
        """Return one unit per chip and filter."""
        choice = self.combine or self.parameters("MasterFlatFrame").COMBINE
        return chips_of_night(self, by=TwilightFlatFrame if choice == 3 else DomeFlatFrame)

    def make(self, unit: Unit) -> MasterFlatFrame:
        """Return the master flat of the unit's chip and filter.

        Parameters
        ----------
        unit : Unit
            Work to do: chip, input frames and date.
        """
        from awe.calib.sky import flat
        parameters = self.parameters("MasterFlatFrame")
        choice = flat.MasterChoice(self.combine or parameters.COMBINE)
        dome: Any = None
        twilight: Any = None
        if choice != flat.MasterChoice.TWILIGHT:
            dome = choose(unit, DomeFlatFrame)
        if choice != flat.MasterChoice.DOME:
            twilight = choose(unit, TwilightFlatFrame)
        if dome is None and twilight is None:
            msg = f"{unit.name} has neither a dome nor a twilight flat; a master flat needs one"
            raise NoCalibration(msg)
        if None in (dome, twilight) and choice == flat.MasterChoice.DOME_TWILIGHT:
            choice = flat.MasterChoice.TWILIGHT if dome is None else flat.MasterChoice.DOME
        cold = choose(unit, ColdPixelMap)
        correction = self._correction(unit, dome, twilight)
        image = flat.master(
            self._image(dome),
            self._image(twilight),
            choice=choice,
            box=parameters.BOX,
            bad=~self.good(cold),
        )
        self.after("combine", lambda: image)
        image = self._finished(image, correction, ~self.good(cold), parameters)
        product = MasterFlatFrame(
            dome=dome,
            twilight=twilight,
            nightsky=correction,
            cold=cold,
            combine=int(choice),
            process_params=parameters,
        )
        base = twilight if dome is None else dome
        product.noise = base.noise
        finish(self, unit, product, image)
        variance = flat.carried_variance(
            image, self.pixels(base), variance_of(self, base), noise=base.noise
        )
        write_master(
            self, product, image, variance, of=[base], cold=cold, unfit=~flat.usable(image)
        )
        return product

    def _correction(self, unit: Unit, dome: Any, twilight: Any) -> Any:
        """Return the night-sky flat to correct with, or None.

        Raises
        ------
        NoCalibration
            The one that is valid was made with a master flat of other flats.
        """
        if not (self.nightsky or self.nightsky_filename):
            return fixed(unit, NightSkyFlatFrame) if self.does("nightsky") else None
        found = choose(unit, NightSkyFlatFrame)
        if found is None:
            return None
        with_ = found.flat
        if (with_.dome, with_.twilight, with_.nightsky) != (dome, twilight, None):
            msg = (
                f"{found.filename} corrects master flats of other dome and twilight flats than "
                f"those of {unit.name}; run MasterFlat without nightsky and NightSkyFlat first"
            )
            raise NoCalibration(msg)
        return found

    def _finished(
        self, image: NDArray[Any], correction: Any, bad: NDArray[Any], parameters: Any
    ) -> NDArray[Any]:
        """Return a flat with its correction, and without values that are too low to divide by."""
        import numpy as np

        from awe.calib.sky import flat

        if correction is not None:
            image = flat.corrected(image, self.pixels(correction), box=parameters.BOX, bad=bad)
        self.after("nightsky", lambda: image)
        if self.does("response"):
            with np.errstate(invalid="ignore"):
                image[~(image >= parameters.MINIMUM_RESPONSE)] = np.nan
        self.after("response", lambda: image)
        return image

    def _image(self, item: Any) -> Any:
        return None if item is None else self.pixels(item)
