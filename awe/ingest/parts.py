"""Which pixels of an image a frame is: all, one exposure of a cube, one colour of a mosaic.

Pixels are taken out of the bytes of the image as they are. Cards that hold for the whole image
only get the value they have for the frame, or are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from awe import instruments
from awe.errors import BadFits
from awe.fits import blocks

__all__ = ["Part", "later", "layers", "require_exposures"]

#: Cards of the third axis.
THIRD = ("NAXIS3", "CTYPE3", "CRVAL3", "CRPIX3", "CDELT3", "CUNIT3", "CD3_3", "CROTA3")
#: What a third axis of exposures may be called.
TIMES = ("", "TIME", "UTC", "FRAME", "FRAMES", "EXPOSURE")
MOMENT = {"DATE-OBS": "DATE_OBS", "MJD-OBS": "MJD_OBS"}


@dataclass(frozen=True, kw_only=True)
class Part:
    """The pixels of an image that a frame is.

    Attributes
    ----------
    shape : tuple of int
        (ny, nx) of one exposure in the file.
    layer : int or None
        Which exposure of a cube, from 0.
    plane : Plane or None
        Which colour of a mosaic.
    """

    shape: tuple[int, int]
    layer: int | None = None
    plane: instruments.Plane | None = None

    @property
    def name(self) -> str:
        """What the name of the file has behind the number of the extension."""
        layer = "" if self.layer is None else f"_{self.layer + 1:04d}"
        return layer + ("" if self.plane is None else f"_{self.plane.name}")

    def place(self, start: int, size: int) -> tuple[int, int]:
        """Return where the bytes of its exposure are.

        Parameters
        ----------
        start, size : int
            Where the data of the image begin, and of how many bytes a pixel is.
        """
        length = self.shape[0] * self.shape[1] * size
        begin = start + (self.layer or 0) * length
        return begin, begin + length

    def pixels(self, data: bytes, size: int) -> bytes:
        """Return the bytes of its pixels.

        Parameters
        ----------
        data : bytes
            Those of its exposure.
        size : int
            Bytes of a pixel.
        """
        if self.plane is None:
            return data
        whole = np.frombuffer(data, f"V{size}").reshape(self.shape)
        return whole[self.plane.row :: 2, self.plane.column :: 2].tobytes()

    def cards(self) -> list[bytes]:
        """Return the cards that tell which part of the image it is."""
        told = []
        if self.layer is not None:
            told.append(blocks.card("AWE RAW LAYER", self.layer + 1, "exposure of the cube"))
        if self.plane is not None:
            told.append(blocks.card("AWE RAW PLANE", self.plane.name, "colour of the mosaic"))
        return told

    def changes(
        self, attributes: Mapping[str, Any], header: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the cards that are not those of the image; None leaves a card out.

        Parameters
        ----------
        attributes : mapping of str to object
            Attributes of the frame.
        header : mapping of str to value
            Header of the image.
        """
        found: dict[str, Any] = {}
        if self.layer is not None:
            found |= dict.fromkeys(THIRD)
            found |= {
                word: _written(attributes[name])
                for word, name in MOMENT.items()
                if attributes.get(name) is not None
            }
        if self.plane is not None:
            found |= dict.fromkeys(instruments.MOSAIC_CARDS)
            found |= instruments.halved_place(header, self.plane)
            if attributes["astrom"]:
                found |= dict.fromkeys(instruments.SAME_MATRIX) | attributes["astrom"]
        return found


def _written(value: Any) -> Any:
    return value.isoformat(timespec="microseconds") if isinstance(value, datetime) else value


def layers(shape: Sequence[int]) -> tuple[int | None, ...]:
    """Return the numbers of the exposures of an image, from 0; (None,) where it is one.

    Parameters
    ----------
    shape : sequence of int
        Axes of the image, the fastest last.
    """
    return (None,) if len(shape) == 2 else tuple(range(shape[0]))


def require_exposures(
    name: str, shape: Sequence[int], header: Mapping[str, Any], *, split: bool
) -> None:
    """Refuse a cube that is not to be split, or whose third axis is something else than time.

    Parameters
    ----------
    name : str
        The image, for the message.
    shape : sequence of int
        Its axes, the fastest last; one of two axes passes.
    header : mapping of str to value
        Its header.
    split : bool
        Whether it is to be split.

    Raises
    ------
    BadFits
        Telling what to do.
    """
    if len(shape) == 2:
        return
    number = shape[0]
    kind = str(header.get("CTYPE3", "")).strip().upper()
    if kind not in TIMES:
        msg = (
            f"{name} is a cube of {number} planes along {kind}, which are not exposures; its "
            "frames have to be written one by one"
        )
        raise BadFits(msg)
    if not split:
        msg = (
            f"{name} is a cube of {number} planes: where each is an exposure, awe-ingest "
            "--split-cubes takes them one by one, or cube.split = true in the description of the "
            "camera"
        )
        raise BadFits(msg)


def later(
    attributes: Mapping[str, Any], layer: int, step: float | None
) -> dict[str, Any]:
    """Return the attributes of an exposure of a cube, from those of the first.

    Parameters
    ----------
    attributes : mapping of str to object
        Attributes of the cube.
    layer : int
        Which exposure, from 0.
    step : float or None, s
        Time from one exposure to the next; the exposure time where it is None.

    Raises
    ------
    BadFits
        Neither is known, or it is 0.
    """
    between = attributes.get("EXPTIME") if step is None else step
    if not between:
        msg = (
            f"the exposures of the cube of {attributes['DATE_OBS']} have no time from one to the "
            "next; name its card in the description of the camera: cube.step = 'KCT'"
        )
        raise BadFits(msg)
    passed = timedelta(seconds=layer * between)
    found = {**attributes, "DATE_OBS": attributes["DATE_OBS"] + passed}
    found["MJD_OBS"] = attributes["MJD_OBS"] + passed / timedelta(days=1)
    for name in ("UTC", "LST"):
        if attributes.get(name) is not None:
            found[name] = (attributes[name] + passed.total_seconds()) % 86_400
    return found
