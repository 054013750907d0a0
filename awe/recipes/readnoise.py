"""Recipe ReadNoise: the read noise of a chip from pairs of biases."""

from __future__ import annotations

from typing import ClassVar

from awe.errors import NoValidPixels
from awe.model.calibrations import ReadNoise
from awe.tasks.inputs import finish
from awe.tasks.screening import note, screen
from awe.tasks.stage import SCREENED
from awe.tasks.task import Stage, Task, Unit

__all__ = ["ReadNoiseTask"]


class ReadNoiseTask(Task):
    """Measure the read noise of each chip from the differences of consecutive biases."""

    makes: ClassVar[tuple[str, ...]] = ("ReadNoise",)
    raw = "RawBiasFrame"
    stages = (
        *SCREENED,
        Stage(
            name="measure", text="spread of the differences of consecutive biases", required=True
        ),
    )
    example = (
        "ReadNoiseTask(instrument='OMEGACAM', date='2012-05-31', "
        "chip='ESO_CCD_#65').execute()"
    )

    def make(self, unit: Unit) -> ReadNoise:
        """Return the read noise of the unit's chip.

        Parameters
        ----------
        unit : Unit
            Work to do: chip, input frames and date.
        """
        from awe.calib.detector import bias

        parameters = self.parameters("ReadNoise")
        found = screen(self, unit, parameters.OVERSCAN_CORRECTION)
        raws = found.raws
        frames = found.frames[: len(found.frames) // 2 * 2]
        if not frames:
            msg = f"the read noise of {unit.name} needs 2 biases, found {len(found.frames)}"
            raise NoValidPixels(msg)
        level = [p - o for p, o in zip(raws.pixels, raws.offsets, strict=True)]
        measured = bias.read_noise(
            list(zip(level[: len(frames) : 2], level[1 : len(frames) : 2], strict=True)),
            sigma=parameters.REJECTION_THRESHOLD,
            iterations=parameters.MAXIMUM_ITERATIONS,
        )
        pairs = zip(level[: len(frames) : 2], level[1 : len(frames) : 2], strict=True)
        self.after("measure", lambda: [a - b for a, b in pairs], of=frames[::2])
        # the level subtracted from each row is itself measured, with this noise
        of_levels = sum(raws.variances) / len(raws.variances)
        product = ReadNoise(
            raw_bias_frames=list(frames),
            read_noise=max(measured.read_noise**2 - of_levels, 0.0) ** 0.5,
            mean_diff=measured.mean_diff,
            median_diff=measured.median_diff,
            process_params=parameters,
        )
        note(product, found.rejected)
        finish(self, unit, product)
        return product
