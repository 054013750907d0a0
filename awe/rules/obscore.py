"""Observations as the Virtual Observatory asks for them: IVOA ObsCore 1.1, with the usual rights.

The view `awe.obscore` holds one row for each raw and reduced science frame that one may see and
that is not judged bad. Filters are recorded by their central wavelength
only: `em_min` equals `em_max`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.db.server.connection import database
from awe.errors import ArgumentError
from awe.model.data import base_url

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["MANDATORY", "obscore"]

#: The columns ObsCore 1.1 requires, in its order.
MANDATORY = (
    "dataproduct_type", "calib_level", "obs_collection", "obs_id", "obs_publisher_did",
    "access_url", "access_format", "access_estsize", "target_name", "s_ra", "s_dec", "s_fov",
    "s_region", "s_xel1", "s_xel2", "s_resolution", "t_min", "t_max", "t_exptime",
    "t_resolution", "t_xel", "em_min", "em_max", "em_res_power", "em_xel", "o_ucd",
    "pol_states", "pol_xel", "facility_name", "instrument_name",
)  # fmt: skip

UNITS = {
    "access_estsize": "kbyte", "s_ra": "deg", "s_dec": "deg", "s_fov": "deg",
    "s_resolution": "arcsec", "t_min": "d", "t_max": "d", "t_exptime": "s",
    "t_resolution": "s", "em_min": "m", "em_max": "m",
}  # fmt: skip
NUMBERS = {
    "calib_level": int, "access_estsize": int, "s_xel1": int, "s_xel2": int, "t_xel": int,
    "em_xel": int, "pol_xel": int,
    **dict.fromkeys(
        ("s_ra", "s_dec", "s_fov", "s_resolution", "t_min", "t_max", "t_exptime",
         "t_resolution", "em_min", "em_max", "em_res_power"),
        float,
    ),
}  # fmt: skip


def obscore(
    *,
    target: str | None = None,
    instrument: str | None = None,
    level: int | None = None,
    limit: int = 10000,
) -> Table:
    """Return observations as a table with the columns of ObsCore 1.1.

    Parameters
    ----------
    target : str, optional
        Name of the target.
    instrument : str, optional
        Name of the camera.
    level : int, optional
        Level of calibration: 1 raw, 2 reduced.
    limit : int
        Largest number of rows returned.

    Raises
    ------
    ArgumentError
        There are more rows than that.
    """
    columns = (*MANDATORY, "awe_class", "object_id")
    text = (
        f"SELECT {', '.join(columns)} FROM awe.obscore "
        "WHERE (%(target)s::text IS NULL OR target_name = %(target)s) "
        "AND (%(instrument)s::text IS NULL OR instrument_name = %(instrument)s) "
        "AND (%(level)s::int IS NULL OR calib_level = %(level)s) "
        "ORDER BY t_min, obs_id, calib_level, object_id LIMIT %(limit)s"
    )
    values = {"target": target, "instrument": instrument, "level": level, "limit": limit + 1}
    rows = database.execute(text, values)
    if len(rows) > limit:
        msg = f"more than {limit} observations answer; narrow by target, instrument or level"
        raise ArgumentError(msg)
    return _table(columns, rows)


def _table(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Table:
    from astropy.table import MaskedColumn, Table

    table = Table()
    for number, name in enumerate(columns):
        values = [row[number] for row in rows]
        if name == "access_url":
            values = [f"{base_url()}{value}" if value else None for value in values]
        kind = NUMBERS.get(name, str)
        missing = [value is None for value in values]
        filled = [kind() if value is None else kind(value) for value in values]
        made = MaskedColumn(filled, name=name, mask=missing, dtype=kind, unit=UNITS.get(name))
        table.add_column(made)
    return table
