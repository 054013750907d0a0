"""Reason bits of pixels as regions: a box round neighbours, in the colour of their bit.

Programs that know nothing of awe's planes show them so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from awe.calib.flags import PixelFlag
from awe.inspect.overlay import COLOURS

__all__ = ["MOST", "boxes"]

#: Most boxes of one bit; where there are more, the largest.
MOST = 1000
TOUCHING = np.ones((3, 3), int)


def boxes(
    flags: NDArray[Any], first: tuple[int, int] = (1, 1), *, tracks: bool = True
) -> str:
    """Return regions in the format of DS9, each with the name of its bit as a tag.

    Parameters
    ----------
    flags : ndarray of integers, shape (ny, nx)
        Reason bits; 0 = good.
    first : tuple of int
        FITS pixel coordinates (x, y) that `flags[0, 0]` has in the image that is shown.
    tracks : bool
        Have boxes of satellite tracks too, which cross the whole frame.

    Examples
    --------
    >>> import numpy as np
    >>> from awe.calib.flags import PixelFlag
    >>> flags = np.zeros((4, 6), "u2")
    >>> flags[1:3, 2] = PixelFlag.HOT
    >>> print(boxes(flags))
    image
    box(3.0,2.5,1,2,0) # color=#ff7f0e tag={HOT}
    """
    lines = []
    for flag in PixelFlag:
        if flag == PixelFlag.SATELLITE and not tracks:
            continue
        groups, _ = ndimage.label((flags & int(flag)) != 0, TOUCHING)
        sizes = np.bincount(groups.ravel())[1:]
        places = ndimage.find_objects(groups)
        for index in np.argsort(-sizes, kind="stable")[:MOST]:
            rows, columns = places[index]
            x = (columns.start + columns.stop - 1) / 2 + first[0]
            y = (rows.start + rows.stop - 1) / 2 + first[1]
            wide, high = columns.stop - columns.start, rows.stop - rows.start
            lines.append(
                f"box({x},{y},{wide},{high},0) # color={COLOURS[flag]} tag={{{flag.name}}}"
            )
    return "\n".join(["image", *lines]) if lines else ""
