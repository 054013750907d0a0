"""Recipe FringeFlat: the fringe pattern of a chip and filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from awe.recipes.arguments import common
from awe.recipes.task import Task, Unit

if TYPE_CHECKING:
    from awe.db.calfiles import FringeFrame

__all__ = ["FringeFlatTask"]


class FringeFlatTask(Task):
    """Combine flat-fielded frames of different fields into a frame of the fringes alone [ADU]."""

    makes: ClassVar[tuple[str, ...]] = ("FringeFrame",)
    raw = "RawScienceFrame"
    arguments = common(
        "instrument", "date", "filter", "chip", "object", "template", "raw_filenames", "overscan",
        "pars", "commit",
    )  # fmt: skip
    example = (
        "FringeFlatTask(instrument='OMEGACAM', date='2012-05-31', filter='OCAM_i_SDSS', "
        "chip='ESO_CCD_#65').execute()"
    )

    def make(self, unit: Unit) -> FringeFrame:
        """Return the fringe frame of the unit's chip and filter."""
        from awe.calib import fringe
        from awe.db.calfiles import (
            BiasFrame,
            ColdPixelMap,
            FringeFrame,
            HotPixelMap,
            MasterFlatFrame,
        )
        from awe.recipes.flattened import flattened
        from awe.recipes.inputs import choose, finish

        bias, flat = choose(unit, BiasFrame), choose(unit, MasterFlatFrame)
        hot, cold = choose(unit, HotPixelMap), choose(unit, ColdPixelMap)
        parameters = self.parameters("FringeFrame")
        bad = ~(self.good(hot) & self.good(cold))
        images = flattened(self, unit.frames, bias, flat, parameters.OVERSCAN_CORRECTION)
        image = fringe.frame(
            images, sigma=parameters.SIGMA_CLIP, box=parameters.BOX, bad=[bad] * len(images)
        )
        # nothing is known of hot and cold pixels: nothing is subtracted there
        image[bad] = 0
        product = FringeFrame(
            raw_science_frames=list(unit.frames),
            bias=bias,
            flat=flat,
            hot=hot,
            cold=cold,
            process_params=parameters,
        )
        finish(self, unit, product, image)
        self.write(product, image)
        return product
