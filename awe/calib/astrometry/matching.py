"""Stars of a frame matched with a reference: a vote on the shift, and triangles before it.

How sure a match is is told by chance: with how many reference stars as many detections would
agree if their places had nothing to do with each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import gammaln

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

__all__ = ["Similarity", "Stars", "aligned", "chance", "pairs", "vote"]

#: brightest stars that vote on the shift, of frame and reference
_VOTERS, _REFERENCES = 250, 600

#: half width of the votes that are counted together [arcsec]
_WIDTHS = (1.0, 3.0)

#: places of many votes that are looked at closely
_PEAKS = 8

#: brightest stars that form triangles, of frame and reference
_CORNERS = 22
_REFERENCE_CORNERS = 34

#: triangles are alike if their ratios of sides differ by less
_ALIKE = 0.004

#: the shortest side of a triangle, as a part of the longest
_SHORTEST = 0.15

#: bins of the turns that triangles vote for [deg] and of the logarithm of the scale
_TURN, _SCALE = 1.0, 0.01

#: turns that are tried after the vote of the triangles
_TRIED = 6


@dataclass(frozen=True, kw_only=True)
class Stars:
    """Places of stars in a plane; arrays of shape (n,), the brightest first.

    Attributes
    ----------
    x, y : ndarray of float64, arcsec
        Standard coordinates, as far as they are known.
    error : ndarray of float64, arcsec
        Standard error along each axis.
    """

    x: Values
    y: Values
    error: Values

    @property
    def places(self) -> Values:
        """Both coordinates, shape (n, 2)."""
        return np.stack([self.x, self.y], axis=-1)


@dataclass(frozen=True, kw_only=True)
class Similarity:
    """A turn, a scale, a flip and a shift: `places @ matrix.T + shift`.

    Attributes
    ----------
    matrix : ndarray of float64, shape (2, 2)
        Turn, scale and flip about the middle.
    middle, shift : ndarray of float64, shape (2,), arcsec
        Point about which is turned, and where it comes to.
    log_chance : float
        Natural logarithm of the number of equally good matches expected by chance.
    voters : int
        Stars that agree.
    """

    matrix: Values
    middle: Values
    shift: Values
    log_chance: float
    voters: int

    def __call__(self, places: Values) -> Values:
        """Return places after the change, shape (n, 2)."""
        moved: Values = (places - self.middle) @ self.matrix.T + self.shift
        return moved


def chance(matched: int, tried: int, expected: float, trials: float) -> float:
    """Return the logarithm of how often a number of matches comes by chance in some trials.

    Parameters
    ----------
    matched, tried : int
        Stars that have a partner, and stars that could have one.
    expected : float
        Partners that one star has by chance.
    trials : float
        Independent arrangements that were tried.
    """
    if matched <= 0:
        return 0.0
    # A binomial tail is below its first term over (1 - ratio of terms); the ratio is small here.
    p = float(np.clip(expected, 1e-12, 0.999))
    first = (
        gammaln(tried + 1) - gammaln(matched + 1) - gammaln(tried - matched + 1)
        + matched * np.log(p) + (tried - matched) * np.log1p(-p)
    )  # fmt: skip
    return float(first + np.log(max(trials, 1.0)))


def vote(stars: Stars, reference: Stars, reach: float) -> Similarity:
    """Return the shift that most pairs of a star and a reference star agree on.

    Parameters
    ----------
    stars, reference : Stars
        Detections and reference.
    reach : float, arcsec
        Largest shift along each axis.
    """
    mine, theirs = stars.places[:_VOTERS], reference.places[:_REFERENCES]
    steps = (theirs[None] - mine[:, None]).reshape(-1, 2)
    steps = steps[(np.abs(steps) <= reach).all(axis=1)]
    nothing = Similarity(
        matrix=np.eye(2), middle=np.zeros(2), shift=np.zeros(2), log_chance=0.0, voters=0
    )
    if not len(steps):
        return nothing
    best = nothing
    density = len(steps) / (2 * reach) ** 2
    for width in _WIDTHS:
        peak, count = _densest(steps, reach, width)
        # each star votes once for a place: count detections, not pairs
        area = np.pi * width**2
        expected = density * area / len(mine)
        trials = (2 * reach / width) ** 2
        told = chance(min(count, len(mine)), len(mine), expected, trials)
        if told < best.log_chance:
            best = Similarity(
                matrix=np.eye(2), middle=np.zeros(2), shift=peak, log_chance=told, voters=count
            )
    return best


def _densest(steps: Values, reach: float, width: float) -> tuple[Values, int]:
    """Return the place with most steps within a width, and their number."""
    bins = max(int(np.ceil(2 * reach / width)), 1)
    cells = np.clip(((steps + reach) / width).astype(np.intp), 0, bins - 1)
    counts = np.bincount(cells[:, 0] * bins + cells[:, 1], minlength=bins * bins)
    grid = np.pad(counts.reshape(bins, bins), 1)
    around = sum(
        grid[1 + i : bins + 1 + i, 1 + j : bins + 1 + j] for i in (-1, 0, 1) for j in (-1, 0, 1)
    )
    # where stars are in rows, as on a grid, the fullest cells are not the narrowest peak
    best, most = np.zeros(2), 0
    for top in np.argpartition(around, -_PEAKS, axis=None)[-_PEAKS:]:
        peak = (np.array(np.unravel_index(int(top), (bins, bins))) + 0.5) * width - reach
        reached = steps[(np.abs(steps - peak) <= 4 * width).all(axis=1)]
        for _ in range(3):
            near = np.hypot(*(reached - peak).T) <= width
            if near.any():
                peak = np.median(reached[near], axis=0)
        count = int((np.hypot(*(reached - peak).T) <= width).sum())
        if count > most:
            best, most = np.asarray(peak, np.float64), count
    return best, most


def aligned(
    stars: Stars, reference: Stars, reach: float, *, scale: float, enough: float
) -> Similarity:
    """Return the turn, scale, flip and shift that bring stars onto the reference.

    A shift alone is tried first. Where it could be chance, triangles of the brightest stars vote
    on turn, scale and flip, and the best of those on the shift.

    Parameters
    ----------
    stars, reference : Stars
        Detections and reference, the brightest first.
    reach : float, arcsec
        Largest shift along each axis.
    scale : float
        Largest relative error of the scale.
    enough : float
        Logarithm of the chance below which a shift needs no triangles.
    """
    best = vote(stars, reference, reach)
    if best.log_chance <= enough or len(stars.x) < 3 or len(reference.x) < 3:
        return best
    middle = np.median(stars.places, axis=0)
    matrices = _turns(stars, reference, scale)
    # what was tried counts as trials: flips, scales and turns
    tries = np.log(2 * (1 + 2 * scale / _SCALE) * 360 / _TURN)
    for matrix in matrices:
        turned = (stars.places - middle) @ matrix.T + middle
        found = vote(Stars(x=turned[:, 0], y=turned[:, 1], error=stars.error), reference, reach)
        told = found.log_chance + tries
        if told < best.log_chance:
            best = Similarity(
                matrix=matrix, middle=middle, shift=middle + found.shift, log_chance=told,
                voters=found.voters,
            )  # fmt: skip
    return best


def _turns(stars: Stars, reference: Stars, scale: float) -> list[Values]:
    """Return matrices that many triangles agree on, the most likely first."""
    mine = _triangles(stars.places[:_CORNERS])
    theirs = _triangles(reference.places[:_REFERENCE_CORNERS])
    if not len(mine[0]) or not len(theirs[0]):
        return []
    near = cKDTree(mine[0]).query_ball_point(theirs[0], _ALIKE)
    second = np.repeat(np.arange(len(near)), [len(found) for found in near])
    first = np.array([one for found in near for one in found], np.intp)
    if not first.size:
        return []
    ratio = np.log(theirs[1][second] / mine[1][first])
    flipped = theirs[3][second] != mine[3][first]
    # a flipped frame has the mirrored angle: x goes to -x
    own = np.where(flipped, np.pi - mine[2][first], mine[2][first])
    turn = (theirs[2][second] - own + np.pi) % (2 * np.pi) - np.pi
    fine = np.abs(ratio) <= np.log1p(scale)
    if not fine.any():
        return []
    ratio, flipped, turn = ratio[fine], flipped[fine], turn[fine]
    step = np.radians(_TURN)
    votes = np.stack([np.rint(turn / step), np.rint(ratio / _SCALE), flipped], axis=-1)
    cells, which, counts = np.unique(
        votes.astype(np.int64), axis=0, return_inverse=True, return_counts=True
    )
    matrices = []
    for cell in np.argsort(-counts)[:_TRIED]:
        some = which.ravel() == cell
        angle, size = float(np.median(turn[some])), float(np.exp(np.median(ratio[some])))
        cos, sin = np.cos(angle), np.sin(angle)
        matrix = size * np.array([[cos, -sin], [sin, cos]])
        matrices.append(matrix @ np.diag([-1.0, 1.0]) if cells[cell][2] else matrix)
    return matrices


def _triangles(places: Values) -> tuple[Values, Values, Values, NDArray[np.bool_]]:
    """Return ratios of sides, longest side, its angle and the sense of round of triangles."""
    number = len(places)
    corners = np.array(
        [(i, j, k) for i in range(number) for j in range(i + 1, number)
         for k in range(j + 1, number)], np.intp,
    ).reshape(-1, 3)  # fmt: skip
    points = places[corners]
    sides = np.stack([
        np.hypot(*(points[:, b] - points[:, a]).T) for a, b in ((1, 2), (2, 0), (0, 1))
    ], axis=-1)  # fmt: skip
    # corners are named by the sides opposite to them, the longest side last
    order = np.argsort(sides, axis=1)
    sorted_ = np.take_along_axis(sides, order, axis=1)
    points = np.take_along_axis(points, order[:, :, None], axis=1)
    longest = np.maximum(sorted_[:, 2], 1e-9)
    keep = sorted_[:, 0] > _SHORTEST * longest
    # sides of nearly one length cannot be told apart: the triangle would be named two ways
    for a, b in pairwise(range(3)):
        keep &= sorted_[:, b] - sorted_[:, a] > _ALIKE * longest
    along = points[:, 1] - points[:, 0]
    third = points[:, 2] - points[:, 0]
    round_ = along[:, 0] * third[:, 1] - along[:, 1] * third[:, 0] > 0
    ratios = sorted_[:, :2] / longest[:, None]
    angle = np.arctan2(along[:, 1], along[:, 0])
    return ratios[keep], longest[keep], angle[keep], round_[keep]


def pairs(
    places: Values, reference: Values, radius: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the numbers of stars and reference stars that are nearest to each other.

    Parameters
    ----------
    places, reference : ndarray of float64, shape (n, 2), arcsec
        Both sets.
    radius : float, arcsec
        Largest distance.
    """
    if not len(places) or not len(reference):
        nothing = np.zeros(0, np.intp)
        return nothing, nothing
    mine, theirs = cKDTree(places), cKDTree(reference)
    distance, partner = theirs.query(places, distance_upper_bound=radius)
    back = mine.query(reference)[1]
    one = np.isfinite(distance).nonzero()[0]
    both = back[partner[one]] == one
    return one[both], partner[one[both]]
