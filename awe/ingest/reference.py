"""Reference catalogues: tables of stars with places, epoch and proper motion, as source lists.

A table is FITS, VOTable, CSV or ECSV. Its columns are found by the names catalogues usually have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from awe.errors import ArgumentError, BadFits
from awe.model.sources import SourceList
from awe.tasks.catalogues import file_of_list
from awe.terminal import out

__all__ = ["NAMES", "ingest_reference"]

#: column of a list -> names in catalogues, lower case
NAMES = {
    "RA": ("ra", "raj2000", "ra_icrs", "radeg", "_raj2000", "alpha_j2000", "x_world"),
    "DEC": ("dec", "dej2000", "decj2000", "de_icrs", "dec_icrs", "decdeg", "_dej2000",
            "delta_j2000", "y_world"),
    "MAG_AUTO": ("mag", "phot_g_mean_mag", "gmag", "rmag", "mag_auto", "vmag"),
    "pmRA": ("pmra", "pm_ra", "pmra_cosdec", "pmracosdec"),
    "pmDEC": ("pmdec", "pmde", "pm_dec"),
    "PosErr": ("poserr", "ra_error", "e_ra_icrs", "e_raj2000", "pos_error", "erra_world"),
}  # fmt: skip

#: bands of standard magnitudes, with other names of their columns, lower case
BANDS = {
    **{f"Sloan{letter.upper()}": (f"{letter}mag", f"{letter}_mag", f"{letter}_sdss")
       for letter in "ugriz"},
    **{f"Johnson{letter}": (f"{letter.lower()}j_mag", f"{letter.lower()}mag_j")
       for letter in "UBV"},
    **{f"Cousins{letter}": (f"{letter.lower()}c_mag", f"{letter.lower()}mag_c")
       for letter in "RI"},
}  # fmt: skip

#: endings of the columns of their errors
ERRORS = ("_err", "err", "_error")

#: columns with the epoch, if all rows share one
EPOCHS = ("epoch", "ref_epoch", "epoch_yr", "obsdate")

#: unit of a column of a list, and how many of it one of another unit is
UNITS = {"RA": "deg", "DEC": "deg", "pmRA": "mas/yr", "pmDEC": "mas/yr", "PosErr": "arcsec"}


def ingest_reference(
    path: str | Path, name: str, *, epoch: float | None = None, commit: bool = False
) -> SourceList:
    """Bring a reference catalogue into the system as a source list, and return it.

    Parameters
    ----------
    path : str or Path
        Table: FITS, VOTable, CSV or ECSV, with right ascension and declination [deg], and, if
        there are some, magnitude, proper motion [mas/yr] and error of the place.
    name : str
        Name of the catalogue.
    epoch : float, optional
        Year the places hold for; by default that of the column `ref_epoch` or `epoch`.
    commit : bool
        Whether it is stored and committed.

    Raises
    ------
    ArgumentError
        Columns are missing, or the epoch is.
    BadFits
        The table cannot be read.
    """
    import numpy as np

    table = _read(Path(path).expanduser())
    known = {column.lower(): column for column in table.colnames}
    columns: dict[str, Any] = {}
    for label, names in NAMES.items():
        found = next((known[one] for one in names if one in known), None)
        if found is not None:
            columns[label] = _values(table[found], label, path)
    bands = _bands(table, known, path)
    if bands and "MAG_AUTO" not in columns:
        columns["MAG_AUTO"] = next(iter(bands.values()))
    columns |= bands
    if "RA" not in columns or "DEC" not in columns:
        msg = (
            f"{path}: no columns of right ascension and declination among "
            f"{', '.join(table.colnames[:12])}; call them ra and dec [deg]"
        )
        raise ArgumentError(msg)
    moment = epoch if epoch is not None else _epoch(table, known)
    if moment is None or not 1800 < moment < 2200:
        state = "no epoch" if moment is None else f"the epoch {moment:g}"
        msg = f"{path}: {state}; say for which year its places hold, such as --epoch 2016.0"
        raise ArgumentError(msg)
    good = np.isfinite(columns["RA"]) & np.isfinite(columns["DEC"]) & (abs(columns["DEC"]) <= 90)
    columns = {label: values[good] for label, values in columns.items()}
    if not good.any():
        msg = f"{path}: no row has a place; right ascension and declination are degrees"
        raise ArgumentError(msg)
    columns["RA"] = columns["RA"] % 360
    columns = {"SID": np.arange(1, good.sum() + 1, dtype=np.int32), **columns}
    made = SourceList(name=name, epoch=float(moment), source_count=int(good.sum()))
    made.process_status = 1
    file_of_list(made, columns)
    left = f", {(~good).sum()} rows without a place left out" if not good.all() else ""
    if commit:
        made.commit()
    state = "committed" if commit else "dry run: not stored, not committed"
    out(f"{name}: {made.source_count} stars, epoch {moment:g}{left}; {state}\n")
    return made


def _bands(table: Any, known: dict[str, str], path: Any) -> dict[str, Any]:
    """Return the columns of standard magnitudes and of their errors, by band."""
    found = {}
    for band, names in BANDS.items():
        own = (band.lower(), f"mag_{band.lower()}", *names)
        name = next((one for one in own if one in known), None)
        if name is None:
            continue
        found[f"MAG_{band}"] = _values(table[known[name]], "", path)
        kinds = (f"magerr_{band.lower()}", f"e_{name}", *(f"{name}{end}" for end in ERRORS))
        error = next((one for one in kinds if one in known), None)
        if error is not None:
            found[f"MAGERR_{band}"] = _values(table[known[error]], "", path)
    return found


def _read(path: Path) -> Any:
    from astropy.table import Table

    if not path.is_file():
        msg = f"no file {str(path)!r} here; check the name and the working directory"
        raise BadFits(msg)
    with path.open("rb") as file:
        begin = file.read(2000)
    kind = "fits" if begin.startswith(b"SIMPLE") else "votable" if b"<VOTABLE" in begin else None
    try:
        if kind is None:
            ecsv = begin.startswith(b"# %ECSV")
            return Table.read(path, format="ascii.ecsv" if ecsv else "ascii.csv")
        return Table.read(path, format=kind)
    except Exception as error:
        line = " ".join(str(error).split())[:120]
        msg = f"{path} cannot be read as a table ({line}); expected FITS, VOTable, CSV or ECSV"
        raise BadFits(msg) from error


def _values(column: Any, label: str, path: Any) -> Any:
    """Return a column as numbers in the unit of a list, NaN where it holds none."""
    import numpy as np
    from astropy import units

    try:
        values = np.ma.filled(np.ma.asarray(column).astype(float), np.nan)
    except (TypeError, ValueError) as error:
        msg = f"{path}: column {column.name} holds {column[0]!r:.30}, expected numbers"
        raise ArgumentError(msg) from error
    wanted = UNITS.get(label)
    if wanted is not None and column.unit is not None:
        values = values * units.Unit(column.unit).to(wanted)
    elif label == "PosErr" and "_error" in column.name.lower():
        values = values / 1000.0  # such catalogues give mas
    return np.asarray(values, np.float64)


def _epoch(table: Any, known: dict[str, str]) -> float | None:
    import numpy as np

    for name in EPOCHS:
        if name in known:
            rows = np.ma.asarray(table[known[name]]).astype(float)
            values = np.unique(np.ma.compressed(rows))
            return float(np.median(values)) if values.size == 1 else None
    return None
