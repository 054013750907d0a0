"""Zero points and extinction from standard stars, with errors that say what is not known.

A raw zero point, standard minus instrumental magnitude, is off by the error of its measurement,
by that of its star, which is the same in all frames, and by the transparency of its frame, which
is the same for all stars. The three are told apart by the data; what few frames cannot tell
about the transparency a prior says.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import stdtr

from awe.errors import NoValidPixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Fitted", "Standards", "fit"]

#: rounds of leaving outliers out
_ROUNDS = 6

#: scatter of frames that is looked at: from none to far above the prior, in steps of it
_SCALES = np.concatenate([[0.0], np.geomspace(0.05, 60.0, 48)])

#: part of a distribution within its error
_WITHIN = 0.682689

#: scatter of a normal distribution over the median of its absolute values
_NORMAL = 1.4826


@dataclass(frozen=True, kw_only=True)
class Standards:
    """Raw zero points of standard stars in several frames.

    Attributes
    ----------
    values, errors : ndarray of float64, shape (n,), mag
        Standard minus instrumental magnitude, and the error of its measurement.
    star, frame : ndarray of intp, shape (n,)
        Numbers of the star and of the frame, from 0.
    """

    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    star: NDArray[np.intp]
    frame: NDArray[np.intp]

    def __getitem__(self, some: NDArray[np.bool_]) -> Standards:
        return Standards(
            values=self.values[some], errors=self.errors[some], star=self.star[some],
            frame=np.unique(self.frame[some], return_inverse=True)[1],
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What the standard stars tell.

    Attributes
    ----------
    values, errors : ndarray of float64, shape (p,)
        The numbers fitted, and the half widths of the ranges that hold them in 68 % of cases.
    used : ndarray of bool, shape (n,)
        True where a raw zero point is in the fit.
    of_stars, of_frames, of_measurements : float, mag
        Scatter from star to star, from frame to frame, and beyond the errors of measurement.
    """

    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    used: NDArray[np.bool_]
    of_stars: float
    of_frames: float
    of_measurements: float


def fit(
    standards: Standards,
    *,
    clip: float,
    steadiness: float,
    design: NDArray[np.float64] | None = None,
) -> Fitted:
    """Return a zero point, or what else a design says, with errors that hold the truth in 68 %.

    Parameters
    ----------
    standards : Standards
        Raw zero points.
    clip : float, sigma
        Raw zero points further off are left out.
    steadiness : float, mag
        How much the transparency usually changes from frame to frame: the scale of a half-Cauchy
        prior, which matters where frames are few.
    design : ndarray of float64, shape (n, p), optional
        What each raw zero point is the sum of; by default one number for all, the zero point.

    Raises
    ------
    NoValidPixels
        Fewer than p + 1 raw zero points are there, or they cannot tell the numbers apart.

    References
    ----------
    Patterson & Thompson 1971, Biometrika 58, 545 (residual likelihood). Gelman 2006, Bayesian
    Analysis 1, 515 (half-Cauchy priors of scatters of few groups).

    Examples
    --------
    >>> import numpy as np
    >>> from awe.calib.sky.zeropoint import Standards, fit
    >>> night = np.random.default_rng(1)
    >>> found = fit(Standards(
    ...     values=24.6 + night.normal(0, 0.01, 60), errors=np.full(60, 0.01),
    ...     star=np.arange(60) % 20, frame=np.arange(60) // 20), clip=3.5, steadiness=0.005)
    >>> bool(abs(found.values[0] - 24.6) < 0.01)
    True
    """
    count = len(standards.values)
    design = np.ones((count, 1)) if design is None else np.asarray(design, np.float64)
    numbers = design.shape[1]
    if count < numbers + 1 or np.linalg.matrix_rank(design) < numbers:
        msg = f"{count} raw zero points cannot tell {numbers} numbers"
        raise NoValidPixels(msg)
    used = np.isfinite(standards.values)
    for _ in range(_ROUNDS):
        before = used
        used = _clipped(standards, design, used, clip)
        if (used == before).all() or used.sum() < numbers + 1:
            used = used if used.sum() > numbers else before
            break
    model = _Model.of(standards[used], design[used])
    scatter = model.scatters(steadiness)
    values, errors = model.ranges(scatter, steadiness)
    return Fitted(
        values=values, errors=errors, used=used, of_stars=float(scatter[0]),
        of_measurements=float(scatter[1]), of_frames=float(scatter[2]),
    )  # fmt: skip


def _clipped(
    one: Standards, design: NDArray[np.float64], used: NDArray[np.bool_], clip: float
) -> NDArray[np.bool_]:
    """Return which raw zero points agree with the others of their frame."""
    weight = 1.0 / np.maximum(one.errors, 1e-4)
    fitted = np.linalg.lstsq(
        design[used] * weight[used, None], one.values[used] * weight[used], rcond=None
    )[0]
    left = one.values - design @ fitted
    left = left - np.array([np.median(left[used & (one.frame == number)])
                            if (used & (one.frame == number)).sum() > 4 else 0.0
                            for number in range(one.frame.max() + 1)])[one.frame]  # fmt: skip
    left = left - np.median(left[used])
    spread = _NORMAL * float(np.median(abs(left[used])))
    kept: NDArray[np.bool_] = np.isfinite(left) & (abs(left) < clip * np.hypot(
        spread, one.errors))  # fmt: skip
    return kept


