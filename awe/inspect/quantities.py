"""What the measuring keys measure: each quantity with its unit and its meaning, once.

The columns of `ins.table`, the printed lines and the page of hot-keys come from here.
"""

from __future__ import annotations

__all__ = ["QUANTITIES", "unit_of"]

#: stands for the unit of the frame's pixels
COUNTS = "counts"

#: name: unit, meaning
QUANTITIES: dict[str, tuple[str, str]] = {
    "x": ("pixel", "column of the pointer, FITS pixels"),
    "y": ("pixel", "row of the pointer, FITS pixels"),
    "ra": ("deg", "right ascension of the pointer or the object"),
    "dec": ("deg", "declination"),
    "x_centre": ("pixel", "column of the object's centre"),
    "y_centre": ("pixel", "row of the object's centre"),
    "fwhm": ("pixel", "full width at half maximum, Moffat profile, the pixel taken out"),
    "fwhm_gauss": ("pixel", "the same of a Gaussian fitted to the core"),
    "fwhm_sky": ("arcsec", "`fwhm` on the sky"),
    "beta": ("", "exponent of the Moffat profile"),
    "ellipticity": ("", "1 - b/a of the profile"),
    "angle": ("deg", "direction of the long axis, from +x towards +y"),
    "flux": (COUNTS, "light above the sky: all of it, or within a radius that was set"),
    "inside": (COUNTS, "light within the radius"),
    "mag": ("mag", "`magzero` - 2.5 log10(flux)"),
    "mag_error": ("mag", "standard deviation of `mag`"),
    "snr": ("", "flux over its standard deviation"),
    "radius": ("pixel", "radius of the aperture"),
    "peak": (COUNTS, "highest pixel, of `r` the mean of the innermost"),
    "sky": (COUNTS, "level of the sky in the ring around the object"),
    "sky_noise": (COUNTS, "standard deviation of the pixels of the sky"),
    "value": (COUNTS, "value of the pixel"),
    "pixels": ("", "number of finite pixels"),
    "mean": (COUNTS, "mean of the box"),
    "median": (COUNTS, "median of the pixels"),
    "stdev": (COUNTS, "standard deviation of the box"),
    "min": (COUNTS, "lowest pixel"),
    "max": (COUNTS, "highest pixel"),
    "x_max": ("pixel", "column of the highest pixel"),
    "y_max": ("pixel", "row of the highest pixel"),
    "line": ("pixel", "row of a cut"),
    "column": ("pixel", "column of a cut"),
    "centre": ("pixel", "centre of the Gaussian along the line or column"),
    "height": (COUNTS, "height of that Gaussian above its sky"),
    "half_light": ("pixel", "radius that holds half the light"),
    "x1": ("pixel", "first corner or end"),
    "y1": ("pixel", "first corner or end"),
    "x2": ("pixel", "second corner or end"),
    "y2": ("pixel", "second corner or end"),
    "length": ("pixel", "length of a vector"),
    "dx": ("pixel", "columns from the origin"),
    "dy": ("pixel", "rows from the origin"),
    "distance": ("pixel", "distance from the origin"),
    "separation": ("arcsec", "distance from the origin on the sky"),
    "position_angle": ("deg", "direction from the origin, from north through east"),
}


def unit_of(name: str, counts: str) -> str:
    """Return the unit of a quantity, empty where it has none or nobody knows.

    Parameters
    ----------
    name : str
        Name of a quantity.
    counts : str
        Unit of the frame's pixels.
    """
    unit = QUANTITIES.get(name, ("", ""))[0]
    return counts if unit == COUNTS else unit
