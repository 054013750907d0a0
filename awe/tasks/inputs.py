"""What calibration recipes share: raw frames in, the common attributes of a product out.

Reads raw frames trimmed, together with their overscan levels, and fills the attributes every
calibration has. Knows no particular recipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from awe import fits, instruments
from awe.calib.detector.geometry import ChipGeometry
from awe.db.declare.attributes import Kind
from awe.errors import NoCalibration
from awe.model.calibrations import BackgroundFrame
from awe.model.mixins import ProcessTarget, QualityFlag, has, value_of
from awe.model.statistics import Imstat
from awe.rules import appointed, validity
from awe.rules.fitting import Needs, mode_of, needs_of, needs_of_frames
from awe.rules.roles import MISSING, chosen_roles
from awe.rules.validity import range_around
from awe.tasks.compatibility import needs_of_unit, require_fit
from awe.terminal import out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.tasks.unit import Call, Unit

__all__ = [
    "Raws",
    "absent",
    "background_of",
    "choose",
    "find",
    "finish",
    "fixed",
    "imstat",
    "mark_others",
    "missing",
    "newest",
    "nominal",
    "place",
    "read_noise",
    "read_raws",
]

#: what has been said of calibrations that do not fit: once is enough
_told: set[str] = set()


@dataclass(frozen=True, kw_only=True)
class Raws:
    """Trimmed raw frames, the electronic level of each and the variance of one level.

    All are in counts of the chip: those of several amplifiers are joined and have one gain.
    `by_amplifier` has the variance of one level of each amplifier, `stuck` the bits of the
    converter that are the same in all counts of a frame.
    """

    pixels: list[NDArray[Any]]
    offsets: list[NDArray[Any]]
    variances: list[float]
    by_amplifier: list[tuple[float, ...]] = field(default_factory=list)
    stuck: list[tuple[int, ...]] = field(default_factory=list)

    @property
    def level_variance(self) -> float:
        """Mean variance of the level of a pixel [ADU**2]."""
        return sum(self.variances) / len(self.variances)


def read_raws(task: Call, frames: Sequence[Any], method: int) -> Raws:
    """Return the light-sensitive pixels of raw frames and their overscan levels [ADU]."""
    from awe.calib.detector import amplifiers, converter

    task.fetch(frames)
    raws = Raws(pixels=[], offsets=[], variances=[])
    for frame in frames:
        geometry = ChipGeometry(**frame.geometry)
        # the dataserver vouches for the bytes, not for what somebody stored
        fits.judge(frame.pathname, verify=False)
        pixels = fits.read_pixels(frame.pathname)
        level = amplifiers.levelled(pixels, geometry, method)
        raws.pixels.append(level.counts)
        raws.offsets.append(level.offset)
        raws.variances.append(level.variance)
        raws.by_amplifier.append(level.variances)
        raws.stuck.append(converter.stuck_anywhere(pixels, geometry))
    return raws


def choose(
    unit: Unit, cls: Any, of: str = "anyone", *, method: int | None = None
) -> Any:
    """Return the calibration of a class that belongs to a unit, or refuse to go on.

    None is returned if none fits and the call is to go on without it.

    Parameters
    ----------
    unit : Unit
        The unit in hand.
    cls : type
        Class of the calibration.
    of : str
        Whose calibrations, as `CALIBRATIONS_OF`.
    method : int, optional
        Overscan method a bias must have.

    Raises
    ------
    NoCalibration
        There is none, or all were read in another mode.
    WrongShape
        All were made of frames with another window or binning.
    ParameterError
        All were made with another overscan method.
    """
    known = fixed(unit, cls)
    if known is None and cls.__name__ in (unit.given or ()):
        return _gone_without(unit, cls)
    if known is None and unit.given is not None:
        msg = f"{unit.name}: the inputs given hold no {cls.__name__}"
        raise NoCalibration(msg)
    needs = needs_of_unit(unit, method)
    if known is None:
        known = _fitting(unit, cls, of, needs)
        if known is None and cls.__name__ in unit.go_without:
            return _gone_without(unit, cls, _ruled_out(unit, cls, of, needs))
        if known is None:
            known = _or_refuse(unit, cls, of)
        _tell(unit, known)
    require_fit(unit, known, needs)
    unit.consulted[cls.__name__] = str(known.object_id)
    if not unit.frames and not unit.pattern and has(known, "filename"):
        unit.pattern.append(known)
    return known


def _or_refuse(unit: Unit, cls: Any, of: str) -> Any:
    """Return the newest that does not fit, to name it, or refuse with why there is none."""
    try:
        return validity.choose(cls, date=unit.date, of=of, **place(unit, cls))
    except NoCalibration as error:
        role = unit.dispensable.get(cls.__name__)
        if role is None:
            raise
        without = f"go on without it: go_without=[{role!r}] (or 'all'; quality bit MISSING)"
        msg = f"{error}, or {without}"
        raise NoCalibration(msg) from error


def _ruled_out(unit: Unit, cls: Any, of: str, needs: Needs) -> str:
    """Return which calibration is nearest to be chosen, and what speaks against it."""
    found = validity.judge(cls, date=unit.date, of=of, needs=needs, **place(unit, cls))
    best = min(found, key=lambda one: len(one.objections), default=None)
    return f"; ruled out: {best}" if best is not None else ""


def _gone_without(unit: Unit, cls: Any, ruled_out: str = "") -> None:
    """Say that a calibration is missing; the product gets the bit."""
    name = cls.__name__
    unit.consulted[name] = None
    unit.lacks.append(name)
    told = f"no {name} fits, goes on without it; quality bit MISSING"
    out(f"{unit.name}: WARNING: {told}{ruled_out}\n")


def read_noise(unit: Unit, measured: Any) -> float:
    """Return the read noise of a unit's chip [ADU]: the nominal one where none is measured.

    Parameters
    ----------
    unit : Unit
        The unit in hand.
    measured : ReadNoise or None
        The one that was chosen.
    """
    if measured is not None:
        return float(measured.read_noise)
    chip = nominal(unit)
    return float(chip.read_noise / chip.gain)


def absent(unit: Unit, classes: Sequence[Any]) -> set[Any]:
    """Return the classes of which there is no calibration at all for a unit, named or not.

    Parameters
    ----------
    unit : Unit
        The unit in hand.
    classes : sequence of type
        Classes of calibrations.
    """
    open_ = [cls for cls in classes if unit.given is None and fixed(unit, cls) is None]
    where = {"instrument": unit.instrument, "chip": unit.chip, "filter": unit.filter}
    return validity.absent(open_, **where)


def find(unit: Unit, cls: Any, of: str = "anyone", *, absent: bool = False) -> Any:
    """Return the calibration of a class that belongs to a unit, or None where none fits.

    Parameters
    ----------
    unit : Unit
        The unit in hand.
    cls : type
        Class of the calibration.
    of : str
        Whose calibrations, as `CALIBRATIONS_OF`.
    absent : bool
        Whether it is known that there is none.

    Raises
    ------
    NoCalibration, WrongShape
        Somebody named one, which does not fit.
    """
    known, needs = fixed(unit, cls), needs_of_unit(unit)
    if known is not None:
        require_fit(unit, known, needs)
    elif unit.given is None and not absent:
        known = _fitting(unit, cls, of, needs)
        if known is None:
            _tell_flagged(unit, cls)
        _tell(unit, known)
    unit.consulted[cls.__name__] = str(known.object_id) if known is not None else None
    return known


def _fitting(unit: Unit, cls: Any, of: str, needs: Needs) -> Any:
    """Return the newest calibration that fits the unit's frames, or None; tell what does not."""
    passed: list[Any] = []
    found = validity.find(
        cls, date=unit.date, of=of, needs=needs, passed=passed, **place(unit, cls)
    )
    for item in passed:
        told = f"{_called(item)} is passed over: {needs.objection(item)}"
        if told not in _told:
            _told.add(told)
            out(f"{unit.name}: {told}\n")
    return found


