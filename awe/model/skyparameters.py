"""Process parameters of what is made from reduced frames on the sky: solutions, source lists."""

from __future__ import annotations

from awe.model.parameter import ProcessParameters, parameter

__all__ = [
    "AssociateListParameters", "AstrometricParametersParameters", "SourceListParameters",
]  # fmt: skip


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


class AssociateListParameters(ProcessParameters):
    """Parameters of `AssociateList`."""

    SEARCH_DISTANCE = parameter(
        "Largest distance of sources that are taken for one", 1.0, "arcsec", low=0.001, high=3600.0
    )
    SEXTRACTOR_FLAG_MASK = parameter(
        "Bits of FLAG that sources may have and take part all the same", 0, low=0, high=1023
    )
    SINGLE_OUT_CLOSEST_PAIRS = parameter(
        "Whether of two lists only the closest pairs are taken", True
    )
    MINIMUM_SOURCES = parameter("Fewest associated sources of a sound association", 0, low=0)


class AstrometricParametersParameters(ProcessParameters):
    """Parameters of `AstrometricParameters`."""

    DETECT_THRESH = parameter(
        "Least height of a star above the sky, in the smoothed frame", 5.0, "sigma",
        low=1.0, high=1000.0,
    )
    MIN_RATIO = parameter(
        "Least ratio of the light of a star to its error", 10.0, low=1.0, high=1000.0
    )
    MAX_NSTARS = parameter("Brightest stars used", 1500, low=10, high=100000)
    MAX_OFFSET = parameter(
        "Largest shift of the coordinates of the header along each axis", 180.0, "arcsec",
        low=1.0, high=1800.0,
    )
    MAX_SCALE_ERROR = parameter(
        "Largest relative error of their scale", 0.05, low=0.0, high=0.5
    )
    PDEG = parameter(
        "Highest degree of the polynomials; lower where the stars are few", 3, low=1, high=3
    )
    CLIP = parameter("Stars further off are left out", 3.5, "sigma", low=2.0, high=50.0)
    MIN_NREF = parameter("Fewest stars matched", 5, low=4, high=100000)
    MAX_RMS = parameter(
        "Largest rms distance of stars and reference, of stars left out of the fit too", 0.3,
        "arcsec", low=0.001, high=10.0,
    )
