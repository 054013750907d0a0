"""Standard stars in a frame: which catalogue has them, which is which, how bright they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awe import fits
from awe.errors import NoCalibration, NotFound, NoValidPixels
from awe.fits import planes
from awe.lazy import resolve
from awe.model.photometry import PhotSrcCatalog, PhotTransformation
from awe.model.skyparameters import SourceListParameters
from awe.model.sources import SourceList
from awe.rules.made_from import newest_solution
from awe.tasks.catalogues import settings_of, write_table
from awe.tasks.grids import separation
from awe.tasks.inputs import find, fixed, nominal
from awe.tasks.references import catalogues_named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.tasks.task import Task

__all__ = ["Bands", "airmass_of", "band_of", "catalogue_of", "measured", "newest_catalogue"]

#: band of a filter -> that of its standards, where the filter does not say it
_BANDS = {
    **{letter: f"Sloan{letter.upper()}" for letter in "ugriz"},
    **{letter: f"Johnson{letter}" for letter in "UBV"},
    **{letter: f"Cousins{letter}" for letter in "RI"},
}

#: flags of stars whose light may be wrong: bad pixels, saturated, at an edge, aperture incomplete
_DOUBTFUL = 1 | 4 | 8 | 16

#: arcsec in a degree
_ARCSEC = 3600.0

#: circle in pixels by which the width of stars is found where the frame does not tell it
_FIRST_LOOK = "10"

#: error of a standard magnitude of a catalogue that tells none [mag]
_UNKNOWN = 0.01


@dataclass(frozen=True, kw_only=True)
class Bands:
    """Which bands make the magnitude of a standard in the system of the camera.

    Attributes
    ----------
    primary : str
        Band of the magnitude.
    transform : PhotTransformation or None
        Constant and colour term to be added.
    """

    primary: str
    transform: Any = None

    @property
    def needed(self) -> tuple[str, ...]:
        """The bands a catalogue must have."""
        if self.transform is None or not self.transform.color_term:
            return (self.primary,)
        return (self.primary, self.transform.secondary_band, self.transform.tertiary_band)

    def magnitudes(self, table: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return magnitudes in the system of the camera and their errors [mag]; NaN for none.

        Parameters
        ----------
        table : Table
            Rows of a catalogue.
        """
        import numpy as np

        values = np.asarray(table[f"MAG_{self.primary}"], np.float64)
        variance = _errors(table, self.primary) ** 2
        one = self.transform
        if one is not None:
            values = values + one.coefficient
        if one is not None and one.color_term:
            first, second = one.secondary_band, one.tertiary_band
            colour = np.asarray(table[f"MAG_{first}"] - table[f"MAG_{second}"], np.float64)
            values = values + one.color_term * colour
            inner = _errors(table, first) ** 2 + _errors(table, second) ** 2
            variance = variance + one.color_term**2 * inner
        return values, np.sqrt(variance)


def _errors(table: Any, band: str) -> NDArray[Any]:
    import numpy as np

    name = f"MAGERR_{band}"
    if name not in table.colnames:
        return np.full(len(table), _UNKNOWN)
    return np.nan_to_num(np.asarray(table[name], np.float64), nan=_UNKNOWN)


def band_of(filter_: Any) -> str:
    """Return the band of the standards for a filter, such as SloanR.

    Parameters
    ----------
    filter_ : Filter
        The filter; its `mag_id`, or the letter in its name.

    Raises
    ------
    NoCalibration
        Neither tells it.
    """
    words = filter_.name.replace("#", "_").split("_") if filter_ is not None else []
    for word in (filter_.mag_id if filter_ is not None else "", *words):
        found = word if word in _BANDS.values() else _BANDS.get(word)
        if found:
            return found
    msg = (
        f"filter {filter_.name if filter_ is not None else 'none'}: neither mag_id nor name tell "
        "the band of its standards; commit a PhotTransformation for it, with primary_band"
    )
    raise NoCalibration(msg)