def _tell_flagged(unit: Unit, cls: Any) -> None:
    """Say it where there is a calibration, but with quality bits, which are never chosen."""
    found = validity.flagged(cls, date=unit.date, **place(unit, cls))
    if found is None:
        return
    item, cure = found
    told = f"{_called(item)} is passed over: {'; '.join(validity.unsound(item))}"
    if told not in _told:
        _told.add(told)
        out(f"{unit.name}: no {cls.__name__}: {told}; {cure}\n")


def _called(item: Any) -> str:
    return str(value_of(item, "filename") or type(item).__name__)


def _tell(unit: Unit, known: Any) -> None:
    """Say it where neither the user nor anybody appointed made a calibration."""
    if known is not None and appointed.stranger(known):
        out(
            f"{unit.name}: {_called(known)} is of "
            f"{appointed.name(known)}, who is not appointed; CALIBRATIONS_OF says whose may "
            "be used\n"
        )


def mark_others(product: Any) -> None:
    """Set the bit of a new product that was made with a calibration of a stranger."""
    for name, attribute in type(product)._attributes.items():
        if attribute.kind is not Kind.LINK or not issubclass(attribute.target, ProcessTarget):
            continue
        used = getattr(product, name)
        if name != "prev" and used is not None and used._committed and appointed.stranger(used):
            product.quality_flags |= int(QualityFlag.OTHERS)


def fixed(unit: Unit, cls: Any) -> Any:
    """Return the calibration of a class that a unit must use, or None."""
    if cls.__name__ in unit.by_hand:
        return unit.by_hand[cls.__name__][0]
    return (unit.given or {}).get(cls.__name__)


def place(unit: Unit, cls: Any) -> dict[str, Any]:
    """Return the instrument, chip and filter of the calibrations that belong to a unit."""
    where = {"instrument": unit.instrument, "chip": unit.chip}
    return where | ({"filter": unit.filter} if has(cls, "filter") else {})


