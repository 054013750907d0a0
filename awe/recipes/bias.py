"""Recipe Bias: the master bias of a chip."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from awe.model.calibrations import BiasFrame, ReadNoise
from awe.tasks.inputs import choose, finish, read_noise
from awe.tasks.masters import write_master
from awe.tasks.pieces import combined
from awe.tasks.screening import note, screen
from awe.tasks.stage import SCREENED
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BiasTask"]


class BiasTask(Task):
    """Combine raw biases into a master bias: trimmed, overscan-corrected, outliers left out.

    Outliers are judged by the read noise of the chip, of several amplifiers by that of each, so
    ReadNoise comes first.
    """

    makes: ClassVar[tuple[str, ...]] = ("BiasFrame",)
    raw = "RawBiasFrame"
    stages = (
        *SCREENED,
        Stage(name="combine", text="mean, outliers by the read noise left out", required=True),
    )
    named: ClassVar[Mapping[str, str]] = {"read_noise_id": "ReadNoise"}
    example = "BiasTask(instrument='OMEGACAM', date='2012-05-31', chip='ESO_CCD_#65').execute()"

    def make(self, unit: Unit) -> BiasFrame:
        """Return the master bias of the unit's chip.

        Parameters
        ----------
        unit : Unit
            Work to do: chip, input frames and date.
        """
        from awe.calib.detector import bias

        noise = choose(unit, ReadNoise)
        parameters = self.parameters("BiasFrame")
        found = screen(self, unit, parameters.OVERSCAN_CORRECTION)
        image, variance = combined(
            found, noise, read_noise(unit, noise),
            lambda piece: bias.master(
                piece.pixels, read_noise=piece.read_noise, sigma=parameters.SIGMA_CLIP,
                offsets=piece.offsets, level_variance=piece.level_variance,
            ),
        )  # fmt: skip
        self.after("combine", lambda: image)
        product = BiasFrame(
            raw_bias_frames=found.frames, read_noise=noise, process_params=parameters
        )
        note(product, found.rejected)
        finish(self, unit, product, image)
        write_master(self, product, image, variance)
        return product
