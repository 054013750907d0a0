"""Recipe Dark: the master dark of a chip and its dark current."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from awe.recipes.task import Task, Unit

if TYPE_CHECKING:
    from awe.db.calfiles import DarkCurrent

__all__ = ["DarkTask"]

#: seconds of an hour: dark currents are given per hour
HOUR = 3600.0


class DarkTask(Task):
    """Combine de-biased darks into a master dark [ADU/s] and measure the dark current."""

    makes: ClassVar[tuple[str, ...]] = ("DarkCurrent", "DarkFrame")
    raw = "RawDarkFrame"
    example = "DarkTask(instrument='OMEGACAM', date='2012-05-31', chip='ESO_CCD_#65').execute()"

    def make(self, unit: Unit) -> DarkCurrent:
        """Return the dark current of the unit's chip, linked to its master dark."""
        from awe.calib import bias as kernels
        from awe.calib import overscan, statistics
        from awe.db.calfiles import BiasFrame, DarkCurrent, DarkFrame, ReadNoise
        from awe.recipes.inputs import choose, finish, nominal
        from awe.recipes.screening import note, screen

        parameters = self.parameters("DarkCurrent")
        bias = choose(unit, BiasFrame)
        method = parameters.OVERSCAN_CORRECTION
        overscan.require_same(method, bias.process_params.OVERSCAN_CORRECTION, bias.filename)
        found = screen(self, unit, method)
        raws, frames = found.raws, found.frames
        master = kernels.dark(
            raws.pixels,
            self.pixels(bias),
            exposure_times=[frame.EXPTIME for frame in frames],
            read_noise=choose(unit, ReadNoise).read_noise,
            gain=nominal(unit).gain,
            sigma=parameters.SIGMA_CLIP,
            offsets=raws.offsets,
        )
        dark = DarkFrame(raw_dark_frames=frames, bias=bias, process_params=parameters)
        finish(self, unit, dark, master.image)
        self.write(dark, master.image, unit="adu/s")
        product = DarkCurrent(
            raw_dark_frames=frames,
            bias=bias,
            dark=dark,
            dark_current=statistics.median(master.image) * HOUR,
            process_params=parameters,
        )
        note(product, found.rejected)
        finish(self, unit, product)
        return product
