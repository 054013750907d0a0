"""The lines worth looking at on a binned frame, over all slopes and places.

All lines are summed once; those that stand out are kept, the best of every small range of slopes
and places. After a track or a false line has been cleared away they are scored again one by
one, which costs nothing compared with summing all lines anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.calib.threads import side_by_side
from awe.calib.tracks import bins, kernels

__all__ = ["CAP", "Candidate", "Lines", "turned"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.tracks.fit import Line

    Grid = NDArray[np.float32]
    Sums = NDArray[np.int16]

#: a bin counts at most this many of its sigma
# white noise exceeds it in 0.3 per cent of the bins
CAP = 3.0

#: integers per sigma and per unit of weight: sums over 1024 bins of at most _LIMIT fit 16 bits
# 1024 x 4 x 7 = 28672 and 1024 x 16 are below 2**15; rounding adds 1/12 to a variance of 7**2
_SIGNAL = 7
_WEIGHT = 16
_LIMIT = 4.0

#: slopes and places that share one candidate
_CELL = 16

#: number of candidates that are scored again and again
_MOST = 200


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One line that stands out.

    Attributes
    ----------
    line : tuple of float
        Its ends x0, y0, x1, y1 [pixel].
    score, scale : float
        Significance in units of the scatter of all lines, and that scatter.
    steep : bool
        It crosses the rows of the frame, otherwise the columns.
    rows : int
        How many of them.
    begin, end : float
        Where it is at the first and the last of them [bin].
    width : int
        In bins.
    """

    line: Line
    score: float
    scale: float
    steep: bool
    rows: int
    begin: float
    end: float
    width: int


def turned(plane: NDArray[Any]) -> NDArray[Any]:
    """Return a plane whose rows are the columns of another.

    Parameters
    ----------
    plane : ndarray, shape (by, bx)
        Values of any type; not modified.
    """
    result = np.empty(plane.shape[::-1], plane.dtype)
    bins.turn(plane, result)
    return result


