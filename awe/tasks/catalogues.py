"""Source lists on their way out of a task: columns on the sky, units, the file and its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe import bars, fits
from awe.errors import ParameterError
from awe.lazy import resolve
from awe.localfiles import data_name, own_scratch, plain_name
from awe.model.mixins import has, value_of
from awe.model.sourcerows import COLUMNS, rows_of
from awe.tasks.products import prepare_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.extraction.catalogue import Catalogue
    from awe.calib.extraction.detection import Settings
    from awe.tasks.task import Task

__all__ = [
    "COLUMN_TEXTS", "columns_of", "file_of_list", "settings_of", "texts", "unit_of", "write_list",
    "write_table",
]  # fmt: skip

#: most apertures of a list
_APERTURES = 8

#: arcsec in a degree
_ARCSEC = 3600.0

_LIGHT = {
    "ISO": "pixels above the threshold", "AUTO": "Kron's ellipse",
    "APER": "a circle, its diameter in the name",
}  # fmt: skip

#: columns of a file that the database has not, or has under another name
COLUMN_TEXTS: Mapping[str, fits.Column] = {
    **{name: fits.Column(unit=kept.unit, text=kept.text) for name, kept in COLUMNS.items()},
    "XWIN_IMAGE": fits.Column(unit="pix", text="column of the windowed centre, from 1"),
    "YWIN_IMAGE": fits.Column(unit="pix", text="row of the windowed centre, from 1"),
    "XM2": fits.Column(unit="pix2", text="variance along x"),
    "YM2": fits.Column(unit="pix2", text="variance along y"),
    "Corr": fits.Column(unit="pix2", text="covariance of x and y"),
    "ERRA_IMAGE": fits.Column(unit="pix", text="standard error of the place, major axis"),
    "ERRB_IMAGE": fits.Column(unit="pix", text="standard error of the place, minor axis"),
    "ERRTHETA_IMAGE": fits.Column(unit="deg", text="angle of that major axis"),
    "A_WCS": fits.Column(unit="deg", text="standard deviation along the major axis"),
    "B_WCS": fits.Column(unit="deg", text="standard deviation along the minor axis"),
    "THETAWCS": fits.Column(unit="deg", text="angle of the major axis from north to east"),
    "NPIX": fits.Column(unit="pix", text="pixels above the threshold"),
    "BackGr": fits.Column(unit="adu", text="sky under the source"),
    "Level": fits.Column(unit="adu", text="threshold at the source"),
    "MaxVal": fits.Column(unit="adu", text="highest pixel above the sky"),
    "DRA": fits.Column(unit="arcsec", text="reference minus frame, right ascension"),
    "DDEC": fits.Column(unit="arcsec", text="reference minus frame, declination"),
    "mag": fits.Column(unit="mag", text="magnitude of the standard, in the system of the camera"),
    "mag_err": fits.Column(unit="mag", text="its standard error"),
    "instmag": fits.Column(unit="mag", text="-2.5 log10 of the light in the circle, per second"),
    "instmag_err": fits.Column(unit="mag", text="its standard error"),
    "index": fits.Column(text="number of the standard in its catalogue"),
    "used": fits.Column(text="whether its raw zero point agrees with the others"),
    "KRON_RADIUS": fits.Column(text="Kron's ellipse over the shape"),
}


def settings_of(parameters: Any, gain: float) -> Settings:
    """Return the settings of the detection that process parameters say.

    Parameters
    ----------
    parameters : SourceListParameters
        Process parameters.
    gain : float, e-/ADU
        Electrons of a count.

    Raises
    ------
    ParameterError
        The apertures are not numbers.
    """
    made: Settings = resolve("awe.calib.extraction.detection:Settings")(
        threshold=parameters.DETECT_THRESH,
        minimum_area=parameters.DETECT_MINAREA,
        deblend_levels=parameters.DEBLEND_NTHRESH,
        deblend_contrast=parameters.DEBLEND_MINCONT,
        clean=parameters.CLEAN_PARAM,
        box=parameters.BACK_SIZE,
        median=parameters.BACK_FILTERSIZE,
        apertures=_apertures(parameters.PHOT_APERTURES),
        kron_factor=parameters.KRON_FACTOR,
        kron_minimum=parameters.KRON_MINIMUM,
        gain=gain,
        correlation=parameters.CORRELATION,
    )
    return made


def _apertures(text: str) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not 0 < len(found) <= _APERTURES or not all(0 < size < 1000 for size in found):
        msg = (
            f"PHOT_APERTURES is {text!r}: expected 1 to {_APERTURES} diameters [pixel] below "
            "1000, separated by commas, such as '10,20'"
        )
        raise ParameterError(msg)
    return found


def columns_of(product: Any, found: Catalogue) -> dict[str, NDArray[Any]]:
    """Return the columns of a list with its places on the sky; sets the corners of the list.

    Parameters
    ----------
    product : SourceList
        New list with its frame.
    found : Catalogue
        What was measured.
    """
    import numpy as np

    columns = dict(found.columns)
    frame, solution = product.frame, product.astrom_params
    if solution is None and frame.astrom is None:
        bars.say(
            f"{frame.filename}: it has no world coordinates, and its list no RA and DEC; ingest "
            "the exposure with coordinates to have them"
        )
        columns["PosErr"] = np.full(len(columns["SID"]), np.nan)
        return _typed(columns)
    wcs = solution.wcs() if solution is not None else frame.wcs
    ra, dec = wcs.all_pix2world(columns["XWIN_IMAGE"], columns["YWIN_IMAGE"], 1)
    columns |= {"RA": ra % 360, "DEC": dec}
    matrix = wcs.pixel_scale_matrix
    scale = float(np.sqrt(abs(np.linalg.det(matrix))))
    columns["PosErr"] = columns["PosErr"] * scale * _ARCSEC
    columns |= {"A_WCS": columns["A"] * scale, "B_WCS": columns["B"] * scale}
    angle = np.radians(columns["POSANG"])
    east, north = matrix @ np.array([np.cos(angle), np.sin(angle)])
    columns["THETAWCS"] = np.degrees(np.arctan2(east, north)) % 180
    corners = {"ll": (1, 1), "lr": (frame.NAXIS1, 1), "ul": (1, frame.NAXIS2),
               "ur": (frame.NAXIS1, frame.NAXIS2)}  # fmt: skip
    for name, place in corners.items():
        right, up = wcs.all_pix2world(*place, 1)
        setattr(product, f"{name}RA", float(right) % 360)
        setattr(product, f"{name}DEC", float(up))
    return _typed(columns)


def _typed(columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return columns in the types of the file: 64 bits for positions, 32 for all else."""
    import numpy as np

    double = ("RA", "DEC", "Xpos", "Ypos", "XWIN_IMAGE", "YWIN_IMAGE")
    first = [name for name in ("SID", "RA", "DEC") if name in columns]
    order = [*first, *(name for name in columns if name not in first)]
    return {
        name: columns[name].astype(
            np.float64 if name in double
            else np.int32 if columns[name].dtype.kind == "i"
            else np.float32
        )
        for name in order
    }  # fmt: skip


