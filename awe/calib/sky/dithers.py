"""What stars seen at several places of a chip say about its illumination.

The magnitude of a star differs between two dithered frames by the difference of the surface at
the two places, and by one number per frame (clouds). The true magnitudes of the stars are not
needed: they drop out. A tilt of the surface looks like a number per frame; it is known only as
well as the transparency was steady, which the caller has to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from awe.calib import statistics
from awe.calib.sky.illumination import Illumination, scaled
from awe.errors import NoValidPixels

__all__ = ["fit", "match", "residual_map"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Numbers = NDArray[np.intp]

_ROUNDS = 10


def match(positions: Sequence[tuple[Values, Values]], radius: float) -> list[Numbers]:
    """Return for every frame the number of the star behind each of its detections.

    Parameters
    ----------
    positions : sequence of (ndarray, ndarray)
        Tangential coordinates of the detections of each frame, in the unit of `radius`.
    radius : float
        Detections of two frames nearer than this are the same star. Frames may be off by twice as
        much as a whole.

    Returns
    -------
    list of ndarray of int
        One array per frame.
    """
    from scipy.spatial import cKDTree

    known = np.empty((0, 2))
    numbers: list[Numbers] = []
    for x, y in positions:
        places = np.stack([np.asarray(x, np.float64), np.asarray(y, np.float64)], axis=1)
        found = np.full(len(places), -1, np.intp)
        if len(known) and len(places):
            tree = cKDTree(known)
            # the pointing error of the frame, up to 2 radius, goes before stars are told apart
            places = places + _common_shift(tree, known, places, 2 * radius)
            distance, nearest = tree.query(places, distance_upper_bound=radius)
            near = np.isfinite(distance)
            found[near] = nearest[near]
            _drop_doubles(found)
        # what has no partner is a new star, known to later frames by its shifted place
        new = found < 0
        found[new] = len(known) + np.arange(int(new.sum()))
        known = np.concatenate([known, places[new]])
        numbers.append(found)
    return numbers


def fit(
    star: Numbers,
    frame: Numbers,
    x: Values,
    y: Values,
    magnitude: Values,
    error: Values,
    *,
    shape: tuple[int, int],
    degree: int,
    sigma: float,
    steadiness: float,
) -> tuple[Illumination, Values]:
    """Return the surface that makes every star equally bright wherever it is seen.

    Parameters
    ----------
    star, frame : ndarray of int, shape (n,)
        Which star and which frame each measurement is of.
    x, y : ndarray of float64, shape (n,), pixel
        Zero-based positions on the trimmed chip.
    magnitude, error : ndarray of float64, shape (n,), mag
        Measured, and its standard error; the brightest stars do not outweigh all others.
    shape : (int, int)
        (ny, nx) of the chip.
    degree : int
        Largest total power of x and y.
    sigma : float
        Rejection factor.
    steadiness : float, mag
        Scatter of the transparency from frame to frame.

    Returns
    -------
    illumination : Illumination
        `stars` is the number of stars seen at two places or more.
    residual : ndarray of float64, shape (n,), mag
        Measured minus fitted; NaN where a measurement was left out.

    Raises
    ------
    NoValidPixels
        Too few stars are seen twice.
    """
    # m = M_star + P(u, v) + z_frame, P = sum of c_ji v**j u**i for 1 <= j + i <= degree;
    # P has no constant term: M_star and z_frame hold it
    powers = [(j, i) for j in range(degree + 1) for i in range(degree + 1 - j)][1:]
    u, v = scaled(x, y, shape)
    frames = np.unique(frame)
    columns = [v**j * u**i for j, i in powers] + [frame == one for one in frames]
    design: Values = np.stack(columns, axis=1).astype(np.float64)
    # w = 1 / (e**2 + median(e)**2) [1/mag**2]: no measurement has more than 1 / median(e)**2
    weight: Values = 1.0 / (error**2 + np.median(error) ** 2)
    kept = np.isfinite(magnitude) & np.isfinite(weight)
    residual: Values = np.full(x.size, np.nan)
    scatter = 0.0
    solution: Values = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        # a star seen once says nothing of P: its own M_star fits it exactly
        kept &= _seen_twice(star, kept)
        # unknowns: the terms of P, and one z per frame less the one that M_star takes over
        _require(star[kept], len(powers) + len(frames) - 1, degree, len(frames))
        # less the weighted mean of each star on both sides: M_star drops out, P and z stay
        rows = _without_star(design[kept], star[kept], weight[kept])
        values = _without_star(magnitude[kept, None], star[kept], weight[kept])[:, 0]
        solution = _solved(rows, values, weight[kept], len(frames), steadiness)
        rest = values - rows @ solution
        # rest = m - P - z, less its weighted mean per star [mag]; what is out stays out
        scatter = statistics.clipped(rest, sigma=sigma, iterations=5).stdev
        residual[:] = np.nan
        residual[kept] = rest
        far = np.abs(rest) > sigma * max(scatter, 1e-9)
        if not far.any():
            break
        kept[np.flatnonzero(kept)[far]] = False
    # c_00 stays 0: the image made of the surface is brought to mean 1 anyway
    coefficients = np.zeros((degree + 1, degree + 1))
    for (j, i), value in zip(powers, solution[: len(powers)], strict=True):
        coefficients[j, i] = value
    stars = int(np.unique(star[kept]).size)
    surface = Illumination(
        coefficients=coefficients, shape=shape, rms=float(scatter), stars=stars
    )
    return surface, residual


def residual_map(
    x: Values, y: Values, residual: Values, *, shape: tuple[int, int], cells: tuple[int, int]
) -> NDArray[np.float32]:
    """Return the mean residual [mag] in the cells of a grid (rows, columns); NaN without stars.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Zero-based positions of the stars [pixel].
    residual : ndarray of float64, shape (n,)
        Residual of each star [mag].
    shape : tuple of int
        Shape (ny, nx) of the chip.
    cells : tuple of int
        Numbers of rows and columns of the grid.
    """
    good = np.isfinite(residual)
    row = np.clip((y[good] * cells[0] / shape[0]).astype(np.intp), 0, cells[0] - 1)
    column = np.clip((x[good] * cells[1] / shape[1]).astype(np.intp), 0, cells[1] - 1)
    cell = row * cells[1] + column
    total = np.bincount(cell, residual[good], minlength=cells[0] * cells[1])
    number = np.bincount(cell, minlength=cells[0] * cells[1])
    mean = np.full(total.size, np.nan)
    np.divide(total, number, out=mean, where=number > 0)
    return mean.reshape(cells).astype(np.float32)


def _solved(
    rows: Values, values: Values, weight: Values, frames: int, steadiness: float
) -> Values:
    """Return the least squares solution, the last unknowns near zero as the steadiness says."""
    # least sum of w (m - A p)**2 + sum of (z / steadiness)**2: z has a Gaussian prior about 0,
    # which also fixes the common z that no difference between frames can tell
    root = np.sqrt(weight)
    prior = np.zeros((frames, rows.shape[1]))
    prior[:, -frames:] = np.eye(frames) / max(steadiness, 1e-6)
    design = np.concatenate([rows * root[:, None], prior])
    wanted = np.concatenate([values * root, np.zeros(frames)])
    solution: Values = np.linalg.lstsq(design, wanted, rcond=None)[0]
    return solution


def _common_shift(tree: object, known: Values, places: Values, reach: float) -> Values:
    """Return the shift of a whole frame against the stars known."""
    from scipy.spatial import cKDTree

    assert isinstance(tree, cKDTree)
    # median of the differences to the nearest star: a minority of wrong pairs moves it little
    distance, nearest = tree.query(places, distance_upper_bound=reach)
    near = np.isfinite(distance)
    if near.sum() < 3:
        return np.zeros(2)
    shift: Values = np.median(known[nearest[near]] - places[near], axis=0)
    return shift


def _drop_doubles(found: Numbers) -> None:
    """Give stars that two detections of one frame claim to neither."""
    values, counts = np.unique(found[found >= 0], return_counts=True)
    found[np.isin(found, values[counts > 1])] = -1


def _seen_twice(star: Numbers, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    number = np.bincount(star[kept], minlength=int(star.max(initial=0)) + 1)
    twice: NDArray[np.bool_] = number[star] >= 2
    return twice


def _without_star(rows: Values, star: Numbers, weight: Values) -> Values:
    """Return rows minus the weighted mean of the rows of the same star."""
    # x_k - sum(w x) / sum(w), both sums over the measurements of the same star
    sums = np.bincount(star, weight)
    result = rows.copy()
    for column in range(rows.shape[1]):
        total = np.bincount(star, weight * rows[:, column])
        result[:, column] -= total[star] / sums[star]
    return result


def _require(star: Numbers, unknowns: int, degree: int, frames: int) -> None:
    # each star uses up one measurement for its M_star: n - stars differences are left
    measured = star.size - np.unique(star).size
    if frames < 2 or measured < 2 * unknowns:
        msg = (
            f"{np.unique(star).size} stars are seen at two places or more in {frames} frames, too "
            f"few for a surface of degree {degree} ({2 * unknowns} repeats are wanted, found "
            f"{measured}); add dithered exposures or lower DEGREE"
        )
        raise NoValidPixels(msg)