def newest(unit: Unit, cls: Any) -> Any:
    """Return the newest object of a class for a unit's chip (and filter), or None."""
    query = (cls.instrument == unit.instrument) & (cls.chip == unit.chip)
    if has(cls, "filter") and unit.filter is not None:
        query &= cls.filter == unit.filter
    return query.max("creation_date")


def nominal(unit: Unit) -> Any:
    """Return the nominal numbers of a unit's chip: gain [e-/ADU], read noise [e-]."""
    return instruments.get(unit.instrument.name).chip(unit.chip.name)


def imstat(pixels: NDArray[Any]) -> Any:
    """Return new statistics of all finite pixels of a frame."""
    from awe.calib import statistics

    numbers = statistics.image_statistics(pixels)
    return Imstat(
        min=numbers.min,
        max=numbers.max,
        mean=numbers.mean,
        median=numbers.median,
        stdev=numbers.stdev,
        x_lower=1,
        x_upper=int(pixels.shape[1]),
        y_lower=1,
        y_upper=int(pixels.shape[0]),
    )


def finish(task: Call, unit: Unit, product: Any, pixels: NDArray[Any] | None = None) -> None:
    """Fill what every calibration has: chip, validity, parameters, statistics, verdict, file."""
    cls = type(product)
    rejected = product.__dict__.get("_rejected", {})
    used = [frame for frame in unit.frames if frame.filename not in rejected]
    dates = [frame.DATE_OBS for frame in used] or [unit.date]
    product.instrument = unit.instrument
    product.chip = unit.chip
    if has(cls, "filter"):
        product.filter = unit.filter
    product.timestamp_start, product.timestamp_end = range_around(
        cls, unit.instrument, min(dates), max(dates)
    )
    if product.process_params is None:
        product.process_params = task.parameters(cls.__name__)
    # The predecessor is looked up before `compare`, and the bits of strangers' calibrations are
    # added after `verify`, which sets `quality_flags` anew.
    product.prev = newest(unit, cls)
    if used and "observing_block" in cls._attributes:
        product.observing_block = used[0].observing_block
    product.process_status = 1
    _record_reading(product, used)
    product.choices = _choices(unit, product)
    if pixels is not None:
        product.imstat = imstat(pixels)
        for name, size in (("NAXIS1", pixels.shape[1]), ("NAXIS2", pixels.shape[0])):
            if name in cls._attributes:
                setattr(product, name, int(size))
    product.verify(pixels)
    product.compare(pixels=pixels)
    mark_others(product)


def _choices(unit: Unit, product: Any) -> dict[str, str]:
    """Return who named calibrations, by role, or by class where there is no link to them."""
    links = {role: value_of(product, role) for role in chosen_roles(type(product))}
    roles = {type(used).__name__: role for role, used in links.items() if used is not None}
    found = {
        roles.get(name, name): how
        for name, (_, how) in unit.by_hand.items()
        if unit.consulted.get(name) is not None
    }
    return found | missing(unit, type(product))


def missing(unit: Unit, cls: Any) -> dict[str, str]:
    """Return role -> what is recorded, of the calibrations a unit went on without."""
    roles = {cls._attribute(role).target.__name__: role for role in chosen_roles(cls)}
    return {roles.get(name, name): MISSING for name in unit.lacks}


def _record_reading(product: Any, frames: Sequence[Any]) -> None:
    """Record which pixels a new calibration shows, and in which mode they were read."""
    needs = needs_of_frames(frames) if frames else needs_of(product)
    product.shows = needs.shown.record() if needs.shown is not None else {}
    if not frames:
        links = (value_of(product, role) for role in chosen_roles(type(product)))
        modes = (mode_of(link) for link in links if link is not None)
        product.read_mode = next(filter(None, modes), "")
    else:
        product.read_mode = needs.read_mode


def background_of(unit: Unit, bias: Any, flat: Any) -> BackgroundFrame:
    """Return the newest sound background of a unit's raw frame, made with a bias and a flat.

    Raises
    ------
    NoCalibration
        There is none, or only with another bias or flat.
    """
    raw = unit.frames[0]
    query: Any = (BackgroundFrame.raw == raw) & (BackgroundFrame.is_valid > 0)
    sound = list((query & (BackgroundFrame.quality_flags == 0)).order_by("-creation_date"))
    fitting = [back for back in sound if back.bias == bias and back.flat == flat]
    if fitting:
        found: BackgroundFrame = fitting[0]
        unit.consulted["BackgroundFrame"] = str(found.object_id)
        return found
    state = "only some with another bias or flat" if sound else "none that is sound"
    msg = (
        f"a BackgroundFrame of {raw.filename} was requested, there is {state}; "
        f"dpu.run('Background', instrument={raw.instrument.name!r}, "
        f"raw_filenames=[{raw.filename!r}], commit=True) makes it"
    )
    raise NoCalibration(msg)
