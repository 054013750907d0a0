"""Recipe NightSkyFlat: what the night sky says about the flat."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from awe.recipes.arguments import common
from awe.recipes.task import Task, Unit

if TYPE_CHECKING:
    from awe.db.calfiles import NightSkyFlatFrame

__all__ = ["NightSkyFlatTask"]


class NightSkyFlatTask(Task):
    """Combine flat-fielded frames of different fields into a correction of the flat, mean 1."""

    makes: ClassVar[tuple[str, ...]] = ("NightSkyFlatFrame",)
    raw = "RawScienceFrame"
    arguments = common(
        "instrument", "date", "filter", "chip", "object", "template", "raw_filenames", "overscan",
        "pars", "commit",
    )  # fmt: skip
    example = (
        "NightSkyFlatTask(instrument='OMEGACAM', date='2012-05-31', filter='OCAM_r_SDSS', "
        "chip='ESO_CCD_#65').execute()"
    )

    def make(self, unit: Unit) -> NightSkyFlatFrame:
        """Return the night-sky flat of the unit's chip and filter."""
        import numpy as np

        from awe.calib import flat as kernels
        from awe.calib import statistics
        from awe.calib.combine import Method, combine
        from awe.db.calfiles import (
            BiasFrame,
            ColdPixelMap,
            HotPixelMap,
            MasterFlatFrame,
            NightSkyFlatFrame,
        )
        from awe.recipes.flattened import flattened
        from awe.recipes.inputs import choose, finish

        bias, flat = choose(unit, BiasFrame), choose(unit, MasterFlatFrame)
        hot, cold = choose(unit, HotPixelMap), choose(unit, ColdPixelMap)
        parameters = self.parameters("NightSkyFlatFrame")
        bad = ~(self.good(hot) & self.good(cold))
        images = flattened(self, unit.frames, bias, flat, parameters.OVERSCAN_CORRECTION)
        scales = [1.0 / statistics.median(image, bad) for image in images]
        # stars raise a pixel in some fields: the median of the fields does not know them
        stacked = combine(
            images, method=Method.MAD, sigma=parameters.SIGMA_CLIP, scales=scales
        ).image
        image = kernels.normalise(np.where(bad, np.float32(1), stacked))
        product = NightSkyFlatFrame(
            raw_science_frames=list(unit.frames),
            bias=bias,
            flat=flat,
            hot=hot,
            cold=cold,
            process_params=parameters,
        )
        finish(self, unit, product, image)
        self.write(product, image, unit="")
        return product
