"""Recipe Gain: gain by photon transfer, and how linear the chip responds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from awe.errors import NoValidPixels
from awe.model.calibrations import BiasFrame, GainLinearity, HotPixelMap, ReadNoise
from awe.tasks.inputs import choose, finish, nominal, read_noise
from awe.tasks.readout import gains_apart, parts
from awe.tasks.screening import Screened, note, screen
from awe.tasks.stage import LIT
from awe.tasks.task import Stage, Task, Unit
from awe.terminal import out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awe.calib.detector.sections import Slices

__all__ = ["GainTask"]

#: Change of the gain of an amplifier against the others that is told.
RATIO = 0.02


class GainTask(Task):
    """Measure gain and linearity of each chip from pairs of dome flats of equal exposure."""

    makes: ClassVar[tuple[str, ...]] = ("GainLinearity",)
    raw = "RawDomeFlatFrame"
    stages = (
        *LIT,
        Stage(
            name="measure", text="variance against light in pairs of equal exposure", required=True
        ),
        Stage(name="linearity", text="light against exposure time, of three times or more"),
    )
    named: ClassVar[Mapping[str, str]] = {
        "bias_filename": "BiasFrame", "hot_filename": "HotPixelMap", "read_noise_id":
        "ReadNoise",
    }  # fmt: skip
    example = "GainTask(instrument='OMEGACAM', date='2012-05-31', chip='ESO_CCD_#65').execute()"

    def make(self, unit: Unit) -> GainLinearity:
        """Return gain and linearity of the unit's chip.

        Parameters
        ----------
        unit : Unit
            Work to do: chip, input frames and date.
        """
        from awe.calib.detector import gain

        parameters = self.parameters("GainLinearity")
        method = parameters.OVERSCAN_CORRECTION
        bias = choose(unit, BiasFrame, method=method)
        limits = (parameters.MINIMUM_LEVEL, parameters.MAXIMUM_LEVEL)
        found = screen(self, unit, method, levels=limits)
        paired = _in_pairs(found.frames, unit.name)
        frames = [found.frames[number] for number in paired]
        light = [found.raws.pixels[n] - found.raws.offsets[n] for n in paired]
        measured = gain.photon_transfer(
            list(zip(light[::2], light[1::2], strict=True)),
            self.pixels(bias),
            read_noise=read_noise(unit, choose(unit, ReadNoise)),
            sigma=parameters.SIGMA_CLIP,
            windows=(8, 4),
            saturation=min(parameters.MAXIMUM_LEVEL, self._full(unit, found)),
            bad=~self.good(choose(unit, HotPixelMap)),
        )
        product = GainLinearity(
            raw_dome_flat_frames=frames,
            bias=bias,
            gain=measured.gain,
            gain_error=measured.gain_error,
            read_noise=measured.read_noise,
            process_params=parameters,
        )
        for number, (one, place) in enumerate(parts(frames[0])):
            level = max(float(offset[place].max()) for offset in found.raws.offsets) / one.scale
            full = one.saturated(math.inf) - level
            own = self._own(unit, product, light, number, one.scale, place)
            measured = gain.photon_transfer(
                **own,
                sigma=parameters.SIGMA_CLIP,
                windows=(4, 4),
                saturation=min(parameters.MAXIMUM_LEVEL, full),
            )
            product.amplifier_gains.append(measured.gain)
        _tell_ratios(unit, frames[0], product)
        note(product, found.rejected)
        self.after("measure", lambda: light, of=frames)
        if self.does("linearity"):
            self._linearity(product, frames, light)
        self.after("linearity", lambda: light, of=frames)
        finish(self, unit, product)
        return product

    def _full(self, unit: Unit, found: Screened) -> float:
        """Return the light at which pixels of the frames are full [ADU], the level taken off."""
        level = max(float(offset.max()) for offset in found.raws.offsets)
        return float(nominal(unit).saturated(math.inf)) - level

    def _own(
        self,
        unit: Unit,
        product: Any,
        light: list[Any],
        number: int,
        scale: float,
        place: Slices,
    ) -> dict[str, Any]:
        """Return pairs of flats, bias and read noise of one amplifier, in its own counts."""
        import numpy as np

        noise = choose(unit, ReadNoise)
        noises = noise.amplifier_read_noises if noise is not None else []
        own = [image[place] / np.float32(scale) for image in light]
        return {
            "flats": list(zip(own[::2], own[1::2], strict=True)),
            "bias": self.pixels(product.bias)[place] / np.float32(scale),
            "read_noise": noises[number] if noises else read_noise(unit, noise) / scale,
        }

    def _linearity(self, product: Any, frames: list[Any], light: list[Any]) -> None:
        """Set curvature and deviation where there are three exposure times or more."""
        from awe.calib import statistics
        from awe.calib.detector import gain

        times = [float(frame.EXPTIME) for frame in frames]
        if len(set(times)) < 3:
            return
        bias = self.pixels(product.bias)
        levels = [statistics.median(image - bias) for image in light]
        response = gain.linearity(levels, times)
        product.curvature = response.curvature
        product.linearity = float(abs(response.residuals).max())
        for one, place in parts(frames[0]):
            own = [statistics.median((image - bias)[place]) / one.scale for image in light]
            product.amplifier_curvatures.append(gain.linearity(own, times).curvature)


def _tell_ratios(unit: Unit, frame: Any, product: GainLinearity) -> None:
    """Say where amplifiers have other gains, against each other, than frames were joined with."""
    apart = gains_apart(frame, product)
    for gain, ratio, (one, _) in zip(
        product.amplifier_gains, apart, parts(frame), strict=False
    ):
        if abs(ratio - 1) > RATIO:
            out(
                f"{unit.name}: amplifier {one.name} has a gain of {gain:.4g} e-/ADU, {ratio:.3f} "
                "times what its frames were joined with; a flat takes that out, and frames "
                f"without a flat are mended by it; correct {one.gain:.4g} in the description for "
                "frames to come\n"
            )


def _in_pairs(frames: list[Any], name: str) -> list[int]:
    """Return the numbers of frames, two by two of equal exposure time."""
    by_time: dict[float, list[int]] = {}
    for number, frame in enumerate(frames):
        by_time.setdefault(frame.EXPTIME, []).append(number)
    pairs = [one for group in by_time.values() for one in group[: len(group) // 2 * 2]]
    if not pairs:
        msg = (
            f"the gain of {name} needs pairs of dome flats of equal exposure time; "
            f"found times {sorted(by_time)} s; widen the selection"
        )
        raise NoValidPixels(msg)
    return pairs
