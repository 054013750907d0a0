"""Old methods of frames: `load_header()`, `load_image()`, `image`, `get_gain()` and others."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from darma import image as darma_image

from awe.errors import NoCalibration
from awe.model.calibrations import GainLinearity
from awe.model.data import DataObject
from awe.model.raw import RawFrame

__all__ = ["install"]


def load_header(self: DataObject) -> None:
    """Read the header; `frame.header` has it, an `astropy.io.fits.Header`, also without this."""
    _ = self.header


def load_image(self: DataObject) -> None:
    """Read the pixels; `frame.image` has them, also without this."""
    self.__dict__["_image"] = darma_image.image(self)


def image(self: DataObject) -> darma_image.image:
    """Pixels and header of the frame, a `darma.image.image`."""
    if "_image" not in self.__dict__:
        load_image(self)
    found: darma_image.image = self.__dict__["_image"]
    return found


def get_gain(self: RawFrame) -> float:
    """Return the gain of the frame's chip [e-/ADU]: as measured if that is valid, else nominal."""
    with suppress(NoCalibration):
        measured: Any = GainLinearity.select(
            instrument=self.instrument.name, chip=self.chip.name, date=self.DATE_OBS
        )
        return float(measured.gain)
    return float(self.chip.gain)


def store_with_hash_as_name(self: DataObject, prefix: str = "", suffix: str = "") -> None:
    """Name the file after its content and store it.

    Parameters
    ----------
    prefix, suffix : str
        What comes before and behind the hash; the suffix has the ending, such as `'.fits'`.
    """
    path = Path(self._here())
    name = f"{prefix}{hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()}"
    path = path.rename(path.with_name(f"{name}{suffix or path.suffix}"))
    self.pathname, self.filename = path, path.name
    self.store()


def get_inspect_figures(self: DataObject) -> list[Any]:
    """Return no figures: awe keeps none; `preview()` is the small picture of a frame."""
    return []


def install() -> None:
    """Give frames these methods."""
    for function in (load_header, load_image, store_with_hash_as_name, get_inspect_figures):
        if not hasattr(DataObject, function.__name__):
            setattr(DataObject, function.__name__, function)
    if not hasattr(RawFrame, "get_gain"):
        RawFrame.get_gain = get_gain
        DataObject.image = property(image)
