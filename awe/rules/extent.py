"""Which pixels of a chip an image shows, and which amplifier read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from awe.calib.detector import sections
from awe.calib.detector.geometry import ChipGeometry

__all__ = ["Reader", "Shown"]


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What one of several amplifiers read of an image.

    Attributes
    ----------
    name, how : str
        Its name, and how its counts were joined to those of the others.
    x, y, nx, ny : int
        First column and row in the image, counted from 0, and its size [pixel].
    """

    name: str
    how: str
    x: int
    y: int
    nx: int
    ny: int

    def inside(self, other: Reader, x: int, y: int) -> bool:
        """Return True if these pixels are some of those of another image, joined alike.

        Parameters
        ----------
        other : Reader
            Of the other image.
        x, y : int
            Where the first pixel of this image is in it.
        """
        left, low = self.x + x - other.x, self.y + y - other.y
        alike = (self.name, self.how) == (other.name, other.how) and min(left, low) >= 0
        return alike and left + self.nx <= other.nx and low + self.ny <= other.ny


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A part of a chip: its first pixel, its size and its binning.

    Attributes
    ----------
    x, y : int
        Column and row of its first pixel, counted from 1 on the chip without binning.
    nx, ny : int
        Columns and rows of the image [pixel].
    binning : tuple of int
        Binning in x and y.
    amplifiers : str
        How several amplifiers are joined, in words.
    readers : tuple of Reader
        The same for comparison; empty with one amplifier, and where a product was recorded
        without: of such images nothing is cut.
    """

    x: int
    y: int
    nx: int
    ny: int
    binning: tuple[int, int]
    amplifiers: str = ""
    readers: tuple[Reader, ...] = ()

    def __str__(self) -> str:
        binning = "x".join(map(str, self.binning))
        joined = f", amplifiers {self.amplifiers}" if self.amplifiers else ""
        return f"{self.nx} x {self.ny} pixels from {self.x}, {self.y}, binning {binning}{joined}"

    @classmethod
    def of(cls, geometry: Mapping[str, Any] | None) -> Shown | None:
        """Return the light-sensitive pixels of a raw frame, by its geometry as stored.

        Parameters
        ----------
        geometry : mapping or None
            Fields of `ChipGeometry`.
        """
        if not geometry or not geometry.get("active"):
            return None
        readers = _readers(geometry)
        ny, nx = sections.shape(sections.parse(geometry["active"]))
        if readers:
            # strips between amplifiers are not light-sensitive
            nx = max(one.x + one.nx for one in readers)
            ny = max(one.y + one.ny for one in readers)
        x, y = geometry.get("start_x", 1), geometry.get("start_y", 1)
        step_x, step_y = geometry.get("binning") or (1, 1)
        joined = ", ".join(map(_joined, geometry.get("amplifiers", ())))
        return cls(
            x=x, y=y, nx=nx, ny=ny, binning=(step_x, step_y), amplifiers=joined,
            readers=readers,
        )  # fmt: skip

    @classmethod
    def recorded(cls, value: Mapping[str, Any] | None) -> Shown | None:
        """Return what `record` gave; None for nothing.

        Parameters
        ----------
        value : mapping or None
            Fields by name.
        """
        if not value:
            return None
        readers = tuple(Reader(**one) for one in value.get("readers", ()))
        return cls(**{**value, "binning": tuple(value["binning"]), "readers": readers})

    def record(self) -> dict[str, Any]:
        """Return the fields by name, as they are stored."""
        found = {**asdict(self), "binning": list(self.binning)}
        readers = [asdict(one) for one in self.readers]
        del found["readers"]
        return {**found, "readers": readers} if readers else found

    def within(self, whole: Shown) -> sections.Slices | None:
        """Return the (y, x) slices that cut these pixels out of an image of others.

        Parameters
        ----------
        whole : Shown
            Pixels of the image; None is returned where it lacks some, or bins another way.
        """
        if self.binning != whole.binning:
            return None
        step_x, step_y = self.binning
        x, odd_x = divmod(self.x - whole.x, step_x)
        y, odd_y = divmod(self.y - whole.y, step_y)
        inside = min(x, y) >= 0 and x + self.nx <= whole.nx and y + self.ny <= whole.ny
        if odd_x or odd_y or not inside or not self._joined_as(whole, x, y):
            return None
        return slice(y, y + self.ny), slice(x, x + self.nx)

    def _joined_as(self, whole: Shown, x: int, y: int) -> bool:
        """Return True if every pixel was read and joined as that of another image.

        Parameters
        ----------
        whole : Shown
            The other image.
        x, y : int
            Where the first pixel of this one is in it.
        """
        if not (self.readers and whole.readers):
            # where they are is not recorded: the same sections of the same files, and no part
            return self.amplifiers == whole.amplifiers and (not self.readers or x == y == 0)
        return all(any(one.inside(them, x, y) for them in whole.readers) for one in self.readers)


def _joined(one: Mapping[str, Any]) -> str:
    """Return how an amplifier is joined: what differs there differs in the pixels."""
    return f"{one['name']} {one['active']}{_how(one)}"


def _how(one: Mapping[str, Any]) -> str:
    turned = f"{' -x' * one['flip_x']}{' -y' * one['flip_y']}"
    seen = "".join(f" less {part:g} of {name}" for name, part in one.get("crosstalk", ()))
    return f"{turned} times {one['scale']:.6g}{seen}"


def _readers(geometry: Mapping[str, Any]) -> tuple[Reader, ...]:
    """Return what each amplifier of a raw frame reads, by its geometry as stored."""
    if not geometry.get("amplifiers"):
        return ()
    places = ChipGeometry(**geometry).places()
    return tuple(
        Reader(
            name=one["name"], how=_how(one), x=columns.start, y=rows.start,
            nx=columns.stop - columns.start, ny=rows.stop - rows.start,
        )
        for one, (rows, columns) in zip(geometry["amplifiers"], places, strict=True)
    )  # fmt: skip
