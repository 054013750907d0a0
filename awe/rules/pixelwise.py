"""Flats next to the version before them, pixel by pixel: what the numbers of a flat do not tell.

Another filter, another gain of half a chip or a frame that was read one pixel late give a flat
that looks well by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.errors import DatabaseError, ServiceDown, UserMistake
from awe.model.mixins import value_of
from awe.terminal import out

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COMPARED_PIXELS", "compared_pixels"]

#: what is compared -> limit of its change, its value where nothing changed, and how many times
#: the limit it may change: dust moves, and a spot is a hundredth of the light
COMPARED_PIXELS = {
    "shape": ("MAXIMUM_SHAPE_DIFFERENCE", 0.0, 1.0),
    "spot": ("MAXIMUM_SHAPE_DIFFERENCE", 0.0, 4.0),
    "pattern": ("MAXIMUM_PATTERN_DIFFERENCE", 1.0, 1.0),
}


def compared_pixels(
    product: Any, previous: Any, pixels: NDArray[Any] | None = None
) -> dict[str, float]:
    """Return by how much the pixels of a flat differ from those of the version before.

    Parameters
    ----------
    product, previous : object
        Two products of a class; nothing is compared unless it declares limits for it.
    pixels : ndarray, shape (ny, nx), optional
        Pixels of the product; read from its file when left out.

    Returns
    -------
    dict
        `shape`: the largest change of the light over the chip, relative; `spot`: the largest one
        in a small box; `pattern`: scatter of the ratio from pixel to pixel over what noise
        explains. Empty where there is no file, or
        one of another size.
    """
    from awe.rules.measured import changed_pattern, changed_shape, changed_spot

    limits = [limit for limit, _, _ in COMPARED_PIXELS.values()]
    if any(value_of(product.process_params, limit) is None for limit in limits):
        return {}
    try:
        before = previous.data
        now = product.data if pixels is None else pixels
    # a service that is away says nothing about the file
    except (DatabaseError, ServiceDown):
        raise
    except UserMistake as error:
        out(f"pixels are not compared with the version before: {error}\n")
        return {}
    if now.shape != before.shape:
        return {}
    found = {"shape": changed_shape(now, before), "spot": changed_spot(now, before)}
    noise = float((product.noise**2 + previous.noise**2) ** 0.5)
    if noise > 0:
        found["pattern"] = changed_pattern(now, before, noise)
    return found
