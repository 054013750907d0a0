"""Groups of sources that are one and the same, with the values of the sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from awe import fits
from awe.errors import ArgumentError, nearest

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["Associates"]

#: which groups `get_data` takes, by the bits of their lists and those of the mask
MODES = ("ALL", "ANY", "NONE", "EXACT")


class Associates:
    """Groups of an association.

    Parameters
    ----------
    list_ : AssociateList
        The association; its file is here or at the dataserver.
    """

    def __init__(self, list_: Any) -> None:
        self._list = list_

    def __len__(self) -> int:
        return int(self._list.associate_count)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return (
            f"<Associates: {len(self)} groups of {self._list.source_count} sources of "
            f"{len(self._list.sourcelists)} lists>"
        )

    def to_table(self, columns: Sequence[str] = ()) -> Table:
        """Return one row for each source: AID, SLID, SID, FLAG, RA, DEC, and columns of its list.

        Rows are ordered by AID, list and number. FLAG has a bit for each list that is in the
        group, the lowest for the first of `sourcelists`. Where a list has no such column the
        value is masked.

        Parameters
        ----------
        columns : sequence of str
            Columns of the lists.

        Raises
        ------
        ArgumentError
            No list has such a column.
        NotVisible
            A list is not visible to you.
        """
        table = fits.read_table(self._list._here(), "ASSOCIATES")
        wanted = [name for name in columns if name not in table.colnames]
        if wanted:
            self._add(table, wanted)
        return table

    def _add(self, table: Any, wanted: list[str]) -> None:
        import numpy as np
        from astropy.table import MaskedColumn

        lists = {one.SLID: one.sources.to_table() for one in self._list.sourcelists}
        known = sorted({name for one in lists.values() for name in one.colnames})
        for name in wanted:
            if name not in known:
                msg = f"no list of the association has a column {name!r}{nearest(name, known)}"
                raise ArgumentError(msg)
            some = next(one[name] for one in lists.values() if name in one.colnames)
            values = np.zeros(len(table), some.dtype)
            absent = np.ones(len(table), bool)
            for slid, one in lists.items():
                if name in one.colnames:
                    here = np.asarray(table["SLID"]) == slid
                    # sources of a list are numbered from 1 in the order of its file
                    rows = np.searchsorted(np.asarray(one["SID"]), np.asarray(table["SID"])[here])
                    values[here] = np.ma.getdata(one[name])[rows]
                    absent[here] = np.ma.getmaskarray(np.ma.asarray(one[name]))[rows]
            table[name] = MaskedColumn(
                values, mask=absent, unit=some.unit, description=some.description
            )

    def get_data(
        self, columns: Sequence[str], mask: int = 0, mode: str = "ALL"
    ) -> dict[int, list[list[Any]]]:
        """Return AID -> the rows of its sources, each a list of values in the order requested.

        Parameters
        ----------
        columns : sequence of str
            AID, SLID, SID, FLAG, RA, DEC and columns of the lists.
        mask : int
            Bits of lists; 0 takes all groups.
        mode : str
            `ALL` takes groups with sources of all lists of the mask, `ANY` of one at least,
            `NONE` of none, `EXACT` of those lists and no others.

        Raises
        ------
        ArgumentError
            The mode is not one of these, or no list has such a column.
        """
        import numpy as np

        if mode not in MODES:
            msg = f"mode {mode!r}: expected one of {', '.join(MODES)}"
            raise ArgumentError(msg)
        table = self.to_table(columns)
        if mask:
            bits = np.asarray(table["FLAG"])
            taken = {
                "ALL": bits & mask == mask, "ANY": bits & mask != 0, "NONE": bits & mask == 0,
                "EXACT": bits == mask,
            }[mode]  # fmt: skip
            table = table[taken]
        values = [table[name].tolist() for name in columns]
        found: dict[int, list[list[Any]]] = {}
        for number, row in zip(table["AID"].tolist(), zip(*values, strict=True), strict=True):
            found.setdefault(number, []).append(list(row))
        return found
