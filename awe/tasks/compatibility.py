"""Whether a calibration image belongs to a frame: the same pixels of the chip, the right unit.

What a product was made from and what its file holds never change, so each is looked at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from awe import fits
from awe.errors import BadHeader, NoCalibration, NoValidPixels, ParameterError, WrongShape
from awe.model.calibrations import BaseFlatFrame
from awe.rules.fitting import Needs, method_of, needs_of, needs_of_frames, shown_of, window_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from awe.tasks.unit import Unit

__all__ = ["blank", "needs_of_unit", "require_fit", "require_unit", "require_values", "window_of"]

#: class -> unit of its pixels; flats and maps have none
UNITS = {
    "BiasFrame": "adu",
    "DarkFrame": "adu/s",
    "FringeFrame": "adu",
    "BackgroundFrame": "adu",
}

#: object_id of calibrations whose unit was looked at: files never change
_with_unit: set[Any] = set()


def needs_of_unit(unit: Unit, method: int | None = None) -> Needs:
    """Return what calibrations of a unit must have: fit its frames, or its first calibration.

    Parameters
    ----------
    unit : Unit
        The unit in hand.
    method : int, optional
        Overscan method a bias must have.
    """
    if unit.frames or not unit.pattern:
        needs = needs_of_frames(unit.frames, method)
    else:
        needs = needs_of(unit.pattern[0], method)
    return replace(needs, unusable=unit.unusable)


def require_fit(unit: Unit, item: Any, needs: Needs) -> None:
    """Refuse a calibration that does not fit the frames of a unit.

    The number of pixels may be the same; what differs is their place on the chip.

    Raises
    ------
    WrongShape
        It shows other pixels.
    NoCalibration
        It was read in another mode.
    ParameterError
        It is a bias made with another overscan method.
    """
    called = getattr(item, "filename", "") or type(item).__name__
    if needs.misplaced(item):
        msg = (
            f"{unit.name} shows {needs.shown}, {called} was made of frames that show "
            f"{shown_of(item)}; make a {type(item).__name__} of frames with that window and "
            "binning"
        )
        raise WrongShape(msg)
    if said := needs.misread(item):
        wanted = f"make a {type(item).__name__} of frames read in that mode"
        msg = f"{called} does not fit {unit.name}: {said}; {wanted}"
        raise NoCalibration(msg)
    if needs.miscorrected(item):
        theirs, ours = method_of(item), needs.overscan
        msg = (
            f"{called} was made with overscan method {theirs}, {unit.name} uses {ours}; use the "
            f"same for both, for example overscan={theirs}, or make {called} again"
        )
        raise ParameterError(msg)


def blank(unit: Unit, value: float) -> NDArray[np.float32]:
    """Return an image of one value that shows the pixels of a unit, for a missing calibration.

    Parameters
    ----------
    unit : Unit
        The unit in hand.
    value : float
        Value of every pixel.

    Raises
    ------
    NoCalibration
        The size of the frames is not known.
    """
    import numpy as np

    shown = needs_of_unit(unit).shown
    if shown is None:
        msg = f"{unit.name}: nothing tells the size of a {unit.lacks[-1]} to go on without"
        raise NoCalibration(msg)
    return np.full((shown.ny, shown.nx), value, np.float32)


def require_unit(item: Any) -> None:
    """Refuse a calibration image, here on disk, in another unit than its class has.

    Raises
    ------
    BadHeader
        With the unit found and the unit wanted.
    """
    # what unit a class of a user's own has is theirs to say
    if item.object_id in _with_unit or not type(item).__module__.startswith("awe."):
        return
    wanted = UNITS.get(type(item).__name__, "")
    found = str(fits.read_header(item.pathname).get("BUNIT", wanted)).replace(" ", "").lower()
    if found != wanted:
        msg = (
            f"{item.filename} has pixels in {found or 'no unit'} (BUNIT), a {type(item).__name__} "
            f"has {wanted or 'no unit'}; set is_valid = 0 for it and make it again"
        )
        raise BadHeader(msg)
    _with_unit.add(item.object_id)


def require_values(item: Any, pixels: NDArray[Any]) -> None:
    """Refuse a calibration image without a single value, and a flat that divides nothing.

    Parameters
    ----------
    item : object
        The calibration.
    pixels : ndarray, shape (ny, nx)
        Its pixels.

    Raises
    ------
    NoValidPixels
        With what was found.
    """
    flat = isinstance(item, BaseFlatFrame)
    for part in (pixels[::16, ::16], pixels):
        # a thin sample tells nearly always; NaN fails both comparisons
        if ((part > 0) if flat else (part == part)).any():
            return
    found = "pixel above 0: it cannot divide" if flat else "pixel with a value"
    msg = f"{item.filename} has no {found}; set is_valid = 0 for it and make it again"
    raise NoValidPixels(msg)
