"""What is left of a flat's pattern in a frame that was divided by it.

Pixels answer light differently by about a percent, and a flat takes that out. Where the frame was
read one pixel late, or the flat is that of another chip or filter, the pattern is left, most often
upside down: the frame is dim where the flat is bright.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from awe.calib._frames import takes_frames
from awe.calib.detector.trim import require_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Imprint", "imprint"]

#: pixels that suffice
_SAMPLE = 500_000

#: pixels whose median is good enough for a limit
_FEW = 50_000

#: further from the median, pixels are stars, hits and edges of vignetting [robust sigma]
_FAR = 5.0

#: fewest pixels that tell something
_FEWEST = 1000

#: variance of a pixel minus the mean of its two neighbours, over that of a pixel
_DIFFERENCE = 1.5

#: sigma over the median absolute deviation of a Gaussian
_GAUSS = 1.4826


class Imprint(NamedTuple):
    """How much of a flat's pattern is in a frame.

    Attributes
    ----------
    part : float
        Part of the pattern: 0 where it was taken out, -1 and less where it was put in.
    error : float
        Standard error of the part.
    pattern : float
        Scatter of the flat from pixel to pixel, relative.
    """

    part: float
    error: float
    pattern: float


@takes_frames(double=True)
def imprint(image: NDArray[Any], flat: NDArray[Any], bad: NDArray[Any]) -> Imprint | None:
    """Return how much of a flat's pattern is in a frame, by least squares over good pixels.

    Each pixel is taken relative to its two neighbours in the row, in both, so that sky, stars and
    slopes do not count.

    Parameters
    ----------
    image : ndarray, shape (ny, nx), any real dtype
        Frame that was divided by the flat [ADU]; not modified.
    flat : ndarray, shape (ny, nx), any real dtype
        The flat, mean 1.
    bad : ndarray of bool, shape (ny, nx)
        Pixels that do not count.

    Returns
    -------
    Imprint or None
        None where too few pixels count, or there is no light.

    Raises
    ------
    WrongShape
        The three differ in size.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> flat = rng.normal(1, 0.01, (200, 200))
    >>> frame = 1000 * np.roll(flat, 1, axis=1) / flat + rng.normal(0, 20, (200, 200))
    >>> round(imprint(frame, flat, np.zeros((200, 200), bool)).part, 1)
    -1.7
    """
    shape = (image.shape[0], image.shape[1])
    require_shape(flat, shape, "the flat")
    require_shape(bad, shape, "the map of bad pixels")
    step = max(1, image.size // _SAMPLE)
    image, flat = image[::step], flat[::step]
    good = ~bad[::step] & np.isfinite(image) & np.isfinite(flat)
    use = good[:, 1:-1] & good[:, 2:] & good[:, :-2]
    if np.count_nonzero(use) < _FEWEST:
        return None
    level = _middle(image[good])
    if level <= 0:
        return None
    response, light = _edges(flat)[use], _edges(image)[use]
    near = _near(response) & _near(light)
    response, light = response[near], light[near]
    power = _product(response, response)
    if response.size < _FEWEST or power == 0:
        return None
    part = _product(response, light) / power / level
    error = float(light.std()) / power**0.5 / level
    return Imprint(part, error, (power / response.size / _DIFFERENCE) ** 0.5)


def _edges(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Return each pixel minus the mean of its neighbours in the row."""
    wide = np.asarray(pixels, np.float64)
    found: NDArray[np.float64] = wide[:, 2:] + wide[:, :-2]
    found *= 0.5
    return np.subtract(wide[:, 1:-1], found, out=found)


def _product(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Return the sum of products; not by `@`, whose threads keep processors busy for longer."""
    return float(np.einsum("i,i->", one, other))


def _near(values: NDArray[Any]) -> NDArray[Any]:
    """Return where values are not far from their median."""
    away = np.abs(values - _middle(values))
    near: NDArray[Any] = away <= _FAR * _GAUSS * _middle(away)
    return near


def _middle(values: NDArray[Any]) -> float:
    """Return the median of values, of many of them from a part."""
    some = np.sort(values[:: max(1, values.size // _FEW)])
    return float(some[(some.size - 1) // 2 : some.size // 2 + 1].mean())
