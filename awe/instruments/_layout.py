"""Whether the regions of a frame can be true together: cards and descriptions contradict at times.

A strip without light has no light-sensitive pixels in it, and what is between two amplifiers is
a strip: a card that says otherwise is wrong, and joined or levelled by it pixels would be too.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from awe.calib.detector import sections
from awe.calib.detector.geometry import Amplifier, ChipGeometry
from awe.errors import WrongShape
from awe.instruments._format import STRIPS

__all__ = ["require_common", "require_true"]

#: first axis of an array last, as in sections
NAMES = ("columns", "rows")


def require_common(name: str, strip: str, active: str) -> None:
    """Refuse a strip of columns that has no row of the light, or one of rows without a column.

    Parameters
    ----------
    name : str
        Which strip, `overscan_x`.
    strip, active : str
        Sections of it and of the light-sensitive pixels.

    Raises
    ------
    WrongShape
        With both.
    """
    across = 0 if name.endswith("x") else 1
    if not _meet(sections.parse(strip)[across], sections.parse(active)[across]):
        msg = (
            f"{name} {strip} has no {NAMES[1 - across]} in common with the light-sensitive pixels "
            f"{active}; correct one of the two"
        )
        raise WrongShape(msg)


def require_true(geometry: ChipGeometry) -> None:
    """Refuse regions that contradict each other.

    Parameters
    ----------
    geometry : ChipGeometry
        Those of a frame, or of a chip as described.

    Raises
    ------
    WrongShape
        A strip has light-sensitive pixels in it, or between amplifiers is something else than
        strips.
    """
    lit = [(one.name, one.active) for one in geometry.amplifiers] or [("", geometry.active)]
    for owner, name, strip in _strips(geometry):
        for other, active in lit:
            if all(map(_meet, sections.parse(strip), sections.parse(active))):
                msg = (
                    f"{name} {strip}{_of(owner)} and the light-sensitive pixels {active}"
                    f"{_of(other)} lap over each other; correct one of the two"
                )
                raise WrongShape(msg)
    for axis, letter in enumerate("xy"):
        _require_filled(geometry, axis, letter)


def _require_filled(geometry: ChipGeometry, axis: int, letter: str) -> None:
    """Refuse columns (or rows) between amplifiers that are of no strip."""
    lit = sorted({_range(one.active, axis) for one in geometry.amplifiers})
    dark = [
        _range(strip, axis) for _, name, strip in _strips(geometry) if name.endswith(letter)
    ]
    for before, behind in pairwise(lit):
        gap = (before[1], behind[0])
        if gap[0] < gap[1] and not any(begin < gap[1] and gap[0] < end for begin, end in dark):
            names = ", ".join(f"{one.name} {one.active}" for one in geometry.amplifiers)
            msg = (
                f"{NAMES[axis]} {gap[0] + 1} to {gap[1]} between the amplifiers {names} are of no "
                "strip; correct the active of the amplifiers, or name the strip that is there"
            )
            raise WrongShape(msg)


def _strips(geometry: ChipGeometry) -> Iterator[tuple[str, str, str]]:
    """Yield whose strips there are, which, and their sections."""
    owners: list[ChipGeometry | Amplifier] = [*geometry.amplifiers] or [geometry]
    for owner in owners:
        for name in STRIPS:
            strip = getattr(owner, name)
            if strip is not None:
                yield getattr(owner, "name", ""), name, strip


def _range(section: str, axis: int) -> tuple[int, int]:
    part = sections.parse(section)[1 - axis]
    return part.start, part.stop


def _meet(one: slice, other: slice) -> bool:
    return bool(one.start < other.stop and other.start < one.stop)


def _of(name: str) -> str:
    return f" of amplifier {name}" if name else ""
