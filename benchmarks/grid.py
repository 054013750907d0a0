"""The cells of `benchmarks.pipeline`: what is exposed, and how cells are named and chosen."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import product

STARS = (0, 30, 300, 1500, 6000)
HITS = (0, 300, 2000, 5000)
WIDTHS = (1.0, 1.5, 2.2, 2.8, 3.6, 5.0, 8.0)
SKIES = (0.0, 200.0, 700.0, 3000.0, 20_000.0)
#: every third cell of the grid has one of these, in turn
TRACKS = tuple(product(("whole", "dashes", "gap", "part"), (1.0, 10.0, 100.0)))


@dataclass(frozen=True)
class Cell:
    """One exposure.

    Parameters
    ----------
    stars, hits : int
        How many per 1024 x 1024 pixels.
    fwhm : float
        Seeing [pixel].
    sky : float
        Level of the sky [ADU].
    track : str
        Kind of track, empty without one.
    brightness : float
        Peak of the track across [noise of the sky in a pixel].
    """

    stars: int
    hits: int
    fwhm: float
    sky: float
    track: str = ""
    brightness: float = 0.0

    def __str__(self) -> str:
        """Return stars/hits/fwhm/sky, and the track."""
        name = f"{self.stars}/{self.hits}/{self.fwhm:g}/{self.sky:g}"
        return name + (f"/{self.track}{self.brightness:g}" if self.track else "")

    @property
    def numbers(self) -> list[int]:
        """Whole numbers that tell cells apart, for seeds."""
        return [self.stars, self.hits, round(10 * self.fwhm), round(self.sky),
                len(self.track), round(self.brightness)]  # fmt: skip


SHORT = (
    Cell(0, 300, 2.8, 200),
    Cell(0, 2000, 3.6, 700, "dashes", 10),
    Cell(30, 2000, 2.2, 700),
    Cell(30, 0, 3.6, 3000, "whole", 1),
    Cell(300, 300, 1.0, 700),
    Cell(300, 2000, 1.5, 200),
    Cell(300, 5000, 3.6, 700, "gap", 100),
    Cell(300, 2000, 8.0, 20_000),
    Cell(1500, 2000, 2.8, 0),
    Cell(1500, 300, 5.0, 3000),
    Cell(6000, 0, 2.2, 200),
    Cell(6000, 2000, 2.8, 700),
)

#: with hits cut out of real frames
REAL = (
    Cell(0, 300, 2.8, 200),
    Cell(0, 2000, 3.6, 700),
    Cell(30, 300, 2.2, 0),
    Cell(300, 2000, 1.5, 200),
    Cell(300, 300, 2.8, 3000),
    Cell(1500, 2000, 5.0, 700),
)


def full(crowded: bool = False) -> list[Cell]:
    """Return every cell of the grid; crowded ones have 60,000 stars instead."""
    axes = product((60_000,) if crowded else STARS, HITS, WIDTHS, SKIES)
    return [
        Cell(*place, *(TRACKS[number // 3 % len(TRACKS)] if number % 3 == 0 else ()))
        for number, place in enumerate(axes)
    ]


def chosen(cells: list[Cell], patterns: list[str]) -> list[Cell]:
    """Return the cells whose names match a pattern such as `300/*/1.5/*`, each once.

    A name in full that no cell of these has, such as `300/300/1.25/700`, is a cell of its own.
    """
    found = [
        cell for cell in dict.fromkeys(cells) if any(fnmatch(str(cell), one) for one in patterns)
    ]
    names = {str(cell) for cell in found}
    others = [one for one in patterns if one not in names and not set(one) & set("*?[")]
    return found + [named(one) for one in others]


def named(name: str) -> Cell:
    """Return the cell of stars/hits/FWHM/sky, without a track."""
    stars, hits, fwhm, sky = name.split("/")
    return Cell(int(stars), int(hits), float(fwhm), float(sky))
