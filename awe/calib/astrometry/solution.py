"""The map from pixels to the sky: matched, fitted in rounds, and judged by stars left out.

Nothing is returned that could be chance: a match is refused with the numbers that speak against
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from awe.calib.astrometry.matching import Similarity, Stars, aligned, chance, pairs
from awe.calib.astrometry.projection import ARCSEC, TERMS, tpv_terms
from awe.errors import NoValidPixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

__all__ = ["Limits", "Plate", "Solution", "solve"]

#: logarithm of the chance below which a match is believed; a shift is looked at more closely above
_BELIEVED, _CLEAR = np.log(1e-8), np.log(1e-14)

#: radii of the rounds of matching [arcsec], times the shift's own width
_RADII = (3.0, 1.5, 1.0, 0.7, 0.5)

#: matched stars for each coefficient of a polynomial
_STARS_EACH = 3.0

#: rounds of clipping of one fit
_CLIPPINGS = 4

#: one star of this number is left out of the fit that is judged
_LEFT_OUT = 5

#: error that every place has [arcsec]
_FLOOR = 0.003

#: degrees of freedom a solution needs
_FREE = 4

#: least part of the stars that could match that do
_PART = 0.25

#: points along each axis at which a map becomes cards
_GRID = 12


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is tried, and what a solution must have.

    Attributes
    ----------
    reach : float, arcsec
        Largest shift along each axis.
    scale : float
        Largest relative error of the scale.
    degree : int
        Highest degree of the polynomials, 1 to 3.
    clip : float, sigma
        Stars further off are left out.
    fewest : int
        Fewest stars matched.
    rms : float, arcsec
        Largest rms of the residuals, of stars left out too.
    """

    reach: float
    scale: float
    degree: int
    clip: float
    fewest: int
    rms: float


@dataclass(frozen=True, kw_only=True)
class Plate:
    """Polynomials from pixels to standard coordinates.

    Attributes
    ----------
    coefficients : ndarray of float64, shape (2, terms), arcsec
        Of the powers of the scaled pixels.
    degree : int
        Their degree; 0 is a shift of the map there was.
    middle, size : ndarray of float64, shape (2,), pixel
        Where the scaled pixels are 0, and what is 1.
    start : Plate or None
        Map that a shift is added to.
    """

    coefficients: Values
    degree: int
    middle: Values
    size: Values

    def __call__(self, x: Values, y: Values) -> Values:
        """Return standard coordinates [arcsec] of zero-based pixels, shape (n, 2)."""
        found: Values = self._terms(x, y) @ self.coefficients.T
        return found

    def _terms(self, x: Values, y: Values) -> Values:
        return terms((x - self.middle[0]) / self.size[0], (y - self.middle[1]) / self.size[1],
                     self.degree)  # fmt: skip

    def cards(self, shape: tuple[int, int]) -> dict[str, float]:
        """Return CRPIX, CD and PV of the map for TPV, where the plane touches at CRVAL.

        Parameters
        ----------
        shape : tuple of int
            Rows and columns of the frame.
        """
        ny, nx = shape
        middle = np.array([(nx - 1) / 2, (ny - 1) / 2])
        step = 0.5
        cross = np.array([[0, 1, -1, 0, 0], [0, 0, 0, 1, -1]])
        at = self(*(middle[:, None] + step * cross)) / ARCSEC
        matrix = np.stack([at[1] - at[2], at[3] - at[4]], axis=-1) / (2 * step)
        pixel = middle - np.linalg.solve(matrix, at[0])
        cards = {"CRPIX1": pixel[0] + 1, "CRPIX2": pixel[1] + 1}
        cards |= {f"CD{i + 1}_{j + 1}": matrix[i, j] for i in range(2) for j in range(2)}
        x, y = (one.ravel() for one in np.meshgrid(
            np.linspace(0, nx - 1, _GRID), np.linspace(0, ny - 1, _GRID)
        ))  # fmt: skip
        linear = (np.stack([x, y], axis=-1) - pixel) @ matrix.T
        wanted = self(x, y) / ARCSEC
        # Fitted about the middle of the chip, where the terms are independent, then expanded
        # about CRPIX, which may be far away.
        for axis in range(2):
            numbers = _expanded(linear[:, axis], linear[:, 1 - axis], wanted[:, axis])
            cards |= {
                f"PV{axis + 1}_{term}": value
                for term, value in zip(TERMS, numbers, strict=True)
            }
        return {name: float(value) for name, value in cards.items()}


