"""`product.compare()`: the numbers of a product next to those of the version before it.

Each number has its value now and before; where the class declares by how much it may change, that
limit and a verdict follow. The limits are process parameters of the product. Flats are compared
pixel by pixel too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from awe import columns
from awe.errors import ArgumentError, NotVisible
from awe.model.info import label
from awe.model.mixins import QualityFlag, has, value_of
from awe.rules.pixelwise import COMPARED_PIXELS, compared_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COMPARED", "Change", "Comparison", "compare"]

#: number that is compared with the previous version -> limit of its change, empty for none
COMPARED = {
    "imstat.median": "MAXIMUM_MEDIAN_DIFFERENCE",
    "imstat.stdev": "MAXIMUM_STDEV_DIFFERENCE",
    "read_noise": "MAXIMUM_READ_NOISE_DIFFERENCE",
    "mean_diff": "",
    "gain": "MAXIMUM_GAIN_DIFFERENCE",
    "linearity": "",
    "dark_current": "MAXIMUM_DARK_DIFFERENCE",
    "particle_rate": "",
    "noise": "",
    "count": "MAXIMUM_COUNT_DIFFERENCE",
    "events": "",
    "lamp_ratio": "MAXIMUM_DEVIATION",
    "stars": "",
    "rms": "MAXIMUM_RMS",
    "psf_radius": "",
    "source_count": "",
    "correlation": "",
    "NREF": "",
    "RMS": "MAX_RMS",
    "zeropnt.value": "MAXIMUM_ZEROPOINT_DIFFERENCE",
    "zeropnt.error": "",
    "raw_zeropnt": "",
    "value": "",
    "error": "",
}

#: what a product without `prev` is made from: that of the version before is the same
ORIGINS = ("raw", "reduced", "frame")

HEADS = ("", "now", "before", "change", "limit", "unit", "verdict")


class Change(NamedTuple):
    """One number of a product and of the version before.

    Attributes
    ----------
    value, previous : float
        The number now and before; NaN now if it got lost.
    limit : float or None
        Largest change that is allowed, none where the class declares no such limit.
    unit : str
        Unit of all three, empty for none.
    """

    value: float
    previous: float
    limit: float | None
    unit: str

    @property
    def verdict(self) -> bool | None:
        """True within the limit, False beyond it or without a number, None without a limit."""
        if self.limit is None:
            return None
        return abs(self.value - self.previous) <= self.limit


class Comparison(dict[str, Change]):
    """Name of a number -> how it changed; prints itself as a table.

    Parameters
    ----------
    product, previous : object
        The product and what it is compared with, None where there is nothing.
    changes : dict
        The numbers.
    note : str
        Why there is nothing to compare with.
    """

    def __init__(
        self, product: Any, previous: Any, changes: dict[str, Change], note: str = ""
    ) -> None:
        super().__init__(changes)
        self.product = product
        self.previous = previous
        self._note = note

    @property
    def verdict(self) -> bool:
        """True if no number changed by more than its limit."""
        return all(change.verdict is not False for change in self.values())

    def _table(self) -> tuple[list[str], list[tuple[str, ...]]]:
        """Return the lines above the table, and its rows."""
        name = label(self.product)
        if self.previous is None:
            return [f"{self._note}: {name}"], []
        found = "no number changed beyond its limit" if self.verdict else "CHANGED"
        head = [f"{self.verdict}: {found}", f"now:    {name}", f"before: {label(self.previous)}"]
        rows: list[tuple[str, ...]] = [
            (
                one, f"{change.value:.6g}", f"{change.previous:.6g}",
                f"{change.value - change.previous:+.4g}",
                "-" if change.limit is None else f"{change.limit:g}", change.unit,
                {True: "True", False: "False", None: "-"}[change.verdict],
            )
            for one, change in self.items()
        ]  # fmt: skip
        return head, rows

    def __repr__(self) -> str:
        head, rows = self._table()
        table = columns.lines(HEADS, rows) if rows else []
        return "\n".join([columns.fit("\n".join(head)), *table])

    def _repr_html_(self) -> str:
        head, rows = self._table()
        return columns.html(HEADS, rows, title="; ".join(head))


def compare(
    self: Any, other: Any = None, *, pixels: NDArray[Any] | None = None
) -> Comparison:
    """Return the numbers of the product next to those of its previous version.

    The previous version of a calibration is `prev`; that of a science product is the newest
    earlier one of the same raw frame. A new product that differs by more than a declared limit
    gets the bit `CHANGED`; a committed one is only judged.

    Parameters
    ----------
    other : object, optional
        Another product of the class to compare with; no bit is set then.
    pixels : ndarray, optional
        Pixels of a flat that has no file yet.

    Returns
    -------
    Comparison
        A table of the numbers; `verdict` is False where one changed by more than its limit.

    Raises
    ------
    ArgumentError
        The other is not of the same class.
    """
    if other is not None and type(other) is not type(self):
        msg = f"a {type(self).__name__} is compared with another one, not with {other!r}"
        raise ArgumentError(msg)
    note = "there is no version before it"
    try:
        previous = other if other is not None else _predecessor(self)
    except NotVisible:
        previous, note = None, "the version before it is not visible to you"
    changes = {} if previous is None else _changes(self, previous, pixels)
    found = Comparison(self, previous, changes, note)
    if other is None and not found.verdict and not self._committed:
        self.quality_flags = int(QualityFlag(self.quality_flags) | QualityFlag.CHANGED)
    return found


def _changes(
    product: Any, previous: Any, pixels: NDArray[Any] | None
) -> dict[str, Change]:
    found = {}
    for path, parameter in COMPARED.items():
        before = _number(previous, path)
        if before is None or not math.isfinite(before):
            continue
        now = _number(product, path)
        limit = value_of(product.process_params, parameter)
        found[path] = Change(
            value=math.nan if now is None else float(now),
            previous=float(before),
            limit=None if limit is None else float(limit),
            unit=_unit(product, path),
        )
    for name, value in compared_pixels(product, previous, pixels).items():
        parameter, same, times = COMPARED_PIXELS[name]
        limit = times * float(getattr(product.process_params, parameter))
        found[name] = Change(value=value, previous=same, limit=limit, unit="")
    return found


def _predecessor(product: Any) -> Any:
    """Return the previous version, or the newest earlier product of the same raw frame."""
    if has(product, "prev"):
        return product.prev
    cls = type(product)
    origin = next((name for name in ORIGINS if value_of(product, name) is not None), "")
    if not origin:
        return None
    query = getattr(cls, origin) == getattr(product, origin)
    if product._committed:
        query &= cls.creation_date < product.creation_date
    return query.max("creation_date")


def _number(item: Any, path: str) -> int | float | None:
    """Return a number of a product or of what it links to, None if it has no value."""
    for name in path.split("."):
        item = value_of(item, name)
        if item is None:
            return None
    return item if isinstance(item, int | float) else None


def _unit(product: Any, path: str) -> str:
    cls: Any = type(product)
    *links, last = path.split(".")
    for name in links:
        cls = cls._attribute(name).target
    unit: str = cls._attribute(last).unit
    return unit