def newest_catalogue(frame: Any) -> Any:
    """Return the newest sound standards of a frame that are up to date, None without.

    Parameters
    ----------
    frame : ReducedScienceFrame
        The frame.
    """
    cls: Any = PhotSrcCatalog
    query = (cls.frame == frame) & (cls.is_valid > 0) & (cls.quality_flags == 0)
    found = query.max("creation_date")
    return found if found is not None and found.is_uptodate() else None


def catalogue_of(
    task: Task, unit: Any, frame: Any, *, transform: bool | None, reference: str | None = None
) -> PhotSrcCatalog:
    """Return the standard stars of a frame, new, its file written.

    Parameters
    ----------
    task : Task
        The task, inside `execute()`.
    unit : Unit
        The unit in hand.
    frame : ReducedScienceFrame
        The frame.
    transform : bool or None
        Whether a transformation is applied; None takes one if there is one.
    reference : str, optional
        Name of the catalogue of the standards; the newest with standards there when left out.

    Raises
    ------
    NoCalibration
        There is no transformation, and there should be one.
    NotFound
        No catalogue has standards there.
    NoValidPixels
        None of them is among the stars of the frame, or the frame lacks what it takes.
    """
    parameters = task.parameters("PhotSrcCatalog")
    bands = _bands(unit, frame, transform)
    airmass = airmass_of(frame)
    given = unit.given
    solution = newest_solution(frame) if given is None else given.get("AstrometricParameters")
    if solution is None and frame.astrom is None:
        msg = (
            f"{frame.filename} has neither world coordinates nor a solution: standards cannot be "
            "told; run Astrometry on it, or ingest the exposure with coordinates"
        )
        raise NoValidPixels(msg)
    wcs = solution.wcs() if solution is not None else frame.wcs
    refcat, table = _standards(frame, wcs, bands, reference, fixed(unit, SourceList))
    task.fetch([frame])
    columns, numbers = measured(frame, wcs, table, bands, parameters)
    product = PhotSrcCatalog(
        frame=frame, refcat=refcat, transform=bands.transform, astrom_params=solution,
        airmass=airmass, mag_id=bands.primary, process_params=parameters, process_status=1,
        source_count=int(columns["used"].sum()),
    )  # fmt: skip
    for name, value in numbers.items():
        setattr(product, name, value)
    for name in ("instrument", "chip", "filter", "OBJECT", "DATE_OBS"):
        setattr(product, name, getattr(frame, name))
    product.verify()
    write_table(task, product, columns, "STANDARDS")
    return product


def _bands(unit: Any, frame: Any, transform: bool | None) -> Bands:
    found = find(unit, PhotTransformation) if transform is not False else None
    if found is not None:
        return Bands(primary=found.primary_band or band_of(frame.filter), transform=found)
    if transform:
        msg = (
            f"{frame.filename}: no PhotTransformation is valid for filter {frame.filter.name}; "
            "commit one, or leave out transform to have magnitudes of the standards themselves"
        )
        raise NoCalibration(msg)
    return Bands(primary=band_of(frame.filter))


def airmass_of(frame: Any) -> float:
    """Return the airmass in the middle of the exposure of a reduced frame.

    Parameters
    ----------
    frame : ReducedScienceFrame
        The frame.

    Raises
    ------
    NoValidPixels
        Its raw frame does not tell it, or has no exposure time.
    """
    begin, end = (float(getattr(frame.raw, name) or 0.0) for name in ("AIRMSTRT", "AIRMEND"))
    known = [value for value in (begin, end) if 1.0 <= value < 40.0]
    if not known or not frame.EXPTIME > 0:
        lacks = "airmass (AIRMSTRT, AIRMEND)" if frame.EXPTIME > 0 else "exposure time (EXPTIME)"
        msg = (
            f"{frame.filename}: its raw frame has no {lacks}; ingest the exposure with a header, "
            "or a plan, that tells it"
        )
        raise NoValidPixels(msg)
    return sum(known) / len(known)


