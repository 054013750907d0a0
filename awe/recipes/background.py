"""Recipe Background: the smooth sky of single science frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from awe.errors import NoCalibration
from awe.tasks.arguments import common
from awe.tasks.task import Task, Unit

if TYPE_CHECKING:
    from awe.model.calibrations import BackgroundFrame

__all__ = ["BackgroundTask", "of_frame"]


class BackgroundTask(Task):
    """Estimate the smooth sky background of each raw science frame [ADU]."""

    makes: ClassVar[tuple[str, ...]] = ("BackgroundFrame",)
    raw = "RawScienceFrame"
    arguments = common(
        "instrument", "date", "filter", "chip", "object", "template", "raw_filenames", "pars",
        "commit",
    )  # fmt: skip
    example = (
        "BackgroundTask(instrument='OMEGACAM', template='2012-06-01T08:51:44', "
        "chip='ESO_CCD_#65').execute()"
    )

    def units(self) -> list[Unit]:
        """Return one unit per raw frame."""
        from awe.tasks.selection import one_each, raw_frames

        return one_each(raw_frames(self))

    def make(self, unit: Unit) -> BackgroundFrame:
        """Return the background of the unit's raw frame."""
        from awe.calib.sky import background
        from awe.model.calibrations import BackgroundFrame, BiasFrame, HotPixelMap, MasterFlatFrame
        from awe.tasks.flattened import flattened
        from awe.tasks.inputs import choose, finish
        from awe.tasks.screening import screen

        raw = unit.frames[0]
        bias, flat = choose(unit, BiasFrame), choose(unit, MasterFlatFrame)
        bad = ~self.good(choose(unit, HotPixelMap))
        parameters = self.parameters("BackgroundFrame")
        method = bias.process_params.OVERSCAN_CORRECTION
        saturated = self.parameters("SaturatedPixelMap").THRESHOLD_HIGH
        found = screen(self, unit, method, levels=(0.0, saturated), named="THRESHOLD_HIGH")
        [frame] = flattened(self, found.raws, bias, flat, method)
        surface = background.estimate(
            frame, box=parameters.BOX, bad=bad, clip=parameters.IMAGE_THRESHOLD
        )
        image = surface.rows()
        product = BackgroundFrame(raw=raw, bias=bias, flat=flat, process_params=parameters)
        finish(self, unit, product, image)
        self.write(product, image)
        return product


def of_frame(unit: Unit, bias: Any, flat: Any) -> BackgroundFrame:
    """Return the newest sound background of a unit's raw frame, made with a bias and a flat.

    Raises
    ------
    NoCalibration
        There is none, or only with another bias or flat.
    """
    from awe.model.calibrations import BackgroundFrame

    raw = unit.frames[0]
    query: Any = (BackgroundFrame.raw == raw) & (BackgroundFrame.is_valid > 0)
    sound = list((query & (BackgroundFrame.quality_flags == 0)).order_by("-creation_date"))
    fitting = [back for back in sound if back.bias == bias and back.flat == flat]
    if fitting:
        found: BackgroundFrame = fitting[0]
        unit.consulted["BackgroundFrame"] = str(found.object_id)
        return found
    state = "only some with another bias or flat" if sound else "none that is sound"
    msg = (
        f"a BackgroundFrame of {raw.filename} was requested, there is {state}; "
        f"dpu.run('Background', instrument={raw.instrument.name!r}, "
        f"raw_filenames=[{raw.filename!r}], commit=True) makes it"
    )
    raise NoCalibration(msg)
