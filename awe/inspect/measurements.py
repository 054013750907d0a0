"""What was measured on one frame: a row for every measurement, a table with units, a log file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from awe import fits
from awe.errors import ArgumentError, BadHeader
from awe.inspect.quantities import QUANTITIES, unit_of

if TYPE_CHECKING:
    from astropy.table import Table

    from awe.inspect.spot import Reading

__all__ = ["Measured", "Measurements", "row_of"]

#: columns of text
TEXTS = ("frame", "key", "warning")


class Measurements:
    """The measurements on one frame.

    Parameters
    ----------
    name : str
        Name of the frame.
    unit : str
        Unit of its pixels, which is that of fluxes.
    """

    def __init__(self, name: str, unit: str) -> None:
        self._name = name
        self._pixel_unit = unit
        self._rows: list[dict[str, Any]] = []
        self._log: Path | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: dict[str, Any]) -> None:
        """Add the row of a measurement.

        Parameters
        ----------
        row : dict
            What `row_of` returns, with the name of the frame if it is another.
        """
        self._rows.append({"frame": self._name, **row})
        if self._log is not None:
            told = "  ".join(
                f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}"
                for name, value in row.items()
                if name != "frame"
            )
            self._write(f"{self._rows[-1]['frame']}  {told}")

    def log_to(self, path: str | Path | None) -> None:
        """Append every measurement from now on to a text file; None ends that.

        Parameters
        ----------
        path : str or Path or None
            The file.

        Raises
        ------
        ArgumentError
            The file cannot be written.
        """
        self._log = None if path is None else Path(path).expanduser().absolute()
        if self._log is not None:
            self._write("")

    def _write(self, text: str) -> None:
        assert self._log is not None
        try:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(text + "\n" if text else "")
        except OSError as error:
            path, self._log = self._log, None
            msg = f"{path} cannot be written: {error.strerror}; nothing is logged, choose another"
            raise ArgumentError(msg) from error

    @property
    def table(self) -> Table:
        """One row for every measurement, with units; what was not measured is masked."""
        from astropy.table import Column, MaskedColumn, Table

        rows = list(self._rows)
        names = list(dict.fromkeys(name for row in rows for name in row))
        if not names:
            return Table(names=["frame", "key", "x", "y"], dtype=["U1", "U1", "f8", "f8"])
        table = Table()
        for name in sorted(names, key=lambda n: n == "warning"):
            values = [row.get(name) for row in rows]
            missing = [value is None for value in values]
            text = name in TEXTS
            filled = [v or "" for v in values] if text else [0 if v is None else v for v in values]
            column = np.ma.MaskedArray(filled, mask=missing) if any(missing) else filled
            table[name] = MaskedColumn(column) if any(missing) else Column(column)
            table[name].unit = self._unit(name)
            table[name].description = QUANTITIES.get(name, ("", None))[1]
        return table

    def _unit(self, name: str) -> Any:
        """Return the unit of a column, as text where astropy does not know it."""
        unit = unit_of(name, self._pixel_unit)
        try:
            return fits.unit_of({"BUNIT": unit}, self._name) if unit else None
        except BadHeader:
            return None


class Measured:
    """A frame under whatever measures it, with what was measured.

    Parameters
    ----------
    name : str
        Name of the frame.
    unit : str
        Unit of its pixels.
    """

    def __init__(self, name: str, unit: str = "") -> None:
        self.name = name
        self._made = Measurements(name, unit)

    @property
    def table(self) -> Table:
        """All measurements so far, with units; quantities a tool does not give are masked."""
        return self._made.table

    def log(self, path: str | Path | None) -> None:
        """Append every measurement from now on to a text file; None ends that.

        Parameters
        ----------
        path : str or Path or None
            The file.

        Raises
        ------
        ArgumentError
            The file cannot be written.
        """
        self._made.log_to(path)


def row_of(key: str, x: float, y: float, reading: Reading) -> dict[str, Any]:
    """Return the row of a measurement.

    Parameters
    ----------
    key : str
        Hot-key of the tool.
    x, y : float
        FITS pixel coordinates of the pointer.
    reading : Reading
        What was measured.
    """
    row: dict[str, Any] = {"key": key, "x": x, "y": y, **reading.values}
    if reading.warning:
        row["warning"] = reading.warning
    return row
