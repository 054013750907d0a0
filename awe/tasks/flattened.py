"""Science frames de-biased and flat-fielded, without more: input of flats, fringes and skies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.tasks.inputs import Raws
    from awe.tasks.task import Task

__all__ = ["flattened"]


def flattened(
    task: Task, raws: Raws, bias: Any, flat: Any, method: int
) -> list[NDArray[Any]]:
    """Return raw frames minus level and bias, divided by the flat [ADU]; NaN where it cannot.

    Raises
    ------
    ParameterError
        The bias was made with another overscan method.
    """
    import numpy as np

    from awe.calib.detector import overscan
    from awe.calib.sky.flat import usable

    if bias is not None:
        overscan.require_same(method, bias.process_params.OVERSCAN_CORRECTION, bias.filename)
    divisor = task.pixels(flat, 1.0)
    good = usable(divisor)
    images = []
    for pixels, offset in zip(raws.pixels, raws.offsets, strict=True):
        image = np.subtract(pixels, offset, dtype=np.float32, casting="unsafe")
        image -= task.pixels(bias)
        images.append(
            np.divide(image, divisor, out=np.full_like(image, np.nan), where=good)
        )
    return images
