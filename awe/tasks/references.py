"""Reference catalogues and the stars of a frame, ready to be matched."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awe.errors import NotFound, NoValidPixels
from awe.fits import planes
from awe.lazy import resolve
from awe.model.skyparameters import SourceListParameters
from awe.model.sources import SourceList
from awe.tasks.catalogues import settings_of
from awe.tasks.grids import separation
from awe.tasks.inputs import nominal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.astrometry.matching import Stars
    from awe.calib.astrometry.solution import Solution

__all__ = ["Field", "catalogues_named", "chosen", "detected", "field_of", "reference_in"]

#: moment of the epoch 2000 and days of a year
_J2000 = datetime.datetime(2000, 1, 1, 12)
_YEAR = 365.25

#: flags of sources whose place may be wrong: saturated, at an edge, aperture incomplete
_DOUBTFUL = 4 | 8 | 16

#: catalogues that are looked at, the newest first
_LOOKED_AT = 50

_ARCSEC = 3600.0

#: error of a place in a catalogue that tells none [arcsec]
_UNKNOWN = 0.05


@dataclass(frozen=True, kw_only=True)
class Field:
    """Stars of a frame and of a reference in one plane.

    Attributes
    ----------
    x, y : ndarray of float64, pixel
        Zero-based places of the stars, the brightest first.
    stars, reference : Stars
        Stars by the coordinates of the header, and reference at the date of the frame.
    centre : tuple of float, deg
        Where the plane touches the sky.
    shape : tuple of int
        Rows and columns of the frame.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    stars: Stars
    reference: Stars
    centre: tuple[float, float]
    shape: tuple[int, int]

    def residuals(self, found: Solution) -> dict[str, NDArray[Any]]:
        """Return the columns of the stars used: place in the frame, on the sky, residuals."""
        ra, dec = resolve("awe.calib.astrometry.projection:unprojected")(
            self.reference.x[found.reference], self.reference.y[found.reference], self.centre
        )
        return {
            "RA": ra, "DEC": dec, "Xpos": self.x[found.stars] + 1, "Ypos": self.y[found.stars] + 1,
            "DRA": found.east, "DDEC": found.north,
        }  # fmt: skip


def catalogues_named(name: str | None, known: Any = None) -> list[Any]:
    """Return the valid reference catalogues of a name, or of any, the newest first.

    Parameters
    ----------
    name : str or None
        Name of the catalogue; names are not unique.
    known : SourceList, optional
        The very catalogue, which alone is returned.
    """
    if known is not None:
        return [known]
    query: Any = (SourceList.epoch > 0) & (SourceList.is_valid > 0)
    if name is not None:
        query &= SourceList.name == name
    return list(query.order_by("-creation_date").top(_LOOKED_AT))


def chosen(
    frame: Any, name: str | None, parameters: Any, known: Any = None
) -> tuple[Any, Any]:
    """Return the reference catalogue of a frame and its stars round the frame, as a table.

    Parameters
    ----------
    frame : ReducedScienceFrame
        The frame.
    name : str or None
        Name of the catalogue; None takes the newest with enough stars.
    parameters : AstrometricParametersParameters
        Process parameters.
    known : SourceList, optional
        The very catalogue to take.

    Raises
    ------
    NoValidPixels
        The frame has no world coordinates.
    NotFound
        There is no such catalogue, or none with enough stars.
    """
    if frame.astrom is None:
        msg = (
            f"{frame.filename} has no world coordinates to begin with; ingest the exposure with "
            "coordinates that are right within arcminutes"
        )
        raise NoValidPixels(msg)
    lists = catalogues_named(name, known)
    middle = frame.wcs.all_pix2world((frame.NAXIS1 - 1) / 2, (frame.NAXIS2 - 1) / 2, 0)
    ra, dec = (float(one) for one in middle)
    corner = frame.wcs.all_pix2world(0, 0, 0)
    radius = separation(ra, dec, *map(float, corner)) + 1.5 * parameters.MAX_OFFSET / _ARCSEC
    for one in lists:
        around = one.sources.near(ra % 360, dec, min(radius, 20.0))
        if len(around) >= parameters.MIN_NREF:
            return one, around.to_table(["RA", "DEC", "MAG_AUTO", "PosErr", "pmRA", "pmDEC"])
    asked = f"reference catalogue {name!r}" if name is not None else "reference catalogue"
    state = f"{len(lists)} that you may see have" if lists else "there is none that you may see"
    msg = (
        f"{frame.filename}: no {asked} has {parameters.MIN_NREF} stars within {radius:.2f} deg "
        f"of {ra:.4f} {dec:.4f} ({state}{' fewer' if lists else ''}); bring one in: "
        "awe-ingest --reference NAME -i FILE -commit"
    )
    raise NotFound(msg)


