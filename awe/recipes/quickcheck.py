"""Recipe QuickCheck: one dome flat against the master, to see that the camera is well."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from awe.model.calibrations import BiasFrame, DomeFlatFrame, QuickCheckFrame
from awe.tasks.arguments import common
from awe.tasks.flattened import flattened
from awe.tasks.inputs import choose, finish
from awe.tasks.screening import screen
from awe.tasks.selection import one_each, raw_frames
from awe.tasks.stage import FLATTEN, READ
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["QuickCheckTask"]


class QuickCheckTask(Task):
    """Divide single dome flats by the master dome flat and compare the level of the lamp."""

    makes: ClassVar[tuple[str, ...]] = ("QuickCheckFrame",)
    raw = "RawDomeFlatFrame"
    stages = (
        READ,
        FLATTEN,
        Stage(name="lamp", text="compare the level of the lamp with the master's", required=True),
    )
    arguments = common(
        "instrument", "date", "filter", "chip", "template", "raw_filenames", "overscan", "pars",
        "commit",
    )  # fmt: skip
    named: ClassVar[Mapping[str, str]] = {
        "bias_filename": "BiasFrame", "flat_filename": "DomeFlatFrame",
    }  # fmt: skip
    needed: ClassVar[tuple[str, ...]] = ("flat",)
    example = (
        "QuickCheckTask(instrument='OMEGACAM', date='2012-05-31', filter='OCAM_r_SDSS', "
        "chip='ESO_CCD_#65').execute()"
    )

    def units(self) -> list[Unit]:
        """Return one unit per raw frame."""
        return one_each(raw_frames(self))

    def make(self, unit: Unit) -> QuickCheckFrame:
        """Return the check of the unit's dome flat.

        Parameters
        ----------
        unit : Unit
            Work to do: chip, input frames and date.
        """
        raw = unit.frames[0]
        parameters = self.parameters("QuickCheckFrame")
        method = parameters.OVERSCAN_CORRECTION
        bias, flat = choose(unit, BiasFrame, method=method), choose(unit, DomeFlatFrame)
        [image] = flattened(self, screen(self, unit, method).raws, bias, flat, method)
        self.after("flatten", lambda: image)
        # levels as ingested hold the electronic level: compare like with like
        rate = raw.imstat.median / max(raw.EXPTIME, 1e-3)
        product = QuickCheckFrame(raw=raw, bias=bias, flat=flat, process_params=parameters)
        product.lamp_ratio = rate / _rate(flat)
        self.after("lamp", lambda: image, detail=f"{product.lamp_ratio:.4g} times the master's")
        finish(self, unit, product, image)
        self.write(product, image)
        return product


def _rate(flat: DomeFlatFrame) -> float:
    """Return the mean level per second of the raw frames of a dome flat, as ingested."""
    rates = [
        frame.imstat.median / max(frame.EXPTIME, 1e-3) for frame in flat.raw_dome_flat_frames
    ]
    return sum(rates) / len(rates)
