"""Which steps of its recipe a product was made without: the end of its `request`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from awe.model.mixins import value_of

if TYPE_CHECKING:
    from awe.model.mixins import Product

__all__ = ["left_out", "recorded"]

_WITHOUT = " without "


def recorded(steps: Iterable[str]) -> str:
    """Return what is recorded of steps that are left out; nothing for none."""
    names = ", ".join(sorted(set(steps)))
    return _WITHOUT + names if names else ""


def left_out(self: Product) -> tuple[str, ...]:
    """Return the names of the steps the user left out when the product was made."""
    _, _, names = (value_of(self, "request") or "").partition(_WITHOUT)
    return tuple(names.split(", ")) if names else ()
