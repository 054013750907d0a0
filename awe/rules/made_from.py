"""What was made from which product: the frame of a source list, and those there are instead.

A list is made from one product; of several reductions of a raw frame the newest sound one.
"""

from __future__ import annotations

from typing import Any

from awe.db.declare.registry import find
from awe.errors import ArgumentError
from awe.model.mixins import QualityFlag, value_of
from awe.terminal import harmless

__all__ = ["MADE_FROM", "Because", "candidates", "newest_like", "newest_solution", "why"]

#: class -> links to the products its objects are made from
MADE_FROM: dict[str, tuple[str, ...]] = {
    "SourceList": ("frame", "astrom_params"),
    "AstrometricParameters": ("reduced", "refcat"),
}

#: candidates that are listed
_LISTED = 20


class Because(tuple[str, ...]):
    """Why a product was made from what it was made from; prints itself, a line for each."""

    __slots__ = ()

    def __repr__(self) -> str:
        return harmless("\n".join(self))

    __str__ = __repr__


def candidates(item: Any, role: str) -> list[Any]:
    """Return the products one could make an object from in a role, the newest first.

    Parameters
    ----------
    item : product
        Object that a recipe made.
    role : str
        The link.
    """
    used = getattr(item, role)
    if role == "astrom_params":
        cls: Any = find("AstrometricParameters")
        found = cls.reduced == item.frame
        return list(found.order_by("-creation_date").top(_LISTED))
    raw = value_of(used, "raw")
    if raw is None:
        return [used] if used is not None else []
    return list((type(used).raw == raw).order_by("-creation_date").top(_LISTED))


def newest_solution(frame: Any) -> Any:
    """Return the newest sound astrometric solution of a reduced frame, None if it has none.

    Parameters
    ----------
    frame : ReducedScienceFrame
        The frame.
    """
    cls: Any = find("AstrometricParameters")
    query = (cls.reduced == frame) & (cls.is_valid > 0) & (cls.quality_flags == 0)
    return query.max("creation_date")


def newest_like(item: Any, role: str) -> Any:
    """Return the newest sound product in a role, None if there is none.

    Parameters
    ----------
    item : product
        Object that a recipe made.
    role : str
        The link.
    """
    return next((one for one in candidates(item, role) if not _objection(one)), None)


def _objection(product: Any) -> str:
    bits = product.quality_flags & ~int(QualityFlag.SEEING)
    if product.is_valid <= 0:
        return f"is_valid is {product.is_valid}"
    return f"quality {QualityFlag.explain(bits)}" if bits else ""


def why(self: Any, role: str = "") -> Because:
    """Return which products the object could be made from, which one it is, and why.

    Parameters
    ----------
    role : str
        The link, such as `'frame'`; all by default.

    Raises
    ------
    ArgumentError
        The class has no such link.
    """
    roles = MADE_FROM.get(type(self).__name__, ())
    if role and role not in roles:
        msg = f"{type(self).__name__} is not chosen a {role!r}; roles: {', '.join(roles)}"
        raise ArgumentError(msg)
    lines = []
    for name in [role] if role else roles:
        used = getattr(self, name)
        if used is None:
            lines.append(f"{name}: none")
            continue
        lines.append(f"{name}: {_called(used)}")
        for one in candidates(self, name):
            told = "used" if one == used else _objection(one) or "not used"
            lines.append(f"  {one.creation_date:%Y-%m-%d %H:%M:%S} {_called(one)}: {told}")
    return Because(lines)


def _called(product: Any) -> str:
    return value_of(product, "filename") or f"{type(product).__name__} {product.object_id}"
