"""Rows of sources in the database: entered with their list, and found by place and value.

`COLUMNS` says which columns those are; the FITS table of a list has more. Who sees a list sees its
rows, and nobody else: the database decides (`awe/db/schema/sql/views/96_sources.sql`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from awe import fits
from awe.db.query import coordinates
from awe.db.query.sky import COLUMN, Box, Cone, Region
from awe.db.server.connection import database
from awe.errors import ArgumentError, QueryError, nearest

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["COLUMNS", "Sources", "enter", "rows_of"]


class Kept(NamedTuple):
    """A column of the rows: its type in the database, its unit and what it is."""

    type: str
    unit: str
    text: str


#: attributes of a source that one can ask for, in the order of the database
COLUMNS: Mapping[str, Kept] = {
    "SID": Kept("int4", "", "number of the source in its list, from 1"),
    "RA": Kept("float8", "deg", "right ascension"),
    "DEC": Kept("float8", "deg", "declination"),
    "Xpos": Kept("float4", "pix", "column of the centre of light, from 1"),
    "Ypos": Kept("float4", "pix", "row of the centre of light, from 1"),
    "PosErr": Kept("float4", "arcsec", "standard error of the position"),
    "FLAG": Kept("int4", "", "what is wrong with the source, 0 nothing"),
    "IMAFLAGS_ISO": Kept("int4", "", "reason bits of its pixels"),
    "FLUX_AUTO": Kept("float4", "adu", "light in Kron's ellipse"),
    "FLUXERR_AUTO": Kept("float4", "adu", "standard error of it"),
    "MAG_AUTO": Kept("float4", "mag", "magnitude in Kron's ellipse"),
    "MAGERR_AUTO": Kept("float4", "mag", "standard error of it"),
    "FLUX_APER": Kept("float4", "adu", "light in the first aperture"),
    "FLUXERR_APER": Kept("float4", "adu", "standard error of it"),
    "MAG_APER": Kept("float4", "mag", "magnitude in the first aperture"),
    "MAGERR_APER": Kept("float4", "mag", "standard error of it"),
    "FLUX_RADIUS": Kept("float4", "pix", "radius that holds half of the light"),
    "FWHM_IMAGE": Kept("float4", "pix", "full width at half maximum of the shape"),
    "CLASS_STAR": Kept("float4", "", "agreement with a star: 1 a star, 0 none"),
    "A": Kept("float4", "pix", "standard deviation along the major axis"),
    "B": Kept("float4", "pix", "standard deviation along the minor axis"),
    "POSANG": Kept("float4", "deg", "angle of the major axis from x towards y"),
    "pmRA": Kept("float4", "mas/yr", "proper motion in right ascension, times cos(DEC)"),
    "pmDEC": Kept("float4", "mas/yr", "proper motion in declination"),
}

#: rows of one statement
_AT_ONCE = 20_000

#: smaller numbers are 0: the database refuses those that only nearly are
_TINY = 1e-30

#: most rows of an answer, unless somebody says how many
_MOST = 1_000_000


def enter(list_: Any) -> None:
    """Enter the rows of a list that has its file here, or at the dataserver.

    Parameters
    ----------
    list_ : SourceList
        A list of the user; its row is there.
    """
    columns = list_.__dict__.pop("_rows", None)
    if columns is None:
        table = fits.read_table(list_._here())
        columns = rows_of({name: table[name] for name in table.colnames})
    number = len(columns["SID"])
    holders = ", ".join(f"%s::{kept.type}[]" for kept in COLUMNS.values())
    text = f"SELECT awe.enter_sources(%s, {holders})"
    with database.transaction():
        for begin in range(0, number, _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            arrays = [
                _literal(columns[name][part], kept.type) if name in columns else None
                for name, kept in COLUMNS.items()
            ]
            database.execute(text, [list_.SLID, *arrays])


def rows_of(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of the database; its APER is the first aperture of the file.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Columns of the file.
    """
    rows = {name: columns[name] for name in COLUMNS if name in columns}
    for kind in ("FLUX", "FLUXERR", "MAG", "MAGERR"):
        first = next((name for name in columns if name.startswith(f"{kind}_APER_")), None)
        if first is not None:
            rows[f"{kind}_APER"] = columns[first]
    return rows


