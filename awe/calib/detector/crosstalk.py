"""Crosstalk: amplifiers that read a chip at one time, and see a little of each other's pixels.

A bright pixel leaves a fraction of its counts in the pixels that other amplifiers read at the same
moment: ghosts of stars, mirrored where amplifiers read from opposite sides. The fraction is
measured where a source is bright and its victim is not, and subtracted in counts of the amplifier.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.calib._frames import takes_frames
from awe.calib.detector.trim import turned
from awe.errors import WrongShape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from awe.calib.detector.geometry import Amplifier, ChipGeometry

__all__ = ["Coupling", "ghosts", "joined", "measure"]

#: How a victim may be mirrored against its source: columns, rows.
TURNS = ((False, False), (True, False), (False, True), (True, True))
#: Light of a source, in units of the noise, above which its pixels are used.
BRIGHT = 100.0
#: Least number of such pixels.
LEAST = 20
#: Residuals this many times their scatter are sources of the victim itself.
CLIP = 4.0
ROUNDS = 6
#: What is found elsewhere is more than noise where it is this many times that.
LINES = 5.0
#: Larger fractions are stars of the victim in the places of those of the source.
LARGEST = 0.1
#: Distances [pixel] at which there is no crosstalk, wider than stars: what is found there is not.
ELSEWHERE = tuple(
    (step * down, step * along)
    for step in (17, 29)
    for down, along in itertools.product((-1, 0, 1), repeat=2)
    if down or along
)


@dataclass(frozen=True, kw_only=True)
class Coupling:
    """How much of one amplifier is seen in another.

    Attributes
    ----------
    victim, source : str
        Names of the amplifiers.
    fraction : float
        Counts in the victim for each count of the source [ADU/ADU].
    error : float
        Standard deviation of the fraction.
    mirrored : tuple of bool
        Whether the victim is mirrored against the source, columns and rows, in addition to what
        the description says.
    pixels : int
        Pixels it was measured with.
    """

    victim: str
    source: str
    fraction: float
    error: float
    mirrored: tuple[bool, bool]
    pixels: int

    @property
    def significance(self) -> float:
        """The fraction in units of its error, without sign."""
        return abs(self.fraction) / self.error if self.error > 0 else 0.0


def _in_order(part: NDArray[Any], one: Amplifier) -> NDArray[Any]:
    """Return pixels of an amplifier in the order they are read, first pixel first, or back.

    Parameters
    ----------
    part : ndarray, shape (ny, nx)
        Pixels as they are on the chip; what is returned shares their memory.
    one : Amplifier
        Its mirrors, and the corner its output is at.
    """
    in_file = turned(part, one)
    right, upper = one.output.endswith("right"), one.output.startswith("upper")
    return in_file[:: -1 if upper else 1, :: -1 if right else 1]


@takes_frames()
def ghosts(light: NDArray[np.float32], geometry: ChipGeometry) -> NDArray[np.float32]:
    """Return what amplifiers saw of each other.

    Parameters
    ----------
    light : ndarray of float32, shape (ny, nx), raw ADU
        Frame without strips and levels, in counts of each amplifier; not modified.
    geometry : ChipGeometry
        Regions and amplifiers, with the crosstalk of each.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        To be subtracted from the frame [raw ADU].

    Raises
    ------
    WrongShape
        Amplifiers that see each other read regions of different sizes, or there is none of a
        name.
    """
    places = dict(zip((one.name for one in geometry.amplifiers), geometry.places(), strict=True))
    amplifiers = {one.name: one for one in geometry.amplifiers}
    result = np.zeros(light.shape, np.float32)
    for victim in geometry.amplifiers:
        seen = _in_order(result[places[victim.name]], victim)
        for name, fraction in victim.crosstalk:
            if name not in amplifiers:
                msg = f"crosstalk of {victim.name}: there is no amplifier {name}"
                raise WrongShape(msg)
            source = _in_order(light[places[name]], amplifiers[name])
            _require_alike(victim.name, name, seen, source)
            # a pixel without a value leaves none in others
            seen += np.float32(fraction) * np.nan_to_num(source, nan=0, posinf=0, neginf=0)
    return result


def _require_alike(victim: str, source: str, one: NDArray[Any], other: NDArray[Any]) -> None:
    if one.shape != other.shape:
        msg = (
            f"amplifier {victim} reads {one.shape[::-1]} pixels and {source} {other.shape[::-1]}: "
            "crosstalk is between pixels that are read at the same moment"
        )
        raise WrongShape(msg)


@takes_frames()
def measure(
    light: NDArray[np.float32],
    sky: NDArray[np.float32],
    geometry: ChipGeometry,
    full: Sequence[float],
) -> list[Coupling]:
    """Return how much of each amplifier is in each other one, from one frame.

    Parameters
    ----------
    light : ndarray of float32, shape (ny, nx), raw ADU
        Frame without strips and levels, in counts of each amplifier, not corrected.
    sky : ndarray of float32, shape (ny, nx), raw ADU
        Its smooth background.
    geometry : ChipGeometry
        Regions and amplifiers.
    full : sequence of float, raw ADU
        Light from which pixels of each amplifier are left out: they are saturated.

    Returns
    -------
    list of Coupling
        Pairs whose source has enough bright pixels; of the four ways a victim may be mirrored
        the most significant.

    Notes
    -----
    A least-squares fit of the victim's pixels above its background as a multiple of the source's
    where that is bright; pixels far off, stars of the victim, are left out in rounds. Light that
    goes on from one amplifier to the other, as spectra do, looks like crosstalk at any distance:
    the fraction is the excess over that at `ELSEWHERE`, and its error includes how those differ.
    """
    rest = light - sky
    places = geometry.places()
    parts = [
        _in_order(rest[place], one)
        for one, place in zip(geometry.amplifiers, places, strict=True)
    ]
    found = []
    for (n, victim), (m, source) in itertools.permutations(enumerate(geometry.amplifiers), 2):
        if parts[n].shape != parts[m].shape:
            continue
        noise = 1.4826 * float(np.nanmedian(np.abs(parts[m])))
        bright = (parts[m] > BRIGHT * noise) & (parts[m] < full[m])
        if np.count_nonzero(bright) < LEAST:
            continue
        tried = [
            Coupling(victim=victim.name, source=source.name, mirrored=turn, **numbers)
            for turn in TURNS
            for numbers in _excess(_mirrored(parts[n], turn), parts[m], bright)
            if abs(numbers["fraction"]) < LARGEST
        ]
        if tried:
            found.append(max(tried, key=_preference))
    return found


def _preference(one: Coupling) -> tuple[bool, float]:
    """Rank what was tried: the described way goes before others that are not clearly seen."""
    seen = one.significance > 2 * CLIP
    return (seen, one.significance) if seen or any(one.mirrored) else (False, 1e9)


def _mirrored(part: NDArray[Any], turn: tuple[bool, bool]) -> NDArray[Any]:
    return part[:: -1 if turn[1] else 1, :: -1 if turn[0] else 1]


def _excess(
    victim: NDArray[Any], source: NDArray[Any], bright: NDArray[np.bool_]
) -> Iterator[dict[str, Any]]:
    """Yield fraction, error and number of pixels, less what is seen elsewhere as well."""
    there = source[bright]
    for found in _fitted(victim[bright], there):
        others = [
            one["fraction"]
            for shift in ELSEWHERE
            for one in _fitted(np.roll(victim, shift, (0, 1))[bright], there)
        ]
        if len(others) < len(ELSEWHERE) // 2:
            return
        middle = float(np.median(others))
        apart = np.abs(np.array(others) - middle)
        excess = found["fraction"] - middle
        error = float(np.hypot(found["error"], 1.4826 * np.median(apart)))
        # lines along rows or columns are as bright at some of the other places
        if apart.max() > max(LINES * found["error"], abs(excess) / 4):
            error = max(error, abs(excess))
        yield {**found, "fraction": excess, "error": error}


def _fitted(victim: NDArray[Any], source: NDArray[Any]) -> Iterator[dict[str, Any]]:
    """Yield fraction, error and number of pixels; nothing where too few are left."""
    y, x = victim.astype(np.float64), source.astype(np.float64)
    good = np.isfinite(y) & np.isfinite(x)
    fraction = float(np.median(y[good] / x[good])) if good.any() else 0.0
    scatter = 0.0
    for _ in range(ROUNDS):
        residual = y - fraction * x
        scatter = 1.4826 * float(np.median(np.abs(residual[good]))) if good.any() else 0.0
        good &= np.abs(residual) <= CLIP * scatter
        if np.count_nonzero(good) < LEAST:
            return
        fraction = float(np.sum(x[good] * y[good]) / np.sum(x[good] ** 2))
    spread = max(float(np.std((y - fraction * x)[good])), 1e-9)
    yield {
        "fraction": fraction, "error": spread / float(np.sum(x[good] ** 2)) ** 0.5,
        "pixels": int(np.count_nonzero(good)),
    }  # fmt: skip


def joined(couplings: Iterable[Coupling]) -> list[Coupling]:
    """Return the weighted means of what several frames told, by victim and source.

    Parameters
    ----------
    couplings : iterable of Coupling
        Of all frames; of the ways a pair is mirrored the clearest in all of them counts.
    """
    pairs: dict[tuple[str, str], list[Coupling]] = {}
    for one in couplings:
        pairs.setdefault((one.victim, one.source), []).append(one)
    return [_mean(some) for some in pairs.values()]


def _mean(some: Sequence[Coupling]) -> Coupling:
    ways: dict[tuple[bool, bool], list[Coupling]] = {}
    for one in some:
        ways.setdefault(one.mirrored, []).append(one)
    # a way that is seen in one frame by chance is not seen in all of them
    return max((_of_one_way(turn, alike) for turn, alike in ways.items()), key=_preference)


def _of_one_way(turn: tuple[bool, bool], alike: Sequence[Coupling]) -> Coupling:
    weights = np.array([one.error**-2.0 for one in alike])
    fractions = np.array([one.fraction for one in alike])
    return Coupling(
        victim=alike[0].victim, source=alike[0].source, mirrored=turn,
        fraction=float(np.average(fractions, weights=weights)),
        error=float(weights.sum()) ** -0.5, pixels=sum(one.pixels for one in alike),
    )  # fmt: skip
