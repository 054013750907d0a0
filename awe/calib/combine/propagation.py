"""The variance of a mean of frames, pixel by pixel, from the noise of its frames.

What a pixel scatters by is known beforehand, and a few values tell it badly: ten scatter by a
variance of their own that is wrong by half. So the variance is that of the noise, for as many
values as entered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from awe.calib import _planes
from awe.calib._frames import takes_frames
from awe.calib.combine import Noise

__all__ = ["carried", "flattened_variance", "mean_variance", "of_mean"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from awe.calib.combine import Combined


def of_mean(noises: Sequence[Noise], weights: Sequence[float] | None = None) -> Noise:
    """Return the noise of a weighted mean of values of one level.

    Parameters
    ----------
    noises : sequence of Noise
        One per frame, of its scaled values.
    weights : sequence of float, optional
        One per frame, above zero; equal if absent.

    Examples
    --------
    >>> of_mean([Noise(constant=4.0, slope=1.0)] * 4)
    Noise(constant=1.0, slope=0.25)
    """
    parts = np.ones(len(noises)) if weights is None else np.array(weights, np.float64)
    # var(sum of w_k x_k / W) = sum of w_k**2 (c_k + s_k x) / W**2, W the sum of w_k
    squares = (parts / parts.sum()) ** 2
    return Noise(
        constant=float(squares @ [one.constant for one in noises]),
        slope=float(squares @ [one.slope for one in noises]),
    )


def mean_variance(combined: Combined, noise: Noise) -> NDArray[np.float32]:
    """Return the variance of a combined image: float32, its unit squared, NaN where no value is.

    Parameters
    ----------
    combined : Combined
        Made with `share=True`.
    noise : Noise
        Of a pixel that lost no value (`of_mean`).

    Notes
    -----
    With weights of one over the variance a pixel that lost values has the variance of all over
    the share of the weight it kept; with equal weights, over that of their number.
    """
    assert combined.share is not None
    variance = np.empty_like(combined.image)
    _planes.mean_variance(
        combined.image, combined.share, np.float32(noise.constant), np.float32(noise.slope),
        variance,
    )
    return variance


@takes_frames()
def flattened_variance(
    combined: Combined, noise: Noise, level: NDArray[np.float32], response: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the variance of an image combined of frames that were divided by a flat.

    Parameters
    ----------
    combined : Combined
        Made with `share=True`.
    noise : Noise
        Of a pixel of response 1 that lost no value.
    level : ndarray of float32, shape (ny, nx)
        Light of the pixels, in the unit of the image.
    response : ndarray of float32, shape (ny, nx)
        The flat; its own noise is not in the result.
    """
    assert combined.share is not None
    variance = np.empty_like(combined.image)
    _planes.flattened_variance(
        level, combined.share, response, np.float32(noise.constant), np.float32(noise.slope),
        variance,
    )
    return variance


@takes_frames()
def carried(
    variance: NDArray[np.float32], base: NDArray[np.float32], image: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the variance of an image that is another times a factor without noise.

    Parameters
    ----------
    variance : ndarray of float32, shape (ny, nx)
        Variance of the other image; not modified.
    base : ndarray of float32, shape (ny, nx)
        The other image.
    image : ndarray of float32, shape (ny, nx)
        The product, pixel by pixel.
    """
    # var(k x) = k**2 var(x), k = image / base
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.divide(image, base)
        factor *= factor
        factor *= variance
    result: NDArray[np.float32] = factor
    return result
