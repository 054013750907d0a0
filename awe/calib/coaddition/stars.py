"""The same stars in every frame of a sum: which frame has other fluxes or places than the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from awe.calib.coaddition import Layer
from awe.calib.sky import floor
from awe.calib.sky.summits import summits
from awe.errors import NoValidPixels

__all__ = ["Agreement", "agreements", "odd_ones", "places"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: boxes of the local sky and their pitch; height of a star above it [sigma]
_BOX, _PITCH, _HEIGHT = 64, 4, 20.0

#: radius of the light of a star, of the sky around it, and of its centre [pixel]
_LIGHT, _SKY, _CORE = 8.0, 12.0, 3.0

#: stars looked at, at most
_MOST = 400

#: errors that a difference may be above its limit before it is one
_SURE = 3.0


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How the stars of one frame compare with those of the others.

    Attributes
    ----------
    stars : int
        Number of stars in common.
    flux, error : float
        Median ratio of their fluxes to those of the others, and its error; NaN without stars.
    offset : float, pixel
        Distance of their places from those of the others; NaN without stars.
    """

    stars: int
    flux: float
    error: float
    offset: float


def places(image: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return row and column of bright stars that no other is near: int64, shape (n, 2).

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        A sum without its sky; not modified.
    weight : ndarray of float32, shape (ny, nx)
        0 where a pixel may not be used.
    """
    pixels, bad = np.ascontiguousarray(image), weight <= 0
    try:
        sky = floor.estimate(pixels, bad, box=_BOX, step=_PITCH)
    except NoValidPixels:
        return np.empty((0, 2), np.int64)
    found, _ = summits(
        pixels, bad, sky, threshold=_HEIGHT, saturation=float("inf"), most=_MOST,
        margin=int(_SKY) + 2,
    )  # fmt: skip
    spots = np.stack(np.divmod(np.asarray(found, np.int64), pixels.shape[1]), axis=1)
    apart = ((spots[:, None] - spots[None]) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.iinfo(np.int64).max)
    alone: NDArray[np.int64] = spots[
        apart.min(axis=1, initial=np.iinfo(np.int64).max) > (2 * _LIGHT) ** 2
    ]
    return alone


def agreements(
    layers: Sequence[Layer], spots: NDArray[np.int64], kept: Sequence[int]
) -> list[Agreement]:
    """Return how the stars of every layer compare with those of the other layers that are kept.

    Parameters
    ----------
    layers : sequence of Layer
        The frames.
    spots : ndarray of int64, shape (n, 2)
        Row and column of stars on the sum.
    kept : sequence of int
        Numbers of the layers the others are compared with.
    """
    table = np.stack([_measured(layer, spots) for layer in layers])
    return [_one(table, number, kept) for number in range(len(layers))]


def odd_ones(
    layers: Sequence[Layer], spots: NDArray[np.int64], *, flux: float, offset: float, least: int
) -> tuple[dict[int, str], list[Agreement]]:
    """Return which layers disagree with the others and in what, and how all compare.

    The worst is taken out first, and the others are compared again without it. Of two layers
    nobody can tell which is the odd one: both stay.

    Parameters
    ----------
    layers : sequence of Layer
        The frames.
    spots : ndarray of int64, shape (n, 2)
        Row and column of stars on the sum.
    flux : float
        Largest difference of the fluxes, as a part of them.
    offset : float, pixel
        Largest difference of the places.
    least : int
        Fewest stars by which a layer is judged.
    """
    table = np.stack([_measured(layer, spots) for layer in layers])
    kept = list(range(len(layers)))
    odd: dict[int, str] = {}
    while True:
        found = [_one(table, number, kept) for number in range(len(layers))]
        doubts = {
            number: doubt for number in kept
            if found[number].stars >= least
            and (doubt := _doubt(found[number], flux, offset)) > 1
        }  # fmt: skip
        if not doubts or len(kept) < 3:
            return odd, found
        worst = max(doubts, key=lambda number: doubts[number])
        one = found[worst]
        odd[worst] = (
            f"{one.stars} stars have {one.flux:.3f} times the flux and are "
            f"{one.offset:.2f} pixels off"
        )
        kept.remove(worst)


def _doubt(one: Agreement, flux: float, offset: float) -> float:
    beyond = max(abs(one.flux - 1) - _SURE * one.error, 0.0)
    return max(beyond / flux, one.offset / offset)


def _one(table: NDArray[np.float64], number: int, kept: Sequence[int]) -> Agreement:
    others = [k for k in kept if k != number]
    nothing = Agreement(stars=0, flux=np.nan, error=np.nan, offset=np.nan)
    if not others:
        return nothing
    here = np.isfinite(table[number, :, 0]).nonzero()[0]
    theirs = table[np.ix_(np.array(others), here)]
    shared = np.isfinite(theirs[:, :, 0]).any(axis=0)
    mine, theirs = table[number, here[shared]], theirs[:, shared]
    # most frames of a mosaic have none of these stars
    theirs = theirs[np.isfinite(theirs[:, :, 0]).any(axis=1)]
    if not mine.size:
        return nothing
    reference = np.nanmedian(theirs, axis=0)
    ratio = mine[:, 0] / reference[:, 0]
    middle = float(np.median(ratio))
    error = 1.4826 * float(np.median(np.abs(ratio - middle))) / float(np.sqrt(ratio.size))
    off = np.median(mine[:, 1:] - reference[:, 1:], axis=0)
    return Agreement(
        stars=int(ratio.size), flux=middle, error=error, offset=float(np.hypot(*off))
    )


def _measured(layer: Layer, spots: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return flux, row and column of every star in a layer, NaN where it is not whole."""
    reach = int(_SKY) + 1
    side = np.arange(-reach, reach + 1)
    r2 = side[:, None] ** 2 + side[None] ** 2
    light, around, core = r2 <= _LIGHT**2, r2 > _LIGHT**2, np.exp(-r2 / (2 * _CORE**2))
    found = np.full((len(spots), 3), np.nan)
    corner = spots - (layer.row, layer.column)
    inside = (corner >= reach) & (corner < np.array(layer.shape) - reach)
    for number in np.flatnonzero(inside.all(axis=1)):
        row, column = spots[number]
        y, x = corner[number].tolist()
        values, weights = layer.read(slice(y - reach, y + reach + 1))
        box, good = (p[:, x - reach : x + reach + 1] for p in (values, weights))
        if (good[light] <= 0).any() or (good[around] > 0).sum() < 50:
            continue
        stamp = box.astype(np.float64)
        stamp -= np.median(stamp[around & (good > 0)])
        weighted = np.where(light, stamp * core, 0.0)
        total = weighted.sum()
        flux = stamp[light].sum()
        if flux > 0 and total > 0:
            found[number] = (
                flux, row + (weighted * side[:, None]).sum() / total,
                column + (weighted * side[None]).sum() / total,
            )  # fmt: skip
    return found
