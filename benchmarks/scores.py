"""How well one side did on one exposure of `benchmarks.pipeline`, against the truth.

Pixels that are hot, cold or near saturated ones count for neither side, nor do hits on a track.
An event is a group of pixels with more than one sigma of charge; it counts if one of them has
more than five. Its pixels are those over three sigma. A flag is pure where charge is over a tenth
of a sigma. Chi-square is of pixels without flag, hit and track.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy import ndimage

from benchmarks.scenes import Scene

EIGHT = np.ones((3, 3), bool)
SATURATION = 60000


@dataclass(frozen=True)
class Result:
    """What a side made of an exposure: planes, and what it measured.

    `hits`, `tracks` and `bad` are of bool; `image` and `variance` in ADU; `seeing` [pixel] is NaN
    where there is none.
    """

    image: np.ndarray
    variance: np.ndarray
    hits: np.ndarray
    tracks: np.ndarray
    bad: np.ndarray
    seeing: float
    sky: float
    cpu: float


@dataclass(frozen=True)
class Score:
    """Figures of one side; NaN where there is nothing to count.

    `events`, `pixels`, `purity` and `track` (pixels of a track that are flagged) in per cent,
    `false` pixels, those of them on `stars`, pixels flagged as track far from one (`untrue`),
    errors of `seeing` [per cent], `sky` [ADU] and `flux` of bright stars [mmag].
    """

    events: float
    pixels: float
    purity: float
    false: int
    stars: int
    track: float
    untrue: int
    seeing: float
    sky: float
    flux: float
    chi2: float
    cpu: float
    count: int

    def below(self, peer: Score, tie: float) -> list[str]:
        """Return in what this side is below another one by more than `tie` per cent."""
        if self is REFUSED:
            return ["refused"]
        if self.count == 0:
            return ["purity"] if self.false > peer.false else []
        # one event more or less is chance where they are few
        ties = {"events": max(tie, 150.0 / self.count), "pixels": tie, "purity": tie}
        return [
            name for name, room in ties.items()
            if getattr(self, name) < getattr(peer, name) - room
        ]  # fmt: skip


#: of a side that refused the exposure
REFUSED = Score(*[np.nan] * len(fields(Score)))


def share(of: np.ndarray, whole: np.ndarray) -> float:
    """Return how many per cent of a set of pixels are in another one."""
    return 100.0 * float((of & whole).sum() / whole.sum()) if whole.any() else np.nan


def score(scene: Scene, result: Result) -> Score:
    """Return the figures of a side."""
    near = ndimage.binary_dilation(scene.counts >= SATURATION, np.ones((9, 9)))
    noise = scene.noise
    tracked = scene.track > 0.3 * noise
    valid = ~(scene.chip.defects | near | tracked)
    dose = np.where(valid, scene.charge / noise, 0)
    found = result.hits & valid
    events, _ = ndimage.label(dose > 1, EIGHT)
    strong = np.unique(events[dose > 5])
    strong = strong[strong > 0]
    wrong = found & (dose < 0.1)
    clean = valid & (dose < 0.01) & (scene.track < 0.01 * noise)
    used = clean & ~result.bad
    off = result.image - scene.light
    return Score(
        events=100 * np.isin(strong, events[found]).mean() if strong.size else np.nan,
        pixels=share(found, dose > 3),
        purity=100 * (1 - wrong.sum() / found.sum()) if found.any() and strong.size else np.nan,
        false=int(wrong.sum()),
        stars=int((wrong & (scene.stars > 2 * noise)).sum()),
        track=_track(scene, result),
        untrue=int((result.tracks & (ndimage.maximum_filter(scene.track, 25) == 0)).sum()),
        seeing=100 * (result.seeing / scene.cell.fwhm - 1),
        sky=result.sky - scene.level,
        flux=_flux(scene, off - np.median(off[used]), clean),
        chi2=float((off[used] ** 2 / result.variance[used]).mean(dtype=float)),
        cpu=result.cpu,
        count=strong.size,
    )


def _track(scene: Scene, result: Result) -> float:
    """Return how many per cent of the pixels of a track are flagged."""
    return share(result.tracks | result.bad, scene.track > 0.3 * scene.track.max())


def _flux(scene: Scene, off: np.ndarray, clean: np.ndarray) -> float:
    """Return the error of the light of bright stars [mmag], in circles without a hit."""
    reach = int(np.ceil(1.5 * scene.cell.fwhm)) + 1
    inside = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= reach
    sums = []
    for k in np.argsort(-scene.flux)[:500]:
        row, column = round(scene.y[k]), round(scene.x[k])
        box = (slice(row - reach, row + reach + 1), slice(column - reach, column + reach + 1))
        if min(row, column) < reach or clean[box].shape != inside.shape:
            continue
        noise = np.sqrt((scene.noise[box][inside] ** 2).sum())
        if clean[box][inside].all() and scene.stars[box][inside].sum() > 50 * noise:
            sums.append((off[box][inside].sum(), scene.stars[box][inside].sum()))
    if not sums:
        return np.nan
    residual, light = np.sum(sums, axis=0)
    return float(-1085.7 * residual / light)
