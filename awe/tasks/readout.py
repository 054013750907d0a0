"""How several amplifiers of one chip enter the recipes: which pixels are whose, and their numbers.

Products keep the numbers of each for its own counts, whatever gain the frame was joined at;
kernels work on counts of the chip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.calib.detector.geometry import ChipGeometry
from awe.model.mixins import value_of
from awe.rules.fitting import shown_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from awe.calib.detector.amplifiers import Levelled
    from awe.calib.detector.geometry import Amplifier
    from awe.calib.detector.sections import Slices

__all__ = ["gains_apart", "noises", "numbers", "parts", "seen"]


def parts(frame: Any) -> tuple[tuple[Amplifier, Slices], ...]:
    """Return the amplifiers of a raw frame, each with its place in the frame without strips.

    Parameters
    ----------
    frame : RawFrame
        The raw frame; of a chip with one amplifier nothing is returned.
    """
    geometry = ChipGeometry(**frame.geometry)
    return tuple(zip(geometry.amplifiers, geometry.places(), strict=True))


def seen(
    raw: NDArray[Any], geometry: ChipGeometry, method: int, chip: Any, threshold: float
) -> tuple[Levelled, NDArray[Any], tuple[float, ...], float]:
    """Return the frame with its levels, and the pixels stars are measured on.

    With them come the raw counts from which pixels are saturated, and what that is on the pixels
    [ADU]. Those of several amplifiers have no level any more, and each its own saturation.

    Parameters
    ----------
    raw : ndarray, shape (ny, nx), ADU
        Untrimmed raw frame.
    geometry : ChipGeometry
        Its regions.
    method : int
        Overscan method.
    chip : Chip
        Nominal numbers of the chip.
    threshold : float, ADU
        Raw count from which pixels are saturated at most.
    """
    from awe.calib.detector import amplifiers, saturation

    level = amplifiers.levelled(raw, geometry, method)
    if not geometry.amplifiers:
        end = saturation.converter_end(level.pixels)
        high = float(min(chip.saturated(threshold), end))
        return level, level.pixels, (high,), high
    full = tuple(
        min(one.saturated(threshold), saturation.converter_end(level.pixels[place]))
        for one, place in zip(geometry.amplifiers, level.places, strict=True)
    )
    ends = amplifiers.plane(geometry, full) - level.offsets
    ends = ends if level.scale is None else ends * level.scale
    return level, level.light, full, float(ends.min())


def numbers(
    geometry: ChipGeometry,
    full: tuple[float, ...],
    *,
    gain: float,
    noise: Any,
    measured: Any,
    linear: bool,
) -> list[dict[str, float]]:
    """Return the numbers of each amplifier in counts of the chip, for `AmplifierSettings`.

    Parameters
    ----------
    geometry : ChipGeometry
        Regions and amplifiers of the frame.
    full : tuple of float, raw ADU
        Least raw count of saturated pixels of each.
    gain : float, e-/ADU
        Gain of the chip, for an amplifier without one of its own.
    noise : ReadNoise or None
        Read noise of the chip, and by amplifier; None takes the nominal ones.
    measured : GainLinearity or None
        Gain and curvature of the chip, and by amplifier.
    linear : bool
        Whether the curvature is left as it is.
    """
    gains, curvatures = (
        _each(measured, name, geometry.amplifiers)
        for name in ("amplifier_gains", "amplifier_curvatures")
    )
    of_each = noises(geometry.amplifiers, noise)
    whole = 0.0 if measured is None or linear else float(measured.curvature)
    # counts of the chip are those of the amplifier times its scale f: r f, g / f, c / f
    return [
        {
            "gain": gains[n] / one.scale if gains else gain,
            "read_noise": of_each[n],
            "curvature": curvatures[n] / one.scale if curvatures and not linear else whole,
            "saturation": full[n],
        }
        for n, one in enumerate(geometry.amplifiers)
    ]


def noises(amplifiers: Sequence[Amplifier], noise: Any) -> list[float]:
    """Return the read noise of each amplifier in counts of the chip [ADU].

    Parameters
    ----------
    amplifiers : sequence of Amplifier
        Those of a frame.
    noise : ReadNoise or None
        Read noise of the chip, and by amplifier; None takes the nominal ones.
    """
    known = _each(noise, "amplifier_read_noises", amplifiers)
    return [
        known[n] * one.scale if known else _nominal(one, noise)
        for n, one in enumerate(amplifiers)
    ]


def gains_apart(frame: Any, measured: Any) -> list[float]:
    """Return the gain of each amplifier in counts of the chip, over their mean.

    They are 1 where the frame was joined with the gains that amplifiers have.

    Parameters
    ----------
    frame : RawFrame
        A raw frame of a chip; one amplifier, and what was not measured, gives nothing.
    measured : GainLinearity or None
        Gain by amplifier.
    """
    read = parts(frame)
    gains = _each(measured, "amplifier_gains", [one for one, _ in read])
    each = [gain / one.scale for gain, (one, _) in zip(gains, read, strict=False)]
    if not each or min(each) <= 0:
        return []
    return [own * len(each) / sum(each) for own in each]


def _each(item: Any, name: str, amplifiers: Sequence[Amplifier]) -> list[float]:
    """Return the numbers of a product for some amplifiers, if it has one for each.

    A window may have been read by some of those the product is of.
    """
    values = [] if item is None else list(value_of(item, name, []))
    shown = shown_of(item) if values else None
    names = [one.name for one in shown.readers] if shown is not None else []
    if len(names) == len(values):
        known = dict(zip(names, values, strict=True))
        found = [known.get(one.name) for one in amplifiers]
        return [value for value in found if value is not None] if None not in found else []
    return values if len(values) == len(amplifiers) else []


def _nominal(one: Amplifier, noise: Any) -> float:
    """Return the read noise of an amplifier in counts of the chip, if its own is unknown."""
    return float(one.read_noise / one.gain * one.scale if noise is None else noise.read_noise)
