"""A straight or gently bent line over bins, and what is seen on a walk along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from awe.calib.tracks import lit_kernels

__all__ = ["Arc", "Sight", "Trace", "chord_of", "traced"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grid = NDArray[np.float32]
    Values = NDArray[np.float64]

#: what a dark step costs, a lit one gives 1: a run goes on while more than a third of it is lit
_GAP_COST = 0.5

#: bins looked at to each side of an arc
_REACH = 2

#: least length of a chord [bin]
_SHORTEST = 8

#: least deviation [bin] of the middle from the chord that counts as bent
_BENT = 1.0

#: how often a bent arc is made longer, and by how much its run must grow for that
_LONGER = 3
_GROWN = 1.05

#: least number of lit steps an arc is fitted through
_FEWEST = 10

#: how often it is fitted without the steps that were far from it
_ROUNDS = 4


@dataclass(frozen=True, kw_only=True)
class Arc:
    """A line that starts at (x0, y0) along (ux, uy) and leaves it by 4 bend s (1 - s).

    Attributes
    ----------
    x0, y0 : float
        Where it begins.
    ux, uy : float
        Unit vector towards its end.
    length, bend : float
        Of the chord, and how far the middle is from it, along (-uy, ux).
    """

    x0: float
    y0: float
    ux: float
    uy: float
    length: float
    bend: float = 0.0

    @classmethod
    def between(cls, x0: float, y0: float, x1: float, y1: float) -> Arc:
        """Return the straight line between two places.

        Parameters
        ----------
        x0, y0, x1, y1 : float
            Both places, not the same.
        """
        length = float(np.hypot(x1 - x0, y1 - y0))
        return cls(x0=x0, y0=y0, ux=(x1 - x0) / length, uy=(y1 - y0) / length, length=length)

    def at(self, along: Values | float, across: Values | float = 0.0) -> tuple[Values, Values]:
        """Return x and y of places along and across.

        Parameters
        ----------
        along, across : ndarray of float64 or float
            Distance from the beginning, and from the arc.
        """
        off = np.asarray(across) + self.leaves(along)
        along = np.asarray(along, np.float64)
        return (
            self.x0 + along * self.ux - off * self.uy, self.y0 + along * self.uy + off * self.ux
        )

    def bins(
        self, along: Values, across: Values | float
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return columns and rows of the bins at places along and across, as a walk takes them.

        Parameters
        ----------
        along : ndarray of float64
            Distance from the beginning.
        across : ndarray of float64 or float
            Distance from the arc.
        """
        x, y = self.at(along, across)
        return np.floor(x + 0.5).astype(np.intp), np.floor(y + 0.5).astype(np.intp)

    def leaves(self, along: Values | float) -> Values:
        """Return how far the arc is from its chord.

        Parameters
        ----------
        along : ndarray of float64 or float
            Distance from the beginning.
        """
        s = np.asarray(along, np.float64) / self.length
        result: Values = 4 * self.bend * s * (1 - s)
        return result

    def part(self, first: float, last: float) -> Arc:
        """Return the piece between two distances from the beginning as an arc of its own.

        Parameters
        ----------
        first, last : float
            Both distances.
        """
        (xa, ya), (xb, yb), (xm, ym) = (self.at(s) for s in (first, last, (first + last) / 2))
        new = Arc.between(float(xa), float(ya), float(xb), float(yb))
        bend = (float(ym) - new.y0) * new.ux - (float(xm) - new.x0) * new.uy
        # a straight arc stays exactly straight
        bend = bend if self.bend else 0.0
        return Arc(x0=new.x0, y0=new.y0, ux=new.ux, uy=new.uy, length=new.length, bend=bend)

    def rescaled(self, size: float, other: float) -> Arc:
        """Return an arc over bins of one size as one over bins of another; a pixel is a bin of 1.

        Parameters
        ----------
        size, other : float, pixel
            Of the bins it is over, and of the others.
        """
        # bin b of size s has its centre at pixel s b + (s - 1) / 2
        x0, y0 = ((size * place + (size - other) / 2) / other for place in (self.x0, self.y0))
        part = size / other
        return Arc(x0=x0, y0=y0, ux=self.ux, uy=self.uy, length=part * self.length,
                   bend=part * self.bend)

    def moved(self, across: float) -> Arc:
        """Return the same arc moved sideways.

        Parameters
        ----------
        across : float
            By how much, along (-uy, ux).
        """
        return Arc(x0=self.x0 - across * self.uy, y0=self.y0 + across * self.ux, ux=self.ux,
                   uy=self.uy, length=self.length, bend=self.bend)