def _expanded(own: Values, other: Values, wanted: Values) -> Values:
    """Return the coefficients of TPV, fitted in centred and scaled coordinates."""
    centre, size = (own.mean(), other.mean()), (np.ptp(own) / 2 or 1, np.ptp(other) / 2 or 1)
    scaled = tpv_terms((own - centre[0]) / size[0], (other - centre[1]) / size[1])
    fitted = np.linalg.lstsq(scaled, wanted - own, rcond=None)[0]
    # (u - a)^i / s^i, multiplied out
    found = dict.fromkeys(TERMS.values(), 0.0)
    for (i, j), value in zip(TERMS.values(), fitted, strict=True):
        first = np.poly1d([1 / size[0], -centre[0] / size[0]]) ** i
        second = np.poly1d([1 / size[1], -centre[1] / size[1]]) ** j
        for p, a in enumerate(first.coeffs[::-1]):
            for q, b in enumerate(second.coeffs[::-1]):
                found[p, q] += value * a * b
    found[1, 0] += 1.0
    return np.array(list(found.values()))


@dataclass(frozen=True, kw_only=True)
class Solution:
    """A map from pixels to the sky that was judged, and how well it does.

    Attributes
    ----------
    plate : Plate
        The map.
    east, north : ndarray of float64, shape (n,), arcsec
        Reference minus frame, of the stars used.
    stars, reference : ndarray of intp, shape (n,)
        Numbers of the stars used.
    rms, rms_left_out : float, arcsec
        Rms distance of the stars used, and of stars left out of a fit of the others; NaN where
        too few are there to leave some out.
    chance : float
        How often so good a match is expected by chance, as a power of ten.
    turn, scale, shift : float
        By how much the map there was turns [deg], its scale, and its shift [arcsec].
    flipped : bool
        Whether the map there was has the other sense.
    free : int
        Degrees of freedom.
    part : float
        Stars used over those that could be: the fewer of frame and reference.
    """

    plate: Plate
    east: Values
    north: Values
    stars: NDArray[np.intp]
    reference: NDArray[np.intp]
    rms: float
    rms_left_out: float
    chance: float
    turn: float
    scale: float
    shift: float
    flipped: bool
    free: int
    part: float


def terms(u: Values, v: Values, degree: int) -> Values:
    """Return the powers of two coordinates up to a degree, shape (n, terms)."""
    return np.stack(
        [u**i * v**j for i in range(degree + 1) for j in range(degree + 1 - i)], axis=-1
    )


def solve(
    x: Values,
    y: Values,
    stars: Stars,
    reference: Stars,
    limits: Limits,
    shape: tuple[int, int],
) -> Solution:
    """Return the map that brings the stars of a frame onto a reference.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,), pixel
        Zero-based places of the stars, the brightest first.
    stars : Stars
        The same stars in standard coordinates by the map there was.
    reference : Stars
        Reference stars in standard coordinates at the date of the frame, the brightest first.
    limits : Limits
        What is tried, and what a solution must have.
    shape : tuple of int
        Rows and columns of the frame.

    Raises
    ------
    NoValidPixels
        No match is beyond chance, or the solution does not keep the limits; the message has the
        numbers.
    """
    if len(stars.x) < limits.fewest or len(reference.x) < limits.fewest:
        msg = (
            f"{len(stars.x)} stars and {len(reference.x)} reference stars in reach, at least "
            f"{limits.fewest} of both are needed"
        )
        raise NoValidPixels(msg)
    start = aligned(stars, reference, limits.reach, scale=limits.scale, enough=_CLEAR)
    if start.log_chance > _BELIEVED:
        power = start.log_chance / np.log(10)
        msg = (
            f"no match: the best, of {start.voters} of {len(stars.x)} stars with "
            f"{len(reference.x)} reference stars, is expected by chance 10^{power:.1f} times; the "
            f"coordinates may be off by more than {limits.reach:g} arcsec, or it is another field"
        )
        raise NoValidPixels(msg)
    return _fitted(x, y, stars, reference, limits, shape, start)


