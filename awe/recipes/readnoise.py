"""Recipe ReadNoise: the read noise of a chip from pairs of biases."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from awe.errors import NoValidPixels
from awe.model.calibrations import ReadNoise
from awe.tasks.inputs import finish
from awe.tasks.readout import parts
from awe.tasks.screening import note, screen
from awe.tasks.stage import SCREENED
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from awe.tasks.inputs import Raws

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
        measure = partial(
            bias.read_noise,
            sigma=parameters.REJECTION_THRESHOLD,
            iterations=parameters.MAXIMUM_ITERATIONS,
        )
        measured = measure(
            list(zip(level[: len(frames) : 2], level[1 : len(frames) : 2], strict=True))
        )
        pairs = zip(level[: len(frames) : 2], level[1 : len(frames) : 2], strict=True)
        self.after("measure", lambda: [a - b for a, b in pairs], of=frames[::2])
        # the level subtracted from each row is itself measured, with this noise
        of_levels = sum(raws.variances) / len(raws.variances)
        each = _by_amplifier(measure, frames, level, raws)
        product = ReadNoise(
            raw_bias_frames=list(frames),
            read_noise=max(measured.read_noise**2 - of_levels, 0.0) ** 0.5,
            amplifier_read_noises=each,
            mean_diff=measured.mean_diff,
            median_diff=measured.median_diff,
            process_params=parameters,
        )
        note(product, found.rejected)
        finish(self, unit, product)
        return product


def _by_amplifier(
    measure: Callable[..., Any], frames: list[Any], level: list[NDArray[Any]], raws: Raws
) -> list[float]:
    """Return the read noise of each of several amplifiers, in its own counts [ADU]."""
    found = []
    for number, (one, place) in enumerate(parts(frames[0])):
        own = [image[place] / one.scale for image in level[: len(frames)]]
        measured = measure(list(zip(own[::2], own[1::2], strict=True)))
        of_levels = [values[number] / one.scale**2 for values in raws.by_amplifier]
        mean = sum(of_levels) / len(of_levels)
        found.append(max(measured.read_noise**2 - mean, 0.0) ** 0.5)
    return found