@dataclass(frozen=True, kw_only=True)
class _Model:
    """Raw zero points as sums of numbers, of stars, of frames and of noise.

    The covariance D + s^2 S S' + f^2 F F' is inverted star by star, and then for the few frames:
    nothing larger than observations times frames is ever made.
    """

    data: Standards
    design: NDArray[np.float64]
    stars: NDArray[np.intp]
    frames: NDArray[np.float64]

    @classmethod
    def of(cls, data: Standards, design: NDArray[np.float64]) -> _Model:
        stars = np.unique(data.star, return_inverse=True)[1]
        frames = (data.frame[:, None] == np.arange(data.frame.max() + 1)).astype(np.float64)
        return cls(data=data, design=design, stars=stars, frames=frames)

    def _by_star(self, weight: NDArray[np.float64], variance: float, right: NDArray[np.float64]
                 ) -> NDArray[np.float64]:  # fmt: skip
        """Return the inverse of D + s^2 S S' times some columns."""
        scaled = weight[:, None] * right
        total = np.bincount(self.stars, weight)
        sums = np.stack([np.bincount(self.stars, column) for column in scaled.T], axis=1)
        shrunk = variance * sums / (1 + variance * total)[:, None]
        result: NDArray[np.float64] = scaled - weight[:, None] * shrunk[self.stars]
        return result

    def solved(
        self, scatters: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Return the numbers, their covariance, and minus the log of the residual likelihood.

        Parameters
        ----------
        scatters : ndarray of float64, shape (3,), mag
            Scatter of stars, of measurements beyond their errors, and of frames.
        """
        of_stars, beyond, of_frames = scatters**2
        variance = self.data.errors**2 + beyond
        weight = 1.0 / np.maximum(variance, 1e-12)
        right = np.column_stack([self.data.values, self.design, self.frames])
        inverse = self._by_star(weight, of_stars, right)
        width = self.design.shape[1]
        small = np.eye(self.frames.shape[1]) + of_frames * (
            self.frames.T @ inverse[:, width + 1 :]
        )
        inner = self.frames.T @ inverse[:, : width + 1]
        inverse = inverse[:, : width + 1] - of_frames * inverse[:, width + 1 :] @ np.linalg.solve(
            small, inner
        )
        normal = self.design.T @ inverse[:, 1:]
        covariance = np.linalg.inv(normal)
        numbers = covariance @ (self.design.T @ inverse[:, 0])
        left = self.data.values - self.design @ numbers
        square = float(left @ (inverse[:, 0] - inverse[:, 1:] @ numbers))
        total = np.bincount(self.stars, weight)
        log = (
            -np.log(weight).sum() + np.log1p(of_stars * total).sum()
            + np.linalg.slogdet(small)[1] + np.linalg.slogdet(normal)[1]
        )  # fmt: skip
        return numbers, covariance, 0.5 * (float(log) + square)

    def _cost(self, logs: NDArray[np.float64], steadiness: float) -> float:
        scatters = np.exp(logs)
        # without the prior of frames their scatter runs to 0 where they are few
        prior = np.log1p((scatters[2] / steadiness) ** 2) - logs[2]
        return self.solved(scatters)[2] + float(prior)

    def scatters(self, steadiness: float) -> NDArray[np.float64]:
        """Return the likeliest scatter of stars, of measurements and of frames [mag]."""
        left = self.data.values - self.design @ np.linalg.lstsq(
            self.design, self.data.values, rcond=None
        )[0]  # fmt: skip
        spread = max(float(left.std()), 1e-4)
        begin = np.log([0.5 * spread, 0.5 * spread, steadiness])
        found = minimize(
            partial(self._cost, steadiness=steadiness), begin, method="L-BFGS-B",
            bounds=[(-10.0, 1.0), (-10.0, 1.0), (-12.0, 1.0)],
        )  # fmt: skip
        result: NDArray[np.float64] = np.exp(found.x)
        return result

    def ranges(
        self, scatters: NDArray[np.float64], steadiness: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the numbers and their errors, the scatter of frames averaged over."""
        tried = [
            self.solved(np.array([scatters[0], scatters[1], scale]))
            for scale in _SCALES * steadiness
        ]
        scales = _SCALES * steadiness
        log = np.array([-cost for *_, cost in tried]) - np.log1p((scales / steadiness) ** 2)
        weight = np.exp(log - log.max()) * np.gradient(scales)
        weight /= weight.sum()
        centres = np.array([numbers for numbers, *_ in tried])
        widths = np.sqrt([np.diagonal(covariance) for _, covariance, _ in tried])
        free = max(self.stars.max() + 1 - self.design.shape[1], 1)
        values = weight @ centres
        errors = [
            _half_width(weight, centre - value, width, free)
            for value, centre, width in zip(values, centres.T, widths.T, strict=True)
        ]
        return values, np.array(errors)


def _half_width(
    weight: NDArray[np.float64], centre: NDArray[np.float64], width: NDArray[np.float64],
    free: int,
) -> float:  # fmt: skip
    """Return half the width of the range about 0 that holds 68 % of a mixture of t."""
    low, high = 0.0, float((abs(centre) + 40 * width).max())
    for _ in range(50):
        half = 0.5 * (low + high)
        inside = weight @ (
            stdtr(free, (half - centre) / width) - stdtr(free, (-half - centre) / width)
        )
        low, high = (half, high) if inside < _WITHIN else (low, half)
    return half