def _fitted(
    x: Values, y: Values, stars: Stars, reference: Stars, limits: Limits, shape: tuple[int, int],
    start: Similarity,
) -> Solution:  # fmt: skip
    ny, nx = shape
    middle = np.array([(nx - 1) / 2, (ny - 1) / 2])
    size = np.array([max(nx, 2) / 2, max(ny, 2) / 2])
    wanted = reference.places
    places = start(stars.places)
    base = _affine(x, y, places, middle, size)
    plate, bad = base, np.zeros(0, np.bool_)
    mine = theirs = np.zeros(0, np.intp)
    for number, radius in enumerate(_RADII):
        mine, theirs = pairs(places, wanted, radius)
        degree = min(limits.degree, _degree(len(mine)), 1 if number < 2 else 3)
        if len(mine) < limits.fewest:
            break
        weight = 1 / np.sqrt(
            stars.error[mine] ** 2 + reference.error[theirs] ** 2 + _FLOOR**2
        )
        plate, bad = _fit(
            x[mine], y[mine], wanted[theirs], weight, degree, base, limits.clip
        )
        places = plate(x, y)
    used, partner = mine[~bad] if bad.size == mine.size else mine, theirs
    partner = theirs[~bad] if bad.size == theirs.size else theirs
    left = wanted[partner] - places[used]
    rms = float(np.sqrt(np.mean((left**2).sum(axis=1)))) if len(used) else np.inf
    held = _left_out(x, y, wanted, used, partner, stars, reference, plate, base, limits)
    free = 2 * len(used) - 2 * plate.coefficients.shape[1] * (plate.degree > 0) - 2 * (
        plate.degree == 0
    )
    radius = max(3 * rms / np.sqrt(2), 0.3)
    near = len(pairs(places, wanted, radius)[0])
    inside = (np.abs((x - middle[0]) / size[0]) <= 1).sum()
    density = len(wanted) / _area(wanted)
    told = chance(near, max(int(inside), near), density * np.pi * radius**2, 1.0)
    low, high = np.nanmin(places, axis=0), np.nanmax(places, axis=0)
    there = int(((wanted >= low) & (wanted <= high)).all(axis=1).sum())
    matrix = _change(base, plate)
    solution = Solution(
        plate=plate, east=left[:, 0], north=left[:, 1], stars=used, reference=partner, rms=rms,
        rms_left_out=held, chance=told / np.log(10),
        turn=float(np.degrees(np.arctan2(start.matrix[1, 0], start.matrix[1, 1])))
        if np.linalg.det(start.matrix) < 0
        else float(np.degrees(np.arctan2(start.matrix[1, 0], start.matrix[0, 0]))),
        scale=float(np.sqrt(abs(np.linalg.det(start.matrix @ matrix)))),
        shift=float(np.hypot(*np.median(places - stars.places, axis=0))),
        flipped=bool(np.linalg.det(start.matrix) < 0), free=free,
        part=len(used) / max(min(int(inside), there), 1),
    )  # fmt: skip
    _judge(solution, limits, len(stars.x), len(reference.x))
    return solution


def _judge(found: Solution, limits: Limits, stars: int, reference: int) -> None:
    """Refuse a solution that does not keep the limits."""
    told = (
        f"{found.stars.size} of {stars} stars match, {reference} reference stars, rms "
        f"{found.rms:.3f} arcsec, of stars left out {found.rms_left_out:.3f}, expected by chance "
        f"10^{found.chance:.0f} times"
    )
    reasons = []
    if found.stars.size < limits.fewest:
        reasons.append(f"fewer than {limits.fewest} stars")
    if found.free < _FREE:
        reasons.append(f"{found.free} degrees of freedom")
    if found.chance > _BELIEVED / np.log(10):
        reasons.append("it may be chance")
    if found.part < _PART:
        reasons.append(f"only {100 * found.part:.0f} % of the stars that could match do")
    if not found.rms <= limits.rms:
        reasons.append(f"rms above {limits.rms:g} arcsec")
    if found.rms_left_out > limits.rms:
        reasons.append(f"rms of the stars left out above {limits.rms:g} arcsec")
    if abs(np.log(found.scale)) > np.log1p(limits.scale) + 0.01:
        reasons.append(f"scale {found.scale:.4f} times that of the header")
    if reasons:
        msg = f"refused: {', '.join(reasons)} ({told})"
        raise NoValidPixels(msg)