def write_table(
    task: Task,
    product: Any,
    columns: Mapping[str, NDArray[Any]],
    name: str = "SOURCES",
    told: Mapping[str, fits.Column] | None = None,
) -> None:
    """Write the file of a table into the working directory and set its names.

    Parameters
    ----------
    task : Task
        The task, inside `execute()`.
    product : SourceList or AstrometricParameters
        New object.
    columns : mapping of str to ndarray
        Columns of the file.
    name : str
        EXTNAME of the table.
    told : mapping of str to Column, optional
        Unit and meaning of the columns, where they are not those of sources.
    """
    session = task._running()
    product.recipe = session.recipe
    consulted = session.unit.consulted if session.unit is not None else {}
    told = told or texts(columns, unit_of(value_of(product, "frame")))
    path, write = prepare_table(
        product, columns, told, directory=Path.cwd(), consulted=consulted, name=name
    )
    session.written.append(path)
    task._left.append(path)
    write()


def write_list(task: Task, product: Any, columns: dict[str, NDArray[Any]]) -> None:
    """Write the file of a list into the working directory, and keep its rows for the commit.

    Parameters
    ----------
    task : Task
        The task, inside `execute()`.
    product : SourceList
        New list.
    columns : dict of str to ndarray
        Columns of the file.
    """
    product.sexparam = list(columns)
    product.__dict__["_rows"] = rows_of(columns)
    write_table(task, product, columns)


def file_of_list(product: Any, columns: dict[str, NDArray[Any]]) -> None:
    """Write the file of a list that no recipe makes: a catalogue.

    Parameters
    ----------
    product : SourceList
        New list with its name.
    columns : dict of str to ndarray
        Columns of the file.
    """
    product.sexparam = list(columns)
    product.__dict__["_rows"] = rows_of(columns)
    product.filename = data_name(plain_name(f"Cat-{product.name}-{product.object_id.hex}.fits"))
    folder = own_scratch().folder(product.object_id.hex, 0)
    product.pathname = fits.write_table(folder / product.filename, columns, texts(columns))


def unit_of(frame: Any) -> str:
    """Return the unit of the pixels of a frame: counts, or of a sum counts a second.

    Parameters
    ----------
    frame : SkyFrame or None
        The frame.
    """
    return "adu/s" if has(frame, "regridded_frames") else "adu"


def texts(columns: Mapping[str, Any], light: str = "adu") -> dict[str, fits.Column]:
    """Return unit and meaning of columns, those of light by kind and aperture.

    Parameters
    ----------
    columns : mapping of str to ndarray
        The columns.
    light : str
        Unit of the pixels.
    """
    found = {name: COLUMN_TEXTS[name] for name in columns if name in COLUMN_TEXTS}
    what = {"FLUX": ("adu", "light in {}"), "FLUXERR": ("adu", "error of the light in {}"),
            "MAG": ("mag", "magnitude in {}"), "MAGERR": ("mag", "error of it in {}")}  # fmt: skip
    for name in columns:
        kind, _, where = name.partition("_")
        place = _LIGHT.get(where.partition("_")[0])
        if place is None and kind in ("MAG", "MAGERR") and where:
            place = f"the band {where}"
        if name not in found and kind in what and place is not None:
            unit, text = what[kind]
            found[name] = fits.Column(unit=unit, text=text.format(place))
    return {
        name: replace(one, unit=light) if one.unit == "adu" else one
        for name, one in found.items()
    }
