"""Recipe NightSkyFlat: what the night sky says about the flat."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from awe.model.calibrations import NightSkyFlatFrame
from awe.tasks.arguments import common
from awe.tasks.inputs import finish, nominal
from awe.tasks.masters import variance_of, write_master
from awe.tasks.screening import note
from awe.tasks.skies import skies
from awe.tasks.stage import SKIES
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NightSkyFlatTask"]


class NightSkyFlatTask(Task):
    """Combine flat-fielded frames of different fields into a correction of the flat, mean 1."""

    makes: ClassVar[tuple[str, ...]] = ("NightSkyFlatFrame",)
    raw = "RawScienceFrame"
    stages = (
        *SKIES,
        Stage(
            name="combine", text="mean without outliers, scaled to 1", unit="", required=True
        ),
    )
    arguments = common(
        "instrument", "date", "filter", "chip", "object", "template", "raw_filenames", "overscan",
        "pars", "commit",
    )  # fmt: skip
    named: ClassVar[Mapping[str, str]] = {
        "bias_filename": "BiasFrame", "flat_filename": "MasterFlatFrame", "hot_filename":
        "HotPixelMap", "cold_filename": "ColdPixelMap",
    }  # fmt: skip
    example = (
        "NightSkyFlatTask(instrument='OMEGACAM', date='2012-05-31', filter='OCAM_r_SDSS', "
        "chip='ESO_CCD_#65').execute()"
    )

    def make(self, unit: Unit) -> NightSkyFlatFrame:
        """Return the night-sky flat of the unit's chip and filter.

        Parameters
        ----------
        unit : Unit
            Work to do: chip, input frames and date.
        """
        import numpy as np

        from awe.calib.sky import flat as kernels

        parameters = self.parameters("NightSkyFlatFrame")
        found = skies(self, unit, parameters.OVERSCAN_CORRECTION)
        chip, divisor = nominal(unit), found.links["flat"]
        stacked = kernels.sky(
            found.images, gain=chip.gain, read_noise=chip.read_noise / chip.gain,
            sigma=parameters.SIGMA_CLIP, bad=found.bad, response=self.pixels(divisor, 1.0),
            response_variance=variance_of(self, divisor),
        )
        # where no frame shows the sky nothing is known of the flat: it is not corrected there
        known = ~found.bad & np.isfinite(stacked.image)
        image = kernels.normalise(np.where(known, stacked.image, np.float32(1)))
        self.after("combine", lambda: image)
        product = NightSkyFlatFrame(
            raw_science_frames=found.frames, **found.links, process_params=parameters
        )
        product.noise = stacked.noise
        note(product, found.rejected)
        finish(self, unit, product, image)
        write_master(
            self, product, image, stacked.variance, of=[found.links["bias"], divisor],
            hot=product.hot, cold=product.cold, unknown=~known,
        )
        return product
