"""Recipe Extinction: how much the air of a night dims a filter, measured or known before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from awe.errors import ArgumentError, NoValidPixels
from awe.lazy import resolve
from awe.model.mixins import QualityFlag
from awe.model.photometry import AtmosphericExtinction, PhotExtinctionCurve
from awe.rules.validity import range_around
from awe.tasks.arguments import Argument, common
from awe.tasks.measuring import frames_to_measure
from awe.tasks.selection import by_filter, by_night
from awe.tasks.standards import band_of
from awe.tasks.tables import Table
from awe.tasks.task import Stage, Task, Unit
from awe.tasks.zeropoints import catalogues, standards

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ExtinctionTask"]


class ExtinctionTask(Task):
    """Measure the extinction of a filter from standards at several airmasses.

    All chips of a night are taken together, each with its own zero point. `value` and `error`
    enter an extinction that is known, `curve` and `error` one read off a curve at the wavelength
    of the filter; no frame is measured then, they say which filters and night it is for.
    """

    makes: ClassVar[tuple[str, ...]] = ("AtmosphericExtinction", "PhotSrcCatalog")
    raw = "ReducedScienceFrame"
    whole = True
    stages = (
        Stage(name="fit", text="zero points against airmass", unit="", required=True),
    )
    value: float | None = None
    error: float | None = None
    curve: Table | None = None
    arguments = (
        *common(
            "instrument", "date", "filter", "chip", "object", "template", "red_filenames"
        ),
        Argument(
            name="value", type=float, unit="mag/airmass", low=0.0, high=5.0,
            doc="extinction that is known, instead of a measured one",
        ),
        Argument(
            name="error", type=float, unit="mag/airmass", low=0.0, high=5.0,
            doc="standard error of an extinction that is known",
        ),
        Argument(
            name="curve", type=Table,
            doc="extinction by wavelength, a CSV file or columns: wavelength [nm], extinction "
            "[mag/airmass]",
        ),
        *common("pars", "commit"),
    )  # fmt: skip
    example = (
        "ExtinctionTask(instrument='OMEGACAM', date='2012-05-31', filter='OCAM_r_SDSS', "
        "value=0.09, error=0.01).execute()  # doctest: +SKIP"
    )

    def units(self) -> list[Unit]:
        """Return one unit per night and filter, with the frames of all chips."""
        if (self.value is None and self.curve is None) != (self.error is None):
            msg = "ExtinctionTask: value or curve, and error, are given together, or none of them"
            raise ArgumentError(msg)
        return by_night(frames_to_measure(self), by_filter)

    def make(self, unit: Unit) -> AtmosphericExtinction:
        """Return the extinction of the unit's filter.

        Parameters
        ----------
        unit : Unit
            Work to do: the frames of one filter.
        """
        product = AtmosphericExtinction(
            instrument=unit.instrument, filter=unit.filter, process_status=1,
            process_params=self.parameters("AtmosphericExtinction"),
        )  # fmt: skip
        if self.error is None:
            self._measured(unit, product)
        else:
            self._known(unit, product)
        dates = [frame.DATE_OBS for frame in unit.frames]
        product.timestamp_start, product.timestamp_end = range_around(
            AtmosphericExtinction, unit.instrument, min(dates), max(dates)
        )
        query = AtmosphericExtinction.filter == unit.filter
        product.prev = query.max("creation_date")
        product.quality_flags = int(QualityFlag(product.verify()))
        return product

    def _known(self, unit: Unit, product: Any) -> None:
        product.error = self.error
        product.mag_id = band_of(unit.filter)
        if self.curve is None:
            product.kind, product.value = "given", self.value
            return
        columns: dict[str, Any] = dict(self.curve)
        if not {"wavelength", "extinction"} <= set(columns) or not len(columns["wavelength"]):
            msg = f"curve has {', '.join(columns)}; expected columns wavelength and extinction"
            raise ArgumentError(msg)
        if not unit.filter.central_wavelength > 0:
            msg = (
                f"filter {unit.filter.name} has no central_wavelength to read a curve at; give "
                "value= instead"
            )
            raise NoValidPixels(msg)
        points = sorted(zip(columns["wavelength"], columns["extinction"], strict=True))
        curve = PhotExtinctionCurve(
            wavelengths=[float(one) for one, _ in points],
            extinctions=[float(one) for _, one in points],
        )
        product.kind, product.extinction_curve = "curve", curve
        product.value = curve.at(unit.filter.central_wavelength)

    def _measured(self, unit: Unit, product: Any) -> None:
        import numpy as np

        parameters = product.process_params
        found = catalogues(self, unit)
        raw, airmass, number = standards(found)
        span = float(np.ptp(airmass))
        if span < parameters.MIN_AIRMASS_RANGE:
            msg = (
                f"{unit.name}: the standards are at airmass {airmass.min():.2f} to "
                f"{airmass.max():.2f}, a range of {parameters.MIN_AIRMASS_RANGE:g} is needed "
                "(MIN_AIRMASS_RANGE); take frames lower and higher in the sky, or give value and "
                "error of a known extinction"
            )
            raise NoValidPixels(msg)
        fitted = resolve("awe.calib.sky.zeropoint:fit")(
            raw, clip=parameters.SIGCLIP_LEVEL, steadiness=parameters.STEADINESS,
            design=_design(found, number, airmass),
        )  # fmt: skip
        product.kind, product.photcats, product.mag_id = "measured", found, found[0].mag_id
        product.value, product.error = float(fitted.values[0]), float(fitted.errors[0])
        product.airmass_range, product.source_count = span, int(fitted.used.sum())


def _design(
    found: list[Any], number: NDArray[Any], airmass: NDArray[Any]
) -> NDArray[Any]:
    """Return what each raw zero point is the sum of: minus airmass, and that of its chip."""
    import numpy as np

    chips = sorted({one.chip.name for one in found})
    of_each = np.array([chips.index(one.chip.name) for one in found])
    own = (of_each[number][:, None] == np.arange(len(chips))).astype(np.float64)
    return np.column_stack([-airmass, own])
