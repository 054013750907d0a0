"""Process parameters of photometry with standard stars, and of solutions of many frames."""

from __future__ import annotations

from awe.model.parameter import ProcessParameters, parameter

__all__ = [
    "AtmosphericExtinctionParameters",
    "GAstrometricParameters",
    "PhotSrcCatalogParameters",
    "PhotTransformationParameters",
    "PhotometricParametersParameters",
]


class PhotSrcCatalogParameters(ProcessParameters):
    """Parameters of `PhotSrcCatalog`."""

    DETECT_THRESH = parameter(
        "Least height of a star above the sky, in the smoothed frame", 5.0, "sigma",
        low=1.0, high=1000.0,
    )
    APERTURE = parameter(
        "Diameter of the circle light is measured in, in widths of stars", 7.0,
        low=1.0, high=50.0,
    )
    MIN_RATIO = parameter(
        "Least ratio of the light of a star to its error", 20.0, low=1.0, high=1e5
    )
    MATCH_RADIUS = parameter(
        "Largest distance of star and standard", 1.0, "arcsec", low=0.01, high=60.0
    )
    MAX_NEIGHBOURS = parameter(
        "Largest light of neighbours in the circle, part of that of the star", 0.01,
        low=0.0, high=10.0,
    )
    MAX_MAG_DIFF = parameter(
        "Stars whose zero point is further from the median are left out", 0.5, "mag",
        low=0.001, high=10.0,
    )
    MINIMUM_SOURCES = parameter("Fewest standard stars of a sound catalogue", 1, low=0)


class PhotometricParametersParameters(ProcessParameters):
    """Parameters of `PhotometricParameters`."""

    SIGCLIP_LEVEL = parameter(
        "Raw zero points further off are left out", 3.5, "sigma", low=1.5, high=50.0
    )
    STEADINESS = parameter(
        "Change of the transparency from frame to frame that is usual", 0.005, "mag",
        low=0.0001, high=1.0,
    )
    MAX_ERROR = parameter("Largest error of the zero point", 0.05, "mag", low=0.0001, high=10.0)
    MIN_SOURCE_COUNT = parameter("Fewest standard stars", 3, low=2, high=100000)
    MAXIMUM_ZEROPOINT_DIFFERENCE = parameter(
        "Largest change of the zero point from the version before", 0.3, "mag", low=0.0, high=10.0
    )


class AtmosphericExtinctionParameters(ProcessParameters):
    """Parameters of `AtmosphericExtinction`."""

    SIGCLIP_LEVEL = parameter(
        "Raw zero points further off are left out", 3.5, "sigma", low=1.5, high=50.0
    )
    STEADINESS = parameter(
        "Change of the transparency from frame to frame that is usual", 0.005, "mag",
        low=0.0001, high=1.0,
    )
    MIN_AIRMASS_RANGE = parameter(
        "Least range of airmass of the frames", 0.3, low=0.01, high=10.0
    )
    MAX_EXTINCTION_ERROR = parameter(
        "Largest error of the extinction", 0.1, "mag/airmass", low=0.0001, high=10.0
    )


class PhotTransformationParameters(ProcessParameters):
    """Parameters of `PhotTransformation`."""

    MAX_COLOR_TERM = parameter("Largest colour term", 1.0, low=0.0, high=10.0)


class GAstrometricParameters(ProcessParameters):
    """Parameters of `GAstrometric`."""

    DETECT_THRESH = parameter(
        "Least height of a star above the sky, in the smoothed frame", 5.0, "sigma",
        low=1.0, high=1000.0,
    )
    MIN_RATIO = parameter(
        "Least ratio of the light of a star to its error", 10.0, low=1.0, high=1000.0
    )
    MAX_NSTARS = parameter("Brightest stars of a frame used", 1500, low=10, high=100000)
    MAX_OFFSET = parameter(
        "Largest shift of the coordinates of a header along each axis", 180.0, "arcsec",
        low=1.0, high=1800.0,
    )
    MAX_SCALE_ERROR = parameter(
        "Largest relative error of their scale", 0.05, low=0.0, high=0.5
    )
    PDEG = parameter("Highest degree of the polynomials", 3, low=1, high=3)
    CLIP = parameter("Stars further off are left out", 3.5, "sigma", low=2.0, high=50.0)
    MIN_NREF = parameter("Fewest stars of a frame matched", 5, low=4, high=100000)
    MIN_N_OVERLAP = parameter(
        "Fewest pairs of stars in the overlaps of frames", 1, low=0, high=10_000_000
    )
    MAX_RMS = parameter(
        "Largest rms distance of stars and reference", 0.3, "arcsec", low=0.001, high=10.0
    )
    MAX_RMS_OVERLAP = parameter(
        "Largest rms distance of stars from their mean place", 0.1, "arcsec",
        low=0.001, high=10.0,
    )
