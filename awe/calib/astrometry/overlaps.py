"""The common solution of frames that overlap: star positions are eliminated, maps are solved for.

A star seen in several frames is at one place, which nobody knows: it is taken out of the system
star by star, what is left are the coefficients of the maps. Reference stars tie them to the sky.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from awe.calib.astrometry.matching import Stars, pairs
from awe.calib.astrometry.solution import Plate, terms
from awe.errors import NoValidPixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Numbers = NDArray[np.intp]

__all__ = ["Common", "Detections", "solve_together"]

#: highest degree of the maps, and the number of their terms
_DEGREE, _TERMS = 3, 10

#: radii within which detections are one star, round by round [arcsec]
_RADII = (1.5, 0.8, 0.5, 0.4)

#: stars for each coefficient that is fitted
_STARS_EACH = 3.0

#: error that every place has [arcsec]
_FLOOR = 0.003

#: one reference star of this number is left out of a solution that is judged
_LEFT_OUT = 5

#: median of a distance in two dimensions, in standard deviations
_MEDIAN = 1.1774

#: condition beyond which a system cannot be solved
_CONDITION = 1e13


@dataclass(frozen=True, kw_only=True)
class Detections:
    """The stars of a frame, and the map from its pixels to the common plane as far as it is known.

    Attributes
    ----------
    x, y : ndarray of float64, shape (n,), pixel
        Zero-based places.
    error : ndarray of float64, shape (n,), arcsec
        Standard error along each axis.
    plate : Plate
        The map there is.
    """

    x: Values
    y: Values
    error: Values
    plate: Plate


@dataclass(frozen=True, kw_only=True)
class Common:
    """Maps of frames that were solved together, and how well they do.

    Attributes
    ----------
    plates : list of Plate
        The map of each frame.
    frame, star : ndarray of intp, shape (n,)
        Frame, and number in it, of every detection that was used.
    group : ndarray of intp, shape (n,)
        Number of the star on the sky it is.
    overlap : ndarray of float64, shape (n, 2), arcsec
        Mean place of the star minus that in the frame; NaN where no other frame has it.
    reference : ndarray of intp, shape (n,)
        Reference star it is, or -1.
    off : ndarray of float64, shape (n, 2), arcsec
        Reference minus frame; NaN without a reference.
    rms_left_out : float, arcsec
        Rms distance of reference stars that the solution did not see; NaN where too few are there.
    free : int
        Numbers measured beyond those fitted.
    condition : float
        Condition of the system that was solved.
    """

    plates: list[Plate]
    frame: Numbers
    star: Numbers
    group: Numbers
    overlap: Values
    reference: Numbers
    off: Values
    rms_left_out: float
    free: int
    condition: float


@dataclass(frozen=True, kw_only=True)
class _Sky:
    """Which detections are one star, and which reference star that is."""

    group: Numbers
    reference: Numbers
    groups: int


def solve_together(
    frames: Sequence[Detections], reference: Stars, *, degree: int, clip: float
) -> Common:
    """Return the maps under which stars of all frames agree with each other and the reference.

    Parameters
    ----------
    frames : sequence of Detections
        Stars of the frames, their maps right within an arcsecond.
    reference : Stars
        Reference stars in the common plane [arcsec].
    degree : int
        Highest degree of the corrections, 1 to 3; lower in frames where stars are few.
    clip : float, sigma
        Detections further off are left out.

    Raises
    ------
    NoValidPixels
        The frames cannot be tied to the reference.

    References
    ----------
    Eichhorn 1960, Astron. Nachr. 285, 233 (overlapping plates).
    """
    kept = _solved(frames, reference, degree, clip, np.ones(len(reference.x), np.bool_))
    some = np.unique(kept.reference[kept.reference >= 0])
    rms = float("nan")
    if some.size >= 2 * _LEFT_OUT:
        held = np.zeros(len(reference.x), np.bool_)
        held[some[::_LEFT_OUT]] = True
        without = _solved(frames, reference, degree, clip, ~held)
        rms = _of_held(frames, without.plates, kept, reference, held)
    return replace(kept, rms_left_out=rms)


def _of_held(
    frames: Sequence[Detections], plates: list[Plate], kept: Common, reference: Stars,
    held: NDArray[np.bool_],
) -> float:  # fmt: skip
    """Return the rms distance of reference stars from maps that did not see them."""
    mine = (kept.reference >= 0) & held[kept.reference]
    places = _places(frames, plates)
    start = np.cumsum([0, *(len(one.x) for one in frames)])
    at = places[start[kept.frame[mine]] + kept.star[mine]]
    off = reference.places[kept.reference[mine]] - at
    return float(np.sqrt(np.mean((off**2).sum(axis=1))))


def _solved(
    frames: Sequence[Detections], reference: Stars, degree: int, clip: float,
    usable: NDArray[np.bool_],
) -> Common:  # fmt: skip
    frame = np.repeat(np.arange(len(frames)), [len(one.x) for one in frames])
    star = np.concatenate([np.arange(len(one.x)) for one in frames])
    error = np.hypot(np.concatenate([one.error for one in frames]), _FLOOR)
    plates = [_cubic(one.plate) for one in frames]
    basis = np.concatenate([
        plate._terms(one.x, one.y) for one, plate in zip(frames, plates, strict=True)
    ])  # fmt: skip
    good = np.ones(len(frame), np.bool_)
    for radius in _RADII:
        places = _places(frames, plates)
        sky = _one_sky(places, frame, good, reference, usable, radius)
        system = _System(
            frame=frame, basis=basis, places=places, weight=error**-2.0, sky=sky,
            reference=reference, frames=len(frames), degree=degree,
        )  # fmt: skip
        change, condition, free = system.solved()
        plates = [
            replace(plate, coefficients=plate.coefficients + one)
            for plate, one in zip(plates, change, strict=True)
        ]
        places = _places(frames, plates)
        overlap, off = system.residuals(places)
        good = _agree(overlap, off, error, clip)
    used = good & (sky.group >= 0)
    many = np.bincount(sky.group[used], minlength=sky.groups)
    overlap = np.where((many[np.maximum(sky.group, 0)] > 1)[:, None], overlap, np.nan)
    return Common(
        plates=plates, frame=frame[used], star=star[used], group=sky.group[used],
        overlap=overlap[used], reference=sky.reference[used], off=off[used],
        rms_left_out=float("nan"), free=free, condition=condition,
    )  # fmt: skip


def _cubic(plate: Plate) -> Plate:
    """Return the same map with all terms of the third degree."""
    u, v = (one.ravel() for one in np.meshgrid(np.linspace(-1, 1, 6), np.linspace(-1, 1, 6)))
    values = terms(u, v, plate.degree) @ plate.coefficients.T
    fitted = np.linalg.lstsq(terms(u, v, _DEGREE), values, rcond=None)[0]
    return replace(plate, coefficients=np.asarray(fitted.T, np.float64), degree=_DEGREE)


def _places(frames: Sequence[Detections], plates: Sequence[Plate]) -> Values:
    return np.concatenate([
        plate(one.x, one.y) for one, plate in zip(frames, plates, strict=True)
    ])  # fmt: skip


def _one_sky(
    places: Values, frame: Numbers, good: NDArray[np.bool_], reference: Stars,
    usable: NDArray[np.bool_], radius: float,
) -> _Sky:  # fmt: skip
    """Return which detections are one star: those near each other, one of each frame."""
    some = good.nonzero()[0]
    near = cKDTree(places[some]).query_pairs(radius, output_type="ndarray")
    graph = coo_matrix((np.ones(len(near)), near.T), shape=(some.size, some.size))
    groups, label = connected_components(graph, directed=False)
    twice = np.zeros(groups, np.bool_)
    order = np.lexsort((frame[some], label))
    same = (np.diff(label[order]) == 0) & (np.diff(frame[some][order]) == 0)
    twice[label[order][1:][same]] = True
    group = np.full(len(places), -1)
    group[some] = np.where(twice[label], -1, label)
    known = group[some] >= 0
    number = np.bincount(label, minlength=groups)
    middle = np.stack([
        np.bincount(label, column, minlength=groups) for column in places[some].T
    ], axis=-1) / np.maximum(number, 1)[:, None]  # fmt: skip
    theirs = usable.nonzero()[0]
    mine, partner = pairs(middle, reference.places[theirs], radius)
    of_group = np.full(groups, -1)
    of_group[mine] = theirs[partner]
    of_each = np.full(len(places), -1)
    of_each[some[known]] = of_group[label[known]]
    return _Sky(group=group, reference=of_each, groups=groups)


def _agree(overlap: Values, off: Values, error: Values, clip: float) -> NDArray[np.bool_]:
    """Return which detections are within a multiple of the scatter of their mean and reference."""
    good = np.ones(len(error), np.bool_)
    for left in (overlap, off):
        distance = np.hypot(*left.T) / error
        there = np.isfinite(distance) & (distance > 0)
        if there.any():
            scatter = max(float(np.median(distance[there])) / _MEDIAN, 1.0)
            good &= ~(distance > clip * scatter * 1.5)
    return good


@dataclass(frozen=True, kw_only=True)
class _System:
    """The normal equations of the changes of all maps, without the places of the stars."""

    frame: Numbers
    basis: Values
    places: Values
    weight: Values
    sky: _Sky
    reference: Stars
    frames: int
    degree: int

    def _sums(self) -> tuple[NDArray[np.bool_], Numbers, Values, Values]:
        """Return which detections matter, their groups, weight and pull of each group."""
        one = self.sky
        tied = np.full(one.groups, -1)
        tied[one.group[one.reference >= 0]] = one.reference[one.reference >= 0]
        many = np.bincount(one.group[one.group >= 0], minlength=one.groups)
        use = (one.group >= 0) & ((many > 1) | (tied >= 0))[np.maximum(one.group, 0)]
        pull = np.where(tied >= 0, np.hypot(self.reference.error[tied], _FLOOR) ** -2.0, 0.0)
        own = np.bincount(one.group[use], self.weight[use], minlength=one.groups)
        return use, tied, pull, pull + own.astype(np.float64)

    def _allowed(self, use: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which coefficients the stars of their frame can tell, shape (frames, terms)."""
        stars = np.bincount(self.frame[use], minlength=self.frames)
        order = np.array([i + j for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)])
        needed = _STARS_EACH * (order + 1) * (order + 2) / 2 * (order > 0) + (order == 0)
        allowed: NDArray[np.bool_] = (order <= self.degree) & (stars[:, None] >= needed)
        return allowed

    def solved(self) -> tuple[Values, float, int]:
        """Return the change of the coefficients, the condition and the degrees of freedom."""
        use, tied, pull, total = self._sums()
        if not (tied >= 0).any():
            msg = "no star of any frame is a reference star: the frames are tied to nothing"
            raise NoValidPixels(msg)
        # B has w a of each detection, in the row of its star and the columns of its frame
        row = np.repeat(self.sky.group[use], _TERMS)
        column = (_TERMS * self.frame[use][:, None] + np.arange(_TERMS)).ravel()
        weighted = self.weight[use, None] * self.basis[use]
        size = self.frames * _TERMS
        b = csr_matrix((weighted.ravel(), (row, column)), shape=(self.sky.groups, size))
        inverse = np.where(total > 0, 1 / np.maximum(total, 1e-30), 0.0)
        normal = -(b.T @ b.multiply(inverse[:, None]).tocsr()).toarray()
        mean = self._means(use, tied, pull, inverse)
        wanted = np.zeros((size, 2))
        for number in range(self.frames):
            mine = use & (self.frame == number)
            place = slice(_TERMS * number, _TERMS * (number + 1))
            scaled = self.weight[mine, None] * self.basis[mine]
            normal[place, place] += self.basis[mine].T @ scaled
            wanted[place] = scaled.T @ (mean[self.sky.group[mine]] - self.places[mine])
        allowed = self._allowed(use).ravel()
        change = np.zeros((size, 2))
        change[allowed], condition = _cholesky(normal[np.ix_(allowed, allowed)], wanted[allowed])
        stars = int(((total > 0)).sum())
        free = 2 * (int(use.sum()) + int((tied >= 0).sum()) - stars - int(allowed.sum()))
        return change.reshape(self.frames, _TERMS, 2).swapaxes(1, 2), condition, free

    def _means(
        self, use: NDArray[np.bool_], tied: Numbers, pull: Values, inverse: Values,
        places: Values | None = None,
    ) -> Values:  # fmt: skip
        """Return the mean place of each star in all frames and the reference."""
        at = self.places if places is None else places
        sums = np.stack([
            np.bincount(self.sky.group[use], self.weight[use] * one[use],
                        minlength=self.sky.groups)
            for one in at.T
        ], axis=-1)  # fmt: skip
        known = np.where((tied >= 0)[:, None], self.reference.places[tied], 0.0)
        means: Values = (sums + pull[:, None] * known) * inverse[:, None]
        return means

    def residuals(self, places: Values) -> tuple[Values, Values]:
        """Return mean minus place, and reference minus place, of each detection [arcsec]."""
        use, tied, pull, total = self._sums()
        alone = total - pull
        inverse = np.where(alone > 0, 1 / np.maximum(alone, 1e-30), 0.0)
        nothing = np.zeros_like(pull)
        mean = self._means(use, np.full_like(tied, -1), nothing, inverse, places)
        group = self.sky.group
        overlap = np.where(use[:, None], mean[np.maximum(group, 0)] - places, np.nan)
        known = self.sky.reference
        off = np.where((known >= 0)[:, None], self.reference.places[known] - places, np.nan)
        return overlap, off


def _cholesky(normal: Values, wanted: Values) -> tuple[Values, float]:
    """Return the solution of a positive system, its columns scaled, and its condition."""
    scale = 1 / np.sqrt(np.maximum(np.diagonal(normal), 1e-30))
    scaled = normal * scale[:, None] * scale
    norm = float(abs(scaled).sum(axis=0).max())
    factor, failed = lapack.dpotrf(scaled, lower=1)
    reciprocal = lapack.dpocon(factor, norm, uplo="L")[0] if not failed else 0.0
    if failed or reciprocal * _CONDITION < 1:
        msg = (
            "the stars cannot tell the maps of all frames: some have neither reference stars nor "
            "overlaps with frames that do"
        )
        raise NoValidPixels(msg)
    found = lapack.dpotrs(factor, wanted * scale[:, None], lower=1)[0]
    return found * scale[:, None], float(1 / reciprocal)
