"""Which zero point a frame on a grid has, and how frames are brought onto one for a sum."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awe import instruments
from awe.errors import NotVisible, NoValidPixels
from awe.model.photometry import PhotometricParameters
from awe.rules import appointed, remedy
from awe.rules.roles import VALIDITY
from awe.tasks.grids import some
from awe.tasks.inputs import find
from awe.tasks.standards import airmass_of
from awe.terminal import out

if TYPE_CHECKING:
    from awe.tasks.unit import Unit

__all__ = ["FluxScale", "error_together", "one_zero_point", "scale_to", "scaled"]


@dataclass(frozen=True, kw_only=True)
class FluxScale:
    """The zero point of one frame.

    Attributes
    ----------
    photom : PhotometricParameters or None
        Zero point of its chip, filter and night.
    zeropnt, error : float or None
        Magnitude of 1 ADU/s at the airmass of the frame, and its error [mag].
    factor : float
        Factor from ADU to the light of magnitude 0 [1/ADU]; 1 without a zero point.
    mag_id : str
        Band of its magnitudes, and the camera where they are in its own system.
    choices : dict
        Who named the zero point, where somebody did.
    of_stranger : bool
        Whether nobody appointed its maker.
    """

    photom: Any = None
    zeropnt: float | None = None
    error: float | None = None
    factor: float = 1.0
    mag_id: str = ""
    choices: dict[str, str]
    of_stranger: bool = False


def scaled(unit: Unit) -> FluxScale:
    """Return the zero point of the reduced frame of a unit; without one it is said, and goes on.

    Parameters
    ----------
    unit : Unit
        The unit in hand: one reduced frame.

    Raises
    ------
    NoCalibration, WrongShape
        Somebody named one, which does not fit.
    """
    red = unit.frames[0]
    photom = find(unit, PhotometricParameters) if unit.filter is not None else None
    if photom is None and unit.given is not None:
        _tell(unit, "it had none when it was made")
        return FluxScale(choices={})
    if photom is None:
        place = {"instrument": unit.instrument.name, "chip": unit.chip.name}
        place["date"] = instruments.get(unit.instrument.name).night(unit.date).isoformat()
        place["filter"] = unit.filter.name if unit.filter is not None else "..."
        _tell(unit, f"no PhotometricParameters is valid; {remedy.make_it(_CLASS, place)}")
        return FluxScale(choices={})
    _, how = unit.by_hand.get("PhotometricParameters", (None, VALIDITY))
    choices = {} if how == VALIDITY else {"photom": how}
    stranger = appointed.stranger(photom)
    try:
        airmass = airmass_of(red) if photom.extinction is not None else 0.0
        zeropnt, error_of_it = photom.at_airmass(airmass)
        system = _system(photom)
    except (NoValidPixels, NotVisible) as error:
        _tell(unit, str(error))
        return FluxScale(photom=photom, choices=choices, of_stranger=stranger)
    return FluxScale(
        photom=photom, zeropnt=zeropnt, error=error_of_it,
        factor=10 ** (-0.4 * zeropnt) / (red.EXPTIME or 1.0), choices=choices,
        of_stranger=stranger, mag_id=system,
    )  # fmt: skip


_CLASS: Any = PhotometricParameters


def _system(photom: Any) -> str:
    """Return the band of the standards, with the camera where they were transformed to it."""
    first = photom.photcat
    transformed = first is not None and first.transform is not None
    return f"{photom.mag_id} {photom.instrument.name}" if transformed else str(photom.mag_id)


def _tell(unit: Unit, why: str) -> None:
    out(f"{unit.name}: WARNING: goes on without a zero point (quality bit ZEROPOINT): {why}\n")


def one_zero_point(name: str, frames: Sequence[Any]) -> float | None:
    """Return the zero point frames are brought onto: the mean of theirs, None if any has none.

    Parameters
    ----------
    name : str
        What they are added to, for the line that tells which have none.
    frames : sequence of RegriddedFrame
        The frames.
    """
    lacking = [frame.filename for frame in frames if frame.zeropnt is None]
    if lacking:
        out(
            f"{name}: WARNING: the sum has no zero point (quality bit ZEROPOINT), "
            f"{len(lacking)} of {len(frames)} frames have none: {some(lacking)}; measure it with "
            "Photom and regrid them\n"
        )
        return None
    systems = sorted({frame.mag_id for frame in frames})
    if len(systems) > 1:
        out(
            f"{name}: WARNING: the sum has no zero point (quality bit ZEROPOINT), those of its "
            f"frames are of different magnitudes: {', '.join(map(repr, systems))}; measure them "
            "alike with Photom(..., transform=1) or transform=0, and regrid the frames\n"
        )
        return None
    return statistics.fmean(frame.zeropnt for frame in frames)


def scale_to(frame: Any, zeropnt: float | None) -> float:
    """Return the factor from the pixels of a frame [ADU] to ADU/s at a zero point.

    Parameters
    ----------
    frame : RegriddedFrame
        The frame.
    zeropnt : float or None
        The zero point [mag]; None divides by the exposure time only.
    """
    if zeropnt is None:
        return 1.0 / float(frame.EXPTIME or 1.0)
    return float(frame.FLXSCALE * 10 ** (0.4 * zeropnt))


def error_together(frames: Sequence[Any], weights: Sequence[float]) -> float:
    """Return the error of the zero point of a mean [mag]: frames of one solution share theirs.

    Parameters
    ----------
    frames : sequence of RegriddedFrame
        The frames, all with a zero point.
    weights : sequence of float
        Their weights.
    """
    total = sum(weights)
    shared: dict[Any, float] = {}
    for frame, weight in zip(frames, weights, strict=True):
        try:
            key = frame.photom
        except NotVisible:
            key = None  # those one may not see may be one and the same
        part = weight / total * (frame.zeropnt_error or 0.0)
        shared[key] = shared.get(key, 0.0) + part
    return float(sum(part**2 for part in shared.values()) ** 0.5)
