"""Process parameters of what is made from reduced frames on the sky: lists of sources."""

from __future__ import annotations

from awe.model.parameter import ProcessParameters, parameter

__all__ = ["SourceListParameters"]


class SourceListParameters(ProcessParameters):
    """Parameters of `SourceList`, under the names of SExtractor where it has them."""

    DETECT_THRESH = parameter(
        "Least height of a source above the sky, in the smoothed frame", 1.5, "sigma",
        low=0.5, high=1000.0,
    )
    DETECT_MINAREA = parameter(
        "Fewest connected pixels of a source", 5, "pixel", low=1, high=10000
    )
    DEBLEND_NTHRESH = parameter(
        "Levels at which a group of pixels is looked at for parts", 32, low=1, high=256
    )
    DEBLEND_MINCONT = parameter(
        "Least part of the light of the group that a part has", 0.005, low=0.0, high=1.0
    )
    CLEAN_PARAM = parameter(
        "Efficiency of removing the wings of neighbours; 0 removes none", 1.0, low=0.0, high=10.0
    )
    BACK_SIZE = parameter("Side of the boxes of the sky", 64, "pixel", low=8, high=4096)
    BACK_FILTERSIZE = parameter("Boxes of the median over them", 3, low=1, high=15)
    PHOT_APERTURES = parameter(
        "Diameters of the circular apertures, separated by commas", "10,20", "pixel"
    )
    KRON_FACTOR = parameter("Multiple of the Kron radius of the ellipse", 2.5, low=0.5, high=10.0)
    KRON_MINIMUM = parameter(
        "Least multiple of the shape that the ellipse has", 3.5, low=0.5, high=20.0
    )
    MAG_ZEROPOINT = parameter("Magnitude of one count", 0.0, "mag", low=-100.0, high=100.0)
    CORRELATION = parameter(
        "Noise of sums of pixels over that of independent ones; 0 measures it", 0.0,
        low=0.0, high=100.0,
    )
    MINIMUM_SOURCES = parameter("Fewest sources of a sound list", 1, low=0)
