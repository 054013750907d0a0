"""What a camera's description makes of a file: the frames, their regions, and what looks wrong.

Nothing is stored. A frame is cut as the ingest does it, so that the numbers are those it would
have; what contradicts the description is told as a doubt.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from awe import fits, instruments
from awe.calib.detector import sections
from awe.fits import values
from awe.ingest import odd
from awe.ingest.chipfiles import Cut, cut
from awe.ingest.plain import plain
from awe.ingest.records import REGIONS
from awe.ingest.split import ChipFrame, Exposure, examine
from awe.localfiles import scratch_directory

__all__ = ["picture", "trial"]

#: A strip whose noise is this many times what the description says has light, or is elsewhere.
NOISY = 3.0
#: letters of a title that fit into an inch of the figure, its widest ones
LETTERS = 7


def trial(path: Path, looks: list[odd.Look] | None = None) -> tuple[list[str], int]:
    """Return what a file would be ingested as, in lines, and the number of doubts among them.

    Parameters
    ----------
    path : Path
        A file of exposures, as the ingest takes it.
    looks : list of Look, optional
        What was seen is added, to be judged among other files by `awe.ingest.odd`.

    Raises
    ------
    AweError
        The ingest would refuse it, for this reason.
    """
    exposure = examine(path)
    camera = instruments.get(exposure.instrument)
    first = exposure.frames[0].attributes
    told = [
        camera.name, exposure.purpose, exposure.DATE_OBS.isoformat(timespec="seconds"),
        f"night of {camera.night(exposure.DATE_OBS)}", exposure.filter or "no filter",
        *([f"{first['EXPTIME']:g} s"] if "EXPTIME" in first else []), first["OBJECT"],
    ]  # fmt: skip
    lines = [f"{path}: {', '.join(word for word in told if word)}"]
    lines += [f"  note: {note}" for note in exposure.notes]
    doubts = ["no EXPTIME is in its headers"] if first.get("EXPTIME") is None else []
    if exposure.combined:
        doubts.append(
            f"{exposure.combined}: it was combined of several frames; the ingest refuses it, and "
            "gain and noise are not to be drafted from it"
        )
    with plain(path) as whole, whole.path.open("rb") as file:
        header = values.parse(file.read(whole.infos[0].data_start))
    doubts += odd.clock(header, exposure.DATE_OBS)
    with scratch_directory() as directory:
        for piece in cut(exposure, directory):
            lines.append(f"  {_shown(piece)}")
            chip = camera.chip(piece.frame.attributes["chip"])
            doubts += _doubts(chip, exposure, piece)
            if looks is not None and not exposure.combined:
                looks.append(_look(chip, exposure, piece))
            piece.path.unlink()
    return lines + [f"  doubt: {doubt}" for doubt in doubts], len(doubts)


def _regions(piece: Cut) -> Iterator[tuple[str, dict[str, float]]]:
    for name in REGIONS.values():
        if name in piece.statistics:
            yield name, piece.statistics[name]


def _shown(piece: Cut) -> str:
    geometry = piece.frame.attributes["geometry"]
    parts = [
        f"{name} {getattr(geometry, name)} median {numbers['median']:g} stdev "
        f"{numbers['stdev']:.3g}"
        for name, numbers in _regions(piece)
    ]
    size = f"{geometry.nx} x {geometry.ny}"
    return f"{piece.frame.attributes['chip']}, {size}: {'; '.join(parts)}"


def _doubts(chip: instruments.Chip, exposure: Exposure, piece: Cut) -> Iterator[str]:
    active = piece.statistics["active"]
    if active["max"] > 2**chip.bits - 1:
        yield (
            f"{chip.name} has a pixel of {active['max']:g} ADU, more than its {chip.bits} bits "
            "can give: bits, or the scale of the file"
        )
    dark = exposure.purpose in ("bias", "readnoise", "dark")
    for told, light, noise, strips in _outputs(chip, piece):
        for name, (median, stdev) in strips.items():
            if stdev > NOISY * noise:
                yield (
                    f"{name} of {told} has a noise of {stdev:.3g} ADU, the description says "
                    f"{noise:.3g}: the section, read_noise or gain"
                )
            if not dark and median > light + NOISY * noise:
                yield (
                    f"{name} of {told} is brighter ({median:g}) than the light ({light:g}): the "
                    "section"
                )


def _look(chip: instruments.Chip, exposure: Exposure, piece: Cut) -> odd.Look:
    told = piece.frame.attributes
    outputs = list(_outputs(chip, piece))
    # amplifiers have levels of their own: that of the first is compared
    _, light, noise, strips = outputs[0]
    geometry = told["geometry"]
    described = chip.bias_level if len(outputs) == 1 else 0.0
    dark = min((median for median, _ in strips.values()), default=described or None)
    return odd.Look(
        path=exposure.path, purpose=exposure.purpose, chip=chip.name,
        way=(geometry.nx, geometry.ny, told.get("read_mode")), exptime=told.get("EXPTIME"),
        level=light, noise=noise, dark=dark, full=chip.saturated(float("inf")),
    )  # fmt: skip


def _outputs(
    chip: instruments.Chip, piece: Cut
) -> Iterator[tuple[str, float, float, dict[str, tuple[float, float]]]]:
    """Yield each amplifier: its name, light, read noise [ADU], and level and noise of its strips.

    Levels of amplifiers differ: a strip tells of its own only.
    """
    geometry = piece.frame.attributes["geometry"]
    if not geometry.amplifiers:
        strips = {
            name: (numbers["median"], numbers["stdev"])
            for name, numbers in _regions(piece)
            if name != "active"
        }
        noise = chip.read_noise / chip.gain
        yield chip.name, piece.statistics["active"]["median"], noise, strips
        return
    pixels = fits.read_pixels(piece.path)
    for one in geometry.amplifiers:
        parts = {
            name: pixels[sections.parse(section)]
            for name in REGIONS.values()
            if (section := getattr(one, name)) is not None
        }
        light = float(np.median(parts.pop("active")))
        levels = {name: (float(np.median(at)), float(at.std())) for name, at in parts.items()}
        yield f"{chip.name}, amplifier {one.name},", light, one.read_noise / one.gain, levels


def picture(path: Path, target: Path) -> Path:
    """Draw the first frame of a file with its regions and return the picture's path.

    Parameters
    ----------
    path : Path
        A file of exposures.
    target : Path
        Where the picture goes, a PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    exposure = examine(path)
    with scratch_directory() as directory:
        piece = next(cut(exposure, directory))
        pixels = fits.read_pixels(piece.path)
    low, high = np.nanpercentile(pixels, [1, 99])
    ny, nx = pixels.shape
    # the chip in its own shape, but a strip of it stays wide enough to be seen
    height = 8 * min(max(ny / nx, 1 / 4), 4)
    scale = min(1.0, 12 / height)
    figure = Figure(figsize=(max(8 * scale, 4) + 0.8, height * scale + 0.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    box = (0.5, nx + 0.5, 0.5, ny + 0.5)
    axes.imshow(
        pixels, cmap="gray", vmin=low, vmax=max(high, low + 1), origin="lower", extent=box,
        aspect="equal" if 1 / 4 <= ny / nx <= 4 else "auto",
    )  # fmt: skip
    _outline(axes, piece.frame)
    title = f"{path.name}: {exposure.instrument} {piece.frame.attributes['chip']}"
    across = int(figure.get_figwidth() * LETTERS)
    axes.set_title("\n".join(textwrap.wrap(title, across)), parse_math=False)
    figure.savefig(target, dpi=110, bbox_inches="tight", pad_inches=0.1)
    return target


def _outline(axes: Any, frame: ChipFrame) -> None:
    from matplotlib.patches import Rectangle

    colours = iter(("lime", "cyan", "orange", "magenta", "yellow"))
    for name in REGIONS.values():
        section = getattr(frame.attributes["geometry"], name)
        colour = next(colours)
        if section is None:
            continue
        rows, columns = sections.parse(section)
        corner = (columns.start + 0.5, rows.start + 0.5)
        axes.add_patch(
            Rectangle(
                corner, columns.stop - columns.start, rows.stop - rows.start, fill=False,
                edgecolor=colour, linewidth=2, label=f"{name} {section}",
            )
        )  # fmt: skip
    axes.legend(loc="upper right", fontsize="small")
