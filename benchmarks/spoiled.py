"""Bad frames for `benchmarks.quality`: a kind each, and what becomes of it in its recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from awe.calib.detector import sections
from awe.errors import AweError
from awe.model.mixins import QualityFlag
from benchmarks import scenes
from benchmarks.nights import DOME, KINDS, SCIENCE, Night, parts
from benchmarks.raws import TWILIGHT, light

Frames = list[tuple[np.ndarray, float | None]]


@dataclass(frozen=True)
class Case:
    """A kind of bad frames: the kind of the raw frames, the recipe, and what spoils them."""

    name: str
    kind: str
    recipe: str
    text: str
    frames: Callable[[Night], Frames]


@dataclass(frozen=True)
class Outcome:
    """What became of a case."""

    case: Case
    noticed: bool
    text: str


def tried(night: Night, cases: Sequence[Case], nights: int = 2) -> list[Outcome]:
    """Return what becomes of cases in the last of so many good nights of the same chip."""
    sky = any(case.kind == "science" for case in cases)
    for number in range(nights):
        night.days += number > 0
        for _ in night.good(KINDS if sky else KINDS[:-1]):
            pass
    outcomes = []
    for number, case in enumerate(cases, start=1):
        outcomes.append(_try(night, number, case))
        print(f"  {case.name}: {outcomes[-1].text}", flush=True)
    return outcomes


def _try(night: Night, number: int, case: Case) -> Outcome:
    names = night.store(case.kind, case.frames(night), first=20 * number)
    try:
        made = night.run(case.recipe, False, raw_filenames=names)
    except AweError:
        return Outcome(case, True, "refused in words")
    bits, left_out = 0, 0
    for product in made:
        for one in (product, *parts(product)):
            bits |= int(one.quality_flags)
        left_out += len(product.rejected_inputs()) if hasattr(product, "rejected_inputs") else 0
    # what the sky was like says nothing about the frame
    bits &= ~int(QualityFlag.SEEING)
    said = [f"`{QualityFlag.explain(bits)}`".replace(" | ", "`, `")] if bits else []
    said += [f"{left_out} left out"] if left_out else []
    return Outcome(case, bool(said), ", ".join(said) or "nothing")


# -- what is spoiled -----------------------------------------------------------------------------


def active(night: Night, raw: np.ndarray) -> np.ndarray:
    """Return a view of the light-sensitive part of a raw frame."""
    return raw[sections.parse(night.sensor.geometry.active)]


def spoiled(kind: str, spoil: Callable[[Night, np.ndarray], None], one: bool = False) -> Any:
    """Return a maker of good frames whose light-sensitive part is then spoiled, of all or one."""

    def make(night: Night) -> Frames:
        frames = night.raws(kind)
        for raw, _ in frames[:1] if one else frames:
            part = active(night, raw).astype(float)
            spoil(night, part)
            active(night, raw)[:] = np.clip(np.rint(part), 0, 65535).astype(np.uint16)
        return frames

    return make


def lit(kind: str, levels: Sequence[tuple[float, float | None]], change: Any = None) -> Any:
    """Return a maker of frames of so much light, of a sensor that has changed."""

    def make(night: Night) -> Frames:
        sensor = night.sensor if change is None else change(night)
        return [(sensor.read(night.rng, light(sensor, level)), time) for level, time in levels]

    return make


def skies(change: Callable[[Night, np.ndarray], np.ndarray], sky: float = 700.0) -> Any:
    """Return a maker of science frames of which the raw image is changed."""
    return lambda night: [(change(night, night.scene(sky, 300)), None) for _ in range(3)]


def half(image: np.ndarray) -> np.ndarray:
    """Return a view of the left half, read by another amplifier."""
    return image[:, : image.shape[1] // 2]


def still(night: Night, part: np.ndarray) -> None:
    """Give half of the frame one value."""
    half(part)[:] = scenes.LEVEL


def silent(night: Night, part: np.ndarray) -> None:
    """Take all signal from half of the frame."""
    half(part)[:] = 0


def field_of_stars(night: Night, part: np.ndarray) -> None:
    """Add sky and stars of an open shutter."""
    part += active(night, night.scene(300.0, 300)) - scenes.LEVEL


def banded(height: float, period: int = 8) -> Callable[[Night, np.ndarray], None]:
    """Return what adds bands, half a period of rows each."""

    def spoil(night: Night, part: np.ndarray) -> None:
        part[(np.arange(len(part)) // (period // 2)) % 2 == 0] += height

    return spoil


def noisy(night: Night, part: np.ndarray) -> None:
    """Add noise to half of the frame."""
    half(part)[:] += night.rng.normal(0, 16, half(part).shape)


def stepped(night: Night, part: np.ndarray) -> None:
    """Lift half of the frame."""
    half(part)[:] += 30


def hummed(night: Night, part: np.ndarray) -> None:
    """Add noise of pick-up."""
    part += night.rng.normal(0, 3.5, part.shape)


def columns(height: float) -> Callable[[Night, np.ndarray], None]:
    """Return what lifts every 18th column."""

    def spoil(night: Night, part: np.ndarray) -> None:
        part[:, 5::18] += height

    return spoil


def leaking(night: Night, part: np.ndarray) -> None:
    """Add light in a corner, as 600 s of 60 ADU an hour."""
    y, x = np.mgrid[0 : 1 : len(part) * 1j, 0 : 1 : part.shape[1] * 1j]
    # 60 ADU an hour in the corner
    part += night.rng.poisson(10 * np.exp(-((x**2 + y**2) / 0.2)) * scenes.GAIN) / scenes.GAIN


def sinking(night: Night, part: np.ndarray) -> None:
    """Lower the frame below its bias."""
    part -= 5


def stuck(bit: int) -> Callable[[Night, np.ndarray], None]:
    """Return what sets a bit of every count."""

    def spoil(night: Night, part: np.ndarray) -> None:
        part[:] = np.rint(part).astype(int) | bit

    return spoil


def disc(night: Night) -> np.ndarray:
    """Return where an object stands."""
    ny, nx = night.sensor.shape
    y, x = np.mgrid[:ny, :nx]
    return (x - 0.6 * nx) ** 2 + (y - 0.4 * ny) ** 2 < (0.11 * nx) ** 2


def behind(factor: Callable[[Night], np.ndarray]) -> Callable[[Night], scenes.Sensor]:
    """Return a maker of a sensor that gets only a part of the light."""
    return lambda night: replace(night.sensor, response=night.sensor.response * factor(night))


def object_in_front(night: Night) -> np.ndarray:
    """Return what an object leaves of the light."""
    return np.where(disc(night), 0.8, 1.0)


def star(night: Night) -> np.ndarray:
    """Return the light of a bright star and the sky over that of the sky."""
    ny, nx = night.sensor.shape
    y, x = np.mgrid[:ny, :nx]
    square = (x - 0.3 * nx) ** 2 + (y - 0.6 * ny) ** 2
    return 1 + 2 * (1 + square / 9) ** -1.2


def other_filter(night: Night) -> np.ndarray:
    """Return the response in another filter over that in the right one."""
    # the same light over the chip, other pixels: one percent of their response
    return np.asarray(np.random.default_rng(7).normal(1, 0.01, night.sensor.shape))


def other_gain(night: Night) -> np.ndarray:
    """Return the counts of an amplifier of another gain over those before."""
    factor = np.ones(night.sensor.shape)
    half(factor)[:] = 0.88
    return factor


def clouds(night: Night) -> np.ndarray:
    """Return what a cloud leaves of the light, another one each time."""
    ny, nx = night.sensor.shape
    y, x = np.mgrid[-1 : 1 : ny * 1j, -1 : 1 : nx * 1j]
    angle = night.rng.uniform(0, 2 * np.pi)
    return 1 + night.rng.uniform(0.05, 0.15) * (x * np.cos(angle) + y * np.sin(angle))


def cloudy(night: Night) -> Frames:
    """Return twilight flats behind clouds."""
    frames: Frames = []
    for level in TWILIGHT:
        sensor = replace(night.sensor, response=night.sensor.response * clouds(night))
        frames.append((sensor.read(night.rng, light(sensor, level)), None))
    return frames


def shifted(night: Night) -> scenes.Sensor:
    """Return the sensor whose pixels are read one column late."""
    return replace(night.sensor, response=np.roll(night.sensor.response, 1, axis=1))


def rolled(night: Night, raw: np.ndarray) -> np.ndarray:
    """Return a raw image read one column late."""
    return np.roll(raw, 1, axis=1)


def changed(spoil: Callable[[Night, np.ndarray], None]) -> Any:
    """Return what spoils the light-sensitive part of a raw image."""

    def change(night: Night, raw: np.ndarray) -> np.ndarray:
        part = active(night, raw).astype(float)
        spoil(night, part)
        active(night, raw)[:] = np.clip(np.rint(part), 0, 65535).astype(np.uint16)
        return raw

    return change


def amplified(night: Night, part: np.ndarray) -> None:
    """Take a fifth of the counts above the level."""
    part[:] = scenes.LEVEL + (part - scenes.LEVEL) * 0.8


def undithered(night: Night) -> Frames:
    """Return science frames of one field at the same place."""
    y, x = np.mgrid[: night.sensor.shape[0], : night.sensor.shape[1]]
    stars = sum(
        4000 * (1 + ((x - a) ** 2 + (y - b) ** 2) / 9) ** -2.5
        for a, b in night.rng.uniform(10, min(night.sensor.shape) - 10, (60, 2))
    )
    electrons = (700 + stars) * scenes.GAIN * night.sensor.response
    return [(night.sensor.read(night.rng, electrons), None) for _ in range(SCIENCE)]


def drifting(night: Night) -> Frames:
    """Return dome flats of a lamp that brightens by a quarter."""
    # the lamp brightens by a quarter while the times get longer
    levels = [(2400.0 * time * (1 + 0.25 * n / 7), time) for n, (_, time) in enumerate(DOME)]
    frames: Frames = lit("dome", sorted(levels, key=lambda one: one[1]))(night)
    return frames


BAD = ("bias", "Bias")
CASES = (
    Case("bias-still", *BAD, "half of every bias has one value, without noise",
         spoiled("bias", still)),
    Case("bias-silent", *BAD, "half of every bias is 0", spoiled("bias", silent)),
    Case("bias-lit", *BAD, "biases with the shutter open", spoiled("bias", field_of_stars)),
    Case("bias-one-lit", *BAD, "one bias of six with the shutter open",
         spoiled("bias", field_of_stars, one=True)),
    Case("bias-bands", *BAD, "bands of 6 ADU, 4 rows each, over every bias",
         spoiled("bias", banded(6))),
    Case("bias-step", *BAD, "half of every bias 30 ADU higher", spoiled("bias", stepped)),
    Case("bias-noisy", *BAD, "half of every bias 8 times noisier", spoiled("bias", noisy)),
    Case("bias-columns", *BAD, "every 18th column 8 ADU higher", spoiled("bias", columns(8))),
    Case("noise-hum", "bias", "ReadNoise", "pick-up: the read noise doubles",
         spoiled("bias", hummed)),
    Case("noise-stuck", "bias", "ReadNoise", "a bit of the converter is stuck (value 4)",
         spoiled("bias", stuck(4))),
    Case("dark-leak", "dark", "Dark", "light leaks into every dark, 60 ADU an hour in a corner",
         spoiled("dark", leaking)),
    Case("dark-negative", "dark", "Dark", "darks 5 ADU below the bias", spoiled("dark", sinking)),
    Case("dark-columns", "dark", "Dark", "every 18th column glows 120 ADU an hour",
         spoiled("dark", columns(20))),
    Case("dome-off", "dome", "DomeFlat", "the lamp is off", lit("dome", [(0.0, 8.6)] * 5)),
    Case("dome-one-off", "dome", "DomeFlat", "the lamp is off in one of five",
         lit("dome", [(0.0, 8.6), *[(20_500.0, 8.6)] * 4])),
    Case("dome-saturated", "dome", "DomeFlat", "every pixel is full",
         lit("dome", [(90_000.0, 8.6)] * 5)),
    Case("dome-object", "dome", "DomeFlat", "an object in front takes a fifth of the light",
         lit("dome", DOME, behind(object_in_front))),
    Case("dome-filter", "dome", "DomeFlat", "another filter: other responses by 1 %",
         lit("dome", DOME, behind(other_filter))),
    Case("dome-shifted", "dome", "DomeFlat", "every frame shifted by one pixel",
         lit("dome", DOME, shifted)),
    Case("dome-gain", "dome", "DomeFlat", "the gain of half of the chip changed by 12 %",
         lit("dome", DOME, behind(other_gain))),
    Case("gain-changed", "dome", "Gain", "the gain changed by a fifth",
         spoiled("dome", amplified)),
    Case("gain-drift", "dome", "Gain", "the lamp drifts by a quarter", drifting),
    Case("gain-stuck", "dome", "Gain", "a bit of the converter is stuck (value 512)",
         spoiled("dome", stuck(512))),
    Case("quick-lamp", "dome", "QuickCheck", "the lamp lost 40 %",
         lit("dome", [(12_500.0, 8.6)])),
    Case("quick-shadow", "dome", "QuickCheck", "an object in front takes a fifth of the light",
         lit("dome", [(20_500.0, 8.6)], behind(object_in_front))),
    Case("quick-gain", "dome", "QuickCheck", "the gain of half of the chip changed by 12 %",
         lit("dome", [(20_500.0, 8.6)], behind(other_gain))),
    Case("twilight-clouds", "twilight", "TwilightFlat", "clouds: a slope of 10 to 30 % in each",
         cloudy),
    Case("twilight-star", "twilight", "TwilightFlat", "a bright star at the same place",
         lit("twilight", [(level, None) for level in TWILIGHT], behind(star))),
    Case("twilight-full", "twilight", "TwilightFlat", "every pixel is full",
         lit("twilight", [(90_000.0, None)] * 5)),
    Case("sky-undithered", "science", "NightSkyFlat", "eight frames of one field, not dithered",
         undithered),
    Case("science-dead", "science", "Reduce", "half of the frame is 0", skies(changed(silent))),
    Case("science-still", "science", "Reduce", "half of the frame has one value",
         skies(changed(still))),
    Case("science-bands", "science", "Reduce", "bands of 60 ADU, 4 rows each",
         skies(changed(banded(60)))),
    Case("science-stuck", "science", "Reduce", "a bit of the converter is stuck (value 64)",
         skies(changed(stuck(64)))),
    Case("science-shifted", "science", "Reduce", "the frame is shifted by one pixel",
         skies(rolled)),
    Case("science-full", "science", "Reduce", "every pixel is full",
         skies(lambda night, raw: np.full_like(raw, 65535))),
)  # fmt: skip
