"""How much amplifiers of a camera see of each other, measured in its files; nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from awe import fits, instruments
from awe.calib.detector import amplifiers, crosstalk
from awe.calib.sky import background
from awe.errors import ArgumentError
from awe.ingest.chipfiles import cut
from awe.ingest.split import examine
from awe.localfiles import scratch_directory

__all__ = ["measured", "table"]

#: Side of the boxes of the sky; ghosts of stars are smaller.
BOX = 64
#: Least fraction in units of its error that goes into a description.
CLEAR = 4.0


def measured(paths: Iterable[Path]) -> dict[str, list[crosstalk.Coupling]]:
    """Return what the amplifiers of each chip see of each other, from all files.

    Parameters
    ----------
    paths : iterable of Path
        Exposures with bright stars, of cameras that are described; what their descriptions say
        of crosstalk does not count.

    Raises
    ------
    ArgumentError
        No file has a chip that several amplifiers read.
    """
    found: dict[str, list[crosstalk.Coupling]] = {}
    for path in paths:
        for chip, couplings in _in_file(path):
            found.setdefault(chip, []).extend(couplings)
    if not found:
        msg = "no chip in these files is read by several amplifiers, as their description says"
        raise ArgumentError(msg)
    return {chip: crosstalk.joined(some) for chip, some in found.items()}


def _in_file(path: Path) -> Iterator[tuple[str, list[crosstalk.Coupling]]]:
    exposure = examine(path)
    camera = instruments.get(exposure.instrument)
    with scratch_directory() as directory:
        for piece in cut(exposure, directory):
            geometry = piece.frame.attributes["geometry"]
            if len(geometry.amplifiers) > 1:
                pixels = fits.read_pixels(piece.path)
                method = int(camera.parameters["*.OVERSCAN_CORRECTION"])
                yield piece.frame.attributes["chip"], _of_frame(pixels, geometry, method)
            piece.path.unlink()


def _of_frame(pixels: Any, geometry: Any, method: int) -> list[crosstalk.Coupling]:
    plain = replace(
        geometry,
        amplifiers=tuple(replace(one, crosstalk=(), scale=1.0) for one in geometry.amplifiers),
    )
    level = amplifiers.levelled(pixels, plain, method)
    sky = np.empty(level.light.shape, np.float32)
    full = []
    for one, place in zip(plain.amplifiers, level.places, strict=True):
        part = np.ascontiguousarray(level.light[place])
        surface = background.estimate(part, box=BOX, clip=3.0)
        sky[place] = background.joined(surface.mesh, part.shape)
        full.append(0.95 * (one.saturated(float("inf")) - float(level.offsets[place].mean())))
    return crosstalk.measure(level.light, sky, plain, full)


def table(couplings: Iterable[crosstalk.Coupling]) -> str:
    """Return the keys of a description for what is clearly seen; nothing where nothing is.

    Parameters
    ----------
    couplings : iterable of Coupling
        Those of one chip.
    """
    clear = [one for one in couplings if one.significance > CLEAR and not any(one.mirrored)]
    lines: dict[str, list[str]] = {}
    for one in clear:
        lines.setdefault(one.victim, []).append(f'"{one.source}" = {one.fraction:.3g}')
    return "".join(
        f'crosstalk."{victim}" = {{ {", ".join(some)} }}\n' for victim, some in lines.items()
    )