def field_of(frame: Any, table: Any, refcat: Any, parameters: Any) -> Field:
    """Return the stars of a frame and of its reference, in the plane that touches at CRVAL.

    Parameters
    ----------
    frame : ReducedScienceFrame
        The frame; its file is here.
    table : Table
        Reference stars.
    refcat : SourceList
        The catalogue they are from.
    parameters : AstrometricParametersParameters
        Process parameters.
    """
    import numpy as np

    x, y, error, shape = detected(frame, parameters)
    wcs = frame.wcs
    centre = (float(frame.astrom.CRVAL1), float(frame.astrom.CRVAL2))
    projected = resolve("awe.calib.astrometry.projection:projected")
    stars = resolve("awe.calib.astrometry.matching:Stars")
    at, up = projected(*wcs.all_pix2world(x, y, 0), centre)
    scale = _ARCSEC * float(np.sqrt(abs(np.linalg.det(wcs.pixel_scale_matrix))))
    return Field(
        x=x, y=y, centre=centre, shape=shape,
        stars=stars(x=at, y=up, error=error * scale),
        reference=reference_in(table, refcat, frame.DATE_OBS, centre),
    )  # fmt: skip


def reference_in(
    table: Any, refcat: Any, date: datetime.datetime, centre: tuple[float, float]
) -> Stars:
    """Return reference stars at a date in the plane that touches at a centre, brightest first.

    Parameters
    ----------
    table : Table
        Reference stars.
    refcat : SourceList
        The catalogue they are from.
    date : datetime
        When they are wanted [UTC].
    centre : tuple of float, deg
        Where the plane touches the sky.
    """
    import numpy as np

    years = (date - _J2000).total_seconds() / 86400 / _YEAR + 2000 - refcat.epoch
    columns: dict[str, Any] = {name: np.ma.filled(np.ma.asarray(table[name], float), np.nan)
               for name in table.colnames}  # fmt: skip
    ra, dec = resolve("awe.calib.astrometry.projection:moved")(
        columns["RA"], columns["DEC"], columns["pmRA"], columns["pmDEC"], years
    )
    order = np.argsort(np.nan_to_num(columns["MAG_AUTO"], nan=99.0), kind="stable")
    projected = resolve("awe.calib.astrometry.projection:projected")
    east, north = projected(ra[order], dec[order], centre)
    made: Stars = resolve("awe.calib.astrometry.matching:Stars")(
        x=east, y=north, error=np.nan_to_num(columns["PosErr"][order], nan=_UNKNOWN)
    )
    return made


def detected(frame: Any, parameters: Any) -> tuple[Any, Any, Any, tuple[int, int]]:
    """Return zero-based places, their errors [pixel] and the shape of a frame, brightest first.

    Parameters
    ----------
    frame : ReducedScienceFrame
        The frame; its file is here.
    parameters : AstrometricParametersParameters or GAstrometricParameters
        Process parameters.

    Raises
    ------
    NoValidPixels
        The frame has no pixel that may be used.
    """
    import numpy as np

    gain = frame.gain.gain if frame.gain is not None else nominal(frame).gain
    camera = frame.instrument.name
    changes = {"DETECT_THRESH": parameters.DETECT_THRESH}
    settings = settings_of(SourceListParameters.make(camera, changes), gain)
    pixels = frame.data
    try:
        found = resolve("awe.calib.extraction.catalogue:measure")(
            pixels, settings, reasons=planes.pixels(frame.pathname, planes.FLAGS)
        ).columns
    except NoValidPixels as error:
        msg = f"{frame.filename}: {error}"
        raise NoValidPixels(msg) from error
    ratio = found["FLUX_AUTO"] / np.maximum(found["FLUXERR_AUTO"], 1e-9)
    good = (found["FLAG"] & _DOUBTFUL == 0) & (ratio > parameters.MIN_RATIO)
    order = good.nonzero()[0][np.argsort(-found["FLUX_AUTO"][good])][: parameters.MAX_NSTARS]
    return (
        found["XWIN_IMAGE"][order] - 1, found["YWIN_IMAGE"][order] - 1,
        found["PosErr"][order] / np.sqrt(2), pixels.shape,
    )  # fmt: skip
