"""Limits of a described camera that follow from its own numbers.

Declared limits in counts are those of a camera with a converter of 16 bits and a read noise of
2 ADU. Another camera has them in proportion to what its chips hold and to their noise; what its
description says of a parameter goes before them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from awe.calib.detector import sections
from awe.instruments._instrument import Chip

__all__ = ["limits"]

#: Last count of 16 bits, for which limits of light are declared [ADU].
END = 65535.0

#: Parameter -> its value where pixels hold 65535 ADU: limits of light, in raw counts.
LIGHT = {
    "GainLinearity.MAXIMUM_LEVEL": 50_000.0,
    "GainLinearity.MINIMUM_LEVEL": 200.0,
    "DomeFlatFrame.MAXIMUM_LEVEL": 55_000.0,
    "DomeFlatFrame.MINIMUM_LEVEL": 1_000.0,
    "TwilightFlatFrame.MAXIMUM_LEVEL": 50_000.0,
    "TwilightFlatFrame.MINIMUM_LEVEL": 3_000.0,
    "RawTwilightFlatFrame.MAX_FLAT_MEAN": 50_000.0,
    "RawTwilightFlatFrame.MIN_FLAT_MEAN": 3_000.0,
    "SaturatedPixelMap.THRESHOLD_HIGH": 60_000.0,
    # a quarter of what a pixel holds, in one hour
    "DarkCurrent.MAXIMUM_DARK_CURRENT": END / 4,
    "DarkCurrent.MAXIMUM_DARK_DIFFERENCE": END / 8,
    # amplifiers glow where they are, CMOS chips by thousands of counts an hour
    "DarkCurrent.MAXIMUM_SUBWIN_FLATNESS": END / 4,
    "DarkCurrent.STRAY_STEP": END / 8,
    "BackgroundFrame.MAXIMUM_SUBWIN_FLATNESS": 10_000.0,
    "ReducedScienceFrame.MAXIMUM_STDEV": 5_000.0,
    "FringeFrame.MAXIMUM_STDEV": 1_000.0,
    "FringeFrame.STRAY_STEP": 100.0,
}
#: Parameter -> least value [ADU], and how many times the nominal read noise it is.
NOISE = {
    "ReadNoise.MAXIMUM_READ_NOISE": (1.0, 2.5),
    "ReadNoise.MAXIMUM_READ_NOISE_DIFFERENCE": (0.1, 0.25),
    "BiasFrame.MAXIMUM_ABS_MEAN": (10.0, 5.0),
    "BiasFrame.MAXIMUM_STDEV": (10.0, 5.0),
    "BiasFrame.MAXIMUM_STDEV_DIFFERENCE": (10.0, 5.0),
    "ReadNoise.MAXIMUM_BIAS_DIFFERENCE": (2.0, 1.0),
    "BiasFrame.MAXIMUM_SUBWIN_STDEV": (20.0, 10.0),
    "BiasFrame.MAXIMUM_SUBWIN_FLATNESS": (20.0, 10.0),
    "BiasFrame.STRAY_STEP": (4.0, 2.0),
}
#: Parameter -> part of the pixels of the smallest chip; of 8 million, 5000 may come or go.
PIXELS = {
    "HotPixelMap.MAXIMUM_COUNT_DIFFERENCE": 0.0006,
    "ColdPixelMap.MAXIMUM_COUNT_DIFFERENCE": 0.0006,
}
#: Fewest pixels that may come or go: a column of a small chip.
FEWEST = 100
#: Largest change of a gain, in units of the nominal one.
CHANGE_OF_GAIN = 0.08


def limits(chips: Sequence[Chip], purposes: Collection[str], method: int) -> dict[str, Any]:
    """Return the values of parameters that follow from the numbers of a camera.

    Parameters
    ----------
    chips : sequence of Chip
        Its chips.
    purposes : collection of str
        What its exposures can be taken for.
    method : int
        Its overscan method; 0 leaves the level in biases.

    Returns
    -------
    dict
        Class and parameter, `"BiasFrame.MAXIMUM_STDEV"` -> value.
    """
    read = [one for chip in chips for one in (chip.amplifiers or (chip,))]
    noise = max(one.read_noise / one.gain for one in read)
    pixels = min(math.prod(sections.shape(sections.parse(one.geometry.active))) for one in chips)
    full = min(one.saturated(math.inf) for one in read)
    found: dict[str, Any] = {
        **{name: _rounded(value * full / END) for name, value in LIGHT.items()},
        **{
            name: _rounded(max(least, times * noise)) for name, (least, times) in NOISE.items()
        },
        **{name: max(FEWEST, round(part * pixels)) for name, part in PIXELS.items()},
        "GainLinearity.MAXIMUM_GAIN_DIFFERENCE": _rounded(
            CHANGE_OF_GAIN * max(one.gain for one in read)
        ),
    }
    if method == 0:
        level = max(one.bias_level for one in read)
        found["BiasFrame.MAXIMUM_ABS_MEAN"] = _rounded(2 * level if level > 0 else full / 4)
    if "twilight" not in purposes:
        found["MasterFlatFrame.COMBINE"] = 1
    elif not {"dome", "gain"} & set(purposes):
        found["MasterFlatFrame.COMBINE"] = 3
    return found


def _rounded(value: float) -> float:
    return round(value, 0 if value >= 100 else 3)
