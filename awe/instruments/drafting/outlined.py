"""Where the light falls on an image, by its pixels, where no card says it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from awe.calib import statistics
from awe.calib.detector import outline, sections
from awe.instruments.drafting.regions import Part, Regions, rest
from awe.instruments.drafting.seen import Seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["complete"]

#: fewest columns of a strip
LEAST = 4
#: smallest step that is believed, in its error
SURE = 8.0
#: part of the step to the light by which a strip may vary
EVEN = 0.2
#: smallest jump between amplifiers, in its error and in ADU
JUMP, JUMP_ADU = 10.0, 0.5
#: places where amplifiers meet, in parts of the light-sensitive side
_PLACES = ((1 / 2,), (1 / 4, 1 / 2, 3 / 4))


def complete(found: Regions, dark: Sequence[Seen], lit: Sequence[Seen]) -> None:
    """Add to the regions of cards what pixels tell: strips, and amplifiers.

    Parameters
    ----------
    found : Regions
        What cards say; changed.
    dark, lit : sequence of Seen
        Whole images without and with light, of the same shape.
    """
    if found.parts:
        return
    frames = [*dark[:2], *lit[:2]]
    if found.active is None:
        _strips(found, frames, lit)
    assert found.active is not None
    image = (lit or dark)[0].pixels()
    if found.told and not found.strips:
        for name, slices in rest(found.active, image.shape, LEAST):
            found.strips[name] = slices
            found.doubts.append(f"{name} is what lies outside the light by the cards")
    sides = {name: _even(name, at, image) for name, at in found.strips.items()}
    _amplifiers(found, sides, [one.pixels() for one in dark[:2]])
    for name, runs in sides.items():
        if name not in found.cards and len(runs) == 1:
            found.strips[name] = runs[0]


def _strips(found: Regions, frames: Sequence[Seen], lit: Sequence[Seen]) -> None:
    """Find the borders of the light in the brightest of some frames."""
    ny, nx = frames[0].shape
    found.active = (slice(0, ny), slice(0, nx))
    if not lit:
        found.doubts.append(
            "no file has light and no card tells its sections: strips cannot be found, add a flat"
        )
        return
    images = [one.pixels() for one in lit[:3]]
    image = max(images, key=lambda one: statistics.median(one[::7, ::7]))
    columns = _light(image)
    rows = _light(image[:, columns].T)
    found.active = (rows, columns)
    found.strips = dict(rest(found.active, image.shape, LEAST))
    if found.strips:
        found.doubts.append("the regions are those of the pixels' levels; look at the picture")
    else:
        found.doubts.append("no strip without light was found at the edges: none is taken")


def _light(image: NDArray[np.generic]) -> slice:
    profile, error = outline.levels(image)
    ends = [
        outline.strip(one, error, least=LEAST, sure=SURE, even=EVEN)
        for one in (profile, profile[::-1])
    ]
    return slice(ends[0], profile.size - ends[1])


def _even(name: str, at: sections.Slices, image: NDArray[np.generic]) -> list[sections.Slices]:
    """Return the parts of a strip that have one level each, along its width."""
    across = name.endswith("x")
    profile, error = outline.levels(image[at] if across else image[at].T)
    begin = (at[1] if across else at[0]).start
    parts = outline.runs(profile, max(error, 0.05), least=LEAST, sure=SURE)
    # charge left next to the light makes narrow parts
    widest = max((stop - start for start, stop in parts), default=0)
    parts = [(start, stop) for start, stop in parts if 2 * (stop - start) >= widest]
    cuts = [slice(begin + start, begin + stop) for start, stop in parts]
    return [(at[0], cut) if across else (cut, at[1]) for cut in cuts]


def _amplifiers(
    found: Regions,
    sides: dict[str, list[sections.Slices]],
    dark: Sequence[NDArray[np.generic]],
) -> None:
    """Divide the chip where its strip or its biases say that there are several amplifiers."""
    assert found.active is not None
    rows, columns = found.active
    for name, runs in sides.items():
        if len(runs) > 1 and name.endswith("x"):
            found.doubts.append(
                f"{name} has {len(runs)} levels: one for each of {len(runs)} amplifiers side by "
                "side, in their order?"
            )
            parts = _divided(columns, [n / len(runs) for n in range(1, len(runs))])
            found.parts = [
                Part(name=f"A{n}", active=(rows, part), strips={name: run})
                for n, (part, run) in enumerate(zip(parts, runs, strict=True), 1)
            ]
            found.strips[name] = runs[0]
            return
    across = _borders([image[found.active] for image in dark])
    along = _borders([image[found.active].T for image in dark])
    if across or along:
        found.doubts.append(
            f"the biases jump at {len(across)} column(s) and {len(along)} row(s): amplifiers?"
        )
        cells = [(y, x) for y in _divided(rows, along) for x in _divided(columns, across)]
        found.parts = [
            Part(name=f"A{n}", active=cell, strips=_beside(cell, found)) for n, cell in
            enumerate(cells, 1)
        ]  # fmt: skip


def _divided(whole: slice, places: Sequence[float]) -> list[slice]:
    size = whole.stop - whole.start
    cuts = [whole.start, *(whole.start + round(place * size) for place in places), whole.stop]
    return [slice(first, last) for first, last in pairwise(cuts)]


def _borders(images: Sequence[NDArray[np.generic]]) -> list[float]:
    """Return where all images jump, as fractions of their width."""
    profiles = [outline.levels(image)[0] for image in images]
    for places in _PLACES:
        seen = [place for place in places if profiles and all(_jumps(p, place) for p in profiles)]
        if len(seen) == len(places) or (seen and places == _PLACES[0]):
            return seen
    return []


def _jumps(profile: NDArray[np.float64], place: float) -> bool:
    size, error = outline.jump(profile, round(place * profile.size))
    return abs(size) > max(JUMP * error, JUMP_ADU)


def _beside(cell: sections.Slices, found: Regions) -> dict[str, sections.Slices]:
    """Return the strips of a part of the chip: those whose side of the chip it is at."""
    assert found.active is not None
    beside = {}
    for name, at in found.strips.items():
        axis, last = (1 if name.endswith("x") else 0), name.startswith("over")
        own = cell[axis].stop if last else cell[axis].start
        edge = found.active[axis].stop if last else found.active[axis].start
        if own == edge or len(found.strips) == 1:
            beside[name] = (cell[0], at[1]) if axis else (at[0], cell[1])
    return beside
