"""FITS sections and Python slices: the only place where the two ways of counting meet.

A section is text as in a header, `[x0:x1,y0:y1]`, one-based with both ends included; inside awe
pixels are `image[y, x]`, zero-based and half-open. Reversed or stepped sections are refused.
"""

from __future__ import annotations

import re

from awe.errors import BadHeader, WrongShape

__all__ = ["Slices", "format", "inside", "parse", "shape"]

#: the (y, x) slices that cut a section out of an array
Slices = tuple[slice, slice]

_SECTION = re.compile(
    r"\s*\[\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*\]\s*", re.ASCII
)


def parse(text: str, image_shape: tuple[int, int] | None = None) -> Slices:
    """Return the (y, x) slices of a FITS section.

    Parameters
    ----------
    text : str
        Section such as `[49:2096,1:4100]`, one-based, both ends included, x first.
    image_shape : tuple of int, optional
        (ny, nx) of the image; when given, a section that leaves the image is refused.

    Raises
    ------
    BadHeader
        The text is not a section, starts below 1 or runs backwards.
    WrongShape
        The section leaves the image.

    Examples
    --------
    >>> parse('[49:2096,1:4100]')
    (slice(0, 4100, None), slice(48, 2096, None))
    """
    match = _SECTION.fullmatch(text)
    if match is None:
        msg = f"section {text!r} is not of the form '[x0:x1,y0:y1]'; correct the header"
        raise BadHeader(msg)
    x0, x1, y0, y1 = (int(group) for group in match.groups())
    if x0 < 1 or y0 < 1 or x1 < x0 or y1 < y0:
        msg = f"section {text!r} must start at 1 or above and run forwards; correct the header"
        raise BadHeader(msg)
    # pixel 1 of FITS is index 0; the last one included, x1, is the first one excluded, x1 - 1 + 1
    slices = (slice(y0 - 1, y1), slice(x0 - 1, x1))
    if image_shape is not None and not inside(slices, image_shape):
        msg = (
            f"section {text} does not lie inside an image of {image_shape[1]} x {image_shape[0]}"
            " pixels; was the frame windowed or binned?"
        )
        raise WrongShape(msg)
    return slices


def format(slices: Slices) -> str:
    """Return the FITS section of a pair of (y, x) slices.

    Parameters
    ----------
    slices : tuple of slice
        Slices in y and x, zero-based.

    Examples
    --------
    >>> format((slice(0, 4100), slice(48, 2096)))
    '[49:2096,1:4100]'
    """
    y, x = slices
    return f"[{x.start + 1}:{x.stop},{y.start + 1}:{y.stop}]"


def shape(slices: Slices) -> tuple[int, int]:
    """Return (ny, nx) of what a pair of slices cuts out.

    Parameters
    ----------
    slices : tuple of slice
        Slices in y and x, zero-based.
    """
    y, x = slices
    return (y.stop - y.start, x.stop - x.start)


def inside(slices: Slices, image_shape: tuple[int, int]) -> bool:
    """Return True if a pair of slices lies within an image of that (ny, nx).

    Parameters
    ----------
    slices : tuple of slice
        Slices in y and x, zero-based.
    image_shape : tuple of int
        Shape (ny, nx) of the image.
    """
    return bool(slices[0].stop <= image_shape[0] and slices[1].stop <= image_shape[1])