def _standards(
    frame: Any, wcs: Any, bands: Bands, name: str | None, known: Any
) -> tuple[Any, Any]:
    """Return the newest catalogue with such standards in the frame, and their rows."""
    import numpy as np

    wanted = {f"MAG_{band}" for band in bands.needed}
    fitting = [one for one in catalogues_named(name, known) if wanted <= set(one.sexparam)]
    x, y = np.array([0, frame.NAXIS1 - 1, 0]), np.array([0, frame.NAXIS2 - 1, frame.NAXIS2 - 1])
    ra, dec = wcs.all_pix2world(x, y, 0)
    middle = wcs.all_pix2world((frame.NAXIS1 - 1) / 2, (frame.NAXIS2 - 1) / 2, 0)
    ra0, dec0 = map(float, middle)
    away = [separation(ra0, dec0, *map(float, one)) for one in zip(ra, dec, strict=True)]
    radius = min(max(away), 20.0)
    for one in fitting:
        around = one.sources.near(ra0 % 360, dec0, radius)
        if len(around):
            table = fits.read_table(one._here())
            rows = table[np.isin(table["SID"], around.to_table(["SID"])["SID"])]
            rows.meta["epoch"] = one.epoch
            return one, rows
    state = (
        f"none of {len(fitting)} catalogues with {', '.join(sorted(wanted))} has stars there"
        if fitting
        else f"no catalogue{f' {name!r}' if name is not None else ''} that you may see has "
        f"{', '.join(sorted(wanted))}"
    )
    msg = (
        f"{frame.filename}: no standards within {radius:.2f} deg of {ra0:.4f} {dec0:.4f}: "
        f"{state}; bring some in: awe-ingest --reference NAME -i FILE -commit"
    )
    raise NotFound(msg)


def measured(
    frame: Any, wcs: Any, table: Any, bands: Bands, parameters: Any
) -> tuple[dict[str, NDArray[Any]], dict[str, float]]:
    """Return the columns of the standards in a frame that is here, and numbers of the frame.

    Parameters
    ----------
    frame : ReducedScienceFrame
        The frame.
    wcs : WCS
        Its world coordinates.
    table : Table
        Standards round it.
    bands : Bands
        Which magnitudes they have.
    parameters : PhotSrcCatalogParameters
        Process parameters.

    Raises
    ------
    NoValidPixels
        None of them is among the stars of the frame.
    """
    import numpy as np

    scale = _ARCSEC * float(np.sqrt(abs(np.linalg.det(wcs.pixel_scale_matrix))))
    width = _width(frame, parameters, scale)
    diameter = round(parameters.APERTURE * width, 2)
    found, level = _detected(frame, parameters, f"{diameter:g}")
    matched, index = _matched(frame, wcs, table, found, parameters.MATCH_RADIUS)
    name = resolve("awe.calib.extraction.catalogue:aperture_name")(diameter)
    flux, error = found[f"FLUX_APER_{name}"], found[f"FLUXERR_APER_{name}"]
    good = (found["FLAG"] & _DOUBTFUL == 0) & (flux > parameters.MIN_RATIO * error)
    good &= _crowd(found, diameter / 2) <= parameters.MAX_NEIGHBOURS
    mag, mag_err = bands.magnitudes(table[index])
    some = good[matched] & np.isfinite(mag)
    if not some.any():
        msg = (
            f"{frame.filename}: {len(table)} standards are in reach, {len(matched)} are within "
            f"{parameters.MATCH_RADIUS:g} arcsec of a star, none of these is fit for use; run "
            "Astrometry first if the coordinates are off, or see MIN_RATIO and MAX_NEIGHBOURS"
        )
        raise NoValidPixels(msg)
    stars, index = matched[some], index[some]
    light = flux[stars] / frame.EXPTIME
    columns: dict[str, NDArray[Any]] = {
        "index": np.asarray(table["SID"])[index].astype(np.int32),
        "RA": np.asarray(table["RA"], np.float64)[index],
        "DEC": np.asarray(table["DEC"], np.float64)[index],
        "Xpos": found["XWIN_IMAGE"][stars], "Ypos": found["YWIN_IMAGE"][stars],
        "mag": mag[some], "mag_err": mag_err[some],
        "instmag": -2.5 * np.log10(light),
        "instmag_err": 2.5 / np.log(10) * error[stars] / flux[stars],
    }  # fmt: skip
    raw = columns["mag"] - columns["instmag"]
    middle = float(np.median(raw))
    columns["used"] = abs(raw - middle) < parameters.MAX_MAG_DIFF
    kept = raw[columns["used"]]
    if not kept.size:
        kept = raw
    middle = float(np.median(kept))
    return columns, {
        "raw_zeropnt": middle, "seeing": width * scale, "aperture": diameter * scale,
        "raw_zeropnt_scatter": 1.4826 * float(np.median(abs(kept - middle))),
        "sky_background": level / frame.EXPTIME / scale**2,
    }  # fmt: skip


