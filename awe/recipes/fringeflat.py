"""Recipe FringeFlat: the fringe pattern of a chip and filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from awe.model.calibrations import FringeFrame
from awe.tasks.arguments import common
from awe.tasks.inputs import finish, nominal
from awe.tasks.masters import write_master
from awe.tasks.screening import note
from awe.tasks.skies import skies
from awe.tasks.stage import SKIES
from awe.tasks.task import Stage, Task, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FringeFlatTask"]


class FringeFlatTask(Task):
    """Combine flat-fielded frames of different fields into a frame of the fringes alone [ADU]."""

    makes: ClassVar[tuple[str, ...]] = ("FringeFrame",)
    raw = "RawScienceFrame"
    stages = (
        *SKIES,
        Stage(name="combine", text="mean without outliers and smooth sky", required=True),
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
        "FringeFlatTask(instrument='OMEGACAM', date='2012-05-31', filter='OCAM_r_SDSS', "
        "chip='ESO_CCD_#65').execute()"
    )

    def make(self, unit: Unit) -> FringeFrame:
        """Return the fringe frame of the unit's chip and filter.

        Parameters
        ----------
        unit : Unit
            Work to do: chip, input frames and date.
        """
        import numpy as np

        from awe.calib.sky import fringe

        parameters, chip = self.parameters("FringeFrame"), nominal(unit)
        found = skies(self, unit, parameters.OVERSCAN_CORRECTION)
        made = fringe.frame(
            found.images,
            sigma=parameters.SIGMA_CLIP,
            box=parameters.BOX,
            bad=[found.bad] * len(found.images),
            gain=chip.gain,
            read_noise=chip.read_noise / chip.gain,
            response=self.pixels(found.links["flat"], 1.0),
        )
        # where no frame shows the sky nothing is known of the fringes: nothing is subtracted
        known = ~found.bad & np.isfinite(made.image)
        image = np.where(known, made.image, np.float32(0))
        self.after("combine", lambda: image)
        product = FringeFrame(
            raw_science_frames=found.frames, **found.links, process_params=parameters
        )
        note(product, found.rejected)
        finish(self, unit, product, image)
        write_master(
            self, product, image, made.variance, of=[product.bias, product.flat],
            hot=product.hot, cold=product.cold, unknown=~known,
        )
        return product