class Lines:
    """The binned frame as the search sees it: light and weight in integers.

    Parameters
    ----------
    z : ndarray of float32
        Significance of every bin.
    v : ndarray of float32
        Weight of every bin: 0 to 1.
    size : int, pixel
        Of a bin.
    shortest : float, pixel
        Lines that fill fewer rows, or columns, than a chord of this length at 45 degrees are not
        looked at.
    """

    def __init__(self, z: Grid, v: Grid, size: int, shortest: float) -> None:
        self.size = size
        # a chord of length l fills l / sqrt(2) rows or columns at least, whichever are more
        self.least = _WEIGHT * min(shortest / 2**0.5 / size, 0.35 * min(v.shape))
        values = np.empty(v.size, np.float32)
        values = values[: bins.capped(z, v, np.float32(CAP), values)]
        self.empty = values.size < 100
        mean, unit = np.float32(0), np.float32(1)
        if not self.empty:
            # over its rms lines scatter by about 1; with the least rms, 0.5, Z is up to about 6,
            # and cut at 4 for the sums to fit 16 bits
            mean = values.mean()
            unit = np.float32(_SIGNAL / max(float(values.std()), 0.5))
        self.signal, self.weight = np.empty(v.shape, np.int16), np.empty(v.shape, np.int16)
        bins.whole(z, v, np.float32(CAP), mean, unit, np.float32(_LIMIT * _SIGNAL),
                   np.float32(_WEIGHT), self.signal, self.weight)

    def candidates(self, threshold: float) -> list[Candidate]:
        """Return the lines above a threshold, best first, not more than one per cell.

        Parameters
        ----------
        threshold : float
            Least significance of a line.
        """
        if self.empty:
            return []
        # four octants: across rows or columns, rising or falling, each up to 45 degrees
        ways = product((False, True), (False, True))
        # lines are summed over rows: the frame as it is for steep ones, turned for the others
        planes = {True: (self.signal, self.weight),
                  False: (turned(self.signal), turned(self.weight))}
        lists = side_by_side(
            [partial(self._transform, *planes[steep], steep, flip, threshold)
             for steep, flip in ways]
        )
        found = [candidate for some in lists for candidate in some]
        found.sort(key=lambda candidate: -candidate.score)
        return found[:_MOST]

    def best(self, candidates: list[Candidate]) -> tuple[float, Candidate | None]:
        """Return the candidate that is best now, and its score.

        Parameters
        ----------
        candidates : list of Candidate
            Candidates of this search.
        """
        best: tuple[float, Candidate | None] = (0.0, None)
        for candidate in candidates:
            score = self._score(candidate)
            if score > best[0]:
                best = (score, candidate)
        return best

    def erase(self, line: Line, reach: float, pieces: NDArray[np.bool_] | None = None) -> None:
        """Forget what lies within reach [pixel] of a line, or of some pieces of it.

        Parameters
        ----------
        line : tuple of float
            Two points x0, y0, x1, y1 of the line [pixel].
        reach : float
            Greatest distance from the line [pixel].
        pieces : ndarray of bool, shape (n,), optional
            Pieces of the chord to erase, equal in length; all by default.
        """
        if pieces is None:
            x0, y0, x1, y1 = line
            # three times as long about the same middle: chords are erased up to the edges
            line = (2 * x0 - x1, 2 * y0 - y1, 2 * x1 - x0, 2 * y1 - y0)
            pieces = np.ones(1, np.bool_)
        kernels.erase(self.signal, self.weight, self.size, *line, reach, pieces)

    def _score(self, candidate: Candidate) -> float:
        return float(
            kernels.score_of(
                self.signal, self.weight, candidate.steep, candidate.rows, candidate.begin,
                candidate.end, candidate.width, self.least, _UNIT,
            )
        ) / candidate.scale

    def _transform(
        self, light: Sums, weight: Sums, steep: bool, flip: bool, threshold: float
    ) -> list[Candidate]:
        # N is the next power of two, or the one below if it leaves out at most 2 per cent
        rows = 1 << (light.shape[0] - 1).bit_length()
        if rows // 2 >= 0.98 * light.shape[0]:
            rows //= 2
        sums, weights = (kernels.line_sums(plane, rows, flip) for plane in (light, weight))
        # robust scatter of sum Z / sqrt(sum v) over lines: structure makes it more than 1
        scale = max(1.0, float(kernels.scatter(sums, weights, self.least, _UNIT)))
        grid = (rows // _CELL + 1, sums.shape[1] // _CELL + 1)
        score = np.zeros(grid, np.float32)
        slope, start, width = (np.zeros(grid, np.int32) for _ in range(3))
        kernels.peaks(
            sums, weights, self.least, _UNIT, scale, _CELL, score, slope, start, width
        )
        found = []
        for cell in np.flatnonzero(score >= threshold):
            # column j of the sums is y0 + N; the middle of `width` bins is (width - 1) / 2 further
            begin = int(start.flat[cell]) - rows + (int(width.flat[cell]) - 1) / 2
            end = begin + int(slope.flat[cell])
            if flip:
                begin, end = (light.shape[1] - 1 - place for place in (begin, end))
            # the slope is a rise over N - 1 rows; `end` is the place in the last row there is
            found.append(
                Candidate(
                    line=self._pixels(steep, rows, begin, end),
                    score=float(score.flat[cell]), scale=scale, steep=steep,
                    rows=min(rows, light.shape[0]), begin=begin,
                    end=begin + (end - begin) * (min(rows, light.shape[0]) - 1) / (rows - 1),
                    width=int(width.flat[cell]),
                )
            )
        return found

    def _pixels(self, steep: bool, rows: int, begin: float, end: float) -> Line:
        """Return the ends of a line at the centres of bins [pixel]."""
        # bin b has its centre at pixel size b + (size - 1) / 2
        centre = (self.size - 1) / 2
        a, b, last = (self.size * place + centre for place in (begin, end, rows - 1))
        return (a, centre, b, last) if steep else (centre, a, last, b)


#: turns a sum of integer light over the root of integer weight into sigma
# q = 7 Z and w = 16 v: sum Z / sqrt(sum v) = (sqrt(16) / 7) sum q / sqrt(sum w)
_UNIT = np.float32(_WEIGHT**0.5 / _SIGNAL)
