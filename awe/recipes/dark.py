"""Recipe Dark: the master dark of a chip and its dark current."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from awe import instruments
from awe.model.calibrations import BiasFrame, DarkCurrent, DarkFrame, ReadNoise
from awe.tasks.inputs import choose, finish, nominal, read_noise
from awe.tasks.masters import variance_of, write_master
from awe.tasks.pieces import combined
from awe.tasks.screening import note, screen
from awe.tasks.stage import SCREENED
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from awe.tasks.screening import Screened

__all__ = ["DarkTask"]

#: seconds of an hour: dark currents are given per hour
HOUR = 3600.0

#: pixels further from the mean dark current, in its scatter over the chip, are hot or cold
_CLIP, _ROUNDS = 4.0, 8


class DarkTask(Task):
    """Combine de-biased darks into a master dark [ADU/s] and measure the dark current."""

    makes: ClassVar[tuple[str, ...]] = ("DarkCurrent", "DarkFrame")
    raw = "RawDarkFrame"
    stages = (
        *SCREENED,
        Stage(
            name="combine", text="subtract the master bias, mean per second without outliers",
            unit="ADU/s", required=True,
        ),
        Stage(name="rate", text="count the particles that hit the frames", unit="ADU/s"),
    )  # fmt: skip
    named: ClassVar[Mapping[str, str]] = {
        "bias_filename": "BiasFrame", "read_noise_id": "ReadNoise",
    }  # fmt: skip
    example = "DarkTask(instrument='OMEGACAM', date='2012-05-31', chip='ESO_CCD_#65').execute()"

    def make(self, unit: Unit) -> DarkCurrent:
        """Return the dark current of the unit's chip, linked to its master dark.

        Parameters
        ----------
        unit : Unit
            Work to do: chip, input frames and date.
        """
        from awe.calib import statistics
        from awe.calib.detector import bias

        parameters = self.parameters("DarkCurrent")
        method = parameters.OVERSCAN_CORRECTION
        level = choose(unit, BiasFrame, method=method)
        measured = choose(unit, ReadNoise)
        noise = read_noise(unit, measured)
        gain = nominal(unit).gain
        found = screen(self, unit, method)
        frames, zero, spread = found.frames, self.pixels(level), variance_of(self, level)
        image, variance = combined(
            found, measured, noise,
            lambda piece: bias.dark(
                piece.pixels, zero[piece.place], read_noise=piece.read_noise, gain=gain,
                exposure_times=[frame.EXPTIME for frame in frames], sigma=parameters.SIGMA_CLIP,
                offsets=piece.offsets, level_variance=piece.level_variance,
                bias_variance=None if spread is None else spread[piece.place],
            ),
        )  # fmt: skip
        self.after("combine", lambda: image)
        rate = 0.0
        if self.does("rate"):
            rate = self._rate(found, zero, image, noise, gain)
        self.after("rate", lambda: image, detail=f"{rate:.3g} per cm2 and minute")
        dark = DarkFrame(raw_dark_frames=frames, bias=level, process_params=parameters)
        product = DarkCurrent(
            raw_dark_frames=frames,
            bias=level,
            dark=dark,
            # the median of few frames of whole counts moves in steps: a third of one for three
            dark_current=statistics.clipped(image, sigma=_CLIP, iterations=_ROUNDS).mean * HOUR,
            particle_rate=rate,
            process_params=parameters,
        )
        note(product, found.rejected, parts=[dark])
        finish(self, unit, dark, image)
        write_master(self, dark, image, variance, of=[level])
        finish(self, unit, product)
        return product

    def _rate(
        self, found: Screened, bias: NDArray[Any], dark: NDArray[Any], noise: float, gain: float
    ) -> float:
        """Return the rate of particle hits [1/cm^2/min]; 0 without the size of a pixel."""
        from awe.calib.cosmic import events
        from awe.calib.detector import pixels

        size = instruments.get(self.instrument).pixel_size
        if size is None:
            return 0.0
        hot = self.parameters("HotPixelMap")
        return events.rate(
            found.raws.pixels,
            bias,
            dark,
            exposure_times=[frame.EXPTIME for frame in found.frames],
            read_noise=noise,
            gain=gain,
            sigma=self.parameters("DarkCurrent").SIGMA_CLIP,
            pixel_size=size,
            offsets=found.raws.offsets,
            bad=pixels.hot(dark, threshold=hot.REJECTION_THRESHOLD, box=hot.BOX),
        )
