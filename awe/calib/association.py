"""Sources of several lists that are one and the same: pairs, and the groups they make."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Kind", "groups", "middles", "pairs"]

_ARCSEC = 3600.0


class Kind(IntEnum):
    """Which lists are paired with which."""

    CHAIN = 1
    MASTER = 2
    MATCHED = 3


def _vectors(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return unit vectors, shape (n, 3), of places [deg]."""
    alpha, delta = np.radians(ra), np.radians(dec)
    across = np.cos(delta)
    return np.stack([across * np.cos(alpha), across * np.sin(alpha), np.sin(delta)], axis=1)


def middles(
    ra: NDArray[np.float64], dec: NDArray[np.float64], owner: NDArray[np.int64], number: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean place [deg] of the members of each group.

    Parameters
    ----------
    ra, dec : ndarray of float64, shape (n,), deg
        Places of the members.
    owner : ndarray of int64, shape (n,)
        Group of each member, from 0.
    number : int
        Number of groups.
    """
    x, y, z = (
        np.bincount(owner, plane, number) for plane in _vectors(ra, dec).T
    )
    return np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arctan2(z, np.hypot(x, y)))


def pairs(
    one: tuple[NDArray[np.float64], NDArray[np.float64]],
    other: tuple[NDArray[np.float64], NDArray[np.float64]],
    distance: float,
    *,
    closest: bool = True,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which sources of two lists are near each other.

    Parameters
    ----------
    one, other : tuple of ndarray of float64, shape (n,), deg
        Right ascension and declination of the sources of each list.
    distance : float, arcsec
        Largest distance of a pair along the great circle.
    closest : bool
        Whether only pairs are taken whose members have no nearer one in the other list; of two at
        the same distance the one that comes first.

    Examples
    --------
    >>> near = pairs((np.array([10.0, 20.0]), np.zeros(2)), (np.array([20.0001]), np.zeros(1)), 1)
    >>> [int(index[0]) for index in near]
    [1, 0]
    """
    if not one[0].size or not other[0].size:
        none = np.empty(0, np.intp)
        return none, none
    chord = 2 * np.sin(np.radians(distance / _ARCSEC) / 2)
    # built without balancing, which takes longer than it saves
    trees = [
        cKDTree(_vectors(*each), balanced_tree=False, compact_nodes=False)
        for each in (one, other)
    ]
    found = trees[0].sparse_distance_matrix(trees[1], chord, output_type="ndarray")
    order = np.lexsort((found["j"], found["i"]))
    first, second, far = found["i"][order], found["j"][order], found["v"][order]
    if closest:
        both = _nearest(first, far) & _nearest(second, far)
        first, second = first[both], second[both]
    return first, second


def _nearest(index: NDArray[np.intp], far: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return True for the pair of each source that is nearest, the first of equals."""
    order = np.lexsort((far, index))
    kept = np.zeros(index.size, bool)
    begins = np.ones(index.size, bool)
    begins[1:] = index[order][1:] != index[order][:-1]
    kept[order[begins]] = True
    return kept


def groups(
    places: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    kind: Kind,
    distance: float,
    *,
    closest: bool = True,
) -> list[NDArray[np.int64]]:
    """Return of the sources of each list the group they are in, from 0; -1 for none.

    Parameters
    ----------
    places : sequence of tuple of ndarray of float64, shape (n,), deg
        Right ascension and declination of the sources of each list.
    kind : Kind
        `CHAIN` pairs each list with the next, `MASTER` each with the first, `MATCHED` each with
        all others. Of a chain every source is in a group, perhaps alone; with a master those of
        the first list and what is paired with them; matched, those that are in every list.
    distance : float, arcsec
        Largest distance of a pair.
    closest : bool
        Whether only the closest pairs are taken.

    Notes
    -----
    Groups are numbered by their first member: by list, then by place in the list. The same
    lists give the same numbers.
    """
    sizes = [each[0].size for each in places]
    begins = np.concatenate([[0], np.cumsum(sizes)])
    total = int(begins[-1])
    edges = []
    for a, b in _compared(len(places), kind):
        first, second = pairs(places[a], places[b], distance, closest=closest)
        edges.append(np.stack([first + begins[a], second + begins[b]]))
    linked = np.concatenate(edges, axis=1) if edges else np.empty((2, 0), np.int64)
    graph = coo_array((np.ones(linked.shape[1], np.int8), (linked[0], linked[1])),
                      shape=(total, total))  # fmt: skip
    _, found = connected_components(graph, directed=False)
    kept = np.ones(total, bool)
    if kind is Kind.MASTER and total:
        kept = np.isin(found, found[: sizes[0]])
    elif kind is Kind.MATCHED and total:
        present = np.zeros((int(found.max()) + 1, len(places)), bool)
        present[found, np.repeat(np.arange(len(places)), sizes)] = True
        kept = np.logical_and.reduce(present, axis=1)[found]
    named = np.full(total, -1, np.int64)
    _, at, back = np.unique(found[kept], return_index=True, return_inverse=True)
    named[kept] = np.argsort(np.argsort(at))[back]
    return np.split(named, begins[1:-1])


def _compared(number: int, kind: Kind) -> list[tuple[int, int]]:
    if kind is Kind.CHAIN:
        return [(k, k + 1) for k in range(number - 1)]
    if kind is Kind.MASTER:
        return [(0, k) for k in range(1, number)]
    return [(a, b) for a in range(number) for b in range(a + 1, number)]
