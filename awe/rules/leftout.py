"""Which steps of its recipe a product was made without: the end of its `request`, and cards."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from awe.model.mixins import value_of

if TYPE_CHECKING:
    from awe.model.mixins import Product

__all__ = ["cards", "in_header", "left_out", "recorded"]

_WITHOUT = " without "
_CARD = "AWE LEFTOUT"


def recorded(steps: Iterable[str]) -> str:
    """Return what is recorded of steps that are left out; nothing for none."""
    names = ", ".join(sorted(set(steps)))
    return _WITHOUT + names if names else ""


def left_out(self: Product) -> tuple[str, ...]:
    """Return the names of the steps the user left out when the product was made."""
    _, _, names = (value_of(self, "request") or "").partition(_WITHOUT)
    return tuple(names.split(", ")) if names else ()


def cards(steps: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the header cards that say it: keyword, value and comment."""
    for place, name in enumerate(steps, start=1):
        yield f"HIERARCH {_CARD}{place}", name, "step left out by the user"


def in_header(header: Mapping[str, Any]) -> list[str]:
    """Return the steps a header says were left out."""
    names = (f"{_CARD}{place}" for place in itertools.count(1))
    return [str(header[name]) for name in itertools.takewhile(header.__contains__, names)]
