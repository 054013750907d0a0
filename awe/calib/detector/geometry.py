"""The parts of one raw chip image: prescan, overscan and light-sensitive pixels.

Regions are 1-based inclusive FITS sections, as headers write them; `awe.calib.detector.sections`
turns them into slices. A geometry describes one image as it was read out, a windowed one included:
it comes from the header of the frame, never from the chip alone. It knows no pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from awe.calib.detector import sections
from awe.errors import WrongShape

__all__ = ["Amplifier", "ChipGeometry"]

STRIPS = ("prescan_x", "overscan_x", "prescan_y", "overscan_y")


@dataclass(frozen=True, kw_only=True)
class Amplifier:
    """One output of a chip that several amplifiers read, with its nominal numbers.

    Parameters
    ----------
    name : str
        Name of the amplifier.
    active : str
        Section of the light-sensitive pixels it reads.
    prescan_x, overscan_x, prescan_y, overscan_y : str or None
        Sections of its strips; None for those it has not.
    flip_x, flip_y : bool
        Whether its columns, its rows are mirrored in the file.
    gain, read_noise, bias_level : float
        As those of a chip [electron/ADU, electron, ADU].
    saturation : float or None
        Raw count from which pixels are saturated [ADU].
    bits : int
        Bits of its converter.
    scale : float
        Its gain over that of the chip: its counts times this are counts of the chip.
    output : str
        Corner of its pixels in the file that is read first: "lower left", "lower right", "upper
        left" or "upper right".
    crosstalk : tuple of (str, float)
        Names of other amplifiers, and the fraction of their counts it sees [ADU/ADU].
    """

    name: str
    active: str
    prescan_x: str | None = None
    overscan_x: str | None = None
    prescan_y: str | None = None
    overscan_y: str | None = None
    flip_x: bool = False
    flip_y: bool = False
    gain: float
    read_noise: float
    bias_level: float = 0.0
    saturation: float | None = None
    bits: int = 16
    scale: float = 1.0
    output: str = "lower left"
    crosstalk: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        """Take pairs as they are stored."""
        pairs = tuple((name, float(fraction)) for name, fraction in self.crosstalk)
        object.__setattr__(self, "crosstalk", pairs)

    def saturated(self, threshold: float) -> float:
        """Return the raw count from which its pixels are saturated [ADU].

        Parameters
        ----------
        threshold : float
            Taken where the amplifier says nothing of its own [ADU].
        """
        held = threshold if self.saturation is None else self.saturation
        return min(threshold, held, 2.0**self.bits - 1)


@dataclass(frozen=True, kw_only=True)
class ChipGeometry:
    """The regions of one raw chip image.

    Parameters
    ----------
    nx, ny : int
        Size of the image [pixel]: `NAXIS1` and `NAXIS2`.
    active : str
        Section of the light-sensitive pixels, `"[49:2096,1:4100]"`.
    prescan_x, overscan_x : str or None
        Sections of the columns read before and after the light-sensitive ones, as high as
        `active`; None where the image has none.
    prescan_y, overscan_y : str or None
        Sections of the rows that hold no light, as wide as `active`; None if there are none.
        `overscan_y` holds the rows read out last, at whichever edge of the image they are.
    start_x, start_y : int
        Column and row of the chip (1-based, light-sensitive pixels only) at the lower left corner
        of `active`: 1, 1 unless a window was read.
    binning : tuple of int
        Binning in x and y.
    amplifiers : tuple of Amplifier
        Its amplifiers, where there are several; as mappings too, as they are stored.

    Examples
    --------
    >>> chip = ChipGeometry.from_counts(nx=2144, ny=4200, prescan_x=48, overscan_x=48,
    ...                                 overscan_y=100)
    >>> chip.active
    '[49:2096,1:4100]'
    >>> chip.overscan_y
    '[49:2096,4101:4200]'
    """

    nx: int
    ny: int
    active: str
    prescan_x: str | None = None
    overscan_x: str | None = None
    prescan_y: str | None = None
    overscan_y: str | None = None
    start_x: int = 1
    start_y: int = 1
    binning: tuple[int, int] = (1, 1)
    amplifiers: tuple[Amplifier, ...] = ()

    def __post_init__(self) -> None:
        """Take amplifiers as they are stored."""
        read: tuple[Any, ...] = tuple(self.amplifiers)
        made = tuple(Amplifier(**one) if isinstance(one, dict) else one for one in read)
        object.__setattr__(self, "amplifiers", made)

    @classmethod
    def from_counts(
        cls,
        *,
        nx: int,
        ny: int,
        prescan_x: int = 0,
        overscan_x: int = 0,
        prescan_y: int = 0,
        overscan_y: int = 0,
        read_at_top: bool = False,
        start_x: int = 1,
        start_y: int = 1,
        binning: tuple[int, int] = (1, 1),
    ) -> ChipGeometry:
        """Return the geometry of an image with strips of columns and rows without light.

        Parameters
        ----------
        nx, ny : int
            Size of the image [pixel].
        prescan_x, overscan_x, prescan_y, overscan_y : int
            Widths of the strips [pixel]: as read out, so the overscan rows come last.
        read_at_top : bool
            Whether the output is at the upper edge: the overscan rows, read last, are
            then the lowest of the image and the prescan rows the highest.
        start_x, start_y : int
            First column and row of a window on the chip.
        binning : tuple of int
            Binning in x and y.

        Raises
        ------
        WrongShape
            When the strips leave no light-sensitive pixel.
        """
        # rows read first (prescan) are next to the output, the overscan at the opposite edge
        low, high = (overscan_y, prescan_y) if read_at_top else (prescan_y, overscan_y)
        # one-based, both ends included: light from prescan + 1 to n - overscan
        x1, x2 = prescan_x + 1, nx - overscan_x
        y1, y2 = low + 1, ny - high
        if min(prescan_x, overscan_x, prescan_y, overscan_y) < 0 or x2 < x1 or y2 < y1:
            msg = (
                f"an image of {nx} x {ny} pixels has no room for prescan {prescan_x} x "
                f"{prescan_y} and overscan {overscan_x} x {overscan_y}: check the header"
            )
            raise WrongShape(msg)
        below = f"[{x1}:{x2},1:{low}]" if low else None
        above = f"[{x1}:{x2},{y2 + 1}:{ny}]" if high else None
        return cls(
            nx=nx,
            ny=ny,
            active=f"[{x1}:{x2},{y1}:{y2}]",
            prescan_x=f"[1:{prescan_x},{y1}:{y2}]" if prescan_x else None,
            overscan_x=f"[{x2 + 1}:{nx},{y1}:{y2}]" if overscan_x else None,
            prescan_y=above if read_at_top else below,
            overscan_y=below if read_at_top else above,
            start_x=start_x,
            start_y=start_y,
            binning=binning,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the array of the whole image, (ny, nx)."""
        return self.ny, self.nx

    def check(self, shape: tuple[int, ...], name: str = "the image") -> None:
        """Refuse an array of another shape than this geometry describes.

        Parameters
        ----------
        shape : tuple of int
            Shape (ny, nx) of the array.
        name : str
            Name of the array in the message.

        Raises
        ------
        WrongShape
            With the shape found and the one wanted.
        """
        if tuple(shape) != self.shape:
            msg = f"{name} has shape {tuple(shape)}; its header promises {self.shape} (y, x)"
            raise WrongShape(msg)

    def of(self, amplifier: Amplifier) -> ChipGeometry:
        """Return the regions of one amplifier, as those of a chip with this one alone.

        Parameters
        ----------
        amplifier : Amplifier
            One of its amplifiers.
        """
        strips = {name: getattr(amplifier, name) for name in STRIPS}
        return ChipGeometry(nx=self.nx, ny=self.ny, active=amplifier.active, **strips)

    def places(self) -> tuple[sections.Slices, ...]:
        """Return where the pixels of each amplifier are in the frame without strips.

        Raises
        ------
        WrongShape
            The amplifiers lap over each other, or do not fill rows and columns.

        Examples
        --------
        >>> left = Amplifier(name="A", active="[1:4,1:3]", gain=1, read_noise=1)
        >>> right = Amplifier(name="B", active="[9:12,1:3]", gain=1, read_noise=1)
        >>> ChipGeometry(nx=12, ny=3, active="[1:12,1:3]", amplifiers=(left, right)).places()[1]
        (slice(0, 3, None), slice(4, 8, None))
        """
        read = [sections.parse(one.active, self.shape) for one in self.amplifiers]
        try:
            axes = [
                _packed({(part[axis].start, part[axis].stop) for part in read}, axis)
                for axis in (0, 1)
            ]
        except WrongShape as problem:
            names = ", ".join(f"{one.name} {one.active}" for one in self.amplifiers)
            msg = f"{problem}: {names}; check their active"
            raise WrongShape(msg) from None
        found = tuple(
            (axes[0][y.start, y.stop], axes[1][x.start, x.stop]) for y, x in read
        )
        cells = math.prod(len(axis) for axis in axes)
        if len(found) != cells or len({str(one) for one in found}) != cells:
            names = ", ".join(f"{one.name} {one.active}" for one in self.amplifiers)
            msg = f"amplifiers {names} do not fill rows and columns, each once; check their active"
            raise WrongShape(msg)
        return found


def _packed(ranges: set[tuple[int, int]], axis: int) -> dict[tuple[int, int], slice]:
    """Return where each range of columns (or rows) begins and ends without what is between."""
    ordered = sorted(ranges)
    for before, behind in pairwise(ordered):
        if behind[0] < before[1]:
            last = min(before[1], behind[1])
            msg = (
                f"amplifiers lap over each other from pixel {behind[0] + 1} to {last}"
                if before[0] < behind[0] and before[1] < behind[1]
                else f"amplifiers have some {('rows', 'columns')[axis]} in common and not all, "
                f"{before[0] + 1} to {before[1]} and {behind[0] + 1} to {behind[1]}"
            )
            raise WrongShape(msg)
    found, start = {}, 0
    for first, last in ordered:
        found[first, last] = slice(start, start + last - first)
        start += last - first
    return found