@dataclass(frozen=True, kw_only=True)
class Sight:
    """The bins a search looks at.

    Attributes
    ----------
    z, light : ndarray of float32
        Light in the local noise of a bin, and in that of the frame.
    state : ndarray of uint8
        Dark, lit or unknown.
    full : ndarray of bool
        Bins with a saturated pixel.
    size : int, pixel
        Of a bin.
    minimum : float, pixel
        Least length of a track.
    """

    z: Grid
    light: Grid
    state: NDArray[np.uint8]
    full: NDArray[np.bool_]
    size: int
    minimum: float


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A walk along an arc, and the best run of lit steps on it.

    Attributes
    ----------
    arc : Arc
        The arc [bin].
    on : ndarray of int8
        State of every step.
    glow, place : ndarray of float64
        Light of its brightest bin, and where that is, across.
    first, last : int
        The run.
    """

    arc: Arc
    on: NDArray[np.int8]
    glow: Values
    place: Values
    first: int
    last: int

    @classmethod
    def along(cls, sight: Sight, arc: Arc, reach: int = _REACH) -> Trace:
        """Return the walk along an arc.

        Parameters
        ----------
        sight : Sight
            Bins to walk over.
        arc : Arc
            Where.
        reach : int
            Bins looked at to each side.
        """
        steps = int(arc.length) + 1
        on, glow, place = np.empty(steps, np.int8), np.empty(steps), np.empty(steps)
        lit_kernels.walk(
            sight.z, sight.light, sight.state, arc.x0, arc.y0, arc.ux, arc.uy, arc.bend,
            arc.length, reach, on, glow, place,
        )
        first, last = lit_kernels.span(on, _GAP_COST)
        return cls(arc=arc, on=on, glow=glow, place=place, first=int(first), last=int(last))

    @property
    def steps(self) -> NDArray[np.int8]:
        """The states of the run."""
        return self.on[self.first : self.last + 1]

    @property
    def lit(self) -> NDArray[np.intp]:
        """The lit steps of the run, by their numbers."""
        return self.first + np.flatnonzero(self.steps == lit_kernels.LIT)

    @property
    def length(self) -> int:
        """Of the run [bin]."""
        return self.last - self.first


def chord_of(
    x: float, y: float, ux: float, uy: float, shape: tuple[int, int]
) -> tuple[float, float] | None:
    """Return where a line enters and leaves a grid, as distances from a place on it, or None.

    Parameters
    ----------
    x, y, ux, uy : float
        The place and the direction.
    shape : tuple of int
        Shape (ny, nx) of the grid.
    """
    begin, end = -1e9, 1e9
    for place, step, size in ((x, ux, shape[1]), (y, uy, shape[0])):
        if abs(step) > 1e-9:
            near, far = sorted(((0 - place) / step, (size - 1 - place) / step))
            begin, end = max(begin, near), min(end, far)
        elif not 0 <= place <= size - 1:
            return None
    return (begin, end) if end - begin > _SHORTEST else None


def traced(sight: Sight, line: tuple[float, float, float, float]) -> Trace | None:
    """Return the run of lit bins along a candidate line, or None if it is short or scattered.

    First a robust straight line goes through the lit steps, then a parabola; each is walked again.

    Parameters
    ----------
    sight : Sight
        Bins to look at.
    line : tuple of float
        Two places x0, y0, x1, y1 of the line [bin].
    """
    arc = _sharpened(sight.state, line)
    least = 0.4 * sight.minimum / sight.size
    for degree in (1, 2):
        following = _followed(sight, Trace.along(sight, arc), degree, least)
        if following is None:
            return None
        arc = following
    trace = Trace.along(sight, arc)
    # the arc of a bent run is that of a part of it: it is made longer while the run grows
    for _ in range(_LONGER if arc.bend else 0):
        following = _followed(sight, trace, 2, least)
        longer = trace if following is None else Trace.along(sight, following)
        if longer.length < _GROWN * trace.length:
            break
        trace = longer
    return trace if trace.length >= least else None


def _followed(sight: Sight, trace: Trace, degree: int, least: float) -> Arc | None:
    """Return an arc through the run of a trace and beyond, or None if the run is short."""
    new = _fitted(trace, degree) if trace.length >= least else None
    return _longer(new, sight.state.shape) if new is not None else None


def _sharpened(state: NDArray[np.uint8], line: tuple[float, float, float, float]) -> Arc:
    """Return the line with both ends moved by up to 3 bins, where most bins are lit."""
    x0, y0, x1, y1 = line
    steep = abs(y1 - y0) > abs(x1 - x0)
    px, py = (1.0, 0.0) if steep else (0.0, 1.0)
    # it begins where y is lowest, or x
    if (y1 < y0) if steep else (x1 < x0):
        x0, y0, x1, y1 = x1, y1, x0, y0
    return Arc.between(*lit_kernels.sharpened(state, x0, y0, x1, y1, px, py, 3))


def _fitted(trace: Trace, degree: int) -> Arc | None:
    """Return the run of a trace as an arc through its lit steps."""
    lit = trace.lit
    along = (lit - trace.first).astype(np.float64)
    across = trace.place[lit] + trace.arc.leaves(lit.astype(np.float64))
    span = float(trace.length)
    places = lit_kernels.curve_through(along, across, degree, span, _FEWEST, _ROUNDS)
    if np.isnan(places[0]):
        return None
    straight = Arc(x0=trace.arc.x0, y0=trace.arc.y0, ux=trace.arc.ux, uy=trace.arc.uy,
                   length=trace.arc.length)
    ends = []
    for step, place in ((0.0, places[0]), (span, places[2])):
        x, y = straight.at(trace.first + step, float(place))
        ends += [float(x), float(y)]
    bend = float(places[1] - 0.5 * (places[0] + places[2]))
    new = Arc.between(ends[0], ends[1], ends[2], ends[3])
    return Arc(x0=new.x0, y0=new.y0, ux=new.ux, uy=new.uy, length=new.length, bend=bend)


def _longer(arc: Arc, shape: tuple[int, ...]) -> Arc | None:
    """Return a straight arc along its whole chord, a bent one on by a third at both ends."""
    if abs(arc.bend) < _BENT:
        place = chord_of(arc.x0, arc.y0, arc.ux, arc.uy, (shape[0], shape[1]))
        if place is None:
            return None
        straight = Arc(x0=arc.x0, y0=arc.y0, ux=arc.ux, uy=arc.uy, length=arc.length)
        return straight.part(*place)
    return arc.part(-arc.length / 3, 4 * arc.length / 3)