def _literal(values: Any, kind: str) -> str:
    """Return the text of an array of the database; what is not finite is nothing."""
    import numpy as np

    numbers = np.ma.filled(np.ma.asarray(values).astype(float), np.nan)
    whole = np.isfinite(numbers)
    numbers[~whole | (abs(numbers) < _TINY)] = 0
    types = {"int4": np.int32, "float4": np.float32, "float8": np.float64}
    # the shortest text that gives the same number
    typed = numbers.astype(types[kind])
    words = list(map(str, typed.tolist())) if kind == "int4" else typed.astype("U").tolist()
    if not whole.all():
        words = [word if fine else "NULL" for word, fine in zip(words, whole, strict=True)]
    return "{" + ",".join(words) + "}"


class Sources:
    """Sources of the lists one may see, found by place and by value.

    `Sources()` asks all lists, `list.sources` one. `near`, `box`, `between` and `of` return a
    narrower question; `len()` and `to_table()` ask it.

    Parameters
    ----------
    lists : sequence of SourceList, optional
        Lists to ask; all by default.
    """

    def __init__(self, lists: Sequence[Any] | None = None) -> None:
        self._lists = None if lists is None else list(lists)
        self._regions: tuple[Region, ...] = ()
        self._limits: tuple[tuple[str, float | None, float | None], ...] = ()

    def _with(self, **changes: Any) -> Self:
        new = type(self)(self._lists)
        new.__dict__.update({**self.__dict__, **changes})
        return new

    def of(self, lists: Iterable[Any]) -> Self:
        """Return the question for the sources of some lists.

        Parameters
        ----------
        lists : query or sequence of SourceList
            The lists.
        """
        return self._with(_lists=list(lists))

    def near(self, ra: Any, dec: Any = None, radius: Any = None) -> Self:
        """Return the question for sources within a radius of a place.

        Parameters
        ----------
        ra, dec : float or str
            The place [deg], or as text `'22:04:00', '-31:12:00'`; a `SkyCoord` for both.
        radius : float
            Distance along the great circle [deg].
        """
        place = coordinates.position(ra)
        if place is not None:
            radius = dec if radius is None else radius
        elif dec is not None:
            place = coordinates.right_ascension(ra), coordinates.declination(dec)
        if place is None or radius is None:
            msg = f"near({ra!r:.40}, ...): {coordinates.NEAR.format('near(', ', radius)')}"
            raise QueryError(msg)
        cone = Cone(ra=place[0], dec=place[1], radius=coordinates.degrees(radius))
        return self._with(_regions=(*self._regions, cone))

    def box(self, ra_low: Any, ra_high: Any, dec_low: Any, dec_high: Any) -> Self:
        """Return the question for sources in a box on the sky, eastwards from `ra_low` [deg]."""
        box = Box(
            ra_low=coordinates.right_ascension(ra_low),
            ra_high=coordinates.right_ascension(ra_high),
            dec_low=coordinates.declination(dec_low),
            dec_high=coordinates.declination(dec_high),
        )
        return self._with(_regions=(*self._regions, box))

    def between(self, name: str, low: float | None = None, high: float | None = None) -> Self:
        """Return the question for sources with a value in a range, both ends included.

        Parameters
        ----------
        name : str
            Name of a column: `Sources.columns()` lists them.
        low, high : float, optional
            Ends of the range; None leaves it open.
        """
        _known(name)
        for value in (low, high):
            if value is not None and not isinstance(coordinates.degrees(value), int | float):
                msg = f"between({name!r}, ...): {value!r:.40} is not a number"
                raise QueryError(msg)
        return self._with(_limits=(*self._limits, (name, low, high)))

    @staticmethod
    def columns() -> dict[str, str]:
        """Return the columns one can ask for: name -> unit and meaning."""
        return {
            name: kept.text + (f" [{kept.unit}]" if kept.unit else "")
            for name, kept in COLUMNS.items()
        }

    def __len__(self) -> int:
        text, values = self._statement("count(*)")
        return int(database.execute(text, values)[0][0])

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = ["SLID", *COLUMNS]
        for row in self._rows(names, _MOST):
            yield dict(zip(names, row, strict=True))

    def __repr__(self) -> str:
        lists = "all lists" if self._lists is None else f"{len(self._lists)} lists"
        return f"<Sources of {lists}, {len(self._regions) + len(self._limits)} conditions>"

    def to_table(
        self, columns: Sequence[str] | None = None, *, limit: int | None = None
    ) -> Table:
        """Return the sources as an astropy Table with units.

        Of one whole list it has every column of its file; otherwise SLID and the columns of the
        database, ordered by list and number. What is not known is masked.

        Parameters
        ----------
        columns : sequence of str, optional
            Names of the columns.
        limit : int, optional
            Most rows; a million by default.

        Raises
        ------
        QueryError
            More rows answer than a million, and no limit was given.
        """
        whole = self._lists is not None and len(self._lists) == 1
        if whole and not self._regions and not self._limits and limit is None:
            table = fits.read_table(self._lists[0]._here())  # type: ignore[index]
            if columns is not None:
                for name in columns:
                    if name not in table.colnames:
                        msg = f"the list has no column {name!r}{nearest(name, table.colnames)}"
                        raise QueryError(msg)
                table = table[list(columns)]
            return table
        names = ["SLID", *COLUMNS] if columns is None else list(columns)
        for name in names:
            _known(name)
        rows = self._rows(names, limit if limit is not None else _MOST + 1)
        if limit is None and len(rows) > _MOST:
            msg = f"more than {_MOST} sources answer; narrow the question or give limit="
            raise QueryError(msg)
        return _table(names, rows)

    def _rows(self, names: Sequence[str], limit: int) -> list[tuple[Any, ...]]:
        text, values = self._statement(", ".join(f"s.{_column(name)}" for name in names))
        values["most"] = limit
        return database.execute(f"{text} ORDER BY s.slid, s.sid LIMIT %(most)s", values)

    def _statement(self, what: str) -> tuple[str, dict[str, Any]]:
        """Return the statement, and the values of its holders by name."""
        values: dict[str, Any] = {}

        def bind(value: Any) -> str:
            # by name: regions bind their numbers in another order than they write them
            name = f"v{len(values)}"
            values[name] = value
            return f"%({name})s"

        conditions = ["true"]
        if self._lists is not None:
            numbers = [item.SLID for item in self._lists]
            conditions.append(f"s.slid = ANY ({bind(numbers)}::bigint[])")
        for region in self._regions:
            pieces = [
                f"s.{COLUMN} BETWEEN {bind(low)} AND {bind(high)}" for low, high in region.ranges()
            ]
            conditions.append(f"({' OR '.join(pieces)})")
            conditions.append(f"({region.exact('s.ra', 's.dec', bind)})")
        for name, low, high in self._limits:
            for value, sign in ((low, ">="), (high, "<=")):
                if value is not None:
                    conditions.append(f"s.{_column(name)} {sign} {bind(float(value))}")
        return f"SELECT {what} FROM awe.source s WHERE {' AND '.join(conditions)}", values


def _known(name: str) -> None:
    names = ["SLID", *COLUMNS]
    if name not in names:
        hint = nearest(name, names)
        msg = f"sources have no column {name!r}{hint}; Sources.columns() lists them"
        raise ArgumentError(msg)


def _column(name: str) -> str:
    return '"' + name.lower() + '"'


def _table(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Any:
    import numpy as np
    from astropy.table import MaskedColumn, Table

    table = Table()
    for place, name in enumerate(names):
        values = [row[place] for row in rows]
        kept = COLUMNS.get(name, Kept("int8", "", "number of the list"))
        types = {"int4": np.int32, "int8": np.int64, "float4": np.float32}
        kind = types.get(kept.type, np.float64)
        absent = [value is None for value in values]
        filled = [0 if value is None else value for value in values]
        table[name] = MaskedColumn(
            np.array(filled, kind), mask=absent, unit=kept.unit or None, description=kept.text
        )
    return table