def _area(places: Values) -> float:
    """Return the area that places are spread over [arcsec2]."""
    low, high = np.quantile(places, [0.02, 0.98], axis=0)
    return float(max(np.prod((high - low) / 0.96), 1.0))


def _degree(stars: int) -> int:
    """Return the highest degree that a number of stars can tell; 0 is a shift."""
    for degree in (3, 2, 1):
        if stars >= _STARS_EACH * (degree + 1) * (degree + 2) / 2:
            return degree
    return 0


def _affine(x: Values, y: Values, places: Values, middle: Values, size: Values) -> Plate:
    """Return the linear map that comes nearest to one there was."""
    some = np.isfinite(places).all(axis=1)
    powers = terms((x[some] - middle[0]) / size[0], (y[some] - middle[1]) / size[1], 1)
    fitted = np.linalg.lstsq(powers, places[some], rcond=None)[0]
    numbers = np.asarray(fitted.T, np.float64)
    return Plate(coefficients=numbers, degree=1, middle=middle, size=size)


def _fit(
    x: Values, y: Values, wanted: Values, weight: Values, degree: int, base: Plate, clip: float
) -> tuple[Plate, NDArray[np.bool_]]:
    """Return the polynomials of a degree through places, and which stars were left out."""
    powers = terms((x - base.middle[0]) / base.size[0], (y - base.middle[1]) / base.size[1],
                   max(degree, 1))  # fmt: skip
    bad = np.zeros(len(x), np.bool_)
    numbers = base.coefficients.T
    for _ in range(_CLIPPINGS):
        good = ~bad
        if degree == 0:
            # a shift of the map there was
            numbers = base.coefficients.T.copy()
            numbers[0] += np.average(
                (wanted - powers @ base.coefficients.T)[good], axis=0, weights=weight[good] ** 2
            )
        else:
            scaled = powers[good] * weight[good, None]
            fitted = np.linalg.lstsq(scaled, wanted[good] * weight[good, None], rcond=None)[0]
            numbers = np.asarray(fitted, np.float64)
        off = np.hypot(*(wanted - powers @ numbers).T)
        # the median of a distance in two dimensions is 1.177 sigma
        limit = clip * max(float(np.median(off[good])) / 1.177, _FLOOR)
        again = off > limit
        if (again == bad).all() or (~again).sum() < powers.shape[1] + 1:
            break
        bad = again
    plate = Plate(
        coefficients=numbers.T, degree=max(degree, 1), middle=base.middle, size=base.size
    )
    return plate, bad


def _left_out(
    x: Values, y: Values, wanted: Values, used: NDArray[np.intp], partner: NDArray[np.intp],
    stars: Stars, reference: Stars, plate: Plate, base: Plate, limits: Limits,
) -> float:  # fmt: skip
    """Return the rms of stars that a fit of the others did not see [arcsec]."""
    degree = min(limits.degree, _degree(len(used) * (_LEFT_OUT - 1) // _LEFT_OUT))
    number = np.arange(len(used))
    if len(used) < 2 * _LEFT_OUT or degree < 1:
        return float("nan")
    left = []
    for part in range(_LEFT_OUT):
        out = number % _LEFT_OUT == part
        mine, theirs = used[~out], partner[~out]
        weight = 1 / np.sqrt(stars.error[mine] ** 2 + reference.error[theirs] ** 2 + _FLOOR**2)
        fitted, _ = _fit(x[mine], y[mine], wanted[theirs], weight, degree, base, limits.clip)
        left.append(wanted[partner[out]] - fitted(x[used[out]], y[used[out]]))
    return float(np.sqrt(np.mean((np.concatenate(left) ** 2).sum(axis=1))))


def _change(base: Plate, plate: Plate) -> Values:
    """Return the linear part of the change from one map to another, shape (2, 2)."""
    def linear(one: Plate) -> Values:
        step = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        at = one(one.middle[0] + step[0], one.middle[1] + step[1])
        return np.stack([at[1] - at[0], at[2] - at[0]], axis=-1)

    return linear(plate) @ np.linalg.inv(linear(base))
