"""Associations in the making: the sources that take part, their groups, and the rows of the file.

What is associated is read from the files of the lists, in the order they are given; the same
lists give the same rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe import fits
from awe.errors import ArgumentError
from awe.lazy import resolve
from awe.recipes import find
from awe.tasks.begun import filled, require_new

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COLUMN_TEXTS", "associated", "common_to", "lists_of", "make"]

#: lists there are bits for in FLAG
MOST = 62

#: attributes that `make` leaves as they are
SYSTEM = ("object_id", "creation_date", "process_params")

COLUMN_TEXTS = {
    "AID": fits.Column(text="number of the group, from 1"),
    "SLID": fits.Column(text="number of the list of the source"),
    "SID": fits.Column(text="number of the source in its list"),
    "FLAG": fits.Column(text="a bit for each list that is in the group"),
    "RA": fits.Column(unit="deg", text="right ascension"),
    "DEC": fits.Column(unit="deg", text="declination"),
}


def lists_of(inputs: list[Any], earlier: Any) -> list[Any]:
    """Return all source lists of an association: one bit of FLAG each.

    Parameters
    ----------
    inputs : list of SourceList
        Lists that are associated.
    earlier : AssociateList or None
        Association that is gone on with.

    Raises
    ------
    ArgumentError
        There are fewer than two, more than there are bits, or one is there twice.
    """
    known = list(earlier.sourcelists) if earlier is not None else []
    found = [*known, *inputs]
    if len(inputs) + (earlier is not None) < 2:
        msg = (
            f"an association takes two lists or more, {len(found)} given: "
            "al.input_lists.append(sourcelist)"
        )
        raise ArgumentError(msg)
    if len(found) > MOST:
        msg = f"{len(found)} lists: an association has bits for {MOST}; associate fewer at once"
        raise ArgumentError(msg)
    numbers = [one.SLID for one in found]
    twice = next((one for one in found if numbers.count(one.SLID) > 1), None)
    if twice is not None:
        msg = f"list {twice.SLID} {twice.filename} is in the association twice; leave one out"
        raise ArgumentError(msg)
    return found


def common_to(lists: list[Any], name: str) -> Any:
    """Return the value all lists share, None where they do not.

    Parameters
    ----------
    lists : list of SourceList
        The lists.
    name : str
        Attribute.
    """
    values = [getattr(one, name) for one in lists]
    return values[0] if all(value == values[0] for value in values) else None


def associated(
    inputs: list[Any], earlier: Any, kind: int, parameters: Any
) -> dict[str, NDArray[Any]]:
    """Return the rows of an association.

    Parameters
    ----------
    inputs : list of SourceList
        Lists that are associated; their files are here or at the dataserver.
    earlier : AssociateList or None
        Association that is gone on with: its groups are the first list.
    kind : int
        1 chain, 2 master, 3 matched.
    parameters : AssociateListParameters
        Distance, and which flagged sources take part.

    Raises
    ------
    ArgumentError
        A list has no places on the sky.
    """
    import numpy as np

    members: list[tuple[int, Any]] = []
    places, owners = [], []
    if earlier is not None:
        rows = earlier.associates.to_table()
        before = {name: np.asarray(rows[name]) for name in COLUMN_TEXTS}
        owner = before["AID"].astype(np.int64) - 1
        number = int(owner.max()) + 1 if owner.size else 0
        middles = resolve("awe.calib.association:middles")
        places.append(middles(before["RA"], before["DEC"], owner, number))
        owners.append(owner)
        members.append((0, before))
    first = len(earlier.sourcelists) if earlier is not None else 0
    for order, one in enumerate(inputs, start=first):
        taken = _taken(one, parameters.SEXTRACTOR_FLAG_MASK)
        places.append((taken["RA"], taken["DEC"]))
        owners.append(np.arange(taken["RA"].size))
        members.append((order, taken))
    found = resolve("awe.calib.association:groups")(
        places, resolve("awe.calib.association:Kind")(kind), parameters.SEARCH_DISTANCE,
        closest=parameters.SINGLE_OUT_CLOSEST_PAIRS,
    )  # fmt: skip
    numbers = [group[owner] for group, owner in zip(found, owners, strict=True)]
    return _rows(members, numbers, earlier)


def _rows(
    members: list[tuple[int, Any]], numbers: list[Any], earlier: Any
) -> dict[str, NDArray[Any]]:
    """Return the rows, ordered by group, list and number."""
    import numpy as np

    aid = np.concatenate(numbers)
    bit_of = {one.SLID: k for k, one in enumerate(earlier.sourcelists)} if earlier else {}
    order = np.concatenate([
        np.array([bit_of[slid] for slid in part["SLID"].tolist()], np.int64)
        if earlier is not None and not place
        else np.full(part["SID"].size, number, np.int64)
        for place, (number, part) in enumerate(members)
    ])  # fmt: skip
    columns = {
        name: np.concatenate([part[name] for _, part in members])
        for name in ("SLID", "SID", "RA", "DEC")
    }
    inside = aid >= 0
    bits = np.zeros(int(aid.max(initial=-1)) + 1, np.int64)
    np.bitwise_or.at(bits, aid[inside], np.int64(1) << order[inside])
    sequence = np.lexsort((columns["SID"], order, aid))
    sequence = sequence[inside[sequence]]
    return {
        "AID": (aid[sequence] + 1).astype(np.int32),
        "SLID": columns["SLID"][sequence].astype(np.int64),
        "SID": columns["SID"][sequence].astype(np.int32),
        "FLAG": bits[aid[sequence]],
        "RA": columns["RA"][sequence], "DEC": columns["DEC"][sequence],
    }  # fmt: skip


def _taken(list_: Any, allowed: int) -> dict[str, NDArray[Any]]:
    """Return number and place of the sources of a list that take part."""
    import numpy as np

    table = fits.read_table(list_._here())
    if "RA" not in table.colnames:
        msg = (
            f"list {list_.SLID} {list_.filename} has no places on the sky: its frame had no world "
            "coordinates; leave it out, or solve the frame's astrometry and list it again"
        )
        raise ArgumentError(msg)
    ra, dec = (np.ma.filled(np.ma.asarray(table[n]), np.nan).astype(float) for n in ("RA", "DEC"))
    good = np.isfinite(ra) & np.isfinite(dec)
    if "FLAG" in table.colnames:
        good &= np.asarray(table["FLAG"]) & ~allowed == 0
    number = int(np.count_nonzero(good))
    return {
        "SLID": np.full(number, list_.SLID, np.int64), "SID": np.asarray(table["SID"])[good],
        "RA": ra[good], "DEC": dec[good],
    }  # fmt: skip


def make(self: Any) -> None:
    """Associate the sources of `input_lists`; `commit()` then stores and commits the list.

    Nothing has to be retrieved before.

    Raises
    ------
    ArgumentError
        The list is committed, has fewer than two lists, or none of a camera.
    """
    require_new(self)
    lists = lists_of(list(self.input_lists), self.input_associatelist)
    camera = next((one.instrument for one in lists if one.instrument is not None), None)
    if camera is None:
        msg = "all lists are catalogues; one of them at least must be of a frame of a camera"
        raise ArgumentError(msg)
    values = self.process_params.values().items()
    earlier = self.input_associatelist
    task = find("AssociateList")(
        instrument=camera.name, list_filenames=[one.filename for one in self.input_lists] or None,
        associatelisttype=self.associatelisttype, name=self.name or None,
        input_associatelist=earlier.filename if earlier is not None else None,
        pars={f"AssociateList.process_params.{name}": value for name, value in values},
    )  # fmt: skip
    [product] = task.execute()
    filled(self, product, SYSTEM)
    self.process_params = product.process_params
