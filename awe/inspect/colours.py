"""A picture of the sky in colours, of three sums on one grid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.errors import ArgumentError, FileTaken, NoValidPixels, WrongShape
from awe.terminal import out

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["colour_picture"]

#: noises of the sky up to which brightness rises in proportion, and how strongly it is bent then
STRETCH, SOFTENING = 15.0, 8.0

#: noises of the sky from which light says which colour is grey, where zero points do not
BRIGHT = 10.0


def colour_picture(
    self: Any, green: Any, blue: Any, path: str | Path | None = None, *,
    stretch: float = STRETCH, softening: float = SOFTENING,
) -> NDArray[np.uint8]:
    """Return a picture in colours of this sum, as red, and two others on the same grid.

    It shows what all three cover. The sky is taken off each. Where all have zero points, equal
    magnitudes are equally bright; otherwise what is bright in all three is grey on the median.
    A pixel that one of them lacks is grey. Colours do not depend on brightness: a bright star
    does not turn white.

    Parameters
    ----------
    green, blue : CoaddedRegriddedFrame
        Sums of two other filters.
    path : str or Path, optional
        Write the picture here as PNG too, the first row of the grid lowest.
    stretch : float
        Noises of the sky up to which brightness rises in proportion.
    softening : float
        How strongly brighter light is bent.

    Returns
    -------
    ndarray of uint8, shape (ny, nx, 3)
        The picture, which `inspect()` shows.

    Raises
    ------
    WrongShape
        The sums are on different grids, or cover no common part of it.
    NoValidPixels
        One has no value there.
    FileTaken
        There is such a file.
    ArgumentError
        What is given was not made by Coadd, or a number is not above 0.

    References
    ----------
    Lupton, R. et al. 2004, PASP 116, 133; `astropy.visualization.make_lupton_rgb`.
    """
    import numpy as np
    from astropy.visualization import make_lupton_rgb

    if not (stretch > 0 and softening > 0):
        msg = f"stretch {stretch!r}, softening {softening!r}: expected numbers above 0"
        raise ArgumentError(msg)
    target = None if path is None else _target(path)
    planes = _planes((self, green, blue))
    noise = float(sum(_noise(plane) for plane in planes)) / 3
    # without light it divides by 0 first, and takes 0 then
    with np.errstate(divide="ignore", invalid="ignore"):
        picture: NDArray[np.uint8] = make_lupton_rgb(
            *planes, minimum=0.0, stretch=stretch * noise, Q=softening
        )
    if target is not None:
        _write(target, picture)
        out(f"{target}: {picture.shape[1]} x {picture.shape[0]} pixels\n")
    return picture


def _write(path: Path, picture: NDArray[np.uint8]) -> None:
    from matplotlib.image import imsave

    try:
        imsave(path, picture, origin="lower")
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror}; choose another directory"
        raise ArgumentError(msg) from error


def _target(path: str | Path) -> Path:
    target = Path(path).expanduser()
    if target.suffix.lower() != ".png":
        msg = f"{target}: a picture in colours is written as PNG; give a name that ends in .png"
        raise ArgumentError(msg)
    if target.exists():
        msg = f"{target} is there already; choose another name"
        raise FileTaken(msg)
    return target


def _planes(sums: Sequence[Any]) -> list[NDArray[np.float64]]:
    """Return the common part of sums without sky, brought onto the zero point of the first."""
    import numpy as np

    for one in sums:
        if type(one) is not type(sums[0]):
            found = getattr(one, "filename", None) or type(one).__name__
            msg = f"{found}: expected a CoaddedRegriddedFrame; CoaddTask makes one of each filter"
            raise ArgumentError(msg)
    planes = []
    for one, cut in zip(sums, _common(sums), strict=True):
        plane = np.asarray(one.data, np.float64)[cut]
        if not np.isfinite(plane).any():
            msg = f"{one.filename}: no value where all three are; take sums of one field"
            raise NoValidPixels(msg)
        planes.append(plane - np.nanmedian(plane))
    points = [one.zeropnt for one in sums]
    if None in points:
        factors = _balance(planes)
    else:
        factors = [10 ** (0.4 * (points[0] - zeropnt)) for zeropnt in points]
    light = np.stack([plane * factor for plane, factor in zip(planes, factors, strict=True)])
    there = np.isfinite(light)
    # no colour is known where one has no value: it has the light of the others
    grey = np.where(there, light, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return list(np.where(there, light, grey))


def _balance(planes: Sequence[NDArray[np.float64]]) -> list[float]:
    """Return the factors that make light that is bright in all planes grey, on the median."""
    import numpy as np

    with np.errstate(invalid="ignore"):
        bright = np.all([plane > BRIGHT * _noise(plane) for plane in planes], axis=0)
    if not bright.any():
        return [1.0] * len(planes)
    levels = [float(np.median(plane[bright])) for plane in planes]
    return [levels[0] / level for level in levels]


def _common(sums: Sequence[Any]) -> list[tuple[slice, slice]]:
    """Return the rows and columns of each sum that all of them cover."""
    first = sums[0]
    for one in sums[1:]:
        if not one.grid_target.same(first.grid_target):
            msg = (
                f"{one.filename} is on the grid {one.grid_target.arguments()}, {first.filename} "
                f"on {first.grid_target.arguments()}; regrid all with the same gra, gdec and gps"
            )
            raise WrongShape(msg)
    corners = [one.astrom.corner for one in sums]
    sizes = [(one.NAXIS2, one.NAXIS1) for one in sums]
    begin = [max(corner[axis] for corner in corners) for axis in (0, 1)]
    end = [
        min(corner[axis] + size[axis] for corner, size in zip(corners, sizes, strict=True))
        for axis in (0, 1)
    ]
    if end[0] <= begin[0] or end[1] <= begin[1]:
        names = ", ".join(one.filename for one in sums)
        msg = f"{names} cover no common part of their grid; take sums of one field"
        raise WrongShape(msg)
    return [
        (slice(begin[0] - row, end[0] - row), slice(begin[1] - column, end[1] - column))
        for row, column in corners
    ]


def _noise(plane: NDArray[np.float64]) -> float:
    """Return the noise of the sky: 1.4826 times the median distance from it."""
    import numpy as np

    seen = np.abs(plane[np.isfinite(plane)])
    return max(1.4826 * float(np.median(seen)), 1e-30) if seen.size else 1e-30
