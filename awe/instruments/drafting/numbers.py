"""Gain, read noise, level and full pixels of a region: from pairs of frames, strips, and cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from awe.calib import statistics
from awe.calib.detector import bias, gain, outline, sections
from awe.errors import NoValidPixels
from awe.instruments.drafting import conventions
from awe.instruments.drafting.seen import Seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Numbers", "end_of_scale", "measured"]

SIGMA, ITERATIONS = 4.0, 8
#: fewest pixels that pile up on the highest value, and how many times those below it
PILE, TIMES = 5, 20.0


@dataclass(kw_only=True)
class Numbers:
    """Gain [e-/ADU], read noise [e-], level [ADU], and what is in doubt of them."""

    gain: float = 1.0
    read_noise: float = 0.0
    bias_level: float = 0.0
    doubts: list[str] = field(default_factory=list)


def measured(
    active: sections.Slices,
    strips: dict[str, sections.Slices],
    frames: dict[str, list[Seen]],
    suffix: str = "",
) -> Numbers:
    """Return the numbers of a region of a chip.

    Parameters
    ----------
    active : tuple of slice
        Its light-sensitive pixels.
    strips : dict of str to tuple of slice
        Its strips.
    frames : dict of str to list of Seen
        Whole images by what they were taken for.
    suffix : str
        End of the keywords of this amplifier: `A` of `GAINA`.
    """
    found = Numbers()
    any_frame = next(images[0] for images in frames.values() if images)
    pair = frames.get("bias", [])[:2]
    biases = [one.pixels()[active] for one in pair]
    strip = next(iter(strips.values()), None)
    noise, level = _noise(biases, strip, any_frame)
    if len(pair) == 2 and np.array_equal(biases[0], biases[1]):
        found.doubts.append(f"{pair[0].file} and {pair[1].file} are equal: copies of one bias?")
    found.gain = _gain(active, strip, frames, biases, (noise, level), found, any_frame, suffix)
    card = any_frame.number_of([f"{word}{suffix}" for word in conventions.NOISE])
    if noise is None:
        found.read_noise = card[1] if card and card[1] > 0 else 5.0 * found.gain
        found.doubts.append(
            f"read_noise is that of {card[0]}" if card else "read_noise is made up: no pair of "
            "biases, no strip and no card tells it"
        )  # fmt: skip
    else:
        found.read_noise = round(noise * found.gain, 3)
        if card and abs(card[1] - found.read_noise) > 0.1 * found.read_noise:
            found.doubts.append(
                f"read_noise is measured, {noise:.2f} ADU; {card[0]} says {card[1]:g} electron"
            )
    found.bias_level = round(level, 1) if level is not None else 0.0
    return found


def _noise(
    biases: Sequence[NDArray[np.generic]],
    strip: sections.Slices | None,
    image: Seen,
) -> tuple[float | None, float | None]:
    """Return read noise and level [ADU], from a pair of biases or a strip; None without."""
    if len(biases) == 2:
        pair = bias.read_noise([(biases[0], biases[1])], sigma=SIGMA, iterations=ITERATIONS)
        if pair.read_noise > 0:
            return pair.read_noise, statistics.median(biases[0])
    if strip is None:
        return None, statistics.median(biases[0]) if biases else None
    numbers = statistics.clipped(image.pixels()[strip], sigma=SIGMA, iterations=ITERATIONS)
    return numbers.stdev, numbers.median


def _gain(
    active: sections.Slices,
    strip: sections.Slices | None,
    frames: dict[str, list[Seen]],
    biases: Sequence[NDArray[np.generic]],
    dark: tuple[float | None, float | None],
    found: Numbers,
    image: Seen,
    suffix: str,
) -> float:
    card = image.number_of([f"{word}{suffix}" for word in conventions.GAIN])
    comment = image.comments.get(card[0], "").lower() if card else ""
    pair = _pair(frames)
    if pair is not None and dark[0] is not None:
        try:
            result = _transfer(pair, active, strip, biases, dark)
        except NoValidPixels as problem:
            found.doubts.append(f"the pair of flats gives no gain: {problem}")
        else:
            if card and abs(card[1] - result.gain) > 0.1 * result.gain:
                found.doubts.append(
                    f"gain is measured, {result.gain:.3f} +- {result.gain_error:.3f}; {card[0]} "
                    f"says {card[1]:g}"
                )
            return round(result.gain, 3)
    if card and 0.01 < card[1] < 50 and not any(w in comment for w in ("index", "setting")):
        sure = any(word in comment for word in ("e-/adu", "electron", "e/adu", "e-/dn"))
        if not sure:
            found.doubts.append(f"gain is that of {card[0]}: is it electrons per ADU?")
        return card[1]
    told = f"{card[0]} = {card[1]:g} looks like a setting" if card else "no card tells it"
    found.doubts.append(f"gain is made up: {told}, and no pair of flats; add two of each kind")
    return 1.0


def _pair(frames: dict[str, list[Seen]]) -> tuple[Seen, Seen] | None:
    """Return two flats of one exposure time and filter."""
    for kind in ("dome", "gain", "twilight"):
        first: dict[tuple[str, ...], Seen] = {}
        for one in frames.get(kind, []):
            words = (*conventions.EXPTIME, *conventions.FILTER)
            key = tuple(str(one.find(word)) for word in words)
            if key in first:
                return first[key], one
            first[key] = one
    return None


def _transfer(
    pair: tuple[Seen, Seen],
    active: sections.Slices,
    strip: sections.Slices | None,
    biases: Sequence[NDArray[np.generic]],
    dark: tuple[float | None, float | None],
) -> gain.Gain:
    noise, level = dark
    images = [one.pixels() for one in pair]
    ends = [outline.top(one[active], least=PILE, times=TIMES) for one in images]
    shape = images[0][active].shape
    zero: NDArray[np.float32] = np.full(shape, level or 0.0, np.float32)
    if biases:
        zero = np.mean([one.astype(np.float32) for one in biases], axis=0, dtype=np.float32)
    elif strip is not None:
        zero = np.full(shape, statistics.median(images[0][strip]), np.float32)
    windows = max(1, shape[0] // 64), max(1, shape[1] // 64)
    return gain.photon_transfer(
        [(images[0][active].astype(np.float32), images[1][active].astype(np.float32))],
        zero, read_noise=noise or 0.0, sigma=SIGMA, windows=windows,
        saturation=0.95 * min(end.value for end in ends) if any(e.piled for e in ends) else 6.0e4,
    )  # fmt: skip


def end_of_scale(images: Sequence[Seen]) -> tuple[float | None, int, list[str]]:
    """Return the count of full pixels, bits of the converter, and what is in doubt.

    Parameters
    ----------
    images : sequence of Seen
        Images of one chip.
    """
    ends = [outline.top(one.pixels(), least=PILE, times=TIMES) for one in images]
    highest = max(ends, key=lambda end: end.value)
    step = int(np.gcd.reduce([end.step for end in ends]))
    # a value that only the end of a converter is needs no company
    scale = {2**fewer - 1 for fewer in (12, 14, 16)} | {2**16 - step}
    piled = [end.value for end in ends if (end.piled and end.value > 1000) or end.value in scale]
    bits = 16
    while highest.value > 2**bits - 1 and bits < 32:
        bits += 2
    doubts = []
    if step in (2, 4, 8, 16):
        doubts.append(
            f"all values are multiples of {step}: {17 - step.bit_length()} bits of a converter in "
            f"the upper ones of 16, whose end is saturation = {2**16 - step}"
        )
    if bits > 16:
        where = images[ends.index(highest)].file
        doubts.append(
            f"the highest value is {highest.value:g}, in {where}, more than 16 bits give: summed?"
        )
    if not piled:
        card = images[0].number_of(conventions.FULL)
        if card is not None and 1000 < card[1] < 2**bits - 1:
            doubts.append(f"no full pixels are in these files: saturation is that of {card[0]}")
            return card[1], bits, doubts
        doubts.append(
            f"no full pixels are in these files (highest {highest.value:g}): the converter ends "
            "the scale; say saturation = where you know it"
        )
        return None, bits, doubts
    full = max(piled)
    for fewer in (10, 12, 14):
        if full == 2**fewer - 1:
            bits = fewer
    return (full if full != 2**bits - 1 else None), bits, doubts
