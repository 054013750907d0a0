"""`coadd.losses()`: which frame is in a sum or out of it, with which weight, at what cost."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from awe import columns

__all__ = ["Loss", "Losses", "losses"]

HEADS = ("frame", "", "weight %", "lost %", "cost mag", "stars", "flux", "off px", "why")


class Loss(NamedTuple):
    """One frame of a sum.

    Attributes
    ----------
    frame : str
        Name of its file.
    used : bool
        Whether it is in the sum.
    weight : float
        Its weight over that of all frames together, those left out included.
    lost : float
        Part of its pixels that may not be used, or were left out as outliers.
    cost : float
        Depth that is missing for it [mag].
    stars : int
        Stars it was compared by.
    flux, offset : float
        Ratio of their fluxes to those in the others, and distance of their places [pixel].
    why : str
        Why it is out; empty for one that is in.
    """

    frame: str
    used: bool
    weight: float
    lost: float
    cost: float
    stars: int
    flux: float
    offset: float
    why: str


class Losses(list[Loss]):
    """The frames of a sum, the most costly first; prints itself.

    Parameters
    ----------
    found : list of Loss
        The frames.
    """

    @property
    def cost(self) -> float:
        """Depth that is missing altogether, against all frames with all their pixels [mag]."""
        left = sum(one.weight * (1 - one.lost) for one in self if one.used)
        return -1.25 * math.log10(left) if left > 0 else math.inf

    def _table(self) -> tuple[str, list[tuple[str, ...]]]:
        """Return the line above the table, and its rows."""
        used = sum(one.used for one in self)
        head = f"{used} of {len(self)} frames are in it; {self.cost:.3f} mag of depth are missing"
        rows: list[tuple[str, ...]] = [
            (
                one.frame, "in" if one.used else "OUT", f"{100 * one.weight:.1f}",
                f"{100 * one.lost:.2f}", f"{one.cost:.3f}", str(one.stars),
                _number(one.flux, ".3f"), _number(one.offset, ".2f"), one.why,
            )
            for one in self
        ]  # fmt: skip
        return head, rows

    def __repr__(self) -> str:
        head, rows = self._table()
        return "\n".join([columns.fit(head), *(columns.lines(HEADS, rows) if rows else ())])

    def _repr_html_(self) -> str:
        head, rows = self._table()
        return columns.html(HEADS, rows, title=head)


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def losses(self: Any) -> Losses:
    """Return which frames are in the sum or out of it, why, and what depth each loss costs.

    The cost of a frame is what the depth of the sky would gain if all its pixels were in: of one
    that is out its whole weight, of one that is in that of its bad pixels and outliers.
    """
    found = []
    contributions = self.contributions.values()
    total = sum(one["weight"] for one in contributions) or 1.0
    for one in contributions:
        weight = one["weight"] / total
        lost = one["lost"] if one["used"] else 1.0
        rest = 1 - weight * lost
        found.append(
            Loss(
                frame=one["file"], used=one["used"], weight=weight, lost=lost,
                cost=-1.25 * math.log10(rest) if rest > 0 else math.inf, stars=one["stars"],
                flux=_or_nan(one["flux"]), offset=_or_nan(one["offset"]), why=one["why"],
            )
        )  # fmt: skip
    return Losses(sorted(found, key=lambda one: (one.used, -one.cost)))


def _or_nan(value: Any) -> float:
    return math.nan if value is None else float(value)
