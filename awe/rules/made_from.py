"""What was made from which product: the frame of a source list, and those there are instead.

A list is made from one product; of several reductions of a raw frame the newest sound one.
"""

from __future__ import annotations

from typing import Any

from awe.db.declare.registry import find
from awe.errors import ArgumentError
from awe.model.mixins import TOLERATED, USABLE, QualityFlag, has, value_of
from awe.rules import validity
from awe.rules.roles import chosen_roles
from awe.terminal import harmless

__all__ = [
    "MADE_FROM", "Because", "candidates", "newer", "newest_like", "newest_solution", "solvable",
    "why",
]  # fmt: skip

#: class -> links to the products its objects are made from
MADE_FROM: dict[str, tuple[str, ...]] = {
    "SourceList": ("frame", "astrom_params", "detection_frame"),
    "AstrometricParameters": ("reduced", "refcat"),
    "GAstrometric": ("solutions", "refcat"),
    "RegriddedFrame": ("reduced", "astrom_params"),
    "CoaddedRegriddedFrame": ("regridded_frames",),
    "AssociateList": ("input_lists", "input_associatelist"),
    "PhotSrcCatalog": ("frame", "astrom_params", "refcat"),
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
        The link, or the list of links.
    """
    if role == "astrom_params":
        frame = solvable(item)
        if frame is None:
            return []
        cls: Any = find("AstrometricParameters")
        return list((cls.reduced == frame).order_by("-creation_date").top(_LISTED))
    used = getattr(item, role)
    if isinstance(used, list):
        found = [one for each in used for one in _alike(each)]
        return sorted(dict.fromkeys(found), key=lambda one: one.creation_date, reverse=True)
    return _alike(used) if used is not None else []


def _alike(used: Any, *, after: Any = None) -> list[Any]:
    """Return the products of the same raw frames on the same pixels, the newest first."""
    cls = type(used)
    if has(used, "raw"):
        query = cls.raw == used.raw
    elif has(used, "regridded_frames"):
        query = (cls.instrument == used.instrument) & (cls.filter == used.filter)
        query &= cls.OBJECT == used.OBJECT
    elif has(used, "raw_zeropnt"):
        query = cls.frame == used.frame
    elif value_of(used, "frame") is not None:
        query = (cls.frame == used.frame) & (cls.detection_frame == used.detection_frame)
    else:
        return [used] if after is None else []
    if after is not None:
        query &= (cls.is_valid > 0) & cls.quality_flags.isin(USABLE)
        query &= cls.creation_date > after
    found = list(query.order_by("-creation_date").top(_LISTED))
    return [one for one in found if one == used or _same_pixels(one, used)]


def _same_pixels(one: Any, used: Any) -> bool:
    grid = value_of(used, "grid_target")
    if grid is None:
        return True
    if not one.grid_target.same(grid):
        return False
    behind = value_of(used, "regridded_frames") or []
    return {f.raw for f in behind} == {f.raw for f in value_of(one, "regridded_frames") or []}


def newer(used: Any) -> Any:
    """Return the newest sound product of the same raw frames that came after one, or None.

    Parameters
    ----------
    used : product
        A frame that something was made of.
    """
    found = _alike(used, after=used.creation_date)
    return found[0] if found else None


def solvable(item: Any) -> Any:
    """Return the reduced frame whose astrometric solution places an object, None without.

    Parameters
    ----------
    item : product
        Object that a recipe made.
    """
    frame = value_of(item, "reduced") or value_of(item, "frame")
    return frame if type(frame).__name__ == "ReducedScienceFrame" else None


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
    bits = product.quality_flags & ~int(TOLERATED)
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
    chosen = tuple(chosen_roles(type(self)))
    roles = (*MADE_FROM.get(type(self).__name__, ()), *chosen)
    if role and role not in roles:
        msg = f"{type(self).__name__} is not chosen a {role!r}; roles: {', '.join(roles)}"
        raise ArgumentError(msg)
    lines = []
    for name in [role] if role else roles:
        if name in chosen:
            lines += str(validity.why(self, name)).splitlines()
            continue
        linked = getattr(self, name)
        used = linked if isinstance(linked, list) else [linked] if linked is not None else []
        lines.append(f"{name}: {', '.join(_called(one) for one in used) or 'none'}")
        if isinstance(linked, list):
            lines[-1] = f"{name}: {len(used)}"
        left_out = value_of(self, "contributions") or {}
        for one in candidates(self, name):
            # a sum has looked at some, and left them out
            reason = (left_out.get(str(one.object_id)) or {}).get("why")
            told = "used" if one in used else reason or _objection(one) or "not used"
            lines.append(f"  {one.creation_date:%Y-%m-%d %H:%M:%S} {_called(one)}: {told}")
    return Because(lines)


def _called(product: Any) -> str:
    return value_of(product, "filename") or f"{type(product).__name__} {product.object_id}"
