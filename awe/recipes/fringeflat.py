"""Recipe FringeFlat: the fringe pattern of a chip and filter."""

from __future__ import annotations

from typing import ClassVar

from awe.model.calibrations import FringeFrame
from awe.tasks.arguments import common
from awe.tasks.inputs import finish
from awe.tasks.screening import note
from awe.tasks.skies import skies
from awe.tasks.stage import SKIES
from awe.tasks.task import Stage, Task, Unit

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

        parameters = self.parameters("FringeFrame")
        found = skies(self, unit, parameters.OVERSCAN_CORRECTION)
        image = fringe.frame(
            found.images,
            sigma=parameters.SIGMA_CLIP,
            box=parameters.BOX,
            bad=[found.bad] * len(found.images),
        )
        # where no frame shows the sky nothing is known of the fringes: nothing is subtracted
        image[found.bad | ~np.isfinite(image)] = 0
        self.after("combine", lambda: image)
        product = FringeFrame(
            raw_science_frames=found.frames, **found.links, process_params=parameters
        )
        note(product, found.rejected)
        finish(self, unit, product, image)
        self.write(product, image)
        return product
