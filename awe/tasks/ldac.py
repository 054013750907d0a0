"""Source lists for SCAMP: FITS_LDAC with the header of the frame, under SExtractor's names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.errors import ArgumentError, FileTaken

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from numpy.typing import NDArray

__all__ = ["write_ldac"]

#: column of a list -> name that SExtractor has for it
NAMES: Mapping[str, str] = {
    "SID": "NUMBER", "Xpos": "X_IMAGE", "Ypos": "Y_IMAGE", "XWIN_IMAGE": "XWIN_IMAGE",
    "YWIN_IMAGE": "YWIN_IMAGE", "RA": "ALPHA_J2000", "DEC": "DELTA_J2000",
    "ERRA_IMAGE": "ERRAWIN_IMAGE", "ERRB_IMAGE": "ERRBWIN_IMAGE",
    "ERRTHETA_IMAGE": "ERRTHETAWIN_IMAGE", "A": "A_IMAGE", "B": "B_IMAGE",
    "POSANG": "THETA_IMAGE", "FLUX_AUTO": "FLUX_AUTO", "FLUXERR_AUTO": "FLUXERR_AUTO",
    "MAG_AUTO": "MAG_AUTO", "MAGERR_AUTO": "MAGERR_AUTO", "FLUX_RADIUS": "FLUX_RADIUS",
    "FWHM_IMAGE": "FWHM_IMAGE", "MaxVal": "FLUX_MAX", "BackGr": "BACKGROUND",
    "CLASS_STAR": "CLASS_STAR", "IMAFLAGS_ISO": "IMAFLAGS_ISO",
}  # fmt: skip

#: bits of FLAG that SExtractor has; 256 says which centre is given, and is ours
_THEIRS = 0xFF

#: letters of a card, and of a block of a header
_CARD, _BLOCK = 80, 2880


def write_ldac(self: Any, path: str | Path) -> Path:
    """Write the list as FITS_LDAC, which SCAMP and PSFEx read, and return the path.

    The columns have SExtractor's names; the header of the frame is in the first table, with the
    coordinates of the solution the places are from, or the linear ones of the frame.

    Parameters
    ----------
    path : str or Path
        Name of the file, such as `frame.cat`.

    Raises
    ------
    ArgumentError
        The list has no sources, no frame or no date: SCAMP would go on for ever, or take its
        epoch for the year 0.
    FileTaken
        The name is taken.
    """
    import numpy as np
    from astropy.io import fits

    target = Path(path).expanduser()
    if target.exists():
        msg = f"{target} exists already; choose another name"
        raise FileTaken(msg)
    header = _header(self)
    text = header.tostring(sep="", endcard=True, padding=False)
    text += " " * (-len(text) % _BLOCK)
    cell = np.frombuffer(text.encode("ascii"), f"S{_CARD}").reshape(1, -1)
    told = fits.BinTableHDU.from_columns(
        [fits.Column(name="Field Header Card", format=f"{len(text)}A", array=cell,
                     dim=f"({_CARD}, {len(text) // _CARD})")],
        name="LDAC_IMHEAD",
    )  # fmt: skip
    rows = fits.BinTableHDU.from_columns(
        [fits.Column(name=name, format=_letter(values), array=values)
         for name, values in _columns(self).items()],
        name="LDAC_OBJECTS",
    )  # fmt: skip
    fits.HDUList([fits.PrimaryHDU(), told, rows]).writeto(target)
    with fits.open(target) as written:
        begin = written["LDAC_IMHEAD"].fileinfo()["datLoc"]
    # blanks at the end of strings were written as NUL, at which SCAMP crashes
    with target.open("r+b") as stream:
        stream.seek(begin)
        stream.write(text.encode("ascii"))
    return target


def _header(list_: Any) -> Header:
    from astropy.io.fits import Header

    frame = list_.frame
    if frame is None or not list_.source_count:
        lacking = "sources" if frame is not None else "frame"
        msg = f"list {list_.SLID} has no {lacking}: there is nothing to hand to SCAMP"
        raise ArgumentError(msg)
    if list_.DATE_OBS is None or frame.astrom is None:
        lacking = "date" if list_.DATE_OBS is None else "world coordinates"
        msg = f"the frame of list {list_.SLID} has no {lacking}, without which SCAMP goes astray"
        raise ArgumentError(msg)
    found = Header()
    for keyword, value in (
        ("SIMPLE", True), ("BITPIX", -32), ("NAXIS", 2), ("NAXIS1", frame.NAXIS1),
        ("NAXIS2", frame.NAXIS2), ("OBJECT", list_.OBJECT), ("EXPTIME", frame.EXPTIME),
        ("DATE-OBS", list_.DATE_OBS.isoformat(timespec="milliseconds")),
        ("FILTER", list_.filter.name if list_.filter is not None else ""),
        ("INSTRUME", list_.instrument.name if list_.instrument is not None else ""),
    ):  # fmt: skip
        found[keyword] = value
    solution = list_.astrom_params
    if solution is not None:
        found.update(solution.header())
        return found
    astrom = frame.astrom
    found["CTYPE1"], found["CTYPE2"] = "RA---TAN", "DEC--TAN"
    found["CUNIT1"] = found["CUNIT2"] = "deg"
    for name in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        found[name] = getattr(astrom, name)
    return found


def _columns(list_: Any) -> dict[str, NDArray[Any]]:
    """Return the columns under SExtractor's names, those of the first aperture among them."""
    import numpy as np

    table = list_.sources.to_table()
    found = {
        theirs: np.asarray(table[ours]) for ours, theirs in NAMES.items() if ours in table.colnames
    }
    found["FLAGS"] = (np.asarray(table["FLAG"]) & _THEIRS).astype(np.int16)
    for kind in ("FLUX", "FLUXERR", "MAG", "MAGERR"):
        first = next((name for name in table.colnames if name.startswith(f"{kind}_APER_")), None)
        if first is not None:
            found[f"{kind}_APER"] = np.asarray(table[first])
    return found


def _letter(values: NDArray[Any]) -> str:
    return {"f8": "D", "f4": "E", "i4": "J", "i2": "I"}[values.dtype.str[1:]]