def _width(frame: Any, parameters: Any, scale: float) -> float:
    """Return the width of stars of a frame [pixel]."""
    if frame.psf_radius:
        return float(frame.psf_radius) / scale
    import numpy as np

    found, _ = _detected(frame, parameters, _FIRST_LOOK)
    ratio = found["FLUX_AUTO"] / np.maximum(found["FLUXERR_AUTO"], 1e-9)
    stars = (found["FLAG"] == 0) & (ratio > parameters.MIN_RATIO)
    if not stars.any():
        msg = f"{frame.filename}: no star is fit to tell the width of stars; see MIN_RATIO"
        raise NoValidPixels(msg)
    # the circle that holds half the light of a star is as wide as its profile at half maximum
    return float(2 * np.nanmedian(found["FLUX_RADIUS"][stars]))


def _detected(frame: Any, parameters: Any, apertures: str) -> tuple[dict[str, Any], float]:
    """Return what is in a frame, its light in circles too, and its sky [ADU]."""
    gain = frame.gain.gain if frame.gain is not None else nominal(frame).gain
    changes = {"DETECT_THRESH": parameters.DETECT_THRESH, "PHOT_APERTURES": apertures}
    settings = settings_of(SourceListParameters.make(frame.instrument.name, changes), gain)
    try:
        found = resolve("awe.calib.extraction.catalogue:measure")(
            frame.data, settings, reasons=planes.pixels(frame.pathname, planes.FLAGS)
        )
    except NoValidPixels as error:
        msg = f"{frame.filename}: {error}"
        raise NoValidPixels(msg) from error
    return found.columns, found.level


def _matched(
    frame: Any, wcs: Any, table: Any, found: dict[str, Any], radius: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the numbers of stars and of standards that are each other's nearest."""
    import numpy as np

    projected = resolve("awe.calib.astrometry.projection:projected")
    moved = resolve("awe.calib.astrometry.projection:moved")
    centre = tuple(map(float, wcs.all_pix2world(frame.NAXIS1 / 2, frame.NAXIS2 / 2, 0)))
    years = frame.DATE_OBS.year + frame.DATE_OBS.timetuple().tm_yday / 365.25 - table.meta["epoch"]
    motion = [
        np.nan_to_num(np.asarray(table[name], np.float64)) if name in table.colnames
        else np.zeros(len(table))
        for name in ("pmRA", "pmDEC")
    ]  # fmt: skip
    ra, dec = moved(np.asarray(table["RA"]), np.asarray(table["DEC"]), *motion, years)
    theirs = np.stack(projected(ra, dec, centre), axis=-1)
    sky = wcs.all_pix2world(found["XWIN_IMAGE"], found["YWIN_IMAGE"], 1)
    ours = np.stack(projected(*sky, centre), axis=-1)
    mine, other = resolve("awe.calib.astrometry.matching:pairs")(ours, theirs, radius)
    return mine, other


def _crowd(found: dict[str, Any], radius: float) -> NDArray[Any]:
    """Return the light of neighbours within a radius [pixel], part of that of each source."""
    import numpy as np
    from scipy.spatial import cKDTree

    places = np.stack([found["Xpos"], found["Ypos"]], axis=-1)
    flux = np.maximum(found["FLUX_AUTO"], 0.0)
    total = np.zeros(len(flux))
    pairs: NDArray[Any] = cKDTree(places).query_pairs(radius, output_type="ndarray")
    for one, other in ((0, 1), (1, 0)):
        np.add.at(total, pairs[:, one], flux[pairs[:, other]])
    result: NDArray[Any] = total / np.maximum(flux, 1e-9)
    return result
